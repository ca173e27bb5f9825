import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ResponseError } from "vscode-jsonrpc/node";
import { StrataError } from "../../../src/base/errors.ts";
import { ENDED, fromWire } from "../../../src/engine/connect.ts";
import * as protocol from "../../../src/engine/protocol.ts";
import { EngineClient, type ClientState } from "../../../src/extension/engineClient.ts";
import { fakeClock, fakeEngine, hit, result, settle, status, type FakeEngine } from "../../support/fakeEngine.ts";

const settings: protocol.EngineSettings = { backgroundDepth: "deep", exclude: [], maxFileBytes: 1, paused: false };
const query: protocol.SearchParams = { query: "x", k: 1, depth: "deep" };

function setUp(connect: (attempt: number, signal: AbortSignal) => Promise<FakeEngine>) {
  const clock = fakeClock();
  const states: ClientState["kind"][] = [];
  let attempts = 0;
  const client: EngineClient = new EngineClient({
    connect: (signal) => connect(++attempts, signal),
    fromWire,
    settings: () => settings,
    log: () => undefined,
    clock,
    onChange: () => {
      if (states.at(-1) !== client.state.kind) states.push(client.state.kind);
    },
    onSearchUpdate: () => undefined,
  });
  return { client, clock, states, attempts: () => attempts };
}

/** A client whose engines are kept, newest last. */
function withEngines(answer?: Parameters<typeof fakeEngine>[1]) {
  const engines: FakeEngine[] = [];
  const all = setUp(async (attempt) => {
    const engine = fakeEngine(1_000 + attempt, answer);
    engines.push(engine);
    return engine;
  });
  return { ...all, engines };
}

