import assert from "node:assert/strict";
import { test } from "node:test";
import { StrataError } from "../../../src/base/errors.ts";
import { silentLog } from "../../../src/base/log.ts";
import { NoiseFloor } from "../../../src/search/noiseFloor.ts";
import { type SearchDeps, searchIndex } from "../../../src/search/search.ts";
import { type MemoryChunk, MemoryStore, readStore } from "../../support/memoryStore.ts";
import { createTestEncoder } from "../../support/testEncoder.ts";

const sources: MemoryChunk[] = [
  { path: "src/http/router.ts", symbols: ["Router"], kind: "class", text: "export class Router {\n  // maps a url path to its handler\n  match(path: string) {}\n}" },
  { path: "src/http/router.ts", symbols: ["normalisePath"], startLine: 20, endLine: 24, text: "function normalisePath(path: string) {\n  return path.replace(/\\/+/g, '/');\n}" },
  { path: "src/http/headers.ts", symbols: ["parseHeaders"], text: "function parseHeaders(raw: string) {\n  // folded lines continue the header before\n  return raw.split('\\r\\n');\n}" },
  { path: "src/store/cache.ts", symbols: ["LruCache"], kind: "class", text: "class LruCache {\n  // evicts the least recently used entry\n  evict() {}\n}" },
  { path: "test/router.test.ts", symbols: [], isTest: true, text: "test('Router matches', () => {\n  const router = new Router();\n  router.match('/a'); // url path handler\n});" },
  { path: "legacy/main.py", lang: "python", symbols: ["parse_headers"], text: "def parse_headers(raw):\n    raise ValueError('header line without a colon')" },
];

function setUp(chunks: readonly MemoryChunk[] = sources) {
  const { encoder, instant, counts } = createTestEncoder();
  return { store: readStore(instant, chunks), encoder, counts };
}

const search = (query: string, k = 10, deps: SearchDeps = setUp()) => searchIndex(deps, { query, k });
const pathsOf = async (query: string) => (await search(query)).hits.map((hit) => hit.path);

test("the definition of a name comes before its uses", async () => {
  const { hits } = await search("Router");
  assert.equal(hits[0]?.path, "src/http/router.ts");
  assert.equal(hits[0]?.symbol, "Router");
});

test("a name that only a document writes out is found there, before code whose names share its words", async () => {
  const deps = setUp([...sources, { path: "docs/tuning.md", lang: "markdown", text: "Set ROUTER_CACHE_PATH to keep what was matched between runs." }]);
  assert.equal((await search("ROUTER_CACHE_PATH", 10, deps)).hits[0]?.path, "docs/tuning.md");
});

test("a row of code is found where it stands as it was typed, before what has the same words", async () => {
  // Shorter, so that words alone bring these first, and more of them than words bring.
  const alike = Array.from({ length: 300 }, (_, i): MemoryChunk => ({ path: `alike/part${i}.ts`, symbols: [`part${i}`], text: `function part${i}() { release(${i}); client(sizeof(release)); }` }));
  const store = new MemoryStore([...alike, { path: "net/session.ts", symbols: ["open"], text: `function open() {\n${"  prepare();\n".repeat(20)}  session = release(sizeof(client));\n}` }]);
  assert.equal((await search("release(sizeof(client))", 10, { store, encoder: undefined })).hits[0]?.path, "net/session.ts");
});

test("of a pasted call that stands nowhere, what says its literal comes first", async () => {
  const deps = setUp([...sources, { path: "conf/open.ts", symbols: ["open"], text: "function open(path: string) {}" }, { path: "conf/names.ts", symbols: ["host"], text: "const host = read('/etc/hostname');" }]);
  assert.equal((await search('open("/etc/hostname")', 10, deps)).hits[0]?.path, "conf/names.ts");
});

