// What filters let through: the last answer is kept, because one question asks several times.
import type { FileRow } from "./catalogue.ts";
import type { IndexDatabase } from "./database.ts";
import { fileMatcher } from "./fileMatcher.ts";
import type { Filters } from "./records.ts";

export interface Allowed {
  readonly files: readonly number[];
  readonly chunks: ReadonlySet<number>;
}

export class LastAllowed {
  #last: (Allowed & { readonly key: string; readonly revision: number }) | undefined;

  /** Files, and chunks with a place, that pass; undefined for everything. @param revision of what is known of files and places */
  by(db: IndexDatabase, filters: Filters, known: ReadonlyMap<string, FileRow>, revision: number): Allowed | undefined {
    const { langs, excludeLangs, pathGlobs, excludeGlobs, tests, under } = filters;
    if (!langs && !excludeLangs && !pathGlobs && !excludeGlobs && tests === undefined && !under) return undefined;
    const key = JSON.stringify([langs, excludeLangs, pathGlobs, excludeGlobs, tests, under]);
    if (this.#last?.key === key && this.#last.revision === revision) return this.#last;
    const accepts = fileMatcher(filters);
    const files: number[] = [];
    for (const file of known.values()) if (accepts(file)) files.push(file.id);
    const chunks = new Set<number>();
    for (const [chunk] of db.walk("SELECT p.chunk FROM json_each(?) j CROSS JOIN places p ON p.file = j.value", JSON.stringify(files))) chunks.add(chunk as number);
    this.#last = { key, revision, files, chunks };
    return this.#last;
  }
}
