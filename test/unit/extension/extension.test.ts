// What the parts of the extension do for each other once VS Code has activated it: engines of a few lines behind them, and a window of nothing.
import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { it, type TestContext } from "node:test";
import type { ExtensionContext } from "vscode";
import { ResponseError } from "vscode-jsonrpc/node";
import type { ConnectOptions } from "../../../src/engine/connect.ts";
import * as protocol from "../../../src/engine/protocol.ts";
import { StrataError } from "../../../src/base/errors.ts";
import type { Connected } from "../../../src/extension/engineClient.ts";
import type { ViewResults } from "../../../src/webview/messages.ts";
import { type FakeEngine, fakeEngine, hit, result, settle, status } from "../../support/fakeEngine.ts";
import { callTool, configured, env, executed, happen, logChannel, presses, QuickPick, Range, registered, said, statusBarItem, untitledEditor, Uri, viewProviders, window, workspace } from "../../support/fakeVscode.ts";
import { temporaryFolder, useCache } from "../../support/temporaryFolder.ts";

/** Where the extension would find or start an engine. */
const engineOf = { connect: (_options: ConnectOptions): Promise<Connected> => Promise.reject(new Error("no test has said which")) };
Object.assign(globalThis, { engineOf });
const real = new URL("../../../src/engine/connect.ts", import.meta.url).href;
const stub = `data:text/javascript,${encodeURIComponent(`export { fromWire } from ${JSON.stringify(real)}; export const connectEngine = (options) => globalThis.engineOf.connect(options);`)}`;
registerHooks({ resolve: (name, context, next) => (name === "../engine/connect.ts" && context.parentURL?.endsWith("/extension.ts") ? { url: stub, shortCircuit: true } : next(name, context)) });
const { activate } = await import("../../../src/extension/extension.ts");

const folder = (root: string, scheme = "file") => ({ name: root.slice(1), uri: { ...Uri.file(root), scheme } });
const contexts = (): Record<string, unknown> => Object.fromEntries(executed.filter(({ command }) => command === "setContext").map(({ args }) => args as [string, unknown]));
const run = async (command: string, ...args: readonly unknown[]): Promise<void> => {
  await registered.get(command)!(...args);
  await settle();
};

type Hits = Extract<ViewResults, { kind: "hits" }>;
interface Window {
  readonly folders?: readonly ReturnType<typeof folder>[];
  readonly onStartup?: boolean;
  readonly answer?: (params: protocol.SearchParams) => protocol.SearchResult;
  /** What of the extension's surroundings a test is about. */
  readonly surroundings?: object;
}

/** Activates it in a window that nothing has happened in. Its engines are kept, the last started last, and what was asked of them by root. */
async function activated(t: TestContext, { folders = [folder("/w")], onStartup = true, answer, surroundings = {} }: Window = {}) {
  for (const list of [executed, said, presses, logChannel.errors]) list.length = 0;
  configured.clear();
  if (!onStartup) configured.set("strata.index.onStartup", false);
  workspace.workspaceFolders = folders;
  const started: { readonly root: string; readonly fake: FakeEngine }[] = [];
  const signals: (AbortSignal | undefined)[] = [];
  let refuse: Error | undefined;
  engineOf.connect = async ({ root, signal }) => {
    signals.push(signal);
    if (refuse) throw refuse;
    const fake = fakeEngine(1_000 + started.length, answer);
    fake.engine.onRequest(protocol.rebuild, () => (fake.asked.push("rebuild"), status()));
    fake.engine.onRequest(protocol.filesChanged, ({ paths }) => void fake.asked.push(`changed ${paths.join(" ")}`));
    fake.engine.onRequest(protocol.duplicates, ({ filters }) => (fake.asked.push(`duplicates ${filters}`), { groups: [{ kind: "exact", similarity: 1, lines: 2, members: ["a.ipynb", "b.ipynb"].map((path) => ({ path, startLine: 1, endLine: 2, symbol: "f", snippet: "f()" })) }], coverage: status().coverage }));
    started.push({ root, fake });
    return fake;
  };
  const kept = new Map<string, unknown>();
  const subscriptions: { dispose(): unknown }[] = [];
  const context = { subscriptions, extensionUri: Uri.file("/extension"), extensionPath: "/extension", workspaceState: { get: (key: string, otherwise: unknown) => kept.get(key) ?? otherwise, update: async (key: string, value: unknown) => void kept.set(key, value) }, globalState: { get: () => undefined }, ...surroundings };
  const api = activate(context as unknown as ExtensionContext);
  const end = () => subscriptions.splice(0).forEach((each) => each.dispose());
  t.after(end);
  await settle();
  return { api, started, signals, kept, end, refuseEngines: (error: Error | undefined) => void (refuse = error), tell: (said: Partial<protocol.Status>, at = started.length - 1) => (void started[at]!.fake.engine.sendNotification(protocol.statusChanged, status(said)), settle()) };
}

