// The product without VS Code or a terminal: one index, kept fresh and searchable. Owns the order of work
// (query > refinement of visible hits > saved file > instant sweep > deep sweep) and the index state every shell renders.
import path from "node:path";
import { breathe, isAbort, unlessAborted, yieldToEventLoop } from "../base/abort.ts";
import { type ErrorCode, StrataError, userMessage } from "../base/errors.ts";
import type { OnProgress } from "../base/progress.ts";
import { type Depth, type EncodeDepth, type Encoder, type InstantEncoder, isDeeper } from "../encoding/encoder.ts";
import { createInstantEncoder, type InstantTable, loadInstantTable } from "../encoding/exit0.ts";
import { tried } from "../encoding/exitSessions.ts";
import { defaultModelFolder, loadModelFiles, type ModelFiles } from "../encoding/modelFiles.ts";
import { OnnxEncoder } from "../encoding/onnxEncoder.ts";
import { CHUNKER_VERSION } from "../indexing/chunk.ts";
import { LANGUAGES_VERSION } from "../indexing/languages.ts";
import { Indexer, type LeftOut } from "../indexing/indexer.ts";
import { ParsePool } from "../indexing/parsePool.ts";
import { watchWorkspace, type Watcher } from "../indexing/watch.ts";
import { CodeForms } from "../search/codeForms.ts";
import { findDuplicates } from "../search/duplicates.ts";
import { NoiseFloor } from "../search/noiseFloor.ts";
import { encodeAndKeep, type RankedResult, type SearchDeps, searchIndex } from "../search/search.ts";
import { findSimilar } from "../search/similar.ts";
import { ANALYSER_VERSION, analyse } from "../search/terms.ts";
import { warmUp, whenQuiet } from "../search/warmUp.ts";
import { removeIndex, Store } from "../store/store.ts";
import { type Anchored, anchorGroups, anchorOnce, GAPS_MS, goneWhole, readRange, withoutGaps } from "./anchor.ts";
import { Exchanges } from "./exchanges.ts";
import { otherDatabases } from "./indexes.ts";
import { asKept, CHOICE_GONE, encoderBefore, keepChoice, modelToUse, seenBy } from "./modelChoice.ts";
import { keepLimits, keptLimits, withoutEmptyGlobs } from "./limits.ts";
import { defaultSettings, type EngineOptions } from "./options.ts";
import { BEGIN_MS, DEEPEN_ROUND, DISK_RETRY_MS, FEW_CHANGES, FLOOR_STEP_MS, FRESH_MS, GRAPH_SLICE_MS, LOOKS_UNWATCHED, MASS_CHANGE, MAX_RETRY_MS, MOST_DEEPENED, QUIET_MS, REFINE_BUDGET_MS, REPLACE_ROUND, RETRY_MS, SAVED_SLICE, SAVE_EVERY_MS, SAVE_SHARE, WARM_FROM } from "./pace.ts";
import { filtersInside, relativeInside, withPathsInside } from "./paths.ts";
import { type Coverage, deepening, type DuplicatesFound, type DuplicatesParams, type EngineSettings, lookingForFiles, type SearchParams, type SearchResult, type SimilarParams, type Status } from "./protocol.ts";
import { BY_WORDS, statusOf, Teller } from "./teller.ts";
import { Turns } from "./turns.ts";
import { UnderWay } from "./underWay.ts";
import { whyNothing } from "./whyNothing.ts";

export class Engine {
  readonly #options: EngineOptions & Required<Pick<EngineOptions, "mostDeepened" | "warmFrom">>;
  readonly #closing = new AbortController();
  #settings = defaultSettings;
  #store!: Store;
  #model!: ModelFiles;
  #pool!: ParsePool;
  #indexer!: Indexer;
  #watcher: Watcher | undefined;
  #encoder!: Encoder;
  /** Of the present model, for chunks whose files need not be read again. */
  #instant!: InstantTable;
  #instantEncoder: InstantEncoder | undefined;
  #noiseFloor!: NoiseFloor;
  /** Encoder of the model before: it makes the queries until the present model has read everything. */
  #before: Encoder | undefined;
  readonly #teller: Teller;

