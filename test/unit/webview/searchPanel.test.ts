// What the page holds itself: which row is active while the list below it changes, and where the keyboard goes.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hitRow } from "../../../src/webview/hitItem.ts";
import type { Filters, FromHost, FromView, ViewHit, ViewState } from "../../../src/webview/messages.ts";
import { SearchPanel } from "../../../src/webview/searchPanel.ts";
import { handlers, textOf } from "../../support/templates.ts";

const coverage = { files: 1, chunks: 1, instant: 1, shallow: 1, deep: 1 };
const hit = (path: string, startLine = 1, endLine = 5, symbol = path): ViewHit => ({ id: `/w\0${path}\0${startLine}-${endLine}`, folder: "", path, startLine, endLine, line: startLine, symbol, kind: "function", lang: "typescript", breadcrumb: "", snippet: "x", score: 1, depth: "deep", why: [] });
const stateOf = (hits: readonly ViewHit[]): ViewState => ({
  query: "q",
  filters: { langs: [], path: "" },
  folder: "",
  busy: false,
  working: undefined,
  error: undefined,
  results: { kind: "hits", of: "search", subject: "q", filters: { langs: [], path: "" }, hits, coverage, depth: "deep", tookMs: 1, refining: false, failures: [] },
  index: { kind: "ready" },
  coverage,
  languages: [],
  warnings: [],
  history: [],
});

/** A page without a document: it is told states and steps, and updates as Lit would have it do. */
function panel() {
  const sent: FromView[] = [];
  const focused: string[] = [];
  class Page extends SearchPanel {
    /** Presses the button that is drawn with this text or name. */
    press(label: string): void {
      const button = handlers(this.render()).find(({ html }) => html.includes(label));
      assert.ok(button, `there is a button "${label}"`);
      button.press.call(this);
    }
    text(): string {
      return textOf(this.render());
    }
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
  Object.assign(page, { renderRoot: { querySelector: (selector: string) => ({ focus: () => focused.push(selector) }) } });
  return Object.assign(page, { sent, focused });
}

it("a row shows the line that its name stands in", () => {
  const none = () => {};
  const row = textOf(hitRow({ hit: { ...hit("src/a.ts", 4, 9, "total"), line: 6, snippet: "/**\n * Sums up.\n */\nfunction total() {}" }, index: 0, count: 1, active: false, expanded: true, words: [] }, { point: none, click: none, openAside: none, ask: none, toggle: none }));
  assert.match(row, /a\.ts<\/span><span class="lines">:6<\/span>/);
  assert.match(row, /aria-label="total, src\/a\.ts line 6, deep"/);
  assert.match(row, /data-n=4>/, "and the numbers of its code begin where the code does");
});

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

  for (const [what, other] of [["search", { subject: "other" }], ["filter", { filters: { langs: ["go"], path: "" } }]] as const)
    it(`begins anew with another ${what}, best hit first`, () => {
      const page = panel();
      page.show(a, b, c, d);
      page.step(1, 3);
      const { results, ...state } = stateOf([d, a, b]);
      assert.ok(results.kind === "hits");
      page.tell({ type: "state", state: { ...state, results: { ...results, ...other } } });
      assert.deepEqual([page.order, page.pending], [[d.id, a.id, b.id], false]);
      assert.deepEqual(page.step(1), ["d.ts"]);
    });
});

