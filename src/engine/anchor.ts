// Between the index and the files as they are now: lines that a request names, and hits brought to where their text stands today.
import { existsSync, lstatSync } from "node:fs";
import { lstat } from "node:fs/promises";
import path from "node:path";
import { decodeText } from "../base/decode.ts";
import { StrataError } from "../base/errors.ts";
import { searchedText } from "../base/notebook.ts";
import { readInside } from "../base/readInside.ts";
import { realPathSync } from "../base/realPath.ts";
import { leadsOut } from "../base/relativePath.ts";
import { linesOfSnippet, nearestTo, snippetOf } from "../base/snippet.ts";
import { isSecret } from "../indexing/secrets.ts";
import type { Store } from "../store/store.ts";
import { relativeInside } from "./paths.ts";
import type { DuplicateGroup, Hit, SimilarParams } from "./protocol.ts";

/** Larger ones hold data, and a request must not fill the memory. */
export const MOST_BYTES = 20_000_000;
/** How long an answer is made again for hits that are gone, and how many are looked at then: a branch switch takes away hundreds that say the same. */
export const GAPS_MS = 1_000;
const GAPS_LOOK = 100;

/** Refuses what nobody should read for a "find similar" request: secrets, pipes, links, very large files. Throws "input.invalid" with a sentence. */
export function assertReadable(root: string, relative: string): void {
  const refuse = (why: string): never => {
    throw new StrataError("input.invalid", `${relative} ${why}`);
  };
  if (isSecret(relative)) refuse("is of a kind that holds secrets, so Strata does not read it. Name another file.");
  const file = path.join(root, relative);
  const stat = lstatSync(file, { throwIfNoEntry: false });
  if (stat && leadsOut(path.relative(realPathSync(root), realPathSync(path.dirname(file))))) refuse("leads out of the workspace. Name a file inside it.");
  if (stat && !stat.isFile()) refuse("is not a file. Name a text file.");
  if (stat && stat.size > MOST_BYTES) refuse(`is too large to read (${Math.round(stat.size / 1e6)} MB). Give the lines as text, or name another file.`);
}

/** Text of the lines a "find similar" request names. Throws "input.invalid". */
export async function readRange(root: string, { path: relative, startLine, endLine }: Pick<SimilarParams, "path" | "startLine" | "endLine">): Promise<string> {
  if (relative === undefined) throw new StrataError("input.invalid", "Find similar code needs a file and a line, or a text.");
  const inside = relativeInside(root, relative);
  assertReadable(root, inside);
  const content = await readInside(root, inside, MOST_BYTES).catch((error: unknown) => {
    throw new StrataError("input.invalid", `The file ${relative} cannot be read. Give a path inside the workspace.`, error);
  });
  const text = decodeText(content);
  if (text === undefined) throw new StrataError("input.invalid", `The file ${relative} is not text. Name a source file, or give the lines as text.`);
  const lines = searchedText(inside, text).split(/\r?\n/);
  const first = startLine ?? 1;
  const count = lines.length - (lines.at(-1) === "" ? 1 : 0);
  // An editor's cursor may stand behind the last line break.
  const missing = first < 1 || first > lines.length ? first : endLine !== undefined && endLine > Math.max(count, first) ? endLine : undefined;
  if (endLine !== undefined && endLine < first) throw new StrataError("input.invalid", `Line ${endLine} is before line ${first}. Give the first line of the range, then the last.`);
  if (missing !== undefined) throw new StrataError("input.invalid", `${relative} has ${count} ${count === 1 ? "line" : "lines"}; line ${missing} is not one of them.`);
  return lines.slice(first - 1, endLine ?? lines.length).join("\n");
}

type AnchorStore = Pick<Store, "files" | "placesInFile">;
export type Anchored = Pick<Hit, "path" | "startLine" | "endLine" | "snippet"> & Partial<Pick<Hit, "line">>;

/**
 * Files looked at side by side. One after the other, each waits anew behind whoever keeps the disk busy: the first answer of a session waited a quarter of a
 * second while the watcher began. All at once would be too many open files for the duplicates of a workspace.
 */
const LOOKED_AT = 64;

/**
 * Hits point at the text as it is now: when a file changed since it was indexed, the chunk is looked for in the current text, and dropped
 * when it is no longer there. `stale`: the files that changed.
 */
