import assert from "node:assert/strict";
import { test } from "node:test";
import type { Coverage, Hit, IndexState, Status } from "../../../src/engine/protocol.ts";
import { coverageLine, coverageLines, renderDuplicates, renderHits, renderLeftOut, renderLines, renderStatus, scoreBar, stateLine, worstState } from "../../../src/cli/render.ts";
import { bytes, clip, painter, printable, processTerminal } from "../../../src/cli/terminal.ts";

const plain = painter(false);
const hit: Hit = {
  path: "src/store/open.ts",
  startLine: 98,
  endLine: 103,
  line: 99,
  symbol: "openIndex",
  kind: "function",
  lang: "typescript",
  breadcrumb: "Store > files",
  snippet: "/** Opens it. */\nfunction openIndex() {\n  lock();\n\tconst graph = loadGraph();\n  verify(graph);\n}",
  score: 2,
  depth: "deep",
  why: [{ signal: "dense", value: 0.71, contribution: 1.5 }, { signal: "test file", value: 1, contribution: -0.25 }],
};
const options = { paint: plain, columns: 80, query: "verify the graph", explain: false };

test("a hit is a place to click, where its name stands, its name, where it stands, and the three lines that say most", () => {
  assert.equal(
    renderHits([hit], options),
    [
      "src/store/open.ts:99  openIndex  ▰▰▰▰▰ 2.00 deep",
      "  Store > files",
      "  100 │   lock();",
      "  101 │   const graph = loadGraph();",
      "  102 │   verify(graph);",
      "",
    ].join("\n"),
  );
});

test("explaining adds each signal's share with its sign", () => {
  const text = renderHits([hit], { ...options, explain: true });
  assert.match(text, /\+1\.500 {2}dense \(0\.710\)/);
  assert.match(text, /−0\.250 {2}test file \(1\.000\)/);
});

test("a hit of similar code says what it is to the code that was asked about", () => {
  assert.match(renderHits([{ ...hit, likeness: { kind: "renamed" } }, hit], options), /^src\/store\/open\.ts:99 {2}openIndex {2}copy with other names {2}▰[^]*\n\nsrc\/store\/open\.ts:99 {2}openIndex {2}▰/);
});

test("hits without a name or a breadcrumb leave no gaps", () => {
  const text = renderHits([{ ...hit, line: 98, symbol: "", breadcrumb: "", snippet: "x" }], options);
  assert.equal(text, "src/store/open.ts:98  ▰▰▰▰▰ 2.00 deep\n  98 │ x\n");
});

test("source text cannot send escape sequences to the terminal", () => {
  const text = renderHits([{ ...hit, snippet: "\x1b]0;owned\x07 \x9b31m \u202e", symbol: "a\x1b[2J", path: "b\nc.ts" }], options);
  assert.equal(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(text), false);
  assert.match(text, /^b·c\.ts:99/);
});

test("colours appear only when asked for", () => {
  assert.equal(renderHits([hit], options).includes("\x1b"), false);
  assert.equal(renderHits([hit], { ...options, paint: painter(true) }).includes("\x1b["), true);
  assert.ok(processTerminal({}).columns >= 40);
});

test("long lines are cut to the terminal", () => {
  for (const line of renderHits([{ ...hit, snippet: "x".repeat(500) }], options).split("\n").slice(1)) assert.ok(line.length <= 80, `${line.length}`);
});

test("of a longer piece the lines with most words of the query are shown, and what follows them", () => {
  const numbers = (query: string): string[] => [...renderHits([hit], { ...options, query }).matchAll(/^ *(\d+) │/gm)].map(([, number]) => number!);
  assert.deepEqual(numbers("take the lock"), ["99", "100", "101"]);
  assert.deepEqual(numbers("zebra"), ["98", "99", "100"]);
  const late = { ...hit, snippet: `import a from "a";\nimport b from "b";\n\n${hit.snippet}` };
  assert.match(renderHits([late], { ...options, query: "" }), /│ \/\*\* Opens it[^]*│ function openIndex/, "without words, those that name it");
  assert.match(renderLines([late], { query: "" }), /:102:1:function openIndex/);
  assert.match(renderHits([late], { ...options, query: "zebra" }), /│ \/\*\* Opens it[^]*│ function openIndex/, "and where none of its words is there");
  assert.match(renderLines([late], { query: "zebra" }), /:102:1:function openIndex/);
});

