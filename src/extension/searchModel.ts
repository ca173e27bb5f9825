// The state of the search view, kept in the host so that hiding the view or reloading its page loses nothing.
// Runs searches, keeps the history, turns engine results into what the page draws. vscode-free.
import path from "node:path";
import { isAbort } from "../base/abort.ts";
import { StrataError, userMessage } from "../base/errors.ts";
import { inLines, oneLine } from "../base/oneLine.ts";
import { filterOf, filtersFor } from "../base/queryWords.ts";
import { remarksOf } from "../base/remarks.ts";
import { sum } from "../base/statistics.ts";
import type { MergedResult } from "../engine/folders.ts";
import { type DuplicateGroup, duplicateDefaults, type SimilarParams } from "../engine/protocol.ts";
import type { Filters, ViewDuplicateGroup, ViewHit, ViewIndex, ViewResults, ViewState } from "../webview/messages.ts";
import { duplicatesProgress, failureText, totalCoverage, viewIndex } from "./indexText.ts";
import { type CountedLines, textOnDisk } from "./savedLines.ts";
import { isMuchMore, type WorkspaceEngines } from "./workspaceEngines.ts";

/** A place the page may ask to open: nothing else can be opened through it. */
export interface Place extends CountedLines {
  readonly root: string;
  readonly path: string;
  readonly endLine: number;
  /** Of what it is named after: where it is gone to. Its first line when absent. */
  readonly line?: number;
}

/** A piece of code that is compared, as it was asked about. */
export interface Code {
  /** For people. */
  readonly title: string;
  /** Whose name tells the language. */
  readonly file: string;
  readonly text: string;
}

/** Where queries are remembered (the editor's workspace state). */
export interface HistoryStore {
  get(): readonly string[];
  set(queries: readonly string[]): void;
}

interface SearchModelOptions {
  readonly engines: WorkspaceEngines;
  readonly maxResults: () => number;
  readonly history: HistoryStore;
  readonly onChange: () => void;
}

const HISTORY_LENGTH = 30;
const noFilters: Filters = { langs: [], path: "" };
/** Groups of duplicates. */
const groupLimit = 200;

/** The query as the engine reads it: what was typed, then the chips as filters. */
export function queryWithFilters(query: string, { langs, path }: Filters): string {
  const at = path.trim().replaceAll('"', "");
  return [query.trim(), ...langs.map((lang) => filterOf("lang", lang)), ...(at ? [filterOf("path", at)] : [])].filter((part) => part !== "").join(" ");
}

/** Latest first, each once. */
export function addToHistory(history: HistoryStore, query: string): void {
  history.set([query, ...history.get().filter((other) => other !== query)].slice(0, HISTORY_LENGTH));
}

const failureTexts = (failures: MergedResult["failures"]): readonly string[] => failures.map(failureText);

/** As the page shows it. */
const named = ({ path, symbol }: Pick<ViewHit, "path" | "symbol">) => ({ path: oneLine(path), symbol: oneLine(symbol) });

const fileOf = (place: Place): string => path.join(place.root, place.path);
const placeId = ({ root, path, startLine, endLine }: Place): string => `${root}\0${path}\0${startLine}-${endLine}`;

export class SearchModel {
  readonly #options: SearchModelOptions;
  readonly #places = new Map<string, Place>();
  /** What shown places are compared with, by their ids: code that was asked about, or another copy. */
  readonly #originals = new Map<string, Code | string>();
  /** Those of the shown places. */
  readonly #files = new Set<string>();
  /** Files of shown places that were saved since, as they were before: similar code and duplicates are not asked for again. */
  readonly #asFound = new Map<string, Promise<string | undefined>>();
  #query = "";
  #filters: Filters = noFilters;
  #busy = false;
  #working: ViewState["working"];
  #error: string | undefined;
  #results: ViewResults = { kind: "none" };
  #running = new AbortController();
  /** Repeats what is shown, when the index has got better. */
  #again: (() => Promise<void>) | undefined;
  /** Similar code that was looked for while files were missing, and the file in which its question stands: as long as that is not saved, it is looked for once more. */
  #unfinished: { readonly look: () => Promise<void>; readonly file: string | undefined } | undefined;
  /** The state of the index in which the shown hits were found, and the one for which the search was repeated last without finding another: see Status.changes. */
  #foundWith = 0;
  #repeatedWith: number | undefined;
  /** Files that could be searched when the shown search was made; a folder that does not answer has some that its hits do not tell of. */
  #searchable = 0;
  #lastIndex: ViewIndex["kind"] = "noFolder";

