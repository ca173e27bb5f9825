import assert from "node:assert/strict";
import test from "node:test";
import { isAbort } from "../../../src/base/abort.ts";
import { warmUp } from "../../../src/search/warmUp.ts";

const never = new AbortController().signal;
const quiet = () => true;

test("questions are asked one after the other", async () => {
  const events: string[] = [];
  const asked = new Set<string>();
  const ask = async (query: string) => {
    asked.add(query);
    events.push("asked");
    await Promise.resolve();
    events.push("answered");
  };
  await warmUp(ask, quiet, never);
  assert.ok(asked.size > 10, `${asked.size} different questions`);
  assert.deepEqual(events, Array.from(asked, () => ["asked", "answered"]).flat());
});

test("each waits until nobody else asks", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let [asked, isQuiet] = [0, true];
  const ask = async () => void (isQuiet = ++asked !== 3);
  const turns = async () => { for (let i = 0; i < 200; i++) await Promise.resolve(); };
  const all = warmUp(ask, () => isQuiet, never);
  await turns();
  t.mock.timers.tick(10_000);
  await turns();
  assert.equal(asked, 3);
  isQuiet = true;
  t.mock.timers.tick(10_000);
  await all;
  assert.ok(asked > 10);
});

test("what ends while a question waits for its turn is not asked any more", async () => {
  const ending = new AbortController();
  let asked = 0;
  const isQuiet = () => {
    if (asked === 2) ending.abort();
    return asked < 2;
  };
  await assert.rejects(warmUp(async () => void asked++, isQuiet, ending.signal), isAbort);
  assert.equal(asked, 2);
});

test("a failure ends it", async () => {
  let asked = 0;
  const ask = async () => {
    asked++;
    throw new Error("no luck");
  };
  await assert.rejects(warmUp(ask, quiet, never), /no luck/);
  assert.equal(asked, 1);
});
