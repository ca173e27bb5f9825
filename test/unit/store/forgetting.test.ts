// What is left in the files of an index of code that is no longer in the workspace: looked for byte by byte.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";
import type { Store } from "../../../src/store/store.ts";
import { parsedFile, terms, workshop, type Workshop } from "../../support/storeFixture.ts";

let w: Workshop;
beforeEach(() => {
  w = workshop();
});
afterEach(() => w.end());

/** Long enough that its row does not fit on one page. */
const secret = (name = "qxone") => parsedFile(`conf/${name}path.txt`, [{ text: `password = ${name}start\n${"filler ".repeat(700)}\n${name}end`, symbols: [`${name}symbol`], breadcrumb: `${name}crumb`, doc: `${name}doc` }]);
const others = (from: number) => Array.from({ length: 200 }, (_, i) => parsedFile(`src/f${from + i}.ts`, [{ text: `function f${from + i}() { return other${i}; }`, symbols: [`f${from + i}`] }]));
/** Which of its words stand anywhere in the folder, as written or as they are indexed. */
function left(name = "qxone"): string[] {
  const bytes = readdirSync(w.folder).map((file) => readFileSync(path.join(w.folder, file), "latin1").toLowerCase()).join("\n");
  return ["start", "end", "symbol", "crumb", "doc", "path"].map((part) => terms(name + part)).filter((word) => bytes.includes(word));
}
const finish = (store: Store): void => {
  while (!store.drainGraphs(1000));
};

test("the text, names and words of an excluded file leave the files of the index", async () => {
  const store = await w.open();
  store.putFiles(others(0));
  store.putFiles([secret()]);
  store.putFiles(others(200));
  assert.equal(left().length, 6);
  store.removeFiles(["conf/qxonepath.txt"], true);
  finish(store);
  assert.deepEqual(left(), []);
  assert.equal(store.coverage().chunks, 400);
  assert.equal(store.searchLexical(["f7"], [], [1, 1, 1, 1, 1], 10, {}).length, 1);
});

test("it goes also when the engine ended in between, and what is excluded while words are going", async () => {
  const first = await w.open();
  first.putFiles([...others(0), secret(), secret("qxtwo"), secret("qxsix")]);
  first.removeFiles(["conf/qxonepath.txt"], true);
  await first.close();
  const store = await w.open();
  finish(store);
  assert.deepEqual(left(), []);
  store.removeFiles(["conf/qxtwopath.txt"], true);
  store.drainGraphs(0);
  store.removeFiles(["conf/qxsixpath.txt"], true);
  finish(store);
  assert.deepEqual([...left("qxtwo"), ...left("qxsix")], []);
});

test("that words are still to go stays written down until those are gone too that were removed meanwhile: a kill changes nothing", async () => {
  const store = await w.open();
  store.putFiles([...others(0), secret("qxtwo"), secret("qxsix")]);
  const db = new DatabaseSync(path.join(w.folder, "index.db"), { readOnly: true });
  const isWrittenDown = (): boolean => db.prepare("SELECT value FROM meta WHERE key = 'unforgotten'").get()!["value"] === "1";
  store.removeFiles(["conf/qxtwopath.txt"], true);
  store.drainGraphs(0);
  store.removeFiles(["conf/qxsixpath.txt"], true);
  while (isWrittenDown()) store.drainGraphs(0);
  db.close();
  assert.deepEqual([...left("qxtwo"), ...left("qxsix")], []);
});

test("the text of a deleted file is not kept with its vectors, and comes back with the file", async () => {
  const store = await w.open();
  store.putFiles([...others(0), secret()]);
  const before = store.placesInFile("conf/qxonepath.txt").map(({ place, ...rest }) => rest);
  store.removeFiles(["conf/qxonepath.txt"]);
  const db = new DatabaseSync(path.join(w.folder, "index.db"), { readOnly: true });
  const rows = db.prepare("SELECT symbols, breadcrumb, doc, text FROM chunks WHERE orphanedAt IS NOT NULL").all().map((row) => Object.values(row).join(""));
  const names = db.prepare("SELECT name FROM symbols WHERE name LIKE 'qxone%'").all();
  db.close();
  assert.deepEqual([rows, names], [["[]"], []]);
  const without = secret().chunks.map(({ instant, ...rest }) => rest);
  store.putFiles([{ ...secret(), chunks: without }]);
  assert.deepEqual(store.placesInFile("conf/qxonepath.txt").map(({ place, ...rest }) => rest), before);
  assert.equal(store.definitions(["qxonesymbol"], 5).length, 1);
  assert.equal(store.coverage().instant, 201);
});

test("a chunk that moves to another file in one step keeps its text, and so does one that two files bring back together", async () => {
  const store = await w.open();
  const at = (path: string, ...texts: string[]) => parsedFile(path, texts);
  store.putFiles([at("a.ts", "one")]);
  store.putFiles([at("a.ts", "two"), at("b.ts", "one")]);
  store.removeFiles(["a.ts", "b.ts"]);
  store.putFiles([at("c.ts", "one"), at("d.ts", "one", "two"), at("c.ts", "two")]);
  assert.deepEqual(["c.ts", "d.ts"].map((path) => store.placesInFile(path).map(({ text }) => text)), [["two"], ["one", "two"]]);
});
