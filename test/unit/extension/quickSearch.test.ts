import assert from "node:assert/strict";
import { it } from "node:test";
import { fromWire } from "../../../src/engine/connect.ts";
import * as protocol from "../../../src/engine/protocol.ts";
import { EngineClient } from "../../../src/extension/engineClient.ts";
import { WorkspaceEngines } from "../../../src/extension/workspaceEngines.ts";
import { fakeClock, fakeEngine, hit, result, settle, status } from "../../support/fakeEngine.ts";
import { QuickPick } from "../../support/fakeVscode.ts";

const { openQuickSearch } = await import("../../../src/extension/quickSearch.ts");

it("the quick pick asks again when the index is complete, and keeps the order of the hits", async () => {
  const hits = [hit("z.ts", 2), hit("a.ts", 1)];
  const fake = fakeEngine(1);
  const engines = new WorkspaceEngines(
    (_folder, onChange, onSearchUpdate) =>
      new EngineClient({ connect: async () => fake, fromWire, settings: () => ({ backgroundDepth: "deep", exclude: [], maxFileBytes: 1, paused: false }), log: () => undefined, clock: fakeClock(), onChange, onSearchUpdate }),
  );
  engines.setFolders([{ root: "/w", name: "w" }]);
  const say = async (state: protocol.IndexState) => {
    await fake.engine.sendNotification(protocol.statusChanged, status({ state }));
    await settle();
  };
  await engines.start();
  await settle();
  await say({ kind: "scanning", progress: { phase: "instant", done: 1, total: 2, unit: "files" } });
  openQuickSearch({ engines, opener: { open: async () => undefined, dispose: () => undefined }, maxResults: () => 10, toView: () => undefined }, "q");
  await settle();
  const labels = () => QuickPick.last.items.map(({ label }) => label);
  assert.deepEqual(labels(), ["$(sync~spin) Indexing goes on"]);
  fake.engine.onRequest(protocol.search, () => result(hits));
  await say({ kind: "ready" });
  assert.deepEqual(labels(), ["$(symbol-method) z.ts", "$(symbol-method) a.ts"]);
  assert.equal(QuickPick.last.sortByLabel, false);
});
