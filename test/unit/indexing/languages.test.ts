// Language by name, interpreter and content; the table's own promises; imports per language.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { packageRoot } from "../../../src/base/assets.ts";
import grammars from "../../../src/indexing/grammars.json" with { type: "json" };
import { unindexedKind } from "../../../src/indexing/fileKinds.ts";
import { importsOf } from "../../../src/indexing/imports.ts";
import { type Cutting, languageOf, languages, languagesNamed } from "../../../src/indexing/languages.ts";
import { isSecret } from "../../../src/indexing/secrets.ts";
import { syntaxes } from "../../../src/indexing/syntaxes.ts";
import { assertGrowsEvenly } from "../../support/cost.ts";

describe("languageOf", () => {
  const cases: [file: string, id: string, head?: string][] = [
    ["src/a.ts", "typescript"],
    ["site/service.conf.jinja2", "template"],
    ["app/views/issue.jbuilder", "ruby"],
    ["fast/loop.pyx", "python"],
    ["config/database.yml.example", "yaml"],
    ["cmake/Config.cmake.in", "cmake"],
    ["Makefile.in", "make"],
    ["notes.sample", "text"],
    ["src/a.d.mts", "typescript"],
    ["a.tsx", "tsx"],
    ["a.jsx", "javascript"],
    ["A.PY", "python"],
    ["stubs/a.pyi", "python"],
    ["main.go", "go"],
    ["a/B.java", "java"],
    ["build.gradle.kts", "kotlin"],
    ["lib.rs", "rust"],
    ["a.c", "c"],
    ["a.h", "c", "#include <stdio.h>\nint f(void);\n"],
    ["a.h", "cpp", "#pragma once\nnamespace a {\nclass B;\n}\n"],
    ["a.h", "cpp", "struct A { std::string name; };\n"],
    ["a.h", "objective-c", "#import <Foundation/Foundation.h>\n@interface A : NSObject\n@end\n"],
    ["counter.v", "verilog", "// counts\nmodule counter #(parameter N = 8) (\n  input clk\n);\n"],
    ["main.v", "vlang", "module main\n\nfn main() {}\n"],
    ["a.h", "c", "#ifdef __OBJC__\n#import <Foundation/Foundation.h>\n#endif\nint start(void);\n"],
    ["a.h", "cpp", "/**\n  @class Foo\n  holds x.\n*/\nnamespace a {\nclass Foo;\n}\n"],
    ["a.h", "c", "/**\n  @interface of the driver\n*/\nint start(void);\n"],
    ["a.h", "c", "/* The interface of the driver, which\n   class of device it is:\nclass A\n*/\nint start(void);\n"],
    ["a.h", "objective-c", `/*${" licence".repeat(1_500)} */\n@interface A : NSObject\n@end\n`],
    ["a.m", "objective-c", "/* What this\n   function does.\n*/\n#import <Foundation/Foundation.h>\n"],
    ["a.m", "objective-c", "#include <a.h>\nvoid call(void) {\n  [self log: 1\n    function: 2];\n}\n"],
    ["a.m", "matlab", "# if it is open\nfunction close(x)\nend\n"],
    ["bin/report", "perl", "#!/usr/bin/perl -w\n"],
    ["bin/report", "perl", "#!/usr/bin/env perl5.36\n"],
    ["bin/fit", "r", "#!/usr/bin/env Rscript\n"],
    ["bin/serve", "tcl", "#!/usr/bin/tclsh8.6\n"],
    ["bin/check", "julia", "#!/usr/bin/env julia\n"],
    ["bin/count", "awk", "#!/usr/bin/awk -f\n"],
    ["a.pl", "perl", "use strict;\n"],
    ["a.pl", "prolog", "% lists\n:- module(lists, [append/3]).\n"],
    ["A.cls", "apex", "public class A {\n}\n"],
    ["A.cls", "visual-basic", "VERSION 1.0 CLASS\nBEGIN\n"],
    ["beamer.cls", "tex", "% slides\n\\NeedsTeXFormat{LaTeX2e}\n"],
    ["lists.v", "coq", "(* lists *)\nRequire Import Arith.\nLemma a : True.\n"],
    ["cell.v", "verilog", "(* keep *)\nmodule cell;\n"],
    ["lex.ll", "yacc", "%{\n#include <a.h>\n%}\n%%\n"],
    ["main.ll", "text", "define i32 @main() {\nentry:\n  ret i32 0\n}\n"],
    ["a.plt", "prolog", ":- begin_tests(a).\n"],
    ["a.plt", "text", "set term png\nplot 'a.csv'\n"],
    ["View.m", "objective-c", "/* The\nfunction of it. */\n#import <UIKit/UIKit.h>\n"],
    ["scripts/build", "bash", "#!/bin/sh\nmake\n"],
    ["pkg/BUILD", "starlark", "cc_library(\n"],
    ["cells.v", "verilog", "`ifdef SIM\nmodule cell;\n"],
    ["meson.build", "meson"],
    ["ui/PlayerBar.qml", "qml"],
    ["home/zshrc", "bash"],
    ["completions/git", "bash", "# completion for git\n\n__git_find ()\n{\n  if test -d .git; then\n    echo .git\n  fi\n}\n"],
    ["site-functions/_strata", "bash", "#compdef strata\n_arguments '--help'\n"],
    ["lib/common", "bash", "# shellcheck shell=sh\nLIMIT=3\n"],
    ["NEWS", "text", "Call start() first.\n\nAll is\ndone\n"],
    ["home/vimrc", "vim"],
    ["home/gitconfig", "ini"],
    [".bash_aliases", "bash"],
    ["salt/top.sls", "yaml", "base:\n  '*': [web]\n"],
    ["salt/init.sls", "yaml", "#!jinja|yaml\n;;\nbase: {}\n"],
    ["salt/ruler.sls", "yaml", `${";".repeat(5_000)}\nbase: {}\n`],
    ["sorts.sls", "lisp", "#!/usr/bin/env scheme-script\n#!r6rs\n(library (sorts) (export sort))\n"],
    ["heaps.sls", "lisp", "#| Heaps,\n   by array |#\n(library (heaps) (export heap))\n"],
    ["lists.sls", "lisp", "#!r6rs\n;; lists\n(library (lists) (export first))\n"],
    ["Player.asset", "yaml", "%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n"],
    ["boards/radio.dts", "devicetree"],
    ["manifests/web.pp", "puppet", "# web\nclass shop::web (\n  Integer $port = 8080,\n) {\n}\n"],
    ["site.pp", "puppet", "include shop\n"],
    ["units.pp", "pascal", "unit units;\ninterface {$IFDEF FPC} {'quoted'}\ntype\n  TCart = class(TObject)\n  end;\n"],
    ["Glow.shader", "shader"],
    ["checkout.feature", "gherkin"],
    ["workflow/Snakefile", "snakemake"],
    ["Discount.g4", "antlr"],
    ["Discount.g", "antlr", "// rules\nparser grammar Discount;\n"],
    ["lists.g", "text", "InstallMethod(Size, [IsList]);\n"],
    ["a.luau", "lua"],
    ["a.hpp", "cpp"],
    ["A.cs", "csharp"],
    ["Rakefile", "ruby"],
    ["a.gemspec", "ruby"],
    ["index.php", "php"],
    ["A.swift", "swift"],
    ["build.sbt", "scala"],
    ["mix.exs", "elixir"],
    ["A.hs", "haskell"],
    ["init.lua", "lua"],
    ["a.zig", "zig"],
    ["run.sh", "bash"],
    ["a.ps1", "powershell"],
    ["a.dart", "dart"],
    ["A.sol", "solidity"],
    ["A.vue", "vue"],
    ["A.svelte", "svelte"],
    ["bin/tool", "python", "#!/usr/bin/env python3\n"],
    ["bin/tool", "python", "#!/usr/bin/python3.11 -u\n"],
    ["bin/tool", "javascript", "#!/usr/bin/env -S node --no-warnings\n"],
    ["bin/tool", "bash", "#!/bin/sh\n"],
    ["bin/tool", "text", "#!/opt/strange\n"],
    ["bin/tool", "text"],
    ["query.sql", "sql"],
    ["a.proto", "proto"],
    ["main.tf", "terraform"],
    ["Makefile", "make"],
    ["Makefile.am", "make"],
    ["Dockerfile", "docker"],
    ["Dockerfile.dev", "docker"],
    ["CMakeLists.txt", "cmake"],
    ["README.md", "markdown"],
    ["README", "text"],
    ["page.html", "html"],
    ["app/views/show.html.erb", "template"],
    ["Pages/Index.cshtml", "template"],
    ["guide.rst", "restructuredtext"],
    ["a.yml", "yaml"],
    ["package.json", "json"],
    ["deps.lock", "lock"],
    ["Cargo.toml", "toml"],
    ["solve.m", "matlab", "function y = solve(x)\n"],
    ["View.m", "objective-c", "#import <UIKit/UIKit.h>\n"],
    ["resources/views/cart.blade.php", "template"],
    ["stubs/migration.create.stub", "php", "<?php\n\nuse A;\n"],
    ["stubs/route.stub", "text", "Route"],
    ["delta/85/02_locks.sql.postgres", "sql"],
    ["prod.tfvars.example", "terraform"],
    ["Agent.md.template", "markdown"],
    ["values.yaml.tftpl", "template"],
    ["l10n/app_de.arb", "json", '{ "title": "Laden" }\n'],
    ["admin/index.html.arb", "ruby", "div do\nend\n"],
    ["Web.config", "xml", '<?xml version="1.0"?>\n<configuration>\n'],
    ["nginx.config", "text", "server {}\n"],
    ["translations/shop_de.ts", "xml", '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n<TS version="2.1" language="de">\n'],
    ["translations/shop_fr.ts", "xml", '<!DOCTYPE TS><TS version="2.1">\n'],
    ["src/shop.ts", "typescript", "type TS = 1;\n"],
    ["forms/cart.ui", "xml", '<?xml version="1.0" encoding="UTF-8"?>\n<ui version="4.0">\n'],
    ["etc/schema.Pg", "sql", "-- Carts\n\nCREATE TABLE carts (\n  id integer\n);\n"],
    ["etc/notes.cart", "text", "Create a table for the carts, then:\n\nCREATE TABLE carts (\n"],
    ["bin/shop.in", "perl", "#!@PERL@ -w\nuse strict;\n"],
    ["bin/shop-admin.in", "python", "#! @PYTHON_PATH@\nimport sys\n"],
    ["html/Elements/Cart", "template", "%# licence\n<& /Elements/Header &>\n"],
    ["html/Elements/Price", "template", "<b><% $Price |n %></b>\n<%ARGS>\n$Price\n</%ARGS>\n<%init>\n</%init>\n"],
    ["html/notes", "text", "5 % of the carts <& more\n"],
    ["man/shop.1", "manual", '.\\" Licence\n.TH SHOP 1\n'],
    ["man/socket.3p", "manual", ".Dd June 1\n.Sh NAME\n"],
    ["shop.log.1", "text", "started\n"],
    ["doc/shop.info", "manual", "This is shop.info, produced by makeinfo version 6.8 from shop.texi.\n"],
    ["hooks/functions", "bash", "# -*- shell-script -*-\n"],
    ["hooks/functions", "bash", "# Locks.\n# -*- mode: sh; tab-width: 4 -*-\n"],
    ["hooks/functions", "python", "# vim: set ts=4 ft=python :\n"],
    ["hooks/functions", "text", "# -*- coding: utf-8 -*-\n"],
    ["hooks/functions", "text", `${"# a row\n".repeat(6)}# -*- sh -*-\n`],
    ["folder.ts/file", "text"],
    ["windows\\path\\a.rs", "rust"],
    ["a.unknown", "text"],
    ["", "text"],
  ];
  for (const [file, id, head] of cases) it(`calls ${file || "nothing"} ${id}${head ? ` (${JSON.stringify(head.slice(0, 24))})` : ""}`, () => assert.equal(languageOf(file, head).id, id));
});

