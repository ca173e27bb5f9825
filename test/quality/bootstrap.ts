// How sure a difference between two ways of searching is: the same questions answered both ways, drawn again and again. No I/O.
import { randomNumbers } from "../support/random.ts";
import { mean, percentile } from "./metric.ts";

/** `count` of the items, or all, drawn without repetition. */
export function sample<T>(items: readonly T[], count: number, seed: number): T[] {
  const random = randomNumbers(seed);
  return items.map((item) => ({ item, at: random() })).sort((a, b) => a.at - b.at).slice(0, count).map(({ item }) => item);
}

/**
 * Where the mean of repositories' mean difference lies, in 90 of 100 draws: each draw takes as many questions of every repository as it has, with
 * repetition. The repositories themselves stay, so this says how far the questions could have been others, not how far the code could.
 * @param differences per repository, one value per question
 */
export function interval90(differences: readonly (readonly number[])[], draws = 2_000): readonly [number, number] {
  const random = randomNumbers(90);
  const means = Array.from({ length: draws }, () => mean(differences.map((own) => mean(own.map(() => own[Math.floor(random() * own.length)]!)))));
  return [percentile(means, 0.05), percentile(means, 0.95)];
}
