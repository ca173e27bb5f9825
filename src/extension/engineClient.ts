// The connection to one folder's engine: made on first need, supervised, made again after a crash, given up with a reason.
// Owns no policy about what to ask. vscode-free: connecting and time are passed in, so tests need neither.
import type { CancellationToken, MessageConnection, RequestType, RequestType0 } from "vscode-jsonrpc/node";
import { StrataError, userMessage } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { OnProgress } from "../base/progress.ts";
import { withToken } from "../engine/cancellation.ts";
import * as protocol from "../engine/protocol.ts";
import { withProgress } from "../engine/reporting.ts";
import { createRestartPolicy } from "./restartPolicy.ts";

export type ClientState =
  | { readonly kind: "idle" }
  | { readonly kind: "starting" }
  | { readonly kind: "running"; readonly pid: number }
  | { readonly kind: "restarting"; readonly inMs: number }
  | { readonly kind: "failed"; readonly code: string; readonly reason: string };

/** What a connector gives; engine/connect.ts's EngineConnection fits. */
export interface Connected {
  readonly connection: MessageConnection;
  readonly info: protocol.HandshakeResult;
  dispose(): void;
}

export interface Clock {
  now(): number;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

interface EngineClientOptions {
  readonly connect: (signal: AbortSignal) => Promise<Connected>;
  /** Turns a failed request into the error to show (engine/connect.ts's fromWire). */
  readonly fromWire: (error: unknown) => Error;
  readonly settings: () => protocol.EngineSettings;
  readonly log: Log;
  readonly clock: Clock;
  /** State, status or the stream changed; read them from the client. */
  readonly onChange: () => void;
  readonly onSearchUpdate: (streamId: string, result: protocol.SearchResult) => void;
}

type AnyRequest<P, R> = RequestType<P, R, protocol.ErrorData> | RequestType0<R, protocol.ErrorData>;

export class EngineClient {
  state: ClientState = { kind: "idle" };
  /** The engine's last word; kept over a crash, so that the figures do not vanish. */
  status: protocol.Status | undefined;
  readonly #options: EngineClientOptions;
  readonly #policy = createRestartPolicy();
  #connected: Connected | undefined;
  #starting: Promise<Connected> | undefined;
  #abort = new AbortController();
  #cancelTimer: (() => void) | undefined;
  #restart: Promise<void> | undefined;
  #disposed = false;

  constructor(options: EngineClientOptions) {
    this.#options = options;
  }

  /**
   * Sends a request, starting the engine when needed. A request that the engine's end cut off is sent once more to the next
   * engine: all of them may be repeated. Of the progress hears who asks with ReportingParams.
   * @throws StrataError, or an AbortError when `signal` is aborted.
   */
  request<R>(type: RequestType0<R, protocol.ErrorData>, params: undefined, signal?: AbortSignal): Promise<R>;
  request<P, R>(type: RequestType<P, R, protocol.ErrorData>, params: P, signal?: AbortSignal, onProgress?: OnProgress): Promise<R>;
  async request<P, R>(type: AnyRequest<P, R>, params: P, signal?: AbortSignal, onProgress?: OnProgress): Promise<R> {
    for (let attempt = 0; ; attempt++) {
      signal?.throwIfAborted();
      const connected = await this.#need();
      try {
        const answer = await withProgress(connected.connection, onProgress, (besides) => send(connected.connection, type, onProgress ? { ...params, ...besides } : params, signal));
        signal?.throwIfAborted(); // an engine may answer a cancelled request all the same; nobody waits for that answer
        return answer;
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        const failure = this.#options.fromWire(error);
        // An engine that ends in order, as for a newer Strata, answers so before its connection closes.
        if (StrataError.is(failure, "engine.unreachable")) this.#ended(connected);
        const engineEnded = this.#connected !== connected;
        if (!engineEnded || attempt > 0 || this.#disposed) throw failure;
        this.#options.log("info", `sending ${type.method} again after the engine ended`);
      }
    }
  }

  /** Starts the engine without asking it anything. Failure is a state, not an exception. */
  async start(): Promise<void> {
    await this.#need().catch(() => undefined);
  }

  /** Ends the connection, asks the engine to end, starts a new one. Calls made meanwhile join the one under way. */
  restart(): Promise<void> {
    this.#restart ??= this.#restartNow().finally(() => {
      this.#restart = undefined;
    });
    return this.#restart;
  }

