// The store's front: what is put can be found, and what is known by content is never asked for twice.
import assert from "node:assert/strict";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, test } from "node:test";
import { hash128 } from "../../../src/base/hash.ts";
import type { Int8Vector } from "../../../src/encoding/encoder.ts";
import { dequantise, quantise } from "../../../src/encoding/int8.ts";
import { lexicalFields, type Filters, SKIPPED, type Store } from "../../../src/store/store.ts";
import { randomNumbers } from "../../support/random.ts";
import { parsedFile, sameAtEveryExit, terms, testModel, unit, vectorOf, workshop, type Workshop } from "../../support/storeFixture.ts";

let w: Workshop;
beforeEach(() => {
  w = workshop();
});
afterEach(() => w.end());

const words = (text: string): string[] => terms(text).split(" ");
const even = lexicalFields.map(() => 1);
const dense = (store: Store, text: string, k = 3, filters: Filters = {}) => store.searchDense(sameAtEveryExit(vectorOf(text)), k, filters);
const lexical = (store: Store, query: string, filters: Filters = {}, phrases: string[] = [], limit = 10) => {
  const found = store.searchLexical(words(query), phrases, even, limit, filters);
  const hits = found.length > 0 || phrases.length === 0 ? found : [...store.searchVerbatim(phrases, limit, filters)].flat();
  return store.places(hits.map(({ place }) => place)).map(({ path, startLine }) => `${path}:${startLine}`);
};
const chunkIds = (store: Store) => [...store.placesPerChunk().keys()].sort((a, b) => a - b);
/** Which of these texts have a chunk on disk, those without a place too. */
const storedOf = (...texts: string[]): string[] => {
  const db = new DatabaseSync(path.join(w.folder, "index.db"), { readOnly: true });
  const keys = new Set(db.prepare("SELECT key FROM chunks").all().map((row) => row["key"]));
  db.close();
  return texts.filter((text) => keys.has(hash128("typescript", "", text)));
};
const deepen = (store: Store, depth: "shallow" | "deep" = "deep") => {
  const todo = store.chunksToDeepen(depth, 1000);
  store.putVectors(depth, todo.map(({ chunkId, text }) => ({ chunkId, vector: quantise(vectorOf(text)) })));
  return todo.length;
};

const readFile = "function readFile(path) {\n  return fs.read(path);\n}";
const writeFile = "function writeFile(path, data) {\n  return fs.write(path, data);\n}";
const parseQuery = "def parse_query(text):\n    return text.split()";
const files = (path = "src/files.ts", options: Parameters<typeof parsedFile>[2] = {}) =>
  parsedFile(
    path,
    [
      { text: readFile, symbols: ["readFile"] },
      { text: writeFile, symbols: ["writeFile"], breadcrumb: "Disk" },
    ],
    options,
  );
const query = () => parsedFile("lib/query.py", [{ text: parseQuery, symbols: ["parse_query"], lang: "python", doc: "Splits what the user typed." }], { lang: "python", mtimeMs: 1_800_000_000_000 });

