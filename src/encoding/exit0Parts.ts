// What the instant exit has beside its table, each two small int8 matrices (models/README.md): the attention, answer · (ask · x), says of a plain sum which of its
// words matter in it; the block, x + down · relu(up · x), sees which words meet. A few hundredths of a millisecond with WebAssembly SIMD.
import { createScan, kernelMemory, RESULTS_AT, ROWS_AT, roundedQuery, type Scan } from "./int8Kernel.ts";

/** A matrix as a model folder keeps it: float32 scales of its rows, then the rows in int8. */
interface Int8Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly scales: Float32Array;
  readonly values: Int8Array;
}

/** Bytes of a part's file: a matrix of `inner` rows that reads `dims`, then the one that gives `dims` back. */
export const partBytes = (dims: number, inner: number): number => matrixBytes(inner, dims) + matrixBytes(dims, inner);
const matrixBytes = (rows: number, columns: number) => rows * (4 + columns);

/** Adds in place what the block says of the words (`dims`); their length does not matter, zeros stay zeros. */
type Exit0Block = (words: Float32Array) => void;

/** @param bytes exit0-block.bin, from `at` on @param withSimd tests look at the plain loops */
export function exit0Block(bytes: SharedArrayBuffer, at: number, dims: number, width: number, withSimd = true): Exit0Block {
  const [up, down] = partAt(bytes, at, dims, width, withSimd);
  const inner = new Float32Array(width);
  const added = new Float32Array(dims);
  return (words) => {
    up(words, inner);
    for (let i = 0; i < width; i++) if (inner[i]! < 0) inner[i] = 0;
    down(inner, added);
    for (let d = 0; d < dims; d++) words[d]! += added[d]!;
  };
}

/** Gives the direction (`dims`) that words must go with to matter in a text of this sum; it is good until the next call. */
export type Exit0Attention = (words: Float32Array) => Float32Array;

/** @param bytes exit0-attention.bin, from `at` on @param withSimd tests look at the plain loops */
export function exit0Attention(bytes: SharedArrayBuffer, at: number, dims: number, rank: number, withSimd = true): Exit0Attention {
  const [ask, answer] = partAt(bytes, at, dims, rank, withSimd);
  const inner = new Float32Array(rank);
  const towards = new Float32Array(dims);
  return (words) => {
    ask(words, inner);
    answer(inner, towards);
    return towards;
  };
}

/** The products with a part's two matrices. */
function partAt(bytes: SharedArrayBuffer, at: number, dims: number, inner: number, withSimd: boolean): readonly [Product, Product] {
  const matrices = [matrixAt(bytes, at, inner, dims), matrixAt(bytes, at + matrixBytes(inner, dims), dims, inner)] as const;
  const [into, back] = (withSimd && products(...matrices)) || matrices.map(plainProduct);
  return [into!, back!];
}

function matrixAt(bytes: SharedArrayBuffer, at: number, rows: number, columns: number): Int8Matrix {
  return { rows, columns, scales: new Float32Array(bytes, at, rows), values: new Int8Array(bytes, at + 4 * rows, rows * columns) };
}

/** `out = matrix · x` */
type Product = (x: Float32Array, out: Float32Array) => void;

/** Both matrices in one memory of the kernel; undefined where WebAssembly SIMD is missing, or the address space for its memory. */
function products(...matrices: readonly Int8Matrix[]): Product[] | undefined {
  const memory = kernelMemory(matrices.reduce((sum, { values }) => sum + values.length, 0));
  if (!memory) return undefined;
  let at = ROWS_AT;
  const made: Product[] = [];
  for (const matrix of matrices) {
    const scan = createScan(memory, matrix.columns);
    if (!scan) return undefined;
    new Int8Array(memory.buffer, at).set(matrix.values);
    made.push(kernelProduct(matrix, memory, scan, at));
    at += matrix.values.length;
  }
  return made;
}

function kernelProduct({ rows, columns, scales }: Int8Matrix, memory: WebAssembly.Memory, scan: Scan, at: number): Product {
  const query = new Int16Array(memory.buffer, 0, columns);
  const dots = new Int32Array(memory.buffer, RESULTS_AT, rows);
  return (x, out) => {
    const step = roundedQuery(x, query);
    scan(0, at, rows, RESULTS_AT);
    for (let row = 0; row < rows; row++) out[row] = dots[row]! * scales[row]! * step;
  };
}

function plainProduct({ rows, columns, scales, values }: Int8Matrix): Product {
  return (x, out) => {
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let i = 0; i < columns; i++) sum += values[row * columns + i]! * x[i]!;
      out[row] = sum * scales[row]!;
    }
  };
}
