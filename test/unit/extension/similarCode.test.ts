import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, describe, it } from "node:test";
import type { TextEditor, Uri } from "vscode";
import type { SearchModel } from "../../../src/extension/searchModel.ts";
import { buffers, commands, editorOn, Range, said, shown, SymbolKind, untitledEditor, window, workspace } from "../../support/fakeVscode.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const { findSimilarInEditor, findSimilarToPlace, openFile, placesByFolder } = await import("../../../src/extension/similarCode.ts");
const { createPlaceOpener } = await import("../../../src/extension/openPlace.ts");

const saved = "function f() {\n  return 1;\n}\nf();";
/** The file on disk; the buffer of it has two lines more above. */
const folder = temporaryFolder({ after });
writeFileSync(path.join(folder, "a.ts"), saved);
const unsaved = `import a;\n\n${saved}`;

/** What the model is asked for with this selection. */
async function asked(selection: Range, text = saved, fsPath?: string) {
  const calls: unknown[] = [];
  const model = { similar: async (...args: unknown[]) => void calls.push(args) };
  await findSimilarInEditor(editorOn("src/a.ts", text, selection, fsPath) as unknown as TextEditor, model as unknown as SearchModel);
  return calls;
}

describe("finding code similar to what the editor shows", () => {
  it("leaves the definition at the cursor to the engine when nobody else knows it", async () => {
    assert.deepEqual(await asked(new Range(1, 4, 1, 4)), [["/w", { path: "src/a.ts", startLine: 2, text: saved, lang: "typescript" }, "src/a.ts:2"]]);
  });

  it("compares the definition at the cursor that a language server knows, whichever variable is there", async (t) => {
    const { executeCommand } = commands;
    t.after(() => Object.assign(commands, { executeCommand }));
    const variable = { name: "x", kind: 12, range: new Range(1, 0, 1, 9), children: [] };
    const symbols = [{ name: "old", kind: SymbolKind.Class, location: {} }, { name: "f", kind: SymbolKind.Function, range: new Range(0, 0, 2, 1), children: [variable] }];
    Object.assign(commands, { executeCommand: async () => symbols });
    assert.deepEqual(await asked(new Range(1, 4, 1, 4)), [["/w", { path: "src/a.ts", startLine: 1, endLine: 3, text: "function f() {\n  return 1;\n}", lang: "typescript" }, "f · src/a.ts:1-3"]]);
    assert.deepEqual((await asked(new Range(3, 0, 3, 0)))[0], ["/w", { path: "src/a.ts", startLine: 4, text: saved, lang: "typescript" }, "src/a.ts:4"], "outside of it there is none");
  });

  it("leaves an empty line to the engine alone", async () => {
    assert.deepEqual(await asked(new Range(0, 0, 0, 0), "\nb();"), [["/w", { path: "src/a.ts", startLine: 1, lang: "typescript" }, "src/a.ts:1"]]);
    assert.deepEqual(await asked(new Range(1, 0, 1, 0), "a();\n\nb();"), [["/w", { path: "src/a.ts", startLine: 2, lang: "typescript" }, "src/a.ts:2"]]);
  });

  it("compares the selected lines, and not the one it only reaches", async () => {
    assert.deepEqual(await asked(new Range(0, 4, 2, 0)), [["/w", { path: "src/a.ts", startLine: 1, endLine: 2, text: "function f() {\n  return 1;", lang: "typescript" }, "src/a.ts:1-2"]]);
  });

  it("names the lines on disk while the buffer has others, so that the question itself is not found", async () => {
    const file = path.join(folder, "a.ts");
    assert.deepEqual(await asked(new Range(2, 0, 5, 0), unsaved, file), [["/w", { path: "src/a.ts", startLine: 1, endLine: 3, text: "function f() {\n  return 1;\n}", lang: "typescript" }, "src/a.ts:3-5"]]);
    assert.deepEqual(await asked(new Range(3, 4, 3, 4), unsaved, file), [["/w", { path: "src/a.ts", startLine: 2, text: saved, lang: "typescript" }, "src/a.ts:4"]]);
  });
});

