import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { ResponseError } from "vscode-jsonrpc/node";
import { fromWire } from "../../../src/engine/connect.ts";
import * as protocol from "../../../src/engine/protocol.ts";
import { EngineClient } from "../../../src/extension/engineClient.ts";
import { WorkspaceEngines } from "../../../src/extension/workspaceEngines.ts";
import { fakeClock, fakeEngine, hit, result, settle, status } from "../../support/fakeEngine.ts";
import { editorOn, executed, QuickPick, Range, showTab, shown, TabInputCustom, TabInputNotebook, TabInputText, TabInputTextDiff, tabGroup, window } from "../../support/fakeVscode.ts";

const { openQuickSearch, selectedQuery } = await import("../../../src/extension/quickSearch.ts");

function fakeWorkspace(answer?: (params: protocol.SearchParams) => protocol.SearchResult | Promise<protocol.SearchResult>) {
  const fake = fakeEngine(1, answer);
  const engines = new WorkspaceEngines(
    (_folder, onChange, onSearchUpdate) =>
      new EngineClient({ connect: async () => fake, fromWire, settings: () => ({ backgroundDepth: "deep", exclude: [], maxFileBytes: 1, paused: false }), log: () => undefined, clock: fakeClock(), onChange, onSearchUpdate }),
  );
  engines.setFolders([{ root: "/w", name: "w" }]);
  return { fake, engines };
}

/** An opener that keeps what it was asked for, and the quick pick that asks it. */
function looks() {
  const opened: string[] = [];
  const opener = { open: async ({ path }: { readonly path: string }, { how, side }: { readonly how: string; readonly side: boolean }) => void opened.push(`${how} ${path}${side ? " aside" : ""}`), cancel: () => void opened.push("cancelled"), dispose: () => undefined };
  return { opened, opener };
}

/** Earlier searches, latest first. */
function fakeHistory(...queries: readonly string[]) {
  let stored = queries;
  return { get: () => stored, set: (now: readonly string[]) => void (stored = now) };
}

it("the quick pick asks again when the index is complete, and keeps the order of the hits", async () => {
  const hits = [hit("z.ts", 2), hit("a.ts", 1)];
  const { fake, engines } = fakeWorkspace();
  const say = async (state: protocol.IndexState) => {
    await fake.engine.sendNotification(protocol.statusChanged, status({ state }));
    await settle();
  };
  await engines.start();
  await settle();
  await say({ kind: "scanning", progress: { phase: "instant", done: 1, total: 2, unit: "files" } });
  openQuickSearch({ engines, opener: { open: async () => undefined, cancel: () => undefined, dispose: () => undefined }, history: fakeHistory(), maxResults: () => 10, toView: () => undefined }, "q");
  await settle();
  const labels = () => QuickPick.last.items.map(({ label }) => label);
  assert.deepEqual(labels(), ["$(sync~spin) Indexing goes on"]);
  fake.engine.onRequest(protocol.search, () => result(hits));
  await say({ kind: "ready" });
  assert.deepEqual(labels(), ["$(symbol-method) z.ts", "$(symbol-method) a.ts"]);
  assert.equal(QuickPick.last.sortByLabel, false);
  QuickPick.last.moveTo(1);
  await say({ kind: "scanning", progress: { phase: "instant", done: 1, total: 2, unit: "files" } });
  fake.engine.onRequest(protocol.search, () => result([hit("new.ts", 3), ...hits]));
  await say({ kind: "ready" });
  assert.equal(QuickPick.last.activeItems[0]?.label, "$(symbol-method) a.ts", "what was chosen stays so");
  fake.engine.onRequest(protocol.search, assert.fail);
  await say({ kind: "ready" }); // once is enough
  await say({ kind: "scanning", progress: { phase: "instant", done: 1, total: 2, unit: "files" } });
  QuickPick.last.hide();
  await say({ kind: "ready" });
  assert.equal(labels().length, 3);
});

