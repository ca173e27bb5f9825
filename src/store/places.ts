// Reading places (a chunk in a file) and stored vectors back from SQLite.
import { depths, type Depth, type Int8Vector } from "../encoding/encoder.ts";
import { chunkTexts, type IndexDatabase, listIn, notSound, type Row, type Sql, textIn } from "./database.ts";
import type { ChunkCode, ChunkText, ChunkVector, Place } from "./records.ts";
import { depthNumber } from "./schema.ts";

const columns = `p.id, p.chunk, f.path, p.startLine, p.endLine, c.lang, c.kind, ${chunkTexts("symbols", "breadcrumb", "doc", "text")}, f.isTest, f.isGenerated`;
const joins = "JOIN files f ON f.id = p.file JOIN chunks c ON c.id = p.chunk";

type DepthOf = (chunkId: number) => Depth | undefined;

function place(row: Row, depthOf: DepthOf): Place {
  const chunkId = row["chunk"] as number;
  const [startLine, endLine] = [row["startLine"] as number, row["endLine"] as number];
  if (!Number.isInteger(startLine) || !Number.isInteger(endLine) || startLine < 1 || endLine < startLine) throw notSound(`lines ${startLine} to ${endLine}`);
  return {
    place: row["id"] as number,
    chunkId,
    path: row["path"] as string,
    startLine,
    endLine,
    lang: row["lang"] as string,
    kind: row["kind"] as Place["kind"],
    symbols: listIn(row["symbols"]),
    breadcrumb: textIn(row["breadcrumb"]),
    doc: textIn(row["doc"]),
    text: textIn(row["text"]),
    isTest: row["isTest"] === 1,
    isGenerated: row["isGenerated"] === 1,
    depth: depthOf(chunkId),
  };
}

/** In the order of the ids; unknown ids are left out. */
export function placesById(db: IndexDatabase, ids: readonly number[], depthOf: DepthOf): Place[] {
  return db.all(`SELECT ${columns} FROM json_each(?) j CROSS JOIN places p ON p.id = j.value ${joins} ORDER BY j.key`, JSON.stringify(ids)).map((row) => place(row, depthOf));
}
/** In the order of the chunks; a chunk that stands in several files gives its places in order of path. */
export function placesOfChunks(db: IndexDatabase, chunkIds: readonly number[], depthOf: DepthOf): Place[] {
  const sql = `SELECT ${columns} FROM json_each(?) j CROSS JOIN places p ON p.chunk = j.value ${joins} ORDER BY j.key, f.path, p.startLine`;
  return db.all(sql, JSON.stringify(chunkIds)).map((row) => place(row, depthOf));
}
export function placesInLines(db: IndexDatabase, file: number, startLine: number, endLine: number, depthOf: DepthOf): Place[] {
  const sql = `SELECT ${columns} FROM places p ${joins} WHERE p.file = ? AND p.startLine <= ? AND p.endLine >= ? ORDER BY p.startLine, p.id`;
  return db.all(sql, file, Math.min(endLine, 2 ** 31), startLine).map((row) => place(row, depthOf));
}
export function placesDefining(db: IndexDatabase, names: readonly string[], limit: number, depthOf: DepthOf): Place[] {
  const lower = [...new Set(names.map((name) => name.toLowerCase()))];
  const sql = `SELECT ${columns} FROM json_each(?) j CROSS JOIN symbols s ON s.name = j.value CROSS JOIN places p ON p.chunk = s.chunk ${joins} GROUP BY p.id ORDER BY min(j.key), f.path, p.startLine LIMIT ?`;
  return db.all(sql, JSON.stringify(lower), limit).map((row) => place(row, depthOf));
}

/** Symbols of a file's chunks in order; none for an unknown file. */
export function namesInFile(db: IndexDatabase, file: number | undefined): string[] {
  if (file === undefined) return [];
  return db.all(`SELECT ${chunkTexts("symbols")} FROM places p JOIN chunks c ON c.id = p.chunk WHERE p.file = ? ORDER BY p.startLine, p.id`, file).flatMap((row) => listIn(row["symbols"]));
}

/** Chunks that have a place, those of the most recently changed files last, so that the queue is taken from its end. @param most that many of them, the last */
export function chunksRecentLast(db: IndexDatabase, most: number): number[] {
  const queue: number[] = [];
  const sql = "SELECT p.chunk FROM places p JOIN files f ON f.id = p.file ORDER BY f.mtimeMs DESC, f.id DESC, p.id LIMIT ?";
  for (const [chunk] of db.walk(sql, Number.isFinite(most) ? most : -1)) queue.push(chunk as number);
  return queue.reverse();
}

