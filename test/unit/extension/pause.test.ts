import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromWire } from "../../../src/engine/connect.ts";
import * as protocol from "../../../src/engine/protocol.ts";
import { EngineClient } from "../../../src/extension/engineClient.ts";
import { Pause } from "../../../src/extension/pause.ts";
import { readEngineSettings } from "../../../src/extension/settings.ts";
import { WorkspaceEngines } from "../../../src/extension/workspaceEngines.ts";
import { coverage, fakeClock, fakeEngine, type FakeEngine, settle, status } from "../../support/fakeEngine.ts";

/** A window on one folder: its pause, and what its engines were configured with. */
async function setUp() {
  const started: FakeEngine[] = [];
  const clock = fakeClock();
  const engines: WorkspaceEngines = new WorkspaceEngines((_folder, onChange, onSearchUpdate) => {
    const connect = async () => {
      const engine = fakeEngine(started.length + 1);
      engine.engine.onRequest(protocol.status, () => status({ state: { kind: "absent" } }));
      started.push(engine);
      return engine;
    };
    return new EngineClient({ connect, fromWire, settings: () => readEngineSettings(() => undefined, pause.asked), log: () => undefined, clock, onChange, onSearchUpdate });
  });
  const pause = new Pause(engines);
  engines.onChange(() => pause.follow());
  engines.setFolders([{ root: "/w", name: "w" }]);
  await engines.start();
  await settle();
  const say = async (state: protocol.IndexState) => {
    await started.at(-1)!.engine.sendNotification(protocol.statusChanged, status({ state }));
    await settle();
  };
  /** As after a change of settings. */
  const configured = async () => {
    await engines.configure();
    return started.at(-1)!.configured.at(-1)!.paused;
  };
  const restart = async () => {
    started.at(-1)!.kill();
    await settle();
    clock.pass(60_000);
    await settle();
  };
  return { pause, engines, started, say, configured, restart };
}

const paused: protocol.IndexState = { kind: "paused", reason: "It was paused in the editor." };

describe("a pause that this window has asked for", () => {
  it("is asked for until it is ended here, and its end once", async () => {
    const { pause, engines, say, configured, started } = await setUp();
    assert.equal(await configured(), undefined);
    await pause.ask(true);
    await say(protocol.deepening("deep", coverage(3, 1))); // was under way
    await say(paused);
    assert.deepEqual([await configured(), engines.pausedBecause], [true, "It was paused in the editor."]);
    await pause.ask(false);
    assert.equal(started[0]!.configured.at(-1)!.paused, false);
    await say({ kind: "ready" });
    assert.deepEqual([await configured(), engines.pausedBecause], [undefined, undefined]);
  });

  it("is not asked for again when another window has ended it", async () => {
    const { pause, say, configured } = await setUp();
    await pause.ask(true);
    await say(paused);
    await say(protocol.deepening("deep", coverage(3, 1)));
    assert.equal(await configured(), undefined);
  });

  it("is a new one when it is asked for again, whatever is still said of the one before", async () => {
    const { pause, say, configured } = await setUp();
    await pause.ask(true);
    await say(paused);
    await pause.ask(false);
    await pause.ask(true);
    await say(protocol.deepening("deep", coverage(3, 1))); // between the two
    assert.equal(await configured(), true);
  });

  it("outlives the engine, whose next one knows of nothing yet", async () => {
    const { pause, say, configured, restart, started } = await setUp();
    await pause.ask(true);
    await say(paused);
    await restart();
    assert.deepEqual([started.length, started[1]!.configured[0]!.paused], [2, true]);
    await say(protocol.deepening("deep", coverage(3, 1))); // it was started by another window and is told only now
    await say(paused);
    assert.equal(await configured(), true);
  });
});

it("a pause that another has made can be seen and ended here", async () => {
  const { pause, engines, say, configured, started } = await setUp();
  await say({ kind: "paused", reason: "The disk is full." });
  assert.deepEqual([engines.pausedBecause, await configured()], ["The disk is full.", undefined]);
  await pause.ask(false);
  assert.equal(started[0]!.configured.at(-1)!.paused, false);
});
