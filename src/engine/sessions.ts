// Sessions with the engines of several folders, for the terminal and the agents' server: each opened when it is first asked, questions put when the
// indexes are as far as wanted, and what was known of each index then.
import { existsSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { StrataError } from "../base/errors.ts";
import { withoutScheme } from "../base/placeName.ts";
import { realPathSync } from "../base/realPath.ts";
import { type Folder, indexScope, placesNamed } from "./folderPaths.ts";
import type { FolderSet } from "./folders.ts";
import type * as protocol from "./protocol.ts";
import { answerFromAll, becomeSearchable, bringTo, type EngineSession, isComplete, pathInside } from "./session.ts";

/** What an engine takes: 180 MB with a small index (`node test/bench/folders.ts`), 540 MB with one of 45,000 pieces of code (`npm run bench`). */
const engineBytes = 300e6;

/** How many engines one question may need: together they may take half of the memory. */
export const mostFolders = (memory: number = process.constrainedMemory() || os.totalmem()): number => Math.max(2, Math.floor(Math.min(memory, os.totalmem()) / 2 / engineBytes));

/** One session for each root. Where an engine ends before it answers (an update, a restart by another client, a crash), the question goes once more, to a new one. */
export class EngineSessions {
  readonly #open: (root: string) => Promise<EngineSession>;
  readonly #sessions = new Map<string, Promise<EngineSession>>();

  constructor(open: (root: string) => Promise<EngineSession>) {
    this.#open = open;
  }

  #opened(root: string): Promise<EngineSession> {
    const known = this.#sessions.get(root);
    if (known !== undefined) return known;
    const opening = this.#open(root);
    this.#sessions.set(root, opening);
    const forget = (): void => this.#forget(root, opening);
    opening.then((session) => session.onClose(forget), forget);
    return opening;
  }

  #forget(root: string, opened: Promise<EngineSession>): void {
    if (this.#sessions.get(root) === opened) this.#sessions.delete(root);
  }

  async use<T>(root: string, work: (session: EngineSession) => Promise<T>): Promise<T> {
    const opened = this.#opened(root);
    const session = await opened;
    try {
      return await work(session);
    } catch (error) {
      if (!StrataError.is(error, "engine.unreachable")) throw error;
      this.#forget(root, opened);
      return work(await this.#opened(root));
    }
  }

  async close(): Promise<void> {
    const all = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.all(all.map(async (opening) => (await opening.catch(() => undefined))?.dispose())); // each at once: another may take minutes to open
  }
}

/** How far an index was when it answered. */
export interface IndexPart {
  readonly name: string;
  readonly coverage: protocol.Coverage;
  readonly state: protocol.IndexState;
}

interface Readiness {
  /** Everything is read to `depth` first; else an index gets `graceMs` to become searchable. */
  readonly wait: boolean;
  readonly depth: protocol.Depth;
  readonly graceMs: number;
}

export interface ReadySet<F extends Folder> extends FolderSet<F> {
  /** Of the folders that have answered, in their order. */
  parts(): readonly IndexPart[];
}

/** Folders that are asked when their indexes are as far as wanted. @param use runs work with a folder's session @param areCopies see FolderSet */
export function readySet<F extends Folder>(folders: readonly F[], use: <T>(folder: F, work: (session: EngineSession) => Promise<T>) => Promise<T>, { wait, depth, graceMs }: Readiness, signal: AbortSignal, areCopies = false): ReadySet<F> {
  const known = new Map<F, IndexPart>();
  return {
    folders,
    areCopies,
    parts: () => folders.flatMap((folder) => known.get(folder) ?? []),
    send: (folder, type, params, onProgress = () => {}) =>
      use(folder, async (session) => {
        if (wait) await bringTo(session, depth, onProgress, signal);
        else await becomeSearchable(session, graceMs, onProgress, signal);
        const { result, state } = await answerFromAll(session, () => session.request(type, params as never, signal, onProgress), signal);
        known.set(folder, { name: folder.name, coverage: result.coverage, state });
        return result;
      }),
  };
}

/** Whether an answer at this depth had everything of every folder to choose from. */
export const allComplete = (parts: readonly IndexPart[], depth: protocol.Depth): boolean => parts.every(({ coverage, state }) => isComplete(coverage, state, depth));

/**
 * The file or folder that a path means, in one of several: the one named in front if there is such, else the only one there is (see placesNamed, pathInside).
 * Of a single folder, which may be a part of an index, the path begins in that index.
 * @throws StrataError "input.invalid"
 */
export function placeInside<F extends Folder>(folders: readonly F[], given: string): { readonly folder: F; readonly path: string } {
  const [only] = folders;
  const written = withoutScheme(given);
  if (only && folders.length === 1) {
    const { root } = indexScope(only);
    const base = [only.root, root].find((folder) => existsSync(path.resolve(folder, written)));
    return { folder: only, path: pathInside(root, given, base) };
  }
  const places = placesNamed(folders, path.isAbsolute(written) && existsSync(written) ? realPathSync(written) : written);
  const there = places.flatMap(({ folder, path: inside }, i) => {
    try {
      return [{ folder, path: pathInside(folder.root, inside), isNamed: i === 0 && places.length > folders.length }];
    } catch {
      return []; // not in this one
    }
  });
  const [first, ...others] = there;
  if (!first) throw new StrataError("input.invalid", `There is no file ${given} inside ${folders.map(({ root }) => root).join(", ")}.`);
  if (others.length > 0 && !first.isNamed)
    throw new StrataError("input.invalid", `There is a ${given} in ${there.map(({ folder }) => folder.name).join(" and ")}. Put the folder's name in front, for example ${first.folder.name}/${first.path}.`);
  return { folder: first.folder, path: first.path };
}

/** The same where one of several folders may be meant whole, by its name or in full: its path is "". */
export function folderOrPlace<F extends Folder>(folders: readonly F[], given: string): { readonly folder: F; readonly path: string } {
  const clean = given.replace(/[\\/]+$/, "");
  const whole = folders.length > 1 ? folders.find(({ name, root }) => clean === name || clean === root) : undefined;
  return whole ? { folder: whole, path: "" } : placeInside(folders, given);
}
