// Word by word: what the nearest words of a chunk say of each word of the query.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Encoder } from "../../../src/encoding/encoder.ts";
import { gatherCandidates } from "../../../src/search/candidates.ts";
import { featureNames } from "../../../src/search/features.ts";
import { parseQuery } from "../../../src/search/query.ts";
import { candidateFeatures } from "../../../src/search/search.ts";
import { wordsIn } from "../../../src/search/terms.ts";
import { wordMeanings } from "../../../src/search/wordMeaning.ts";
import { type MemoryChunk, MemoryStore } from "../../support/memoryStore.ts";
import { createTestEncoder } from "../../support/testEncoder.ts";

const base = createTestEncoder().encoder;
/** An encoder for which some words mean the same; counts what it reads. */
function encoderOf(same: Readonly<Record<string, string>> = {}) {
  const read: string[] = [];
  const encoder: Encoder = { ...base, embedName: (text, width) => (read.push(text), base.embedName(same[text] ?? text, width)) };
  return { encoder, read };
}
function meaningsOf(query: string, texts: readonly string[], encoder: Encoder) {
  const store = new MemoryStore(texts.map((text, i): MemoryChunk => ({ path: `${i}.ts`, text: `alpha ${text}` })));
  const parsed = parseQuery(query);
  const candidates = gatherCandidates(store, parsed, undefined, 50, "");
  const found = wordMeanings(encoder, parsed, candidates, new Map(candidates.items.map(({ place }, i) => [i, wordsIn(place.text)])));
  return texts.map((_, i) => found.get(candidates.items.findIndex(({ place }) => place.path === `${i}.ts`)));
}

test("a word that means the same counts as the word itself, in any spelling of a name", () => {
  const { encoder } = encoderOf({ remove: "delete" });
  const [said, meant, neither] = meaningsOf("alpha remove", ["remove", "deleteRow", "paint"], encoder);
  assert.ok(Math.abs(said! - meant!) < 1e-6 && said! > 0.99);
  assert.ok(neither! < said! - 0.2);
});

test("a long chunk says a word as clearly as a short one", () => {
  const [short, long] = meaningsOf("alpha remove", ["remove", `remove ${Array.from({ length: 80 }, (_, i) => `word${String.fromCharCode(97 + (i % 26))}${String.fromCharCode(97 + (i >> 4))}`).join(" ")}`], encoderOf().encoder);
  assert.ok(Math.abs(short! - long!) < 1e-6);
});

test("a rare word of the query counts more than a common one", () => {
  const [common, rare] = meaningsOf("alpha signature", ["paint", "signature"], encoderOf().encoder);
  assert.ok(rare! > 0.99 && common! < 0.75);
});

test("a query without words has no meaning, and words are read once", () => {
  const { encoder, read } = encoderOf();
  const store = new MemoryStore([{ path: "a.ts", text: "alpha 12 ?" }]);
  const parsed = parseQuery("the 12 ?");
  const candidates = gatherCandidates(store, parseQuery("alpha"), undefined, 5, "");
  assert.equal(wordMeanings(encoder, { ...parsed, text: "12 ?" }, candidates, new Map([[0, wordsIn("alpha 12")]])).size, 0);
  meaningsOf("alpha remove", ["remove it", "remove that"], encoder);
  assert.equal(read.filter((word) => word === "remove").length, 1);
});

test("the feature is standardised over the leading candidates and 0 without an encoder", async () => {
  const store = new MemoryStore(Array.from({ length: 80 }, (_, i): MemoryChunk => ({ path: `${i}.ts`, text: `alpha ${i < 40 ? "remove" : "paint"} ${i}` })));
  const parsed = parseQuery("alpha remove");
  const candidates = gatherCandidates(store, parsed, undefined, 50, "");
  const column = featureNames.indexOf("words meant");
  const values = candidateFeatures({ store, encoder: base }, parsed, await base.embedQuery("alpha remove"), candidates).map((row) => row[column]!);
  assert.equal(values.filter((value) => value !== 0).length, 60);
  assert.ok(Math.abs(values.reduce((sum, value) => sum + value, 0)) < 1e-6);
  assert.ok(candidateFeatures({ store, encoder: undefined }, parsed, undefined, candidates).every((row) => row[column] === 0));
});
