// Finds the running engine of an index or starts one, and shakes hands. Every client (extension, terminal, agents, tests)
// comes in through here, so there is one writer per index and one warm model for all.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { ConnectionError, createMessageConnection, ErrorCodes, type MessageConnection, ResponseError, SocketMessageReader, SocketMessageWriter } from "vscode-jsonrpc/node";
import { breathe } from "../base/abort.ts";
import { build, entryFile } from "../base/assets.ts";
import { type ErrorCode, errorCodes, StrataError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { cacheFolder, canonicalRoot, type EngineRecord, engineLogFile, engineRecordFile, indexFolder, makeCacheFolder, makeCompiledFolder } from "./paths.ts";
import { endUnlessUsed, type ErrorData, handshake, type HandshakeParams, type HandshakeResult, PROTOCOL_VERSION, shutdown } from "./protocol.ts";

export interface ConnectOptions {
  /** The workspace folder; made canonical here. */
  readonly root: string;
  readonly client: HandshakeParams["client"];
  readonly log: Log;
  /** Folder of the model for an engine that is started here; "" or absent for the bundled default. */
  readonly modelFolder?: string | undefined;
  /** How long a started engine stays after its last client has left. Default 5 minutes. */
  readonly idleMs?: number;
  /** Vectors from which an engine that is started here keeps a graph; tests look at graphs of small workspaces. Default: see store/graphs.ts. */
  readonly graphFrom?: number;
  /** File of the engine's program; the bench, itself run from source, names the bundle that people run. */
  readonly program?: string;
  /** False: only an engine that already runs. Default true. */
  readonly start?: boolean;
  /** How long a running engine may take to answer, or to make room for a newer one, before it counts as frozen. Default 20 s; tests wait shorter. */
  readonly patienceMs?: number;
  /** What this client says of itself; tests pretend to be newer or older. */
  readonly identity?: { readonly protocol: number; readonly build: string };
  readonly signal?: AbortSignal;
}

export interface EngineConnection {
  readonly connection: MessageConnection;
  readonly info: HandshakeResult;
  /** Index folder, for logs and messages. */
  readonly folder: string;
  dispose(): void;
}

/** How long an engine that says it is up may be out of reach. */
const REACH_MS = 20_000;
const PATIENCE_MS = 20_000;
/** How often a client that replaces an engine looks whether the next one is there. */
const LOOK_MS = 25;
/** How long another process may have the index without answering: it opens a large one, or never ends. */
const BUSY_MS = 600_000;
/** How long a program that is no engine may hold the database or its lock, as a backup or a virus scanner does. */
const HELD_MS = 5_000;
/** While another process has the index, a start of our own is tried after this long, then after twice as long each time up to the most: it may end without having answered. */
const startAgainMs = { first: 250, most: 5_000 };

/**
 * Connects to the engine of `root`. One that is started here is waited for as long as it lives: opening a large index takes minutes after a kill or an
 * update, and nobody else could have the index meanwhile.
 * @throws StrataError "workspace.missing", "engine.unreachable", "engine.newer", "engine.older" (with `start: false`), "engine.failed", "index.*", "model.*".
 */
export async function connectEngine(options: ConnectOptions): Promise<EngineConnection> {
  const root = canonicalRoot(options.root);
  const folder = indexFolder(root);
  let reachBy = Infinity;
  const takenSince = new Map<ErrorCode, number>();
  let startAt = 0;
  let startAgain = startAgainMs.first;
  let ended: number | undefined;
  for (;;) {
    options.signal?.throwIfAborted();
    const record = readRecord(folder);
    const found = record && (await tryConnect(record, root, folder, options));
    if (found === "replace") continue; // an older engine has ended, and its record with it
    if (found === "frozen") {
      // Another one that is frozen, as after the machine slept while two clients replaced it, is ended as well.
      if (ended === record!.pid || options.start === false)
        throw frozen(root, record!.pid, folder);
      // It would keep the index from every other engine. What it was writing is a transaction, so the index stays sound.
      options.log("warn", `the engine of ${root} does not answer; process ${record!.pid} is ended`);
      endProcess(record!.pid);
      ended = record!.pid;
      continue;
    }
    if (found) return found;
    if (options.start === false) throw new StrataError("engine.unreachable", `No engine is running for ${root}. Run \`strata index\` there, or open the folder in VS Code.`);
    if (Date.now() > reachBy) throw new StrataError("engine.unreachable", `The engine for ${root} could not be reached within ${REACH_MS / 1000} s. Its log is ${engineLogFile(folder)}.`);
    if (Date.now() < startAt) {
      await breathe(startAgain / 10);
      continue;
    }
    const outcome = await startEngine(root, folder, options);
    const now = Date.now();
    const mayTake = outcome?.code === "index.busy" ? BUSY_MS : outcome?.code === "index.held" ? HELD_MS : 0;
    if (outcome === undefined) reachBy = Math.min(reachBy, now + REACH_MS);
    else if (mayTake === 0 || now > (takenSince.get(outcome.code) ?? now) + mayTake) throw outcome;
    else {
      // Another client may have won the race to start one: theirs answers shortly, or when it has opened the index.
      options.log("info", `another process has the index of ${root} and does not answer yet`);
      if (!takenSince.has(outcome.code)) takenSince.set(outcome.code, now);
      startAt = now + startAgain;
      startAgain = Math.min(2 * startAgain, startAgainMs.most);
    }
  }
}

const frozen = (root: string, pid: number, folder: string): StrataError =>
  new StrataError("engine.unreachable", `The engine for ${root} (process ${pid}) does not answer. End that process and try again; its log is ${engineLogFile(folder)}.`);

/**
 * Has the engine of an index save and end, unless others are connected with it. @param options with a canonical root, which need not be there any more
 * @returns whether it has ended; false too where none can be reached. @throws StrataError as connectEngine with `start: false`
 */
export async function endUnusedEngine(options: Omit<ConnectOptions, "start">): Promise<boolean> {
  const { root, patienceMs = PATIENCE_MS } = options;
  const folder = indexFolder(root);
  const record = readRecord(folder);
  const found = record && (await tryConnect(record, root, folder, { ...options, start: false }));
  if (found === "frozen") throw frozen(root, record!.pid, folder);
  if (found === undefined || found === "replace") return false;
  try {
    const gone = new Promise<boolean>((resolve) => void found.connection.onClose(() => resolve(true)));
    // Async, as in `replace`.
    const asked = (async () => found.connection.sendRequest(endUnlessUsed))().catch((error: unknown) => StrataError.is(fromWire(error), "engine.unreachable"));
    const ends = await settledWithin(patienceMs, asked);
    if (ends === "frozen") throw frozen(root, record!.pid, folder);
    if (ends && (await settledWithin(patienceMs, gone)) === "frozen")
      throw new StrataError("index.busy", `The engine for ${root} (process ${record!.pid}) is still saving what it has read. Try again in a minute.`);
    return ends;
  } finally {
    found.dispose();
  }
}

function readRecord(folder: string): EngineRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(engineRecordFile(folder), "utf8")) as Partial<EngineRecord> | null;
    // Of 0 or less whole groups of processes would be meant where an engine that does not answer is ended.
    return typeof record?.address === "string" && Number.isInteger(record.pid) && record.pid! > 0 ? (record as EngineRecord) : undefined;
  } catch {
    return undefined; // no engine has run, or what lies there is no record: both mean "start one"
  }
}

