// The instant exit: an int8 row per token, summed, each by a power of how often it stands there. Synchronous and without native code, so that every parse worker runs it;
// the table lies in shared memory once for all of them.
import { open } from "node:fs/promises";
import type { InstantEncoder } from "./encoder.ts";
import { normalise, quantise } from "./int8.ts";
import { type ModelFiles, tokenizerOf } from "./modelFiles.ts";
import { prepareCode } from "./textPreparation.ts";

/** What a thread needs to encode at the instant exit; passes to workers by structured clone without a copy of the table. */
export interface InstantTable {
  readonly files: ModelFiles;
  /** exit0.bin as it is: `rows` float32 scales, then `rows × dims` int8. */
  readonly bytes: SharedArrayBuffer;
}

/** Reads the table into shared memory, once per process. Its hash was checked by loadModelFiles. */
export async function loadInstantTable(files: ModelFiles): Promise<InstantTable> {
  const bytes = new SharedArrayBuffer(files.table.rows * (4 + files.model.dims));
  const view = new Uint8Array(bytes);
  const handle = await open(files.table.file, "r");
  try {
    for (let at = 0; at < view.length; ) {
      const { bytesRead } = await handle.read(view, at, view.length - at, at);
      if (bytesRead === 0) throw new Error(`${files.table.file} became shorter while it was read`);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
  return { files, bytes };
}

/** Unit vector (float32, `width`, by default all `dims`) of tokens as the tokenizer gives them, [CLS] first and [SEP] last; zeros when there are none between. */
export type InstantExit = (ids: Int32Array, width?: number) => Float32Array;

export function instantExit(table: InstantTable): InstantExit {
  const { rows, countPower } = table.files.table;
  const { dims } = table.files.model;
  const scales = new Float32Array(table.bytes, 0, rows);
  const values = new Int8Array(table.bytes, rows * 4);
  return (ids, width = dims) => {
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
}

/** For a parse worker: reads the tokenizer and encodes chunks. */
export function createInstantEncoder(table: InstantTable): InstantEncoder {
  const { files } = table;
  const tokenizer = tokenizerOf(files);
  const exit = instantExit(table);
  return {
    model: files.model,
    embed: (code) => quantise(exit(tokenizer.encode(prepareCode(code, files.instructions.code), files.model.maxTokens))),
  };
}
