// Files, chunks and places: their rows in SQLite and the small maps of them in memory (which file is known, how many places a chunk has).
// Chunks are found by content id, so the same code met again, under any path, brings its vectors along.
import { leadsOut } from "../base/relativePath.ts";
import { type ChunkVector, type FileRecord, lexicalFields, type ParsedChunk, type ParsedFile, SKIPPED } from "./records.ts";
import type { Depth, Int8Vector } from "../encoding/encoder.ts";
import { type IndexDatabase, listIn, notSound } from "./database.ts";
import { Homes } from "./homes.ts";
import { countTerms, deleteTerms, insertTerms } from "./lexical.ts";
import { depthNumber } from "./schema.ts";

interface FileRow extends FileRecord {
  readonly id: number;
}
/** What it imports is kept by the import graph alone. */
interface ReadFile extends FileRow {
  readonly imports: readonly string[];
}

/** What a transaction did, to be applied to everything in memory once it is committed. */
export interface Change {
  /** Places gained or lost per chunk. */
  readonly references: Map<number, number>;
  /** Places gained, by chunk and file: all of them, those that are lost again too. */
  readonly placed: (readonly [chunkId: number, file: number])[];
  readonly put: Map<string, ReadFile>;
  readonly removed: string[];
  /** Instant vectors that came with the chunks. */
  readonly instant: ChunkVector[];
}
export const noChange = (): Change => ({ references: new Map(), placed: [], put: new Map(), removed: [], instant: [] });

/** After `apply`: chunks that became searchable, and chunks that are no longer. */
interface Liveness {
  readonly born: readonly number[];
  readonly gone: readonly number[];
}

/** With a segment that is empty or one or two dots. */
const NO_PATH = /(?:^|\/)\.{0,2}(?:\/|$)/;
/** For each id up to the highest there are four bytes in memory. An index that has made so many is made again. */
const MOST_ID = 2 ** 28;
/** Places that are read at once. */
const PAGE = 4096;

export class Catalogue {
  readonly files = new Map<string, FileRow>();
  /** Files by language, kept with every change: the status tells them six times a second while files are read, and counting 80,000 anew took a tenth of that time. */
  readonly #languages = new Map<string, number>();
  /** Places per live chunk. */
  readonly references = new Map<number, number>();
  readonly homes = new Homes();
  #places = 0;
  /** How often code came or went since it was loaded. */
  changes = 0;

