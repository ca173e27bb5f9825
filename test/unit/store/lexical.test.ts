// The lexical index below the store's front: which terms FTS5 is asked for, and that scores computed here are FTS5's own.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, test } from "node:test";
import { IndexDatabase } from "../../../src/store/database.ts";
import { countTerms, DocumentFrequencies, insertTerms, inverseFrequency, lexicalMatches, meanLengths, rescored, searchLexical, tellingTerms, termList } from "../../../src/store/lexical.ts";
import { lexiconSchema, schema } from "../../../src/store/schema.ts";
import { randomNumbers } from "../../support/random.ts";

let folder: string;
let db: IndexDatabase;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "strata-lexical-"));
  db = new IndexDatabase(path.join(folder, "index.db"));
  db.exec(schema);
  db.exec(lexiconSchema);
});
afterEach(() => {
  db.close();
  rmSync(folder, { recursive: true });
});

const vocabulary = ["cache", "flush", "file", "read", "write"];
const weights = [4, 1.5, 2.5, 1.5, 1];

/** Places of five fields with words drawn at random, some fields empty. */
function fill(places: number): void {
  const random = randomNumbers(7);
  const words = (most: number) => Array.from({ length: Math.floor(random() * most) }, () => vocabulary[Math.floor(random() * random() * vocabulary.length)]!).join(" ");
  for (let id = 1; id <= places; id++) {
    const fields = [words(3), words(3), words(4), words(8), words(30)];
    db.run(
      "INSERT INTO places (id, file, chunk, startLine, endLine, nSymbol, nBreadcrumb, nPath, nDoc, nBody) VALUES (?, 1, ?, 1, 2, ?, ?, ?, ?, ?)",
      id, id, ...fields.map(countTerms),
    );
    insertTerms(db, id, fields);
  }
}
const frequency = (term: string): number => (db.get("SELECT doc FROM lexiconTerms WHERE term = ?", term)?.["doc"] as number | undefined) ?? 0;
const statistics = (terms: readonly string[], places: number) => ({ idf: terms.map((term) => inverseFrequency(frequency(term), places)), meanLengths: meanLengths(db) });

test("places found by one term are scored by all terms as FTS5 scores them", () => {
  fill(300);
  const terms = ["write", "read", "absent"];
  const everything = searchLexical(db, { terms, phrases: [], weights, limit: 1000 });
  const found = searchLexical(db, { terms: ["write"], phrases: [], weights, limit: 1000 });
  assert.ok(found.length > 50 && found.length < everything.length);
  const again = rescored(db, found, terms, weights, statistics(terms, 300));
  const wanted = everything.filter((hit) => found.some(({ place }) => place === hit.place));
  assert.deepEqual(again.map(({ place, chunkId }) => [place, chunkId]), wanted.map(({ place, chunkId }) => [place, chunkId]));
  for (const [i, { score }] of again.entries()) assert.ok(Math.abs(score - wanted[i]!.score) < 1e-5 * wanted[i]!.score, `${score} for ${wanted[i]!.score}`);
  assert.notDeepEqual(found.map(({ place }) => place), again.map(({ place }) => place), "the other term changed the order");
});

test("a field's share is what its words give alone", () => {
  fill(40);
  const terms = ["flush", "write"];
  const places = Array.from({ length: 40 }, (_, i) => i + 1);
  const matches = lexicalMatches(db, terms, places, statistics(terms, 40));
  for (const { fields, terms: ofTerms } of matches.values()) {
    const [byField, byTerm] = [fields, ofTerms].map((scores) => scores.reduce((sum, score) => sum + score, 0)) as [number, number];
    assert.ok(Math.abs(byField - byTerm) < 1e-9);
  }
  assert.ok([...matches.values()].some(({ terms: [first] }) => first! > 0) && [...matches.values()].some(({ terms: [first] }) => first === 0));
});

test("the rarest terms are asked for, frequent ones while there is room, and one always", () => {
  const counts: Record<string, number> = { rare: 10, medium: 3_000, frequent: 6_000, everywhere: 60_000 };
  const telling = (...terms: string[]) => tellingTerms(terms, 100_000, (term) => counts[term] ?? 0);
  assert.deepEqual(telling("frequent", "rare", "medium", "rare"), ["rare", "medium"]);
  assert.deepEqual(telling("frequent", "rare"), ["rare", "frequent"]);
  assert.deepEqual(telling("everywhere", "absent"), ["everywhere"]);
  assert.deepEqual(tellingTerms(["rare", "medium"], 5_000, (term) => counts[term]!), ["rare"], "what stands in more than half of all places says nothing");
});

test("terms of some length that begin with some letters, with their places, anew when the index has changed noticeably", () => {
  fill(300);
  const frequencies = new DocumentFrequencies();
  const like = (start: string, least: number, most: number, places = 300) => frequencies.termsLike(db, start, least, most, places);
  const terms = (...given: Parameters<typeof like>) => like(...given).map(({ term }) => term).sort();
  assert.deepEqual(terms("f", 4, 5), ["file", "flush"]);
  assert.deepEqual(terms("f", 5, 9), ["flush"]);
  assert.deepEqual(terms("fil", 1, 9), ["file"]);
  assert.deepEqual(terms("z", 1, 9), []);
  for (const start of "cfrw") for (const { term, places } of like(start, 1, 9)) assert.equal(places, frequency(term), term);
  insertTerms(db, 301, ["fixture", "", "", "", ""]);
  assert.deepEqual(terms("f", 7, 9, 301), []);
  assert.deepEqual(terms("f", 7, 9, 400), ["fixture"]);
});

test("where Node cannot lift SQLite's guard of FTS5's tables there is none, and they are written all the same", (t) => {
  const { prototype } = DatabaseSync;
  const guard = Object.getOwnPropertyDescriptor(prototype, "enableDefensive");
  if (guard) t.after(() => Object.defineProperty(prototype, "enableDefensive", guard));
  assert.ok(Reflect.deleteProperty(prototype, "enableDefensive"));
  db.writeBehindFts("INSERT INTO meta VALUES (?, ?)", "written", "1");
  assert.equal(db.meta("written"), "1");
});

test("a place without a word has a list of terms that is empty, also to Node 22, which takes an empty buffer for nothing at all", () => {
  const none = termList(["", ""]);
  assert.equal(none.length, 0);
  assert.ok(none.buffer.byteLength > 0);
});
