import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { createInstantEncoder, instantExit, type InstantTable } from "../../../src/encoding/exit0.ts";
import { blockBytes, exit0Block } from "../../../src/encoding/exit0Block.ts";
import { dequantise, normalise } from "../../../src/encoding/int8.ts";
import { randomNumbers } from "../../support/storeFixture.ts";
import { cosine, loadTinyTable, readParity, tinyModelFolder } from "../../support/tinyModel.ts";

/** The tiny model with a block of this width behind its table, whose weights are any. */
function withBlock(table: InstantTable, width: number): InstantTable {
  const { files } = table;
  const bytes = new SharedArrayBuffer(table.bytes.byteLength + blockBytes(files.model.dims, width));
  new Uint8Array(bytes).set(new Uint8Array(table.bytes));
  const random = randomNumbers(7);
  for (let at = table.bytes.byteLength, [rows, columns] = [width, files.model.dims]; at < bytes.byteLength; at += rows * (4 + columns), [rows, columns] = [columns, rows]) {
    new Float32Array(bytes, at, rows).forEach((_, i, scales) => (scales[i] = (0.5 + random()) / 100));
    new Int8Array(bytes, at + 4 * rows, rows * columns).forEach((_, i, values) => (values[i] = Math.floor(random() * 255) - 127));
  }
  return { bytes, files: { ...files, table: { ...files.table, block: { file: "exit0-block.bin", width } } } };
}

describe("the block behind the table", async () => {
  const plain = await loadTinyTable();
  const { dims } = plain.files.model;
  const width = 32;
  const table = withBlock(plain, width);
  const matrix = (at: number, rows: number, columns: number) => {
    const scales = new Float32Array(table.bytes, at, rows);
    const values = new Int8Array(table.bytes, at + 4 * rows, rows * columns);
    return (x: readonly number[]) => Array.from(scales, (scale, row) => x.reduce((sum, value, i) => sum + value * values[row * columns + i]!, 0) * scale);
  };

  it("adds down · relu(up · words)", () => {
    const at = plain.bytes.byteLength;
    const [up, down] = [matrix(at, width, dims), matrix(at + width * (4 + dims), dims, width)];
    for (const ids of [Int32Array.of(2, 10, 20, 20, 3), Int32Array.of(2, 15, 3)]) {
      const words = [...instantExit(plain).embed(ids)];
      const added = down(up(words).map((value) => Math.max(0, value)));
      const found = instantExit(table).embed(ids);
      assert.ok(cosine(found, words.map((value, d) => value + added[d]!)) > 0.999999);
      assert.ok(cosine(found, words) < 0.99, "it makes a difference");
      assert.ok(Math.abs(Math.hypot(...found) - 1) < 1e-6);
    }
  });

  it("gives the same where WebAssembly SIMD is missing", () => {
    const [fast, plainly] = [true, false].map((withSimd) => exit0Block(table.bytes, plain.bytes.byteLength, dims, width, withSimd));
    const random = randomNumbers(9);
    for (let round = 0; round < 20; round++) {
      const words = Float32Array.from({ length: dims }, () => random() - 0.5);
      const again = words.slice();
      fast!(words);
      plainly!(again);
      for (let d = 0; d < dims; d++) assert.ok(Math.abs(words[d]! - again[d]!) < 1e-3 * Math.hypot(...again));
    }
  });

  it("does not overflow at the widest with the largest weights", () => {
    const widest = 4096;
    const bytes = new SharedArrayBuffer(blockBytes(dims, widest));
    for (let at = 0, [rows, columns] = [widest, dims]; at < bytes.byteLength; at += rows * (4 + columns), [rows, columns] = [columns, rows]) {
      new Float32Array(bytes, at, rows).fill(1);
      new Int8Array(bytes, at + 4 * rows, rows * columns).fill(127);
    }
    const words = new Float32Array(dims).fill(1);
    exit0Block(bytes, 0, dims, widest)(words);
    for (const value of words) assert.ok(Math.abs(value / (1 + 127 * dims * 127 * widest) - 1) < 1e-3, `${value}`);
  });

  it("leaves names and texts without tokens as they are", () => {
    assert.deepEqual(instantExit(table).embed(Int32Array.of(2, 3)), new Float32Array(dims));
    const ids = Int32Array.of(2, 10, 20, 3);
    assert.deepEqual(instantExit(table).words(ids), instantExit(plain).words(ids));
  });
});

describe("the instant exit", async () => {
  const table = await loadTinyTable();
  const { dims } = table.files.model;

  it("is the normalised sum of the tokens' rows, ends left out", () => {
    const { rows } = table.files.table;
    const scales = new Float32Array(table.bytes, 0, rows);
    const values = new Int8Array(table.bytes, rows * 4);
    const row = (token: number) => Array.from(values.subarray(token * dims, (token + 1) * dims), (value) => value * scales[token]!);
    const expected = row(10).map((value, i) => value + row(20)[i]! + row(20)[i]!);
    const vector = instantExit(table).embed(Int32Array.of(2, 10, 20, 20, 3));
    assert.ok(cosine(vector, expected) > 0.999999);
    assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-6);
  });

  it("counts a token by the power of how often it stands there, which the manifest names", () => {
    const rooted = { ...table, files: { ...table.files, table: { ...table.files.table, countPower: 0.5 } } };
    const once = instantExit(table).embed;
    const expected = [...once(Int32Array.of(2, 10, 3))].map(() => 0);
    const lengthOf = (token: number) => {
      const scale = new Float32Array(table.bytes, 0, table.files.table.rows)[token]!;
      return scale * Math.hypot(...new Int8Array(table.bytes, table.files.table.rows * 4 + token * dims, dims));
    };
    for (const [token, count] of [[10, 4], [20, 1]] as const) {
      for (const [d, value] of once(Int32Array.of(2, token, 3)).entries()) expected[d]! += value * lengthOf(token) * Math.sqrt(count);
    }
    const found = instantExit(rooted).embed(Int32Array.of(2, 10, 20, 10, 10, 10, 3));
    assert.ok(cosine(found, expected) > 0.999999);
    assert.ok(cosine(found, once(Int32Array.of(2, 10, 20, 10, 10, 10, 3))) < 0.9999);
  });

  it("reads a prefix alone as the whole would give it", () => {
    const ids = Int32Array.of(2, 10, 20, 20, 3);
    const prefix = normalise(instantExit(table).words(ids).slice(0, 3));
    assert.equal(instantExit(table).words(ids, 3).length, 3);
    for (const [i, value] of instantExit(table).words(ids, 3).entries()) assert.ok(Math.abs(value - prefix[i]!) < 1e-6);
  });

  it("gives zeros for a text without tokens", () => assert.deepEqual(instantExit(table).embed(Int32Array.of(2, 3)), new Float32Array(dims)));

  it("reaches the reference vectors of the model through the whole instant encoder", () => {
    const encoder = createInstantEncoder(table);
    const { cases, tolerance } = readParity(tinyModelFolder);
    for (const { kind, breadcrumb, text, vectors } of cases) {
      if (kind !== "code") continue;
      const vector = dequantise(encoder.embed({ breadcrumb, text }));
      const expected = vectors["0"]!;
      if (expected.every((value) => value === 0)) assert.ok(vector.every((value) => value === 0));
      else assert.ok(cosine(vector, expected) >= tolerance["0"]!, text);
    }
  });

  it("reads the file as it is into memory that threads share", () => {
    assert.ok(table.bytes instanceof SharedArrayBuffer);
    assert.deepEqual(Buffer.from(table.bytes), readFileSync(table.files.table.file));
  });
});
