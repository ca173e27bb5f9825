// Chunks of every language against goldens, and what must hold for any text whatever: coverage, sizes, identity, no throwing.
// UPDATE_GOLDENS=1 writes the goldens anew; read the difference before committing it.
import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { before, describe, it } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { searchedText } from "../../../src/base/notebook.ts";
import { hash128 } from "../../../src/base/hash.ts";
import type { ChunkedFile } from "../../../src/indexing/chunk.ts";
import { Chunker } from "../../../src/indexing/chunker.ts";
import { languages } from "../../../src/indexing/languages.ts";
import { sizes } from "../../../src/indexing/parts.ts";
import { syntaxes } from "../../../src/indexing/syntaxes.ts";
import { assertGrowsEvenly } from "../../support/cost.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const fixtures = path.join(import.meta.dirname, "../../fixtures/languages");
const names = readdirSync(fixtures).filter((name) => !name.endsWith(".golden")).sort();
/** TypeScript fixtures end in .txt, so that the type checker leaves them alone. */
const sourceName = (name: string): string => name.replace(/\.txt$/, "");
const read = (name: string): string => readFileSync(path.join(fixtures, name), "utf8");

let chunker: Chunker;
before(async () => {
  chunker = await Chunker.create({ log: silentLog });
});

function describeChunks(file: ChunkedFile): string {
  const rows = file.chunks.map(({ chunk, startLine, endLine }) => {
    const doc = chunk.doc.replace(/\s+/g, " ");
    return `${startLine}-${endLine} ${chunk.kind} | ${chunk.breadcrumb} | ${chunk.symbols.join(", ")} | ${doc.length > 60 ? `${doc.slice(0, 60)}…` : doc}`;
  });
  return [`${file.lang} ${file.method}`, `imports: ${file.imports.join(" ")}`, ...rows, ""].join("\n");
}

/** What must hold for every file: lines covered, sizes kept, texts as in the file, ids as promised. */
function checkInvariants(source: string, file: ChunkedFile): void {
  const rows = source.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n").split("\n");
  const covered = new Set<number>();
  let previous = 0;
  for (const { chunk, startLine, endLine } of file.chunks) {
    assert.ok(startLine >= 1 && endLine >= startLine && endLine <= rows.length, `lines ${startLine}-${endLine}`);
    assert.ok(startLine >= previous, `chunks are in order (${startLine} after ${previous})`);
    previous = startLine;
    assert.ok(chunk.text.length <= sizes.max + 1, `chunk of ${chunk.text.length} characters`);
    assert.ok(/\S/.test(chunk.text));
    const text = rows.slice(startLine - 1, endLine).join("\n");
    if (startLine === endLine) assert.ok(text.includes(chunk.text));
    else assert.equal(chunk.text, text);
    assert.equal(chunk.id, hash128(chunk.lang, chunk.kind, chunk.symbols.join("\n"), chunk.breadcrumb, chunk.doc, chunk.text));
    assert.ok(chunk.symbols.every((symbol) => symbol !== "" && !symbol.includes("\n")), `symbols ${JSON.stringify(chunk.symbols)}`);
    for (let line = startLine; line <= endLine; line++) covered.add(line);
  }
  rows.forEach((row, i) => assert.ok(!/\S/.test(row) || covered.has(i + 1), `line ${i + 1} is in a chunk: ${row.slice(0, 80)}`));
}

describe("every language", () => {
  for (const name of names) {
    it(`cuts ${name} as its golden says`, async () => {
      const file = await chunker.chunk(sourceName(name), read(name));
      const golden = path.join(fixtures, `${name}.golden`);
      const actual = describeChunks(file);
      if (process.env["UPDATE_GOLDENS"]) writeFileSync(golden, actual);
      assert.ok(existsSync(golden), "the golden is there");
      assert.equal(actual, readFileSync(golden, "utf8"));
      checkInvariants(read(name), file);
    });
  }

  it("has a fixture for every grammar, and none of them falls back", async () => {
    const cut = await Promise.all(names.map((name) => chunker.chunk(sourceName(name), read(name))));
    const byTree = new Set(cut.filter((file) => file.method === "tree").map((file) => file.lang));
    assert.deepEqual(languages.filter((language) => language.cutting === "tree" && !byTree.has(language.id)).map((language) => language.id), []);
  });

  it("cuts the same way twice, and by another instance", async () => {
    const other = await Chunker.create({ log: silentLog });
    for (const name of names) assert.deepEqual(await chunker.chunk(sourceName(name), read(name)), await other.chunk(sourceName(name), read(name)));
  });

  it("covers every line when a fixture is repeated until everything must be split", async () => {
    for (const name of names.filter((n) => n !== "yaml.yml")) {
      // One level deeper each time, so that containers grow beyond every limit.
      const source = Array.from({ length: 12 }, () => read(name)).join("\n");
      checkInvariants(source, await chunker.chunk(sourceName(name), source));
    }
  });
});

