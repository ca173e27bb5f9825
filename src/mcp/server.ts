// The MCP server: search, similar code, duplicates and status for agents over stdio. Checks what agents send, keeps paths inside the workspace,
// and passes progress and cancellation on to the same engine that answers the editor and the terminal.
import { statSync } from "node:fs";
import path from "node:path";
import { type CallToolResult, McpServer, type ServerContext } from "@modelcontextprotocol/server";
import { serveStdio, StdioServerTransport } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { build } from "../base/assets.ts";
import { StrataError, userMessage } from "../base/errors.ts";
import { argumentTexts, toolGraceMs, toolResults, toolTexts } from "../base/forModels.ts";
import type { Log } from "../base/log.ts";
import { placeNamed } from "../base/placeName.ts";
import type { OnProgress } from "../base/progress.ts";
import { filterOf } from "../base/queryWords.ts";
import { type Folder, folderAt, indexScope } from "../engine/folderPaths.ts";
import { copiesFilters, duplicatesAll, type MergedResult, searchAll, similarAll, sumCoverage } from "../engine/folders.ts";
import * as protocol from "../engine/protocol.ts";
import { becomeSearchable, type EngineSession, openSession } from "../engine/session.ts";
import { EngineSessions, folderOrPlace, placeInside, type ReadySet, readySet } from "../engine/sessions.ts";
import { withWholeCode } from "../engine/wholeCode.ts";
import { languagesNamed, noSuchLanguage } from "../indexing/languages.ts";
import { answerText, copiesText } from "./answer.ts";
import { understoodLines } from "./lines.ts";

interface McpOptions {
  /** Called differently, with absolute paths. */
  readonly folders: readonly Folder[];
  /** Why they are not served. Said to each question: of a server that ends at once many agents say only that it failed. */
  readonly problem?: StrataError | undefined;
  readonly modelFolder: string | undefined;
  readonly log: Log;
  /** Ends the server. */
  readonly signal: AbortSignal;
}

const depth = z.enum(["instant", "shallow", "deep"]).default("deep").describe("How deep the code is read: instant is fastest, deep is most accurate (a search then encodes its leading hits first). With wait: how deep everything is read first.");
const count = z.int().min(1).max(toolResults.most).default(toolResults.usual).describe("How many results.");
const wait = z.boolean().default(false).describe("First wait until the whole workspace is indexed at that depth. Can take minutes on a new workspace.");

/**
 * Arguments of a tool. Others are refused: an agent that writes `line` for `startLine` would be answered about something else than it asked.
 * Null means absent: clients that have models fill in every parameter (OpenAI's strict mode) pass on the nulls of those that say nothing.
 */
function input<T extends z.ZodRawShape>(shape: T) {
  const known = Object.keys(shape).join(", ");
  const given = z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? `There is no argument ${issue.keys.join(", ")}. ${known === "" ? "This tool takes none." : `The arguments are ${known}.`}` : undefined),
  });
  return z.preprocess((all) => (typeof all === "object" && all !== null ? Object.fromEntries(Object.entries(all).filter(([name, value]) => value !== null || !(name in shape))) : all), given);
}

const coverage = z.object({ files: z.int(), chunks: z.int(), instant: z.int(), shallow: z.int(), deep: z.int() });
const statusShape = z.object({
  name: z.string(),
  state: z.string(),
  reason: z.string(),
  root: z.string(),
  coverage,
  model: z.object({ id: z.string(), version: z.string() }),
  languages: z.record(z.string(), z.int()),
  skipped: z.record(z.string(), z.int()),
  warnings: z.array(z.string()),
});

/** Progress notifications for a caller that asked for them; the protocol wants each value to be larger than the one before. */
function progressTo(context: ServerContext): OnProgress {
  const token = context.mcpReq._meta?.progressToken;
  if (token === undefined) return () => {};
  let sent = 0;
  return ({ phase, done, total, unit }) => {
    const message = `${phase}: ${done}${total > 0 ? ` of ${total}` : ""} ${unit}`;
    void context.mcpReq.notify({ method: "notifications/progress", params: { progressToken: token, progress: ++sent, message } }).catch(() => {});
  };
}

/** The folders, and one engine session of each for the life of the server. */
class Workspace {
  readonly folders: readonly Folder[];
  readonly #sessions: EngineSessions;

  constructor({ folders, problem, modelFolder, log, signal }: McpOptions) {
    this.folders = folders;
    this.#sessions = new EngineSessions(async (root) => {
      if (problem) throw problem;
      return openSession({ root, client: "mcp", modelFolder, log, start: true, signal });
    });
  }

  readonly use = <T>(folder: Folder, work: (session: EngineSession) => Promise<T>): Promise<T> => this.#sessions.use(indexScope(folder).root, work);

  /** For one question. */
  ready({ wait, depth }: AskOptions, signal: AbortSignal): ReadySet<Folder> {
    return readySet(this.folders, this.use, { wait, depth, graceMs: toolGraceMs }, signal);
  }

  close(): Promise<void> {
    return this.#sessions.close();
  }
}