it("tells languages in no time, whatever a file begins with", async () => {
  for (const file of ["a.h", "a.m", "a.pl", "a.v", "a.1", "a.info", "script"])
    for (const [start, filler] of [["", "\n"], ["", "//\n"], ["#!", "/"], ["#!", "env a=b "], ["-*- ", "a; "], ["vim:", "ft"], ["", "a() "], ["", "function "], ["", "fi ;"]] as const) await assertGrowsEvenly(20_000, (n) => languageOf(file, start + filler.repeat(n)));
});

describe("the table", () => {
  it("has each id, extension, name and interpreter once", () => {
    for (const values of [languages.map((l) => l.id), languages.flatMap((l) => l.extensions), languages.flatMap((l) => l.filenames ?? []), languages.flatMap((l) => l.interpreters ?? [])]) assert.deepEqual(values.filter((v, i) => values.indexOf(v) !== i), []);
  });
  it("is as long as the manual says", () => {
    const number = (cutting: Cutting) => languages.filter((language) => language.cutting === cutting).length;
    const sentence = `in ${number("tree") + number("scanner")} languages, in ${number("tree")} of them by a grammar`;
    assert.ok(readFileSync(path.join(packageRoot, "MANUAL.md"), "utf8").includes(sentence), sentence);
  });
  it("names no file that is never read", () => {
    const examples = languages.flatMap(({ extensions, filenames = [] }) => [...extensions.map((extension) => `a${extension}`), ...filenames]);
    assert.deepEqual(examples.filter((file) => unindexedKind(file) !== undefined || isSecret(file)), []);
  });
  it("writes extensions with a dot and in lower case", () => {
    for (const extension of languages.flatMap((l) => l.extensions)) assert.match(extension, /^\.[a-z0-9+_.-]+$/);
  });
  it("has a grammar and rules exactly for what is cut by tree", () => {
    for (const language of languages) assert.equal(language.cutting === "tree", language.grammar !== undefined, language.id);
    const used = new Set(languages.map((l) => l.grammar).filter((g) => g !== undefined));
    assert.deepEqual([...used].sort(), Object.keys(grammars).sort());
    assert.deepEqual(Object.keys(syntaxes).sort(), Object.keys(grammars).sort());
  });
  it("names grammar files that are installed and can lie in one folder", () => {
    const files = Object.values(grammars);
    for (const file of files) assert.ok(existsSync(path.join(import.meta.dirname, "../../../node_modules", file)), file);
    assert.equal(new Set(files.map((file) => path.basename(file))).size, files.length);
  });
});

