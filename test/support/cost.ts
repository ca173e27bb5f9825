// What work costs, for tests that must not read a clock: in processor time, and only against more of the same work.
import assert from "node:assert/strict";

/** Below this a clock says nothing. */
const leastMs = 5;

async function processorMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Ten times as much to do may cost forty times as much, which is generous; where the cost grows with the square it would be a hundred times. */
export async function assertGrowsEvenly(n: number, work: (n: number) => unknown): Promise<void> {
  const few = await processorMs(() => work(n));
  const many = await processorMs(() => work(10 * n));
  assert.ok(many <= 40 * Math.max(few, leastMs), `${n} cost ${few.toFixed(0)} ms, ${10 * n} cost ${many.toFixed(0)} ms`);
}
