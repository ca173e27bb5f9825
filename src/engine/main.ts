// Entry of the engine process: one index, many clients over a local pipe. Composes Engine and JSON-RPC; knows tokens, versions,
// idle time and orderly ends; what the product does is in engine.ts.
import { randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { type CancellationToken, createMessageConnection, type Message, type MessageConnection, type RequestType, ResponseError, SocketMessageReader, SocketMessageWriter } from "vscode-jsonrpc/node";
import { isAbort } from "../base/abort.ts";
import { build, compareBuilds } from "../base/assets.ts";
import { type ErrorCode, StrataError, userMessage } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { written } from "../base/patiently.ts";
import { asStrataError } from "../store/store.ts";
import { signalOf } from "./cancellation.ts";
import { ENDED, type StartMessage } from "./connect.ts";
import { Engine } from "./engine.ts";
import { createLog } from "./logFile.ts";
import { type EngineRecord, engineLogFile, engineRecordFile, forgetOtherBuilds, indexFolder, makeIndexFolder, newSocketAddress, removeSockets } from "./paths.ts";
import * as protocol from "./protocol.ts";
import { hashOf, whenReplaced } from "./replaced.ts";
import { newestOnly } from "./reporting.ts";
import { assertShape } from "./requests.ts";

/** What somebody who has not shown the token may take of this engine: time, and bytes of its memory. */
const HANDSHAKE_MS = 5_000;
const STRANGER_BYTES = 64_000;
/** How long an engine that succeeds an older one waits for the index: a client gives the older one 20 s to end in order, then ends it. */
const SUCCEED_MS = 30_000;

/** A client that is about to go needs no news; that it has gone is noticed at its socket. */
async function notify(send: () => Promise<void>): Promise<void> {
  try {
    await send();
  } catch {
    // closed: thrown at once, or when the write fails
  }
}

/** To a client that is refused, the answer is the last it hears. */
class Writer extends SocketMessageWriter {
  isLast = false;
  override async write(message: Message): Promise<void> {
    await super.write(message);
    if (this.isLast) this.end();
  }
}

class Server {
  readonly #engine: Engine;
  readonly #record: EngineRecord;
  readonly #root: string;
  readonly #idleMs: number;
  readonly #log: Log;
  readonly #end: () => void;
  /** With what tells each of them the index's state. */
  readonly #clients = new Map<MessageConnection, (status: protocol.Status) => void>();
  #idle: NodeJS.Timeout | undefined;
  /** Who has paused indexing. */
  #pausedBy: MessageConnection | undefined;

  constructor(options: { engine: Engine; record: EngineRecord; root: string; idleMs: number; log: Log; end: () => void }) {
    this.#engine = options.engine;
    this.#record = options.record;
    this.#root = options.root;
    this.#idleMs = options.idleMs;
    this.#log = options.log;
    this.#end = options.end;
    this.#waitForClients();
  }

  broadcast(status: protocol.Status): void {
    for (const tell of this.#clients.values()) tell(status);
  }

  accept(socket: net.Socket): void {
    const writer = new Writer(socket);
    const connection = createMessageConnection(new SocketMessageReader(socket), writer);
    const stranger = setTimeout(() => socket.destroy(), HANDSHAKE_MS);
    // All that comes is kept until it is a message.
    const hear = () => socket.bytesRead > STRANGER_BYTES && socket.destroy();
    socket.on("data", hear);
    /** Ends streams that the client did not wait for. */
    const gone = new AbortController();
    connection.onRequest(protocol.handshake, (params) => {
      const result = this.#checkHandshake(params, connection);
      writer.isLast = result instanceof ResponseError && result.data?.code === ("engine.unreachable" satisfies ErrorCode);
      if (writer.isLast) return result;
      clearTimeout(stranger);
      socket.off("data", hear);
      if (!(result instanceof ResponseError)) {
        this.#clients.set(connection, newestOnly((status) => notify(() => connection.sendNotification(protocol.statusChanged, status))));
        clearTimeout(this.#idle);
        this.#serve(connection, gone.signal);
        this.#log("info", `${params.client} connected`);
      }
      return result;
    });
    socket.on("error", (error) => this.#log("debug", "a client's connection failed", error));
    socket.on("close", () => {
      clearTimeout(stranger);
      gone.abort();
      connection.dispose();
      this.#endPause(connection);
      if (this.#clients.delete(connection)) this.#waitForClients();
    });
    connection.listen();
  }

  #checkHandshake(params: protocol.HandshakeParams, connection: MessageConnection): protocol.HandshakeResult | ResponseError<protocol.ErrorData> {
    const refuse = (code: string, sentence: string) => new ResponseError(-32001, sentence, { code });
    const given = Buffer.from(typeof params?.token === "string" ? params.token : "");
    const expected = Buffer.from(this.#record.token);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return refuse("engine.unreachable", "This engine belongs to another user or run. Start again.");
    if (params.protocol > protocol.PROTOCOL_VERSION || (params.protocol === protocol.PROTOCOL_VERSION && compareBuilds(build, params.build) < 0)) {
      // The one request an outdated engine still answers.
      connection.onRequest(protocol.shutdown, () => this.#end());
      return refuse("engine.older", `The running engine (${build}) is older than this client (${params.build}); it is replaced.`);
    }
    if (params.protocol < protocol.PROTOCOL_VERSION)
      return refuse("engine.newer", `This index is served by a newer Strata (${build}); this one is ${params.build}. Update this one, or close the other program that uses ${this.#root}.`);
    const { id, version, hash } = this.#engine.model;
    return { protocol: protocol.PROTOCOL_VERSION, build, pid: process.pid, model: { id, version, hash }, root: this.#root };
  }

  #serve(connection: MessageConnection, gone: AbortSignal): void {
    const engine = this.#engine;
    /** Turns every failure into a ResponseError with a code; a bug in one request never ends the process. */
    const guard = async <R>(work: () => R | Promise<R>): Promise<R | ResponseError<protocol.ErrorData>> => {
      try {
        return await work();
      } catch (error) {
        if (isAbort(error)) return engine.isEnding ? new ResponseError(-32000, ENDED, { code: "engine.unreachable" }) : new ResponseError(-32800, "The request was cancelled.", { code: "cancelled" });
        if (!StrataError.is(error)) this.#log("error", "a request failed", error);
        return new ResponseError(-32000, StrataError.is(error) ? error.message : `Strata met an unexpected problem (${userMessage(error)}). The log of the engine has the details.`, {
          code: StrataError.is(error) ? error.code : "engine.failed",
        });
      }
    };
    /** The same for a request whose parameters must have a shape. */
    const answer = <P, R>(type: RequestType<P, R, protocol.ErrorData>, work: (params: P, token: CancellationToken) => R | Promise<R>) =>
      connection.onRequest<P, unknown, protocol.ErrorData>(type, (params, token) =>
        guard(() => {
          assertShape(type.method, params);
          return work(params, token);
        }),
      );
    const update = (streamId: string | undefined) =>
      streamId === undefined
        ? undefined
        : (result: protocol.SearchResult) => {
            if (!gone.aborted) void notify(() => connection.sendNotification(protocol.searchUpdate, { streamId, result }));
          };
    const whileThere = (token: CancellationToken): AbortSignal => AbortSignal.any([signalOf(token), gone]);
    // A streamed search goes on after its first answer, until the same asker asks the next one or leaves.
    const streams = new Map<string, AbortController>();
    const streaming = (streamId: string | undefined, token: CancellationToken): AbortSignal => {
      if (streamId === undefined) return whileThere(token);
      const asker = streamId.split(":", 1)[0]!;
      streams.get(asker)?.abort();
      const stream = new AbortController();
      streams.set(asker, stream);
      return AbortSignal.any([signalOf(token), stream.signal, gone]);
    };
    const report = ({ progressToken }: protocol.ReportingParams) =>
      progressToken === undefined ? undefined : newestOnly(async (progress: protocol.Progress) => gone.aborted || notify(() => connection.sendProgress(protocol.progress, progressToken, progress)));
    answer(protocol.search, (params, token) => engine.search(params, streaming(params.streamId, token), update(params.streamId)));
    answer(protocol.similar, (params, token) => engine.similar(params, whileThere(token)));
    answer(protocol.duplicates, (params, token) => engine.duplicates(params, whileThere(token), report(params)));
    answer(protocol.index, (params, token) => engine.index(params.depth, whileThere(token)));
    answer(protocol.filesChanged, (params, token) => engine.filesChanged(params.paths, signalOf(token)));
    answer(protocol.configure, (settings) => this.#configure(connection, settings));
    answer(protocol.chooseModel, (params, token) => engine.chooseModel(params.folder, whileThere(token)));
    connection.onRequest(protocol.rebuild, () => guard(() => engine.rebuild()));
    connection.onRequest(protocol.status, () => guard(() => engine.status()));
    connection.onRequest(protocol.leftOut, () => guard(() => engine.leftOut()));
    connection.onRequest(protocol.shutdown, () => this.#end());
    connection.onRequest(protocol.endUnlessUsed, () => {
      const isUsed = this.#clients.size > 1;
      if (!isUsed) this.#end();
      return !isUsed;
    });
  }

  #configure(by: MessageConnection, settings: protocol.EngineSettings): Promise<void> {
    if (settings.paused !== undefined) this.#pausedBy = settings.paused ? by : undefined;
    return this.#engine.configure(settings);
  }

  /** With the client that paused goes whoever meant to resume: others would find an index that does not get current. */
  #endPause(connection: MessageConnection): void {
    if (this.#pausedBy !== connection) return;
    this.#configure(connection, { ...this.#engine.settings, paused: false }).catch((error: unknown) => this.#log("warn", "the pause did not end with its client", error));
  }

  #waitForClients(): void {
    if (this.#clients.size > 0) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(this.#end, this.#idleMs);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { root: { type: "string" }, idle: { type: "string" }, model: { type: "string" }, "graph-from": { type: "string" }, succeed: { type: "boolean" } } });
  const root = values.root;
  if (root === undefined) throw new StrataError("input.invalid", "The engine is started by Strata's clients; it needs --root.");
  const folder = indexFolder(root);
  makeIndexFolder(folder, root);
  process.umask(0o077); // everything the engine makes is its owner's alone
  const log = createLog(engineLogFile(folder));
  const program = process.argv[1]!;
  const ownHash = hashOf(program) ?? "";
  log("info", `engine ${build} starts for ${root}, pid ${process.pid}, Node ${process.version}`);

  let server: Server | undefined;
  const graphFrom = values["graph-from"] === undefined ? undefined : Number(values["graph-from"]);
  const parseWorkers = Math.max(1, Math.min(os.availableParallelism(), 4));
  const mayWait = values.succeed ? waitingFor(SUCCEED_MS) : undefined;
  const engine = await Engine.open({ root, folder, modelFolder: values.model ?? "", parseWorkers, graphFrom, mayWait, log }, (status) => server?.broadcast(status));

  removeSockets(folder); // the index is this process's now, so whoever made them was killed
  const nonce = randomBytes(16).toString("hex");
  const record: EngineRecord = { pid: process.pid, address: newSocketAddress(folder, nonce), token: randomBytes(32).toString("hex"), build };
  const recordFile = engineRecordFile(folder);
  const listener = net.createServer((socket) => server?.accept(socket));

  let ending: Promise<void> | undefined;
  const end = (): Promise<void> =>
    (ending ??= (async () => {
      log("info", "engine ends");
      listener.close();
      try {
        // Only our own record: a successor may have written its own by now.
        if ((JSON.parse(readFileSync(recordFile, "utf8")) as EngineRecord).pid === process.pid) rmSync(recordFile);
      } catch {
        // gone already
      }
      await engine.close().catch((error: unknown) => log("error", "the index was not closed in order", error));
      process.exit(0);
    })());
  // Clients ask the next one, which is what lies there by then.
  const files = (): [string, string][] => [[program, ownHash], [path.join(engine.model.folder, "manifest.json"), engine.model.hash]];
  whenReplaced(files, () => {
    log("info", "an update has replaced the program or the model");
    void end();
  });
  server = new Server({ engine, record, root, idleMs: Number(values.idle ?? 300_000), log, end: () => void end() });
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => void end());

  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(record.address, resolve);
  });
  if (process.platform !== "win32") chmodSync(record.address, 0o600);
  try {
    written(recordFile, JSON.stringify(record))(); // clients may be reading the one before
  } catch (error) {
    throw asStrataError(error, folder); // a full disk: nobody would find this engine
  }
  tellStarter({ ready: true });
  forgetOtherBuilds(process.env["NODE_COMPILE_CACHE"]);
}

/** Tells the starter, who then asks the older engine to end; no longer than the starter is there to do so. */
function waitingFor(ms: number): () => boolean {
  const until = Date.now() + ms;
  let told = false;
  return () => {
    if (!told) tellStarter({ waits: true });
    told = true;
    return process.connected && Date.now() < until;
  };
}

/** Over the start-up channel of connect.ts; an engine started by hand has none, and a starter may have given up or ended. */
function tellStarter(message: StartMessage): void {
  // Without the callback a channel that closes meanwhile is an uncaught error.
  if (process.connected) process.send?.(message, () => {});
}

process.on("uncaughtException", (error) => fatal(error));
process.on("unhandledRejection", (error) => fatal(error));

let dying = false;

/** An engine in an unknown state is worse than none: it says why and ends; clients start a new one, the index is consistent. */
function fatal(error: unknown): void {
  if (dying) return; // what fails on the way out says nothing new
  dying = true;
  tellStarter({ error: { code: StrataError.is(error) ? error.code : "engine.failed", message: userMessage(error) } });
  const at = process.argv.indexOf("--root");
  const root = process.argv[at + 1];
  if (at > 0 && root !== undefined) createLog(engineLogFile(indexFolder(root)))("error", "the engine ends", error);
  setTimeout(() => process.exit(3), 100); // time for the message to leave
}

main().catch(fatal);
