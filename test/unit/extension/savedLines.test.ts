import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { followCounted, followEdits, followLine } from "../../../src/extension/savedLines.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const file = ["import a", "", "function f() {", "  return 1;", "}", "", "function g() {", "  return 2;", "}", "", "f();"];
/** The file with `removed` lines at `at` (from 0) replaced. */
const edited = (lines: readonly string[], at: number, removed: number, ...added: readonly string[]) => lines.toSpliced(at, removed, ...added);

describe("a line of a file whose buffer has unsaved edits", () => {
  for (const [what, now, line, expected] of [
    ["stays in front of them", edited(file, 4, 0, "x", "y"), 2, 2],
    ["moves with what was inserted above", edited(file, 1, 0, "import b", "import c"), 2, 4],
    ["moves with what was removed above", edited(file, 0, 2), 6, 4],
    ["stays when it is edited itself", edited(file, 2, 1, "function f(x) {"), 2, 2],
    ["is found between two edits", edited(edited(file, 10, 1, "f(1);"), 0, 1, "import a", "import b", "import c"), 6, 8],
    ["is found by the next one when it is edited between two edits", edited(edited(edited(file, 10, 1, "f(1);"), 6, 1, "function g(y) {"), 0, 1, "import a", "import b"), 6, 7],
    ["is told from its like by what follows", edited(edited(file, 10, 1, "f(1);"), 0, 0, "// 1", "// 2"), 8, 10],
    ["is the nearer of two alike", ["function g() {", "q", "q", "q", "function g() {", "x"], 6, 4],
    ["that is gone is somewhere in the text", ["x"], 6, 0],
    ["of an emptied file is the first", [""], 6, 0],
  ] as const)
    it(what, () => assert.equal(followLine(file, now, line), expected));

  for (const [what, now, onDisk] of [
    ["all but those that were added, and those before that end alike", edited(file, 6, 0, "function h() {", "  return 3;", "}", ""), [1, 2, 3, 4, 11, 12, 13, 14, 15]],
    ["none between two edits", edited(edited(file, 10, 1, "f(1);"), 0, 1, "import z"), []],
    ["all, when nothing was edited after all", file, file.map((_, i) => i + 1)],
  ] as const)
    it(`is certainly on disk: ${what}`, async (t) => {
      const folder = temporaryFolder(t);
      const fsPath = path.join(folder, "a.ts");
      writeFileSync(fsPath, file.join("\n"));
      const { isOnDisk } = await followEdits({ uri: { fsPath }, isDirty: true, getText: () => now.join("\n") });
      assert.deepEqual(now.map((_, i) => i + 1).filter(isOnDisk), onDisk);
    });

  it("is not certainly on disk where either of two alike may have gone", async (t) => {
    const fsPath = path.join(temporaryFolder(t), "a.ts");
    writeFileSync(fsPath, "f();\nf();");
    assert.equal((await followEdits({ uri: { fsPath }, isDirty: true, getText: () => "f();" })).isOnDisk(1), false);
  });

  it("leads to the disk and back, whatever its line ends and mark of order", async (t) => {
    const folder = temporaryFolder(t);
    const fsPath = path.join(folder, "a.ts");
    writeFileSync(fsPath, `\uFEFF${file.join("\r\n")}`);
    const buffer = ["// new", ...file].join("\r\n");
    const dirty = await followEdits({ uri: { fsPath }, isDirty: true, getText: () => buffer });
    assert.deepEqual([dirty.toBuffer(7), dirty.toDisk(8), dirty.toBuffer(1)], [8, 7, 2]);
    const otherEnds = await followEdits({ uri: { fsPath }, isDirty: true, getText: () => ["// new", ...file].join("\n") });
    assert.deepEqual([otherEnds.toBuffer(1), otherEnds.isOnDisk(2)], [2, true]);
    const clean = await followEdits({ uri: { fsPath }, isDirty: false, getText: () => buffer });
    assert.deepEqual([clean.toBuffer(7), clean.toDisk(8)], [7, 8]);
    const gone = await followEdits({ uri: { fsPath: path.join(folder, "gone.ts") }, isDirty: true, getText: () => buffer });
    assert.deepEqual([gone.toBuffer(7), gone.toDisk(8)], [7, 8]);
  });
});

describe("lines that were counted before the file was changed outside the editor", () => {
  const snippet = "function g() {\n  return 2;\n}";
  const moved = edited(file, 0, 0, "// 1", "// 2");

  it("are where their code stands now", async () => {
    const follow = await followCounted({ uri: { fsPath: "" }, isDirty: false, getText: () => moved.join("\n") }, { startLine: 7, snippet });
    assert.deepEqual([follow(7), follow(9)], [9, 11]);
    const gone = await followCounted({ uri: { fsPath: "" }, isDirty: false, getText: () => "f();" }, { startLine: 7, snippet });
    assert.equal(gone(7), 7);
  });

  it("are so behind unsaved edits too", async (t) => {
    const folder = temporaryFolder(t);
    const fsPath = path.join(folder, "a.ts");
    writeFileSync(fsPath, moved.join("\n"));
    const follow = await followCounted({ uri: { fsPath }, isDirty: true, getText: () => ["// unsaved", ...moved].join("\n") }, { startLine: 7, snippet });
    assert.deepEqual([follow(7), follow(9)], [10, 12]);
  });
});