describe("names", () => {
  /** Symbols of all chunks with their breadcrumb in front, as `Crumb > name`. */
  const cases: [what: string, file: string, source: string, names: string[]][] = [
    ["overloads once", "a.ts", "function f(a: string): void;\nfunction f(a: number): void;\nfunction f(a: unknown): void {}\n", ["f"]],
    ["default exports", "a.ts", "export default class extends Base {}\n", ["default"]],
    ["anonymous default functions", "a.js", "export default function () {}\n", ["default"]],
    ["destructured constants", "a.js", "const { a, b: c } = load();\n", ["a", "c"]],
    ["not what is required", "a.js", "const fs = require('fs');\nconst x = 1;\n", ["x"]],
    ["chained exports", "a.js", "exports.a = exports.b = function () {};\n", ["a"]],
    ["named module.exports", "a.js", "module.exports = function build() {};\n", ["build"]],
    ["methods of module.exports", "a.js", "module.exports = { run() {}, stop: () => {}, size: 1 };\n", ["run", "stop"]],
    ["private members", "a.ts", "class A { #secret() {}\n static async *each() {}\n get x() { return 1 } }\n", ["A", "#secret", "each", "x"]],
    ["constants of Python", "a.py", "A = 1\nb: int = 2\nx.y = 3\n", ["A", "b"]],
    ["definitions behind conditions", "a.py", "try:\n    import x\nexcept ImportError:\n    def x(): pass\n", ["x"]],
    ["node types that are called as every object's properties are", "a.hs", `data Options = Options\n  { ${Array.from({ length: 90 }, (_, i) => `option${i} :: Int`).join("\n  , ")}\n  }\n`, ["Options"]],
    ["Haskell behind the preprocessor", "a.hs", "a = 1\n\n#if X\nb = 2\n#else\nb = 3\n#endif\n\nc = 4\n", ["a", "b", "c"]],
    ["calls of Elixir that are called as every object's properties are", "a.ex", "constructor(:name, fn -> 1 end)\n", []],
    ["PHP functions behind conditions", "a.php", "<?php\nif (!function_exists('a')) {\n    function a() {}\n}\nif (!function_exists('b')):\n    function b() {}\nendif;\n", ["a", "b"]],
    ["Ruby methods in blocks", "a.rb", "module A\n  class_methods do\n    def find; end\n  end\nend\n\nPoint = Struct.new(:x) do\n  def far; end\nend\n\nif X\n  def later; end\nend\n", ["find", "Point", "far", "later"]],
    ["Lua functions behind conditions", "a.lua", "if not unpack then\n  function M.unpack() end\nend\ndo\n  function M.open() end\nend\n", ["unpack", "open"]],
    ["Bash functions behind conditions", "a.sh", "if [ -z \"$A\" ]; then\n  a() { :; }\nfi\n", ["a"]],
    ["zsh's functions of one row", "a.zsh", 'groot() { cd "$(top)" }\n\nmkcd() {\n  mkdir -p "$1"\n}\n\nfunction up { repeat $1 cd .. }\nbare() { ls; }\n', ["groot", "mkcd", "up", "bare"]],
    ["Kotlin's kinds of types", "a.kt", "@Target(A.B)\n@Retention(A.C)\nannotation class Required\n\nfun interface Listener {\n  fun on(x: Int)\n}\n", ["Required", "Listener", "on"]],
    ["Dart typedefs and factories", "a.dart", "typedef int Old(int x);\ntypedef New = int Function(int);\nclass Foo {\n  factory Foo.make() => Foo.of();\n  Foo.of();\n}\n", ["Old", "New", "Foo", "Foo.make", "Foo.of"]],
    ["grouped Go declarations", "a.go", "package a\n\nvar (\n\tA, B = 1, 2\n\t_ = A\n)\n", ["A", "B"]],
    ["methods of classes that are only declared, and what is declared to be global", "a.d.ts", "declare class A {\n  b(x: number): void;\n}\ndeclare global {\n  interface Window { c: string }\n}\n", ["A", "b", "Window"]],
    ["functions that are given to a call with a name", "a.js", "define(req, 'ip', function ip() {\n  return 1;\n});\n", ["ip"]],
    ["Ruby methods behind conditions in a class, and other names of methods", "a.rb", "class A\n  if X\n    def b; end\n  else\n    def c; end\n  end\n  alias :d :b\n  alias_method :e, :b\nend\n", ["A", "b", "c"]],
    ["other names of methods in Ruby", "a.rb", "alias :d :b\nalias_method :e, :b\n", ["d", "e"]],
    ["types and callbacks of Elixir", "a.ex", "defmodule A do\n  @type t :: integer\n  @opaque key(x) :: x\n  @callback run(a :: t) :: :ok when a: t\nend\n", ["A", "key", "run"]],
    ["C# events and what stands behind conditions", "a.cs", "class A {\n  public event EventHandler Changed;\n#if X\n  void B() {}\n#else\n  void C() {}\n#endif\n}\n", ["A", "Changed", "B", "C"]],
    ["elements of Java's annotations", "A.java", "@interface A {\n  String value();\n  int size() default 3;\n}\n", ["A", "value", "size"]],
    ["PowerShell functions with a scope", "a.ps1", "function global:prompt { 'x' }\n", ["prompt"]],
    ["no type of C for a name", "a.c", "API int START(void);\nAPI void EXPORT\nopen_it(int a);\n", ["START", "open_it"]],
    ["Go receivers", "a.go", "package a\n\nfunc (*T) M() {}\n", ["T > M"]],
    ["generic Go receivers", "a.go", "package a\n\nfunc (m *Map[K, V]) Get() {}\n", ["Map > Get"]],
    ["pointers to functions in C", "a.c", "int (*pick(int a))(int);\nchar **names[3];\n", ["pick", "names"]],
    ["K&R style", "a.c", "static unsigned\nlong_name(int a)\n{\n return a;\n}\n", ["long_name"]],
    ["struct with a variable", "a.c", "struct point { int x; } origin;\n", ["point", "origin"]],
    ["include guards, which name nothing, and what is defined unless it is", "a.h", "#ifndef A_H\n#define A_H\nint f(void);\n#ifndef SLOW\n#define SLOW\n#endif\n#ifndef SIZE\n#define SIZE 4\n#endif\n#endif\n", ["f", "SLOW", "SIZE"]],
    ["C++ out of line", "a.cpp", "std::vector<int> A::B::f() const { return {}; }\nA::~A() {}\nA::operator bool() const { return true; }\n", ["A > B > f", "A > ~A", "A > operator bool() const"]],
    ["names that end in operator", "a.cpp", "bool is_operator(int a) { return a; }\nTree Parser::parse_operator() { return {}; }\n", ["is_operator", "Parser > parse_operator"]],
    ["tests of C++ by suite and name", "a.cpp", "TEST(Parser, RejectsEmpty) {\n  f();\n}\n\nTEST_F(Parser, AcceptsX) {\n  f();\n}\n", ["Parser > RejectsEmpty", "Parser > AcceptsX"]],
    ["tests of C++ by name alone", "a.cpp", "BOOST_AUTO_TEST_CASE(parses) {\n  f();\n}\n", ["parses"]],
    ["C++ constructors without names of parameters", "a.cpp", "struct Rgb {\n  Rgb(Red, Green) {}\n};\n", ["Rgb"]],
    ["C functions behind macros", "a.c", "static int __init start(void)\n{\n a();\n}\n\nJNIEXPORT jint JNICALL Java_x(JNIEnv *env)\n{\n a();\n}\n\nPHP_FUNCTION(map)\n{\n a();\n}\n", ["start", "Java_x", "map"]],
    ["C++ functions in front of macros", "a.cpp", "struct A {\n  void swap(A& b) NOEXCEPT_IF(noexcept(x))\n  { a(); }\n  bool full() const KIT_NOEXCEPT;\n};\nKIT_INLINE int drop(const name &n) KIT_NOEXCEPT\n{\n  return n;\n}\n", ["A", "swap", "full", "drop"]],
    ["C++ functions behind a macro and a type with an owner", "a.cpp", "namespace kit {\nKIT_INLINE std::tm local(const time_t &t)\n{\n  return t;\n}\nstatic KIT_API(2) std::map<int, std::vector<int>> *table() { return 0; }\nKIT_INLINE kit::log::~log() = default;\n}\n", ["local", "table", "~log"]],
    ["C functions inside macros, but no loops", "a.c", "/* Reads. */\nSYSCALL_DEFINE3(read, unsigned int, fd, char __user *, buf)\n{\n LIST_FOREACH(at, list) {\n  a(at);\n }\n}\n\nint b(void)\n{\n LIST_FOREACH(at, list) {\n  a(at);\n }\n}\n", ["read", "b"]],
    ["C++ classes with an export macro", "a.cpp", "class API Foo : public Bar {\n  void run();\n};\n", ["Foo", "run"]],
    ["C++ classes with macros before or behind the name", "a.cpp", "class JSON_API Value final : public std::exception {\n  void what();\n};\nstruct ALIGNED(16) vec {\n  int x();\n};\nclass Socket MAYBE_FINAL : public Base {\n  int send();\n};\nclass POINT {\n  int y();\n};\nclass URL final : public Base {\n  int z();\n};\n", ["Value", "what", "vec", "x", "Socket", "send", "POINT", "y", "URL", "z"]],
    ["C++ in a namespace that macros open and close", "a.h", "#pragma once\n\nKIT_NAMESPACE_BEGIN\n\nstruct Pass : Base::Step\n{\n  int run();\n};\n\nKIT_NAMESPACE_END\n\nnamespace kit { class Late { int wait(); }; }\n", ["Pass", "run", "Late", "wait"]],
    ["style sheets by what each selector ends with", "a.css", ".card .title:hover, h2#main {\n  color: red;\n}\n\nul li {\n  margin: 0;\n}\n", ["title", "main"]],
    ["style sheets that the grammar cannot read", "a.css", ".a:not(.b, .c > d):is(e {{{\n}\n.card {\n  color: red;\n}\n.card-title {\n  color: red;\n}\n", ["a", "card", "card-title"]],
    ["Ruby methods that attributes and delegation make", "a.rb", "class Cart\n  attr_reader :items, :total\n  delegate :empty?, to: :items\n  def_delegators :@items, :size, :each\n  validates :total, presence: true\n  def add(item)\n  end\nend\n", ["Cart", "items", "total", "empty?", "size", "each", "add"]],
    ["C functions whose type stands alone on its row", "a.c", "NET_RESULT\nopen_all(int a)\n{\n return 0;\n}\n", ["open_all"]],
    ["C++ functions behind a macro", "a.cpp", "bool JSON_API parse(int a);\nint WINAPI start(int x) { return 0; }\nint A::get() { return 0; }\n", ["parse", "start", "A > get"]],
    ["impl of a trait", "a.rs", "impl<T: Debug> Show for Box<T> {\n    fn show(&self) {}\n}\n", ["show"]],
    ["C# operators", "a.cs", "struct S { public static implicit operator int(S s) { return 1; } public static S operator -(S a) { return a; } }\n", ["S", "operator int", "operator -"]],
    ["Ruby scopes and tasks", "a.rake", "class Cart\n  scope :open, -> { where(open: true) }\n  scope :module\nend\n\nnamespace :mail do\n  task :receive => :environment do\n    go\n  end\n  task send: %i[a b] do\n    go\n  end\n  task \"purge\", [:days] do |t|\n    go\n  end\nend\n", ["Cart", "open", "module", "receive", "send", "purge"]],
    ["Ruby mixins but not namespaces", "a.rb", "module Space\n  module Mix\n    def go; end\n  end\nend\n", ["Mix", "go"]],
    ["Ruby class methods", "a.rb", "class A\n  def self.make; end\n  class << self\n    def find; end\n  end\nend\n", ["A", "make", "find"]],
    ["Ruby methods behind a word", "a.rb", "class A\n  private def secret(x)\n    x\n  end\n\n  memoize def slow\n  end\n\n  private_class_method def self.make\n  end\nend\n", ["A", "secret", "slow", "make"]],
    ["Kotlin extensions", "a.kt", "fun <T> List<T>.second(): T = this[1]\nval String.size2: Int get() = 1\n", ["List > second", "size2"]],
    ["Swift operators and initialisers", "a.swift", "struct S {\n  init?(raw: Int) { return nil }\n  static func == (a: S, b: S) -> Bool { true }\n}\n", ["S", "init", "=="]],
    ["Haskell operators", "a.hs", "(<+>) :: Int -> Int -> Int\na <+> b = a + b\n\nx `op` y = x\n", ["<+>", "op"]],
    ["Elixir guards and clauses", "a.ex", "defmodule A do\n  def f(x) when x > 0, do: x\n  def f(_), do: 0\n  defguard is_a(x) when x\nend\n", ["A", "f", "is_a"]],
    ["Lua methods and fields", "a.lua", "function A.b:c() end\nA.d = function() end\nlocal e = function() end\n", ["A > b > c", "A > d", "e"]],
    ["variables of a file of Dart", "a.dart", "final orders = Provider<int>((ref) {\n  return 1;\n});\nconst limit = 3;\nlate String name, title;\nvoid main() {\n  final inner = 1;\n}\n", ["orders", "limit", "name", "title", "main"]],
    ["PHP classes without a name that a file returns", "a.php", "<?php\nreturn new class extends Migration {\n    public function up(): void {}\n};\n", ["up"]],
    ["Zig containers", "a.zig", "pub const A = extern struct {\n    fn f() void {}\n};\n", ["A", "f"]],
    ["PHP namespaces in braces", "a.php", "<?php\nnamespace A { class B { function c() {} } }\n", ["B", "c"]],
    ["Scala 3 without braces", "a.scala", "trait A:\n  def b: Int\n\nobject C:\n  def d: Int =\n    1\n", ["A", "b", "C", "d"]],
    ["both forms of Bash functions", "a.sh", "a() { :; }\nfunction b { :; }\n", ["a", "b"]],
  ];
  for (const [what, file, source, expected] of cases) {
    it(`knows ${what}`, async () => {
      const cut = await chunker.chunk(file, source);
      assert.equal(cut.method, "tree");
      assert.deepEqual(cut.chunks.flatMap(({ chunk }) => chunk.symbols.map((symbol) => (chunk.breadcrumb === "" ? symbol : `${chunk.breadcrumb} > ${symbol}`))), expected);
    });
  }

  it("reads C++ as it stands where the grammar makes more of it", async () => {
    const { chunks } = await chunker.chunk("a.cpp", "struct POINT origin {1, 2};\n");
    assert.deepEqual(chunks.map(({ chunk }) => [chunk.kind, chunk.symbols]), [["module", ["origin"]]]);
  });

  it("looks for macros in no more time than the text is long", async () => {
    for (const repeated of ["class ", "class A", "class AB(", "class AB\n", "AB(C) ", "A_B\n", "\nA_B ", " ", ") A_B(", "\nstatic A_B a<b ", "\nA_B a b c d "]) await assertGrowsEvenly(20_000, (n) => syntaxes["cpp"]!.readAs!(`class ${repeated.repeat(n)} {};`));
    for (const repeated of ["a() { b ", "a() {\n", " ", "}"]) await assertGrowsEvenly(20_000, (n) => syntaxes["bash"]!.readAs!(`a() { b${repeated.repeat(n)} {`));
    await assertGrowsEvenly(20_000, (n) => syntaxes["cpp"]!.readAs!(`${"A_".repeat(n)}!`));
    await assertGrowsEvenly(20_000, (n) => syntaxes["cpp"]!.readAs!(`A_B ${"a ".repeat(n)}(`));
  });

  it("keeps documentation as it is written where the grammar reads something else", async () => {
    const doc = async (file: string, source: string) => (await chunker.chunk(file, source)).chunks[0]!.chunk.doc;
    assert.equal(await doc("a.cpp", "/** The class HTTP client: what a union SOCKET server { needs. */\nclass API Client : public Base {\n  int send();\n};\n"), "The class HTTP client: what a union SOCKET server { needs.");
    assert.equal(await doc("a.kt", "/** Is a fun interface to have. */\nfun interface Listener {\n  fun on(x: Int)\n}\n"), "Is a fun interface to have.");
  });

  it("begins markup and style of a component in chunks of their own", async () => {
    const row = (text: string): string => `  ${text}\n`.repeat(18);
    const source = `<script setup>\n${row("const a = call(something, here)")}function last() {\n  go()\n}\n</script>\n\n<template>\n${row("<b>some words that say little</b>")}</template>\n\n<style>\n${row(".a { color: red; margin: 0 auto }")}</style>\n`;
    const { chunks } = await chunker.chunk("A.vue", source);
    assert.deepEqual(chunks.map(({ startLine, endLine }) => [startLine, endLine]), [[1, 23], [25, 44], [46, 65]]);
    assert.deepEqual(chunks.map(({ chunk }) => chunk.breadcrumb), ["", "", ""]);
    const above = await chunker.chunk("A.svelte", source.replace(/(<script[^]*<\/script>)\n\n([^]*)/, "$2\n$1\n"));
    assert.deepEqual(above.chunks.map(({ chunk, startLine }) => [startLine, chunk.symbols.includes("last")]), [[1, false], [22, false], [43, true]]);
  });

  it("gives methods of a long class the path to it", async () => {
    const body = "        call(something, with, several, arguments);\n".repeat(20);
    const source = `package a;\nclass Outer {\n    static class Inner {\n        void first() {\n${body}        }\n\n        void second() {\n${body}        }\n    }\n}\n`;
    const { chunks } = await chunker.chunk("A.java", source);
    assert.deepEqual(chunks.filter(({ chunk }) => chunk.symbols.includes("second")).map(({ chunk }) => chunk.breadcrumb), ["Outer > Inner"]);
  });

  it("keeps a function inside a macro in one chunk with its comment", async () => {
    const body = "    do_something(with, some, arguments, that, are, long);\n".repeat(12);
    const source = `/* Reads. */\nSYSCALL_DEFINE3(read, unsigned int, fd, char __user *, buf)\n{\n${body}}\n\nTEST_CASE("it reads")\n{\n${body}}\n`;
    const { chunks } = await chunker.chunk("a.c", source);
    assert.deepEqual(chunks.map(({ chunk, startLine, endLine }) => [startLine, endLine, chunk.kind, chunk.doc]), [[1, 16, "function", "Reads."], [18, 32, "function", ""]]);
  });

  it("knows suites and cases of Lua and PHP by their titles", async () => {
    const calls = "    assert_that(total(order), 'is what was paid for it')\n".repeat(80);
    for (const [file, source] of [
      ["orders_spec.lua", `describe("orders", function()\n  it("give money back", function()\n${calls}  end)\nend)\n`],
      ["OrdersTest.php", `<?php\ndescribe('orders', function () {\n  it('give money back', function () {\n${calls.replaceAll("\n", ";\n")}  });\n});\n`],
    ] as const) {
      const { chunks } = await chunker.chunk(file, source);
      assert.equal(chunks.at(-1)!.chunk.breadcrumb, "orders > give money back", file);
    }
  });
  it("scans only the part that a grammar cannot read", async () => {
    const good = (name: string): string => `int ${name}(int a)\n{\n${"    a += compute(a, 12345, 67890);\n".repeat(25)}    return a;\n}\n\n`;
    const broken = `void lost(int a) {\n  if (a) {\n#if X\n    while (a) {\n#endif\n  ]]]] ((( \n${"    a = weird @@ tokens ## here;\n".repeat(12)}\n`;
    const cut = await chunker.chunk("a.c", `${good("first")}${good("second")}${broken}`);
    assert.equal(cut.method, "tree");
    const symbols = cut.chunks.flatMap(({ chunk }) => chunk.symbols);
    for (const name of ["first", "second", "lost"]) assert.ok(symbols.includes(name), name);
  });
});

