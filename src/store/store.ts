// The index of one workspace root on disk and in memory: the only front of this folder. SQLite (files, chunks, FTS5, int8
// vectors) is the truth; two HNSW graphs are derived from it. Single writer: the engine process.
import type { Chunk } from "../indexing/chunk.ts";
import type { Depth, EncoderModel, Int8Vector, QueryVectors } from "../encoding/encoder.ts";
import type { Log } from "../base/log.ts";
import type { OnProgress } from "../base/progress.ts";

export interface FileStat {
  readonly size: number;
  readonly mtimeMs: number;
}
export interface FileRecord extends FileStat {
  /** Relative to the root, "/" as separator, NFC-agnostic (as the file system gave it). */
  readonly path: string;
  readonly hash: string;
  readonly lang: string;
  /** Number of chunks. */
  readonly chunks: number;
}

/** One parsed file as a parse worker hands it over. */
export interface ParsedFile extends FileStat {
  readonly path: string;
  /** hash128 of the content. */
  readonly hash: string;
  readonly lang: string;
  readonly imports: readonly string[];
  readonly isTest: boolean;
  readonly isGenerated: boolean;
  readonly chunks: readonly ParsedChunk[];
}
export interface ParsedChunk {
  readonly chunk: Chunk;
  readonly startLine: number;
  readonly endLine: number;
  /** Instant vector; absent when the store already has one for this chunk id (the worker is told which ids are known). */
  readonly instant?: Int8Vector;
  /** The analysed text of each lexical field: terms joined by spaces, made in the parse worker (search/terms.ts). */
  readonly terms: Readonly<Record<LexicalField, string>>;
}

/** A chunk at a place, as search needs it. `place` is the FTS row id: unique per (file, position). */
export interface Place {
  readonly place: number;
  readonly chunkId: number;
  readonly path: string;
  readonly startLine: number;
  readonly endLine: number;
  readonly lang: string;
  readonly kind: Chunk["kind"];
  readonly symbols: readonly string[];
  readonly breadcrumb: string;
  readonly doc: string;
  readonly text: string;
  readonly isTest: boolean;
  readonly isGenerated: boolean;
  /** Deepest vector stored for this chunk, undefined when there is none yet. */
  readonly depth: Depth | undefined;
}

/** Lexical fields in FTS column order. */
export const lexicalFields = ["symbol", "breadcrumb", "path", "doc", "body"] as const;
export type LexicalField = (typeof lexicalFields)[number];

export interface LexicalHit {
  readonly place: number;
  readonly chunkId: number;
  /** BM25, larger is better. */
  readonly score: number;
}
export interface DenseHit {
  readonly chunkId: number;
  /** Cosine of the query with the stored int8 vector (rescored, not the graph's own distance). */
  readonly score: number;
  /**
   * Comparable between hits of different depths; hits are sorted by it. Equal to `score` when the model's exits share one space; else the
   * score mapped to the instant exit's scale by the mean and spread of both exits on the same chunks.
   */
  readonly calibrated: number;
  readonly depth: Depth;
}

/** Restricts candidates; every field that is present must match. Globs are matched on the relative path. */
export interface Filters {
  readonly langs?: readonly string[];
  readonly pathGlobs?: readonly string[];
  readonly excludeGlobs?: readonly string[];
}

export interface Coverage {
  readonly files: number;
  readonly chunks: number;
  /** Chunks that are searchable at least at this depth (instant ≥ shallow ≥ deep). */
  readonly instant: number;
  readonly shallow: number;
  readonly deep: number;
}

export interface StoreOptions {
  /** Folder of this index; made (owner-only) when missing. */
  readonly folder: string;
  readonly model: EncoderModel;
  readonly log: Log;
  /** Text to terms joined by spaces (search/terms.ts), for paths of renamed files and for rebuilding the lexical index. */
  readonly analyse: (text: string) => string;
  /** Versions of what was made outside the store; a difference remakes exactly the part concerned. */
  readonly versions: { readonly chunker: number; readonly analyser: number };
}

/** What changed for the encoder when files were put. */
export interface PutResult {
  /** Chunks seen for the first time (their instant vectors came with them). */
  readonly newChunks: number;
  readonly filesChanged: number;
}

/**
 * The front of the store. All methods are synchronous and short (batches are the caller's business) unless they return a promise.
 * Throws StrataError: "index.diskFull" (nothing is lost, reads go on), "index.unwritable", "index.busy" (another process has it).
 */
export class Store {
  /**
   * Opens or makes the index. A damaged database is moved aside (`index.db.damaged`), a new one made and `warnings` says so; graphs that are
   * missing, old or damaged (checksum first: hnswlib aborts on bad files) are rebuilt from SQLite in slices while brute force answers.
   * A model that differs keeps the old vectors answering until `replaceModel` work is complete.
   */
  static async open(_options: StoreOptions, _onProgress?: OnProgress, _signal?: AbortSignal): Promise<Store> {
    throw new Error("to be written");
  }
  readonly warnings: readonly string[] = [];

