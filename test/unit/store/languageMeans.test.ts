// Comparing code by what remains of its vectors without what its language has in common.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { quantise } from "../../../src/encoding/int8.ts";
import type { Depth } from "../../../src/encoding/encoder.ts";
import { ModelVectors } from "../../../src/store/dense.ts";
import { cosineWithRemainder, LanguageMeans, remainder, type Spoken, spread } from "../../../src/store/languageMeans.ts";
import { clusteredVectors, sameAtEveryExit, testModel, unit } from "../../support/storeFixture.ts";

const dims = 64;
const count = 150;
const languages = ["go", "php", "rust"];
const meanings = clusteredVectors(count, dims, count, 31);
const accents = clusteredVectors(languages.length, dims, languages.length, 32);

/** What chunk `i` does, said in a language: chunk ids are 0 to 149 in the first, 150 to 299 in the second, and so on. */
const spoken = (i: number, lang: number) => unit(meanings[i]!.map((value, j) => value + 1.8 * accents[lang]![j]!));
const langOf = (chunkId: number) => languages[Math.floor(chunkId / count)]!;
const languagesOf = (ids: readonly number[]) => ids.filter((id) => id < languages.length * count).map((id) => [id, langOf(id)] as const);

function index(depthOf: (chunkId: number) => Depth = () => "instant", sharedSpace = true): ModelVectors {
  const vectors = new ModelVectors(testModel({ dims, matryoshka: [dims], sharedSpace }), "d", undefined, 1e9, () => []);
  for (let id = 0; id < languages.length * count; id++) vectors.add(id, depthOf(id), quantise(spoken(id % count, Math.floor(id / count))));
  return vectors;
}
const query = (i: number, lang: number) => sameAtEveryExit(spoken(i, lang));
const asked = Array.from({ length: 30 }, (_, i) => i * 5);
/** Share of the same ideas in the two other languages that are among the first ten. */
const twinsFound = (search: (i: number) => readonly { readonly chunkId: number }[]) => {
  const found = asked.map((i) => search(i).filter(({ chunkId }) => chunkId % count === i && chunkId >= count).length);
  return found.reduce((sum, value) => sum + value, 0) / (2 * asked.length);
};

describe("code is found by what it does", () => {
  test("in other languages as well as in its own, where whole vectors stay within their language", () => {
    const vectors = index();
    const whole = twinsFound((i) => vectors.search(query(i, 0), 10));
    const remaining = twinsFound((i) => vectors.searchCode(query(i, 0), "go", 10, languagesOf));
    assert.ok(whole < 0.5, `whole vectors find ${whole}`);
    assert.ok(remaining > 0.9, `what remains finds ${remaining}`);
    for (const i of asked) assert.ok(vectors.searchCode(query(i, 0), "go", 3, languagesOf).some(({ chunkId }) => chunkId === i));
  });

  test("whatever depths the chunks are read at", () => {
    const vectors = index((id) => (id % 2 === 0 ? "deep" : "instant"));
    assert.ok(twinsFound((i) => vectors.searchCode(query(i, 0), "go", 10, languagesOf)) > 0.95);
  });

  test("by ids with the same scores as by search; chunks without a vector are left out", () => {
    const vectors = index();
    const hits = vectors.searchCode(query(3, 1), "php", 12, languagesOf);
    assert.equal(hits.length, 12);
    assert.deepEqual(vectors.scoreCode(query(3, 1), "php", [...hits.map(({ chunkId }) => chunkId), 9_999], languagesOf), hits);
    vectors.remove(hits[0]!.chunkId);
    assert.deepEqual(vectors.scoreCode(query(3, 1), "php", hits.map(({ chunkId }) => chunkId), languagesOf).map(({ chunkId }) => chunkId), hits.slice(1).map(({ chunkId }) => chunkId));
  });

  test("by whole vectors where the exits share no space", () => {
    const vectors = index(undefined, false);
    assert.deepEqual(vectors.searchCode(query(3, 1), "php", 12, languagesOf), vectors.search(query(3, 1), 12));
    assert.deepEqual(vectors.scoreCode(query(3, 1), "php", [1, 2, 3], languagesOf), vectors.score(query(3, 1), [1, 2, 3]));
  });

  test("by means that follow the index as it grows, not at every chunk", () => {
    const vectors = index((id) => (id < count ? "instant" : "deep"));
    let walked = 0;
    const counted = (ids: readonly number[]) => {
      if (ids.length >= 3 * count) walked++;
      return languagesOf(ids);
    };
    const search = () => vectors.searchCode(query(0, 0), "go", 3, counted);
    search();
    search();
    assert.equal(walked, 1);
    for (let id = 0; id < 5; id++) vectors.add(id, "deep", quantise(spoken(id, 0)));
    search();
    assert.equal(walked, 1);
    for (let id = 5; id < 40; id++) vectors.add(id, "deep", quantise(spoken(id, 0)));
    search();
    assert.equal(walked, 2);
  });
});

describe("the mean of a language", () => {
  const means = (chunks: readonly Spoken[], vector: Float32Array) => new LanguageMeans(dims, chunks, () => vector);
  const chunks = (n: number, lang: string, depth: Depth = "instant"): Spoken[] => Array.from({ length: n }, (_, chunkId) => ({ chunkId, lang, depth }));
  const ones = unit(new Float32Array(dims).fill(1));
  const length = (vector: Float32Array) => Math.hypot(...vector);

  test("of a few chunks hardly moves anything, that of many is all they have in common", () => {
    assert.ok(length(means(chunks(1, "go"), ones).of("go", "instant")) < 0.15);
    const many = means(chunks(2_000, "go"), ones).of("go", "instant");
    assert.ok(length(many) > 0.99);
    assert.ok(length(remainder(ones, many)) < 1.01 && Math.abs(cosineWithRemainder(ones, ones, new Float32Array(dims)) - 1) < 1e-6);
  });

  test("at a depth or in a language that has no chunks is that of everything else", () => {
    const known = means(chunks(500, "go"), ones);
    assert.deepEqual(known.of("go", "deep"), known.of("go", "shallow"));
    assert.ok(length(known.of("go", "deep")) > 0.9);
    assert.ok(length(known.of("cobol", "deep")) > 0.9);
    assert.equal(length(means([], ones).of("go", "instant")), 0);
  });

  test("leaves nothing of a vector that is it, and no number is NaN", () => {
    const nothing = remainder(ones, ones);
    assert.equal(length(nothing), 0);
    assert.equal(cosineWithRemainder(nothing, ones, ones), 0);
  });
});

test("a sample of a list is spread over it", () => {
  const list = Array.from({ length: 10 }, (_, i) => i);
  assert.deepEqual([spread(list, 3), spread(list, 10), spread(list, 20)], [[0, 3, 6], list, list]);
});
