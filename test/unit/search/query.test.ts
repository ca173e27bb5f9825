import assert from "node:assert/strict";
import { test } from "node:test";
import { namesIn, parseFilters, parseQuery, type QueryKind } from "../../../src/search/query.ts";
import { fileMatcher } from "../../../src/store/store.ts";
import { assertGrowsEvenly } from "../../support/cost.ts";

test("the kind of a query is recognised", () => {
  const cases: [string, QueryKind][] = [
    ["fetchRequestHandler", "symbol"],
    ["Router", "symbol"],
    ["tokio::spawn", "symbol"],
    ["obj.method()", "symbol"],
    ["__init__", "symbol"],
    ["empty?", "symbol"],
    ["how does routing work", "prose"],
    ["retry with back-off", "prose"],
    ["where is TRPCError thrown?", "prose"],
    ["rate limiting (per user)", "prose"],
    ["TypeError: Cannot read properties of undefined (reading 'map')", "error"],
    ["panic: runtime error: index out of range [5] with length 3", "error"],
    ["http: invalid Content-Length of 5", "error"],
    ["x509/pkix: what a name holds?", "prose"],
    ["how is a ValueError raised", "prose"],
    ["    at Router.handle (/srv/app/lib/router.js:45:12)", "trace"],
    ['File "/srv/app/main.py", line 12, in main', "trace"],
    ["src/store/db.go:118", "trace"],
    ["thread 'main' panicked at src/main.rs:4:5", "trace"],
    ["const x = foo(bar);\nreturn x.map((y) => y + 1);", "code"],
    ["for (int i = 0; i < n; i++) { sum += a[i]; }", "code"],
    ["if (isReady)\n  return startNextThing;", "code"],
    ["TypeError: bad", "prose"],
    ["src/foo.ts(12,5): error TS2304: Cannot find name 'x'.", "trace"],
    ["connect to example.com:443 with tls", "prose"],
    ["https://docs.rs:443/tokio", "prose"],
    ["what does rows.map(12) give", "prose"],
    ["哪里处理重试", "prose"],
    ["解析JSON字符串", "prose"],
    ["obj.解析()", "symbol"],
    ["", "prose"],
  ];
  for (const [query, kind] of cases) assert.equal(parseQuery(query).kind, kind, query);
});

test("filters leave the text and restrict the search", () => {
  const query = parseQuery("parse headers lang:ts path:src/http -path:legacy in:tests");
  assert.equal(query.text, "parse headers");
  assert.deepEqual(query.filters.langs, ["typescript", "tsx"]);
  assert.ok(query.filters.pathGlobs?.includes("**/*src/http*/**"));
  assert.ok(query.filters.excludeGlobs?.includes("**/*legacy*/**"));
  assert.equal(query.tests, "only");
});

test("a filter may hold several languages and a quoted value", () => {
  const query = parseQuery('lang:py,c++ path:"my folder" open');
  assert.deepEqual(query.filters.langs, ["python", "cpp"]);
  assert.ok(query.filters.pathGlobs?.some((glob) => glob.includes("my folder")));
});

test("a language goes by any of its names, and may be left out", () => {
  const query = parseQuery("lang:jsx,yml,rst,makefile,sh -lang:md,tsx retry");
  assert.deepEqual(query.filters, { langs: ["javascript", "yaml", "restructuredtext", "make", "bash"], excludeLangs: ["markdown", "tsx"] });
  assert.equal(query.text, "retry");
  assert.equal(parseQuery("retry lang:rst").asksFor.documents, true);
  assert.deepEqual(parseQuery("retry lang:klingon").filters.langs, ["klingon"]);
});

