// Vectors tell in which language code is written, and code of one language draws together for that alone. What all code of a language has in common
// is the mean of its vectors; cosines of what remains compare what code does, across languages too.
import type { Depth } from "../encoding/encoder.ts";
import { normalise } from "../encoding/int8.ts";

/** A chunk as far as means are concerned. */
export interface Spoken {
  readonly chunkId: number;
  readonly lang: string;
  readonly depth: Depth;
}

/** Vectors that one mean is taken over; more change it little. */
const sampleSize = 256;
/**
 * How many vectors the mean that one falls back on counts for: that of the language at every depth, then that of everything, then none. So an index of
 * three chunks is hardly moved, and a language that is not in the index is moved as the whole is.
 */
const fallbackCount = 20;

export class LanguageMeans {
  readonly #byLanguage = new Map<string, { readonly whole: Float32Array; readonly byDepth: ReadonlyMap<Depth, Float32Array> }>();
  readonly #whole: Float32Array;

  /** @param vectorOf unit vector of a chunk at its depth */
  constructor(dims: number, chunks: Iterable<Spoken>, vectorOf: (chunk: Spoken) => Float32Array) {
    const sumsAt = (own: readonly Spoken[]) => new Map(Array.from(Map.groupBy(own, ({ depth }) => depth), ([depth, list]) => [depth, new Sum(dims).over(spread(list, sampleSize), vectorOf)]));
    const sums = new Map(Array.from(Map.groupBy(chunks, ({ lang }) => lang), ([lang, own]) => [lang, sumsAt(own)]));
    const all = [...sums.values()].flatMap((byDepth) => [...byDepth.values()]);
    this.#whole = Sum.joined(dims, all).mean();
    for (const [lang, byDepth] of sums) {
      const whole = Sum.joined(dims, [...byDepth.values()]).mean(this.#whole);
      this.#byLanguage.set(lang, { whole, byDepth: new Map([...byDepth].map(([depth, sum]) => [depth, sum.mean(whole)])) });
    }
  }

  /** What code of this language has in common at this depth; a language without chunks gets what everything has in common. */
  of(lang: string, depth: Depth): Float32Array {
    const known = this.#byLanguage.get(lang);
    return known?.byDepth.get(depth) ?? known?.whole ?? this.#whole;
  }
}

/** At most `most` of a list, evenly spread over it. */
export function spread<T>(list: readonly T[], most: number): readonly T[] {
  const step = Math.max(1, list.length / most);
  return Array.from({ length: Math.min(list.length, most) }, (_, i) => list[Math.floor(i * step)]!);
}

class Sum {
  count = 0;
  readonly #values: Float32Array;

  constructor(dims: number) {
    this.#values = new Float32Array(dims);
  }
  static joined(dims: number, parts: readonly Sum[]): Sum {
    const joined = new Sum(dims);
    for (const part of parts) joined.#add(part.#values, part.count);
    return joined;
  }
  over(chunks: readonly Spoken[], vectorOf: (chunk: Spoken) => Float32Array): this {
    for (const chunk of chunks) this.#add(vectorOf(chunk), 1);
    return this;
  }
  #add(values: Float32Array, count: number): void {
    for (let i = 0; i < values.length; i++) this.#values[i]! += values[i]!;
    this.count += count;
  }
  /** Drawn towards `fallback`, the more the fewer vectors there were. */
  mean(fallback?: Float32Array): Float32Array {
    return this.#values.map((value, i) => (value + fallbackCount * (fallback?.[i] ?? 0)) / (this.count + fallbackCount));
  }
}

/** What remains of a vector without a mean, at unit length; zeros when nothing does. */
export function remainder(vector: Float32Array, mean: Float32Array): Float32Array {
  return normalise(vector.map((value, i) => value - mean[i]!));
}

/** Cosine of a unit vector with what remains of another without its mean. */
export function cosineWithRemainder(unit: Float32Array, vector: Float32Array, mean: Float32Array): number {
  let [dot, squares] = [0, 0];
  for (let i = 0; i < unit.length; i++) {
    const rest = vector[i]! - mean[i]!;
    dot += unit[i]! * rest;
    squares += rest * rest;
  }
  return squares > 0 ? dot / Math.sqrt(squares) : 0;
}