describe("putting files", () => {
  test("makes every chunk findable by its words and by its vector", async () => {
    const store = await w.open();
    store.putFiles([files(), query()]);
    assert.deepEqual(lexical(store, "write"), ["src/files.ts:4"]);
    assert.deepEqual(lexical(store, "typed"), ["lib/query.py:1"]);
    const [best] = dense(store, parseQuery);
    assert.ok(best!.score > 0.99 && best!.depth === "instant" && best!.calibrated === best!.score);
    const [place] = store.placesOf([best!.chunkId]);
    assert.deepEqual(
      { ...place, place: 0, chunkId: 0 },
      { place: 0, chunkId: 0, path: "lib/query.py", startLine: 1, endLine: 2, lang: "python", kind: "function", symbols: ["parse_query"], breadcrumb: "", doc: "Splits what the user typed.", text: parseQuery, isTest: false, isGenerated: false, depth: "instant" },
    );
    assert.deepEqual(store.coverage(), { files: 2, chunks: 3, instant: 3, shallow: 0, deep: 0 });
    assert.deepEqual(store.languages(), { typescript: 1, python: 1 });
  });

  test("tells that code was exchanged for as much other code, and not of a file that was only touched", async () => {
    const store = await w.open();
    store.putFiles([files()]);
    const [coverage, before] = [store.coverage(), store.changes()];
    store.putFiles([files("src/files.ts", { mtimeMs: 1_900_000_000_000 })]);
    assert.equal(store.changes(), before);
    store.putFiles([parsedFile("src/files.ts", [{ text: readFile, symbols: ["readFile"] }, { text: writeFile.replace("write(", "append("), symbols: ["writeFile"], breadcrumb: "Disk" }])]);
    assert.deepEqual([store.coverage(), store.changes()], [coverage, before + 1]);
  });

  test("knows each place again when it is opened, however many there are", async () => {
    const store = await w.open();
    const many = Array.from({ length: 4_200 }, (_, i) => ({ text: `function part${i}() {}`, symbols: [`part${i}`] }));
    store.putFiles([parsedFile("src/many.ts", [...many, many[0]!]), parsedFile("lib/one.ts", [many[4_199]!, many[1]!])]);
    const [coverage, places] = [store.coverage(), [...store.placesPerChunk()]];
    await store.close();
    const again = await w.open();
    assert.deepEqual([again.coverage(), [...again.placesPerChunk()]], [coverage, places]);
    assert.equal(places.filter(([, count]) => count === 2).length, 3);
    const { chunks } = again.allowedBy({ under: "lib" })!;
    assert.deepEqual(places.flatMap(([chunkId]) => (chunks.has(chunkId) ? chunkId : [])).length, 2);
  });

  test("counts files with text alone", async () => {
    const store = await w.open();
    store.putFiles([files(), parsedFile("a.png", [], { lang: `${SKIPPED}binary` })]);
    assert.deepEqual([store.coverage().files, store.files().size], [1, 2]);
    assert.deepEqual(store.languages(), { typescript: 1, [`${SKIPPED}binary`]: 1 });
    store.removeFiles(["a.png"]);
    assert.deepEqual(store.languages(), { typescript: 1 });
    store.putFiles([parsedFile("a.png", [], { lang: `${SKIPPED}binary` })]);
    assert.deepEqual(["**/*.png", "**/*.ts"].map((glob) => store.allowedBy({ pathGlobs: [glob] })!.isEmpty), [true, false]);
  });

  test("makes one new chunk for an edited function and leaves the others' places as they are", async () => {
    const store = await w.open();
    store.putFiles([files()]);
    const before = store.placesInFile("src/files.ts");
    const edited = { ...files().chunks[0]!, ...parsedFile("src/files.ts", [`// faster\n${readFile}`]).chunks[0]! };
    const moved = { ...files().chunks[1]!, startLine: 5, endLine: 7 };
    store.putFiles([{ ...files(), hash: "b", chunks: [edited, moved] }]);
    const after = store.placesInFile("src/files.ts");
    assert.deepEqual([after[1]!.place, after[1]!.chunkId], [before[1]!.place, before[1]!.chunkId]);
    assert.deepEqual([after[1]!.startLine, after[1]!.endLine], [5, 7]);
    assert.deepEqual(lexical(store, "faster"), ["src/files.ts:1"]);
    assert.equal(store.coverage().chunks, 2);
    assert.equal(dense(store, readFile)[0]!.score < 0.99, true, "the old text must not answer any more");
  });

  test("keeps a chunk once that stands in several places", async () => {
    const store = await w.open();
    store.putFiles([parsedFile("a.ts", [readFile, readFile]), parsedFile("b.ts", [readFile])]);
    assert.equal(store.coverage().chunks, 1);
    const [hit] = dense(store, readFile);
    assert.deepEqual(store.placesOf([hit!.chunkId]).map(({ path, startLine }) => `${path}:${startLine}`), ["a.ts:1", "a.ts:4", "b.ts:1"]);
    store.removeFiles(["b.ts"]);
    assert.equal(store.coverage().chunks, 1);
    store.putFiles([parsedFile("a.ts", [readFile])]);
    assert.equal(store.placesOf([hit!.chunkId]).length, 1);
    store.removeFiles(["a.ts", "never-there.ts"]);
    assert.deepEqual(store.coverage(), { files: 0, chunks: 0, instant: 0, shallow: 0, deep: 0 });
    assert.deepEqual(dense(store, readFile), []);
  });

  test("tells which chunks lack an instant vector", async () => {
    const store = await w.open();
    store.putFiles([parsedFile("a.ts", [readFile]), parsedFile("b.ts", [writeFile], { instant: () => undefined })]);
    assert.deepEqual(store.chunksToDeepen("instant", 10).map(({ text }) => text), [writeFile]);
    store.putVectors("instant", store.chunksToDeepen("instant", 10).map(({ chunkId, text }) => ({ chunkId, vector: quantise(vectorOf(text)) })));
    assert.deepEqual(store.chunksToDeepen("instant", 10), []);
    assert.ok(dense(store, writeFile)[0]!.score > 0.99);
  });

  test("gives a new model the most recently changed code first, and each chunk once, whatever comes meanwhile", async () => {
    const store = await w.open();
    const aged = (n: number) => parsedFile(`${n}.ts`, [`export const aged = ${n};`], { mtimeMs: n });
    store.putFiles([3, 1, 4, 2].map(aged));
    store.useModel(testModel({ hash: "b".repeat(64) }));
    const given: string[] = [];
    const round = () => {
      const todo = store.chunksToDeepen("instant", 2);
      given.push(...todo.map(({ text }) => text.slice(-2, -1)));
      store.putVectors("instant", todo.map(({ chunkId, text }) => ({ chunkId, vector: quantise(vectorOf(text)) })));
    };
    round();
    store.putFiles([{ ...aged(5), chunks: aged(5).chunks.map(({ instant: _, ...rest }) => rest) }, aged(6)]);
    for (let rounds = 0; rounds < 3; rounds++) round();
    assert.deepEqual(given, ["4", "3", "5", "2", "1"]);
    assert.equal(store.previousModel, undefined);
  });

  test("is all or nothing when one of the files cannot be stored", async () => {
    const store = await w.open();
    store.putFiles([files()]);
    const before = chunkIds(store);
    assert.throws(() => store.putFiles([query(), parsedFile("bad.ts", ["bad"], { dims: 31 })]), RangeError);
    assert.deepEqual([...store.files().keys()], ["src/files.ts"]);
    assert.deepEqual(chunkIds(store), before);
    assert.deepEqual(lexical(store, "typed"), []);
    store.putFiles([query()]);
    assert.equal(store.coverage().chunks, 3);
  });

  test("records a moved time stamp without touching the content", async () => {
    const store = await w.open();
    store.putFiles([files()]);
    store.touchFiles(["src/files.ts", "never-there.ts"].map((path) => ({ path, size: 5, mtimeMs: 6 })));
    const { size, mtimeMs, hash, chunks } = store.files().get("src/files.ts")!;
    assert.deepEqual({ size, mtimeMs, hash, chunks }, { size: 5, mtimeMs: 6, hash: files().hash, chunks: 2 });
  });
});

