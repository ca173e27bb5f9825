import assert from "node:assert/strict";
import { it } from "node:test";
import type { WebviewView } from "vscode";
import type { SearchModel } from "../../../src/extension/searchModel.ts";
import { Uri } from "../../support/fakeVscode.ts";

const { SearchView } = await import("../../../src/extension/searchView.ts");

/** A place in the workbench that shows the view. */
function place() {
  let end = () => {};
  const webview = { options: {}, html: "", cspSource: "", asWebviewUri: () => "", onDidReceiveMessage: () => undefined };
  const view = { webview, visible: true, onDidChangeVisibility: () => undefined, onDidDispose: (listener: () => void) => (end = listener) };
  return { view: view as unknown as WebviewView, close: () => end() };
}

for (const [what, isFirstClosed] of [["after", true], ["before", false]] as const)
  it(`a view that was moved is known to be visible, when its new page comes ${what} the old one has gone`, () => {
    let visible: boolean | undefined;
    const view = new SearchView({
      extensionUri: Uri.file("/extension") as never,
      model: {} as SearchModel,
      open: async () => undefined,
      similarTo: async () => undefined,
      onVisibility: () => (visible = view.visible),
      log: () => undefined,
    });
    const [before, now] = [place(), place()];
    view.resolveWebviewView(before.view);
    if (isFirstClosed) before.close();
    view.resolveWebviewView(now.view);
    if (!isFirstClosed) before.close();
    assert.equal(visible, true);
    now.close();
    assert.equal(visible, false);
  });
