import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { ResponseError } from "vscode-jsonrpc/node";
import type { MergedResult } from "../../../src/engine/folders.ts";
import * as protocol from "../../../src/engine/protocol.ts";
import { isAbort } from "../../../src/base/abort.ts";
import { isMuchMore } from "../../../src/extension/workspaceEngines.ts";
import { coverage, fakeEngine, fakeEngines, hit, result, settle, status, type FakeEngine } from "../../support/fakeEngine.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

type Answers = Readonly<Record<string, (params: protocol.SearchParams) => protocol.SearchResult | Promise<protocol.SearchResult>>>;
/** Engines of several folders; `answers` by root, a folder without one refuses the connection. */
function workspace(answers: Answers, roots = Object.keys(answers)) {
  const engines = new Map<string, FakeEngine>();
  const all = fakeEngines(async (root) => {
    const answer = answers[root];
    if (!answer) throw new Error(`no engine for ${root}`);
    const engine = fakeEngine(1, answer);
    engines.set(root, engine);
    return engine;
  });
  all.setFolders(folders(...roots));
  return { all, engines };
}
/** The same with engines that run. */
async function started(...given: Parameters<typeof workspace>) {
  const made = workspace(...given);
  await made.all.start();
  return made;
}
const folders = (...roots: string[]) => roots.map((root) => ({ root, name: root.slice(1) }));
const paths = ({ hits }: MergedResult) => hits.map(({ root, path }) => `${root}:${path}`);
const never = () => new AbortController().signal;