test("a chunk of several definitions is shown under the one that was asked for", async () => {
  const text = "const ALPHABET = 'abc';\nfunction encodeId(n: number) {\n  return ALPHABET[n];\n}\nfunction decodeId(id: string) {\n  return ALPHABET.indexOf(id);\n}";
  const deps = () => setUp([...sources, { path: "src/ids.ts", symbols: ["ALPHABET", "encodeId", "decodeId"], text }]);
  const shown = async (query: string) => (await search(query, 10, deps())).hits.find((hit) => hit.path === "src/ids.ts");
  assert.equal((await shown("decode an id"))?.symbol, "decodeId");
  const hit = await shown("encodeId");
  assert.deepEqual([hit?.symbol, hit?.startLine, hit?.snippet], ["encodeId", 1, text]);
  const refined = await (await search("decode an id", 10, deps())).refine!(10_000);
  assert.equal(refined.hits.find(({ path }) => path === "src/ids.ts")?.symbol, "decodeId");
});

test("a name with signs that join words elsewhere finds its definition where one has it", async () => {
  const lisp: MemoryChunk[] = [
    { path: "magit-log.el", lang: "lisp", kind: "function", symbols: ["magit-log"], text: "(defgroup magit-log nil\n  \"Log all of magit: log, all logs.\")" },
    { path: "all.el", lang: "lisp", kind: "function", symbols: ["magit-log-all"], text: "(defun magit-log-all (args)\n  (setup args))" },
    { path: "vec.scm", lang: "lisp", kind: "function", symbols: ["list->cvector"], text: "(define (list->cvector l) l)" },
    { path: "cvector.scm", lang: "lisp", kind: "function", symbols: ["cvector"], text: "(define (cvector l) l)" },
  ];
  const first = async (query: string) => (await search(query, 10, setUp([...sources, ...lisp]))).hits[0]?.path;
  assert.equal(await first("magit-log-all"), "all.el");
  assert.equal(await first("Magit-Log"), "magit-log.el");
  assert.equal(await first("list->cvector"), "vec.scm");
});

test("a question in words finds the code that does it", async () => {
  assert.equal((await pathsOf("which entry is evicted when least recently used"))[0], "src/store/cache.ts");
});

test("the parts of a score sum to it, the largest first", async () => {
  for (const hit of (await search("how are url paths matched to a handler")).hits) {
    const sum = hit.why.reduce((total, part) => total + part.contribution, 0);
    assert.ok(Math.abs(sum - hit.score) < 1e-9, `${sum} instead of ${hit.score}`);
    const sizes = hit.why.map((part) => Math.abs(part.contribution));
    assert.deepEqual(sizes, sizes.toSorted((a, b) => b - a));
  }
});

test("hits come in descending order of score and never twice", async () => {
  const { hits } = await search("path handler header");
  const scores = hits.map((hit) => hit.score);
  assert.deepEqual(scores, scores.toSorted((a, b) => b - a));
  assert.equal(new Set(hits.map((hit) => `${hit.path}:${hit.startLine}`)).size, hits.length);
});

test("a misspelt name finds its definition, and says so also after refinement; not without an encoder, and not while files are being read", async () => {
  const complete = () => ({ ...setUp(), noiseFloor: new NoiseFloor(silentLog) });
  const result = await search("LruCahce", 10, complete());
  assert.deepEqual([result.hits[0]?.symbol, result.respellings], ["LruCache", [{ typed: "LruCahce", read: "LruCache" }]]);
  assert.deepEqual((await result.refine!(10_000)).respellings, result.respellings);
  assert.equal((await search("LruCache", 10, complete())).respellings, undefined);
  assert.equal((await searchIndex({ ...complete(), encoder: undefined }, { query: "LruCahce", k: 10 })).respellings, undefined);
  assert.equal((await search("LruCahce")).respellings, undefined);
});

test("a question in another language is answered as its English would be, and says so also after refinement; with and without an encoder", async () => {
  for (const deps of [setUp(), { ...setUp(), noiseFloor: new NoiseFloor(silentLog) }, { ...setUp(), encoder: undefined }]) {
    const result = await search("Wo werden die Kopfzeilen geparst?", 3, deps);
    const english = await search("where header parse?", 3, deps);
    assert.deepEqual(result.translation, { language: "German", english: "where header parse?" });
    assert.deepEqual(result.hits, english.hits);
    assert.equal(english.translation, undefined);
    if (result.refine) assert.deepEqual((await result.refine(10_000)).translation, result.translation);
  }
});

