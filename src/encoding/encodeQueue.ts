// Which text an encode worker reads next: visible work before background work, else in order of arrival. Every worker has all jobs in a queue of its own,
// and takes texts from them by a counter that they share, so none waits while another has too many.
// One text at a time: what the model quantises together shares a scale, so in a batch a text's vector would depend on its neighbours.
import type { EncodeDepth, EncoderText, Priority } from "./encoder.ts";

/** What the main thread asks for, with the memory in which all workers write the answer. */
export interface EncodeJob {
  readonly id: number;
  readonly texts: readonly EncoderText[];
  readonly depth: EncodeDepth;
  readonly priority: Priority;
  /** texts × dims int8. */
  readonly values: SharedArrayBuffer;
  /** A float32 for each text. */
  readonly scales: SharedArrayBuffer;
  /** Two int32: how many texts were taken, and how many are written. */
  readonly counts: SharedArrayBuffer;
}

const TAKEN = 0;
const WRITTEN = 1;

export function encodeJob(id: number, texts: readonly EncoderText[], depth: EncodeDepth, priority: Priority, dims: number): EncodeJob {
  const bytes = (each: number) => new SharedArrayBuffer(texts.length * each);
  return { id, texts, depth, priority, values: bytes(dims), scales: bytes(4), counts: new SharedArrayBuffer(8) };
}

/** Tells that one more text of the job is written; true for the last one. */
export function countWritten({ counts, texts }: EncodeJob): boolean {
  return Atomics.add(new Int32Array(counts), WRITTEN, 1) + 1 === texts.length;
}

export class EncodeQueue {
  readonly #jobs: Record<Priority, EncodeJob[]> = { visible: [], background: [] };

  add(job: EncodeJob): void {
    this.#jobs[job.priority].push(job);
  }

  /** Forgets what is left of a job. */
  remove(id: number): void {
    for (const jobs of Object.values(this.#jobs)) {
      const at = jobs.findIndex((job) => job.id === id);
      if (at >= 0) jobs.splice(at, 1);
    }
  }

  /** Takes the next text; undefined when nothing waits. */
  next(): { readonly job: EncodeJob; readonly row: number } | undefined {
    for (const jobs of [this.#jobs.visible, this.#jobs.background]) {
      for (; jobs.length > 0; jobs.shift()) {
        const job = jobs[0]!;
        const row = Atomics.add(new Int32Array(job.counts), TAKEN, 1);
        if (row < job.texts.length) return { job, row };
      }
    }
    return undefined;
  }
}