async function tryConnect(record: EngineRecord, root: string, folder: string, options: ConnectOptions): Promise<EngineConnection | "replace" | "frozen" | undefined> {
  const socket = await openSocket(record.address);
  if (!socket) return undefined;
  const connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
  connection.onError(([error]) => options.log("warn", "the connection to the engine failed", error));
  // jsonrpc leaves requests pending when the other side dies; disposing rejects them, so nobody waits for a dead engine.
  connection.onClose(() => connection.dispose());
  connection.listen();
  const dispose = () => {
    connection.dispose();
    socket.destroy();
  };
  const me = { protocol: PROTOCOL_VERSION, build, ...options.identity };
  const within = <T>(promise: Promise<T>): Promise<T | "frozen"> => settledWithin(options.patienceMs ?? PATIENCE_MS, promise);
  try {
    const info = await within(connection.sendRequest(handshake, { ...me, token: record.token, client: options.client }));
    if (info !== "frozen") return { connection, info, folder, dispose };
    dispose();
    return "frozen";
  } catch (error) {
    const failure = fromWire(error);
    if (StrataError.is(failure, "engine.older")) {
      if (options.start === false) {
        // Whoever starts none ends none either: others may be at work with it.
        dispose();
        throw new StrataError("engine.older", `The engine that is running is of an older Strata (${record.build}). It goes on until the next search with this one (${me.build}) replaces it.`, failure);
      }
      options.log("info", `replacing an older engine (${record.build}) by ${me.build}`);
      try {
        return await replace(connection, socket, root, folder, options, within);
      } finally {
        dispose();
      }
    }
    dispose();
    if (StrataError.is(failure, "engine.unreachable")) return undefined; // it ended while we shook hands
    throw failure;
  }
}

