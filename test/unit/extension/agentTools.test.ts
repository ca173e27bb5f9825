import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isAbort } from "../../../src/base/abort.ts";
import { toolResults } from "../../../src/base/forModels.ts";
import * as protocol from "../../../src/engine/protocol.ts";
import { fakeEngine, fakeEngines, hit, result, status, type FakeEngine } from "../../support/fakeEngine.ts";
import { callTool, toolSays } from "../../support/fakeVscode.ts";

const { registerAgentTools } = await import("../../../src/extension/agentTools.ts");

/** The tools on a workspace of these folders; what the engines were asked for similar code, in order. */
function setUp(...roots: readonly string[]) {
  const wanted: number[] = [];
  const asked: (Partial<protocol.SimilarParams> & { readonly root: string })[] = [];
  let engine: FakeEngine | undefined;
  const engines = fakeEngines(async (root) => {
    const fake = (engine = fakeEngine(1, ({ k }) => (wanted.push(k), result([hit("a.ts", 1)]))));
    fake.engine.onRequest(protocol.similar, ({ k: _k, depth: _depth, ...at }) => (asked.push({ root, ...at }), result([hit("twin.ts", 1)])));
    return fake;
  });
  engines.setFolders(roots.map((root) => ({ root, name: root.slice(root.lastIndexOf("/") + 1) })));
  registerAgentTools(engines);
  return { asked, wanted, order: () => engine!.asked.filter((method) => method === "index" || method === "search") };
}

describe("the search tool", () => {
  it("answers once the index can be searched", async () => {
    const { order } = setUp("/w");
    assert.match(await callTool("strata_search", { query: "q" }), /^a\.ts:1-3/);
    assert.deepEqual(order(), ["index", "search"]);
  });

  it("gives as many results as are wanted, in reason", async () => {
    const { wanted } = setUp("/w");
    for (const maxResults of [3.7, 0, -2, "9", 1_000, undefined]) await callTool("strata_search", { query: "q", maxResults });
    assert.deepEqual(wanted, [3, toolResults.usual, toolResults.usual, toolResults.usual, toolResults.most, toolResults.usual]);
  });

  it("asks for words, and nothing for a chat that was cancelled", async () => {
    const { wanted } = setUp("/w");
    await assert.rejects(callTool("strata_search", { query: " " }), /The query is empty/);
    await assert.rejects(callTool("strata_search", { query: "q" }, true), isAbort);
    assert.deepEqual(wanted, []);
  });

  it("says that indexing goes on, where that takes longer than a chat can wait", async () => {
    const engines = fakeEngines(async () => {
      const fake = fakeEngine(1, () => result([]));
      fake.engine.onRequest(protocol.index, () => new Promise<never>(() => undefined));
      fake.engine.onRequest(protocol.duplicates, () => ({ groups: [], coverage: status().coverage }));
      return fake;
    });
    engines.setFolders([{ root: "/w", name: "w" }]);
    registerAgentTools(engines, 1);
    for (const [tool, input] of [["strata_search", { query: "q" }], ["strata_duplicates", {}]] as const) assert.match(await callTool(tool, input), /Indexing goes on: what was not found may still be there/, tool);
  });
});

describe("a chat", () => {
  it("shows what a tool is about while it works", () => {
    setUp("/w");
    assert.equal(toolSays("strata_search", { query: "parse a date" }), 'Searching the workspace for "parse a date"');
    assert.deepEqual([{ path: "a.ts" }, {}].map((input) => toolSays("strata_similar", input)), ["Looking for code similar to a.ts", "Looking for similar code"]);
    assert.deepEqual([{ path: "a.ts", filters: "lang:go" }, {}].map((input) => toolSays("strata_duplicates", input)), ["Looking for duplicates of a.ts, lang:go", "Looking for duplicates"]);
  });
});

describe("the tool for duplicates", () => {
  it("names the groups, their places as they are shown, and how their code begins", async () => {
    const engines = fakeEngines(async () => {
      const fake = fakeEngine(1, () => result([]));
      const members = Array.from({ length: 14 }, (_, i) => ({ path: `src/f${i}.ts`, startLine: 3, endLine: 9, symbol: i === 0 ? "load\nAll" : "", snippet: "first\nsecond" }));
      fake.engine.onRequest(protocol.duplicates, ({ filters, limit, minLines }) => ({ groups: [{ kind: "semantic", similarity: 0.934, measure: "cosine", lines: 7, members: members.map((each, i) => (i === 1 ? { ...each, symbol: `${filters} ${limit} ${minLines}` } : each)) }], coverage: status().coverage }));
      return fake;
    });
    engines.setFolders([{ root: "/w", name: "w" }]);
    registerAgentTools(engines);
    const text = await callTool("strata_duplicates", { filters: "path:src", maxResults: 3 });
    assert.match(text, /^Nearly the same meaning, 7 lines, 14 places, cosine 0\.93:\nsrc\/f0\.ts:3-9 \(load·All\)\nsrc\/f1\.ts:3-9 \(path:src 3 6\)\n/);
    assert.match(text, /\nsrc\/f11\.ts:3-9\nand 2 more\n```\nfirst\nsecond\n```\n\nSearched /);
  });
});

