// The product's Encoder: queries at once on this thread (a one-line query takes a few milliseconds), chunks in worker threads that pause between texts
// while a query runs. What runs inside a worker is encodeWorker.ts.
import { availableParallelism } from "node:os";
import type { Worker } from "node:worker_threads";
import { yieldToEventLoop } from "../base/abort.ts";
import { entryFile } from "../base/assets.ts";
import { StrataError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { startThread } from "../base/process.ts";
import { type EncodeJob, encodeJob } from "./encodeQueue.ts";
import type { EncodeDepth, Encoder, EncoderModel, EncoderText, Int8Vector, Priority, QueryVectors } from "./encoder.ts";
import type { EncodeWorkerData, FromEncodeWorker, ToEncodeWorker } from "./encodeWorker.ts";
import { instantExit, type InstantExit, type InstantTable } from "./exit0.ts";
import { openExitSessions, type ExitSessions } from "./exitSessions.ts";
import { codeTokens, type ModelFiles, type TokenSequence, tokenizerOf } from "./modelFiles.ts";
import { prepareQuery } from "./textPreparation.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface OnnxEncoderOptions {
  /** Threads of the background inference. */
  readonly backgroundThreads?: number;
  /** File of the worker's program; tests put in one that dies. */
  readonly workerFile?: string;
}

/** Half of the machine, at least two threads where there are two cores: the editor, the parser and queries need the rest. */
export function defaultBackgroundThreads(): number {
  return Math.min(4, Math.max(Math.min(2, availableParallelism()), Math.floor(availableParallelism() / 2)));
}

/** Two texts side by side are read a quarter faster than one by two threads, which wait for each other at every operator; more workers take 60 MB each. */
const MOST_WORKERS = 2;

const CACHED_QUERIES = 100;
/** After so long without code to encode the workers end, and give their sessions' memory back; a saved file starts them again in a fraction of a second. */
const RETIRE_AFTER_MS = 60_000;
/** Workers that die this often in a row, without one answer between, are not started again. */
const MAX_DEATHS = 2;

interface Pending {
  readonly job: EncodeJob;
  readonly resolve: (vectors: readonly Int8Vector[]) => void;
  readonly reject: (error: unknown) => void;
}

export class OnnxEncoder implements Encoder {
  readonly model: EncoderModel;
  readonly #files: ModelFiles;
  readonly #log: Log;
  readonly #tokenizer: Tokenizer;
  readonly #codeTokens: (code: EncoderText) => TokenSequence;
  readonly #instant: InstantExit;
  readonly #sessions: Promise<ExitSessions>;
  readonly #workerFile: string;
  readonly #workerData: EncodeWorkerData;
  readonly #workerCount: number;
  readonly #queriesInFlight: Int32Array;
  /** Least recently used first. */
  readonly #queryCache = new Map<string, QueryVectors>();
  readonly #pending = new Map<number, Pending>();
  /** Those that were to be had, or none. */
  #workers: readonly Worker[] = [];
  /** Those too that were dismissed and have not ended yet. */
  readonly #living = new Set<Worker>();
  #retirement: NodeJS.Timeout | undefined;
  #nextId = 1;
  #deaths = 0;
  #refusal: StrataError | undefined;

  /** Starts to open the query sessions at once; the workers start with the first chunks. */
  constructor(table: InstantTable, log: Log, options: OnnxEncoderOptions = {}) {
    const { files } = table;
    const queriesInFlight = new SharedArrayBuffer(4);
    this.model = files.model;
    this.#files = files;
    this.#log = log;
    this.#tokenizer = tokenizerOf(files);
    this.#codeTokens = codeTokens(files);
    this.#instant = instantExit(table);
    this.#queriesInFlight = new Int32Array(queriesInFlight);
    this.#workerFile = options.workerFile ?? entryFile("encodeWorker");
    const threads = options.backgroundThreads ?? defaultBackgroundThreads();
    this.#workerCount = Math.min(MOST_WORKERS, threads);
    this.#workerData = { table, threads: Math.floor(threads / this.#workerCount), queriesInFlight };
    // One thread: a query is too short to be worth waking another.
    this.#sessions = openExitSessions(table, 1, this.#instant);
    this.#sessions.catch((error: unknown) => log("error", "The query sessions did not open", error));
  }

  embedQuery(text: string, signal?: AbortSignal): Promise<QueryVectors> {
    return this.#embedNow(`query\0${text}`, () => ({ ids: this.#tokenizer.encode(prepareQuery(text, this.#files.instructions.query), this.#files.maxQueryTokens) }), signal);
  }

  embedCode(code: EncoderText, signal?: AbortSignal): Promise<QueryVectors> {
    return this.#embedNow(`code\0${code.breadcrumb}\0${code.text}`, () => this.#codeTokens(code), signal);
  }

  embedName(text: string, width = this.model.dims): Float32Array {
    return this.#instant.words(this.#codeTokens({ breadcrumb: "", text }).ids, width);
  }

  knowsWord(word: string): boolean {
    // [CLS], the word, [SEP]
    return this.#tokenizer.encode(word, 4).length === 3;
  }

