import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { countWritten, encodeJob, EncodeQueue } from "../../../src/encoding/encodeQueue.ts";
import type { Priority } from "../../../src/encoding/encoder.ts";

const jobOf = (id: number, count: number, priority: Priority = "background") => encodeJob(id, Array.from({ length: count }, (_, i) => ({ breadcrumb: "", text: `${id} ${i}` })), "deep", priority, 4);

function take(queue: EncodeQueue, most = Infinity): string[] {
  const taken: string[] = [];
  for (let next; taken.length < most && (next = queue.next()); ) taken.push(next.job.texts[next.row]!.text);
  return taken;
}

describe("the encode queue", () => {
  it("hands out every text of every job once, in order of arrival", () => {
    const queue = new EncodeQueue();
    for (const job of [jobOf(5, 3), jobOf(3, 1)]) queue.add(job);
    assert.deepEqual(take(queue), ["5 0", "5 1", "5 2", "3 0"]);
  });

  it("shares the texts of a job with the queues of other workers", () => {
    const queues = [new EncodeQueue(), new EncodeQueue()] as const;
    const jobs = [jobOf(1, 3), jobOf(2, 2)];
    for (const queue of queues) for (const job of jobs) queue.add(job);
    assert.deepEqual([take(queues[0], 2), take(queues[1], 2), take(queues[0]), take(queues[1])], [["1 0", "1 1"], ["1 2", "2 0"], ["2 1"], []]);
  });

  it("lets visible work overtake background work between texts", () => {
    const queue = new EncodeQueue();
    queue.add(jobOf(1, 3));
    assert.deepEqual(take(queue, 1), ["1 0"]);
    queue.add(jobOf(2, 1, "visible"));
    assert.deepEqual(take(queue), ["2 0", "1 1", "1 2"]);
  });

  it("forgets a removed job, begun or not", () => {
    const queue = new EncodeQueue();
    queue.add(jobOf(1, 2));
    queue.add(jobOf(2, 2, "visible"));
    assert.deepEqual(take(queue, 1), ["2 0"]);
    for (const id of [2, 1, 77]) queue.remove(id);
    assert.deepEqual(take(queue), []);
  });
});

it("the last text of a job that is written is known, whoever writes it", () => {
  const job = jobOf(1, 3);
  assert.deepEqual([countWritten(job), countWritten(job), countWritten(structuredClone(job))], [false, false, true]);
  assert.deepEqual([job.values.byteLength, job.scales.byteLength], [12, 12]);
});
