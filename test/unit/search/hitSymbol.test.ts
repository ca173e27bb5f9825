import assert from "node:assert/strict";
import { test } from "node:test";
import { fittingSymbol, lineOf, mainSymbol } from "../../../src/search/hitSymbol.ts";
import { parseQuery } from "../../../src/search/query.ts";

/** @param rare words that hardly any code has; all others stand everywhere. */
function shown(text: string, symbols: readonly string[], rare: readonly string[] = [], code = "", lang = "typescript", breadcrumb = ""): string {
  const query = parseQuery(text);
  return fittingSymbol(query, query.terms.map((term) => (rare.includes(term) ? 5 : 0)))({ symbols, text: code, lang, breadcrumb });
}

test("a name that the query writes out wins, whatever its case, over one that has its words", () => {
  assert.equal(shown("readHeader", ["HEADER_SIZE", "readHeaderLines", "readHeader"]), "readHeader");
  assert.equal(shown("readheader", ["readHeaderLines", "readHeader"]), "readHeader");
  assert.equal(shown("where does Parser.readHeader read the header lines", ["readHeaderLines", "readHeader"]), "readHeader");
});

test("of names in part the nearest in length wins", () => {
  assert.equal(shown("rateLimit", ["rateLimiterOfOneClient", "rateLimits", "rate"]), "rateLimits");
});

test("the name with most of the question's words wins, rare words before common ones", () => {
  assert.equal(shown("how are expired sessions removed", ["SESSION_LIMIT", "sessionOf", "removeExpiredSessions"]), "removeExpiredSessions");
  assert.equal(shown("close the idle socket", ["closeSocket", "idle"], ["idle"]), "idle");
  assert.equal(shown("close the idle socket", ["idle", "closeSocket"]), "closeSocket");
});

test("what implements the type in the row above its members is called by what it belongs to", () => {
  const code = "#[cfg(unix)]\nimpl<T> Store for Disk<T> {\n    type Error = io::Error;\n    fn open(&self) {}\n}";
  const asked = (question: string, breadcrumb: string) => shown(question, ["Error", "open"], [], code, "rust", breadcrumb);
  assert.equal(asked("what implements Store", "io > Disk"), "Disk");
  assert.equal(lineOf({ text: code, startLine: 10, endLine: 14 }, "Disk"), 11);
  assert.equal(asked("what implements Store", ""), "Error");
  assert.equal(asked("what implements Cache", "Disk"), "Error");
  assert.equal(asked("where is open", "Disk"), "open");
});

test("with the same words the shorter name wins", () => {
  assert.equal(shown("encode a value", ["encodeEverythingTwice", "encode"]), "encode");
});

test("the first name stays when no other fits better", () => {
  assert.equal(shown("something else entirely", ["ALPHABET", "toBase62"]), "ALPHABET");
  assert.equal(shown("session cookies", ["Session", "readSession"]), "Session");
  assert.equal(shown("const a = readSession(b);\nif (a) { return a(); }", ["Session", "readSession"]), "Session");
  assert.equal(shown("anything", []), "");
});

test("what stands below a name, and in the comment above it, speaks for it", () => {
  const code = 'variable "prefix" {\n  description = "Prepended to all names"\n}\n\n# Seconds a worker has for one order.\nvariable "timeout" {\n  default = 45\n}\n\nvariable "topic" {}';
  const names = ["prefix", "timeout", "topic"];
  const rare = ["worker", "order", "prepend", "name", "prefix"];
  assert.equal(shown("how long may a worker hold an order", names, rare, code), "timeout");
  assert.equal(shown("what is prepended to names", names, rare, code), "prefix");
  assert.equal(shown("prefix of the order", names, rare, code), "prefix");
  assert.equal(shown("something else entirely", names, rare, code), "prefix");
});

test("a row with a name is no comment of the next one, though it begins with an annotation", () => {
  const code = "@Test fun ships() { ship(order, customer) }\n@Test fun pays() { other() }";
  assert.equal(shown("which order is shipped to a customer", ["ships", "pays"], ["order", "customer"], code, "kotlin"), "ships");
});

test("of small functions the one that calls what is asked for, not the one that is called", () => {
  const code = "const save = (order) => 1;\nconst load = () => 0;\nconst ship = (order) => save(order);";
  assert.equal(shown("who calls `save`", ["save", "load", "ship"], ["save"], code), "ship");
  assert.equal(shown("callers of Store.open", ["open", "ship"], ["open"], "function open() {}\nfunction ship() { Store.open(1); }"), "ship", "whoever it belongs to");
  assert.equal(shown("who calls `parse_date`", ["alpha", "beta"], ["date"], "alpha() { date; }\nbeta() { parse_date today; }", "bash"), "beta", "where calls have no brackets");
  const before = "const http = create();\nhttp.retry(() => refresh());\nlet pending = null;\nexport function refresh() {\n  return (pending ??= http.post());\n}";
  assert.equal(shown("who calls `refresh`", ["http", "pending", "refresh"], ["refresh"], before), "http");
});

