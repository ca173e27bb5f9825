// The product's Encoder: queries at once on this thread (a one-line query takes a few milliseconds), chunks in one worker thread
// that pauses between texts while a query runs. What runs inside the worker is encodeWorker.ts.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { yieldToEventLoop } from "../base/abort.ts";
import { entryFile } from "../base/assets.ts";
import { StrataError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { EncodeDepth, Priority } from "./encodeQueue.ts";
import type { Encoder, EncoderModel, EncoderText, Int8Vector, QueryVectors } from "./encoder.ts";
import type { EncodeWorkerData, FromEncodeWorker, ToEncodeWorker } from "./encodeWorker.ts";
import { instantExit, type InstantExit, type InstantTable } from "./exit0.ts";
import { openExitSessions, type ExitSessions } from "./exitSessions.ts";
import { type ModelFiles, tokenizerOf } from "./modelFiles.ts";
import { prepareCode, prepareQuery } from "./textPreparation.ts";
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

const CACHED_QUERIES = 100;
/** After so long without code to encode the worker ends, and gives its sessions' memory back; a saved file starts it again in a fraction of a second. */
const RETIRE_AFTER_MS = 60_000;
/** A worker that dies this often in a row, without one answer between, is not started again. */
const MAX_DEATHS = 2;

interface Pending {
  readonly resolve: (vectors: readonly Int8Vector[]) => void;
  readonly reject: (error: unknown) => void;
}

export class OnnxEncoder implements Encoder {
  readonly model: EncoderModel;
  readonly #files: ModelFiles;
  readonly #log: Log;
  readonly #tokenizer: Tokenizer;
  readonly #instant: InstantExit;
  readonly #sessions: Promise<ExitSessions>;
  readonly #workerFile: string;
  readonly #workerData: EncodeWorkerData;
  readonly #queriesInFlight: Int32Array;
  /** Least recently used first. */
  readonly #queryCache = new Map<string, QueryVectors>();
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #retirement: NodeJS.Timeout | undefined;
  #nextId = 1;
  #deaths = 0;
  #refusal: StrataError | undefined;

  /** Starts to open the query sessions at once; the worker starts with the first chunks. */
  constructor(table: InstantTable, log: Log, options: OnnxEncoderOptions = {}) {
    const { files } = table;
    const queriesInFlight = new SharedArrayBuffer(4);
    this.model = files.model;
    this.#files = files;
    this.#log = log;
    this.#tokenizer = tokenizerOf(files);
    this.#instant = instantExit(table);
    this.#queriesInFlight = new Int32Array(queriesInFlight);
    this.#workerFile = options.workerFile ?? entryFile("encodeWorker");
    this.#workerData = { table, threads: options.backgroundThreads ?? defaultBackgroundThreads(), queriesInFlight };
    // One thread: a query is too short to be worth waking another.
    this.#sessions = openExitSessions(table, 1);
    this.#sessions.catch((error: unknown) => log("error", "The query sessions did not open", error));
  }

  embedQuery(text: string, signal?: AbortSignal): Promise<QueryVectors> {
    return this.#embedNow(`query\0${text}`, () => this.#tokenizer.encode(prepareQuery(text, this.#files.instructions.query), this.#files.maxQueryTokens), signal);
  }

  embedCode(code: EncoderText, signal?: AbortSignal): Promise<QueryVectors> {
    return this.#embedNow(
      `code\0${code.breadcrumb}\0${code.text}`,
      () => this.#tokenizer.encode(prepareCode(code, this.#files.instructions.code), this.#files.model.maxTokens),
      signal,
    );
  }

  embedName(text: string, width?: number): Float32Array {
    return this.#instant.words(this.#tokenizer.encode(prepareCode({ breadcrumb: "", text }, this.#files.instructions.code), this.#files.model.maxTokens), width);
  }

  knowsWord(word: string): boolean {
    // [CLS], the word, [SEP]
    return this.#tokenizer.encode(word, 4).length === 3;
  }

  async #embedNow(key: string, tokenise: () => Int32Array, signal: AbortSignal | undefined): Promise<QueryVectors> {
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
      const ids = tokenise();
      const { shallow, deep } = await sessions.run(ids, "deep", () => signal?.throwIfAborted());
      signal?.throwIfAborted();
      const vectors = { instant: this.#instant.embed(ids), shallow, deep: deep! };
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
    const worker = this.#startedWorker();
    clearTimeout(this.#retirement);
    const id = this.#nextId++;
    const onAbort = () => {
      this.#pending.get(id)?.reject(signal!.reason);
      this.#pending.delete(id);
      worker.postMessage({ kind: "abort", id } satisfies ToEncodeWorker);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await new Promise<readonly Int8Vector[]>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        // Only the two fields: callers may hand in richer objects.
        const texts = chunks.map(({ breadcrumb, text }) => ({ breadcrumb, text }));
        worker.postMessage({ kind: "encode", id, chunks: texts, depth, priority } satisfies ToEncodeWorker);
      });
    } finally {
      signal?.removeEventListener("abort", onAbort);
      clearTimeout(this.#retirement);
      if (this.#pending.size === 0) this.#retirement = setTimeout(() => this.#retire(), RETIRE_AFTER_MS).unref();
    }
  }

  #retire(): void {
    this.#worker?.postMessage({ kind: "close" } satisfies ToEncodeWorker);
    this.#worker = undefined;
  }

  async close(): Promise<void> {
    clearTimeout(this.#retirement);
    this.#refusal ??= new StrataError("engine.failed", "The encoder was closed. Open the workspace again to go on.");
    const worker = this.#worker;
    this.#worker = undefined;
    this.#rejectAll(this.#refusal);
    if (worker) {
      const ended = new Promise((resolve) => worker.once("exit", resolve));
      worker.postMessage({ kind: "close" } satisfies ToEncodeWorker);
      await ended;
    }
    await this.#sessions.then(
      (sessions) => sessions.release(),
      () => {},
    );
  }

  #startedWorker(): Worker {
    if (this.#refusal) throw this.#refusal;
    if (this.#worker) return this.#worker;
    const worker = new Worker(this.#workerFile, { workerData: this.#workerData, name: "strata-encode" });
    worker.on("message", (message: FromEncodeWorker) => {
      // A retired one may fail while it ends; that says nothing of the next.
      if (message.kind !== "unusable" || worker === this.#worker) this.#answered(message);
    });
    let cause: unknown;
    worker.on("error", (error) => (cause = error));
    worker.on("exit", (code) => {
      if (this.#worker === worker) this.#died(cause ?? `exit code ${code}`);
    });
    return (this.#worker = worker);
  }

  #answered(message: FromEncodeWorker): void {
    if (message.kind === "unusable") {
      this.#refusal = new StrataError(message.code, message.message);
      this.#worker = undefined;
      this.#rejectAll(this.#refusal);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    // Undefined when it was aborted meanwhile.
    if (!pending) return;
    if (message.kind === "failed") {
      const { code, message: text } = message;
      pending.reject(code === undefined ? new StrataError("engine.failed", `The model failed on a piece of code: ${text}. Run "Strata: Doctor", and report this if it happens again.`) : new StrataError(code, text));
      return;
    }
    this.#deaths = 0;
    const { values, scales } = message;
    const { dims } = this.model;
    pending.resolve(Array.from(scales, (scale, i) => ({ values: values.subarray(i * dims, (i + 1) * dims), scale })));
  }

  #died(cause: unknown): void {
    this.#worker = undefined;
    this.#deaths++;
    const error = new StrataError("engine.failed", "The encoder's worker thread ended unexpectedly; it is started again with the next piece of code. If this repeats, restart the engine.", cause);
    if (this.#deaths >= MAX_DEATHS) this.#refusal = new StrataError("engine.failed", "The encoder's worker thread ended twice without an answer. Restart the engine; \"Strata: Show Log\" has the reason.", cause);
    this.#log("error", `The encode worker died (${this.#deaths} of ${MAX_DEATHS} in a row)`, error);
    this.#rejectAll(error);
  }

  #rejectAll(error: StrataError): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
  }
}
