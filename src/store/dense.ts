// Dense search with the vectors of one model: a tier per depth, every live chunk in the tier of its deepest vector only, hits of the tiers merged.
import { depths, type Depth, type EncoderModel, type Int8Vector, isDeeper, prefixWidth, type QueryVectors } from "../encoding/encoder.ts";
import { Tier, type GraphModule } from "./graphs.ts";
import { cosineWithRemainder, LanguageMeans, remainder, spread } from "./languageMeans.ts";
import { dequantise } from "../encoding/int8.ts";
import type { ChunkVector } from "./records.ts";
import type { AllowedChunks } from "./allowed.ts";
import { type Scored, VectorRows } from "./vectors.ts";

export interface DenseHit {
  readonly chunkId: number;
  /** Cosine of the query with the stored int8 vector (rescored, not the graph's own distance). */
  readonly score: number;
  /**
   * Comparable between hits of different depths; hits are sorted by it. Equal to `score` when the model's exits share one space; else the
   * score mapped to the instant exit's scale by the mean and spread of both exits on the same chunks.
   */
  readonly calibrated: number;
  readonly depth: Depth;
}

/** Reads stored instant vectors of chunks that are held at a deeper tier. */
type ReadInstant = (chunkIds: readonly number[]) => readonly ChunkVector[];

/** Languages of chunks, each chunk once; unknown chunks are left out. */
type LanguagesOf = (chunkIds: readonly number[]) => Iterable<readonly [chunkId: number, lang: string]>;

/** Chunks looked at for each one wanted, when whole vectors stand for what remains of them. */
const CODE_POOL = 3;
/** Enough pairs for a mean and a spread; 2 × 256 dot products a query. */
const CALIBRATION_PAIRS = 256;
const LEAST_PAIRS = 32;
/** Vectors of a depth among which those of a language are looked for: asking for the language of a million chunks took 3.7 s. */
const MEANS_OVER = 100_000;

interface Calibration {
  /** Size of the tier when the sample was taken. */
  readonly size: number;
  readonly own: VectorRows;
  readonly instant: VectorRows;
}

export class ModelVectors {
  readonly model: EncoderModel;
  readonly tiers: Readonly<Record<Depth, Tier>>;
  readonly #readInstant: ReadInstant;
  readonly #calibrations = new Map<Depth, Calibration>();
  #means: { readonly sizes: readonly number[]; readonly means: LanguageMeans } | undefined;

  constructor(model: EncoderModel, database: string, module: GraphModule | undefined, graphFrom: number, readInstant: ReadInstant) {
    this.model = model;
    this.#readInstant = readInstant;
    // Enough to find what whole vectors then put into order: measured on Go's library with strata-code-small, 99.6 % of the 80 nearest of 44,291 chunks are
    // among the 320 nearest by 128 of 384 dimensions. A graph of 256 takes twice the memory and time to insert.
    const graphDims = prefixWidth(model, 128);
    const tier = (depth: Depth) => new Tier({ database, model: model.hash, depth, dims: model.dims, graphDims }, module, graphFrom);
    this.tiers = { instant: tier("instant"), shallow: tier("shallow"), deep: tier("deep") };
  }
  get count(): number {
    return depths.reduce((sum, depth) => sum + this.tiers[depth].rows.count, 0);
  }
  /** Depth of the vector that a chunk is searched by. */
  depthOf(chunkId: number): Depth | undefined {
    return depths.findLast((depth) => this.tiers[depth].rows.has(chunkId));
  }
  /** Takes a vector in; a shallower one of the same chunk leaves, a deeper one makes this a no-op. */
  add(chunkId: number, depth: Depth, vector: Int8Vector): void {
    const held = this.depthOf(chunkId);
    if (held !== undefined) {
      if (!isDeeper(depth, held)) return;
      this.tiers[held].remove(chunkId);
    }
    this.tiers[depth].add(chunkId, vector);
  }
  remove(chunkId: number): void {
    for (const depth of depths) this.tiers[depth].remove(chunkId);
  }