describe("what was indexed once", () => {
  test("is renamed without any new chunk or vector, and is found under the new path", async () => {
    const store = await w.open();
    store.putFiles([files(), query()]);
    deepen(store);
    const before = chunkIds(store);
    store.removeFiles(["src/files.ts"]);
    store.putFiles([files("src/disk/storage.ts", { instant: () => undefined })]);
    assert.deepEqual(chunkIds(store), before);
    assert.deepEqual(store.coverage(), { files: 2, chunks: 3, instant: 3, shallow: 3, deep: 3 });
    assert.deepEqual(lexical(store, "storage"), ["src/disk/storage.ts:1", "src/disk/storage.ts:4"]);
    assert.deepEqual([...store.files().keys()].sort(), ["lib/query.py", "src/disk/storage.ts"]);
  });

  test("comes back after a branch switch with all its vectors", async () => {
    const store = await w.open();
    store.putFiles([files(), query()]);
    deepen(store);
    const before = chunkIds(store);
    store.removeFiles(["src/files.ts", "lib/query.py"]);
    assert.deepEqual(store.coverage(), { files: 0, chunks: 0, instant: 0, shallow: 0, deep: 0 });
    const back = { ...files(), chunks: files().chunks.map(({ instant, ...rest }) => rest) };
    store.putFiles([back, query()]);
    assert.deepEqual(chunkIds(store), before);
    assert.deepEqual(store.coverage(), { files: 2, chunks: 3, instant: 3, shallow: 3, deep: 3 });
    assert.deepEqual(store.chunksToDeepen("deep", 10), []);
  });

  test("keeps what was encoded of code that has left meanwhile, and shows nothing of it", async () => {
    const store = await w.open();
    store.putFiles([files()]);
    const todo = store.chunksToDeepen("deep", 10);
    store.removeFiles(["src/files.ts"]);
    store.putVectors("deep", todo.map(({ chunkId, text }) => ({ chunkId, vector: quantise(vectorOf(text)) })));
    assert.deepEqual([store.coverage().deep, [...store.codeOf(todo.map(({ chunkId }) => chunkId))]], [0, []]);
    store.putFiles([files()]);
    assert.equal(store.coverage().deep, 2);
  });

  test("is all there after closing and opening again", async () => {
    const store = await w.open();
    store.putFiles([files(), query()]);
    store.putVectors("deep", store.chunksToDeepen("deep", 1).map(({ chunkId, text }) => ({ chunkId, vector: quantise(vectorOf(`deep ${text}`)) })));
    const before = { coverage: store.coverage(), files: [...store.files()], hits: dense(store, `deep ${parseQuery}`), places: store.placesInFile("src/files.ts") };
    await store.close();
    const again = await w.open();
    assert.deepEqual({ coverage: again.coverage(), files: [...again.files()], hits: dense(again, `deep ${parseQuery}`), places: again.placesInFile("src/files.ts") }, before);
    assert.deepEqual(again.warnings, []);
  });

  test("keeps every vector to the bit, of thousands too", async () => {
    const random = randomNumbers(1);
    const any = (): Int8Vector => ({ scale: random() / 127, values: Int8Array.from({ length: 32 }, () => Math.floor(random() * 256) - 128) });
    const texts = Array.from({ length: 5000 }, (_, i) => `function number${i}() {}`);
    const store = await w.open();
    store.putFiles([parsedFile("all.ts", texts, { instant: any }), parsedFile("edge.ts", ["nothing at all"], { instant: () => ({ scale: 0.1 + 0.2, values: new Int8Array(32) }) })]);
    const scores = (of: Store) => of.scoreChunks(sameAtEveryExit(vectorOf("asked")), chunkIds(of));
    const before = scores(store);
    assert.equal(before.length, 5001);
    await store.close();
    assert.deepEqual(scores(await w.open()), before);
  });

  test("is forgotten after two weeks without a place, or at once beyond the cap", async (t) => {
    const store = await w.open({ keepOrphans: 2 });
    t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
    const texts = ["one", "two", "three", "four", "five"];
    for (const text of texts.slice(0, 3)) {
      store.putFiles([parsedFile("x.ts", [text])]);
      t.mock.timers.tick(1000);
    }
    store.drainGraphs(1000);
    assert.deepEqual(storedOf(...texts), ["one", "two", "three"], "two orphans are within the cap");
    store.putFiles([parsedFile("x.ts", ["four"])]);
    while (!store.drainGraphs(1000));
    assert.deepEqual(storedOf(...texts), ["two", "three", "four"], "the oldest of three orphans goes");
    t.mock.timers.tick(15 * 86_400_000);
    store.putFiles([parsedFile("x.ts", ["five"])]);
    while (!store.drainGraphs(1000));
    assert.deepEqual(storedOf(...texts), ["four", "five"]);
    assert.equal(dense(store, "five").length, 1);
    store.putFiles([parsedFile("x.ts", ["four"])]);
    t.mock.timers.tick(15 * 86_400_000);
    store.putFiles([parsedFile("y.ts", ["six"])]);
    store.removeFiles(["y.ts"]);
    while (!store.drainGraphs(1000));
    assert.deepEqual(storedOf(...texts), ["four"], "what has come back is no orphan");
  });
});

