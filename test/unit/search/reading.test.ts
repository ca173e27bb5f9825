import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readQuestion } from "../../../src/search/reading.ts";
import { MemoryStore } from "../../support/memoryStore.ts";

const store = new MemoryStore([
  { path: "src/files.ts", symbols: ["deleteFile"], text: "function deleteFile() {\n  // der Puffer bleibt\n  cache.clear(response);\n}" },
  { path: "src/Rechnung.java", lang: "java", symbols: ["Rechnung"], text: "class Rechnung {}" },
  { path: "src/order.py", lang: "python", text: "# 订单处理\ntotal = 0" },
]);
const read = (query: string, mayRespell = true) => readQuestion(store, query, { isWord: (word) => word === "parser", isTyping: false, mayRespell });

describe("a question in another language", () => {
  test("is looked for in English", () => {
    const { typed, query, asked, translation } = read("Dateien löschen lang:ts");
    assert.deepEqual([typed.text, asked, query.text], ["Dateien löschen", "file delete", "file delete"]);
    assert.deepEqual(translation, { language: "German", english: "file delete lang:ts" });
    assert.deepEqual(query.filters.langs, ["typescript", "tsx"]);
  });

  test("and by those of its own words that the index says", () => {
    assert.ok(read("Puffer leeren").query.terms.includes("puffer"));
    assert.ok(!read("Dateien löschen").query.terms.includes("dateien"));
    assert.ok(read("删除订单").query.terms.includes("订单"));
    assert.ok(!read("删除订单").query.terms.includes("删除"));
  });

  test("is asked how, and its slips are mended, in English", () => {
    const { query, respellings } = read("wie wird respnse gelöscht");
    assert.deepEqual([query.text, respellings], ["how response delete", [{ typed: "respnse", read: "response" }]]);
    assert.deepEqual(read("wie wird respnse gelöscht", false).respellings, []);
    assert.equal(read("Tests der Warteschlange").query.asksFor.tests, true);
  });

  test("of one word is a name where the index says it", () => {
    assert.equal(read("Rechnung").translation, undefined);
    assert.equal(read("Warteschlange").translation?.english, "queue");
    assert.equal(read("订单").translation?.english, "order");
  });

  test("stays in a message, a trace or code", () => {
    for (const query of ["IOException: die Datei wurde nicht gefunden", "at Datei.lesen (src/datei.ts:3:4)", "Datei.löschen();\nVerbindung.schließen();"]) assert.equal(read(query).translation, undefined, query);
  });
});

test("a question in English is read as typed", () => {
  const { typed, query, asked, translation } = read("delete the file");
  assert.deepEqual([query, asked, translation], [typed, "delete the file", undefined]);
});
