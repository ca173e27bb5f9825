// What the commands share in front of an engine session: folders and models as they are typed, progress on the terminal.
import { existsSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { packageRoot } from "../base/assets.ts";
import { StrataError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { OnProgress } from "../base/progress.ts";
import { cacheFolder, canonicalRoot, indexFolder } from "../engine/paths.ts";
import { type EngineSession, openSession } from "../engine/session.ts";
import { PathFilter } from "../indexing/walk.ts";
import { progressDisplay, sayingSo } from "./progress.ts";
import type { Context, Terminal } from "./terminal.ts";

/** Runs `work` with the engine of a folder and lets go of it afterwards, whatever happens. */
export async function withEngine<T>(context: Context, folder: string, work: (session: EngineSession) => Promise<T>): Promise<T> {
  const opening = openSession({ root: existingFolder(folder), client: "cli", modelFolder: context.modelFolder, log: terminalLog(context), start: true, signal: context.signal });
  const session = await sayingSo(context.terminal, context.json, "Opening the index (a large one can take minutes after a crash or an update)", opening);
  try {
    return await work(session);
  } finally {
    session.dispose();
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

export interface Scope {
  readonly root: string;
  /** Folder below the root that is meant, "/" as separator; "" for all of it. */
  readonly under: string;
}

export const hasIndex = (root: string): boolean => existsSync(path.join(indexFolder(root), "index.db"));

/**
 * What a command is about: of the folder that was named, or of the current one, the nearest upwards that has an index, so that a subfolder of a
 * project does not get an index of its own; else the folder itself. Passed over are indexes that leave the folder out (a worktree in an ignored
 * folder), and those of a home folder or a whole disk: they are for who stands there, a project below has better ones.
 */
export function scopeOf(given: string | undefined, cwd: string = process.cwd()): Scope {
  const here = canonicalRoot(given === undefined ? cwd : existingFolder(given));
  const tooWide = [homeFolder(), path.parse(here).root];
  for (let folder = here; ; folder = path.dirname(folder)) {
    const under = path.relative(folder, here).split(path.sep).join("/");
    if (hasIndex(folder) && (under === "" || !(tooWide.includes(folder) || new PathFilter(folder).excludes(under, true)))) return { root: folder, under };
    if (folder === path.dirname(folder)) return { root: here, under: "" };
  }
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
    if (!json && level === "error") terminal.err(`strata: ${message}\n`);
  };
}