  /** Tells of each file. Throws damage for paths that no walk gives, among them all that lead out of the workspace, and for ids that none has reached. */
  load(db: IndexDatabase, onFile: (file: ReadFile) => void): void {
    for (const row of db.all("SELECT f.*, (SELECT count(*) FROM places WHERE file = f.id) AS chunks FROM files f")) {
      const path = row["path"];
      if (typeof path !== "string" || NO_PATH.test(path) || leadsOut(path)) throw notSound(`a file ${String(path).slice(0, 200)}`);
      const file: FileRow = {
        id: row["id"] as number, path, size: row["size"] as number, mtimeMs: row["mtimeMs"] as number, hash: row["hash"] as string,
        lang: row["lang"] as string, isTest: row["isTest"] === 1, chunks: row["chunks"] as number,
      };
      this.files.set(path, file);
      this.#countFile(file.lang, 1);
      onFile({ ...file, imports: listIn(row["imports"]) });
    }
    // A page of rows strung together: a call for each of a million takes a second more.
    const sql = `SELECT group_concat(chunk) AS chunks, group_concat(file) AS files, max(id) AS last FROM (SELECT id, chunk, file FROM places WHERE id > ? ORDER BY id LIMIT ${PAGE})`;
    for (let after = 0; ; ) {
      const { chunks, files, last } = db.get(sql, after) as { chunks: string | null; files: string; last: number };
      if (chunks === null) return;
      const fileOf = files.split(",");
      for (const [i, text] of chunks.split(",").entries()) {
        const chunk = Number(text);
        if (!(chunk > 0 && chunk < MOST_ID)) throw notSound(`a chunk ${text}`);
        this.references.set(chunk, (this.references.get(chunk) ?? 0) + 1);
        this.homes.add(chunk, Number(fileOf[i]));
        this.#places++;
      }
      after = last;
    }
  }
  get places(): number {
    return this.#places;
  }
  languages(): Record<string, number> {
    return Object.fromEntries(this.#languages);
  }
  /** Files with text. */
  get searchable(): number {
    let files = 0;
    for (const [lang, count] of this.#languages) if (!lang.startsWith(SKIPPED)) files += count;
    return files;
  }
  #countFile(lang: string, difference: number): void {
    const count = (this.#languages.get(lang) ?? 0) + difference;
    if (count > 0) this.#languages.set(lang, count);
    else this.#languages.delete(lang);
  }

  /** Inside a transaction. Places whose chunk stays keep their row and their FTS entry, so that an edit costs what it changed. */
  put(db: IndexDatabase, change: Change, file: ParsedFile, model: number): void {
    const imports = JSON.stringify(file.imports);
    const values = [file.size, file.mtimeMs, file.hash, file.lang, imports, Number(file.isTest), Number(file.isGenerated)];
    const known = this.files.get(file.path) ?? change.put.get(file.path);
    let id: number;
    if (known) {
      id = known.id;
      db.run("UPDATE files SET size = ?, mtimeMs = ?, hash = ?, lang = ?, imports = ?, isTest = ?, isGenerated = ? WHERE id = ?", ...values, id);
    } else id = db.run("INSERT INTO files (size, mtimeMs, hash, lang, imports, isTest, isGenerated, path) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", ...values, file.path).id;

    const old = Map.groupBy(known ? db.all("SELECT id, chunk, startLine, endLine FROM places WHERE file = ? ORDER BY id", id) : [], (row) => row["chunk"] as number);
    for (const parsed of file.chunks) {
      const chunkId = this.#chunkId(db, change, parsed, model);
      const kept = old.get(chunkId)?.shift();
      if (!kept) this.#insertPlace(db, change, id, chunkId, parsed);
      else if (kept["startLine"] !== parsed.startLine || kept["endLine"] !== parsed.endLine)
        db.run("UPDATE places SET startLine = ?, endLine = ? WHERE id = ?", parsed.startLine, parsed.endLine, kept["id"]!);
    }
    for (const rows of old.values()) for (const row of rows) this.#deletePlace(db, change, row["id"] as number, row["chunk"] as number);
    change.put.set(file.path, { id, path: file.path, size: file.size, mtimeMs: file.mtimeMs, hash: file.hash, lang: file.lang, isTest: file.isTest, imports: file.imports, chunks: file.chunks.length });
  }
  #chunkId(db: IndexDatabase, change: Change, { chunk, instant }: ParsedChunk, model: number): number {
    let id = db.get("SELECT id FROM chunks WHERE key = ?", chunk.id)?.["id"] as number | undefined;
    if (id === undefined || !(this.references.has(id) || change.references.has(id))) {
      const values = [chunk.kind, JSON.stringify(chunk.symbols), chunk.breadcrumb, chunk.doc, chunk.text];
      if (id === undefined) id = db.run("INSERT INTO chunks (kind, symbols, breadcrumb, doc, text, key, lang) VALUES (?, ?, ?, ?, ?, ?, ?)", ...values, chunk.id, chunk.lang).id;
      else db.run("UPDATE chunks SET kind = ?, symbols = ?, breadcrumb = ?, doc = ?, text = ?, orphanedAt = NULL WHERE id = ?", ...values, id);
      for (const name of new Set(chunk.symbols.map((symbol) => symbol.toLowerCase()))) db.run("INSERT OR IGNORE INTO symbols VALUES (?, ?)", name, id);
    }
    if (instant && insertVector(db, model, "instant", id, instant)) change.instant.push({ chunkId: id, vector: instant });
    return id;
  }
  #insertPlace(db: IndexDatabase, change: Change, file: number, chunkId: number, { startLine, endLine, terms }: ParsedChunk): void {
    const fields = lexicalFields.map((field) => terms[field]);
    const sql = "INSERT INTO places (file, chunk, startLine, endLine, nSymbol, nBreadcrumb, nPath, nDoc, nBody) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    const { id } = db.run(sql, file, chunkId, startLine, endLine, ...fields.map(countTerms));
    insertTerms(db, id, fields);
    change.placed.push([chunkId, file]);
    count(change, chunkId, 1);
  }
  #deletePlace(db: IndexDatabase, change: Change, place: number, chunkId: number): void {
    db.run("DELETE FROM places WHERE id = ?", place);
    deleteTerms(db, place);
    count(change, chunkId, -1);
  }

  remove(db: IndexDatabase, change: Change, path: string): void {
    const file = this.files.get(path);
    if (!file) return;
    for (const row of db.all("SELECT id, chunk FROM places WHERE file = ?", file.id)) this.#deletePlace(db, change, row["id"] as number, row["chunk"] as number);
    db.run("DELETE FROM files WHERE id = ?", file.id);
    change.removed.push(path);
  }

  /** Inside the same transaction, last: chunks without a place are dated and keep their vectors, but nothing that could be read; `put` brings it back. */
  markOrphans(db: IndexDatabase, change: Change, now: number): void {
    for (const [chunkId, difference] of change.references) {
      if ((this.references.get(chunkId) ?? 0) + difference > 0) continue;
      db.run("UPDATE chunks SET orphanedAt = ?, symbols = '[]', breadcrumb = '', doc = '', text = '' WHERE id = ?", now, chunkId);
      db.run("DELETE FROM symbols WHERE chunk = ?", chunkId);
    }
  }
  /** After the commit. */
  apply(change: Change): Liveness {
    if (change.references.size > 0) this.changes++;
    for (const path of change.removed) {
      const before = this.files.get(path);
      if (before) this.#countFile(before.lang, -1);
      this.files.delete(path);
    }
    for (const [path, { imports: _, ...row }] of change.put) {
      const before = this.files.get(path);
      if (before) this.#countFile(before.lang, -1);
      this.#countFile(row.lang, 1);
      this.files.set(path, row);
    }
    for (const [chunkId, file] of change.placed) this.homes.add(chunkId, file);
    const born: number[] = [];
    const gone: number[] = [];
    for (const [chunkId, difference] of change.references) {
      const before = this.references.get(chunkId) ?? 0;
      const after = before + difference;
      this.#places += difference;
      if (after > 0) this.references.set(chunkId, after);
      else {
        this.references.delete(chunkId);
        this.homes.clear(chunkId);
      }
      if (before === 0 && after > 0) born.push(chunkId);
      else if (before > 0 && after === 0) gone.push(chunkId);
    }
    return { born, gone };
  }
}

