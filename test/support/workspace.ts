// Temporary workspaces and a real engine process for tests: every test has its own folder and its own cache.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { connectEngine, type ConnectOptions, type EngineConnection } from "../../src/engine/connect.ts";
import { type Depth, index, search, type SearchResult, shutdown, type Status, status as statusRequest, statusChanged } from "../../src/engine/protocol.ts";
import { silentLog } from "../../src/base/log.ts";
import { writeFiles } from "./temporaryFolder.ts";

export class Workspace {
  readonly root: string;
  readonly cache: string;
  readonly #open = new Set<EngineConnection>();

  constructor(t: TestContext, files: Readonly<Record<string, string | Uint8Array>> = {}) {
    const folder = mkdtempSync(path.join(os.tmpdir(), "strata-t-"));
    this.root = path.join(folder, "w");
    this.cache = path.join(folder, "c");
    mkdirSync(this.root);
    process.env["STRATA_CACHE"] = this.cache;
    writeFiles(this.root, files);
    t.after(async () => {
      process.env["STRATA_CACHE"] = this.cache;
      await this.stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    });
  }

  path(name: string): string {
    return path.join(this.root, name);
  }

  write(name: string, content: string | Uint8Array): void {
    writeFiles(this.root, { [name]: content });
  }

  /** A client of this workspace's engine, which is started when it does not run. */
  async connect(options: Partial<ConnectOptions> = {}): Promise<EngineConnection> {
    process.env["STRATA_CACHE"] = this.cache;
    const client = await connectEngine({ root: this.root, client: "test", log: silentLog, idleMs: 20_000, ...options });
    this.#open.add(client);
    return client;
  }

  /** Ends the engine in order and waits until its process is gone. */
  async stop(): Promise<void> {
    const clients = [...this.#open];
    this.#open.clear();
    // The engines before the last one were ended by the tests themselves.
    const last = clients.at(-1);
    if (last) {
      const gone = processGone(last.info.pid);
      // An engine that has died meanwhile needs no asking.
      await (async () => last.connection.sendRequest(shutdown))().catch(() => undefined);
      await gone;
    }
    for (const client of clients) client.dispose();
  }

  /** Ends the engine as a crash would, and waits until its process is gone. */
  async kill(client: EngineConnection): Promise<void> {
    const gone = processGone(client.info.pid);
    process.kill(client.info.pid, "SIGKILL");
    await gone;
    for (const open of this.#open) open.dispose();
    this.#open.clear();
  }

  /** Every vector on disk as "chunk id @ depth": what was encoded and is kept. Chunk ids are never given twice, so what is new was encoded. */
  encodings(client: EngineConnection): Set<string> {
    const db = new DatabaseSync(path.join(client.folder, "index.db"), { readOnly: true });
    try {
      return new Set(db.prepare("SELECT chunk || '@' || depth AS vector FROM vectors").all().map((row) => (row as { vector: string }).vector));
    } finally {
      db.close();
    }
  }
}

/** Brings the index to a depth. */
export const bringTo = (client: EngineConnection, depth: Depth): Promise<Status> => client.connection.sendRequest(index, { depth });

export const ask = (client: EngineConnection, query: string, depth: Depth = "instant", k = 10): Promise<SearchResult> => client.connection.sendRequest(search, { query, k, depth });

/** Resolves when no process has this id any more (polls: the engine is detached, so there is no exit event). Rejects when it stays. */
export async function processGone(pid: number, withinMs = 60_000): Promise<void> {
  for (const deadline = Date.now() + withinMs; ; ) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    if (Date.now() > deadline) throw new Error(`Process ${pid} is still there after ${withinMs / 1000} s.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const VERBS = ["parse", "read", "write", "merge", "split", "check", "load", "store", "encode", "decode", "send", "fetch", "open", "close", "sort", "filter"];
const NOUNS = ["config", "header", "token", "buffer", "record", "session", "packet", "matrix", "invoice", "route", "user", "image", "cache", "queue", "event", "ledger"];

/** Many small source files with distinct functions; deterministic. */
export function manyFiles(count: number, seed = 0): Record<string, string> {
  const files: Record<string, string> = {};
  for (let i = 0; i < count; i++) {
    const n = i + seed * 100_003;
    const verb = VERBS[n % VERBS.length]!;
    const noun = NOUNS[Math.floor(n / VERBS.length) % NOUNS.length]!;
    const name = `${verb}${noun[0]!.toUpperCase()}${noun.slice(1)}${n}`;
    files[`src/part${i % 37}/${name}.ts`] = `/** Will ${verb} the ${noun} number ${n}. */\nexport function ${name}(input: string): string {\n  const ${noun} = input.trim();\n  if (${noun}.length > ${n}) throw new Error("${noun} ${n} is too long");\n  return ${noun} + "${n}";\n}\n`;
  }
  return files;
}

/** The first state, now or later, for which the predicate holds. */
export function untilStatus(client: EngineConnection, predicate: (status: Status) => boolean): Promise<Status> {
  return new Promise((resolve, reject) => {
    const look = (status: Status) => {
      if (predicate(status)) resolve(status);
    };
    client.connection.onNotification(statusChanged, look);
    client.connection.sendRequest(statusRequest).then(look, reject);
  });
}
