import assert from "node:assert/strict";
import test from "node:test";
import { Turns } from "../../../src/engine/turns.ts";

test("all who wait go on at the next end; who comes after it waits for another", async () => {
  const turns = new Turns();
  const { signal } = new AbortController();
  const waiting = [turns.next(signal), turns.next(signal)];
  turns.end();
  await Promise.all(waiting);
  let isOver = false;
  const later = turns.next(signal).then(() => (isOver = true));
  await new Promise(setImmediate);
  assert.equal(isOver, false);
  turns.end();
  await later;
});

test("nobody waits for a turn who does not want it any more, whether that came before or meanwhile", async () => {
  const turns = new Turns();
  await assert.rejects(turns.next(AbortSignal.abort(new Error("before"))), /before/);
  const controller = new AbortController();
  const waiting = turns.next(controller.signal);
  controller.abort(new Error("meanwhile"));
  await assert.rejects(waiting, /meanwhile/);
});
