import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { exactForm, isList, jaccard, namesIn, renamedForm, shapeRuns, shapeText, sharedAround, tokeniseCode } from "../../../src/search/codeTokens.ts";

const exact = (text: string, lang = "typescript") => exactForm(tokeniseCode(text, lang));
const renamed = (text: string, lang = "typescript") => renamedForm(tokeniseCode(text, lang));

test("layout and comments do not make two texts differ", () => {
  const pairs: [string, string, string][] = [
    ["typescript", "const a = 1; // one", "const a =\n  /* two */ 1;"],
    ["python", 'def f(x):\n    """Doc."""\n    return x # back', "def f(x):\n    return x"],
    ["lua", "local x = 1 -- one", "--[[ two\nlines ]] local x = 1"],
    ["ruby", "def go # now\n  1\nend", "def go\n1\nend"],
    ["php", "$a = 1; # one", "$a = 1; // two"],
    ["terraform", "a = 1 # one", "a = 1 // two"],
    ["cmake", "set(A 1) # one", "set(A 1)"],
    ["make", "A = 1 # one", "A = 1"],
    ["docker", "RUN a # one", "RUN a"],
    ["nix", "a = b; # one", "a = b; /* two */"],
    ["sql", "select 1 -- one", "/* two */ select 1"],
    ["clojure", "(def a 1) ; one", "(def a\n  1)"],
    ["lisp", "#| two |# (setq a 1)", "(setq a 1) ; one"],
    ["assembly", "mov eax, 1 ; one", "mov eax, 1 # two"],
    ["ini", "a = 1 ; one", "# two\na = 1"],
    ["erlang", "f(X) -> X. % one", "f(X) ->\n  X."],
    ["tex", "50\\% of % one", "50\\% of"],
    ["fortran", "x = 1 ! one", "x = 1"],
    ["visual-basic", "Dim a = 1 ' one", "Dim a = 1"],
    ["go", "f(`\\`, `/`)", "f(`\\`,\n  `/`)"],
    ["elixir", "def f(<<?\", t::binary>>, acc), do: g(t)", "def f(<<?\", t::binary>>,\n  acc), do: g(t)"],
    ["elixir", '@doc ~S"""\n  One.\n"""\ndef f(x), do: x', '@doc ~S"""\n  Two.\n"""\ndef f(x), do: x'],
    ["javascript", "if (!a || !b) x = -1;", "if (!a||!b) x=-1;"],
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

/** Long enough that its members may be renamed with its variables. */
const longPiece = (at: string, rows: string, total: string, member: string) =>
  `function last(${rows}) { let ${total} = 0; for (let ${at} = 0; ${at} < ${rows}.length; ${at}++) { if (${rows}[${at}].${member} > 3) ${total} += ${rows}.at(-1).${member}; else ${total} -= ${rows}[${at}].${member} * 2; } if (${total} < 0) throw new Error("none"); return ${total}; }`;
const shortPiece = (name: string, check: string, go: string) => `func (${name} *Writer) Close() error {\n if err := ${name}.${check}(); err != nil {\n return err\n }\n return ${name}.${go}()\n}`;

test("a variable that is called like a member is renamed alone", () => {
  for (const [at, other] of [["at", "i"], ["length", "n"]] as const) {
    assert.equal(renamed(longPiece(at, "rows", "sum", "size")), renamed(longPiece(other, "list", "total", "size")), at);
  }
  assert.equal(renamed("let at = f(x.at(1)); return at;"), renamed("let i = f(y.at(1)); return i;"));
});

test("a long copy is known by its shape when its members were renamed too, each in one way only", () => {
  const base = longPiece("i", "rows", "sum", "size");
  assert.equal(renamed(base), renamed(longPiece("k", "list", "total", "width")));
  assert.notEqual(renamed(base), renamed(base.replace(".size * 2", ".length * 2")));
  assert.notEqual(renamed(base), renamed(base.replace("rows.at(-1)", "rows.size(-1)")));
});

test("short pieces that call other things are not joined", () => {
  assert.notEqual(renamed(shortPiece("w", "checkLastByte", "flush"), "go"), renamed(shortPiece("c", "Start", "Wait"), "go"));
  assert.equal(renamed(shortPiece("w", "Start", "Wait"), "go"), renamed(shortPiece("cmd", "Start", "Wait"), "go"));
});

test("what makes a name a member depends on the language", () => {
  const members = (text: string, lang: string) => tokeniseCode(text, lang).flatMap((token) => (token.kind === "member" ? token.text : []));
  const cases: [string, string, string[]][] = [
    ["typescript", "a?.b.c!.d; [...rest]; x\n  .then(y)", ["b", "c", "d", "then"]],
    ["rust", "fn f(v: T) -> Result { std::io::copy(v); for i in 0..n {} }", ["io", "copy"]],
    ["cpp", "p->next = std::move(q)", ["next", "move"]],
    ["java", "list.map(x -> x.id).filter(Foo::isSet)", ["map", "id", "filter", "isSet"]],
    ["php", "$a->b(Foo::c(), $d.$e)", ["b", "c"]],
    ["haskell", "f = g . h", []],
    ["scala", "x :: xs", []],
    ["lua", "file:read(n)", ["read"]],
  ];
  for (const [lang, text, expected] of cases) assert.deepEqual(members(text, lang), expected, lang);
});

test("a word is a keyword only in the languages that reserve it", () => {
  const cases: [string, string, boolean][] = [
    ["val", "kotlin", true],
    ["val", "javascript", false],
    ["object", "csharp", true],
    ["object", "python", false],
    ["type", "go", true],
    ["type", "python", false],
    ["lambda", "python", true],
    ["lambda", "java", false],
    ["this", "go", false],
    ["match", "rust", true],
    ["match", "ruby", false],
    ["end", "lua", true],
    ["end", "c", false],
    ["val", "fortran", true],
  ];
  for (const [text, lang, isKeyword] of cases) assert.equal(tokeniseCode(text, lang)[0]?.kind, isKeyword ? "keyword" : "name", `${text} in ${lang}`);
  assert.equal(renamed("function f(val) { return val + 1; }", "javascript"), renamed("function f(size) { return size + 1; }", "javascript"));
  assert.notEqual(renamed("val x = 1", "kotlin"), renamed("var x = 1", "kotlin"));
});

test("a keyword behind a dot is a member, alone it is not", () => {
  const kinds = (text: string, lang: string) => tokeniseCode(text, lang).flatMap(({ kind }) => (kind === "mark" ? [] : kind));
  assert.deepEqual(kinds("self.type = default", "go"), ["name", "member", "keyword"]);
  assert.deepEqual(kinds("loader.default(import)", "typescript"), ["name", "member", "keyword"]);
  assert.deepEqual(kinds("p->new", "cpp"), ["name", "member"]);
  assert.deepEqual(kinds("r#in..in", "rust").slice(-1), ["keyword"]);
});

test("the labels of arguments and entries, and symbols, are told from variables where the language has them", () => {
  const labels = (text: string, lang: string) => tokeniseCode(text, lang).flatMap((token) => (token.kind === "label" ? token.text : []));
  const cases: [string, string, string[]][] = [
    ["python", "f(a, token=token, n=-1, b == c)", ["token", "n"]],
    ["python", "def f(self, token=None, n=2): x = (a, b)", []],
    ["python", "x = 1\nd = {k: v for k in z}", []],
    ["typescript", "const o = { name: name, list: [a, b], type: a ? b : c };", ["name", "list", "type"]],
    ["typescript", "function f(a: string, b: number) { switch (a) { case b: go(); } }", []],
    ["go", "P{Name: name, size: n}; switch x { case a, b: f(); default: y := z }", ["Name", "size"]],
    ["rust", "Point { x: a, y }; m::n::<T>(c)", ["x"]],
    ["csharp", "f(count: n, x ? y : z)", ["count"]],
    ["swift", "move(to: p, by: 2)", ["to", "by"]],
    ["swift", "func move<T: P>(to: T, by: Int) { init(name: 1) }", []],
    ["ruby", "f(key: 1, :sym => x ? a : b)", ["key", "sym"]],
    ["ruby", "A::B.c(d) ? :e : f", ["e"]],
    ["ruby", "go(case x when 1 then f(key: 2) end, as: 3)", ["key", "as"]],
    ["ruby", "def self.f(a, key: 1) = key", []],
    ["elixir", "f(x, as: y, do: {:ok, z})", ["as", "ok"]],
    ["kotlin", "f(size = n); fun g(a: Int = 1) {}", ["size"]],
    ["lua", "t = { name = name, n == m }", ["name"]],
    ["java", "while ((x = y) != z) {}", []],
  ];
  for (const [lang, text, expected] of cases) assert.deepEqual(labels(text, lang), expected, `${lang}: ${text}`);
});

test("a variable that is called like the label it is passed for is renamed alone", () => {
  const call = (variable: string) => `def send(client, ${variable}):\n    client.post(token=${variable}, retry=True)\n    return ${variable}`;
  assert.equal(renamed(call("token"), "python"), renamed(call("secret"), "python"));
  assert.equal(renamed(call("token"), "python"), renamed(call("token").replace("retry=", "again="), "python"), "short as it is");
  assert.notEqual(renamed(call("token"), "python"), renamed(call("token").replace("retry=", "token="), "python"));
});

test("what two pieces share around one stretch that differs", () => {
  const lines = ["function f(rows, out) {", "  const size = rows.length;", "  out.push(size);", "  for (const row of rows) out.push(row);", "  return out;", "}"];
  const tokens = (text: readonly string[]) => tokeniseCode(text.join("\n"), "typescript");
  const shared = (text: readonly string[]) => sharedAround(tokens(lines), tokens(text));
  const letters = (text: readonly string[]) => shapeText(tokens(text)).length;
  const renamedLines = lines.map((line) => line.replace(/\brows\b/g, "list").replace(/\bsize\b/g, "n"));
  assert.equal(shared(renamedLines), 1);
  const doubled = renamedLines.toSpliced(3, 0, renamedLines[2]!);
  assert.equal(shared(doubled), letters(lines) / letters(doubled));
  assert.equal(shared(lines.toSpliced(1, 1)), letters(lines.toSpliced(1, 1)) / letters(lines));
  assert.ok(shared(renamedLines.map((line) => line.replace("return out", "return list"))) < 1, "renamed in one place only");
  assert.ok(shared(lines.toReversed()) < 0.3);
});

test("shapes know no names, and tell keywords apart", () => {
  const shape = (text: string) => shapeText(tokeniseCode(text, "typescript"));
  assert.equal(shape("return a.b(1, 'x');"), shape("return c.d(2, \"y\");"));
  assert.notEqual(shape("return a;"), shape("throw a;"));
});

test("a list of constants, entries or fields is told from code", () => {
  const list = (text: string, lang: string) => isList(tokeniseCode(text, lang));
  assert.ok(list(Array.from({ length: 30 }, (_, i) => `\tE${i} = 0x${i}`).join("\n"), "go"));
  assert.ok(list(`type T struct {\n${Array.from({ length: 30 }, (_, i) => `\tField${i} int`).join("\n")}\n}`, "go"));
  assert.ok(list(Array.from({ length: 30 }, (_, i) => `  key${i}: "value ${i}",`).join("\n"), "typescript"));
  assert.ok(!list(shortPiece("w", "checkLastByte", "flush"), "go"));
  assert.ok(!list(longPiece("i", "rows", "sum", "size"), "typescript"));
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

test("the shapes of a whole workspace take as much memory as they have letters, not as they have sums", () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const code = `int f(int a, char *b) {\n${"  if (a > 3 && b[a] == 'x') { g(a, b + 1); return h(b); }\n".repeat(8)}}`;
  const kept: string[] = [];
  const used = (): number => (gc(), process.memoryUsage().heapUsed);
  const before = used();
  for (let i = 0; i < 500; i++) kept.push(shapeText(tokeniseCode(code, "c")));
  const each = (used() - before) / kept.length;
  assert.ok(each < 8 * kept[0]!.length, `${Math.round(each)} bytes for ${kept[0]!.length} letters`);
});
