import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { askAll, copiesFilters, duplicatesAll, type FolderSet, mergeResults, type MergedResult, searchAll, similarAll, sumCoverage } from "../../../src/engine/folders.ts";
import * as protocol from "../../../src/engine/protocol.ts";
import { coverage, hit, result } from "../../support/fakeEngine.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const never = () => new AbortController().signal;
const folders = (...names: readonly string[]) => names.map((name) => ({ root: `/${name}`, name }));

/** Folders whose engines answer so; what each was asked, in order. */
function setOf(names: readonly string[], answer: (name: string, params: never) => unknown, areCopies = false) {
  const asked: [string, unknown][] = [];
  const set: FolderSet = {
    folders: folders(...names),
    areCopies,
    send: async ({ name }, _type, params, onProgress) => {
      asked.push([name, params]);
      onProgress?.({ phase: "search", done: 1, total: 2, unit: "chunks" });
      return answer(name, params as never) as never;
    },
  };
  return { set, asked };
}

const paths = ({ hits }: MergedResult) => hits.map(({ root, path }) => `${root}:${path}`);

describe("merging the answers of several folders", () => {
  it("puts the best hits of all folders first and keeps k", () => {
    const merged = mergeResults([{ root: "/a", result: result([hit("x", 0.9), hit("y", 0.3)]) }, { root: "/b", result: result([hit("z", 0.6)]) }], 2);
    assert.deepEqual(paths(merged), ["/a:x", "/b:z"]);
  });

  it("puts a folder that has nothing near the question behind one that has, and says so", () => {
    const far = { root: "/a", result: result([hit("x", 6.4), hit("w", 1)], { nearest: 0.31 }) };
    const near = { root: "/b", result: result([hit("y", 5.6), hit("z", 3)], { nearest: 0.55 }) };
    const merged = mergeResults([far, near], 4);
    assert.deepEqual(paths(merged), ["/b:y", "/b:z", "/a:x", "/a:w"]);
    const [y, , x] = merged.hits;
    assert.deepEqual([y!.score, y!.why], [5.6, near.result.hits[0]!.why]);
    const reason = x!.why.find(({ signal }) => signal === "nearer code in another folder");
    assert.equal(reason?.value, 0.31);
    assert.ok(reason.contribution < 0 && Math.abs(x!.score - 6.4 - reason.contribution) < 1e-9, "the reasons still add up to the score");
    const words = { root: "/a", result: result([hit("x", 6.4)]) };
    assert.deepEqual(paths(mergeResults([words, near], 3)), ["/a:x", "/b:y", "/b:z"], "an answer by words alone tells no nearness");
  });

  it("shows a place once when one folder lies in another", () => {
    const merged = mergeResults([{ root: "/a", result: result([hit("y", 0.5), hit("sub/x", 0.3)]) }, { root: "/a/sub", result: result([hit("x", 0.9), hit("x", 0.2, { startLine: 40 })]) }], 5);
    assert.deepEqual(paths(merged), ["/a/sub:x", "/a:y", "/a/sub:x"]);
  });

  it("tells a misspelt word when every folder whose hits are shown read it so, as the first did", () => {
    const a = { root: "/a", result: result([hit("x", 0.5)], { respellings: [{ typed: "a", read: "b" }, { typed: "d", read: "e" }] }) };
    const b = { root: "/b", result: result([hit("y", 0.4)], { respellings: [{ typed: "a", read: "c" }] }) };
    assert.deepEqual(mergeResults([a, b], 5).respellings, [{ typed: "a", read: "b" }]);
    assert.equal(mergeResults([a, { root: "/b", result: result([hit("y", 0.4)]) }], 5).respellings, undefined, "the other folder has the word");
    assert.deepEqual(mergeResults([a, b], 1).respellings, a.result.respellings, "nothing of the other folder is shown");
  });

  it("tells how a question in another language was read, when every folder whose hits are shown read it so", () => {
    const [german, other] = ["delete file", "delete datei"].map((english) => ({ translation: { language: "German", english } }));
    const of = (...found: readonly (object | undefined)[]) => mergeResults(found.map((remarks, i) => ({ root: `/${i}`, result: result([hit("x", 0.5)], remarks) })), 5).translation;
    assert.deepEqual(of(german, german), german!.translation);
    assert.equal(of(german, other), undefined);
    assert.equal(of(undefined, german), undefined, "there it is a name");
  });

  it("is far-fetched when the answer of every folder whose hits are shown is", () => {
    const far = { root: "/a", result: result([hit("x", 0.5)], { farFetched: true }) };
    assert.equal(mergeResults([far, { root: "/b", result: result([hit("x", 0.4)], { farFetched: true }) }], 5).farFetched, true);
    assert.equal(mergeResults([far, { root: "/b", result: result([hit("x", 0.4)]) }], 5).farFetched, undefined);
    assert.equal(mergeResults([far, { root: "/b", result: result([]) }], 5).farFetched, true);
    assert.equal(mergeResults([], 5).farFetched, undefined);
    const [empty, told] = [{ root: "/a", result: result([], { nothingPasses: true }) }, { root: "/b", result: result([], { nothingPasses: true, whyNothing: "There is no file in go." }) }];
    assert.equal(mergeResults([empty, told], 5).whyNothing, "There is no file in go.");
    assert.equal(mergeResults([told, { root: "/c", result: result([]) }], 5).whyNothing, undefined, "another folder has such files");
    const nowhere = (root: string) => ({ root, result: result([], { whyNothing: '"x y" stands nowhere as quoted.' }) });
    assert.equal(mergeResults([nowhere("/a"), nowhere("/b")], 5).whyNothing, '"x y" stands nowhere as quoted.');
    assert.equal(mergeResults([nowhere("/a"), told], 5).whyNothing, undefined);
  });

  it("adds the coverage up and names the deepest reading", () => {
    const merged = mergeResults([{ root: "/a", result: result([], { coverage: coverage(3, 1), depth: "instant" }) }, { root: "/b", result: result([], { coverage: coverage(4, 2), depth: "shallow", tookMs: 9, refining: true }) }], 5);
    assert.deepEqual(merged.coverage, coverage(7, 3));
    assert.deepEqual([merged.depth, merged.tookMs, merged.refining], ["shallow", 9, true]);
    assert.deepEqual(sumCoverage([]), coverage(0));
  });
});

