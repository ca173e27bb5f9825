// Word by word: for each word of the question, how near the nearest word of a chunk's code is at the table exit. "remove" is near to `delete`, which BM25
// does not know, and stands in a long chunk as clearly as in a short one, which the mean that is a chunk's vector does not give.
import { isStopWord } from "../base/queryWords.ts";
import { sum } from "../base/statistics.ts";
import { type Encoder, prefixWidth } from "../encoding/encoder.ts";
import { dot } from "../encoding/int8.ts";
import type { Candidates } from "./candidates.ts";
import { wordsSaid } from "./features.ts";
import type { ParsedQuery } from "./query.ts";
import { root, splitIdentifier, wordsIn } from "./terms.ts";

/** Different words of a chunk that are read, a name being one. */
const wordsRead = 150;
/** Words whose vectors are kept: 0.5 KB each, the most recent ones. */
const wordsKept = 20_000;
/** Dimensions that are compared where the model has such a prefix: single words lose nothing by it, and it takes a third of the time. */
const prefix = 128;

const kept = new WeakMap<Encoder, Map<string, Float32Array>>();

/**
 * For each candidate that is read, by position: the mean over the query's words of the cosine of the nearest word, a rare word counting more. Empty for a
 * query without words.
 * @param read the words of candidates by position
 */
export function wordMeanings(encoder: Encoder, query: ParsedQuery, { idf }: Pick<Candidates, "idf">, read: ReadonlyMap<number, ReadonlySet<string>>): ReadonlyMap<number, number> {
  const { worth } = wordsSaid(query, idf);
  const asked = [...new Set([...wordsIn(query.text)].flatMap(partsOf))].filter((part) => !isStopWord(part));
  const weights = asked.map((part) => worth.get(root(part)) ?? 0.5);
  const total = sum(weights);
  if (total === 0) return new Map();
  const vectors = asked.map((part) => vectorOf(encoder, part));
  // The same words stand in many chunks: how near each is to what is asked, by word and by part of a word.
  const ofPart = remembered((part) => vectors.map((vector) => dot(vector, vectorOf(encoder, part))));
  const ofWord = remembered((word) => nearestOf(partsOf(word).map(ofPart)));
  const nearestOf = (found: readonly (readonly number[])[]) => {
    const nearest = asked.map(() => 0);
    for (const near of found) for (let i = 0; i < nearest.length; i++) if (near[i]! > nearest[i]!) nearest[i] = near[i]!;
    return nearest;
  };
  const meaning = (words: ReadonlySet<string>) => nearestOf([...words].slice(0, wordsRead).map(ofWord)).reduce((sum, near, i) => sum + near * weights[i]!, 0) / total;
  return new Map([...read].map(([i, words]) => [i, meaning(words)]));
}

/** Single letters and numbers say nothing. */
function partsOf(word: string): string[] {
  return splitIdentifier(word).filter((part) => part.length > 1 && part.length <= 32);
}

function remembered<T>(compute: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    let value = known.get(key);
    if (value === undefined) known.set(key, (value = compute(key)));
    return value;
  };
}

function vectorOf(encoder: Encoder, word: string): Float32Array {
  let known = kept.get(encoder);
  if (!known) kept.set(encoder, (known = new Map()));
  let vector = known.get(word);
  if (vector) return vector;
  known.set(word, (vector = encoder.embedName(word, prefixWidth(encoder.model, prefix))));
  if (known.size > wordsKept) known.delete(known.keys().next().value!);
  return vector;
}
