// Code that stands in the workspace more than once: exact copies, renamed copies, and what is nearly the same, by its tokens (a copy with a statement
// more or less) or by its vector (the same in other words).
import { yieldToEventLoop } from "../base/abort.ts";
import { copiesOrder } from "../base/copies.ts";
import type { OnProgress } from "../base/progress.ts";
import { snippetOf } from "../base/snippet.ts";
import type { DuplicateGroup, DuplicatesFound, DuplicatesParams } from "../engine/protocol.ts";
import { type DenseHit, fileMatcher, type Filters, type Place, type Store } from "../store/store.ts";
import { isDocument } from "./features.ts";
import { mainSymbol } from "./hitSymbol.ts";
import { isCatalogue } from "./kindsAsked.ts";
import { parseFilters } from "./query.ts";
import type { RankedResult } from "./search.ts";
import { type CodeForm, type CodeForms, type FormStore, leastShared, sharedEnd, sharedStart } from "./codeForms.ts";
import { type CodeToken, isList, sharedAround, tokeniseCode } from "./codeTokens.ts";

export interface DuplicateStore extends FormStore, Pick<Store, "placesOf" | "neighbours"> {
  /** Chunks with a place that passes; undefined for all. */
  allowedBy(filters: Filters): { readonly chunks: Pick<ReadonlySet<number>, "has">; readonly isEmpty: boolean } | undefined;
}

/** Neighbours asked for per chunk. */
const neighbourCount = 8;
/** Followers looked at in each order of the shapes. */
const followers = 12;
/** Rows between two pieces of one copy: what parts definitions, and is in neither. */
const emptyRows = 2;
/** Work between two looks at the event loop. */
const sliceMs = 30;

/**
 * Groups of at least two places, in the order of `copiesOrder`. What was copied in several pieces, as whole files are, is one group. A place belongs to at
 * most one group: the strictest that holds it.
 * @param known what earlier questions have read. @throws StrataError "input.invalid"
 */