describe("deepening", () => {
  test("hands out the asked-for files first, then the most recently changed ones, and only what is not deep yet", async () => {
    const store = await w.open();
    store.putFiles([files(), query(), parsedFile("old.ts", ["old"], { mtimeMs: 1 })]);
    const order = (paths?: string[]) => store.chunksToDeepen("deep", 10, paths).map(({ text }) => text);
    assert.deepEqual(order(), [parseQuery, readFile, writeFile, "old"]);
    assert.deepEqual(order(["old.ts", "never-there.ts"]), ["old", parseQuery, readFile, writeFile]);
    assert.deepEqual(store.chunksToDeepen("deep", 1, ["src/files.ts"]).map(({ breadcrumb, text }) => [breadcrumb, text]), [["", readFile]]);
    store.putVectors("deep", store.chunksToDeepen("deep", 1).map(({ chunkId, text }) => ({ chunkId, vector: quantise(vectorOf(text)) })));
    assert.deepEqual(order(), [readFile, writeFile, "old"]);
    assert.deepEqual(store.chunksToDeepen("shallow", 10).length, 3, "a deep vector serves as a shallow one");
    store.putFiles([parsedFile("new.ts", ["new", "newer"])]);
    assert.deepEqual(order(), ["new", "newer", readFile, writeFile, "old"]);
  });

  test("begins anew with another model, whatever the one before has read", async () => {
    const store = await w.open();
    store.putFiles([files()]);
    while (deepen(store) > 0);
    store.useModel(testModel({ hash: "b".repeat(64) }));
    assert.equal(store.chunksToDeepen("deep", 10).length, 2);
  });

  test("hands out the most recently changed ones alone where no more are wanted, and what comes new", async () => {
    const store = await w.open();
    store.putFiles([files(), query(), parsedFile("old.ts", ["old"], { mtimeMs: 1 })]);
    const order = (most: number) => store.chunksToDeepen("deep", 10, [], most).map(({ text }) => text);
    assert.deepEqual(order(2), [parseQuery, readFile]);
    store.putFiles([parsedFile("new.ts", ["new"], { mtimeMs: 1e15 })]);
    assert.deepEqual(order(2), ["new", parseQuery, readFile]);
    assert.deepEqual(order(Infinity), ["new", parseQuery, readFile, writeFile, "old"]);
  });

  test("searches each chunk by its deepest vector only, and never goes back", async () => {
    const store = await w.open();
    store.putFiles([files()]);
    const [read] = store.placesInFile("src/files.ts");
    const vector = (text: string) => [{ chunkId: read!.chunkId, vector: quantise(vectorOf(text)) }];
    store.putVectors("deep", vector("seen deeply"));
    store.putVectors("shallow", vector("seen shallowly"));
    store.putVectors("deep", vector("seen again"));
    assert.deepEqual(store.coverage(), { files: 1, chunks: 2, instant: 2, shallow: 1, deep: 1 });
    const found = dense(store, "seen deeply").map(({ chunkId, depth }) => ({ chunkId, depth }));
    assert.deepEqual(found[0], { chunkId: read!.chunkId, depth: "deep" });
    assert.equal(found.length, 2, "each chunk once");
    assert.equal(store.placesInFile("src/files.ts")[0]!.depth, "deep");
    assert.ok(store.scoreChunks(sameAtEveryExit(vectorOf("seen deeply")), [read!.chunkId])[0]!.score > 0.99);
  });

  test("ignores vectors of chunks that no longer exist and refuses those of another width", async () => {
    const store = await w.open();
    store.putVectors("deep", [{ chunkId: 1, vector: quantise(vectorOf("gone")) }]);
    assert.deepEqual(dense(store, "gone"), []);
    assert.throws(() => store.putVectors("deep", [{ chunkId: 1, vector: quantise(vectorOf("gone", 16)) }]), RangeError);
    store.putFiles([files()]);
    assert.throws(() => store.searchDense(sameAtEveryExit(vectorOf("x", 16)), 1, {}), RangeError);
    await store.close();
    const again = await w.open();
    assert.deepEqual([chunkIds(again), again.coverage().deep], [[1, 2], 0], "whose ids others may get");
  });
});