test("a path is matched as in the editor's box of files to include", () => {
  const cases: [filter: string, path: string, passes: boolean][] = [
    ["path:SRC", "lib/src/a.ts", true],
    ["path:readme", "docs/README.md", true],
    ["path:./src", "src/a.ts", true],
    ["path:./src", "lib/src/a.ts", false],
    ["path:*.TS", "src/a.ts", true],
    ["path:src/*", "lib/src/deep/a.ts", true],
    ["path:test*", "lib/tests/a.ts", true],
    ["path:app/(auth)", "src/app/(auth)/page.tsx", true],
    ["path:app/(auth)", "src/app/auth/page.tsx", false],
    ["path:app/(auth)/**", "src/app/(auth)/page.tsx", true],
    ["path:app/[id]", "app/[id]/page.tsx", true],
    ["path:app/[id]", "app/i/page.tsx", false],
    ["path:app/[id]/*.tsx", "app/[id]/page.tsx", true],
    ["path:app/[a-z]?.ts", "app/b1.ts", true],
    ["path:src,lib", "lib/a.ts", true],
    ["path:src,lib", "bin/a.ts", false],
    ['path:"src, lib"', "lib/a.ts", true],
    ["path:src/{a,b}", "src/b/c.ts", true],
    ["path:src,!vendor", "src/vendor/a.ts", false],
    ["-path:VENDOR", "src/vendor/a.ts", false],
    ["path:.", "Makefile", true],
    [`path:${"a".repeat(100_000)}`, "a.ts", false],
  ];
  for (const [filter, path, passes] of cases) assert.equal(fileMatcher(parseQuery(`x ${filter}`).filters)({ path, lang: "typescript", isTest: false }), passes, `${filter.slice(0, 40)} and ${path}`);
});

test("no glob and file name together keep the engine busy", () => {
  const a = "a".repeat(250);
  const deep = "a/".repeat(2000);
  const cases: [filter: string, path: string, passes: boolean][] = [
    [`path:${"*a".repeat(12)}*b`, `src/${a}/index.ts`, false],
    [`path:${"*a".repeat(12)}*b`, `src/${a}b/index.ts`, true],
    [`path:./src/${"*A".repeat(12)}*.ts`, `src/${a}.ts`, true],
    [`path:./src/${"*a".repeat(12)}*.ts`, `src/deep/${a}.ts`, false],
    [`-path:${"*a".repeat(12)}*b`, `src/${a}/index.ts`, true],
    [`path:*?${"*?".repeat(12)}b`, `src/${a}/index.ts`, false],
    [`path:${"{a,aa}".repeat(40)}b`, "a".repeat(120), false],
    [`path:${"{a,aa}".repeat(40)}b`, `${"a".repeat(60)}b`, true],
    [`path:a/${"**/a/".repeat(8)}b`, `${deep}c`, false],
    [`path:a/${"**/a/".repeat(8)}b`, `${deep}b/c`, true],
    ["path:a/**/a/**/a/b", `${deep}c`, false],
    // The meaning of what else stands in a glob with many stars.
    ["path:*/*/*/*/[a-c]?.{ts,js*}", "x/w/v/u/b1.JSX", true],
    ["path:*/*/*/*/[a-c]?.{ts,js*}", "w/v/u/b1.js", false],
    ["path:*/*/*/*/[id]/(x).ts", "x/w/v/u/[id]/(x).ts", true],
    ["path:./src/**/*b*/*c*/**", "src/abc/c", true],
    ["path:./src/**/*b*/*c*/**", "src/x/b/xcx/y/z", true],
    ["path:./src/**/*b*/*c*/**", "src/x/b/y", false],
    ["path:./src/*b/*/*c/**/**", "src/ab/x/bc", true],
    ["path:src/*/*/*/*", "src/a/b/c", false],
  ];
  for (const [filter, path, passes] of cases)
    assert.equal(fileMatcher(parseQuery(`x ${filter}`).filters)({ path, lang: "typescript", isTest: false }), passes, `${filter} and ${path.slice(0, 40)}`);
});

test("filters at the end of pasted text count, inside it they are code", () => {
  const trace = "Error: no route\n    at Router.handle (/srv/app/router.js:45:12)";
  for (const end of [" lang:go -path:vendor", "\nlang:go -path:vendor\n"]) {
    const query = parseQuery(trace + end);
    assert.deepEqual(query.filters.langs, ["go"]);
    assert.ok(query.filters.excludeGlobs?.includes("**/*vendor*"));
    assert.equal(query.kind, "trace");
    assert.ok(!query.terms.includes("vendor"));
  }
  assert.deepEqual(parseQuery("{\n lang:go\n}").filters, {});
});

