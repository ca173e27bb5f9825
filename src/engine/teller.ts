// What the engine is doing and what its user should know, told to every shell that shows it: at most every so often.
import type { IndexState } from "./protocol.ts";
import { STATUS_EVERY_MS } from "./pace.ts";

export class Teller {
  #state: IndexState = { kind: "absent" };
  readonly #warnings = new Set<string>();
  readonly #tell: () => void;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  /** @param tell sends the whole status to everybody */
  constructor(tell: () => void) {
    this.#tell = tell;
  }

  get state(): IndexState {
    return this.#state;
  }
  set state(state: IndexState) {
    this.#state = state;
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
    for (const sentence of this.#warnings) if (sentence.startsWith(start)) this.#warnings.delete(sentence);
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
