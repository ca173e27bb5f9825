// Collects what might answer a query: BM25 over the fields, nearest vectors, exact definitions, and places named by a stack trace.
// Every candidate leaves with all its raw signals, whichever way it was found, so that ranking compares like with like.
import { yieldToEventLoop } from "../base/abort.ts";
import { sum } from "../base/statistics.ts";
import type { Depth, QueryVectors } from "../encoding/encoder.ts";
import { type DenseHit, fileMatcher, type Filters, type LexicalHit, type Place, type Store } from "../store/store.ts";
import { goImplementers } from "./goImplementers.ts";
import { filtersOf, lastName, namesIn, type ParsedQuery, parseQuery } from "./query.ts";
import { isRelated, relatedTo, type Relation } from "./relations.ts";
import { analyse } from "./terms.ts";
import { holding, messageOf } from "./wording.ts";

/** The part of the store that search reads. */
export type SearchStore = Pick<
  Store,
  "searchLexical" | "searchVerbatim" | "placesSaying" | "termsLike" | "lexicalMatches" | "searchDense" | "scoreChunks" | "searchCode" | "scoreCode" | "placesOf" | "places" | "placesInFile" | "namesIn" | "definitions" | "importCounts" | "importNeighbours" | "files" | "coverage" | "putVectors"
> & { allowedBy(filters: Filters): { readonly isEmpty: boolean } | undefined };

/** A query as this index reads it: a word that it defines is a name, whatever it looks like. */
export const readQuery = (store: Pick<SearchStore, "definitions">, raw: string): ParsedQuery => parseQuery(raw, (name) => store.definitions([name], 1).length > 0);

export interface Candidate {
  readonly place: Place;
  /** BM25 per field, in the order of `lexicalFields`; zeros when no term matches. */
  readonly fields: readonly number[];
  /** BM25 per query term, all fields together; zeros when no term matches. */
  readonly terms: readonly number[];
  /** Weighted BM25 over all fields, 0 when no term matches. */
  readonly lexical: number;
  /** Cosine with the query at the chunk's deepest vector, comparable between depths; undefined without a vector or an encoder. */
  readonly dense: number | undefined;
  readonly depth: Depth | undefined;
}

/** Weights of the fields inside BM25, in the order of `lexicalFields` (symbol, breadcrumb, path, doc, body). */
export const bm25FieldWeights: readonly number[] = [4, 1.5, 2.5, 1.5, 1];

/** Of a chunk copied into many files, its vector makes only so many candidates. */
const placesPerChunk = 3;

/** Files that one line of a trace may mean: a bare `index.ts` is the name of thousands, and says nothing there. */
const filesPerLine = 50;

/** By how much code may have moved since a trace was written. */
export const linesMoved = 40;

/** Candidates from each retriever for k hits: enough that ranking can still lift what one retriever saw late. */
export function poolSize(k: number): number {
  return Math.min(400, Math.max(80, 5 * k));
}

export interface Candidates {
  readonly items: readonly Candidate[];
  /** What each query term is worth in this index, in the order of `query.terms`. */
  readonly idf: readonly number[];
  /** Where the question is for implementers: places of types that say it nowhere, by place, each with the type's name. */
  readonly implementing?: ReadonlyMap<number, string>;
}

/** What is filtered after retrieval needs a deeper look to fill the list. */
const poolOf = ({ symbolFilter, phrases }: ParsedQuery, k: number): number => poolSize(k) * (symbolFilter.length > 0 || phrases.length > 0 ? 4 : 1);

function hitsByTerms(store: SearchStore, query: ParsedQuery, k: number, filters: Filters): readonly LexicalHit[] {
  if (query.terms.length === 0) return [];
  const search = (phrases: readonly string[]) => store.searchLexical(query.terms, phrases, bm25FieldWeights, poolOf(query, k), filters);
  const hits = search(query.phrases);
  const message = messageOf(query);
  if (!message) return hits;
  const known = new Set(hits.map(({ place }) => place));
  const others = search([]).filter(({ place }) => !known.has(place));
  const saying = new Set(store.places(others.map(({ place }) => place)).filter(({ text }) => message(text)).map(({ place }) => place));
  return [...hits, ...others.filter(({ place }) => saying.has(place))].sort((a, b) => b.score - a.score);
}