/** A sentence may say back what was asked for, and an agent may have asked for a megabyte: it would be read, and paid for, once more. */
const MOST_SAID = 2_000;

/** Failures are answers to an agent: the sentence says what to do differently. */
async function answering(work: () => Promise<CallToolResult>): Promise<CallToolResult> {
  try {
    return await work();
  } catch (error) {
    const code = StrataError.is(error) ? error.code : "engine.failed";
    const said = userMessage(error);
    const text = said.length <= MOST_SAID ? said : `${said.slice(0, MOST_SAID / 2)} … ${said.slice(-MOST_SAID / 2)}`;
    return { isError: true, content: [{ type: "text", text: `${text} (${code})` }] };
  }
}

interface AskOptions {
  readonly depth: protocol.Depth;
  readonly wait: boolean;
}

/**
 * An answer is text alone. Several clients give a model the structured content in its place or beside it (anthropics/claude-code#79944, MoonshotAI/kimi-code#3234):
 * all code once more, its line breaks escaped, without a word of what was covered.
 * @param query what was asked for in words, with its filters; filters alone for code
 */
async function ask(workspace: Workspace, query: string, options: AskOptions, { mcpReq: { signal } }: ServerContext, send: (set: ReadySet<Folder>) => Promise<MergedResult>): Promise<CallToolResult> {
  const set = workspace.ready(options, signal);
  const result = await send(set);
  const answer = await withWholeCode(result, ({ root }) => folderAt(workspace.folders, root));
  return { content: [{ type: "text", text: answerText(answer, query, set) }] };
}

/** The state of a folder's index as data. */
function statusData(folder: Folder, { state, coverage: covered, model: { id, version }, languages, skipped, warnings }: Omit<protocol.Status, "root" | "indexFolder" | "changes" | "memoryBytes" | "indexBytes">) {
  return { name: folder.name, state: state.kind, reason: "reason" in state ? state.reason : "", root: indexScope(folder).root, coverage: covered, model: { id, version }, languages, skipped, warnings: [...warnings] };
}

/** The same of one that cannot be asked. */
function failedData(folder: Folder, error: unknown): ReturnType<typeof statusData> {
  const state = { kind: "failed", code: StrataError.is(error) ? error.code : "engine.failed", reason: userMessage(error) } as const;
  return statusData(folder, { state, coverage: sumCoverage([]), model: { id: "", version: "", folder: "" }, languages: {}, skipped: {}, warnings: [] });
}

function statusText({ name, root, state, reason, coverage: covered, languages, skipped, warnings }: ReturnType<typeof statusData>, isOne: boolean): string {
  const counts = (of: Readonly<Record<string, number>>) => Object.entries(of).map(([name, count]) => `${count} ${name}`).join(", ");
  return [
    `${isOne ? root : `${name} (${root})`}: ${state}${reason === "" ? "" : ` (${reason})`}.`,
    ...(covered.files > 0 || state !== "failed" ? [`${covered.files} files in ${covered.chunks} pieces; searchable at instant depth ${covered.instant}, shallow ${covered.shallow}, deep ${covered.deep}.`] : []),
    ...(covered.files > 0 ? [`Languages: ${counts(languages)}.`] : []),
    ...(Object.keys(skipped).length > 0 ? [`Left out: ${counts(skipped)}.`] : []),
    ...warnings,
  ].join("\n");
}

