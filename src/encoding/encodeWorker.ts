// The worker thread that encodes chunks: one set of sessions, one text at a time, paused while a query runs on the main thread.
// Its counterpart is onnxEncoder.ts; which text comes next is encodeQueue.ts.
import { getPriority, setPriority } from "node:os";
import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { yieldToEventLoop } from "../base/abort.ts";
import { StrataError, userMessage, type ErrorCode } from "../base/errors.ts";
import { type EncodeDepth, EncodeQueue, type Priority } from "./encodeQueue.ts";
import type { EncoderText } from "./encoder.ts";
import type { InstantTable } from "./exit0.ts";
import { openExitSessions } from "./exitSessions.ts";
import { quantise } from "./int8.ts";
import { tokenizerOf } from "./modelFiles.ts";
import { prepareCode } from "./textPreparation.ts";

export interface EncodeWorkerData {
  readonly table: InstantTable;
  readonly threads: number;
  /** Int32[0]: queries in flight on the main thread; texts wait while it is above 0. */
  readonly queriesInFlight: SharedArrayBuffer;
}

export type ToEncodeWorker =
  | { readonly kind: "encode"; readonly id: number; readonly chunks: readonly EncoderText[]; readonly depth: EncodeDepth; readonly priority: Priority }
  | { readonly kind: "abort"; readonly id: number }
  | { readonly kind: "close" };

export type FromEncodeWorker =
  /** `values` is chunks × dims int8, `scales` one float32 a chunk. */
  | { readonly kind: "encoded"; readonly id: number; readonly values: Int8Array<ArrayBuffer>; readonly scales: Float32Array<ArrayBuffer> }
  /** With a code: a sentence for the user. */
  | { readonly kind: "failed"; readonly id: number; readonly code: ErrorCode | undefined; readonly message: string }
  /** The sessions cannot be opened at all; the worker ends. */
  | { readonly kind: "unusable"; readonly code: ErrorCode; readonly message: string };

/** Nice value (0 is what a process has, 19 the least): a tenth of the processor where everybody wants it, all of it where nobody does. */
const BACKGROUND_PRIORITY = 10;

interface Answer {
  readonly values: Int8Array<ArrayBuffer>;
  readonly scales: Float32Array<ArrayBuffer>;
}

/**
 * On Linux a priority is a thread's, and those of the inference inherit it: a build, an editor or a query that wants the processor goes before. Elsewhere
 * it would be the whole engine's.
 * @param set tests put in one that is forbidden
 */
export function lowerPriority(set: typeof setPriority = setPriority): void {
  if (process.platform !== "linux") return;
  try {
    set(Math.max(getPriority(), BACKGROUND_PRIORITY));
  } catch {
    // Some sandboxes forbid it (systemd's @resources). Code is read all the same.
  }
}

/** Answers messages until "close". */
async function serve(port: MessagePort, { table, threads, queriesInFlight }: EncodeWorkerData): Promise<void> {
  lowerPriority();
  const { files } = table;
  const tokenizer = tokenizerOf(files);
  const { dims, maxTokens } = files.model;
  const inFlight = new Int32Array(queriesInFlight);
  const queue = new EncodeQueue();
  const answers = new Map<number, Answer>();
  const send = (message: FromEncodeWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

  let wake: () => void = () => {};
  let closing = false;
  port.on("message", (message: ToEncodeWorker) => {
    if (message.kind === "encode") {
      const { id, chunks, depth, priority } = message;
      answers.set(id, { values: new Int8Array(chunks.length * dims), scales: new Float32Array(chunks.length) });
      const sequences = chunks.map((chunk) => tokenizer.encode(prepareCode(chunk, files.instructions.code), maxTokens));
      queue.add(id, sequences, depth, priority);
    } else if (message.kind === "abort") {
      queue.remove(message.id);
      answers.delete(message.id);
    } else closing = true;
    wake();
  });

  const sessions = await openExitSessions(table, threads);
  while (!closing) {
    // Messages that came during the last text are taken in before the next one is chosen.
    await yieldToEventLoop();
    while (!closing && waitForQueries(inFlight)) await yieldToEventLoop();
    const next = closing ? undefined : queue.next();
    if (!next) {
      if (!closing) await new Promise<void>((resolve) => (wake = resolve));
      continue;
    }
    try {
      const { shallow, deep } = await sessions.run(next.sequence, next.depth);
      const answer = answers.get(next.jobId);
      // Undefined when it was aborted while the text was read.
      if (!answer) continue;
      const { values, scale } = quantise(deep ?? shallow);
      answer.values.set(values, next.row * dims);
      answer.scales[next.row] = scale;
      if (!next.isLast) continue;
      answers.delete(next.jobId);
      send({ kind: "encoded", id: next.jobId, ...answer }, [answer.values.buffer, answer.scales.buffer]);
    } catch (error) {
      queue.remove(next.jobId);
      answers.delete(next.jobId);
      send({ kind: "failed", id: next.jobId, code: StrataError.is(error) ? error.code : undefined, message: userMessage(error) });
    }
  }
  await sessions.release();
  port.close();
}

/** Blocks this thread while a query is in flight; true when it had to. The limit is a safeguard only: the main thread always counts down. */
function waitForQueries(inFlight: Int32Array): boolean {
  const count = Atomics.load(inFlight, 0);
  if (count === 0) return false;
  Atomics.wait(inFlight, 0, count, 100);
  return true;
}

if (parentPort) {
  const port = parentPort;
  serve(port, workerData as EncodeWorkerData).catch((error: unknown) => {
    port.postMessage({ kind: "unusable", code: StrataError.is(error) ? error.code : "engine.failed", message: userMessage(error) } satisfies FromEncodeWorker);
    port.close();
  });
}
