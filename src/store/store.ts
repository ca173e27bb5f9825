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
