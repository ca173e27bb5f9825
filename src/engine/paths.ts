// Where an index lives and how its engine is found: one owner-only folder per workspace root in the user's cache folder. And what lies inside that root of
// the paths that a client names.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { cacheSignature, cacheTag } from "../base/cacheTag.ts";
import { StrataError } from "../base/errors.ts";
import { sha256 } from "../base/hash.ts";
import { filterToken } from "../base/queryWords.ts";
import { realPathSync } from "../base/realPath.ts";
import { leadsOut, relativeTo } from "../base/relativePath.ts";

/** The user's cache folder for Strata. STRATA_CACHE overrides it (tests, network home folders). */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env["STRATA_CACHE"]) return path.resolve(env["STRATA_CACHE"]);
  const home = os.homedir();
  if (process.platform === "win32") return path.join(env["LOCALAPPDATA"] ?? path.join(home, "AppData", "Local"), "strata");
  if (process.platform === "darwin") return path.join(home, "Library", "Caches", "strata");
  return path.join(env["XDG_CACHE_HOME"] || path.join(home, ".cache"), "strata");
}

/** Where Node keeps what it compiled of a build's programs, so that the next start need not. */
export const compiledFolder = (build: string): string => path.join(cacheFolder(), "compiled", build);

/**
 * Makes the folder for it, its owner's alone: Node runs what lies there. What lay open to others is not trusted but deleted, and where others own the place
 * there is none.
 */
export function makeCompiledFolder(build: string): string | undefined {
  const own = compiledFolder(build);
  const all = path.dirname(own);
  try {
    if (process.platform !== "win32" && ((statSync(all, { throwIfNoEntry: false })?.mode ?? 0) & 0o022) !== 0) rmSync(all, { recursive: true });
    makePrivateFolder(all);
    return own;
  } catch {
    return undefined;
  }
}

/** Deletes what was compiled of other builds than the one whose folder this is: one that still runs compiles again. */
export function forgetOtherBuilds(own: string | undefined): void {
  if (own === undefined) return; // an engine that somebody started by hand
  try {
    for (const other of readdirSync(path.dirname(own))) if (other !== path.basename(own)) rmSync(compiledFolder(other), { recursive: true, force: true });
  } catch {
    // Nothing could be written, or Windows keeps what is being read: the next start deletes it.
  }
}

/** The canonical form of a workspace root, so that a symlink and its target share one index. Throws "workspace.missing". */
export function canonicalRoot(root: string): string {
  try {
    return realPathSync(path.resolve(root));
  } catch (error) {
    throw new StrataError("workspace.missing", `The folder ${root} does not exist or cannot be read. Check the path and its permissions.`, error);
  }
}

/** `<cache>/<base name>-<hash of the canonical root>`; readable at a glance, unique by hash. */
export function indexFolder(canonical: string): string {
  const name = path.basename(canonical).replace(/[^\w.-]+/g, "_").slice(0, 40) || "root";
  return path.join(cacheFolder(), `${name}-${sha256(canonical).slice(0, 16)}`);
}

/** One folder after the other: where the system refuses with ENOENT (below /proc), Node's own `recursive` never ends. */
function makeFolders(folder: string): void {
  const parent = path.dirname(folder);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  if (parent !== folder) makeFolders(parent);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Somebody else may have made it meanwhile.
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** What to say of an index folder that the file system refuses to write to. */
export function unwritable(folder: string, error: unknown): StrataError {
  const code = (error as NodeJS.ErrnoException).code === "ENOSPC" ? "index.diskFull" : "index.unwritable";
  return new StrataError(code, `The index folder ${folder} cannot be written. Free space or mend its permissions, or set STRATA_CACHE to another folder.`, error);
}

/** Makes the folder and keeps it to its owner. Throws "index.unwritable". */
export function makePrivateFolder(folder: string): void {
  try {
    makeFolders(folder);
    if (process.platform !== "win32") chmodSync(folder, 0o700);
  } catch (error) {
    throw unwritable(folder, error);
  }
}

/**
 * Makes the cache folder, which names every project of its owner, and keeps it to him, as the Python for fine-tuning lies there too. One that STRATA_CACHE names
 * may have been there before, for others as well: it stays as it is. Where it cannot be made or kept, whoever wants to write there says so.
 */
export function makeCacheFolder(env: NodeJS.ProcessEnv = process.env): void {
  const folder = cacheFolder(env);
  if (env["STRATA_CACHE"] && existsSync(folder)) return;
  try {
    makePrivateFolder(folder);
  } catch {
    // as where containers share it
  }
}

/** In the index folder: whose it is. Its name alone, a hash, would not tell. */
export const rootFile = (folder: string): string => path.join(folder, "root");

/** One training run at a time: see base/claim.ts. */
export const trainingClaimFile = (folder: string): string => path.join(folder, "training", "running");

/**
 * Makes the folder of an index and writes there whose it is, and that it is a cache, so that whoever indexes or saves a home folder leaves it out,
 * Strata itself included. Throws "index.unwritable".
 */
export function makeIndexFolder(folder: string, canonical: string): void {
  makePrivateFolder(folder);
  const tag = `${cacheSignature}\n# An index of Strata, made again from its code when it is gone. See https://bford.info/cachedir/\n`;
  try {
    for (const [file, text] of [[rootFile(folder), canonical], [path.join(folder, cacheTag), tag]] as const) {
      // Written once: what a full disk has cut short is made good at the next start.
      if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text, { mode: 0o600 });
    }
  } catch {
    // The index works without them, and a disk that is full says so where it matters.
  }
}

