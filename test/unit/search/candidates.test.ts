import assert from "node:assert/strict";
import { test } from "node:test";
import { type Candidates, gatherCandidates, readQuery } from "../../../src/search/candidates.ts";
import { type MemoryChunk, type MemoryStore, readStore } from "../../support/memoryStore.ts";
import { createTestEncoder } from "../../support/testEncoder.ts";

const { encoder, instant } = createTestEncoder();

const storeOf = (chunks: readonly MemoryChunk[]): MemoryStore => readStore(instant, chunks);

async function gather(store: MemoryStore, raw: string, near = raw): Promise<Candidates> {
  return gatherCandidates(store, readQuery(store, raw), await encoder.embedQuery(near), 10, "");
}

const pathsOf = ({ items }: Candidates): string[] => items.map(({ place }) => place.path);

test("of a chunk copied into many files its vector makes a few candidates, of those that pass the filters", async () => {
  const copies = ["a", "b", "c", "d", "e"].map((folder): MemoryChunk => ({ path: `${folder}/copy.ts`, text: "alpha beta" }));
  const store = storeOf(copies);
  assert.deepEqual(pathsOf(await gather(store, "gamma", "alpha beta")), ["a/copy.ts", "b/copy.ts", "c/copy.ts"]);
  assert.deepEqual(pathsOf(await gather(store, "gamma path:./e", "alpha beta")), ["e/copy.ts"]);
});

test("every candidate has all its signals, whichever way it was found", async () => {
  const near = Array.from({ length: 100 }, (_, i): MemoryChunk => ({ path: `near${i}.ts`, text: `alpha beta ${"alpha beta ".repeat(i % 7)}n${i}` }));
  const store = storeOf([{ path: "said.ts", text: "gamma delta epsilon" }, ...near, { path: "both.ts", text: "alpha beta gamma" }]);
  const { items } = await gather(store, "gamma", "alpha beta");
  assert.ok(items.length > 80 && items.every(({ dense }) => dense !== undefined));
  const lexicalOf = async () => new Map((await gather(store, "gamma", "alpha beta gamma")).items.map(({ place, lexical }) => [place.path, lexical]));
  const scored = await lexicalOf();
  store.searchLexical = () => [{ place: 1, chunkId: 1, score: 0.01 }];
  const [before, after] = [scored.get("both.ts")!, (await lexicalOf()).get("both.ts")!];
  assert.ok(before > 0.01);
  assert.equal(after, 0.01, "what stands outside the pool scores at most what its last member does");
});

test("two words may be one name, joined in either way", async () => {
  const store = storeOf([{ path: "a.ts", text: "nothing" }]);
  const asked: string[] = [];
  const { definitions } = store;
  store.definitions = (names, limit) => (asked.push(...names), definitions.call(store, names, limit));
  await gather(store, "parse headers");
  assert.ok(asked.includes("parseheaders") && asked.includes("parse_headers"), asked.join(" "));
});

test("a line of a trace that names a file as thousands are called says little, and takes little time", async () => {
  const store = storeOf(Array.from({ length: 200 }, (_, i): MemoryChunk => ({ path: `part${i}/index.ts`, text: `piece ${i}` })));
  let looks = 0;
  const { placesInFile } = store;
  store.placesInFile = (...given) => (looks++, placesInFile.apply(store, given));
  await gather(store, "    at load (index.ts:1:1)");
  assert.equal(looks, 50);
  await gather(store, "    at load (/srv/app/part7/index.ts:1:1)");
  assert.equal(looks, 51, "the longest common ending decides");
  await gather(store, "    at load (/srv/app/part7/index.ts:1:1)\n    at load (/srv/app/part8/index.ts:1:1)");
  assert.equal(looks, 53, "of every line");
});