test("names may hold any sign", () => {
  const signs = Array.from({ length: 0x7f - 0x21 }, (_, i) => String.fromCharCode(0x21 + i)).filter((sign) => !/[\w.#:]/.test(sign));
  for (const sign of signs) {
    const name = `script_name${sign}`;
    assert.equal(shown("who sets the name of the script", ["host", name], ["script", "name"], `def host\nend\ndef ${name}(value)\nend`), name);
  }
  assert.equal(shown("who calls `save!`", ["save!", "ship"], ["save"], "def save!\nend\ndef ship\n  save!()\nend"), "ship");
});

test("where nobody asked in words a function's name comes before that of a constant in front of it", () => {
  const text = 'const ALPHABET = "abc";\n\nexport function isValid(code: string) {}';
  assert.equal(mainSymbol({ kind: "function", symbols: ["ALPHABET", "Coupon.isValid"], text }), "Coupon.isValid");
  for (const constant of ["const now = Date.now();", "const now = setNow();", "let known, now;"]) assert.equal(mainSymbol({ kind: "function", symbols: ["now", "elapsed"], text: `${constant}\nfunction elapsed(since = now()) {}` }), "elapsed", constant);
  assert.equal(mainSymbol({ kind: "function", symbols: ["limit", "M.open"], text: "local limit = 3\nfunction M.open(file)" }), "M.open");
  assert.equal(mainSymbol({ kind: "function", symbols: ["limit", "open"], text: "var limit = 3;\nexports.open = function open(file) {}" }), "open");
  assert.equal(mainSymbol({ kind: "class", symbols: ["ALPHABET", "isValid"], text }), "ALPHABET");
  assert.equal(mainSymbol({ kind: "function", symbols: ["loop"], text: "loop: while (true) {}" }), "loop");
  assert.equal(mainSymbol({ kind: "function", symbols: [], text }), "");
});

test("the line of a name is the one that defines it, below comments and attributes and behind whatever calls it before", () => {
  for (const [symbol, text, line] of [
    ["parseThing", "/**\n * parseThing reads it.\n */\nexport function parseThing(text: string) {", 4],
    ["parse", "const header = parse(text);\n\nexport function parse(text) {", 3],
    ["Parser.parse", "  @cached()\n  // parse() once\n  async parse(text) {\n    return this.parse(text);", 3],
    ["handle", "    void first() { handle(); }\n\n    @Override\n    public void handle() {}", 4],
    ["handle", "    if (busy) handle();\n  void handle() {}", 2],
    ["total", "@property\ndef total(self):", 2],
    ["close", "  other.close();\n  void\n  close() {", 3],
    ["LIMIT", "# How many.\nLIMIT = 3", 2],
    ["logf", "\tt.logf(format)\n}\n\nfunc (t *Transport) logf(format string) {", 4],
    ["open_index", "static int\nopen_index(const char *path)\n{", 2],
    ["Rejection", "#[async_trait]\nimpl FromRequest for Form {\n    type Rejection = FormRejection;", 3],
    ["size_type", "size_type count() const;\ntypedef std::size_t size_type;", 2],
    ["exports.open", "// opens\nexports.open = function (file) {", 2],
    ["HEADER_TTL", '-define(HEADER_TTL, "x-ttl").\n-define(HEADERS, [\n  ?HEADER_TTL,', 1],
    ["frame", "-define(FRAME, #frame{}).\n-record(frame, {", 2],
    ["save!", "# Saves.\ndef save!\n  true", 2],
    ["timeout", 'variable "prefix" {}\n\nvariable "timeout" {', 3],
    ["main", "    int main() {}", 1],
    ["gone", "nothing\nof it", 1],
    ["", "// only a comment\nx", 1],
  ] as const)
    assert.equal(lineOf({ text, startLine: 101, endLine: 101 + text.split("\n").length - 1 }, symbol), 100 + line, `${symbol}: ${text}`);
  assert.equal(lineOf({ text: "a\nfunction b() {}", startLine: 7, endLine: 7 }, "b"), 7, "of a piece of one line");
});

test("so it is for names of signs and for private ones, which begin as comments do", () => {
  const operators = "struct P {\n  // static [ here\n  static int count;\n  T* operator->() const;\n  P operator/(P o);\n  P& operator/=(P o);\n  bool operator<<(P o);\n  bool operator<(P o);\n};";
  const members = "class A {\n  // #open() is called by\n  run() { return this.#open(); }\n  /** Opens. */\n  #open() {\n    this.#size++;\n  }\n  static #size = 0;\n  'a b'() {}\n}";
  for (const [text, symbol, row] of [
    [operators, "operator->", 4],
    [operators, "operator/", 5],
    [operators, "operator/=", 6],
    [operators, "operator<", 8],
    [members, "#open", 5],
    [members, "#size", 8],
    [members, "'a b'", 9],
    ["# x\nvariable = 1\nbuild/:\n\tmkdir build/", "build/", 3],
  ] as const)
    assert.equal(lineOf({ text, startLine: 1, endLine: 99 }, symbol), row, symbol);
});

test("no pattern is made for a name: to compile it takes longer than all else about a hit", (t) => {
  const made = t.mock.method(globalThis, "RegExp");
  assert.equal(lineOf({ text: "// ships\nconst rows = [];\nfunction ship(order) {}", startLine: 5, endLine: 7 }, "ship"), 7);
  assert.equal(shown("where are orders shipped", ["rows", "ship"], ["ship"], "const rows = [];\nfunction ship(order) {}"), "ship");
  assert.equal(made.mock.callCount(), 0);
});
