import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bestWindow } from "../../../src/base/snippet.ts";
import { dedent, highlight, markedWords } from "../../../src/webview/highlight.ts";
import { hasTaken } from "../../../src/webview/filterTexts.ts";
import { arrange, movedHits } from "../../../src/webview/listOrder.ts";
import { isFromView } from "../../../src/webview/messages.ts";
import { openingOf } from "../../../src/webview/opening.ts";

describe("the order of the list", () => {
  it("is the best one while nobody uses the list", () => {
    assert.deepEqual(arrange(["a", "b"], ["b", "c"], false), { order: ["b", "c"], pending: false });
  });

  it("stands still under a pointer: nothing moves, the gone leave, the new come last", () => {
    assert.deepEqual(arrange(["a", "b", "c"], ["d", "c", "a"], true), { order: ["a", "c", "d"], pending: true });
  });

  it("waits for nobody when it is the best one already", () => {
    assert.deepEqual(arrange(["a", "b"], ["a", "b", "c"], true), { order: ["a", "b", "c"], pending: false });
  });

  it("changes altogether when no hit is left", () => {
    assert.deepEqual(arrange(["a"], ["x", "y"], true), { order: ["x", "y"], pending: false });
  });
});

describe("a hit whose code moved", () => {
  const row = (path: string, startLine: number, symbol: string, snippet = symbol) => ({ id: `${path}:${startLine}`, folder: "", path, startLine, symbol, snippet });
  const moved = (before: readonly ReturnType<typeof row>[], now: readonly ReturnType<typeof row>[]) => [...movedHits(before, now)];

  it("is that of the same name nearest by", () => {
    assert.deepEqual(moved([row("a.ts", 5, "f")], [row("a.ts", 90, "f"), row("a.ts", 7, "f")]), [["a.ts:5", "a.ts:7"]]);
  });

  it("is taken by one only", () => {
    assert.deepEqual(moved([row("a.ts", 5, "f"), row("a.ts", 9, "f")], [row("a.ts", 6, "f")]), [["a.ts:5", "a.ts:6"]]);
  });

  it("is the same lines in a file of another name", () => {
    assert.deepEqual(moved([row("a.ts", 5, "f"), row("a.ts", 9, "g")], [row("b.ts", 9, "g"), row("b.ts", 5, "f")]), [["a.ts:5", "b.ts:5"], ["a.ts:9", "b.ts:9"]]);
  });

  it("is none with other lines, and none in a file that was there before", () => {
    assert.deepEqual(moved([row("a.ts", 5, "f")], [row("b.ts", 5, "f", "other")]), []);
    assert.deepEqual(moved([row("a.ts", 5, "f"), row("b.ts", 1, "g")], [row("b.ts", 1, "g"), row("b.ts", 5, "f")]), []);
  });
});

it("the host has taken filters when they are the ones that were sent, whether it drops a folder that restricts nothing or not", () => {
  const asked = { langs: ["go"], path: "src", root: "/w" };
  const has = [asked, { langs: ["go"], path: "src" }, { ...asked, root: "/other" }, { ...asked, langs: [] }, { ...asked, path: "" }];
  assert.deepEqual(has.map((filters) => hasTaken(asked, filters)), [true, true, false, false, false]);
});

describe("a click on a row", () => {
  const keys = { ctrlKey: false, metaKey: false };
  for (const [what, event, selected, expected] of [
    ["opens in the preview tab", { ...keys, detail: 1 }, "", { side: false, how: "open" }],
    ["opens to the side with Ctrl", { ...keys, detail: 1, ctrlKey: true }, "", { side: true, how: "open" }],
    ["opens to the side with Cmd", { ...keys, detail: 1, metaKey: true }, "", { side: true, how: "open" }],
    ["keeps the tab when it is the second, which marks a word", { ...keys, detail: 2 }, "word", { side: false, how: "keep" }],
    ["opens no second column when it is the second with Ctrl", { ...keys, detail: 2, ctrlKey: true }, "", undefined],
    ["opens nothing when it ends a selection", { ...keys, detail: 1 }, "return true", undefined],
    ["opens when an aid makes it", { ...keys, detail: 0 }, "", { side: false, how: "open" }],
  ] as const)
    it(what, () => assert.deepEqual(openingOf(event, selected), expected));
});

describe("a message from the page", () => {
  const filters = { langs: ["typescript"], path: "src" };
  for (const message of [
    { type: "ready" },
    { type: "clear" },
    { type: "forgetHistory" },
    { type: "search", query: "q", filters, remember: true },
    { type: "search", query: "q", filters: { ...filters, root: "/w" }, remember: false },
    { type: "open", id: "x", side: false, how: "look" },
    { type: "open", id: "x", side: true, how: "open", line: 7 },
    { type: "similarTo", id: "x" },
    { type: "compare", id: "x" },
    { type: "command", command: "restart" },
  ])
    it(`is taken: ${JSON.stringify(message)}`, () => assert.ok(isFromView(message)));

  for (const message of [
    undefined,
    null,
    7,
    "ready",
    [],
    {},
    { type: "eval", code: "1" },
    { type: "search", query: 7, filters, remember: true },
    { type: "search", query: "q", remember: true },
    { type: "search", query: "q", filters: { langs: "ts", path: "" }, remember: true },
    { type: "search", query: "q", filters: { langs: ["ts path:/etc"], path: "" }, remember: true },
    { type: "search", query: "q", filters: { langs: Array.from({ length: 51 }, () => "go"), path: "" }, remember: true },
    { type: "search", query: "x".repeat(100_000), filters, remember: true },
    { type: "search", query: "q", filters },
    { type: "search", query: "q", filters: { ...filters, root: 7 }, remember: true },
    { type: "open", id: "x", side: "yes", how: "open" },
    { type: "open", id: 3, side: true, how: "open" },
    { type: "open", id: "x", side: true, how: "always" },
    { type: "open", id: "x", side: true, how: "open", line: 0 },
    { type: "open", id: "x", side: true, how: "open", line: "7" },
    { type: "command", command: "workbench.action.quit" },
    { type: "command", command: "toString" },
  ])
    it(`is refused: ${JSON.stringify(message)?.slice(0, 90)}`, () => assert.ok(!isFromView(message)));
});

