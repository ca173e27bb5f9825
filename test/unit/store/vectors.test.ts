// Rows of int8 vectors and the SIMD scan over them, against plain arithmetic.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { quantise } from "../../../src/encoding/int8.ts";
import { createScan } from "../../../src/encoding/int8Kernel.ts";
import { TopK, VectorRows } from "../../../src/store/vectors.ts";
import { randomNumbers } from "../../support/random.ts";
import { clusteredVectors } from "../../support/storeFixture.ts";

function filled(count: number, dims: number): { rows: VectorRows; floats: Float32Array[] } {
  const floats = clusteredVectors(count, dims, 5, 11);
  const rows = new VectorRows(dims);
  floats.forEach((vector, i) => rows.add(i + 100, quantise(vector)));
  return { rows, floats };
}
const scan = (rows: VectorRows, query: Float32Array, k: number, allowed?: ReadonlySet<number>) => {
  const top = new TopK(k);
  rows.scan(rows.prepare(query), 0, rows.count, top, allowed);
  return top.sorted();
};

for (const dims of [1, 16, 30, 384, 768, 1024]) {
  test(`a scan of vectors of ${dims} dimensions gives the cosines that floats give`, () => {
    const { rows, floats } = filled(200, dims);
    for (const query of floats.slice(0, 5)) {
      const hits = scan(rows, query, 200);
      assert.equal(hits.length, 200);
      for (const { chunkId, score } of hits) {
        const exact = floats[chunkId - 100]!.reduce((sum, value, i) => sum + value * query[i]!, 0);
        assert.ok(Math.abs(score - exact) < 0.02, `${score} against ${exact}`);
        assert.ok(Math.abs(score - rows.score(rows.prepare(query), rows.rowOf(chunkId)!)) < 1e-3, "the SIMD scan and the plain loop agree");
      }
      assert.equal(hits[0]!.score, Math.max(...hits.map(({ score }) => score)));
    }
  });
}

test("the largest possible components do not overflow", () => {
  const dims = 1024;
  const rows = new VectorRows(dims);
  rows.add(1, { values: new Int8Array(dims).fill(-127), scale: 1 / (127 * 32) });
  const [hit] = scan(rows, new Float32Array(dims).fill(1 / 32), 1);
  assert.ok(Math.abs(hit!.score + 1) < 1e-3);
});

test("a vector of zeros scores zero, as document and as query", () => {
  const { rows, floats } = filled(3, 16);
  rows.add(1, { values: new Int8Array(16), scale: 0 });
  assert.equal(scan(rows, floats[0]!, 4).find(({ chunkId }) => chunkId === 1)!.score, 0);
  assert.ok(scan(rows, new Float32Array(16), 4).every(({ score }) => score === 0));
});

test("a scan over more than one block of rows finds the same as sorting everything", () => {
  const { rows, floats } = filled(9000, 16);
  const query = floats[8999]!;
  const prepared = rows.prepare(query);
  const all = Array.from({ length: rows.count }, (_, row) => ({ chunkId: rows.idAt(row), score: rows.score(prepared, row) })).sort((a, b) => b.score - a.score);
  assert.deepEqual(scan(rows, query, 20).map(({ chunkId }) => chunkId), all.slice(0, 20).map(({ chunkId }) => chunkId));
});

test("a scan offers allowed chunks only", () => {
  const { rows, floats } = filled(50, 16);
  assert.deepEqual(scan(rows, floats[0]!, 10, new Set([103, 104])).map(({ chunkId }) => chunkId).sort(), [103, 104]);
});

test("adding, swapping and removing in any order keeps every vector with its chunk", () => {
  const random = randomNumbers(3);
  const floats = clusteredVectors(300, 24, 4, 1);
  const rows = new VectorRows(24);
  const present = new Set<number>();
  for (let step = 0; step < 3000; step++) {
    const id = Math.floor(random() * 300);
    if (present.has(id)) {
      rows.swap(rows.rowOf(id)!, rows.count - 1);
      rows.removeLast();
      present.delete(id);
    } else {
      rows.add(id, quantise(floats[id]!));
      present.add(id);
      rows.swap(Math.floor(random() * rows.count), rows.count - 1);
    }
  }
  assert.equal(rows.count, present.size);
  for (const id of present) {
    assert.deepEqual([...rows.valuesAt(rows.rowOf(id)!)], [...quantise(floats[id]!).values]);
    assert.equal(rows.scaleAt(rows.rowOf(id)!), quantise(floats[id]!).scale);
  }
});

test("vectors and queries of another width are refused, and so is a chunk's second vector", () => {
  const { rows, floats } = filled(2, 16);
  assert.throws(() => rows.add(7, quantise(new Float32Array(15))), RangeError);
  assert.throws(() => rows.prepare(new Float32Array(17)), RangeError);
  assert.throws(() => rows.add(100, quantise(floats[0]!)), RangeError);
});

describe("the k best of a stream", () => {
  for (const k of [1, 3, 10, 1000]) {
    test(`are the first ${k} of the sorted stream`, () => {
      const random = randomNumbers(k);
      const all = Array.from({ length: 500 }, (_, chunkId) => ({ chunkId, score: Math.floor(random() * 200) }));
      const top = new TopK(k);
      for (const { chunkId, score } of all) top.offer(chunkId, score);
      const expected = all.map(({ score }) => score).sort((a, b) => b - a).slice(0, k);
      assert.deepEqual(top.sorted().map(({ score }) => score), expected);
      assert.equal(top.threshold, k > 500 ? -Infinity : expected.at(-1));
    });
  }
});

test("the kernel exists on the platforms that tests run on", () => {
  assert.ok(createScan(new WebAssembly.Memory({ initial: 2 }), 384));
});

test("where the kernel gets no memory, the plain loop finds the same, filtered too", (t) => {
  const { rows, floats } = filled(60, 20);
  t.mock.method(WebAssembly, "Memory", function () {
    throw new RangeError("could not allocate memory");
  });
  const plain = filled(60, 20).rows;
  const allowed = new Set([103, 117, 140]);
  for (const filter of [undefined, allowed]) assert.deepEqual(scan(plain, floats[7]!, 3, filter).map(({ chunkId }) => chunkId), scan(rows, floats[7]!, 3, filter).map(({ chunkId }) => chunkId));
  assert.deepEqual(new Set(scan(plain, floats[7]!, 3, allowed).map(({ chunkId }) => chunkId)), allowed);
});
