// What the instant exit makes of the words it has summed: x + down · relu(up · x), two small int8 matrices (models/README.md). It sees which words meet,
// which a sum cannot. A few hundredths of a millisecond with WebAssembly SIMD.
import { createScan, RESULTS_AT, ROWS_AT, type Scan } from "./int8Kernel.ts";

/** A matrix as a model folder keeps it: float32 scales of its rows, then the rows in int8. */
interface Int8Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly scales: Float32Array;
  readonly values: Int8Array;
}

/** Bytes of `exit0-block.bin`. */
export const blockBytes = (dims: number, width: number): number => matrixBytes(width, dims) + matrixBytes(dims, width);
const matrixBytes = (rows: number, columns: number) => rows * (4 + columns);

/** Adds in place what the block says of the words (`dims`); their length does not matter, zeros stay zeros. */
export type Exit0Block = (words: Float32Array) => void;

/** @param bytes exit0-block.bin, from `at` on @param withSimd tests look at the plain loops */
export function exit0Block(bytes: SharedArrayBuffer, at: number, dims: number, width: number, withSimd = true): Exit0Block {
  const up = matrixAt(bytes, at, width, dims);
  const down = matrixAt(bytes, at + matrixBytes(width, dims), dims, width);
  const [through, back] = (withSimd && products(up, down)) || [up, down].map(plainProduct);
  const inner = new Float32Array(width);
  const added = new Float32Array(dims);
  return (words) => {
    through!(words, inner);
    for (let i = 0; i < width; i++) if (inner[i]! < 0) inner[i] = 0;
    back!(inner, added);
    for (let d = 0; d < dims; d++) words[d]! += added[d]!;
  };
}

function matrixAt(bytes: SharedArrayBuffer, at: number, rows: number, columns: number): Int8Matrix {
  return { rows, columns, scales: new Float32Array(bytes, at, rows), values: new Int8Array(bytes, at + 4 * rows, rows * columns) };
}

/** `out = matrix · x` */
type Product = (x: Float32Array, out: Float32Array) => void;

/** Both matrices in one memory of the kernel; undefined where WebAssembly SIMD is missing, or the address space for its memory. */
function products(...matrices: readonly Int8Matrix[]): Product[] | undefined {
  const page = 65536;
  const size = matrices.reduce((sum, { values }) => sum + values.length, ROWS_AT);
  let memory: WebAssembly.Memory;
  try {
    memory = new WebAssembly.Memory({ initial: Math.ceil(size / page) });
  } catch {
    return undefined;
  }
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
  /** As fine as a sum of all products fits into 32 bits. */
  const levels = Math.min(32767, Math.floor((2 ** 31 - 1) / (127 * columns)));
  const query = new Int16Array(memory.buffer, 0, columns);
  const dots = new Int32Array(memory.buffer, RESULTS_AT, rows);
  return (x, out) => {
    let largest = 0;
    for (let i = 0; i < columns; i++) largest = Math.max(largest, Math.abs(x[i]!));
    if (largest === 0) return void out.fill(0);
    for (let i = 0; i < columns; i++) query[i] = Math.round((x[i]! * levels) / largest);
    scan(0, at, rows, RESULTS_AT);
    for (let row = 0; row < rows; row++) out[row] = dots[row]! * scales[row]! * (largest / levels);
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
