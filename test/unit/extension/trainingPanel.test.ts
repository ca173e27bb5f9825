// What a person is asked before the encoder is fine-tuned, and told when that has ended.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { it, type TestContext } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import type { ToTrainingPage } from "../../../src/webview/trainingMessages.ts";
import { executed, Uri, window, workspace } from "../../support/fakeVscode.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const { createTraining } = await import("../../../src/extension/trainingPanel.ts");

const plan = { event: "plan", root: "/w", pairs: 1234, lacks: "", install: "", device: "cpu", minutes: 10, start: "strata-base", inUse: "strata-base", canResume: false };
const end = (adopted: boolean, reason: string) => ({ event: "end", adopted, reason, curves: "" });
const events = (...list: readonly object[]): string => list.map((event) => `console.log(${JSON.stringify(JSON.stringify(event))});`).join("");

/** An extension whose program runs this text; `answer` chooses in a message, by its words, and `pick` in a list. */
function setUp(t: TestContext, script: string, { answer = () => undefined, folders = ["/w"] }: { readonly answer?: (text: string) => string | undefined; readonly folders?: readonly string[] } = {}) {
  const extension = temporaryFolder(t);
  mkdirSync(path.join(extension, "dist"));
  writeFileSync(path.join(extension, "dist/strata.mjs"), script);
  const [said, pages, posted]: [string[], { close(): void; say(message: object): void; reveals: number }[], ToTrainingPage[]] = [[], [], []];
  let heard = Promise.withResolvers<string>();
  const say = async (text: string) => {
    said.push(text);
    heard.resolve(text);
    return answer(text);
  };
  const before = { ...window };
  t.after(() => {
    training.dispose();
    Object.assign(window, before);
    Object.assign(workspace, { workspaceFolders: undefined });
  });
  Object.assign(workspace, { workspaceFolders: folders.map((root) => ({ name: root.slice(1), uri: Uri.file(root) })) });
  Object.assign(window, {
    showInformationMessage: say,
    showErrorMessage: (text: string) => say(`error: ${text}`),
    showQuickPick: async (items: readonly { readonly label: string }[]) => items[0],
    withProgress: (_options: object, work: (progress: undefined, token: object) => Promise<unknown>) => work(undefined, { isCancellationRequested: false, onCancellationRequested: () => undefined }),
    createWebviewPanel: () => {
      let [close, hear] = [() => {}, (_message: object) => {}];
      const page = { close: () => close(), say: (message: object) => hear(message), reveals: 0 };
      pages.push(page);
      const webview = { cspSource: "", asWebviewUri: () => "", onDidReceiveMessage: (listener: typeof hear) => (hear = listener), postMessage: async (message: ToTrainingPage) => void posted.push(message) };
      return { webview, reveal: () => page.reveals++, onDidDispose: (listener: () => void) => (close = listener), dispose: () => undefined };
    },
  });
  const training = createTraining(Uri.file(extension) as never, () => ({}), silentLog);
  /** The next thing that is said, from now on. */
  const next = () => (heard = Promise.withResolvers<string>()).promise;
  return { training, said, pages, posted, next };
}
const agreed = { minutes: 10, device: "auto" };

it("without a folder there is nothing to learn from, and that is said", async (t) => {
  const { training, said, pages } = setUp(t, "", { folders: [] });
  await training.start(agreed);
  assert.deepEqual([said.length, pages.length], [1, 0]);
  assert.match(said[0]!, /^Open a folder first/);
});

for (const [what, script, sentence] of [
  ["was adopted", events(plan, { event: "adopted", model: "w-1", folder: "/m" }, end(true, "Better.")), "Strata: Better. The index uses w-1 now."],
  ["did not help", events(plan, end(false, "Not [better](command:x).")), "Strata: Not [better] (command:x)."],
  ["failed", events(plan, { event: "error", code: "training.failed", message: "No [luck](command:x)." }), "error: Strata: No [luck] (command:x)."],
] as const)
  it(`how it ended is said, and shown on the page: it ${what}`, async (t) => {
    const { training, next, posted } = setUp(t, script);
    const said = next();
    await training.start(agreed);
    assert.equal(await said, sentence);
    assert.equal(posted[0]!.state.folder, "w");
    assert.notEqual(posted.at(-1)!.state.picture.state, "running");
  });

it("a new model leads to the choice of models", async (t) => {
  const { training, next } = setUp(t, events(plan, { event: "adopted", model: "w-1", folder: "/m" }, end(true, "Better.")), { answer: () => "Choose Model" });
  executed.length = 0;
  const said = next();
  await training.start(agreed);
  await said;
  await new Promise(setImmediate);
  assert.deepEqual(executed.map(({ command }) => command), ["strata.chooseModel"]);
});

it("one run at a time: who asks again sees it, also after its page was closed, and can stop it there and go on", async (t) => {
  const resumed = `console.log(JSON.stringify({ event: "end", adopted: false, curves: "", reason: process.argv.slice(2).join(" ") }))`;
  const { training, pages, posted, said, next } = setUp(t, `if (process.argv.includes("--resume")) ${resumed}; else { process.on("message", () => process.exit(130)); ${events(plan)} setInterval(() => {}, 1000) }`);
  await training.start(agreed);
  await training.start(agreed);
  assert.deepEqual([pages.map(({ reveals }) => reveals), posted.length], [[1], 1]);
  pages[0]!.close();
  await training.start(agreed);
  assert.equal(pages.length, 2);
  posted.length = 0;
  pages[1]!.say({ type: "ready" });
  pages[1]!.say({ type: "resume" }); // there is nothing to go on with yet
  assert.deepEqual(posted.map(({ state }) => state.picture.state), ["running"]);
  const stopped = Promise.withResolvers<void>();
  posted.push = (message) => (message.state.picture.state === "stopped" && message.state.canResume && stopped.resolve(), 0);
  pages[1]!.say({ type: "stop" });
  await stopped.promise;
  await new Promise(setImmediate);
  assert.deepEqual(said, [], "who stops it knows");
  const ended = next();
  pages[1]!.say({ type: "resume" });
  assert.equal(await ended, "Strata: train /w --json --yes --minutes 10 --device auto --resume");
});

it("it is begun only by who agrees to what it takes", async (t) => {
  const runs = `process.argv.includes("--dry-run") ? console.log(${JSON.stringify(JSON.stringify(plan))}) : console.log(${JSON.stringify(JSON.stringify(end(false, "Not better.")))})`;
  const asked = setUp(t, runs);
  await asked.training.start();
  assert.deepEqual([asked.said, asked.pages.length], [["Fine-tune the encoder on w?"], 0]);
});

it("it is begun as it was agreed", async (t) => {
  const runs = `process.argv.includes("--dry-run") ? console.log(${JSON.stringify(JSON.stringify(plan))}) : console.log(JSON.stringify({ event: "end", adopted: false, curves: "", reason: process.argv.slice(2).join(" ") }))`;
  const { training, said, pages, next } = setUp(t, runs, { answer: (text) => (text.startsWith("Fine-tune") ? "Start" : undefined) });
  await training.start();
  assert.deepEqual([await next(), pages.length], ["Strata: train /w --json --yes --minutes 10 --device auto", 1]);
  assert.equal(said.length, 2);
});

it("where something is lacking that is said in place of a question", async (t) => {
  const { training, said, pages } = setUp(t, events({ ...plan, lacks: "Too little is documented." }));
  await training.start();
  assert.deepEqual([said, pages.length], [["Strata: Too little is documented."], 0]);
});
