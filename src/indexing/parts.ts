// What the cutters share: the size limits of chunks, a source text by rows, and the part of a file that becomes a chunk.
import type { ChunkKind } from "./chunk.ts";

/**
 * Characters, unless said otherwise. A chunk of 1,000 characters is about what 256 tokens hold: what is longer is only
 * partly seen by the encoder, what is much shorter says too little to be found. BM25 does not care: on the development
 * repositories NDCG@10 moves by less than 0.003 between targets of 700 and 1,500.
 */
export const sizes = {
  /** Neighbours are merged up to this. */
  target: 1_000,
  /** Definitions longer than this are not merged with others. */
  alone: 500,
  /** Functions and types stay whole up to this. */
  wholeFunction: 1_800,
  wholeClass: 1_200,
  /** Namespaces, impl blocks and the like are opened above this. */
  scope: 300,
  /** Loose statements are opened above this. */
  statement: 1_200,
  /** Runs up to this may exceed the target rather than stand alone. */
  crumbs: 150,
  /** Imports and leading comments up to this may join a definition. */
  prelude: 300,
  /** No chunk is longer. */
  max: 3_000,
  /** Chunks of one row that is longer than that: minified code and data repeat themselves. */
  maxSlices: 8,
  /** Windows of text without structure, and what two neighbours share. */
  window: 1_200,
  overlap: 200,
  /** Names kept of one chunk. */
  maxSymbols: 40,
  /** Chunks of one file: code, and data (JSON, lock files, tables) of which the beginning says what it is. */
  maxChunks: 4_000,
  maxDataChunks: 100,
} as const;

/** A stretch of a file, rows counted from 0, both ends included. */
export interface Part {
  readonly from: number;
  readonly to: number;
  readonly kind: ChunkKind;
  readonly symbols: readonly string[];
  /** From the outside in; "" for a level without a heading. */
  readonly breadcrumb: readonly string[];
  readonly doc: string;
}
export type PartHead = Pick<Part, "kind" | "symbols" | "breadcrumb" | "doc">;

/** A text addressed by rows. Line ends must already be "\n". */
export class SourceLines {
  readonly source: string;
  readonly #starts: number[];

  constructor(source: string) {
    this.source = source;
    this.#starts = [0];
    for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) this.#starts.push(at + 1);
  }
  get count(): number {
    return this.#starts.length;
  }
  /** Characters of the rows, their line ends included. */
  size(from: number, to: number): number {
    return this.#end(to) - this.#starts[from]!;
  }
  /** Text of the rows without the last line end. */
  text(from: number, to: number): string {
    return this.source.slice(this.#starts[from], this.#end(to)).replace(/\n$/, "");
  }
  isBlank(row: number): boolean {
    return /^\s*$/.test(this.text(row, row));
  }
  longestRow(): number {
    let longest = 0;
    for (let row = 0; row < this.count; row++) longest = Math.max(longest, this.size(row, row));
    return longest;
  }
  #end(row: number): number {
    return this.#starts[row + 1] ?? this.source.length;
  }
}
