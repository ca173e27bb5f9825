import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { dequantise, leading, normalise, quantise } from "../../../src/encoding/int8.ts";
import { cosine } from "../../support/tinyModel.ts";

describe("int8 vectors", () => {
  it("use the whole range: the largest component becomes 127 or -127", () => {
    assert.deepEqual([...quantise(Float32Array.of(0.5, -1, 0.25)).values], [64, -127, 32]);
    assert.ok(Math.abs(quantise(Float32Array.of(0.5, -1, 0.25)).scale - 1 / 127) < 1e-9);
  });

  it("stay within half a step of the original and hardly turn", () => {
    // A fixed sequence that looks like an embedding: 384 components around zero.
    const vector = normalise(Float32Array.from({ length: 384 }, (_, i) => Math.sin(i * 12.9898) * Math.cos(i * 4.1414)));
    const stored = quantise(vector);
    const back = dequantise(stored);
    for (let i = 0; i < vector.length; i++) assert.ok(Math.abs(back[i]! - vector[i]!) <= stored.scale / 2 + 1e-7);
    assert.ok(cosine(vector, back) > 0.9999);
  });

  it("keep zeros as zeros", () => {
    assert.deepEqual(quantise(new Float32Array(3)), { values: new Int8Array(3), scale: 0 });
    assert.deepEqual(dequantise({ values: new Int8Array(3), scale: 0 }), new Float32Array(3));
    assert.deepEqual(normalise(new Float32Array(3)), new Float32Array(3));
    for (const endless of [Infinity, NaN]) assert.deepEqual(normalise(Float32Array.of(1, endless)), new Float32Array(2));
  });

  it("give their leading components at unit length, and all of them untouched", () => {
    const vector = Float32Array.of(0.48, 0.64, 0.6);
    assert.deepEqual(leading(vector, 2), Float32Array.of(0.6, 0.8));
    assert.equal(leading(vector, 3), vector);
    assert.deepEqual([...vector], [...Float32Array.of(0.48, 0.64, 0.6)]);
  });

  it("normalise to length one in place", () => {
    const vector = Float32Array.of(3, 4);
    assert.equal(normalise(vector), vector);
    assert.ok(Math.abs(vector[0]! - 0.6) < 1e-6 && Math.abs(vector[1]! - 0.8) < 1e-6);
  });
});
