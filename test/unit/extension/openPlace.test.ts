// Places are opened in the order they were asked for, however long their files take.
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { settle } from "../../support/fakeEngine.ts";
import { buffers, decorations, happen, said, shown, ThemeColor, Uri, window, workspace } from "../../support/fakeVscode.ts";

const { createPlaceOpener, uriOf } = await import("../../../src/extension/openPlace.ts");

const workspaceText = workspace.openTextDocument;

/** An opener on files that are read when the test says so. */
function slowFiles(t: TestContext) {
  const { openTextDocument } = workspace;
  const reading = new Map<string, PromiseWithResolvers<void>>();
  Object.assign(workspace, {
    openTextDocument: async (uri: ReturnType<typeof Uri.file>) => {
      const read = Promise.withResolvers<void>();
      reading.set(uri.fsPath, read);
      await read.promise;
      return openTextDocument(uri);
    },
  });
  t.after(() => Object.assign(workspace, { openTextDocument }));
  shown.length = 0;
  const opener = createPlaceOpener();
  return {
    opener,
    open: (path: string, how: "look" | "keep") => void opener.open({ root: "/w", path, startLine: 1, endLine: 1 }, { side: false, how }),
    async read(path: string, error?: Error) {
      if (error) reading.get(`/w/${path}`)!.reject(error);
      else reading.get(`/w/${path}`)!.resolve();
      await settle();
    },
    paths: () => shown.map(({ path }) => path),
  };
}

it("a look that takes longer does not cover what was opened after it", async (t) => {
  const { open, read, paths } = slowFiles(t);
  open("big.ts", "look");
  open("small.ts", "keep");
  await read("small.ts");
  await read("big.ts");
  assert.deepEqual(paths(), ["/w/small.ts"]);
});

it("a look that was cancelled shows nothing, and says nothing", async (t) => {
  const { opener, open, read, paths } = slowFiles(t);
  Object.assign(window, { showWarningMessage: async (text: string) => void said.push(text) });
  said.length = 0;
  open("a.ts", "look");
  opener.cancel();
  await read("a.ts");
  open("gone.ts", "look");
  opener.cancel();
  await read("gone.ts", new Error("no such file"));
  assert.deepEqual([paths(), said], [[], []]);
});

it("a file that VS Code has read and does not show is no rejection that nobody hears: its reason is said", async (t) => {
  const { showTextDocument } = window;
  t.after(() => Object.assign(window, { showTextDocument }));
  said.length = 0;
  Object.assign(window, { showWarningMessage: async (text: string) => void said.push(text), showTextDocument: async () => Promise.reject(new Error("The editor was closed.")) });
  await createPlaceOpener().open({ root: "/w", path: "a.ts", startLine: 1, endLine: 1 }, { side: false, how: "open" });
  assert.deepEqual(said, ["The editor was closed."]);
});

it("a look that was cancelled while its file was put up marks nothing there", async (t) => {
  const { showTextDocument } = window;
  t.after(() => Object.assign(window, { showTextDocument }));
  Object.assign(window, { showTextDocument: (...given: Parameters<typeof showTextDocument>) => (opener.cancel(), showTextDocument(...given)) });
  decorations.length = 0;
  const opener = createPlaceOpener();
  await opener.open({ root: "/w", path: "a.ts", startLine: 1, endLine: 1 }, { side: false, how: "look" });
  assert.deepEqual(decorations, []);
});

it("no file's name becomes a link in what is said of it", async (t) => {
  said.length = 0;
  Object.assign(window, { showWarningMessage: async (text: string) => void said.push(text) });
  Object.assign(workspace, { openTextDocument: async () => Promise.reject(new Error("no such file")) });
  t.after(() => Object.assign(workspace, { openTextDocument: workspaceText }));
  await createPlaceOpener().open({ root: "/w", path: "[a](command:x).ts", startLine: 1, endLine: 1 }, { side: false, how: "open" });
  assert.deepEqual(said, ["[a] (command:x).ts cannot be opened. It may have been deleted or renamed since it was indexed; search again."]);
});

it("a file of a workspace on another machine is opened there", (t) => {
  t.after(() => Object.assign(workspace, { workspaceFolders: undefined }));
  Object.assign(workspace, { workspaceFolders: [{ uri: { ...Uri.file("/w"), scheme: "vscode-remote" } }] });
  assert.deepEqual([uriOf({ root: "/w", path: "a.ts" }).scheme, uriOf({ root: "/gone", path: "a.ts" }).scheme], ["vscode-remote", "file"]);
});

