import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TextEditor } from "vscode";
import type { SearchModel } from "../../../src/extension/searchModel.ts";
import { editorOn, Range } from "../../support/fakeVscode.ts";

const { findSimilarInEditor } = await import("../../../src/extension/similarCode.ts");

/** What the model is asked for with this selection. */
async function asked(selection: Range) {
  const calls: unknown[] = [];
  const model = { similar: async (...args: unknown[]) => void calls.push(args) };
  await findSimilarInEditor(editorOn("src/a.ts", "function f() {\n  return 1;\n}\nf();", selection) as unknown as TextEditor, model as unknown as SearchModel);
  return calls;
}

describe("finding code similar to what the editor shows", () => {
  it("leaves the definition at the cursor to the engine when nobody else knows it", async () => {
    assert.deepEqual(await asked(new Range(1, 4, 1, 4)), [["/w", { path: "src/a.ts", startLine: 2, lang: "typescript" }, "src/a.ts:2"]]);
  });

  it("compares the selected lines, and not the one it only reaches", async () => {
    assert.deepEqual(await asked(new Range(0, 4, 2, 0)), [["/w", { path: "src/a.ts", startLine: 1, endLine: 2, text: "function f() {\n  return 1;", lang: "typescript" }, "src/a.ts:1-2"]]);
  });
});