test("a glob given to path: is kept as written, at any depth", () => {
  assert.deepEqual(parseQuery("x path:src/**/*.go").filters.pathGlobs, ["src/**/*.go", "**/src/**/*.go"]);
});

test("without filters nothing is restricted", () => {
  assert.deepEqual(parseQuery("plain words").filters, {});
});

test("symbol: alone searches for that definition", () => {
  const query = parseQuery("symbol:RateLimiter");
  assert.deepEqual(query.symbolFilter, ["ratelimiter"]);
  assert.ok(query.terms.length > 0);
  assert.notEqual(query.text, "");
  assert.deepEqual(parseQuery("where is it symbol:RateLimiter").identifiers, ["ratelimiter"], "its definition is looked up, however many places say the word");
});

test("a filter's key may be capitalised, and a language may stand behind a blank", () => {
  for (const raw of ["Lang:go parse", "LANG:Go parse", "lang: go parse", "parse lang: go"]) {
    const query = parseQuery(raw);
    assert.deepEqual([query.filters.langs, query.text], [["go"], "parse"], raw);
  }
  assert.deepEqual(parseQuery("parse -lang: go").filters, { excludeLangs: ["go"] });
  for (const raw of ["html lang: en attribute", "path: src"]) assert.deepEqual([parseQuery(raw).filters, parseQuery(raw).text], [{}, raw]);
});

test("symbol: takes a name as it is called", () => {
  assert.deepEqual(parseQuery("symbol:Store.open()").symbolFilter, ["store.open"]);
});

test("something that only looks like a filter stays text", () => {
  for (const raw of ["std::vector lang:", "note: this", "in:tests-old thing", "http://example.com/path:x", "-symbol:open thing", 'thing symbol:""']) {
    const query = parseQuery(raw);
    assert.deepEqual(query.filters, {}, raw);
    assert.equal(query.text, raw);
  }
});

test("names and paths are compared with the words of a question that say something", () => {
  assert.deepEqual(parseQuery("how is the cacheKey made").parts, parseQuery("cacheKey made").parts);
});

test("quoted text must occur, and is also searched for", () => {
  const query = parseQuery('where is "connection reset by peer" logged');
  assert.deepEqual(query.phrases, ["connection reset by peer"]);
  assert.ok(query.text.includes("connection reset by peer"));
  assert.ok(!query.text.includes('"'));
});

test("a query that is quoted as a whole is exact, whatever it looks like", () => {
  for (const phrase of ["throw new HttpError", "load(path, { strict: true })", "src/a.ts:12 failed", "Router"]) {
    assert.deepEqual(parseQuery(`"${phrase}" lang:ts`).phrases, [phrase]);
  }
});

test("what a line quotes does not make the line code or a message", () => {
  assert.deepEqual(parseQuery('parser "load(path, { strict: true });"').phrases, ["load(path, { strict: true });"]);
  assert.deepEqual(parseQuery('logging of "TypeError: bad input"').phrases, ["TypeError: bad input"]);
});

test("quotes in pasted code and in messages demand nothing", () => {
  assert.deepEqual(parseQuery('TypeError: missing "name" in request body').phrases, []);
  assert.deepEqual(parseQuery('http: invalid Content-Length of "foo"').phrases, []);
  assert.deepEqual(parseQuery('log("a b");\nconst x = {"k": 1};').phrases, []);
  assert.deepEqual(parseQuery('throw new IOException("no bytes", "read it")').phrases, []);
});

test("what a line about an error quotes must occur", () => {
  for (const raw of ['ValidationError raised for "must be positive"', 'the TimeoutError thrown with "must be positive"']) {
    const { kind, phrases } = parseQuery(raw);
    assert.deepEqual([kind, phrases], ["error", ["must be positive"]], raw);
  }
  for (const raw of ['fatal: repository "a b" was not found', 'Unhandled TimeoutError in "a b" of the pool', 'ValueError: no "a b"\n  in the pool']) assert.deepEqual(parseQuery(raw).phrases, [], raw);
});

