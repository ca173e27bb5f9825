// Requests to one worker thread and their answers. The thread starts when it is first needed, keeps no process alive while nothing waits for it, and is
// started again when it dies; one that dies twice in a row, or says that it cannot work at all, is given up.
import { Worker } from "node:worker_threads";
import { checkAborted } from "../base/abort.ts";
import { StrataError, type ErrorCode } from "../base/errors.ts";
import type { Log } from "../base/log.ts";

/** What every worker is told, beside its own requests. */
export type ToWorker<Request> = (Request & { readonly id: number }) | { readonly kind: "abort"; readonly id: number } | { readonly kind: "close" };

/** What every worker says, beside its own answers. */
export type FromWorker<Answer> =
  | (Answer & { readonly id: number })
  | { readonly kind: "failed"; readonly id: number; readonly message: string }
  /** Its sessions cannot be opened at all; it ends. */
  | { readonly kind: "unusable"; readonly code: ErrorCode; readonly message: string };

export interface WorkerProgram {
  readonly file: string;
  readonly data: unknown;
  /** As logs call it: "encode". */
  readonly name: string;
  /** After so long without a call the thread ends, and gives its memory back; undefined: it stays. */
  readonly retireAfterMs?: number;
}

/** A thread that dies this often in a row, without one answer between, is not started again. */
const MAX_DEATHS = 2;

interface Pending<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export class WorkerCalls<Request extends { readonly kind: string }, Answer extends { readonly kind: string }> {
  readonly #program: WorkerProgram;
  readonly #log: Log;
  readonly #pending = new Map<number, Pending<Answer>>();
  #worker: Worker | undefined;
  #retirement: NodeJS.Timeout | undefined;
  #nextId = 1;
  #deaths = 0;
  #refusal: StrataError | undefined;

  constructor(program: WorkerProgram, log: Log) {
    this.#program = program;
    this.#log = log;
  }

  /** Starts the thread ahead of the first call. */
  start(): void {
    this.#started();
  }

  /** @throws StrataError "engine.failed", or what the worker calls itself unusable for; the signal's reason as soon as it aborts */
  async call(request: Request, signal: AbortSignal | undefined): Promise<Answer> {
    checkAborted(signal);
    const worker = this.#started();
    clearTimeout(this.#retirement);
    worker.ref();
    const id = this.#nextId++;
    const onAbort = () => {
      this.#pending.get(id)?.reject(signal!.reason);
      this.#pending.delete(id);
      this.#send(worker, { kind: "abort", id });
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        this.#send(worker, { ...request, id });
      });
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#rest();
    }
  }

  /** Ends the thread, and with `refusal` what waits for it and what comes later. */
  async close(refusal: StrataError): Promise<void> {
    clearTimeout(this.#retirement);
    this.#refusal ??= refusal;
    const worker = this.#worker;
    this.#worker = undefined;
    this.#rejectAll(this.#refusal);
    if (!worker) return;
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    worker.ref();
    this.#send(worker, { kind: "close" });
    await ended;
  }

  #send(worker: Worker, message: ToWorker<Request>): void {
    worker.postMessage(message);
  }

  #rest(): void {
    if (this.#pending.size > 0) return;
    this.#worker?.unref();
    clearTimeout(this.#retirement);
    if (this.#program.retireAfterMs !== undefined) this.#retirement = setTimeout(() => this.#retire(), this.#program.retireAfterMs).unref();
  }

  #retire(): void {
    if (this.#worker) this.#send(this.#worker, { kind: "close" });
    this.#worker = undefined;
  }

  #started(): Worker {
    if (this.#refusal) throw this.#refusal;
    if (this.#worker) return this.#worker;
    const { file, data, name } = this.#program;
    const worker = new Worker(file, { workerData: data, name: `strata-${name}` });
    worker.unref();
    worker.on("message", (message: FromWorker<Answer>) => {
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

  #answered(message: FromWorker<Answer>): void {
    if (isUnusable(message)) {
      this.#refusal = new StrataError(message.code, message.message);
      this.#worker = undefined;
      this.#log("error", `The ${this.#program.name} worker cannot run the model`, this.#refusal);
      this.#rejectAll(this.#refusal);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    // Undefined when it was aborted meanwhile.
    if (!pending) return;
    if (hasFailed(message)) {
      pending.reject(new StrataError("engine.failed", `The model failed on a text: ${message.message}. Run "Strata: Doctor", and report this if it happens again.`));
      return;
    }
    this.#deaths = 0;
    pending.resolve(message);
  }

  #died(cause: unknown): void {
    this.#worker = undefined;
    this.#deaths++;
    const error = new StrataError("engine.failed", "A thread of the encoder ended unexpectedly; it is started again when it is next needed. If this repeats, restart the engine.", cause);
    if (this.#deaths >= MAX_DEATHS) this.#refusal = new StrataError("engine.failed", "A thread of the encoder ended twice without an answer. Restart the engine; \"Strata: Show Log\" has the reason.", cause);
    this.#log("error", `The ${this.#program.name} worker died (${this.#deaths} of ${MAX_DEATHS} in a row)`, error);
    this.#rejectAll(error);
  }

  #rejectAll(error: StrataError): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
  }
}

// The kinds of answers are the workers' own, so TypeScript cannot tell these two from them.
function isUnusable<Answer extends { readonly kind: string }>(message: FromWorker<Answer>): message is Extract<FromWorker<never>, { kind: "unusable" }> {
  return message.kind === "unusable";
}
function hasFailed<Answer extends { readonly kind: string }>(message: FromWorker<Answer>): message is Extract<FromWorker<never>, { kind: "failed" }> {
  return message.kind === "failed";
}
