import assert from "node:assert/strict";
import { test } from "node:test";
import { newestOnly } from "../../../src/engine/reporting.ts";
import { settle } from "../../support/fakeEngine.ts";

test("who does not read is sent one piece of news, and afterwards the newest alone", async () => {
  const sent: number[] = [];
  let reads = Promise.withResolvers<void>();
  const tell = newestOnly((value: number) => {
    sent.push(value);
    return reads.promise;
  });
  for (let value = 1; value <= 1000; value++) tell(value);
  await settle();
  assert.deepEqual(sent, [1]);
  reads.resolve();
  reads = Promise.withResolvers<void>();
  await settle();
  assert.deepEqual(sent, [1, 1000]);
  reads.resolve();
  await settle();
  tell(1001);
  assert.deepEqual(sent, [1, 1000, 1001]);
});