describe("what is long", () => {
  it("name each definition where it stands", async () => {
    const specs = Array.from({ length: 90 }, (_, i) => `\tLimit${i} = ${i} // how much of thing number ${i} there may be`);
    const types = Array.from({ length: 20 }, (_, i) => `\tType${i} struct {\n${"\t\tfield string // with a comment that takes room\n".repeat(4)}\t}`);
    const { chunks } = await chunker.chunk("a.go", `package a\n\nconst (\n${specs.join("\n")}\n)\n\ntype (\n${types.join("\n")}\n)\n`);
    for (const name of [...specs.map((_, i) => `Limit${i}`), ...types.map((_, i) => `Type${i}`)]) {
      const naming = chunks.filter(({ chunk }) => chunk.symbols.includes(name));
      assert.equal(naming.length, 1, name);
      assert.match(naming[0]!.chunk.text, new RegExp(`\\t${name} `));
      assert.equal(naming[0]!.chunk.breadcrumb, "");
    }
  });

  it("of groups of twenty thousand do not look at the whole group for each", { timeout: 60_000 }, async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `\tErr${i} = 0x${i.toString(16)}`);
    const { chunks, method } = await chunker.chunk("zerrors.go", `package a\n\nconst (\n${rows.join("\n")}\n)\n`);
    assert.equal(method, "tree");
    assert.ok(chunks.every(({ chunk }) => chunk.symbols.length > 0 && chunk.symbols.every((name) => chunk.text.includes(`${name} =`)))); // a chunk names forty at most
  });

  it("give a name to the part that defines it, not to a long comment above", async () => {
    const comment = "#' What the function does, in many words that go on.\n".repeat(60);
    const { chunks } = await chunker.chunk("a.R", `${comment}draw <- function(x) {\n  x\n}\n`);
    assert.deepEqual(chunks.filter(({ chunk }) => chunk.symbols.includes("draw")).map(({ chunk }) => /draw <- function/.test(chunk.text)), [true]);
  });

  it("begin a definition at the comment right below another", async () => {
    const rows = Array.from({ length: 40 }, (_, i) => `%% Reads number ${i} of what there is.\nread_${i}(Source) ->\n    io:get_line(Source, "number ${i}").\n`);
    const { chunks } = await chunker.chunk("a.erl", rows.join(""));
    for (const i of rows.keys()) {
      const text = chunks.find(({ chunk }) => chunk.symbols.includes(`read_${i}`))!.chunk.text;
      assert.ok(text.includes(`%% Reads number ${i} of`) && text.includes(`read_${i}(`), String(i));
    }
  });

  it("keep the clauses of a function of Erlang beside each other", async () => {
    const clauses = Array.from({ length: 30 }, (_, i) => `handle({message, ${i}}, State) ->\n    log("message number ${i}", State),\n    {noreply, State}`).join(";\n");
    const { chunks } = await chunker.chunk("a.erl", `-spec handle(term(), state()) -> term().\n${clauses}.\n`);
    assert.ok(chunks.length > 1);
    for (const { chunk } of chunks) assert.deepEqual(chunk.symbols.length === 0 ? [chunk.breadcrumb] : [chunk.breadcrumb, ...chunk.symbols], chunk.symbols.length === 0 ? ["handle"] : ["", "handle"]);
  });
});

