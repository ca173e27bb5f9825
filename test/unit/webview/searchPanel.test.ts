// What the page holds itself: which row is active while the list below it changes.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FromHost, FromView, ViewHit, ViewState } from "../../../src/webview/messages.ts";
import { SearchPanel } from "../../../src/webview/searchPanel.ts";

const coverage = { files: 1, chunks: 1, instant: 1, shallow: 1, deep: 1 };
const hit = (path: string, startLine = 1, endLine = 5, symbol = path): ViewHit => ({ id: `/w\0${path}\0${startLine}-${endLine}`, folder: "", path, startLine, endLine, symbol, kind: "function", lang: "typescript", breadcrumb: "", snippet: "x", score: 1, depth: "deep", why: [] });
const stateOf = (hits: readonly ViewHit[]): ViewState => ({
  query: "q",
  filters: { langs: [], path: "" },
  busy: false,
  working: undefined,
  error: undefined,
  results: { kind: "hits", of: "search", subject: "q", hits, coverage, depth: "deep", tookMs: 1, refining: false, failures: [] },
  index: { kind: "ready" },
  coverage,
  languages: [],
  warnings: [],
  history: [],
});

/** A page without a document: it is told states and steps, and updates as Lit would have it do. */
function panel() {
  const sent: FromView[] = [];
  class Page extends SearchPanel {
    tell(message: FromHost): void {
      const before = this.state;
      this.receive(message);
      if (message.type === "state") this.willUpdate(new Map([["state", before]]));
    }
    show(...hits: readonly ViewHit[]): void {
      this.tell({ type: "state", state: stateOf(hits) });
    }
    get activePath(): string | undefined {
      return this.order[this.active]?.split("\0")[1];
    }
    /** Paths of what F4 opens. */
    step(by: 1 | -1, times = 1): (string | undefined)[] {
      const from = sent.length;
      for (let i = 0; i < times; i++) this.tell({ type: "step", by });
      return sent.slice(from).map((message) => (message.type === "open" ? message.id.split("\0")[1] : undefined));
    }
  }
  customElements.define(`page-${Math.random().toString(36).slice(2)}`, Page);
  const page = new Page();
  page.post = (message) => sent.push(message);
  return page;
}

describe("the active row", () => {
  const [a, b, c, d] = [hit("a.ts"), hit("b.ts"), hit("c.ts", 10, 20), hit("d.ts")];

  it("stays with its hit when one before it leaves", () => {
    const page = panel();
    page.show(a, b, c, d);
    page.active = 2;
    page.show(b, c, d);
    assert.equal(page.activePath, "c.ts");
  });

  it("stays in its place when a saved edit gives its hit other lines, opened as it was", () => {
    const page = panel();
    page.show(a, b, c, d);
    assert.deepEqual(page.step(1, 3), ["a.ts", "b.ts", "c.ts"]);
    page.expanded = new Set([c.id]);
    const longer = hit("c.ts", 12, 23);
    page.show(a, b, longer, d);
    assert.deepEqual([page.activePath, page.active, page.pending], ["c.ts", 2, false]);
    assert.deepEqual([...page.expanded], [longer.id]);
    assert.deepEqual(page.step(1), ["d.ts"]);
  });

  it("goes with the name, then with the first line, when several hits of a file move", () => {
    const page = panel();
    const [one, two] = [hit("a.ts", 1, 5, "one"), hit("a.ts", 20, 25, "two")];
    page.show(one, two, b);
    page.active = 1;
    page.show(hit("a.ts", 1, 6, "uno"), hit("a.ts", 21, 26, "two"), b);
    assert.deepEqual([page.active, page.order[1]], [1, hit("a.ts", 21, 26).id]);
  });

  for (const [by, expected] of [[1, "d.ts"], [-1, "b.ts"]] as const)
    it(`is none when its hit leaves, and a step by ${by} opens the neighbour`, () => {
      const page = panel();
      page.show(a, b, c, d);
      page.step(1, 3);
      page.show(a, b, d);
      assert.equal(page.active, -1);
      assert.deepEqual(page.step(by), [expected]);
    });

  it("begins anew with another search", () => {
    const page = panel();
    page.show(a, b, c, d);
    page.step(1, 3);
    page.show(a, b, d);
    const other = stateOf([a, b, d]);
    assert.ok(other.results.kind === "hits");
    page.tell({ type: "state", state: { ...other, results: { ...other.results, subject: "other" } } });
    assert.deepEqual(page.step(1), ["a.ts"]);
  });
});
