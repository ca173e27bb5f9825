import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { prepareCode, prepareQuery, prepareText } from "../../../src/encoding/textPreparation.ts";

const examples: readonly (readonly [text: string, prepared: string])[] = [
  ["fooBar", "foo Bar"],
  ["HTTPServer", "HTTP Server"],
  ["utf8", "utf 8"],
  ["parseHTTPHeader_v2", "parse HTTP Header v 2"],
  ["snake_case", "snake case"],
  ["__init__", "init"],
  ["a__b", "a b"],
  ["a _ b", "a b"],
  ["call(_, _x)", "call(, x)"],
  ["x_(1)", "x(1)"],
  ["  two \n\t lines ", "two lines"],
  ["a->b != c", "a->b != c"],
  ["ABC", "ABC"],
  ["getX", "get X"],
  ["日本語5", "日本語 5"],
  ["𝐀𝐛𝐀", "𝐀𝐛 𝐀"],
  ["", ""],
  ["_", ""],
];

describe("prepareText", () => {
  for (const [text, prepared] of examples) it(`makes ${JSON.stringify(prepared)} of ${JSON.stringify(text)}`, () => assert.equal(prepareText(text), prepared));

  it("agrees with the reference on awkward and random texts", () => {
    const rows = JSON.parse(readFileSync(path.resolve(import.meta.dirname, "../../fixtures/tokenizer/hardCases.json"), "utf8")) as { name: string; text: string; prepared: string }[];
    assert.ok(rows.length >= 50);
    for (const { name, text, prepared } of rows) assert.equal(prepareText(text), prepared, name);
  });

  it("changes nothing when it is applied to its own result", () => {
    for (const [text] of examples) assert.equal(prepareText(prepareText(text)), prepareText(text));
  });

  it("keeps half of a surrogate pair where it stands", () => assert.equal(prepareText("a\ud83dB"), "a\ud83dB"));
});

describe("prepareCode and prepareQuery", () => {
  it("put the instruction in front, then the breadcrumb, then the body", () =>
    assert.equal(prepareCode({ breadcrumb: "LruCache > get", text: "return this.byKey;" }, "code: "), "code: Lru Cache > get return this.by Key;"));
  it("leave an empty breadcrumb out", () => assert.equal(prepareCode({ breadcrumb: "", text: "x" }, ""), "x"));
  it("treat a query as it is written", () => assert.equal(prepareQuery("where is readFile?", "find: "), "find: where is read File?"));
});
