import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRestartPolicy } from "../../../src/extension/restartPolicy.ts";

describe("the restart policy", () => {
  it("waits longer after each end and then gives up", () => {
    const policy = createRestartPolicy();
    const waits = [0, 1, 2, 3, 4].map((second) => policy.ended(second * 1_000));
    assert.deepEqual(waits.slice(0, 4), [...waits.slice(0, 4)].sort((a, b) => Number(a) - Number(b)));
    assert.ok(Number(waits[0]) <= 500, "one crash should hardly be felt");
    assert.equal(waits[4], "give up");
  });

  it("forgets ends that are long ago", () => {
    const policy = createRestartPolicy();
    const first = policy.ended(0);
    for (let hour = 1; hour < 20; hour++) assert.equal(policy.ended(hour * 3_600_000), first);
  });

  it("starts anew when a person asks", () => {
    const policy = createRestartPolicy();
    const first = policy.ended(0);
    for (let i = 0; i < 6; i++) policy.ended(i);
    policy.reset();
    assert.equal(policy.ended(7), first);
  });
});
