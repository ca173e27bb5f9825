// What the engine is doing and what its user should know, told to every shell that shows it: at most every so often.
import { residentBytes } from "../base/process.ts";
import type { ModelFiles } from "../encoding/modelFiles.ts";
import type { Indexer } from "../indexing/indexer.ts";
import type { Store } from "../store/store.ts";
import { chosenModel } from "./modelChoice.ts";
import type { EngineOptions } from "./options.ts";
import type { IndexState, Status } from "./protocol.ts";
import { FEW_CHANGES, STATUS_EVERY_MS } from "./pace.ts";

/** How the warning begins that the encoder does not run; it is taken back when it does. */
export const BY_WORDS = "Searching by words only:";

export class Teller {
  #state: IndexState = { kind: "absent" };
  /** Changed files that are being read: more than a few, and no answer is complete, whatever the background is at. */
  #unread = 0;
  readonly #warnings = new Set<string>();
  readonly #tell: () => void;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  /** @param tell sends the whole status to everybody */
  constructor(tell: () => void) {
    this.#tell = tell;
  }

  get state(): IndexState {
    const isBehind = this.#unread > FEW_CHANGES && (this.#state.kind === "ready" || this.#state.kind === "deepening");
    return isBehind ? { kind: "scanning", progress: { phase: "instant", done: 0, total: this.#unread, unit: "files" } } : this.#state;
  }
  set state(state: IndexState) {
    this.#state = state;
    this.soon();
  }

  get unread(): number {
    return this.#unread;
  }
  set unread(files: number) {
    this.#unread = files;
    this.soon();
  }

  get warnings(): ReadonlySet<string> {
    return this.#warnings;
  }
  readonly warn = (sentence: string): void => {
    this.#warnings.add(sentence);
    this.soon();
  };
  /** Takes back what begins so. */
  withdraw(start: string): void {
    for (const sentence of this.#warnings) if (sentence.startsWith(start) && this.#warnings.delete(sentence)) this.soon();
  }

  /** Something of the status has changed. */
  soon(): void {
    if (this.#ended) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#tell();
    }, STATUS_EVERY_MS);
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }
}

/** All of it, as it is now. */
export function statusOf({ root, folder: indexFolder, modelFolder }: EngineOptions, { model: { id, version, folder }, note }: ModelFiles, store: Store, indexer: Indexer, teller: Teller): Status {
  const isPassing = folder === modelFolder && chosenModel(indexFolder) === undefined;
  return {
    state: teller.state,
    root,
    indexFolder,
    coverage: store.coverage(),
    changes: store.changes(),
    model: { id, version, folder, ...(isPassing && { isPassing }), ...(note !== undefined && { note }) },
    warnings: [...store.warnings, ...teller.warnings],
    ...indexer.counts(),
    memoryBytes: residentBytes(),
    indexBytes: store.sizeBytes(),
  };
}