test("the last word is read as unfinished for whoever types, that is awaits better hits", async () => {
  const deps = { ...setUp(), noiseFloor: new NoiseFloor(silentLog) };
  assert.deepEqual((await searchIndex(deps, { query: "parse the heade", k: 3, streamId: "view:1" })).respellings, [{ typed: "heade", read: "header" }]);
  assert.equal((await searchIndex(deps, { query: "parse the heade", k: 3 })).respellings, undefined);
});

test("whether an answer is far-fetched is judged again once its candidates were read deeper", async () => {
  const floor = (cosine: number | undefined, deps = setUp()) => ({ ...deps, noiseFloor: Object.assign(new NoiseFloor(silentLog), { of: () => cosine }) });
  const question = "chocolate cake for birthdays";
  assert.equal((await search(question, 5, floor(undefined))).farFetched, undefined);
  assert.equal((await search(question, 5, floor(-1))).farFetched, undefined);
  const first = await search(question, 5, floor(2));
  assert.equal(first.farFetched, true);
  assert.equal((await first.refine!(10_000)).farFetched, true);
  // Read deeper, they are nearer than anything.
  const deps = setUp();
  const again = await search(question, 5, floor(2, deps));
  Object.assign(deps.store, { scoreChunks: (_: unknown, chunks: readonly number[]) => chunks.map((chunkId) => ({ chunkId, score: 3, calibrated: 3, depth: "deep" })) });
  assert.equal((await again.refine!(10_000)).farFetched, undefined);
});

test("k limits the hits", async () => {
  assert.equal((await search("path", 2)).hits.length, 2);
});

test("filters hold for every hit, whichever retriever found it", async () => {
  assert.deepEqual(new Set(await pathsOf("parse headers lang:py")), new Set(["legacy/main.py"]));
  assert.ok((await pathsOf("parseHeaders path:src")).every((path) => path.startsWith("src/")));
  assert.ok(!(await pathsOf("parse_headers -path:legacy")).includes("legacy/main.py"));
  assert.ok(!(await pathsOf("parse_headers -lang:py")).includes("legacy/main.py"));
  assert.ok((await pathsOf("parseHeaders path:SRC")).length > 0);
  assert.deepEqual(await pathsOf("router in:tests"), ["test/router.test.ts"]);
  assert.deepEqual(await pathsOf("symbol:parse_headers"), ["legacy/main.py"]);
});

test("few tests, or few places of a name, are found among very many others", async () => {
  const many = Array.from({ length: 2_000 }, (_, i): MemoryChunk => ({ path: `src/a${i}.ts`, symbols: ["make"], text: `function make() {\n  return parse(config.value${i});\n}` }));
  const few: MemoryChunk[] = [
    { path: "test/a.test.ts", isTest: true, symbols: [], text: "it('does not lose what was written long ago by somebody else', () => check(config));" },
    { path: "src/z.py", lang: "python", symbols: ["make"], text: "def make():\n  return other()" },
  ];
  const deps = setUp([...many, ...few]);
  const found = async (query: string) => (await search(query, 3, deps)).hits.map(({ path }) => path);
  assert.deepEqual(await found("parse config value in:tests"), ["test/a.test.ts"]);
  assert.deepEqual(await found("parse config value symbol:make lang:py"), ["src/z.py"]);
});

test("symbol: finds a name by its owner too, around it or in the same chunk", async () => {
  const stores: MemoryChunk[] = [
    { path: "a.ts", symbols: ["open"], breadcrumb: "db > Store", text: "open() { return 1; }" },
    { path: "b.ts", symbols: ["Store", "open"], text: "class Store { open() {} }" },
    { path: "c.ts", symbols: ["open"], breadcrumb: "Door", text: "open() { return 2; }" },
    { path: "d.sql", symbols: ["Store.open"], text: "create function Store.open() returns int" },
  ];
  const deps = setUp(stores);
  const pathsWith = async (query: string) => (await search(query, 10, deps)).hits.map(({ path }) => path).sort();
  assert.deepEqual(await pathsWith("symbol:Store.open"), ["a.ts", "b.ts", "d.sql"]);
  assert.deepEqual(await pathsWith("symbol:Store::open()"), ["a.ts", "b.ts"]);
  assert.deepEqual(await pathsWith("symbol:open()"), ["a.ts", "b.ts", "c.ts"]);
  assert.deepEqual(await pathsWith("symbol:Door.open symbol:Store.open"), ["a.ts", "b.ts", "c.ts", "d.sql"], "one of several is enough");
});

