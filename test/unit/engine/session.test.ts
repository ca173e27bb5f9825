import assert from "node:assert/strict";
import { test } from "node:test";
import * as protocol from "../../../src/engine/protocol.ts";
import { answerIn, type EngineSession, isComplete } from "../../../src/engine/session.ts";
import { result, status } from "../../support/fakeEngine.ts";

test("an answer that was begun before the last files were read does not count as complete", async () => {
  let state: protocol.IndexState = { kind: "scanning", progress: { phase: "instant", done: 1, total: 3, unit: "files" } };
  const session = { ask: () => Promise.resolve(status({ state })) } as unknown as EngineSession;
  const ask = () => {
    state = { kind: "ready" };
    return Promise.resolve(result([]));
  };
  const complete = async () => {
    const answer = await answerIn(session, new AbortController().signal, ask);
    return isComplete(answer.result.coverage, answer.state, "instant");
  };
  assert.deepEqual([await complete(), await complete()], [false, true]);
});