/** What words bring, and of quoted text that shares no term with the index where it stands. In a large index that takes a second, in which others have their turns. */
export async function hitsByWords(store: SearchStore, query: ParsedQuery, k: number, under: string, signal: AbortSignal | undefined): Promise<readonly LexicalHit[]> {
  const filters = filtersOf(query, under);
  const byTerms = hitsByTerms(store, query, k, filters);
  if (byTerms.length > 0 || query.phrases.length === 0) return byTerms;
  const hits: LexicalHit[] = [];
  for (const slice of store.searchVerbatim(query.phrases, poolOf(query, k), filters)) {
    hits.push(...slice);
    await yieldToEventLoop();
    signal?.throwIfAborted();
  }
  return hits;
}

/** @param under directory below the root, "" for all. @param byWords `hitsByWords`; without them the texts are not scanned for quoted text */
export function gatherCandidates(store: SearchStore, query: ParsedQuery, vectors: QueryVectors | undefined, k: number, under: string, byWords?: readonly LexicalHit[]): Candidates {
  const filters = filtersOf(query, under);
  const accepts = placeFilter(query, filters);
  const pool = poolOf(query, k);

  const lexicalHits = byWords ?? hitsByTerms(store, query, k, filters);
  const lexical = new Map(lexicalHits.map((hit) => [hit.place, hit.score]));
  const dense = new Map<number, DenseHit>((vectors ? store.searchDense(vectors, pool, filters) : []).map((hit) => [hit.chunkId, hit]));

  const places = new Map<number, Place>();
  const take = (found: readonly Place[]) => {
    for (const place of found) if (!places.has(place.place) && accepts(place)) places.set(place.place, place);
  };
  take(store.places(lexicalHits.map((hit) => hit.place)));
  // Filtered first: copies that may not be shown must not stand before the one that may.
  take(fewPerChunk(store.placesOf([...dense.keys()]).filter(accepts)));
  const names = definitionNames(query);
  if (names.length > 0) take(store.definitions(names, query.symbolFilter.length > 0 ? pool : 40));
  if (query.locations.length > 0) take(placesOfTrace(store, query));
  if (query.fragment !== undefined) take(placesHolding(store, query.fragment, filters));
  if (query.relation) take(placesRelated(store, query.relation, pool, filters));
  const implementing = query.relation?.kind === "implements" ? goImplementers(store, query.relation.name) : undefined;
  if (implementing) take([...implementing.keys()]);

  const found = [...places.values()];
  const missing = [...new Set(found.map((place) => place.chunkId))].filter((id) => !dense.has(id));
  if (vectors && missing.length > 0) for (const hit of store.scoreChunks(vectors, missing)) dense.set(hit.chunkId, hit);
  const { idf, places: matches } = store.lexicalMatches(query.terms, found.map((place) => place.place));
  const noMatch = { fields: bm25FieldWeights.map(() => 0), terms: query.terms.map(() => 0) };

  // BM25 over all fields is known inside the pool only; what stands outside scores at most what its last member does.
  const leastLexical = lexicalHits.at(-1)?.score ?? 0;
  const items = found.map((place) => {
    const { fields, terms } = matches.get(place.place) ?? noMatch;
    const near = dense.get(place.chunkId);
    return { place, fields, terms, lexical: lexical.get(place.place) ?? Math.min(leastLexical, weightedMean(fields)), dense: near?.calibrated, depth: near?.depth };
  });
  return { items, idf, ...(implementing && { implementing: new Map([...implementing].map(([{ place }, type]) => [place, type])) }) };
}

function weightedMean(fields: readonly number[]): number {
  return sum(fields.map((score, i) => score * bm25FieldWeights[i]!)) / sum(bm25FieldWeights);
}

/** Names whose definitions are looked up: what is certainly a name, and a query of one or two plain words tried as one. */
function definitionNames(query: ParsedQuery): string[] {
  const names = new Set(namesIn(query));
  const words = query.text.split(/\s+/).filter((word) => /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(word));
  if (query.kind === "prose" && words.length === 2) for (const join of ["", "_"]) names.add(words.join(join));
  return [...names].filter((name) => name.length > 1);
}

/** Of what is said everywhere so many places are read, for those that implement a name or say a row of code. */
const mostRead = 2_000;

