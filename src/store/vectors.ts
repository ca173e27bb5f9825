// Int8 vectors of one tier in memory, row after row, and exact search over them: the rescoring of graph candidates, the scan of what no
// graph holds yet, and the whole search where there is no graph. Knows chunk ids, not SQLite and not HNSW.
import type { Int8Vector } from "../encoding/encoder.ts";
import type { AllowedChunks } from "./allowed.ts";
import { BLOCK_ROWS, RESULTS_AT, ROWS_AT, createScan, roundedQuery, type Scan } from "../encoding/int8Kernel.ts";

export interface Scored {
  readonly chunkId: number;
  readonly score: number;
}

/** A float32 unit vector made ready for scans: int16 components with one scale, padded to the rows' stride. */
interface PreparedQuery {
  readonly values: Int16Array;
  readonly scale: number;
  readonly float: Float32Array;
}

const PAGE = 65536;
/** Of WebAssembly: 4 GB. */
const MOST_PAGES = 65536;

/** The k best of a stream, as a binary heap whose root is the worst kept. */
export class TopK {
  readonly #k: number;
  readonly #ids: number[] = [];
  readonly #scores: number[] = [];

  constructor(k: number) {
    this.#k = Math.max(1, k);
  }
  /** A score must be above this to be kept. */
  get threshold(): number {
    return this.#ids.length < this.#k ? -Infinity : this.#scores[0]!;
  }
  offer(id: number, score: number): void {
    const ids = this.#ids;
    const scores = this.#scores;
    let i: number;
    if (ids.length < this.#k) {
      i = ids.length;
      ids.push(id);
      scores.push(score);
      for (let parent = (i - 1) >> 1; i > 0 && scores[parent]! > score; parent = (i - 1) >> 1) {
        ids[i] = ids[parent]!;
        scores[i] = scores[parent]!;
        i = parent;
      }
    } else {
      if (!(score > scores[0]!)) return;
      i = 0;
      for (let child = 1; child < ids.length; child = 2 * i + 1) {
        if (child + 1 < ids.length && scores[child + 1]! < scores[child]!) child++;
        if (scores[child]! >= score) break;
        ids[i] = ids[child]!;
        scores[i] = scores[child]!;
        i = child;
      }
    }
    ids[i] = id;
    scores[i] = score;
  }
  /** Best first; equal scores in order of id, so that results are stable. */
  sorted(): Scored[] {
    return this.#ids.map((chunkId, i) => ({ chunkId, score: this.#scores[i]! })).sort((a, b) => b.score - a.score || a.chunkId - b.chunkId);
  }
}

/** Rows stay dense: removing moves the last row into the gap. Row numbers are therefore valid only until the next change. */
export class VectorRows {
  readonly dims: number;
  /** Bytes per row: dims rounded up to the kernel's 16, the rest zero. */
  readonly stride: number;
  #ids: number[] = [];
  #scales: number[] = [];
  readonly #rowOf = new Map<number, number>();
  readonly #memory: WebAssembly.Memory | undefined;
  readonly #scan: Scan | undefined;
  #bytes: Int8Array;

