// Which text the encode worker reads next: visible work before background work, else in order of arrival. Pure bookkeeping; runs nothing.
// One text at a time: what the model quantises together shares a scale, so in a batch a text's vector would depend on its neighbours. Batches are no faster
// either, as texts are long and padding costs.

export type Priority = "visible" | "background";
/** What a job's texts are read to. */
export type EncodeDepth = "shallow" | "deep";

export interface NextText {
  readonly jobId: number;
  readonly depth: EncodeDepth;
  /** Position in the job. */
  readonly row: number;
  /** Token ids. */
  readonly sequence: Int32Array;
  /** No text of this job is left after this one. */
  readonly isLast: boolean;
}

interface Job {
  readonly id: number;
  readonly depth: EncodeDepth;
  readonly sequences: readonly Int32Array[];
  taken: number;
}

export class EncodeQueue {
  readonly #jobs: Record<Priority, Job[]> = { visible: [], background: [] };

  add(id: number, sequences: readonly Int32Array[], depth: EncodeDepth, priority: Priority): void {
    if (sequences.length > 0) this.#jobs[priority].push({ id, depth, sequences, taken: 0 });
  }

  /** Forgets what is left of a job. */
  remove(id: number): void {
    for (const jobs of Object.values(this.#jobs)) {
      const at = jobs.findIndex((job) => job.id === id);
      if (at >= 0) jobs.splice(at, 1);
    }
  }

  /** Takes the next text out of the queue; undefined when nothing waits. */
  next(): NextText | undefined {
    const jobs = this.#jobs.visible.length > 0 ? this.#jobs.visible : this.#jobs.background;
    const job = jobs[0];
    if (!job) return undefined;
    const row = job.taken++;
    const isLast = job.taken === job.sequences.length;
    if (isLast) jobs.shift();
    return { jobId: job.id, depth: job.depth, row, sequence: job.sequences[row]!, isLast };
  }
}
