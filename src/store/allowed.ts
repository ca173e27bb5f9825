// What filters let through: the last answer is kept, because one question asks several times.
import type { Catalogue } from "./catalogue.ts";
import { fileMatcher } from "./fileMatcher.ts";
import type { Filters } from "./records.ts";

/** Chunks that count. Not a list: of a million one would take a second for every new filter, and anew after every save. */
export type AllowedChunks = Pick<ReadonlySet<number>, "has">;

export interface Allowed {
  readonly files: readonly number[];
  /** Those with a place in one of the files. */
  readonly chunks: AllowedChunks;
  /** No chunk passes. */
  readonly isEmpty: boolean;
}

export class LastAllowed {
  #last: (Allowed & { readonly key: string; readonly revision: number }) | undefined;

  /** Files, and chunks with a place, that pass; undefined for everything. @param revision of what is known of files and places */
  by(filters: Filters, { files: known, homes }: Pick<Catalogue, "files" | "homes">, revision: number, filesOf: (chunkId: number) => readonly number[]): Allowed | undefined {
    const { langs, excludeLangs, pathGlobs, excludeGlobs, tests, under } = filters;
    if (!langs && !excludeLangs && !pathGlobs && !excludeGlobs && tests === undefined && !under) return undefined;
    const key = JSON.stringify([langs, excludeLangs, pathGlobs, excludeGlobs, tests, under]);
    if (this.#last?.key === key && this.#last.revision === revision) return this.#last;
    const accepts = fileMatcher(filters);
    const passing = [...known.values()].filter(accepts);
    const files = passing.map(({ id }) => id);
    const accepted = new Set(files);
    const has = (chunkId: number): boolean => {
      const home = homes.of(chunkId);
      return home === undefined ? filesOf(chunkId).some((file) => accepted.has(file)) : accepted.has(home);
    };
    this.#last = { key, revision, files, chunks: { has }, isEmpty: !passing.some(({ chunks }) => chunks > 0) };
    return this.#last;
  }
}