  /** Full passes asked for, and the number of the last one that was asked for before a completed pass began. */
  #scansWanted = 1;
  #scansDone = 0;
  /** Passes asked for when the background last began a slice: what it failed at may be put right by one that is asked for later. */
  #scansTried = 0;
  /** Recently saved or opened files, newest first: they are deepened before the rest. */
  #recent: string[] = [];
  #wake: () => void = () => {};
  #loop: Promise<void> = Promise.resolve();
  /** The first pass waits a moment for the first client to say what it excludes. */
  readonly #begin = Promise.withResolvers<void>();
  #begun = false;
  /** When the graphs are written next, should work not pause before. */
  #saveAt = 0;
  /** Of model or index; they wait for all work but answers. */
  readonly #exchanges = new Exchanges();
  readonly #reads = new UnderWay(); // of changed files
  /** Questions that the index and its model are being asked, and the answers that are made of them: the store closes behind these. */
  readonly #asking = new UnderWay();
  readonly #answers = new UnderWay();
  #askedMs = -Infinity;
  /** Once in an engine's life. */
  #warm: Promise<void> | undefined;
  #collecting: Promise<void> | undefined; // of garbage
  /** Pending while a rebuild has no store to ask. */
  #reopened: Promise<void> = Promise.resolve();
  /** Why there is no store: a rebuild could not open the new index. Undefined otherwise. */
  #lost: unknown;
  /** Ends a round of the background that waits for the encoder: it may wait for minutes behind hundreds of changed files, and a pass is not to wait with it. */
  #round = new AbortController();
  /** The disk that holds the index is full: until work succeeds again. */
  #full: StrataError | undefined;
  #failures = 0; // rounds of background work, one after the other
  readonly #turns = new Turns();
  readonly #codeForms = new CodeForms();

