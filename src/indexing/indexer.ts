// Brings the store in line with the disk: a full pass over the workspace, or single files after a save. Knows what changed;
// leaves parsing to ParsePool, rows to Store, deepening and order of work to the engine.
import { existsSync } from "node:fs";
import { opendir } from "node:fs/promises";
import path from "node:path";
import { yieldToEventLoop } from "../base/abort.ts";
import { StrataError } from "../base/errors.ts";
import { folderIdentity } from "../base/folderIdentity.ts";
import type { Log } from "../base/log.ts";
import type { OnProgress } from "../base/progress.ts";
import { type FileRecord, type FileStat, type ParsedFile, SKIPPED, type Store } from "../store/store.ts";
import { isIgnoreFile } from "./ignoreRules.ts";
import type { FileToParse, ParseOutcome, ParsePool } from "./parsePool.ts";
import { type OnSkip, PathFilter, type PathVerdict, type SkipReason, walk } from "./walk.ts";

interface IndexerOptions {
  readonly root: string;
  readonly store: Store;
  readonly pool: ParsePool;
  readonly log: Log;
  /** Read at the start of each pass, so that changed settings count at once. */
  readonly limits: () => { readonly exclude: readonly string[]; readonly maxFileBytes: number };
}

/** Another version cut it (see Store.files). Files without text have no hash to begin with. */
const isStale = ({ hash, lang }: FileRecord): boolean => hash === "" && !lang.startsWith(SKIPPED);

/** Reasons that may be gone at the next look: no file handle was left, a worker ran out of memory. */
const passing: ReadonlySet<string> = new Set(["unreadable", "parser failed"]);
/** The time of a file that the next pass shall look at again: none has it. */
const NO_TIME = -1;

const toParse = ({ path, size, mtimeMs }: FileToParse, known: FileRecord | undefined): FileToParse => ({ path, size, mtimeMs, ...(known && { hash: known.hash }) });

const BATCH_FILES = 16;
const BATCH_BYTES = 200_000;
/** The first batches of an empty index are this small and double: something is found as soon as one file is read. */
const FIRST_BATCH_FILES = 2;
/** One transaction holds about this many chunks: some milliseconds, so that a query never waits long for it. */
const WRITE_CHUNKS = 250;
/** Files read before discovery runs ahead of reading: until then it would take time from the first hits. */
const AHEAD_AFTER = 200;
/** Files that one transaction removes, fewer of more than WRITE_CHUNKS: some 30 ms, and 20,000 in one took 7 s in which nothing was answered. */
const REMOVE_FILES = 100;

/** Known files from which on another, empty folder in the root's place counts as a disk that is away: fewer are read again in a moment. */
const KEPT_FROM = 20;

/** Whether one of the paths is this one or a folder around it ("" is the root). */
function isWithin(path: string, paths: ReadonlySet<string>): boolean {
  if (paths.size === 0) return false;
  if (paths.has(path) || paths.has("")) return true;
  for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) if (paths.has(path.slice(0, slash))) return true;
  return false;
}

/** Reasons that watched paths have; by their names alone others are left out, which nobody reports. */
const tendedReasons: ReadonlySet<string> = new Set<SkipReason>(["too large", "link", "link to outside", "special file", "unreadable"]);

/** Paths that are listed for each reason; all are counted. */
const LISTED = 200;

/** A path that is not searchable, and why. */
export interface LeftOut {
  readonly path: string;
  readonly reason: string;
}

async function isEmpty(folder: string): Promise<boolean> {
  try {
    const entries = await opendir(folder);
    return await entries.read().then((first) => first === null).finally(() => entries.close());
  } catch {
    return false; // it cannot be looked into
  }
}

interface Updated {
  readonly indexed: readonly string[];
  readonly rescan: boolean;
}

/** Asked just before a path's row is written or removed; false when one that began later has done so, having read the newer content. */
type MayWrite = (path: string) => boolean;

/** The order in which passes and updates began: they run side by side, and a long one may end after a save that it read the old text of. */
class WriteOrder {
  #last = 0;
  #running = 0;
  /** The newest turn that brought a path (or removed a folder); kept only while turns overlap. */
  readonly #written = new Map<string, number>();