describe("finding code similar to code that is not saved yet", () => {
  const added = "function g() {\n  const two = 2;\n\n  return two;\n}";
  const askedIn = async (line: number, text: string) => (await asked(new Range(line, 0, line, 0), text, path.join(folder, "a.ts")))[0];

  it("compares the new code itself, and not the saved code beside it", async () => {
    const text = saved.replace("f();", `\n${added}\n\nf();`);
    assert.deepEqual(await askedIn(5, text), ["/w", { path: "src/a.ts", startLine: 3, endLine: 3, text: "function g() {\n  const two = 2;", lang: "typescript" }, "src/a.ts:5-6"]);
    assert.deepEqual(await askedIn(6, text), ["/w", { path: "src/a.ts", startLine: 3, endLine: 3, text: added, lang: "typescript" }, "src/a.ts:5-9"], "from an empty line in it");
  });

  it("does not take a line for the saved one that it looks like", async () => {
    const copy = saved.replace("f();", `function f() {\n  return 3;\n}\nf();`);
    assert.deepEqual(await askedIn(5, copy), ["/w", { path: "src/a.ts", startLine: 1, endLine: 4, text: copy, lang: "typescript" }, "src/a.ts:1-7"]);
  });
});

describe("finding code similar to text that belongs to no file", () => {
  const scratch = "function f() {\n  return 1;\n}\n\n\nf();";
  const askedOf = async (line: number, text = scratch) => {
    const calls: unknown[][] = [];
    await findSimilarInEditor(untitledEditor(text, new Range(line, 1, line, 1)) as unknown as TextEditor, { similar: async (...args: unknown[]) => void calls.push(args) } as unknown as SearchModel);
    return calls;
  };

  it("compares what stands around the cursor, and what stands above and below an empty line", async () => {
    assert.deepEqual(await askedOf(1), [[undefined, { text: "function f() {\n  return 1;\n}", lang: "typescript" }, "Untitled-1:1-3"]]);
    assert.deepEqual((await askedOf(3, `${scratch}\n\ng();`))[0]?.[1], { text: scratch, lang: "typescript" });
  });

  it("says that there is nothing to compare", async () => {
    assert.deepEqual(await askedOf(1, "\n\n"), []);
    assert.match(said.at(-1)!, /no code here/);
  });
});

describe("what copies are looked for of", () => {
  const uri = (path: string, scheme = "file") => ({ scheme, path, fsPath: path }) as unknown as Uri;

  it("is the file of the editor in front, of a cell the whole notebook", (t) => {
    t.after(() => Object.assign(window, { activeTextEditor: undefined, activeNotebookEditor: undefined }));
    assert.equal(openFile(), undefined);
    window.activeTextEditor = { document: { uri: uri("/w/a.ipynb", "vscode-notebook-cell") } };
    assert.deepEqual(placesByFolder([openFile()]), []);
    window.activeNotebookEditor = { notebook: { uri: uri("/w/a.ipynb") } };
    assert.deepEqual(placesByFolder([openFile()]), [{ root: "/w", paths: ["a.ipynb"] }]);
  });

  it("is the file itself where a link leads to it, and the link where it leads out of the workspace", (t) => {
    const { getWorkspaceFolder } = workspace;
    t.after(() => Object.assign(workspace, { getWorkspaceFolder }));
    mkdirSync(path.join(folder, "w/packages/kit"), { recursive: true });
    writeFileSync(path.join(folder, "w/packages/kit/a.ts"), "");
    symlinkSync(path.join(folder, "w/packages/kit"), path.join(folder, "w/linked"), "junction");
    symlinkSync(folder, path.join(folder, "w/out"), "junction");
    const root = path.join(folder, "w");
    Object.assign(workspace, { getWorkspaceFolder: () => ({ uri: { path: root, fsPath: root } }) });
    const paths = (at: string) => placesByFolder([uri(`${root}/${at}`)])[0]?.paths;
    assert.deepEqual(["linked/a.ts", "linked", "packages/kit", "out/a.ts", "gone.ts"].map(paths), [["packages/kit/a.ts"], ["packages/kit"], ["packages/kit"], ["out/a.ts"], ["gone.ts"]]);
  });

  it("is told by workspace folder; what lies in none is left out", () => {
    const chosen = [uri("/w/src/a b.ts"), uri("/v/lib"), uri("/w"), uri("Untitled-1", "untitled"), undefined];
    assert.deepEqual(placesByFolder(chosen), [{ root: "/w", paths: ["src/a b.ts", ""] }, { root: "/v", paths: ["lib"] }]);
  });
});

