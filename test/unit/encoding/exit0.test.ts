import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { createInstantEncoder, instantExit, type InstantTable } from "../../../src/encoding/exit0.ts";
import { exit0Block, partBytes } from "../../../src/encoding/exit0Parts.ts";
import { dequantise, normalise } from "../../../src/encoding/int8.ts";
import { randomNumbers } from "../../support/random.ts";
import { cosine, loadTinyTable, readParity, tinyModelFolder } from "../../support/tinyModel.ts";

/** The bytes of a table with a part of this inner size behind all they hold, whose weights are any. */
function withPart({ bytes: before, files }: InstantTable, inner: number, strength = 1): SharedArrayBuffer {
  const bytes = new SharedArrayBuffer(before.byteLength + partBytes(files.fullDims, inner));
  new Uint8Array(bytes).set(new Uint8Array(before));
  const random = randomNumbers(7);
  for (let at = before.byteLength, [rows, columns] = [inner, files.fullDims]; at < bytes.byteLength; at += rows * (4 + columns), [rows, columns] = [columns, rows]) {
    new Float32Array(bytes, at, rows).forEach((_, i, scales) => (scales[i] = (strength * (0.5 + random())) / 100));
    new Int8Array(bytes, at + 4 * rows, rows * columns).forEach((_, i, values) => (values[i] = Math.floor(random() * 255) - 127));
  }
  return bytes;
}

function withBlock(table: InstantTable, width: number): InstantTable {
  const { files } = table;
  return { bytes: withPart(table, width), files: { ...files, table: { ...files.table, block: { file: "exit0-block.bin", width } } } };
}

function withAttention(table: InstantTable, rank: number, strength?: number): InstantTable {
  const { files } = table;
  return { bytes: withPart(table, rank, strength), files: { ...files, table: { ...files.table, attention: { file: "exit0-attention.bin", rank } } } };
}

/** One matrix as floats: what it makes of a vector. */
function matrix(bytes: SharedArrayBuffer, at: number, rows: number, columns: number): (x: readonly number[]) => number[] {
  const scales = new Float32Array(bytes, at, rows);
  const values = new Int8Array(bytes, at + 4 * rows, rows * columns);
  return (x) => Array.from(scales, (scale, row) => x.reduce((sum, value, i) => sum + value * values[row * columns + i]!, 0) * scale);
}

