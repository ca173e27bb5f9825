import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { it, type TestContext } from "node:test";
import * as protocol from "../../../src/engine/protocol.ts";
import { fakeEngine, fakeEngines, settle, status } from "../../support/fakeEngine.ts";
import { Uri, window } from "../../support/fakeVscode.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const { chooseModel } = await import("../../../src/extension/modelPicker.ts");

interface Item {
  readonly label: string;
  readonly description?: string;
  readonly detail?: string;
}

/** A workspace whose model lies in a folder of its own, beside one that was trained; `choose` picks of the list that is shown, and then this folder. */
async function setUp(t: TestContext) {
  const folder = temporaryFolder(t);
  for (const [name, manifest] of [["own", { id: "own", version: 3 }], ["trained/a", { id: "a", version: "2", description: "of the shop" }], ["trained/half", undefined]] as const) {
    mkdirSync(path.join(folder, name), { recursive: true });
    if (manifest) writeFileSync(path.join(folder, name, "manifest.json"), JSON.stringify(manifest));
  }
  const told: string[] = [];
  const engines = fakeEngines(async () => {
    const fake = fakeEngine(1);
    fake.engine.onRequest(protocol.status, () => status({ model: { id: "own", version: "3", folder: path.join(folder, "own") } }));
    fake.engine.onRequest(protocol.chooseModel, ({ folder: chosen }) => (told.push(chosen), undefined as never));
    return fake;
  });
  engines.setFolders([{ root: "/w", name: "w" }]);
  await engines.start();
  await settle();
  let shown: readonly Item[] = [];
  const choose = async (label: string, picked?: string) => {
    Object.assign(window, {
      showQuickPick: async (items: readonly Item[]) => (shown = items).find((item) => item.label.includes(label)),
      showOpenDialog: async () => picked && [Uri.file(picked)],
    });
    await chooseModel(engines, [path.join(folder, "trained"), path.join(folder, "none")]);
    return told.splice(0);
  };
  return { folder, choose, shown: () => shown };
}

it("the models on this machine are offered, the one in use too wherever it lies; what is no model is not", async (t) => {
  const { folder, choose, shown } = await setUp(t);
  assert.deepEqual(await choose("(package) a"), [path.join(folder, "trained/a")]);
  const models = shown().filter(({ label }) => label.startsWith("$(package)"));
  assert.deepEqual(models.map(({ label, description, detail }) => [label, description, detail]), [["$(package) a 2", "", "of the shop"], ["$(package) own 3", "in use", ""]]);
  assert.deepEqual(await choose("comes with Strata"), [""]);
});

it("another folder can be named, and who chooses nothing changes nothing", async (t) => {
  const { choose } = await setUp(t);
  assert.deepEqual([await choose("Another folder", "/models/mine"), await choose("Another folder"), await choose("nothing of it")], [["/models/mine"], [], []]);
});

it("without a folder there is no index whose model could be chosen, and it is said before anything is asked", async () => {
  await assert.rejects(chooseModel(fakeEngines(assert.fail), []), /Open a folder first/);
});
