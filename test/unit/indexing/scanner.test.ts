// Cutting without a tree: blocks by indentation, sections of Markdown, overlapping windows; and documentation as prose.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { docProse, firstParagraph } from "../../../src/indexing/docText.ts";
import { habitsOf } from "../../../src/indexing/habits.ts";
import { SourceLines, sizes, type Part } from "../../../src/indexing/parts.ts";
import { cutByIndentation, cutByKeys, cutRows, cutWindows } from "../../../src/indexing/scanner.ts";
import { cutSections } from "../../../src/indexing/sections.ts";
import { assertGrowsEvenly } from "../../support/cost.ts";

const show = (parts: readonly Part[]): string[] => parts.map((p) => `${p.from}-${p.to} ${p.breadcrumb.join(" > ")}|${p.symbols.join(",")}`);
const head = { kind: "window", symbols: [], breadcrumb: [], doc: "" } as const;

// Whole rows took minutes: the time grew with the square of the row, and of a bundle or a dump one row is everything.
describe("a very long row", () => {
  it("is known by its beginning", () => {
    const named = (row: string) => cutByIndentation(new SourceLines(`${row}\n  return 1;\n}\n`)).flatMap((part) => part.symbols);
    assert.deepEqual(named(`int early(${"int x, ".repeat(30)}int y) {`), ["early"]);
    assert.deepEqual(named(`${"x ".repeat(200)}late() {`), []);
    for (const row of ["x".repeat(1_000_000), `[${"x".repeat(1_000_000)}`]) assert.deepEqual(named(row), []);
  });
  it("is a heading by its beginning", () => {
    const crumbs = cutSections(new SourceLines(`# ${"#".repeat(1_000_000)}x\n\n## Next\n\n${"text ".repeat(500)}\n`)).flatMap((part) => part.breadcrumb);
    assert.ok(crumbs.length > 0 && crumbs.every((crumb) => crumb.length <= 300));
  });
});

describe("a comment of several rows", () => {
  const named = (language: string, text: string) => cutByIndentation(new SourceLines(text), habitsOf(language)).flatMap((part) => part.symbols);
  it("gives no names, whatever its prose looks like", () => {
    assert.deepEqual(named("prolog", "/* A licence:\nmodification, are permitted\nif (so) it is. */\nstart :- run.\n"), ["start"]);
    assert.deepEqual(named("ocaml", "(* This was\nlet before x = x\n*)\nlet after x = x\n"), ["after"]);
    assert.deepEqual(named("pascal", "{ This was\nprocedure Before;\n}\nprocedure After;\n"), ["After"]);
    assert.deepEqual(named("elm", "{-| This was\nbefore x = x\n-}\nafter x = x\n"), ["after"]);
    assert.deepEqual(named("d", "/++ This was\nint before() {\n+/\n@safe int after() {\n}\n"), ["after"]);
  });
  it("is none where nothing closes it, or the same row does", () => {
    assert.deepEqual(named("ocaml", "(* never closed\nlet first x = x\n"), ["first"]);
    assert.deepEqual(named("ocaml", "(* closed *)\nlet first x = x\n\n(* so too *)\nlet second x = x\n"), ["first", "second"]);
    assert.deepEqual(named("objective-c", "(*call)(1);\n- (void)save {\n}\nfree((char *)a);\n"), ["save"]);
  });
  it("is looked for in no more time than the text is long", () => assertGrowsEvenly(20_000, (n) => named("ocaml", "(* a\n\n".repeat(n))));
});

