// Merging the tiers of one model: every chunk at its deepest vector, and scores of different exits made comparable.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { quantise } from "../../../src/encoding/int8.ts";
import type { Depth, Int8Vector, QueryVectors } from "../../../src/encoding/encoder.ts";
import { ModelVectors } from "../../../src/store/dense.ts";
import { clusteredVectors, sameAtEveryExit, testModel, unit } from "../../support/storeFixture.ts";

const dims = 64;
const truth = clusteredVectors(600, dims, 12, 21);
const noise = clusteredVectors(600, dims, 600, 22);
const offset = unit(new Float32Array(dims).fill(1));

/** The instant exit: blurred, and with a large common component, so that its cosines are high and lie close together. */
const blurred = (i: number) => quantise(unit(truth[i]!.map((value, j) => value + 0.5 * noise[i]![j]! + 1.5 * offset[j]!)));
const sharp = (i: number) => quantise(truth[i]!);

function model(sharedSpace: boolean, deepened: (i: number) => boolean) {
  const instantOf = new Map<number, Int8Vector>(truth.map((_, i) => [i, blurred(i)]));
  const read: number[] = [];
  const vectors = new ModelVectors(testModel({ dims, matryoshka: [dims], sharedSpace }), "d", undefined, 1e9, (ids) => {
    read.push(...ids);
    return ids.map((chunkId) => ({ chunkId, vector: instantOf.get(chunkId)! }));
  });
  truth.forEach((_, i) => vectors.add(i, "instant", instantOf.get(i)!));
  truth.forEach((_, i) => deepened(i) && vectors.add(i, "deep", sharp(i)));
  return { vectors, read };
}
const queryFor = (i: number): QueryVectors => ({
  instant: unit(truth[i]!.map((value, j) => value + 1.5 * offset[j]!)),
  shallow: truth[i]!,
  deep: truth[i]!,
});

describe("a chunk", () => {
  test("is held once, at its deepest vector, whatever the order in which its vectors arrive", () => {
    const { vectors } = model(true, () => false);
    const held = (id: number) => (["instant", "shallow", "deep"] as Depth[]).filter((depth) => vectors.tiers[depth].rows.has(id));
    vectors.add(1, "deep", sharp(1));
    vectors.add(1, "shallow", blurred(1));
    vectors.add(1, "instant", blurred(1));
    assert.deepEqual(held(1), ["deep"]);
    vectors.add(2, "shallow", sharp(2));
    assert.deepEqual([held(2), vectors.depthOf(2), vectors.depthOf(3), vectors.count], [["shallow"], "shallow", "instant", 600]);
    vectors.remove(1);
    vectors.remove(1);
    assert.deepEqual([held(1), vectors.depthOf(1), vectors.count], [[], undefined, 599]);
  });

  test("is scored the same by search and by id, and left out without a vector", () => {
    const { vectors } = model(false, (i) => i % 3 === 0);
    const hits = vectors.search(queryFor(5), 20);
    const scored = vectors.score(queryFor(5), [...hits.map(({ chunkId }) => chunkId), hits[0]!.chunkId, 9999]);
    assert.equal(scored.length, hits.length);
    scored.forEach((hit, i) => {
      assert.deepEqual([hit.chunkId, hit.depth], [hits[i]!.chunkId, hits[i]!.depth]);
      assert.ok(Math.abs(hit.score - hits[i]!.score) < 1e-3 && Math.abs(hit.calibrated - hits[i]!.calibrated) < 1e-3);
    });
  });
});

test("in a shared space the deep query searches every tier and cosines are compared as they are", () => {
  const { vectors } = model(true, (i) => i % 2 === 0);
  const hits = vectors.search({ ...sameAtEveryExit(new Float32Array(dims)), deep: truth[4]! }, 600);
  assert.equal(hits.length, 600);
  assert.deepEqual(new Set(hits.map(({ depth }) => depth)), new Set(["instant", "deep"]));
  hits.forEach((hit, i) => assert.ok(hit.calibrated === hit.score && (i === 0 || hit.score <= hits[i - 1]!.score)));
  assert.equal(hits[0]!.chunkId, 4);
});