describe("a hit in a file that was saved since it was found", () => {
  const place = { root: folder, path: "b.ts", startLine: 1, endLine: 3, asFound: Promise.resolve(saved) };

  it("opens where its code stands now, with the unsaved edits too, and is compared by it", async () => {
    writeFileSync(path.join(folder, "b.ts"), `import a;\n${saved}`);
    buffers.set(path.join(folder, "b.ts"), unsaved);
    await createPlaceOpener().open(place, { side: false, how: "open" });
    assert.deepEqual([shown[0]?.line, shown[0]?.marked?.map(({ start, end }) => [start.line + 1, end.line + 1])], [3, [[3, 5]]]);
    const calls: unknown[][] = [];
    await findSimilarToPlace(place, { similar: async (...args: unknown[]) => void calls.push(args) } as unknown as SearchModel);
    assert.deepEqual(calls[0]?.[1], { path: "b.ts", startLine: 2, endLine: 4, text: "function f() {\n  return 1;\n}\n", lang: "typescript" });
  });
});

it("of a hit whose file has gone it is said what to do, in our own words", async (t) => {
  const { openTextDocument } = workspace;
  t.after(() => Object.assign(workspace, { openTextDocument }));
  Object.assign(workspace, { openTextDocument: () => Promise.reject(new Error("cannot open file:///w/gone.ts. Detail: Unable to read file")) });
  const asking = findSimilarToPlace({ root: "/w", path: "gone.ts", startLine: 1, endLine: 3 }, { similar: () => assert.fail("nothing is asked") } as unknown as SearchModel);
  await assert.rejects(asking, { name: "StrataError", message: /^gone\.ts cannot be opened\. .* search again\.$/ });
});

describe("a hit in a file with unsaved edits", () => {
  const place = { root: folder, path: "a.ts", startLine: 1, endLine: 3 };
  const opened = async (line?: number) => {
    buffers.set(path.join(folder, "a.ts"), unsaved);
    await createPlaceOpener().open(place, { side: false, how: "open", line });
    return shown[0]!;
  };

  it("opens where its code stands in the buffer", async () => {
    const { line, marked } = await opened();
    assert.deepEqual([line, marked?.map(({ start, end }) => [start.line + 1, end.line + 1])], [3, [[3, 5]]]);
    assert.equal((await opened(2)).line, 4);
  });

  it("is compared by its own code", async () => {
    buffers.set(path.join(folder, "a.ts"), unsaved);
    const calls: unknown[][] = [];
    await findSimilarToPlace(place, { similar: async (...args: unknown[]) => void calls.push(args) } as unknown as SearchModel);
    assert.deepEqual(calls[0]?.[1], { path: "a.ts", startLine: 1, endLine: 3, text: "function f() {\n  return 1;\n}\n", lang: "typescript" });
    await findSimilarToPlace({ ...place, line: 2 }, { similar: async (...args: unknown[]) => void calls.push(args) } as unknown as SearchModel);
    assert.deepEqual(calls[1]?.slice(1), [calls[0]?.[1], "a.ts:4"], "and is called by the line of its name, where that is now");
  });
});
