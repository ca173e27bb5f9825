// The lexical index: one FTS5 row per place, five fields, already analysed. BM25 over all fields comes from FTS5; BM25 per field of a few places
// is computed here, because FTS5 would walk the whole posting lists again for each place.
import { sum } from "../base/statistics.ts";
import type { LexicalHit, TermPlaces } from "./records.ts";
import { chunkTexts, type IndexDatabase, listIn, notSound, type Row, textIn } from "./database.ts";

/** FTS5's own constants, used for the per-field scores too so that both speak of the same BM25. */
const K1 = 1.2;
const B = 0.75;

/** What is analysed for each field, in column order, from a row of chunks. The parse workers do the same with fresh chunks. */
function fieldTexts(row: Row, path: string): string[] {
  return [listIn(row["symbols"]).join(" "), textIn(row["breadcrumb"]), path, textIn(row["doc"]), textIn(row["text"])];
}
export function countTerms(joined: string): number {
  if (joined === "") return 0;
  let terms = 1;
  for (let i = joined.indexOf(" "); i >= 0; i = joined.indexOf(" ", i + 1)) terms++;
  return terms;
}

const quoted = (term: string): string => `"${term.replaceAll('"', '""')}"`;

/**
 * Places that FTS5 matches and scores for one query at most: it takes a millisecond for 500 to 1,500 of them, and a term that is everywhere finds
 * nothing. It still counts where the rarer ones are found (`rescored`). Small indexes never reach it.
 */
const POSTINGS = 8_000;
/** Places of a term from which on their number is remembered while the index changes. */
const KEPT_FROM = 500;

/**
 * In how many places each term stands; each question asks several times. What takes long to count, the frequent ones, is kept until the index has grown or
 * shrunk noticeably, the rest until it changes at all: a word that nobody had written yet must be found as soon as somebody has.
 */
export class DocumentFrequencies {
  readonly #counts = new Map<string, { readonly count: number; readonly revision: number }>();
  readonly #terms = new Map<string, readonly TermPlaces[]>();
  #places = 0;

  of(db: IndexDatabase, term: string, places: number, revision: number): number {
    this.#forget(places);
    const known = this.#counts.get(term);
    if (known && (known.revision === revision || known.count >= KEPT_FROM)) return known.count;
    const count = (db.get("SELECT doc FROM lexiconTerms WHERE term = ?", term)?.["doc"] as number | undefined) ?? 0;
    this.#counts.set(term, { count, revision });
    return count;
  }

  /**
   * Terms of `least` to `most` letters that begin with `start`, and in how many places each stood when their first letter was last asked for: counting
   * them anew takes 40 ms a letter in an index of 44,000 chunks.
   */
  termsLike(db: IndexDatabase, start: string, least: number, most: number, places: number): readonly TermPlaces[] {
    this.#forget(places);
    const letter = start[0] ?? "";
    let terms = this.#terms.get(letter);
    if (!terms) {
      const after = String.fromCharCode(letter.charCodeAt(0) + 1);
      terms = Array.from(db.walk("SELECT term, doc FROM lexiconTerms WHERE term >= ? AND term < ?", letter, after), ([term, count]) => ({ term: term as string, places: count as number }));
      this.#terms.set(letter, terms);
    }
    return terms.filter(({ term }) => term.length >= least && term.length <= most && term.startsWith(start));
  }