it("the quick pick says why there is no answer, and is busy no more", async () => {
  const { engines } = fakeWorkspace(() => Promise.reject(new ResponseError(-32000, "The $(zap) is damaged.", { code: "model.damaged" })));
  await engines.start();
  openQuickSearch({ engines, opener: looks().opener, history: fakeHistory(), maxResults: () => 10, toView: () => undefined }, "q");
  await settle();
  assert.deepEqual([QuickPick.last.items.map(({ label }) => label), QuickPick.last.busy], [["$(error) The \\$(zap) is damaged."], false]);
});

it("the buttons of the quick pick open a hit aside, or take the words to the side bar", async () => {
  const { engines } = fakeWorkspace(() => result([hit("a.ts", 1), hit("b.ts", 0.5)]));
  await engines.start();
  const { opened, opener } = looks();
  for (const press of [() => QuickPick.last.pressRow(1), () => QuickPick.last.press()]) {
    openQuickSearch({ engines, opener, history: fakeHistory(), maxResults: () => 10, toView: (query) => void opened.push(`view ${query}`) }, "q");
    await settle();
    press();
  }
  assert.deepEqual(opened, ["keep b.ts aside", "view q"]);
});

it("the quick pick looks at each place of a file", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { engines } = fakeWorkspace(() => result([hit("a.ts", 1), hit("b.ts", 0.5), hit("b.ts", 0.4, { startLine: 9, endLine: 9 })]));
  await engines.start();
  const { opened, opener } = looks();
  openQuickSearch({ engines, opener, history: fakeHistory(), maxResults: () => 10, toView: () => undefined }, "q");
  await settle();
  for (const row of [1, 2, 2]) {
    QuickPick.last.moveTo(row);
    t.mock.timers.tick(50);
  }
  assert.deepEqual(opened, ["look b.ts", "look b.ts"]);
});

it("the quick pick asks again while files are read, as often as there are twice as many", async () => {
  let asked = 0;
  const { fake, engines } = fakeWorkspace(() => (asked++, result([], { coverage: { files: 0, chunks: 0, instant: 0, shallow: 0, deep: 0 } })));
  const read = async (files: number) => {
    await fake.engine.sendNotification(protocol.statusChanged, status({ coverage: { files, chunks: files, instant: files, shallow: 0, deep: 0 }, state: { kind: "scanning", progress: { phase: "instant", done: files, total: 1_000, unit: "files" } } }));
    await settle();
  };
  await engines.start();
  await settle();
  await read(0);
  openQuickSearch({ engines, opener: { open: async () => undefined, cancel: () => undefined, dispose: () => undefined }, history: fakeHistory(), maxResults: () => 10, toView: () => undefined }, "q");
  await settle();
  asked = 0;
  for (const files of [1, 90, 100, 179, 180]) await read(files);
  assert.equal(asked, 3, "for 1, 90 and 180");
  fake.engine.onRequest(protocol.search, () => (asked++, new Promise<never>(() => undefined)));
  for (const files of [400, 900, 2_000]) await read(files);
  assert.equal(asked, 4, "not before there is an answer");
});

it("the quick pick says above the list how the words were read, as long as that list is shown", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { engines } = fakeWorkspace(({ query }) => result([hit("a.ts", 1)], query === "clinet" ? { respellings: [{ typed: "clinet", read: "client" }], farFetched: true } : {}));
  await engines.start();
  await settle();
  const open = async (query: string) => {
    openQuickSearch({ engines, opener: { open: async () => undefined, cancel: () => undefined, dispose: () => undefined }, history: fakeHistory(), maxResults: () => 10, toView: () => undefined }, query);
    await settle();
    return QuickPick.last.title;
  };
  assert.equal(await open("clinet"), 'Strata: Search by Meaning · "clinet" read as "client", the nearest word in the code. · Nothing here clearly answers this; these places come nearest.');
  assert.deepEqual(QuickPick.last.items.map(({ label }) => label), ["$(symbol-method) a.ts"]);
  QuickPick.last.type("");
  t.mock.timers.tick(200);
  await settle();
  assert.equal(QuickPick.last.title, "Strata: Search by Meaning");
  assert.equal(await open("client"), "Strata: Search by Meaning");
});

