// What the commands share in front of engine sessions: folders and models as they are typed, progress on the terminal.
import { existsSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { packageRoot } from "../base/assets.ts";
import { StrataError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { OnProgress } from "../base/progress.ts";
import { relativeTo } from "../base/relativePath.ts";
import { type Folder, type Scope, withDistinctNames } from "../engine/folderPaths.ts";
import { listIndexes } from "../engine/indexes.ts";
import { cacheFolder, canonicalRoot, indexFolder } from "../engine/paths.ts";
import { type EngineSession, openSession } from "../engine/session.ts";
import { EngineSessions, mostFolders } from "../engine/sessions.ts";
import { PathFilter } from "../indexing/walk.ts";
import { progressDisplay, sayingSo } from "./progress.ts";
import { type Context, printable, type Terminal } from "./terminal.ts";

const openEngine = (context: Context, root: string): Promise<EngineSession> => openSession({ root, client: "cli", modelFolder: context.modelFolder, log: terminalLog(context), start: true, signal: context.signal });

/** Says of the first that takes long that it does; the others open at the same time. */
function openingNote({ terminal, json }: Context): <T>(opening: Promise<T>) => Promise<T> {
  let isSaid = json;
  const isQuiet = (): boolean => isSaid || !(isSaid = true);
  return (opening) => sayingSo(terminal, isQuiet, "Opening the index (a large one can take minutes after a crash or an update)", opening);
}

/** Runs `work` with the engine of a folder and lets go of it afterwards, whatever happens. Once more where the engine ends before its answer: see EngineSessions. */
export async function withEngine<T>(context: Context, folder: string, work: (session: EngineSession) => Promise<T>): Promise<T> {
  return withEngines(context, (use) => use({ scope: { root: existingFolder(folder), under: "" } }, work));
}

/** Runs work with the session of a folder. */
type UseEngine = <T>(folder: Pick<SearchedFolder, "scope" | "problem">, work: (session: EngineSession) => Promise<T>) => Promise<T>;

/** Runs `work` with the engines of folders as it asks for them, and lets go of them afterwards. */
export async function withEngines<T>(context: Context, work: (use: UseEngine) => Promise<T>): Promise<T> {
  const note = openingNote(context);
  const sessions = new EngineSessions((root) => note(openEngine(context, root)));
  try {
    return await work(async ({ scope, problem }, asked) => {
      if (problem) throw problem;
      return sessions.use(scope.root, asked);
    });
  } finally {
    await sessions.close();
  }
}

/** Runs `work` with its progress on the terminal. */
export async function showingProgress<T>(context: Context, work: (onProgress: OnProgress) => Promise<T>): Promise<T> {
  const display = progressDisplay(context.terminal, context.json);
  try {
    return await work((progress) => display.show(progress));
  } finally {
    display.end();
  }
}

export function existingFolder(folder: string): string {
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) throw new StrataError("workspace.missing", `There is no folder ${folder}. Check the path, or name another folder with --in.`);
  if (!stat.isDirectory()) throw new StrataError("workspace.missing", `${folder} is a file. Name the folder to search with --in.`);
  return path.resolve(folder);
}

export const hasIndex = (root: string): boolean => existsSync(path.join(indexFolder(root), "index.db"));

/**
 * What a command is about: of the folder that was named, or of the current one, the nearest upwards that has an index, so that a subfolder of a
 * project does not get an index of its own; else the folder itself. Passed over are indexes that leave the folder out (a worktree in an ignored
 * folder), and those of a home folder or a whole disk: they are for who stands there, a project below has better ones.
 * @param upcoming folders that are about to have one
 */
export function scopeOf(given: string | undefined, cwd: string = process.cwd(), upcoming: readonly string[] = []): Scope {
  const here = canonicalRoot(given === undefined ? cwd : existingFolder(given));
  for (let folder = here; ; folder = path.dirname(folder)) {
    const under = relativeTo(folder, here);
    if ((hasIndex(folder) || (under !== "" && upcoming.includes(folder))) && (under === "" || !(isTooWide(folder) || new PathFilter(folder).excludes(under, true)))) return { root: folder, under };
    if (folder === path.dirname(folder)) return { root: here, under: "" };
  }
}

/** The indexed project that a file lies in, where the current folder is in none: all that lies beside the project would be read first. */
export function projectOf(file: string, cwd: string = process.cwd()): string | undefined {
  const folder = path.dirname(path.resolve(cwd, file));
  if (hasIndex(scopeOf(undefined, cwd).root) || !existsSync(folder)) return undefined;
  const { root } = scopeOf(folder);
  return hasIndex(root) ? root : undefined;
}

/** A home folder or a whole disk: read only by who asks for it. Agents that are no editors start servers there, on Windows in the system's folder. */
function isTooWide(folder: string): boolean {
  const system = process.platform === "win32" ? path.join(process.env["SystemRoot"] ?? "C:\\Windows", "System32").toLowerCase() : undefined;
  return folder === homeFolder() || folder === path.parse(folder).root || folder.toLowerCase() === system;
}

/** Why the current folder is not read just because somebody stands there: nobody has named it, it is no project, and it has no index. */
export function tooWideHere(cwd: string = process.cwd()): StrataError | undefined {
  const here = canonicalRoot(cwd);
  if (!isTooWide(here) || hasIndex(here)) return undefined;
  return new StrataError("workspace.missing", `${here} is no project, and all that lies in it would be read. Go into a project or name the folder: --in DIR in a terminal, "args": ["mcp", "DIR"] in the settings of an agent.`);
}

/** @throws StrataError "workspace.missing", see tooWideHere */
export function refuseTooWide(): void {
  const problem = tooWideHere();
  if (problem) throw problem;
}

/** One of the folders that a question goes to; paths of its hits begin in `root`. */
export interface SearchedFolder extends Folder {
  readonly scope: Scope;
  /** Why it cannot be searched, of several: the others can. */
  readonly problem?: StrataError;
}

export interface SearchedFolders {
  /** All that there are, which nobody has chosen: checkouts of one project may be among them. */
  readonly isAll: boolean;
  readonly folders: readonly SearchedFolder[];
  /** Folders of indexes that are not there any more. */
  readonly gone: readonly string[];
  /** Indexed folders that are not asked because there are too many. */
  readonly tooMany: readonly string[];
}

/** `--in all` */
const ALL = "all";

const searched = (scopes: readonly Omit<SearchedFolder, "root" | "name">[]): readonly SearchedFolder[] =>
  withDistinctNames(
    scopes.map((each) => {
      const root = path.join(each.scope.root, each.scope.under);
      return { ...each, root, name: path.basename(root) || root };
    }),
  );

/** The folders of these by the indexes that they belong to, each once and whole. */
export const wholeIndexes = (folders: readonly SearchedFolder[]): readonly SearchedFolder[] =>
  searched([...Map.groupBy(folders, ({ scope }) => scope.root).values()].map(([first]) => ({ ...first!, scope: { root: first!.scope.root, under: "" } })));

/**
 * What a question is about: the folders that were named, of two in one index the outer one alone; the current one where none was named; or with "all" every
 * folder that has an index on this machine, as many as engines may run, those that were used last. Nothing gets an index by that.
 */
export function foldersNamed(given: readonly string[], most: number = mostFolders()): SearchedFolders {
  if (given.includes(ALL)) {
    if (given.length > 1) throw new StrataError("input.invalid", 'With --in all every folder that has an index is searched. Leave out the other --in, or write --in ./all for a folder called "all".');
    return everyIndexed(most);
  }
  if (given.length === 0) refuseTooWide();
  const each = (given.length === 0 ? [undefined] : given).map((folder): Omit<SearchedFolder, "root" | "name"> => {
    try {
      return { scope: scopeOf(folder) };
    } catch (error) {
      if (given.length < 2 || !StrataError.is(error)) throw error;
      return { scope: { root: path.resolve(folder!), under: "" }, problem: error };
    }
  });
  // Outer ones first, so that what lies in them is known for a part of theirs.
  const upcoming: string[] = [];
  const fresh = new Map<string, Scope>();
  for (const root of each.flatMap(({ scope, problem }) => (problem || hasIndex(scope.root) ? [] : [scope.root])).sort((a, b) => a.length - b.length)) {
    const scope = scopeOf(root, undefined, upcoming);
    fresh.set(root, scope);
    if (scope.under === "") upcoming.push(root);
  }
  const scopes = each.map((one) => ({ ...one, scope: fresh.get(one.scope.root) ?? one.scope }));
  const isIn = (inner: Scope, outer: Scope): boolean => inner.root === outer.root && (outer.under === "" || `${inner.under}/`.startsWith(`${outer.under}/`));
  const outermost = scopes.filter(({ scope }, i) => !scopes.some((other, at) => at !== i && isIn(scope, other.scope) && !(at > i && isIn(other.scope, scope))));
  const folders = searched(outermost);
  assertFew(wholeIndexes(folders).length, most);
  if (folders.length > 1 && folders.every(({ problem }) => problem)) throw folders[0]!.problem!;
  return { isAll: false, folders, gone: [], tooMany: [] };
}

function everyIndexed(most: number): SearchedFolders {
  const indexes = listIndexes().flatMap(({ root, isGone }) => (root === undefined ? [] : [{ root, isGone }]));
  // Of checkouts of one project that in which the user stands is shown.
  const here = scopeOf(undefined).root;
  const there = indexes.flatMap(({ root, isGone }) => (!isGone && hasIndex(root) ? [root] : [])).sort((a, b) => Number(b === here) - Number(a === here));
  if (there.length === 0) throw new StrataError("workspace.missing", "There is no indexed folder on this machine yet. Run: strata index DIR");
  return { isAll: true, folders: searched(there.slice(0, most).map((root) => ({ scope: { root, under: "" } }))), gone: indexes.filter(({ isGone }) => isGone).map(({ root }) => root), tooMany: there.slice(most) };
}

function assertFew(folders: number, most: number): void {
  if (folders > most) throw new StrataError("input.invalid", `These are ${folders} folders, each with an engine of its own, and this machine has the memory for ${most}. Name fewer.`);
}

/** The workspace folders that agents are served with, by default the current one. A single one may be a part of an index (see scopeOf); of several some may not be there yet. */
export function foldersServed(given: readonly string[], most: number = mostFolders()): readonly Folder[] {
  const [first = ".", ...others] = given;
  if (others.length === 0) {
    const [root, scope] = [existingFolder(first), scopeOf(first)];
    return [{ root, name: path.basename(root), ...(scope.under !== "" && { scope }) }];
  }
  const isThere = (folder: string): boolean => statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  if (!given.some(isThere)) existingFolder(first);
  const roots = [...new Set(given.map((folder) => (isThere(folder) ? canonicalRoot(folder) : path.resolve(folder))))];
  assertFew(roots.length, most);
  return withDistinctNames(roots.map((root) => ({ root, name: path.basename(root) || root })));
}

/** Undefined where there is none, as for a service's user. */
function homeFolder(): string | undefined {
  try {
    return canonicalRoot(os.homedir());
  } catch {
    return undefined;
  }
}

/** A model is named by its folder, or by the name of one in the package's models folder or among those trained on this machine. */
export function resolveModel(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  const installed = [path.join(packageRoot, "models", given), path.join(cacheFolder(), "models", given)];
  // A bare name is first one of the list: a workspace may hold a folder of that name.
  for (const folder of path.basename(given) === given ? [...installed, path.resolve(given)] : [path.resolve(given), ...installed]) if (statSync(path.join(folder, "manifest.json"), { throwIfNoEntry: false })) return folder;
  throw new StrataError("model.missing", `There is no model "${given}". Give a folder that holds a manifest.json, or a name that "strata models" lists.`);
}

function terminalLog({ json, terminal }: { readonly json: boolean; readonly terminal: Terminal }): Log {
  return (level, message) => {
    if (!json && level === "error") terminal.err(`strata: ${printable(message)}\n`);
  };
}