test("a search below a directory stays there", async () => {
  const { hits } = await searchIndex(setUp(), { query: "parseHeaders", k: 10, under: "src/http/" });
  assert.ok(hits.length > 0 && hits.every((hit) => hit.path.startsWith("src/http/")));
});

test("below a directory a path filter begins there, or at the root as one with a full path does", async () => {
  const found = async (path: string) => (await searchIndex(setUp(), { query: `parseHeaders ${path}`, k: 10, under: "src/http" })).hits.map((hit) => hit.path);
  const both = new Set(await found(""));
  assert.ok(both.has("src/http/headers.ts") && both.size > 1);
  for (const path of ["path:./headers.ts", "path:src/http/headers.ts"]) assert.deepEqual(new Set(await found(path)), new Set(["src/http/headers.ts"]), path);
  assert.ok(!(await found("-path:./headers.ts")).includes("src/http/headers.ts"));
});

test("a path filter finds what is below a directory, however much it finds elsewhere", async () => {
  const elsewhere: MemoryChunk[] = Array.from({ length: 200 }, (_, i) => ({ path: `lib/${i}.ts`, symbols: [`parseHeaders${i}`], text: `function parseHeaders${i}(raw) { return parse(headers(raw)); } // parse headers` }));
  const { hits } = await searchIndex(setUp([...sources, ...elsewhere]), { query: "parse headers path:*.ts", k: 10, under: "src/http" });
  assert.deepEqual(new Set(hits.map((hit) => hit.path)), new Set(["src/http/headers.ts", "src/http/router.ts"]));
});

const unanswerable: readonly [name: string, query: string, says: RegExp][] = [
  ["a language that is none", "lang:klingon cookie", /^There is no language "klingon"\. Write its name/],
  ["a language that is none, left out", "-lang:pyhton cookie", /^There is no language "pyhton"\./],
  ["filters alone", "lang:javascript path:src/** in:tests", /^There are only filters in the query\./],
  ["empty quotes", '""', /^There is no word in the query\./],
  ["signs", "???", /^There is no word in the query\./],
  ["signs without end", "(".repeat(100_000), /^There is no word in the query\./],
  ["signs beside filters", "lang:ts =>", /^There is no word in the query\./],
  ["a quoted sign that is too short to be looked for", '"$"', /^There is no word in the query\./],
];
for (const [name, query, says] of unanswerable) test(`${name}: a sentence, not hits`, () => assert.rejects(search(query), (error) => StrataError.is(error, "input.invalid") && says.test(error.message)));

test("signs in quotes are looked for as they stand, and a name of signs alone as a name", async () => {
  assert.deepEqual(new Set(await pathsOf('"=>"')), new Set(["test/router.test.ts"]));
  assert.deepEqual(await pathsOf('"??="'), []);
  const deps = setUp([...sources, { path: "src/i18n.ts", symbols: ["__"], text: "const __ = (text) => text;" }]);
  assert.equal((await search("__", 10, deps)).hits[0]?.path, "src/i18n.ts");
  assert.equal((await search("symbol:Router")).hits[0]?.path, "src/http/router.ts");
});

test("quoted text must stand in the hit", async () => {
  assert.deepEqual(await pathsOf('"header line without a colon"'), ["legacy/main.py"]);
  assert.deepEqual(await pathsOf('"no such text anywhere"'), []);
  assert.deepEqual(await pathsOf('"export class router"'), ["src/http/router.ts"], "in any case if it has no capitals");
  assert.deepEqual(await pathsOf('"export class Router"'), ["src/http/router.ts"]);
  assert.deepEqual(await pathsOf('"Export Class Router"'), []);
});

test("where quoted text stands nowhere, the answer says so once everything was read", async () => {
  const complete = { ...setUp(), noiseFloor: new NoiseFloor(silentLog) };
  assert.match((await search('"no such text anywhere"', 10, complete)).whyNothing ?? "", /^"no such text anywhere" stands nowhere as quoted\. Without the quotes /);
  for (const [query, deps] of [['"no such text anywhere"', setUp()], ['"header line without a colon"', complete], ['"no such text anywhere" lang:go', complete]] as const) assert.equal((await search(query, 10, deps)).whyNothing, undefined, query);
});

