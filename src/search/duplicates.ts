// Code that stands in the workspace more than once: exact copies, renamed copies, and what is nearly the same, by its tokens (a copy with a statement
// more or less) or by its vector (the same in other words).
import { createHash } from "node:crypto";
import { checkAborted, yieldToEventLoop } from "../base/abort.ts";
import type { OnProgress } from "../base/progress.ts";
import { snippetOf } from "../base/snippet.ts";
import type { DuplicateGroup, DuplicatesFound, DuplicatesParams } from "../engine/protocol.ts";
import type { ChunkKind } from "../indexing/chunk.ts";
import { type DenseHit, fileMatcher, type Filters, type Place, type Store } from "../store/store.ts";
import { mainSymbol } from "./hitSymbol.ts";
import { parseFilters } from "./query.ts";
import { type CodeToken, exactForm, isList, renamedForm, shapeText, sharedAround, tokeniseCode } from "./codeTokens.ts";

export interface DuplicateStore extends Pick<Store, "placesOf" | "neighbours"> {
  /** Chunks with a place that passes; undefined for all. */
  allowedBy(filters: Filters): { readonly chunks: ReadonlySet<number> } | undefined;
  allChunks(): Iterable<{ readonly chunkId: number; readonly kind: ChunkKind; readonly text: string; readonly lang: string }>;
}

/** Fewer tokens than this are boilerplate that everyone repeats (getters, one-line imports). */
const leastTokens = 24;
/** Neighbours asked for per chunk. */
const neighbourCount = 8;
const definitionKinds: ReadonlySet<ChunkKind> = new Set(["function", "class", "type"]);
/**
 * Functions of at least so many tokens that share so much around one stretch that differs are near copies. Read off planted copies with a statement
 * more or less and off what is found in twelve repositories: below it, functions that only begin and end alike.
 */
const leastNearTokens = 32;
const leastShared = 0.7;
/** Followers looked at in each order of the shapes. */
const followers = 12;
/** Work between two looks at the event loop. */
const sliceMs = 30;

interface Unit {
  readonly chunkId: number;
  readonly exact: string;
  readonly renamed: string;
  readonly lines: number;
  /** Defines something: only then can it be a semantic duplicate. Windows of prose and loose statements resemble each other for no reason. */
  readonly isDefinition: boolean;
  /** Empty for what is no function or too short. */
  readonly shape: string;
}

