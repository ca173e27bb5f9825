import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { createInstantEncoder, instantExit } from "../../../src/encoding/exit0.ts";
import { dequantise, normalise } from "../../../src/encoding/int8.ts";
import { cosine, loadTinyTable, readParity, tinyModelFolder } from "../../support/tinyModel.ts";

describe("the instant exit", async () => {
  const table = await loadTinyTable();
  const { dims } = table.files.model;

  it("is the normalised sum of the tokens' rows, ends left out", () => {
    const { rows } = table.files.table;
    const scales = new Float32Array(table.bytes, 0, rows);
    const values = new Int8Array(table.bytes, rows * 4);
    const row = (token: number) => Array.from(values.subarray(token * dims, (token + 1) * dims), (value) => value * scales[token]!);
    const expected = row(10).map((value, i) => value + row(20)[i]! + row(20)[i]!);
    const vector = instantExit(table)(Int32Array.of(2, 10, 20, 20, 3));
    assert.ok(cosine(vector, expected) > 0.999999);
    assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-6);
  });

  it("counts a token by the power of how often it stands there, which the manifest names", () => {
    const rooted = { ...table, files: { ...table.files, table: { ...table.files.table, countPower: 0.5 } } };
    const once = instantExit(table);
    const expected = [...once(Int32Array.of(2, 10, 3))].map(() => 0);
    const lengthOf = (token: number) => {
      const scale = new Float32Array(table.bytes, 0, table.files.table.rows)[token]!;
      return scale * Math.hypot(...new Int8Array(table.bytes, table.files.table.rows * 4 + token * dims, dims));
    };
    for (const [token, count] of [[10, 4], [20, 1]] as const) {
      for (const [d, value] of once(Int32Array.of(2, token, 3)).entries()) expected[d]! += value * lengthOf(token) * Math.sqrt(count);
    }
    const found = instantExit(rooted)(Int32Array.of(2, 10, 20, 10, 10, 10, 3));
    assert.ok(cosine(found, expected) > 0.999999);
    assert.ok(cosine(found, once(Int32Array.of(2, 10, 20, 10, 10, 10, 3))) < 0.9999);
  });

  it("reads a prefix alone as the whole would give it", () => {
    const ids = Int32Array.of(2, 10, 20, 20, 3);
    const prefix = normalise(instantExit(table)(ids).slice(0, 3));
    assert.equal(instantExit(table)(ids, 3).length, 3);
    for (const [i, value] of instantExit(table)(ids, 3).entries()) assert.ok(Math.abs(value - prefix[i]!) < 1e-6);
  });

  it("gives zeros for a text without tokens", () => assert.deepEqual(instantExit(table)(Int32Array.of(2, 3)), new Float32Array(dims)));

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
