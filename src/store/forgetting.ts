// Makes the words of files that were excluded leave the database: FTS5 only marks what is deleted, and keeps the words until it merges the segments that hold
// them. Texts and names go with their last place (catalogue.ts). And forgets the vectors of models that are not used any more.
import type { IndexDatabase } from "./database.ts";
import { depthNumber } from "./schema.ts";

/** In meta: "1" from the removal on until the words are gone, so that a kill changes nothing. */
const KEY = "unforgotten";
/** Pages written in one step: about 3 ms of work. The words of 20,000 places take some 550 steps. */
const PAGES = 4;

export class Forgetting {
  #isWanted: boolean;
  #isUnderWay = false;

  constructor(db: IndexDatabase) {
    this.#isWanted = db.meta(KEY) === "1";
  }
  get isDue(): boolean {
    return this.#isWanted || this.#isUnderWay;
  }
  /** Inside the transaction that removes files. */
  want(db: IndexDatabase): void {
    db.setMeta(KEY, "1");
    this.#isWanted = true;
  }
  /** One step of merging all segments into one, then the log, which holds pages as they were before. @param write runs work as a transaction */
  step(db: IndexDatabase, write: (work: () => void) => void): void {
    const isFirst = !this.#isUnderWay;
    let isDone = false;
    write(() => {
      isDone = merge(db, isFirst);
      // What was removed while the merge was under way takes another.
      if (isDone && (isFirst || !this.#isWanted)) db.setMeta(KEY, "0");
    });
    if (isFirst) this.#isWanted = false;
    this.#isUnderWay = !isDone;
    if (isDone) db.emptyLog();
  }
}

/** True when there is nothing left to merge. https://sqlite.org/fts5.html#the_merge_command */
function merge(db: IndexDatabase, isFirst: boolean): boolean {
  const changes = (): number => db.get("SELECT total_changes() AS n")!["n"] as number;
  const before = changes();
  db.run("INSERT INTO lexicon (lexicon, rank) VALUES ('merge', ?)", isFirst ? -PAGES : PAGES);
  return changes() - before < 2;
}

/**
 * Notes the current model and the one before it; every other model's vectors wait to be deleted, unless they still answer, and with them those of the one
 * before that was replaced before `replacedAfter`: nobody goes back to it any more.
 * @param answering ids of the models that do
 * @returns ids of those that wait
 */
export function retireModels(db: IndexDatabase, current: string, answering: readonly number[], replacedAfter: number): number[] {
  const last = db.meta("model");
  db.transaction(() => {
    // Of an index of earlier versions it is not known when.
    if (last !== undefined && (last !== current || db.meta("replacedAt") === undefined)) db.setMeta("replacedAt", String(Date.now()));
    if (last !== undefined && last !== current) db.setMeta("modelBefore", last);
    db.setMeta("model", current);
  });
  const before = Number(db.meta("replacedAt") ?? Infinity) > replacedAfter ? db.meta("modelBefore") : undefined;
  const models = db.all("SELECT id, hash FROM models").map((row) => ({ id: row["id"] as number, hash: row["hash"] as string }));
  return models.filter(({ id, hash }) => !answering.includes(id) && hash !== before).map(({ id }) => id);
}

/** Inside a transaction: up to `slice` vectors of each depth of a retired model; true when it is gone. */
export function deleteModel(db: IndexDatabase, model: number, slice: number): boolean {
  let deleted = 0;
  for (const depth of Object.values(depthNumber))
    deleted += db.run("DELETE FROM vectors WHERE model = ? AND depth = ? AND chunk IN (SELECT chunk FROM vectors WHERE model = ? AND depth = ? LIMIT ?)", model, depth, model, depth, slice).changes;
  if (deleted === 0) db.run("DELETE FROM models WHERE id = ?", model);
  return deleted === 0;
}
