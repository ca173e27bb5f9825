import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mergeResults } from "../../../src/engine/folders.ts";
import { escapeIcons, quickRows, tellingLine } from "../../../src/extension/quickRows.ts";
import { hit, result } from "../../support/fakeEngine.ts";

describe("the telling line of a snippet", () => {
  for (const [snippet, expected] of [
    ["// About it.\nfunction go() {", "function go() {"],
    ["/**\n * Doc.\n */\n@decorated\nclass A {", "class A {"],
    ["# comment\ndef f():", "def f():"],
    ["#include <x>\nint main()", "#include <x>"],
    ["-- select\nselect 1", "select 1"],
    ["// only a comment", "// only a comment"],
    ["", ""],
  ] as const)
    it(`of ${JSON.stringify(snippet)} is ${JSON.stringify(expected)}`, () => {
      assert.equal(tellingLine(snippet), expected);
    });

  it("is that of the symbol, where there is one", () => {
    const snippet = "package limits\n\n// Bucket holds tokens.\ntype Bucket struct {\n}";
    assert.equal(tellingLine(snippet, "Bucket"), "type Bucket struct {");
    assert.equal(tellingLine(snippet, "limits.Bucket"), "type Bucket struct {");
    assert.equal(tellingLine(snippet, "Buck"), "package limits");
  });

  it("is cut when it is long", () => {
    assert.equal(tellingLine("x".repeat(500)).length, 160);
  });
});

describe("the rows of the quick pick", () => {
  const merged = (hits: Parameters<typeof result>[0], failures: { name: string; reason: string }[] = []) => mergeResults([{ root: "/w", result: result(hits) }], 5, failures);
  const whole = { nameOf: () => "", indexing: false, pausedBecause: undefined };

  it("draw code as text, not as icons", () => {
    const [row] = quickRows("q", merged([hit("src/$(x).ts", 1, { symbol: "$(bell)", breadcrumb: "$(sync~spin)", snippet: 'const a = $(zap) + $("#id");' })]), whole);
    assert.deepEqual([row!.label, row!.description, row!.detail], ["$(symbol-method) \\$(bell)", "src/\\$(x).ts:1  \\$(sync~spin)", 'const a = \\$(zap) + $("#id");']);
    assert.equal(escapeIcons("plain (text) $x"), "plain (text) $x");
  });

  it("show names that would turn around, break the line or retitle something as they are", () => {
    const [row] = quickRows("q", merged([hit("src/x\u202efdp.yp", 1, { symbol: "a\nb", breadcrumb: "\u2066c", snippet: "\tconst\ta = 1; \u001b[2J" })]), whole);
    assert.deepEqual([row!.label, row!.description, row!.detail], ["$(symbol-method) a·b", "src/x·fdp.yp:1  ·c", "const a = 1; ·[2J"]);
  });

  it("name the folder of several as the editor does", () => {
    const [row] = quickRows("q", merged([hit("src/a.ts", 1, { startLine: 4, endLine: 9, line: 6 })]), { ...whole, nameOf: (root) => (root === "/w" ? "Server" : "") });
    assert.equal(row!.description, "Server/src/a.ts:6", "and the line of the name");
  });

  it("say that indexing is paused, and why", () => {
    const paused = { ...whole, pausedBecause: "The disk is full." };
    const [none, pause] = quickRows("q", merged([]), paused);
    assert.deepEqual([none!.label, pause!.label, pause!.detail], ['$(info) Nothing found for "q"', "$(debug-pause) Indexing is paused: not everything may have been read", "The disk is full."]);
    assert.deepEqual(quickRows("q", merged([hit("a.ts", 1)]), paused).map(({ hit: found }) => found?.path), ["a.ts", undefined]);
  });

  it("say which folders failed, that nothing was found, and that more will come", () => {
    const labels = (...args: Parameters<typeof quickRows>) => quickRows(...args).map(({ label }) => label);
    assert.deepEqual(labels("q", merged([hit("a.ts", 1)], [{ name: "b", reason: "No." }]), whole), ["$(symbol-method) a.ts", "$(warning) Not searched: b"]);
    assert.deepEqual(labels("q", merged([]), whole), ['$(info) Nothing found for "q"']);
    assert.deepEqual(labels("q", merged([]), { ...whole, indexing: true }), ["$(sync~spin) Indexing goes on"]);
  });
});
