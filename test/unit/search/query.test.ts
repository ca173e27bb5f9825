import assert from "node:assert/strict";
import { test } from "node:test";
import { parseQuery, type QueryKind } from "../../../src/search/query.ts";

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
    ["how is a ValueError raised", "prose"],
    ["    at Router.handle (/srv/app/lib/router.js:45:12)", "trace"],
    ['File "/srv/app/main.py", line 12, in main', "trace"],
    ["src/store/db.go:118", "trace"],
    ["thread 'main' panicked at src/main.rs:4:5", "trace"],
    ["const x = foo(bar);\nreturn x.map((y) => y + 1);", "code"],
    ["for (int i = 0; i < n; i++) { sum += a[i]; }", "code"],
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
});

test("something that only looks like a filter stays text", () => {
  for (const raw of ["std::vector lang:", "note: this", "in:tests-old thing", "http://example.com/path:x"]) {
    const query = parseQuery(raw);
    assert.deepEqual(query.filters, {}, raw);
    assert.equal(query.text, raw);
  }
});

test("quoted text must occur, and is also searched for", () => {
  const query = parseQuery('where is "connection reset by peer" logged');
  assert.deepEqual(query.phrases, ["connection reset by peer"]);
  assert.ok(query.text.includes("connection reset by peer"));
  assert.ok(!query.text.includes('"'));
});

test("quotes in pasted code and in messages demand nothing", () => {
  assert.deepEqual(parseQuery('TypeError: missing "name" in request body').phrases, []);
  assert.deepEqual(parseQuery('log("a b");\nconst x = {"k": 1};').phrases, []);
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
  ];
  for (const [query, identifiers] of cases) assert.deepEqual(parseQuery(query).identifiers, identifiers, query);
});

test("a qualified symbol gives its last part too", () => {
  assert.deepEqual(parseQuery("axum::Router").identifiers, ["axum::Router", "Router"]);
  assert.deepEqual(parseQuery("obj.close()").identifiers, ["obj.close", "close"]);
});

test("stack traces of many languages give files and lines", () => {
  const cases: [string, string, number][] = [
    ["    at Router.handle (/srv/app/lib/router.js:45:12)", "/srv/app/lib/router.js", 45],
    ['  File "/srv/app/main.py", line 12, in main', "/srv/app/main.py", 12],
    ["\t/go/src/app/db.go:118 +0x1d", "/go/src/app/db.go", 118],
    ["at com.acme.Db.open(Db.java:33)", "Db.java", 33],
    ["   at Acme.Db.Open() in C:\\src\\Db.cs:line 9", "C:/src/Db.cs", 9],
    ["app/models/user.rb:7:in `save'", "app/models/user.rb", 7],
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
  assert.equal(parseQuery("example of a custom handler").asksFor.examples, true);
  assert.equal(parseQuery("latest contest results").asksFor.tests, false);
});

test("any text is accepted", () => {
  for (const raw of ["\"", "```", "lang:", "-path:", "(((", "\u0000", "😀 😀", "a".repeat(100_000), ":::", "\n\n"]) {
    assert.doesNotThrow(() => parseQuery(raw), raw.slice(0, 20));
  }
});
