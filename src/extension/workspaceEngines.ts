// One engine client per workspace folder, asked as one: searches go to every folder and their hits are merged by score.
// vscode-free; extension.ts tells it which folders there are.
import path from "node:path";
import type { RequestType } from "vscode-jsonrpc/node";
import { isAbort, unlessAborted } from "../base/abort.ts";
import { StrataError } from "../base/errors.ts";
import type { OnProgress, Progress } from "../base/progress.ts";
import type { Remarks } from "../base/remarks.ts";
import { leadsOut } from "../base/relativePath.ts";
import { sum } from "../base/statistics.ts";
import { readRange } from "../engine/anchor.ts";
import * as protocol from "../engine/protocol.ts";
import type { EngineClient } from "./engineClient.ts";
import { queryIn, withDistinctNames } from "./folderPaths.ts";

export interface Folder {
  /** Absolute path of the workspace folder. */
  readonly root: string;
  /** What the editor calls it, and of two that it calls alike more of their paths; put before paths when there are several. */
  readonly name: string;
}

export interface RootedHit extends protocol.Hit {
  readonly root: string;
}

export interface MergedResult extends Remarks {
  readonly hits: readonly RootedHit[];
  readonly coverage: protocol.Coverage;
  readonly changes: number;
  readonly depth: protocol.Depth;
  readonly tookMs: number;
  readonly refining: boolean;
  /** Folders that could not answer, with the sentence why. The others' hits are there all the same. */
  readonly failures: readonly { readonly name: string; readonly reason: string }[];
}

export interface RootResult<R = protocol.SearchResult> {
  readonly root: string;
  readonly result: R;
}

export interface MergedDuplicates extends Pick<protocol.DuplicatesFound, "nothingPasses"> {
  readonly groups: readonly (protocol.DuplicateGroup & { readonly root: string })[];
  readonly coverage: protocol.Coverage;
  /** There are several folders: copies in another one than their original were not looked for. */
  readonly apart?: true;
  readonly failures: MergedResult["failures"];
}

const rank: Readonly<Record<protocol.Depth, number>> = { instant: 0, shallow: 1, deep: 2 };

export function sumCoverage(parts: readonly protocol.Coverage[]): protocol.Coverage {
  const sum = { files: 0, chunks: 0, instant: 0, shallow: 0, deep: 0 };
  for (const part of parts) for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += part[key];
  return sum;
}

/** A place whichever folder names it: a workspace may hold a folder and one inside it, and both know the same file. */
const placeOf = (root: string, { path, startLine }: { readonly path: string; readonly startLine: number }): string => `${root.replaceAll("\\", "/").replace(/\/$/, "")}/${path}:${startLine}`;

/** The first of those that have the same key. */
function firstOfEach<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  const seen = new Set<string>();
  return items.filter((item) => seen.size < seen.add(keyOf(item)).size);
}

/** What holds for every folder whose hits are shown. */
function remarksOnAll([first, ...others]: readonly Remarks[]): Remarks {
  const respellings = first?.respellings?.filter(({ typed }) => others.every((other) => other.respellings?.some((respelling) => respelling.typed === typed))) ?? [];
  return { ...(respellings.length > 0 && { respellings }), ...(first?.farFetched && others.every((other) => other.farFetched) && { farFetched: true }) };
}

/** What a hit's score loses for each point of cosine by which its folder's nearest code is farther from the question than another folder's. `node test/quality/folders.ts` */
const fartherCosts = 25;

/** The hits of all folders with scores that compare: those of an engine are relative to what its own index has, so that of a folder about something else the best scores high too. */
function comparable(results: readonly RootResult[]): RootedHit[] {
  const nearest = Math.max(...results.map(({ result }) => result.nearest ?? -Infinity));
  return results.flatMap(({ root, result }) => {
    const cost = fartherCosts * (nearest - (result.nearest ?? nearest));
    const value = result.nearest ?? 0;
    const whyOf = ({ why }: protocol.Hit) => [...why, { signal: "nearer code in another folder", value, contribution: -cost }].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
    return result.hits.map((hit) => (cost > 0 ? { ...hit, root, score: hit.score - cost, why: whyOf(hit) } : { ...hit, root }));
  });
}