  #forget(places: number): void {
    if (Math.abs(this.#places - places) <= this.#places / 50 && this.#counts.size <= 10_000) return;
    this.#counts.clear();
    this.#terms.clear();
    this.#places = places;
  }
}

/**
 * The terms worth matching, rarest first: those that FTS5 gives no weight anyway (in more than half of all places) are left out, and the most frequent
 * ones when the postings of the rarer ones fill the budget.
 */
export function tellingTerms(terms: readonly string[], places: number, frequency: (term: string) => number): string[] {
  const counted = [...new Set(terms)].map((term) => ({ term, count: frequency(term) })).filter(({ count }) => count > 0).sort((a, b) => a.count - b.count);
  const kept: string[] = [];
  let postings = 0;
  for (const { term, count } of counted) {
    postings += count;
    if (kept.length > 0 && (count > places / 2 || postings > POSTINGS)) break;
    kept.push(term);
  }
  return kept;
}

interface LexicalQuery {
  /** Only those worth matching: see `tellingTerms`. */
  readonly terms: readonly string[];
  readonly phrases: readonly string[];
  /** One for each field, in column order. */
  readonly weights: readonly number[];
  readonly limit: number;
  /** Ids of the files that may answer; absent when all may. */
  readonly files?: readonly number[] | undefined;
}

/** Places with at least one term (and every phrase in their text, ignoring case), best BM25 first. */
export function searchLexical(db: IndexDatabase, { terms, phrases, weights, limit, files }: LexicalQuery): LexicalHit[] {
  if (terms.length === 0 || limit <= 0) return [];
  const onlyFiles = files ? "AND (SELECT file FROM places WHERE id = lexicon.rowid) IN (SELECT value FROM json_each(?))" : "";
  const sql = `SELECT r.place, p.chunk, r.score ${phrases.length > 0 ? `, ${chunkTexts("text")}` : ""}
    FROM (SELECT rowid AS place, bm25(lexicon, ?, ?, ?, ?, ?) AS score FROM lexicon WHERE lexicon MATCH ? ${onlyFiles} ORDER BY score LIMIT ?) r
    CROSS JOIN places p ON p.id = r.place ${phrases.length > 0 ? "CROSS JOIN chunks c ON c.id = p.chunk" : ""} ORDER BY r.score, r.place`;
  const match = terms.map(quoted).join(" OR ");
  // Phrases are checked while walking down the list, so its length is not known beforehand.
  const values = [...weights, match, ...(files ? [JSON.stringify(files)] : []), phrases.length > 0 ? -1 : limit];
  const hits: LexicalHit[] = [];
  for (const [place, chunk, score, text] of db.walk(sql, ...values)) {
    if (phrases.length > 0 && !containsAll(textIn(text), phrases)) continue;
    hits.push({ place: place as number, chunkId: chunk as number, score: -(score as number) });
    if (hits.length === limit) break;
  }
  return hits;
}

/** LIKE ignores the case of ASCII as lower() does, in half the time; but it ends at a zero, and a long pattern is an error. */
const isLikeable = (phrase: string): boolean => phrase.length <= 1_000 && !phrase.includes("\0");

/** Chunks whose texts are scanned at once: some 10 ms. */
const SCANNED = 5_000;

/**
 * Quoted text that shares no term with the index (operators, parts of words): a scan of the texts, slice after slice, because it takes a second for a
 * million chunks. All hits score alike.
 */
export function* searchVerbatim(db: IndexDatabase, { phrases, limit, files }: Pick<LexicalQuery, "phrases" | "limit" | "files">): Generator<readonly LexicalHit[]> {
  const conditions: string[] = phrases.map((phrase) => (isLikeable(phrase) ? "c.text LIKE ? ESCAPE '\\'" : "instr(lower(c.text), lower(?)) > 0"));
  if (files) conditions.push("p.file IN (SELECT value FROM json_each(?))");
  const sql = `SELECT p.id, p.chunk FROM chunks c JOIN places p ON p.chunk = c.id WHERE c.id > ? AND c.id <= ? AND ${conditions.join(" AND ")} LIMIT ?`;
  const values = [...phrases.map((phrase) => (isLikeable(phrase) ? `%${phrase.replace(/[\\%_]/g, "\\$&")}%` : phrase)), ...(files ? [JSON.stringify(files)] : [])];
  const last = (db.get("SELECT max(id) AS last FROM chunks")!["last"] ?? 0) as number;
  let wanted = limit;
  for (let from = 0; from < last && wanted > 0; from += SCANNED) {
    const hits = db.all(sql, from, from + SCANNED, ...values, wanted).map((row) => ({ place: row["id"] as number, chunkId: row["chunk"] as number, score: 1 }));
    wanted -= hits.length;
    yield hits;
  }
}

function containsAll(text: string, phrases: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return phrases.every((phrase) => lower.includes(phrase.toLowerCase()));
}

/** Mean number of terms per field, over all places. */
export function meanLengths(db: IndexDatabase): number[] {
  const row = db.get("SELECT avg(nSymbol) AS a, avg(nBreadcrumb) AS b, avg(nPath) AS c, avg(nDoc) AS d, avg(nBody) AS e FROM places")!;
  return ["a", "b", "c", "d", "e"].map((name) => Math.max(Number(row[name] ?? 0), 0.1));
}

/** Places that may leave the totals wrong; in a small index none, because counting it anew takes no time. */
const totalsDrift = (places: number): number => (places < 10_000 ? 0 : places / 100);

/**
 * FTS5 (3.53) weighs terms and lengths by how many rows and terms it holds, and in a table without content it does not take off what is deleted: with
 * every edit the scores would move away from those of an index made anew. Puts that right. Not inside a transaction: FTS5 keeps the totals until its end.
 * @param places how many there are
 */
export function correctTotals(db: IndexDatabase, places: number): void {
  const block = db.get("SELECT block FROM lexicon_data WHERE id = 1")?.["block"];
  if (!(block instanceof Uint8Array) || Math.abs(firstVarint(block) - places) <= totalsDrift(places)) return;
  const row = db.get("SELECT count(*) AS n, sum(nSymbol) AS a, sum(nBreadcrumb) AS b, sum(nPath) AS c, sum(nDoc) AS d, sum(nBody) AS e FROM places")!;
  db.writeBehindFts("UPDATE lexicon_data SET block = ? WHERE id = 1", Uint8Array.from(["n", "a", "b", "c", "d", "e"].flatMap((name) => varint(Number(row[name] ?? 0)))));
}

/** As SQLite writes numbers of up to 56 bits: seven bits in a byte, the high ones first, every byte but the last marked. */
function varint(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift((rest % 128) | 128);
  return bytes;
}
function firstVarint(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) {
    value = value * 128 + (byte & 127);
    if (byte < 128) break;
  }
  return value;
}