export async function anchor<H extends Anchored>(store: AnchorStore, root: string, hits: readonly H[]): Promise<{ readonly hits: readonly H[]; readonly stale: readonly string[] }> {
  const files = [...new Set(hits.map((hit) => hit.path))];
  const texts = new Map<string, string | undefined | null>();
  for (let i = 0; i < files.length; i += LOOKED_AT) await Promise.all(files.slice(i, i + LOOKED_AT).map(async (file) => texts.set(file, await textIfChanged(store, root, file))));
  const stale = new Set<string>();
  const pieces = new Map<string, (line: number) => number | undefined>();
  const anchored: H[] = [];
  for (const hit of hits) {
    const text = texts.get(hit.path);
    if (text === undefined) anchored.push(hit);
    else {
      stale.add(hit.path);
      const piece = `${hit.path}\0${hit.snippet}`;
      let follow = pieces.get(piece);
      if (!follow) pieces.set(piece, (follow = followCopies(store, hit, text)));
      const startLine = follow(hit.startLine);
      if (startLine !== undefined) {
        const moved = startLine - hit.startLine;
        anchored.push({ ...hit, startLine, endLine: hit.endLine + moved, ...(hit.line !== undefined && { line: hit.line + moved }) });
      }
    }
  }
  return { hits: anchored, stale: [...stale] };
}

/** What is known of very these hits. */
const looked = new WeakMap<readonly Anchored[], ReturnType<typeof anchor>>();

/** `anchor`, once for one list of hits: what `withoutGaps` has looked at is the answer in most cases, and at each look the background takes its turn. */
export function anchorOnce<H extends Anchored>(store: AnchorStore, root: string, hits: readonly H[]): ReturnType<typeof anchor<H>> {
  const known = looked.get(hits) ?? anchor(store, root, hits);
  looked.set(hits, known);
  return known as ReturnType<typeof anchor<H>>;
}

/**
 * An answer of which nothing is gone from the files, as far as that can be had in a moment: else the first hits of an index that git has overtaken would
 * leave little or nothing of it.
 * @param readLost reads the files of those that are gone; whether it is worth asking again
 */
export async function withoutGaps<A extends { readonly hits: readonly Anchored[] }>(ask: (k: number) => Promise<A>, k: number, readLost: (hits: A["hits"]) => Promise<boolean>): Promise<A> {
  let answer = await ask(k);
  const until = performance.now() + GAPS_MS; // not of the first answer, for which the model may have to load
  while (performance.now() < until && (await readLost(answer.hits))) {
    await readLost((await ask(GAPS_LOOK)).hits);
    answer = await ask(k);
  }
  return answer;
}

/** The paths, and for those that are gone together with folders around them the outermost of these: it stands for all that was in it. */
export function goneWhole(root: string, paths: readonly string[]): string[] {
  const isGone = (relative: string): boolean => relative !== "." && !existsSync(path.join(root, relative));
  const outermost = (relative: string): string => (isGone(path.posix.dirname(relative)) ? outermost(path.posix.dirname(relative)) : relative);
  return [...new Set(paths.map(outermost))];
}

/** Groups of what still stands, where it stands. */
export async function anchorGroups(groups: readonly DuplicateGroup[], follow: <H extends Anchored>(hits: readonly H[]) => Promise<readonly H[]>): Promise<readonly DuplicateGroup[]> {
  const anchored = await follow(groups.flatMap((group) => group.members.map((member) => ({ ...member, group }))));
  const members = Map.groupBy(anchored, ({ group }) => group);
  return groups.map((group) => ({ ...group, members: (members.get(group) ?? []).map(({ group: _, ...member }) => member) })).filter(({ members }) => members.length > 1);
}

/**
 * Where each copy of a piece of a file stands now. As many as before stand in the order they had, however far they moved; else each is the nearest
 * that no other is.
 */
function followCopies(store: AnchorStore, { path, snippet }: Anchored, text: string | null): (line: number) => number | undefined {
  const now = text === null ? [] : linesOfSnippet(snippet, text);
  const before = now.length < 2 ? [] : store.placesInFile(path).filter((place) => snippetOf(place.text) === snippet).map(({ startLine }) => startLine);
  if (before.length === now.length && now.length > 0) return (line) => now[before.indexOf(line)] ?? nearestTo(line, now);
  const free = new Set(now);
  return (line) => {
    const at = nearestTo(line, [...free]);
    if (at !== undefined) free.delete(at);
    return at;
  };
}

/** undefined: as indexed; null: gone; otherwise the current text. */
async function textIfChanged(store: AnchorStore, root: string, relative: string): Promise<string | undefined | null> {
  const record = store.files().get(relative);
  const file = path.join(root, relative);
  try {
    const now = await lstat(file);
    if (record && record.size === now.size && record.mtimeMs === now.mtimeMs) return undefined;
    if (!now.isFile()) return null;
    const text = decodeText(await readInside(root, relative, MOST_BYTES)); // a log may have grown, a folder may have become a link
    return text === undefined ? null : searchedText(relative, text);
  } catch {
    return null; // vanished or unreadable now: either way there is nothing to open
  }
}
