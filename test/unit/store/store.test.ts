// The store's front: what is put can be found, what is content-addressed is never asked for twice.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { StrataError } from "../../../src/base/errors.ts";
import { Store, lexicalFields, type Filters } from "../../../src/store/store.ts";
import { parsedFile, quantised, sameAtEveryExit, terms, testModel, vectorOf, workshop, type Workshop } from "../../support/storeFixture.ts";

let w: Workshop;
beforeEach(() => {
  w = workshop();
});
afterEach(() => w.end());

const words = (text: string): string[] => terms(text).split(" ");
const even = lexicalFields.map(() => 1);
const dense = (store: Store, text: string, k = 3, filters: Filters = {}) => store.searchDense(sameAtEveryExit(vectorOf(text)), k, filters);
const paths = (store: Store, places: readonly { place: number }[]) => store.places(places.map(({ place }) => place)).map((place) => place.path);
const lexical = (store: Store, query: string, filters: Filters = {}, phrases: string[] = [], limit = 10) => paths(store, store.searchLexical(words(query), phrases, even, limit, filters));

const readFile = "function readFile(path) {\n  return fs.read(path);\n}";
const writeFile = "function writeFile(path, data) {\n  return fs.write(path, data);\n}";
const parseQuery = "def parse_query(text):\n    return text.split()";

function fill(store: Store) {
  return store.putFiles([
    parsedFile("src/files.ts", [{ text: readFile, symbols: ["readFile"] }, { text: writeFile, symbols: ["writeFile"], breadcrumb: "Disk" }]),
    parsedFile("lib/query.py", [{ text: parseQuery, symbols: ["parse_query"], lang: "python", doc: "Splits what the user typed." }], { lang: "python" }),
  ]);
}

describe("putting files", () => {
  test("makes every chunk findable by its words and by its vector", async () => {
    const store = await w.open();
    assert.deepEqual(fill(store), { newChunks: 3, filesChanged: 2 });
    assert.deepEqual(lexical(store, "write"), ["src/files.ts"]);
    assert.deepEqual(lexical(store, "typed"), ["lib/query.py"]);
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
});