/** Bits of one entry of a term list: hash of the term, field, count. */
const FIELD_BITS = 3;
const COUNT_BITS = 5;
const MOST = (1 << COUNT_BITS) - 1;

const FNV_START = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const SPACE = 32;

/** FNV-1a, its upper 24 bits: with a hundred terms in a place and ten in a query, one pair in 17,000 places collides. */
function termHash(term: string): number {
  let hash = FNV_START;
  for (let i = 0; i < term.length; i++) hash = Math.imul(hash ^ term.charCodeAt(i), FNV_PRIME);
  return hash >>> 8;
}

/**
 * The terms of a place field by field, for scoring it by itself: FTS5 goes from terms to places only, and analysing the texts again took 20 ms for
 * 100 places. Little-endian uint32 entries.
 */
export function termList(fields: readonly string[]): Uint8Array {
  const heads: number[] = [];
  for (const [field, joined] of fields.entries()) {
    if (joined === "") continue;
    // The hash of termHash, term after term without cutting the string: this runs for every place that is put.
    let hash = FNV_START;
    for (let i = 0; i <= joined.length; i++) {
      const code = i < joined.length ? joined.charCodeAt(i) : SPACE;
      if (code !== SPACE) hash = Math.imul(hash ^ code, FNV_PRIME);
      else {
        heads.push((((hash >>> 8) << FIELD_BITS) | field) >>> 0);
        hash = FNV_START;
      }
    }
  }
  const sorted = Uint32Array.from(heads).sort();
  const entries = new Uint32Array(sorted.length);
  let length = 0;
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    while (to < sorted.length && sorted[to] === sorted[from]) to++;
    entries[length++] = ((sorted[from]! << COUNT_BITS) | Math.min(to - from, MOST)) >>> 0;
  }
  // Never an empty buffer: Node 22 would store NULL in its place, which the table refuses.
  const view = new DataView(new ArrayBuffer(Math.max(1, length) * 4));
  for (let i = 0; i < length; i++) view.setUint32(i * 4, entries[i]!, true);
  return new Uint8Array(view.buffer, 0, length * 4);
}

/** What one occurrence of a term is worth: FTS5's inverse document frequency. A remembered frequency may be above the total when places have gone since. */
export function inverseFrequency(found: number, total: number): number {
  return Math.max(Math.log((Math.max(total - found, 0) + 0.5) / (found + 0.5)), 1e-6);
}

/** How well one place matches a query, taken apart. */
export interface LexicalMatch {
  /** BM25 of each field by itself: `[symbol, breadcrumb, path, doc, body]`. */
  readonly fields: readonly number[];
  /** BM25 of each query term by itself, all fields together, in the order of the query's terms. */
  readonly terms: readonly number[];
}

/** What the index knows of all places, in the order of the terms and of the fields. */
export interface LexicalStatistics {
  readonly idf: readonly number[];
  readonly meanLengths: readonly number[];
}

/**
 * BM25 of these places per field and per term. Document frequencies are FTS5's (a place counts once, in whichever field the term stands).
 * @param terms each once
 */
export function lexicalMatches(db: IndexDatabase, terms: readonly string[], places: readonly number[], { idf, meanLengths }: LexicalStatistics): Map<number, LexicalMatch> {
  const matches = new Map<number, LexicalMatch>();
  for (const { place, lengths, found } of occurrences(db, terms, places)) {
    const match = { fields: [0, 0, 0, 0, 0], terms: terms.map(() => 0) };
    for (const { term, field, count } of found) {
      const score = idf[term]! * saturated(count, lengths[field]! / meanLengths[field]!);
      match.fields[field]! += score;
      match.terms[term]! += score;
    }
    matches.set(place, match);
  }
  return matches;
}

