// The search side of the store in plain arrays: exact BM25 and exact cosines. What unit tests of search and the fitting of ranking run on.
import { hash128 } from "../../src/base/hash.ts";
import { sum } from "../../src/base/statistics.ts";
import { type Depth, depths, type InstantEncoder, type Int8Vector, type QueryVectors } from "../../src/encoding/encoder.ts";
import { dequantise, dot } from "../../src/encoding/int8.ts";
import type { SearchStore } from "../../src/search/candidates.ts";
import type { DuplicateStore } from "../../src/search/duplicates.ts";
import { analyse } from "../../src/search/terms.ts";
import { cosineWithRemainder, LanguageMeans, remainder, type Spoken } from "../../src/store/languageMeans.ts";
import { ImportGraph } from "../../src/store/imports.ts";
import { type ChunkCode, type Coverage, type DenseHit, fileMatcher, type FileRecord, type Filters, lexicalFields, type LexicalField, type LexicalHit, type Place, type TermPlaces } from "../../src/store/store.ts";

/** A chunk to put into the store; everything but path and text has a default. */
export interface MemoryChunk extends Partial<Omit<Place, "place" | "chunkId" | "depth">> {
  readonly path: string;
  readonly text: string;
  readonly vectors?: Partial<Record<Depth, Float32Array>>;
}

interface Row {
  readonly place: Place;
  readonly counts: readonly ReadonlyMap<string, number>[];
  /** Terms per field. */
  readonly lengths: readonly number[];
}

// FTS5's own constants, so that figures carry over.
const k1 = 1.2;
const b = 0.75;

export class MemoryStore implements SearchStore, DuplicateStore {
  /** Vectors deeper than this are not looked at: one store serves the ablation of every exit. */
  depthLimit: Depth = "deep";
  /** Chunks of every depth meet the query's deep vector, as with a model whose exits share one space. */
  sharedSpace = false;
  readonly #rows = new Map<number, Row>();
  readonly #vectors = new Map<number, Map<Depth, Float32Array>>();
  readonly #chunkIds = new Map<string, number>();
  readonly #postings = new Map<string, number[]>();
  readonly #placesOfChunk = new Map<number, number[]>();
  #placesPerChunk: ReadonlyMap<number, number> | undefined;
  readonly #imports = new ImportGraph();
  readonly #importers = new Map<string, { readonly id: number; readonly path: string; readonly lang: string }>();
  readonly #files = new Map<string, FileRecord>();
  /** Per field, and of the whole. */
  readonly #meanLengths: readonly number[];
  readonly #meanLength: number;