describe("looking up", () => {
  const cases: { name: string; filters: Filters; expected: string[] }[] = [
    { name: "a language", filters: { langs: ["python"] }, expected: ["lib/query.py"] },
    { name: "a folder", filters: { pathGlobs: ["src/**"] }, expected: ["src/.hidden/deep/a.go", "src/files.ts"] },
    { name: "a file name", filters: { pathGlobs: ["*.{go,py}"] }, expected: ["lib/query.py", "src/.hidden/deep/a.go"] },
    { name: "one of several globs", filters: { pathGlobs: ["lib/*", "**/files.ts"] }, expected: ["lib/query.py", "src/files.ts"] },
    { name: "everything but a folder", filters: { excludeGlobs: ["src/**"] }, expected: ["lib/query.py"] },
    { name: "a language outside a folder", filters: { langs: ["go", "python"], excludeGlobs: ["lib/**"] }, expected: ["src/.hidden/deep/a.go"] },
    { name: "a file name in another case", filters: { pathGlobs: ["FILES.*"] }, expected: ["src/files.ts"] },
    { name: "a folder that a glob names", filters: { pathGlobs: [".hid*"] }, expected: ["src/.hidden/deep/a.go"] },
    { name: "everything but a language", filters: { excludeLangs: ["go"] }, expected: ["lib/query.py", "src/files.ts"] },
    { name: "nothing that exists", filters: { langs: ["cobol"] }, expected: [] },
  ];
  for (const { name, filters, expected } of cases) {
    test(`by words and by meaning can be restricted to ${name}`, async () => {
      const store = await w.open();
      store.putFiles([parsedFile("src/files.ts", ["return data"]), parsedFile("lib/query.py", [{ text: "return  data", lang: "python" }], { lang: "python" }), parsedFile("src/.hidden/deep/a.go", [{ text: "return   data", lang: "go" }], { lang: "go" })]);
      assert.deepEqual(lexical(store, "data", filters).map((found) => found.split(":")[0]).sort(), expected);
      const denseHits = store.placesOf(dense(store, "return data", 10, filters).map(({ chunkId }) => chunkId));
      assert.deepEqual(denseHits.map(({ path }) => path).sort(), expected);
    });
  }

  test("is asked below one folder after the other, whatever else begins like it", async () => {
    const store = await w.open();
    store.putFiles(["src/a.ts", "srcs/b.ts", "lib/c.ts"].map((name) => parsedFile(name, [`data of ${name}`])));
    assert.deepEqual(["src", "lib", "srcs"].map((under) => lexical(store, "data", { under })), [["src/a.ts:1"], ["lib/c.ts:1"], ["srcs/b.ts:1"]]);
  });

  test("follows the files when they change under a filter", async () => {
    const store = await w.open();
    store.putFiles([files()]);
    assert.equal(dense(store, readFile, 10, { pathGlobs: ["lib/**"] }).length, 0);
    store.putFiles([query()]);
    assert.equal(dense(store, readFile, 10, { pathGlobs: ["lib/**"] }).length, 1);
  });

  test("knows a chunk by every file it stands in, whichever come and go", async () => {
    const store = await w.open();
    const copies = (...paths: string[]) => paths.map((path) => parsedFile(path, ["the same text"]));
    const [chunkId] = (store.putFiles(copies("a/x.ts")), chunkIds(store));
    const isIn = (folder: string) => store.allowedBy({ pathGlobs: [`${folder}/**`] })!.chunks.has(chunkId!);
    const where = () => ["a", "b", "c"].filter(isIn);
    assert.deepEqual(where(), ["a"]);
    store.putFiles(copies("b/x.ts", "b/y.ts"));
    assert.deepEqual(where(), ["a", "b"]);
    store.removeFiles(["a/x.ts"]);
    assert.deepEqual(where(), ["b"]);
    store.removeFiles(["b/x.ts", "b/y.ts"]);
    assert.deepEqual(where(), []);
    assert.ok(store.allowedBy({ pathGlobs: ["b/**"] })!.isEmpty);
    store.putFiles(copies("c/x.ts"));
    assert.deepEqual(where(), ["c"]);
    await store.close();
    const again = await w.open();
    assert.deepEqual(["b", "c"].map((folder) => again.allowedBy({ pathGlobs: [`${folder}/**`] })!.chunks.has(chunkId!)), [false, true]);
  });

  test("scans a large index for quoted text slice by slice, up to the limit", async () => {
    const store = await w.open();
    store.putFiles([parsedFile("long.ts", Array.from({ length: 5_100 }, (_, i) => `text ${i}${i % 5_050 === 0 ? " <=>" : ""}`))]);
    const slices = (limit: number) => [...store.searchVerbatim(["<=>"], limit, {})].map(({ length }) => length);
    assert.deepEqual(slices(10), [1, 1]);
    assert.deepEqual(slices(1), [1]);
    assert.deepEqual([...store.searchVerbatim(["<=>"], 10, { pathGlobs: ["other/**"] })].flat(), []);
  });

  const phrases: { phrase: string; terms: string; expected: string[] }[] = [
    { phrase: "fs.WRITE(path", terms: "fs write path", expected: ["src/files.ts:4"] },
    { phrase: "write.fs", terms: "fs write", expected: [] },
    { phrase: "):\n    return", terms: "return", expected: ["lib/query.py:1"] },
    { phrase: "(p", terms: "", expected: ["src/files.ts:1", "src/files.ts:4"] },
    { phrase: "50%_", terms: "", expected: [] },
  ];
  for (const { phrase, terms: text, expected } of phrases) {
    test(`finds the quoted text ${JSON.stringify(phrase)} only where it stands verbatim`, async () => {
      const store = await w.open();
      store.putFiles([files(), query(), parsedFile("other.ts", ["50 percent"])]);
      assert.deepEqual(lexical(store, text, {}, [phrase]).sort(), expected);
    });
  }

  test("ranks by BM25 with the weights of the fields, and limits", async () => {
    const store = await w.open();
    store.putFiles([parsedFile("a.ts", [{ text: "other()", symbols: ["session"] }, { text: "session session\n", symbols: ["other"] }, "plain", "words", "here", "and", "there"])]);
    const session = words("session")[0]!;
    const first = (weights: number[]) => store.places([store.searchLexical([session], [], weights, 1, {})[0]!.place])[0]!.symbols[0];
    assert.equal(first([10, 1, 1, 1, 1]), "session");
    assert.equal(first([0, 1, 1, 1, 1]), "other");
    const hits = store.searchLexical([session, "absent"], [], even, 10, {});
    assert.equal(hits.length, 2);
    assert.ok(hits[0]!.score >= hits[1]!.score && hits[1]!.score > 0);
    assert.deepEqual(store.searchLexical([session], [], even, 0, {}), []);
    assert.deepEqual(store.searchLexical([], [], even, 10, {}), []);
    assert.deepEqual(store.searchLexical(['"', "OR", "a*"], [], even, 10, {}), []);
  });

  test("limits what a rare word finds where frequent ones beside it order it", async () => {
    const store = await w.open();
    store.putFiles(Array.from({ length: 7 }, (_, i) => parsedFile(`${i}.ts`, [i < 3 ? `common rare ${i}` : `common ${i}`])));
    assert.equal(lexical(store, "common rare", {}, [], 2).length, 2);
  });

  test("explains BM25 per field and per term", async () => {
    const store = await w.open();
    store.putFiles([parsedFile("cache/store.ts", [{ text: "flush(cache)", symbols: ["flush"], doc: "Empties it.", breadcrumb: "Cache" }]), parsedFile("x.ts", ["nothing", "of", "this", "kind"])]);
    const { place } = store.placesInFile("cache/store.ts")[0]!;
    const { places, idf } = store.lexicalMatches(["cach", "flush", "absent"], [place, 999]);
    assert.equal(places.size, 1);
    assert.ok(idf[2]! > idf[0]!);
    const { fields, terms } = places.get(place)!;
    const [symbol, breadcrumb, path, doc, body] = fields;
    assert.ok(terms[0]! > 0 && terms[1]! > 0 && terms[2] === 0);
    assert.ok(Math.abs(terms[0]! + terms[1]! - fields.reduce((sum, score) => sum + score, 0)) < 1e-9);
    assert.ok(symbol! > 0 && breadcrumb! > 0 && path! > 0 && body! > 0);
    assert.equal(doc, 0);
  });

  test("weighs a term that stood everywhere also after some places have gone", async () => {
    const store = await w.open();
    store.putFiles(Array.from({ length: 60 }, (_, i) => parsedFile(`f${i}.ts`, [`flush ${i}`])));
    const { place } = store.placesInFile("f1.ts")[0]!;
    store.lexicalMatches(["flush"], [place]);
    store.removeFiles(["f0.ts"]);
    const { idf, places } = store.lexicalMatches(["flush"], [place]);
    assert.ok(idf[0]! > 0 && places.get(place)!.terms[0]! > 0, `${idf[0]}`);
  });

  test("finds definitions whatever their case, in the order of the names", async () => {
    const store = await w.open();
    store.putFiles([files(), query()]);
    const found = (names: string[], limit = 10) => store.definitions(names, limit).map(({ symbols }) => symbols[0]);
    assert.deepEqual(found(["PARSE_QUERY", "readfile", "none"]), ["parse_query", "readFile"]);
    assert.deepEqual(found(["readFile", "writeFile"], 1), ["readFile"]);
    store.removeFiles(["lib/query.py"]);
    assert.deepEqual(found(["parse_query"]), []);
  });

  test("gives the places of a file that overlap some lines", async () => {
    const store = await w.open();
    store.putFiles([files()]);
    const starts = (...lines: number[]) => store.placesInFile("src/files.ts", ...lines).map(({ startLine }) => startLine);
    assert.deepEqual(starts(), [1, 4]);
    assert.deepEqual(starts(3, 3), [1]);
    assert.deepEqual(starts(3, 4), [1, 4]);
    assert.deepEqual(starts(7, 9), []);
    assert.deepEqual(store.placesInFile("never-there.ts"), []);
  });

  test("finds the neighbours of a chunk without the chunk itself", async () => {
    const store = await w.open();
    store.putFiles([parsedFile("a.ts", ["same", "other", "third"], { instant: (text) => quantise(vectorOf(text === "third" ? "same" : text)) })]);
    deepen(store, "shallow");
    const [same, other, third] = store.placesInFile("a.ts");
    store.putVectors("deep", [same!, third!].map(({ chunkId }) => ({ chunkId, vector: quantise(vectorOf("twin")) })));
    const hits = store.neighbours(same!.chunkId, 1);
    assert.deepEqual(hits.map(({ chunkId }) => chunkId), [third!.chunkId]);
    assert.deepEqual(store.neighbours(same!.chunkId, 1, new Set([other!.chunkId])).map(({ chunkId }) => chunkId), [other!.chunkId]);
    assert.deepEqual(store.neighbours(12345, 3), []);
  });

  test("counts the files that import a file", async () => {
    const store = await w.open();
    store.putFiles([parsedFile("src/a.ts", ["a"], { imports: ["./b.ts"] }), parsedFile("src/b.ts", ["b"]), parsedFile("src/c.ts", ["c"], { imports: ["./b", "./b.js"] })]);
    assert.deepEqual([...store.importCounts(["src/b.ts", "src/a.ts", "gone.ts"])], [["src/b.ts", 2], ["src/a.ts", 0]]);
    store.removeFiles(["src/a.ts"]);
    assert.equal(store.importCounts(["src/b.ts"]).get("src/b.ts"), 1);
    store.removeFiles(["src/b.ts"]);
    store.putFiles([parsedFile("src/d.ts", ["b"])]);
    assert.equal(store.importCounts(["src/d.ts"]).get("src/d.ts"), 0);
  });

  test("tells which of some files import each other", async () => {
    const store = await w.open();
    store.putFiles([parsedFile("src/a.ts", ["a"], { imports: ["./b.ts"] }), parsedFile("src/b.ts", ["b"]), parsedFile("src/c.ts", ["c"])]);
    const neighbours = () => Object.fromEntries([...store.importNeighbours(["src/a.ts", "src/b.ts", "src/c.ts", "gone.ts"])].map(([path, others]) => [path, [...others]]));
    assert.deepEqual(neighbours(), { "src/a.ts": ["src/b.ts"], "src/b.ts": ["src/a.ts"], "src/c.ts": [] });
    store.removeFiles(["src/b.ts"]);
    assert.deepEqual(neighbours(), { "src/a.ts": [], "src/c.ts": [] });
  });

  test("compares code by what its language leaves over, and knows languages from the chunks", async () => {
    const dims = 64;
    const store = await w.open({ model: testModel({ dims, matryoshka: [dims], sharedSpace: true }) });
    const meaning = (i: number, accent: string) => quantise(unit(vectorOf(`idea ${i}`, dims).map((value, j) => value + 1.5 * vectorOf(accent, dims)[j]!)));
    const chunks = (lang: string) => Array.from({ length: 150 }, (_, i) => parsedFile(`${lang}/${i}.x`, [{ text: `${lang} chunk ${i}`, lang }], { dims, instant: () => meaning(i, lang) }));
    store.putFiles([...chunks("go"), ...chunks("php")]);
    const query = sameAtEveryExit(dequantise(meaning(7, "go")));
    const pathsOf = (hits: readonly { readonly chunkId: number }[]) => store.placesOf(hits.map(({ chunkId }) => chunkId)).map(({ path }) => path);
    assert.ok(!pathsOf(store.searchDense(query, 2, {})).includes("php/7.x"));
    assert.deepEqual(pathsOf(store.searchCode(query, "go", 2, {})).sort(), ["go/7.x", "php/7.x"]);
    assert.deepEqual(pathsOf(store.searchCode(query, "go", 1, { pathGlobs: ["php/**"] })), ["php/7.x"]);
    const twin = store.placesInFile("php/7.x")[0]!.chunkId;
    assert.equal(store.scoreCode(query, "go", [twin, 999_999]).length, 1);
    assert.ok(store.scoreCode(query, "go", [twin])[0]!.score > store.scoreChunks(query, [twin])[0]!.score);
    assert.throws(() => store.searchCode(query, "go", 1, {}, "no such model"), RangeError);
  });
});

