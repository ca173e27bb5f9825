import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EncodeQueue, type NextText } from "../../../src/encoding/encodeQueue.ts";

const sequences = (...lengths: number[]) => lengths.map((length) => new Int32Array(length));

function drain(queue: EncodeQueue): NextText[] {
  const texts: NextText[] = [];
  for (let next = queue.next(); next; next = queue.next()) texts.push(next);
  return texts;
}

describe("the encode queue", () => {
  it("hands out every text of every job once, in order of arrival, and marks the last of each", () => {
    const queue = new EncodeQueue();
    const [first, second] = [sequences(10, 200, 30), sequences(8)];
    queue.add(5, first, "deep", "background");
    queue.add(3, second, "shallow", "background");
    assert.deepEqual(drain(queue), [
      ...first.map((sequence, row) => ({ jobId: 5, depth: "deep", row, sequence, isLast: row === 2 })),
      { jobId: 3, depth: "shallow", row: 0, sequence: second[0], isLast: true },
    ]);
  });

  it("lets visible work overtake background work between texts", () => {
    const queue = new EncodeQueue();
    queue.add(1, sequences(200, 200, 200), "deep", "background");
    assert.equal(queue.next()?.jobId, 1);
    queue.add(2, sequences(50), "deep", "visible");
    assert.deepEqual(drain(queue).map(({ jobId, row }) => [jobId, row]), [[2, 0], [1, 1], [1, 2]]);
  });

  it("forgets a removed job, begun or not", () => {
    const queue = new EncodeQueue();
    queue.add(1, sequences(200, 200), "deep", "background");
    queue.add(2, sequences(10), "deep", "visible");
    queue.next();
    queue.next();
    queue.remove(1);
    queue.remove(77);
    assert.equal(queue.next(), undefined);
  });

  it("ignores an empty job", () => {
    const queue = new EncodeQueue();
    queue.add(1, [], "deep", "visible");
    assert.equal(queue.next(), undefined);
  });
});
