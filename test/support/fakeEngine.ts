// An engine on the other end of an in-memory connection, and a clock that stands still: for tests of engine clients.
import { PassThrough } from "node:stream";
import { createMessageConnection, type MessageConnection, StreamMessageReader, StreamMessageWriter } from "vscode-jsonrpc/node";
import { fromWire } from "../../src/engine/connect.ts";
import * as protocol from "../../src/engine/protocol.ts";
import { type Clock, type Connected, EngineClient } from "../../src/extension/engineClient.ts";
import { WorkspaceEngines } from "../../src/extension/workspaceEngines.ts";

export const coverage = (files: number, deep = files): protocol.Coverage => ({ files, chunks: files, instant: files, shallow: deep, deep });

export function status(overrides: Partial<protocol.Status> = {}): protocol.Status {
  return {
    state: { kind: "ready" },
    root: "/w",
    indexFolder: "/cache/w",
    coverage: coverage(3),
    changes: 3,
    model: { id: "strata-base", version: "1.0.0", folder: "/models/strata-base" },
    skipped: {},
    warnings: [],
    languages: { typescript: 3 },
    memoryBytes: 200e6,
    indexBytes: 5e6,
    ...overrides,
  };
}

export function hit(path: string, score: number, overrides: Partial<protocol.Hit> = {}): protocol.Hit {
  return { path, startLine: 1, endLine: 3, line: overrides.startLine ?? 1, symbol: path, kind: "function", lang: "typescript", breadcrumb: "", snippet: "code", score, depth: "deep", why: [{ signal: "dense", value: score, contribution: score }], ...overrides };
}

export function result(hits: readonly protocol.Hit[], overrides: Partial<protocol.SearchResult> = {}): protocol.SearchResult {
  return { hits, coverage: coverage(3), changes: 3, depth: "deep", tookMs: 5, refining: false, ...overrides };
}

export interface FakeEngine extends Connected {
  /** The engine's side: handlers are put here, notifications sent from here. */
  readonly engine: MessageConnection;
  /** Methods it was asked, in order. */
  readonly asked: string[];
  /** Settings it was configured with. */
  readonly configured: protocol.EngineSettings[];
  /** Ends as a killed process does: without a word. */
  kill(): void;
}

export function fakeEngine(pid: number, answer: (params: protocol.SearchParams) => protocol.SearchResult | Promise<protocol.SearchResult> = () => result([])): FakeEngine {
  const toEngine = new PassThrough();
  const toClient = new PassThrough();
  const client = createMessageConnection(new StreamMessageReader(toClient), new StreamMessageWriter(toEngine));
  const engine = createMessageConnection(new StreamMessageReader(toEngine), new StreamMessageWriter(toClient));
  const asked: string[] = [];
  const configured: protocol.EngineSettings[] = [];
  engine.onRequest(protocol.status, () => (asked.push("status"), status()));
  engine.onRequest(protocol.configure, (settings) => void (asked.push("configure"), configured.push(settings)));
  engine.onRequest(protocol.shutdown, () => void asked.push("shutdown"));
  engine.onRequest(protocol.index, () => (asked.push("index"), status()));
  engine.onRequest(protocol.search, (params) => (asked.push("search"), answer(params)));
  engine.onRequest(protocol.similar, () => (asked.push("similar"), answer({ query: "", k: 1, depth: "deep" })));
  engine.listen();
  client.onClose(() => client.dispose());
  client.listen();
  return {
    connection: client,
    info: { protocol: protocol.PROTOCOL_VERSION, build: "test", pid, model: { id: "m", version: "1", hash: "h" }, root: "/w" },
    dispose: () => client.dispose(),
    engine,
    asked,
    configured,
    kill() {
      engine.dispose();
      toClient.destroy();
      toEngine.destroy();
    },
  };
}

interface FakeClock extends Clock {
  /** Lets `ms` pass; what falls due meanwhile is called. */
  pass(ms: number): void;
}

export function fakeClock(): FakeClock {
  let now = 0;
  const waiting = new Set<{ readonly due: number; readonly callback: () => void }>();
  return {
    now: () => now,
    after(ms, callback) {
      const entry = { due: now + ms, callback };
      waiting.add(entry);
      return () => void waiting.delete(entry);
    },
    pass(ms) {
      now += ms;
      for (const entry of [...waiting].sort((a, b) => a.due - b.due)) {
        if (entry.due > now || !waiting.delete(entry)) continue;
        entry.callback();
      }
    },
  };
}

/** Lets everything that is ready run: messages over in-memory streams need several turns of the event loop. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** The engines of a workspace, with `connect` in the place of engine processes. */
export function fakeEngines(connect: (root: string) => Promise<Connected>): WorkspaceEngines {
  return new WorkspaceEngines(
    ({ root }, onChange, onSearchUpdate) =>
      new EngineClient({
        connect: () => connect(root),
        fromWire,
        settings: () => ({ backgroundDepth: "deep", exclude: [], maxFileBytes: 1, paused: false }),
        log: () => undefined,
        clock: fakeClock(),
        onChange,
        onSearchUpdate,
      }),
  );
}