describe("a question to several folders", () => {
  it("is answered in the order of the folders by those that can, and fails with the first failure when none can", async () => {
    const { set } = setOf(["a", "b", "c"], (name) => (name === "b" ? Promise.reject(new Error("b is gone")) : name === "a" ? new Promise((resolve) => setImmediate(resolve, result([]))) : result([])));
    const { results, failures } = await askAll(set, protocol.search, () => ({ query: "q", k: 1, depth: "deep" }), never());
    assert.deepEqual([results.map(({ root }) => root), failures], [["/a", "/c"], [{ name: "b", reason: "b is gone" }]]);
    await assert.rejects(searchAll(setOf(["a", "b"], (name) => Promise.reject(new Error(`${name} is gone`))).set, "q", { k: 1, depth: "deep" }, never()), /a is gone/);
  });

  it("ends for all when it is cancelled", async () => {
    const cancelled = new AbortController();
    const { set } = setOf(["a", "b"], (name) => (name === "a" ? result([]) : new Promise((_, reject) => cancelled.signal.addEventListener("abort", () => reject(cancelled.signal.reason)))));
    const answer = searchAll(set, "q", { k: 1, depth: "deep" }, cancelled.signal);
    cancelled.abort();
    await assert.rejects(answer, { name: "AbortError" });
  });

  it("tells how far those are that are furthest back, and counts who has answered as done", async () => {
    const seen: string[] = [];
    const set: FolderSet = {
      folders: folders("a", "b"),
      send: async ({ name }, _type, _params, onProgress) => {
        if (name === "a") {
          onProgress?.({ phase: "deep", done: 30, total: 50, unit: "chunks" });
          return result([]) as never;
        }
        for (const [phase, done, total] of [["discover", 7, 0], ["instant", 10, 40], ["deep", 5, 100]] as const) {
          await new Promise((resolve) => setImmediate(resolve));
          onProgress?.({ phase, done, total, unit: phase === "deep" ? "chunks" : "files" });
        }
        return result([]) as never;
      },
    };
    await searchAll(set, "q", { k: 1, depth: "deep" }, never(), ({ phase, done, total, unit }) => seen.push(`${phase} ${done}/${total} ${unit}`));
    assert.deepEqual(seen, ["deep 30/50 chunks", "discover 7/0 files", "instant 10/40 files", "deep 55/150 chunks"]);
  });

  it("shows what checkouts of one project have in common once, of the first", async () => {
    const answer = (name: string) => result([hit("x", name === "a" ? 0.2 : 0.9), hit("y", 0.5, { snippet: name })]);
    const shown = async (areCopies: boolean) => paths(await searchAll(setOf(["a", "b"], answer, areCopies).set, "q", { k: 5, depth: "deep" }, never()));
    assert.deepEqual(await shown(true), ["/a:y", "/b:y", "/a:x"]);
    assert.deepEqual(await shown(false), ["/b:x", "/a:y", "/b:y", "/a:x"]);
  });
});

