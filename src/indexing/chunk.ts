// What a chunk is: data only. Cutting is in chunker.ts, languages in languages.ts.

/** Raise it when the same file would be cut differently: every file is read again, and what is still cut as before keeps its vectors. */
export const CHUNKER_VERSION = 12;

export type ChunkKind = "function" | "class" | "type" | "module" | "block" | "window";

export interface Chunk {
  /** hash128 of all that follows: the path is not part of it, so a rename costs nothing. */
  readonly id: string;
  readonly lang: string;
  readonly kind: ChunkKind;
  /** Names this chunk defines, outermost and first defined first; empty for windows and loose statements. */
  readonly symbols: readonly string[];
  /** Where it stands: enclosing namespaces, classes, functions, joined by " > "; empty at top level. The chunk's own name is not in it. */
  readonly breadcrumb: string;
  /** Prose of the doc comment (without comment markers) that belongs to the first definition, or "". It is also inside `text`, but for code of a notebook, whose cell above says it. */
  readonly doc: string;
  /** The source text, doc comment and decorators included, as it stands in the file (as base/decode.ts reads its bytes). */
  readonly text: string;
}

/** A chunk at a place in a file. Lines are counted from 1, both ends included. */
export interface PlacedChunk {
  readonly chunk: Chunk;
  readonly startLine: number;
  readonly endLine: number;
}

/** What chunking one file gives. */
export interface ChunkedFile {
  readonly lang: string;
  /** How it was cut: by syntax tree, by the line scanner (indentation and braces), or by overlapping line windows. */
  readonly method: "tree" | "scanner" | "windows";
  readonly chunks: readonly PlacedChunk[];
  /** Module specifiers the file imports, as written ("./store.ts", "numpy.linalg", "crate::a"), for the import neighbourhood. */
  readonly imports: readonly string[];
}
