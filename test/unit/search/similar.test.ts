import assert from "node:assert/strict";
import { test } from "node:test";
import { findSimilar } from "../../../src/search/similar.ts";
import { type MemoryChunk, MemoryStore, readStore } from "../../support/memoryStore.ts";
import { createTestEncoder } from "../../support/testEncoder.ts";

const sum = (name: string, list: string, total: string) => `function ${name}(${list}: number[]) {\n  let ${total} = 0;\n  for (const value of ${list}) ${total} += value;\n  return ${total};\n}`;

const sources: MemoryChunk[] = [
  { path: "src/a.ts", symbols: ["sumOf"], startLine: 1, endLine: 5, text: sum("sumOf", "numbers", "total") },
  { path: "src/a.ts", symbols: ["connect"], startLine: 7, endLine: 10, text: "function connect(host: string) {\n  const socket = open(host);\n  socket.write('hello');\n}" },
  { path: "src/copy.ts", symbols: ["addAll"], startLine: 1, endLine: 5, text: sum("addAll", "prices", "result") },
  { path: "src/net.ts", symbols: ["dial"], startLine: 1, endLine: 3, text: "function dial(host: string) {\n  return open(host).write('hi');\n}" },
  { path: "src/other.ts", symbols: ["Banner"], startLine: 1, endLine: 3, text: "class Banner {\n  render() { return '<b>welcome</b>'; }\n}" },
];

function setUp(chunks = sources) {
  const { encoder, instant } = createTestEncoder();
  return { store: readStore(instant, chunks), encoder };
}

test("a renamed copy is the most similar, and the code itself is left out", async () => {
  const { hits } = await findSimilar(setUp(), { path: "src/a.ts", startLine: 1, endLine: 5, text: sources[0]!.text, k: 5 });
  assert.equal(hits[0]?.symbol, "addAll");
  assert.deepEqual(hits.map(({ symbol, likeness }) => [symbol, likeness?.kind]).filter(([, kind]) => kind !== undefined), [["addAll", "renamed"]]);
  assert.ok(!hits.some((hit) => hit.symbol === "sumOf"));
});

test("what only words have found is measured by its vector as well", async () => {
  const deps = setUp();
  Object.assign(deps.store, { searchCode: () => [] });
  const { hits } = await findSimilar(deps, { path: "src/a.ts", startLine: 1, endLine: 5, text: sources[0]!.text, k: 5 });
  assert.ok(hits.length > 0 && hits.every(({ why }) => why.some(({ signal }) => signal === "dense")));
});

test("without an end line the definition at the line is the query", async () => {
  const { hits } = await findSimilar(setUp(), { path: "src/a.ts", startLine: 8, text: "  const socket = open(host);\n  socket.write('hello');\n}\n", k: 5 });
  assert.equal(hits[0]?.symbol, "dial");
  assert.ok(!hits.some((hit) => hit.symbol === "connect"));
});

test("the definition at a line alone is told, for indexes that do not have it", async () => {
  const ask = async (place: { startLine: number; endLine?: number }) => (await findSimilar(setUp(), { path: "src/a.ts", text: "socket", k: 5, ...place })).definition;
  assert.deepEqual(await ask({ startLine: 8 }), { text: sources[1]!.text, lang: "typescript" });
  assert.equal(await ask({ startLine: 8, endLine: 9 }), undefined);
});

test("behind all code of a file the last definition is the query, and where there is none that is said", async () => {
  const { hits } = await findSimilar(setUp(), { path: "src/a.ts", startLine: 12, text: "", k: 5 });
  assert.equal(hits[0]?.symbol, "dial");
  assert.ok(!hits.some((hit) => hit.symbol === "connect"));
  await assert.rejects(findSimilar(setUp(), { path: "src/empty.ts", startLine: 1, text: "\n", k: 5 }), { code: "input.invalid", message: /no code here/ });
});

test("a long definition that was cut into pieces does not find its own", async () => {
  const piece = (startLine: number, rest: Partial<MemoryChunk>): MemoryChunk => ({ path: "src/loop.ts", startLine, endLine: startLine + 9, text: sum("readLoop", "frames", "seen"), ...rest });
  const pieces = [piece(1, { symbols: ["readLoop"], breadcrumb: "Conn" }), piece(11, { breadcrumb: "Conn > readLoop" }), piece(21, { breadcrumb: "Conn > readLoop" })];
  const others = [piece(31, { symbols: ["writeLoop"], breadcrumb: "Conn" }), piece(1, { path: "src/other.ts", breadcrumb: "Conn > readLoop" })];
  const store = new MemoryStore([...pieces, ...others]);
  for (const startLine of [3, 13, 23]) {
    const { hits } = await findSimilar({ store, encoder: undefined }, { path: "src/loop.ts", startLine, text: "", k: 9 });
    assert.deepEqual(hits.map((hit) => `${hit.path}:${hit.startLine}`).sort(), ["src/loop.ts:31", "src/other.ts:1"]);
  }
});