describe("Enter in the quick pick", () => {
  /** A quick pick whose queries are answered one by one, by `release`. */
  async function open(t: TestContext, history = fakeHistory()) {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const waiting = new Map<string, () => void>();
    let stream = "";
    const { fake, engines } = fakeWorkspace(({ query, streamId = "" }) => {
      stream = streamId;
      return new Promise((resolve) => waiting.set(query, () => resolve(result([hit(`${query}.ts`, 1), hit(`${query}2.ts`, 0.5)], { refining: true }))));
    });
    const { opened, opener } = looks();
    await engines.start();
    openQuickSearch({ engines, opener, history, maxResults: () => 10, toView: () => undefined });
    const type = async (query: string) => {
      QuickPick.last.type(query);
      t.mock.timers.tick(200);
      await settle();
    };
    const release = async (query: string) => {
      waiting.get(query)!();
      await settle();
    };
    const refine = async (...paths: readonly string[]) => {
      await fake.engine.sendNotification(protocol.searchUpdate, { streamId: stream, result: result(paths.map((path, i) => hit(path, 1 / (i + 1))), { refining: true }) });
      await settle();
    };
    const pass = () => t.mock.timers.tick(50);
    /** The second hit is chosen, and has been looked at. */
    const choose = async (query: string) => {
      await type(query);
      await release(query);
      QuickPick.last.moveTo(1);
      pass();
    };
    return { pick: QuickPick.last, asked: () => [...waiting.keys()], opened, type, release, refine, pass, choose };
  }

  it("waits for the answer to what was typed, instead of opening a hit of fewer words", async (t) => {
    const { pick, opened, type, release } = await open(t);
    await type("retry");
    await release("retry");
    pick.type("retry budget");
    pick.enter();
    assert.deepEqual(opened, []);
    t.mock.timers.tick(200);
    await settle();
    await release("retry budget");
    assert.equal(pick.keepScrollPosition, false, "another list begins at its top");
    assert.deepEqual(opened, ["keep retry budget.ts"]);
  });

  it("opens the row that was chosen, also while a better list is made", async (t) => {
    const { pick, opened, choose } = await open(t);
    await choose("retry");
    pick.enter();
    assert.deepEqual(opened, ["look retry2.ts", "keep retry2.ts"]);
  });

  it("comes before a look at a row that was only passed", async (t) => {
    const { pick, opened, type, release, pass } = await open(t);
    await type("retry");
    await release("retry");
    pick.moveTo(1);
    pick.moveTo(0);
    pick.enter();
    pass();
    assert.deepEqual(opened, ["keep retry.ts"]);
  });

  it("finds the chosen hit still chosen when better ones arrive, and no other was looked at meanwhile", async (t) => {
    const { pick, opened, refine, pass, choose } = await open(t);
    await choose("retry");
    await refine("better.ts", "retry.ts", "retry2.ts");
    pass();
    assert.equal(pick.keepScrollPosition, true);
    assert.equal(pick.activeItems[0]?.label, "$(symbol-method) retry2.ts");
    await refine("best.ts", "better.ts", "retry.ts", "retry2.ts");
    pass();
    pick.enter();
    assert.deepEqual(opened, ["look retry2.ts", "keep retry2.ts"]);
  });

  it("finds the chosen hit still chosen when the window is slow to highlight it", async (t) => {
    const { pick, opened, refine, choose } = await open(t);
    await choose("retry");
    const late: (() => void)[] = (pick.late = []);
    await refine("better.ts", "retry.ts", "retry2.ts");
    late.shift()!(); // the first row, then better hits, then the rest
    await refine("best.ts", "better.ts", "retry.ts", "retry2.ts");
    pick.enter();
    assert.deepEqual(opened, ["look retry2.ts", "keep retry2.ts"]);
  });

  it("finds no choice made when the chosen hit has left: nothing is looked at unasked", async (t) => {
    const { opened, refine, pass, choose } = await open(t);
    await choose("retry");
    await refine("better.ts", "retry.ts");
    pass();
    assert.deepEqual(opened, ["look retry2.ts"]);
  });

  it("finds asked for what was typed in one go, and nothing after the end", async (t) => {
    const { pick, asked, type, release } = await open(t);
    await settle(); // the engine has said that all was read
    for (const query of ["a", "ab"]) {
      pick.type(query);
      t.mock.timers.tick(100);
      await settle();
    }
    await type("abc");
    pick.type("abcd");
    pick.hide();
    t.mock.timers.tick(200);
    await settle();
    await release("abc");
    assert.deepEqual([asked(), pick.items], [["abc"], []]);
  });

  it("waits for words that were typed over an earlier search", async (t) => {
    const { pick, opened, release } = await open(t, fakeHistory("retry"));
    pick.type("new");
    pick.enter();
    assert.equal(pick.value, "new");
    t.mock.timers.tick(200);
    await settle();
    await release("new");
    assert.deepEqual(opened, ["keep new.ts"]);
  });

  it("is possible while the list is made: that takes as long as the latest words do, and for none there is nothing to wait for", async (t) => {
    const { pick, type, release } = await open(t);
    await type("a");
    await type("ab");
    await release("a");
    assert.equal(pick.busy, true);
    await release("ab");
    assert.equal(pick.busy, false);
    await type("abc");
    await type("");
    assert.deepEqual([pick.busy, pick.items], [false, []]);
  });

  it("is forgotten when other words are typed", async (t) => {
    const { pick, opened, type, release } = await open(t);
    await type("a");
    pick.enter();
    await type("ab");
    await release("ab");
    assert.deepEqual(opened, []);
    pick.enter();
    assert.deepEqual(opened, ["keep ab.ts"]);
  });

  it("makes an earlier search again, which an empty box offers, and what is opened is remembered", async (t) => {
    const history = fakeHistory("retry", "cache $(zap)");
    const { pick, opened, type, release } = await open(t, history);
    assert.deepEqual(pick.items.map(({ label }) => label), ["$(history) retry", "$(history) cache \\$(zap)"]);
    pick.enter();
    await settle();
    assert.equal(pick.value, "retry");
    await release("retry");
    assert.deepEqual([pick.items.map(({ label }) => label), opened], [["$(symbol-method) retry.ts", "$(symbol-method) retry2.ts"], []]);
    await type(" budget ");
    await release(" budget ");
    pick.enter();
    assert.deepEqual([opened, history.get()], [["keep  budget .ts"], ["budget", "retry", "cache $(zap)"]]);
  });
});

