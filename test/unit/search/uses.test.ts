import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gatherCandidates } from "../../../src/search/candidates.ts";
import { parseQuery } from "../../../src/search/query.ts";
import { rank } from "../../../src/search/ranking.ts";
import { candidateFeatures } from "../../../src/search/search.ts";
import { relatedAmong } from "../../../src/search/relations.ts";
import { usesOf } from "../../../src/search/uses.ts";
import type { Place } from "../../../src/store/store.ts";
import { type MemoryChunk, MemoryStore } from "../../support/memoryStore.ts";

describe("the name whose uses a question asks for", () => {
  const isDefined = (name: string): boolean => ["refresh", "cache", "it"].includes(name);
  for (const [question, name] of [
    ["who calls parseDate", "parseDate"],
    ["who calls the function parse_date?", "parse_date"],
    ["what functions call parseDate", "parseDate"],
    ["callers of `save`", "save"],
    ["find all usages of Store.open", "open"],
    ["where is retry() used", "retry"],
    ["where are _handlers invoked", "_handlers"],
    ["where do we call std::sort", "sort"],
    ["is parseDate still used anywhere", "parseDate"],
    ["everything that uses HttpClient", "HttpClient"],
    ["parseDate callers", "parseDate"],
    ["who calls refresh", "refresh"],
    ["who calls `save!`", "save!"],
    ["where is `$scope` used", "$scope"],
    ["what does parseDate call formatDate for", undefined],
    ["what the parser uses parseDate for", undefined],
    ["where is config.json used", undefined],
    ["references to package.json", undefined],
    ["what uses node.js", undefined],
    ["callers of Store.diff", "diff"],
    ["where is Math.exp() used", "exp"],
    ["usages of `editor.text`", "text"],
    ["callers of build()", "build"],
    ["where is refresh called?", "refresh"],
    ["who calls the refresh of the token first", undefined],
    ["what uses the cache", undefined],
    ["who calls it", undefined],
    ["who calls somebody", undefined],
    ["how parse errors are returned to the caller", undefined],
    ["keep object references when equal", undefined],
    ["where is parseDate", undefined],
  ] as const)
    it(`of "${question}" is ${name ?? "none"}`, () => assert.deepEqual(parseQuery(question, isDefined).relation, name === undefined ? undefined : { kind: "uses", name }));
});

it("a place uses a name that it calls or says in code, and not one that it defines", () => {
  const uses = (text: string, symbols: string[] = [], lang = "typescript") => usesOf("parseDate")({ text, symbols, lang });
  assert.equal(uses("const at = parseDate(text);"), 1);
  assert.equal(uses("const at = parseDate<Local>(text);"), 1);
  assert.equal(uses("rows.map(parseDate)"), 0.8);
  assert.equal(uses("const how = parseDateTime(text);"), 0);
  assert.equal(uses("function parseDate(text) {\n  return parseDate(text.trim());\n}", ["parseDate"]), 0);
  assert.equal(uses("const parseDate = (text) => 0;\nconst today = () => parseDate('today');\nconst never = () => parseDate('');", ["parseDate", "today", "never"]), 1);
  for (const mention of ["// parseDate(text) would do", 'import { parseDate } from "./dates";', "What parseDate makes of it.", "all = ['parseDate']", "throw new Error('parseDate() gave nothing');"]) assert.equal(uses(mention), 0.3, mention);
  assert.equal(uses("Call parseDate(text).", [], "markdown"), 0.3);
  assert.equal(uses("  parseDate today", [], "bash"), 0.8);
  assert.equal(uses('log(`at ${parseDate(text)}`, "now is {parseDate(now)} here");'), 1);
  for (const code of ["*out = parseDate(text);", "#define DAY(x) parseDate(x)", "using (var at = parseDate(text)) {", "x = 1'000; parseDate(x); y = 2'000;"]) assert.equal(uses(code, [], "cpp"), 1, code);
  assert.equal(uses('<a @click="parseDate(item, 1)">', [], "vue"), 1);
  assert.equal(uses(" * parseDate(text) would do"), 0.3);
  assert.equal(uses(`"${"\\\" ".repeat(300)}\n`.repeat(40) + "parseDate"), 0.3, "quotes that never end");
  assert.equal(usesOf("$scope")({ text: "$scope.items = load();", symbols: [], lang: "javascript" }), 0.8);
  assert.equal(uses("fn at<'a>(text: &'a str) { parseDate(text) as &'a Date }", [], "rust"), 1);
});

it("what a file says of a name that it defines is no use of it, unless it runs", () => {
  const places = [
    { path: "dates.cmake", text: "  parse_date(OUT text)", symbols: [], kind: "block" },
    { path: "dates.cmake", text: "function(PARSE_DATE out)", symbols: ["PARSE_DATE"], kind: "function" },
    { path: "order.cmake", text: "parse_date(at due)", symbols: [], kind: "block" },
    { path: "main.py", text: "def main(): pass", symbols: ["main"], kind: "function" },
    { path: "main.py", text: "main()", symbols: [], kind: "module" },
  ].map((place) => ({ place: { breadcrumb: "", lang: "cmake", ...place } as unknown as Place }));
  const uses = (name: string) => places.map(({ place }) => relatedAmong({ kind: "uses", name }, places)(place));
  assert.deepEqual(uses("parse_date"), [0.3, 0, 1, 0, 0]);
  assert.deepEqual(uses("main"), [0, 0, 0, 0, 1]);
});

it("who asks for callers gets them before the definition and what is called alike, all of a file too", () => {
  const chunks: MemoryChunk[] = [
    { path: "dates.ts", text: "function parseDate(text) {}", symbols: ["parseDate"] },
    { path: "alike.ts", text: "function parseDates(calls) {}", symbols: ["parseDates"] },
    { path: "order.ts", text: "function ship(order) { order.at = parseDate(order.text); }", symbols: ["ship"], startLine: 1, endLine: 3 },
    { path: "order.ts", text: "function bill(order) { send(parseDate(order.due)); }", symbols: ["bill"], startLine: 5, endLine: 7 },
    ...Array.from({ length: 30 }, (_, i): MemoryChunk => ({ path: `near${i}.ts`, text: `parse the date of calls ${i}`, symbols: [`parse${i}`] })),
  ];
  const store = new MemoryStore(chunks);
  const query = parseQuery("who calls parseDate");
  const candidates = gatherCandidates(store, query, undefined, 10, "");
  const ranked = rank(candidates.items, candidateFeatures({ store, encoder: undefined }, query, undefined, candidates), query, 10);
  assert.deepEqual(ranked.slice(0, 3).map(({ candidate: { place } }) => place.symbols[0]).sort(), ["bill", "parseDate", "ship"]);
  assert.notEqual(ranked[0]!.candidate.place.symbols[0], "parseDate");
  assert.ok(ranked.every(({ features }) => features.every(Number.isFinite)));
});

it("a name may end with a sign", () => {
  const place = (text: string) => ({ text, symbols: [], lang: "ruby" });
  for (const name of ["save!", "empty?", "$el", "a+b", "x=", "[]"]) assert.ok(usesOf(name)(place(`  ${name}(1)`)) > 0.5, name);
});
