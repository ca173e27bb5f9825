// Opening index.db: a sound database of this version, made new where there is none, it is damaged or another version made it; and remaking the
// lexical index when another analyser made its terms.
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { yieldToEventLoop } from "../base/abort.ts";
import { patiently } from "../base/patiently.ts";
import type { EncoderModel } from "../encoding/encoder.ts";
import { asStrataError, CheckBeside, IndexDatabase, isDamage, isForeign, removeDatabase } from "./database.ts";
import { reanalyse } from "./lexical.ts";
import type { StoreOptions } from "./records.ts";
import { SCHEMA_VERSION, lexiconSchema, schema } from "./schema.ts";

type Versions = StoreOptions["versions"];

/** Places analysed in one transaction: some ten milliseconds. */
const SLICE = 200;

/** Bytes from which a database is checked while it answers already; below, that takes two seconds at most. */
const CHECKED_BESIDE_FROM = 250_000_000;

export const DAMAGED = "The index was damaged on disk, so it was deleted and is being made again from the files.";
const NEWER = "The index was made by a newer version of Strata, so it was deleted and is being made again from the files. Use one version for this folder: every change back and forth costs this again.";

interface Opened {
  readonly db: IndexDatabase;
  /** What became of the database that lay there, when it could not be used. */
  readonly warning?: string;
  /** Why, after damage. */
  readonly cause?: unknown;
  /** Whether a large one is sound is not known yet. */
  readonly check?: CheckBeside;
}

export function openIndex(file: string, { versions, log, checkedBesideFrom = CHECKED_BESIDE_FROM }: Pick<StoreOptions, "versions" | "log" | "checkedBesideFrom">): Opened {
  let db: IndexDatabase | undefined;
  let lost: { readonly warning: string; readonly cause?: unknown } | undefined;
  rmSync(`${file}.damaged`, { force: true }); // earlier versions kept it
  try {
    db = new IndexDatabase(file);
    if (db.get("SELECT count(*) AS n FROM sqlite_schema")!["n"] === 0) return { db: create(db, versions) };
    const version = db.meta("schema");
    if (version === String(SCHEMA_VERSION)) {
      // After a kill SQLite's log makes the file whole again; this looks for what a lying disk may have done.
      if (db.meta("clean") === "1") return { db };
      if (statSync(file).size >= checkedBesideFrom) return { db, check: new CheckBeside(file) };
      db.check();
      db.setMeta("clean", "1"); // else each start would check until one writes
      return { db };
    }
    db.close();
    log("info", `The index has schema ${version}, this version of Strata needs ${SCHEMA_VERSION}: it is made again`);
    if (Number(version) > SCHEMA_VERSION) lost = { warning: NEWER };
    removeDatabase(file);
  } catch (error) {
    db?.close();
    // "no such table: meta": some other program's database lies there.
    if (!isDamage(error) && !isForeign(error)) throw error;
    removeDatabase(file);
    lost = { warning: DAMAGED, cause: error };
  }
  return { db: create(new IndexDatabase(file), versions), ...lost };
}

function create(db: IndexDatabase, { chunker, analyser }: Versions): IndexDatabase {
  try {
    db.transaction(() => {
      db.exec(schema);
      db.exec(lexiconSchema);
      db.setMeta("schema", String(SCHEMA_VERSION));
      db.setMeta("id", crypto.randomUUID());
      db.setMeta("chunker", String(chunker));
      db.setMeta("analyser", String(analyser));
      db.setMeta("clean", "1");
    });
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** What a store writes into its folder; its lock apart. */
const namesIn = (folder: string): string[] => readdirSync(folder).filter((name) => /^index\.db|\.hnsw/.test(name));

/** Deletes all that a store wrote into its folder, which none may have open now; what others keep there stays. Throws as Store.open. */
export function removeIndex(folder: string): void {
  try {
    for (const name of existsSync(folder) ? namesIn(folder) : []) patiently(() => rmSync(path.join(folder, name), { force: true }));
  } catch (error) {
    throw asStrataError(error, folder);
  }
}

/** What the store takes on disk; 0 where that cannot be looked up, as when the folder has gone or no file handle is left. */
export function sizeOfIndex(folder: string): number {
  try {
    return namesIn(folder).reduce((bytes, name) => bytes + (statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0);
  } catch {
    return 0;
  }
}

/** Another chunker cut the files: each must be read again, and its old chunks stay searchable until then. */
export function forgetOldCuts(db: IndexDatabase, { chunker }: Versions): void {
  if (db.meta("chunker") === String(chunker)) return;
  db.transaction(() => {
    db.run("UPDATE files SET hash = ''");
    db.run("UPDATE files SET mtimeMs = -1 WHERE lang LIKE 'skipped:%'"); // what one version cannot read, another may
    db.setMeta("chunker", String(chunker));
  });
}

/** Another analyser made the terms: the lexical index alone is made again, from the stored texts. A start that is interrupted begins again. */
export async function remakeLexicon(db: IndexDatabase, { versions: { analyser }, analyse }: Pick<StoreOptions, "versions" | "analyse">): Promise<void> {
  if (db.meta("analyser") === String(analyser)) return;
  db.transaction(() => {
    db.setMeta("analyser", "");
    db.exec(`DROP TABLE IF EXISTS lexiconTerms; DROP TABLE IF EXISTS lexicon; DROP TABLE IF EXISTS placeTerms; ${lexiconSchema}`);
  });
  for (let last: number | undefined = 0; last !== undefined; await yieldToEventLoop()) {
    const after: number = last;
    last = db.transaction(() => reanalyse(db, analyse, after, SLICE));
  }
  db.setMeta("analyser", String(analyser));
}

/** Throws damage when the tables are not those of this version, as where another program's database happens to have one of the same name. */
export const assertOwn = (db: IndexDatabase): void => db.assertMadeBy(schema + lexiconSchema);

/** The model's row, made when it is new. Where the same model lies in another folder by now, as with each update, it is found there when it is replaced. */
export function modelRow(db: IndexDatabase, model: EncoderModel): number {
  const description = JSON.stringify(model);
  const known = db.get("SELECT id FROM models WHERE hash = ?", model.hash)?.["id"] as number | undefined;
  if (known === undefined) return db.run("INSERT INTO models (hash, description) VALUES (?, ?)", model.hash, description).id;
  db.run("UPDATE models SET description = ? WHERE id = ? AND description <> ?", description, known, description);
  return known;
}
