import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createChangeBatcher } from "../../../src/extension/changeBatcher.ts";
import { fakeClock } from "../../support/fakeEngine.ts";

describe("changed files", () => {
  it("are reported once, together, by folder", () => {
    const clock = fakeClock();
    const sent: [string, readonly string[]][] = [];
    const batcher = createChangeBatcher(clock, (root, paths) => sent.push([root, paths]));
    for (const path of ["b.ts", "a.ts", "b.ts"]) batcher.add("/one", path);
    batcher.add("/two", "c.ts");
    assert.deepEqual(sent, []);
    clock.pass(100);
    assert.deepEqual(sent, [["/one", ["a.ts", "b.ts"]], ["/two", ["c.ts"]]]);
    batcher.add("/one", "d.ts");
    clock.pass(100);
    assert.deepEqual(sent.at(-1), ["/one", ["d.ts"]]);
  });

  it("are not reported after the end", () => {
    const clock = fakeClock();
    let sent = 0;
    const batcher = createChangeBatcher(clock, () => sent++);
    batcher.add("/one", "a.ts");
    batcher.dispose();
    clock.pass(1_000);
    assert.equal(sent, 0);
  });
});