/** The search view's page, as the side bar shows it. */
function page() {
  let [turn, hear] = [() => {}, (_message: unknown) => {}];
  const posted: unknown[] = [];
  const view = {
    webview: { options: {}, html: "", cspSource: "", asWebviewUri: () => "", onDidReceiveMessage: (listener: typeof hear) => (hear = listener), postMessage: async (message: unknown) => void posted.push(message) },
    visible: true,
    onDidChangeVisibility: (listener: () => void) => (turn = listener),
    onDidDispose: () => undefined,
  };
  viewProviders.get("strata.searchView")!.resolveWebviewView(view as never);
  return { posted, show: (visible: boolean) => ((view.visible = visible), turn()), say: (message: unknown) => (hear(message), settle()) };
}

it("a window that opens starts the engines of its folders on this machine, where nobody has switched that off", async (t) => {
  const window = await activated(t, { folders: [folder("/w"), folder("/v"), folder("/remote", "vsls")] });
  assert.deepEqual(window.started.map(({ root }) => root), ["/w", "/v"]);
  assert.deepEqual(window.api.folders().map(({ name, client }) => [name, client.kind]), [["w", "running"], ["v", "running"]]);
  window.end();
  assert.deepEqual((await activated(t, { onStartup: false })).started, []);
});

it("a folder that is added gets its engine, and one that is removed leaves with what is shown of it", async (t) => {
  const { api, started } = await activated(t, { folders: [folder("/w"), folder("/v")], answer: () => result([hit("a.ts", 1)]) });
  await run("strata.searchInView", "a question");
  const shown = () => (api.view().results as Hits).hits.map((each) => each.folder);
  assert.deepEqual(shown(), ["w", "v"]);
  workspace.workspaceFolders = [folder("/v"), folder("/w2")];
  happen("folders", { removed: [folder("/w")] });
  await settle();
  assert.deepEqual(started.map(({ root }) => root), ["/w", "/v", "/w2"]);
  assert.deepEqual(shown(), ["v", "w2"], "the search is made again in those there are");
});

it("where folders change, engines start for the new ones only if they do so with the window, and nothing is shown of one that has gone", async (t) => {
  const folders = [folder("/w"), folder("/v")];
  const change = async (now: typeof folders, removed: typeof folders) => {
    workspace.workspaceFolders = now;
    happen("folders", { removed });
    await settle();
  };
  const early = await activated(t, { folders: [folder("/w")] });
  await change(folders, []);
  assert.deepEqual(early.started.map(({ root }) => root), ["/w", "/v"]);
  early.end();
  const late = await activated(t, { folders: [folder("/w")], onStartup: false });
  await change(folders, []);
  assert.deepEqual(late.started, []);
  await run("strata.findDuplicates");
  const roots = () => (late.api.view().results as Extract<ViewResults, { kind: "duplicates" }>).groups.map(({ members: [first] }) => first!.folder);
  assert.deepEqual(roots(), ["w", "v"]);
  await change([folder("/v")], [folder("/w")]);
  assert.deepEqual(roots(), ["v"]);
});

it("settings of a folder are its engine's", async (t) => {
  const { started } = await activated(t, { folders: [folder("/w"), folder("/v")], onStartup: false });
  configured.set("/v strata.index.depth", "shallow");
  await run("strata.searchInView", "a question");
  assert.deepEqual(started.map(({ root, fake }) => [root, fake.configured[0]!.backgroundDepth]), [["/w", "deep"], ["/v", "shallow"]]);
});

it("an engine that is slow to start is not waited for by a window that is closed", async (t) => {
  const { end, signals } = await activated(t);
  end();
  assert.equal(signals[0]?.aborted, true);
});