describe("a button that leaves the page when it is pressed", () => {
  const many = Array.from({ length: 12 }, (_, i): ViewHit => ({ ...hit(`${i}.ts`), score: i < 6 ? 1 : 0.1 }));

  it("gives the keyboard to the first of the weaker results", () => {
    const page = panel();
    page.show(...many);
    page.press("Show ");
    assert.deepEqual([page.weakShown, page.activePath, page.focused], [true, "6.ts", ["#list"]]);
  });

  it("gives the keyboard to the list in its better order, at the row it was at", () => {
    const page = panel();
    const [a, b] = [hit("a.ts"), hit("b.ts")];
    page.show(a, b);
    page.active = 0;
    page.show(b, a);
    page.press("A better order");
    assert.deepEqual([page.order, page.activePath, page.pending, page.focused], [[b.id, a.id], "a.ts", false, ["#list"]]);
  });

  it("closes the list of earlier searches with them, and gives the keyboard to the box", () => {
    const page = panel();
    page.tell({ type: "state", state: { ...stateOf([]), history: ["retry"] } });
    page.historyOpen = true;
    page.press("Forget earlier searches");
    assert.deepEqual([page.historyOpen, page.focused, page.sent], [false, ["#query"], [{ type: "forgetHistory" }]]);
  });

  it("leads from duplicates back to the search that stands in the box", () => {
    const page = panel();
    page.tell({ type: "state", state: { ...stateOf([]), results: { kind: "duplicates", subject: "", groups: [], coverage, failures: [] } } });
    page.press("Back to the search");
    page.query = "";
    page.press("Back to the search");
    assert.deepEqual(page.sent, [{ type: "search", query: "q", filters: { langs: [], path: "" }, remember: false }, { type: "clear" }]);
  });

  it("does not say that code has no copies when the index has none of it", () => {
    const said = (more: object) => {
      const page = panel();
      page.tell({ type: "state", state: { ...stateOf([]), results: { kind: "duplicates", subject: "a.ts", groups: [], coverage, failures: [], ...more } } });
      return page.text();
    };
    assert.match(said({}), /Nothing of six lines or more in it stands anywhere else/);
    assert.match(said({ nothingPasses: true }), /It is not in the index/);
    assert.match(said({ nothingPasses: true, whyNothing: "gen is left out by ignore rules." }), /No duplicates[^]*gen is left out by ignore rules\./);
  });

  it("calls copies as the terminal does, and says what of near ones is the same: cosines and shares of tokens do not compare", () => {
    const page = panel();
    const member = { id: "x", folder: "", path: "src/a.ts", startLine: 1, endLine: 9, symbol: "" };
    const groups = [
      { kind: "renamed", similarity: 1 },
      { kind: "semantic", similarity: 0.931, measure: "cosine" },
      { kind: "semantic", similarity: 0.719, measure: "tokens" },
    ] as const;
    page.tell({ type: "state", state: { ...stateOf([]), results: { kind: "duplicates", subject: "", groups: groups.map((group, i) => ({ ...group, id: String(i), lines: 9, members: [member, member] })), coverage, failures: [] } } });
    assert.match(page.text(), /Copies with other names<[^]*>9 lines, 2 places<[^]*Nearly the same meaning<[^]*, 2 places, cosine 0\.93<[^]*Copies with a part changed<[^]*, 71 % of the tokens shared</);
  });

  it("says above an empty list why nothing passes its filters", () => {
    const page = panel();
    const state = stateOf([]);
    assert.ok(state.results.kind === "hits");
    page.tell({ type: "state", state: { ...state, results: { ...state.results, whyNothing: "<b>gen</b> is left out by ignore rules." } } });
    assert.match(page.text(), /<b>gen<\/b> is left out by ignore rules\.[^]*Nothing found/);
  });

  it("tells a folder's failure once, and those of the others beside the hits", () => {
    const page = panel();
    const state = stateOf([hit("a.ts")]);
    assert.ok(state.results.kind === "hits");
    page.tell({ type: "state", state: { ...state, index: { kind: "failed", reason: "b: It is gone." }, results: { ...state.results, failures: ["b: It is gone.", "c: It is full."] } } });
    assert.deepEqual(["b: It is gone.", "c: It is full."].map((failure) => page.text().split(failure).length - 1), [1, 1]);
  });

  it("takes away the folder that alone is searched, and leaves the other filters", () => {
    const page = panel();
    page.tell({ type: "state", state: { ...stateOf([]), filters: { langs: ["go"], path: "src", root: "/home/me/app" }, folder: "Front end" } });
    assert.match(page.text(), /in Front end/);
    page.press("Search all folders again");
    assert.deepEqual(page.sent, [{ type: "search", query: "q", filters: { langs: ["go"], path: "src" }, remember: false }]);
  });
});

