import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { ResponseError } from "vscode-jsonrpc/node";
import { StrataError } from "../../../src/base/errors.ts";
import * as protocol from "../../../src/engine/protocol.ts";
import { queryWithFilters, SearchModel } from "../../../src/extension/searchModel.ts";
import { coverage, fakeEngine, fakeEngines, hit, result, settle, status, type FakeEngine } from "../../support/fakeEngine.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const none = { langs: [], path: "" };

function setUp(answer: (params: protocol.SearchParams) => protocol.SearchResult | Promise<protocol.SearchResult>, roots: readonly string[] = ["/w"]) {
  let engine: FakeEngine | undefined;
  let stored: readonly string[] = [];
  const engines = fakeEngines(async () => (engine = fakeEngine(1, answer)));
  engines.setFolders(roots.map((root) => ({ root, name: root.slice(1) })));
  const model = new SearchModel({ engines, maxResults: () => 10, history: { get: () => stored, set: (queries) => (stored = queries) }, onChange: () => undefined });
  engines.onChange(() => model.enginesChanged());
  const say = async (state: protocol.IndexState) => {
    await engine!.engine.sendNotification(protocol.statusChanged, status({ state }));
    await settle();
  };
  return { model, engines, engine: () => engine!, say, history: () => stored };
}

const shownPaths = (model: SearchModel) => (model.state.results.kind === "hits" ? model.state.results.hits.map(({ path }) => path) : undefined);

describe("the query with its filters", () => {
  for (const [query, filters, expected] of [
    ["retry", none, "retry"],
    [" retry ", { langs: ["go", "rust"], path: "" }, "retry lang:go lang:rust"],
    ["retry", { langs: [], path: "src/net" }, "retry path:src/net"],
    ["retry", { langs: [], path: " my files " }, 'retry path:"my files"'],
    ["retry", { langs: [], path: 'a" lang:x "' }, 'retry path:"a lang:x "'],
  ] as const)
    it(`"${query}" ${JSON.stringify(filters)} is ${expected}`, () => {
      assert.equal(queryWithFilters(query, filters), expected);
    });
});

