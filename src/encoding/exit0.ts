// The instant exit: an int8 row per token, summed, each by a power of how often it stands there and by how well it goes with what the text is about, and a small block behind the sum.
// Synchronous and without native code, so that every parse worker runs it; the table lies in shared memory once for all of them.
import { open } from "node:fs/promises";
import { StrataError } from "../base/errors.ts";
import type { InstantEncoder } from "./encoder.ts";
import { type Exit0Attention, exit0Attention, exit0Block, partBytes } from "./exit0Parts.ts";
import { leading, normalise, quantise } from "./int8.ts";
import { codeTokens, type ModelFiles, type TokenSequence } from "./modelFiles.ts";
import { addRow, type ReadRows, rowReader } from "./tokenRows.ts";

/** What a thread needs to encode at the instant exit; passes to workers by structured clone without a copy of the table. */
export interface InstantTable {
  readonly files: ModelFiles;
  /** exit0.bin as it is: `rows` float32 scales, then `rows × fullDims` int8; then exit0-block.bin and exit0-attention.bin, where the model has them. */
  readonly bytes: SharedArrayBuffer;
}

/** Reads the table into shared memory, once per process. Its hash was checked by loadModelFiles. @throws StrataError "model.damaged" when a row's scale is no number */
export async function loadInstantTable(files: ModelFiles): Promise<InstantTable> {
  const { file, block, attention } = files.table;
  const at = places(files);
  const bytes = new SharedArrayBuffer(at.end);
  await readInto(new Uint8Array(bytes, 0, at.block), file);
  if (block) await readInto(new Uint8Array(bytes, at.block, at.attention - at.block), block.file);
  if (attention) await readInto(new Uint8Array(bytes, at.attention), attention.file);
  if (!new Float32Array(bytes, 0, files.table.rows).every(Number.isFinite)) throw new StrataError("model.damaged", `The model's table ${file} holds scales that are no numbers. Reinstall Strata, or choose another model.`);
  return { files, bytes };
}

/** Where the files behind the table begin in the shared bytes, a multiple of 4 each, and where all ends. */
function places({ table, fullDims: dims }: ModelFiles) {
  const block = table.rows * (4 + dims);
  const attention = block + (table.block ? partBytes(dims, table.block.width) : 0);
  return { block, attention, end: attention + (table.attention ? partBytes(dims, table.attention.rank) : 0) };
}

async function readInto(view: Uint8Array, file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    for (let at = 0; at < view.length; ) {
      const { bytesRead } = await handle.read(view, at, view.length - at, at);
      if (bytesRead === 0) throw new Error(`${file} became shorter while it was read`);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

/** Unit vectors (float32) of tokens as the tokenizer gives them; zeros when there are none between [CLS] and [SEP]. */
export interface InstantExit {
  /** The exit's embedding, `fullDims` wide. */
  embed(text: TokenSequence): Float32Array;
  /** The sum of the rows alone, in the same space: for names, whose few words mean little more together, and of which a search reads thousands. @param width a prefix of the model's */
  words(ids: Int32Array, width?: number): Float32Array;
}

/** Attention lets no token count more than e² times as much, nor less than e⁻² times. */
const MOST_ATTENTION = 2;

/** @param withSimd tests look at the plain loops */
export function instantExit(table: InstantTable, withSimd = true): InstantExit {
  const { rows, countPower, attention, block } = table.files.table;
  const { fullDims: dims, breadcrumbWeight, model: { maxTokens } } = table.files;
  const at = places(table.files);
  const scales = new Float32Array(table.bytes, 0, rows);
  const values = new Int8Array(table.bytes, rows * 4, rows * dims);
  const attentive = attention && attentiveSum(exit0Attention(table.bytes, at.attention, dims, attention.rank, withSimd), rowReader(values, dims, maxTokens, withSimd), dims);
  const finish = block && exit0Block(table.bytes, at.block, dims, block.width, withSimd);
  /** Tells of the different tokens in their order, and what each one's row of int8 is multiplied by. */
  const count = ({ ids, names = 0 }: TokenSequence, take: (token: number, weight: number) => void) => {
    const length = Math.max(0, ids.length - 2);
    const tokens = new Int32Array(length + names * (breadcrumbWeight - 1));
    tokens.set(ids.subarray(1, -1));
    for (let at = length; at < tokens.length; at += names) tokens.set(ids.subarray(1, 1 + names), at);
    tokens.sort();
    for (let i = 0, next = 0; i < tokens.length; i = next) {
      const token = tokens[i]!;
      while (tokens[next] === token) next++;
      take(token, scales[token]! * (next - i) ** countPower);
    }
  };
  const plainSum = (text: TokenSequence, width = dims) => {
    const sum = new Float32Array(width);
    count(text, (token, weight) => addRow(values, token * dims, weight, sum));
    return normalise(sum);
  };
  const attended = (text: TokenSequence, sum: AttentiveSum) => {
    const tokens: number[] = [];
    const weights: number[] = [];
    count(text, (token, weight) => {
      tokens.push(token);
      weights.push(weight);
    });
    return sum(tokens, weights);
  };
  return {
    words: (ids, width) => plainSum({ ids }, width),
    embed(text) {
      const vector = attentive ? attended(text, attentive) : plainSum(text);
      if (!finish) return vector;
      finish(vector);
      return normalise(vector);
    },
  };
}

/** The sum of rows in which each counts the more, the better it goes with what the plain sum is about. */
type AttentiveSum = (tokens: readonly number[], plainWeights: readonly number[]) => Float32Array;

function attentiveSum(attention: Exit0Attention, read: ReadRows, dims: number): AttentiveSum {
  return (tokens, plainWeights) => {
    const rows = read(tokens);
    const vector = new Float32Array(dims);
    rows.sum(plainWeights, vector);
    const along = rows.along(attention(normalise(vector)));
    rows.sum(plainWeights.map((weight, i) => weight * Math.exp(Math.min(MOST_ATTENTION, Math.max(-MOST_ATTENTION, along[i]!)))), vector);
    return normalise(vector);
  };
}

/** For a parse worker: reads the tokenizer and encodes chunks. */
export function createInstantEncoder(table: InstantTable): InstantEncoder {
  const tokens = codeTokens(table.files);
  const exit = instantExit(table);
  return { embed: (code) => quantise(leading(exit.embed(tokens(code)), table.files.model.dims)) };
}
