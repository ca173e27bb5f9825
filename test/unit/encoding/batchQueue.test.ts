import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BatchQueue, TARGET_BATCH_MS, type Batch } from "../../../src/encoding/batchQueue.ts";

const sequences = (...lengths: number[]) => lengths.map((length) => new Int32Array(length));

function drain(queue: BatchQueue, msPerToken = 0.1): Batch[] {
  const batches: Batch[] = [];
  for (let batch = queue.next(); batch; batch = queue.next()) {
    batches.push(batch);
    queue.measured(batch, batch.paddedTokens * msPerToken);
  }
  return batches;
}

describe("the batch queue", () => {
  it("hands out every sequence of every job exactly once", () => {
    const queue = new BatchQueue();
    const lengths = Array.from({ length: 100 }, (_, i) => 4 + ((i * 37) % 250));
    queue.add(1, sequences(...lengths), "deep", "background");
    queue.add(2, sequences(...lengths.slice(0, 9)), "shallow", "background");
    const batches = drain(queue);
    const rowsOf = (id: number) => batches.filter((batch) => batch.jobId === id).flatMap((batch) => batch.rows);
    assert.deepEqual(rowsOf(1).sort((a, b) => a - b), [...lengths.keys()]);
    assert.deepEqual(rowsOf(2).sort((a, b) => a - b), [...lengths.keys()].slice(0, 9));
  });

  it("marks the last batch of a job and no other", () => {
    const queue = new BatchQueue();
    queue.add(1, sequences(...new Array<number>(40).fill(100)), "deep", "background");
    const batches = drain(queue);
    assert.ok(batches.length > 1);
    assert.deepEqual(batches.map((batch) => batch.isLast), batches.map((_, i) => i === batches.length - 1));
  });

  it("takes the longest first and pads only to the batch's longest", () => {
    const queue = new BatchQueue();
    queue.add(1, sequences(10, 200, 30, 190), "shallow", "background");
    const batches = drain(queue, 0.05);
    assert.deepEqual(batches.flatMap((batch) => batch.rows), [1, 3, 2, 0]);
    for (const batch of batches) assert.equal(batch.paddedTokens, batch.rows.length * batch.sequences[0]!.length);
  });

  it("lets visible work overtake background work between batches", () => {
    const queue = new BatchQueue();
    queue.add(1, sequences(...new Array<number>(20).fill(200)), "deep", "background");
    assert.equal(queue.next()?.jobId, 1);
    queue.add(2, sequences(50), "deep", "visible");
    assert.equal(queue.next()?.jobId, 2);
    assert.equal(queue.next()?.jobId, 1);
  });

  it("works off jobs of one priority in order of arrival", () => {
    const queue = new BatchQueue();
    for (const id of [5, 3, 9]) queue.add(id, sequences(8), "deep", "background");
    assert.deepEqual(drain(queue).map((batch) => batch.jobId), [5, 3, 9]);
  });

  it("forgets a removed job, begun or not", () => {
    const queue = new BatchQueue();
    queue.add(1, sequences(...new Array<number>(20).fill(200)), "deep", "background");
    queue.add(2, sequences(10), "deep", "visible");
    queue.next();
    queue.next();
    queue.remove(1);
    queue.remove(77);
    assert.equal(queue.next(), undefined);
  });

  it("ignores an empty job", () => {
    const queue = new BatchQueue();
    queue.add(1, [], "deep", "visible");
    assert.equal(queue.next(), undefined);
  });

  for (const msPerToken of [0.01, 0.05, 0.2, 0.5])
    it(`learns to keep batches within the target on a machine that needs ${msPerToken} ms a token`, () => {
      const queue = new BatchQueue();
      queue.add(1, sequences(...new Array<number>(600).fill(64)), "deep", "background");
      const settled = drain(queue, msPerToken).slice(8);
      assert.ok(settled.length > 3);
      for (const batch of settled) {
        // One sequence or 32 are the limits on either side.
        if (batch.rows.length > 1) assert.ok(batch.paddedTokens * msPerToken <= TARGET_BATCH_MS * 1.1, `${batch.rows.length} rows`);
        if (batch.rows.length < 32 && !batch.isLast) assert.ok((batch.rows.length + 1) * 64 * msPerToken > TARGET_BATCH_MS * 0.9, `only ${batch.rows.length} rows`);
      }
    });

  it("measures the depths apart", () => {
    const queue = new BatchQueue();
    queue.add(1, sequences(...new Array<number>(300).fill(64)), "shallow", "background");
    drain(queue, 0.001);
    queue.add(2, sequences(...new Array<number>(20).fill(64)), "deep", "background");
    assert.ok(queue.next()!.rows.length < 10, "deep batches stay at the first guess");
  });
});
