// What another index has of the same code is copied, not encoded again; what it has not, or cannot give, is encoded as ever.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { quantise } from "../../../src/encoding/int8.ts";
import type { Store } from "../../../src/store/store.ts";
import { parsedFile, testModel, vectorOf, workshop, type Workshop } from "../../support/storeFixture.ts";

let first: Workshop;
let second: Workshop;
beforeEach(() => ([first, second] = [workshop(), workshop()]));
afterEach(() => {
  first.end();
  second.end();
});

const text = (i: number) => `function step${i}() {\n  return ${i};\n}`;
const file = (from: number, to: number) => parsedFile("src/steps.ts", Array.from({ length: to - from }, (_, i) => ({ text: text(from + i), symbols: [`step${from + i}`] })));
/** Encodes everything that must be, and says which texts those were. */
function deepen(store: Store, depth: "shallow" | "deep" = "deep"): string[] {
  const todo = store.borrow(depth, store.chunksToDeepen(depth, 1_000));
  store.putVectors(depth, todo.map(({ chunkId, text }) => ({ chunkId, vector: quantise(vectorOf(text)) })));
  return todo.map((chunk) => chunk.text).toSorted();
}
const database = (w: Workshop) => path.join(w.folder, "index.db");

for (const state of ["open", "closed"] as const)
  test(`a second checkout encodes what the first lacks, and copies the rest; the first index is ${state}`, async () => {
    const one = await first.open();
    one.putFiles([file(0, 8)]);
    assert.equal(deepen(one).length, 8);
    if (state === "closed") await one.close();
    const two = await second.open({ siblings: () => [database(first)] });
    two.putFiles([file(6, 10)]);
    assert.deepEqual(deepen(two), [text(8), text(9)]);
    assert.equal(two.coverage().deep, 4);
    const [copied] = two.searchDense({ instant: vectorOf(text(7)), shallow: vectorOf(text(7)), deep: vectorOf(text(7)) }, 1, {});
    assert.deepEqual([two.placesOf([copied!.chunkId])[0]!.text, copied!.depth], [text(7), "deep"]);
    assert.ok(copied!.score > 0.99);
  });

test("vectors of another depth or another model are not taken", async () => {
  const one = await first.open();
  one.putFiles([file(0, 3)]);
  deepen(one, "shallow");
  const two = await second.open({ siblings: () => [database(first)] });
  two.putFiles([file(0, 3)]);
  assert.equal(deepen(two).length, 3);
  await two.close();
  const other = workshop();
  const three = await other.open({ siblings: () => [database(second)], model: testModel({ hash: "b".repeat(64) }) });
  three.putFiles([file(0, 3)]);
  assert.equal(deepen(three).length, 3);
  await three.close();
  other.end();
});

test("what is no database, or is gone, lends nothing and harms nothing", async () => {
  const wrong = path.join(second.folder, "wrong.db");
  const two = await second.open({ siblings: () => [wrong, path.join(first.folder, "gone/index.db")] });
  writeFileSync(wrong, "no database at all, but long enough to be read as the header of one, which it is not".repeat(20));
  two.putFiles([file(0, 3)]);
  assert.equal(deepen(two).length, 3);
  assert.deepEqual(two.warnings, []);
});

test("an index of other code is not asked for ever", async () => {
  const one = await first.open();
  one.putFiles([file(0, 2), parsedFile("src/late.ts", [{ text: text(5_000), symbols: ["late"] }])]);
  deepen(one);
  const two = await second.open({ siblings: () => [database(first)] });
  two.putFiles([file(1_000, 1_600)]);
  assert.equal(deepen(two).length, 600);
  two.putFiles([parsedFile("src/late.ts", [{ text: text(5_000), symbols: ["late"] }])]);
  assert.deepEqual(deepen(two), [text(5_000)]);
});
