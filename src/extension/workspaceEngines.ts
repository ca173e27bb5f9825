// One engine client per workspace folder, asked as one (engine/folders.ts merges their answers), and better hits of a search as they come.
// vscode-free; extension.ts tells it which folders there are.
import type { RequestType } from "vscode-jsonrpc/node";
import { unlessAborted } from "../base/abort.ts";
import { StrataError } from "../base/errors.ts";
import type { OnProgress } from "../base/progress.ts";
import { sum } from "../base/statistics.ts";
import { type Folder, nameIn, withDistinctNames } from "../engine/folderPaths.ts";
import { askAll, duplicatesAll, type FolderSet, mergeResults, type MergedDuplicates, type MergedResult, searchAll, searchParams, similarAll } from "../engine/folders.ts";
import * as protocol from "../engine/protocol.ts";
import type { EngineClient } from "./engineClient.ts";
import type { FolderState } from "./indexText.ts";

/** What a first answer can have looked at. */
export type Reach = "everything" | "still indexing" | "paused";

type Listener = () => void;
type MakeClient = (folder: Folder, onChange: () => void, onSearchUpdate: (streamId: string, result: protocol.SearchResult) => void) => EngineClient;
/**
 * Whether a search made over `before` files is worth making again over `now` while more are read: the first files count at once, and of
 * 80,000 the search is made again 17 times.
 */
export const isMuchMore = (now: number, before: number): boolean => now >= Math.max(1, 2 * before);
/** Who shows the hits of a search: each has one at a time. */
type Asker = "view" | "quick";

export class WorkspaceEngines {
  readonly #clients = new Map<string, { readonly folder: Folder; readonly client: EngineClient }>();
  readonly #makeClient: MakeClient;
  readonly #listeners = new Set<Listener>();
  /** Searches whose refined hits are still awaited, by stream id. */
  readonly #streams = new Map<string, (root: string, result: protocol.SearchResult) => void>();
  #streamCount = 0;

  constructor(makeClient: MakeClient) {
    this.#makeClient = makeClient;
  }

  get folders(): readonly Folder[] {
    return this.clients.map(({ folder }) => folder);
  }

  readonly nameOf = (root: string): string => nameIn(this.folders, root);

  get clients(): readonly { readonly folder: Folder; readonly client: EngineClient }[] {
    return [...this.#clients.values()];
  }

  /** As sentences about the index are made of it. */
  get states(): readonly FolderState[] {
    return this.clients.map(({ folder, client }) => ({ name: folder.name, client: client.state, status: client.status }));
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
  async search(asker: Asker, { query, k, root }: { readonly query: string; readonly k: number; readonly root?: string | undefined }, onUpdate: (result: MergedResult) => void, signal: AbortSignal): Promise<MergedResult> {
    for (const earlier of this.#streams.keys()) if (earlier.startsWith(`${asker}:`)) this.#streams.delete(earlier);
    const streamId = `${asker}:${++this.#streamCount}-${Date.now().toString(36)}`;
    const latest = new Map<string, protocol.SearchResult>();
    let first: MergedResult | undefined;
    const merged = (failures: MergedResult["failures"]) => mergeResults([...latest].map(([root, result]) => ({ root, result })), k, failures);
    const emit = () => {
      // An update may overtake the first answer; it is kept, and shown with it.
      if (first && !signal.aborted) onUpdate(merged(first.failures));
    };
    this.#streams.set(streamId, (root, result) => {
      latest.set(root, result);
      emit();
    });
    signal.addEventListener("abort", () => this.#streams.delete(streamId), { once: true });
    const asked = searchParams(this.folders, query, { k, depth: "deep", streamId });
    const { results, failures } = await askAll(this.#all(signal), protocol.search, (folder) => (root === undefined || folder.root === root ? asked(folder) : undefined), signal);
    const early = latest.size > 0;
    for (const { root, result } of results) if (!latest.has(root)) latest.set(root, result);
    first = merged(failures);
    if (early) emit();
    return first;
  }

  /** One search without refined hits to follow: for callers that take one answer. */
  async ask(query: string, k: number, signal: AbortSignal): Promise<MergedResult> {
    return searchAll(this.#all(signal), query, { k, depth: "deep" }, signal);
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

  /** Files that can be searched now, of all folders or of the one at `root`; while files are read for the first time they become more. */
  searchableFiles(root?: string): number {
    return sum(this.clients.map(({ folder, client }) => (root === undefined || root === folder.root ? (client.status?.coverage.files ?? 0) : 0)));
  }

  /** Why nothing more is read in some folder, when that is paused. */
  get pausedBecause(): string | undefined {
    for (const { client } of this.clients) if (client.status?.state.kind === "paused") return client.status.state.reason;
    return undefined;
  }

  /** Similar code in every folder, as `similarAll` finds it. */
  async similar(root: string | undefined, params: Omit<protocol.SimilarParams, "k" | "depth">, k: number, signal: AbortSignal): Promise<MergedResult> {
    return similarAll(this.#all(signal), root, params, { k, depth: "deep" }, signal);
  }

  /** Duplicates inside each folder, as `duplicatesAll` finds them, or inside the one at `root`. */
  async duplicates(params: protocol.DuplicatesParams, onProgress: OnProgress, signal: AbortSignal, root?: string): Promise<MergedDuplicates> {
    return duplicatesAll(this.#all(signal), params, onProgress, signal, root);
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

  #all(signal: AbortSignal): FolderSet {
    this.requireFolders();
    const send = <P, R>({ root }: Folder, type: RequestType<P, R, protocol.ErrorData>, params: P, onProgress?: OnProgress): Promise<R> => this.clientOf(root).request(type, params, signal, onProgress);
    return { folders: this.folders, send };
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