it("a look leaves the keyboard where it is and the tab to the next look; what is kept, or wanted aside, is shown so", async () => {
  const opener = createPlaceOpener();
  const options = async (side: boolean, how: "look" | "open" | "keep") => {
    await opener.open({ root: "/w", path: "a.ts", startLine: 1, endLine: 1 }, { side, how });
    const { viewColumn, preserveFocus, preview } = shown[0]!.options as { viewColumn: number; preserveFocus: boolean; preview: boolean };
    return [viewColumn, preserveFocus, preview];
  };
  assert.deepEqual([await options(false, "look"), await options(false, "open"), await options(true, "keep")], [[-1, true, true], [-1, false, true], [-2, false, false]]);
});

it("lines that the file has no more do not hinder, and the line that is wanted is the one to be seen", async (t) => {
  t.after(() => buffers.clear());
  buffers.set("/w/a.ts", "one\ntwo\nthree");
  const at = async (startLine: number, endLine: number, line?: number) => {
    await createPlaceOpener().open({ root: "/w", path: "a.ts", startLine, endLine }, { side: false, how: "open", line });
    const { marked: [lines] = [], revealed } = shown[0]!;
    return [lines, revealed].map((range) => [range!.start.line + 1, range!.end.line + 1]);
  };
  assert.deepEqual([await at(2, 9), await at(1, 3, 2), await at(7, 9)], [[[2, 3], [2, 3]], [[1, 3], [2, 2]], [[3, 3], [3, 3]]]);
});

it("the cursor lands where the name of a hit stands, or in the line that was clicked, and all lines are marked", async (t) => {
  t.after(() => buffers.clear());
  buffers.set("/w/a.ts", "/**\n * Sums up.\n */\nfunction total() {\n  return 0;\n}");
  const at = async (line?: number) => {
    await createPlaceOpener().open({ root: "/w", path: "a.ts", startLine: 1, endLine: 6, line: 4 }, { side: false, how: "open", line });
    const { marked: [lines] = [], revealed, options } = shown[0]!;
    return [(options as { selection: { start: { line: number } } }).selection.start.line + 1, revealed!.start.line + 1, lines!.start.line + 1, lines!.end.line + 1];
  };
  assert.deepEqual([await at(), await at(2)], [[4, 4, 1, 6], [2, 2, 1, 6]]);
});

it("lines are marked until the reader moves on in them", async (t) => {
  const { showTextDocument } = window;
  t.after(() => Object.assign(window, { showTextDocument }));
  let editor: unknown;
  Object.assign(window, { showTextDocument: async (...given: Parameters<typeof showTextDocument>) => (editor = await showTextDocument(...given)) });
  decorations.length = 0;
  const opener = createPlaceOpener();
  await opener.open({ root: "/w", path: "a.ts", startLine: 1, endLine: 1 }, { side: false, how: "open" });
  happen("selected", { textEditor: {}, kind: 1 });
  happen("selected", { textEditor: editor, kind: undefined }); // made by code
  assert.equal(decorations.length, 1);
  happen("selected", { textEditor: editor, kind: 1 });
  assert.equal(decorations.length, 0);
});

it("lines are marked by what the theme has for it, also when that changes, and once", async (t) => {
  t.after(() => Object.assign(window, { activeColorTheme: { kind: 2 } }));
  decorations.length = 0;
  const opener = createPlaceOpener();
  const borders = [];
  for (const kind of [2, 3, 4, 1]) {
    Object.assign(window, { activeColorTheme: { kind } });
    await opener.open({ root: "/w", path: "a.ts", startLine: 1, endLine: 1 }, { side: false, how: "open" });
    borders.push((decorations[0] as { readonly borderColor?: ThemeColor }).borderColor?.id);
    assert.equal(decorations.length, 1);
  }
  assert.deepEqual(borders, [undefined, "editor.rangeHighlightBorder", "editor.rangeHighlightBorder", undefined]);
  opener.dispose();
  assert.deepEqual(decorations, []);
});

it("a hit opens where its code stands now, when its file was changed outside the editor since", async (t) => {
  t.after(() => buffers.clear());
  Object.assign(workspace, { openTextDocument: async (uri: ReturnType<typeof Uri.file>) => ({ ...(await workspaceText(uri)), isDirty: false }) });
  t.after(() => Object.assign(workspace, { openTextDocument: workspaceText }));
  buffers.set("/w/a.ts", "// pulled\n\nfunction f() {\n  return 1;\n}");
  await createPlaceOpener().open({ root: "/w", path: "a.ts", startLine: 1, endLine: 3, snippet: "function f() {\n  return 1;\n}" }, { side: false, how: "open", line: 2 });
  assert.deepEqual([shown[0]?.line, shown[0]?.marked?.map(({ start, end }) => [start.line + 1, end.line + 1])], [4, [[3, 5]]]);
});
