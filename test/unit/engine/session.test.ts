import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type * as protocol from "../../../src/engine/protocol.ts";
import { answerFromAll, type EngineSession } from "../../../src/engine/session.ts";
import { coverage, hit, result, status } from "../../support/fakeEngine.ts";

const scanning: protocol.IndexState = { kind: "scanning", progress: { phase: "instant", done: 1, total: 3, unit: "files" } };

/** How often is asked when the index is in these states before and after the answer, and what is answered. */
async function asked(before: protocol.IndexState, after: protocol.IndexState) {
  const states = [before, after];
  const session = { ask: async () => status({ state: states.shift()!, coverage: coverage(3) }) } as unknown as EngineSession;
  let times = 0;
  const { result: answer, state } = await answerFromAll(session, async () => result([hit(`${++times}.ts`, 1)]), new AbortController().signal);
  return [times, answer.hits[0]!.path, state.kind];
}

describe("an answer", () => {
  it("is made again when the index was completed while it was made", async () => assert.deepEqual(await asked(scanning, { kind: "ready" }), [2, "2.ts", "ready"]));
  it("is made once from a whole index, and from one that is not whole afterwards either", async () => {
    assert.deepEqual(await asked({ kind: "ready" }, { kind: "ready" }), [1, "1.ts", "ready"]);
    assert.deepEqual(await asked(scanning, scanning), [1, "1.ts", "scanning"]);
  });
});