function createServer(workspace: Workspace): McpServer {
  const { folders } = workspace;
  const isOne = folders.length === 1;
  const [{ scope } = {}] = folders;
  const named = scope
    ? ` It is ${scope.under} of the project ${scope.root}, and paths begin in it. find_similar_code looks in all of that project; what lies beside begins with "..".`
    : isOne ? "" : ` They are ${folders.map(({ name }) => name).join(", ")}: paths begin with these names, in results, filters and arguments.`;
  const server = new McpServer(
    { name: "strata", title: "Strata: search code by meaning", version: build.split("+")[0] ?? build },
    { instructions: `Searches the code of ${isOne ? "one workspace" : `${folders.length} folders as one workspace`} by meaning, offline. Prefer search_code over text search when you know what code does but not what it is called; results are places in files, best first.${named}` },
  );
  const annotations = { readOnlyHint: true, idempotentHint: true, openWorldHint: false };

  server.registerTool(
    "search_code",
    {
      title: "Search code by meaning",
      description: toolTexts.search,
      inputSchema: input({ query: z.string().min(1).max(100_000), k: count.describe("How many results. Three are enough for a name."), depth, wait, path: z.string().optional().describe("Only files that match this glob.") }),
      annotations,
    },
    ({ query, k, path, ...options }, context) =>
      answering(async () => {
        if (query.trim() === "") throw new StrataError("input.invalid", "The query is empty. Say in a sentence what the code does.");
        if (path && /"|\s\S*:/.test(path)) throw new StrataError("input.invalid", "The path filter is a glob without quotes or other filters, for example src/**.");
        const filtered = path ? `${query} ${filterOf("path", path)}` : query;
        return ask(workspace, filtered, options, context, (set) => searchAll(set, filtered, { k, depth: options.depth }, context.mcpReq.signal, progressTo(context)));
      }),
  );

  server.registerTool(
    "find_similar_code",
    {
      title: "Find similar code",
      description: toolTexts.similar,
      inputSchema: input({
        path: z.string().optional().describe(argumentTexts.place),
        startLine: z.int().min(1).optional().describe(argumentTexts.startLine),
        endLine: z.int().min(1).optional().describe(argumentTexts.endLine),
        text: z.string().max(100_000).optional().describe(argumentTexts.text),
        lang: z.string().optional().describe(argumentTexts.lang),
        filters: z.string().max(4000).optional().describe(argumentTexts.filters),
        k: count,
        depth,
        wait,
      }),
      annotations,
    },
    ({ path, startLine, endLine, text, lang, filters = "", k, ...options }, context) =>
      answering(async () => {
        const [at, given] = [path || undefined, text?.trim() ? text : undefined]; // some agents fill in every parameter
        if ((at === undefined) === (given === undefined)) throw new StrataError("input.invalid", "Give either a path (with startLine) or a piece of code as text.");
        if (endLine !== undefined && (startLine === undefined || endLine < startLine)) throw new StrataError("input.invalid", "endLine needs a startLine that is not after it.");
        if (given !== undefined && lang && languagesNamed(lang).length === 0) throw new StrataError("input.invalid", noSuchLanguage(lang));
        const named = at === undefined ? undefined : placeNamed(at, startLine, endLine);
        const there = named && placeInside(folders, named.path);
        const code = named && there ? { ...named, path: there.path } : { text: given!, ...(lang && { lang }) }; // of a file the index knows the language
        return ask(workspace, filters, options, context, (set) => similarAll(set, there && indexScope(there.folder).root, { ...code, filters }, { k, depth: options.depth }, context.mcpReq.signal, progressTo(context)));
      }),
  );

  server.registerTool(
    "find_duplicates",
    {
      title: "Find duplicated code",
      description: toolTexts.duplicates,
      inputSchema: input({
        path: z.string().optional().describe(argumentTexts.copiesOf),
        filters: z.string().max(4000).optional().describe(argumentTexts.copiesFilters),
        minLines: z.int().min(1).max(10_000).default(protocol.duplicateDefaults.minLines).describe("Leave out shorter pieces."),
        k: count.describe("How many groups."),
        wait: wait.describe("First wait until all code is read at full depth, which shows more of what only means the same. Can take long on a new workspace."),
      }),
      annotations,
    },
    ({ path: at = "", filters: others = "", minLines, k, wait: waits }, context) =>
      answering(async () => {
        const { signal } = context.mcpReq;
        const there = at === "" ? undefined : folderOrPlace(folders, placeNamed(at).path);
        const set = workspace.ready({ wait: waits, depth: "deep" }, signal);
        const filters = there ? copiesFilters(folders, there, others) : others;
        if (there && statSync(path.join(indexScope(there.folder).root, there.path), { throwIfNoEntry: false })?.isFile())
          await workspace.use(there.folder, async (session) => {
            await becomeSearchable(session, toolGraceMs, progressTo(context), signal);
            await session.request(protocol.filesChanged, { paths: [there.path] }, signal); // nobody may have told of it yet
          });
        const found = await duplicatesAll(set, { ...protocol.duplicateDefaults, filters, minLines, limit: k }, progressTo(context), signal, there?.folder.root);
        return { content: [{ type: "text", text: copiesText(found, set) }] };
      }),
  );

  server.registerTool(
    "index_status",
    { title: "Index status", description: toolTexts.status, inputSchema: input({}), outputSchema: isOne ? statusShape : z.object({ folders: z.array(statusShape) }), annotations },
    (_input, { mcpReq: { signal } }) =>
      answering(async () => {
        const asked = (folder: Folder) => workspace.use(folder, async (session) => statusData(folder, await session.ask(protocol.status, signal)));
        const all = await Promise.all(
          folders.map((folder) =>
            asked(folder).catch((error: unknown) => {
              if (isOne || signal.aborted) throw error;
              return failedData(folder, error);
            }),
          ),
        );
        return { content: [{ type: "text", text: all.map((one) => statusText(one, isOne)).join("\n\n") }], structuredContent: isOne ? all[0]! : { folders: all } };
      }),
  );
  return server;
}

/** Serves one client over stdin and stdout until it closes its end or the signal aborts. */
export async function serveMcp(options: McpOptions): Promise<void> {
  const workspace = new Workspace(options);
  const ended = new Promise<void>((resolve) => {
    process.stdin.once("end", resolve);
    process.stdin.once("close", resolve);
    options.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const lines = understoodLines(
    (line) => process.stdout.write(line),
    (message) => options.log("warn", `a message of the MCP client was refused: ${message}`),
  );
  const handle = serveStdio(() => createServer(workspace), {
    transport: new StdioServerTransport(process.stdin.pipe(lines)),
    onerror: (error) => options.log("warn", "a message of the MCP client was not understood", error),
  });
  await ended;
  await handle.close();
  await workspace.close();
  process.stdin.destroy();
}
