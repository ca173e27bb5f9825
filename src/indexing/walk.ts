// Which files get indexed: finds them breadth first, so that the first arrive at once, and answers the same question for a
// single path. Reads directories and ignore files only, never a file's content.
import { lstat, readdir, readlink, stat } from "node:fs/promises";
import type { Dirent } from "node:fs";
import path from "node:path";
import { yieldToEventLoop } from "../base/abort.ts";
import { StrataError } from "../base/errors.ts";
import { defaultMaxFileBytes, maxBytesOf } from "../base/fileSize.ts";
import { realPath } from "../base/realPath.ts";
import { folderOf, ignoresCase, leadsOut, relativeTo } from "../base/relativePath.ts";
import { unindexedKind } from "./fileKinds.ts";
import { IgnoreRules, type DirectoryRules } from "./ignoreRules.ts";
import { isSecret } from "./secrets.ts";

export interface WalkOptions {
  /** Globs on relative paths, beside the ignore files (the editor's excludes). */
  readonly exclude?: readonly string[];
  readonly maxFileBytes?: number;
  readonly signal?: AbortSignal;
}

export interface WalkedFile {
  /** Relative to the root, "/" as separator. */
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

interface FoundFile extends WalkedFile {
  /** When content, name or rights last changed. Programs that keep `mtimeMs` (rsync, tar, mv) cannot keep this. */
  readonly ctimeMs: number;
}

/** Why a path that nobody excluded is left out. Links are not followed: what they point to inside the root is indexed in its own place. */
export type SkipReason = "secret" | "binary" | "generated" | "data" | "settings" | "licence" | "too large" | "unreadable" | "link" | "link to outside" | "special file" | "not every rule read";
export type OnSkip = (path: string, reason: SkipReason) => void;

/** What one path is to the index. */
export type PathVerdict =
  | ({ readonly kind: "file" } & WalkedFile)
  | { readonly kind: "skip"; readonly reason: SkipReason | "excluded" | "outside" }
  | { readonly kind: "directory" }
  | { readonly kind: "missing" };

/** Directories read at once; four threads do the work, the rest hides their latency. */
const concurrentDirectories = 16;
/** Thousands of entries may meet thousands of patterns; queries and the other directories have their turn meanwhile. */
const WORK_MS = 20;
/** Bounds the promises alive for one enormous directory. */
const concurrentStats = 512;

function nameVerdict(file: string): SkipReason | undefined {
  return isSecret(file) ? "secret" : unindexedKind(file);
}

function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

async function openRoot(root: string): Promise<string> {
  try {
    const absolute = path.resolve(root);
    if ((await stat(absolute)).isDirectory()) return absolute;
  } catch (error) {
    throw new StrataError("workspace.missing", `The folder ${root} cannot be opened (${errorCode(error)}). Name a folder that exists and that you may read.`, error);
  }
  throw new StrataError("workspace.missing", `${root} is a file. Name the folder that holds it.`);
}

interface Listing {
  readonly files: readonly FoundFile[];
  readonly directories: readonly Pending[];
}
interface Pending {
  readonly path: string;
  /** Rules of the directory above; undefined for the root. */
  readonly rules: DirectoryRules | undefined;
}

/** Where case is ignored a folder in other letters is no link. */
const isSameFolder = (one: string, other: string): boolean => one === other || (ignoresCase() && one.toLowerCase() === other.toLowerCase());

/** As the link says it: to look where it leads could wake another disk or machine, and of Windows tell that machine who asks. */
async function linkReason(absolute: string, root: string, realRoot: string): Promise<SkipReason> {
  const target = await readlink(absolute).then((link) => path.resolve(path.dirname(absolute), link), () => absolute);
  return [root, realRoot].every((one) => leadsOut(path.relative(one, target))) ? "link to outside" : "link";
}

/**
 * Every file to index below `root`, nearest first.
 * @throws StrataError "workspace.missing"; the signal's reason when aborted.
 */
export async function* walk(root: string, options: WalkOptions = {}, onSkip: OnSkip = () => {}): AsyncGenerator<FoundFile, void, void> {
  const { signal, maxFileBytes = defaultMaxFileBytes } = options;
  const absoluteRoot = await openRoot(root);
  const realRoot = await realPath(absoluteRoot);
  const ignoreRules = new IgnoreRules(absoluteRoot, options.exclude);

  async function measure(file: string): Promise<FoundFile | undefined> {
    try {
      const { size, mtimeMs, ctimeMs } = await lstat(path.join(absoluteRoot, file));
      if (size <= maxBytesOf(file, maxFileBytes)) return { path: file, size, mtimeMs, ctimeMs };
      onSkip(file, "too large");
    } catch (error) {
      // A name that is not UTF-8 cannot be opened by the name Node gives it; a file that just vanished is no news.
      if (errorCode(error) !== "ENOENT" || file.includes("\uFFFD")) onSkip(file, "unreadable");
    }
    return undefined;
  }

  async function list(directory: Pending): Promise<Listing> {
    signal?.throwIfAborted();
    let entries: Dirent[];
    try {
      entries = await readdir(path.join(absoluteRoot, directory.path), { withFileTypes: true });
    } catch (error) {
      if (errorCode(error) !== "ENOENT") onSkip(directory.path, "unreadable");
      return { files: [], directories: [] };
    }
    const rules = ignoreRules.enter(directory.rules, directory.path, new Set(entries.map((entry) => entry.name)));
    const cut = rules === directory.rules ? [] : (rules.cut ?? []);
    const names: string[] = [];
    const directories: Pending[] = [];
    let restedMs = performance.now();
    for (const listed of entries) {
      if (performance.now() - restedMs > WORK_MS) {
        await yieldToEventLoop();
        signal?.throwIfAborted();
        restedMs = performance.now();
      }
      const relative = directory.path === "" ? listed.name : `${directory.path}/${listed.name}`;
      // Windows lists files and folders of clouds and of deduplicated volumes as links.
      const entry = listed.isSymbolicLink() ? await lstat(path.join(absoluteRoot, relative)).catch(() => listed) : listed;
      if (ignoreRules.ignores(rules, relative, entry.isDirectory())) continue;
      if (entry.isDirectory()) directories.push({ path: relative, rules });
      else if (entry.isFile()) {
        // Files that the rest of its rules name are indexed: who wonders why finds it where the files are listed that are not.
        const reason = cut.includes(listed.name) ? "not every rule read" : nameVerdict(relative);
        if (reason === undefined) names.push(relative);
        else onSkip(relative, reason);
      } else onSkip(relative, entry.isSymbolicLink() ? await linkReason(path.join(absoluteRoot, relative), absoluteRoot, realRoot) : "special file");
    }
    const files: FoundFile[] = [];
    for (let from = 0; from < names.length; from += concurrentStats) {
      signal?.throwIfAborted();
      for (const file of await Promise.all(names.slice(from, from + concurrentStats).map(measure))) if (file !== undefined) files.push(file);
    }
    return { files, directories };
  }

  let level: Pending[] = [{ path: "", rules: undefined }];
  while (level.length > 0) {
    const next: Pending[] = [];
    for (let from = 0; from < level.length; from += concurrentDirectories) {
      for (const listing of await Promise.all(level.slice(from, from + concurrentDirectories).map(list))) {
        signal?.throwIfAborted();
        yield* listing.files;
        next.push(...listing.directories);
      }
    }
    level = next;
  }
}

/**
 * The walk's answer for single paths, for watchers and save events. Keeps the ignore files it has read: make a new one when one of
 * them changes.
 */
export class PathFilter {
  readonly #root: string;
  readonly #maxFileBytes: number;
  readonly #rules: IgnoreRules;
  #realRoot: string | undefined;

