// Files that nobody writes but that exist: no pattern may stand still in them. Without an end they would run for minutes, so finishing is the test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { Chunker } from "../../../src/indexing/chunker.ts";
import { docProse } from "../../../src/indexing/docText.ts";
import { importsOf } from "../../../src/indexing/imports.ts";
import { languageOf, tellingChars } from "../../../src/indexing/languages.ts";

const many = 190_000;
const languages = ["typescript", "python", "go", "rust", "java", "haskell", "objective-c", "csharp", "swift", "dart", "php", "ruby", "elixir", "lua", "bash", "powershell", "solidity", "perl", "julia", "ocaml", "proto"];

test("imports are found behind blank lines, and endless openings have none", () => {
  const last: Readonly<Record<string, string>> = { typescript: 'import x from "./a";', ruby: 'require "./a"', java: "import a.b;", rust: "use a::b;" };
  for (const lang of languages) {
    for (const filler of ["\n".repeat(many), " \n".repeat(many / 2), "\r".repeat(many)]) {
      const found = importsOf(lang, `x\n${filler}${last[lang] ?? ""}\n`);
      if (last[lang] && filler.startsWith("\n")) assert.equal(found.length, 1, lang);
    }
    for (const word of ["import x.{\n", "import (\n", "from a import (\n", "require ", "use a::", "pub(", "alias A.{\n"]) assert.ok(importsOf(lang, word.repeat(many / word.length)).length <= 200, lang);
    importsOf(lang, `import ${"a".repeat(many)}{`);
    importsOf(lang, `require${" ".repeat(many)}x`);
  }
});

test("a comment with endless spaces keeps its words", () => {
  assert.equal(docProse(`// a${" ".repeat(many)}b\n// the next line`), "a\nthe next line");
  assert.equal(docProse(`/${"*".repeat(many)} x\n * the next line`).split("\n").at(-1), "the next line");
});

test("scripts that nothing closes are passed over", async () => {
  const chunker = await Chunker.create({ log: silentLog });
  const { chunks } = await chunker.chunk("A.vue", `<script>\nfunction first() {\n  return 1;\n}\n</script>\n${"<script>\n".repeat(many / 9)}`);
  assert.deepEqual(chunks[0]!.chunk.symbols, ["first"]);
});

test("a beginning of line separators, each a line of its own to patterns, tells no language", () => {
  for (const [file, lang] of [["a.m", "objective-c"], ["a.pl", "perl"], ["a.v", "vlang"], ["a.h", "c"]] as const) for (let time = 0; time < 200; time++) assert.equal(languageOf(file, "\u2028".repeat(tellingChars)).id, lang);
});

test("marks of documents without any are one", { timeout: 60_000 }, async () => {
  const chunker = await Chunker.create({ log: silentLog });
  const { chunks } = await chunker.chunk("a.yaml", `${"---\n".repeat(many)}last: 1\n`);
  assert.match(chunks.at(-1)!.chunk.text, /last: 1/);
});