it("an engine that cannot start is said once with what to do, and is no failure any more when it could", async (t) => {
  const { refuseEngines, api } = await activated(t, { onStartup: false });
  refuseEngines(new StrataError("index.unwritable", "The disk [is](odd) mounted read-only."));
  presses.push("Restart", "Show Log");
  await run("strata.searchInView", "a question");
  assert.deepEqual(said, ["Strata: The disk [is] (odd) mounted read-only."]);
  assert.ok(executed.some(({ command }) => command === "strata.restartEngine"));
  assert.equal(contexts()["strata.engineFailed"], true);
  assert.equal(statusBarItem.text.includes("stopped"), true);
  await run("strata.searchInView", "another question");
  assert.equal(said.length, 1);
  refuseEngines(undefined);
  await run("strata.restartEngine");
  assert.deepEqual([contexts()["strata.engineFailed"], api.folders()[0]!.client.kind], [false, "running"]);
  assert.equal(api.view().results.kind, "hits", "what was asked meanwhile is answered");

  const logs = logChannel.shown;
  refuseEngines(new StrataError("index.unwritable", "Once more."));
  await run("strata.restartEngine");
  assert.deepEqual([said.at(-1), logChannel.shown], ["Strata: Once more.", logs + 1]);
  assert.equal(executed.filter(({ command }) => command === "strata.restartEngine").length, 1, "who only looks at the log restarts nothing");
});

it("a failure of one folder is said once, whatever the others tell meanwhile", async (t) => {
  const { refuseEngines, tell } = await activated(t, { folders: [folder("/w")] });
  workspace.workspaceFolders = [folder("/w"), folder("/v")];
  refuseEngines(new StrataError("index.unwritable", "It is odd."));
  happen("folders", { removed: [] });
  await settle();
  await tell({ changes: 4 });
  await tell({ changes: 5 });
  assert.equal(said.length, 1);
});

it("a command that fails says so without links and is in the log, and one that was cancelled says nothing", async (t) => {
  const { started: [{ fake } = assert.fail()] } = await activated(t);
  const refuse = (code: string) => fake.engine.onRequest(protocol.rebuild, () => new ResponseError<protocol.ErrorData>(-32000, "It is [odd](command:x).", { code }));
  refuse("engine.failed");
  await run("strata.rebuildIndex", { confirmed: true });
  assert.deepEqual([said, logChannel.errors.length], [["Strata: It is [odd] (command:x)."], 1]);
  refuse("cancelled");
  await run("strata.rebuildIndex", { confirmed: true });
  assert.deepEqual([said.length, logChannel.errors.length], [1, 1]);
});

it("pausing holds for every engine, can be undone wherever it came from, and is told to keys and menus at once", async (t) => {
  const { started, tell } = await activated(t, { folders: [folder("/w"), folder("/v")] });
  const asked = () => started.map(({ fake }) => fake.configured.at(-1)!.paused);
  assert.deepEqual([contexts()["strata.indexingPaused"], asked()], [false, [undefined, undefined]]);
  const pausing = registered.get("strata.pauseIndexing")!();
  assert.equal(contexts()["strata.indexingPaused"], true);
  await pausing;
  assert.deepEqual(asked(), [true, true]);
  await run("strata.resumeIndexing");
  assert.deepEqual([contexts()["strata.indexingPaused"], asked()], [false, [false, false]]);
  await tell({ state: { kind: "paused", reason: "The disk is full." } });
  assert.equal(contexts()["strata.indexingPaused"], true);
  await tell({});
  assert.equal(contexts()["strata.indexingPaused"], false);
});

it("a pause that another window has ended does not come back with the next engine", async (t) => {
  const { started, tell } = await activated(t);
  await run("strata.pauseIndexing");
  await tell({ state: { kind: "paused", reason: "It was paused in the editor." } });
  await tell({});
  await run("strata.restartEngine");
  assert.deepEqual(started.map(({ fake }) => fake.configured.at(-1)!.paused), [true, undefined]);
});

it("engines hear of settings that are theirs, and of no others", async (t) => {
  const { started: [{ fake } = assert.fail()] } = await activated(t);
  const before = fake.configured.length;
  configured.set("strata.index.exclude", ["generated/"]);
  for (const changed of ["editor.fontSize", "strata.search.maxResults"]) happen("configuration", { affectsConfiguration: (section: string) => changed.startsWith(section) });
  await settle();
  assert.equal(fake.configured.length, before);
  for (const changed of ["strata.index.exclude", "files.exclude", "search.exclude"]) happen("configuration", { affectsConfiguration: (section: string) => changed.startsWith(section) });
  await settle();
  assert.deepEqual([fake.configured.length, fake.configured.at(-1)!.exclude], [before + 3, ["generated"]]);
});

