import assert from "node:assert/strict";
import { test } from "node:test";
import type { Candidate } from "../../../src/search/candidates.ts";
import { type FeatureName, featureNames } from "../../../src/search/features.ts";
import { parseQuery } from "../../../src/search/query.ts";
import { explain, rank, type Ranked, sameFilePenalty, settle } from "../../../src/search/ranking.ts";
import { proseWeights, symbolWeights } from "../../../src/search/weights.ts";

const query = parseQuery("how are letters delivered");

function candidate(place: number, path: string, startLine = place * 10, chunkId = place): Candidate {
  const at = { place, chunkId, path, startLine, endLine: startLine + 5, lang: "typescript", kind: "function" as const, symbols: [], breadcrumb: "", doc: "", text: "", isTest: false, isGenerated: false, depth: undefined };
  return { place: at, fields: [0, 0, 0, 0, 0], terms: [], lexical: 0, dense: undefined, depth: undefined };
}

function row(values: Partial<Record<FeatureName, number>>): Float64Array {
  return Float64Array.from(featureNames, (name) => values[name] ?? 0);
}

const order = (hits: readonly Ranked[]) => hits.map((hit) => hit.candidate.place.place);

test("candidates come by weighted sum, equal ones by path, the nearest first, whenever each was read", () => {
  const candidates = [candidate(1, "0/a"), candidate(2, "b"), candidate(3, "c"), candidate(4, "a")];
  const equal = row({ bm25: 0.2 });
  assert.deepEqual(order(rank(candidates, [equal, row({ bm25: 1 }), equal, equal], query, 4)), [2, 4, 3, 1]);
});

test("a file's second chunk waits for the other files, and comes when it is far better", () => {
  const candidates = [candidate(1, "a"), candidate(2, "a"), candidate(3, "b")];
  const bm25 = (score: number) => row({ bm25: score / proseWeights.bm25 });
  assert.deepEqual(order(rank(candidates, [bm25(2), bm25(1.9), bm25(1)], query, 3)), [1, 3, 2]);
  assert.deepEqual(order(rank(candidates, [bm25(9), bm25(2 + sameFilePenalty(1)), bm25(1)], query, 3)), [1, 2, 3]);
  const many = Array.from({ length: 11 }, (_, i) => candidate(i + 1, "a"));
  assert.deepEqual(rank(many, many.map(() => bm25(1)), query, 11).map((hit) => hit.penalty), [0, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9]);
});

test("a header that says all words as one whole name, and generated code that says them all, wait for code that says few", () => {
  const [header, generated, code] = [row({ bm25: 1, "whole name": 1, declarations: 1 }), row({ bm25: 1, generated: 1 }), row({ bm25: 0.2 })];
  assert.deepEqual(order(rank([candidate(1, "cart.h"), candidate(2, "cart.pb.go"), candidate(3, "cart.cpp")], [header, generated, code], query, 3))[0], 3);
});

test("copies of a chunk in other files wait for other code, and come after it", () => {
  const copy = (place: number, path: string) => candidate(place, path, 10, 7);
  const candidates = [copy(1, "one/a"), copy(2, "three/a"), copy(3, "two/a"), candidate(4, "b")];
  const bm25 = (score: number) => row({ bm25: score / proseWeights.bm25 });
  const hits = rank(candidates, [bm25(2), bm25(2), bm25(2), bm25(1)], query, 4);
  assert.deepEqual(order(hits), [1, 4, 2, 3]);
  assert.deepEqual(hits.map((hit) => hit.penalty), [0, 0, sameFilePenalty(1), sameFilePenalty(2)]);
  // What is new in the second file is not held up by the copy in front of it; a chunk twice in one file falls once.
  const changed = [copy(1, "one/a"), copy(2, "two/a"), candidate(3, "two/a", 50), candidate(4, "b"), copy(5, "b")];
  assert.deepEqual(order(rank(changed, [bm25(10), bm25(10), bm25(9.9), bm25(8), bm25(1)], query, 3)), [1, 3, 4]);
  const twice = rank([copy(1, "a"), candidate(2, "a", 90, 7), candidate(3, "b")], [bm25(2), bm25(2), bm25(1)], query, 3);
  assert.deepEqual(twice.map((hit) => hit.penalty), [0, 0, sameFilePenalty(1)]);
});

