// The index of one workspace root on disk and in memory: the only front of this folder. SQLite (files, chunks, FTS5, int8
// vectors) is the truth; per depth the vectors lie in memory, with an HNSW graph once there are enough. Single writer: the engine process.
import { existsSync } from "node:fs";
import path from "node:path";
import { StrataError, describeError } from "../base/errors.ts";
import { depths, type Depth, type EncodeDepth, type EncoderModel, type Int8Vector, isDeeper, type QueryVectors } from "../encoding/encoder.ts";
import { dequantise } from "../encoding/int8.ts";
import { type Allowed, type AllowedChunks, LastAllowed } from "./allowed.ts";
import { Catalogue, collectOrphans, insertVector, noChange, type Change } from "./catalogue.ts";
import { asStrataError, type CheckBeside, isDamage, isForeign, lockWithin, makeFolder, notSound, removeDatabase, type IndexDatabase } from "./database.ts";
import { ModelVectors, type DenseHit } from "./dense.ts";
import { deleteModel, Forgetting, retireModels } from "./forgetting.ts";
import { GraphFiles } from "./graphFiles.ts";
import { ImportGraph } from "./imports.ts";
import { correctTotals, DocumentFrequencies, inverseFrequency, type LexicalMatch, lexicalMatches, type LexicalStatistics, meanLengths, rescored, searchLexical, searchVerbatim, tellingTerms } from "./lexical.ts";
import { assertOwn, DAMAGED, forgetOldCuts, modelRow, openIndex, remakeLexicon, sizeOfIndex } from "./opening.ts";
import { chunksRecentLast, codeOfChunks, deepestVector, filesOfChunk, languagesOfChunks, namesInFile, placesById, placesDefining, placesInLines, placesOfChunks, textsOf, vectorAt, vectorsAt } from "./places.ts";
import type { ChunkCode, ChunkText, ChunkVector, Coverage, FileRecord, FileStat, Filters, LexicalHit, ParsedFile, Place, StoreOptions, TermPlaces } from "./records.ts";
import { Siblings } from "./siblings.ts";

export type { DenseHit };
export type {
  ChunkCode, Coverage, FileRecord, FileStat, Filters, LexicalField, LexicalHit, ParsedChunk, ParsedFile, Place, StoreOptions, TermPlaces,
} from "./records.ts";
export { escapeGlob, fileMatcher } from "./fileMatcher.ts";
export { SKIPPED } from "./records.ts";
export { asStrataError, lockFolder as lockIndex } from "./database.ts";
export { removeIndex } from "./opening.ts";
export { lexicalFields } from "./records.ts";

const DATABASE = "index.db";
const KEEP_ORPHANS = 200_000;
const ORPHAN_DAYS = 14;
/** Rows of one housekeeping transaction: a few milliseconds. */
const SLICE = 200;
/** Chunks whose code is read at once. */
const PAGE = 500;
/** Places found by the telling terms for each one wanted, when all terms are to decide their order. */
const RESCORED = 3;

/** The vectors of one model together with its row in `models`. */
interface StoredModel {
  readonly row: number;
  readonly vectors: ModelVectors;
}

/**
 * The front of the store. All methods are synchronous and short (batches are the caller's business) unless they return a promise.
 * Throws StrataError: "index.diskFull" (nothing is lost, reads go on), "index.unwritable", "index.busy" (another engine has it), "index.held" (another program has), and
 * "index.damaged" when the database turned out damaged while open: it was deleted, the store is empty now and every file must be put again.
 */