describe("a paused index", () => {
  const paused = (hits: readonly ViewHit[], results: Partial<ViewState["results"]> = {}): FromHost => {
    const state = stateOf(hits);
    return { type: "state", state: { ...state, index: { kind: "paused", reason: "It was paused." }, results: { ...state.results, ...results } as ViewState["results"] } };
  };
  for (const [what, state] of [
    ["beside the hits", paused([hit("a.ts")])],
    ["where nothing was found", paused([])],
    ["beside duplicates", paused([], { kind: "duplicates", subject: "", groups: [] })],
  ] as const)
    it(`can be resumed ${what}, and its reason is told`, () => {
      const page = panel();
      page.tell(state);
      page.press("Resume");
      assert.deepEqual(page.sent, [{ type: "command", command: "resume" }]);
      assert.match(page.text(), /It was paused\./);
    });

  it("of which nothing was read claims no depth", () => {
    const page = panel();
    page.tell(paused([], { coverage: { files: 0, chunks: 0, instant: 0, shallow: 0, deep: 0 } }));
    assert.match(page.text(), /searched 0 of 1 file</);
    assert.doesNotMatch(page.text(), /% deep/);
  });
});

describe("filters that are chosen faster than the host answers", () => {
  const chosen = (page: ReturnType<typeof panel>) => page.sent.map((message) => (message.type === "search" ? message.filters : undefined));
  const filtered = (filters: Filters): FromHost => ({ type: "state", state: { ...stateOf([]), languages: [{ lang: "go", files: 2 }, { lang: "rust", files: 1 }], filters } });

  it("are added to each other, and leave one by one", () => {
    const page = panel();
    page.tell(filtered({ langs: [], path: "src" }));
    page.filtersOpen = true;
    page.press("Only go");
    page.press("Only rust");
    page.tell(filtered({ langs: ["go"], path: "src" })); // the host has heard of the first
    page.press("Only go");
    assert.deepEqual(chosen(page), [{ langs: ["go"], path: "src" }, { langs: ["go", "rust"], path: "src" }, { langs: ["rust"], path: "src" }]);
  });

  it("are the host's again when it has them, without a folder that restricts nothing", () => {
    const page = panel();
    page.tell(filtered({ langs: [], path: "", root: "/home/me/app" }));
    page.filtersOpen = true;
    page.press("Only go");
    page.tell(filtered({ langs: ["go"], path: "" }));
    page.tell(filtered({ langs: ["rust"], path: "" })); // a command has asked for it
    page.press("Only go");
    assert.deepEqual(chosen(page).at(-1), { langs: ["rust", "go"], path: "" });
  });

  it("are all taken away at once when they find nothing", () => {
    const page = panel();
    page.tell(filtered({ langs: ["go"], path: "" }));
    page.press("Search without filters");
    page.filtersOpen = true;
    page.press("Only rust");
    assert.deepEqual(chosen(page), [{ langs: [], path: "" }, { langs: ["rust"], path: "" }]);
  });

  it("are told and taken away also where they were typed", () => {
    const page = panel();
    const query = 'retry -path:"my files" lang:go';
    const { results, ...state } = stateOf([]);
    page.tell({ type: "state", state: { ...state, query, results: { ...results, subject: query } as ViewState["results"] } });
    assert.match(page.text(), /Filters are on: -path:"my files", lang:go\./);
    page.press("Search without filters");
    assert.deepEqual(page.sent, [{ type: "search", query: "retry", filters: { langs: [], path: "" }, remember: false }]);
  });
});

describe("nothing found", () => {
  const working = (more: { readonly unread?: true }): FromHost => ({ type: "state", state: { ...stateOf([]), index: { kind: "working", label: "Working", fraction: undefined, ...more } } });

  it("may change while files are read, and not while they are only read deeper", () => {
    const page = panel();
    page.tell(working({ unread: true }));
    assert.match(page.text(), /made again as more is read/);
    page.tell(working({}));
    assert.doesNotMatch(page.text(), /being indexed/);
  });
});
