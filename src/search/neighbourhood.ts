// What speaks for a candidate because of what stands around it. A question's words often match the code that uses a thing better than the thing itself, and
// files that import each other, or lie in one folder, answer the same questions. So a candidate gains from the scores that others reached without this.
import { folderOf } from "../base/relativePath.ts";
import { sum } from "../base/statistics.ts";
import type { Candidate } from "./candidates.ts";
import { standardise } from "./features.ts";
import { splitIdentifier } from "./terms.ts";

/** For one candidate, each about 0 to 3. */
export interface Neighbourhood {
  /** Candidates of other files whose code uses a name that it defines. */
  readonly usedBy: number;
  /** Files among the candidates that its file imports or that import it. */
  readonly imports: number;
  /** The other files of its folder. */
  readonly folder: number;
}

/** A name that more candidates define says little about which is meant, and so does a very short one. */
const mostDefinitions = 3;
const leastLength = 4;

/**
 * For each candidate, in their order.
 * @param scores of the candidates without their neighbourhood
 * @param read the words of the leading candidates, by position
 * @param importNeighbours for a path, the candidates' other paths that it imports or is imported by
 */
export function neighbourhoods(candidates: readonly Candidate[], scores: readonly number[], read: ReadonlyMap<number, ReadonlySet<string>>, importNeighbours: ReadonlyMap<string, ReadonlySet<string>>): Neighbourhood[] {
  const leading = [...read.keys()];
  const users = usersOf(candidates, read, importNeighbours);
  // Only the leading ones have a standing, so that a longer list of candidates does not raise it.
  const ofLeading = standings(leading.map((i) => scores[i]!));
  const chunkStanding = new Map(leading.map((i, at) => [i, ofLeading[at]!]));
  const bestOfFile = new Map<string, number>();
  for (const i of leading) {
    const { path } = candidates[i]!.place;
    bestOfFile.set(path, Math.max(scores[i]!, bestOfFile.get(path) ?? -Infinity));
  }
  const leadingPaths = [...bestOfFile.keys()];
  const fileStanding = new Map(standings([...bestOfFile.values()]).map((standing, i) => [leadingPaths[i]!, standing]));
  const paths = [...new Set(candidates.map(({ place }) => place.path))];
  const folders = Map.groupBy(paths, folderOf);
  const ofFile = new Map(
    paths.map((path) => {
      const beside = folders.get(folderOf(path))!.filter((other) => other !== path);
      return [path, { imports: largest([...(importNeighbours.get(path) ?? [])].map((other) => fileStanding.get(other) ?? 0)), folder: shareOf(beside.map((other) => fileStanding.get(other) ?? 0)) }];
    }),
  );
  return candidates.map(({ place }, i) => ({ usedBy: largest((users.get(i) ?? []).map(({ user }) => chunkStanding.get(user)!)), ...ofFile.get(place.path)! }));
}

/** By how many standard deviations each value exceeds the mean; 0 for those below. */
function standings(values: readonly number[]): number[] {
  return standardise(values).map((value) => Math.max(0, value));
}

/** Mean of the three largest, missing ones as 0. */
function largest(values: readonly number[]): number {
  return sum(values.toSorted((a, b) => b - a).slice(0, 3)) / 3;
}

/** A name of several words is hardly written by chance; a single word may be anybody's (`load`, `main`). */
function isTelling(name: string): boolean {
  return splitIdentifier(name).length > 1;
}

/** Mean, drawn to 0 where there are few: in a folder of everything every file stands beside a good one. */
function shareOf(values: readonly number[]): number {
  return sum(values) / (values.length + 1);
}

/** Which of the leading candidates, by position, use a name that a candidate of another file defines. */
function usersOf(candidates: readonly Candidate[], read: ReadonlyMap<number, ReadonlySet<string>>, importNeighbours: ReadonlyMap<string, ReadonlySet<string>>): ReadonlyMap<number, readonly { readonly user: number }[]> {
  const definitions = candidates.flatMap(({ place }, at) => [...new Set(place.symbols)].filter((symbol) => symbol.length >= leastLength).map((symbol) => ({ symbol, at })));
  const definedAt = Map.groupBy(definitions, ({ symbol }) => symbol);
  const uses = [...read].flatMap(([user, words]) => {
    const { path } = candidates[user]!.place;
    const used = new Set<number>();
    for (const word of words) {
      const defining = definedAt.get(word) ?? [];
      if (defining.length > mostDefinitions) continue;
      for (const { at } of defining) {
        const definer = candidates[at]!.place.path;
        if (definer !== path && (isTelling(word) || importNeighbours.get(path)?.has(definer))) used.add(at);
      }
    }
    return Array.from(used, (at) => ({ at, user }));
  });
  return Map.groupBy(uses, ({ at }) => at);
}
