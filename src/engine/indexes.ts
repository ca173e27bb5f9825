// Every index on this machine: of which folder it is, what it takes, when it was last used; and removing one for good.
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { StrataError } from "../base/errors.ts";
import { isOtherAlive } from "../base/process.ts";
import { cacheFolder, type EngineRecord, engineRecordFile, rootFile } from "./paths.ts";

export interface ListedIndex {
  /** Where it lies. */
  readonly folder: string;
  /** The folder it was made of; undefined for one that no engine of this version has opened yet. */
  readonly root: string | undefined;
  /** That folder is not there now. It may be on a disk that is away. */
  readonly isGone: boolean;
  readonly bytes: number;
  /** When any of its files was last written, in milliseconds since 1970. */
  readonly usedMs: number;
}

const isIndexName = (name: string): boolean => /-[0-9a-f]{16}$/.test(name);

/** Those in the cache folder, the one that was used last first. */
export function listIndexes(): readonly ListedIndex[] {
  const cache = cacheFolder();
  const names = existsSync(cache) ? readdirSync(cache, { withFileTypes: true }).filter((entry) => entry.isDirectory() && isIndexName(entry.name)) : [];
  return names.map(({ name }) => listed(path.join(cache, name))).sort((a, b) => b.usedMs - a.usedMs || a.folder.localeCompare(b.folder));
}

/** The databases of all indexes beside that of `folder`, the one that was written last first. */
export function otherDatabases(folder: string): readonly string[] {
  const parent = path.dirname(folder);
  return readdirSync(parent)
    .filter((name) => isIndexName(name) && name !== path.basename(folder))
    .map((name) => path.join(parent, name, "index.db"))
    .flatMap((file) => {
      const stat = statSync(file, { throwIfNoEntry: false });
      return stat ? [{ file, mtimeMs: stat.mtimeMs }] : [];
    })
    .sort((a, b) => b.mtimeMs - a.mtimeMs)
    .map(({ file }) => file);
}

function listed(folder: string): ListedIndex {
  let bytes = 0;
  let usedMs = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const stat = entry.isFile() ? statSync(path.join(entry.parentPath, entry.name), { throwIfNoEntry: false }) : undefined;
    bytes += stat?.size ?? 0;
    usedMs = Math.max(usedMs, stat?.mtimeMs ?? 0);
  }
  const root = existsSync(rootFile(folder)) ? readFileSync(rootFile(folder), "utf8") : undefined;
  return { folder, root, isGone: root !== undefined && !existsSync(root), bytes, usedMs };
}

/** Deletes an index with all that lies beside it, an unfinished training run too. Throws "index.busy" while its engine runs, "index.unwritable". */
export function forgetIndex({ folder, root }: ListedIndex): void {
  const record = engineRecordFile(folder);
  const pid = existsSync(record) ? (JSON.parse(readFileSync(record, "utf8")) as EngineRecord).pid : 0;
  if (isOtherAlive(pid))
    throw new StrataError("index.busy", `The engine of ${root ?? folder} runs (process ${pid}). It ends five minutes after the last editor, terminal or agent has left it; then try again.`);
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    throw new StrataError("index.unwritable", `${folder} cannot be deleted. Mend its permissions, or delete it by hand.`, error);
  }
}