it("an index is thrown away only by who says so", async (t) => {
  const { started } = await activated(t, { folders: [folder("/w"), folder("/v")] });
  const rebuilt = () => started.filter(({ fake }) => fake.asked.includes("rebuild")).length;
  await run("strata.rebuildIndex");
  assert.deepEqual([said.length, rebuilt()], [1, 0]);
  presses.push("Rebuild");
  await run("strata.rebuildIndex");
  assert.deepEqual([said.length, rebuilt()], [2, 2]);
  await run("strata.rebuildIndex", { confirmed: true });
  assert.equal(said.length, 2);
});

it("without a folder commands say what is missing", async (t) => {
  await activated(t, { folders: [] });
  for (const command of ["strata.rebuildIndex", "strata.restartEngine", "strata.chooseModel"]) await run(command);
  assert.equal(said.length, 3);
  for (const sentence of said) assert.match(sentence, /^Strata: .*folder/);
});

it("results have keys as long as somebody sees them", async (t) => {
  const { api } = await activated(t, { answer: ({ query }) => result(query === "nothing" ? [] : [hit("a.ts", 1)]) });
  const hasKeys = () => contexts()["strata.hasResults"];
  await run("strata.searchInView", "a question");
  assert.equal(hasKeys(), false, "the page is not there yet");
  const { show, say } = page();
  assert.equal(hasKeys(), true);
  show(false);
  assert.equal(hasKeys(), false);
  show(true);
  assert.equal(hasKeys(), true);
  await say({ type: "search", query: "nothing", filters: { langs: [], path: "" }, remember: false });
  assert.deepEqual([hasKeys(), api.view().query], [false, "nothing"]);
});

it("what was searched for is remembered in the workspace", async (t) => {
  const { api, kept } = await activated(t, { answer: () => result([hit("a.ts", 1)]) });
  const { say } = page();
  await say({ type: "search", query: "a question", filters: { langs: [], path: "" }, remember: true });
  assert.deepEqual([[...kept.values()], api.view().history], [[["a question"]], ["a question"]]);
});

it("the page shows what it is told by commands, engines and the history, and steps from result to result", async (t) => {
  const { started, tell } = await activated(t, { answer: () => result([hit("a.ts", 1)]) });
  const { say, posted } = page();
  await say({ type: "ready" });
  const states = () => (posted.splice(0) as { type: string; state: { query: string; coverage?: { files: number } } }[]).map(({ type, state }) => (type === "state" ? state.query : type));
  states();
  await run("strata.searchInView", "a question");
  assert.deepEqual(states().slice(-1), ["a question"]);
  await tell({ warnings: ["It is odd."] });
  assert.equal(posted.length, 1);
  states();
  for (const command of ["strata.nextResult", "strata.previousResult"]) await run(command);
  assert.deepEqual(posted.splice(0), [{ type: "step", by: 1 }, { type: "step", by: -1 }]);
  t.after(() => (window.activeTextEditor = undefined));
  window.activeTextEditor = { document: { uri: Uri.file("/w/open.ts") } };
  executed.length = 0;
  for (const command of ["strata.searchInView", "strata.searchInFolder", "strata.findDuplicates", "strata.findDuplicatesOf"]) await run(command);
  assert.deepEqual(executed.filter(({ command }) => command.endsWith(".focus")).map(({ args }) => args[0]), [{ preserveFocus: false }, { preserveFocus: false }, { preserveFocus: true }, { preserveFocus: true }]);
  assert.deepEqual(started[0]!.fake.asked.filter((each) => each.startsWith("duplicates")).length, 2);
});

it("what was asked while files were read is asked again when they are", async (t) => {
  const { started: [{ fake } = assert.fail()], tell } = await activated(t, { answer: () => result([hit("a.ts", 1)]) });
  await tell({ state: { kind: "scanning", progress: { phase: "instant", done: 1, total: 2, unit: "files" } } });
  await run("strata.searchInView", "a question");
  await tell({});
  await settle();
  assert.equal(fake.asked.filter((each) => each === "search").length, 2);
});

