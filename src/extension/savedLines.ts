// Between a file on disk, whose lines the engine counted, and a buffer of it with unsaved edits. vscode-free.
import { readFile } from "node:fs/promises";
import { decodeText } from "../base/decode.ts";
import { lineOfSnippet } from "../base/snippet.ts";

/** What is needed of an editor's document. */
interface EditedDocument {
  readonly uri: { readonly fsPath: string };
  readonly isDirty: boolean;
  getText(): string;
}

/** Undefined for what cannot be read, or is no text. */
export const textOnDisk = (file: string): Promise<string | undefined> => readFile(file).then(decodeText, () => undefined);

const linesOf = (text: string): readonly string[] => text.split(/\r?\n/);

/** Lines that are compared on either side to tell one place from another that begins alike. */
const COMPARED = 8;

/** How many lines are the same from `line` of `before` and `at` of `now` on, in steps of 1 or -1. */
function sameLines(before: readonly string[], line: number, now: readonly string[], at: number, step: 1 | -1): number {
  let same = 0;
  while (same < COMPARED && before[line + step * same] !== undefined && before[line + step * same] === now[at + step * same]) same++;
  return same;
}

/** How many lines at the beginning and how many at the end are the same in both; where code was put beside its like, the two may overlap. */
function sharedEnds(before: readonly string[], now: readonly string[]): { readonly head: number; readonly tail: number } {
  const shorter = Math.min(before.length, now.length);
  let head = 0;
  while (head < shorter && before[head] === now[head]) head++;
  let tail = 0;
  while (tail < shorter && before.at(-1 - tail) === now.at(-1 - tail)) tail++;
  return { head, tail };
}

/** Whether a line of `before` (from 0) stands in front of all edits or behind them. A line between them may only look like one of `now`, and so may one that either end could have. */
function isCertain(before: readonly string[], now: readonly string[], line: number): boolean {
  const shorter = Math.min(before.length, now.length);
  const { head, tail } = sharedEnds(before, now);
  if (head === before.length && head === now.length) return true;
  return line < Math.min(head, shorter - tail) || before.length - line <= Math.min(tail, shorter - head);
}

/**
 * The line of `now` that stands where `line` stood in `before` (both from 0). In front of all edits and behind them that is certain; between two of them
 * the same lines are looked for, nearest first.
 */
export function followLine(before: readonly string[], now: readonly string[], line: number): number {
  const { head, tail: shared } = sharedEnds(before, now);
  if (line < head) return line;
  const tail = Math.min(shared, Math.min(before.length, now.length) - head);
  const [beforeEnd, nowEnd] = [before.length - tail, now.length - tail];
  if (line >= beforeEnd) return line + now.length - before.length;
  // The line itself may be what was edited: then the next one that is still there tells.
  for (let next = line; next < Math.min(line + COMPARED, beforeEnd); next++) {
    let best: { readonly at: number; readonly same: number } | undefined;
    for (let at = head; at < nowEnd; at++) {
      const same = sameLines(before, next, now, at, 1) + sameLines(before, next, now, at, -1);
      const isNearer = best !== undefined && same === best.same && Math.abs(at - next) < Math.abs(best.at - next);
      if (same > (best?.same ?? 0) || isNearer) best = { at, same };
    }
    if (best) return Math.max(head, best.at - (next - line));
  }
  return Math.max(0, Math.min(line, nowEnd - 1));
}

/** How lines (from 1) of the file on disk and of a buffer lead to each other. */
interface FollowedEdits {
  readonly toBuffer: (line: number) => number;
  readonly toDisk: (line: number) => number;
  /** Whether a line of the buffer is certainly one of the file, and not only near to one. */
  readonly isOnDisk: (line: number) => boolean;
}

/**
 * Without unsaved edits, or without the file, the lines are the same.
 * @param asFound an earlier text of the file, in place of the one on disk
 */
export async function followEdits(document: EditedDocument, asFound?: string): Promise<FollowedEdits> {
  const saved = asFound ?? (document.isDirty ? await textOnDisk(document.uri.fsPath) : undefined);
  if (saved === undefined) return { toBuffer: (line) => line, toDisk: (line) => line, isOnDisk: () => true };
  const [disk, buffer] = [linesOf(saved), linesOf(document.getText())];
  return {
    toBuffer: (line) => followLine(disk, buffer, line - 1) + 1,
    toDisk: (line) => followLine(buffer, disk, line - 1) + 1,
    isOnDisk: (line) => isCertain(buffer, disk, line - 1),
  };
}

/** Lines that were counted in a file, which may have changed since. */
export interface CountedLines {
  readonly startLine: number;
  /** The beginning of their code. */
  readonly snippet?: string;
  /** The file as it was then, when it was saved in the editor since. */
  readonly asFound?: Promise<string | undefined>;
}

/** @returns where each of these lines (from 1) is in a buffer of the file now. */
export async function followCounted(document: EditedDocument, { startLine, snippet = "", asFound }: CountedLines): Promise<(line: number) => number> {
  const before = await asFound;
  if (before !== undefined) return (await followEdits(document, before)).toBuffer;
  const { toBuffer } = await followEdits(document);
  const saved = document.isDirty ? await textOnDisk(document.uri.fsPath) : document.getText();
  // Others change files too: git, agents, formatters.
  const moved = saved === undefined ? 0 : (lineOfSnippet(snippet, saved, startLine) ?? startLine) - startLine;
  return (line) => toBuffer(line + moved);
}