  /** The k best over all tiers. */
  search(query: QueryVectors, k: number, allowed?: AllowedChunks): DenseHit[] {
    const hits = depths.flatMap((depth) => this.#hits(query, depth, this.tiers[depth].search(this.#queryAt(query, depth), k, allowed)));
    return hits.sort(byCalibrated).slice(0, k);
  }
  /** These chunks, best first; those without a vector are left out. */
  score(query: QueryVectors, chunkIds: readonly number[]): DenseHit[] {
    const hits = depths.flatMap((depth) => {
      const { rows } = this.tiers[depth];
      if (rows.count === 0) return [];
      const prepared = rows.prepare(this.#queryAt(query, depth));
      const scored: Scored[] = [];
      for (const chunkId of new Set(chunkIds)) {
        const row = rows.rowOf(chunkId);
        if (row !== undefined) scored.push({ chunkId, score: rows.score(prepared, row) });
      }
      return this.#hits(query, depth, scored);
    });
    return hits.sort(byCalibrated);
  }
  /**
   * The k chunks nearest to code in `lang`: cosines of what remains of both vectors without what their languages have in common (languageMeans.ts). With a
   * model whose exits have spaces of their own these are plain cosines.
   */
  searchCode(query: QueryVectors, lang: string, k: number, languagesOf: LanguagesOf, allowed?: AllowedChunks): DenseHit[] {
    if (!this.model.sharedSpace) return this.search(query, k, allowed);
    const rest = remainder(query.deep, this.#languageMeans(languagesOf).of(lang, "deep"));
    // The graphs and scans know whole vectors: a wider pool, put into order by what remains of them.
    const pool = this.search({ instant: rest, shallow: rest, deep: rest }, CODE_POOL * k, allowed);
    return this.scoreCode(query, lang, pool.map((hit) => hit.chunkId), languagesOf).slice(0, k);
  }
  /** These chunks by the same measure, best first; those without a vector are left out. */
  scoreCode(query: QueryVectors, lang: string, chunkIds: readonly number[], languagesOf: LanguagesOf): DenseHit[] {
    if (!this.model.sharedSpace) return this.score(query, chunkIds);
    const means = this.#languageMeans(languagesOf);
    const rest = remainder(query.deep, means.of(lang, "deep"));
    const hits = [...languagesOf([...new Set(chunkIds)])].flatMap(([chunkId, own]) => {
      const depth = this.depthOf(chunkId);
      if (depth === undefined) return [];
      const score = cosineWithRemainder(rest, this.floatsOf(chunkId)!, means.of(own, depth));
      return [{ chunkId, score, calibrated: score, depth }];
    });
    return hits.sort(byCalibrated);
  }
  /** The vector that a chunk is searched by; undefined without one. */
  floatsOf(chunkId: number): Float32Array | undefined {
    const depth = this.depthOf(chunkId);
    if (depth === undefined) return undefined;
    const { rows } = this.tiers[depth];
    const row = rows.rowOf(chunkId)!;
    return dequantise({ values: rows.valuesAt(row), scale: rows.scaleAt(row) });
  }
  /** Means move slowly: a tenth more or fewer vectors at a depth is soon enough. */
  #languageMeans(languagesOf: LanguagesOf): LanguageMeans {
    const sizes = depths.map((depth) => this.tiers[depth].rows.count);
    const known = this.#means;
    if (known && sizes.every((size, i) => Math.abs(size - known.sizes[i]!) <= known.sizes[i]! / 10)) return known.means;
    const chunks = [...languagesOf(depths.flatMap((depth) => spread(this.tiers[depth].rows.ids(), MEANS_OVER)))].map(([chunkId, lang]) => ({ chunkId, lang, depth: this.depthOf(chunkId)! }));
    const means = new LanguageMeans(this.model.dims, chunks, ({ chunkId }) => this.floatsOf(chunkId)!);
    this.#means = { sizes, means };
    return means;
  }
  #queryAt(query: QueryVectors, depth: Depth): Float32Array {
    return query[this.model.sharedSpace ? "deep" : depth];
  }
  #hits(query: QueryVectors, depth: Depth, scored: readonly Scored[]): DenseHit[] {
    if (scored.length === 0) return [];
    const calibrated = this.#calibration(query, depth);
    return scored.map(({ chunkId, score }) => ({ chunkId, score, calibrated: calibrated(chunkId, score), depth }));
  }

  /**
   * Cosines of different exits have different distributions, and a tier holds few chunks at first, and not random ones (what was looked at is
   * deepened first). So the scales are fitted to each other for this query on chunks that have both vectors, which is free of that bias. Too few
   * pairs say nothing about the spread: those chunks count by their own instant vectors.
   */
  #calibration(query: QueryVectors, depth: Depth): (chunkId: number, score: number) => number {
    if (this.model.sharedSpace || depth === "instant") return (_, score) => score;
    const { own, instant } = this.#calibrationOf(depth);
    const ownMoments = moments(own, query[depth]);
    const instantMoments = moments(instant, query.instant);
    if (ownMoments === undefined || instantMoments === undefined) return (_, score) => score;
    const shifted = (score: number, slope: number) => instantMoments.mean + (score - ownMoments.mean) * slope;
    if (own.count >= LEAST_PAIRS) {
      const slope = ownMoments.spread > 1e-6 ? instantMoments.spread / ownMoments.spread : 1;
      return (_, score) => shifted(score, slope);
    }
    const prepared = instant.prepare(query.instant);
    return (chunkId, score) => {
      const row = instant.rowOf(chunkId);
      return row === undefined ? shifted(score, 1) : instant.score(prepared, row);
    };
  }
  #calibrationOf(depth: Depth): Calibration {
    const { rows } = this.tiers[depth];
    const known = this.#calibrations.get(depth);
    if (known && known.own.count > 0 && (known.own.count < LEAST_PAIRS ? rows.count === known.size : rows.count < 2 * known.size)) return known;
    const ids = rows.ids();
    const sample = spread(ids, CALIBRATION_PAIRS);
    const calibration = { size: rows.count, own: new VectorRows(this.model.dims), instant: new VectorRows(this.model.dims) };
    for (const { chunkId, vector } of this.#readInstant(sample)) {
      const row = rows.rowOf(chunkId)!;
      calibration.own.add(chunkId, { values: rows.valuesAt(row), scale: rows.scaleAt(row) });
      calibration.instant.add(chunkId, vector);
    }
    this.#calibrations.set(depth, calibration);
    return calibration;
  }
}

const byCalibrated = (a: DenseHit, b: DenseHit): number => b.calibrated - a.calibrated || a.chunkId - b.chunkId;

function moments(rows: VectorRows, query: Float32Array): { readonly mean: number; readonly spread: number } | undefined {
  const n = rows.count;
  if (n === 0) return undefined;
  const prepared = rows.prepare(query);
  let sum = 0;
  let squares = 0;
  for (let row = 0; row < n; row++) {
    const score = rows.score(prepared, row);
    sum += score;
    squares += score * score;
  }
  const mean = sum / n;
  return { mean, spread: Math.sqrt(Math.max(0, squares / n - mean * mean)) };
}