export async function findDuplicates(store: DuplicateStore, known: CodeForms, params: DuplicatesParams, signal?: AbortSignal, onProgress?: OnProgress): Promise<Pick<DuplicatesFound, "groups"> & Pick<RankedResult, "emptied">> {
  signal?.throwIfAborted();
  const pause = pacer(signal);
  const filters = parseFilters(params);
  const exclusions = exclusionsOf(filters);
  const [isWanted, counts] = [fileMatcher(filters), fileMatcher(exclusions)];
  const [wanted, counted] = [store.allowedBy(filters), store.allowedBy(exclusions)];
  if (wanted?.isEmpty) return { groups: [], emptied: filters };
  const placesOf = (chunkIds: readonly number[]): Place[] => store.placesOf(chunkIds).filter(counts);
  // Who asks about a file finds it in its groups, and of large groups only the beginning is shown to models.
  const wantedFirst = (places: readonly Place[]): Place[] => [...places.filter(isWanted), ...places.filter((place) => !isWanted(place))];
  /** What counts may stand behind what does not. That is asked for only where it can be near enough: under filters every vector is looked at. */
  const nearest = ({ chunkId }: CodeForm): readonly DenseHit[] => {
    const hits = store.neighbours(chunkId, neighbourCount);
    const mayGoOn = counted !== undefined && hits.length === neighbourCount && hits.at(-1)!.score >= params.threshold && hits.some((hit) => !counted.chunks.has(hit.chunkId));
    return mayGoOn ? store.neighbours(chunkId, neighbourCount, counted.chunks) : hits;
  };
  const all = await known.ofAll(store, pause, onProgress);
  const units = all.forms.filter(({ chunkId, lines }) => lines >= params.minLines && (!counted || counted.chunks.has(chunkId)));
  const isAsked = ({ chunkId }: CodeForm): boolean => !wanted || wanted.chunks.has(chunkId);

  const groups: DuplicateGroup[] = [];
  const grouped = new Set<number>();
  const asked = new Set(units.filter(isAsked).map((unit) => unit.renamed));
  const placesPerChunk = store.placesPerChunk();
  for (const family of Map.groupBy(units.filter((unit) => asked.has(unit.renamed)), (unit) => unit.renamed).values()) {
    await pause();
    if (family.length === 1 && placesPerChunk.get(family[0]!.chunkId) === 1) continue;
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
  const leaders = [...byChunk.values()].filter((unit) => isAsked(unit) && !grouped.has(unit.chunkId)).sort((a, b) => b.lines - a.lines);
  const isFunction = ({ chunkId }: CodeForm): boolean => byChunk.has(chunkId) && !grouped.has(chunkId);
  const nearCopies = await findNearCopies(store, all.byStart.filter(isFunction), all.byEnd.filter(isFunction), isAsked, pause);
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
  return { groups: joined(groups).sort(copiesOrder).slice(0, params.limit) };
}

interface NearCopy {
  readonly chunkId: number;
  /** Share of tokens that both have. */
  readonly score: number;
}

/**
 * Functions that are each other's copies but for one stretch, by chunk. Such a pair shares its beginning or its end over a good part of its length,
 * and so stands close together when shapes are sorted by their beginnings or by their ends.
 * @param isAsked of each pair one must be
 */
async function findNearCopies(store: DuplicateStore, byStart: readonly CodeForm[], byEnd: readonly CodeForm[], isAsked: (unit: CodeForm) => boolean, pause: () => Promise<void> | undefined): Promise<Map<number, NearCopy[]>> {
  const found = new Map<number, NearCopy[]>();
  const add = (from: number, chunkId: number, score: number): void => void found.set(from, [...(found.get(from) ?? []), { chunkId, score }]);
  const tokensOf = ({ chunkId }: CodeForm): readonly CodeToken[] => store.placesOf([chunkId]).slice(0, 1).flatMap(({ text, lang }) => tokeniseCode(text, lang));
  const seen = new Set<string>();
  for (const [sorted, sharedFirst, sharedLast] of [[byStart, sharedStart, sharedEnd], [byEnd, sharedEnd, sharedStart]] as const) {
    const asked = sorted.map(isAsked);
    for (const [i, unit] of sorted.entries()) {
      await pause();
      for (let next = i + 1; next < sorted.length && next <= i + followers; next++) {
        if (!asked[i] && !asked[next]) continue;
        const other = sorted[next]!;
        const first = sharedFirst(unit.shape, other.shape);
        // Whoever follows shares less of the beginning, and one side of the stretch has at least half of what is shared.
        if (first < (leastShared / 2) * unit.shape.length) break;
        const [shorter, longer] = unit.shape.length < other.shape.length ? [unit.shape.length, other.shape.length] : [other.shape.length, unit.shape.length];
        const pair = unit.chunkId < other.chunkId ? `${unit.chunkId} ${other.chunkId}` : `${other.chunkId} ${unit.chunkId}`;
        if (first + Math.min(shorter - first, sharedLast(unit.shape, other.shape)) < leastShared * longer || seen.has(pair)) continue;
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

/** What filters leave out: no copy, where the rest of them says which copies are wanted. */
function exclusionsOf({ excludeLangs, excludeGlobs, tests }: Filters): Filters {
  return { ...(excludeLangs && { excludeLangs }), ...(excludeGlobs && { excludeGlobs }), ...(tests === false && { tests }) };
}

/** Chunks of very different length are related, not duplicates, however close their vectors are. */
function comparable(a: CodeForm, b: CodeForm): boolean {
  return Math.min(a.lines, b.lines) >= 0.5 * Math.max(a.lines, b.lines);
}

function group(kind: DuplicateGroup["kind"], similarity: number, lines: number, places: readonly Place[]): DuplicateGroup {
  const members = places.map((place) => ({ path: place.path, startLine: place.startLine, endLine: place.endLine, symbol: mainSymbol(place), snippet: snippetOf(place.text) }));
  const isAside = places.every((place) => place.isTest || place.isGenerated || isDocument(place) || isCatalogue(place));
  return { kind, similarity, lines, members, ...(isAside && { aside: true as const }) };
}

/** Copies whose places follow each other everywhere, or overlap as windows do, are one copy in pieces. What is merely alike is judged piece by piece. */
function joined(groups: readonly DuplicateGroup[]): DuplicateGroup[] {
  const [alike, copies] = [groups.filter(({ kind }) => kind === "semantic"), groups.filter(({ kind }) => kind !== "semantic")];
  const whole: DuplicateGroup[] = [];
  for (const sameFiles of Map.groupBy(copies, ({ members }) => members.map(({ path }) => path).join("\0")).values()) {
    let last: DuplicateGroup | undefined;
    for (const next of sameFiles.sort((a, b) => a.members[0]!.startLine - b.members[0]!.startLine)) {
      const goesOn = last?.members.every((member, i) => follows(member, next.members[i]!));
      if (last && goesOn) whole[whole.length - 1] = last = joinedTo(last, next);
      else whole.push((last = next));
    }
  }
  return [...whole, ...alike];
}

type Member = DuplicateGroup["members"][number];

function follows(before: Member, next: Member): boolean {
  return next.startLine > before.startLine && next.startLine <= before.endLine + 1 + emptyRows;
}

function joinedTo(before: DuplicateGroup, next: DuplicateGroup): DuplicateGroup {
  const members = before.members.map((member, i) => ({ ...member, endLine: Math.max(member.endLine, next.members[i]!.endLine), symbol: member.symbol || next.members[i]!.symbol }));
  const rows = members[0]!.endLine - members[0]!.startLine + 1;
  // A page that a program fills in is no prose, even where only its end tells.
  return { ...(before.aside ? next : before), kind: next.kind === "renamed" ? "renamed" : before.kind, lines: Math.min(before.lines + next.lines, rows), members };
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

/** Resolves at once most of the time; every `sliceMs` lets the event loop run and notices cancellation. */
function pacer(signal: AbortSignal | undefined): () => Promise<void> | undefined {
  let sliceStarted = performance.now();
  return () => {
    if (performance.now() - sliceStarted < sliceMs) return undefined;
    return yieldToEventLoop().then(() => {
      signal?.throwIfAborted();
      sliceStarted = performance.now();
    });
  };
}
