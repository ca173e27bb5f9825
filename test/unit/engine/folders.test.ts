import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mergeResults, type MergedResult, sumCoverage } from "../../../src/engine/folders.ts";
import { coverage, hit, result } from "../../support/fakeEngine.ts";

const paths = ({ hits }: MergedResult) => hits.map(({ root, path }) => `${root}:${path}`);

describe("merging the answers of several folders", () => {
  it("puts the best hits of all folders first and keeps k", () => {
    const merged = mergeResults([{ root: "/a", result: result([hit("x", 0.9), hit("y", 0.3)]) }, { root: "/b", result: result([hit("z", 0.6)]) }], 2);
    assert.deepEqual(paths(merged), ["/a:x", "/b:z"]);
  });

  it("puts a folder that has nothing near the question behind one that has, and says so", () => {
    const far = { root: "/a", result: result([hit("x", 6.4), hit("w", 1)], { nearest: 0.31 }) };
    const near = { root: "/b", result: result([hit("y", 5.6), hit("z", 3)], { nearest: 0.55 }) };
    const merged = mergeResults([far, near], 4);
    assert.deepEqual(paths(merged), ["/b:y", "/b:z", "/a:x", "/a:w"]);
    const [y, , x] = merged.hits;
    assert.deepEqual([y!.score, y!.why], [5.6, near.result.hits[0]!.why]);
    const reason = x!.why.find(({ signal }) => signal === "nearer code in another folder");
    assert.equal(reason?.value, 0.31);
    assert.ok(reason.contribution < 0 && Math.abs(x!.score - 6.4 - reason.contribution) < 1e-9, "the reasons still add up to the score");
    const words = { root: "/a", result: result([hit("x", 6.4)]) };
    assert.deepEqual(paths(mergeResults([words, near], 3)), ["/a:x", "/b:y", "/b:z"], "an answer by words alone tells no nearness");
  });

  it("shows a place once when one folder lies in another", () => {
    const merged = mergeResults([{ root: "/a", result: result([hit("y", 0.5), hit("sub/x", 0.3)]) }, { root: "/a/sub", result: result([hit("x", 0.9), hit("x", 0.2, { startLine: 40 })]) }], 5);
    assert.deepEqual(paths(merged), ["/a/sub:x", "/a:y", "/a/sub:x"]);
  });

  it("tells a misspelt word when every folder whose hits are shown read it so, as the first did", () => {
    const a = { root: "/a", result: result([hit("x", 0.5)], { respellings: [{ typed: "a", read: "b" }, { typed: "d", read: "e" }] }) };
    const b = { root: "/b", result: result([hit("y", 0.4)], { respellings: [{ typed: "a", read: "c" }] }) };
    assert.deepEqual(mergeResults([a, b], 5).respellings, [{ typed: "a", read: "b" }]);
    assert.equal(mergeResults([a, { root: "/b", result: result([hit("y", 0.4)]) }], 5).respellings, undefined, "the other folder has the word");
    assert.deepEqual(mergeResults([a, b], 1).respellings, a.result.respellings, "nothing of the other folder is shown");
  });

  it("is far-fetched when the answer of every folder whose hits are shown is", () => {
    const far = { root: "/a", result: result([hit("x", 0.5)], { farFetched: true }) };
    assert.equal(mergeResults([far, { root: "/b", result: result([hit("x", 0.4)], { farFetched: true }) }], 5).farFetched, true);
    assert.equal(mergeResults([far, { root: "/b", result: result([hit("x", 0.4)]) }], 5).farFetched, undefined);
    assert.equal(mergeResults([far, { root: "/b", result: result([]) }], 5).farFetched, true);
    assert.equal(mergeResults([], 5).farFetched, undefined);
  });

  it("adds the coverage up and names the deepest reading", () => {
    const merged = mergeResults([{ root: "/a", result: result([], { coverage: coverage(3, 1), depth: "instant" }) }, { root: "/b", result: result([], { coverage: coverage(4, 2), depth: "shallow", tookMs: 9, refining: true }) }], 5);
    assert.deepEqual(merged.coverage, coverage(7, 3));
    assert.deepEqual([merged.depth, merged.tookMs, merged.refining], ["shallow", 9, true]);
    assert.deepEqual(sumCoverage([]), coverage(0));
  });
});