/** The same hits by BM25 over all fields and these terms, as FTS5 would score them if it had matched each term; best first. */
export function rescored(db: IndexDatabase, hits: readonly LexicalHit[], terms: readonly string[], weights: readonly number[], { idf, meanLengths }: LexicalStatistics): LexicalHit[] {
  const meanLength = sum(meanLengths);
  const scores = new Map<number, number>();
  for (const { place, lengths, found } of occurrences(db, terms, hits.map((hit) => hit.place))) {
    const weighted = terms.map(() => 0);
    for (const { term, field, count } of found) weighted[term]! += count * weights[field]!;
    const length = sum(lengths) / meanLength;
    scores.set(place, sum(weighted.map((count, term) => idf[term]! * saturated(count, length))));
  }
  return hits.map((hit) => ({ ...hit, score: scores.get(hit.place) ?? hit.score })).sort((a, b) => b.score - a.score || a.place - b.place);
}

/** BM25's reading of a count, @param length in mean lengths. */
function saturated(count: number, length: number): number {
  return (count * (K1 + 1)) / (count + K1 * (1 - B + B * length));
}

interface Occurrences {
  readonly place: number;
  /** Terms per field. */
  readonly lengths: readonly number[];
  /** Indexes of terms and fields. */
  readonly found: readonly { readonly term: number; readonly field: number; readonly count: number }[];
}

/** Where and how often these terms stand in these places. */
function* occurrences(db: IndexDatabase, terms: readonly string[], places: readonly number[]): Generator<Occurrences> {
  const indexOf = new Map(terms.map((term, i) => [termHash(term), i]));
  const sql = "SELECT p.id, p.nSymbol, p.nBreadcrumb, p.nPath, p.nDoc, p.nBody, t.terms FROM json_each(?) j CROSS JOIN places p ON p.id = j.value JOIN placeTerms t ON t.place = p.id";
  for (const [place, ...columns] of db.walk(sql, JSON.stringify(places))) {
    const list = columns[5];
    if (!(list instanceof Uint8Array) || list.length % 4 !== 0) throw notSound(`the terms of place ${String(place)}`);
    const { buffer, byteOffset, byteLength } = list;
    const view = new DataView(buffer, byteOffset, byteLength);
    const found: { term: number; field: number; count: number }[] = [];
    for (let at = 0; at < byteLength; at += 4) {
      const entry = view.getUint32(at, true);
      const term = indexOf.get(entry >>> (FIELD_BITS + COUNT_BITS));
      if (term !== undefined) found.push({ term, field: (entry >>> COUNT_BITS) & ((1 << FIELD_BITS) - 1), count: entry & MOST });
    }
    yield { place: place as number, lengths: columns.slice(0, 5) as number[], found };
  }
}

/** Adds the lexical entries of a place; the lengths of its fields are in its own row. Inside a transaction. */
export function insertTerms(db: IndexDatabase, place: number, fields: readonly string[]): void {
  db.run("INSERT INTO lexicon (rowid, symbol, breadcrumb, path, doc, body) VALUES (?, ?, ?, ?, ?, ?)", place, ...fields);
  db.run("INSERT INTO placeTerms (place, terms) VALUES (?, ?)", place, termList(fields));
}
/** The same for a place that stays under its id, its row included. */
function replaceTerms(db: IndexDatabase, place: number, fields: readonly string[]): void {
  deleteTerms(db, place);
  insertTerms(db, place, fields);
  db.run("UPDATE places SET nSymbol = ?, nBreadcrumb = ?, nPath = ?, nDoc = ?, nBody = ? WHERE id = ?", ...fields.map(countTerms), place);
}
export function deleteTerms(db: IndexDatabase, place: number): void {
  db.run("DELETE FROM lexicon WHERE rowid = ?", place);
  db.run("DELETE FROM placeTerms WHERE place = ?", place);
}

/** Makes some of the lexical index again from the stored texts: places with an id above `after`, at most `limit`. Returns the last id done. Inside a transaction. */
export function reanalyse(db: IndexDatabase, analyse: (text: string) => string, after: number, limit: number): number | undefined {
  const rows = db.all(
    `SELECT p.id, f.path, ${chunkTexts("symbols", "breadcrumb", "doc", "text")} FROM places p JOIN files f ON f.id = p.file JOIN chunks c ON c.id = p.chunk WHERE p.id > ? ORDER BY p.id LIMIT ?`,
    after, limit,
  );
  for (const row of rows) replaceTerms(db, row["id"] as number, fieldTexts(row, row["path"] as string).map(analyse));
  return rows.at(-1)?.["id"] as number | undefined;
}