describe("what belongs to a definition above it that nothing indents it below", () => {
  const body = "  step();\n".repeat(60);
  const shown = (language: string, text: string) => show(cutByIndentation(new SourceLines(text), habitsOf(language))).map((part) => part.replace(/^\S+ /, ""));
  it("has the class of Objective-C for its owner", () => {
    const method = (name: string) => `- (void) ${name}\n{\n${body}}\n\n`;
    assert.deepEqual(shown("objective-c", `@class Cart;\n\n@implementation Cart\n\n${method("pay")}${method("ship")}@end\n\nstatic void helper(int x)\n{\n${body}}\n`), ["|Cart", "Cart|pay", "Cart|ship", "|helper"]);
  });
  it("has the package of Perl for its owner", () => {
    const sub = (name: string) => `sub ${name} {\n${body}}\n\n`;
    assert.deepEqual(shown("perl", `use strict;\n\npackage Shop::Cart;\n\n${sub("pay")}${sub("ship")}package Shop::Order;\n\n${sub("cancel")}__END__\n\n=head1 NAME\n${body}`), ["Shop|Cart", "Shop > Cart|pay", "Shop > Cart|ship,Order", "Shop > Order|cancel", "|"]);
  });
});

describe("SourceLines", () => {
  const lines = new SourceLines("ab\n\n  \ncd");
  it("counts rows and measures them with their line ends", () => {
    assert.equal(lines.count, 4);
    assert.deepEqual([lines.size(0, 0), lines.size(0, 3), lines.size(3, 3)], [3, 9, 2]);
  });
  it("gives the text of rows without the last line end", () => {
    assert.deepEqual([lines.text(0, 0), lines.text(0, 1), lines.text(2, 3)], ["ab", "ab\n", "  \ncd"]);
  });
  it("knows blank rows and the longest", () => {
    assert.deepEqual([0, 1, 2, 3].map((row) => lines.isBlank(row)), [false, true, true, false]);
    assert.equal(lines.longestRow(), 3);
    assert.equal(new SourceLines("").count, 1);
  });
});

