import assert from "node:assert/strict";
import { test } from "node:test";
import type { MergedResult } from "../../../src/engine/folders.ts";
import type { Coverage, IndexState } from "../../../src/engine/protocol.ts";
import type { IndexPart } from "../../../src/engine/sessions.ts";
import { answerText, copiesText } from "../../../src/mcp/answer.ts";

const covers = (files: number, chunks: number, deep: number): Coverage => ({ files, chunks, instant: chunks, shallow: deep, deep });
const nothing: MergedResult = { hits: [], coverage: covers(3, 30, 30), changes: 1, depth: "instant", tookMs: 1, refining: false, failures: [] };
const part = (name: string, coverage: Coverage, state: IndexState = { kind: "ready" }): IndexPart => ({ name, coverage, state });
const folders = ["api", "web"].map((name) => ({ root: `/src/${name}`, name }));
const noteOn = (answer: Partial<MergedResult>, ...parts: readonly IndexPart[]): string => answerText({ ...nothing, ...answer }, "a question", { folders, parts: () => parts });

test("an answer tells an agent that more is to be read deeply, and where the background rests early that no more will be", () => {
  const half = covers(3, 30, 10);
  assert.match(noteOn({ coverage: half }, part("api", half)), /Searched all 3 files; 10 of 30 pieces are read at full depth so far, which can change the order\./);
  assert.match(noteOn({ coverage: covers(6, 60, 40) }, part("api", covers(3, 30, 30)), part("web", half)), /40 of 60 pieces are read at full depth so far/);
  const large = covers(9, 1_000_000, 200_100);
  assert.match(noteOn({ coverage: large }, part("linux", large)), /Searched all 9 files\.$/);
});

test("of several folders, those are named in which indexing goes on or has stopped, and those that were not searched", () => {
  const paused: IndexState = { kind: "paused", reason: "It was paused in the editor." };
  const scanning: IndexState = { kind: "scanning", progress: { phase: "instant", done: 1, total: 2, unit: "files" } };
  const text = noteOn({ failures: [{ name: "old", reason: "It is gone." }] }, part("api", covers(1, 10, 0), scanning), part("web", covers(1, 10, 0), paused), part("lib", covers(1, 10, 10)));
  assert.match(text, /Searched 3 files so far, 30 of 30 pieces read at full depth; indexing of api goes on, so ask again later or with wait\./);
  assert.match(text, /Indexing of web is paused: It was paused in the editor\./);
  assert.match(text, /Not searched: old\. It is gone\./);
  assert.equal(text.match(/^Indexing/gm)?.length, 1, "nothing has stopped that goes on");
  const [two, disk] = [covers(1, 10, 0), { kind: "failed", code: "index.diskFull", reason: "The disk is full." } as const];
  assert.match(noteOn({}, part("api", two, disk), part("web", two, paused)), /Indexing of api stopped: The disk is full\.\n\nIndexing of web is paused: It was/);
});

test("of one folder no name is said, and of several that are read all are", () => {
  const scanning: IndexState = { kind: "scanning", progress: { phase: "instant", done: 1, total: 2, unit: "files" } };
  const [some, failed] = [covers(1, 10, 0), { kind: "failed", code: "index.diskFull", reason: "The disk is full." } as const];
  assert.match(noteOn({}, part("api", some, scanning)), /full depth; indexing goes on, so/);
  assert.match(noteOn({}, part("api", some, scanning), part("web", some, scanning)), /; indexing of api and web goes on, so/);
  assert.match(noteOn({}, part("api", some, failed)), /full depth\.\n\nIndexing stopped: The disk is full\.$/);
});

test("an answer that is older than the index speaks of itself, and asks for patience only where it helps", () => {
  assert.match(noteOn({}, part("api", covers(4, 40, 30))), /Searched all 3 files\.$/);
  assert.match(noteOn({ coverage: covers(3, 30, 10) }, part("api", covers(3, 30, 30))), /Searched all 3 files\.$/);
});

test("places begin with the names of their folders, behind what is to be known of the answer", () => {
  const place = { path: "src/a.ts", startLine: 1, endLine: 2, symbol: "f", snippet: "f()" };
  const hits = [{ ...place, root: "/src/web", line: 1, kind: "function", lang: "typescript", breadcrumb: "", score: 1, depth: "deep", why: [] }] as const;
  assert.match(noteOn({ hits, farFetched: true }, part("api", covers(3, 30, 30))), /^Nothing here clearly answers this.*\n\nweb\/src\/a\.ts:1-2/);
  const half = covers(3, 30, 10);
  const copies = { groups: [{ root: "/src/api", kind: "exact", similarity: 1, lines: 2, members: [place, place] }], coverage: half, apart: true, failures: [] } as const;
  assert.match(copiesText(copies, { folders, parts: () => [part("api", half)] }), /\napi\/src\/a\.ts:1-2 [^]*\n\nEach workspace folder was compared by itself.*\n\nSearched all 3 files; .*, which can show more that means the same\.$/);
});

test("where no folder could be asked, that is the reason, and not the filters", () => {
  assert.doesNotMatch(noteOn({ failures: [{ name: "api", reason: "It is gone." }] }), /filters/);
});

test("where nothing passes filters, an agent is told to leave some out", () => {
  const asked = (query: string): string => answerText(nothing, query, { folders, parts: () => [part("api", covers(3, 30, 30))] });
  assert.match(asked("a question path:lib/**"), /^Nothing found that passes the filters\./);
  assert.match(asked("a question"), /^Nothing found\.\n/);
});

test("where filters leave out every folder, that is said, and not that all was searched", () => {
  const text = noteOn({ coverage: covers(0, 0, 0) });
  assert.match(text, /Nothing was searched: the filters leave out every folder \(api, web\)\./);
  assert.doesNotMatch(text, /Searched all/);
});

test("an empty folder was searched", () => {
  assert.match(noteOn({ coverage: covers(0, 0, 0) }, part("empty", covers(0, 0, 0))), /Searched all 0 files\./);
});
