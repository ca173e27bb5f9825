import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Candidate, Candidates } from "../../../src/search/candidates.ts";
import { isFarFetched, NoiseFloor } from "../../../src/search/noiseFloor.ts";
import { parseQuery } from "../../../src/search/query.ts";
import { createTestEncoder } from "../../support/testEncoder.ts";

const { encoder } = createTestEncoder();
const complaints: unknown[][] = [];
const log = (...complaint: unknown[]) => void complaints.push(complaint);

/** An index in which the nearest chunk of the n-th question stands at the n-th of these cosines, again and again. */
function index(cosines: readonly number[], chunks = 100, deep = 0) {
  const state = { asked: 0, chunks, deep };
  const store = {
    coverage: () => ({ files: 1, chunks: state.chunks, instant: state.chunks, shallow: state.deep, deep: state.deep }),
    searchDense: () => {
      const calibrated = cosines[state.asked++ % cosines.length];
      return calibrated === undefined ? [] : [{ chunkId: 1, score: calibrated, calibrated, depth: "instant" as const }];
    },
  };
  return { state, store };
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await setImmediate();
}

async function measured(floor: NoiseFloor, store: ReturnType<typeof index>["store"], by = encoder): Promise<number | undefined> {
  floor.of(store, by);
  await floor.settled();
  return floor.of(store, by);
}

test("the floor lies three deviations above what unrelated questions come near to", async () => {
  const { store } = index([0.2, 0.4]);
  const floor = new NoiseFloor(log);
  assert.equal(floor.of(store, encoder), undefined, "nobody waits for it");
  assert.ok(Math.abs((await measured(floor, store))! - (0.3 + 3 * 1.4826 * 0.1)) < 1e-9);
});

test("no step of measuring is made while somebody waits for an answer", async () => {
  const { state, store } = index([0.25]);
  let embedded = 0;
  const counting = { ...encoder, embedQuery: (text: string) => (embedded++, encoder.embedQuery(text)) };
  let isFree = Promise.withResolvers<void>();
  const floor = new NoiseFloor(log, () => isFree.promise);
  floor.of(store, counting as typeof encoder);
  await turns(10);
  assert.deepEqual([embedded, state.asked], [0, 0]);
  const free = isFree;
  isFree = Promise.withResolvers<void>();
  free.resolve();
  await turns(10);
  assert.deepEqual([embedded, state.asked], [1, 0], "the next step waits again");
  isFree.resolve();
  await floor.settled();
  assert.deepEqual([embedded, state.asked, floor.of(store, counting as typeof encoder)], [16, 16, 0.25]);
});

test("a workspace about some of those questions has no floor that lies above all others", async () => {
  const floor = await measured(new NoiseFloor(log), index([0.2, 0.25, 0.3, 0.25, 0.2, 0.25, 0.3, 0.25, 0.2, 0.25, 0.3, 0.25, 0.2, 0.9, 0.95, 0.25]).store);
  assert.ok(floor! > 0.3 && floor! < 0.5, `${floor}`);
});

test("it is measured again when chunks came or were read deeper, and not for a few; meanwhile the old one holds", async () => {
  const { state, store } = index([0.25]);
  const floor = new NoiseFloor(log);
  await measured(floor, store);
  const once = state.asked;
  assert.equal(once, 16);
  assert.equal(await measured(floor, store), 0.25);
  assert.equal(state.asked, once);
  for (const change of [{ chunks: 101 }, { deep: 1 }, { chunks: 5_000 }]) {
    const before: number = state.asked;
    Object.assign(state, change);
    assert.equal(floor.of(store, encoder), 0.25);
    await floor.settled();
    assert.equal(state.asked, before + 16);
  }
  const before = state.asked;
  Object.assign(state, { chunks: 5_400, deep: 400 });
  assert.equal(await measured(floor, store), 0.25);
  assert.equal(state.asked, before, "a large index may change by a tenth");
});

test("another model is measured by itself", async () => {
  const { store } = index([0.25]);
  const floor = new NoiseFloor(log);
  await measured(floor, store);
  let questions = 0;
  const { encoder: made } = createTestEncoder("other");
  const other = { ...made, embedQuery: (text: string) => (questions++, made.embedQuery(text)) };
  assert.equal(floor.of(store, other), undefined);
  await floor.settled();
  assert.equal(questions, 16, "vectors of one model mean nothing to another");
  assert.equal(floor.of(store, other), 0.25);
  assert.equal(floor.of(store, encoder), undefined);
  await floor.settled();
});

