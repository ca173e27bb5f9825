import assert from "node:assert/strict";
import { test } from "node:test";
import { covers, mean, ndcgOfTargets, percentile, scoreRanking } from "../../quality/metric.ts";

const at = (path: string, startLine = 1, endLine = 10) => ({ path, startLine, endLine });
const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-9, `${actual} instead of ${expected}`);

test("a target is covered by the same path, or by a path that ends with it at a folder border", () => {
  assert.ok(covers(at("src/a.ts"), { path: "src/a.ts" }));
  assert.ok(covers(at("a.ts"), { path: "packages/x/a.ts" }));
  assert.ok(covers(at("packages/x/a.ts"), { path: "x/a.ts" }));
  assert.ok(!covers(at("aa.ts"), { path: "a.ts" }));
  assert.ok(!covers(at("src/b.ts"), { path: "src/a.ts" }));
});

test("lines must overlap where the target gives them", () => {
  const target = { path: "a.ts", startLine: 10, endLine: 20 };
  assert.ok(covers(at("a.ts", 20, 30), target));
  assert.ok(covers(at("a.ts", 1, 10), target));
  assert.ok(!covers(at("a.ts", 21, 30), target));
  assert.ok(!covers(at("a.ts", 1, 9), target));
});

test("NDCG of targets follows cases worked out by hand", () => {
  near(ndcgOfTargets([at("a")], [{ path: "a" }]), 1);
  near(ndcgOfTargets([at("x"), at("a")], [{ path: "a" }]), 1 / Math.log2(3));
  near(ndcgOfTargets([at("x"), at("y")], [{ path: "a" }]), 0);
  // Two targets: found first and third of an ideal first and second.
  near(ndcgOfTargets([at("a"), at("x"), at("b")], [{ path: "a" }, { path: "b" }]), (1 + 0.5) / (1 + 1 / Math.log2(3)));
});

test("several chunks of one file consume ranks and gain once", () => {
  near(ndcgOfTargets([at("a", 1, 5), at("a", 6, 9), at("b")], [{ path: "b" }]), 0.5);
  near(ndcgOfTargets([at("a", 1, 5), at("a", 6, 9)], [{ path: "a" }]), 1);
});

test("two targets covered at one rank count once", () => {
  near(ndcgOfTargets([at("a", 1, 100)], [{ path: "a", startLine: 1, endLine: 5 }, { path: "a", startLine: 50, endLine: 60 }]), 1 / (1 + 1 / Math.log2(3)));
});

test("only the first ten answers count, and the ideal never has more than ten", () => {
  const answers = Array.from({ length: 10 }, (_, i) => at(`x${i}`));
  near(ndcgOfTargets([...answers, at("a")], [{ path: "a" }]), 0);
  const many = Array.from({ length: 12 }, (_, i) => at(`t${i}`));
  near(ndcgOfTargets(many, many.map(({ path }) => ({ path }))), 1);
});

test("a ranking of documents gives NDCG@10 and the reciprocal rank beyond it", () => {
  const ids = Array.from({ length: 20 }, (_, i) => `d${i}`);
  assert.deepEqual(scoreRanking(ids, new Set(["d0"])), { ndcg: 1, reciprocalRank: 1 });
  near(scoreRanking(ids, new Set(["d3"])).ndcg, 1 / Math.log2(5));
  assert.deepEqual(scoreRanking(ids, new Set(["d15"])), { ndcg: 0, reciprocalRank: 1 / 16 });
  assert.deepEqual(scoreRanking(ids, new Set(["none"])), { ndcg: 0, reciprocalRank: 0 });
});

test("mean and percentiles are those of the textbook", () => {
  near(mean([1, 2, 6]), 3);
  near(mean([]), 0);
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.equal(percentile(values, 0.5), 50);
  assert.equal(percentile(values, 0.95), 95);
  assert.equal(percentile([7], 0.95), 7);
  assert.equal(percentile([], 0.5), 0);
});