describe("Escape in the quick pick", () => {
  const uri = (path: string) => ({ scheme: "file", toString: () => path });
  const textOf = (path: string) => ({ document: { uri: uri(path) }, viewColumn: 1, selection: new Range(41, 0, 41, 0), visibleRanges: [new Range(30, 0, 60, 0)] });

  /** Opens the quick pick over what is shown, looks at a hit, and closes it. */
  async function lookAndLeave(t: TestContext, { looked = () => undefined, editors = [] }: { readonly looked?: () => void; readonly editors?: readonly unknown[] }) {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { engines } = fakeWorkspace(() => result([hit("a.ts", 1), hit("b.ts", 0.5)]));
    const { opened, opener } = looks();
    window.visibleTextEditors = [...editors];
    shown.length = executed.length = 0;
    t.after(() => {
      window.visibleTextEditors = [];
      Object.assign(tabGroup, { tabs: [], activeTab: undefined });
    });
    await engines.start();
    openQuickSearch({ engines, opener, history: fakeHistory(), maxResults: () => 10, toView: () => undefined }, "q");
    await settle();
    QuickPick.last.moveTo(1);
    t.mock.timers.tick(50);
    assert.deepEqual(opened, ["look b.ts"]);
    looked();
    QuickPick.last.type("other words");
    QuickPick.last.hide();
    await settle();
    assert.deepEqual(opened, ["look b.ts", "cancelled"]);
  }

  it("shows the text that was being read where it was, also after a look at another place of it", async (t) => {
    showTab("b.ts", new TabInputText(uri("/w/b.ts")));
    const editor = textOf("/w/b.ts");
    // The Output panel is an editor too, and may be the active one.
    const output = { document: { uri: { scheme: "output", toString: () => "/w/b.ts" } }, viewColumn: undefined };
    await lookAndLeave(t, { editors: [output, { ...textOf("/w/b.ts"), viewColumn: 2, selection: new Range(7, 0, 7, 0) }, editor], looked: () => Object.assign(editor, { selection: new Range(7, 0, 7, 0), visibleRanges: [new Range(0, 0, 30, 0)] }) });
    assert.deepEqual([shown[0]?.line, shown[0]?.revealed?.start.line], [42, 30]);
  });

  it("shows a comparison again", async (t) => {
    const [original, modified] = [uri("git:/w/c.ts"), uri("/w/c.ts")];
    showTab("c.ts (Working Tree)", new TabInputTextDiff(original, modified));
    const editor = textOf("/w/c.ts");
    await lookAndLeave(t, { editors: [editor] });
    assert.deepEqual(executed, [{ command: "vscode.diff", args: [original, modified, "c.ts (Working Tree)", { viewColumn: 1, selection: editor.selection }] }]);
  });

  for (const [what, input, type] of [
    ["a picture", new TabInputCustom(uri("/w/logo.png"), "imagePreview.previewEditor"), "imagePreview.previewEditor"],
    ["a notebook", new TabInputNotebook(uri("/w/a.ipynb"), "jupyter-notebook"), "jupyter-notebook"],
  ] as const)
    it(`shows ${what} again`, async (t) => {
      showTab("it", input);
      await lookAndLeave(t, {});
      assert.deepEqual([executed, shown], [[{ command: "vscode.openWith", args: [input.uri, type, { viewColumn: 1 }] }], []]);
    });

  for (const [what, before] of [["nothing", undefined], ["what is no file", "Welcome"]] as const)
    it(`leaves no tab of the look over ${what}`, async (t) => {
      if (before !== undefined) showTab(before);
      await lookAndLeave(t, { looked: () => showTab("b.ts", new TabInputText(uri("/w/b.ts")), true) });
      assert.deepEqual([tabGroup.tabs.map(({ label }) => label), executed, shown], [before === undefined ? [] : [before], [], []]);
    });

  it("shows nothing again where nothing was looked at", async (t) => {
    showTab("b.ts", new TabInputText(uri("/w/b.ts")));
    t.after(() => Object.assign(tabGroup, { tabs: [], activeTab: undefined }));
    shown.length = 0;
    openQuickSearch({ engines: fakeWorkspace().engines, opener: looks().opener, history: fakeHistory(), maxResults: () => 10, toView: () => undefined });
    QuickPick.last.hide();
    await settle();
    assert.deepEqual(shown, []);
  });

  it("leaves the looked-at file where it was kept meanwhile", async (t) => {
    await lookAndLeave(t, { looked: () => showTab("b.ts", new TabInputText(uri("/w/b.ts"))) });
    assert.deepEqual(tabGroup.tabs.map(({ label }) => label), ["b.ts"]);
  });

  it("closes no tab that was there before", async (t) => {
    showTab("b.ts", new TabInputText(uri("/w/b.ts")), true);
    showTab("Welcome");
    await lookAndLeave(t, { looked: () => (tabGroup.activeTab = tabGroup.tabs[0]) });
    assert.deepEqual(tabGroup.tabs.map(({ label }) => label), ["b.ts", "Welcome"]);
  });
});

describe("the quick pick begins", () => {
  for (const [what, selection, expected] of [
    ["with the selected words", new Range(0, 3, 0, 16), "retry budget"],
    ["without the spaces around them", new Range(0, 2, 0, 16), "retry budget"],
    ["empty when nothing is selected", new Range(0, 3, 0, 3), ""],
    ["empty when lines are selected, which are code and no question", new Range(0, 0, 1, 4), ""],
  ] as const)
    it(what, (t) => {
      Object.assign(window, { activeTextEditor: editorOn("a.ts", "// retry budget\ncode", selection) });
      t.after(() => Object.assign(window, { activeTextEditor: undefined }));
      assert.equal(selectedQuery(), expected);
    });

  it("empty when there is no editor", () => assert.equal(selectedQuery(), ""));
});