describe("the engines of a workspace", () => {
  it("answer as one", async () => {
    const { all } = workspace({ "/a": () => result([hit("x", 0.2)]), "/b": () => result([hit("y", 0.8)]) });
    assert.deepEqual(paths(await all.search("view", { query: "q", k: 10 }, () => undefined, never())), ["/b:y", "/a:x"]);
  });

  it("answer with the folders that can, and say which cannot", async () => {
    const { all } = workspace({ "/a": () => result([hit("x", 0.2)]) }, ["/a", "/b"]);
    const merged = await all.search("view", { query: "q", k: 10 }, () => undefined, never());
    assert.deepEqual([paths(merged), merged.failures], [["/a:x"], [{ name: "b", reason: "no engine for /b" }]]);
  });

  it("are asked for a path as it is shown: with the name of its folder in front where there are several", async () => {
    const asked: string[] = [];
    const answer = (name: string) => ({ query }: protocol.SearchParams) => (asked.push(`${name}: ${query}`), result([hit("x", 0.2)]));
    const { all } = workspace({ "/a": answer("a"), "/b": answer("b") });
    assert.deepEqual(paths(await all.search("view", { query: "q path:b/src", k: 10 }, () => undefined, never())), ["/b:x"]);
    await all.ask("q -path:a", 10, never());
    all.setFolders(folders("/a"));
    await all.ask("q path:a/src", 10, never());
    assert.deepEqual(asked, ['b: q path:"src"', "b: q", "a: q path:a/src"]);
  });

  it("fail when no folder can answer", async () => {
    const { all } = workspace({}, ["/a"]);
    await assert.rejects(all.search("view", { query: "q", k: 10 }, () => undefined, never()), /no engine/);
  });

  it("ask for a folder when there is none", async () => {
    await assert.rejects(workspace({}).all.search("view", { query: "q", k: 10 }, () => undefined, never()), /Open a folder first/);
  });

  it("stream better hits of the present query and of no earlier one", async () => {
    const streams: string[] = [];
    const { all, engines } = workspace({ "/a": ({ streamId }) => (streams.push(streamId!), result([hit("x", 0.2)], { refining: true })), "/b": () => result([hit("y", 0.1)]) });
    const seen: string[][] = [];
    await all.search("view", { query: "one", k: 10 }, (better) => seen.push(["one", ...paths(better)]), never());
    await all.search("view", { query: "two", k: 10 }, (better) => seen.push(["two", ...paths(better)]), never());
    const send = (streamId: string, score: number) => engines.get("/a")!.engine.sendNotification(protocol.searchUpdate, { streamId, result: result([hit("x", score)]) });
    await send(streams[0]!, 0.9);
    await send(streams[1]!, 0.05);
    await settle();
    assert.deepEqual(seen, [["two", "/b:y", "/a:x"]]);
  });

  it("stream to a view and a quick pick beside each other", async () => {
    const streams: string[] = [];
    const { all, engines } = workspace({ "/a": ({ streamId }) => (streams.push(streamId!), result([hit("x", 0.2)], { refining: true })) });
    const seen: string[] = [];
    await all.search("view", { query: "one", k: 10 }, () => seen.push("view"), never());
    await all.search("quick", { query: "two", k: 10 }, () => seen.push("quick"), never());
    for (const streamId of streams) await engines.get("/a")!.engine.sendNotification(protocol.searchUpdate, { streamId, result: result([hit("x", 0.9)]) });
    await settle();
    assert.deepEqual([streams.map((id) => id.split(":")[0]), seen], [["view", "quick"], ["view", "quick"]]);
  });

  it("show an update that overtakes the first answer", async () => {
    let release: (() => void) | undefined;
    let streamId = "";
    const { all, engines } = workspace({
      "/a": (params) => ((streamId = params.streamId!), result([hit("x", 0.2)])),
      "/b": () => new Promise((resolve) => (release = () => resolve(result([hit("y", 0.5)])))),
    });
    const updates: string[][] = [];
    const answer = all.search("view", { query: "q", k: 10 }, (better) => updates.push(paths(better)), never());
    await settle();
    await engines.get("/a")!.engine.sendNotification(protocol.searchUpdate, { streamId, result: result([hit("x", 0.9)]) });
    await settle();
    release!();
    assert.deepEqual(paths(await answer), ["/a:x", "/b:y"]);
    assert.deepEqual(updates, [["/a:x", "/b:y"]]);
  });

  it("stop streaming once the search is aborted", async () => {
    let streamId = "";
    const { all, engines } = workspace({ "/a": (params) => ((streamId = params.streamId!), result([])) });
    const controller = new AbortController();
    let updates = 0;
    await all.search("view", { query: "q", k: 10 }, () => updates++, controller.signal);
    controller.abort();
    await engines.get("/a")!.engine.sendNotification(protocol.searchUpdate, { streamId, result: result([]) });
    await settle();
    assert.equal(updates, 0);
  });

  it("wait for a new index as long as they may, and say what an answer can look at", async () => {
    const { all, engines } = await started({ "/a": () => result([]) });
    const answerIndex = (answer: () => protocol.Status | Promise<protocol.Status>) => void engines.get("/a")!.engine.onRequest(protocol.index, answer);
    let release: (() => void) | undefined;
    answerIndex(() => new Promise((resolve) => (release = () => resolve(status()))));
    const waiting = all.becomeSearchable(60_000, never());
    await settle();
    release!();
    assert.equal(await waiting, "everything");
    answerIndex(() => new Promise(() => undefined));
    assert.equal(await all.becomeSearchable(1, never()), "still indexing");
    answerIndex(() => {
      throw new ResponseError<protocol.ErrorData>(-32000, "Indexing is paused.", { code: "input.invalid" });
    });
    assert.equal(await all.becomeSearchable(60_000, never()), "paused");
    answerIndex(() => {
      throw new ResponseError<protocol.ErrorData>(-32000, "The disk is full.", { code: "index.diskFull" });
    });
    assert.equal(await all.becomeSearchable(60_000, never()), "paused");
    await assert.rejects(all.becomeSearchable(60_000, AbortSignal.abort()), isAbort);
  });

  it("are indexing from their start until all files are read, and tell who listens", async () => {
    const { all, engines } = workspace({ "/a": () => result([]) });
    const seen: [string, boolean][] = [];
    const stop = all.onChange(() => seen.push([all.clients[0]!.client.state.kind, all.indexing]));
    const started = all.start();
    assert.deepEqual(seen.splice(0), [["starting", true]]);
    await started;
    await settle();
    const say = async (state: protocol.IndexState) => {
      await engines.get("/a")!.engine.sendNotification(protocol.statusChanged, status({ state }));
      await settle();
      return all.indexing;
    };
    assert.deepEqual([await say({ kind: "absent" }), await say(protocol.lookingForFiles), await say({ kind: "ready" })], [true, true, false]);
    engines.get("/a")!.kill();
    await settle();
    assert.deepEqual(seen.at(-1), ["restarting", true]);
    seen.length = 0;
    all.setFolders(folders("/a", "/b"));
    assert.equal(seen.length, 1);
    stop();
    seen.length = 0;
    all.setFolders(folders("/a"));
    assert.deepEqual(seen, []);
  });

  it("are searched again for the first file, and then for twice as many", () => {
    assert.deepEqual([[0, 0], [1, 0], [1, 1], [2, 1], [5, 3]].map(([now, before]) => isMuchMore(now!, before!)), [false, true, false, true, false]);
  });

  it("end with the window", async () => {
    const { all, engines } = await started({ "/a": () => result([]) });
    all.dispose();
    assert.throws(() => engines.get("/a")!.connection.sendRequest("x"), /disposed|closed/i);
  });

  it("look for similar code elsewhere only when they know the text", async () => {
    const { all, engines } = workspace({ "/a": () => result([hit("x", 0.4)]), "/b": () => result([hit("y", 0.3)]) });
    assert.deepEqual(paths(await all.similar("/a", { path: "f.ts", startLine: 1, endLine: 2 }, 5, never())), ["/a:x"]);
    assert.deepEqual(paths(await all.similar("/a", { path: "f.ts", startLine: 1, endLine: 2, text: "code" }, 5, never())), ["/a:x", "/b:y"]);
    assert.deepEqual(engines.get("/b")!.asked.filter((method) => method === "similar").length, 1);
  });

  it("read the range themselves to ask the folders that do not hold its file", async (t) => {
    const root = temporaryFolder(t);
    writeFileSync(path.join(root, "f.ts"), "one\ntwo\nthree\nfour\n");
    const { all, engines } = await started({ [root]: () => result([]), "/b": () => result([]) });
    const asked: protocol.SimilarParams[] = [];
    engines.get("/b")!.engine.onRequest(protocol.similar, (params) => (asked.push(params), result([])));
    await all.similar(root, { path: "f.ts", startLine: 2, endLine: 3 }, 5, never());
    await all.similar(root, { path: "f.ts", startLine: 2 }, 5, never());
    assert.deepEqual(asked, [{ text: "two\nthree", lang: "typescript", k: 5, depth: "deep" }]);
  });

  it("leave the question out wherever its file is known: in a folder and in one inside it", async () => {
    const { all, engines } = await started({ "/a": () => result([]), "/a/pkg/app": () => result([]), "/b": () => result([]) });
    const asked: Record<string, protocol.SimilarParams> = {};
    for (const [root, { engine }] of engines) engine.onRequest(protocol.similar, (params) => ((asked[root] = params), result([])));
    const range = { startLine: 3, endLine: 9, text: "code", lang: "typescript" };
    for (const [root, path] of [["/a/pkg/app", "src/f.ts"], ["/a", "pkg/app/src/f.ts"]] as const) {
      await all.similar(root, { path, ...range }, 5, never());
      assert.deepEqual(asked, {
        "/a": { path: "pkg/app/src/f.ts", ...range, k: 5, depth: "deep" },
        "/a/pkg/app": { path: "src/f.ts", ...range, k: 5, depth: "deep" },
        "/b": { text: "code", lang: "typescript", k: 5, depth: "deep" },
      });
    }
  });

  it("find the duplicates of the folders that can answer, most repeated lines first", async () => {
    const { all, engines } = await started({ "/a": () => result([]), "/c": () => result([]) }, ["/a", "/b", "/c"]);
    const group = (lines: number): protocol.DuplicateGroup => ({ kind: "exact", similarity: 1, lines, members: [hit(`x${lines}`, 1), hit("y", 1)] });
    engines.get("/a")!.engine.onRequest(protocol.duplicates, () => ({ groups: [group(20), group(6)], coverage: coverage(3) }));
    engines.get("/c")!.engine.onRequest(protocol.duplicates, () => ({ groups: [group(9)], coverage: coverage(4) }));
    const found = await all.duplicates({ minLines: 6, threshold: 0.9, limit: 9 }, () => undefined, never());
    assert.deepEqual(found.groups.map(({ root, lines }) => [root, lines]), [["/a", 20], ["/c", 9], ["/a", 6]]);
    assert.deepEqual([found.coverage, found.failures.map(({ name }) => name)], [coverage(7), ["b"]]);
    assert.equal(found.apart, true, "a copy in another folder was not looked for");
    all.setFolders(folders("/a"));
    assert.equal((await all.duplicates({ minLines: 6, threshold: 0.9, limit: 9 }, () => undefined, never())).apart, undefined);
  });

  it("count how far they are with duplicates over the folders whose amount of work is known", async () => {
    const { all, engines } = await started({ "/a": () => result([]), "/b": () => result([]) });
    for (const [root, { engine }] of engines)
      engine.onRequest(protocol.duplicates, async ({ progressToken }) => {
        await engine.sendProgress(protocol.progress, progressToken!, root === "/a" ? { phase: "search", done: 5_000, total: 0, unit: "chunks" } : { phase: "search", done: 500, total: 2_000, unit: "chunks" });
        return { groups: [], coverage: coverage(1) };
      });
    const seen: (readonly [number, number])[] = [];
    await all.duplicates({ minLines: 6, threshold: 0.9, limit: 9 }, ({ done, total }) => seen.push([done, total]), never());
    assert.deepEqual(seen, [[5_000, 0], [500, 2_000]]);
  });

  it("tell that no duplicates could be looked for only when no folder has what was asked about", async () => {
    const { all, engines } = await started({ "/a": () => result([]), "/b": () => result([]) });
    const found = async (...has: readonly boolean[]) => {
      for (const [i, { engine }] of [...engines.values()].entries()) engine.onRequest(protocol.duplicates, () => ({ groups: [], ...(!has[i] && { nothingPasses: true as const }), coverage: coverage(1) }));
      return (await all.duplicates({ minLines: 6, threshold: 0.9, limit: 9, filters: "lang:go" }, () => undefined, never())).nothingPasses;
    };
    assert.deepEqual([await found(false, true), await found(false, false)], [undefined, true]);
  });

  it("tell folders of the same name apart in what is shown and in paths of filters", async () => {
    const asked: string[] = [];
    const answer = (root: string) => ({ query }: protocol.SearchParams) => (asked.push(`${root} ${query}`), result([hit("utils.py", 1)]));
    const { all } = workspace({ "/w/api/src": answer("api"), "/w/web/src": answer("web") });
    all.setFolders([{ root: "/w/api/src", name: "src" }, { root: "/w/web/src", name: "src" }]);
    const { hits } = await all.ask("retry", 5, never());
    assert.deepEqual(hits.map(({ root }) => all.nameOf(root)), ["api/src", "web/src"]);
    await all.ask("wait path:web/src/utils.py", 5, never());
    assert.deepEqual(asked.slice(2), ['web wait path:"utils.py"']);
  });

  it("read paths in filters as they are shown, and ask nobody whom they are not about", async () => {
    const { all, engines } = await started({ "/a": () => result([]), "/b": () => result([]) });
    const asked: [string, string | undefined][] = [];
    for (const [root, { engine }] of engines) {
      engine.onRequest(protocol.duplicates, ({ filters }) => (asked.push([root, filters]), { groups: [], coverage: coverage(1) }));
      engine.onRequest(protocol.similar, ({ filters }) => (asked.push([root, filters]), result([])));
    }
    const duplicates = (filters: string, root?: string) => all.duplicates({ minLines: 6, threshold: 0.9, limit: 9, filters }, () => undefined, never(), root);
    await duplicates("path:b/src lang:go");
    await duplicates("path:b/src", "/a");
    await all.similar("/a", { path: "f.ts", startLine: 1, endLine: 2, text: "x", filters: "path:b/lib" }, 5, never());
    assert.deepEqual(asked, [["/b", 'lang:go path:"src"'], ["/a", "path:b/src"], ["/b", 'path:"lib"']]);
    await assert.rejects(all.similar("/a", { path: "f.ts", startLine: 1, filters: "path:b/lib" }, 5, never()), { code: "input.invalid" }, "nobody who may answer has the code");
  });

  it("follow the workspace when a folder gets another name or place, and keep their engines", async () => {
    const { all, engines } = await started({ "/a": () => result([hit("x", 0.2)]), "/b": () => result([hit("y", 0.2)]) });
    const before = [engines.get("/a"), engines.get("/b")];
    all.setFolders([{ root: "/b", name: "server" }, { root: "/a", name: "a" }]);
    assert.deepEqual(all.folders.map(({ name }) => name), ["server", "a"]);
    assert.deepEqual(paths(await all.ask("q", 10, never())), ["/b:y", "/a:x"]);
    assert.deepEqual([engines.get("/a"), engines.get("/b")], before);
  });

  it("end with the folder they belong to", async () => {
    const { all, engines } = await started({ "/a": () => result([]), "/b": () => result([]) });
    all.setFolders(folders("/b"));
    await settle();
    assert.deepEqual(all.folders.map(({ root }) => root), ["/b"]);
    assert.throws(() => all.clientOf("/a"), /not inside a folder of the workspace/);
    assert.throws(() => engines.get("/a")!.connection.sendRequest("x"), /disposed|closed/i);
  });
});
