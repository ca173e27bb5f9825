// Turns candidates into an order: weighted sum of features, then one file must not fill the list. Linear on purpose: every part of a score can be shown.
import type { Signal } from "../engine/protocol.ts";
import type { Place } from "../store/store.ts";
import type { Candidate } from "./candidates.ts";
import { type FeatureRow, featureNames } from "./features.ts";
import { isCatalogue } from "./kindsAsked.ts";
import type { ParsedQuery } from "./query.ts";
import { isRelated } from "./relations.ts";
import { proseWeights, symbolWeights, type Weights } from "./weights.ts";

export interface Scored {
  readonly candidate: Candidate;
  readonly features: FeatureRow;
  readonly score: number;
}

/**
 * What a further chunk of a file in the list loses: two thirds of the distance between the first and the tenth file, so that it comes after the other files
 * that answer well, and more for each that is there. With three for each of them the right function of the right file was often far behind (QUALITY.md).
 */
export const sameFilePenalty = (earlier: number): number => (earlier === 0 ? 0 : Math.min(1 + earlier, 9));

export function weightsFor(query: ParsedQuery): Weights {
  return query.kind === "symbol" ? symbolWeights : proseWeights;
}

export function scoreOf(features: FeatureRow, weights: Weights): number {
  let score = 0;
  for (let i = 0; i < featureNames.length; i++) score += features[i]! * weights[featureNames[i]!];
  return score;
}

/** One placed hit with what it lost to earlier hits of its own file or with its very code. */
export interface Ranked extends Scored {
  readonly penalty: number;
  /** Score less penalty: what the list is ordered by. */
  readonly total: number;
}

/**
 * The best `k`, in order. Greedy: after each pick the other chunks of its file fall by `sameFilePenalty`, and so do copies of the picked
 * chunk in other files: a second checkout inside the workspace must not fill the list with one function. Catalogues of texts that nobody asked for count as
 * one file, as each language has its own of the same. A chunk whose lines mostly stand in a better hit
 * of the same file is left out.
 */
export function rank(candidates: readonly Candidate[], features: readonly FeatureRow[], query: ParsedQuery, k: number, weights: Weights = weightsFor(query)): Ranked[] {
  const isMerelyCatalogue = (place: Place, row: FeatureRow): boolean => row[kindAsked] === 0 && isCatalogue(place);
  let waiting = candidates.map((candidate, i) => ({ candidate, features: features[i]!, score: scoreOf(features[i]!, weights), earlier: 0, catalogue: isMerelyCatalogue(candidate.place, features[i]!) }));
  waiting.sort((a, b) => b.score - a.score);
  const picked: Ranked[] = [];
  while (picked.length < k && waiting.length > 0) {
    let best = waiting[0]!;
    let bestTotal = -Infinity;
    for (const item of waiting) {
      if (item.score < bestTotal) break; // nothing behind it can come before
      const total = item.score - penaltyOf(item);
      if (total > bestTotal || (total === bestTotal && inOrder(item.candidate.place, best.candidate.place) < 0)) [best, bestTotal] = [item, total];
    }
    const { earlier: _, catalogue, ...hit } = best;
    const pick = { ...hit, penalty: penaltyOf(best), total: bestTotal };
    picked.push(pick);
    const { path, chunkId } = best.candidate.place;
    waiting = waiting.filter((item) => item !== best && !(item.candidate.place.path === path && mostlyInside(item, pick)));
    for (const item of waiting) if (item.candidate.place.path === path || item.candidate.place.chunkId === chunkId || (catalogue && item.catalogue)) item.earlier++;
  }
  return picked;
}

/** What scores alike stands as a walk finds it, the nearest first, whenever each file was read. */
export function inOrder(a: Place, b: Place): number {
  if (a.path === b.path) return a.startLine - b.startLine || a.place - b.place;
  return depthOf(a.path) - depthOf(b.path) || (a.path < b.path ? -1 : 1);
}
const depthOf = (path: string): number => path.split("/").length;

/** The place that a trace names stands where it stands, whatever else of its file came before, and so does each caller and implementer that is asked for. */
function penaltyOf({ features, earlier }: { readonly features: FeatureRow; readonly earlier: number }): number {
  return features[trace]! > 0 || isRelated(Math.max(features[uses]!, features[implementing]!)) ? 0 : sameFilePenalty(earlier);
}

const kindAsked = featureNames.indexOf("kind asked");
const trace = featureNames.indexOf("trace");
const uses = featureNames.indexOf("uses");
const implementing = featureNames.indexOf("implements");

function mostlyInside(item: Scored, hit: Scored): boolean {
  const [a, b] = [item.candidate.place, hit.candidate.place];
  const shared = Math.min(a.endLine, b.endLine) - Math.max(a.startLine, b.startLine) + 1;
  return shared > 0 && shared >= 0.6 * Math.min(a.endLine - a.startLine + 1, b.endLine - b.startLine + 1);
}

/** Each signal's part of the score, largest first; the parts sum to `total`. */
export function explain(hit: Ranked, query: ParsedQuery): Signal[] {
  const weights = weightsFor(query);
  const signals: Signal[] = [];
  for (let i = 0; i < featureNames.length; i++) {
    const contribution = hit.features[i]! * weights[featureNames[i]!];
    if (contribution !== 0) signals.push({ signal: featureNames[i]!, value: hit.features[i]!, contribution });
  }
  if (hit.penalty > 0) signals.push({ signal: "same file or code", value: hit.penalty, contribution: -hit.penalty });
  return signals.sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
}

/**
 * The new order with the old one's calm: an item passes the one before it only when its total is larger by more than `margin`,
 * so that a list being read does not move for nothing.
 */
export function settle(fresh: readonly Ranked[], shown: readonly number[], margin: number): Ranked[] {
  const before = new Map(shown.map((place, i) => [place, i]));
  const position = (hit: Ranked) => before.get(hit.candidate.place.place) ?? shown.length;
  const order = [...fresh].sort((a, b) => position(a) - position(b) || b.total - a.total);
  for (let i = 1; i < order.length; i++) {
    for (let j = i; j > 0 && order[j]!.total > order[j - 1]!.total + margin; j--) [order[j - 1], order[j]] = [order[j]!, order[j - 1]!];
  }
  return order;
}