describe("identity", () => {
  const source = read("go.go");
  const ids = (file: ChunkedFile): string[] => file.chunks.map(({ chunk }) => chunk.id);

  it("does not depend on the path", async () => {
    assert.deepEqual(ids(await chunker.chunk("a/b.go", source)), ids(await chunker.chunk("elsewhere/c.go", source)));
  });
  it("does not depend on line ends or a byte order mark", async () => {
    const plain = await chunker.chunk("a.go", source);
    for (const end of ["\r\n", "\r"]) assert.deepEqual(await chunker.chunk("a.go", source.replaceAll("\n", end)), plain);
    assert.deepEqual(await chunker.chunk("a.go", `\uFEFF${source}`), plain);
  });
  it("has its name on its first piece alone when it must be cut", async () => {
    const { chunks } = await chunker.chunk("a.js", `function load() {\n  first();\n  return \`${"x ".repeat(3_500)}\`;\n}\n`);
    assert.ok(chunks.length > 2);
    assert.deepEqual(chunks.map(({ chunk }) => chunk.symbols.length), chunks.map((_, i) => (i === 0 ? 1 : 0)));
  });
  it("comes of no syntax tree where a file is little more than one line", async () => {
    const line = (numbers: number) => `x([${"1,".repeat(numbers)}]);\n`;
    assert.deepEqual([(await chunker.chunk("a.js", line(12_000))).method, (await chunker.chunk("a.js", line(1_000))).method], ["scanner", "tree"]);
  });
  it("changes for one chunk only when one function is edited", async () => {
    const before = ids(await chunker.chunk("a.go", source));
    const after = ids(await chunker.chunk("a.go", source.replace("ticker.Stop()", "ticker.Stop() // always")));
    assert.equal(after.length, before.length);
    assert.equal(after.filter((id) => !before.includes(id)).length, 1);
  });
  it("does not change for chunks below inserted lines", async () => {
    const before = ids(await chunker.chunk("a.go", source));
    const after = ids(await chunker.chunk("a.go", source.replace("const (", "const (\n\tadded = 1\n")));
    assert.equal(after.filter((id) => !before.includes(id)).length, 1);
  });
});