  constructor(options: SearchModelOptions) {
    this.#options = options;
  }

  get state(): ViewState {
    const folders = this.#options.engines.states;
    const languages = new Map<string, number>();
    for (const { status } of folders) for (const [lang, files] of Object.entries(status?.languages ?? {})) languages.set(lang, (languages.get(lang) ?? 0) + files);
    const filters = this.#reachable(this.#filters);
    return {
      query: this.#query,
      filters,
      folder: filters.root === undefined ? "" : this.#options.engines.nameOf(filters.root),
      busy: this.#busy,
      working: this.#working,
      error: this.#error,
      results: this.#results,
      index: viewIndex(folders),
      coverage: totalCoverage(folders),
      languages: [...languages].map(([lang, files]) => ({ lang, files })).sort((a, b) => b.files - a.files || (a.lang < b.lang ? -1 : 1)),
      warnings: folders.flatMap(({ status }) => status?.warnings ?? []),
      history: this.#options.history.get(),
    };
  }

  /** Whether anything is shown that can be opened. */
  get hasPlaces(): boolean {
    return this.#places.size > 0;
  }

  place(id: string): Place | undefined {
    const place = this.#places.get(id);
    const asFound = place && this.#asFound.get(fileOf(place));
    return place && asFound ? { ...place, asFound } : place;
  }

  /** What a shown place of similar code was found for; of copies the first of them, of that the second. */
  originalOf(id: string): Code | Place | undefined {
    const original = this.#originals.get(id);
    return typeof original === "string" ? this.place(original) : original;
  }

  showsFile(file: string): boolean {
    return this.#files.has(file);
  }

