import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClientState } from "../../../src/extension/engineClient.ts";
import { commonDepth, duplicatesProgress, escapeMarkdown, type FolderState, statusText, viewIndex } from "../../../src/extension/indexText.ts";
import type { Status } from "../../../src/engine/protocol.ts";
import { coverage, status } from "../../support/fakeEngine.ts";

const running: ClientState = { kind: "running", pid: 1 };
const folder = (overrides: Partial<Status> | undefined, client: ClientState = running, name = "shop"): FolderState => ({ name, client, status: overrides && status(overrides) });
const progress = (phase: "discover" | "instant" | "shallow" | "deep", done: number, total: number) => ({ phase, done, total, unit: "chunks" as const });

describe("the status item", () => {
  for (const [what, folders, text, severity] of [
    ["no folder", [], "$(layers) Strata", "normal"],
    ["nothing started", [folder(undefined, { kind: "idle" })], "$(layers) Strata", "normal"],
    ["an engine that starts", [folder(undefined, { kind: "starting" })], "$(sync~spin) Strata starting", "normal"],
    ["an engine that has said nothing", [folder(undefined)], "$(sync~spin) Strata starting", "normal"],
    ["a first scan without total", [folder({ coverage: coverage(0), state: { kind: "scanning", progress: progress("discover", 120, 0) } })], "$(sync~spin) Strata looking for files, 120 chunks so far", "normal"],
    ["a scan", [folder({ coverage: coverage(1_204), state: { kind: "scanning", progress: progress("instant", 500, 1_000) } })], "$(sync~spin) Strata 1,204 files · indexing 50 %", "normal"],
    ["deepening", [folder({ state: { kind: "deepening", progress: progress("deep", 2, 3) } })], "$(sync~spin) Strata 3 files · reading deeply 66 %", "normal"],
    ["all deep", [folder({})], "$(layers) Strata 3 files · deep", "normal"],
    ["one file", [folder({ coverage: coverage(1) })], "$(layers) Strata 1 file · deep", "normal"],
    ["instant only", [folder({ coverage: coverage(1_204, 0) })], "$(layers) Strata 1,204 files · instant", "normal"],
    ["an empty folder", [folder({ coverage: coverage(0) })], "$(layers) Strata no files", "normal"],
    ["a pause", [folder({ state: { kind: "paused", reason: "asked" } })], "$(debug-pause) Strata 3 files · paused", "normal"],
    ["a warning", [folder({ warnings: ["The system's watch limit is reached."] })], "$(warning) Strata 3 files · deep", "warning"],
    ["an engine that has not begun to look for files", [folder({ state: { kind: "absent" } })], "$(sync~spin) Strata starting", "normal"],
    ["a restart", [folder({}, { kind: "restarting", inMs: 100 })], "$(sync~spin) Strata 3 files · restarting the engine …", "normal"],
    ["a restart after a failure", [folder({ state: { kind: "failed", code: "index.diskFull", reason: "Full." } }, { kind: "restarting", inMs: 100 })], "$(sync~spin) Strata 3 files · restarting the engine …", "normal"],
    ["an engine that failed", [folder({}, { kind: "failed", code: "engine.failed", reason: "No." })], "$(error) Strata stopped", "error"],
    ["an index that failed", [folder({ state: { kind: "failed", code: "index.diskFull", reason: "Full." } })], "$(error) Strata stopped", "error"],
    ["one failure among several folders", [folder({}), folder({}, { kind: "failed", code: "x", reason: "No." })], "$(error) Strata 3 files · 1 of 2 folders stopped", "error"],
    ["a failure of all folders", [folder({}, { kind: "failed", code: "x", reason: "No." }), folder(undefined, { kind: "failed", code: "x", reason: "No." })], "$(error) Strata stopped", "error"],
    ["several folders", [folder({}), folder({ coverage: coverage(4) })], "$(layers) Strata 7 files · deep", "normal"],
  ] as const)
    it(`says for ${what}: ${text}`, () => {
      const shown = statusText(folders);
      assert.deepEqual([shown.text, shown.severity], [text, severity]);
      assert.ok(!shown.spoken.includes("$("), "icons are not spoken");
    });

  it("explains in the tooltip what is covered, left out and wrong, and offers what to do", () => {
    const { tooltip } = statusText([folder({ coverage: { files: 10, chunks: 200, instant: 200, shallow: 100, deep: 50 }, skipped: { secret: 2, "too large": 0 }, warnings: ["Watching *stopped*."] })]);
    for (const part of ["10 files, 200 pieces of code", "100 % instant, 50 % shallow, 25 % deep", "Left out: 2 secret", "Watching \\*stopped\\*", "command:strata.search", "command:strata.showLog"]) assert.ok(tooltip.includes(part), `${part} in ${tooltip}`);
    assert.ok(!tooltip.includes("too large"));
    assert.match(statusText([folder({ model: { id: "mine", version: "1", folder: "/m", note: "It is old." } })]).tooltip, /Model mine: it is old/);
  });

  it("says of each folder what holds it up, whatever its words are", () => {
    const tooltip = (state: Status["state"], client: ClientState = running) => statusText([folder({ state }, client)]).tooltip;
    assert.match(tooltip({ kind: "ready" }, { kind: "restarting", inMs: 100 }), /The engine ended unexpectedly and is being started again\./);
    assert.match(tooltip({ kind: "failed", code: "index.diskFull", reason: "*Full*." }), /\$\(error\) \\\*Full\\\*\\?\./);
    assert.match(tooltip({ kind: "paused", reason: "*Asked*." }), /Paused: \\\*Asked\\\*/);
    assert.match(tooltip({ kind: "deepening", progress: progress("deep", 2, 3) }), /Reading deeply 66 %/);
    assert.doesNotMatch(statusText([folder({ coverage: coverage(0) })]).tooltip, /Searchable|Left out/);
  });

  it("says where the background rests before all is read deeply", () => {
    const coverage = { files: 10, chunks: 900_000, instant: 900_000, shallow: 200_000, deep: 200_000 };
    assert.match(statusText([folder({ coverage })]).tooltip, /the 200,000 most recently changed pieces of code are read deeply by themselves/);
    assert.doesNotMatch(statusText([folder({ coverage: { ...coverage, chunks: 200_000 } })]).tooltip, /by themselves/);
    assert.doesNotMatch(statusText([folder({ coverage, state: { kind: "deepening", progress: progress("deep", 1, 2) } })]).tooltip, /by themselves/);
  });

  it("tells how much was read before it is known how much there is to compare", () => {
    assert.equal(duplicatesProgress({ phase: "search", done: 21_000, total: 0, unit: "chunks" }).label, "Looking for duplicates, 21,000 pieces read");
  });

  it("offers a restart when the engine is stopped", () => {
    assert.match(statusText([folder({}, { kind: "failed", code: "x", reason: "It [ended](command:evil)." })]).tooltip, /command:strata\.restartEngine/);
  });

  it("lets no text of the workspace become a link, an icon or HTML", () => {
    assert.equal(escapeMarkdown("[a](command:x) $(icon) <b> `c`"), "\\[a\\]\\(command:x\\) \\$\\(icon\\) \\<b\\> \\`c\\`");
    const { tooltip } = statusText([folder({}, { kind: "failed", code: "x", reason: "It [ended](command:evil)." })]);
    assert.ok(!tooltip.includes("](command:evil)"));
    assert.ok(statusText([folder({}), folder({}, running, "[a](command:x)")]).tooltip.includes("**\\[a\\]\\(command:x\\)**"));
  });
});

