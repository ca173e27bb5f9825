import assert from "node:assert/strict";
import { test } from "node:test";
import { exactForm, jaccard, namesIn, renamedForm, shapeRuns, tokeniseCode } from "../../../src/search/codeTokens.ts";

const exact = (text: string, lang = "typescript") => exactForm(tokeniseCode(text, lang));
const renamed = (text: string, lang = "typescript") => renamedForm(tokeniseCode(text, lang));

test("layout and comments do not make two texts differ", () => {
  const pairs: [string, string, string][] = [
    ["typescript", "const a = 1; // one", "const a =\n  /* two */ 1;"],
    ["python", 'def f(x):\n    """Doc."""\n    return x # back', "def f(x):\n    return x"],
    ["lua", "local x = 1 -- one", "--[[ two\nlines ]] local x = 1"],
    ["ruby", "def go # now\n  1\nend", "def go\n1\nend"],
    ["php", "$a = 1; # one", "$a = 1; // two"],
  ];
  for (const [lang, a, b] of pairs) assert.equal(exact(a, lang), exact(b, lang), lang);
});

test("comment marks inside strings are text", () => {
  assert.notEqual(exact('open("http://a")'), exact('open("http://b")'));
  assert.notEqual(exact("x = '# one'", "python"), exact("x = '# two'", "python"));
});

test("a triple-quoted value is not taken for documentation", () => {
  assert.notEqual(exact('sql = """select 1"""', "python"), exact('sql = """select 2"""', "python"));
});

test("consistent renaming keeps the renamed form, and changes the exact one", () => {
  const a = "function add(left: number, right: number) { return left + right + 1; }";
  const b = "function plus(x: number, y: number) { return x + y + 2; }";
  assert.equal(renamed(a), renamed(b));
  assert.notEqual(exact(a), exact(b));
});

test("inconsistent renaming, another operator or another keyword changes the renamed form", () => {
  const base = renamed("function f(a, b) { return a - b; }");
  for (const other of ["function f(a, b) { return b - a; }", "function f(a, b) { return a + b; }", "function f(a, b) { throw a - b; }"]) assert.notEqual(renamed(other), base, other);
});

test("any text is tokenised, and its tokens stand in it in order", () => {
  for (const text of ["", "'unclosed", '"unclosed\nnext', "/* open", '"""open', "\u0000\uffff💥", "`a ${b} c", "a".repeat(20_000)]) {
    let at = 0;
    for (const token of tokeniseCode(text, "python")) {
      at = text.indexOf(token.text, at);
      assert.ok(at >= 0);
      at += token.text.length;
    }
  }
});

test("shape survives renaming and a small edit better than different code", () => {
  const runs = (text: string) => shapeRuns(tokeniseCode(text, "typescript"));
  const base = runs("for (const item of list) { if (item.ok) { total += item.value; } } return total;");
  const edited = runs("for (const x of rows) { if (x.good) { sum += x.price; count++; } } return sum;");
  const different = runs("export class Empty { constructor() { super(); } async run() { await this.go(); } }");
  assert.ok(jaccard(base, edited) > 0.6);
  assert.ok(jaccard(base, different) < 0.2);
});

test("names leave keywords and single letters out", () => {
  assert.deepEqual([...namesIn(tokeniseCode("return parseHeader(x, Limit)", "typescript"))], ["parseheader", "limit"]);
});

test("Jaccard similarity of sets", () => {
  assert.equal(jaccard(new Set(["a", "b"]), new Set(["b", "c"])), 1 / 3);
  assert.equal(jaccard(new Set(), new Set()), 0);
  assert.equal(jaccard(new Set(["a"]), new Set(["a"])), 1);
});