test("an error message finds the line that raises it, values apart", async () => {
  assert.equal((await pathsOf("ValueError: header line without a colon (line 12)"))[0], "legacy/main.py");
});

test("a stack trace line finds the place it names, from any root", async () => {
  const { hits } = await search("    at normalisePath (/home/me/project/src/http/router.ts:21:5)");
  assert.equal(hits[0]?.symbol, "normalisePath");
  const trace = await search("    at match (/home/me/project/src/http/router.ts:2:5)\n    at evict (/home/me/project/src/store/cache.ts:3:1)");
  assert.deepEqual(trace.hits.slice(0, 2).map(({ symbol }) => symbol).sort(), ["LruCache", "Router"]);
});

test("the lines of a trace are compared with the paths of their own name alone", async (t) => {
  const others = Array.from({ length: 200 }, (_, i): MemoryChunk => ({ path: `src/part${i}/other${i}.ts`, text: `nothing ${i}` }));
  const deps = setUp([...sources, ...others]);
  const trace = Array.from({ length: 30 }, (_, i) => `    at normalisePath (/home/me/project/src/http/router.ts:${20 + (i % 5)}:5)`).join("\n");
  const splits = t.mock.method(String.prototype, "split").mock;
  const { hits } = await search(trace, 10, deps);
  assert.equal(hits[0]?.symbol, "normalisePath");
  // Each line would take all 206 paths apart.
  assert.ok(splits.callCount() < 206 * 5, `${splits.callCount()} texts were taken apart`);
});

test("tests rank below the code they test, unless they are asked for", async () => {
  const asked = await pathsOf("tests of the router match");
  const plain = await pathsOf("router match url path");
  assert.ok(plain.indexOf("test/router.test.ts") > plain.indexOf("src/http/router.ts"));
  assert.ok(asked.indexOf("test/router.test.ts") <= plain.indexOf("test/router.test.ts"));
});

test("one file does not fill the list", async () => {
  const chunks = Array.from({ length: 12 }, (_, i): MemoryChunk => ({ path: "src/big.ts", symbols: [`retry${i}`], startLine: i * 10 + 1, endLine: i * 10 + 8, text: `function retry${i}() {\n  // retry with back-off ${i}\n}` }));
  chunks.push({ path: "src/other.ts", symbols: ["again"], text: "function again() {\n  // back-off, then retry\n}" });
  const { hits } = await search("retry with back-off", 10, setUp(chunks));
  assert.ok(hits.slice(0, 5).some((hit) => hit.path === "src/other.ts"), JSON.stringify(hits.map((hit) => [hit.path, hit.score])));
});

test("overlapping windows of a file give one hit", async () => {
  const text = "alpha\nbeta retry policy\ngamma\ndelta";
  const chunks: MemoryChunk[] = [
    { path: "notes.txt", kind: "window", startLine: 1, endLine: 20, text },
    { path: "notes.txt", kind: "window", startLine: 3, endLine: 22, text: `${text}\nmore` },
  ];
  assert.equal((await search("retry policy", 5, setUp(chunks))).hits.length, 1);
});

test("words alone answer when there is no encoder", async () => {
  const { hits, refine } = await searchIndex({ ...setUp(), encoder: undefined }, { query: "parse headers", k: 3 });
  assert.equal(hits[0]?.symbol.toLowerCase().replace("_", ""), "parseheaders");
  assert.equal(refine, undefined);
});

test("an answer tells how near its nearest code is, so that answers of several indexes compare", async () => {
  const nearest = async (query: string, deps?: SearchDeps) => (await search(query, 1, deps)).nearest;
  const [asked, unrelated] = [await nearest("which entry is evicted when least recently used"), await nearest("soup with carrots")];
  assert.ok(asked! > unrelated! && asked! <= 1, `${asked} and ${unrelated}`);
  assert.equal(await nearest("parse headers", { ...setUp(), encoder: undefined }), undefined);
});