test("of lines that say as much the one with the name is shown", () => {
  const late = { ...hit, symbol: "Circle", snippet: "class Shape:\n    pass\n\n\n@final\nclass Circle(Shape):\n    pass" };
  assert.match(renderHits([late], { ...options, query: "subclasses of Shape" }), /102 │ @final\n +103 │ class Circle\(Shape\):\n +104 │ {5}pass\n/);
  assert.match(renderLines([late], { query: "subclasses of Shape" }), /:103:1:class Circle\(Shape\):/);
  const above = { ...hit, snippet: "import a;\nimport b;\nfunction openIndex(folder) {\n  check(folder);\n  lock();\n}" };
  assert.match(renderHits([above], { ...options, query: "lock" }), /100 │ function openIndex[^]*102 │ {3}lock/, "and kept in sight");
});

test("a line for each hit, of what says most of the query, as editors read it", () => {
  const snippet = "function openStore(folder) {\n\tconst lock = takeLock(folder);\n\treturn lock;\n}";
  const lines = renderLines([{ ...hit, startLine: 10, snippet }, { ...hit, path: "b\nc.ts", startLine: 3, snippet: "x" }], { query: "take the lock of a folder" });
  assert.equal(lines, `${hit.path}:11:2:const lock = takeLock(folder);\nb\\nc.ts:3:1:x\n`.replace("b\\nc.ts", printable("b\nc.ts")));
  assert.match(renderLines([{ ...hit, startLine: 10, snippet }], { query: "" }), /:10:1:function openStore/);
});

test("no hit of an answer that is none is drawn as a good one", () => {
  assert.match(renderHits([hit], { ...options, farFetched: true }), /^src\/store\/open\.ts:99  openIndex  ▰▱▱▱▱ 2\.00 deep$/m);
});

test("the score bar is relative to the best hit and never empty", () => {
  assert.equal(scoreBar(10, 10), "▰▰▰▰▰");
  assert.equal(scoreBar(5, 10), "▰▰▰▱▱");
  assert.equal(scoreBar(-3, 10), "▰▱▱▱▱");
  assert.equal(scoreBar(-3, 0), "▰▱▱▱▱");
});

const whole: Coverage = { files: 5000, chunks: 20_000, instant: 20_000, shallow: 20_000, deep: 20_000 };
const partial: Coverage = { files: 1204, chunks: 4000, instant: 4000, shallow: 0, deep: 0 };
const scanning: IndexState = { kind: "scanning", progress: { phase: "instant", done: 1204, total: 5000, unit: "files" } };
const coverages: readonly [string, Coverage, IndexState, "instant" | "deep", RegExp | undefined][] = [
  ["everything was read", whole, { kind: "ready" }, "deep", undefined],
  ["instant answers do not apologise for missing depth", { ...whole, deep: 0 }, { kind: "ready" }, "instant", undefined],
  ["files are still missing", partial, scanning, "deep", /^Searched 1,204 of 5,000 files found so far; indexing goes on\./],
  ["the number of files is not known yet", { ...partial, files: 1 }, { kind: "scanning", progress: { phase: "discover", done: 0, total: 0, unit: "files" } }, "deep", /^Searched 1 file so far;/],
  ["nothing is indexed", { ...partial, files: 0 }, { kind: "absent" }, "deep", /^Searched 0 files so far;/],
  ["depth is missing", { ...whole, deep: 4000 }, { kind: "ready" }, "deep", /^Searched all 5,000 files; 4,000 of 20,000 chunks read at full depth/],
  ["indexing failed", whole, { kind: "failed", code: "index.diskFull", reason: "The disk is full." }, "deep", /^Indexing stopped: The disk is full\.$/],
  ["indexing is paused", whole, { kind: "paused", reason: "On battery." }, "deep", /paused: On battery\./],
];
for (const [name, coverage, state, depth, expected] of coverages)
  test(`coverage: ${name}`, () => {
    const line = coverageLine(coverage, state, depth);
    if (expected === undefined) assert.equal(line, undefined);
    else assert.match(line ?? "", expected);
  });

