// Python and TypeScript agree: every shipped model folder (and the tiny test model) with a parity.json is encoded by the product's code.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { after, describe, it } from "node:test";
import { silentLog } from "../../src/base/log.ts";
import type { Depth } from "../../src/encoding/encoder.ts";
import { loadInstantTable } from "../../src/encoding/exit0.ts";
import { dequantise } from "../../src/encoding/int8.ts";
import { loadModelFiles } from "../../src/encoding/modelFiles.ts";
import { OnnxEncoder } from "../../src/encoding/onnxEncoder.ts";
import { prepareCode, prepareQuery } from "../../src/encoding/textPreparation.ts";
import { createTokenizer } from "../../src/encoding/tokenizer.ts";
import { cosine, readParity, tinyModelFolder } from "../support/tinyModel.ts";

const models = path.resolve(import.meta.dirname, "../../models");
const shipped = readdirSync(models).map((name) => path.join(models, name)).filter((folder) => existsSync(path.join(folder, "parity.json")));

it("there is a shipped model to compare", () => assert.ok(shipped.length > 0));

for (const folder of [tinyModelFolder, ...shipped])
  describe(`parity of ${path.basename(folder)}`, async () => {
    const files = await loadModelFiles(folder);
    const encoder = new OnnxEncoder(await loadInstantTable(files), silentLog);
    after(() => encoder.close());
    const tokenizer = createTokenizer(readFileSync(files.tokenizerFile, "utf8"));
    const { cases, tolerance } = readParity(folder);
    /** Of a vector as wide as it is within the model. */
    const kept = (vector: readonly number[]) => vector.slice(0, files.model.dims);
    const layerOf: Readonly<Record<Depth, string>> = {
      instant: "0",
      shallow: String(files.toShallow.at(-1)!.layer),
      deep: String((files.toDeep.at(-1) ?? files.toShallow.at(-1))!.layer),
    };

    it("bears the name of its folder, as answers and the list of models call it", () => assert.ok(folder === tinyModelFolder || files.model.id === path.basename(folder)));

    it("has queries, code and at least one empty text", () => {
      assert.ok(cases.some(({ kind }) => kind === "query") && cases.some(({ kind }) => kind === "code"));
      assert.ok(cases.some(({ text }) => text.trim() === ""));
    });

    for (const [i, { kind, breadcrumb, text, prepared, ids, vectors }] of cases.entries())
      it(`case ${i}, ${kind}: same prepared text, same ids, vectors within tolerance`, async () => {
        const isQuery = kind === "query";
        assert.equal(isQuery ? prepareQuery(text, files.instructions.query) : prepareCode({ breadcrumb, text }, files.instructions.code, files.textPreparation), prepared);
        assert.deepEqual([...tokenizer.encode(prepared, isQuery ? files.maxQueryTokens : files.model.maxTokens)], ids);
        const found = isQuery ? await encoder.embedQuery(text) : await encoder.embedCode({ breadcrumb, text });
        for (const [depth, layer] of Object.entries(layerOf) as [Depth, string][]) check(found[depth], kept(vectors[layer]!), tolerance[layer]!, depth);
      });

    it("holds for chunks encoded in batches and kept as int8", async () => {
      const code = cases.filter(({ kind, text }) => kind === "code" && text.trim() !== "");
      for (const depth of ["shallow", "deep"] as const) {
        const found = await encoder.embedChunks(code, depth, "background");
        // Batch mates share the range of int8 activations, and the vector itself is rounded: a little below the tolerance for one.
        code.forEach(({ vectors }, i) => check(dequantise(found[i]!), kept(vectors[layerOf[depth]]!), tolerance[layerOf[depth]]! - 0.01, `${depth} ${i}`));
      }
    });
  });

function check(found: Float32Array, expected: readonly number[], tolerance: number, what: string): void {
  assert.equal(found.length, expected.length);
  if (expected.every((value) => value === 0)) assert.ok(found.every((value) => value === 0), `${what}: zeros expected`);
  else {
    const reached = cosine(found, expected);
    assert.ok(reached >= tolerance, `${what}: cosine ${reached.toFixed(4)}, at least ${tolerance} expected`);
  }
}
