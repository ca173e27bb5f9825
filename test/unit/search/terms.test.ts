import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { analyse, analyseQuery, analyseQuestion, nameParts, root, splitIdentifier, stem } from "../../../src/search/terms.ts";

test("an identifier is split at case, underscore and digit borders", () => {
  const cases: [string, string[]][] = [
    ["fooBar", ["foo", "bar"]],
    ["HTTPServer", ["http", "server"]],
    ["snake_case_name", ["snake", "case", "name"]],
    ["utf8Decode", ["utf", "8", "decode"]],
    ["__init__", ["init"]],
    ["$scope", ["scope"]],
    ["MAX_SIZE", ["max", "size"]],
    ["straßeÜber", ["straße", "über"]],
  ];
  for (const [word, parts] of cases) assert.deepEqual(splitIdentifier(word), parts, word);
});

test("plurals and verb forms share a stem", () => {
  for (const family of [["header", "headers"], ["parse", "parsed", "parsing", "parses"], ["map", "maps", "mapped", "mapping"], ["retry", "retries"], ["class", "classes"], ["encode", "encoding"]]) {
    assert.equal(new Set(family.map(stem)).size, 1, family.map((w) => `${w}:${stem(w)}`).join(" "));
  }
});

test("the forms of one idea share a root", () => {
  const families = [
    ["serialize", "serializer", "serializers", "serialization", "serializable", "serializing", "serialized"],
    ["parse", "parser", "parsers", "parsing", "parsed"],
    ["validate", "validator", "validation", "validates", "validating"],
    ["encode", "encoder", "encoding", "encoded"],
    ["connect", "connection", "connected", "connections"],
    ["map", "mapping", "mapped", "maps"],
    ["retry", "retries"],
    ["class", "classes"],
    ["create", "creation", "created", "creating"],
    ["configure", "configuration", "configured"],
    ["iterate", "iterator", "iteration", "iterable"],
    ["compress", "compression", "compressed"],
  ];
  for (const family of families) assert.equal(new Set(family.map(root)).size, 1, family.map((w) => `${w}:${root(w)}`).join(" "));
});

test("words that only look alike keep different stems and roots", () => {
  const pairs: [string, string][] = [["string", "str"], ["status", "state"], ["option", "opt"], ["call", "cal"], ["process", "proceed"], ["action", "act"], ["need", "ne"]];
  for (const [a, b] of pairs) for (const form of [stem, root]) assert.notEqual(form(a), form(b), `${a} and ${b}`);
});

test("short words and words with digits or other scripts are not stemmed", () => {
  for (const word of ["is", "bus", "get", "sha256", "größen", "日本"]) assert.equal(stem(word), word);
});

test("a document keeps the whole identifier beside its parts", () => {
  assert.deepEqual(analyse("fetchRequestHandler(req)"), ["fetch", "request", "handler", "fetchrequesthandler", "req"]);
  assert.deepEqual(analyse("max_size"), ["max", "size", "maxsiz"]);
  assert.deepEqual(analyse("a + b"), ["a", "b"]);
  assert.deepEqual(analyse("== {} //"), []);
});

test("snake case, camel case and separate words meet in one term", () => {
  const whole = analyse("RateLimiter").at(-1)!;
  assert.ok(analyse("rate_limiter").includes(whole));
  assert.ok(analyseQuery("rate limiter").includes(whole));
  assert.ok(analyseQuery("where are rate limiters").includes(whole));
  assert.ok(analyseQuery("web socket").includes(analyse("websocket")[0]!));
});

test("stop words leave a query but not a document", () => {
  assert.deepEqual(analyseQuery("how does the parser work"), ["parser"]);
  assert.ok(analyse("the parser").includes("the"));
});

test("a query of stop words alone keeps them", () => {
  assert.deepEqual(analyseQuery("is it"), ["is", "it"]);
  assert.deepEqual(analyseQuery(""), []);
});

test("a query names each term once", () => {
  const terms = analyseQuery("retry retries retrying");
  assert.equal(terms.filter((term) => term === "retry").length, 1);
});

test("text without spaces between words is indexed as pairs of characters", () => {
  assert.deepEqual(analyse("検索結果"), ["検索", "索結", "結果"]);
  assert.ok(analyseQuery("結果").every((term) => analyse("検索結果").includes(term)));
});

test("other words inside such text are words of their own", () => {
  assert.deepEqual(analyse("解析JSON字符串"), ["解析", "json", "字符", "符串"]);
  assert.deepEqual(analyse("用fetchUser取"), ["用", "fetch", "user", "取"]);
  assert.deepEqual(analyse("サーバー"), ["サー", "ーバ", "バー"]);
  assert.deepEqual(nameParts("解析JSON"), ["解析", "json"]);
});

test("a term never holds a character that a tokenizer would split at", () => {
  const text = "a_b $x foo-bar ns::path obj.method() `tick` it's 3.14 é_à";
  for (const term of [...analyse(text), ...analyseQuery(text)]) assert.match(term, /^[\p{L}\p{N}]+$/u);
});

test("a question's past forms meet the verbs that code is named by", () => {
  assert.ok(["stolen", "written", "steal", "write"].every((term) => analyseQuestion("where are Stolen bytes written").includes(stem(term))));
  assert.deepEqual(analyseQuestion("where are upper bounds found"), analyseQuery("where are upper bounds found"));
  assert.deepEqual(nameParts("bytesWritten"), nameParts("bytesWrite"));
  assert.equal(root("stolen"), root("steal"));
});

test("the parts of a name come without the whole", () => {
  assert.deepEqual(nameParts("node-http/nodeHTTPRequestHandler"), ["node", "http", "request", "handl"]);
});

test("a long run of letters is one term and is not remembered as an identifier", () => {
  const blob = "aB".repeat(5000);
  assert.ok(analyse(blob).every((term) => term.length <= 64));
});

test("letters that differ by their place in a word or by history are one", () => {
  assert.deepEqual(analyse("ΛΟΓΟΣ λόγος"), ["λογοσ", "λόγοσ"]);
  assert.deepEqual(analyse("\u00b5Seconds"), analyse("\u03bcSeconds"));
  assert.deepEqual(analyse("Straße İstanbul"), ["straße", "i\u0307stanbul"]);
});

test("a remembered word does not keep the text alive in which it stood", () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const used = (): number => (gc(), process.memoryUsage().heapUsed);
  const before = used();
  for (let n = 0; n < 20; n++) analyse(`${";".repeat(1_000_000)} rememberedidentifier${n} somethingElseEntirely${n}`);
  assert.ok(used() - before < 5e6, `${((used() - before) / 1e6).toFixed(1)} MB stayed`);
});