test("names of code are found in prose", () => {
  const cases: [string, string[]][] = [
    ["where is TRPCError thrown", ["TRPCError"]],
    ["how does parse_header() cope with folding", ["parse_header"]],
    ["what calls `open` on startup", ["open"]],
    ["use of Router::handle here", ["Router::handle", "handle"]],
    ["how does the parser read a file", []],
    ["e.g. the GET route", []],
    ["who sets fooBar?", ["fooBar"]],
    ["调用fetchData的地方", ["fetchData"]],
  ];
  for (const [query, identifiers] of cases) assert.deepEqual(parseQuery(query).identifiers, identifiers, query);
});

test("a qualified symbol gives its last part too", () => {
  assert.deepEqual(parseQuery("axum::Router").identifiers, ["axum::Router", "Router"]);
  assert.deepEqual(parseQuery("obj.close()").identifiers, ["obj.close", "close"]);
});

test("a word that is no name by its look is one where it is defined", () => {
  const isDefined = (name: string) => name === "read-line" || name === "read line";
  assert.deepEqual([parseQuery("read-line", isDefined).kind, parseQuery("read-line", isDefined).identifiers], ["symbol", ["read-line"]]);
  assert.deepEqual([parseQuery("read-line").kind, parseQuery("back-off", isDefined).kind, parseQuery("read line", isDefined).kind], ["prose", "prose", "prose"]);
  assert.deepEqual([parseQuery(".read-line", isDefined).kind, parseQuery(".read-line", isDefined).identifiers], ["symbol", ["read-line"]], "a class of a style sheet is written with its dot");
  assert.deepEqual(namesIn(parseQuery("list->vector")), ["list->vector", "vector"]);
});

test("stack traces of many languages give files and lines", () => {
  const cases: [string, string, number][] = [
    ["    at Router.handle (/srv/app/lib/router.js:45:12)", "/srv/app/lib/router.js", 45],
    ['  File "/srv/app/main.py", line 12, in main', "/srv/app/main.py", 12],
    ["\t/go/src/app/db.go:118 +0x1d", "/go/src/app/db.go", 118],
    ["at com.acme.Db.open(Db.java:33)", "Db.java", 33],
    ["   at Acme.Db.Open() in C:\\src\\Db.cs:line 9", "C:/src/Db.cs", 9],
    ["app/models/user.rb:7:in `save'", "app/models/user.rb", 7],
    ["    at load (file:///home/u/load.mjs:10:5)", "/home/u/load.mjs", 10],
    ["    at file:///C:/app/load.mjs:10:5", "C:/app/load.mjs", 10],
    ["    at App (http://localhost:5173/src/App.tsx:22:11)", "/src/App.tsx", 22],
    ["    at App (http://localhost:5173/src/App.tsx?t=123:22:11)", "/src/App.tsx", 22],
    ["render@http://localhost:5173/src/App.tsx:22:11", "/src/App.tsx", 22],
    ["    at Page (webpack-internal:///./app/(auth)/[id]/page.tsx:12:3)", "/./app/(auth)/[id]/page.tsx", 12],
    ["#0 /var/www/Foo.php(12): f()", "/var/www/Foo.php", 12],
    ["PHP Fatal error:  Uncaught Error: no in /var/www/Foo.php on line 12", "/var/www/Foo.php", 12],
    ["src/foo.ts(12,5): error TS2304: Cannot find name 'x'.", "src/foo.ts", 12],
    ["C:\\src\\Db.cs(12,5): error CS0103: no such name", "C:/src/Db.cs", 12],
    ["    at run (bundle.odd:7:1)", "bundle.odd", 7],
  ];
  for (const [line, path, number] of cases) {
    assert.ok(
      parseQuery(line).locations.some((location) => location.path === path && location.line === number),
      `${line} gave ${JSON.stringify(parseQuery(line).locations)}`,
    );
  }
});

