import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import * as protocol from "../../../src/engine/protocol.ts";
import { fakeEngine, fakeEngines, settle } from "../../support/fakeEngine.ts";
import { happen, Uri } from "../../support/fakeVscode.ts";

const { reportChanges } = await import("../../../src/extension/changeReports.ts");

/** A window that shows a place in shown.ts; what its engine is told, and how often the shown search is repeated. */
async function setUp(t: TestContext, isRunning = true) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const [told, logged]: [(readonly string[])[], string[]] = [[], []];
  const engines = fakeEngines(async () => {
    const fake = fakeEngine(1);
    fake.engine.onRequest(protocol.filesChanged, ({ paths }) => {
      if (paths.includes("odd.ts")) throw new Error("odd");
      told.push(paths);
    });
    return fake;
  });
  engines.setFolders([{ root: "/w", name: "w" }]);
  let repeated = 0;
  const ends = reportChanges(engines, { isShown: (file) => file === "/w/shown.ts", onIndexed: () => repeated++, log: (_level, message) => void logged.push(message) });
  t.after(() => ends.forEach((end) => end.dispose()));
  if (isRunning) await engines.start();
  const pass = async () => {
    t.mock.timers.tick(100);
    await settle();
  };
  return { engines, told, logged, repeated: () => repeated, pass };
}
const file = (path: string) => Uri.file(`/w/${path}`);

it("engines are told of what the editor does to files, and the search is repeated when they have read them", async (t) => {
  const { told, repeated, pass } = await setUp(t);
  happen("saved", { uri: file("a.ts") });
  happen("created", { files: [file("b.ts")] });
  happen("renamed", { files: [{ oldUri: file("c.ts"), newUri: file("d.ts") }] });
  assert.equal(repeated(), 0);
  await pass();
  assert.deepEqual([told, repeated()], [[["a.ts", "b.ts", "c.ts", "d.ts"]], 1]);
  happen("saved", { uri: file("e.ts") });
  happen("saved", { uri: { ...file("f.ts"), scheme: "git" } });
  await pass();
  assert.deepEqual(told[1], ["e.ts"]);
  happen("notebook saved", { uri: file("n.ipynb") });
  happen("deleted", { files: [file("g.ts")] });
  await pass();
  assert.deepEqual(told[2], ["g.ts", "n.ipynb"]);
});

it("an engine that could not be told is for the log, and repeats nothing", async (t) => {
  const { logged, repeated, pass } = await setUp(t);
  happen("saved", { uri: file("odd.ts") });
  await pass();
  assert.deepEqual([logged, repeated()], [["the engine was not told of changed files"], 0]);
});

it("no engine is started for a saved file: it compares with the disk when it starts", async (t) => {
  const { engines, told, pass } = await setUp(t, false);
  happen("saved", { uri: file("a.ts") });
  await pass();
  assert.deepEqual([told, engines.clients.map(({ client }) => client.state.kind)], [[], ["idle"]]);
});

it("what is changed outside the editor counts where it is shown", async (t) => {
  const { told, repeated, pass } = await setUp(t);
  for (let i = 0; i < 1_000; i++) happen("changed outside", file(`${i}.ts`));
  await pass();
  assert.deepEqual([told, repeated()], [[], 0]);
  happen("changed outside", file("shown.ts"));
  await pass();
  happen("deleted outside", file("shown.ts"));
  await pass();
  assert.deepEqual([told, repeated()], [[["shown.ts"], ["shown.ts"]], 2]);
});
