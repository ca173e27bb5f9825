// The SQLite file: opening, pragmas, one writer, prepared statements, transactions, and SQLite's error codes as StrataErrors. The only file that
// imports node:sqlite (Node 26 renames its class). Knows no table but meta.
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { Worker } from "node:worker_threads";
import { breathe } from "../base/abort.ts";
import { StrataError } from "../base/errors.ts";
import { patiently } from "../base/patiently.ts";
import { isOtherAlive, startThread } from "../base/process.ts";

export type Sql = string | number | null | Uint8Array;
export type Row = Record<string, Sql>;

/** Names of SQLite's primary result codes that matter here: https://sqlite.org/rescode.html */
const result = { error: 1, busy: 5, readonly: 8, ioError: 10, corrupt: 11, full: 13, cantOpen: 14, notADatabase: 26 } as const;

function resultCode(error: unknown): number | undefined {
  const code = error instanceof Error ? (error as { errcode?: unknown }).errcode : undefined;
  return typeof code === "number" ? code & 0xff : undefined;
}

/** True when the file's content is not a sound database, or not one that a store has written (`notSound`). */
export function isDamage(error: unknown): boolean {
  const code = resultCode(error);
  return code === result.corrupt || code === result.notADatabase;
}

/**
 * What reading meets where the file is a database and what it holds is not a store's: a table or a column that is missing, a number beyond JavaScript's,
 * what should be JSON. Not for queries while it is open: FTS5 has the first code for what it cannot parse.
 */
export const isForeign = (error: unknown): boolean =>
  resultCode(error) === result.error || (error as NodeJS.ErrnoException | null)?.code === "ERR_OUT_OF_RANGE" || error instanceof SyntaxError;

function diskIsFull(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < 256 * 1024;
  } catch {
    return false;
  }
}

/** SQLite's and the file system's failures as something a person can act on; anything else as it is. */
export function asStrataError(error: unknown, folder: string): unknown {
  if (error instanceof StrataError) return error;
  const sqlite = resultCode(error);
  const system = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (sqlite === result.full || system === "ENOSPC" || system === "EDQUOT" || (sqlite === result.ioError && diskIsFull(folder)))
    return new StrataError("index.diskFull", `The disk that holds the index (${folder}) is full. Nothing that was indexed is lost; free some space and indexing goes on.`, error);
  // Windows does not let go of a file that somebody has open.
  if (sqlite === result.busy || system === "EBUSY") return new StrataError("index.held", `Another program, which is no engine of Strata, holds the index in ${folder}. Close it and try again.`, error);
  if (sqlite === result.readonly || sqlite === result.cantOpen || sqlite === result.ioError || system === "EACCES" || system === "EPERM" || system === "EROFS" || system === "EIO")
    return new StrataError("index.unwritable", `The index in ${folder} cannot be written. Check the permissions and the disk of that folder.`, error);
  if (system === "EISDIR") return new StrataError("index.unwritable", `${(error as NodeJS.ErrnoException).path ?? folder} is a folder where a file of the index belongs. Delete that folder and try again.`, error);
  return error;
}

