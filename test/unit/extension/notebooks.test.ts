// Hits of a notebook open in their cell, and a cell is asked about as the rows of its file.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, describe, it } from "node:test";
import type { TextDocument, TextEditor, Uri as VscodeUri } from "vscode";
import { readNotebook } from "../../../src/base/notebook.ts";
import type { SearchModel } from "../../../src/extension/searchModel.ts";
import { executed, openNotebook, Range, shown, Uri, window } from "../../support/fakeVscode.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const { cellAtLine, savedCell } = await import("../../../src/extension/notebooks.ts");
const { createPlaceOpener } = await import("../../../src/extension/openPlace.ts");
const { findSimilarInEditor, findSimilarToPlace } = await import("../../../src/extension/similarCode.ts");

const source = readFileSync(path.join(import.meta.dirname, "../../fixtures/notebooks/prices.ipynb"), "utf8");
const saved = readNotebook(source)!.cells;
const folder = temporaryFolder({ after });

/** A notebook on disk, and the cells that the editor shows of it. */
function opened(name: string, cells: readonly string[], onDisk = source) {
  const file = path.join(folder, name);
  writeFileSync(file, onDisk);
  return { file, uri: Uri.file(file) as unknown as VscodeUri, documents: openNotebook(file, cells) as unknown as readonly TextDocument[] };
}
const texts = saved.map(({ text }) => text);
const twins = JSON.stringify({ cells: ["f()", "g()", "f()"].map((text) => ({ cell_type: "code", source: [text] })) }, undefined, 1);
const line = saved[4]!.row + 2; // the second of the cell, from 1

describe("a line of a notebook's file", () => {
  it("is a line of the cell that holds it", async () => {
    const { uri, documents } = opened("as-saved.ipynb", texts);
    assert.deepEqual(await cellAtLine(uri, line), { document: documents[4], line: 1 });
    assert.equal(await cellAtLine(uri, 2), undefined, "between cells");
  });

  it("is followed when cells were put in front of it and not saved", async () => {
    const { uri, documents } = opened("edited.ipynb", ["# new", ...texts]);
    assert.equal((await cellAtLine(uri, line))?.document, documents[5]);
    const asOnWindows = opened("windows.ipynb", ["# new", ...texts.map((text) => `${text.replaceAll("\n", "\r\n")}\r\n`)]);
    assert.equal((await cellAtLine(asOnWindows.uri, line))?.document, asOnWindows.documents[5]);
  });

  it("is the nearest there is in a cell that was edited, and stays in its cell where another says the same", async () => {
    const { uri, documents } = opened("shorter.ipynb", [...texts.slice(0, 4), "short", ...texts.slice(5)]);
    assert.deepEqual(await cellAtLine(uri, line), { document: documents[4], line: 0 });
    const alike = opened("alike.ipynb", ["f()", "g()", "f()"], twins);
    const third = readNotebook(twins)!.cells[2]!.row;
    assert.deepEqual(await cellAtLine(alike.uri, third + 1), { document: alike.documents[2], line: 0 });
    assert.deepEqual(await savedCell(alike.documents[2]!), { notebook: alike.uri, number: 3, row: third });
  });

  it("is nothing where no editor opens notebooks, or the file is none", async () => {
    const file = path.join(folder, "unopened.ipynb");
    writeFileSync(file, source);
    assert.equal(await cellAtLine(Uri.file(file) as unknown as VscodeUri, line), undefined);
    assert.equal(await cellAtLine(Uri.file(path.join(folder, "gone.ipynb")) as unknown as VscodeUri, line), undefined);
  });

  it("is opened in its cell, and as text where no editor opens notebooks", async () => {
    const { documents } = opened("shown.ipynb", texts);
    executed.length = shown.length = 0;
    const opener = createPlaceOpener();
    const place = (name: string) => ({ root: folder, path: name, startLine: line, endLine: line + 1 });
    await opener.open(place("shown.ipynb"), { side: false, how: "look" });
    assert.deepEqual(executed.map(({ command, args: [uri] }) => [command, uri]), [["vscode.open", documents[4]!.uri]]);
    const [, options] = executed[0]!.args as [unknown, { preserveFocus: boolean; preview: boolean; selection: Range }];
    assert.deepEqual([options.preserveFocus, options.preview, options.selection.start.line], [true, true, 1]);
    assert.equal(shown.length, 0);
    await opener.open(place("unopened.ipynb"), { side: false, how: "keep" });
    assert.deepEqual(shown.map((entry) => entry.path), [path.join(folder, "unopened.ipynb")]);
  });

  it("is not opened by a look that was cancelled", async () => {
    opened("cancelled.ipynb", texts);
    executed.length = 0;
    const opener = createPlaceOpener();
    const looking = opener.open({ root: folder, path: "cancelled.ipynb", startLine: line, endLine: line }, { side: false, how: "look" });
    opener.cancel();
    await looking;
    assert.deepEqual(executed, []);
  });

  it("is marked with the lines of its place around it", async (t) => {
    const { documents } = opened("marked.ipynb", texts);
    let marked: readonly Range[] = [];
    window.visibleTextEditors = [{ document: documents[4], setDecorations: (_type: object, ranges: readonly Range[]) => (marked = ranges) }];
    t.after(() => (window.visibleTextEditors = []));
    executed.length = 0;
    await createPlaceOpener().open({ root: folder, path: "marked.ipynb", startLine: line - 1, endLine: line }, { side: false, how: "open", line });
    const [, { selection }] = executed[0]!.args as [unknown, { selection: Range }];
    assert.deepEqual([selection.start.line, marked.map(({ start, end }) => [start.line, end.line])], [1, [[0, 1]]]);
  });
});

