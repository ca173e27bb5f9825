// One client's conversation with the engine of a folder: connects (starting the engine when none runs), turns a signal into
// cancellation, passes progress on, and lets go. Shared by the terminal and the agents' server.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { type CancellationToken, type RequestParam, type RequestType, type RequestType0 } from "vscode-jsonrpc/node";
import { unlessAborted } from "../base/abort.ts";
import { StrataError } from "../base/errors.ts";
import { sha256 } from "../base/hash.ts";
import type { Log } from "../base/log.ts";
import type { OnProgress } from "../base/progress.ts";
import { withoutScheme } from "../base/placeName.ts";
import { realPathSync } from "../base/realPath.ts";
import { leadsOut, relativeTo } from "../base/relativePath.ts";
import { withToken } from "./cancellation.ts";
import { connectEngine, type ConnectOptions, type EngineConnection, fromWire } from "./connect.ts";
import * as protocol from "./protocol.ts";
import { withProgress } from "./reporting.ts";

export interface EngineSession {
  readonly info: protocol.HandshakeResult;
  readonly indexFolder: string;
  /** Rejects at once when the signal aborts; the engine is told and stops on its own. Of the progress hears who asks with ReportingParams. */
  request<P, R>(type: RequestType<P, R, protocol.ErrorData>, params: RequestParam<P>, signal: AbortSignal, onProgress?: OnProgress): Promise<R>;
  /** The same for a request without parameters. */
  ask<R>(type: RequestType0<R, protocol.ErrorData>, signal: AbortSignal): Promise<R>;
  onStatus(listener: (status: protocol.Status) => void): { dispose(): void };
  /** Called once when the connection ends, by either side. */
  onClose(listener: () => void): void;
  dispose(): void;
}

interface SessionOptions {
  readonly root: string;
  readonly client: ConnectOptions["client"];
  /** Undefined: whatever model the engine runs with. */
  readonly modelFolder: string | undefined;
  readonly log: Log;
  /** False: only an engine that already runs. */
  readonly start: boolean;
  readonly signal: AbortSignal;
}

/** @throws StrataError as connectEngine does. */
export async function openSession(options: SessionOptions): Promise<EngineSession> {
  const { modelFolder } = options;
  const connect = (): Promise<EngineConnection> => unlessAborted(options.signal, connectEngine(options));
  let engine = await connect();
  for (let exchanges = 0; modelFolder !== undefined && engine.info.model.hash !== manifestHash(modelFolder); exchanges++) {
    const { id } = engine.info.model;
    const { chosenModel } = await import("./modelChoice.ts"); // only here: it brings the encoder along, a quarter of a second
    const isChosen = chosenModel(engine.folder) !== undefined;
    // An editor may start the next engine first, with its own model: once more.
    if (exchanges === 2 || (exchanges === 1 && isChosen)) {
      engine.dispose();
      const why = isChosen ? `This index has chosen the model ${id} for good. Leave out --model, or change the choice` : `Another program, such as an editor, keeps the model ${id} running. Close it, leave out --model, or choose for good`;
      throw new StrataError("input.invalid", `${why}: strata models use ${modelFolder} --in ${options.root}`);
    }
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
    request: (type, params, signal, onProgress) => cancellable((token) => withProgress(connection, onProgress, (besides) => connection.sendRequest(type, onProgress ? { ...params, ...besides } : params, token)), signal),
    ask: (type, signal) => cancellable((token) => connection.sendRequest(type, token), signal),
  };
}

async function cancellable<R>(send: (token: CancellationToken) => Promise<R>, signal: AbortSignal): Promise<R> {
  try {
    return await withToken(signal, (token) => unlessAborted(signal, send(token)));
  } catch (error) {
    throw signal.aborted ? signal.reason : fromWire(error);
  }
}

/** Brings the index to a depth; resolves with the engine's last word. Cancelling leaves what was done. */
export async function bringTo(session: EngineSession, depth: protocol.Depth, onProgress: OnProgress, signal: AbortSignal): Promise<protocol.Status> {
  const subscription = session.onStatus(({ state }) => {
    if (state.kind === "scanning" || state.kind === "deepening") onProgress(state.progress);
  });
  try {
    return await session.request(protocol.index, { depth }, signal);
  } finally {
    subscription.dispose();
  }
}

/**
 * Gives a new index at most `graceMs` to become searchable, so that a first answer is not an empty one. An index that is paused or has
 * failed still answers from what it has, and its state says so.
 */
export async function becomeSearchable(session: EngineSession, graceMs: number, onProgress: OnProgress, signal: AbortSignal): Promise<void> {
  const grace = AbortSignal.timeout(graceMs);
  try {
    await bringTo(session, "instant", onProgress, AbortSignal.any([signal, grace]));
  } catch (error) {
    signal.throwIfAborted();
    if (!grace.aborted && (!StrataError.is(error) || error.code === "engine.unreachable")) throw error;
  }
}

/** Whether an answer at this depth had everything to choose from. */
export function isComplete(coverage: protocol.Coverage, state: protocol.IndexState, depth: protocol.Depth): boolean {
  return (state.kind === "ready" || state.kind === "deepening") && coverage[depth] >= coverage.chunks;
}

/**
 * An answer and the state of the index behind it. When the index was completed while the answer was made (the first one waits for the encoder to load),
 * it knows only a part of what is there by now, and is made again.
 */
export async function answerFromAll<A>(session: EngineSession, ask: () => Promise<A>, signal: AbortSignal): Promise<{ readonly result: A; readonly state: protocol.IndexState }> {
  const isWhole = ({ coverage, state }: protocol.Status): boolean => isComplete(coverage, state, "instant");
  const before = await session.ask(protocol.status, signal);
  const result = await ask();
  const after = await session.ask(protocol.status, signal);
  return { result: isWhole(after) && !isWhole(before) ? await ask() : result, state: after.state };
}

/**
 * A path that a person or an agent gave, as the engine wants it: relative to the root, "/" as separator, existing, and inside the root even
 * after its links are followed. @throws StrataError "input.invalid"
 */
export function pathInside(root: string, given: string, base: string = root): string {
  // One sentence for what is outside and what does not exist: an agent must not be able to probe the disk.
  const refused = new StrataError("input.invalid", `There is no file ${given} inside ${root}.`);
  let relative: string;
  try {
    const written = path.resolve(base, withoutScheme(given));
    // On Windows, and by agents that come from there, separators are written the other way.
    relative = relativeTo(realPathSync(root), realPathSync(existsSync(written) ? written : path.resolve(base, given.replaceAll("\\", "/"))));
  } catch {
    throw refused;
  }
  if (relative === "" || leadsOut(relative)) throw refused;
  return relative;
}

/** The identity of the model in a folder: `EncoderModel.hash`. */
export function manifestHash(folder: string): string {
  return sha256(readFileSync(path.join(folder, "manifest.json")));
}
