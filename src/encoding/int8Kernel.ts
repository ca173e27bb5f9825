// The inner loops of exact search and of exit 0: dot products of one int16 vector with many int8 rows, and a weighted sum of such rows, as WebAssembly SIMD functions
// written out by hand. The components of a row are unrolled, because the engine runs on V8's baseline compiler, which keeps a value in its register only along straight
// code: 44,000 rows of 384 dimensions take 1.2 ms (3.2 ms in loops), against 45 ms for the plain loop that serves where SIMD is missing.

/** Rows start here in the kernel's memory; below lie the query (at 0) and one block of results. */
export const ROWS_AT = 65536;
/** Rows of one call: their results fill RESULTS_AT … ROWS_AT at most. */
export const BLOCK_ROWS = 4096;
export const RESULTS_AT = 32768;
/** Where a weighted sum may lie, behind a query of 4096. */
export const SUM_AT = 8192;

/** `scan(query, rows, count, results)`: addresses in bytes; one int32 per row. */
export type Scan = (query: number, rows: number, count: number, results: number) => void;
/** `weigh(sum, rows, count, weights)`: addresses in bytes; adds each row times its float32 weight to the float32 sum. */
type Weigh = (sum: number, rows: number, count: number, weights: number) => void;

const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const tee = (local: number) => [0x22, local];
const constant = (value: number) => [0x41, ...signedLeb(value)];
const add = [0x6a];
const simd = (opcode: number, ...immediate: number[]) => [0xfd, ...(opcode < 128 ? [opcode] : [(opcode & 127) | 128, opcode >> 7]), ...immediate];
const load = (offset: number) => simd(0x00, 0, ...leb(offset));
/** Eight int8 as int16. */
const loadWidened = (offset: number) => simd(0x01, 0, ...leb(offset));
const dot = simd(0xba);
const addLanes = simd(0xae);
const lane = (index: number) => simd(0x1b, index);
const store = (offset: number) => simd(0x0b, 0, ...leb(offset));
/** One float32 in all four lanes. */
const loadSplat = simd(0x09, 0, 0);
/** The lower or upper four of eight int16 as float32. */
const lowerFloats = [...simd(0xa7), ...simd(0xfa)];
const upperFloats = [...simd(0xa8), ...simd(0xfa)];
const addFloats = simd(0xe4);
const multiplyFloats = simd(0xe6);

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >> 7)];
}
function signedLeb(value: number): number[] {
  return value < 64 ? [value] : [(value & 127) | 128, ...signedLeb(value >> 7)];
}

// Parameters and locals of both functions.
const vector = 0, rows = 1, count = 2, perRow = 3, first = 4, second = 5;

/** What scan does with a row. @param stride bytes of a row, a multiple of 8 */
function scanRow(stride: number): number[] {
  const dots: number[] = [];
  for (let at = 0; at < stride; at += 8) dots.push(...get(rows), ...loadWidened(at), ...get(vector), ...load(2 * at), ...dot, ...(at > 0 ? addLanes : []));
  const sum = first;
  // prettier-ignore
  return [
    ...get(perRow),
    ...dots, ...tee(sum), ...lane(0), ...get(sum), ...lane(1), ...add, ...get(sum), ...lane(2), ...add, ...get(sum), ...lane(3), ...add,
    0x36, 2, 0, // store
  ];
}

/** What weigh does with a row. */
function weighRow(stride: number): number[] {
  const weight = first, values = second;
  const code = [...get(perRow), ...loadSplat, ...set(weight)];
  const addHalf = (at: number, half: number[]) => code.push(...get(vector), ...get(vector), ...load(at), ...get(values), ...half, ...get(weight), ...multiplyFloats, ...addFloats, ...store(at));
  for (let at = 0; at < stride; at += 8) {
    code.push(...get(rows), ...loadWidened(at), ...set(values));
    addHalf(4 * at, lowerFloats);
    addHalf(4 * at + 16, upperFloats);
  }
  return code;
}

/** A function `run(vector, rows, count, perRow)` that does this with row after row. */
function moduleBytes(stride: number, doRow: (stride: number) => number[]): Uint8Array<ArrayBuffer> {
  // prettier-ignore
  const body = [
    0x02, 0x40, // block
    0x03, 0x40, //   loop over rows
    ...get(count), 0x45, 0x0d, 1, //     leave when count is 0
    ...doRow(stride),
    ...get(rows), ...constant(stride), ...add, ...set(rows),
    ...get(perRow), ...constant(4), ...add, ...set(perRow),
    ...get(count), ...constant(1), 0x6b, ...set(count),
    0x0c, 0, //     next row
    0x0b, 0x0b, 0x0b,
  ];
  const locals = [1, 2, 0x7b]; // two v128
  const code = [...leb(locals.length + body.length), ...locals, ...body];
  const section = (id: number, content: number[]) => [id, ...leb(content.length), ...content];
  // prettier-ignore
  return new Uint8Array([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, [1, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 0]),
    ...section(2, [1, 1, 0x65, 1, 0x6d, 2, 0, 1]), // import e.m: memory
    ...section(3, [1, 0]),
    ...section(7, [1, 3, 0x72, 0x75, 0x6e, 0, 0]), // export run
    ...section(10, [1, ...code]),
  ]);
}

/** The kernel for rows of this stride in this memory, or undefined where WebAssembly SIMD is missing. */
export const createScan = (memory: WebAssembly.Memory, stride: number): Scan | undefined => create(memory, stride, scanRow);
export const createWeigh = (memory: WebAssembly.Memory, stride: number): Weigh | undefined => create(memory, stride, weighRow);

function create(memory: WebAssembly.Memory, stride: number, doRow: (stride: number) => number[]): Scan | undefined {
  try {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes(stride, doRow)), { e: { m: memory } });
    return instance.exports["run"] as Scan;
  } catch {
    return undefined;
  }
}

/** A memory with room for so many bytes of rows; undefined where the address space for it is missing. */
export function kernelMemory(bytes: number): WebAssembly.Memory | undefined {
  const page = 65536;
  try {
    return new WebAssembly.Memory({ initial: Math.ceil((ROWS_AT + bytes) / page) });
  } catch {
    return undefined;
  }
}

/** Writes a vector as scan reads it, as fine as a sum of all products with int8 fits into 32 bits, and gives what one of its steps is worth. */
export function roundedQuery(vector: Float32Array, query: Int16Array): number {
  const levels = Math.min(32767, Math.floor((2 ** 31 - 1) / (127 * vector.length)));
  let largest = 0;
  for (let i = 0; i < vector.length; i++) largest = Math.max(largest, Math.abs(vector[i]!));
  if (largest === 0) query.fill(0);
  else for (let i = 0; i < vector.length; i++) query[i] = Math.round((vector[i]! * levels) / largest);
  return largest / levels;
}

export const hasSimd = (): boolean => WebAssembly.validate(moduleBytes(16, scanRow));
