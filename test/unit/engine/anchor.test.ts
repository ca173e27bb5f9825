import assert from "node:assert/strict";
import { statSync, symlinkSync, truncateSync } from "node:fs";
import path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { anchor, anchorOnce, goneWhole, readRange, withoutGaps } from "../../../src/engine/anchor.ts";
import type { Place } from "../../../src/store/store.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const copy = "same();\nend();";
const far = "\n".repeat(100);

/** Where hits of `a.ts` are said to be, that had `copy` at these lines when it was indexed and says `text` now. */
async function anchored(t: TestContext, indexed: readonly number[], text: string, hits: readonly number[]): Promise<readonly number[]> {
  const root = temporaryFolder(t, { "a.ts": text });
  const places = indexed.map((startLine) => ({ path: "a.ts", startLine, endLine: startLine + 1, text: copy }) as Place);
  const store = { files: () => new Map(), placesInFile: () => places };
  const found = await anchor(store, root, hits.map((startLine) => ({ path: "a.ts", startLine, endLine: startLine + 1, line: startLine + 1, snippet: copy })));
  assert.deepEqual(found.stale, ["a.ts"]);
  for (const { startLine, endLine, line } of found.hits) assert.deepEqual([endLine, line], [startLine + 1, startLine + 1], "the lines of its name and its end go with it");
  return found.hits.map(({ startLine }) => startLine);
}

describe("hits of copies in one file that has changed", () => {
  const both = `${copy}\n\n${copy}\n`;
  it("keep their order, however far they moved", async (t) => assert.deepEqual(await anchored(t, [1, 4], far + both, [4, 1]), [104, 101]));
  it("are each its own, also when the other is no hit", async (t) => assert.deepEqual(await anchored(t, [201, 204], both, [201]), [1]));
  it("are one when one copy is left", async (t) => assert.deepEqual(await anchored(t, [1, 4], `\n${copy}\n`, [4, 1]), [2]));
  it("are different ones when there is another copy", async (t) => assert.deepEqual(await anchored(t, [1, 4], `${far}${both}\n${copy}\n`, [1, 4]), [101, 104]));
  it("are gone with the code", async (t) => assert.deepEqual(await anchored(t, [1, 4], "other();\n", [1, 4]), []));
});

it("what is gone is named by the outermost folder that went with it", (t) => {
  const root = temporaryFolder(t, { "src/there.ts": copy });
  assert.deepEqual(goneWhole(root, ["src/there.ts", "src/gone.ts", "src/a/b/one.ts", "src/a/two.ts", "top.ts"]), ["src/there.ts", "src/gone.ts", "src/a", "top.ts"]);
  assert.deepEqual(goneWhole(path.join(root, "none"), ["src/a/one.ts"]), ["src"], "also when the workspace itself has gone");
});

it("an answer is made again as long as that changes the index, for a moment at most", async (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const asked: number[] = [];
  const ask = async (k: number) => ({ hits: [], k: asked.push(k) });
  let left = 2;
  const slowly = async (k: number) => ask(k).finally(() => (now += 5_000));
  assert.equal((await withoutGaps(slowly, 5, async () => left-- > 1)).k, 3);
  asked.length = 0;
  left = 2;
  assert.equal((await withoutGaps(ask, 5, async () => left-- > 0)).k, 3);
  assert.deepEqual(asked, [5, 100, 5]);
  assert.equal((await withoutGaps(ask, 5, async () => (now += 400) > 0)).k, 8);
});

it("a hit is not looked for outside the workspace, nor in a file that has grown without measure", async (t) => {
  const folder = temporaryFolder(t, { "w/own.ts": `${copy}\n`, "w/grown.ts": `${copy}\n`, "outside/other.ts": `${copy}\n` });
  truncateSync(path.join(folder, "w/grown.ts"), 25_000_000);
  symlinkSync(path.join(folder, "outside"), path.join(folder, "w/link"), "dir");
  const hit = { startLine: 1, endLine: 2, snippet: copy };
  const store = { files: () => new Map(), placesInFile: () => [] };
  const found = await anchor(store, path.join(folder, "w"), ["own.ts", "grown.ts", "link/other.ts"].map((name) => ({ ...hit, path: name })));
  assert.deepEqual(found.hits.map((each) => each.path), ["own.ts"]);
});

it("a file is as it was indexed only if its size and its time are", async (t) => {
  const root = temporaryFolder(t, { "a.ts": `\n${copy}\n` });
  const { size, mtimeMs } = statSync(path.join(root, "a.ts"));
  const line = async (record: { readonly size: number; readonly mtimeMs: number }) => {
    const store = { files: () => new Map([["a.ts", record]]) as never, placesInFile: () => [] };
    return (await anchor(store, root, [{ path: "a.ts", startLine: 1, endLine: 2, snippet: copy }])).hits.map(({ startLine }) => startLine);
  };
  assert.deepEqual([await line({ size, mtimeMs }), await line({ size: size - 1, mtimeMs }), await line({ size, mtimeMs: mtimeMs - 1 })], [[1], [2], [2]]);
});

it("the lines of a range are those of the file, and one that it does not have is refused", async (t) => {
  const root = temporaryFolder(t, { "a.ts": "one\ntwo\nthree\n" });
  const lines = (startLine?: number, endLine?: number) => readRange(root, { path: "a.ts", ...(startLine !== undefined && { startLine }), ...(endLine !== undefined && { endLine }) });
  assert.deepEqual([await lines(), await lines(2), await lines(1, 2), await lines(4)], ["one\ntwo\nthree\n", "two\nthree\n", "one\ntwo", ""]);
  for (const [first, last] of [[0], [5], [2, 4], [3, 2]] as const) await assert.rejects(lines(first, last), { code: "input.invalid" }, `${first}-${last}`);
});

it("the same hits are looked for once", async (t) => {
  const root = temporaryFolder(t, { "a.ts": `${copy}\n` });
  let looks = 0;
  const store = { files: () => (looks++, new Map()), placesInFile: () => [] };
  const hits = [{ path: "a.ts", startLine: 1, endLine: 2, snippet: copy }];
  const [first, again, others] = [await anchorOnce(store, root, hits), await anchorOnce(store, root, hits), await anchorOnce(store, root, [...hits])];
  assert.equal(again, first);
  assert.deepEqual([others, looks], [first, 2]);
});