/** Places that say a text as it is written, of which `word` is one, best first by that word's weight in each field. */
function placesWith(store: SearchStore, word: string, text: string, weights: readonly number[], limit: number, filters: Filters): readonly Place[] {
  return store.places(store.searchLexical([word], [text], weights, limit, filters).map(({ place }) => place));
}

/** Places whose code says a name as it is written. Among all that share its words they would be lost. Of those that merely say it none implements it. */
function placesRelated(store: SearchStore, relation: Relation, limit: number, filters: Filters): readonly Place[] {
  const { kind, name } = relation;
  const whole = analyse(name).at(-1);
  if (whole === undefined) return [];
  const saying = (most: number) => placesWith(store, whole, name, [0, 0, 0, 0, 1], most, filters);
  if (kind === "uses") return saying(limit);
  const related = relatedTo(relation);
  return saying(mostRead).filter((place) => isRelated(related(place))).slice(0, limit);
}

/** How many places that say a row of code are taken. */
const holdingTaken = 40;

/** Places that say a row of code as it stands: its words may be everywhere. Nothing where even the rarest of them is. */
function placesHolding(store: SearchStore, fragment: string, filters: Filters): readonly Place[] {
  const [rarest] = analyse(fragment).map((term) => ({ term, places: store.placesSaying(term) })).filter(({ places }) => places > 0).sort((a, b) => a.places - b.places);
  if (rarest === undefined || rarest.places > mostRead) return [];
  return placesWith(store, rarest.term, fragment, bm25FieldWeights, holdingTaken, filters);
}

function fewPerChunk(places: readonly Place[]): Place[] {
  const seen = new Map<number, number>();
  return places.filter((place) => {
    const count = (seen.get(place.chunkId) ?? 0) + 1;
    seen.set(place.chunkId, count);
    return count <= placesPerChunk;
  });
}

/** Everything a place must satisfy; needed again here because definitions and trace lines come without filters. */
function placeFilter(query: ParsedQuery, filters: Filters): (place: Place) => boolean {
  const inFilters = fileMatcher(filters);
  const holds = query.phrases.map(holding);
  const message = messageOf(query);
  return (place) =>
    inFilters(place) &&
    (query.symbolFilter.length === 0 || query.symbolFilter.some((name) => defines(place, name))) &&
    (holds.every((test) => test(place.text)) || message?.(place.text) === true);
}

/** `store.open` is a name that holds a dot, or `open` in `Store`: around it, or beside it where both share a chunk. @param name lower-cased */
function defines({ symbols, breadcrumb }: Place, name: string): boolean {
  const own = symbols.map((symbol) => symbol.toLowerCase());
  const last = lastName(name);
  const owner = lastName(name.slice(0, -last.length).replace(/[^\p{L}\p{N}_$]+$/u, ""));
  return own.includes(name) || (owner !== "" && own.includes(last) && [...own, ...breadcrumb.toLowerCase().split(/ > |::|\./)].includes(owner));
}

/** Places under the lines of a trace. A trace names files absolutely, relatively or by bare name: the longest common ending decides. */
function placesOfTrace(store: SearchStore, query: ParsedQuery): Place[] {
  const found: Place[] = [];
  const paths = [...store.files().keys()];
  for (const location of query.locations.slice(0, 40)) {
    const name = location.path.slice(location.path.lastIndexOf("/") + 1);
    // Taking every path apart for every line took 6 s with 40 lines and 29,000 files.
    const endings = paths.filter((path) => path.endsWith(name)).map((path) => ({ path, common: commonEnding(path, location.path) })).filter((ending) => ending.common > 0);
    const longest = Math.max(0, ...endings.map((ending) => ending.common));
    const nearest = endings.filter(({ common }) => common === longest).slice(0, filesPerLine);
    const at = nearest.flatMap(({ path }) => store.placesInFile(path, location.line, location.line));
    // The code may have moved since, and the line be an empty one now.
    found.push(...(at.length > 0 ? at : nearest.flatMap(({ path }) => store.placesInFile(path, location.line - linesMoved, location.line + linesMoved))));
  }
  return found;
}

/** Number of path segments that two paths share at their ends. */
export function commonEnding(a: string, b: string): number {
  const [left, right] = [a.split("/").reverse(), b.split("/").reverse()];
  let common = 0;
  while (common < left.length && common < right.length && left[common] === right[common]) common++;
  return common;
}
