import assert from "node:assert/strict";
import test from "node:test";
import { isAbort } from "../../../src/base/abort.ts";
import { warmUp } from "../../../src/search/warmUp.ts";

const never = new AbortController().signal;

test("questions are asked one after the other, each when nobody waits for an answer", async () => {
  const events: string[] = [];
  const asked = new Set<string>();
  await warmUp(
    async (query) => {
      asked.add(query);
      events.push("asked");
      await Promise.resolve();
      events.push("answered");
    },
    async () => void events.push("free"),
    never,
  );
  assert.ok(asked.size > 10, `${asked.size} different questions`);
  assert.deepEqual(events, Array.from(asked, () => ["free", "asked", "answered"]).flat());
});

test("what ends while a question waits for its turn is not asked any more", async () => {
  const ending = new AbortController();
  let asked = 0;
  const ask = async () => void asked++;
  const whenFree = async () => asked === 2 && ending.abort();
  await assert.rejects(warmUp(ask, whenFree, ending.signal), isAbort);
  assert.equal(asked, 2);
});

test("a failure ends it", async () => {
  let asked = 0;
  const ask = async () => {
    asked++;
    throw new Error("no luck");
  };
  await assert.rejects(warmUp(ask, async () => {}, never), /no luck/);
  assert.equal(asked, 1);
});
