// The product's Encoder: queries in a thread of their own, chunks in another that pauses between batches while a query is answered.
// What runs inside them is queryWorker.ts and encodeWorker.ts.
import { availableParallelism } from "node:os";
import { checkAborted } from "../base/abort.ts";
import { entryFile } from "../base/assets.ts";
import { StrataError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { BatchDepth, Priority } from "./batchQueue.ts";
import type { Encoder, EncoderModel, EncoderText, Int8Vector, QueryVectors } from "./encoder.ts";
import type { EncodeAnswer, EncodeRequest, EncodeWorkerData } from "./encodeWorker.ts";
import { instantExit, type InstantExit, type InstantTable } from "./exit0.ts";
import { type ModelFiles, tokenizerOf } from "./modelFiles.ts";
import type { QueryAnswer, QueryRequest, QueryWorkerData } from "./queryWorker.ts";
import { prepareCode, prepareQuery } from "./textPreparation.ts";
import type { Tokenizer } from "./tokenizer.ts";
import { WorkerCalls } from "./workerCalls.ts";

export interface OnnxEncoderOptions {
  /** Threads of the background inference. */
  readonly backgroundThreads?: number;
  /** File of the program that encodes chunks; tests put in one that dies. */
  readonly workerFile?: string;
}

/** Half of the machine, at least two threads where there are two cores: the editor, the parser and queries need the rest. */
export function defaultBackgroundThreads(): number {
  return Math.min(4, Math.max(Math.min(2, availableParallelism()), Math.floor(availableParallelism() / 2)));
}

const CACHED_QUERIES = 100;
/** After so long without code to encode the worker ends, and gives its sessions' memory back; a saved file starts it again in a fraction of a second. */
const RETIRE_AFTER_MS = 60_000;

export class OnnxEncoder implements Encoder {
  readonly model: EncoderModel;
  readonly #files: ModelFiles;
  readonly #tokenizer: Tokenizer;
  readonly #instant: InstantExit;
  readonly #queries: WorkerCalls<QueryRequest, QueryAnswer>;
  readonly #chunks: WorkerCalls<EncodeRequest, EncodeAnswer>;
  readonly #queriesInFlight: Int32Array;
  /** Least recently used first. */
  readonly #queryCache = new Map<string, QueryVectors>();

  /** Starts to open the query sessions at once; the worker for chunks starts with the first of them. */
  constructor(table: InstantTable, log: Log, options: OnnxEncoderOptions = {}) {
    const { files } = table;
    const queriesInFlight = new SharedArrayBuffer(4);
    this.model = files.model;
    this.#files = files;
    this.#tokenizer = tokenizerOf(files);
    this.#instant = instantExit(table);
    this.#queriesInFlight = new Int32Array(queriesInFlight);
    const forQueries: QueryWorkerData = { table, padId: this.#tokenizer.padId };
    this.#queries = new WorkerCalls({ file: entryFile("queryWorker"), data: forQueries, name: "query" }, log);
    this.#queries.start();
    const forChunks: EncodeWorkerData = { table, threads: options.backgroundThreads ?? defaultBackgroundThreads(), queriesInFlight };
    this.#chunks = new WorkerCalls({ file: options.workerFile ?? entryFile("encodeWorker"), data: forChunks, name: "encode", retireAfterMs: RETIRE_AFTER_MS }, log);
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
    checkAborted(signal);
    const cached = this.#queryCache.get(key);
    if (cached) {
      this.#queryCache.delete(key);
      this.#queryCache.set(key, cached);
      return cached;
    }
    Atomics.add(this.#queriesInFlight, 0, 1);
    try {
      const tokens = tokenise();
      const layers = this.#queries.call({ kind: "run", tokens }, signal);
      const instant = this.#instant.embed(tokens); // meanwhile
      const { shallow, deep } = await layers;
      const vectors = { instant, shallow, deep };
      this.#queryCache.set(key, vectors);
      if (this.#queryCache.size > CACHED_QUERIES) this.#queryCache.delete(this.#queryCache.keys().next().value!);
      return vectors;
    } finally {
      Atomics.sub(this.#queriesInFlight, 0, 1);
      Atomics.notify(this.#queriesInFlight, 0);
    }
  }

  async embedChunks(chunks: readonly EncoderText[], depth: BatchDepth, priority: Priority, signal?: AbortSignal): Promise<readonly Int8Vector[]> {
    checkAborted(signal);
    if (chunks.length === 0) return [];
    // Only the two fields: callers may hand in richer objects.
    const texts = chunks.map(({ breadcrumb, text }) => ({ breadcrumb, text }));
    const { values, scales } = await this.#chunks.call({ kind: "encode", chunks: texts, depth, priority }, signal);
    const { dims } = this.model;
    return Array.from(scales, (scale, i) => ({ values: values.subarray(i * dims, (i + 1) * dims), scale }));
  }

  async close(): Promise<void> {
    const closed = new StrataError("engine.failed", "The encoder was closed. Open the workspace again to go on.");
    await Promise.all([this.#queries.close(closed), this.#chunks.close(closed)]);
  }
}
