// What the diff editor gets of two pieces of code.
import assert from "node:assert/strict";
import { afterEach, it } from "node:test";
import { buffers, executed, happen, openNotebook, provided, workspace } from "../../support/fakeVscode.ts";

const { createComparer } = await import("../../../src/extension/compareCode.ts");

interface Shown {
  readonly scheme: string;
  readonly path: string;
}

/** The editor that was opened last: its title, and each side by what it is called and says. */
function diff() {
  const { command, args } = executed.at(-1)!;
  assert.equal(command, "vscode.diff");
  const [left, right, title] = args as [Shown, Shown, string];
  const textOf = ({ scheme, path }: Shown) => provided.get(scheme)!.provideTextDocumentContent({ path });
  return { title, names: [left, right].map(({ path }) => path.split("/").at(-1)), texts: [left, right].map(textOf), left, right };
}

afterEach(() => buffers.clear());

it("both are pieces of their files, as they are now, in documents that bear the files' names", async () => {
  const comparer = createComparer();
  buffers.set("/w/src/a.ts", "import x;\n\nfunction a() {\n  return 1;\n}\n");
  buffers.set("/w/lib/b.ts", "function b() {\n  return 2;\n}\n");
  await comparer.compare({ root: "/w", path: "src/a.ts", startLine: 3, endLine: 5 }, { root: "/w", path: "lib/b.ts", startLine: 1, endLine: 3 });
  const { title, names, texts, left, right } = diff();
  assert.deepEqual([title, names], ["src/a.ts:3 ↔ lib/b.ts:1", ["a.ts", "b.ts"]]);
  assert.deepEqual(texts, ["function a() {\n  return 1;\n}", "function b() {\n  return 2;\n}"]);
  assert.notEqual(left.path, right.path);
  happen("closed", { uri: left });
  assert.deepEqual(diff().texts, ["", texts[1]], "what is closed is forgotten, and nothing else");
  happen("closed", { uri: { scheme: "file", path: right.path } });
  assert.equal(diff().texts[1], texts[1]);
});

it("code that was asked about is compared as it was asked about, and a file is found where its lines are now", async () => {
  const comparer = createComparer();
  buffers.set("/w/lib/b.ts", "// new\nfunction b() {\n  return 2;\n}\n");
  await comparer.compare({ title: "f · q.ts:1\u202e", file: "q.ts", text: "f()\n" }, { root: "/w", path: "lib/b.ts", startLine: 1, endLine: 3, asFound: Promise.resolve("function b() {\n  return 2;\n}\n") });
  assert.deepEqual([diff().title, diff().texts], ["f · q.ts:1· ↔ lib/b.ts:2", ["f()", "function b() {\n  return 2;\n}"]]);
});

it("of a notebook the code is shown, not the rows of its file", async () => {
  openNotebook("/w/n.ipynb", ["x = 1"]);
  await createComparer().compare({ title: "q", file: "q.py", text: "x" }, { root: "/w", path: "n.ipynb", startLine: 12, endLine: 12, snippet: "x = 1" });
  assert.deepEqual(diff().texts, ["x", "x = 1"]);
});

it("a file that has gone is told", async (t) => {
  t.mock.method(workspace, "openTextDocument", async () => Promise.reject(new Error("no such file")));
  await assert.rejects(createComparer().compare({ title: "q", file: "q.ts", text: "x" }, { root: "/w", path: "gone.ts", startLine: 1, endLine: 3 }), { code: "input.invalid", message: /^gone\.ts cannot be opened/ });
});