describe("the index as the search view shows it", () => {
  it("prefers the folder that cannot be searched yet", () => {
    const index = viewIndex([folder({ state: { kind: "deepening", progress: progress("deep", 1, 2) } }), folder({ state: { kind: "scanning", progress: progress("instant", 1, 4) } })]);
    assert.deepEqual(index, { kind: "working", label: "Indexing 25 %", fraction: 0.25, unread: true });
  });

  it("starts nothing by itself and says when it will", () => {
    const waits = folder(undefined, { kind: "idle" });
    assert.deepEqual(viewIndex([waits, waits]), { kind: "idle" });
    assert.deepEqual(viewIndex([waits, folder({})]), { kind: "ready" });
    assert.match(statusText([]).tooltip, /No folder is open\./);
    assert.match(statusText([waits]).tooltip, /Indexing starts with the first search/);
  });

  it("counts how deeply all folders together were read, so that it does not fall back when one of them is done", () => {
    const reading = (done: number) => folder({ state: { kind: "deepening", progress: progress("deep", done, 30) } });
    const done = folder({ coverage: { files: 1, chunks: 10, instant: 10, shallow: 10, deep: 10 } });
    const last = folder({ state: { kind: "deepening", progress: progress("deep", 9, 10) } });
    const fraction = (...folders: readonly FolderState[]) => (viewIndex(folders) as { readonly fraction?: number }).fraction;
    assert.deepEqual([fraction(last, reading(3)), fraction(done, reading(4))], [12 / 40, 14 / 40]);
    assert.ok(!("unread" in viewIndex([last])), "everything can be found");
    const closely = folder({ state: { kind: "deepening", progress: progress("shallow", 3, 30) } });
    assert.equal(fraction(closely, folder({ coverage: { files: 1, chunks: 10, instant: 10, shallow: 10, deep: 0 } })), 13 / 40);
  });

  it("says which of several folders failed", () => {
    const gone = folder(undefined, { kind: "failed", code: "x", reason: "It is gone." }, "docs");
    assert.deepEqual(viewIndex([folder({}), gone]), { kind: "failed", reason: "docs: It is gone." });
    assert.deepEqual(viewIndex([gone]), { kind: "failed", reason: "It is gone." });
  });

  it("has no fraction while the total is unknown", () => {
    assert.deepEqual(viewIndex([folder({ state: { kind: "scanning", progress: progress("discover", 0, 0) } })]), { kind: "working", label: "Looking for files …", fraction: undefined, unread: true });
  });
});

describe("the common depth", () => {
  for (const [part, expected] of [
    [{ files: 1, chunks: 10, instant: 10, shallow: 10, deep: 10 }, "deep"],
    [{ files: 1, chunks: 10, instant: 10, shallow: 10, deep: 9 }, "shallow"],
    [{ files: 1, chunks: 10, instant: 10, shallow: 9, deep: 9 }, "instant"],
    [{ files: 1, chunks: 10, instant: 9, shallow: 0, deep: 0 }, ""],
    [{ files: 1, chunks: 0, instant: 0, shallow: 0, deep: 0 }, ""],
  ] as const)
    it(`of ${part.instant}, ${part.shallow}, ${part.deep} of ${part.chunks} is "${expected}"`, () => {
      assert.equal(commonDepth(part), expected);
    });
});