test("a query that asks for tests or examples says so", () => {
  assert.equal(parseQuery("unit tests of the parser").asksFor.tests, true);
  assert.equal(parseQuery("parser in:tests").asksFor.tests, true);
  assert.equal(parseQuery("parser IN:Tests").asksFor.tests, true);
  assert.equal(parseQuery("example of a custom handler").asksFor.examples, true);
  assert.equal(parseQuery("latest contest results").asksFor.tests, false);
  for (const [raw, documents] of [["how do I mount a volume", true], ["how to mount a volume", true], ["how is a volume mounted", false], ["how do volumes get mounted", false]] as const) assert.equal(parseQuery(raw).asksFor.documents, documents, raw);
});

test("a trace names functions, not the origins of its files", () => {
  assert.deepEqual(parseQuery("    at async load (file:///a/b.mjs:1:2)\n    at file:///a/c.mjs:3:4").identifiers, ["load"]);
});

test("reading a query costs no more than its length", async () => {
  for (const unit of ["A", "@", "a/", "a.ts:1 ", "at a", "(a(b)", '"', 'path:"', "{,", "哪", "http://"]) await assertGrowsEvenly(2_000, (n) => parseQuery(`x ${unit.repeat(n)} y`));
});

test("of a pasted log the beginning and the end are read", () => {
  const query = parseQuery(`ValueError: alpha\n${Array.from({ length: 20_000 }, (_, i) => `word${i}`).join(" ")}\nomega lang:py`);
  assert.ok(query.terms.length < 2000, `${query.terms.length} terms`);
  assert.ok(["alpha", "omega"].every((word) => query.terms.includes(word)));
  assert.deepEqual(query.filters.langs, ["python"]);
});

test("any text is accepted", () => {
  for (const raw of ["\"", "```", "lang:", "-path:", "(((", "\u0000", "😀 😀", "a".repeat(100_000), ":::", "\n\n"]) {
    assert.doesNotThrow(() => parseQuery(raw), raw.slice(0, 20));
  }
});

test("quotes of a literal demand nothing", () => {
  for (const raw of [`Missing queryFn: '["todos"]'`, 'the field with name="token" of a form', 'rows of [{"some id": 1}] as a list']) assert.deepEqual(parseQuery(raw).phrases, [], raw);
  assert.deepEqual(parseQuery('the ("open file") dialog, "save as".').phrases, ["open file", "save as"]);
});

test("a quoted message is told from the value that it quotes", () => {
  assert.deepEqual(parseQuery('relation "users" does not exist').around, ["relation", "does not exist"]);
  assert.deepEqual(parseQuery("relation does not exist lang:sql").around, ["relation does not exist"]);
  assert.deepEqual(parseQuery('"relation does not exist"').around, []);
});

test("names with a sign at the end are names", () => {
  assert.deepEqual(parseQuery("undefined method `save!' for nil").identifiers, ["save!"]);
  assert.deepEqual(parseQuery("why does save_all! raise").identifiers, ["save_all!", "save_all"]);
});

test("as many paths may be named as anybody names, no more", () => {
  const paths = (count: number, minus = "") => `${minus}path:${Array.from({ length: count }, (_, i) => `./${i}`).join(",")}`;
  assert.equal(parseFilters({ filters: paths(1_000) }).pathGlobs?.length, 1_000);
  for (const filters of [paths(1_001), paths(1_001, "-"), `${paths(501)} ${paths(500, "-")}`]) assert.throws(() => parseFilters({ filters }), /1001 paths.*up to 1000/);
});

test("a row of code is looked for as it stands", () => {
  for (const raw of ["has_many :orders", "new Store()", "zmalloc(sizeof(client))", "c->flags & CLIENT_MULTI", "{% if is_admin %}", "static int anetListen", "color: #c22", 'import { useState } from "react"', "path:src/** return nil, ErrInvalidData"]) assert.equal(parseQuery(raw).fragment, raw.replace("path:src/** ", ""), raw);
  for (const raw of ["retry with back-off", "parseDate", "Store.open", "where is parseDate(text) called", "if (a) {\n  b();\n}", "open()", "error: no such file"]) assert.equal(parseQuery(raw).fragment, undefined, raw);
});
