// The `strata` program as people and agents run it: a child process each, a cache of its own, real engines behind.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { breathe } from "../../src/base/abort.ts";
import { packageRoot } from "../../src/base/assets.ts";
import { processGone } from "./workspace.ts";
import { writeFiles } from "./temporaryFolder.ts";

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
interface RunOptions {
  readonly cwd?: string;
  readonly piped?: string | Uint8Array;
  /** Beside the test's own variables; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A temporary folder with a cache beside the folders that tests make. */
export class Sandbox {
  readonly folder: string;
  readonly cache: string;

  constructor(name: string) {
    this.folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), `strata-${name}-`)));
    this.cache = path.join(this.folder, "c");
  }

  path(...parts: readonly string[]): string {
    return path.join(this.folder, ...parts);
  }

  write(folder: string, files: Readonly<Record<string, string>>): void {
    writeFiles(this.path(folder), files);
  }

  start(args: readonly string[], { cwd = this.folder, piped, env }: RunOptions = {}, isOpen = false): ChildProcess {
    const child = spawn(process.execPath, ["--no-warnings", path.join(packageRoot, "src/cli/main.ts"), ...args], {
      env: { ...process.env, STRATA_CACHE: this.cache, NO_COLOR: "1", ...env },
      cwd,
      stdio: [piped === undefined && !isOpen ? "ignore" : "pipe", "pipe", "pipe"],
    });
    if (!isOpen) child.stdin?.on("error", () => {}).end(piped);
    return child;
  }

  async strata(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const child = this.start(args, options);
    let [out, err] = ["", ""];
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, out, err };
  }

  /** Processes of the engines that run now, by their folders. */
  engines(): ReadonlyMap<string, number> {
    const records = existsSync(this.cache) ? readdirSync(this.cache).map((index) => path.join(this.cache, index)) : [];
    return new Map(
      records
        .filter((index) => existsSync(path.join(index, "engine.json")))
        .map((index) => [readFileSync(path.join(index, "root"), "utf8"), (JSON.parse(readFileSync(path.join(index, "engine.json"), "utf8")) as { pid: number }).pid]),
    );
  }

  /** The process of the engine of `root`, once there is one. */
  async engineOf(root: string, withinMs = 60_000): Promise<number> {
    for (const until = Date.now() + withinMs; Date.now() < until; await breathe(20)) {
      const pid = this.engines().get(realpathSync(root));
      if (pid !== undefined) return pid;
    }
    throw new Error(`no engine of ${root} after ${withinMs / 1000} s`);
  }

  /** Ends every engine in order. */
  async endEngines(): Promise<void> {
    for (const pid of this.engines().values()) {
      try {
        process.kill(pid, "SIGTERM");
      } catch {
        continue; // it has ended already
      }
      await processGone(pid);
    }
  }

  /** Ends every engine, so that nothing is left behind. */
  async end(): Promise<void> {
    await this.endEngines();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

export interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly progressToken?: string; readonly progress?: number; readonly message?: string };
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}
export interface ToolResult {
  readonly isError?: boolean;
  readonly content: readonly { readonly type: string; readonly text: string }[];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
}

/** `strata mcp`, spoken to the way an agent does: JSON-RPC lines over stdin and stdout. */
export class McpProgram {
  readonly process: ChildProcess;
  readonly notifications: Message[] = [];
  /** What was written beside the protocol. */
  readonly strayLines: string[] = [];
  stderr = "";
  #lastId = 0;
  readonly #waiting = new Map<number, (message: Message) => void>();

  constructor(sandbox: Sandbox, args: readonly string[], options: Pick<RunOptions, "cwd" | "env"> = {}) {
    this.process = sandbox.start(["mcp", ...args], options, true);
    this.process.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    let rest = "";
    this.process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#hear(line);
    });
  }

  #hear(line: string): void {
    let message: Message;
    try {
      message = JSON.parse(line) as Message;
    } catch {
      this.strayLines.push(line);
      return;
    }
    if (message.id === undefined) this.notifications.push(message);
    else this.#waiting.get(message.id)?.(message);
  }

  send(message: object): void {
    this.process.stdin?.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  request(method: string, params: object = {}): { readonly id: number; readonly answer: Promise<Message> } {
    const id = ++this.#lastId;
    const answer = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    this.send({ id, method, params });
    return { id, answer };
  }

  /** What the server says of itself. */
  async initialize(): Promise<{ readonly serverInfo: { readonly name: string }; readonly instructions?: string }> {
    const { result } = await this.request("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } }).answer;
    this.send({ method: "notifications/initialized" });
    return result as { serverInfo: { name: string }; instructions?: string };
  }

  async call(name: string, args: object, meta: object = {}): Promise<ToolResult> {
    const { result, error } = await this.request("tools/call", { name, arguments: args, _meta: meta }).answer;
    if (error) throw new Error(error.message);
    return result as ToolResult;
  }
}

export interface NamedPlace {
  readonly path: string;
  readonly startLine: number;
  readonly name: string;
}

/** The places that an answer names, in order. */
export const placesIn = ({ content }: ToolResult): NamedPlace[] =>
  [...(content[0]?.text ?? "").matchAll(/^(.+):(\d+)-\d+(?: \((.+?)(?: at \d+)?\))?(?:, lines \d+-\d+)?(?:: .+)?\n```/gm)].map(([, path, startLine, name]) => ({ path: path!, startLine: Number(startLine), name: name ?? "" }));
