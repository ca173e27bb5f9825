// Every index on this machine: of which folder it is, what it takes, when it was last used; and removing one for good.
import { existsSync, readdirSync, readFileSync, rmSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import { claim } from "../base/claim.ts";
import { StrataError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { lockIndex } from "../store/store.ts";
import { endUnusedEngine } from "./connect.ts";
import { cacheFolder, indexFolder, rootFile, trainingClaimFile } from "./paths.ts";

export interface ListedIndex {
  /** Where it lies. */
  readonly folder: string;
  /** The folder it was made of; undefined where that cannot be read, or was not written down yet. */
  readonly root: string | undefined;
  /** That folder is not there now. It may be on a disk that is away. */
  readonly isGone: boolean;
  readonly bytes: number;
  /** When any of its files was last written, in milliseconds since 1970. */
  readonly usedMs: number;
}

/** Folders in `cache` that are named as indexes are. */
function indexFolders(cache: string): string[] {
  const entries = existsSync(cache) ? readdirSync(cache, { withFileTypes: true }) : [];
  return entries.flatMap((entry) => (entry.isDirectory() && /-[0-9a-f]{16}$/.test(entry.name) ? [path.join(cache, entry.name)] : []));
}

/** Those in the cache folder, the one that was used last first. */
export function listIndexes(): readonly ListedIndex[] {
  return indexFolders(cacheFolder()).map(listed).sort((a, b) => b.usedMs - a.usedMs || a.folder.localeCompare(b.folder));
}

/** The databases of all indexes beside that of `folder`, the one that was written last first. */
export function otherDatabases(folder: string): readonly string[] {
  return indexFolders(path.dirname(folder))
    .filter((other) => other !== folder)
    .flatMap((other) => {
      const file = path.join(other, "index.db");
      const stat = statOf(file);
      return stat ? [{ file, mtimeMs: stat.mtimeMs }] : [];
    })
    .sort((a, b) => b.mtimeMs - a.mtimeMs)
    .map(({ file }) => file);
}

function listed(folder: string): ListedIndex {
  let bytes = 0;
  let usedMs = 0;
  for (const file of filesIn(folder)) {
    const stat = statOf(file);
    bytes += stat?.size ?? 0;
    usedMs = Math.max(usedMs, stat?.mtimeMs ?? 0);
  }
  const root = rootOf(folder);
  return { folder, root, isGone: root !== undefined && !existsSync(root), bytes, usedMs };
}

/** What the folder says it belongs to, if that is true: its name is made of the root. */
function rootOf(folder: string): string | undefined {
  try {
    const root = readFileSync(rootFile(folder), "utf8");
    return indexFolder(root) === folder ? root : undefined;
  } catch {
    return undefined; // not written down yet, or not ours to read
  }
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [path.join(entry.parentPath, entry.name)] : []));
  } catch {
    return []; // somebody else's
  }
}

function statOf(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined; // somebody else's, or a link that goes round
  }
}

/**
 * Deletes an index with all that lies beside it, an unfinished training run too. An engine that nobody uses any more ends for it.
 * Throws "index.busy" while somebody uses it, "engine.unreachable" where its engine does not answer, "index.unwritable".
 * @param patienceMs as of connectEngine
 */
export async function forgetIndex(index: ListedIndex, patienceMs?: number): Promise<void> {
  const { folder } = index;
  try {
    const training = claim(trainingClaimFile(folder), (pid) => inUse(index, `a training run (process ${pid})`));
    try {
      const lock = await lockFor(index, patienceMs);
      // All but the lock itself, which Windows would not let go while it is held.
      try {
        for (const name of readdirSync(folder)) if (!name.startsWith("index.lock")) rmSync(path.join(folder, name), { recursive: true, force: true });
      } finally {
        lock.release();
      }
      rmSync(folder, { recursive: true, force: true });
    } finally {
      training.release();
    }
  } catch (error) {
    throw StrataError.is(error) ? error : new StrataError("index.unwritable", `${folder} cannot be deleted. Mend its permissions, or delete it by hand.`, error);
  }
}

const inUse = ({ root, folder }: ListedIndex, by: string, cause?: unknown): StrataError =>
  new StrataError("index.busy", `The index of ${root ?? folder} is in use by ${by}. Try again when that has ended: once the last editor, terminal or agent has left an engine, this command ends it.`, cause);

async function lockFor(index: ListedIndex, patienceMs: number | undefined): Promise<{ release(): void }> {
  try {
    return lockIndex(index.folder);
  } catch (error) {
    if (!StrataError.is(error, "index.busy")) throw error;
    const { root } = index;
    const hasEnded = root !== undefined && (await endUnusedEngine({ root, client: "cli", log: silentLog, ...(patienceMs !== undefined && { patienceMs }) }).catch(refuseFrozen));
    if (!hasEnded) throw inUse(index, "its engine", error);
    return lockIndex(index.folder);
  }
}

/** What does not answer never ends by itself; any other refusal, as of an engine of another version, means that it stays. */
function refuseFrozen(error: unknown): false {
  if (StrataError.is(error, "engine.unreachable")) throw error;
  return false;
}