describe("languagesNamed", () => {
  const cases: [name: string, ids: string[]][] = [
    ["go", ["go"]],
    ["TS", ["typescript", "tsx"]],
    ["jsx", ["javascript"]],
    ["yml", ["yaml"]],
    ["rst", ["restructuredtext"]],
    ["sh", ["bash"]],
    ["makefile", ["make"]],
    ["dockerfile", ["docker"]],
    ["hbs", ["template"]],
    ["c++", ["cpp"]],
    ["c#", ["csharp"]],
    ["javascriptreact", ["javascript"]],
    ["css", ["css", "scss"]],
    ["less", ["scss"]],
    ["shellscript", ["bash"]],
    ["man", ["manual"]],
    ["ipynb", ["python"]],
    ["constructor", []],
    ["", []],
  ];
  for (const [name, ids] of cases) it(`takes ${name || "nothing"} for ${ids.join(" and ") || "no language"}`, () => assert.deepEqual(languagesNamed(name), ids));
});

describe("importsOf", () => {
  const cases: [language: string, source: string, imports: string[]][] = [
    ["typescript", 'import a, { b } from "./a.ts";\nimport type {\n  C,\n} from "../c";\nimport "./side.css";\nexport * from "./d";\nconst e = await import("e");\nconst text = "from nowhere";', ["./a.ts", "../c", "./side.css", "./d", "e"]],
    ["javascript", "const a = require('a'), b = require(\"./b\").c;\nvar x = require.resolve('x');", ["a", "./b", "x"]],
    ["python", "import os, sys as system\nimport a.b.c\nfrom . import d, e\nfrom ..f import g\nfrom h.i import (\n    j,\n    k,\n)\n  import local\n", ["os", "sys", "a.b.c", ".d", ".e", "..f", "h.i", "local"]],
    ["go", 'package a\nimport "fmt"\nimport x "net/http"\nimport (\n\t"os"\n\t_ "embed"\n\t. "math"\n)\n', ["fmt", "net/http", "os", "embed", "math"]],
    ["rust", "use std::io;\nuse crate::a::{b, c};\npub use super::d::*;\nuse e::f as g;\nmod h;\npub(crate) mod i;\nmod j { }\n", ["std::io", "crate::a", "super::d", "e::f", "self::h", "self::i"]],
    ["java", "import a.b.C;\nimport static a.b.D.e;\nimport f.*;\n", ["a.b.C", "a.b.D.e", "f.*"]],
    ["kotlin", "import a.b.C\nimport d.e as f\n", ["a.b.C", "d.e"]],
    ["scala", "import a.b.{C, D => E}\nimport f._\n", ["f._", "a.b.C", "a.b.D"]],
    ["csharp", "using A.B;\nglobal using static C.D;\nusing E = F.G;\nusing (var x = y) {}\n", ["A.B", "C.D", "F.G"]],
    ["c", '#include <stdio.h>\n  # include "a/b.h"\n', ["stdio.h", "a/b.h"]],
    ["php", "use A\\B;\nuse function C\\d;\nrequire_once 'e.php';\ninclude('f.php');\n", ["A\\B", "C\\d", "e.php", "f.php"]],
    ["ruby", "require 'a/b'\nrequire_relative \"c\"\nrequire_relative '../d'\n", ["a/b", "./c", "../d"]],
    ["swift", "import A\n@testable import B\nimport struct C.D\n", ["A", "B", "C.D"]],
    ["elixir", "alias A.{B, C}\nimport D.E, only: [f: 1]\nuse G\n", ["D.E", "G", "A.B", "A.C"]],
    ["haskell", "import A.B\nimport qualified C as D\nimport safe E (f)\n", ["A.B", "C", "E"]],
    ["lua", "local a = require('a.b')\nlocal c = require \"c\"\n", ["a.b", "c"]],
    ["zig", 'const std = @import("std");\nconst a = @import("a/b.zig").c;\n', ["std", "a/b.zig"]],
    ["bash", 'source ./a.sh\n. "$(dirname "$0")/lib/b.sh"\nsource "${DIR}/c.sh"\n', ["./a.sh", "lib/b.sh", "c.sh"]],
    ["dart", "import 'package:a/a.dart';\nexport 'src/b.dart';\n", ["package:a/a.dart", "src/b.dart"]],
    ["css", '@import url("a.css");\n@import "b.css";\n', ["a.css", "b.css"]],
    ["solidity", 'import "./a.sol";\nimport {B} from "b/c.sol";\n', ["./a.sol", "b/c.sol"]],
    ["markdown", "import x from 'y'", []],
    ["typescript", 'import "a";\nimport "a";\n', ["a"]],
  ];
  for (const [language, source, imports] of cases) it(`reads ${language}: ${JSON.stringify(source.slice(0, 40))}`, () => assert.deepEqual(importsOf(language, source), imports));
  it("costs no more than the length of a text that almost matches", () =>
    assertGrowsEvenly(10_000, (n) => {
      importsOf("typescript", `import ${"a, ".repeat(n)}`);
      importsOf("python", `from a import (${"b,\n".repeat(n)}`);
      importsOf("go", `import (${"\n".repeat(n)}`);
    }));
});
