// `strata indexes`: every index on this machine, and deleting those that nobody needs any more.
import { existsSync } from "node:fs";
import path from "node:path";
import { unlessAborted } from "../base/abort.ts";
import { plural } from "../base/counts.ts";
import { StrataError, userMessage } from "../base/errors.ts";
import { sum } from "../base/statistics.ts";
import { forgetIndex, type ListedIndex, listIndexes } from "../engine/indexes.ts";
import { canonicalRoot, indexFolder } from "../engine/paths.ts";
import { sayingSo } from "./progress.ts";
import { bytes, jsonLine, painter, printable, type Context } from "./terminal.ts";

/** Without an action: the list. `forget`: deletes the index of the folder `which`, or with "gone" those whose folders are not there. */
export async function runIndexes(action: string | undefined, which: string | undefined, context: Context): Promise<number> {
  const all = listIndexes();
  if (action === undefined) return show(all, context);
  if (which === undefined) throw new StrataError("input.invalid", 'Write "strata indexes" for the list, or "strata indexes forget DIR" (or "gone", for those whose folders are not there).');
  return forget(which === "gone" ? all.filter((index) => index.isGone) : [chosen(all, which)], context);
}

/** The index of a folder, which need not be there any more and may be named over a link, or the one that lies in it. */
function chosen(all: readonly ListedIndex[], which: string): ListedIndex {
  const folder = existsSync(which) ? canonicalRoot(which) : path.resolve(which);
  // Of a folder that is gone nothing says how it was written; to Windows' paths the case of letters is nothing.
  const isOf = ({ root }: ListedIndex): boolean => root !== undefined && path.relative(root, folder) === "";
  const found = all.find((index) => index.folder === indexFolder(folder) || index.folder === folder || isOf(index));
  if (found === undefined) throw new StrataError("input.invalid", `There is no index of ${folder}. "strata indexes" lists those there are.`);
  return found;
}

/** What to do about indexes whose folders are not there; undefined where there are none. */
export function goneText(all: readonly ListedIndex[]): string | undefined {
  const gone = all.filter(({ isGone }) => isGone);
  const [are, them] = gone.length === 1 ? ["is", "it"] : ["are", "them"];
  return gone.length === 0 ? undefined : `${plural(gone.length, "folder")} ${are} gone: "strata indexes forget gone" deletes what is left of ${them} (${bytes(sum(gone.map((index) => index.bytes)))}).`;
}

function show(all: readonly ListedIndex[], { json, terminal: { out, err, outColour } }: Context): number {
  const paint = painter(outColour);
  if (json) out(jsonLine({ indexes: all }));
  else if (all.length === 0) err("There are no indexes.\n");
  else {
    for (const { root, folder, isGone, bytes: size, usedMs } of all)
      out(`${paint("bold", printable(root ?? folder))}${isGone ? paint("red", "  gone") : ""}  ${paint("dim", `${bytes(size)}, last used ${new Date(usedMs).toISOString().slice(0, 10)}`)}\n`);
    const gone = goneText(all);
    if (gone !== undefined) err(`${gone}\n`);
  }
  return all.length > 0 ? 0 : 1;
}

/** After a second of waiting for an engine to end, says so. */
const SAID_AFTER_MS = 1_000;

async function forget(indexes: readonly ListedIndex[], { json, terminal, signal }: Context): Promise<number> {
  const { out, err } = terminal;
  const forgotten: ListedIndex[] = [];
  const kept: string[] = [];
  for (const index of indexes) {
    try {
      const line = `Waiting for the engine of ${printable(index.root ?? index.folder)} to end`;
      await sayingSo(terminal, () => json, line, unlessAborted(signal, forgetIndex(index)), SAID_AFTER_MS);
      forgotten.push(index);
    } catch (error) {
      signal.throwIfAborted();
      kept.push(userMessage(error));
    }
  }
  if (json) out(jsonLine({ forgotten }));
  else for (const { root, folder, bytes: size } of forgotten) out(`Deleted the index of ${printable(root ?? folder)} (${bytes(size)}).\n`);
  for (const sentence of kept) err(`strata: ${printable(sentence)}\n`);
  if (indexes.length === 0 && !json) err("There is nothing to delete.\n");
  return kept.length > 0 ? 2 : forgotten.length > 0 ? 0 : 1;
}