function count(change: Change, chunkId: number, difference: number): void {
  change.references.set(chunkId, (change.references.get(chunkId) ?? 0) + difference);
}

/** False when there is one already: vectors never change. */
export function insertVector(db: IndexDatabase, model: number, depth: Depth, chunkId: number, { values, scale }: Int8Vector): boolean {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return db.run("INSERT OR IGNORE INTO vectors (model, depth, chunk, scale, q) VALUES (?, ?, ?, ?, ?)", model, depthNumber[depth], chunkId, scale, bytes).changes > 0;
}

/**
 * Deletes some of the chunks that have been without a place since before `olderThan`, or, of more than `keep`, the oldest. Inside a transaction.
 * Returns how many went.
 */
export function collectOrphans(db: IndexDatabase, olderThan: number, keep: number, limit: number): number {
  const orphans = db.get("SELECT count(*) AS n FROM chunks WHERE orphanedAt IS NOT NULL")!["n"] as number;
  const rows = db.all("SELECT id, orphanedAt FROM chunks WHERE orphanedAt IS NOT NULL ORDER BY orphanedAt LIMIT ?", limit);
  const doomed = rows.filter((row, i) => (row["orphanedAt"] as number) < olderThan || i < orphans - keep).map((row) => row["id"]!);
  for (const id of doomed) {
    db.run("DELETE FROM chunks WHERE id = ?", id);
    db.run(`DELETE FROM vectors WHERE model IN (SELECT id FROM models) AND depth IN (${Object.values(depthNumber).join()}) AND chunk = ?`, id);
  }
  return doomed.length;
}
