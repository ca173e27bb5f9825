// The deterministic encoder that other tests rely on keeps its own promises.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { dequantise } from "../../../src/encoding/int8.ts";
import { createTestEncoder } from "../../support/testEncoder.ts";
import { cosine } from "../../support/tinyModel.ts";

const chunk = (text: string) => ({ breadcrumb: "", text });

describe("the test encoder", () => {
  it("gives equal vectors for equal text in every instance, and others for another model", async () => {
    const [a, b, other] = [createTestEncoder(), createTestEncoder(), createTestEncoder({ hash: "f".repeat(64) })];
    const text = chunk("function readFile(path) {}");
    assert.deepEqual(a.instant.embed(text), b.instant.embed(text));
    assert.notDeepEqual(a.instant.embed(text), other.instant.embed(text));
    assert.deepEqual(await a.encoder.embedChunks([text], "deep", "visible"), await b.encoder.embedChunks([text], "deep", "visible"));
  });

  it("puts texts that share words nearer than texts that do not, at every depth", async () => {
    const { encoder } = createTestEncoder();
    const query = await encoder.embedQuery("read configuration file");
    const [near, far] = [chunk("readConfigurationFile(path)"), chunk("drawTriangle(canvas, colour)")];
    for (const depth of ["shallow", "deep"] as const) {
      const [close, distant] = (await encoder.embedChunks([near, far], depth, "visible")).map((vector) => cosine(dequantise(vector), query[depth]));
      assert.ok(close! > distant! + 0.3, `${depth}: ${close} against ${distant}`);
    }
  });

  it("hears word order only above the instant exit", async () => {
    const { encoder } = createTestEncoder();
    const [one, two] = [await encoder.embedQuery("dog bites man"), await encoder.embedQuery("man bites dog")];
    assert.ok(cosine(one.instant, two.instant) > 0.999);
    assert.ok(cosine(one.deep, two.deep) < 0.99);
  });

  it("counts what it encoded, and stops counting when it is aborted", async () => {
    const controller = new AbortController();
    const { encoder, instant, counts, resetCounts } = createTestEncoder({ beforeChunks: (depth) => (depth === "deep" ? controller.abort() : undefined) });
    instant.embed(chunk("a"));
    await encoder.embedQuery("b");
    await encoder.embedChunks([chunk("c"), chunk("d")], "shallow", "background");
    await assert.rejects(encoder.embedChunks([chunk("c")], "deep", "background", controller.signal), { name: "AbortError" });
    assert.deepEqual(counts, { queries: 1, instant: 1, shallow: 2, deep: 0 });
    resetCounts();
    assert.deepEqual(counts, { queries: 0, instant: 0, shallow: 0, deep: 0 });
  });
});