export function filesOfChunk(db: IndexDatabase, chunkId: number): number[] {
  return db.all("SELECT DISTINCT file FROM places WHERE chunk = ?", chunkId).map(({ file }) => file as number);
}

/** Each known chunk with its language, in the order of the ids. */
export function languagesOfChunks(db: IndexDatabase, chunkIds: readonly number[]): (readonly [chunkId: number, lang: string])[] {
  return db.all("SELECT c.id, c.lang FROM json_each(?) j CROSS JOIN chunks c ON c.id = j.value ORDER BY j.key", JSON.stringify(chunkIds)).map((row) => [row["id"] as number, row["lang"] as string] as const);
}

export function codeOfChunks(db: IndexDatabase, chunkIds: readonly number[]): ChunkCode[] {
  return db
    .all(`SELECT c.id, c.kind, ${chunkTexts("text")}, c.lang FROM json_each(?) j CROSS JOIN chunks c ON c.id = j.value ORDER BY j.key`, JSON.stringify(chunkIds))
    .map((row) => ({ chunkId: row["id"] as number, kind: row["kind"] as Place["kind"], text: textIn(row["text"]), lang: row["lang"] as string }));
}

/** Breadcrumb and text of chunks, in the order of the ids. */
export function textsOf(db: IndexDatabase, chunkIds: readonly number[]): ChunkText[] {
  return db
    .all(`SELECT c.id, ${chunkTexts("breadcrumb", "text")} FROM json_each(?) j CROSS JOIN chunks c ON c.id = j.value ORDER BY j.key`, JSON.stringify(chunkIds))
    .map((row) => ({ chunkId: row["id"] as number, breadcrumb: textIn(row["breadcrumb"]), text: textIn(row["text"]) }));
}

function int8(scale: Sql, bytes: Sql): Int8Vector {
  const { buffer, byteOffset, byteLength } = bytes as Uint8Array<ArrayBuffer>;
  return { scale: scale as number, values: new Int8Array(buffer, byteOffset, byteLength) };
}
/** Rows that SQLite strings together into one: a call for each of them costs more than all else about reading it. */
const PAGE = 2048;
/** All vectors of a model at a depth. Those of a page share their memory. Throws damage when they are not `dims` wide. */
export function* vectorsAt(db: IndexDatabase, model: number, depth: Depth, dims: number): Generator<ChunkVector> {
  // What is strung together keeps its bytes in a database of UTF-8, and every column the order of the rows; 17 digits are a double as it was.
  const sql = `SELECT group_concat(chunk) AS chunks, group_concat(printf('%!.17g', scale)) AS scales, CAST(group_concat(q, '') AS BLOB) AS bytes, min(length(q)) AS least, max(length(q)) AS most
    FROM (SELECT chunk, scale, q FROM vectors WHERE model = ? AND depth = ? AND chunk > ? ORDER BY chunk LIMIT ${PAGE})`;
  for (let after = -1; ; ) {
    const { chunks, scales, bytes, least, most } = db.get(sql, model, depthNumber[depth], after) as { chunks: string | null; scales: string; bytes: Uint8Array<ArrayBuffer>; least: number; most: number };
    if (chunks === null) return;
    if (least !== dims || most !== dims) throw notSound(`vectors of ${least} to ${most} dimensions where the model makes ${dims}`);
    const ids = chunks.split(",").map(Number);
    const scale = scales.split(",").map(Number);
    for (const [i, chunkId] of ids.entries()) yield { chunkId, vector: { scale: scale[i]!, values: new Int8Array(bytes.buffer, bytes.byteOffset + i * dims, dims) } };
    after = ids.at(-1)!;
  }
}
export function vectorAt(db: IndexDatabase, model: number, depth: Depth, chunkId: number): Int8Vector | undefined {
  const row = db.get("SELECT scale, q FROM vectors WHERE model = ? AND depth = ? AND chunk = ?", model, depthNumber[depth], chunkId);
  return row && int8(row["scale"]!, row["q"]!);
}
export function deepestVector(db: IndexDatabase, model: number, chunkId: number): { depth: Depth; vector: Int8Vector } | undefined {
  for (const depth of depths.toReversed()) {
    const vector = vectorAt(db, model, depth, chunkId);
    if (vector) return { depth, vector };
  }
  return undefined;
}
