// A worker thread that encodes chunks: sessions of its own, one text at a time, paused while a query runs on the main thread.
// Its counterpart is onnxEncoder.ts; which text comes next is encodeQueue.ts.
import { getPriority, setPriority } from "node:os";
import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { yieldToEventLoop } from "../base/abort.ts";
import { StrataError, userMessage, type ErrorCode } from "../base/errors.ts";
import { countWritten, type EncodeJob, EncodeQueue } from "./encodeQueue.ts";
import type { InstantTable } from "./exit0.ts";
import { openExitSessions } from "./exitSessions.ts";
import { quantise } from "./int8.ts";
import { codeTokens } from "./modelFiles.ts";

export interface EncodeWorkerData {
  readonly table: InstantTable;
  readonly threads: number;
  /** Int32[0]: queries in flight on the main thread; texts wait while it is above 0. */
  readonly queriesInFlight: SharedArrayBuffer;
}

export type ToEncodeWorker =
  | { readonly kind: "encode"; readonly job: EncodeJob }
  | { readonly kind: "abort"; readonly id: number }
  | { readonly kind: "close" };

export type FromEncodeWorker =
  /** The job is written, by all workers together. */
  | { readonly kind: "encoded"; readonly id: number }
  /** With a code: a sentence for the user. */
  | { readonly kind: "failed"; readonly id: number; readonly code: ErrorCode | undefined; readonly message: string }
  /** The sessions cannot be opened at all; the worker ends. */
  | { readonly kind: "unusable"; readonly code: ErrorCode; readonly message: string };

/** Nice value (0 is what a process has, 19 the least): a tenth of the processor where everybody wants it, all of it where nobody does. */
const BACKGROUND_PRIORITY = 10;

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
  const tokens = codeTokens(table.files);
  const { dims } = table.files.model;
  const inFlight = new Int32Array(queriesInFlight);
  const queue = new EncodeQueue();
  const send = (message: FromEncodeWorker) => port.postMessage(message);

  let wake: () => void = () => {};
  let closing = false;
  port.on("message", (message: ToEncodeWorker) => {
    if (message.kind === "encode") queue.add(message.job);
    else if (message.kind === "abort") queue.remove(message.id);
    else closing = true;
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
    const { job, row } = next;
    try {
      const { shallow, deep } = await sessions.run(tokens(job.texts[row]!), job.depth);
      const { values, scale } = quantise(deep ?? shallow);
      new Int8Array(job.values).set(values, row * dims);
      new Float32Array(job.scales)[row] = scale;
      if (countWritten(job)) send({ kind: "encoded", id: job.id });
    } catch (error) {
      queue.remove(job.id);
      send({ kind: "failed", id: job.id, code: StrataError.is(error) ? error.code : undefined, message: userMessage(error) });
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
