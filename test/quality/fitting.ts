// Fits the linear weights of ranking on mined queries: a softmax over files, each file at its best chunk, pulled towards hand-set weights so
// that a signal the mined queries cannot judge (tests, generated code) keeps the value given to it.
import { type FeatureName, featureNames } from "../../src/search/features.ts";
import type { Weights } from "../../src/search/weights.ts";
import { mean } from "./metric.ts";

/** One query with its candidates: rows of features, the file of each row, and whether that file answers. */
export interface FitGroup {
  readonly repository: string;
  readonly rows: readonly Float64Array[];
  readonly files: readonly string[];
  readonly isAnswer: readonly boolean[];
}

export interface FitOptions {
  readonly prior: Weights;
  /** Signals that keep their prior: the others are fitted around them. */
  readonly held: readonly FeatureName[];
  /** Strength of the pull towards the prior, per query. */
  readonly pull: number;
  readonly steps: number;
}

/** Steps between two looks at which row of a file is its best. */
const reviseEvery = 10;

/** Full-batch Adam; deterministic. */
export function fitWeights(groups: readonly FitGroup[], { prior, held, pull, steps }: FitOptions): Weights {
  const isHeld = featureNames.map((name) => held.includes(name));
  const start = featureNames.map((name) => prior[name]);
  const w = Float64Array.from(start);
  const [m, v] = [new Float64Array(w.length), new Float64Array(w.length)];
  const used = groups.filter((group) => group.isAnswer.some(Boolean) && group.isAnswer.some((is) => !is));
  let best: (readonly number[])[] = [];
  for (let step = 1; step <= steps; step++) {
    if (step % reviseEvery === 1) best = used.map((group) => bestRows(group, w).map((row) => row.index));
    const gradient = new Float64Array(w.length);
    used.forEach((group, i) => addGradient(group, best[i]!, w, gradient));
    for (let i = 0; i < w.length; i++) {
      if (isHeld[i]) continue;
      const g = gradient[i]! / used.length + pull * (w[i]! - start[i]!);
      m[i] = 0.9 * m[i]! + 0.1 * g;
      v[i] = 0.999 * v[i]! + 0.001 * g * g;
      w[i]! -= (0.04 * (m[i]! / (1 - 0.9 ** step))) / (Math.sqrt(v[i]! / (1 - 0.999 ** step)) + 1e-8);
    }
  }
  return Object.fromEntries(featureNames.map((name, i) => [name, w[i]!])) as Record<FeatureName, number>;
}

/** Gradient of −log P(an answering file) where P is a softmax over each file's best row. */
function addGradient(group: FitGroup, best: readonly number[], w: Float64Array, gradient: Float64Array): void {
  const scores = best.map((row) => dot(group.rows[row]!, w));
  const top = Math.max(...scores);
  let [all, good] = [0, 1e-12];
  const weights = scores.map((score, i) => {
    const weight = Math.exp(score - top);
    all += weight;
    if (group.isAnswer[best[i]!]) good += weight;
    return weight;
  });
  for (let i = 0; i < best.length; i++) {
    const share = weights[i]! / all - (group.isAnswer[best[i]!] ? weights[i]! / good : 0);
    // Most candidates are far from the top and move nothing.
    if (Math.abs(share) < 1e-4) continue;
    const features = group.rows[best[i]!]!;
    for (let f = 0; f < features.length; f++) gradient[f]! += share * features[f]!;
  }
}

function dot(features: Float64Array, w: Float64Array): number {
  let sum = 0;
  for (let f = 0; f < features.length; f++) sum += features[f]! * w[f]!;
  return sum;
}

function bestRows(group: FitGroup, w: Float64Array): { index: number; score: number }[] {
  const best = new Map<string, { index: number; score: number }>();
  group.rows.forEach((features, index) => {
    const score = dot(features, w);
    const known = best.get(group.files[index]!);
    if (!known || score > known.score) best.set(group.files[index]!, { index, score });
  });
  return [...best.values()];
}

/** Mean NDCG@10 over files (one answer per query: 1 / log2(rank + 1)); queries whose answer is no candidate count as 0. */
export function fileNdcg(groups: readonly FitGroup[], weights: Weights): number {
  const w = Float64Array.from(featureNames, (name) => weights[name]);
  return mean(
    groups.map((group) => {
      const order = bestRows(group, w).sort((a, b) => b.score - a.score);
      const rank = order.findIndex((row) => group.isAnswer[row.index]);
      return rank < 0 || rank >= 10 ? 0 : 1 / Math.log2(rank + 2);
    }),
  );
}

export interface CrossValidation {
  readonly handSet: number;
  /** Each repository ranked by weights fitted without it. */
  readonly leftOut: number;
  /** Weights fitted on everything: what fitting could gain at most. */
  readonly fitted: number;
}

export function crossValidate(groups: readonly FitGroup[], options: FitOptions, folds = 5): CrossValidation {
  const repositories = [...new Set(groups.map((group) => group.repository))];
  const leftOut: number[] = [];
  for (let fold = 0; fold < folds; fold++) {
    const held = new Set(repositories.filter((_, i) => i % folds === fold));
    const weights = fitWeights(groups.filter((group) => !held.has(group.repository)), options);
    for (const name of held) leftOut.push(fileNdcg(groups.filter((group) => group.repository === name), weights));
  }
  const perRepository = (weights: Weights) => mean(repositories.map((name) => fileNdcg(groups.filter((group) => group.repository === name), weights)));
  return { handSet: perRepository(options.prior), leftOut: mean(leftOut), fitted: perRepository(fitWeights(groups, options)) };
}