describe("a cell", () => {
  it("is known by its rows once it is saved", async () => {
    const { uri, documents } = opened("cell.ipynb", ["# new", ...texts.slice(0, 4), `${texts[4]}\n# edited`]);
    assert.deepEqual(await savedCell(documents[3]!), { notebook: uri, number: 3, row: saved[2]!.row });
    assert.equal(await savedCell(documents[0]!), undefined);
    assert.equal(await savedCell(documents[5]!), undefined);
  });

  it("is compared as the lines of its file, so that it does not find itself", async () => {
    const { documents, file } = opened("asked.ipynb", texts);
    const calls: unknown[][] = [];
    const model = { similar: async (...args: unknown[]) => void calls.push(args) } as unknown as SearchModel;
    await findSimilarInEditor({ document: documents[4], selection: new Range(0, 0, 2, 0) } as unknown as TextEditor, model);
    const relative = file.slice("/w".length).replace(/^\//, ""); // the fake's only workspace folder is /w
    const row = saved[4]!.row;
    await findSimilarInEditor({ document: documents[4], selection: new Range(1, 0, 1, 0) } as unknown as TextEditor, model);
    assert.deepEqual(calls.pop(), ["/w", { path: relative, startLine: row + 2, text: texts[4]!.split("\n\n")[0], lang: "typescript" }, `${relative} · cell 5:2`], "at the cursor, which the engine widens");
    assert.deepEqual(calls, [["/w", { path: relative, startLine: row + 1, endLine: row + 2, text: texts[4]!.split("\n").slice(0, 2).join("\n"), lang: "typescript" }, `${relative} · cell 5:1-2`]]);
  });

  it("that was found is read by the engine, which knows the file's rows", async () => {
    const calls: unknown[][] = [];
    await findSimilarToPlace({ root: "/w", path: "a.ipynb", startLine: 7, endLine: 9 }, { similar: async (...args: unknown[]) => void calls.push(args) } as unknown as SearchModel);
    assert.deepEqual(calls, [["/w", { path: "a.ipynb", startLine: 7, endLine: 9 }, "a.ipynb:7"]]);
  });
});
