// The instant exit: an int8 row per token, summed, each by a power of how often it stands there, and a small block behind the sum. Synchronous and without native code, so that every parse worker runs it;
// the table lies in shared memory once for all of them.
import { open } from "node:fs/promises";
import type { InstantEncoder } from "./encoder.ts";
import { blockBytes, exit0Block } from "./exit0Block.ts";
import { normalise, quantise } from "./int8.ts";
import { type ModelFiles, tokenizerOf } from "./modelFiles.ts";
import { prepareCode } from "./textPreparation.ts";

/** What a thread needs to encode at the instant exit; passes to workers by structured clone without a copy of the table. */
export interface InstantTable {
  readonly files: ModelFiles;
  /** exit0.bin as it is: `rows` float32 scales, then `rows × dims` int8; then exit0-block.bin, where the model has one. */
  readonly bytes: SharedArrayBuffer;
}

/** Reads the table into shared memory, once per process. Its hash was checked by loadModelFiles. */
export async function loadInstantTable(files: ModelFiles): Promise<InstantTable> {
  const { table, model } = files;
  const bytes = new SharedArrayBuffer(tableBytes(files) + (table.block ? blockBytes(model.dims, table.block.width) : 0));
  await readInto(new Uint8Array(bytes, 0, tableBytes(files)), table.file);
  if (table.block) await readInto(new Uint8Array(bytes, tableBytes(files)), table.block.file);
  return { files, bytes };
}

const tableBytes = ({ table, model }: ModelFiles) => table.rows * (4 + model.dims);

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

/** Unit vectors (float32) of tokens as the tokenizer gives them, [CLS] first and [SEP] last; zeros when there are none between. */
export interface InstantExit {
  /** The exit's embedding, all `dims`. */
  embed(ids: Int32Array): Float32Array;
  /** The sum of the rows alone, in the same space: for names, whose few words mean little more together, and of which a search reads thousands. @param width a prefix of the model's */
  words(ids: Int32Array, width?: number): Float32Array;
}

export function instantExit(table: InstantTable): InstantExit {
  const { rows, countPower, block } = table.files.table;
  const { dims } = table.files.model;
  const finish = block && exit0Block(table.bytes, tableBytes(table.files), dims, block.width);
  const scales = new Float32Array(table.bytes, 0, rows);
  const values = new Int8Array(table.bytes, rows * 4);
  const words = (ids: Int32Array, width = dims) => {
    const sum = new Float32Array(width);
    const tokens = ids.slice(1, -1).sort();
    for (let i = 0, next = 0; i < tokens.length; i = next) {
      const token = tokens[i]!;
      while (tokens[next] === token) next++;
      const scale = scales[token]! * (next - i) ** countPower;
      const row = token * dims;
      for (let d = 0; d < width; d++) sum[d]! += scale * values[row + d]!;
    }
    return normalise(sum);
  };
  return {
    words,
    embed(ids) {
      const vector = words(ids);
      if (!finish) return vector;
      finish(vector);
      return normalise(vector);
    },
  };
}

/** For a parse worker: reads the tokenizer and encodes chunks. */
export function createInstantEncoder(table: InstantTable): InstantEncoder {
  const { files } = table;
  const tokenizer = tokenizerOf(files);
  const exit = instantExit(table);
  return {
    model: files.model,
    embed: (code) => quantise(exit.embed(tokenizer.encode(prepareCode(code, files.instructions.code), files.model.maxTokens))),
  };
}