  // Files ----------------------------------------------------------------------------------------------------------------
  files(): ReadonlyMap<string, FileRecord> {
    throw new Error("to be written");
  }
  /** Of these chunk ids, those that already have an instant vector for this model (so workers need not make it). */
  knownChunks(_ids: readonly string[]): ReadonlySet<string> {
    throw new Error("to be written");
  }
  /** One transaction: replaces the files' rows, keeps chunks by content id, adds instant vectors. */
  putFiles(_files: readonly ParsedFile[]): PutResult {
    throw new Error("to be written");
  }
  /** Content unchanged, only the stat moved. */
  touchFile(_path: string, _stat: FileStat): void {}
  /** Same content under a new path: moves the rows (path field of FTS included), encodes nothing. */
  renameFile(_from: string, _to: string): void {}
  /** Chunks that lose their last place keep their vectors for some days (branch switches), capped. */
  removeFiles(_paths: readonly string[]): void {}

  // Deepening ------------------------------------------------------------------------------------------------------------
  /** Live chunks without a vector at `depth` or deeper, in the order given by `paths` first, then by recency of file. */
  chunksToDeepen(_depth: "shallow" | "deep", _limit: number, _paths?: readonly string[]): readonly { chunkId: number; breadcrumb: string; text: string }[] {
    throw new Error("to be written");
  }
  putVectors(_depth: "shallow" | "deep", _vectors: readonly { chunkId: number; vector: Int8Vector }[]): void {}
  /** Live chunks without an instant vector of this model (after a change of model), oldest first. */
  chunksWithoutInstant(_limit: number): readonly { chunkId: number; breadcrumb: string; text: string }[] {
    throw new Error("to be written");
  }
  putInstant(_vectors: readonly { chunkId: number; vector: Int8Vector }[]): void {}

  // Search ---------------------------------------------------------------------------------------------------------------
  /**
   * BM25 over the FTS5 fields. `terms` are already split and stemmed by search/terms.ts; a hit needs at least one. `phrases` (quoted) must occur verbatim
   * in the chunk's text. `weights` in the order of lexicalFields.
   */
  searchLexical(_terms: readonly string[], _phrases: readonly string[], _weights: readonly number[], _limit: number, _filters: Filters): readonly LexicalHit[] {
    throw new Error("to be written");
  }
  /** BM25 of these places per field, for explaining and for ranking features. */
  lexicalFieldScores(_terms: readonly string[], _places: readonly number[]): ReadonlyMap<number, readonly number[]> {
    throw new Error("to be written");
  }
  /** Both graphs, merged and rescored with the stored int8 vectors; each chunk at its deepest vector. */
  searchDense(_query: QueryVectors, _k: number, _filters: Filters): readonly DenseHit[] {
    throw new Error("to be written");
  }
  /** Cosine of the query with stored vectors of these chunks at their deepest depth. */
  scoreChunks(_query: QueryVectors, _chunkIds: readonly number[]): readonly DenseHit[] {
    throw new Error("to be written");
  }
  /** Places of these chunks (a chunk may stand in several files). */
  placesOf(_chunkIds: readonly number[]): readonly Place[] {
    throw new Error("to be written");
  }
  places(_places: readonly number[]): readonly Place[] {
    throw new Error("to be written");
  }
  /** Places of a file that overlap the lines, in order; all when no lines are given. */
  placesInFile(_path: string, _startLine?: number, _endLine?: number): readonly Place[] {
    throw new Error("to be written");
  }
  /** Places that define a symbol with exactly one of these names (case-insensitive). */
  definitions(_names: readonly string[], _limit: number): readonly Place[] {
    throw new Error("to be written");
  }
  /** How many files import each of these files (resolved by path suffix), for file centrality. */
  importCounts(_paths: readonly string[]): ReadonlyMap<string, number> {
    throw new Error("to be written");
  }
  /** For duplicates: every live chunk once, with its places' lines; iterate lazily. */
  allChunks(): Iterable<{ chunkId: number; kind: Chunk["kind"]; text: string; lang: string }> {
    throw new Error("to be written");
  }
  /** Nearest neighbours of a stored chunk at its deepest vector. */
  neighbours(_chunkId: number, _k: number): readonly DenseHit[] {
    throw new Error("to be written");
  }

  // State ----------------------------------------------------------------------------------------------------------------
  coverage(): Coverage {
    throw new Error("to be written");
  }
  languages(): Readonly<Record<string, number>> {
    throw new Error("to be written");
  }
  /** Vectors of another model still wait to be replaced. */
  get replacingModel(): boolean {
    return false;
  }
  /** Inserts pending vectors into the graphs for at most `budgetMs`; true when nothing is left. Search is exact meanwhile (pending vectors are scanned). */
  drainGraphs(_budgetMs: number): boolean {
    return true;
  }
  /** Writes graphs (temp file, fsync, rename, checksum sidecar) when they changed. */
  async saveGraphs(): Promise<void> {}
  sizeBytes(): number {
    return 0;
  }
  async close(): Promise<void> {}
}
