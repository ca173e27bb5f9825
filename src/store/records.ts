// What goes into the store and what comes out of it: data only. store.ts, the front of this folder, hands these on.
import type { Log } from "../base/log.ts";
import type { Depth, EncoderModel, Int8Vector } from "../encoding/encoder.ts";
import type { Chunk, PlacedChunk } from "../indexing/chunk.ts";

export interface FileStat {
  readonly size: number;
  readonly mtimeMs: number;
}
/** Rows of files without text carry their reason here in place of a language, so that the reason survives a restart. */
export const SKIPPED = "skipped:";

export interface FileRecord extends FileStat {
  /** Relative to the root, "/" as separator, NFC-agnostic (as the file system gave it). */
  readonly path: string;
  readonly hash: string;
  readonly lang: string;
  readonly isTest: boolean;
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
export interface ParsedChunk extends PlacedChunk {
  /** Instant vector; absent where none was made: the store keeps the one it has for this chunk id. */
  readonly instant?: Int8Vector;
  /** The analysed text of each lexical field: terms joined by spaces, made in the parse worker (search/terms.ts). */
  readonly terms: Readonly<Record<LexicalField, string>>;
}

/** What of a chunk the encoder reads, what is compared of it, and what became of it. */
export interface ChunkText {
  readonly chunkId: number;
  readonly breadcrumb: string;
  readonly text: string;
}
export interface ChunkCode extends Omit<ChunkText, "breadcrumb"> {
  readonly kind: Chunk["kind"];
  readonly lang: string;
}
export interface ChunkVector {
  readonly chunkId: number;
  readonly vector: Int8Vector;
}

/** A chunk at a place, as search needs it. `place` is the FTS row id: unique per (file, position). */
export interface Place extends Omit<Chunk, "id"> {
  readonly place: number;
  readonly chunkId: number;
  readonly path: string;
  readonly startLine: number;
  readonly endLine: number;
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
/** Restricts candidates; every field that is present must match. What a glob means is in fileMatcher.ts. */
export interface Filters {
  readonly langs?: readonly string[];
  readonly excludeLangs?: readonly string[];
  readonly pathGlobs?: readonly string[];
  readonly excludeGlobs?: readonly string[];
  /** Only tests, or none. */
  readonly tests?: boolean;
  /** Directory below the root, "/" as separator. */
  readonly under?: string;
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
  /** Text to terms joined by spaces (search/terms.ts), for rebuilding the lexical index. */
  readonly analyse: (text: string) => string;
  /** Versions of what was made outside the store; a difference remakes exactly the part concerned. */
  readonly versions: { readonly chunker: number; readonly analyser: number };
  /** Databases of other indexes that may have vectors of the same chunks, the last used first. Default: none. */
  readonly siblings?: () => readonly string[];
  /** Called when a database turned out damaged while open and a new one is in its place, before "index.damaged" is thrown, which may reach nobody who reads the files again. */
  readonly onEmptied?: () => void;
  /** Asked while another process has the index: whether to wait for it. Default: no. */
  readonly mayWait?: (() => boolean) | undefined;
  /** Vectors of one depth from which an HNSW graph is kept; below, the exact scan answers. Default: see graphs.ts. */
  readonly graphFrom?: number | undefined;
  /** Bytes from which a database that was not closed in order is checked beside the work. Default: see opening.ts. */
  readonly checkedBesideFrom?: number;
  /** Chunks without a place whose vectors are kept for a branch switch. Default 200,000. */
  readonly keepOrphans?: number;
}

/** A term and in how many places it stands. */
export interface TermPlaces {
  readonly term: string;
  readonly places: number;
}