describe("splitting", () => {
  it("keeps class fields and short methods with the header and gives long methods the class as breadcrumb", async () => {
    const long = Array.from({ length: 30 }, (_, i) => `    this.total += compute(${i}, "a value that is long enough");`).join("\n");
    const source = `class Big {\n  size = 1;\n  short() { return 1; }\n\n  long() {\n${long}\n  }\n}\n`;
    const { chunks } = await chunker.chunk("a.js", source);
    assert.deepEqual(chunks[0]!.chunk.symbols, ["Big", "short"]);
    assert.equal(chunks[0]!.chunk.breadcrumb, "");
    const method = chunks.find(({ chunk }) => chunk.symbols.includes("long"))!;
    assert.equal(method.chunk.breadcrumb, "Big");
  });

  it("splits a long function at its statements and names it in the breadcrumb of the later parts", async () => {
    const statements = Array.from({ length: 80 }, (_, i) => `    value_${i} = compute_something(${i}, option="text")\n    if value_${i}:\n        report(value_${i})`).join("\n");
    const { chunks } = await chunker.chunk("a.py", `class A:\n    def work(self):\n${statements.replace(/^/gm, "    ")}\n`);
    const parts = chunks.filter(({ chunk }) => chunk.breadcrumb === "A > work");
    assert.ok(parts.length >= 4);
    for (const { chunk } of parts) {
      assert.deepEqual(chunk.symbols, []);
      assert.ok(chunk.text.length <= sizes.wholeFunction);
      assert.match(chunk.text, /^\s+(value_|if )/, "a part begins at a statement");
    }
    assert.equal(chunks.filter(({ chunk }) => chunk.symbols.includes("work")).length, 1);
  });

  it("finds functions nested in a wrapper that fills the file", async () => {
    const inner = Array.from({ length: 12 }, (_, i) => `  function step${i}(input) {\n    // does one thing\n${`    input = transform(input, ${i});\n`.repeat(8)}    return input;\n  }`).join("\n\n");
    const { chunks } = await chunker.chunk("a.js", `(function (root, factory) {\n  root.lib = factory();\n})(this, function () {\n${inner}\n  return { step0 };\n});\n`);
    for (let i = 0; i < 12; i++) assert.equal(chunks.filter(({ chunk }) => chunk.symbols.includes(`step${i}`)).length, 1, `step${i}`);
  });

  it("does not list the variables of a function as symbols", async () => {
    const body = Array.from({ length: 60 }, (_, i) => `  const local${i} = compute(${i}, "some text here");`).join("\n");
    const { chunks } = await chunker.chunk("a.ts", `export const LIMIT = 3;\nexport function work() {\n${body}\n}\n`);
    assert.deepEqual(chunks.flatMap(({ chunk }) => chunk.symbols), ["LIMIT", "work"]);
  });

  it("gives a documentation comment to the definition below it also over one blank line, but not a banner, and not the file's own", async () => {
    const body = "  const total = one + two;\n".repeat(30);
    const source = [
      "/** What this file is. */",
      "",
      `exports.first = function first(one, two) {\n${body}};`,
      "/**\n * Check what the client accepts.\n */",
      "",
      `exports.accepts = function accepts(one, two) {\n${body}};`,
      "// ---- helpers ----",
      "",
      `exports.third = function third(one, two) {\n${body}};`,
      "/**\n * Two lines above nothing.\n */",
      "",
      "",
      `exports.fourth = function fourth(one, two) {\n${body}};`,
    ].join("\n");
    const { chunks } = await chunker.chunk("a.js", source);
    const docs = Object.fromEntries(chunks.flatMap(({ chunk }) => chunk.symbols.map((symbol) => [symbol, chunk.doc])));
    assert.deepEqual(docs["accepts"] ?? docs["exports.accepts"], "Check what the client accepts.");
    for (const name of ["third", "fourth"]) assert.ok(!/helpers|nothing/.test(docs[name] ?? docs[`exports.${name}`] ?? ""), name);
    assert.ok(chunks.some(({ chunk }) => chunk.symbols.includes("accepts") && chunk.text.includes("Check what")));
  });

  it("keeps decorators and doc comments with what they precede", async () => {
    const filler = "    return 1\n".repeat(60);
    const { chunks } = await chunker.chunk("a.py", `def first():\n${filler}\n# About second.\n@cached\n@traced("x")\ndef second():\n${filler}`);
    const second = chunks.find(({ chunk }) => chunk.symbols.includes("second"))!.chunk;
    assert.match(second.text, /^# About second\.\n@cached\n@traced/);
    assert.equal(second.doc, "About second.");
  });

  it("does not take a licence for documentation", async () => {
    const { chunks } = await chunker.chunk("a.js", "// Copyright 2020 Somebody\n// Licensed under MIT\nfunction f() {}\n");
    assert.equal(chunks[0]!.chunk.doc, "");
  });
});

describe("any text at all", () => {
  const deep = (open: string, close: string, n: number): string => open.repeat(n) + close.repeat(n);
  const rows = (n: number): string => Array.from({ length: n }, (_, i) => `function f${i}(a) { return a + ${i}; }`).join("\n");
  const cases: [name: string, file: string, source: string][] = [
    ["empty", "a.ts", ""],
    ["white space only", "a.py", "\n\n   \n\t\n"],
    ["a comment only", "a.go", "// nothing here\n"],
    ["one word", "a.rs", "x"],
    ["carriage returns", "a.js", "function a() {\r\n}\r\n\r\nfunction b() {\r\n}\r\n"],
    ["a byte order mark", "a.cs", "\uFEFFclass A { void B() {} }\n"],
    ["replacement characters", "a.java", "class A { String s = \"\uFFFD\uFFFD\"; }\n"],
    ["NUL characters", "a.c", "int a\0b;\nint main(void) { return 0; }\n"],
    ["lone surrogates", "a.ts", "const a = '\ud800';\nfunction b() {}\n"],
    ["characters outside the BMP", "a.py", "def 𝔣():\n    return '😀' * 3\n\n\ndef g():\n    pass\n"],
    ["an unterminated string", "a.js", "const a = `never closed\nfunction b() {}\n"],
    ["an unterminated comment", "a.css", "/* never closed\n.a { color: red }\n"],
    ["nothing but brackets", "a.ts", deep("(", ")", 5_000)],
    ["deep nesting over rows", "a.js", deep("if (a) {\n", "}\n", 1_500)],
    ["deep nesting of arrays", "a.py", `x = ${deep("[\n", "]\n", 2_000)}`],
    ["deeply nested functions", "a.js", `${Array.from({ length: 300 }, (_, i) => `function f${i}() {\n  const value = ${i};`).join("\n")}\n${"}\n".repeat(300)}`],
    ["many short definitions", "a.js", rows(3_000)],
    ["wrong language", "a.hs", rows(50)],
    ["prose as code", "a.c", "This is a letter and no program at all.\nIt has several lines.\n\nRegards\n".repeat(40)],
    ["very long rows", "a.py", `x = "${"word ".repeat(3_000)}"\ny = 2\n`],
    ["tabs and form feeds", "a.c", "\f\nint a;\n\f\n\tint b;\n"],
    ["no extension", "README", "Some words.\n\nMore words.\n"],
    ["unknown extension", "a.qqq", "alpha\nbeta\n".repeat(500)],
  ];
  for (const [name, file, source] of cases) {
    it(`survives ${name}`, async () => {
      checkInvariants(source, await chunker.chunk(file, source));
    });
  }

  it("survives random cuts and splices of real sources", async () => {
    let seed = 7;
    const random = (n: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % n;
    for (const name of names) {
      const source = read(name);
      for (let i = 0; i < 4; i++) {
        const broken = source.slice(random(source.length)) + source.slice(0, random(source.length)) + ["{", "\"", "/*", "end", "\0"][random(5)];
        checkInvariants(broken, await chunker.chunk(sourceName(name), broken));
      }
    }
  });

  it("cuts one line of millions of characters into windows up to a cap, at a cost that grows with the line", () =>
    assertGrowsEvenly(300_000, async (n) => {
      const { method, chunks } = await chunker.chunk("a.js", `var a=[${"1234567,".repeat(n)}];`);
      assert.equal(method, "scanner");
      assert.equal(chunks.length, sizes.maxSlices);
      assert.ok(chunks.every(({ chunk, startLine, endLine }) => startLine === 1 && endLine === 1 && chunk.text.length <= sizes.max));
    }));

  it("cuts hundreds of thousands of rows of which none is code", async () => {
    for (const row of ["(* *)", "}"]) assert.equal((await chunker.chunk("a.ml", `${row}\n`.repeat(200_000))).method, "scanner");
  });

  it("gives data only as many chunks as say what it is", async () => {
    const json = JSON.stringify(Array.from({ length: 20_000 }, (_, i) => ({ id: i, name: `item ${i}` })), null, 1);
    for (const name of ["data.json", "deps.lock", "table.psv"]) assert.equal((await chunker.chunk(name, json)).chunks.length, sizes.maxDataChunks);
  });

  it("caps the chunks of an endless file", async () => {
    const { chunks } = await chunker.chunk("a.txt", `${"some words on a line that goes on for a while\n".repeat(120_000)}`);
    assert.equal(chunks.length, sizes.maxChunks);
  });
});

describe("falling back", () => {
  const source = read("go.go");

  it("uses the scanner when the deadline has passed", async () => {
    const file = await chunker.chunk("a.js", "function f(a) { return a; }\n".repeat(20_000), 0);
    assert.equal(file.method, "scanner");
    assert.ok(file.chunks[0]!.chunk.symbols.includes("f"));
    assert.equal((await chunker.chunk("a.js", "function f() {}")).method, "tree", "the parser is usable afterwards");
  });

  it("uses the scanner for a text that is not in its language", async () => {
    assert.equal((await chunker.chunk("a.go", "The quick brown fox. Jumps! Over? The lazy dog; and so on.\n".repeat(30))).method, "scanner");
  });

  it("uses the scanner when a grammar cannot be loaded, and says so once", async (t) => {
    const grammarFolder = temporaryFolder(t, { "tree-sitter-go.wasm": "not wasm" });
    const said: string[] = [];
    const broken = await Chunker.create({ grammarFolder, log: (level, message) => said.push(`${level} ${message}`) });
    for (let i = 0; i < 3; i++) {
      const file = await broken.chunk("a.go", source);
      assert.equal(file.method, "scanner");
      assert.ok(file.chunks.some(({ chunk }) => chunk.symbols.includes("backoff")));
      checkInvariants(source, file);
    }
    assert.equal((await broken.chunk("a.rs", "fn main() {}")).method, "scanner", "a missing grammar");
    assert.equal(said.length, 2);
    assert.match(said[0]!, /^warn .*go grammar/);
  });

  it("reads grammars from one flat folder, as they are shipped", async (t) => {
    const grammarFolder = temporaryFolder(t);
    cpSync(path.join(import.meta.dirname, "../../../node_modules/@vscode/tree-sitter-wasm/wasm/tree-sitter-go.wasm"), path.join(grammarFolder, "tree-sitter-go.wasm"));
    const shipped = await Chunker.create({ grammarFolder, log: silentLog });
    assert.deepEqual(await shipped.chunk("a.go", source), await chunker.chunk("a.go", source));
  });
});

describe("notebooks", () => {
  const source = readFileSync(path.join(import.meta.dirname, "../../fixtures/notebooks/prices.ipynb"), "utf8");
  const rows = searchedText("prices.ipynb", source).split("\n");

  it("are cut cell by cell, each under the headings above it, at its rows of the file", async () => {
    const { lang, method, imports, chunks } = await chunker.chunk("prices.ipynb", source);
    assert.deepEqual([lang, method, imports], ["python", "tree", ["pandas", "sklearn.linear_model"]]);
    assert.deepEqual(
      chunks.map(({ chunk }) => [chunk.lang, chunk.breadcrumb, chunk.text.split("\n")[0]]),
      [
        ["markdown", "", "# Prices of houses"],
        ["markdown", "Prices of houses", "What a house sells for, from what is known of it."],
        ["python", "Prices of houses > Loading", "import pandas as pd"],
        ["markdown", "Prices of houses", "## Cleaning"],
        ["python", "Prices of houses > Cleaning", "def drop_outliers(frame, column, quantile=0.99):"],
        ["python", "Prices of houses > Cleaning", "%%bash"],
        ["markdown", "Prices of houses", "## Training"],
        ["python", "Prices of houses > Training", "from sklearn.linear_model import Ridge"],
      ],
    );
    for (const { chunk, startLine, endLine } of chunks) assert.equal(rows.slice(startLine - 1, endLine).join("\n"), chunk.text);
    const code = chunks[4]!.chunk;
    assert.deepEqual([code.kind, code.symbols, code.doc], ["function", ["drop_outliers", "fill_missing"], "Cleaning\nRows without a price are of no use, and outliers spoil the fit.\nMedians in place of what nobody wrote down."]);
  });

  it("are data where their lines have no rows of their own", async () => {
    const { lang, method } = await chunker.chunk("prices.ipynb", JSON.stringify(JSON.parse(source)));
    assert.deepEqual([lang, method], ["json", "windows"]);
  });

  it("are nothing where they are too large for data and cannot be told from their outputs", async () => {
    const large = JSON.stringify({ ...(JSON.parse(source) as object), filling: "x".repeat(2_000_000) });
    assert.deepEqual((await chunker.chunk("prices.ipynb", large)).chunks, []);
    assert.equal((await chunker.chunk("prices.ipynb", source.replace("iVBOR", "iVBOR".repeat(400_000)))).chunks.length, 8);
  });

  it("keep lines that only look like commands to the notebook", async () => {
    const code = 'def label(name):\n    """Says who.\n\n    %s stands for the name.\n    """\n    return text % name';
    const { chunks } = await chunker.chunk("a.ipynb", JSON.stringify({ cells: [{ cell_type: "code", source: code.split("\n").map((line) => `${line}\n`) }], metadata: {} }, undefined, 1));
    assert.match(chunks[0]!.chunk.doc, /stands for the name/);
  });

  it("are of the language that they name", async () => {
    const other = source.replaceAll('"python"', '"julia"');
    assert.equal((await chunker.chunk("prices.ipynb", other)).lang, "julia");
  });
});