  private constructor(options: EngineOptions, onStatus: (status: Status) => void) {
    this.#options = { mostDeepened: MOST_DEEPENED, warmFrom: WARM_FROM, ...options };
    this.#teller = new Teller(() => {
      // While the model or the index is exchanged there is nothing to tell; afterwards it is told again.
      if (!this.#indexer || this.#exchanges.isUnderWay) return;
      try {
        onStatus(this.status());
      } catch (error) {
        this.#problem("the status could not be told", error); // nobody asked for it, so nobody else would catch it
      }
    });
  }

  /** Opens the index and starts the background work; answers as soon as searches are possible. Throws "index.*", "model.*". */
  static async open(options: EngineOptions, onStatus: (status: Status) => void): Promise<Engine> {
    const engine = new Engine(options, onStatus);
    engine.#settings = { ...defaultSettings, ...keptLimits(options.folder) };
    await engine.#open();
    setTimeout(engine.#begin.resolve, BEGIN_MS);
    engine.#loop = engine.#begin.promise.then(() => {
      engine.#begun = true;
      return engine.#background();
    });
    return engine;
  }

  async #open(): Promise<void> {
    const { root, folder, log, parseWorkers, graphFrom, mayWait } = this.#options;
    const pool = new ParsePool(parseWorkers, root, log);
    // Everything will be read: the workers load while the index opens. An index that is there first has to answer.
    if (!Store.exists(folder)) pool.start();
    try {
      this.#model = await modelToUse(folder, this.#options.modelFolder, this.#teller.warn);
      // Both only ever rise, so their sum differs when either does.
      const versions = { chunker: CHUNKER_VERSION + LANGUAGES_VERSION, analyser: ANALYSER_VERSION };
      const opening = Store.open({ folder, model: this.#model.model, analyse: (text) => analyse(text).join(" "), versions, siblings: () => otherDatabases(folder), onEmptied: () => this.#readAll(), log, graphFrom, mayWait });
      const instant = loadInstantTable(this.#model);
      instant.catch(() => undefined); // thrown below, once the store is known
      this.#store = await opening;
      this.#before = await encoderBefore(this.#store, log);
      this.#takeOver(await instant, pool);
    } catch (error) {
      await Promise.all([pool.close(), this.#store?.close()]); // one that stays open keeps the index from the next attempt
      throw error;
    }
  }

  /** Everything that is made for one model: synchronous, so that no answer falls between two. */
  #takeOver(instant: InstantTable, pool?: ParsePool): void {
    const { root, log, parseWorkers, encoder } = this.#options;
    this.#model = instant.files;
    this.#instant = instant;
    this.#instantEncoder = undefined;
    this.#encoder = new OnnxEncoder(instant, log, encoder);
    this.#noiseFloor = new NoiseFloor(log, () => Promise.race([this.#answers.settled(), breathe(FLOOR_STEP_MS)]));
    this.#pool = pool ?? new ParsePool(parseWorkers, root, log);
    this.#pool.use(instant);
    this.#indexer = new Indexer({ root, store: this.#store, pool: this.#pool, log, limits: () => this.#settings }, this.#indexer);
  }

  get model(): Pick<ModelFiles["model"], "id" | "version" | "hash" | "folder"> {
    return this.#model.model;
  }
  get settings(): EngineSettings {
    return this.#settings;
  }

  /**
   * Answers from what is stored. When `depth` is "deep" and some visible candidates were read only shallowly, they are encoded at the top exit:
   * before the answer when `onUpdate` is absent, after it (and delivered to `onUpdate`) when it is given.
   */
  async search(params: SearchParams, signal: AbortSignal, onUpdate?: (result: SearchResult) => void): Promise<SearchResult> {
    if (params.query.trim() === "") throw new StrataError("input.invalid", "The query is empty. Type a sentence, a name or a quoted text.");
    const query = withPathsInside(params.query, this.#options.root);
    return this.#answers.of(this.#answer(params, signal, async (deps, k) => searchIndex(deps, { ...params, query, k }, signal), onUpdate));
  }

  async similar(params: SimilarParams, signal: AbortSignal): Promise<SearchResult> {
    const text = params.text ?? (await readRange(this.#options.root, params));
    return this.#answers.of(this.#answer(params, signal, async (deps, k) => findSimilar(deps, { ...filtersInside(params, this.#options.root), text, k }, signal)));
  }

  async #answer(
    params: { readonly k: number; readonly depth: Depth },
    signal: AbortSignal,
    rank: (deps: SearchDeps, k: number) => Promise<RankedResult>,
    onUpdate?: (result: SearchResult) => void,
  ): Promise<SearchResult> {
    if (!Number.isInteger(params.k) || params.k < 1 || params.k > 200) throw new StrataError("input.invalid", `The number of hits must be 1 to 200, not ${params.k}.`);
    const started = (this.#askedMs = performance.now());
    this.#watcher?.doubt();
    if (this.#reads.size > 0 && this.#teller.unread <= FEW_CHANGES) await unlessAborted(signal, Promise.race([this.#reads.settled(), breathe(FRESH_MS)])); // as an agent writes a file and asks
    await this.#atHand();
    let changes = 0; // as of when the index is read: what comes while hits are refined and followed is not among them
    const ask = (k: number): Promise<RankedResult> => {
      changes = this.#store.changes();
      return this.#withEncoder((deps) => rank(deps, k));
    };
    const ranked = await withoutGaps(ask, params.k, (hits) => this.#readLost(hits, signal));
    const finish = async ({ hits, refine: _, emptied, ...found }: RankedResult, refining: boolean): Promise<SearchResult> => ({
      ...found,
      ...(await whyNothing(emptied, this.#store, this.#options.root, this.#settings)),
      hits: await this.#anchor(hits),
      coverage: this.#store.coverage(),
      changes,
      tookMs: performance.now() - started,
      refining,
    });
    const { refine } = ranked;
    if (params.depth !== "deep" || refine === undefined) return finish(ranked, false);
    // A list that is there is an answer, also when the encoder dies over making it better or the engine ends meanwhile.
    const unrefined = (error: unknown): RankedResult => {
      signal.throwIfAborted();
      this.#problem("visible hits could not be refined", error);
      return ranked;
    };
    const late = (error: unknown): void => void (signal.aborted || unrefined(error));
    const refined = async (): Promise<SearchResult> => finish(await refine(REFINE_BUDGET_MS, AbortSignal.any([signal, this.#closing.signal]), late).catch(unrefined), false);
    if (!onUpdate) return refined();
    const update = yieldToEventLoop().then(refined).then((better) => signal.aborted || onUpdate(better));
    this.#answers.of(update).catch((error: unknown) => this.#problem("refined hits could not be sent", error));
    return finish(ranked, true);
  }

  duplicates(params: DuplicatesParams, signal: AbortSignal, onProgress?: OnProgress): Promise<DuplicatesFound & { readonly coverage: Coverage }> {
    return this.#answers.of(this.#duplicates(params, signal, onProgress));
  }

  async #duplicates(params: DuplicatesParams, signal: AbortSignal, onProgress?: OnProgress): Promise<DuplicatesFound & { readonly coverage: Coverage }> {
    for (;;) {
      await this.#atHand();
      const found = await this.#work(signal, (cut) => findDuplicates(this.#store, this.#codeForms, filtersInside(params, this.#options.root), cut, onProgress));
      if (found) return { ...(await whyNothing(found.emptied, this.#store, this.#options.root, this.#settings)), groups: await anchorGroups(found.groups, (members) => this.#anchor(members)), coverage: this.#store.coverage() }; // else cut short by an exchange: it begins again with what is there then
    }
  }

  /** Brings every chunk to `depth`. Cancelling leaves what was done. */
  async index(depth: Depth, signal: AbortSignal): Promise<Status> {
    this.#wake();
    if (this.#teller.state.kind === "failed" || this.#full) await this.#turns.next(signal); // it is tried again before it is judged
    for (;;) {
      signal.throwIfAborted();
      if (this.#full) throw this.#full;
      if (this.#teller.state.kind === "paused" && this.#settings.paused) throw new StrataError("input.invalid", "Indexing is paused. Run the command Strata: Resume Indexing in the editor, then this again.");
      const { chunks, [depth]: reached } = this.#store.coverage();
      const isRead = this.#scansDone === this.#scansWanted;
      if (isRead && reached >= chunks) {
        this.#wake(); // it has nothing to do any more, and says so
        return this.status();
      }
      // After that: where the encoder does not run, all is at hand at instant depth.
      if (this.#teller.state.kind === "failed" && this.#scansTried === this.#scansWanted) throw new StrataError(this.#teller.state.code as ErrorCode, this.#teller.state.reason);
      const asked = depth === "deep" ? "deep" : "shallow";
      const isBeyondBackground = isDeeper(depth, this.#settings.backgroundDepth);
      const hasBackgroundDone = () => isRead && depth !== "instant" && this.#store.chunksToDeepen(asked, 1, [], this.#options.mostDeepened).length === 0;
      const deepened = isBeyondBackground || hasBackgroundDone() ? await this.#work(signal, (cut) => this.#deepenRound(asked, cut, Infinity)) : 0;
      // Also when no chunk waits because the files are still being read: a round that does nothing never lets the event loop turn.
      if (!deepened) {
        this.#wake();
        await this.#turns.next(signal);
      }
    }
  }

  /** Files were changed by the editor or seen by the watcher. Answers when they are searchable at full depth. */
  async filesChanged(paths: readonly string[], signal: AbortSignal): Promise<void> {
    const inside = paths.map((p) => relativeInside(this.#options.root, p));
    if (inside.length > MASS_CHANGE) {
      this.#teller.state = lookingForFiles;
      return this.#requestScan();
    }
    this.#teller.unread += inside.length;
    const indexed = await this.#reads.of(this.#work(signal, (cut) => this.#readSaved(inside, cut)))
      .catch((error: unknown) => {
        // Nobody names these paths again.
        if (!isAbort(error)) this.#requestScan();
        throw error;
      })
      .finally(() => (this.#teller.unread -= inside.length));
    if (!indexed) this.#requestScan(); // cut short by a change of model: a full pass makes up for it
    // What is not encoded here is in the index all the same, and the background comes to it.
    else await this.#work(signal, (cut) => this.#deepenSaved(indexed, cut)).finally(() => this.#wake());
  }

  async #readSaved(inside: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    const { indexed, rescan } = await this.#indexer.update(inside, signal);
    // A pass that is under way may have read these files before they changed; the next one notices by their times.
    if (rescan || this.#scansDone < this.#scansWanted) this.#requestScan();
    this.#recent = [...indexed, ...this.#recent.filter((p) => !indexed.includes(p))].slice(0, 50);
    this.#teller.soon();
    return indexed;
  }

  async #deepenSaved(indexed: readonly string[], signal: AbortSignal): Promise<void> {
    if (this.#settings.paused || this.#settings.backgroundDepth === "instant") return;
    const depth = this.#settings.backgroundDepth;
    const shallow = indexed.flatMap((p) => this.#store.placesInFile(p)).filter((place) => isDeeper(depth, place.depth ?? "instant"));
    if (shallow.length === 0) return;
    const unique = [...new Map(shallow.map((place) => [place.chunkId, place])).values()];
    for (let from = 0; from < unique.length; from += SAVED_SLICE) await encodeAndKeep(this.#encoder, this.#store, unique.slice(from, from + SAVED_SLICE), depth, "visible", signal);
    this.#teller.soon();
  }

  async configure(wanted: EngineSettings): Promise<void> {
    const before = this.#settings;
    const settings = (this.#settings = { ...wanted, paused: wanted.paused ?? before.paused, exclude: withoutEmptyGlobs(wanted.exclude) });
    if (JSON.stringify([settings.exclude, settings.maxFileBytes]) !== JSON.stringify([before.exclude, before.maxFileBytes])) {
      keepLimits(this.#options.folder, settings, (error) => this.#problem("the excludes could not be kept with the index", error));
      this.#watcher?.refresh();
      if (this.#begun) this.#requestScan();
    }
    this.#begin.resolve();
    if (settings.paused && !before.paused) await this.#exchanging(async () => {}); // of nothing: it cuts short what is under way, a whole pass too
    this.#wake();
  }

  /** Deletes the index and builds it anew. Questions that come while there is none wait for it. What keeps the new one from being opened is thrown, and tried again. */
  async rebuild(): Promise<Status> {
    const { folder, modelFolder } = this.#options;
    await modelToUse(folder, modelFolder, () => {}); // one that is gone had better be missed while the old index answers
    const open = Promise.withResolvers<void>();
    await this.#exchanging(async () => {
      this.#reopened = open.promise;
      await this.#asking.settled();
      await Promise.all([this.#pool.close(), this.#encoder.close(), this.#before?.close()]);
      await this.#store.close();
      this.#scansDone = 0;
      this.#scansWanted = 1;
      try {
        removeIndex(folder);
      } finally {
        await this.#reopen();
      }
    }).finally(open.resolve);
    return this.status();
  }

  async #reopen(): Promise<void> {
    await this.#open().catch((error: unknown) => {
      throw (this.#lost = error);
    });
    this.#lost = undefined;
  }

  /** Waits while a rebuild has no store to ask. Once the engine ends nothing more is asked. */
  async #atHand(): Promise<void> {
    await this.#reopened;
    this.#closing.signal.throwIfAborted();
    if (this.#lost === undefined) return;
    this.#wake();
    throw this.#lost;
  }

  /**
   * Goes over to the model of a folder ("": the bundled one) and keeps the choice. Searches are answered at every moment: by the model before until
   * the new one has read everything. @throws StrataError "model.*", "input.invalid"; then nothing has changed.
   */
  async chooseModel(folder: string, signal: AbortSignal): Promise<Status> {
    if (folder !== "" && !path.isAbsolute(folder)) throw new StrataError("input.invalid", `The model's folder must be given in full, not as ${folder}.`);
    const files = await loadModelFiles(folder || (await defaultModelFolder()), signal);
    const instant = await tried(await loadInstantTable(files));
    await this.#exchanging(async () => {
      signal.throwIfAborted();
      if (this.#lost !== undefined) await this.#reopen();
      const putInForce = keepChoice(this.#options.folder, await asKept(folder));
      if (files.model.hash !== this.#model.model.hash) await this.#exchangeModel(files, instant);
      putInForce(); // last: an index starts with the model it has chosen, so what failed above must not have been chosen
      this.#teller.withdraw(CHOICE_GONE);
    });
    this.#options.log("info", `the model is ${files.model.id} ${files.model.version} now (${files.model.folder})`);
    return this.status();
  }

  async #exchangeModel(files: ModelFiles, instant: InstantTable): Promise<void> {
    const [last, before, pool] = [this.#encoder, this.#before, this.#pool];
    this.#store.useModel(files.model);
    this.#before = [last, before].find((encoder) => encoder !== undefined && encoder.model.hash === this.#store.previousModel?.hash);
    this.#takeOver(instant);
    for (const encoder of [last, before]) if (encoder && encoder !== this.#before) this.#dismiss(encoder);
    await pool.close();
  }

  status(): Status {
    return statusOf(this.#options, this.#model, this.#store, this.#indexer, this.#teller);
  }

  /** What takes long is cut short then, and no more questions are taken. */
  get isEnding(): boolean {
    return this.#closing.signal.aborted;
  }

  readonly leftOut = (): readonly LeftOut[] => this.#indexer.leftOut();

  async close(): Promise<void> {
    this.#closing.abort();
    this.#begin.resolve();
    this.#teller.end();
    this.#wake();
    this.#turns.end();
    await this.#watcher?.close();
    await this.#exchanges.over();
    await this.#pool.close();
    await Promise.allSettled([this.#loop, this.#exchanges.settled()]);
    await Promise.all([this.#answers.settled(), this.#noiseFloor.settled()]);
    await this.#store.close();
    await Promise.all([this.#encoder.close(), this.#before?.close()]);
  }

  /** The one background loop: scan, deepen, insert into the graphs, save, sleep until something changes. */
  async #background(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      if (this.#lost !== undefined) await this.#exchanging(() => this.#reopen()).catch(() => undefined); // its end wakes this loop; work throws what is in the way
      const woken = new Promise<void>((resolve) => void (this.#wake = resolve));
      // A question in flight has the thread to itself: an answer awaits several times, and a slice in each gap would add up.
      if (this.#asking.size > 0) await this.#asking.settled();
      this.#scansTried = this.#scansWanted;
      try {
        const { paused } = this.#settings;
        if (paused) this.#teller.state = { kind: "paused", reason: "It was paused in the editor. The command Strata: Resume Indexing goes on with it." };
        const worked = !paused && (await this.#work(signal, (cut) => this.#slice(cut)));
        this.#full = undefined;
        this.#failures = 0;
        this.#turns.end();
        if (worked !== false) await (performance.now() - this.#askedMs < 3_000 ? breathe() : yieldToEventLoop());
        else await woken;
      } catch (error) {
        if (signal.aborted) return;
        this.#turns.end();
        if (StrataError.is(error, "index.damaged")) {
          this.#options.log("error", "the database is damaged", error);
          continue;
        }
        const full = StrataError.is(error, "index.diskFull");
        this.#options.log(full ? "warn" : "error", full ? "the disk is full" : "background work failed", error);
        this.#teller.state = full ? { kind: "paused", reason: userMessage(error) } : { kind: "failed", code: StrataError.is(error) ? error.code : "engine.failed", reason: userMessage(error) };
        this.#full = full ? error : undefined;
        // Tried again when something changes, and by itself: a lock or a drive that was away needs nobody's hand.
        // Not by what woke it while the slice failed, another pass apart: whoever waits for the index would have it tried without a pause and never hear why not.
        const again = new Promise<void>((resolve) => void (this.#wake = resolve));
        const retry = setTimeout(this.#wake, full ? DISK_RETRY_MS : Math.min(RETRY_MS * 2 ** this.#failures++, MAX_RETRY_MS));
        if (this.#scansTried === this.#scansWanted) await again;
        clearTimeout(retry);
        if (full) this.#requestScan();
        else this.#teller.state = lookingForFiles;
      }
    }
  }

  /** One slice of background work; false when there is nothing left to do. */
  async #slice(signal: AbortSignal): Promise<boolean> {
    if (this.#scansDone < this.#scansWanted) {
      const asked = this.#scansWanted;
      if (this.#scansDone === 0) this.#teller.state = lookingForFiles;
      // Until changes are watched, nobody tells what came and went while a pass was busy reading: it looks again before it counts as done.
      let looks = this.#watcher ? 1 : LOOKS_UNWATCHED;
      let read: number;
      do {
        read = await this.#indexer.scan((progress) => {
          // A repeated pass that finds nothing to read is no news: answers stay complete while it looks.
          if (this.#scansDone === 0 || progress.total === 0 || progress.done < progress.total) this.#teller.state = { kind: "scanning", progress };
        }, signal);
      } while (read > 0 && --looks > 0);
      this.#scansDone = asked;
      void this.#withEncoder(async ({ store, encoder, noiseFloor }) => encoder && noiseFloor?.of(store, encoder));
      this.#warmUp();
      if (this.#teller.state.kind === "scanning") this.#teller.state = deepening(this.#settings.backgroundDepth, this.#store.coverage(), this.#options.mostDeepened); // whoever waited for the pass asks at once
      this.#watch();
      this.#teller.soon();
      return true;
    }
    if (this.#replaceRound()) return true;
    const depth = this.#settings.backgroundDepth;
    const graphsDone = this.#store.drainGraphs(GRAPH_SLICE_MS);
    const round = (this.#round = new AbortController());
    const deepened = depth === "instant" ? 0 : await this.#deepenRound(depth, AbortSignal.any([signal, round.signal]), this.#options.mostDeepened).catch((error: unknown) => {
      if (round.signal.aborted && isAbort(error)) return 0;
      throw error;
    });
    if (round.signal.aborted) return true;
    if (deepened > 0 || !graphsDone) {
      if (Date.now() > this.#saveAt) await this.#save();
      if (deepened === 0) this.#rest(); // answers are exact while the graphs grow
      return true;
    }
    await this.#save();
    this.#rest();
    return false;
  }

  #warmUp(): void {
    const ask = (query: string) => this.#answers.of(this.#withEncoder((deps) => searchIndex(deps, { query, k: 10 })));
    if (this.#store.coverage().chunks >= this.#options.warmFrom) this.#warm ??= warmUp(ask, this.#isQuiet, this.#closing.signal).catch((error: unknown) => this.#problem("the index could not be warmed up", error));
  }

  readonly #isQuiet = (): boolean => this.#answers.size === 0 && performance.now() - this.#askedMs > QUIET_MS;

  #rest(): void {
    if (this.#teller.state.kind !== "ready") this.#collecting ??= this.#collect().finally(() => (this.#collecting = undefined));
    this.#teller.state = { kind: "ready" };
  }

  /** A sweep leaves a large heap that V8 would keep; collected, it goes back to the machine. That takes a quarter of a second of this thread, for which who waited for the sweep and asks would wait. */
  async #collect(): Promise<void> {
    await whenQuiet(this.#isQuiet, this.#closing.signal);
    if (!this.isEnding) await globalThis.gc?.({ type: "major", execution: "async", flavor: "last-resort" });
  }

  /** After a change of model: the next chunks get their instant vector of the new one. False when all have theirs. */
  #replaceRound(): boolean {
    const todo = this.#store.chunksToDeepen("instant", REPLACE_ROUND);
    if (todo.length === 0) {
      if (!this.#before) return false;
      this.#dismiss(this.#before);
      this.#before = undefined;
      this.#teller.soon();
      return false;
    }
    this.#teller.state = deepening("instant", this.#store.coverage());
    const encoder = (this.#instantEncoder ??= createInstantEncoder(this.#instant));
    this.#store.putVectors("instant", todo.map((chunk) => ({ chunkId: chunk.chunkId, vector: encoder.embed(chunk) })));
    return true;
  }

  /** Starts after the first pass, whose first second belongs to reading files; what changes until it stands is caught by the pass that `onRescan` asks for. */
  #watch(): void {
    this.#watcher ??= watchWorkspace(this.#options.root, {
      limits: () => this.#settings,
      onRescan: () => this.#requestScan(),
      onChange: (paths) => void this.filesChanged(paths, this.#closing.signal).catch((error: unknown) => this.#problem("a change on disk was not indexed", error)),
      onWarning: this.#teller.warn,
    });
  }

  async #deepenRound(depth: EncodeDepth, signal: AbortSignal, most: number): Promise<number> {
    const todo = this.#store.chunksToDeepen(depth, DEEPEN_ROUND, this.#recent, most);
    if (todo.length === 0) return 0;
    this.#teller.state = deepening(depth, this.#store.coverage(), most);
    await encodeAndKeep(this.#encoder, this.#store, this.#store.borrow(depth, todo), depth, "background", signal);
    return todo.length;
  }

  async #save(): Promise<void> {
    const started = Date.now();
    await this.#store.saveGraphs();
    this.#saveAt = Date.now() + Math.max(SAVE_EVERY_MS, SAVE_SHARE * (Date.now() - started));
  }

  /** The index is empty: whoever met the damage, also behind an answer. */
  #readAll(): void {
    this.#scansDone = 0;
    this.#requestScan();
  }

  #requestScan(): void {
    this.#scansWanted++;
    this.#round.abort();
    this.#wake();
  }

  /** Runs what reads or writes with the present model. Undefined when an exchange of model or index cut it short. */
  async #work<T>(signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    await this.#exchanges.over();
    if (this.#lost !== undefined) throw this.#lost;
    return this.#exchanges.work(AbortSignal.any([signal, this.#closing.signal]), run);
  }

  /** Exchanges the model or the index while nothing else works with it. */
  async #exchanging(act: () => Promise<void>): Promise<void> {
    try {
      await this.#exchanges.exchange(act);
    } finally {
      this.#teller.soon();
      this.#wake();
    }
  }

  /** Closes an encoder once the answers that were begun with it are out. */
  #dismiss(encoder: Encoder): void {
    void this.#asking.settled().then(() => encoder.close()).catch((error: unknown) => this.#problem("a replaced encoder did not close", error));
  }

  /** The encoder whose vectors cover the code. */
  #answering(): Encoder {
    return this.#before && this.#before.model.hash === this.#store.previousModel?.hash ? this.#before : this.#encoder;
  }

  /** When the encoder cannot run (its native module does not load), search still answers, by words alone, and says so. */
  async #withEncoder<T>(rank: (deps: SearchDeps) => Promise<T>): Promise<T> {
    const encoder = this.#answering();
    const store = seenBy(this.#store, encoder.model.hash);
    try {
      const answer = await this.#asking.of(rank({ store, encoder, ...(this.#scansDone > 0 && { noiseFloor: this.#noiseFloor }) }));
      this.#teller.withdraw(BY_WORDS); // it may have been one text that the model cannot read
      return answer;
    } catch (error) {
      // The model was exchanged while its query was made.
      if (encoder !== this.#answering() && !isAbort(error)) return this.#withEncoder(rank);
      if (!StrataError.is(error) || !["native.missing", "model.damaged", "engine.failed"].includes(error.code)) throw error;
      this.#problem("the encoder does not run", error);
      this.#teller.warn(`${BY_WORDS} ${userMessage(error)}`);
      return this.#asking.of(rank({ store, encoder: undefined }));
    }
  }

  /** What was cut short in order, as by the engine's end, is none. */
  #problem(what: string, error: unknown): void {
    if (!isAbort(error)) this.#options.log("warn", what, error);
  }

  /** Hits where their text stands now; files that changed meanwhile are indexed again. */
  async #anchor<H extends Anchored>(ranked: readonly H[]): Promise<readonly H[]> {
    const { hits, stale } = await anchorOnce(this.#store, this.#options.root, ranked);
    if (stale.length > 0) void this.filesChanged(stale, this.#closing.signal).catch((error: unknown) => this.#problem("a stale file was not indexed", error));
    return hits;
  }

  /** Reads what has changed where some of these hits are gone. @returns whether the index is another by it */
  async #readLost(hits: readonly Anchored[], signal: AbortSignal): Promise<boolean> {
    const before = this.#store.changes();
    const { hits: left, stale } = await anchorOnce(this.#store, this.#options.root, hits);
    if (left.length === hits.length) return false;
    const read = this.#work(this.#closing.signal, (cut) => this.#readSaved(goneWhole(this.#options.root, stale), cut)).catch((error: unknown) => this.#problem("a file that has changed was not indexed", error)).finally(() => this.#wake()); // they are read deeper behind the answer
    await unlessAborted(signal, Promise.race([read, breathe(GAPS_MS)])); // a folder of thousands of files goes behind the answer too
    return this.#store.changes() !== before;
  }
}