/** Groups of at least two places, those with the most repeated lines first. A place belongs to at most one group: the strictest that holds it. @throws StrataError "input.invalid" */
export async function findDuplicates(store: DuplicateStore, params: DuplicatesParams, signal?: AbortSignal, onProgress?: OnProgress): Promise<DuplicatesFound> {
  checkAborted(signal);
  const pause = pacer(signal);
  const filters = parseFilters(params);
  const exclusions = exclusionsOf(filters);
  const [isWanted, counts] = [fileMatcher(filters), fileMatcher(exclusions)];
  const [wanted, counted] = [store.allowedBy(filters)?.chunks, store.allowedBy(exclusions)?.chunks];
  if (wanted?.size === 0) return { groups: [], nothingPasses: true };
  const placesOf = (chunkIds: readonly number[]): Place[] => store.placesOf(chunkIds).filter(counts);
  // Who asks about a file finds it in its groups, and of large groups only the beginning is shown to models.
  const wantedFirst = (places: readonly Place[]): Place[] => [...places.filter(isWanted), ...places.filter((place) => !isWanted(place))];
  /** What counts may stand behind what does not. That is asked for only where it can be near enough: under filters every vector is looked at. */
  const nearest = ({ chunkId }: Unit): readonly DenseHit[] => {
    const hits = store.neighbours(chunkId, neighbourCount);
    const mayGoOn = counted !== undefined && hits.length === neighbourCount && hits.at(-1)!.score >= params.threshold && hits.some((hit) => !counted.has(hit.chunkId));
    return mayGoOn ? store.neighbours(chunkId, neighbourCount, counted) : hits;
  };
  const units: Unit[] = [];
  let read = 0;
  for (const { chunkId, kind, text, lang } of store.allChunks()) {
    await pause();
    if (++read % 1_000 === 0) onProgress?.({ phase: "search", done: read, total: 0, unit: "chunks" });
    if (counted && !counted.has(chunkId)) continue;
    const lines = text.trimEnd().split("\n").length;
    if (lines < params.minLines || isMostlyImports(text)) continue;
    const tokens = tokeniseCode(text, lang);
    if (tokens.length < leastTokens || isMostlyData(tokens)) continue;
    const isDefinition = definitionKinds.has(kind);
    const shape = kind === "function" && tokens.length >= leastNearTokens ? shapeText(tokens) : "";
    units.push({ chunkId, lines, isDefinition, shape, exact: digest(exactForm(tokens)), renamed: digest(renamedForm(tokens)) });
  }

  const groups: DuplicateGroup[] = [];
  const grouped = new Set<number>();
  const byForm = Map.groupBy(units, (unit) => unit.renamed);
  for (const family of byForm.values()) {
    await pause();
    if (wanted && !family.some(({ chunkId }) => wanted.has(chunkId))) continue;
    const places = placesOf(family.map((unit) => unit.chunkId));
    if (places.length < 2) continue;
    const exact = Map.groupBy(family, (unit) => unit.exact);
    // Lists are copies only where they say the same.
    const apart = exact.size > 1 && isList(tokeniseCode(places[0]!.text, places[0]!.lang));
    for (const units of apart ? exact.values() : [family]) {
      const ids = new Set(units.map((unit) => unit.chunkId));
      const members = distinctPlaces(places.filter((place) => ids.has(place.chunkId)));
      if (members.length < 2 || !members.some(isWanted)) continue;
      for (const id of ids) grouped.add(id);
      groups.push(group(apart || exact.size === 1 ? "exact" : "renamed", 1, units[0]!.lines, wantedFirst(members)));
    }
  }

  const byChunk = new Map(units.filter((unit) => unit.isDefinition).map((unit) => [unit.chunkId, unit]));
  const definitions = units.filter((unit) => unit.isDefinition && !grouped.has(unit.chunkId)).sort((a, b) => b.lines - a.lines);
  const leaders = wanted ? definitions.filter(({ chunkId }) => wanted.has(chunkId)) : definitions;
  const nearCopies = await findNearCopies(store, definitions, wanted, pause);
  let done = 0;
  for (const leader of leaders) {
    await pause();
    if (++done % 500 === 0) onProgress?.({ phase: "search", done, total: leaders.length, unit: "chunks" });
    if (grouped.has(leader.chunkId)) continue;
    const isFree = ({ chunkId }: { readonly chunkId: number }): boolean => chunkId !== leader.chunkId && byChunk.has(chunkId) && !grouped.has(chunkId);
    const nearly = (nearCopies.get(leader.chunkId) ?? []).filter(isFree);
    const alike = nearest(leader).filter((hit) => hit.score >= params.threshold && isFree(hit) && comparable(leader, byChunk.get(hit.chunkId)!));
    const near = [...nearly, ...alike.filter((hit) => !nearly.some((copy) => copy.chunkId === hit.chunkId))];
    if (near.length === 0) continue;
    const places = distinctPlaces(placesOf([leader.chunkId, ...near.map((hit) => hit.chunkId)]));
    if (places.length < 2) continue;
    for (const id of [leader.chunkId, ...near.map((hit) => hit.chunkId)]) grouped.add(id);
    const least = near.reduce((a, b) => (b.score < a.score ? b : a));
    groups.push({ ...group("semantic", least.score, leader.lines, wantedFirst(places)), measure: nearly.some((copy) => copy === least) ? "tokens" : "cosine" });
  }
  onProgress?.({ phase: "search", done: leaders.length, total: leaders.length, unit: "chunks" });
  return { groups: groups.sort((a, b) => repeatedLines(b) - repeatedLines(a) || b.similarity - a.similarity).slice(0, params.limit) };
}

interface NearCopy {
  readonly chunkId: number;
  /** Share of tokens that both have. */
  readonly score: number;
}

/**
 * Functions that are each other's copies but for one stretch, by chunk. Such a pair shares its beginning or its end over a good part of its length,
 * and so stands close together when shapes are sorted by their beginnings or by their ends.
 * @param wanted chunks of which each pair must have one; undefined for all.
 */