export class Store {
  readonly #warnings: string[] = [];
  readonly #options: StoreOptions;
  readonly #lock: { release(): void };
  readonly #graphs: GraphFiles;
  readonly #siblings: Siblings;
  #db: IndexDatabase;
  #check: CheckBeside | undefined;
  #catalogue = new Catalogue();
  #imports = new ImportGraph();
  #model: EncoderModel;
  #current!: StoredModel;
  #previous: StoredModel | undefined;
  /** Rows in `models` whose vectors wait to be deleted. */
  #retired: number[] = [];
  #orphansMayBeDue = true;
  /** The revision whose totals in the lexicon are right. */
  #totalsOf = -1;
  #forgetting!: Forgetting;
  /** Says in the database that it is open for writing, once per session. */
  #markedOpen = false;
  /** Counts the commits that moved files or places, so that what was derived from them can be thrown away. */
  #revision = 0;
  readonly #queues = new Map<string, number[]>();
  readonly #allowed = new LastAllowed();
  #means: { places: number; lengths: number[] } | undefined;
  readonly #frequencies = new DocumentFrequencies();
  #closed = false;

  /**
   * Opens or makes the index. A damaged database is deleted, a new one made and `warnings` says so; graphs load behind the
   * exact scan, which answers meanwhile; graphs that are missing or damaged (checksum first: hnswlib ends the process on bad files) grow again.
   *
   * Another model than the last one: see useModel.
   */
  static async open(options: StoreOptions): Promise<Store> {
    try {
      makeFolder(options.folder);
      const lock = await lockWithin(options.folder, options.mayWait);
      let store: Store | undefined;
      try {
        store = new Store(options, lock);
        await store.#load();
        return store;
      } catch (error) {
        if (store) store.#db.close();
        lock.release();
        throw error;
      }
    } catch (error) {
      throw asStrataError(error, options.folder);
    }
  }

  /** Whether an index lies there; it may still turn out damaged or of another version. */
  static exists(folder: string): boolean {
    return existsSync(path.join(folder, DATABASE));
  }

  private constructor(options: StoreOptions, lock: { release(): void }) {
    this.#options = options;
    this.#model = options.model;
    this.#lock = lock;
    this.#siblings = new Siblings(options.siblings ?? (() => []), options.log);
    this.#graphs = new GraphFiles(options, () => this.#current.vectors.tiers, (sentence, cause) => this.#warn(sentence, cause));
    this.#db = this.#openDatabase();
  }

