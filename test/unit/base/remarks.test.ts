import assert from "node:assert/strict";
import { test } from "node:test";
import { asRead, remarksOf, remarkTexts } from "../../../src/base/remarks.ts";

const respellings = [{ typed: "clinet", read: "client" }, { typed: "HttpClinet", read: "HttpClient" }];

test("whole words are replaced, wherever they stand", () => {
  assert.equal(asRead("clinet, HttpClinet and clinets", { respellings }), "client, HttpClient and clinets");
  assert.equal(asRead('clinet lang:clinet "clinet" path:"a clinet"', { respellings }), 'client lang:clinet "clinet" path:"a clinet"');
  assert.equal(asRead("clinet", {}), "clinet");
});

test("of a translated query the English is read, and behind it what was typed", () => {
  const translation = { language: "German", english: "delete file lang:go" };
  assert.equal(asRead("Datei löschen lang:go", { translation }), "delete file lang:go Datei löschen lang:go");
  assert.equal(asRead("Datei lösche clinet", { translation: { ...translation, english: "delete clinet" }, respellings }), "delete client Datei lösche clinet");
  assert.deepEqual(remarkTexts({ hits: ["a hit"], translation, respellings: respellings.slice(0, 1) }), ['Read from German as "delete file".', '"clinet" read as "client", the nearest word in the code.']);
  assert.deepEqual(remarksOf({ translation }), { translation });
});

test("each remark is a sentence, and nothing is remarked on what was not found", () => {
  const hits = ["a hit"];
  assert.deepEqual(remarkTexts({ hits: [], respellings, farFetched: true }), []);
  assert.deepEqual(remarkTexts({ hits: [], respellings, nothingPasses: true, whyNothing: "There is no file in go." }), ["There is no file in go."]);
  assert.deepEqual(remarkTexts({ hits }), []);
  assert.deepEqual(remarkTexts({ hits, respellings: [] }), []);
  assert.deepEqual(remarkTexts({ hits, respellings: respellings.slice(0, 1) }), ['"clinet" read as "client", the nearest word in the code.']);
  assert.deepEqual(remarkTexts({ hits, respellings, farFetched: true }), ['"clinet" and "HttpClinet" read as "client" and "HttpClient", the nearest words in the code.', "Nothing here clearly answers this; these places come nearest."]);
});

test("the remarks of an answer are those that it has", () => {
  const answer = { hits: [], farFetched: true } as const;
  assert.deepEqual(remarksOf(answer), { farFetched: true });
  assert.deepEqual(remarksOf({ respellings }), { respellings });
});