/** Best `k` hits of all folders, each place once; equal scores keep the order of the folders. */
export function mergeResults(results: readonly RootResult[], k: number, failures: MergedResult["failures"] = []): MergedResult {
  const hits = comparable(results);
  hits.sort((a, b) => b.score - a.score);
  const shown = firstOfEach(hits, (hit) => placeOf(hit.root, hit)).slice(0, k);
  return {
    hits: shown,
    ...remarksOnAll(results.filter(({ root }) => shown.some((hit) => hit.root === root)).map(({ result }) => result)),
    coverage: sumCoverage(results.map(({ result }) => result.coverage)),
    changes: sum(results.map(({ result }) => result.changes)),
    depth: results.map(({ result }) => result.depth).reduce<protocol.Depth>((a, b) => (rank[b] > rank[a] ? b : a), "instant"),
    tookMs: Math.max(0, ...results.map(({ result }) => result.tookMs)),
    refining: results.some(({ result }) => result.refining),
    failures,
  };
}

/** What a first answer can have looked at. */
export type Reach = "everything" | "still indexing" | "paused";

export type Listener = () => void;
/** Who shows the hits of a search: each has one at a time. */
export type Asker = "view" | "quick";

export class WorkspaceEngines {
  readonly #clients = new Map<string, { readonly folder: Folder; readonly client: EngineClient }>();
  readonly #makeClient: (folder: Folder, onChange: () => void, onSearchUpdate: (streamId: string, result: protocol.SearchResult) => void) => EngineClient;
  readonly #listeners = new Set<Listener>();
  /** Searches whose refined hits are still awaited, by stream id. */
  readonly #streams = new Map<string, (root: string, result: protocol.SearchResult) => void>();
  #streamCount = 0;

  constructor(makeClient: (folder: Folder, onChange: () => void, onSearchUpdate: (streamId: string, result: protocol.SearchResult) => void) => EngineClient) {
    this.#makeClient = makeClient;
  }