test("filters restrict what is found; what is no filter is refused", async () => {
  const place = { path: "src/a.ts", startLine: 8, text: "", k: 5 };
  const found = async (filters: string) => (await findSimilar(setUp(), { ...place, filters })).hits.map((hit) => hit.symbol);
  assert.deepEqual(await found("path:src/other.ts"), ["Banner"]);
  assert.ok(!(await found("-path:net.ts lang:ts")).includes("dial"));
  assert.deepEqual(await found("lang:go"), []);
  await assert.rejects(found("sockets path:src"), /"sockets" is no filter for this\. There are lang:go,/);
  await assert.rejects(found("symbol:dial"), /"symbol:dial" is no filter/);
  await assert.rejects(found("lang:klingon"), { code: "input.invalid" });
});

test("a chunk that stands in several files is found only where the filters let it", async () => {
  const copies = [...sources, { ...sources[3]!, path: "test/net.ts", isTest: true }];
  const { hits } = await findSimilar(setUp(copies), { path: "src/a.ts", startLine: 8, text: "", k: 5, filters: "in:tests" });
  assert.deepEqual(hits.map((hit) => hit.path), ["test/net.ts"]);
});

test("of free text, which stands nowhere, an exact copy is found first", async () => {
  const { hits } = await findSimilar(setUp(), { text: `${sources[3]!.text}\n`, lang: "typescript", k: 5 });
  assert.deepEqual(hits.slice(0, 2).map((hit) => hit.symbol), ["dial", "connect"]);
});

test("the parts of each score sum to it, in descending order of score", async () => {
  const { hits } = await findSimilar(setUp(), { text: sources[0]!.text, lang: "typescript", k: 5 });
  for (const hit of hits) assert.ok(Math.abs(hit.why.reduce((total, part) => total + part.contribution, 0) - hit.score) < 1e-9);
  assert.deepEqual(hits.map((hit) => hit.score), hits.map((hit) => hit.score).toSorted((a, b) => b - a));
});

test("without an encoder names and shape still find the copy", async () => {
  const { hits, depth } = await findSimilar({ ...setUp(), encoder: undefined }, { path: "src/a.ts", startLine: 1, endLine: 5, text: sources[0]!.text, k: 3 });
  assert.equal(hits[0]?.symbol, "addAll");
  assert.equal(depth, "instant");
});

test("a cancelled search for similar code throws", async () => {
  await assert.rejects(findSimilar(setUp(), { text: "x", k: 3 }, AbortSignal.abort()), { name: "AbortError" });
});

test("a language may be given by the editor's name for it", async () => {
  const ask = async (lang: string) => (await findSimilar(setUp(), { text: "# it's the total\nfor value in numbers\n  total += value", lang, k: 5 })).hits.map(({ path, startLine, score }) => [path, startLine, score]);
  assert.deepEqual(await ask("shellscript"), await ask("bash"));
  assert.notDeepEqual(await ask("shellscript"), await ask("typescript"));
});

test("code that stands in hundreds of places is read once", async (t) => {
  const copies = Array.from({ length: 300 }, (_, i) => ({ ...sources[2]!, path: "src/generated.ts", startLine: 5 * i + 1, endLine: 5 * i + 5 }));
  const deps = setUp([sources[0]!, ...copies]);
  let reads = 0;
  const placesOf = deps.store.placesOf.bind(deps.store);
  t.mock.method(deps.store, "placesOf", (chunks: readonly number[]) => placesOf(chunks).map((place) => ({ ...place, get text() { return (reads++, place.text); } })));
  const { hits } = await findSimilar(deps, { path: "src/a.ts", startLine: 1, endLine: 5, text: sources[0]!.text, k: 5 });
  assert.equal(hits[0]?.path, "src/generated.ts");
  assert.ok(reads < 50, `${reads} times`);
});

test("what is alike to the same degree stands in the order of files, whichever was read first", async () => {
  const twins = ["src/z.ts", "src/b.ts", "a/deep/c.ts"].map((path): MemoryChunk => ({ ...sources[3]!, path }));
  const { hits } = await findSimilar(setUp([sources[1]!, ...twins]), { path: "src/a.ts", startLine: 8, text: "", k: 5 });
  assert.deepEqual(hits.map((hit) => hit.path), ["src/b.ts", "src/z.ts", "a/deep/c.ts"]);
});
