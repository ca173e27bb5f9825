// The rows of one text's tokens in exit 0's table, for who reads them more than once. They are copied behind one another into the memory of the
// WebAssembly kernel: 120 rows of 384 take .03 ms for it, and then a tenth of the .1 ms of a plain loop for each reading. What the rows mean is exit0.ts's.
import { BLOCK_ROWS, createScan, createWeigh, kernelMemory, RESULTS_AT, ROWS_AT, roundedQuery, SUM_AT } from "./int8Kernel.ts";

/** The int8 rows of some tokens, in their order, without scales. */
interface TokenRows {
  /** `into = Σ weights[i] · row i` */
  sum(weights: readonly number[], into: Float32Array): void;
  /** Of each row, at unit length, the product with a direction; 0 for a row of zeros. */
  along(direction: Float32Array): readonly number[];
}

/** What it gives is good until the next call. */
export type ReadRows = (tokens: readonly number[]) => TokenRows;

/** @param values the table's rows @param maxTokens of a text; more are read in place, as all are where WebAssembly SIMD is missing */
export function rowReader(values: Int8Array, dims: number, maxTokens: number, withSimd = true): ReadRows {
  const lengths = new Float32Array(values.length / dims);
  // Reckoned when it is first asked for: most tokens never are. A row of zeros counts as of length 1; rounded at once, so that the first answer is the same as the next.
  const lengthOf = (token: number) => (lengths[token] ||= Math.fround(length(values, token * dims, dims)) || 1);
  const most = Math.min(maxTokens, BLOCK_ROWS);
  const plain = plainRows(values, dims, lengthOf);
  const fast = withSimd ? kernelRows(values, dims, most, lengthOf) : undefined;
  return (tokens) => (fast && tokens.length <= most ? fast : plain)(tokens);
}

function plainRows(values: Int8Array, dims: number, lengthOf: (token: number) => number): ReadRows {
  return (tokens) => ({
    sum(weights, into) {
      into.fill(0);
      for (let i = 0; i < tokens.length; i++) addRow(values, tokens[i]! * dims, weights[i]!, into);
    },
    along: (direction) => tokens.map((token) => product(values, token * dims, direction) / lengthOf(token)),
  });
}

/** In place, as many dimensions as `sum` has. A function of its own because V8 keeps to slower code where the loop over rows stands around this one. @param at where the row begins */
export function addRow(values: Int8Array, at: number, weight: number, sum: Float32Array): void {
  const width = sum.length;
  for (let d = 0; d < width; d++) sum[d]! += weight * values[at + d]!;
}

function length(values: Int8Array, at: number, dims: number): number {
  let sum = 0;
  for (let d = at; d < at + dims; d++) sum += values[d]! ** 2;
  return Math.sqrt(sum);
}

function product(values: Int8Array, at: number, vector: Float32Array): number {
  let sum = 0;
  for (let d = 0; d < vector.length; d++) sum += values[at + d]! * vector[d]!;
  return sum;
}

function kernelRows(values: Int8Array, dims: number, most: number, lengthOf: (token: number) => number): ReadRows | undefined {
  const memory = kernelMemory(most * dims);
  const scan = memory && createScan(memory, dims);
  const weigh = memory && createWeigh(memory, dims);
  if (!scan || !weigh) return undefined;
  const copies = new Int8Array(memory.buffer, ROWS_AT);
  const query = new Int16Array(memory.buffer, 0, dims);
  const dots = new Int32Array(memory.buffer, RESULTS_AT, most);
  const factors = new Float32Array(memory.buffer, RESULTS_AT, most);
  const total = new Float32Array(memory.buffer, SUM_AT, dims);
  return (tokens) => {
    for (let i = 0; i < tokens.length; i++) copies.set(values.subarray(tokens[i]! * dims, (tokens[i]! + 1) * dims), i * dims);
    return {
      sum(weights, into) {
        total.fill(0);
        factors.set(weights);
        weigh(SUM_AT, ROWS_AT, tokens.length, RESULTS_AT);
        into.set(total);
      },
      along(direction) {
        const step = roundedQuery(direction, query);
        scan(0, ROWS_AT, tokens.length, RESULTS_AT);
        return tokens.map((token, i) => (dots[i]! * step) / lengthOf(token));
      },
    };
  };
}
