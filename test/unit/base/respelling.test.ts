import assert from "node:assert/strict";
import { test } from "node:test";
import { asRead, respellingNote } from "../../../src/base/respelling.ts";

const respellings = [{ typed: "clinet", read: "client" }, { typed: "HttpClinet", read: "HttpClient" }];

test("whole words are replaced, wherever they stand", () => {
  assert.equal(asRead("clinet, HttpClinet and clinets", respellings), "client, HttpClient and clinets");
  assert.equal(asRead("clinet"), "clinet");
});

test("the note says what was typed and what was read", () => {
  assert.equal(respellingNote([]), undefined);
  assert.equal(respellingNote(), undefined);
  assert.equal(respellingNote(respellings.slice(0, 1)), '"clinet" read as "client", the nearest word in the code.');
  assert.equal(respellingNote(respellings), '"clinet" and "HttpClinet" read as "client" and "HttpClient", the nearest words in the code.');
});