describe("cutByIndentation", () => {
  const body = (n: number, indent = "  "): string => `${indent}do_something(with, these, arguments)\n`.repeat(n);

  it("keeps a comment with the definition below it", () => {
    const source = `proc first {\n${body(16)}}\n\n# About second.\nproc second {\n${body(16)}}\n`;
    const parts = cutByIndentation(new SourceLines(source));
    assert.deepEqual(show(parts), ["0-18 |first", "19-38 |second"]);
    assert.equal(parts[1]!.doc, "About second.");
  });
  it("takes @ for what begins a definition where it does, and for an annotation elsewhere", () => {
    const source = `@implementation Cart\n\n- (void)add {\n${body(16)}}\n\n- (int)total {\n${body(16)}}\n@end\n`;
    assert.deepEqual(cutByIndentation(new SourceLines(source), habitsOf("objective-c")).map((part) => part.symbols), [["Cart"], ["add"], ["total"]]);
    assert.deepEqual(cutByIndentation(new SourceLines("@Test\nfunc works() {\n}\n")).map((part) => part.symbols), [["works"]]);
  });
  it("looks for the body of a long block behind its name, not in the comment above", () => {
    const source = `/**\n * Sends mails.\n */\nclass Mailer {\n${["a", "b", "c"].map((name) => `  def ${name}() {\n${body(24).replaceAll(/^/gm, "  ").trimEnd()}\n  }\n\n`).join("")}}\n`;
    const [head, ...members] = cutByIndentation(new SourceLines(source));
    assert.deepEqual([head!.from, head!.to, head!.symbols, head!.doc], [0, 3, ["Mailer"], "Sends mails."]);
    assert.deepEqual(members.map(({ breadcrumb }) => breadcrumb), members.map(() => ["Mailer"]));
  });
  it("merges small neighbours", () => {
    const parts = cutByIndentation(new SourceLines("proc a {\n}\n\nproc b {\n}\n\nproc c {\n}\n"));
    assert.deepEqual(show(parts), ["0-8 |a,b,c"]);
  });
  const namesOf = (language: string, source: string): string[] => cutByIndentation(new SourceLines(source), habitsOf(language)).flatMap((part) => part.symbols);
  it("names what stands in a class, however small, and not what stands in a function", () => {
    assert.deepEqual(namesOf("proto", "message Order {\n  enum State {\n    OPEN = 0;\n  }\n  message Line {\n  }\n}\nservice Shop {\n  rpc Buy(Order) returns (Order);\n}\n"), ["Order", "State", "Line", "Shop", "Buy"]);
    assert.deepEqual(namesOf("ocaml", "module Queue = struct\n  type t = int list\n  let push x q =\n    let rec last = x in\n    last :: q\nend\n"), ["Queue", "t", "push"]);
    assert.deepEqual(namesOf("d", "struct Range\n{\n    private:\n    int front()\n    {\n        foreach (x; all) { use(x); }\n    }\n    version (Posix)\n    {\n        void wait() {}\n    }\n}\n"), ["Range", "front", "wait"]);
  });
  it("names what stands under a word alone", () => {
    assert.deepEqual(namesOf("pascal", "unit Shop;\n\ninterface\n\ntype\n  TCart = class(TObject)\n  private\n    FTotal: Integer;\n  public\n    procedure Add(Item: Integer);\n  end;\n\nimplementation\n\n{$IFDEF UNIX}\n  procedure TCart.Clear(Item: Integer);\n  begin\n    FTotal := Item;\n  end;\n{$ENDIF}\n\nend.\n"), ["Shop", "TCart", "Add", "Clear"]);
    assert.deepEqual(namesOf("cmake", "if(WIN32)\n  function(find_registry)\n  endfunction()\nelse()\n  add_executable(tool main.c)\nendif()\n"), ["find_registry", "tool"]);
    assert.deepEqual(namesOf("matlab", "classdef Mixture\n  methods\n    function y = pdf(obj, x)\n    endfunction\n  endmethods\n  methods (Static)\n    function fit(x)\n    end\n  end\nendclassdef\n"), ["Mixture", "pdf", "fit"]);
  });
  it("reads Fortran in fixed form, where comments begin the row and calls go on in column six", () => {
    const source = `*> \\brief Solves.\n* =====\n      SUBROUTINE SOLVE( N,\n     $                  A )\n*\n      INTEGER N\n  100 CONTINUE\n      RETURN\n      END\n\n      REAL FUNCTION NORM( A )\n      END\n`;
    assert.deepEqual(namesOf("fortran", source), ["SOLVE", "NORM"]);
    assert.deepEqual(namesOf("fortran", "module shapes\n  type, extends(base) :: circle\n  end type\ncontains\n  pure real(8) function area(c)\n  end function\nend module\n"), ["shapes", "circle", "area"]);
  });
  it("puts what owns a definition in front of it, where all of a part have one owner", () => {
    const show = (source: string) => cutByIndentation(new SourceLines(source), habitsOf("tcl")).map(({ breadcrumb, symbols }) => [breadcrumb.join(" > "), symbols.join()]);
    assert.deepEqual(show("proc ::shop::add {x} {\n}\n\nproc ::shop::total {} {\n}\n"), [["shop", "add,total"]]);
    assert.deepEqual(show("proc ::shop::add {x} {\n}\n\nproc total {} {\n}\n"), [["", "add,total"]]);
    assert.deepEqual(show(`proc ::shop::add {x} {\n${"    puts [expr {1 + 2}]\n".repeat(90)}}\n`)[0], ["shop", "add"]);
  });
  it("keeps the names of a part within their number", () => {
    assert.equal(namesOf("proto", `message Wide {\n${Array.from({ length: 60 }, (_, i) => `  enum E${i} {}\n`).join("")}}\n`).length, sizes.maxSymbols);
  });
  it("does not take an attribute for documentation", () => {
    assert.deepEqual(cutByIndentation(new SourceLines("@RunWith(Suite::class)\nclass Works {\n}\n")).map(({ symbols, doc }) => [symbols, doc]), [[["Works"], ""]]);
    assert.deepEqual(cutByIndentation(new SourceLines("// Works.\n[Fact]\nclass Works {\n}\n")).map(({ symbols, doc }) => [symbols, doc]), [[["Works"], "Works."]]);
  });
  it("opens a long block and names it in the breadcrumb", () => {
    const source = `class Big {\n${Array.from({ length: 6 }, (_, i) => `  func method${i}() {\n${body(14, "    ")}  }\n\n`).join("")}}\n`;
    const parts = cutByIndentation(new SourceLines(source));
    assert.deepEqual(parts[0]!.symbols, ["Big"]);
    for (let i = 0; i < 6; i++) assert.ok(parts.some((p) => p.symbols.includes(`method${i}`) && p.breadcrumb.join() === "Big"), `method${i}`);
  });
  it("keeps the first line of something long with what it opens", () => {
    const source = `- (void)move:(int)a\n          to:(int)b\n{\n  if (a) {\n${body(40, "    ")}  }\n${body(40)}}\n`;
    const parts = cutByIndentation(new SourceLines(source), habitsOf("objective-c"));
    assert.deepEqual(parts[0]!.symbols, ["move"]);
    assert.ok(parts.every(({ from, to }) => to - from >= 5), JSON.stringify(parts.map(({ from, to }) => [from, to])));
  });
  it("keeps the quoted body of a function of SQL with its name, however far out its rows stand", () => {
    const create = (name: string): string => `CREATE FUNCTION @shop@.${name}() RETURNS void LANGUAGE plpgsql AS $body$\nDECLARE\n${body(3)}BEGIN\n\n${body(30)}\nPERFORM $$ quoted $$;\n\n${body(30)}\nEND\n$body$;\n\n`;
    const parts = cutByIndentation(new SourceLines(`${create("refund")}${create("close")}`), habitsOf("sql"));
    assert.deepEqual([...new Set(parts.flatMap(({ symbols, breadcrumb }) => [...symbols, ...breadcrumb]))], ["refund", "close"]);
    assert.ok(parts.every(({ symbols, breadcrumb }) => symbols.length + breadcrumb.length === 1), show(parts).join());
  });
  it("takes quotes that nothing closes for none", () => {
    const parts = cutByIndentation(new SourceLines(`-- $$\nCREATE TABLE a (\n${body(20)});\n\nCREATE TABLE b (\n${body(20)});\n`), habitsOf("sql"));
    assert.deepEqual(parts.flatMap(({ symbols }) => symbols), ["a", "b"]);
  });
  it("names what a resource is one of beside its name", () => {
    const rows = (type: string, name: string): string => `resource "${type}" "${name}" {\n  region = "a"\n}\n\n`;
    assert.deepEqual(cutByIndentation(new SourceLines(rows("aws_vpc", "this") + rows("aws_subnet", "this")), habitsOf("terraform")).map(({ symbols }) => symbols), [["this", "aws_vpc", "aws_subnet"]]);
  });
  it("leaves the heads of loops with what they begin", () => {
    const loop = `  -- Closes what is open. ${"Why, and in which order. ".repeat(8)}\n  FOR one IN SELECT open\n  LOOP\n    total := total + 1;\n\n    IF one THEN\n${body(60, "      ")}    END IF;\n  END LOOP;\n\n`;
    const lines = new SourceLines(`CREATE PROCEDURE close_all()\nBEGIN\n${loop.repeat(2)}END\n`);
    const parts = cutByIndentation(lines, habitsOf("sql"));
    assert.ok(parts.some(({ from, to }) => /Closes what is open[\s\S]*total := total/.test(lines.text(from, to))), show(parts).join());
  });
  it("cuts rows when there is nothing to go by", () => {
    const parts = cutByIndentation(new SourceLines("a line of some words\n".repeat(400)));
    assert.ok(parts.length > 5);
    assert.ok(parts.every((p) => p.to - p.from < 70));
  });
  it("covers every row in order, whatever the text", () => {
    let seed = 3;
    const random = (n: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % n;
    for (let round = 0; round < 200; round++) {
      const rows = Array.from({ length: random(150) }, () => [" ".repeat(random(6)) + ["}", "x = 1", "def f():", "# c", "", "end", "func a() {", "long ".repeat(60), "key: ", "- a: b", "- ", "----", "```"][random(13)], ""][random(8) === 0 ? 1 : 0]!);
      const lines = new SourceLines(rows.join("\n"));
      for (const cut of [cutByIndentation, (lines: SourceLines) => cutSections(lines), (lines: SourceLines) => cutSections(lines, "restructuredtext"), cutByKeys, cutWindows]) {
        let next = 0;
        for (const part of cut(lines)) {
          assert.ok(part.from <= next && part.to >= part.from, `${cut.name} leaves no gap before row ${part.from}`);
          next = part.to + 1;
        }
        assert.equal(next, lines.count, cut.name);
      }
    }
  });
});

describe("cutByKeys", () => {
  const step = (name: string, n = 12): string => `      - name: ${name}\n        run: |\n${"          key: is text here\n".repeat(n)}`;
  const cut = (source: string): string[] => show(cutByKeys(new SourceLines(source)));
  it("opens what is long and says under which keys it stands", () => {
    const source = `name: Release\n# What is done.\njobs:\n  build:\n    steps:\n${step("Set up")}${step("Test", 40)}${step("Publish", 40)}  # Last.\n  after:\n    needs: build\n`;
    assert.deepEqual(cut(source), ["0-18 |", "19-60 jobs > build > steps|", "61-102 jobs > build > steps|", "103-106 jobs|"]);
  });
  it("takes a list for its key's that stands no deeper, and names an item by its first value", () => {
    const rows = "  b: some words that say little\n".repeat(30);
    assert.deepEqual(cut(`all:\n- name: "first one"\n${rows}${rows}- name: second\n${rows}rest: 1\n`), ["0-32 |", "33-61 all > first one|", "62-92 all|", "93-94 |"]);
  });
  const variables = `    env:\n${"    - name: A\n      value: some words that say little\n".repeat(40)}`;
  it("cuts documents apart, and calls what they describe to Kubernetes by its kind and name", () => {
    const worker = `apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n    app: shop\n  name: "{{ .Release.Name }}-worker"\nspec:\n  template:\n${variables}`;
    const crumbs = cutByKeys(new SourceLines(`# Runs jobs.\n{{- if .Values.on }}\n---\n${worker}---\nkind: Service\nmetadata:\n  name: web\n`)).map(({ from, breadcrumb }) => `${from} ${breadcrumb.join(" > ")}`);
    assert.equal(crumbs[0], "0 Deployment worker");
    assert.ok(crumbs.slice(1, -1).every((crumb) => crumb.includes("Deployment worker > spec > template")), crumbs.join("\n"));
    assert.equal(crumbs.at(-1), "92 ");
  });
  it("does not call by a kind what has no name, nor by another's name", () => {
    const crumbs = cutByKeys(new SourceLines(`kind: Recipe\nname: soup\nspec:\n  name: pot\n  template:\n${variables}`)).map(({ breadcrumb }) => breadcrumb.join(" > "));
    assert.ok(crumbs.every((crumb) => !crumb.includes("Recipe")), crumbs.join("\n"));
  });
  it("takes hundreds of thousands of rows", () => {
    assert.ok(cut(`list:\n${"- a\n".repeat(300_000)}`).length > 100);
  });
  it("keeps small files whole and entries together", () => {
    assert.deepEqual(cut("a: 1\nb:\n  - c\n"), ["0-3 |"]);
    assert.ok(cut("key: value of it\n".repeat(200)).length <= 5);
  });
});

describe("cutSections", () => {
  const crumbsOf = (language: "markdown" | "restructuredtext" | "asciidoc" | "org" | "tex" | "manual", source: string): string[] => [...new Set(cutSections(new SourceLines(source), language).map(({ breadcrumb }) => breadcrumb.join(" > ")))];
  const long = "Some words that say little.\n".repeat(120);
  it("knows underlined headings", () => {
    assert.deepEqual(crumbsOf("markdown", `Guide\n=====\n\n${long}\nInstall it\n----------\n\n${long}`), ["", "Guide", "Guide > Install it"]);
    assert.deepEqual(crumbsOf("restructuredtext", `=====\nGuide\n=====\n\n${long}\nInstall\n=======\n\n${long}\nOn disk\n~~~~~~~\n${long}\nUse\n===\n\n${long}`), ["", "Guide", "Guide > Install", "Guide > Install > On disk", "Guide > Use"]);
  });
  it("knows the headings of AsciiDoc, Org and LaTeX", () => {
    assert.deepEqual(crumbsOf("asciidoc", `= Guide\n\n----\n= none\n----\n\n== Install\n\n${long}`), ["", "Guide", "Guide > Install"]);
    assert.deepEqual(crumbsOf("org", `* Guide\n#+BEGIN_SRC\n* none\n#+END_SRC\n** Install\n${long}`), ["", "Guide", "Guide > Install"]);
    assert.deepEqual(crumbsOf("tex", `\\section{Guide}\n\\subsection*{Install \\label{x}}\n${long}`).map((crumb) => crumb.replace(/^( > )+/, "")), ["", "Guide", "Guide > Install \\label{x"]);
  });
  it("knows the headings of manual pages and Texinfo", () => {
    assert.deepEqual(crumbsOf("manual", `.TH SHOP 1\n.SH "EXIT STATUS"\n${long}.SS Errors\n.PP\n${long}`), ["", "EXIT STATUS", "EXIT STATUS > Errors"]);
    assert.deepEqual(crumbsOf("manual", `@chapter Orders\n@section Refunds\n${long}`), ["", "Orders", "Orders > Refunds"]);
  });
  it("takes no settings, lists, tables and rules for headings", () => {
    for (const source of ["---\ntitle: a\n\nlayout: b\n---\n", "\n- one\n---\n", "\n| a | b |\n---\n", "text\n\n---\n", "```\n\nTitle\n=====\n```\n"]) assert.deepEqual(crumbsOf("markdown", `${source}${long}`), [""], source);
    for (const source of ["text\n\n------\n\n", "=====  =====\na      b\n=====  =====\n", "  Title\n  =====\n"]) assert.deepEqual(crumbsOf("restructuredtext", `${source}${long}`), [""], source);
  });
  const prose = (n: number): string => "Some words about this and that, and then some more.\n".repeat(n);
  it("takes closing marks off a heading, but not what belongs to a name", () => {
    const crumbs = cutSections(new SourceLines(`# C#\n\n## Closed ##\n\n### F #1 { #f-1 }\n\n${"text ".repeat(500)}\n`)).flatMap((part) => part.breadcrumb);
    assert.deepEqual([...new Set(crumbs)], ["C#", "Closed", "F #1"]);
  });
  it("gives a section the headings above it", () => {
    const source = `# Guide\n${prose(12)}## Install\n${prose(12)}### Linux\n${prose(12)}## Use\n${prose(12)}`;
    assert.deepEqual(show(cutSections(new SourceLines(source))), ["0-12 |", "13-25 Guide|", "26-38 Guide > Install|", "39-52 Guide|"]);
  });
  it("does not take comments in code for headings", () => {
    const source = `# A\n\`\`\`sh\n# not a heading\n\`\`\`\n~~~\n## neither\n~~~\n${prose(30)}`;
    assert.ok(cutSections(new SourceLines(source)).every((p) => p.breadcrumb.length === 0 || p.breadcrumb[0] === "A"));
  });
  it("begins with the title, and makes no part of nothing", () => {
    assert.deepEqual(show(cutSections(new SourceLines(`# A\n${prose(60)}`)))[0], "0-23 |");
    assert.deepEqual(show(cutSections(new SourceLines(`intro\n# A\n${prose(12)}`)))[0], "0-14 |");
  });
  it("closes a fence with a bare fence only", () => {
    const source = `# A\n\`\`\`md\n# not a heading\n\`\`\`js\n# nor this\n\`\`\`\n\n\`\`\`inline\`\`\`\n## B\n${prose(30)}`;
    assert.deepEqual(show(cutSections(new SourceLines(source))), ["0-7 |", "8-39 A|"]);
  });
  it("cuts a long section into windows that carry its own heading", () => {
    const parts = cutSections(new SourceLines(`# A\n\n## Long\n${prose(120)}`));
    assert.ok(parts.length > 4);
    assert.deepEqual(parts.at(-1)!.breadcrumb, ["A", "Long"]);
  });
  it("keeps short sections together", () => {
    assert.deepEqual(show(cutSections(new SourceLines("# A\n\n## B\ntext\n\n## C\ntext\n"))), ["0-7 |"]);
  });
});

describe("windows", () => {
  const lines = new SourceLines(Array.from({ length: 200 }, (_, i) => `row ${i} has about thirty characters`).join("\n"));
  it("overlap by whole rows within the limit", () => {
    const parts = cutWindows(lines);
    for (let i = 1; i < parts.length; i++) {
      const shared = parts[i - 1]!.to - parts[i]!.from + 1;
      assert.ok(shared >= 1 && lines.size(parts[i]!.from, parts[i - 1]!.to) <= sizes.overlap, `overlap of ${shared} rows`);
    }
  });
  it("do not overlap when rows of a definition are cut", () => {
    const parts = cutRows(lines, 5, 150, head);
    assert.equal(parts[0]!.from, 5);
    assert.equal(parts.at(-1)!.to, 150);
    for (let i = 1; i < parts.length; i++) assert.equal(parts[i]!.from, parts[i - 1]!.to + 1);
  });
  it("prefer to end at a blank row", () => {
    const source = `${"x".repeat(100)}\n`.repeat(9) + `\n${`${"y".repeat(100)}\n`.repeat(9)}`;
    assert.deepEqual(cutRows(new SourceLines(source), 0, 18, head).map((p) => [p.from, p.to]), [[0, 9], [10, 18]]);
  });
});

describe("docProse", () => {
  const cases: [name: string, raw: string, prose: string][] = [
    ["line comments", "// Reads a file.\n// Twice.", "Reads a file.\nTwice."],
    ["JSDoc", "/**\n * Reads a file.\n *\n * @param path where\n */", "Reads a file.\n\n@param path where"],
    ["Rust", "/// Reads a file.\n//! Module.", "Reads a file.\nModule."],
    ["docstring", '"""Reads a file.\n\n    Twice.\n    """', "Reads a file.\n\nTwice."],
    ["raw docstring", "r'''Reads \\d.'''", "Reads \\d."],
    ["Elixir", '@doc """\nReads a file.\n"""', "Reads a file."],
    ["Haskell", "-- | Reads a file.\n-- Twice.", "Reads a file.\nTwice."],
    ["Lua", "--- Reads a file.", "Reads a file."],
    ["hash", "# Reads a file.", "Reads a file."],
    ["C# XML", "/// <summary>Reads a <see cref=\"File\"/> file.</summary>", "Reads a  file."],
    ["PowerShell", "<#\n.SYNOPSIS\nReads a file.\n#>", "Reads a file."],
    ["generics are no tags", "// Makes a Vec<T> of them.", "Makes a Vec<T> of them."],
    ["licence", "/* Copyright (c) 2020 X. All rights reserved. */", ""],
    ["SPDX", "// SPDX-License-Identifier: MIT", ""],
    ["directives", "// eslint-disable-next-line\n// Reads a file.\n// @ts-ignore", "Reads a file."],
    ["a rule of dashes", "// ----------------", ""],
    ["a script's first line", "#!/usr/bin/env python\n# Reads a file.", "Reads a file."],
    ["nothing", "/* */", ""],
  ];
  for (const [name, raw, prose] of cases) it(`cleans ${name}`, () => assert.equal(docProse(raw), prose));
});

describe("firstParagraph", () => {
  const cases: [prose: string, paragraph: string][] = [
    ["Reads a\nfile.\n\nMore.", "Reads a file."],
    ["\n\nReads.", "Reads."],
    ["Reads.\n@param a", "Reads."],
    ["Reads.\n:param a: x", "Reads."],
    ["Reads.\nArgs:\n  a", "Reads."],
    ["Reads. @param a first", "Reads."],
    ["", ""],
  ];
  for (const [prose, paragraph] of cases) it(`takes ${JSON.stringify(paragraph)} from ${JSON.stringify(prose)}`, () => assert.equal(firstParagraph(prose), paragraph));
});