test("of several folders those are named that cannot be searched whole, and what is not as deep yet is told of all together", () => {
  const part = (name: string, state: IndexState, deep = 100) => ({ name, state, coverage: { files: 10, chunks: 100, instant: 100, shallow: 100, deep } });
  const lines = (...parts: ReturnType<typeof part>[]) => coverageLines(parts, "deep");
  const [ready, paused]: IndexState[] = [{ kind: "ready" }, { kind: "paused", reason: "r" }];
  assert.deepEqual(lines(part("a", ready!), part("b", ready!)), []);
  assert.deepEqual(lines(part("a", ready!, 40), part("b", { kind: "deepening", progress: { phase: "deep", done: 1, total: 2, unit: "chunks" } }, 20)), ["Searched all 20 files; 60 of 200 chunks read at full depth so far, the others at a lower one."]);
  assert.deepEqual(lines(part("a", paused!), part("b", scanning), part("c", scanning), part("d", ready!, 5)), ["a: Indexing is paused: r", "b, c: Searched 20 of 10,000 files found so far; indexing goes on. Add --wait for an answer from all of them."]);
  assert.deepEqual(lines(part("a", scanning)), [coverageLine(part("a", scanning).coverage, scanning, "deep")]);
  assert.deepEqual([worstState([part("a", ready!), part("b", paused!), part("c", scanning)]).kind, worstState([]).kind], ["paused", "ready"]);
});

test("duplicates are grouped by what they are", () => {
  const members = [{ path: "a.ts", startLine: 1, endLine: 9, symbol: "f", snippet: "f" }, { path: "b.ts", startLine: 4, endLine: 12, symbol: "", snippet: "f" }];
  const text = renderDuplicates([{ kind: "exact", similarity: 1, lines: 9, members }, { kind: "semantic", similarity: 0.934, measure: "cosine", lines: 9, members }, { kind: "semantic", similarity: 0.779, measure: "tokens", lines: 9, members }], plain, "lib");
  assert.match(text, /^Exact copies · 9 lines · 2 places\n {2}lib\/a\.ts:1-9 {2}f\n {2}lib\/b\.ts:4-12\n/);
  assert.match(text, /Nearly the same meaning · 9 lines · 2 places · cosine 0\.93\n/);
  assert.match(text, /Copies with a part changed · 9 lines · 2 places · 77 % of the tokens shared\n/);
});

test("status says what is left out, largest first, and repeats warnings", () => {
  const status: Status = {
    state: { kind: "deepening", progress: { phase: "deep", done: 10, total: 100, unit: "chunks" } },
    root: "/w", indexFolder: "/c", coverage: { files: 3, chunks: 100, instant: 100, shallow: 50, deep: 10 }, changes: 1,
    model: { id: "m", version: "1", folder: "/m" }, skipped: { secret: 1, binary: 20 }, warnings: ["Watch limit reached."],
    languages: { go: 2, rust: 1 }, memoryBytes: 1.5e8, indexBytes: 999,
  };
  const text = renderStatus(status, plain);
  assert.match(text, /State +Reading at full depth: 10 of 100 chunks\n/);
  assert.match(text, /instant 100 %, shallow 50 %, deep 10 %/);
  assert.match(text, /Left out +binary 20, secret 1 \(--left-out lists them\)\n/);
  assert.match(text, /Warning +Watch limit reached\.\n/);
});