test("words alone answer when nothing has a vector", async () => {
  const { hits } = await searchIndex({ store: new MemoryStore(sources), encoder: createTestEncoder().encoder }, { query: "parse headers", k: 3 });
  assert.ok(hits.length > 0);
  assert.equal(hits[0]!.depth, "instant");
});

test("vectors alone answer when no word matches", async () => {
  const deps = setUp();
  Object.assign(deps.store, { searchLexical: () => [] });
  const { hits } = await searchIndex(deps, { query: "least recently used", k: 3 });
  assert.equal(hits.length, 3);
});

test("an empty index gives no hits", async () => {
  assert.deepEqual((await search("anything", 10, setUp([]))).hits, []);
});

test("a hit carries at most thirty lines", async () => {
  const text = Array.from({ length: 80 }, (_, i) => `line ${i}`).join("\n");
  const { hits } = await search("line", 1, setUp([{ path: "long.txt", text }]));
  assert.equal(hits[0]!.snippet.split("\n").length, 30);
});

test("refinement reads the leading candidates deeply, once, and keeps their vectors", async () => {
  const deps = setUp([...sources, { ...sources[0]!, path: "src/copy/router.ts" }]);
  const first = await searchIndex(deps, { query: "url path handler", k: 3 });
  assert.ok(first.refine);
  assert.ok(first.hits.every((hit) => hit.depth === "instant"));
  const second = await first.refine(10_000);
  assert.ok(second.hits.every((hit) => hit.depth === "deep"));
  assert.equal(second.depth, "deep");
  const encoded = deps.counts.deep;
  assert.equal(encoded, sources.length, "a copy is the same chunk");
  const again = await searchIndex(deps, { query: "url path handler", k: 3 });
  assert.equal(again.refine, undefined);
  assert.equal(deps.counts.deep, encoded);
});

test("refinement stops at its budget with what is done", async () => {
  const chunks = Array.from({ length: 60 }, (_, i): MemoryChunk => ({ path: `src/file${i}.ts`, symbols: [`retry${i}`], text: `function retry${i}() { /* retry ${i} */ }` }));
  const deps = setUp(chunks);
  const { refine } = await searchIndex(deps, { query: "retry", k: 20 });
  const refined = await refine!(0);
  assert.equal(deps.counts.deep, 8);
  assert.ok(refined.refine === undefined && refined.hits.length === 20);
});

test("a step that takes longer than the budget holds nobody up, and its vectors are there for the next question", { timeout: 20_000 }, async () => {
  const deps = setUp();
  const gate = Promise.withResolvers<void>();
  const embedChunks = deps.encoder.embedChunks.bind(deps.encoder);
  const encoder = Object.assign(Object.create(deps.encoder) as typeof deps.encoder, {
    embedChunks: async (...given: Parameters<typeof embedChunks>) => gate.promise.then(() => embedChunks(...given)),
  });
  const kept = Promise.withResolvers<void>();
  const putVectors = deps.store.putVectors.bind(deps.store);
  deps.store.putVectors = (...given) => kept.resolve(putVectors(...given));
  const { hits, refine } = await searchIndex({ ...deps, encoder }, { query: "url path handler", k: 3 });
  assert.deepEqual((await refine!(1)).hits, hits);
  gate.resolve();
  await kept.promise;
  const next = await searchIndex(deps, { query: "url path handler", k: 3 });
  assert.deepEqual([next.depth, next.refine], ["deep", undefined]);
});

test("a step that fails after the budget says why", { timeout: 20_000 }, async () => {
  const deps = setUp();
  const gate = Promise.withResolvers<never>();
  const encoder = Object.assign(Object.create(deps.encoder) as typeof deps.encoder, { embedChunks: () => gate.promise });
  const { refine } = await searchIndex({ ...deps, encoder }, { query: "url path handler", k: 3 });
  const late = Promise.withResolvers<unknown>();
  await refine!(1, undefined, late.resolve);
  const reason = new Error("no luck");
  gate.reject(reason);
  assert.equal(await late.promise, reason);
});

test("a cancelled refinement changes nothing further", async () => {
  const deps = setUp();
  const { refine } = await searchIndex(deps, { query: "router", k: 3 });
  await assert.rejects(refine!(1000, AbortSignal.abort()), { name: "AbortError" });
});