describe("the tool for duplicates of a file", () => {
  it("asks the file's folder alone, for that file", async () => {
    const asked: [string, string | undefined][] = [];
    const engines = fakeEngines(async (root) => {
      const fake = fakeEngine(1, () => result([]));
      fake.engine.onRequest(protocol.duplicates, ({ filters }) => (asked.push([root, filters]), { groups: [], coverage: status().coverage }));
      return fake;
    });
    engines.setFolders([{ root: "/one", name: "one" }, { root: "/two", name: "two" }]);
    registerAgentTools(engines);
    assert.match(await callTool("strata_duplicates", { path: "two/src/a.ts", filters: "-in:tests" }), /^No duplicates found\.\n\nEach workspace folder was compared by itself/);
    await callTool("strata_duplicates", { path: "/one/b.ts:7" });
    assert.deepEqual(asked, [["/two", 'path:"./src/a.ts" -in:tests'], ["/one", 'path:"./b.ts"']]);
    await assert.rejects(callTool("strata_duplicates", { path: "/etc/passwd" }), /not a path inside the workspace/);
  });
});

describe("the tool for similar code", () => {
  it("takes code as text with its language", async () => {
    const { asked } = setUp("/w");
    await callTool("strata_similar", { text: "fn f() {}", lang: "rust" });
    await callTool("strata_similar", { text: "fn f() {}", lang: "" });
    assert.deepEqual(asked, [{ root: "/w", text: "fn f() {}", lang: "rust" }, { root: "/w", text: "fn f() {}" }]);
    await assert.rejects(callTool("strata_similar", { text: " \n" }), /Give a path with startLine, or a piece of code as text/);
  });

  it("looks where filters say, and takes no line that is none", async () => {
    const { asked } = setUp("/w");
    await callTool("strata_similar", { text: "f()", filters: "path:src" });
    await callTool("strata_similar", { path: "a.ts", startLine: 2.5, endLine: 2.9, filters: "lang:go" });
    await callTool("strata_similar", { path: "a.ts", startLine: 0 });
    assert.deepEqual(asked, [{ root: "/w", text: "f()", filters: "path:src" }, { root: "/w", path: "a.ts", startLine: 2, endLine: 2, filters: "lang:go" }, { root: "/w", path: "a.ts" }]);
  });

  it("leaves the definition around a line without an end to the engine", async () => {
    const { asked } = setUp("/w");
    await callTool("strata_similar", { path: "src/a.ts", startLine: 7 });
    await callTool("strata_similar", { path: "src/a.ts", startLine: 7, endLine: 9 });
    await callTool("strata_similar", { path: "src/a.ts:7" });
    await callTool("strata_similar", { path: "src/a.ts:7-9" });
    await callTool("strata_similar", { path: "src/a.ts:7:9" });
    assert.deepEqual(asked, [
      { root: "/w", path: "src/a.ts", startLine: 7 },
      { root: "/w", path: "src/a.ts", startLine: 7, endLine: 9 },
      { root: "/w", path: "src/a.ts", startLine: 7 },
      { root: "/w", path: "src/a.ts", startLine: 7, endLine: 9 },
      { root: "/w", path: "src/a.ts", startLine: 7 },
    ]);
  });

  it("refuses a range that runs backwards, which would be compared as nothing", async () => {
    const { asked } = setUp("/w");
    await assert.rejects(callTool("strata_similar", { path: "src/a.ts", startLine: 7, endLine: 2 }), /endLine must not be before startLine/);
    assert.deepEqual(asked, []);
  });

  for (const [given, root, path] of [
    ["src/a.ts", "/one", "src/a.ts"],
    ["two/src/a.ts", "/two", "src/a.ts"],
    ["/two/src/a.ts", "/two", "src/a.ts"],
    ["..config/a.ts", "/one", "..config/a.ts"],
    ["file:///two/src/a%20b.ts", "/two", "src/a b.ts"],
  ] as const)
    it(`finds the folder of ${given}`, async () => {
      const { asked } = setUp("/one", "/two", "/two/nested");
      await callTool("strata_similar", { path: given, startLine: 1 });
      assert.deepEqual(asked, [{ root, path, startLine: 1 }]);
    });

  it("finds the folder whose name is that of another one too", async () => {
    const { asked } = setUp("/api/src", "/web/src");
    await callTool("strata_similar", { path: "web/src/a.ts", startLine: 1 });
    assert.deepEqual(asked, [{ root: "/web/src", path: "a.ts", startLine: 1 }]);
  });

  it("asks every folder that holds the file", async () => {
    const { asked } = setUp("/one", "/two", "/two/nested");
    await callTool("strata_similar", { path: "/two/nested/a.ts", startLine: 1 });
    assert.deepEqual(asked, [{ root: "/two", path: "nested/a.ts", startLine: 1 }, { root: "/two/nested", path: "a.ts", startLine: 1 }]);
  });

  for (const given of ["/etc/passwd", "../a.ts", "src/../../a.ts", "/two/../etc/passwd", ".."])
    it(`refuses ${given}`, async () => {
      const { asked } = setUp("/one", "/two");
      await assert.rejects(callTool("strata_similar", { path: given, startLine: 1 }), /not a path inside the workspace/);
      assert.deepEqual(asked, []);
    });
});
