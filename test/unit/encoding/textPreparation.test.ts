import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { prepareCode, prepareQuery, prepareText } from "../../../src/encoding/textPreparation.ts";
import { assertGrowsEvenly } from "../../support/cost.ts";

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

describe("what code imports", () => {
  const imports = [
    "import os", "import a.b as c", "import x, y", "import java.util.*;", "import static a.b.C.d;", "\timport { a, b } from \"x\";", "import 'x'", "from a.b import c, d", "using System.Linq;",
    "using namespace std;", "package a.b;", "package main", "namespace App\\Models;", "use std::io::{self, Read};", "require 'set'", "require_once(\"a.php\");", "#include <vector> // lists", "  # include \"a.h\"", "<?php",
  ];
  const others = ["important = 1", "import the rows that say more", "using (var file = open()) {", "namespace a {", "packages = []", "use_it();", "x = require('set')", "#if A", "fromage import b", "export { a } from \"x\";"];

  it("is left out, whatever the language, and nothing else is", () => {
    for (const row of imports) assert.equal(prepareCode({ breadcrumb: "", text: `${row}\r\nrun(it)\r\n${row}` }, ""), "run(it)", row);
    for (const row of others) assert.ok(prepareCode({ breadcrumb: "", text: `${row}\nrun(it)` }, "").startsWith(prepareText(row)), row);
  });

  it("stays where there is nothing else, in breadcrumbs, and for a model that was made to read it", () => {
    const text = imports.join("\n");
    assert.equal(prepareCode({ breadcrumb: "", text }, ""), prepareText(text));
    assert.equal(prepareCode({ breadcrumb: "import os", text: "run(it)" }, ""), "import os run(it)");
    assert.equal(prepareCode({ breadcrumb: "", text: "import os\nrun(it)" }, "", "split-identifiers-1"), "import os run(it)");
  });

  it("is looked for in time that grows with the text", async () => {
    for (const piece of ["import a", "import a,", " ", "use a", "#include <", "import \"", "from a import ", "package a.", "\t\r"]) await assertGrowsEvenly(30, (n) => prepareCode({ breadcrumb: "", text: `x\n${piece.repeat(n * 20)}!` }, ""));
  });
});

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
