import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Filters, ViewState } from "../../../src/webview/messages.ts";
import { nothingFound, startPage } from "../../../src/webview/noHits.ts";
import { handlers, textOf } from "../../support/templates.ts";

const coverage = { files: 12, chunks: 40, instant: 40, shallow: 40, deep: 40 };
const noFilters: Filters = { langs: [], path: "" };
const state = (changes: Partial<ViewState> = {}): ViewState => ({ query: "", filters: noFilters, folder: "", busy: false, working: undefined, error: undefined, results: { kind: "none" }, index: { kind: "ready" }, coverage, languages: [], warnings: [], history: [], ...changes });
const results = (subject: string) => ({ kind: "hits", of: "search", subject, filters: noFilters, hits: [], coverage, depth: "deep", tookMs: 1, refining: false, failures: [] }) as const;

/** What is drawn, as text, and what its buttons ask for. */
function drawn(draw: (ways: Parameters<typeof startPage>[2]) => unknown) {
  const asked: unknown[] = [];
  const template = draw({ search: (...search) => void asked.push(search), command: (command) => () => void asked.push(command) });
  const press = (label: string) => {
    handlers(template).find(({ html }) => html.includes(label))!.press();
    return asked.at(-1);
  };
  return { text: textOf(template), press };
}

describe("before the first search", () => {
  const start = (changes?: Partial<ViewState>, filters = noFilters) => drawn((ways) => startPage(state(changes), filters, ways));

  it("there are examples, and the way to duplicates", () => {
    const { text, press } = start();
    assert.match(text, /12 files ready[^]*For example[^]*where are retries backed off/);
    assert.equal(press("Find duplicates"), "duplicates");
  });

  it("earlier searches stand in the place of the examples, and keep to the filters", () => {
    const filters = { langs: ["go"], path: "" };
    const { text, press } = start({ history: ["parse a date"] }, filters);
    assert.doesNotMatch(text, /For example|where are retries/);
    assert.deepEqual(press("parse a date"), ["parse a date", filters, true]);
  });

  it("a paused index says why, and can be resumed", () => {
    const { text, press } = start({ index: { kind: "paused", reason: "The disk is full." } });
    assert.match(text, /Indexing is paused[^]*The disk is full\./);
    assert.equal(press("Resume"), "resume");
  });

  it("a workspace without files says where the reasons stand", () => {
    const { text, press } = start({ coverage: { ...coverage, files: 0 }, warnings: ["The disk is nearly full."] });
    assert.match(text, /No files to search[^]*The disk is nearly full\./);
    assert.doesNotMatch(text, /For example/);
    assert.equal(press("Index Status"), "status");
  });
});

describe("when nothing was found", () => {
  const nothing = (subject: string, changes?: Partial<ViewState>, chosen = noFilters) => drawn((ways) => nothingFound(state(changes), results(subject), subject, chosen, ways));

  it("the filters are told, typed ones too, and can be left out", () => {
    const { text, press } = nothing("parse lang:go", {}, { langs: ["rust"], path: "src" });
    assert.match(text, /Nothing found[^]*Filters are on: rust, src, lang:go\./);
    assert.deepEqual(press("Search without filters"), ["parse", noFilters, false]);
  });

  it("without filters the way on is the index", () => {
    const { text, press } = nothing("parse");
    assert.doesNotMatch(text, /Filters are on|still being indexed/);
    assert.equal(press("Index Status"), "status");
  });

  it("an index that is not complete is the first thing said", () => {
    assert.match(nothing("parse", { index: { kind: "working", label: "Indexing", fraction: 0.5, unread: true } }).text, /still being indexed/);
    const paused = nothing("parse", { index: { kind: "paused", reason: "On battery." } });
    assert.match(paused.text, /Not everything may have been read\. On battery\./);
    assert.equal(paused.press("Resume"), "resume");
  });

  it("nothing is said while the search runs", () => assert.equal(nothing("parse", { busy: true }).text, ""));
});