/**
 * An older engine saves and ends, and one of ours has its index. Ours stands ready first: older windows start their own engine anew as soon as theirs
 * has gone, and had theirs compiled already, so they were faster. Where ours cannot start, the older one goes on.
 */
async function replace(connection: MessageConnection, socket: net.Socket, root: string, folder: string, options: ConnectOptions, within: <T>(promise: Promise<T>) => Promise<T | "frozen">): Promise<"replace" | "frozen"> {
  const gone = new Promise<void>((resolve) => void (socket.destroyed ? resolve() : socket.once("close", () => resolve())));
  const left = new AbortController();
  const ready = Promise.withResolvers<void>();
  const started = startEngine(root, folder, { ...options, signal: AbortSignal.any([left.signal, ...(options.signal ? [options.signal] : [])]) }, ready.resolve);
  try {
    const failure = await Promise.race([ready.promise, started]);
    options.signal?.throwIfAborted();
    if (failure && failure.code !== "index.busy") throw failure;
    // Async: a connection that another client's request has closed meanwhile throws at once.
    const asked = (async () => connection.sendRequest(shutdown))().catch(() => undefined);
    if ((await within(asked.then(() => gone))) === "frozen") return "frozen";
    // Another client's may come before ours, which then leaves.
    let isOver = false;
    void started.then(() => (isOver = true));
    while (!isOver && readRecord(folder) === undefined) await breathe(LOOK_MS);
    return "replace";
  } finally {
    left.abort();
  }
}

/** The promise's outcome, or "frozen" when it takes longer; what it does afterwards is nobody's business. */
async function settledWithin<T>(ms: number, promise: Promise<T>): Promise<T | "frozen"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"frozen">((resolve) => (timer = setTimeout(() => resolve("frozen"), ms)));
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** At once: a process that does not answer does not hear a polite signal either. */
function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended by itself, or belongs to somebody else: the next attempt tells
  }
}

function openSocket(address: string): Promise<net.Socket | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect(address);
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(undefined));
  });
}

/** What a started engine says over its start-up channel. */
export type StartMessage = { readonly ready: true } | { readonly waits: true } | { readonly error: ErrorData & { readonly message: string } };

/**
 * Starts an engine process that outlives this one. With `onWaits` it waits for the index while another has it, and says so once. Resolves when it listens, with the reason why it does not, or when the signal aborts.
 * The first flag keeps V8's optimising WebAssembly compiler from taking gigabytes on large grammars (nodejs/node#63421); the second
 * keeps the young generation small: on a tree of 29,000 files it took 95 of 333 MB off the resident size. In a desktop extension host process.execPath is Electron, which runs as Node with the variable.
 */