test("a cancelled search throws", async () => {
  await assert.rejects(searchIndex(setUp(), { query: "router", k: 3 }, AbortSignal.abort()), { name: "AbortError" });
});

test("a scan for quoted text lets others have their turns, and ends when nobody waits for it any more", async () => {
  const { store, encoder } = setUp();
  const gone = new AbortController();
  let slices = 0;
  store.searchLexical = () => [];
  store.searchVerbatim = function* () {
    setImmediate(() => gone.abort());
    for (; slices < 50; slices++) yield [];
  };
  await assert.rejects(searchIndex({ store, encoder }, { query: '"<=> ?"', k: 10 }, gone.signal), { name: "AbortError" });
  assert.ok(slices < 5, `${slices} slices`);
});

test("a message with a quoted value finds the place that says it, where nothing has the value", async () => {
  const deps = setUp([...sources, { path: "src/db/tables.ts", text: 'throw new Error(`relation "${name}" does not exist`);' }, { path: "src/db/names.ts", text: 'const names = ["users", "relation"];' }]);
  assert.equal((await search('relation "users" does not exist', 10, deps)).hits[0]?.path, "src/db/tables.ts");
  assert.deepEqual((await search('which relation is named "no_such_table"', 10, deps)).hits, []);
});

test("a method whose name ends with a sign comes before the one without", async () => {
  const deps = setUp([...sources, { path: "app/issue.rb", lang: "ruby", kind: "function", symbols: ["move"], text: "def move(date)\n  self.date = date\nend" }, { path: "app/moving.rb", lang: "ruby", kind: "function", symbols: ["move!"], text: "def move!(date)\n  shift(date) and save\nend" }]);
  assert.equal((await search("undefined method `move!' for nil:NilClass", 10, deps)).hits[0]?.path, "app/moving.rb");
});

test("a question in a script that encoders of code cannot read is answered by its words alone", async () => {
  const deps = setUp([...sources, { path: "src/orders.py", text: "# 下单前检查可用资金\ndef check(order): ..." }, { path: "src/limits.py", text: "# ตรวจสอบยอดเงินก่อนสั่งซื้อ\ndef limit(order): ..." }]);
  assert.equal((await search("检查可用资金", 10, deps)).hits[0]?.path, "src/orders.py", "also where it is translated");
  const { hits } = await search("ตรวจสอบยอดเงิน", 10, deps);
  assert.equal(hits[0]?.path, "src/limits.py");
  assert.ok(hits.every(({ why }) => why.every(({ signal }) => !signal.startsWith("dense"))));
  assert.ok((await search("how is JSON 解析 done for requests", 10, deps)).hits.some(({ why }) => why.some(({ signal }) => signal.startsWith("dense"))));
});

test("pasted code is compared as code, a question as a question", async () => {
  const asked: string[] = [];
  const { store, encoder } = setUp();
  const heard = { ...encoder, embedCode: (...given: Parameters<typeof encoder.embedCode>) => (asked.push("code"), encoder.embedCode(...given)), embedQuery: (...given: Parameters<typeof encoder.embedQuery>) => (asked.push("query"), encoder.embedQuery(...given)) };
  for (const query of ["const x = foo(bar);\nreturn x.map((y) => y + 1);", "where are paths mapped"]) await searchIndex({ store, encoder: heard }, { query, k: 3 });
  assert.deepEqual(asked, ["code", "query"]);
});

test("a chunk that reading shows to be clearly nearer goes up, from below the list too", async () => {
  const alike = ["a", "b", "c", "d"].map((name): MemoryChunk => ({ path: `${name}.ts`, symbols: [`retry${name}`], text: `function retry${name}() {\n  // retry with back-off ${name}\n}` }));
  const deps = setUp(alike);
  const { hits, refine } = await searchIndex(deps, { query: "retry with back-off", k: 3 });
  const last = alike.map(({ path }) => path).find((path) => hits.every((hit) => hit.path !== path));
  const { store } = deps;
  Object.assign(store, { scoreChunks: (_: unknown, chunks: readonly number[]) => store.placesOf(chunks).map(({ chunkId, path }) => ({ chunkId, calibrated: path === last ? 0.99 : 0, score: 0, depth: "deep" })) });
  assert.equal((await refine!(10_000)).hits[0]?.path, last);
});
