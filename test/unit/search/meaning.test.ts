import assert from "node:assert/strict";
import { test } from "node:test";
import type { Encoder } from "../../../src/encoding/encoder.ts";
import { gatherCandidates } from "../../../src/search/candidates.ts";
import { type FeatureName, featureNames } from "../../../src/search/features.ts";
import { nameMeanings } from "../../../src/search/meaning.ts";
import { parseQuery } from "../../../src/search/query.ts";
import { candidateFeatures } from "../../../src/search/search.ts";
import { MemoryStore } from "../../support/memoryStore.ts";
import { createTestEncoder } from "../../support/testEncoder.ts";

const chunks = [
  { path: "net/retry.ts", text: "alpha one", symbols: ["backOff"], breadcrumb: "Client" },
  { path: "net/retry.ts", text: "alpha two", symbols: ["waitBetweenAttempts"], breadcrumb: "Client", startLine: 5, endLine: 6 },
  { path: "ui/button.ts", text: "alpha three", symbols: ["paint"] },
];

async function ask(query: string, encoder: Encoder) {
  const store = new MemoryStore(chunks);
  store.sharedSpace = true;
  const parsed = parseQuery(query);
  const vectors = await encoder.embedQuery(query);
  const candidates = gatherCandidates(store, parsed, vectors, 10, "");
  return { store, parsed, vectors, candidates };
}

test("a chunk's names, its file's name and what else its file defines each say how near the query is", async () => {
  const { encoder } = createTestEncoder();
  const { store, vectors, candidates } = await ask("alpha attempts", encoder);
  const meanings = nameMeanings(store, encoder, vectors, candidates.items);
  const of = (symbol: string) => meanings[candidates.items.findIndex(({ place }) => place.symbols[0] === symbol)]!;
  assert.ok(of("waitBetweenAttempts").name! > of("backOff").name!, "the name that says a word of the query");
  assert.ok(of("backOff").outline! > 0, "a neighbour in the same file lends its name");
  assert.equal(of("paint").outline, undefined, "a chunk that is its whole file has no neighbours");
  assert.equal(of("backOff").outline, of("waitBetweenAttempts").outline);
  const asked = await ask("alpha ui button", encoder);
  const byFile = nameMeanings(asked.store, encoder, asked.vectors, asked.candidates.items);
  assert.equal(Math.max(...byFile.map(({ file }) => file!)), byFile[asked.candidates.items.findIndex(({ place }) => place.path === "ui/button.ts")]!.file);
});

test("an outline is read once while its file stays as it is", async () => {
  const { encoder } = createTestEncoder();
  const read: string[] = [];
  const counting: Encoder = { ...encoder, embedName: (text) => (read.push(text), encoder.embedName(text)) };
  const { store, vectors, candidates } = await ask("alpha", counting);
  const outlines = () => read.filter((text) => text.includes("backOff waitBetweenAttempts")).length;
  nameMeanings(store, counting, vectors, candidates.items);
  nameMeanings(store, counting, vectors, candidates.items);
  assert.equal(outlines(), 1);
  const [first, ...others] = chunks;
  nameMeanings(new MemoryStore([{ ...first!, text: "alpha one changed" }, ...others]), counting, vectors, candidates.items);
  assert.equal(outlines(), 2, "the file changed");
});

test("numbers and missing names mean nothing, instead of anything", async () => {
  const { encoder } = createTestEncoder();
  const store = new MemoryStore([{ path: "0/17.ts", text: "alpha one" }, { path: "0/18.ts", text: "alpha two", symbols: ["paint"] }]);
  store.sharedSpace = true;
  const parsed = parseQuery("alpha");
  const vectors = await encoder.embedQuery("alpha");
  const { items } = gatherCandidates(store, parsed, vectors, 10, "");
  const [unnamed, named] = nameMeanings(store, encoder, vectors, items.toSorted((a, b) => a.place.path.localeCompare(b.place.path)));
  assert.deepEqual(unnamed, { name: undefined, file: undefined, outline: undefined });
  assert.deepEqual([named!.file, typeof named!.name, named!.outline], [undefined, "number", undefined]);
});

test("without an encoder names mean nothing, and nothing breaks", async () => {
  const { encoder } = createTestEncoder();
  const { store, parsed, vectors, candidates } = await ask("alpha attempts", encoder);
  const column = (rows: readonly Float64Array[], name: FeatureName) => rows.map((row) => row[featureNames.indexOf(name)]);
  assert.ok(column(candidateFeatures({ store, encoder: undefined }, parsed, undefined, candidates), "name meaning").every((value) => value === 0));
  assert.ok(column(candidateFeatures({ store, encoder }, parsed, vectors, candidates), "name meaning").some((value) => value !== 0));
});