  /** A file is about to be saved. What is returned must be waited for: its text is still to be read. */
  beforeSave(file: string): Promise<unknown> | undefined {
    if (this.#unfinished?.file === file) this.#unfinished = undefined;
    if (this.#asFound.has(file) || !this.showsFile(file)) return undefined;
    const text = textOnDisk(file);
    this.#asFound.set(file, text);
    return text;
  }

  /** Engines changed state: the page is redrawn, and a search made while files were missing is made again. */
  enginesChanged(): void {
    const now = viewIndex(this.#options.engines.states).kind;
    const complete = now === "ready" && (this.#lastIndex === "working" || this.#lastIndex === "starting");
    this.#lastIndex = now;
    this.#options.onChange();
    if (!this.#busy && (complete || this.#hasOtherCode() || this.#hasMuchMore())) void this.repeat();
    this.#finish();
  }

  /**
   * Whether code came or went since the shown search was made, as git and agents make it come and go. Not asked while files are read: at the end of that
   * it is; but while they are read deeper, which may take hours. For each state of the index once, as a folder that did not answer leaves a difference for good.
   */
  #hasOtherCode(): boolean {
    if (this.#results.kind !== "hits" || this.#results.of !== "search" || this.#options.engines.indexing || !["ready", "working", "paused"].includes(this.#lastIndex)) return false;
    const { root } = this.#results.filters;
    const now = sum(this.#options.engines.clients.map(({ folder, client }) => (root === undefined || root === folder.root ? (client.status?.changes ?? 0) : 0)));
    if (now === this.#foundWith || now === this.#repeatedWith) return false;
    this.#repeatedWith = now;
    return true;
  }

  /** Whether the shown search saw few of the files that are there now: a question that is typed while the first are read must not find nothing until all are. */
  #hasMuchMore(): boolean {
    const [shown, { engines }] = [this.#results, this.#options];
    if (shown.kind !== "hits" || shown.of !== "search" || !engines.indexing) return false;
    return isMuchMore(engines.searchableFiles(shown.filters.root), Math.max(this.#searchable, shown.coverage.files));
  }

  /** Looks once more for what was looked for while files were missing, when none are. */
  #finish(): void {
    if (this.#unfinished && !this.#busy && !this.#options.engines.indexing) void this.#unfinished.look();
  }

  /** Makes the shown search again with the index as it is now. */
  async repeat(): Promise<void> {
    await this.#again?.();
  }

  /** Workspace folders were removed: what is shown of them leaves, and a search is made again in the others. */
  async foldersRemoved(): Promise<void> {
    const roots = new Set(this.#options.engines.folders.map(({ root }) => root));
    for (const [id, { root }] of this.#places) if (!roots.has(root)) this.#places.delete(id);
    const isLeft = ({ id }: { readonly id: string }) => this.#places.has(id);
    if (this.#results.kind === "hits") this.#results = { ...this.#results, hits: this.#results.hits.filter(isLeft) };
    if (this.#results.kind === "duplicates") this.#results = { ...this.#results, groups: this.#results.groups.filter(({ members }) => members.every(isLeft)) };
    this.#options.onChange();
    await this.repeat();
  }

  async search(query: string, filters: Filters): Promise<void> {
    const before = this.#query;
    this.#query = query;
    this.#filters = filters;
    // With an empty box filters wait for a query; what is shown is of something else.
    if (query.trim() === "") return before.trim() === "" ? this.#options.onChange() : this.clear();
    await this.#run(async (signal) => {
      const [k, made] = [this.#options.maxResults(), this.#reachable(filters)];
      this.#searchable = this.#options.engines.searchableFiles(made.root);
      const show = (result: MergedResult) => this.#showHits({ of: "search", subject: query.trim(), filters: made }, result);
      show(await this.#options.engines.search("view", { query: queryWithFilters(query, made), k, root: made.root }, (better) => show(better), signal));
    });
  }

  /** The present query and languages, only in a folder. @param root of the workspace folder @param folder path from there; "" for all of it */
  async searchIn(root: string | undefined, folder: string): Promise<void> {
    await this.search(this.#query, { langs: this.#filters.langs, path: folder === "" ? "" : `./${folder}`, ...(root !== undefined && { root }) });
  }

  /** @param subject what the hits are similar to, for people; the workspace folder is put in front. */
  async similar(root: string | undefined, params: Omit<SimilarParams, "k" | "depth">, subject: string): Promise<void> {
    const early = this.#options.engines.indexing;
    const shown = [root === undefined ? "" : this.#options.engines.nameOf(root), subject].filter((part) => part !== "").join(" › ");
    const look = () =>
      this.#runOnce(async (signal) => {
        const result = await this.#options.engines.similar(root, params, this.#options.maxResults(), signal);
        const text = result.definition?.text ?? params.text;
        this.#showHits({ of: "similar", subject: shown, filters: noFilters }, result, text === undefined ? undefined : { title: shown, file: params.path ?? result.hits[0]?.path ?? "", text });
      });
    const looking = look();
    if (early) this.#unfinished = { look, file: root === undefined || params.path === undefined ? undefined : path.join(root, params.path) };
    await looking;
  }

  /** @param among of what copies are looked for: files and folders by their paths below a workspace folder ("" for all of it); absent for everything */
  async duplicates(among?: { readonly root: string; readonly paths: readonly string[] }): Promise<void> {
    const filters = filtersFor(among === undefined || among.paths.includes("") ? [] : among.paths);
    const subject = among === undefined ? "" : this.#nameOf(among);
    await this.#runOnce(async (signal) => {
      this.#working = duplicatesProgress();
      this.#options.onChange();
      const { groups, nothingPasses, whyNothing, coverage, apart, failures } = await this.#options.engines.duplicates(
        { ...duplicateDefaults, limit: groupLimit, filters },
        (progress) => {
          if (signal.aborted) return;
          this.#working = duplicatesProgress(progress);
          this.#options.onChange();
        },
        signal,
        among?.root,
      );
      this.#forgetPlaces();
      this.#results = { kind: "duplicates", subject, ...(nothingPasses && { nothingPasses, whyNothing }), groups: groups.map((group, i) => this.#viewGroup(group, i)), coverage, ...(apart && { apart }), failures: failureTexts(failures) };
    });
  }

  #nameOf({ root, paths }: { readonly root: string; readonly paths: readonly string[] }): string {
    if (paths.length > 1) return `${paths.length} files and folders`;
    return [this.#options.engines.nameOf(root), paths[0] ?? ""].filter((part) => part !== "").join("/") || path.basename(root);
  }

  /** Back to the empty box. */
  clear(): void {
    this.#running.abort();
    this.#query = "";
    this.#again = undefined;
    this.#unfinished = undefined;
    this.#busy = false;
    this.#working = undefined;
    this.#error = undefined;
    this.#showNothing();
    this.#options.onChange();
  }

  #showNothing(): void {
    this.#results = { kind: "none" };
    this.#forgetPlaces();
  }

  /**
   * Keeps the query whose hits are shown for the history: called when a person did something with them, not for every key stroke.
   * @param entered only if it was this query
   */
  remember(entered?: string): void {
    if (this.#results.kind !== "hits" || this.#results.of !== "search") return;
    const query = this.#results.subject;
    if (entered !== undefined && entered.trim() !== query) return;
    addToHistory(this.#options.history, query);
    this.#options.onChange();
  }

  forgetHistory(): void {
    this.#options.history.set([]);
    this.#options.onChange();
  }

  dispose(): void {
    this.#running.abort();
    this.#again = undefined;
    this.#unfinished = undefined;
  }

  /** A workspace folder restricts nothing when there is no other, or when it has gone. */
  #reachable(filters: Filters): Filters {
    const { folders } = this.#options.engines;
    if (folders.length > 1 && folders.some(({ root }) => root === filters.root)) return filters;
    return { langs: filters.langs, path: filters.path };
  }

  /** One thing runs at a time: the next request cancels the one before. */
  async #run(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#running.abort();
    const running = new AbortController();
    this.#running = running;
    this.#again = () => this.#run(work);
    this.#unfinished = undefined;
    this.#busy = true;
    this.#working = undefined;
    this.#error = undefined;
    this.#options.onChange();
    try {
      await work(running.signal);
    } catch (error) {
      // An abort that this model did not ask for is an engine restart by hand: the search is made again when it is ready.
      if (!running.signal.aborted && !isAbort(error)) {
        this.#error = userMessage(error);
        if (StrataError.is(error, "input.invalid")) this.#showNothing(); // below it, what was found for another question would seem to answer this one
      }
    }
    if (running !== this.#running) return;
    this.#busy = false;
    this.#working = undefined;
    this.#options.onChange();
    if (this.#hasOtherCode() || this.#hasMuchMore()) void this.repeat(); // which came too late for this one, and perhaps nothing is told for long now
    this.#finish();
  }

  /** For what a saved file must not begin anew: duplicates, which read the whole index, and similar code, whose question stood in lines that are others now. */
  async #runOnce(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const running = this.#run(work);
    this.#again = undefined;
    await running;
  }

  /** @param original what the hits are similar to */
  #showHits(asked: Pick<Extract<ViewResults, { kind: "hits" }>, "of" | "subject" | "filters">, result: MergedResult, original?: Code): void {
    this.#forgetPlaces();
    if (result.changes !== this.#foundWith) this.#repeatedWith = undefined; // an engine that was started again counts anew
    this.#foundWith = result.changes;
    this.#results = {
      kind: "hits",
      ...asked,
      hits: result.hits.map(({ root, ...hit }): ViewHit => ({ ...hit, ...named(hit), snippet: inLines(hit.snippet), breadcrumb: oneLine(hit.breadcrumb), id: this.#keep({ ...hit, root }, original), ...(original && { comparable: true }), folder: this.#options.engines.nameOf(root) })),
      ...remarksOf(result),
      coverage: result.coverage,
      depth: result.depth,
      tookMs: result.tookMs,
      refining: result.refining,
      failures: failureTexts(result.failures),
    };
    this.#options.onChange();
  }

  #viewGroup({ root, members: found, ...group }: DuplicateGroup & { readonly root: string }, index: number): ViewDuplicateGroup {
    // The page shows no code of them.
    const members = found.map(({ snippet, ...member }) => ({ ...member, ...named(member), id: this.#keep({ ...member, snippet, root }), folder: this.#options.engines.nameOf(root) }));
    const [first, second] = members;
    if (second) for (const { id } of members) this.#originals.set(id, id === first!.id ? second.id : first!.id);
    return { ...group, id: `${root}\0${index}`, members };
  }

  #forgetPlaces(): void {
    this.#places.clear();
    this.#originals.clear();
    this.#files.clear();
    this.#asFound.clear();
  }

  #keep({ root, path, startLine, endLine, line, snippet }: Place, original?: Code): string {
    const place = { root, path, startLine, endLine, ...(line !== undefined && { line }), ...(snippet !== undefined && { snippet }) };
    const id = placeId(place);
    this.#places.set(id, place);
    if (original) this.#originals.set(id, original);
    this.#files.add(fileOf(place));
    return id;
  }
}