describe("a coloured snippet", () => {
  const joined = (text: string, lang: string, words: readonly string[] = []) => highlight(text, lang, words).map((line) => line.map((token) => token.text).join("")).join("\n");
  const kindsOf = (text: string, lang: string) => Object.fromEntries(highlight(text, lang, []).flat().map((token) => [token.text.trim(), token.kind]));

  for (const [lang, text] of [
    ["typescript", 'const a = "x\\"y"; // <script>alert(1)</script>\n/* b\n c */ f(1.5, `t${a}`)'],
    ["python", "def f(x):\n    '''doc\n    more'''\n    return x # done\n"],
    ["lua", "-- c\nlocal s = 'it''s'"],
    ["go", "\tx := `raw\nline`\n"],
    ["unknown", "🙂 <b>&amp;</b> \u202e \0 \"unclosed"],
    ["typescript", "'"],
    ["typescript", ""],
  ] as const)
    it(`gives every character back: ${lang} ${JSON.stringify(text.slice(0, 24))}`, () => {
      assert.equal(joined(text, lang, ["script", "doc", "line", "b"]), text);
    });

  it("knows comments, strings, numbers, keywords, calls and types", () => {
    const kinds = kindsOf('return call(42, "text", Widget) // note', "typescript");
    assert.deepEqual([kinds["return"], kinds["call"], kinds["42"], kinds['"text"'], kinds["Widget"], kinds["// note"]], ["keyword", "call", "number", "string", "type", "comment"]);
  });

  for (const [what, lang, text, kind] of [
    ["a block comment", "c", "/* first line\n   return if this class\n   end */", "comment"],
    ["a block comment that the snippet cuts", "c", "/* first line\n   return if", "comment"],
    ["a docstring", "python", '"""First line.\n\n  return if the class\n"""', "string"],
    ["a docstring that the snippet cuts", "python", "'''First line.\n  return if", "string"],
  ] as const)
    it(`colours all lines of ${what} alike`, () => assert.deepEqual(new Set(highlight(text, lang, []).flat().map((token) => token.kind)), new Set([kind])));

  it("takes # for a comment in Python and for code in Rust", () => {
    assert.equal(kindsOf("# note", "python")["# note"], "comment");
    assert.equal(kindsOf("#[test]", "rust")["#["], "plain");
  });

  const marked = (text: string, words: readonly string[]) => highlight(text, "typescript", words).flat().filter((token) => token.marked).map((token) => token.text);
  for (const [text, words, expected] of [
    ["isTokenExpired(token)", ["token", "expir"], ["Token", "Expired", "token"]],
    ["is_expired", ["expir"], ["expired"]],
    ["stoken", ["token"], []],
    ["f(token)", ["(", "token"], ["(", "token"]],
  ] as const)
    it(`marks ${expected.join(", ") || "nothing"} in ${text}`, () => assert.deepEqual(marked(text, words), expected));
});

describe("a shortened snippet", () => {
  const lines = (text: string, words: readonly string[]) => highlight(text, "typescript", words);
  it("begins at the beginning when no word is marked", () => assert.equal(bestWindow(lines("a\nb\nc\nd\ne\nf\ng", []), 3, markedWords), 0));
  it("shows the place with most words, one line above them", () => assert.equal(bestWindow(lines("a\nb\nc\nd\ntoken\nexpiry\ng\nh\ni\nj", ["token", "expiry"]), 3, markedWords), 3));
  it("counts a word less that stands too far to the right to be seen", () => assert.equal(bestWindow(lines(`${"x ".repeat(30)}token\na\nb\nc\nd\ntoken\nf`, ["token"]), 3, markedWords), 4));
  it("never runs over the end", () => assert.equal(bestWindow(lines("a\nb\nc\ntoken", ["token"]), 3, markedWords), 1));
  it("is whole when it is short", () => assert.equal(bestWindow(lines("a\ntoken", ["token"]), 5, markedWords), 0));

  for (const [text, expected] of [
    ["  a\n    b\n  c", "a\n  b\nc"],
    ["a {\n    b\n  }", "a {\n  b\n}"],
    ["\tx\n\t\ty", "x\n\ty"],
    ["def f():\n    return 1", "def f():\n    return 1"],
    ["def m\n    1\n  end", "def m\n  1\nend"],
    ["x", "x"],
    ["  a\n\n  b\n\n", "a\n\nb"],
  ] as const)
    it(`loses shared indentation: ${JSON.stringify(text)}`, () => assert.equal(dedent(text), expected));
});
