// The measures of retrieval, exactly as the judged sets define them. No I/O; every figure this project prints goes through here.

/** A judged target: a file, or lines of it (from 1, both ends included). */
export interface Target {
  readonly path: string;
  readonly startLine?: number;
  readonly endLine?: number;
}
export interface Answer {
  readonly path: string;
  readonly startLine: number;
  readonly endLine: number;
}

/** Same path, or one ends with the other at a folder border (targets may be written from another root). */
function samePath(a: string, b: string): boolean {
  return a === b || a.endsWith(`/${b}`) || b.endsWith(`/${a}`);
}

export function covers(answer: Answer, target: Target): boolean {
  if (!samePath(answer.path, target.path)) return false;
  if (target.startLine === undefined) return true;
  return answer.startLine <= (target.endLine ?? target.startLine) && answer.endLine >= target.startLine;
}

/**
 * Binary NDCG@k: each target gains 1 at the rank of the first of the k answers that covers it; two targets at one rank count once.
 * The ideal has min(k, targets) ones in front.
 */
export function ndcgOfTargets(answers: readonly Answer[], targets: readonly Target[], k = 10): number {
  const ranks = new Set<number>();
  for (const target of targets) {
    const rank = answers.slice(0, k).findIndex((answer) => covers(answer, target));
    if (rank >= 0) ranks.add(rank);
  }
  return gain(ranks) / idealGain(Math.min(k, targets.length));
}

/** NDCG@k and the reciprocal rank (over the whole list given) of documents by id. */
export function scoreRanking(ranking: readonly string[], relevant: ReadonlySet<string>, k = 10): { readonly ndcg: number; readonly reciprocalRank: number } {
  const ranks = ranking.flatMap((id, rank) => (relevant.has(id) ? [rank] : []));
  const first = ranks[0];
  return { ndcg: gain(ranks.filter((rank) => rank < k)) / idealGain(Math.min(k, relevant.size)), reciprocalRank: first === undefined ? 0 : 1 / (first + 1) };
}

function gain(ranks: Iterable<number>): number {
  let sum = 0;
  for (const rank of ranks) sum += 1 / Math.log2(rank + 2);
  return sum;
}

function idealGain(ones: number): number {
  return ones === 0 ? 1 : gain(Array.from({ length: ones }, (_, rank) => rank));
}

/** 0 for no values. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The smallest value that at least `share` of the values do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted.length === 0 ? 0 : sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}
