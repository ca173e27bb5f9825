import assert from "node:assert/strict";
import { it } from "node:test";
import type { WebviewView } from "vscode";
import type { SearchModel } from "../../../src/extension/searchModel.ts";
import { settle } from "../../support/fakeEngine.ts";
import { executed, Uri } from "../../support/fakeVscode.ts";

const { SearchView } = await import("../../../src/extension/searchView.ts");

/** A place in the workbench that shows the view. */
function place() {
  let end = () => {};
  let hear: (message: unknown) => void = () => {};
  const posted: unknown[] = [];
  const webview = {
    options: {} as { localResourceRoots?: readonly { readonly fsPath: string }[] },
    html: "",
    cspSource: "",
    asWebviewUri: () => "",
    onDidReceiveMessage: (listener: typeof hear) => (hear = listener),
    postMessage: async (message: unknown) => void posted.push(message),
  };
  let turn = () => {};
  const view = { webview, visible: true, onDidChangeVisibility: (listener: () => void) => (turn = listener), onDidDispose: (listener: () => void) => (end = listener) };
  const hide = () => {
    view.visible = false;
    turn();
  };
  return { hide, view: view as unknown as WebviewView, webview, posted, say: (message: unknown) => (hear(message), settle()), close: () => end() };
}

/** A view whose page is there, and everything that it had others do. */
function opened() {
  const done: unknown[] = [];
  const note = (what: string) => (...given: readonly unknown[]) => void done.push([what, ...given]);
  const model = { state: "the state", search: async (query: string) => note("search")(query), remember: note("remember"), clear: note("clear"), forgetHistory: note("forget"), place: (id: string) => (id === "known" ? { path: "a.ts" } : undefined) };
  const view = new SearchView({
    extensionUri: Uri.file("/extension") as never,
    model: model as unknown as SearchModel,
    open: async (found, { how }) => note("open")(found.path, how),
    similarTo: async (found) => note("similar")(found.path),
    compare: async (id) => note("compare")(id),
    onVisibility: () => undefined,
    log: (level) => note(level)(),
  });
  const page = place();
  view.resolveWebviewView(page.view);
  return { view, page, done };
}

it("the page is told the state once it is ready, once for several changes, and gets the keyboard that was meant for it", async () => {
  const { view, page } = opened();
  view.update();
  await view.show(true);
  await view.step(1);
  await settle();
  assert.deepEqual(page.posted, []);
  const state = { type: "state", state: "the state" };
  await page.say({ type: "ready" });
  assert.deepEqual(page.posted.splice(0), [state, { type: "focus" }]);
  view.update();
  view.update();
  await settle();
  await page.say({ type: "ready" });
  assert.deepEqual(page.posted.splice(0), [state, state]);
  executed.length = 0;
  await view.show(false);
  assert.deepEqual([executed.map(({ args }) => args), page.posted], [[[{ preserveFocus: true }]], []], "who only shows it keeps the keyboard");
  await view.show(true);
  await view.step(-1);
  view.update();
  await settle();
  assert.deepEqual([executed[1]?.args, page.posted], [[{ preserveFocus: false }], [{ type: "focus" }, { type: "step", by: -1 }, state]]);
});

it("a page that was moved is told nothing before it is ready again", async () => {
  const { view, page } = opened();
  await page.say({ type: "ready" });
  const moved = place();
  view.resolveWebviewView(moved.view);
  view.update();
  await settle();
  assert.deepEqual(moved.posted, []);
});

it("what the page asks for is done, for places that are shown; what is no message is not", async () => {
  const { page, done } = opened();
  const filters = { langs: [], path: "" };
  const cases: [message: unknown, done: readonly unknown[]][] = [
    [{ type: "search", query: "q", filters, remember: true }, [["search", "q"], ["remember", "q"]]],
    [{ type: "search", query: "q", filters, remember: false }, [["search", "q"]]],
    [{ type: "open", id: "known", side: false, how: "look" }, [["open", "a.ts", "look"]]],
    [{ type: "open", id: "known", side: false, how: "open" }, [["remember"], ["open", "a.ts", "open"]]],
    [{ type: "open", id: "/etc/passwd", side: false, how: "open" }, []],
    [{ type: "similarTo", id: "known" }, [["similar", "a.ts"]]],
    [{ type: "similarTo", id: "/etc/passwd" }, []],
    [{ type: "compare", id: "known" }, [["compare", "known"]]],
    [{ type: "clear" }, [["clear"]]],
    [{ type: "forgetHistory" }, [["forget"]]],
    [{ type: "open", id: "known", side: "no", how: "open" }, [["warn"]]],
  ];
  for (const [message, expected] of cases) {
    await page.say(message);
    assert.deepEqual(done.splice(0), expected, JSON.stringify(message));
  }
  executed.length = 0;
  for (const command of ["restart", "showLog", "status", "duplicates", "resume", "openFolder"]) await page.say({ type: "command", command });
  assert.deepEqual(executed.map(({ command }) => command), ["strata.restartEngine", "strata.showLog", "strata.showStatus", "strata.findDuplicates", "strata.resumeIndexing", "vscode.openFolder"]);
});

it("a page may load what belongs to pages alone, and its script has a nonce of its own", () => {
  const [one, other] = [opened().page.webview, opened().page.webview];
  assert.deepEqual(one.options.localResourceRoots?.map(({ fsPath }) => fsPath), ["/extension/dist/webview", "/extension/media"]);
  const nonces = [one, other].map(({ html }) => /<script nonce="([^"]{16,})"/.exec(html)?.[1]);
  assert.ok(nonces[0] && nonces[1] && nonces[0] !== nonces[1]);
});

for (const [what, isFirstClosed] of [["after", true], ["before", false]] as const)
  it(`a view that was moved is known to be visible, when its new page comes ${what} the old one has gone`, () => {
    let visible: boolean | undefined;
    const view = new SearchView({
      extensionUri: Uri.file("/extension") as never,
      model: {} as SearchModel,
      open: async () => undefined,
      similarTo: async () => undefined,
      compare: async () => undefined,
      onVisibility: () => (visible = view.visible),
      log: () => undefined,
    });
    const [before, now] = [place(), place()];
    view.resolveWebviewView(before.view);
    if (isFirstClosed) before.close();
    view.resolveWebviewView(now.view);
    if (!isFirstClosed) before.close();
    assert.equal(visible, true);
    now.hide();
    assert.equal(visible, false);
    Object.assign(now.view, { visible: true });
    now.close();
    assert.equal(visible, false);
  });