test("one catalogue of texts stands for those in other languages, unless they are asked for", () => {
  const candidates = [candidate(1, "locales/de.json"), candidate(2, "locales/en.json"), candidate(3, "locales/fr.json"), candidate(4, "a")];
  const rows = (asked: number) => [2, 1.9, 1.8, 1].map((score, i) => row({ bm25: score / proseWeights.bm25, "kind asked": i < 3 ? asked : 0 }));
  const hits = rank(candidates, rows(0), query, 4);
  assert.deepEqual(order(hits), [1, 4, 2, 3]);
  assert.deepEqual(hits.map((hit) => hit.penalty), [0, 0, sameFilePenalty(1), sameFilePenalty(2)]);
  assert.deepEqual(order(rank(candidates, rows(1), query, 4)), [1, 2, 3, 4]);
});

test("the place a trace names loses nothing to an earlier chunk of its file", () => {
  const candidates = [candidate(1, "a"), candidate(2, "a"), candidate(3, "b")];
  const rows = [row({ bm25: 12 / proseWeights.bm25 }), row({ trace: 9 / proseWeights.trace }), row({ bm25: 8.5 / proseWeights.bm25 })];
  assert.deepEqual(order(rank(candidates, rows, query, 3)), [1, 2, 3]);
});

test("totals never rise along the list, and the parts of each sum to its total", () => {
  const candidates = Array.from({ length: 30 }, (_, i) => candidate(i + 1, `file${i % 4}`));
  const rows = candidates.map((_, i) => row({ bm25: ((i * 7) % 11) / 11, dense: ((i * 5) % 7) - 3, test: i % 3 === 0 ? 1 : 0 }));
  const hits = rank(candidates, rows, query, 20);
  assert.equal(hits.length, 20);
  hits.forEach((hit, i) => {
    if (i > 0) assert.ok(hit.total <= hits[i - 1]!.total);
    assert.ok(explain(hit, query).every((part) => part.contribution !== 0));
    assert.ok(Math.abs(explain(hit, query).reduce((sum, part) => sum + part.contribution, 0) - hit.total) < 1e-9);
  });
});

test("a chunk mostly inside a better hit of its file is left out", () => {
  const candidates = [candidate(1, "a", 10), candidate(2, "a", 12), candidate(3, "a", 30), candidate(4, "a", 14)];
  assert.deepEqual(order(rank(candidates, [row({ bm25: 1 }), row({ bm25: 0.9 }), row({ bm25: 0.1 }), row({ bm25: 0.05 })], query, 4)), [1, 3, 4]);
});

test("names and questions are weighed differently", () => {
  const candidates = [candidate(1, "a"), candidate(2, "b")];
  const rows = [row({ definition: 1 }), row({ bm25: 1, "bm25 rank": 1, "dense rank": 1 })];
  assert.deepEqual(order(rank(candidates, rows, parseQuery("Letter"), 2)), [1, 2]);
  assert.ok(symbolWeights.definition > proseWeights.definition);
});

test("a list being read moves only where scores clearly differ", () => {
  const ranked = (place: number, total: number): Ranked => ({ candidate: candidate(place, `f${place}`), features: row({}), score: total, penalty: 0, total });
  const fresh = [ranked(3, 5.3), ranked(1, 5.25), ranked(2, 5.2), ranked(9, 4)];
  assert.deepEqual(order(settle(fresh, [1, 2, 3], 0.2)), [1, 2, 3, 9]);
  assert.deepEqual(order(settle(fresh, [1, 2, 3], 0.01)), [3, 1, 2, 9]);
  assert.deepEqual(order(settle([ranked(9, 7), ...fresh.slice(0, 3)], [1, 2, 3], 0.2)), [9, 1, 2, 3]);
  assert.deepEqual(order(settle([ranked(9, 5.3), ranked(1, 5.25), ranked(2, 5.2)], [1, 2], 0.2)), [1, 2, 9], "what is new comes behind its like");
});