  async #embedNow(key: string, tokenise: () => TokenSequence, signal: AbortSignal | undefined): Promise<QueryVectors> {
    signal?.throwIfAborted();
    const cached = this.#queryCache.get(key);
    if (cached) {
      this.#queryCache.delete(key);
      this.#queryCache.set(key, cached);
      return cached;
    }
    Atomics.add(this.#queriesInFlight, 0, 1);
    try {
      const sessions = await this.#sessions;
      // While somebody types, the cancellation of this query may already be waiting behind it.
      await yieldToEventLoop();
      signal?.throwIfAborted();
      const { instant, shallow, deep } = await sessions.run(tokenise(), "deep", () => signal?.throwIfAborted());
      signal?.throwIfAborted();
      const vectors = { instant, shallow, deep: deep! };
      this.#queryCache.set(key, vectors);
      if (this.#queryCache.size > CACHED_QUERIES) this.#queryCache.delete(this.#queryCache.keys().next().value!);
      return vectors;
    } finally {
      Atomics.sub(this.#queriesInFlight, 0, 1);
      Atomics.notify(this.#queriesInFlight, 0);
    }
  }

  async embedChunks(chunks: readonly EncoderText[], depth: EncodeDepth, priority: Priority, signal?: AbortSignal): Promise<readonly Int8Vector[]> {
    signal?.throwIfAborted();
    if (chunks.length === 0) return [];
    this.#startWorkers();
    clearTimeout(this.#retirement);
    // Only the two fields: callers may hand in richer objects.
    const job = encodeJob(this.#nextId++, chunks.map(({ breadcrumb, text }) => ({ breadcrumb, text })), depth, priority, this.model.dims);
    const onAbort = () => this.#giveUp(job.id, signal!.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await new Promise<readonly Int8Vector[]>((resolve, reject) => {
        this.#pending.set(job.id, { job, resolve, reject });
        this.#tell({ kind: "encode", job });
      });
    } finally {
      signal?.removeEventListener("abort", onAbort);
      clearTimeout(this.#retirement);
      if (this.#pending.size === 0) this.#retirement = setTimeout(() => this.#dismissWorkers(), RETIRE_AFTER_MS).unref();
    }
  }

  #tell(message: ToEncodeWorker): void {
    for (const worker of this.#workers) worker.postMessage(message);
  }

  /** What is left of the job is not read any more, by any worker. */
  #giveUp(id: number, reason: unknown): void {
    this.#pending.get(id)?.reject(reason);
    this.#pending.delete(id);
    this.#tell({ kind: "abort", id });
  }

  /** They end by themselves. */
  #dismissWorkers(): void {
    this.#tell({ kind: "close" });
    this.#workers = [];
  }

  async close(): Promise<void> {
    clearTimeout(this.#retirement);
    this.#refusal ??= new StrataError("engine.failed", "The encoder was closed. Open the workspace again to go on.");
    const ended = [...this.#living].map((worker) => new Promise((resolve) => worker.once("exit", resolve)));
    this.#dismissWorkers();
    this.#rejectAll(this.#refusal);
    await Promise.all(ended);
    await this.#sessions.then(
      (sessions) => sessions.release(),
      () => {},
    );
  }

  #startWorkers(): void {
    if (this.#refusal) throw this.#refusal;
    if (this.#workers.length > 0) return;
    const started: Worker[] = [];
    try {
      while (started.length < this.#workerCount) started.push(this.#startWorker());
    } catch (error) {
      if (started.length === 0) throw error; // else the others read all of it
    }
    this.#workers = started;
  }

  #startWorker(): Worker {
    const worker = startThread(this.#workerFile, { workerData: this.#workerData, name: "strata-encode" });
    // One that was dismissed may fail while it ends; that says nothing of the next.
    const isOurs = () => this.#workers.includes(worker);
    worker.on("message", (message: FromEncodeWorker) => {
      if (message.kind !== "unusable") this.#answered(message);
      else if (isOurs()) this.#refuse(new StrataError(message.code, message.message));
    });
    this.#living.add(worker);
    let cause: unknown;
    worker.on("error", (error) => (cause = error));
    worker.on("exit", (code) => {
      this.#living.delete(worker);
      if (isOurs()) this.#died(cause ?? `exit code ${code}`);
    });
    return worker;
  }

  #refuse(refusal: StrataError): void {
    this.#refusal = refusal;
    this.#dismissWorkers();
    this.#rejectAll(refusal);
  }

  #answered(message: Extract<FromEncodeWorker, { readonly id: number }>): void {
    if (message.kind === "failed") {
      const { id, code, message: text } = message;
      return this.#giveUp(id, code === undefined ? new StrataError("engine.failed", `The model failed on a piece of code: ${text}. Run "Strata: Doctor", and report this if it happens again.`) : new StrataError(code, text));
    }
    const pending = this.#pending.get(message.id);
    if (!pending) return; // it was aborted meanwhile
    this.#pending.delete(message.id);
    this.#deaths = 0;
    const { dims } = this.model;
    const values = new Int8Array(pending.job.values).slice(); // out of the shared memory, which is no place to keep things
    pending.resolve(Array.from(new Float32Array(pending.job.scales), (scale, i) => ({ values: values.subarray(i * dims, (i + 1) * dims), scale })));
  }

  /** With one the others end too: which texts it had taken is not known. */
  #died(cause: unknown): void {
    this.#deaths++;
    const error = new StrataError("engine.failed", "The encoder's worker thread ended unexpectedly; it is started again with the next piece of code. If this repeats, restart the engine.", cause);
    this.#log("error", `The encode worker died (${this.#deaths} of ${MAX_DEATHS} in a row)`, error);
    this.#dismissWorkers();
    if (this.#deaths >= MAX_DEATHS) this.#refusal = new StrataError("engine.failed", "The encoder's worker thread ended twice without an answer. Restart the engine; \"Strata: Show Log\" has the reason.", cause);
    this.#rejectAll(error);
  }

  #rejectAll(error: StrataError): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
  }
}