test("a word that was asked for before anybody wrote it is found once somebody has", async () => {
  const store = await w.open();
  store.putFiles(Array.from({ length: 120 }, (_, i) => parsedFile(`src/f${i}.ts`, [`function f${i}() {}`])));
  assert.deepEqual(lexical(store, "zebrafish"), []);
  store.putFiles([parsedFile("src/fish.ts", ["function zebrafish() {}"])]);
  assert.deepEqual(lexical(store, "zebrafish"), ["src/fish.ts:1"]);
});

test("code that has gone leaves no trace in the scores of words: they are those of an index made anew", async () => {
  const file = (i: number, version: string) => parsedFile(`src/f${i}.ts`, [`function open${i}(file) { return ${version} }`, `function close${i}() { ${"wait ".repeat(i)} }`]);
  const scores = (store: Store) => new Map(store.searchLexical(["open3", "wait"], [], [4, 1.5, 2.5, 1.5, 1], 20, {}).map(({ place, score }) => [store.places([place])[0]!.path, score]));
  const edited = await w.open();
  for (const version of ["first", "second", "third"]) for (let i = 0; i < 8; i++) edited.putFiles([file(i, version)]);
  edited.removeFiles(["src/f6.ts", "src/f7.ts"]);
  const drifted = scores(edited);
  while (!edited.drainGraphs(1000));
  const mended = scores(edited);
  edited.putFiles([file(0, "fourth")]);
  edited.putFiles([file(0, "third")]);
  while (!edited.drainGraphs(1000));
  const again = scores(edited);
  await edited.close();
  const other = workshop();
  try {
    const fresh = await other.open();
    for (let i = 0; i < 6; i++) fresh.putFiles([file(i, "third")]);
    const wanted = scores(fresh);
    assert.notDeepEqual(drifted, wanted);
    assert.deepEqual([...mended].sort(), [...wanted].sort());
    assert.deepEqual([...again].sort(), [...wanted].sort());
  } finally {
    await other.end();
  }
});

test("quoted text of any length and with any characters is looked for as it stands", async () => {
  const store = await w.open();
  const long = `${"=%_".repeat(30_000)}!`;
  store.putFiles([parsedFile("a.ts", [`x ${long}`]), parsedFile("b.ts", ["x =% _"])]);
  assert.deepEqual(lexical(store, "", {}, [long]), ["a.ts:1"]);
  assert.deepEqual(lexical(store, "", {}, ["% _"]), ["b.ts:1"]);
});
