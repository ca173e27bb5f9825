import assert from "node:assert/strict";
import { test } from "node:test";
import { CancellationToken, CancellationTokenSource } from "vscode-jsonrpc/node";
import { signalOf, withToken } from "../../../src/engine/cancellation.ts";

test("a token's signal aborts with it, at once when it was cancelled before", () => {
  const source = new CancellationTokenSource();
  const signal = signalOf(source.token);
  assert.equal(signal.aborted, false);
  source.cancel();
  assert.equal(signal.aborted, true);
  assert.equal(signalOf(CancellationToken.Cancelled).aborted, true);
});

test("an aborted signal cancels the token of what was sent, and sends nothing more", async () => {
  const controller = new AbortController();
  const answer = await withToken(controller.signal, async (token) => {
    controller.abort();
    return token.isCancellationRequested;
  });
  assert.equal(answer, true);
  await assert.rejects(withToken(controller.signal, () => assert.fail("was sent")), { name: "AbortError" });
});