  /** @param imports what each path imports, as written */
  constructor(chunks: readonly MemoryChunk[], imports: ReadonlyMap<string, readonly string[]> = new Map()) {
    chunks.forEach((chunk, i) => {
      const identity = `${chunk.lang ?? ""}\0${chunk.breadcrumb ?? ""}\0${chunk.text}`;
      const chunkId = this.#chunkIds.get(identity) ?? this.#chunkIds.size + 1;
      this.#chunkIds.set(identity, chunkId);
      if (chunk.vectors) this.#vectors.set(chunkId, new Map(Object.entries(chunk.vectors) as [Depth, Float32Array][]));
      const { vectors: _, ...given } = chunk;
      const place: Place = {
        startLine: 1,
        endLine: chunk.text.split("\n").length,
        lang: "typescript",
        kind: "function",
        symbols: [],
        breadcrumb: "",
        doc: "",
        isTest: false,
        isGenerated: false,
        depth: undefined,
        ...given,
        place: i + 1,
        chunkId,
      };
      const texts: Record<LexicalField, string> = { symbol: place.symbols.join(" "), breadcrumb: place.breadcrumb, path: place.path, doc: place.doc, body: place.text };
      const counts = lexicalFields.map((field) => countTerms(analyse(texts[field])));
      this.#files.set(place.path, { path: place.path, hash: hash128(this.#files.get(place.path)?.hash ?? "", place.symbols.join(" "), place.text), lang: place.lang, isTest: place.isTest, chunks: (this.#files.get(place.path)?.chunks ?? 0) + 1, size: 0, mtimeMs: 0 });
      this.#placesOfChunk.set(chunkId, [...(this.#placesOfChunk.get(chunkId) ?? []), place.place]);
      this.#rows.set(place.place, { place, counts, lengths: counts.map((field) => sum([...field.values()])) });
      for (const term of new Set(counts.flatMap((field) => [...field.keys()]))) {
        const posting = this.#postings.get(term);
        if (posting) posting.push(place.place);
        else this.#postings.set(term, [place.place]);
      }
    });
    [...this.#files.values()].forEach(({ path, lang }, id) => {
      this.#importers.set(path, { id, path, lang });
      this.#imports.set({ id, path, lang, imports: imports.get(path) ?? [] });
    });
    this.#meanLengths = lexicalFields.map((_, field) => Math.max(0.1, sum([...this.#rows.values()].map((row) => row.lengths[field]!)) / Math.max(1, chunks.length)));
    this.#meanLength = sum(this.#meanLengths);
  }

  files(): ReadonlyMap<string, FileRecord> {
    return this.#files;
  }

  coverage(): Coverage {
    const at = (depth: Depth) => [...this.#chunkIds.values()].filter((chunkId) => this.#depthOf(chunkId) === depth).length;
    const [shallow, deep] = [at("shallow"), at("deep")];
    return { files: this.#files.size, chunks: this.#chunkIds.size, instant: at("instant") + shallow + deep, shallow: shallow + deep, deep };
  }

  searchLexical(terms: readonly string[], phrases: readonly string[], weights: readonly number[], limit: number, filters: Filters): readonly LexicalHit[] {
    const accepts = fileMatcher(filters);
    const found = terms.length > 0 ? new Set(terms.flatMap((term) => this.#postings.get(term) ?? [])) : new Set(this.#rows.keys());
    const hits: LexicalHit[] = [];
    for (const id of found) {
      const row = this.#rows.get(id)!;
      if (!accepts(row.place) || !phrases.every((phrase) => row.place.text.includes(phrase))) continue;
      hits.push({ place: id, chunkId: row.place.chunkId, score: this.#bm25(terms, (term) => weightedCount(row, term, weights), sum(row.lengths) / this.#meanLength) });
    }
    return hits.sort((x, y) => y.score - x.score || x.place - y.place).slice(0, limit);
  }

  *searchVerbatim(phrases: readonly string[], limit: number, filters: Filters): Generator<readonly LexicalHit[]> {
    yield this.searchLexical([], phrases, [], limit, filters);
  }

  placesSaying(term: string): number {
    return this.#postings.get(term)?.length ?? 0;
  }

  termsLike(start: string, least: number, most: number): readonly TermPlaces[] {
    return [...this.#postings].filter(([term]) => term.startsWith(start) && term.length >= least && term.length <= most).map(([term, places]) => ({ term, places: places.length }));
  }

  /** Each field as if it were the whole document: its own length against the mean length of that field. */
  lexicalMatches(terms: readonly string[], places: readonly number[]): { idf: readonly number[]; places: ReadonlyMap<number, { fields: readonly number[]; terms: readonly number[] }> } {
    const ofTermInField = (row: Row, term: string, field: number) => this.#bm25([term], (wanted) => row.counts[field]!.get(wanted) ?? 0, row.lengths[field]! / this.#meanLengths[field]!);
    const match = (row: Row) => ({
      fields: lexicalFields.map((_, field) => sum(terms.map((term) => ofTermInField(row, term, field)))),
      terms: terms.map((term) => sum(lexicalFields.map((_, field) => ofTermInField(row, term, field)))),
    });
    return { idf: terms.map((term) => this.#idf(term)), places: new Map(places.map((id) => [id, match(this.#rows.get(id)!)])) };
  }

  #idf(term: string): number {
    const documents = this.#postings.get(term)?.length ?? 0;
    return Math.max(1e-6, Math.log((this.#rows.size - documents + 0.5) / (documents + 0.5)));
  }

  #bm25(terms: readonly string[], frequency: (term: string) => number, relativeLength: number): number {
    let score = 0;
    for (const term of terms) {
      const tf = frequency(term);
      if (tf > 0) score += (this.#idf(term) * tf * (k1 + 1)) / (tf + k1 * (1 - b + b * relativeLength));
    }
    return score;
  }

  allowedBy(filters: Filters): { readonly chunks: ReadonlySet<number>; readonly isEmpty: boolean } {
    const accepts = fileMatcher(filters);
    const chunks = new Set([...this.#rows.values()].filter((row) => accepts(row.place)).map((row) => row.place.chunkId));
    return { chunks, isEmpty: chunks.size === 0 };
  }

  searchDense(query: QueryVectors, k: number, filters: Filters): readonly DenseHit[] {
    return this.scoreChunks(query, [...this.allowedBy(filters).chunks]).slice(0, k);
  }

  scoreChunks(query: QueryVectors, chunkIds: readonly number[]): readonly DenseHit[] {
    const hits = chunkIds.flatMap((chunkId) => {
      const depth = this.#depthOf(chunkId);
      if (!depth) return [];
      const score = dot(query[this.sharedSpace ? "deep" : depth], this.#vectors.get(chunkId)!.get(depth)!);
      return [{ chunkId, score, calibrated: score, depth }];
    });
    return hits.sort((x, y) => y.calibrated - x.calibrated || x.chunkId - y.chunkId);
  }

  searchCode(query: QueryVectors, lang: string, k: number, filters: Filters): readonly DenseHit[] {
    return this.scoreCode(query, lang, [...this.allowedBy(filters).chunks]).slice(0, k);
  }

  scoreCode(query: QueryVectors, lang: string, chunkIds: readonly number[]): readonly DenseHit[] {
    if (!this.sharedSpace) return this.scoreChunks(query, chunkIds);
    const spoken = [...this.#vectors.keys()].flatMap((chunkId): Spoken[] => {
      const depth = this.#depthOf(chunkId);
      return depth ? [{ chunkId, depth, lang: this.placesOf([chunkId])[0]!.lang }] : [];
    });
    const vectorOf = ({ chunkId, depth }: Spoken) => this.#vectors.get(chunkId)!.get(depth)!;
    const means = new LanguageMeans(query.deep.length, spoken, vectorOf);
    const rest = remainder(query.deep, means.of(lang, "deep"));
    const wanted = new Set(chunkIds);
    const hits = spoken.filter(({ chunkId }) => wanted.has(chunkId)).map((chunk) => {
      const score = cosineWithRemainder(rest, vectorOf(chunk), means.of(chunk.lang, chunk.depth));
      return { chunkId: chunk.chunkId, score, calibrated: score, depth: chunk.depth };
    });
    return hits.sort((x, y) => y.calibrated - x.calibrated || x.chunkId - y.chunkId);
  }

  #depthOf(chunkId: number): Depth | undefined {
    const vectors = this.#vectors.get(chunkId);
    const allowed = depths.slice(0, depths.indexOf(this.depthLimit) + 1);
    return allowed.findLast((depth) => vectors?.has(depth));
  }

  putVectors(depth: "shallow" | "deep", vectors: readonly { chunkId: number; vector: Int8Vector }[]): void {
    for (const { chunkId, vector } of vectors) {
      const ofChunk = this.#vectors.get(chunkId) ?? new Map<Depth, Float32Array>();
      ofChunk.set(depth, dequantise(vector));
      this.#vectors.set(chunkId, ofChunk);
    }
  }

  #current(place: Place): Place {
    return { ...place, depth: this.#depthOf(place.chunkId) };
  }

  placesOf(chunkIds: readonly number[]): readonly Place[] {
    return this.places(chunkIds.flatMap((id) => this.#placesOfChunk.get(id) ?? []));
  }

  places(places: readonly number[]): readonly Place[] {
    return places.map((id) => this.#current(this.#rows.get(id)!.place));
  }

  placesInFile(path: string, startLine = 1, endLine = Number.MAX_SAFE_INTEGER): readonly Place[] {
    return [...this.#rows.values()]
      .map((row) => this.#current(row.place))
      .filter((place) => place.path === path && place.startLine <= endLine && place.endLine >= startLine)
      .sort((x, y) => x.startLine - y.startLine);
  }

  namesIn(paths: readonly string[]): ReadonlyMap<string, readonly string[]> {
    return new Map(paths.map((path) => [path, this.placesInFile(path).flatMap((place) => place.symbols)]));
  }

  definitions(names: readonly string[], limit: number): readonly Place[] {
    const wanted = new Set(names.map((name) => name.toLowerCase()));
    return [...this.#rows.values()]
      .map((row) => this.#current(row.place))
      .filter((place) => place.symbols.some((symbol) => wanted.has(symbol.toLowerCase())))
      .slice(0, limit);
  }

  importCounts(paths: readonly string[]): ReadonlyMap<string, number> {
    return new Map(this.#filesOf(paths).map((file) => [file.path, this.#imports.count(file)]));
  }

  importNeighbours(paths: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#imports.neighbours(this.#filesOf(paths));
  }

  #filesOf(paths: readonly string[]) {
    return paths.flatMap((path) => this.#importers.get(path) ?? []);
  }

  placesPerChunk(): ReadonlyMap<number, number> {
    return (this.#placesPerChunk ??= new Map([...this.#placesOfChunk].map(([chunkId, places]) => [chunkId, places.length])));
  }

  *codeOf(chunkIds: readonly number[]): Generator<ChunkCode> {
    for (const chunkId of chunkIds) {
      const { kind, text, lang } = this.#rows.get(this.#placesOfChunk.get(chunkId)![0]!)!.place;
      yield { chunkId, kind, text, lang };
    }
  }

  neighbours(chunkId: number, k: number, allowed?: Pick<ReadonlySet<number>, "has">): readonly DenseHit[] {
    const depth = this.#depthOf(chunkId);
    if (!depth) return [];
    const own = this.#vectors.get(chunkId)!.get(depth)!;
    return this.scoreChunks({ instant: own, shallow: own, deep: own }, [...this.#vectors.keys()].filter((id) => id !== chunkId && (allowed?.has(id) ?? true))).slice(0, k);
  }
}

/** Of chunks that were read at instant depth. */
export function readStore(instant: InstantEncoder, chunks: readonly MemoryChunk[]): MemoryStore {
  return new MemoryStore(chunks.map((chunk) => ({ ...chunk, vectors: { instant: dequantise(instant.embed({ breadcrumb: chunk.breadcrumb ?? "", text: chunk.text })) } })));
}

function countTerms(terms: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  return counts;
}

function weightedCount(row: Row, term: string, weights: readonly number[]): number {
  return row.counts.reduce((total, field, i) => total + weights[i]! * (field.get(term) ?? 0), 0);
}