it("what is shown is looked for again when its file was saved, or changed by another program", async (t) => {
  const { started: [{ fake } = assert.fail()] } = await activated(t, { answer: () => result([hit("shown.ts", 1)]) });
  await run("strata.searchInView", "a question");
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (const [event, told] of [["saved", { uri: Uri.file("/w/other.ts") }], ["changed outside", Uri.file("/w/shown.ts")], ["changed outside", Uri.file("/w/unseen.ts")]] as const) {
    happen(event, told);
    t.mock.timers.tick(100);
    await settle();
  }
  assert.deepEqual(fake.asked.filter((each) => each.startsWith("changed")), ["changed other.ts", "changed shown.ts"]);
  assert.equal(fake.asked.filter((each) => each === "search").length, 3);
});

it("copies are compared side by side, from a menu and from the page", async (t) => {
  const { api } = await activated(t);
  const { say } = page();
  await run("strata.findDuplicates");
  const [{ members: [first, second] } = assert.fail()] = (api.view().results as Extract<ViewResults, { kind: "duplicates" }>).groups;
  await run("strata.compareResult", { result: first!.id });
  await say({ type: "compare", id: second!.id });
  assert.deepEqual(executed.filter(({ command }) => command === "vscode.diff").map(({ args }) => args[2]), ["b.ipynb:1 ↔ a.ipynb:1", "a.ipynb:1 ↔ b.ipynb:1"]);
});

it("a result that is compared with nothing opens no comparison", async (t) => {
  const { api } = await activated(t, { answer: () => result([hit("a.ipynb", 1)]) });
  await run("strata.searchInView", "a question");
  const [{ id } = assert.fail()] = (api.view().results as Hits).hits;
  await run("strata.compareResult", { result: id });
  assert.ok(said.length === 0 && !executed.some(({ command }) => command === "vscode.diff"));
});

it("code like a result, or like what the editor holds, is found", async (t) => {
  const { api, started: [{ fake } = assert.fail()] } = await activated(t, { answer: () => result([hit("a.ipynb", 1)]) });
  const { say } = page();
  await run("strata.searchInView", "a question");
  const [{ id } = assert.fail()] = (api.view().results as Hits).hits;
  await say({ type: "similarTo", id });
  assert.equal((api.view().results as Hits).subject, "a.ipynb:1");
  t.after(() => (window.activeTextEditor = undefined));
  window.activeTextEditor = untitledEditor("const a = 1;", new Range(0, 0, 0, 12));
  executed.length = 0;
  await run("strata.findSimilar");
  assert.equal((api.view().results as Hits).subject, "Untitled-1:1");
  assert.equal(fake.asked.filter((each) => each === "similar").length, 2);
  assert.deepEqual(executed.filter(({ command }) => command.endsWith(".focus")).map(({ args }) => args[0]), [{ preserveFocus: true }]);
});

it("language models and people reach what there is to ask: tools, the index status, the log and the command for terminals", async (t) => {
  const cache = temporaryFolder(t);
  useCache(t, cache);
  const [kept, appended] = [new Map<string, unknown>(), [] as string[]];
  const surroundings = {
    environmentVariableCollection: { append: (name: string) => void appended.push(name) },
    globalState: { get: (key: string, otherwise: unknown) => kept.get(key) ?? otherwise, update: async (key: string, value: unknown) => void kept.set(key, value) },
  };
  const first = await activated(t, { surroundings, answer: () => result([hit("a.ts", 1)]) });
  assert.match(await callTool("strata_search", { query: "a question" }), /^a\.ts:1-3/);
  await run("strata.showStatus");
  assert.equal(QuickPick.last.title, "Strata: Index Status");
  const logs = logChannel.shown;
  await run("strata.showLog");
  assert.equal(logChannel.shown, logs + 1);
  assert.deepEqual(appended, []);
  await run("strata.setUpTerminal");
  first.end();
  await activated(t, { surroundings });
  assert.deepEqual(appended, ["PATH", "PATH"], "each window that opens later knows it");
});

it("no more results are asked for than the setting says", async (t) => {
  const wanted: number[] = [];
  await activated(t, { answer: ({ k }) => (wanted.push(k), result([])) });
  configured.set("strata.search.maxResults", 7);
  await run("strata.searchInView", "a question");
  assert.deepEqual(wanted, [7]);
});