describe("similar code to a line alone", () => {
  const definition = { text: "code", lang: "go" };
  const how = { k: 5, depth: "deep" } as const;
  const line = { path: "f.go", startLine: 7 };

  it("is asked of the folder that knows the definition first, and of the others with its code", async () => {
    const { set, asked } = setOf(["a", "b"], (name) => result([hit("x", name === "a" ? 0.4 : 0.6)], name === "a" ? { definition } : {}));
    assert.deepEqual(paths(await similarAll(set, "/a", line, how, never())), ["/b:x", "/a:x"]);
    assert.deepEqual(asked, [["a", { ...line, ...how }], ["b", { ...definition, ...how }]]);
  });

  it("is so also when the filters leave that folder out, whose hits are not shown then", async () => {
    const { set, asked } = setOf(["a", "b"], (name) => result([hit("x", 0.9)], name === "a" ? { definition } : {}));
    const found = await similarAll(set, "/a", { ...line, filters: "path:b" }, how, never());
    assert.deepEqual([paths(found), found.coverage], [["/b:x"], coverage(3)]);
    assert.deepEqual(asked, [["a", { ...line, ...how, k: 1 }], ["b", { ...definition, filters: 'path:"**"', ...how }]]);
  });

  it("is answered by the folder that has it when no other can, and fails when that one cannot or is not asked for", async () => {
    const set = (bad: string) => setOf(["a", "b"], (name) => (name === bad ? Promise.reject(new Error(`${name} is gone`)) : result([hit("x", 0.4)], { definition }))).set;
    const found = await similarAll(set("b"), "/a", line, how, never());
    assert.deepEqual([paths(found), found.failures], [["/a:x"], [{ name: "b", reason: "b is gone" }]]);
    await assert.rejects(similarAll(set("a"), "/a", line, how, never()), /a is gone/);
    await assert.rejects(similarAll(set("b"), "/a", { ...line, filters: "path:b" }, how, never()), /b is gone/);
  });

  it("is not found in another checkout of the same file", async () => {
    const { set } = setOf(["a", "b"], (name) => result(name === "a" ? [] : [hit("f.go", 0.9), hit("g.go", 0.8)], { definition }), true);
    assert.deepEqual(paths(await similarAll(set, "/a", line, how, never())), ["/b:g.go"]);
  });
});

test("of a file that several lines are named of, the folders without it are told the language, and that which has it knows better", async (t) => {
  const root = temporaryFolder(t, { deploy: "one\ntwo\n", "f.go": "one\ntwo\n" });
  for (const [name, lang] of [["deploy", {}], ["f.go", { lang: "go" }]] as const) {
    const { set, asked } = setOf(["a", "b"], () => result([]));
    const at = { path: name, startLine: 1, endLine: 2 };
    const how = { k: 5, depth: "deep" } as const;
    await similarAll({ ...set, folders: [{ root, name: "a" }, ...set.folders.slice(1)] }, root, at, how, never());
    assert.deepEqual(asked, [["a", { ...at, ...how }], ["b", { text: "one\ntwo", ...lang, ...how }]]);
  }
});

describe("duplicates of several folders", () => {
  it("are as many as were asked for, whichever folder they are in", async () => {
    const group = (lines: number) => ({ kind: "exact", similarity: 1, lines, members: [hit(`x${lines}`, 1), hit("y", 1)] });
    const { set } = setOf(["a", "b"], (name) => ({ groups: name === "a" ? [group(20), group(6)] : [group(9), group(8)], coverage: coverage(1) }));
    const { groups } = await duplicatesAll(set, { minLines: 6, threshold: 0.9, limit: 2 }, () => undefined, never());
    assert.deepEqual(groups.map(({ root, lines }) => [root, lines]), [["/a", 20], ["/b", 9]]);
    const { set: withTests } = setOf(["a", "b"], (name) => ({ groups: name === "a" ? [{ ...group(20), aside: true }] : [group(9)], coverage: coverage(1) }));
    assert.deepEqual((await duplicatesAll(withTests, { minLines: 6, threshold: 0.9, limit: 2 }, () => undefined, never())).groups.map(({ root }) => root), ["/b", "/a"], "tests come last");
  });

  it("of a place are filtered by paths as they are shown, and not by those of other folders alone", () => {
    const [a, b] = folders("a", "b") as [{ root: string; name: string }, { root: string; name: string }];
    assert.equal(copiesFilters([a, b], { folder: a, path: "x.ts" }, "-path:a/gen -in:tests"), 'path:"./x.ts" -in:tests -path:"gen"');
    assert.equal(copiesFilters([a], { folder: a, path: "x.ts" }, ""), 'path:"./x.ts"');
    assert.throws(() => copiesFilters([a, b], { folder: a, path: "x.ts" }, "path:b/src"), { code: "input.invalid" });
  });
});
