// The encoder port. Two implementations: OnnxEncoder (the product) and test/support/testEncoder.ts (deterministic, no model).

/** How deep a vector was read. `instant` is the table exit, `deep` the top exit, `shallow` the one between. */
export type Depth = "instant" | "shallow" | "deep";
/** What code is read to by running the model. */
export type EncodeDepth = Exclude<Depth, "instant">;
/** Of code to encode: "visible" overtakes "background". */
export type Priority = "visible" | "background";
export const depths: readonly Depth[] = ["instant", "shallow", "deep"];
export const isDeeper = (one: Depth, other: Depth): boolean => depths.indexOf(one) > depths.indexOf(other);
/** Of readings the deepest; "instant" where nothing was read. */
export const deepestOf = (read: readonly (Depth | undefined)[]): Depth => depths.findLast((depth) => read.includes(depth)) ?? "instant";

/** Identity of vectors: two vectors may be compared only when `model` is equal and, unless sharedSpace, `depth` too. */
export interface EncoderModel {
  readonly id: string;
  readonly version: string;
  /** sha256 of manifest.json; part of the index's identity. */
  readonly hash: string;
  readonly folder: string;
  /** Width of its vectors everywhere but within the model itself. */
  readonly dims: number;
  /** Prefix widths usable alone after renormalisation, ascending; `dims` last. */
  readonly matryoshka: readonly number[];
  readonly sharedSpace: boolean;
  readonly maxTokens: number;
}

/** The narrowest prefix of at least `least` dimensions that is usable alone; all of them without one. */
export function prefixWidth({ matryoshka, dims }: Pick<EncoderModel, "matryoshka" | "dims">, least: number): number {
  return matryoshka.find((width) => width >= least) ?? dims;
}

/** A unit vector as int8 with one scale: component i is `scale * values[i]`. */
export interface Int8Vector {
  readonly values: Int8Array;
  readonly scale: number;
}

/** What is encoded of a chunk; see models/README.md "Text preparation". */
export interface EncoderText {
  readonly breadcrumb: string;
  readonly text: string;
}

/** The query at every exit, float32 unit vectors of `dims`. With a shared space only `deep` is needed for search. */
export type QueryVectors = Readonly<Record<Depth, Float32Array>>;

export interface Encoder {
  readonly model: EncoderModel;
  /** Never waits for what the background reads. */
  embedQuery(text: string, signal?: AbortSignal): Promise<QueryVectors>;
  /** Vectors of code used as a query (find similar): prepared as code, not as a sentence. */
  embedCode(code: EncoderText, signal?: AbortSignal): Promise<QueryVectors>;
  /** A name or a list of names by the words of the table exit, unit length: synchronous, microseconds. @param width a prefix of the model's, which costs that much less */
  embedName(text: string, width?: number): Float32Array;
  /** Whether the model's vocabulary has the word whole, as it has most words that many people write. @param word lower-cased */
  knowsWord(word: string): boolean;
  /** Encodes chunks at one exit, one after the other; others overtake between two of them. Going deep gives the shallow vectors on the way; they are not returned. */
  embedChunks(chunks: readonly EncoderText[], depth: EncodeDepth, priority: Priority, signal?: AbortSignal): Promise<readonly Int8Vector[]>;
  close(): Promise<void>;
}

/** The table exit alone: synchronous, microseconds a chunk, run inside the parse workers. */
export interface InstantEncoder {
  embed(text: EncoderText): Int8Vector;
}