  /** Sends the present settings, if an engine is there to hear them. */
  async configure(): Promise<void> {
    if (!this.#connected) return;
    try {
      await send(this.#connected.connection, protocol.configure, this.#options.settings(), undefined);
    } catch (error) {
      this.#options.log("warn", "the engine did not take the settings", error);
    }
  }

  dispose(): void {
    this.#disposed = true;
    this.#abort.abort();
    this.#cancelTimer?.();
    this.#drop();
  }

  async #restartNow(): Promise<void> {
    this.#cancelTimer?.();
    this.#policy.reset();
    // A start under way may be hanging: it is abandoned, and its outcome no longer counts.
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#starting = undefined;
    const connected = this.#connected;
    this.#connected = undefined;
    if (connected) {
      const asked = send(connected.connection, protocol.shutdown, undefined, undefined).catch(() => undefined);
      await Promise.race([asked, new Promise<void>((resolve) => void this.#options.clock.after(3_000, resolve))]);
      connected.dispose();
    }
    this.#set({ kind: "idle" });
    await this.start();
  }

  #need(): Promise<Connected> {
    if (this.#disposed) return Promise.reject(new StrataError("engine.unreachable", "Strata is closing."));
    if (this.#connected) return Promise.resolve(this.#connected);
    // Given up means given up: only a person's restart tries again, else every key stroke would start a broken engine.
    if (this.state.kind === "failed") return Promise.reject(new StrataError("engine.failed", this.state.reason));
    this.#starting ??= this.#connect(this.#abort.signal);
    return this.#starting;
  }

  async #connect(signal: AbortSignal): Promise<Connected> {
    this.#cancelTimer?.();
    this.#set({ kind: "starting" });
    try {
      const connected = await this.#options.connect(signal);
      if (signal.aborted) {
        connected.dispose();
        signal.throwIfAborted();
      }
      this.#starting = undefined;
      this.#connected = connected;
      this.#listen(connected);
      this.#set({ kind: "running", pid: connected.info.pid });
      return connected;
    } catch (error) {
      if (signal.aborted) throw error;
      this.#starting = undefined;
      this.#options.log("error", "the engine did not start", error);
      this.#set({ kind: "failed", code: error instanceof StrataError ? error.code : "engine.failed", reason: userMessage(error) });
      throw error;
    }
  }

  #listen(connected: Connected): void {
    const { connection } = connected;
    connection.onNotification(protocol.statusChanged, (status) => this.#hear(connected, status));
    connection.onNotification(protocol.searchUpdate, ({ streamId, result }) => this.#options.onSearchUpdate(streamId, result));
    connection.onDispose(() => this.#ended(connected));
    connection.onClose(() => this.#ended(connected));
    void this.configure();
    void this.#askStatus(connected);
  }

  async #askStatus(connected: Connected): Promise<void> {
    try {
      this.#hear(connected, await send(connected.connection, protocol.status, undefined, undefined));
    } catch (error) {
      this.#options.log("debug", "no first status", error); // the end of the connection is handled where it is noticed
    }
  }

  #hear(from: Connected, status: protocol.Status): void {
    if (from !== this.#connected) return;
    this.status = status;
    this.#options.onChange();
  }

  #ended(connected: Connected): void {
    if (connected !== this.#connected) return;
    this.#drop();
    const wait = this.#policy.ended(this.#options.clock.now());
    if (wait === "give up") {
      this.#options.log("error", "the engine keeps ending; giving up");
      this.#set({ kind: "failed", code: "engine.failed", reason: "The engine ended several times in a row, so Strata stopped starting it. Look at the log, then restart it." });
      return;
    }
    this.#options.log("warn", `the engine (process ${connected.info.pid}) ended unexpectedly; starting it again in ${wait} ms`);
    this.#set({ kind: "restarting", inMs: wait });
    // Requests made meanwhile do not wait for the timer (see #need): the delay only holds back starts nobody asked for.
    this.#cancelTimer = this.#options.clock.after(wait, () => void this.start());
  }

  #drop(): void {
    const connected = this.#connected;
    this.#connected = undefined;
    connected?.dispose();
  }

  #set(state: ClientState): void {
    this.state = state;
    this.#options.onChange();
  }
}

/** sendRequest with an AbortSignal in place of a token. */
async function send<P, R>(connection: MessageConnection, type: AnyRequest<P, R>, params: P, signal: AbortSignal | undefined): Promise<R> {
  // By method name: the typed overload refuses requests whose parameter type is still generic.
  const args = type.numberOfParams === 0 ? [] : [params];
  const ask = (...token: readonly CancellationToken[]) => connection.sendRequest<R>(type.method, ...args, ...token);
  return signal ? withToken(signal, ask) : ask();
}