describe("an engine client", () => {
  it("starts no engine before it is needed", async () => {
    const { client, attempts } = withEngines();
    await settle();
    await assert.rejects(client.request(protocol.search, query, AbortSignal.abort()), { name: "AbortError" });
    assert.deepEqual([attempts(), client.state.kind], [0, "idle"]);
  });

  it("starts one engine for many requests at once, and configures it first", async () => {
    const { client, attempts, engines } = withEngines(() => result([hit("a.ts", 1)]));
    const results = await Promise.all([client.request(protocol.search, query), client.request(protocol.search, query), client.start()]);
    assert.equal(attempts(), 1);
    assert.equal(results[0].hits[0]?.path, "a.ts");
    assert.equal(engines[0]!.asked[0], "configure");
    assert.deepEqual(engines[0]!.configured, [settings]);
  });

  it("keeps the engine's last status, over its end too", async () => {
    const { client, engines } = withEngines();
    await client.start();
    await settle(); // the status it asks for by itself
    assert.deepEqual(client.status, status());
    await engines[0]!.engine.sendNotification(protocol.statusChanged, status({ skipped: { secret: 2 } }));
    await settle();
    assert.deepEqual(client.status?.skipped, { secret: 2 });
    engines[0]!.kill();
    await settle();
    assert.deepEqual(client.status?.skipped, { secret: 2 });
  });

  it("starts another engine a moment after one has died", async () => {
    const { client, clock, states, engines } = withEngines();
    await client.start();
    engines[0]!.kill();
    await settle();
    assert.deepEqual(client.state, { kind: "restarting", inMs: 100 });
    clock.pass(50);
    assert.equal(client.state.kind, "restarting");
    clock.pass(500);
    await settle();
    assert.deepEqual(states, ["starting", "running", "restarting", "starting", "running"]);
    assert.deepEqual(client.state as ClientState, { kind: "running", pid: 1_002 });
  });

  it("sends a request again that the engine's death cut off", async () => {
    let asked = 0;
    const { client, engines } = withEngines(() => (++asked === 1 ? new Promise(() => undefined) : result([hit("b.ts", 1)])));
    const answer = client.request(protocol.search, query);
    await settle();
    engines[0]!.kill();
    assert.equal((await answer).hits[0]?.path, "b.ts");
    assert.equal(engines.length, 2);
  });

  it("sends a request again that an engine answered with its end, before its connection closes", async () => {
    const ended = new ResponseError(-32000, ENDED, { code: "engine.unreachable" });
    let asked = 0;
    const { client, engines } = withEngines(() => (++asked === 1 ? Promise.reject(ended) : result([hit("b.ts", 1)])));
    assert.equal((await client.request(protocol.search, query)).hits[0]?.path, "b.ts");
    assert.equal(engines.length, 2);
  });

  it("sends nothing again that an engine has refused", async () => {
    let asked = 0;
    const { client, engines } = withEngines(() => (asked++, Promise.reject(new ResponseError(-32000, "There is no word in the query.", { code: "input.invalid" }))));
    await assert.rejects(client.request(protocol.search, query), (error) => StrataError.is(error, "input.invalid"));
    assert.deepEqual([asked, engines.length], [1, 1]);
  });

  it("does not send it a third time", async () => {
    const { client, engines } = withEngines(() => new Promise(() => undefined));
    const answer = client.request(protocol.search, query);
    await settle();
    engines[0]!.kill();
    await settle();
    engines[1]!.kill();
    await assert.rejects(answer, (error) => StrataError.is(error, "engine.unreachable"));
  });

  it("gives up after several deaths in a row, and starts nothing more by itself", async () => {
    const { client, clock, engines, attempts } = withEngines();
    await client.start();
    for (let i = 0; i < 20 && client.state.kind !== "failed"; i++) {
      engines.at(-1)!.kill();
      await settle();
      clock.pass(15_000);
      await settle();
    }
    assert.equal(client.state.kind, "failed");
    const before = attempts();
    await assert.rejects(client.request(protocol.search, query), /stopped starting it/);
    assert.equal(attempts(), before);
  });

  it("starts again on request after it has given up", async () => {
    const { client } = setUp(async (attempt) => {
      if (attempt === 1) throw new StrataError("model.damaged", "The model is damaged.");
      return fakeEngine(7);
    });
    await client.start();
    assert.deepEqual(client.state, { kind: "failed", code: "model.damaged", reason: "The model is damaged." });
    await client.restart();
    assert.equal(client.state.kind, "running");
  });

  it("joins restarts that are asked for while one is under way", async () => {
    const { client, attempts, engines } = withEngines();
    await client.start();
    await Promise.all([client.restart(), client.restart(), client.restart()]);
    assert.equal(attempts(), 2);
    assert.equal(engines[0]!.asked.filter((method) => method === "shutdown").length, 1);
    assert.equal(client.state.kind, "running");
  });

  it("restarts as often as it is asked to, and then forgets how often the engine had died", async () => {
    const { client, clock, engines, attempts } = withEngines();
    const die = async () => {
      engines.at(-1)!.kill();
      await settle();
      return client.state.kind === "restarting" ? client.state.inMs : client.state.kind;
    };
    await client.start();
    const first = await die();
    clock.pass(15_000);
    await settle();
    assert.notEqual(await die(), first);
    await client.restart();
    await client.restart();
    assert.deepEqual([attempts(), await die()], [4, first]);
  });

  it("restarts even when the engine does not answer the request to end", async () => {
    const { client, clock, engines, attempts } = withEngines();
    await client.start();
    await settle();
    engines[0]!.engine.onRequest(protocol.shutdown, () => new Promise<void>(() => undefined));
    const restarted = client.restart();
    await engines[0]!.engine.sendNotification(protocol.statusChanged, status({ skipped: { secret: 2 } }));
    await settle();
    assert.equal(client.status?.skipped["secret"], undefined, "who is to end is not listened to");
    clock.pass(5_000);
    await restarted;
    assert.equal(attempts(), 2);
    assert.throws(() => engines[0]!.connection.sendRequest("x"), /disposed|closed/i);
  });

  it("drops a start that hangs when a restart is asked for", async () => {
    const { client } = setUp((attempt) => (attempt === 1 ? new Promise(() => undefined) : Promise.resolve(fakeEngine(9))));
    void client.start();
    await settle();
    await client.restart();
    assert.ok(client.state.kind === "running" && client.state.pid === 9);
  });

  for (const [how, giveUp, expected] of [["a restart", (client: EngineClient) => client.restart(), "running"], ["its end", async (client: EngineClient) => client.dispose(), "starting"]] as const)
    it(`lets go of an engine that comes after ${how}, and hears of no failure`, async () => {
      let dropped = 0;
      for (const late of [() => ({ ...fakeEngine(8), dispose: () => void dropped++ }), () => Promise.reject(new Error("late"))]) {
        const first = Promise.withResolvers<FakeEngine>();
        const { client } = setUp((attempt) => (attempt === 1 ? first.promise : Promise.resolve(fakeEngine(9))));
        void client.start();
        await settle();
        await giveUp(client);
        first.resolve(late());
        await settle();
        assert.equal(client.state.kind, expected);
      }
      assert.equal(dropped, 1);
    });

  it("passes a cancellation on and answers with an AbortError", async () => {
    let cancelled = false;
    const { client, engines } = withEngines();
    await client.start();
    engines[0]!.engine.onRequest(protocol.search, (_params, token) => new Promise((resolve) => token.onCancellationRequested(() => ((cancelled = true), resolve(result([]))))));
    const controller = new AbortController();
    const rejected = assert.rejects(client.request(protocol.search, query, controller.signal), { name: "AbortError" });
    await settle();
    controller.abort();
    await settle();
    assert.ok(cancelled);
    await rejected;
    await assert.rejects(client.request(protocol.search, query, controller.signal), { name: "AbortError" });
  });

  it("answers with an AbortError too where an engine says that it was cancelled", async () => {
    const { client, engines } = withEngines();
    await client.start();
    engines[0]!.engine.onRequest(protocol.search, (_params, token) => new Promise((_resolve, reject) => token.onCancellationRequested(() => reject(new ResponseError(-32000, "It was cancelled.", { code: "engine.failed" })))));
    const controller = new AbortController();
    const rejected = assert.rejects(client.request(protocol.search, query, controller.signal), { name: "AbortError" });
    await settle();
    controller.abort();
    await rejected;
  });

  it("starts nothing after it was disposed, though its engine dies", async () => {
    const { client, clock, engines, attempts } = withEngines();
    await client.start();
    let isLetGo = false;
    engines[0]!.connection.onDispose(() => (isLetGo = true));
    client.dispose();
    assert.ok(isLetGo);
    engines[0]!.kill();
    await settle();
    clock.pass(60_000);
    await settle();
    assert.equal(attempts(), 1);
    await assert.rejects(client.request(protocol.search, query), /closing/);
  });
});
