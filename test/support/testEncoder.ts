// A deterministic Encoder without a model, for every test that is not about the encoder itself. Words of the split
// identifiers are hashed into a few signed dimensions, so texts that share words are near; deeper exits add word order.
import { createHash } from "node:crypto";
import type { Depth, Encoder, EncoderModel, EncoderText, InstantEncoder, Int8Vector, QueryVectors } from "../../src/encoding/encoder.ts";
import { normalise, quantise } from "../../src/encoding/int8.ts";
import { prepareCode, prepareText } from "../../src/encoding/textPreparation.ts";

/** How many texts were encoded, by what; tests assert on these that nothing is encoded twice. */
export interface EncodeCounts {
  queries: number;
  instant: number;
  shallow: number;
  deep: number;
}

export interface TestEncoderOptions {
  /** Another hash is another model: its vectors differ from those of every other hash. */
  readonly hash?: string;
  readonly dims?: number;
  /** The words that the vocabulary has whole; none unless given. */
  readonly words?: readonly string[];
  readonly sharedSpace?: boolean;
  /** Awaited before each embedChunks call is answered: lets a test hold the encoder, fail it, or look at the order of calls. */
  readonly beforeChunks?: (depth: "shallow" | "deep", priority: "visible" | "background", chunks: readonly EncoderText[]) => Promise<void> | void;
}

export interface TestEncoder {
  readonly encoder: Encoder;
  readonly instant: InstantEncoder;
  readonly counts: EncodeCounts;
  /** Forgets what was counted so far. */
  resetCounts(): void;
}

/** Weight of neighbouring word pairs beside single words, by depth. */
const pairWeight: Readonly<Record<Depth, number>> = { instant: 0, shallow: 0.25, deep: 0.5 };

const spread = 4;

export function createTestEncoder(options: TestEncoderOptions = {}): TestEncoder {
  const dims = options.dims ?? 64;
  const model: EncoderModel = {
    id: "test-encoder",
    version: "1.0.0",
    hash: options.hash ?? "0".repeat(64),
    folder: "",
    dims,
    matryoshka: [dims / 2, dims],
    sharedSpace: options.sharedSpace ?? true,
    maxTokens: 256,
  };
  const counts: EncodeCounts = { queries: 0, instant: 0, shallow: 0, deep: 0 };
  const addresses = new Map<string, readonly { readonly at: number; readonly sign: number }[]>();

  function addressesOf(term: string) {
    let known = addresses.get(term);
    if (!known) {
      const bytes = createHash("sha256").update(`${model.hash}\0${term}`).digest();
      known = Array.from({ length: spread }, (_, i) => ({ at: bytes.readUInt16LE(i * 4) % dims, sign: bytes[i * 4 + 2]! % 2 ? 1 : -1 }));
      addresses.set(term, known);
    }
    return known;
  }

  function embed(prepared: string, depth: Depth): Float32Array {
    const words = prepared.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
    const vector = new Float32Array(dims);
    const add = (term: string, weight: number) => {
      for (const { at, sign } of addressesOf(term)) vector[at]! += sign * weight;
    };
    words.forEach((word, i) => {
      add(word, 1);
      if (i > 0 && pairWeight[depth] > 0) add(`${words[i - 1]} ${word}`, pairWeight[depth]);
    });
    return normalise(vector);
  }

  const queryVectors = (prepared: string): QueryVectors => {
    counts.queries++;
    return { instant: embed(prepared, "instant"), shallow: embed(prepared, "shallow"), deep: embed(prepared, "deep") };
  };

  return {
    counts,
    resetCounts: () => void Object.assign(counts, { queries: 0, instant: 0, shallow: 0, deep: 0 }),
    instant: {
      model,
      embed(text) {
        counts.instant++;
        return quantise(embed(prepareCode(text, ""), "instant"));
      },
    },
    encoder: {
      model,
      async embedQuery(text, signal) {
        signal?.throwIfAborted();
        return queryVectors(prepareText(text));
      },
      async embedCode(code, signal) {
        signal?.throwIfAborted();
        return queryVectors(prepareCode(code, ""));
      },
      embedName: (text, width) => normalise(embed(prepareCode({ breadcrumb: "", text }, ""), "instant").slice(0, width)),
      knowsWord: (word) => options.words?.includes(word) ?? false,
      async embedChunks(chunks, depth, priority, signal) {
        signal?.throwIfAborted();
        await options.beforeChunks?.(depth, priority, chunks);
        const vectors: Int8Vector[] = [];
        for (const chunk of chunks) {
          signal?.throwIfAborted();
          counts[depth]++;
          vectors.push(quantise(embed(prepareCode(chunk, ""), depth)));
        }
        return vectors;
      },
      async close() {},
    },
  };
}
