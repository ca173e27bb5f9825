// One command's conversation with the engine of a folder: connects (starting the engine when none runs), turns the signal into
// cancellation, passes progress on, and lets go. Shared by all commands and by the MCP server.
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { type CancellationToken, CancellationTokenSource, type RequestParam, type RequestType, type RequestType0 } from "vscode-jsonrpc/node";
import { packageRoot } from "../base/assets.ts";
import { StrataError } from "../base/errors.ts";
import { sha256 } from "../base/hash.ts";
import type { Log } from "../base/log.ts";
import { connectEngine, fromWire, type ConnectOptions, type EngineConnection } from "../engine/connect.ts";
import * as protocol from "../engine/protocol.ts";
import { progressDisplay } from "./progress.ts";
import type { Context, Terminal } from "./terminal.ts";

export interface EngineSession {
  readonly info: protocol.HandshakeResult;
  readonly indexFolder: string;
  /** Rejects at once when the signal aborts; the engine is told and stops on its own. */
  request<P, R>(type: RequestType<P, R, protocol.ErrorData>, params: RequestParam<P>, signal: AbortSignal): Promise<R>;
  /** The same for a request without parameters. */
  ask<R>(type: RequestType0<R, protocol.ErrorData>, signal: AbortSignal): Promise<R>;
  onStatus(listener: (status: protocol.Status) => void): { dispose(): void };
  /** Called once when the connection ends, by either side. */
  onClose(listener: () => void): void;
  dispose(): void;
}

export interface SessionOptions {
  readonly root: string;
  readonly client: ConnectOptions["client"];
  readonly modelFolder: string | undefined;
  readonly log: Log;
  /** False: do not start an engine that is not running. */
  readonly start: boolean;
  readonly signal: AbortSignal;
}

/** @throws StrataError as connectEngine does. */
export async function openSession(options: SessionOptions): Promise<EngineSession> {
  const { modelFolder, ...rest } = options;
  const connect = (): Promise<EngineConnection> => connectEngine({ ...rest, ...(modelFolder !== undefined && { modelFolder }) });
  let engine = await connect();
  if (modelFolder !== undefined && engine.info.model.hash !== manifestHash(modelFolder)) {
    // An index has one model at a time, so the one that was asked for replaces the one that runs.
    await engine.connection.sendRequest(protocol.shutdown).catch(() => {});
    engine.dispose();
    engine = await connect();
  }
  return wrap(engine);
}

function wrap({ connection, info, folder, dispose }: EngineConnection): EngineSession {
  const listeners = new Set<(status: protocol.Status) => void>();
  connection.onNotification(protocol.statusChanged, (status) => {
    for (const listener of listeners) listener(status);
  });
  return {
    info,
    indexFolder: folder,
    dispose,
    onClose: (listener) => void connection.onClose(listener),
    onStatus(listener) {
      listeners.add(listener);
      return { dispose: () => void listeners.delete(listener) };
    },
    request: (type, params, signal) => cancellable((token) => connection.sendRequest(type, params, token), signal),
    ask: (type, signal) => cancellable((token) => connection.sendRequest(type, token), signal),
  };
}

async function cancellable<R>(send: (token: CancellationToken) => Promise<R>, signal: AbortSignal): Promise<R> {
  signal.throwIfAborted();
  const source = new CancellationTokenSource();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => {
    source.cancel();
    reject(signal.reason as Error);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([send(source.token), aborted]);
  } catch (error) {
    throw signal.aborted ? signal.reason : fromWire(error);
  } finally {
    signal.removeEventListener("abort", onAbort);
    source.dispose();
  }
}

/** Runs `work` with the engine of a folder and lets go of it afterwards, whatever happens. */
export async function withEngine<T>(context: Context, folder: string, work: (session: EngineSession) => Promise<T>, start = true): Promise<T> {
  const session = await openSession({ root: existingFolder(folder), client: "cli", modelFolder: context.modelFolder, log: terminalLog(context), start, signal: context.signal });
  try {
    return await work(session);
  } finally {
    session.dispose();
  }
}

/** Brings the index to a depth, with progress on the terminal; resolves with the engine's last word. */
export async function bringTo(session: EngineSession, depth: protocol.Depth, context: Context, signal: AbortSignal = context.signal): Promise<protocol.Status> {
  const display = progressDisplay(context.terminal, context.json);
  const subscription = session.onStatus(({ state }) => {
    if (state.kind === "scanning" || state.kind === "deepening") display.show(state.progress);
  });
  try {
    return await session.request(protocol.index, { depth }, signal);
  } finally {
    subscription.dispose();
    display.end();
  }
}

export function existingFolder(folder: string): string {
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) throw new StrataError("workspace.missing", `There is no folder ${folder}. Check the path, or name another folder with --in.`);
  if (!stat.isDirectory()) throw new StrataError("workspace.missing", `${folder} is a file. Name the folder to search with --in.`);
  return path.resolve(folder);
}

/** `--model` takes a folder, or the name of one in the package's models folder. */
export function resolveModel(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  for (const folder of [path.resolve(given), path.join(packageRoot, "models", given)]) if (statSync(path.join(folder, "manifest.json"), { throwIfNoEntry: false })) return folder;
  throw new StrataError("model.missing", `There is no model "${given}". Give a folder that holds a manifest.json, or a name that "strata models" lists.`);
}

function manifestHash(folder: string): string {
  return sha256(readFileSync(path.join(folder, "manifest.json")));
}

function terminalLog({ json, terminal }: { json: boolean; terminal: Terminal }): Log {
  return (level, message) => {
    if (!json && level === "error") terminal.err(`strata: ${message}\n`);
  };
}
