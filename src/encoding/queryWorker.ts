// The worker thread that runs queries through the layers, one at a time, so that the engine's own thread looks their words up meanwhile.
// Its counterpart is onnxEncoder.ts.
import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { checkAborted, isAbort, yieldToEventLoop } from "../base/abort.ts";
import { StrataError, userMessage } from "../base/errors.ts";
import type { InstantTable } from "./exit0.ts";
import { openExitSessions } from "./exitSessions.ts";
import type { FromWorker, ToWorker } from "./workerCalls.ts";

export interface QueryWorkerData {
  readonly table: InstantTable;
  readonly padId: number;
}

export interface QueryRequest {
  readonly kind: "run";
  /** As the tokenizer gives them. */
  readonly tokens: Int32Array;
}

/** Unit vectors of the exits above the table. */
export interface QueryAnswer {
  readonly kind: "ran";
  readonly shallow: Float32Array;
  readonly deep: Float32Array;
}

/** Answers messages until "close". */
async function serve(port: MessagePort, { table, padId }: QueryWorkerData): Promise<void> {
  const send = (message: FromWorker<QueryAnswer>) => port.postMessage(message);
  const waiting = new Map<number, AbortController>();
  // One thread: a query is too short to be worth waking another.
  const opening = openExitSessions(table, padId, 1);

  async function run(id: number, tokens: Int32Array): Promise<void> {
    const asked = new AbortController();
    waiting.set(id, asked);
    // While somebody types, the cancellation of this query may already be waiting behind it.
    const isStillWanted = async () => {
      await yieldToEventLoop();
      checkAborted(asked.signal);
    };
    try {
      const sessions = await opening.catch(() => undefined);
      if (!sessions) return; // which `serve` tells
      await isStillWanted();
      const { shallow, deep } = await sessions.run([tokens], "deep", isStillWanted);
      send({ kind: "ran", id, shallow, deep: deep! });
    } catch (error) {
      if (!isAbort(error)) send({ kind: "failed", id, message: userMessage(error) });
    } finally {
      waiting.delete(id);
    }
  }

  port.on("message", (message: ToWorker<QueryRequest>) => {
    if (message.kind === "run") void run(message.id, message.tokens);
    else if (message.kind === "abort") waiting.get(message.id)?.abort();
    else
      void opening
        .then((sessions) => sessions.release(), () => {})
        .finally(() => port.close());
  });
  await opening;
}

if (parentPort) {
  const port = parentPort;
  serve(port, workerData as QueryWorkerData).catch((error: unknown) => {
    port.postMessage({ kind: "unusable", code: StrataError.is(error) ? error.code : "engine.failed", message: userMessage(error) } satisfies FromWorker<QueryAnswer>);
    port.close();
  });
}