/** Short addresses of indexes with long names: beside their folders, named by the end of theirs, which is a hash. */
const shortSockets = (folder: string) => ({ folder: path.join(path.dirname(folder), "sockets"), start: `${path.basename(folder).slice(-16)}-` });

/**
 * A fresh address for an engine to listen on. Unix socket paths are limited to about 100 bytes, so a long one is made beside the index folder, and
 * only where that is too long as well in the temporary folder, which macOS sweeps of what nobody touched for three days.
 */
export function newSocketAddress(folder: string, nonce: string): string {
  if (process.platform === "win32") return `\\\\.\\pipe\\strata-${nonce}`;
  const fits = (address: string) => Buffer.byteLength(address) < 100;
  const inside = path.join(folder, `engine-${nonce.slice(0, 8)}.sock`);
  if (fits(inside)) return inside;
  const short = shortSockets(folder);
  const beside = path.join(short.folder, `${short.start}${nonce.slice(0, 8)}.sock`);
  if (fits(beside)) {
    makePrivateFolder(short.folder);
    return beside;
  }
  const shared = path.join(os.tmpdir(), `strata-${os.userInfo().uid}`);
  makePrivateFolder(shared);
  return path.join(shared, `${nonce.slice(0, 16)}.sock`);
}

/** Removes the addresses that killed engines have left in the folder. */
export function removeSockets(folder: string): void {
  for (const name of readdirSync(folder)) if (/^engine-\w+\.sock$/.test(name)) rmSync(path.join(folder, name), { force: true });
  const short = shortSockets(folder);
  for (const name of existsSync(short.folder) ? readdirSync(short.folder) : []) if (name.startsWith(short.start)) rmSync(path.join(short.folder, name), { force: true });
}

/** `engine.json` in the index folder: how to reach the running engine. Owner-only; holds the token of the handshake. */
export interface EngineRecord {
  readonly pid: number;
  readonly address: string;
  readonly token: string;
  readonly build: string;
}
export const engineRecordFile = (folder: string): string => path.join(folder, "engine.json");
export const engineLogFile = (folder: string): string => path.join(folder, "engine.log");

/** The path of a `file:` URI as its root would be written, "/" as separator; editors escape in it what they like (`file:///c%3A/my%20code`). */
function pathOfUri(uri: string): string {
  const path = uri.replace(/^file:(?:\/\/(?=\/))?/, "").replace(/(?:%[0-9a-f]{2})+/gi, (escaped) => {
    try {
      return decodeURIComponent(escaped);
    } catch {
      return escaped;
    }
  });
  return path.replace(/^\/(?=[A-Za-z]:)/, "");
}

/** A query whose `path:` filters may name files in full or as URIs, as agents do: with those inside the root as the query language writes them. */
export function withPathsInside(query: string, root: string): string {
  const start = root.replaceAll("\\", "/").replace(/\/$/, "");
  // Windows finds a file by its name in any case, and editors there write drives as they like.
  const fold = (text: string): string => (/^(?:[A-Za-z]:|\/\/)/.test(start) ? text.toLowerCase() : text);
  return query.replace(filterToken, (all: string, before: string, minus: string, key: string, value: string) => {
    if (key.toLowerCase() !== "path") return all;
    let inBraces = false;
    const read = value.split(",").map((one) => {
      const [, mark = "", path = "", end = ""] = /^("?\s*[!{]*)(.*?)(["}]*)$/su.exec(one) ?? [];
      inBraces ||= mark.includes("{");
      const isUri = path.startsWith("file:");
      const slashes = (isUri ? pathOfUri(path) : path).replaceAll("\\", "/");
      const isInside = fold(slashes.slice(0, start.length)) === fold(start) && ["/", undefined].includes(slashes[start.length]);
      const rest = slashes.slice(start.length + 1);
      // In braces a path holds at any depth anyway. What would end a filter is escaped in a URI; see filtersFor.
      const inside = isInside ? `${mark}${inBraces ? "" : "./"}${isUri ? rest.replace(/[\s",{}]/g, "?") : rest}${end}` : one;
      if (end.includes("}")) inBraces = false;
      return inside;
    });
    return `${before}${minus}${key}:${read.join(",")}`;
  });
}

/** The same for filters that stand alone. */
export function filtersInside<P extends { readonly filters?: string }>(params: P, root: string): P & { readonly filters: string } {
  return { ...params, filters: withPathsInside(params.filters ?? "", root) };
}

/** A path from a client, relative to the root with "/"; anything outside is refused. */
export function relativeInside(root: string, given: string): string {
  const relative = relativeTo(root, path.resolve(root, given));
  if (relative === "" || leadsOut(relative)) throw new StrataError("input.invalid", `${given} is not inside the workspace ${root}.`);
  return relative;
}
