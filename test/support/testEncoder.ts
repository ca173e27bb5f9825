// A deterministic Encoder without a model, for every test that is not about the encoder itself. Words of the split
// identifiers are hashed into a few signed dimensions, so texts that share words are near; deeper exits add word order.
import { createHash } from "node:crypto";
import type { Depth, Encoder, EncoderModel, InstantEncoder, Int8Vector, QueryVectors } from "../../src/encoding/encoder.ts";
import { normalise, quantise } from "../../src/encoding/int8.ts";
import { prepareCode, prepareText } from "../../src/encoding/textPreparation.ts";

export interface TestEncoder {
  readonly encoder: Encoder;
  readonly instant: InstantEncoder;
  /** How many chunks were encoded; tests assert on these that nothing is encoded twice. */
  readonly counts: { shallow: number; deep: number };
}

/** Weight of neighbouring word pairs beside single words, by depth. */
const pairWeight: Readonly<Record<Depth, number>> = { instant: 0, shallow: 0.25, deep: 0.5 };

const spread = 4;

const dims = 64;

/** @param hash another one is another model: its vectors differ from those of every other */
export function createTestEncoder(hash = "0".repeat(64)): TestEncoder {
  const model: EncoderModel = { id: "test-encoder", version: "1.0.0", hash, folder: "", dims, matryoshka: [dims / 2, dims], sharedSpace: true, maxTokens: 256 };
  const counts = { shallow: 0, deep: 0 };
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

  const queryVectors = (prepared: string): QueryVectors => ({ instant: embed(prepared, "instant"), shallow: embed(prepared, "shallow"), deep: embed(prepared, "deep") });

  return {
    counts,
    instant: { embed: (text) => quantise(embed(prepareCode(text, ""), "instant")) },
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
      knowsWord: () => false,
      async embedChunks(chunks, depth, _priority, signal) {
        signal?.throwIfAborted();
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