test("where the background rests early, the status says so, and answers do not promise more", () => {
  const coverage = { files: 3, chunks: 1_000_000, instant: 1_000_000, shallow: 200_100, deep: 200_100 };
  const status: Status = { state: { kind: "ready" }, root: "/w", indexFolder: "/c", coverage, changes: 1, model: { id: "m", version: "1", folder: "/m" }, skipped: {}, warnings: [], languages: {}, memoryBytes: 1, indexBytes: 1 };
  assert.match(renderStatus(status, plain), /Note +In a workspace this large the 200,000 most recently changed pieces of code are read deeply by themselves/);
  assert.doesNotMatch(renderStatus({ ...status, coverage: { ...coverage, deep: 0 } }, plain), /Note/, "only instant depth is wanted");
  assert.equal(coverageLine(coverage, status.state, "deep"), undefined);
});

test("status says when the model is a terminal's --model", () => {
  const status = { state: { kind: "ready" }, root: "/w", indexFolder: "/c", coverage: { files: 0, chunks: 0, instant: 0, shallow: 0, deep: 0 }, changes: 0, skipped: {}, warnings: [], languages: {}, memoryBytes: 1, indexBytes: 1 } as const;
  assert.match(renderStatus({ ...status, model: { id: "m", version: "1", folder: "/m", isPassing: true } }, plain), /Model +m 1 \(asked for with --model; .* until the engine ends\)\n/);
  assert.match(renderStatus({ ...status, model: { id: "m", version: "1", folder: "/m", note: "It is old." } }, plain), /Model +m 1\n +It is old\. \("strata train", "strata models use bundled"\)\nIndex/);
  assert.match(renderStatus({ ...status, model: { id: "m", version: "1", folder: "/m" } }, plain), /Model +m 1\nIndex/);
});

test("what is left out is listed with its reason, and what the list lacks is counted", () => {
  const list = [{ path: "a.bin", reason: "binary" }, { path: "x\u001b/.env", reason: "secret" }];
  assert.equal(renderLeftOut(list, { secret: 3, binary: 1 }, plain), "binary  a.bin\nsecret  x·/.env\nsecret  and 2 more\n");
  assert.match(renderLeftOut([], {}, plain), /^Nothing is left out/);
});

test("every state has words", () => {
  const states: readonly IndexState[] = [{ kind: "absent" }, scanning, { kind: "ready" }, { kind: "paused", reason: "r" }, { kind: "failed", code: "c", reason: "r" }];
  assert.deepEqual(states.map(stateLine), ["not indexed yet", "Reading files: 1,204 of 5,000 files", "ready", "paused: r", "failed (c): r"]);
});

test("sizes and clipping", () => {
  assert.deepEqual([0, 999, 1000, 9_949, 12_345_678, 3e9].map(bytes), ["0 B", "999 B", "1.0 kB", "9.9 kB", "12 MB", "3.0 GB"]);
  assert.equal(clip("abcdef", 4), "abc…");
  assert.equal(clip("abc", 4), "abc");
  assert.equal(printable("a\tb"), "a  b");
  assert.equal(printable("a\u200f\u061cb\u{e0041}\u001b[31m"), "a··b··[31m", "marks of the writing direction and letters that nobody sees");
});

test("colours are for terminals whose owners want them", (t) => {
  const before = Object.getOwnPropertyDescriptor(process.stdout, "isTTY");
  Object.defineProperty(process.stdout, "isTTY", { value: true, configurable: true });
  t.after(() => (before ? Object.defineProperty(process.stdout, "isTTY", before) : Reflect.deleteProperty(process.stdout, "isTTY")));
  assert.deepEqual([{}, { NO_COLOR: "" }, { NO_COLOR: "1" }, { TERM: "dumb" }].map((env) => processTerminal(env).outColour), [true, true, false, false]);
});