  constructor(dims: number) {
    this.dims = dims;
    this.stride = Math.ceil(dims / 16) * 16;
    try {
      this.#memory = new WebAssembly.Memory({ initial: 2, maximum: MOST_PAGES });
      this.#scan = createScan(this.#memory, this.stride);
    } catch {
      // Address space is limited: the plain loop does the same.
    }
    this.#bytes = this.#memory ? new Int8Array(this.#memory.buffer, ROWS_AT) : new Int8Array(PAGE);
  }
  get count(): number {
    return this.#ids.length;
  }
  has(chunkId: number): boolean {
    return this.#rowOf.has(chunkId);
  }
  rowOf(chunkId: number): number | undefined {
    return this.#rowOf.get(chunkId);
  }
  idAt(row: number): number {
    return this.#ids[row]!;
  }
  ids(): readonly number[] {
    return this.#ids;
  }
  /** A view into the rows: valid until the next change. */
  valuesAt(row: number): Int8Array {
    return this.#bytes.subarray(row * this.stride, row * this.stride + this.dims);
  }
  scaleAt(row: number): number {
    return this.#scales[row]!;
  }
  /** Appends a row. Throws when the vector has another width: vectors of different identity must never meet. */
  add(chunkId: number, vector: Int8Vector): void {
    if (vector.values.length !== this.dims) throw new RangeError(`A vector of ${vector.values.length} dimensions was given to rows of ${this.dims}`);
    if (this.#rowOf.has(chunkId)) throw new RangeError(`Chunk ${chunkId} has a row already`);
    const row = this.count;
    this.#reserve((row + 1) * this.stride);
    this.#bytes.set(vector.values, row * this.stride);
    this.#ids.push(chunkId);
    this.#scales.push(vector.scale);
    this.#rowOf.set(chunkId, row);
  }
  swap(a: number, b: number): void {
    if (a === b) return;
    const { stride } = this;
    const kept = this.#bytes.slice(a * stride, (a + 1) * stride);
    this.#bytes.copyWithin(a * stride, b * stride, (b + 1) * stride);
    this.#bytes.set(kept, b * stride);
    const [idA, idB] = [this.#ids[a]!, this.#ids[b]!];
    const [scaleA, scaleB] = [this.#scales[a]!, this.#scales[b]!];
    this.#ids[a] = idB;
    this.#ids[b] = idA;
    this.#scales[a] = scaleB;
    this.#scales[b] = scaleA;
    this.#rowOf.set(idB, a);
    this.#rowOf.set(idA, b);
  }
  removeLast(): void {
    this.#rowOf.delete(this.#ids.pop()!);
    this.#scales.pop();
  }

  prepare(query: Float32Array): PreparedQuery {
    if (query.length !== this.dims) throw new RangeError(`A query of ${query.length} dimensions was given to vectors of ${this.dims}`);
    const values = new Int16Array(this.stride);
    return { values, scale: roundedQuery(query, values), float: query };
  }
  /** Cosine of the query with one row. */
  score(query: PreparedQuery, row: number): number {
    const { float } = query;
    const bytes = this.#bytes;
    const base = row * this.stride;
    let sum = 0;
    for (let i = 0; i < float.length; i++) sum += float[i]! * bytes[base + i]!;
    return sum * this.#scales[row]!;
  }
  /** Offers every row in [from, to) whose chunk is allowed. */
  scan(query: PreparedQuery, from: number, to: number, top: TopK, allowed?: AllowedChunks): void {
    const ids = this.#ids;
    const scales = this.#scales;
    if (!this.#scan || !this.#memory) {
      for (let row = from; row < to; row++) {
        if (allowed && !allowed.has(ids[row]!)) continue;
        const score = this.score(query, row);
        if (score > top.threshold) top.offer(ids[row]!, score);
      }
      return;
    }
    new Int16Array(this.#memory.buffer, 0, query.values.length).set(query.values);
    const results = new Int32Array(this.#memory.buffer, RESULTS_AT, BLOCK_ROWS);
    for (let block = from; block < to; block += BLOCK_ROWS) {
      const size = Math.min(BLOCK_ROWS, to - block);
      this.#scan(0, ROWS_AT + block * this.stride, size, RESULTS_AT);
      let threshold = top.threshold;
      for (let i = 0; i < size; i++) {
        const row = block + i;
        const score = results[i]! * scales[row]! * query.scale;
        if (score > threshold && (!allowed || allowed.has(ids[row]!))) {
          top.offer(ids[row]!, score);
          threshold = top.threshold;
        }
      }
    }
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    // Memory that nothing was written to yet costs nothing, and each growth has V8 collect garbage.
    const wanted = Math.max(bytes, Math.min(2 * this.#bytes.length, MOST_PAGES * PAGE - ROWS_AT));
    if (this.#memory) {
      this.#memory.grow(Math.ceil((ROWS_AT + wanted) / PAGE) - this.#memory.buffer.byteLength / PAGE);
      this.#bytes = new Int8Array(this.#memory.buffer, ROWS_AT);
    } else {
      const grown = new Int8Array(Math.ceil(wanted));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
  }
}
