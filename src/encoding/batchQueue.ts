// Which sequences run next in the encode worker: visible work before background work, longest first so that a batch pads
// little, and no more tokens at once than were measured to take the target time. Pure bookkeeping; runs nothing.

export type Priority = "visible" | "background";
export type BatchDepth = "shallow" | "deep";

export interface Batch {
  readonly jobId: number;
  readonly depth: BatchDepth;
  /** Positions in the job. */
  readonly rows: readonly number[];
  readonly sequences: readonly Int32Array[];
  /** rows × the longest sequence: what the batch costs. */
  readonly paddedTokens: number;
  /** No row of this job is left after this batch. */
  readonly isLast: boolean;
}

interface Job {
  readonly id: number;
  readonly depth: BatchDepth;
  readonly sequences: readonly Int32Array[];
  /** Positions still to be run, longest sequence first. */
  readonly order: readonly number[];
  taken: number;
}

/** A batch aims at this, so that with some slack a query waits at most 50 ms for it. */
export const TARGET_BATCH_MS = 40;
const MAX_ROWS = 32;
/** First guesses, about a slow laptop core; the first batches correct them. */
const guessedMsPerToken: Readonly<Record<BatchDepth, number>> = { shallow: 0.05, deep: 0.12 };
/** Weight of the newest measurement: a burst of other work on the machine shrinks batches within three of them. */
const NEWEST = 0.4;

export class BatchQueue {
  readonly #jobs: Record<Priority, Job[]> = { visible: [], background: [] };
  readonly #msPerToken = { ...guessedMsPerToken };

  add(id: number, sequences: readonly Int32Array[], depth: BatchDepth, priority: Priority): void {
    if (sequences.length === 0) return;
    const order = sequences.map((_, i) => i).sort((a, b) => sequences[b]!.length - sequences[a]!.length || a - b);
    this.#jobs[priority].push({ id, depth, sequences, order, taken: 0 });
  }

  /** Forgets what is left of a job. */
  remove(id: number): void {
    for (const jobs of Object.values(this.#jobs)) {
      const at = jobs.findIndex((job) => job.id === id);
      if (at >= 0) jobs.splice(at, 1);
    }
  }

  /** Takes the next batch out of the queue; undefined when nothing waits. */
  next(): Batch | undefined {
    const jobs = this.#jobs.visible.length > 0 ? this.#jobs.visible : this.#jobs.background;
    const job = jobs[0];
    if (!job) return undefined;
    const longest = job.sequences[job.order[job.taken]!]!.length;
    const affordable = Math.floor(TARGET_BATCH_MS / this.#msPerToken[job.depth] / longest);
    const count = Math.min(Math.max(1, affordable), MAX_ROWS, job.order.length - job.taken);
    const rows = job.order.slice(job.taken, job.taken + count);
    job.taken += count;
    const isLast = job.taken === job.order.length;
    if (isLast) jobs.shift();
    return { jobId: job.id, depth: job.depth, rows, sequences: rows.map((row) => job.sequences[row]!), paddedTokens: count * longest, isLast };
  }

  /** Tells what a batch took, so that the next ones fit the target. */
  measured(batch: Batch, ms: number): void {
    const known = this.#msPerToken[batch.depth];
    this.#msPerToken[batch.depth] = known + NEWEST * (ms / batch.paddedTokens - known);
  }
}