describe("with a space per exit", () => {
  /** Mean rank of the chunk that a query was made from. */
  function meanRank(vectors: ModelVectors, of: (i: number) => boolean): number {
    const asked = truth.keys().filter(of).take(60).toArray();
    const ranks = asked.map((i) => vectors.search(queryFor(i), 600).findIndex(({ chunkId }) => chunkId === i));
    return ranks.reduce((sum, rank) => sum + rank, 0) / asked.length;
  }
  const few = (i: number) => i < 8;
  const half = (i: number) => i % 2 === 0;

  test("neither depth drowns the other, though the instant exit's cosines are all higher", () => {
    const { vectors } = model(false, half);
    const plain = vectors.search(queryFor(2), 600).toSorted((a, b) => b.score - a.score).slice(0, 100);
    assert.ok(plain.filter(({ depth }) => depth === "instant").length > 70, "the raw cosines of this test are not comparable");
    const mixed = vectors.search(queryFor(2), 100);
    const deepShare = mixed.filter(({ depth }) => depth === "deep").length / 100;
    assert.ok(deepShare > 0.3 && deepShare < 0.7, `share of deep hits ${deepShare}`);
    assert.ok(meanRank(vectors, half) < 3);
    assert.ok(meanRank(vectors, (i) => !half(i)) < 6);
  });

  test("a few chunks that were deepened first, because they were looked at, are neither lifted nor lost", () => {
    const { vectors } = model(false, few);
    assert.ok(meanRank(vectors, few) < 12);
    const unrelated = truth.keys().filter((i) => !few(i)).take(40).toArray();
    const lifted = unrelated.filter((i) => vectors.search(queryFor(i), 1)[0]!.depth === "deep").length;
    assert.ok(lifted <= 2, `${lifted} of 40 queries were answered by a deepened chunk of no relation`);
  });

  test("the score stays the cosine of its own depth", () => {
    const { vectors } = model(false, half);
    const [hit] = vectors.score(queryFor(2), [2]);
    assert.ok(hit!.depth === "deep" && hit!.score > 0.99);
  });

  test("the sample of pairs is small and read again only when the tier has doubled", () => {
    const { vectors, read } = model(false, half);
    vectors.search(queryFor(0), 1);
    vectors.search(queryFor(1), 1);
    assert.ok(read.length <= 256, `${read.length} vectors read`);
    truth.forEach((_, i) => vectors.add(i, "deep", sharp(i)));
    vectors.search(queryFor(2), 1);
    assert.ok(read.length > 256 && read.length <= 512);
  });
});

test("the graph is as narrow as the model's prefixes allow from 128 on", () => {
  const width = (matryoshka: number[], dims: number) => new ModelVectors(testModel({ matryoshka, dims }), "d", undefined, 1, () => []).tiers.deep.identity.graphDims;
  assert.deepEqual([width([64, 128, 256, 384], 384), width([256, 384], 384), width([384], 384), width([32, 64], 64)], [128, 256, 384, 64]);
});

test("what the code of a language has in common is read off some of a large index", () => {
  const vectors = new ModelVectors(testModel({ dims: 16, matryoshka: [16] }), "d", undefined, 1e9, () => []);
  const [one, other] = [0, 1].map((axis) => quantise(Float32Array.from({ length: 16 }, (_, i) => Number(i === axis))));
  for (let id = 1; id <= 120_000; id++) vectors.add(id, "instant", id % 2 === 0 ? one! : other!);
  const asked: number[] = [];
  const languagesOf = (ids: readonly number[]) => (asked.push(ids.length), ids.map((id) => [id, id % 2 === 0 ? "go" : "rust"] as const));
  const query = sameAtEveryExit(Float32Array.from({ length: 16 }, (_, i) => Number(i === 0)));
  assert.ok(vectors.searchCode(query, "go", 10, languagesOf).length > 0);
  assert.equal(asked[0], 100_000);
});

test("where the exits share a space, all chunks meet the query of the deepest one", () => {
  const { vectors } = model(true, (i) => i % 2 === 0);
  const misled = { ...queryFor(7), instant: truth[8]!, shallow: truth[8]! };
  assert.deepEqual(vectors.search(misled, 20), vectors.search(sameAtEveryExit(truth[7]!), 20));
  assert.deepEqual(vectors.score(misled, [7, 8]), vectors.score(sameAtEveryExit(truth[7]!), [7, 8]));
});
