// What stands around a candidate: code that uses it, files that import each other, one folder.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gatherCandidates } from "../../../src/search/candidates.ts";
import { type Neighbourhood, neighbourhoods } from "../../../src/search/neighbourhood.ts";
import { parseQuery } from "../../../src/search/query.ts";
import { searchIndex } from "../../../src/search/search.ts";
import { wordsIn } from "../../../src/search/terms.ts";
import { type MemoryChunk, MemoryStore } from "../../support/memoryStore.ts";

/** Neighbourhoods by path of chunks that all say "alpha", with these scores. */
function around(chunks: readonly (MemoryChunk & { readonly score: number })[], imports: ReadonlyMap<string, readonly string[]> = new Map(), read = chunks.length) {
  const store = new MemoryStore(chunks.map(({ score: _, ...chunk }) => chunk), imports);
  const { items } = gatherCandidates(store, parseQuery("alpha"), undefined, 50, "");
  assert.equal(items.length, chunks.length);
  const scores = items.map(({ place }) => chunks.find(({ path }) => path === place.path)!.score);
  const leading = items.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]!).slice(0, read);
  const words = new Map(leading.map((i) => [i, wordsIn(items[i]!.place.text)]));
  const found = neighbourhoods(items, scores, words, store.importNeighbours(chunks.map(({ path }) => path)));
  return (path: string): Neighbourhood => found[items.findIndex(({ place }) => place.path === path)]!;
}
const file = (path: string, score: number, text = "alpha", symbols: readonly string[] = []) => ({ path, score, text, symbols });

test("what good matches of other files use gains by their scores", () => {
  const of = around([
    file("a/caller.ts", 9, "alpha openSocket()"),
    file("b/net.ts", 1, "alpha function openSocket() {}", ["openSocket"]),
    file("c/other.ts", 1, "alpha function closeSocket() {}", ["closeSocket"]),
    file("d/poor.ts", 1, "alpha closeSocket()"),
  ]);
  assert.ok(of("b/net.ts").usedBy > 0.5);
  assert.equal(of("c/other.ts").usedBy, 0, "a poor match lends nothing");
  assert.equal(of("a/caller.ts").usedBy, 0);
});

test("a file's own use, short names and names of many definitions say nothing", () => {
  const of = around([
    file("a.ts", 9, "alpha run() startServer() loadConfig()", ["loadConfig"]),
    file("b.ts", 1, "alpha", ["run"]),
    ...["c", "d", "e", "f"].map((name) => file(`${name}.ts`, 1, "alpha", ["startServer"])),
  ]);
  for (const path of ["a.ts", "b.ts", "c.ts", "f.ts"]) assert.equal(of(path).usedBy, 0, path);
});

test("a single word is taken for the name only where the files import each other", () => {
  const chunks = [file("a/caller.ts", 9, "alpha digest(user)"), file("b/crypto.ts", 1, "alpha", ["digest"]), file("c/poor.ts", 1)];
  assert.equal(around(chunks)("b/crypto.ts").usedBy, 0);
  assert.ok(around(chunks, new Map([["a/caller.ts", ["../b/crypto"]]]))("b/crypto.ts").usedBy > 0);
});

test("more candidates below the leading ones change nothing", () => {
  const chunks = [file("a/caller.ts", 9, "alpha openSocket()"), file("b/net.ts", 3, "alpha", ["openSocket"]), file("c/poor.ts", 1)];
  const more = Array.from({ length: 40 }, (_, i) => file(`z${i}/x.ts`, 0));
  assert.deepEqual(around([...chunks, ...more], undefined, 3)("b/net.ts"), around(chunks, undefined, 3)("b/net.ts"));
});

test("only the leading candidates are read", () => {
  const chunks = [file("a/best.ts", 9), file("a/second.ts", 8, "alpha openSocket()"), file("b/net.ts", 1, "alpha", ["openSocket"]), file("c/low.ts", 1)];
  assert.ok(around(chunks, undefined, 4)("b/net.ts").usedBy > 0);
  assert.equal(around(chunks, undefined, 1)("b/net.ts").usedBy, 0);
});

test("files that import a good match or are imported by it gain, whichever way round", () => {
  const of = around([file("a/good.ts", 9), file("b/imported.ts", 1), file("c/importer.ts", 1), file("d/alone.ts", 1)], new Map([["a/good.ts", ["../b/imported"]], ["c/importer.ts", ["../a/good"]]]));
  assert.ok(of("b/imported.ts").imports > 0 && of("c/importer.ts").imports === of("b/imported.ts").imports);
  assert.equal(of("d/alone.ts").imports, 0);
});

test("a folder's other files count, not the file itself", () => {
  const of = around([file("net/good.ts", 9), file("net/other.ts", 1), file("ui/alone.ts", 1), file("top.ts", 1)]);
  assert.ok(of("net/other.ts").folder > 0);
  for (const path of ["net/good.ts", "ui/alone.ts", "top.ts"]) assert.equal(of(path).folder, 0, path);
  const crowd = around([file("net/good.ts", 9), file("net/other.ts", 1), ...Array.from({ length: 8 }, (_, i) => file(`net/${i}.ts`, 1))]);
  assert.ok(crowd("net/other.ts").folder < of("net/other.ts").folder, "in a folder of everything that says little");
});

test("candidates with equal scores, one candidate and none are no error", () => {
  assert.deepEqual(neighbourhoods([], [], new Map(), new Map()), []);
  assert.deepEqual(around([file("a.ts", 1)])("a.ts"), { usedBy: 0, imports: 0, folder: 0 });
  assert.deepEqual(around([file("x/a.ts", 1), file("x/b.ts", 1)])("x/a.ts"), { usedBy: 0, imports: 0, folder: 0 });
});

test("a definition that only its callers describe is found before files that say the words in passing, and the hit says why", async () => {
  const passing = Array.from({ length: 6 }, (_, i): MemoryChunk => ({ path: `notes${i}/x.ts`, text: `the user signs something ${i}`, symbols: [`noted${i}`] }));
  const caller = (i: number): MemoryChunk => ({ path: `pages${i}/login.ts`, text: `// checks whether the user signs in\nverifyCredentials(form${i})`, symbols: [`login${i}`] });
  const store = new MemoryStore([...passing, caller(1), caller(2), { path: "core/auth.ts", text: "export function verifyCredentials(user) { return digest(user) }", symbols: ["verifyCredentials"] }]);
  const { hits } = await searchIndex({ store, encoder: undefined }, { query: "check whether the user signs in", k: 9 });
  const place = hits.findIndex(({ path }) => path === "core/auth.ts");
  assert.ok(place >= 0 && place <= 2, `at ${place}`);
  assert.ok(hits[place]!.why.some(({ signal, contribution }) => signal === "used by" && contribution > 0));
});