export class IndexDatabase {
  readonly file: string;
  #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Opens or makes the file, readable by its owner only. With "read" it is another index's, which must be there: nothing is changed in it, but it is
   * opened as its own engine would, so that whoever closes it last can empty its log. SQLite reads nothing yet, so damage shows with the first statement.
   */
  constructor(file: string, use: "write" | "read" = "write") {
    this.file = file;
    if (use === "read") {
      const url = pathToFileURL(file);
      url.searchParams.set("mode", "rw");
      this.#db = new DatabaseSync(url);
      this.#db.exec("PRAGMA busy_timeout = 0; PRAGMA query_only = ON");
      return;
    }
    // Made here because SQLite would use the umask; its -wal and -shm files take the permissions of this one.
    closeSync(openSync(file, "a", 0o600));
    this.#db = new DatabaseSync(file);
    try {
      this.#db.exec("PRAGMA busy_timeout = 250; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 16000000");
      // What is deleted may be a secret: its bytes are overwritten. No difference in the time of 20,000 inserts was to be measured.
      this.#db.exec("PRAGMA secure_delete = ON");
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }
  exec(sql: string): void {
    this.#db.exec(sql);
  }
  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
  run(sql: string, ...values: Sql[]): { readonly changes: number; readonly id: number } {
    const { changes, lastInsertRowid } = this.#prepared(sql).run(...values);
    return { changes: Number(changes), id: Number(lastInsertRowid) };
  }
  get(sql: string, ...values: Sql[]): Row | undefined {
    return this.#prepared(sql).get(...values) as Row | undefined;
  }
  all(sql: string, ...values: Sql[]): Row[] {
    return this.#prepared(sql).all(...values) as Row[];
  }
  /** Rows as arrays, one at a time: half the time of `all` for long lists. A statement of its own, so that walks may nest. */
  *walk(sql: string, ...values: Sql[]): Generator<Sql[]> {
    const statement = this.#db.prepare(sql);
    statement.setReturnArrays(true);
    for (const row of statement.iterate(...values)) yield row as unknown as Sql[];
  }
  /** All or nothing: rolled back when `work` throws or the commit fails. */
  transaction<T>(work: () => T): T {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const value = work();
      this.#db.exec("COMMIT");
      return value;
    } catch (error) {
      // A full disk may have rolled back already.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }
  /** For the tables in which FTS5 keeps its own; SQLite guards them against everybody else, from Node 24.12 on. */
  writeBehindFts(sql: string, ...values: Sql[]): void {
    this.#db.enableDefensive?.(false);
    try {
      this.run(sql, ...values);
    } finally {
      this.#db.enableDefensive?.(true);
    }
  }
  meta(key: string): string | undefined {
    return this.get("SELECT value FROM meta WHERE key = ?", key)?.["value"] as string | undefined;
  }
  setMeta(key: string, value: string): void {
    this.run("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value", key, value);
  }
  /** Makes everything committed so far survive a loss of power, and keeps the log file short. */
  checkpoint(): void {
    this.#db.exec("PRAGMA wal_checkpoint(PASSIVE)");
  }
  /** Empties the log file, which holds pages as they were before; not while another program reads. */
  emptyLog(): void {
    this.#db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  /** Throws SQLite's damage error when the file's structure is not sound. */
  check(): void {
    const row = this.get("PRAGMA quick_check(1)");
    if (row?.["quick_check"] !== SOUND) throw notSound(String(row?.["quick_check"]));
  }
  /**
   * Throws damage unless everything is there that `sql` makes, and nothing that acts by itself. FTS5's own tables are left out: another version of SQLite may
   * have others.
   */
  assertMadeBy(sql: string): void {
    const what = `SELECT type || ' ' || name || ' ' || coalesce((SELECT group_concat(name) FROM pragma_table_xinfo(m.name)), '') AS one FROM sqlite_schema m
      WHERE name NOT GLOB 'lexicon_*' AND name NOT GLOB 'sqlite_*'`;
    const there = new Set(this.all(what).map(({ one }) => one));
    const sample = new DatabaseSync(":memory:");
    try {
      sample.exec(sql);
      for (const { one } of sample.prepare(what).all() as Row[]) if (!there.has(one!)) throw notSound(`there is no ${one}`);
    } finally {
      sample.close();
    }
    const acting = this.get("SELECT name FROM sqlite_schema WHERE type IN ('trigger', 'view')");
    if (acting) throw notSound(`${acting["name"]} is none of a store`);
  }
  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }
}

/** What `quick_check` says of a sound database. */
const SOUND = "ok";
/** SQLite's damage error, for what only a store knows to be damage. */
export const notSound = (said: string): Error => Object.assign(new Error(`the database is not sound: ${said}`), { errcode: result.corrupt });

/** A list of strings as it is stored. */
export function listIn(json: Sql | undefined): string[] {
  try {
    const list = JSON.parse(json as string) as unknown;
    if (Array.isArray(list) && list.every((one) => typeof one === "string")) return list;
  } catch {
    // no JSON
  }
  throw notSound(`a list that is ${String(json).slice(0, 40)}`);
}

/** Bytes from which no part of a chunk was made by a chunker: a hundred times its longest. Read back, a text of 300 MB ended the engine with each search. */
const MOST_BYTES = 1_000_000;
/** How the texts of a row of chunks (`c`) are selected: nothing in place of what is too long, which is not even loaded. */
export const chunkTexts = (...columns: readonly ("symbols" | "breadcrumb" | "doc" | "text")[]): string =>
  columns.map((column) => `iif(octet_length(c.${column}) <= ${MOST_BYTES}, c.${column}, NULL) AS ${column}`).join(", ");
/** A text that was selected so. */
export function textIn(value: Sql | undefined): string {
  if (typeof value !== "string") throw notSound("a chunk's text that is too long, or none");
  return value;
}

/** What `check` does, with a connection of its own. */
const CHECK = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { DatabaseSync } = require("node:sqlite");
  try {
    parentPort.postMessage({ said: new DatabaseSync(workerData, { readOnly: true }).prepare("PRAGMA quick_check(1)").get().quick_check });
  } catch (error) {
    parentPort.postMessage({ said: "the check failed with code " + error.errcode + ": " + error.message, errcode: error.errcode });
  }
`;

/** The check of an open database in a thread of its own: of 3.5 GB it takes half a minute, in which somebody may ask. */
export class CheckBeside {
  readonly #file: string;
  #worker: Worker | undefined;
  readonly #over = Promise.withResolvers<void>();
  #said: string | undefined;

  constructor(file: string) {
    this.#file = file;
  }
  /** Once what is needed to answer is read: both want the disk. */
  begin(): void {
    try {
      this.#worker = startThread(CHECK, { eval: true, workerData: this.#file, name: "strata-check" });
    } catch {
      return this.#over.resolve(); // the next start checks
    }
    this.#worker.on("message", ({ said, errcode }: { readonly said: string; readonly errcode?: number }) => {
      // Busy, or out of memory: that says nothing of the file.
      this.#said = errcode === undefined || isDamage(Object.assign(new Error(said), { errcode })) ? said : SOUND;
    });
    this.#worker.on("error", () => {}); // no memory for a thread: the next start checks
    this.#worker.on("exit", () => this.#over.resolve());
    this.#worker.unref();
  }
  get isSound(): boolean {
    return this.#said === SOUND;
  }
  /** SQLite's damage error, once the file's structure was found not to be sound. */
  get damage(): Error | undefined {
    return this.#said === undefined || this.isSound ? undefined : notSound(this.#said);
  }
  /** Resolves when it is over. */
  over(): Promise<void> {
    return this.#over.promise;
  }
  async end(): Promise<void> {
    await this.#worker?.terminate();
  }
}

/** Deletes a database with its log: what it held can be made again from the files, and would be text that nobody forgets any more. */
export function removeDatabase(file: string): void {
  for (const suffix of ["", "-wal", "-shm"]) patiently(() => rmSync(file + suffix, { force: true }));
}

/** Makes the folder for its owner only. */
export function makeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
}

/**
 * The right to write this index, held until `release`. An exclusive transaction on a small database of its own: the operating system ends it
 * with the process, also after kill -9, so there is no stale lock to judge. Throws "index.busy" when another process has it, "index.held" when that is none
 * of Strata's: a backup or somebody who looks into the file is not to be waited for as an engine that opens a large index.
 */
export function lockFolder(folder: string): { release(): void } {
  const file = path.join(folder, "index.lock");
  closeSync(openSync(file, "a", 0o600));
  const lock = new DatabaseSync(file);
  try {
    lock.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if (isDamage(error)) {
      // Nothing is ever written to it: whatever lies there is not ours to keep.
      rmSync(file, { force: true });
      return lockFolder(folder);
    }
    if (resultCode(error) !== result.busy) throw error;
    throw isHeldByOurs(folder)
      ? new StrataError("index.busy", `Another Strata engine is using the index in ${folder}. It answers for this folder too: connect to it, or end it and try again.`, error)
      : new StrataError("index.held", `Another program, which is no engine of Strata, holds ${file}. Close it and try again.`, error);
  }
  nameHolder(folder, String(process.pid));
  return {
    release() {
      if (holderOf(folder) === process.pid) nameHolder(folder, ""); // else somebody has deleted the folder, and another has made it again
      lock.close();
    },
  };
}

/** Says who has the lock, for SQLite does not: a process id, or nothing once it was given back. */
const holderFile = (folder: string): string => path.join(folder, "index.holder");

function nameHolder(folder: string, pid: string): void {
  try {
    writeFileSync(holderFile(folder), pid, { mode: 0o600 });
  } catch {
    // A full disk has emptied it: not known is not nobody.
    try {
      rmSync(holderFile(folder), { force: true });
    } catch {
      // something else lies in its place, which says nothing
    }
  }
}

/** Undefined where nobody has said it: versions before this one named no holder. 0 for nobody. */
function holderOf(folder: string): number | undefined {
  try {
    return Number(readFileSync(holderFile(folder), "utf8"));
  } catch {
    return undefined;
  }
}

function isHeldByOurs(folder: string): boolean {
  const pid = holderOf(folder);
  return pid === undefined || pid === process.pid || isOtherAlive(pid);
}

/** Often enough that no engine which others start meanwhile gets in between. */
const LOCK_AGAIN_MS = 10;

/** The same, waited for as long as `mayWait` says. */
export async function lockWithin(folder: string, mayWait: () => boolean = () => false): Promise<{ release(): void }> {
  for (;;) {
    try {
      return lockFolder(folder);
    } catch (error) {
      if (!(StrataError.is(error, "index.busy") || StrataError.is(error, "index.held")) || !mayWait()) throw error;
      await breathe(LOCK_AGAIN_MS);
    }
  }
}
