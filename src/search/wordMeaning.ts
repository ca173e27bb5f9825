// Word by word: for each word of the question, how near the nearest word of a chunk's code is at the table exit. "remove" is near to `delete`, which BM25
// does not know, and stands in a long chunk as clearly as in a short one, which the mean that is a chunk's vector does not give.
import type { Encoder } from "../encoding/encoder.ts";
import { dot, normalise } from "../encoding/int8.ts";
import type { Candidates } from "./candidates.ts";
import { wordsSaid } from "./features.ts";
import type { ParsedQuery } from "./query.ts";
import { isStopWord, root, splitIdentifier } from "./terms.ts";

/** Different words of a chunk that are read. */
const wordsRead = 150;
/** Words whose vectors are kept: 0.5 KB each, the most recent ones. */
const wordsKept = 20_000;
/** Dimensions that are compared where the model has such a prefix: single words lose nothing by it, and it takes a third of the time. */
const prefix = 128;

const kept = new WeakMap<Encoder, Map<string, Float32Array>>();

/** Of the candidates at these positions: the mean over the query's words of the cosine of the nearest word, a rare word counting more. Empty for a query without words. */
export function wordMeanings(encoder: Encoder, query: ParsedQuery, { items, idf }: Candidates, positions: readonly number[]): ReadonlyMap<number, number> {
  const { worth } = wordsSaid(query, idf);
  const asked = [...wordsOf(query.text, Infinity)].filter((word) => !isStopWord(word));
  const weights = asked.map((word) => worth.get(root(word)) ?? 0.5);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return new Map();
  const vectors = asked.map((word) => vectorOf(encoder, word));
  const nearness = new Map<string, Float32Array>();
  const meaning = (text: string) => {
    const nearest = new Float32Array(asked.length);
    for (const word of wordsOf(text, wordsRead)) {
      let near = nearness.get(word);
      if (!near) {
        const vector = vectorOf(encoder, word);
        nearness.set(word, (near = Float32Array.from(vectors, (other) => dot(other, vector))));
      }
      for (let i = 0; i < nearest.length; i++) if (near[i]! > nearest[i]!) nearest[i] = near[i]!;
    }
    return nearest.reduce((sum, near, i) => sum + near * weights[i]!, 0) / total;
  };
  return new Map(positions.map((i) => [i, meaning(items[i]!.place.text)]));
}

/** The different words in names and prose, at most so many; single letters and numbers say nothing. */
function wordsOf(text: string, most: number): ReadonlySet<string> {
  const words = new Set<string>();
  for (const run of new Set(text.match(/[\p{L}_$][\p{L}\p{N}_$]*/gu))) {
    for (const part of splitIdentifier(run)) {
      if (part.length > 1 && part.length <= 32 && words.size < most) words.add(part);
    }
    if (words.size >= most) break;
  }
  return words;
}

function vectorOf(encoder: Encoder, word: string): Float32Array {
  let known = kept.get(encoder);
  if (!known) kept.set(encoder, (known = new Map()));
  let vector = known.get(word);
  if (vector) return vector;
  const { matryoshka, dims } = encoder.model;
  known.set(word, (vector = normalise(encoder.embedName(word).slice(0, matryoshka.find((width) => width >= prefix) ?? dims))));
  if (known.size > wordsKept) known.delete(known.keys().next().value!);
  return vector;
}