describe("the block behind the table", async () => {
  const plain = await loadTinyTable();
  const { fullDims: dims } = plain.files;
  const width = 32;
  const table = withBlock(plain, width);

  it("adds down · relu(up · words)", () => {
    const at = plain.bytes.byteLength;
    const [up, down] = [matrix(table.bytes, at, width, dims), matrix(table.bytes, at + width * (4 + dims), dims, width)];
    for (const ids of [Int32Array.of(2, 10, 20, 20, 3), Int32Array.of(2, 15, 3)]) {
      const words = [...instantExit(plain).embed({ ids })];
      const added = down(up(words).map((value) => Math.max(0, value)));
      const found = instantExit(table).embed({ ids });
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
    const bytes = new SharedArrayBuffer(partBytes(dims, widest));
    for (let at = 0, [rows, columns] = [widest, dims]; at < bytes.byteLength; at += rows * (4 + columns), [rows, columns] = [columns, rows]) {
      new Float32Array(bytes, at, rows).fill(1);
      new Int8Array(bytes, at + 4 * rows, rows * columns).fill(127);
    }
    const words = new Float32Array(dims).fill(1);
    exit0Block(bytes, 0, dims, widest)(words);
    for (const value of words) assert.ok(Math.abs(value / (1 + 127 * dims * 127 * widest) - 1) < 1e-3, `${value}`);
  });

  it("leaves names and texts without tokens as they are", () => {
    assert.deepEqual(instantExit(table).embed({ ids: Int32Array.of(2, 3) }), new Float32Array(dims));
    const ids = Int32Array.of(2, 10, 20, 3);
    assert.deepEqual(instantExit(table).words(ids), instantExit(plain).words(ids));
  });
});

describe("the attention in front of the block", async () => {
  const plain = await loadTinyTable();
  const { fullDims: dims } = plain.files;
  const { rows } = plain.files.table;
  const rank = 32;
  const unit = (x: readonly number[]) => x.map((value) => value / (Math.hypot(...x) || 1));
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const zeroRow = 11;
  new Int8Array(plain.bytes, rows * 4 + zeroRow * dims, dims).fill(0);

  /** The formula of models/README.md, and ê · v of each token. */
  function formula({ bytes, files }: InstantTable, ids: Int32Array, at = plain.bytes.byteLength): { readonly vector: number[]; readonly along: number[] } {
    const scales = new Float32Array(bytes, 0, rows);
    const tokens = [...new Set(ids.slice(1, -1))];
    const row = (token: number) => Array.from(new Int8Array(bytes, rows * 4 + token * dims, dims), (value) => value * scales[token]!);
    const times = tokens.map((token) => ids.filter((id) => id === token).length ** files.table.countPower);
    const sum = (weights: readonly number[]) => tokens.reduce((total, token, i) => total.map((value, d) => value + weights[i]! * row(token)[d]!), new Array<number>(dims).fill(0));
    const [ask, answer] = [matrix(bytes, at, rank, dims), matrix(bytes, at + rank * (4 + dims), dims, rank)];
    const towards = answer(ask(unit(sum(times))));
    const along = tokens.map((token) => dot(unit(row(token)), towards));
    return { vector: unit(sum(times.map((n, i) => n * Math.exp(Math.max(-2, Math.min(2, along[i]!)))))), along };
  }

  const texts = [[10, 20, 20, 15], [30, 12, 10, 12, 12, 25], [15], [14, zeroRow, 16, 16]].map((tokens) => Int32Array.of(2, ...tokens, 3));

  for (const [what, strength] of [["by how well it goes with the text", 0.3], ["e² times at most and e⁻² times at least", 3]] as const)
    it(`lets a token count ${what}`, () => {
      const table = withAttention({ ...plain, files: { ...plain.files, table: { ...plain.files.table, countPower: 0.5 } } }, rank, strength);
      for (const ids of texts) {
        const { vector, along } = formula(table, ids);
        for (const withSimd of [true, false]) {
          const found = instantExit(table, withSimd).embed({ ids });
          for (const [d, value] of found.entries()) assert.ok(Math.abs(value - vector[d]!) < 1e-3, `${[...ids]}: ${value} and ${vector[d]}`);
          assert.ok(Math.abs(Math.hypot(...found) - 1) < 1e-6);
        }
        if (ids.length > 4 && strength < 1) assert.ok(cosine(instantExit(table).words(ids), vector) < 0.9999, "it makes a difference");
        assert.equal(along.some((value) => Math.abs(value) > 2), strength > 1, `${along}`);
      }
    });

  it("reads more tokens than a text should have", () => {
    const table = withAttention(plain, rank);
    const { vector } = formula(table, texts[1]!);
    const short = { ...table, files: { ...table.files, model: { ...table.files.model, maxTokens: 4 } } };
    assert.ok(cosine(instantExit(short).embed({ ids: texts[1]! }), vector) > 0.99999);
  });

  it("goes before the block, behind which its file is read", () => {
    const withBoth = withAttention(withBlock(plain, 48), rank);
    const at = plain.bytes.byteLength;
    for (const ids of texts) {
      const expected = Float32Array.from(formula(withBoth, ids, at + partBytes(dims, 48)).vector);
      exit0Block(withBoth.bytes, at, dims, 48)(expected);
      assert.ok(cosine(instantExit(withBoth).embed({ ids }), expected) > 0.99999);
    }
  });

  it("leaves names and texts without directions as they are", () => {
    const table = withAttention(plain, rank);
    for (const ids of texts) assert.deepEqual(instantExit(table).words(ids), instantExit(plain).words(ids));
    for (const withSimd of [true, false])
      for (const ids of [Int32Array.of(2, 3), Int32Array.of(2, zeroRow, zeroRow, 3)]) assert.deepEqual(instantExit(table, withSimd).embed({ ids }), new Float32Array(dims));
  });

  it("gives a text the same again after others", () => {
    const { embed } = instantExit(withAttention(plain, rank));
    const all = () => texts.map((ids) => embed({ ids }));
    assert.deepEqual(all(), all());
  });
});

describe("the instant exit", async () => {
  const table = await loadTinyTable();
  const { fullDims: dims } = table.files;

  it("is the normalised sum of the tokens' rows, ends left out", () => {
    const { rows } = table.files.table;
    const scales = new Float32Array(table.bytes, 0, rows);
    const values = new Int8Array(table.bytes, rows * 4);
    const row = (token: number) => Array.from(values.subarray(token * dims, (token + 1) * dims), (value) => value * scales[token]!);
    const expected = row(10).map((value, i) => value + row(20)[i]! + row(20)[i]!);
    const vector = instantExit(table).embed({ ids: Int32Array.of(2, 10, 20, 20, 3) });
    assert.ok(cosine(vector, expected) > 0.999999);
    assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-6);
  });

  it("counts a token by the power of how often it stands there, which the manifest names", () => {
    const rooted = { ...table, files: { ...table.files, table: { ...table.files.table, countPower: 0.5 } } };
    const once = (ids: Int32Array) => instantExit(table).embed({ ids });
    const expected = [...once(Int32Array.of(2, 10, 3))].map(() => 0);
    const lengthOf = (token: number) => {
      const scale = new Float32Array(table.bytes, 0, table.files.table.rows)[token]!;
      return scale * Math.hypot(...new Int8Array(table.bytes, table.files.table.rows * 4 + token * dims, dims));
    };
    for (const [token, count] of [[10, 4], [20, 1]] as const) {
      for (const [d, value] of once(Int32Array.of(2, token, 3)).entries()) expected[d]! += value * lengthOf(token) * Math.sqrt(count);
    }
    const found = instantExit(rooted).embed({ ids: Int32Array.of(2, 10, 20, 10, 10, 10, 3) });
    assert.ok(cosine(found, expected) > 0.999999);
    assert.ok(cosine(found, once(Int32Array.of(2, 10, 20, 10, 10, 10, 3))) < 0.9999);
  });

  it("counts a breadcrumb's tokens as often as the manifest says, those of them that stand in the code too", () => {
    const louder = { ...table, files: { ...table.files, breadcrumbWeight: 3 } };
    const text = { ids: Int32Array.of(2, 10, 11, 20, 10, 3), names: 2 };
    assert.deepEqual(instantExit(louder).embed(text), instantExit(table).embed({ ids: Int32Array.of(2, 10, 10, 10, 11, 11, 11, 20, 10, 3) }));
    assert.deepEqual(instantExit(louder).embed({ ids: text.ids }), instantExit(table).embed(text));
  });

  it("reads a prefix alone as the whole would give it", () => {
    const ids = Int32Array.of(2, 10, 20, 20, 3);
    const prefix = normalise(instantExit(table).words(ids).slice(0, 3));
    assert.equal(instantExit(table).words(ids, 3).length, 3);
    for (const [i, value] of instantExit(table).words(ids, 3).entries()) assert.ok(Math.abs(value - prefix[i]!) < 1e-6);
  });

  it("gives zeros for a text without tokens", () => assert.deepEqual(instantExit(table).embed({ ids: Int32Array.of(2, 3) }), new Float32Array(dims)));

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

  it("keeps what the model keeps of a vector, in the whole instant encoder", () => {
    const narrow = createInstantEncoder({ ...table, files: { ...table.files, model: { ...table.files.model, dims: 8 } } });
    const code = { breadcrumb: "cache", text: "get the value" };
    const [found, whole] = [narrow, createInstantEncoder(table)].map((encoder) => dequantise(encoder.embed(code)));
    assert.equal(found!.length, 8);
    assert.ok(cosine(found!, whole!.slice(0, 8)) > 0.999);
  });

  it("reads the file as it is into memory that threads share", () => {
    assert.ok(table.bytes instanceof SharedArrayBuffer);
    assert.deepEqual(Buffer.from(table.bytes), readFileSync(table.files.table.file));
  });
});