  // Files ----------------------------------------------------------------------------------------------------------------
  /** Live view: it changes with every put. `hash` is "" for files that another version cut: they must be read again. */
  files(): ReadonlyMap<string, FileRecord> {
    return this.#catalogue.files;
  }
  /** One transaction: replaces the files' rows, keeps chunks by content id, adds instant vectors. */
  putFiles(files: readonly ParsedFile[]): void {
    this.#write((change) => {
      for (const file of files) {
        for (const { instant } of file.chunks) if (instant) checkWidth(instant, this.#model);
        this.#catalogue.put(this.#db, change, file, this.#current.row);
      }
    });
  }
  /** Content unchanged, only the stat moved. One transaction: a checkout may touch every file there is. */
  touchFiles(files: readonly (FileStat & { readonly path: string })[]): void {
    const touched = files.flatMap(({ path, size, mtimeMs }) => {
      const file = this.#catalogue.files.get(path);
      return file ? [{ ...file, size, mtimeMs }] : [];
    });
    this.#write(() => {
      for (const { id, size, mtimeMs } of touched) this.#db.run("UPDATE files SET size = ?, mtimeMs = ? WHERE id = ?", size, mtimeMs, id);
    });
    for (const file of touched) this.#catalogue.files.set(file.path, file);
  }
  /** When the last full pass over the files began; undefined before there was one. */
  lookedMs(): number | undefined {
    const kept = this.#guard(() => this.#db.meta("looked"));
    return kept === undefined ? undefined : Number(kept);
  }
  /** Which folder that pass went over (see base/folderIdentity.ts); undefined where a version before this one made it. */
  readonly lookedIn = (): string | undefined => this.#guard(() => this.#db.meta("lookedIn"));
  readonly looked = (beganMs: number, folder: string): void =>
    this.#guard(() => {
      this.#db.setMeta("looked", String(beganMs));
      this.#db.setMeta("lookedIn", folder);
    });
  /** Chunks that lose their last place keep their vectors, not their text, for some days (branch switches), capped. @param forget that words go too, as `drainGraphs` has time: a secret */
  removeFiles(paths: readonly string[], forget = false): void {
    this.#write((change) => {
      for (const path of new Set(paths)) this.#catalogue.remove(this.#db, change, path);
      if (forget && change.removed.length > 0) this.#forgetting.want(this.#db);
    });
  }

  // Deepening ------------------------------------------------------------------------------------------------------------
  /**
   * Live chunks without a vector at `depth` or deeper, after a change of model of the new one: those of `paths` in that order first, then by recency of
   * file; of those, `most` and what comes new.
   */
  chunksToDeepen(depth: Depth, limit: number, paths: readonly string[] = [], most = Infinity): readonly ChunkText[] {
    return this.#guard(() => {
      const key = `${depth} ${most}`;
      if (this.coverage()[depth] === this.#catalogue.references.size) {
        this.#queues.get(key)?.splice(0); // not forgotten: to gather all again takes as long as there are many
        return [];
      }
      const wanted = new Set<number>();
      for (const path of paths) {
        const file = this.#catalogue.files.get(path);
        if (!file) continue;
        for (const { chunk } of this.#db.all("SELECT chunk FROM places WHERE file = ? ORDER BY startLine", file.id)) {
          if (wanted.size < limit && this.#lacks(chunk as number, depth)) wanted.add(chunk as number);
        }
      }
      const queue = this.#queues.get(key) ?? chunksRecentLast(this.#db, most);
      this.#queues.set(key, queue);
      while (queue.length > 0 && !this.#lacks(queue.at(-1)!, depth)) queue.pop();
      for (let i = queue.length - 1; i >= 0 && wanted.size < limit; i--) if (this.#lacks(queue[i]!, depth)) wanted.add(queue[i]!);
      return textsOf(this.#db, [...wanted]);
    });
  }
  /** Puts what other indexes have of these chunks at `depth`; returns those that have to be encoded. */
  borrow<T extends { readonly chunkId: number }>(depth: EncodeDepth, chunks: readonly T[]): readonly T[] {
    const lent = this.#guard(() => this.#siblings.vectorsOf(this.#db, this.#model, chunks.map(({ chunkId }) => chunkId), depth));
    this.putVectors(depth, lent);
    return chunks.filter(({ chunkId }) => this.#lacks(chunkId, depth));
  }
  /** @param model hash of the model that made them when it is not the current one; RangeError as in searchDense. */
  putVectors(depth: Depth, vectors: readonly ChunkVector[], model?: string): void {
    if (vectors.length === 0) return;
    const { row, vectors: held } = this.#storedBy(model);
    for (const { vector } of vectors) checkWidth(vector, held.model);
    this.#write(() => {
      for (const { chunkId, vector } of vectors) {
        // A chunk may have been cleaned away since its text was handed out.
        if (this.#catalogue.references.has(chunkId) || this.#db.get("SELECT 1 FROM chunks WHERE id = ?", chunkId)) insertVector(this.#db, row, depth, chunkId, vector);
      }
    });
    for (const { chunkId, vector } of vectors) if (this.#catalogue.references.has(chunkId)) held.add(chunkId, depth, vector);
    this.#dropReplaced();
  }
  /**
   * Goes over to another model; no write of the old one's instant vectors may be under way. What is stored of it counts at once. Until every live chunk has a
   * vector of it (`chunksToDeepen`, `putVectors`), `previousModel` goes on answering queries that it made itself (`searchDense` with its hash).
   * The model before keeps its vectors on disk for two weeks, so that going back encodes nothing; those of still older ones are deleted.
   */
  useModel(model: EncoderModel): void {
    this.#guard(() => {
      const known = [this.#current, ...(this.#previous ? [this.#previous] : [])];
      let next = known.find(({ vectors }) => vectors.model.hash === model.hash);
      if (!next) this.#loadVectors((next = this.#storedModel(model)));
      const isWhole = next.vectors.count >= this.#catalogue.references.size;
      const previous = isWhole ? undefined : known.filter((other) => other !== next).sort((a, b) => b.vectors.count - a.vectors.count)[0];
      this.#retireModels(next, previous); // the last that can fail: then the model before is still the one
      this.#model = model;
      this.#current = next;
      this.#previous = previous;
      this.#queues.clear();
    });
  }

  // Search ---------------------------------------------------------------------------------------------------------------
  /**
   * BM25 over the FTS5 fields. `terms` are already split and stemmed by search/terms.ts; a hit needs at least one (terms that stand nearly everywhere are left
   * out when there are rarer ones). `phrases` (quoted) must occur verbatim in the chunk's text, ignoring case. `weights` in the order of lexicalFields.
   */
  searchLexical(terms: readonly string[], phrases: readonly string[], weights: readonly number[], limit: number, filters: Filters): readonly LexicalHit[] {
    return this.#guard(() => {
      const files = this.allowedBy(filters)?.files;
      const telling = tellingTerms(terms, this.#catalogue.places, this.#frequency);
      const search = (count: number) => searchLexical(this.#db, { terms: telling, phrases, weights, limit: count, files });
      const others = terms.filter((term) => !telling.includes(term) && this.#frequency(term) > 0);
      // Frequent terms find nothing, but they count where the rarer ones are found.
      return others.length === 0 ? search(limit) : rescored(this.#db, search(RESCORED * limit), terms, weights, this.#statistics(terms)).slice(0, limit);
    });
  }
  /** For phrases that `searchLexical` finds with no term: a scan of the texts in slices of some 10 ms, so that others may come between. */
  *searchVerbatim(phrases: readonly string[], limit: number, filters: Filters): Generator<readonly LexicalHit[]> {
    const files = this.allowedBy(filters)?.files;
    const slices = searchVerbatim(this.#db, { phrases, limit, files });
    for (let slice = this.#guard(() => slices.next()); !slice.done; slice = this.#guard(() => slices.next())) yield slice.value;
  }
  /** In how many places a term stands. */
  placesSaying(term: string): number {
    return this.#guard(() => this.#frequency(term));
  }
  /** Terms of `least` to `most` letters that begin with `start`, and in about how many places each stands. */
  termsLike(start: string, least: number, most: number): readonly TermPlaces[] {
    return this.#guard(() => this.#frequencies.termsLike(this.#db, start, least, most, this.#catalogue.places));
  }
  /**
   * How these places match the terms, per field (order of lexicalFields) and per term, for ranking features and for explaining; `idf` is in the order of the
   * terms. Under a millisecond for 100 places.
   */
  lexicalMatches(terms: readonly string[], places: readonly number[]): { readonly idf: readonly number[]; readonly places: ReadonlyMap<number, LexicalMatch> } {
    return this.#guard(() => {
      const statistics = this.#statistics(terms);
      return { idf: statistics.idf, places: lexicalMatches(this.#db, terms, places, statistics) };
    });
  }
  #statistics(terms: readonly string[]): LexicalStatistics {
    const total = this.#catalogue.places;
    // Means move slowly: a tenth more or fewer places is soon enough.
    if (!this.#means || Math.abs(this.#means.places - total) > total / 10) this.#means = { places: total, lengths: meanLengths(this.#db) };
    return { idf: terms.map((term) => inverseFrequency(this.#frequency(term), total)), meanLengths: this.#means.lengths };
  }
  /**
   * The k chunks nearest to the query, each at its deepest vector, over all depths; see DenseHit for the order.
   * @param model hash of the model that made the query when it is not the current one; throws RangeError when the store has no vectors of it.
   */
  searchDense(query: QueryVectors, k: number, filters: Filters, model?: string): readonly DenseHit[] {
    return this.#guard(() => this.#storedBy(model).vectors.search(query, k, this.allowedBy(filters)?.chunks));
  }
  /** Cosine of the query with stored vectors of these chunks at their deepest depth, best first; chunks without one are left out. */
  scoreChunks(query: QueryVectors, chunkIds: readonly number[], model?: string): readonly DenseHit[] {
    return this.#guard(() => this.#storedBy(model).vectors.score(query, chunkIds));
  }
  /**
   * The k chunks nearest to code in `lang`, by what remains of vectors without what the code of a language has in common, so that the same idea in another
   * language is as near as in the same one. Models whose exits share no space: as searchDense.
   */
  searchCode(query: QueryVectors, lang: string, k: number, filters: Filters, model?: string): readonly DenseHit[] {
    return this.#guard(() => this.#storedBy(model).vectors.searchCode(query, lang, k, this.#languagesOf, this.allowedBy(filters)?.chunks));
  }
  /** These chunks by the measure of searchCode, best first; chunks without a vector are left out. */
  scoreCode(query: QueryVectors, lang: string, chunkIds: readonly number[], model?: string): readonly DenseHit[] {
    return this.#guard(() => this.#storedBy(model).vectors.scoreCode(query, lang, chunkIds, this.#languagesOf));
  }
  /** Places of these chunks in their order (a chunk may stand in several files). */
  placesOf(chunkIds: readonly number[]): readonly Place[] {
    return this.#guard(() => placesOfChunks(this.#db, chunkIds, this.#depthOf));
  }
  /** Places by id, in the order given; unknown ids are left out. */
  places(places: readonly number[]): readonly Place[] {
    return this.#guard(() => placesById(this.#db, places, this.#depthOf));
  }
  /** Places of a file that overlap the lines, in order; all when no lines are given. */
  placesInFile(path: string, startLine = 1, endLine = Infinity): readonly Place[] {
    const file = this.#catalogue.files.get(path);
    return file ? this.#guard(() => placesInLines(this.#db, file.id, startLine, endLine, this.#depthOf)) : [];
  }
  /** The names that the chunks of these files define, in order; a file that is not indexed gives none. */
  namesIn(paths: readonly string[]): ReadonlyMap<string, readonly string[]> {
    return this.#guard(() => new Map(paths.map((path) => [path, namesInFile(this.#db, this.#catalogue.files.get(path)?.id)])));
  }
  /** Places that define a symbol with exactly one of these names (case-insensitive), in the order of the names. */
  definitions(names: readonly string[], limit: number): readonly Place[] {
    return this.#guard(() => placesDefining(this.#db, names, limit, this.#depthOf));
  }
  /** How many files import each of these files (resolved by path suffix), for file centrality. */
  importCounts(paths: readonly string[]): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const path of paths) {
      const file = this.#catalogue.files.get(path);
      if (file) counts.set(path, this.#imports.count(file));
    }
    return counts;
  }
  /** For each of these files those of the others that it imports or that import it. */
  importNeighbours(paths: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#imports.neighbours(paths.flatMap((path) => this.#catalogue.files.get(path) ?? []));
  }
  /** Live view: all chunks that have a place, and how many. An index that is made again has another. */
  placesPerChunk(): ReadonlyMap<number, number> {
    return this.#catalogue.references;
  }
  /** For duplicates: these chunks in their order, without those that have no place, read in pages, so that writes may come between. */
  *codeOf(chunkIds: readonly number[]): Generator<ChunkCode> {
    for (let from = 0; from < chunkIds.length; from += PAGE)
      for (const chunk of this.#guard(() => codeOfChunks(this.#db, chunkIds.slice(from, from + PAGE)))) if (this.#catalogue.references.has(chunk.chunkId)) yield chunk;
  }
  /** Nearest neighbours of a stored chunk at its deepest vector, itself left out. @param allowed chunks that count; undefined for all */
  neighbours(chunkId: number, k: number, allowed?: AllowedChunks): readonly DenseHit[] {
    return this.#guard(() => {
      const { row, vectors } = this.#previous ?? this.#current;
      const own = vectors.floatsOf(chunkId);
      if (!own) return [];
      const at = (depth: Depth): Float32Array => {
        const stored = vectors.model.sharedSpace ? undefined : vectorAt(this.#db, row, depth, chunkId);
        return stored ? dequantise(stored) : own;
      };
      const query = { instant: at("instant"), shallow: at("shallow"), deep: at("deep") };
      return vectors.search(query, k + 1, allowed).filter((hit) => hit.chunkId !== chunkId).slice(0, k);
    });
  }

  // State ----------------------------------------------------------------------------------------------------------------
  /** Sentences the user should know: the index was damaged and made again, exact search instead of graphs. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }
  coverage(): Coverage {
    const { vectors } = this.#current;
    const at = (depth: Depth) => vectors.tiers[depth].rows.count;
    return { files: this.#catalogue.searchable, chunks: this.#catalogue.references.size, instant: vectors.count, shallow: at("shallow") + at("deep"), deep: at("deep") };
  }
  readonly changes = (): number => this.#catalogue.changes; // how often code came or went since the index was opened
  /** Number of files by language. */
  languages(): Readonly<Record<string, number>> {
    return this.#catalogue.languages();
  }
  /** The model that is being replaced: while its encoder is at hand, it may still make queries. */
  get previousModel(): EncoderModel | undefined {
    return this.#previous?.vectors.model;
  }
  /** Per depth: vectors in memory and how many of them the HNSW graph holds. For tests. */
  graphs(): readonly { readonly depth: Depth; readonly vectors: number; readonly inGraph: number; readonly deleted: number }[] {
    return depths.map((depth) => this.#current.vectors.tiers[depth].state);
  }
  /** Resolves when graph files that were being read or written at this moment are done with, and the database is checked. */
  async settled(): Promise<void> {
    await this.#graphs.settled();
    await this.#check?.over();
  }
  /**
   * Inserts pending vectors into the graphs and cleans up for about `budgetMs`; true when nothing is left. Search is exact meanwhile (pending vectors
   * are scanned), so it may be called whenever there is time; but let the event loop turn between calls: while a graph file is read or written the
   * answer stays false.
   */
  drainGraphs(budgetMs: number): boolean {
    const deadline = performance.now() + budgetMs;
    if (!this.#graphs.drain(deadline)) return false;
    do {
      if (this.#cleanUp()) return true;
    } while (performance.now() < deadline);
    return false;
  }
  /** Writes graphs when they have changed. They must not know chunks that a loss of power could take from the database: their ids would be given again. */
  saveGraphs(): Promise<void> {
    return this.#graphs.save(() => {
      if (!this.#closed) this.#db.checkpoint();
      return !this.#closed;
    });
  }
  sizeBytes(): number {
    return sizeOfIndex(this.#options.folder);
  }
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.saveGraphs().catch((error: unknown) => this.#options.log("warn", "Graphs were not saved; they will grow again from the database", error));
    this.#closed = true;
    try {
      if (this.#check ? this.#check.isSound : this.#markedOpen) this.#db.setMeta("clean", "1");
    } catch (error) {
      this.#options.log("warn", "The index could not be marked as closed; the next start will check it", error);
    }
    await this.#check?.end();
    this.#db.close();
    this.#lock.release();
  }

  readonly #frequency = (term: string): number => this.#frequencies.of(this.#db, term, this.#catalogue.places, this.#revision);
  readonly #filesOf = (chunkId: number) => this.#guard(() => filesOfChunk(this.#db, chunkId));
  readonly #languagesOf = (chunkIds: readonly number[]) => languagesOfChunks(this.#db, chunkIds);
  readonly #depthOf = (chunkId: number): Depth | undefined => this.#current.vectors.depthOf(chunkId);

  #warn(sentence: string, cause?: unknown): void {
    this.#warnings.push(sentence);
    this.#options.log("warn", cause === undefined ? sentence : `${sentence} ${describeError(cause)}`);
  }
  #lacks(chunkId: number, depth: Depth): boolean {
    if (!this.#catalogue.references.has(chunkId)) return false;
    const held = this.#depthOf(chunkId);
    return held === undefined || isDeeper(depth, held);
  }
  #storedBy(model: string | undefined): StoredModel {
    if (model === undefined || model === this.#current.vectors.model.hash) return this.#current;
    if (model === this.#previous?.vectors.model.hash) return this.#previous;
    throw new RangeError(`The store has no vectors of model ${model}`);
  }
  /** Files, and chunks with a place, that the filters let through; undefined for everything. */
  allowedBy(filters: Filters): Allowed | undefined {
    return this.#allowed.by(filters, this.#catalogue, this.#revision, this.#filesOf);
  }

  /** Runs work on the database; SQLite's failures come out as StrataErrors, and damage replaces the database. */
  #guard<T>(work: () => T): T {
    try {
      if (this.#check?.damage) throw this.#check.damage;
      return work();
    } catch (error) {
      if (!isDamage(error) || this.#closed) throw asStrataError(error, this.#options.folder);
      this.#startAgain(error);
      this.#options.onEmptied?.();
      throw new StrataError("index.damaged", DAMAGED, error);
    }
  }
  /** One transaction; what it did reaches memory only once it is committed. */
  #write(work: (change: Change) => void): void {
    this.#guard(() => {
      const change = noChange();
      this.#db.transaction(() => {
        if (!this.#markedOpen) this.#db.setMeta("clean", "0");
        work(change);
        this.#catalogue.markOrphans(this.#db, change, Date.now());
      });
      this.#markedOpen = true;
      this.#apply(change);
    });
  }
  #apply(change: Change): void {
    for (const path of change.removed) {
      const file = this.#catalogue.files.get(path);
      if (file) this.#imports.delete(file.id);
    }
    for (const file of change.put.values()) this.#imports.set(file);
    const { born, gone } = this.#catalogue.apply(change);
    const models = this.#previous ? [this.#current, this.#previous] : [this.#current];
    for (const { vectors } of models) for (const chunkId of gone) vectors.remove(chunkId);
    for (const { chunkId, vector } of change.instant) if (this.#catalogue.references.has(chunkId)) this.#current.vectors.add(chunkId, "instant", vector);
    const fresh = new Set(change.instant.map(({ chunkId }) => chunkId));
    for (const { row, vectors } of models) {
      for (const chunkId of born) {
        if (row === this.#current.row && fresh.has(chunkId)) continue;
        const found = deepestVector(this.#db, row, chunkId);
        if (found) vectors.add(chunkId, found.depth, found.vector);
      }
    }
    for (const queue of this.#queues.values()) for (const chunkId of born.toReversed()) queue.push(chunkId);
    if (gone.length > 0) this.#orphansMayBeDue = true;
    if (change.put.size + change.removed.length + change.references.size > 0) this.#revision++;
    this.#dropReplaced();
  }
  #dropReplaced(): void {
    if (!this.#previous || this.#current.vectors.count < this.#catalogue.references.size) return;
    this.#previous = undefined;
    this.#retireModels(this.#current, this.#previous);
  }
  #retireModels(current: StoredModel, previous: StoredModel | undefined): void {
    this.#retired = retireModels(this.#db, current.vectors.model.hash, [current.row, ...(previous ? [previous.row] : [])], Date.now() - ORPHAN_DAYS * 86_400_000);
  }
  /** One slice of housekeeping; true when there is nothing more to do now. */
  #cleanUp(): boolean {
    const model = this.#retired.at(-1);
    if (model !== undefined) {
      this.#write(() => {
        if (deleteModel(this.#db, model, SLICE)) this.#retired.pop();
      });
      return false;
    }
    if (this.#forgetting.isDue) {
      this.#guard(() => this.#forgetting.step(this.#db, (work) => this.#write(work)));
      return false;
    }
    if (this.#totalsOf !== this.#revision) this.#guard(() => correctTotals(this.#db, this.#catalogue.places));
    this.#totalsOf = this.#revision;
    if (!this.#orphansMayBeDue) return true;
    let collected = 0;
    this.#write(() => {
      collected = collectOrphans(this.#db, Date.now() - ORPHAN_DAYS * 86_400_000, this.#options.keepOrphans ?? KEEP_ORPHANS, SLICE);
    });
    this.#orphansMayBeDue = collected > 0;
    return !this.#orphansMayBeDue;
  }

  #openDatabase(): IndexDatabase {
    const { db, warning, cause, check } = openIndex(path.join(this.#options.folder, DATABASE), this.#options);
    this.#check = check;
    if (warning !== undefined) this.#warn(warning, cause);
    return db;
  }
  /** Damage that showed while the index was open. */
  #startAgain(cause: unknown): void {
    this.#db.close();
    removeDatabase(this.#db.file);
    this.#graphs.remove();
    this.#db = this.#openDatabase();
    this.#catalogue = new Catalogue();
    this.#imports = new ImportGraph();
    this.#queues.clear();
    this.#previous = undefined;
    this.#markedOpen = false;
    this.#forgetting = new Forgetting(this.#db);
    this.#means = undefined;
    this.#revision++;
    this.#current = this.#storedModel(this.#model);
    this.#retireModels(this.#current, this.#previous);
    this.#warn(DAMAGED, cause);
  }

  async #load(): Promise<void> {
    try {
      await this.#loadRows();
    } catch (error) {
      if (!isDamage(error) && !isForeign(error)) throw error;
      this.#startAgain(error);
    }
    this.#check?.begin();
    this.#graphs.load();
  }
  async #loadRows(): Promise<void> {
    forgetOldCuts(this.#db, this.#options.versions);
    this.#forgetting = new Forgetting(this.#db);
    this.#catalogue.load(this.#db, (file) => this.#imports.set(file));
    await remakeLexicon(this.#db, this.#options);
    assertOwn(this.#db);
    this.#current = this.#storedModel(this.#model);
    this.#loadVectors(this.#current);
    const others = this.#db.all("SELECT m.id, m.hash, m.description, (SELECT count(*) FROM vectors WHERE model = m.id AND depth = 0) AS n FROM models m WHERE m.id <> ? ORDER BY n", this.#current.row);
    const answering = this.#current.vectors.count < this.#catalogue.references.size ? others.pop() : undefined;
    if (answering) {
      const model = JSON.parse(answering["description"] as string) as EncoderModel | null;
      if (model === null || model.hash !== answering["hash"] || !Number.isInteger(model.dims) || model.dims < 1 || !Array.isArray(model.matryoshka)) throw notSound("the model before");
      this.#previous = this.#storedModel(model);
      this.#loadVectors(this.#previous);
    }
    this.#retireModels(this.#current, this.#previous);
  }
  #storedModel(model: EncoderModel): StoredModel {
    const db = this.#db;
    const row = modelRow(db, model);
    const readInstant = (chunkIds: readonly number[]) =>
      chunkIds.flatMap((chunkId) => {
        const vector = vectorAt(this.#db, row, "instant", chunkId);
        return vector ? [{ chunkId, vector }] : [];
      });
    return { row, vectors: new ModelVectors(model, db.meta("id")!, this.#graphs.module, this.#graphs.from, readInstant) };
  }
  #loadVectors({ row, vectors }: StoredModel): void {
    for (const depth of depths.toReversed()) {
      for (const { chunkId, vector } of vectorsAt(this.#db, row, depth, vectors.model.dims)) if (this.#catalogue.references.has(chunkId)) vectors.add(chunkId, depth, vector);
    }
  }
}

function checkWidth({ values }: Int8Vector, { dims }: EncoderModel): void {
  if (values.length !== dims) throw new RangeError(`A vector of ${values.length} dimensions was given; the model makes ${dims}`);
}