describe("the search view's state", () => {
  it("holds the hits of the last query, and opens only what it shows", async () => {
    const { model } = setUp(({ query }) => result([hit(`${query}.ts`, 1)]));
    await model.search("one", none);
    const first = model.state.results;
    assert.ok(first.kind === "hits");
    const { id } = first.hits[0]!;
    assert.deepEqual(model.place(id), { root: "/w", path: "one.ts", startLine: 1, endLine: 3, line: 1, snippet: "code" });
    await model.search("two", none);
    assert.deepEqual(shownPaths(model), ["two.ts"]);
    assert.equal(model.place(id), undefined);
    assert.deepEqual(["one.ts", "two.ts"].map((name) => model.showsFile(path.join("/w", name))), [false, true]);
    assert.equal(model.place("/etc\u0000passwd\u00001-1"), undefined);
  });

  it("shows names and code that would turn around or be invisible as they are, and opens the file of that name", async () => {
    const { model } = setUp(() => result([hit("x\u202efdp.yp", 1, { symbol: "a\u2066b", breadcrumb: "\u202ec", snippet: "one\n\ttwo \u202ethree" })], { farFetched: true }));
    await model.search("one", none);
    const { results } = model.state;
    assert.ok(results.kind === "hits");
    assert.equal(results.farFetched, true);
    const [{ id, path: shown, symbol, breadcrumb, snippet }] = results.hits as [(typeof results.hits)[number]];
    assert.deepEqual([shown, symbol, breadcrumb, snippet], ["x·fdp.yp", "a·b", "·c", "one\n\ttwo ·three"]);
    assert.equal(model.place(id)?.path, "x\u202efdp.yp");
  });

  it("shows the later query though the earlier one answers last", async () => {
    const waiting = new Map<string, (answer: protocol.SearchResult) => void>();
    const { model } = setUp(({ query }) => new Promise((resolve) => waiting.set(query, resolve)));
    const one = model.search("one", none);
    await settle();
    const two = model.search("two", none);
    await settle();
    waiting.get("two")!(result([hit("two.ts", 1)]));
    await settle();
    waiting.get("one")!(result([hit("one.ts", 1)]));
    await Promise.all([one, two]);
    assert.deepEqual([shownPaths(model), model.state.busy], [["two.ts"], false]);
  });

  it("keeps the hits while the next query is under way, and says so", async () => {
    let release: (() => void) | undefined;
    const { model } = setUp(({ query }) => (query === "one" ? result([hit("one.ts", 1)]) : new Promise((resolve) => (release = () => resolve(result([]))))));
    await model.search("one", none);
    const next = model.search("two", none);
    await settle();
    assert.deepEqual([model.state.busy, shownPaths(model)], [true, ["one.ts"]]);
    release!();
    await next;
    assert.deepEqual(shownPaths(model), []);
  });

  it("shows better hits of the same query as they come", async () => {
    let streamId = "";
    const { model, engine } = setUp((params) => ((streamId = params.streamId!), result([hit("a.ts", 0.1), hit("b.ts", 0.05)], { refining: true })));
    await model.search("q", none);
    await engine().engine.sendNotification(protocol.searchUpdate, { streamId, result: result([hit("b.ts", 0.9), hit("a.ts", 0.1)]) });
    await settle();
    assert.deepEqual(shownPaths(model), ["b.ts", "a.ts"]);
    assert.ok(model.state.results.kind === "hits" && !model.state.results.refining);
  });

  it("says nothing of a search that an engine's restart has cut off", async () => {
    const { model } = setUp(() => {
      throw new ResponseError(-32800, "The request was cancelled.", { code: "cancelled" });
    });
    await model.search("q", none);
    assert.deepEqual([model.state.error, model.state.busy], [undefined, false]);
  });

  it("says what went wrong and forgets it with the next success", async () => {
    let fail = true;
    const { model } = setUp(() => {
      if (fail) throw new StrataError("index.damaged", "Rebuild the index.");
      return result([]);
    });
    await model.search("q", none);
    assert.match(model.state.error ?? "", /Rebuild the index/);
    fail = false;
    await model.search("q", none);
    assert.equal(model.state.error, undefined);
  });

  it("shows nothing of an answer that comes after it was cleared", async () => {
    let release: (() => void) | undefined;
    const { model } = setUp(() => new Promise((resolve) => (release = () => resolve(result([hit("a.ts", 1)])))));
    const searching = model.search("one", none);
    await settle();
    model.clear();
    release!();
    await searching;
    assert.deepEqual([model.state.results.kind, model.state.busy, model.hasPlaces], ["none", false, false]);
  });

  it("forgets everything when it is cleared, and asks nothing again", async () => {
    let asked = 0;
    const { model } = setUp(() => {
      if (++asked === 2) throw new StrataError("index.damaged", "Rebuild the index.");
      return result([hit("a.ts", 1)]);
    });
    await model.search("one", none);
    await model.search("two", none);
    model.clear();
    await model.repeat();
    assert.deepEqual([asked, model.state.error, model.state.query], [2, undefined, ""]);
  });

  it("opens no hit any more once duplicates are shown in its place", async () => {
    const { model, engine } = setUp(() => result([hit("a.ts", 1)]));
    await model.search("one", none);
    engine().engine.onRequest(protocol.duplicates, () => ({ groups: [], coverage: coverage(3) }));
    await model.duplicates();
    assert.deepEqual([model.hasPlaces, model.showsFile(path.join("/w", "a.ts"))], [false, false]);
  });

  it("goes on with the query in one folder, and in all of them", async () => {
    const asked: string[] = [];
    const { model } = setUp(({ query }) => (asked.push(query), result([])));
    await model.search("retry", { langs: ["go"], path: "" });
    await model.searchIn("/w", "src/net work");
    await model.searchIn("/w", "");
    assert.deepEqual(asked, ["retry lang:go", 'retry lang:go path:"./src/net work"', "retry lang:go"]);
    model.clear();
    await model.searchIn("/w", "src");
    assert.deepEqual([asked.length, model.state.filters], [3, { langs: ["go"], path: "./src" }], "it waits for a query");
  });

  it("asks the chosen folder of several alone, until the filter or the folder goes", async () => {
    const asked: string[] = [];
    const { model, engines } = setUp(({ query }) => (asked.push(query), result([hit("a.ts", 1)])), ["/one", "/two"]);
    const roots = () => (model.state.results.kind === "hits" ? model.state.results.hits.map(({ id }) => id.split("\0")[0]) : []);
    await model.search("retry", none);
    assert.deepEqual(roots(), ["/one", "/two"]);
    asked.length = 0;
    await model.searchIn("/two", "src");
    assert.deepEqual([asked, roots(), model.state.filters], [["retry path:./src"], ["/two"], { langs: [], path: "./src", root: "/two" }]);
    await model.searchIn("/two", "");
    assert.deepEqual([asked.at(-1), roots()], ["retry", ["/two"]]);
    assert.deepEqual(model.state.results.kind === "hits" && model.state.results.filters, { langs: [], path: "", root: "/two" }, "what the list was made with");
    assert.equal(model.state.folder, "two");
    engines.setFolders([{ root: "/one", name: "one" }, { root: "/three", name: "three" }]);
    await model.repeat();
    assert.deepEqual([roots(), model.state.filters], [["/one", "/three"], none]);
  });

  it("does not ask a folder again for what goes on in another one", async () => {
    let asked = 0;
    const { model, engines, engine } = setUp(() => (asked++, result([])), ["/one", "/two"]);
    await engines.start();
    await settle();
    await model.search("q", { ...none, root: "/one" });
    for (const state of [{ kind: "ready" }, { kind: "scanning", progress: { phase: "instant", done: 1, total: 900, unit: "files" } }] as const) {
      await engine().engine.sendNotification(protocol.statusChanged, status({ changes: 90, coverage: coverage(900), state })); // of /two
      await settle();
    }
    assert.equal(asked, 1);
    await model.search("q", none);
    assert.equal(asked, 3);
  });

  it("looks for copies of a file in its folder alone", async () => {
    const asked: string[] = [];
    const engines = fakeEngines(async (root) => {
      const fake = fakeEngine(1);
      fake.engine.onRequest(protocol.duplicates, () => (asked.push(root), { groups: [], coverage: coverage(3) }));
      return fake;
    });
    engines.setFolders(["/one", "/two"].map((root) => ({ root, name: root.slice(1) })));
    await new SearchModel({ engines, maxResults: () => 10, history: { get: () => [], set: () => undefined }, onChange: () => undefined }).duplicates({ root: "/two", paths: ["a.ts"] });
    assert.deepEqual(asked, ["/two"]);
  });

  it("makes the search again when the engine that it was made with has only just begun", async () => {
    const { model, engines, engine, say } = setUp(() => result([]));
    await engines.start();
    await settle();
    await say({ kind: "absent" });
    await model.search("q", none);
    const before = engine().asked.length;
    await say({ kind: "ready" });
    assert.deepEqual(engine().asked.slice(before), ["search"]);
  });

  it("lets the hits of a removed folder leave, also those that are not looked for again", async () => {
    const { model, engines, engine } = setUp(() => result([hit("a.ts", 1)]), ["/one", "/two"]);
    const ids = () => (model.state.results.kind === "hits" ? model.state.results.hits.map(({ id }) => id) : []);
    await model.similar("/one", { path: "b.ts", startLine: 3, endLine: 9, text: "code" }, "b.ts:3-9");
    assert.equal(model.state.results.kind === "hits" && model.state.results.subject, "one › b.ts:3-9", "the other folder may have a file of that name");
    const [one, two] = ids();
    assert.deepEqual([one, two].map((id) => id?.split("\0")[0]), ["/one", "/two"]);
    engines.setFolders([{ root: "/one", name: "one" }]);
    const before = engine().asked.length;
    await model.foldersRemoved();
    assert.deepEqual([ids(), model.place(two!), engine().asked.length], [[one], undefined, before]);
    await model.search("q", none);
    engines.setFolders([{ root: "/three", name: "three" }]);
    await model.foldersRemoved();
    assert.deepEqual(ids().map((id) => id.split("\0")[0]), ["/three"]);
  });

  it("keeps similar code when a filter is chosen with an empty box", async () => {
    const { model } = setUp(() => result([hit("twin.ts", 0.9)]));
    await model.similar("/w", { path: "a.ts", startLine: 3, endLine: 9 }, "a.ts:3-9");
    await model.search("", { langs: ["go"], path: "" });
    assert.deepEqual([shownPaths(model), model.state.filters.langs], [["twin.ts"], ["go"]]);
  });

  it("empties the list for an empty query", async () => {
    const { model } = setUp(() => result([hit("a.ts", 1)]));
    await model.search("q", none);
    await model.search("  ", none);
    assert.equal(model.state.results.kind, "none");
  });

  it("makes the search again when the index has become complete, and not otherwise", async () => {
    let asked = 0;
    const { model, say } = setUp(() => (asked++, result([hit(`${asked}.ts`, 1)])));
    await model.search("q", none);
    await settle();
    asked = 0;
    await say({ kind: "ready" });
    assert.equal(asked, 0);
    await say({ kind: "scanning", progress: { phase: "instant", done: 1, total: 2, unit: "files" } });
    assert.equal(asked, 0);
    await say({ kind: "ready" });
    assert.equal(asked, 1);
  });

  it("makes the search again while files are read, as often as there are twice as many", async () => {
    let asked = 0;
    let searched = 0;
    const { model, engine, say } = setUp(() => (asked++, result([], { coverage: coverage(searched) })));
    const read = async (files: number) => {
      await engine().engine.sendNotification(protocol.statusChanged, status({ coverage: coverage(files), state: { kind: "scanning", progress: { phase: "instant", done: files, total: 1_000, unit: "files" } } }));
      await settle();
    };
    await model.search("q", none);
    await read(0);
    asked = 0;
    for (searched of [1, 90, 100, 179, 180]) await read(searched);
    assert.equal(asked, 3, "for 1, 90 and 180");
    for (let i = 0; i < 3; i++) await read(400); // of which the answers never tell
    assert.equal(asked, 4);
    await model.similar("/w", { path: "a.ts", startLine: 1, endLine: 9 }, "a.ts:1-9");
    asked = 0;
    await read(1_000);
    assert.equal(asked, 0, "similar code is looked for once more at the end");
    await say({ kind: "ready" });
    assert.equal(asked, 1);
  });

  it("makes the search again when code came or went outside the editor, once for each change", async () => {
    let asked = 0;
    let changes = 3;
    const { model, engine } = setUp(() => (asked++, result([hit("a.ts", 1)], { changes })));
    const say = async (now: Partial<protocol.Status>) => {
      await engine().engine.sendNotification(protocol.statusChanged, status(now));
      await settle();
    };
    await model.search("q", none);
    await say({ coverage: { ...coverage(3), deep: 1, shallow: 1 } });
    assert.equal(asked, 1, "reading deeper brings its own better hits");
    changes = 5;
    await say({ changes });
    await say({ changes });
    assert.equal(asked, 2, "also where there are as many files and chunks as before");
    for (let i = 0; i < 3; i++) await say({ changes: 9 }); // of which the answer never comes to know
    assert.equal(asked, 3);
    changes = 12;
    await say({ changes, state: { kind: "scanning", progress: { phase: "instant", done: 1, total: 2, unit: "files" } } });
    assert.equal(asked, 3, "not while files are read");
    for (let done = 0; done < 3; done++) await say({ changes, state: { kind: "deepening", progress: { phase: "deep", done, total: 9, unit: "chunks" } } });
    assert.equal(asked, 4, "but while they are read deeper, which may take hours");
    await model.similar("/w", { path: "a.ts", startLine: 1, endLine: 9 }, "a.ts:1-9");
    const before = asked;
    await say({ changes: 20 });
    assert.equal(asked, before, "similar code is looked for once");
  });

  it("shows nothing of another question below the sentence that refuses one, and keeps what an engine in trouble had found", async () => {
    const { model } = setUp(({ query }) => {
      if (query === "=>") throw new ResponseError(-32000, "There is no word in the query.", { code: "input.invalid" });
      if (query === "trouble") throw new StrataError("index.damaged", "Rebuild the index.");
      return result([hit("a.ts", 1)]);
    });
    await model.search("q", none);
    await model.search("trouble", none);
    assert.deepEqual(shownPaths(model), ["a.ts"]);
    await model.search("=>", none);
    assert.deepEqual([model.state.error, model.state.results.kind], ["There is no word in the query.", "none"]);
  });

  it("makes the search again for code that came while it was made", async () => {
    let asked = 0;
    let changes = 3;
    const first = Promise.withResolvers<void>();
    const { model, engine } = setUp(async () => {
      const found = result([hit(`${++asked}.ts`, 1)], { changes });
      await first.promise;
      return found;
    });
    const searched = model.search("q", none);
    await settle();
    changes = 4;
    await engine().engine.sendNotification(protocol.statusChanged, status({ changes, state: { kind: "deepening", progress: { phase: "deep", done: 1, total: 9, unit: "chunks" } } }));
    await settle();
    assert.equal(asked, 1);
    first.resolve();
    await searched;
    await settle();
    assert.deepEqual([asked, shownPaths(model)], [2, ["2.ts"]]);
  });

  it("makes the search again for a change that an engine before it has counted too", async () => {
    let asked = 0;
    let changes = 3;
    const { model, engine } = setUp(() => (asked++, result([hit("a.ts", 1)], { changes })));
    await model.search("q", none);
    const say = async (now: number, state: protocol.IndexState = { kind: "ready" }) => {
      changes = now;
      await engine().engine.sendNotification(protocol.statusChanged, status({ changes, state }));
      await settle();
    };
    await say(4);
    await say(0, { kind: "scanning", progress: { phase: "instant", done: 1, total: 2, unit: "files" } }); // of one that was started anew
    await say(0);
    assert.equal(asked, 3);
    await say(4);
    assert.equal(asked, 4);
  });

  it("remembers a query when something was done with it, latest first and once", async () => {
    const { model, history } = setUp(() => result([hit("a.ts", 1)]));
    await model.search("never opened", none);
    for (const query of ["one", "two", "one"]) {
      await model.search(query, none);
      model.remember();
    }
    assert.deepEqual(history(), ["one", "two"]);
    for (let i = 0; i < 40; i++) {
      await model.search(`query ${i}`, none);
      model.remember();
    }
    assert.deepEqual([history().length, history()[0]], [30, "query 39"]);
    model.forgetHistory();
    assert.deepEqual(model.state.history, []);
  });

  it("remembers the query whose hit was opened, and not what is being typed meanwhile", async () => {
    let release: (() => void) | undefined;
    const { model, history } = setUp(({ query }) => (query === "one" ? result([hit("a.ts", 1)]) : new Promise((resolve) => (release = () => resolve(result([]))))));
    await model.search("one", none);
    const next = model.search("one and a hal", none);
    await settle();
    model.remember();
    assert.deepEqual(history(), ["one"]);
    model.forgetHistory();
    model.remember("one and");
    assert.deepEqual(history(), [], "its answer never came");
    release!();
    await next;
  });

  it("says what similar code is similar to", async () => {
    const { model } = setUp(() => result([hit("twin.ts", 0.9)]));
    await model.similar("/w", { path: "a.ts", startLine: 3, endLine: 9 }, "parse · a.ts:3-9");
    const { results } = model.state;
    model.remember();
    assert.deepEqual(model.state.history, [], "which is no query");
    assert.ok(results.kind === "hits");
    assert.deepEqual([results.of, results.subject, shownPaths(model)], ["similar", "parse · a.ts:3-9", ["twin.ts"]]);
  });

  it("asks for similar code once: after a save its lines are those of other code", async () => {
    const { model, engine } = setUp(() => result([hit("twin.ts", 0.9)]));
    await model.search("q", none);
    await model.similar("/w", { path: "a.ts", startLine: 3, endLine: 9, text: "code" }, "a.ts:3-9");
    const before = engine().asked.length;
    await model.repeat();
    assert.deepEqual([engine().asked.length, shownPaths(model)], [before, ["twin.ts"]]);
  });

  for (const [what, saved, repeated] of [
    ["once more when all files can be searched", undefined, 1],
    ["once more though another file was saved", "/w/other.ts", 1],
    ["not again when its own file was saved meanwhile", "/w/a.ts", 0],
  ] as const)
    it(`looks for similar code that was asked for while files were missing ${what}`, async () => {
      const { model, engines, engine, say } = setUp(() => result([hit("twin.ts", 0.9)]));
      await engines.start();
      await settle();
      await say({ kind: "scanning", progress: { phase: "instant", done: 1, total: 3, unit: "files" } });
      await model.similar("/w", { path: "a.ts", startLine: 3, endLine: 9, text: "code" }, "a.ts:3-9");
      const before = engine().asked.length;
      if (saved !== undefined) void model.beforeSave(saved);
      await say(protocol.deepening("deep", coverage(3, 1)));
      assert.equal(engine().asked.slice(before).filter((method) => method === "similar").length, repeated);
      await say({ kind: "scanning", progress: { phase: "instant", done: 3, total: 4, unit: "files" } });
      await say({ kind: "ready" });
      assert.equal(engine().asked.slice(before).filter((method) => method === "similar").length, repeated, "and then no more");
      assert.deepEqual(shownPaths(model), ["twin.ts"]);
    });

  it("looks once more for similar code whose answer came after the last file was read, and not while the engine restarts", async () => {
    let release: (() => void) | undefined;
    const { model, engines, engine, say } = setUp(() => new Promise((resolve) => (release = () => resolve(result([hit("twin.ts", 0.9)])))));
    await engines.start();
    await settle();
    const timesAsked = () => engine().asked.filter((method) => method === "similar").length;
    await say({ kind: "scanning", progress: { phase: "instant", done: 1, total: 3, unit: "files" } });
    const asked = model.similar("/w", { path: "a.ts", startLine: 3, endLine: 9, text: "code" }, "a.ts:3-9");
    await settle();
    await say({ kind: "absent" });
    assert.equal(timesAsked(), 1);
    await say({ kind: "ready" });
    assert.deepEqual([timesAsked(), model.state.busy], [1, true]);
    release!();
    await asked;
    await settle();
    assert.deepEqual([timesAsked(), model.state.busy], [2, true]);
    release!();
    await settle();
    assert.deepEqual([timesAsked(), model.state.busy, shownPaths(model)], [2, false, ["twin.ts"]]);
  });

  it("tells what a result is compared with: the code that was asked about, another copy, nothing for a search", async () => {
    const { model, engine } = setUp(() => result([hit("a.ts", 1)]));
    const shown = (): readonly { readonly id: string; readonly comparable?: true }[] => {
      const { results } = model.state;
      return results.kind === "hits" ? results.hits : results.kind === "duplicates" ? results.groups.flatMap(({ members }) => members) : [];
    };
    await model.search("one", none);
    assert.deepEqual([shown()[0]!.comparable, model.originalOf(shown()[0]!.id)], [undefined, undefined]);
    const asked = { title: "f · src/q.ts:3-9", file: "src/q.ts", text: "f()" };
    engine().engine.onRequest(protocol.similar, () => result([hit("b.ts", 1)]));
    await model.similar("/w", { path: "src/q.ts", startLine: 3, endLine: 9, text: "f()" }, asked.title);
    assert.deepEqual([shown()[0]!.comparable, model.originalOf(shown()[0]!.id)], [true, asked]);
    engine().engine.onRequest(protocol.similar, () => ({ ...result([hit("b.ts", 1)]), definition: { text: "whole()", lang: "typescript" } }));
    await model.similar("/w", { path: "src/q.ts", startLine: 3, text: "around" }, asked.title);
    assert.deepEqual(model.originalOf(shown()[0]!.id), { ...asked, text: "whole()" }, "what the engine took the line for");
    const before = shown()[0]!.id;
    const members = ["a.ts", "b.ts", "c.ts"].map((path) => ({ path, startLine: 1, endLine: 9, symbol: "", snippet: "x" }));
    engine().engine.onRequest(protocol.duplicates, () => ({ groups: [{ kind: "exact" as const, similarity: 1, lines: 9, members }], coverage: coverage(3) }));
    await model.duplicates();
    assert.deepEqual(shown().map(({ id }) => (model.originalOf(id) as { readonly path: string }).path), ["b.ts", "a.ts", "a.ts"]);
    assert.equal(model.originalOf(before), undefined, "of what is not shown any more");
  });

  it("looks for duplicates once, says how far that is, and begins anew for no saved file", async () => {
    const { model, engines, engine } = setUp(() => result([]));
    await engines.start();
    const asked: protocol.DuplicatesParams[] = [];
    let release: (() => void) | undefined;
    const answer = { groups: [{ kind: "exact", similarity: 1, lines: 9, members: [{ path: "a.ts", startLine: 1, endLine: 9, symbol: "a", snippet: "f(1)" }, { path: "b.ts", startLine: 1, endLine: 9, symbol: "b", snippet: "f(2)" }] }], coverage: coverage(3) } as const;
    engine().engine.onRequest(protocol.duplicates, (params) => (asked.push(params), new Promise((resolve) => (release = () => resolve(answer)))));
    const found = model.duplicates();
    await settle();
    assert.equal(model.state.working?.label, "Looking for duplicates …");
    await engine().engine.sendProgress(protocol.progress, asked[0]!.progressToken!, { phase: "search", done: 500, total: 2_000, unit: "chunks" });
    await settle();
    assert.deepEqual(model.state.working, { label: "Looking for duplicates, 25 %", fraction: 0.25 });
    await model.repeat();
    release!();
    await found;
    await model.repeat();
    assert.deepEqual([asked.length, model.state.working, model.state.busy], [1, undefined, false]);
    const { results } = model.state;
    assert.ok(results.kind === "duplicates");
    assert.deepEqual([results.groups.length, results.coverage, results.failures], [1, coverage(3), []]);
    assert.deepEqual(model.place(results.groups[0]!.members[1]!.id), { root: "/w", path: "b.ts", startLine: 1, endLine: 9, snippet: "f(2)" }, "with what tells where it stands when its file has changed");
    const given = model.duplicates();
    await settle();
    model.clear();
    await engine().engine.sendProgress(protocol.progress, asked[1]!.progressToken!, { phase: "search", done: 500, total: 2_000, unit: "chunks" });
    await settle();
    assert.equal(model.state.working, undefined, "what was given up is told no more");
    release!();
    await given;
  });

  it("looks for copies of files and folders, as exactly as a filter can say", async () => {
    const { model, engines, engine } = setUp(() => result([]));
    await engines.start();
    const asked: (string | undefined)[] = [];
    engine().engine.onRequest(protocol.duplicates, ({ filters }) => (asked.push(filters), { groups: [], coverage: coverage(3) }));
    const subjects: string[] = [];
    for (const paths of [["src/a.ts"], ["my dir", 'x,"y".ts'], ["a{b", "c}d"], [""]]) {
      await model.duplicates({ root: "/w", paths });
      if (model.state.results.kind === "duplicates") subjects.push(model.state.results.subject);
    }
    assert.deepEqual(asked, ['path:"./src/a.ts"', 'path:"./my dir,./x??y?.ts"', 'path:"./a?b,./c?d"', ""]);
    assert.deepEqual(subjects, ["src/a.ts", "2 files and folders", "2 files and folders", "w"]);
  });

  it("keeps how a file of shown places was before it was saved, until other places are shown", async (t) => {
    const root = temporaryFolder(t);
    writeFileSync(path.join(root, "twin.ts"), "as found");
    const { model } = setUp(() => result([hit("twin.ts", 0.9)]), [root]);
    await model.similar(root, { path: "a.ts", startLine: 3, endLine: 9 }, "a.ts:3-9");
    const { results } = model.state;
    assert.ok(results.kind === "hits");
    const { id } = results.hits[0]!;
    assert.equal(model.beforeSave(path.join(root, "other.ts")), undefined);
    assert.deepEqual(model.place(id), { root, path: "twin.ts", startLine: 1, endLine: 3, line: 1, snippet: "code" });
    assert.deepEqual(["other.ts", "twin.ts"].map((name) => model.showsFile(path.join(root, name))), [false, true]);
    await model.beforeSave(path.join(root, "twin.ts"));
    writeFileSync(path.join(root, "twin.ts"), "saved");
    assert.equal(model.beforeSave(path.join(root, "twin.ts")), undefined, "the first text is the one whose lines were counted");
    assert.equal(await model.place(id)?.asFound, "as found");
    await model.search("q", none);
    assert.equal(model.place(id)?.asFound, undefined);
  });

  it("names the folder of a hit only when there are several", async () => {
    const { model } = setUp(() => result([hit("a.ts", 1)]), ["/one", "/two"]);
    await model.search("q", none);
    assert.ok(model.state.results.kind === "hits");
    assert.deepEqual(model.state.results.hits.map(({ folder }) => folder).sort(), ["one", "two"]);
  });

  it("counts languages over all folders, most files first", async () => {
    const { model, engines, engine } = setUp(() => result([]), ["/one", "/two"]);
    await engines.start();
    await settle();
    await engine().engine.sendNotification(protocol.statusChanged, status({ languages: { go: 1, ada: 1, typescript: 3 } }));
    await settle();
    assert.deepEqual(model.state.languages, [{ lang: "typescript", files: 6 }, { lang: "ada", files: 1 }, { lang: "go", files: 1 }]);
  });
});
