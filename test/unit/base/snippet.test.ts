import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bestWindow, lineOfSnippet, naming, wordsIn } from "../../../src/base/snippet.ts";

describe("where a snippet stands in a text that has changed", () => {
  const cases: [what: string, snippet: string, text: string, line: number, expected: number | undefined][] = [
    ["below what was put in front of it", "f();\ng();", "new\n\nf();\ng();\n", 1, 3],
    ["with line ends of Windows", "f();\ng();", "new\r\nf();\r\ng();\r\n", 1, 2],
    ["nearest to where it was, of two", "same();\nend", "same();\nend\n\nsame();\nend\n", 5, 4],
    ["first, of two as near", "f();", "f();\n\nf();", 2, 1],
    ["in whole rows only", "a\nb", "xa\nb\na\nbx\na\nb", 1, 5],
    ["as a piece of a long row", "middle", "x\n{beginning middle end}\n", 1, 2],
    ["nowhere", "gone();\nx", "f();\n", 1, undefined],
    ["nowhere, being nothing", "", "f();", 1, undefined],
    ["nowhere, being cut off", "f();\ng();", "x\nf();", 1, undefined],
  ];
  for (const [what, snippet, text, line, expected] of cases) it(what, () => assert.equal(lineOfSnippet(snippet, text, line), expected));
});

it("a line names what a hit defines, also a private name, which begins as a comment does", () => {
  const lines = ["# open it", "// #open", "#open(file) {", "this.opened"];
  assert.deepEqual(lines.filter(naming("#open")), ["#open(file) {"]);
  assert.deepEqual(lines.filter(naming("open")), []);
});

it("lines above those of the hit's own name tell less, and none when they say one word", () => {
  const lines = ["func init() {", "\tregister(newSimple) // a versioner that keeps", "}", "", "// what is kept", "type simple struct {", "\tkeep int", "}"];
  const shown = (words: readonly string[], name = "simple") => lines[bestWindow(lines, 2, wordsIn(words), naming(name))];
  assert.equal(shown(["versioner"]), "// what is kept");
  assert.equal(shown(["versioner", "regist"]), "func init() {", "but where they say two and nothing else says any");
  assert.equal(shown(["regist", "keep"]), "type simple struct {");
  assert.equal(shown(["versioner"], ""), "func init() {", "without a name nothing is its own");
  assert.equal(shown(["kept"]), "// what is kept", "a comment right above the name is");
});