  get folders(): readonly Folder[] {
    return [...this.#clients.values()].map(({ folder }) => folder);
  }

  /** What stands before the paths of a folder: the name that the editor shows, "" when there is only one folder. */
  readonly nameOf = (root: string): string => (this.#clients.size > 1 ? (this.#clients.get(root)?.folder.name ?? "") : "");

  get clients(): readonly { readonly folder: Folder; readonly client: EngineClient }[] {
    return [...this.#clients.values()];
  }

  /** @throws StrataError when no folder is open: there is nothing to ask then. */
  requireFolders(): void {
    if (this.#clients.size === 0) throw new StrataError("workspace.missing", "Open a folder first: Strata searches the folders of the workspace.");
  }

  /** Makes clients for new folders and ends those of removed ones; order and names are those given. No engine is started. */
  setFolders(folders: readonly Folder[]): void {
    const before = new Map(this.#clients);
    this.#clients.clear();
    for (const folder of withDistinctNames(folders)) {
      const onUpdate = (streamId: string, result: protocol.SearchResult) => this.#streams.get(streamId)?.(folder.root, result);
      const client = before.get(folder.root)?.client ?? this.#makeClient(folder, () => this.#changed(), onUpdate);
      before.delete(folder.root);
      this.#clients.set(folder.root, { folder, client });
    }
    for (const { client } of before.values()) client.dispose();
    this.#changed();
  }

  /** Called after every change of a client's state or status. Returns the function that ends it. */
  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  clientOf(root: string): EngineClient {
    const found = this.#clients.get(root);
    if (!found) throw new StrataError("workspace.missing", "This file is not inside a folder of the workspace. Open its folder to search it.");
    return found.client;
  }

  /**
   * Searches every folder, or the one at `root`. `onUpdate` gets better hits of the same query, until `signal` is aborted or the same asker starts the next search.
   * @throws StrataError when no folder could answer; an AbortError when aborted.
   */
  search(asker: Asker, { query, k, root }: { readonly query: string; readonly k: number; readonly root?: string | undefined }, onUpdate: (result: MergedResult) => void, signal: AbortSignal): Promise<MergedResult> {
    for (const earlier of this.#streams.keys()) if (earlier.startsWith(`${asker}:`)) this.#streams.delete(earlier);
    const streamId = `${asker}:${++this.#streamCount}-${Date.now().toString(36)}`;
    return this.#streamed(streamId, k, onUpdate, signal, protocol.search, (folder): protocol.SearchParams | undefined => {
      const asked = root === undefined || folder.root === root ? this.#queryIn(folder, query) : undefined;
      return asked === undefined ? undefined : { query: asked, k, depth: "deep", streamId };
    });
  }

  /** One search without refined hits to follow: for callers that take one answer. */
  ask(query: string, k: number, signal: AbortSignal): Promise<MergedResult> {
    const asked = (folder: Folder): protocol.SearchParams | undefined => {
      const inFolder = this.#queryIn(folder, query);
      return inFolder === undefined ? undefined : { query: inFolder, k, depth: "deep" };
    };
    return this.#askAll(protocol.search, asked, k, signal);
  }

  /** Gives new indexes at most `graceMs` to become searchable, so that a first answer is not an empty one. A folder that fails says so when it is asked. */
  async becomeSearchable(graceMs: number, signal: AbortSignal): Promise<Reach> {
    const reached = await Promise.all(
      this.clients.map(async ({ client }): Promise<Reach> => {
        const grace = AbortSignal.timeout(graceMs);
        const until = AbortSignal.any([signal, grace]);
        try {
          await unlessAborted(until, client.request(protocol.index, { depth: "instant" }, until));
        } catch (error) {
          signal.throwIfAborted();
          if (grace.aborted) return "still indexing";
          if (StrataError.is(error, "input.invalid") || StrataError.is(error, "index.diskFull")) return "paused";
        }
        return "everything";
      }),
    );
    return reached.find((reach) => reach === "still indexing") ?? reached.find((reach) => reach === "paused") ?? "everything";
  }

  /** Whether files are still being looked for: a search made now sees only some of them. */
  get indexing(): boolean {
    return this.clients.some(({ client: { state, status } }) => state.kind === "starting" || state.kind === "restarting" || (state.kind === "running" && (!status || status.state.kind === "absent" || status.state.kind === "scanning")));
  }

  /** Why nothing more is read in some folder, when that is paused. */
  get pausedBecause(): string | undefined {
    for (const { client } of this.clients) if (client.status?.state.kind === "paused") return client.status.state.reason;
    return undefined;
  }

  /** Similar code in every folder. Each that holds the file, as a folder and one inside it do, gets the range and can leave it out; the others get the text. */
  async similar(root: string | undefined, params: Omit<protocol.SimilarParams, "k" | "depth">, k: number, signal: AbortSignal): Promise<MergedResult> {
    const file = root === undefined || params.path === undefined ? undefined : path.join(root, params.path);
    const { lang, filters = "" } = params;
    // Without its end only an engine that knows the file can tell the range.
    const isRead = root !== undefined && file !== undefined && params.endLine !== undefined && this.#clients.size > 1;
    const text = params.text ?? (isRead ? await readRange(root, params).catch(() => "") : "");
    const asked = (folder: Folder): protocol.SimilarParams | undefined => {
      const inFolder = this.#queryIn(folder, filters);
      if (inFolder === undefined) return undefined;
      const how = { ...(inFolder !== "" && { filters: inFolder }), k, depth: "deep" } as const;
      if (file === undefined) return { ...params, ...how };
      const inside = path.relative(folder.root, file);
      if (!leadsOut(inside)) return { ...params, path: inside.replaceAll(path.sep, "/"), ...how };
      return text === "" ? undefined : { text, ...(lang !== undefined && { lang }), ...how };
    };
    if (this.folders.length > 0 && this.folders.every((folder) => asked(folder) === undefined))
      throw new StrataError("input.invalid", "The filters leave out the folder of this file, and the others do not have its code. Name the last line too, or give the code as text.");
    return this.#askAll(protocol.similar, asked, k, signal);
  }

  /** Duplicates inside each folder, or the one at `root`, those with the most repeated lines first. Of one folder paths in filters begin there. */
  async duplicates(params: protocol.DuplicatesParams, onProgress: OnProgress, signal: AbortSignal, root?: string): Promise<MergedDuplicates> {
    const parts = new Map<string, Progress>();
    const sum = (key: "done" | "total"): number => [...parts.values()].reduce((total, part) => total + part[key], 0);
    const hear = (root: string) => (part: Progress) => {
      parts.set(root, part.total > 0 ? part : { ...part, done: 0 }); // what has no total yet is no part of it
      onProgress({ ...part, done: sum("done"), total: sum("total") });
    };
    const asked = (folder: Folder): protocol.DuplicatesParams | undefined => {
      if (root !== undefined) return folder.root === root ? params : undefined;
      const filters = this.#queryIn(folder, params.filters ?? "");
      return filters === undefined ? undefined : { ...params, filters };
    };
    const { results, failures } = await this.#collect(protocol.duplicates, asked, signal, hear);
    const repeated = ({ lines, members }: protocol.DuplicateGroup): number => lines * (members.length - 1);
    const groups = results.flatMap(({ root, result }) => result.groups.map((group) => ({ ...group, root }))).sort((a, b) => repeated(b) - repeated(a));
    return {
      groups: firstOfEach(groups, ({ root, members }) => members.map((member) => placeOf(root, member)).sort().join("\0")),
      ...(results.length > 0 && results.every(({ result }) => result.nothingPasses) && { nothingPasses: true as const }),
      coverage: sumCoverage(results.map(({ result }) => result.coverage)),
      ...(this.#clients.size > 1 && { apart: true as const }),
      failures,
    };
  }

  /** Brings every engine up, without waiting for its index. */
  async start(): Promise<void> {
    await Promise.all(this.clients.map(({ client }) => client.start()));
  }

  async restart(): Promise<void> {
    await Promise.all(this.clients.map(({ client }) => client.restart()));
  }

  async configure(): Promise<void> {
    await Promise.all(this.clients.map(({ client }) => client.configure()));
  }

  dispose(): void {
    for (const { client } of this.#clients.values()) client.dispose();
    this.#clients.clear();
    this.#listeners.clear();
    this.#streams.clear();
  }

  /** Paths in a query are those that are shown: with the folder's name in front where there are several. */
  #queryIn({ name }: Folder, query: string): string | undefined {
    return this.#clients.size > 1 ? queryIn(name, this.folders.map((folder) => folder.name), query) : query;
  }

  async #streamed<P>(streamId: string, k: number, onUpdate: (result: MergedResult) => void, signal: AbortSignal, type: RequestType<P, protocol.SearchResult, protocol.ErrorData>, params: (folder: Folder) => P | undefined): Promise<MergedResult> {
    const latest = new Map<string, protocol.SearchResult>();
    let first: MergedResult | undefined;
    const emit = () => {
      // An update may overtake the first answer; it is kept, and shown with it.
      if (first && !signal.aborted) onUpdate(mergeResults([...latest].map(([root, result]) => ({ root, result })), k, first.failures));
    };
    this.#streams.set(streamId, (root, result) => {
      latest.set(root, result);
      emit();
    });
    signal.addEventListener("abort", () => this.#streams.delete(streamId), { once: true });
    const { results, failures } = await this.#collect(type, params, signal);
    const early = latest.size > 0;
    for (const { root, result } of results) if (!latest.has(root)) latest.set(root, result);
    first = mergeResults([...latest].map(([root, result]) => ({ root, result })), k, failures);
    if (early) emit();
    return first;
  }

  async #askAll<P>(type: RequestType<P, protocol.SearchResult, protocol.ErrorData>, params: (folder: Folder) => P | undefined, k: number, signal: AbortSignal): Promise<MergedResult> {
    const { results, failures } = await this.#collect(type, params, signal);
    return mergeResults(results, k, failures);
  }

  async #collect<P, R>(type: RequestType<P, R, protocol.ErrorData>, params: (folder: Folder) => P | undefined, signal: AbortSignal, hear?: (root: string) => OnProgress) {
    this.requireFolders();
    const results: RootResult<R>[] = [];
    const failures: { name: string; reason: string }[] = [];
    let firstError: unknown;
    await Promise.all(
      this.clients.map(async ({ folder, client }) => {
        const asked = params(folder);
        if (asked === undefined) return;
        try {
          results.push({ root: folder.root, result: await client.request(type, asked, signal, hear?.(folder.root)) });
        } catch (error) {
          if (signal.aborted || isAbort(error)) throw error;
          firstError ??= error;
          failures.push({ name: folder.name, reason: error instanceof Error ? error.message : String(error) });
        }
      }),
    );
    const order = this.folders.map(({ root }) => root); // not that of the answers, which is chance
    results.sort((a, b) => order.indexOf(a.root) - order.indexOf(b.root));
    if (results.length === 0 && firstError !== undefined) throw firstError;
    return { results, failures };
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
