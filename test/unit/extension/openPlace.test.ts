// Places are opened in the order they were asked for, however long their files take.
import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { settle } from "../../support/fakeEngine.ts";
import { buffers, decorations, said, shown, ThemeColor, Uri, window, workspace } from "../../support/fakeVscode.ts";

const { createPlaceOpener } = await import("../../../src/extension/openPlace.ts");

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
