// What duplicates compare of each chunk. Reading and taking apart all code is most of the work of finding copies of one file, so what came of it is kept
// while somebody goes on asking: then only new code is read.
import { createHash } from "node:crypto";
import type { OnProgress } from "../base/progress.ts";
import type { ChunkKind } from "../indexing/chunk.ts";
import type { Store } from "../store/store.ts";
import { type CodeToken, exactForm, renamedForm, shapeText, tokeniseCode } from "./codeTokens.ts";

export type FormStore = Pick<Store, "placesPerChunk" | "codeOf">;

export interface CodeForm {
  readonly chunkId: number;
  readonly exact: string;
  readonly renamed: string;
  readonly lines: number;
  /** Defines something: only then can it be a semantic duplicate. Windows of prose and loose statements resemble each other for no reason. */
  readonly isDefinition: boolean;
  /** Empty for what is no function or too short. */
  readonly shape: string;
}

interface FormsOfAll {
  /** In order of chunk; without what is too short or too uniform to be a copy of anything. */
  readonly forms: readonly CodeForm[];
  /** Those that have a shape, in the order of their shapes read from the first letter on and from the last one back; of equal ones the longer first. */
  readonly byStart: readonly CodeForm[];
  readonly byEnd: readonly CodeForm[];
}

/** Fewer tokens than this are boilerplate that everyone repeats (getters, one-line imports). */
const leastTokens = 24;
/** Of functions, to be near copies. */
const leastNearTokens = 32;
/**
 * Functions that share so much around one stretch that differs are near copies. Read off planted copies with a statement more or less and off what is
 * found in twelve repositories: below it, functions that only begin and end alike.
 */
export const leastShared = 0.7;
const definitionKinds: ReadonlySet<ChunkKind> = new Set(["function", "class", "type"]);
/** Of an index with more chunks nothing is kept: some 350 bytes each. */
const mostKept = 200_000;
/** How long forms are kept when nobody asks. */
const keptMs = 600_000;

interface Kept {
  /** Places per chunk of the index: one that is made again has another, and its ids begin anew. */
  readonly index: ReadonlyMap<number, number>;
  /** Undefined: nothing to compare. A chunk of one id never changes. */
  readonly known: Map<number, CodeForm | undefined>;
  byStart: readonly CodeForm[];
  byEnd: readonly CodeForm[];
  /** Those with a shape that are not in these orders yet. */
  fresh: CodeForm[];
}

export class CodeForms {
  readonly #mostKept: number;
  #kept: Kept | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(most = mostKept) {
    this.#mostKept = most;
  }

  /** Of all live chunks. @param pause lets others have their turn, and throws when the work is not wanted any more */
  async ofAll(store: FormStore, pause: () => Promise<void> | undefined, onProgress?: OnProgress): Promise<FormsOfAll> {
    const kept = this.#keptOf(store.placesPerChunk());
    const { index, known } = kept;
    for (const chunkId of known.keys()) if (!index.has(chunkId)) known.delete(chunkId);
    const chunkIds = [...index.keys()].sort((a, b) => a - b);
    let read = 0;
    for (const code of store.codeOf(chunkIds.filter((id) => !known.has(id)))) {
      await pause();
      if (++read % 1_000 === 0) onProgress?.({ phase: "search", done: read, total: 0, unit: "chunks" });
      const form = formOf(code, tokeniseCode(code.text, code.lang));
      known.set(code.chunkId, form);
      if (form && form.shape !== "") kept.fresh.push(form);
    }
    // Nearly in order but for the new ones, which costs one comparison each.
    const isKnown = (form: CodeForm): boolean => known.get(form.chunkId) === form;
    const sorted = (before: readonly CodeForm[], compare: (a: string, b: string) => number): readonly CodeForm[] =>
      [...before, ...kept.fresh].filter(isKnown).sort((a, b) => compare(a.shape, b.shape) || b.lines - a.lines || a.chunkId - b.chunkId);
    [kept.byStart, kept.byEnd, kept.fresh] = [sorted(kept.byStart, fromStart), sorted(kept.byEnd, fromEnd), []];
    return { forms: chunkIds.flatMap((id) => known.get(id) ?? []), byStart: kept.byStart, byEnd: kept.byEnd };
  }

  #keptOf(index: ReadonlyMap<number, number>): Kept {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.#kept = undefined), keptMs).unref();
    const kept = this.#kept?.index === index ? this.#kept : { index, known: new Map(), byStart: [], byEnd: [], fresh: [] };
    this.#kept = index.size > this.#mostKept ? undefined : kept;
    return kept;
  }
}

/** Undefined for what is too short or too uniform to be a copy of anything. */
export function formOf({ chunkId, kind, text }: { readonly chunkId: number; readonly kind: ChunkKind; readonly text: string }, tokens: readonly CodeToken[]): CodeForm | undefined {
  if (isMostlyImports(text) || tokens.length < leastTokens || isMostlyData(tokens)) return undefined;
  const shape = kind === "function" && tokens.length >= leastNearTokens ? shapeText(tokens) : "";
  return { chunkId, lines: text.trimEnd().split("\n").length, isDefinition: definitionKinds.has(kind), shape, exact: digest(exactForm(tokens)), renamed: digest(renamedForm(tokens)) };
}

function fromStart(a: string, b: string): number {
  const shared = sharedStart(a, b);
  return shared === a.length || shared === b.length ? a.length - b.length : a.charCodeAt(shared) - b.charCodeAt(shared);
}

function fromEnd(a: string, b: string): number {
  const shared = sharedEnd(a, b);
  return shared === a.length || shared === b.length ? a.length - b.length : a.charCodeAt(a.length - 1 - shared) - b.charCodeAt(b.length - 1 - shared);
}

/** How many letters both begin with. */
export function sharedStart(a: string, b: string): number {
  let count = 0;
  while (count < a.length && count < b.length && a.charCodeAt(count) === b.charCodeAt(count)) count++;
  return count;
}

/** How many letters both end with. */
export function sharedEnd(a: string, b: string): number {
  let count = 0;
  while (count < a.length && count < b.length && a.charCodeAt(a.length - 1 - count) === b.charCodeAt(b.length - 1 - count)) count++;
  return count;
}

function isMostlyImports(text: string): boolean {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const imports = lines.filter((line) => /^\s*(import|from|use|using|require|#\s*include|package|export\s+[*{]|extern\s+crate)\b/.test(line));
  return imports.length > lines.length / 2;
}

/** Tables of literals are alike by nature once their values are blanked. */
function isMostlyData(tokens: readonly CodeToken[]): boolean {
  const words = tokens.filter((token) => token.kind !== "mark");
  return words.filter((token) => token.kind === "number" || token.kind === "string").length > words.length * 0.6;
}

function digest(form: string): string {
  return createHash("sha1").update(form).digest("base64");
}