  constructor(root: string, options: WalkOptions = {}) {
    this.#root = path.resolve(root);
    this.#maxFileBytes = options.maxFileBytes ?? defaultMaxFileBytes;
    this.#rules = new IgnoreRules(this.#root, options.exclude);
  }

  /** Files outside the walk whose lines count: see IgnoreRules. Grows with what has been asked about. */
  get gitLists(): ReadonlySet<string> {
    return this.#rules.gitLists;
  }

  /** Whether the names alone rule the path out; synchronous, reads ignore files only. `relative` is inside the root. */
  excludes(relative: string, isDirectory: boolean): boolean {
    const rules = this.#rules.rulesOf(folderOf(relative));
    return rules === undefined || this.#rules.ignores(rules, relative, isDirectory);
  }

  /** Why nothing in a directory is read though no rule names it. */
  emptied(directory: string): DirectoryRules["emptied"] {
    return this.#rules.rulesOf(directory)?.emptied;
  }

  /** @param relative "/"-separated and relative to the root; a path that leaves the root is answered, not followed. A file's verdict has its name on disk. */
  async check(relative: string): Promise<PathVerdict> {
    const parts = relative.split("/");
    if (path.isAbsolute(relative) || parts.some((part) => part === "" || part === "." || part === "..")) return { kind: "skip", reason: "outside" };
    const absolute = path.join(this.#root, relative);
    try {
      const info = await lstat(absolute);
      const isDirectory = info.isDirectory();
      if (this.excludes(relative, isDirectory)) return { kind: "skip", reason: "excluded" };
      // The walk does not go through links, so neither does a path that has one on its way.
      this.#realRoot ??= await realPath(this.#root);
      if (!isSameFolder(await realPath(path.dirname(absolute)), path.join(this.#realRoot, ...parts.slice(0, -1)))) return { kind: "skip", reason: "excluded" };
      if (info.isSymbolicLink()) return { kind: "skip", reason: await linkReason(absolute, this.#root, this.#realRoot) };
      if (isDirectory) return { kind: "directory" };
      if (!info.isFile()) return { kind: "skip", reason: "special file" };
      const reason = nameVerdict(relative) ?? (info.size > maxBytesOf(relative, this.#maxFileBytes) ? "too large" : undefined);
      if (reason !== undefined) return { kind: "skip", reason };
      // A disk that ignores case finds a file by other names too, the one before a change of case among them.
      const onDisk = relativeTo(this.#realRoot, await realPath(absolute));
      return { kind: "file", path: onDisk, size: info.size, mtimeMs: info.mtimeMs };
    } catch (error) {
      const code = errorCode(error);
      if (code === "ENOENT" || code === "ENOTDIR") return { kind: "missing" };
      return { kind: "skip", reason: "unreadable" };
    }
  }
}