it("a result's menu copies its place and shows it in the explorer, and says so when it is not shown any more", async (t) => {
  const { api } = await activated(t, { answer: () => result([hit("src/a.ts", 1, { startLine: 4, endLine: 9, line: 6 })]) });
  await run("strata.searchInView", "a question");
  const [{ id } = assert.fail()] = (api.view().results as Hits).hits;
  await run("strata.copyResultPath", { result: id });
  assert.equal(env.clipboard.text, "src/a.ts:6", "the line that it shows");
  await run("strata.revealResult", { result: id });
  assert.deepEqual(executed.filter(({ command }) => command === "revealInExplorer").map(({ args }) => (args[0] as { fsPath: string }).fsPath), ["/w/src/a.ts"]);
  for (const about of [undefined, {}, { result: "none" }]) for (const command of ["strata.copyResultPath", "strata.revealResult", "strata.compareResult"]) await run(command, about);
  assert.deepEqual(new Set(said), new Set(["Strata: This result is not shown any more. Search again."]));
  assert.equal(said.length, 9);
});

it("a search in a folder of the explorer keeps the question and looks there alone", async (t) => {
  const asked: string[] = [];
  const { api, started } = await activated(t, { folders: [folder("/w"), folder("/v")], answer: ({ query }) => (asked.push(query), result([])) });
  await run("strata.searchInView", "a question");
  asked.length = 0;
  await run("strata.searchInFolder", Uri.file("/v/src"));
  assert.deepEqual([asked, api.view().folder, started[0]!.fake.asked.filter((each) => each === "search").length], [["a question path:./src"], "v", 1]);
  asked.length = 0;
  await run("strata.searchInFolder");
  assert.deepEqual(asked, ["a question", "a question"]);
});

it("copies are looked for of what was chosen, else of the open file, and of one folder at a time", async (t) => {
  const { started: [{ fake } = assert.fail()] } = await activated(t, { folders: [folder("/w"), folder("/v")] });
  await run("strata.findDuplicatesOf");
  assert.match(said.at(-1)!, /^Open a file of the workspace/);
  await run("strata.findDuplicatesOf", Uri.file("/w/a.ts"), [Uri.file("/w/a.ts"), Uri.file("/v/b.ts")]);
  assert.match(said.at(-1)!, /^Each workspace folder is compared by itself/);
  const compared = () => fake.asked.filter((each) => each.startsWith("duplicates"));
  assert.deepEqual(compared(), []);
  await run("strata.findDuplicatesOf", Uri.file("/w/a.ts"), [Uri.file("/w/a.ts"), Uri.file("/w/b.ts")]);
  t.after(() => (window.activeTextEditor = undefined));
  window.activeTextEditor = { document: { uri: Uri.file("/w/open.ts") } };
  await run("strata.findDuplicatesOf", undefined, []);
  await run("strata.findDuplicatesOf", Uri.file("/w/chosen.ts"));
  assert.ok(compared().length === 3 && /a\.ts.*b\.ts/.test(compared()[0]!) && compared()[1]!.includes("open.ts") && compared()[2]!.includes("chosen.ts"), compared().join("; "));
});

it("the search by keys begins with what a command or the editor gives it", async (t) => {
  const { api } = await activated(t);
  await run("strata.search", "a question");
  assert.equal(QuickPick.last.value, "a question");
  await run("strata.search", { not: "a question" });
  assert.equal(QuickPick.last.value, "");
  t.after(() => (window.activeTextEditor = undefined));
  window.activeTextEditor = untitledEditor("parse the config", new Range(0, 0, 0, 5));
  await run("strata.search");
  assert.equal(QuickPick.last.value, "parse");
  QuickPick.last.press();
  await settle();
  assert.equal(api.view().query, "parse", "its button goes on in the side bar");
  window.activeTextEditor = undefined;
  await run("strata.findSimilar");
  assert.match(said.at(-1)!, /^Open a file and put the cursor/);
});

it("a file that is saved while a place in it is shown is read first, as it was found", async (t) => {
  await activated(t, { answer: () => result([hit("shown.ts", 1)]) });
  await run("strata.searchInView", "a question");
  const waited: string[] = [];
  for (const name of ["other.ts", "shown.ts"]) happen("will save", { document: { uri: Uri.file(`/w/${name}`) }, waitUntil: () => waited.push(name) });
  assert.deepEqual(waited, ["shown.ts"]);
});

it("what ends with the window ends its engines' connections", async (t) => {
  const { end, started: [{ fake } = assert.fail()] } = await activated(t);
  const closed = new Promise<void>((resolve) => fake.connection.onDispose(resolve));
  end();
  await closed;
});