test("an index without vectors calls nothing far-fetched, and a failure is told and tried again", async () => {
  assert.equal(await measured(new NoiseFloor(log), index([]).store), -1);
  assert.deepEqual(complaints, []);
  const { store } = index([0.25]);
  const floor = new NoiseFloor(log);
  const broken = { ...encoder, embedQuery: () => Promise.reject(new Error("gone")) };
  assert.equal(await measured(floor, store, broken), undefined);
  await floor.settled();
  assert.ok(complaints.length > 0);
  assert.equal(await measured(floor, store), 0.25);
});

/** Candidates with their cosine, and which of the query's terms each has. */
function candidates(idf: readonly number[], ...items: readonly (readonly [dense: number | undefined, ...terms: number[]])[]): Candidates {
  return { idf, items: items.map(([dense, ...terms]) => ({ dense, terms }) as unknown as Candidate) };
}

test("far-fetched is what is no nearer than chance and lacks most of the question's words", () => {
  const query = parseQuery("frosting layers");
  assert.equal(query.terms.length, 3, "two words and the two joined");
  assert.equal(isFarFetched(query, query.text, candidates([5, 5, 9], [0.2, 0, 0, 0], [0.1, 0, 0, 0]), 0.4), true);
  assert.equal(isFarFetched(query, query.text, candidates([5, 5, 9], [0.2, 0, 0, 0], [0.5, 0, 0, 0]), 0.4), false, "one is near");
  assert.equal(isFarFetched(query, query.text, candidates([5, 5, 9], [0.2, 1, 0, 0]), 0.4), false, "one has half of the words; the joined pair is no word");
  assert.equal(isFarFetched(query, query.text, candidates([5, 2, 9], [0.2, 0, 1, 0]), 0.4), true, "the less telling half is not enough");
  assert.equal(isFarFetched(query, query.text, candidates([5, 5, 9], [undefined, 0, 0, 0]), 0.4), false, "without vectors nothing is known");
  assert.equal(isFarFetched(query, query.text, candidates([5, 5, 9]), 0.4), false, "nothing found is told otherwise");
});

test("the callers of a name are an answer, whatever else the question says", () => {
  const query = parseQuery("who calls frostingLayers");
  const asked = candidates(query.terms.map(() => 5), [0.2, ...query.terms.map(() => 0)]);
  const calling = { ...asked, items: asked.items.map((item) => ({ ...item, place: { text: "cake(frostingLayers(3));", symbols: ["bake"], lang: "typescript" } as unknown as Candidate["place"] })) };
  const other = { ...asked, items: calling.items.map((item) => ({ ...item, place: { ...item.place, text: "cake();" } })) };
  assert.deepEqual([calling, other].map((found) => isFarFetched(query, query.text, found, 0.4)), [false, true]);
});

test("what a word was read as is not what the question said", () => {
  const [typed, query] = ["frosing layers", parseQuery("frosting layers")];
  const found = candidates([5, 5, 9], [0.2, 1, 0, 0]);
  assert.equal(isFarFetched(query, query.text, found, 0.4), false);
  assert.equal(isFarFetched(query, typed, found, 0.4), true);
  assert.equal(isFarFetched(query, typed, candidates([5, 5, 9], [0.2, 0, 1, 0]), 0.4), false, "the other word was typed");
});

test("a name that stands nowhere, nor most of its parts, is far-fetched unless it was read as another", () => {
  const query = parseQuery("frostingLayers");
  const [parts, all] = [[0.2, 1, 0, 0], [0.2, 1, 1, 0]] as const;
  assert.equal(isFarFetched(query, query.text, candidates([5, 5, 9], parts), 0.4), true);
  assert.equal(isFarFetched(query, query.text, candidates([5, 5, 9], all), 0.4), false, "its parts stand together");
  assert.equal(isFarFetched(query, "frosingLayers", candidates([5, 5, 9], parts), 0.4), false);
});

test("a question in a script that no code here is written in is far-fetched, however near rare signs are to it", () => {
  const query = parseQuery("解析时间");
  assert.equal(query.terms.length, 3);
  assert.equal(isFarFetched(query, query.text, candidates([5, 5, 5], [0.9, 0, 0, 0], [0.5, 0, 0, 0]), 0.4), true);
  assert.equal(isFarFetched(query, query.text, candidates([5, 5, 5], [0.9, 0, 0, 1]), 0.4), false, "a comment says a part of it");
});

test("messages, code and quoted text are found by their letters and never called far-fetched", () => {
  for (const text of ['"frosting"', 'layers "of frosting"', "TypeError: frosting is not a cake", "const a = frosting(layers, { cake: 1 });"]) {
    const query = parseQuery(text);
    assert.equal(isFarFetched(query, query.text, candidates(query.terms.map(() => 5), [0.1, ...query.terms.map(() => 0)]), 0.4), false, text);
  }
});
