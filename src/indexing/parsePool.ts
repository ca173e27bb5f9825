// Worker threads that turn files into ParsedFiles (read, sniff, chunk, analyse, instant vector). Owns scheduling and the
// survival of a worker that dies on a file; what a worker does is in parseWorker.ts.
import type { Worker } from "node:worker_threads";
import { entryFile } from "../base/assets.ts";
import type { Log } from "../base/log.ts";
import { startThread } from "../base/process.ts";
import type { InstantTable } from "../encoding/exit0.ts";
import type { ParsedFile } from "../store/store.ts";
import type { ParseReply, ParseWorkerData, ToParseWorker } from "./parseWorker.ts";
import type { WalkedFile } from "./walk.ts";

export interface FileToParse extends WalkedFile {
  /** Of the text that is indexed of it: where it still reads so, it is not parsed again. */
  readonly hash?: string;
}

/** A file that cannot be indexed comes back as `skip` with the reason, a vanished one as `gone`. */
export type ParseOutcome =
  | { readonly kind: "parsed"; readonly file: ParsedFile }
  | ({ readonly kind: "same" } & WalkedFile)
  | ({ readonly kind: "skip"; readonly reason: string } & WalkedFile)
  | { readonly kind: "gone"; readonly path: string };

interface Job {
  readonly files: readonly FileToParse[];
  readonly resolve: (outcomes: readonly ParseOutcome[]) => void;
  readonly reject: (error: unknown) => void;
}
interface Slot {
  readonly worker: Worker;
  job: Job | undefined;
  /** Files it has parsed: a worker's heap, grammars and caches grow to about 140 MB over a sweep and shrink only with the worker. */
  parsed: number;
}

/** After so long without work the pool retires its workers by itself: many saves add up as well. */
const RETIRE_AFTER_MS = 5_000;
const RETIRE_FILES = 200;

export class ParsePool {
  readonly #root: string;
  readonly #log: Log;
  readonly #slots: Slot[] = [];
  readonly #size: number;
  readonly #urgent: Job[] = [];
  readonly #queue: Job[] = [];
  #instant: InstantTable | undefined;
  #closed = false;
  #retirement: NodeJS.Timeout | undefined;

  /** @param size number of worker threads; they start with the first job, or with `start`. Jobs wait for `use`. */
  constructor(size: number, root: string, log: Log) {
    this.#size = size;
    this.#root = root;
    this.#log = log;
  }

  /**
   * Starts workers ahead of the first job, one less than there will be: each takes some 100 to 200 ms of processor time to load its program, which fits
   * beside the opening of an index on the other cores.
   */
  start(): void {
    while (!this.#closed && this.#slots.length < Math.max(1, this.#size - 1)) if (!this.#spawn()) return;
  }

  /** Gives the table that makes the instant vectors; once. */
  use(instant: InstantTable): void {
    this.#instant = instant;
    for (const { worker } of this.#slots) worker.postMessage({ instant } satisfies ToParseWorker);
    this.#pump();
  }

  /** Outcomes in the order of `files`. `urgent` (a saved file) overtakes everything queued. @throws StrataError "engine.failed" when no thread is to be had */
  parse(files: readonly FileToParse[], urgent: boolean): Promise<readonly ParseOutcome[]> {
    if (this.#closed) return Promise.resolve(files.map(({ path }) => ({ kind: "gone", path })));
    return new Promise((resolve, reject) => {
      (urgent ? this.#urgent : this.#queue).push({ files, resolve, reject });
      this.#pump();
    });
  }

  /** Jobs a caller should keep in flight so that no worker waits. */
  get wantedInFlight(): number {
    return this.#size * 2;
  }

  /** Ids of the threads that run now, for tests. */
  get threads(): readonly number[] {
    return this.#slots.map(({ worker }) => worker.threadId);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retirement);
    for (const job of this.#giveUpWaiting()) job.resolve(job.files.map(({ path }) => ({ kind: "gone", path })));
    await Promise.all(this.#slots.splice(0).map((slot) => slot.worker.terminate()));
  }

  #giveUpWaiting(): readonly Job[] {
    return [...this.#urgent.splice(0), ...this.#queue.splice(0)];
  }

  #pump(): void {
    while (this.#instant && this.#urgent.length + this.#queue.length > 0) {
      const slot = this.#slots.find((s) => s.job === undefined) ?? (this.#slots.length < this.#size ? this.#spawn() : undefined);
      if (!slot) return;
      const job = this.#urgent.shift() ?? (this.#queue.shift() as Job);
      slot.job = job;
      slot.worker.postMessage({ files: job.files } satisfies ToParseWorker);
    }
  }

  #retireWhenIdle(): void {
    clearTimeout(this.#retirement);
    this.#retirement = setTimeout(() => this.retire(), RETIRE_AFTER_MS).unref();
  }

  /** Work has paused: one worker that has seen few files is kept for the next save, the others give their memory back. Not while any has work. */
  retire(): void {
    if (this.#closed || this.#slots.length === 0 || this.#slots.some((slot) => slot.job !== undefined)) return;
    const kept = this.#slots.find((slot) => slot.parsed <= RETIRE_FILES);
    for (const slot of this.#slots.splice(0)) {
      if (slot === kept) this.#slots.push(slot);
      else void slot.worker.terminate();
    }
    if (kept === undefined) this.#spawn();
  }

  /** Undefined where no thread is to be had: those that run do the work, and without any it is refused. */
  #spawn(): Slot | undefined {
    let worker: Worker;
    try {
      worker = startThread(entryFile("parseWorker"), { workerData: { root: this.#root } satisfies ParseWorkerData, name: "strata-parse" });
    } catch (error) {
      if (this.#slots.length === 0) for (const job of this.#giveUpWaiting()) job.reject(error);
      return undefined;
    }
    const slot: Slot = { worker, job: undefined, parsed: 0 };
    slot.worker.on("message", (reply: ParseReply) => {
      for (const { level, message } of reply.log) this.#log(level, message);
      const job = slot.job;
      slot.job = undefined;
      slot.parsed += reply.outcomes.length;
      job?.resolve(reply.outcomes);
      this.#pump();
      this.#retireWhenIdle();
    });
    slot.worker.on("error", (error) => this.#log("warn", "a parse worker died", error));
    slot.worker.on("exit", () => this.#replace(slot));
    this.#slots.push(slot);
    if (this.#instant) slot.worker.postMessage({ instant: this.#instant } satisfies ToParseWorker);
    return slot;
  }

  /** The worker is gone: its files are tried again one by one, and the one that kills a worker by itself is skipped. */
  #replace(slot: Slot): void {
    const at = this.#slots.indexOf(slot);
    if (at >= 0) this.#slots.splice(at, 1);
    const job = slot.job;
    slot.job = undefined;
    if (!job) return;
    const [only, ...more] = job.files;
    if (this.#closed || only === undefined) job.resolve(job.files.map(({ path }) => ({ kind: "gone", path })));
    else if (more.length === 0) job.resolve([{ kind: "skip", reason: "parser failed", ...only }]);
    else void Promise.all(job.files.map((file) => this.parse([file], true))).then((parts) => job.resolve(parts.flat()), job.reject);
    this.#pump();
  }
}
