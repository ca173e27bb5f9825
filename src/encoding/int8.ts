// Unit vectors as int8 with one scale: how vectors are kept, sent between threads and compared. The only place that rounds them.
import type { Int8Vector } from "./encoder.ts";

/** `scale` is max|v|/127, so the largest component becomes ±127; a zero vector has scale 0. */
export function quantise(vector: Float32Array): Int8Vector {
  let largest = 0;
  for (let i = 0; i < vector.length; i++) largest = Math.max(largest, Math.abs(vector[i]!));
  const values = new Int8Array(vector.length);
  if (largest === 0) return { values, scale: 0 };
  const scale = largest / 127;
  const inverse = 127 / largest;
  for (let i = 0; i < vector.length; i++) values[i] = Math.round(vector[i]! * inverse);
  return { values, scale };
}

export function dequantise(vector: Int8Vector): Float32Array {
  const out = new Float32Array(vector.values.length);
  for (let i = 0; i < out.length; i++) out[i] = vector.values[i]! * vector.scale;
  return out;
}

/** The first `dims` components, at unit length again; the vector itself when it has no more. */
export const leading = (vector: Float32Array, dims: number): Float32Array => (vector.length === dims ? vector : normalise(vector.slice(0, dims)));

/** Of vectors of one width; the cosine where both have unit length. */
export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Divides by the length, in place; a zero vector stays zero, and one that has no length becomes it. */
export function normalise(vector: Float32Array): Float32Array {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i]! * vector[i]!;
  if (!(sum > 0 && sum < Infinity)) return vector.fill(0);
  const inverse = 1 / Math.sqrt(sum);
  for (let i = 0; i < vector.length; i++) vector[i]! *= inverse;
  return vector;
}
