// What each part of search gives by itself, on the same chunks and vectors: words, each exit, their fusion, and ranking on top.
import { depths } from "../../src/encoding/encoder.ts";
import { readQuery } from "../../src/search/candidates.ts";
import { rank } from "../../src/search/ranking.ts";
import { nameParts } from "../../src/search/terms.ts";
import type { Place } from "../../src/store/store.ts";
import type { JudgedRepository } from "./datasets.ts";
import { buildStore, candidatesFor, chunkFolder, encodeQueries, type LabModel } from "./lab.ts";
import { ndcgOfTargets } from "./metric.ts";

export const methods = ["bm25", "bm25 fields", ...depths.flatMap((depth) => [`exit ${depth}`, `fusion ${depth}`, `everything ${depth}`] as const)] as const;
export type Method = (typeof methods)[number];

export interface AblationRow {
  readonly scores: Readonly<Record<Method, number>>;
  /** No word of the query stands in the path of a target: the file's name is no help. */
  readonly isNameFree: boolean;
}

/** One row per query. */
export async function ablate(repository: JudgedRepository, model: LabModel): Promise<AblationRow[]> {
  const store = await buildStore(await chunkFolder(repository.root), model, depths, repository.name);
  const vectors = await encodeQueries(model, repository.queries.map(({ query }) => query), repository.name);
  return repository.queries.map(({ query, targets }, i) => {
    const parsed = readQuery(store, query);
    const scores = {} as Record<Method, number>;
    const score = (method: Method, answers: readonly Place[]) => {
      scores[method] = ndcgOfTargets(answers, targets);
    };
    const lexical = (weights: readonly number[]) => store.places(store.searchLexical(parsed.terms, [], weights, 10, {}).map((hit) => hit.place));
    score("bm25", lexical([1, 1, 1, 1, 1]));
    for (const depth of depths) {
      store.depthLimit = depth;
      score(`exit ${depth}`, store.placesOf(store.searchDense(vectors[i]!, 10, {}).map((hit) => hit.chunkId)));
      const { candidates: { items: candidates }, rows } = candidatesFor(store, model, parsed, vectors[i]!);
      const byLexical = candidates.toSorted((a, b) => b.lexical - a.lexical);
      if (depth === "instant") score("bm25 fields", byLexical.slice(0, 10).map((candidate) => candidate.place));
      const byDense = candidates.toSorted((a, b) => (b.dense ?? -1) - (a.dense ?? -1));
      const reciprocal = new Map(candidates.map((candidate) => [candidate, (candidate.lexical > 0 ? 1 / (61 + byLexical.indexOf(candidate)) : 0) + 1 / (61 + byDense.indexOf(candidate))]));
      score(`fusion ${depth}`, candidates.toSorted((a, b) => reciprocal.get(b)! - reciprocal.get(a)!).slice(0, 10).map((candidate) => candidate.place));
      score(`everything ${depth}`, rank(candidates, rows, parsed, 10).map((hit) => hit.candidate.place));
    }
    const named = new Set(targets.flatMap((target) => nameParts(target.path)));
    return { scores, isNameFree: !parsed.parts.some((part) => named.has(part)) };
  });
}