function startEngine(root: string, folder: string, options: ConnectOptions, onWaits?: () => void): Promise<StrataError | undefined> {
  const entry = options.program ?? entryFile("engine");
  if (!existsSync(entry)) return Promise.resolve(new StrataError("engine.failed", `${entry} is missing. After an update of Strata start anew what asks (a window of VS Code, an agent's MCP server); a checkout is built by \`npm run build\`.`));
  const isBundle = !entry.endsWith(".ts");
  const args = ["--liftoff-only", "--max-semi-space-size=4", "--expose-gc", ...(isBundle ? [] : ["--no-warnings"]), entry, "--root", root, "--idle", String(options.idleMs ?? 300_000)];
  if (options.modelFolder) args.push("--model", options.modelFolder);
  if (onWaits) args.push("--succeed");
  if (options.graphFrom !== undefined) args.push("--graph-from", String(options.graphFrom));
  makeCacheFolder();
  const compiled = isBundle ? makeCompiledFolder(build) : undefined;
  return new Promise((resolve) => {
    const child = spawn(nodeForEngine(), args, {
      detached: true,
      stdio: ["ignore", "ignore", "ignore", "ipc"],
      // Of its starter it keeps neither the folder, which could not be deleted or unmounted, nor what was meant for the starter's own Node. Not the
      // index folder: no worker thread starts in a folder that somebody has deleted.
      cwd: path.parse(folder).root,
      // glibc keeps memory for each thread apart, up to eight times the cores: with two such arenas 570 MB after the first sweep of 45,000 chunks are 512.
      env: { MALLOC_ARENA_MAX: "2", ...process.env, STRATA_CACHE: cacheFolder(), NODE_COMPILE_CACHE: compiled, NODE_OPTIONS: undefined, ELECTRON_RUN_AS_NODE: "1" },
      windowsHide: true,
    });
    const done = (outcome: StrataError | undefined) => {
      options.signal?.removeEventListener("abort", abandon);
      child.removeAllListeners();
      child.on("message", () => {}); // for one that was read with the last: Node would keep it in the channel that has gone, and throw where nobody catches
      if (child.connected) child.disconnect();
      child.unref();
      resolve(outcome);
    };
    const abandon = () => done(undefined);
    options.signal?.addEventListener("abort", abandon, { once: true });
    if (options.signal?.aborted) abandon();
    child.on("message", (message: StartMessage) => {
      if ("waits" in message) onWaits?.();
      else done("ready" in message ? undefined : new StrataError(knownCode(message.error.code), message.error.message));
    });
    child.once("error", (error) => done(new StrataError("engine.failed", `The engine could not be started (${error.message}).`, error)));
    child.once("exit", (code, signal) => done(new StrataError("engine.failed", `The engine ended at once (${signal ?? `exit code ${code}`}). Its log is ${engineLogFile(folder)}; run \`strata doctor\`.`)));
  });
}

/** The running Node (or Electron as Node); a client on an older Node has re-executed itself before it gets here. */
function nodeForEngine(): string {
  return process.env["STRATA_NODE"] ?? process.execPath;
}

const knownCode = (code: string): ErrorCode => ((errorCodes as readonly string[]).includes(code) ? (code as ErrorCode) : "engine.failed");

/** What became of a request that an ending engine did not answer. */
export const ENDED = "The engine ended before it answered. It is started again with the next request; if that keeps happening, look at its log or run `strata doctor`.";

/** A failed request as a StrataError; cancellation stays an AbortError. */
export function fromWire(error: unknown): Error {
  if (error instanceof ResponseError) {
    const code = (error.data as ErrorData | undefined)?.code;
    if (code === "cancelled") return new DOMException("The request was cancelled.", "AbortError");
    if (code) return new StrataError(knownCode(code), error.message, error);
  }
  if (error instanceof ConnectionError || (error instanceof ResponseError && (error.code === ErrorCodes.PendingResponseRejected || error.code === ErrorCodes.MessageWriteError)))
    return new StrataError("engine.unreachable", ENDED, error);
  return error instanceof Error ? error : new Error(String(error));
}