async function findNearCopies(store: DuplicateStore, units: readonly Unit[], wanted: ReadonlySet<number> | undefined, pause: () => Promise<void> | undefined): Promise<Map<number, NearCopy[]>> {
  const found = new Map<number, NearCopy[]>();
  const add = (from: number, chunkId: number, score: number): void => void found.set(from, [...(found.get(from) ?? []), { chunkId, score }]);
  const tokensOf = ({ chunkId }: Unit): readonly CodeToken[] => store.placesOf([chunkId]).slice(0, 1).flatMap(({ text, lang }) => tokeniseCode(text, lang));
  const seen = new Set<string>();
  const shaped = units.filter(({ shape }) => shape !== "");
  for (const end of ["first", "last"] as const) {
    const keyed = shaped.map((unit) => ({ unit, key: end === "first" ? unit.shape : [...unit.shape].reverse().join("") }));
    const sorted = keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    for (const [i, { unit, key }] of sorted.entries()) {
      await pause();
      for (let next = i + 1; next < sorted.length && next <= i + followers; next++) {
        const { unit: other, key: otherKey } = sorted[next]!;
        if (wanted && !wanted.has(unit.chunkId) && !wanted.has(other.chunkId)) continue;
        const start = sharedStart(key, otherKey);
        // Whoever follows shares less of the beginning, and one side of the stretch has at least half of what is shared.
        if (start < (leastShared / 2) * key.length) break;
        const [shorter, longer] = key.length < otherKey.length ? [key.length, otherKey.length] : [otherKey.length, key.length];
        const pair = unit.chunkId < other.chunkId ? `${unit.chunkId} ${other.chunkId}` : `${other.chunkId} ${unit.chunkId}`;
        if (start + Math.min(shorter - start, sharedEnd(key, otherKey)) < leastShared * longer || seen.has(pair)) continue;
        seen.add(pair);
        const [tokens, otherTokens] = [tokensOf(unit), tokensOf(other)];
        const score = sharedAround(tokens, otherTokens);
        if (score < leastShared || isList(tokens) || isList(otherTokens)) continue;
        add(unit.chunkId, other.chunkId, score);
        add(other.chunkId, unit.chunkId, score);
      }
    }
  }
  return found;
}

function sharedStart(a: string, b: string): number {
  let count = 0;
  while (count < a.length && count < b.length && a.charCodeAt(count) === b.charCodeAt(count)) count++;
  return count;
}

function sharedEnd(a: string, b: string): number {
  let count = 0;
  while (count < a.length && count < b.length && a.charCodeAt(a.length - 1 - count) === b.charCodeAt(b.length - 1 - count)) count++;
  return count;
}

/** What filters leave out: no copy, where the rest of them says which copies are wanted. */
function exclusionsOf({ excludeLangs, excludeGlobs, tests }: Filters): Filters {
  return { ...(excludeLangs && { excludeLangs }), ...(excludeGlobs && { excludeGlobs }), ...(tests === false && { tests }) };
}

/** Chunks of very different length are related, not duplicates, however close their vectors are. */
function comparable(a: Unit, b: Unit): boolean {
  return Math.min(a.lines, b.lines) >= 0.5 * Math.max(a.lines, b.lines);
}

function repeatedLines(found: DuplicateGroup): number {
  return found.lines * (found.members.length - 1);
}

function group(kind: DuplicateGroup["kind"], similarity: number, lines: number, places: readonly Place[]): DuplicateGroup {
  const members = places.map((place) => ({ path: place.path, startLine: place.startLine, endLine: place.endLine, symbol: mainSymbol(place), snippet: snippetOf(place.text) }));
  return { kind, similarity, lines, members };
}

/** Overlapping windows of one file are one place. */
function distinctPlaces(places: readonly Place[]): Place[] {
  const kept: Place[] = [];
  // Line by line: a table may be ten thousand copies of one piece, too many to compare each with each.
  const taken = new Map<string, Set<number>>();
  for (const place of places) {
    const inFile = taken.get(place.path) ?? new Set();
    taken.set(place.path, inFile);
    const lines = Array.from({ length: place.endLine - place.startLine + 1 }, (_, i) => place.startLine + i);
    if (lines.some((line) => inFile.has(line))) continue;
    for (const line of lines) inFile.add(line);
    kept.push(place);
  }
  return kept.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.startLine - b.startLine));
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

/** Resolves at once most of the time; every `sliceMs` lets the event loop run and notices cancellation. */
function pacer(signal: AbortSignal | undefined): () => Promise<void> | undefined {
  let sliceStarted = performance.now();
  return () => {
    if (performance.now() - sliceStarted < sliceMs) return undefined;
    return yieldToEventLoop().then(() => {
      checkAborted(signal);
      sliceStarted = performance.now();
    });
  };
}