  async take<T>(work: (mayWrite: MayWrite) => Promise<T>): Promise<T> {
    const turn = ++this.#last;
    this.#running++;
    try {
      return await work((path) => {
        if (this.#isOvertaken(path, turn)) return false;
        if (this.#running > 1) this.#written.set(path, turn);
        return true;
      });
    } finally {
      if (--this.#running === 0) this.#written.clear();
    }
  }

  #isOvertaken(path: string, turn: number): boolean {
    if (this.#written.size === 0) return false;
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) if ((this.#written.get(path.slice(0, end)) ?? 0) > turn) return true;
    return false;
  }
}

export class Indexer {
  readonly #options: IndexerOptions;
  readonly #order = new WriteOrder();
  /** Of the last full pass, by reason, without those of `#tended`. */
  #walkSkips: Readonly<Record<string, number>> = {};
  #walkLeftOut: readonly LeftOut[] = [];
  /** What is left out for a reason that may come or go with a change of the path, as the last pass or a later change found it. */
  #tended = new Map<string, string>();

  /** @param before whose counts of the last full pass stay true: the one this replaces, on the same workspace. */
  constructor(options: IndexerOptions, before?: Indexer) {
    this.#options = options;
    if (before) [this.#walkSkips, this.#walkLeftOut, this.#tended] = [before.#walkSkips, before.#walkLeftOut, before.#tended];
  }

  /** Files with text by language; those without by reason, discovery's of the last full pass among them. */
  counts(): { readonly languages: Readonly<Record<string, number>>; readonly skipped: Readonly<Record<string, number>> } {
    const languages: Record<string, number> = {};
    const skipped: Record<string, number> = { ...this.#walkSkips };
    for (const reason of this.#tended.values()) skipped[reason] = (skipped[reason] ?? 0) + 1;
    for (const [lang, files] of Object.entries(this.#options.store.languages())) {
      if (lang.startsWith(SKIPPED)) skipped[lang.slice(SKIPPED.length)] = (skipped[lang.slice(SKIPPED.length)] ?? 0) + files;
      else languages[lang] = files;
    }
    return { languages, skipped };
  }

  /** What `counts` calls skipped, up to 200 paths for each reason, by reason and path. */
  leftOut(): readonly LeftOut[] {
    const found = [...this.#walkLeftOut, ...Array.from(this.#tended, ([path, reason]) => ({ path, reason }))];
    for (const { path, lang } of this.#options.store.files().values()) if (lang.startsWith(SKIPPED)) found.push({ path, reason: lang.slice(SKIPPED.length) });
    const byReason = Map.groupBy(found, ({ reason }) => reason);
    const inOrder = (a: string, b: string): number => (a < b ? -1 : 1);
    return [...byReason].sort(([a], [b]) => inOrder(a, b)).flatMap(([, items]) => items.sort((a, b) => inOrder(a.path, b.path)).slice(0, LISTED));
  }

  /**
   * Full pass: every file whose size or time moved, that was touched since the last full pass, or that another version cut, is parsed, vanished ones are removed (not those that
   * merely cannot be read now). Unchanged content is not encoded again.
   * Aborting keeps what was written. Throws "workspace.missing" when the root itself is gone, or an empty folder is in its place.
   * @returns how many files it read; other passes are over in a moment.
   */
  scan(onProgress: OnProgress, signal: AbortSignal): Promise<number> {
    return this.#order.take((mayWrite) => this.#scan(onProgress, signal, mayWrite));
  }

  async #scan(onProgress: OnProgress, signal: AbortSignal, mayWrite: MayWrite): Promise<number> {
    const { root, store, pool, limits } = this.#options;
    const folder = await this.#assertThere();
    const known = store.files();
    const beganMs = Date.now();
    const lookedMs = store.lookedMs() ?? Infinity;
    // What is saved while the pass runs is not in its hands.
    const before = [...known.keys()];
    const seen = new Set<string>();
    const skips: Record<string, number> = {};
    const leftOut: LeftOut[] = [];
    const unreadable = new Set<string>();
    const tended = new Map<string, string>();
    const onSkip: OnSkip = (path, reason) => {
      if (tendedReasons.has(reason)) {
        tended.set(path, reason);
        if (reason === "unreadable") unreadable.add(path);
        return;
      }
      skips[reason] = (skips[reason] ?? 0) + 1;
      if (skips[reason] <= LISTED) leftOut.push({ path, reason });
    };
    const writer = new Writer(store, mayWrite, known.size === 0 ? 1 : WRITE_CHUNKS);
    let done = 0;
    let total = 0;
    let walked = false;
    const report = () => onProgress({ phase: walked ? "instant" : "discover", done, total: walked ? total : 0, unit: "files" });
    const reader = new Reader(pool, signal, known.size === 0 ? FIRST_BATCH_FILES : BATCH_FILES, (outcomes) => {
      for (const outcome of outcomes) writer.add(outcome);
      done += outcomes.length;
      report();
    });

    try {
      for await (const entry of walk(root, { ...limits(), signal }, onSkip)) {
        seen.add(entry.path);
        total++;
        const record = known.get(entry.path);
        if (record && record.size === entry.size && record.mtimeMs === entry.mtimeMs && entry.ctimeMs < lookedMs && !isStale(record)) {
          done++;
          continue;
        }
        reader.add(toParse(entry, record));
        while (reader.isBusy && done < AHEAD_AFTER) await reader.next();
        if (reader.failure !== undefined) break;
      }
      walked = true;
      reader.flush();
      report();
      while (reader.isReading) await reader.next();
    } finally {
      await reader.end();
    }
    if (reader.failure !== undefined) throw reader.failure;
    signal.throwIfAborted();
    writer.flush();
    const missed = before.filter((path) => !seen.has(path) && !isWithin(path, unreadable));
    if (missed.length > 0) await this.#assertThere(); // still: a pass takes minutes
    await this.#remove(missed, signal, mayWrite);
    store.looked(beganMs, folder);
    pool.retire();
    this.#walkSkips = skips;
    this.#walkLeftOut = leftOut;
    this.#tended = tended;
    report();
    return reader.files;
  }

  /**
   * Brings single paths (relative) up to date, ahead of everything else. Folders and mass changes are for `scan`.
   * Throws "workspace.missing" as `scan`.
   * @returns the paths that are now indexed with text; `rescan` when a folder or an ignore file was among the paths.
   */
  update(paths: readonly string[], signal: AbortSignal): Promise<Updated> {
    return this.#order.take((mayWrite) => this.#update(paths, signal, mayWrite));
  }

  async #update(paths: readonly string[], signal: AbortSignal, mayWrite: MayWrite): Promise<Updated> {
    const { root, store, pool, limits } = this.#options;
    const writer = new Writer(store, mayWrite);
    const wanted = new Map<string, FileToParse>();
    const vanished = new Set<string>();
    let rescan = false;
    const filter = new PathFilter(root, limits());
    for (const relative of paths) {
      const verdict = await filter.check(relative);
      if (verdict.kind === "directory" || isIgnoreFile(relative)) rescan = true;
      this.#tend(relative, verdict);
      if (verdict.kind === "file") {
        wanted.set(verdict.path, toParse(verdict, store.files().get(verdict.path)));
        if (verdict.path !== relative) vanished.add(relative);
      } else if (verdict.kind === "missing" || (verdict.kind === "skip" && verdict.reason !== "unreadable" && verdict.reason !== "outside")) vanished.add(relative);
    }
    if (vanished.size > 0) await this.#assertThere();
    signal.throwIfAborted();
    const outcomes = wanted.size > 0 ? await pool.parse([...wanted.values()], true) : [];
    signal.throwIfAborted();
    for (const outcome of outcomes) writer.add(outcome);
    writer.flush();
    // Also those without a row: an earlier update may be about to add them.
    for (const path of vanished) mayWrite(path);
    await this.#remove(this.#knownWithin(vanished), signal, mayWrite);
    return { indexed: outcomes.flatMap((o) => (o.kind === "parsed" ? o.file.path : o.kind === "same" ? o.path : [])).filter((path) => store.files().has(path)), rescan };
  }

  #tend(path: string, verdict: PathVerdict): void {
    if (verdict.kind === "skip" && verdict.reason !== "unreadable" && tendedReasons.has(verdict.reason)) this.#tended.set(path, verdict.reason);
    else if (verdict.kind === "missing") for (const known of this.#tended.keys()) if (known === path || known.startsWith(`${path}/`)) this.#tended.delete(known);
    if (verdict.kind === "file" || (verdict.kind === "skip" && verdict.reason === "excluded")) this.#tended.delete(path);
  }

  /**
   * An unmounted disk must not empty the index: the root is gone then, or it is the empty folder in which the disk was. The very folder that was read before
   * has been emptied by somebody. @returns the root's identity
   */
  async #assertThere(): Promise<string> {
    const { root, store } = this.#options;
    const identity = await folderIdentity(root);
    if (identity === undefined) throw new StrataError("workspace.missing", `The workspace folder ${root} is gone. Its index is kept; open the folder again when it is back.`);
    if (store.files().size >= KEPT_FROM && identity !== store.lookedIn() && (await isEmpty(root)))
      throw new StrataError("workspace.missing", `The workspace folder ${root} is another one than before, and empty, as when a disk is not mounted. Its index is kept until something lies there; to empty it too, run the command Strata: Rebuild Index in the editor, or \`strata index --rebuild\`.`);
    return identity;
  }

  /** The files that these paths are or were: a vanished folder takes its files along. */
  #knownWithin(paths: ReadonlySet<string>): readonly string[] {
    const files = this.#options.store.files();
    const exact = [...paths].filter((path) => files.has(path));
    // All of them files, as it mostly is: no need to look at every path there is.
    return exact.length === paths.size ? exact : [...files.keys()].filter((path) => isWithin(path, paths));
  }

  /** In short transactions with room for a query between them. */
  async #remove(paths: readonly string[], signal: AbortSignal, mayWrite: MayWrite): Promise<void> {
    const { root, store } = this.#options;
    for (let from = 0, to = 0; from < paths.length; from = to) {
      if (from > 0) await yieldToEventLoop();
      signal.throwIfAborted();
      for (let chunks = 0; to < paths.length && to < from + REMOVE_FILES && chunks < WRITE_CHUNKS; to++) chunks += store.files().get(paths[to]!)?.chunks ?? 0;
      const removed = paths.slice(from, to).filter(mayWrite);
      // Those that are still there are not to be known any more: an ignore file or a setting excludes them.
      store.removeFiles(removed, removed.some((file) => existsSync(path.join(root, file))));
    }
  }
}

/**
 * Has the pool parse files in the order in which they are found, in batches, as many at once as keep it busy. How much there is to read is known long
 * before it is read: in Linux's sources after seconds, of ten minutes.
 */
class Reader {
  readonly #pool: ParsePool;
  readonly #signal: AbortSignal;
  readonly #take: (outcomes: readonly ParseOutcome[]) => void;
  #batch: FileToParse[] = [];
  #bytes = 0;
  #batchFiles: number;
  readonly #waiting: (readonly FileToParse[])[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  /** Those that were given to it. */
  files = 0;
  /** Why it reads no more: what `take` has thrown. */
  failure: unknown;

  /** @param first files of the first batch; every one after it holds up to twice as many, up to BATCH_FILES. */
  constructor(pool: ParsePool, signal: AbortSignal, first: number, take: (outcomes: readonly ParseOutcome[]) => void) {
    this.#pool = pool;
    this.#signal = signal;
    this.#batchFiles = first;
    this.#take = take;
  }

  add(file: FileToParse): void {
    this.files++;
    this.#batch.push(file);
    this.#bytes += file.size;
    if (this.#batch.length >= this.#batchFiles || this.#bytes >= BATCH_BYTES) this.flush();
  }

  /** What was added is read, though it fills no batch. */
  flush(): void {
    if (this.#batch.length > 0) this.#waiting.push(this.#batch);
    this.#batch = [];
    this.#bytes = 0;
    this.#batchFiles = Math.min(BATCH_FILES, this.#batchFiles * 2);
    this.#readOn();
  }

  get isReading(): boolean {
    return this.#inFlight.size > 0;
  }
  /** Another batch would wait. */
  get isBusy(): boolean {
    return this.#inFlight.size >= this.#pool.wantedInFlight && this.failure === undefined;
  }
  /** Resolves when one of the batches that are being read is done with. */
  next(): Promise<void> {
    return Promise.race(this.#inFlight);
  }
  /** Gives up what waits; resolves when nothing is being read any more. */
  async end(): Promise<void> {
    this.#waiting.length = 0;
    await Promise.all(this.#inFlight);
  }

  #readOn(): void {
    while (this.#inFlight.size < this.#pool.wantedInFlight && !this.#signal.aborted && this.failure === undefined) {
      const batch = this.#waiting.shift();
      if (batch === undefined) return;
      const work = this.#read(batch).finally(() => {
        this.#inFlight.delete(work);
        this.#readOn();
      });
      this.#inFlight.add(work);
    }
  }

  async #read(batch: readonly FileToParse[]): Promise<void> {
    try {
      const outcomes = await this.#pool.parse(batch, false);
      if (!this.#signal.aborted && this.failure === undefined) this.#take(outcomes);
    } catch (error) {
      this.failure ??= error;
    }
  }
}

/** Gathers outcomes into transactions of a bounded size. */
class Writer {
  readonly #store: Store;
  readonly #mayWrite: MayWrite;
  #files: ParsedFile[] = [];
  /** Their text is what it was. */
  #touched: (FileStat & { readonly path: string })[] = [];
  #removed: string[] = [];
  #chunks = 0;
  #wanted: number;

  /** @param first chunks of the first transaction; every one after it holds up to twice as many, up to WRITE_CHUNKS. */
  constructor(store: Store, mayWrite: MayWrite, first = WRITE_CHUNKS) {
    this.#store = store;
    this.#mayWrite = mayWrite;
    this.#wanted = first;
  }

  add(outcome: ParseOutcome): void {
    if (outcome.kind === "gone") {
      if (this.#store.files().has(outcome.path)) this.#removed.push(outcome.path);
      else this.#mayWrite(outcome.path);
    } else if (outcome.kind === "same") {
      const { path, size, mtimeMs } = outcome;
      this.#touched.push({ path, size, mtimeMs });
    } else if (outcome.kind === "skip") {
      const { path, size, reason } = outcome;
      const record = this.#store.files().get(path);
      // What it held when it could be read stays findable.
      if (record && (reason === "unreadable" || (passing.has(reason) && record.lang === SKIPPED + reason))) return;
      const mtimeMs = passing.has(reason) ? NO_TIME : outcome.mtimeMs;
      this.#files.push({ path, size, mtimeMs, hash: "", lang: SKIPPED + reason, imports: [], isTest: false, isGenerated: false, chunks: [] });
    } else {
      const { file } = outcome;
      const record = this.#store.files().get(file.path);
      if (record && record.hash === file.hash) {
        this.#touched.push({ path: file.path, size: file.size, mtimeMs: file.mtimeMs });
      } else {
        this.#files.push(file);
        this.#chunks += file.chunks.length;
      }
    }
    if (this.#chunks >= this.#wanted || this.#files.length + this.#touched.length >= WRITE_CHUNKS || this.#removed.length >= REMOVE_FILES) this.flush();
  }

  flush(): void {
    if (this.#chunks > 0) this.#wanted = Math.min(WRITE_CHUNKS, this.#wanted * 2);
    // Not earlier: what a pass gathered may have been saved since.
    const files = this.#files.filter(({ path }) => this.#mayWrite(path));
    const touched = this.#touched.filter(({ path }) => this.#mayWrite(path));
    const removed = this.#removed.filter(this.#mayWrite);
    if (files.length > 0) this.#store.putFiles(files);
    if (touched.length > 0) this.#store.touchFiles(touched);
    if (removed.length > 0) this.#store.removeFiles(removed);
    this.#files = [];
    this.#touched = [];
    this.#removed = [];
    this.#chunks = 0;
  }
}
