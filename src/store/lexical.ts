// The lexical index: one FTS5 row per place, five fields, already analysed. BM25 over all fields comes from FTS5; BM25 per field of a few places
// is computed here, because FTS5 would walk the whole posting lists again for each place.
import type { LexicalField, LexicalHit } from "./store.ts";
import type { IndexDatabase, Row } from "./database.ts";

/** FTS5's own constants, used for the per-field scores too so that both speak of the same BM25. */
const K1 = 1.2;
const B = 0.75;

/** Fields in FTS column order. */
export function fieldColumns(terms: Readonly<Record<LexicalField, string>>): [string, string, string, string, string] {
  return [terms.symbol, terms.breadcrumb, terms.path, terms.doc, terms.body];
}
/** What is analysed for each field, in column order, from a row of chunks. The parse workers do the same with fresh chunks. */
export function fieldTexts(row: Row, path: string): [string, string, string, string, string] {
  return [(JSON.parse(row["symbols"] as string) as string[]).join(" "), row["breadcrumb"] as string, path, row["doc"] as string, row["text"] as string];
}
export function countTerms(joined: string): number {
  if (joined === "") return 0;
  let terms = 1;
  for (let i = joined.indexOf(" "); i >= 0; i = joined.indexOf(" ", i + 1)) terms++;
  return terms;
}

const quoted = (term: string): string => `"${term.replaceAll('"', '""')}"`;

/**
 * Postings that one query walks at most: FTS5 scores about 1,500 matching places a millisecond, and a term that is everywhere says nothing. Small
 * indexes never reach it.
 */
const POSTINGS = 25_000;

/** In how many places each term stands, kept until the index has grown or shrunk noticeably: a frequent term takes a millisecond to count. */
export class DocumentFrequencies {
  readonly #counts = new Map<string, number>();
  #places = 0;

  of(db: IndexDatabase, term: string, places: number): number {
    if (Math.abs(this.#places - places) > this.#places / 50 || this.#counts.size > 10_000) {
      this.#counts.clear();
      this.#places = places;
    }
    let count = this.#counts.get(term);
    if (count === undefined) {
      count = (db.get("SELECT doc FROM lexiconTerms WHERE term = ?", term)?.["doc"] as number | undefined) ?? 0;
      this.#counts.set(term, count);
    }
    return count;
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

export interface LexicalQuery {
  /** Only those worth matching: see `tellingTerms`. */
  readonly terms: readonly string[];
  readonly phrases: readonly string[];
  readonly weights: readonly number[];
  readonly limit: number;
  /** Ids of the files that may answer; absent when all may. */
  readonly files?: readonly number[];
}

/** Places with at least one term (and every phrase in their text, ignoring case), best BM25 first. */
export function searchLexical(db: IndexDatabase, { terms, phrases, weights, limit, files }: LexicalQuery): LexicalHit[] {
  if (limit <= 0) return [];
  const hits: LexicalHit[] = [];
  if (terms.length > 0) {
    const onlyFiles = files ? "AND (SELECT file FROM places WHERE id = lexicon.rowid) IN (SELECT value FROM json_each(?))" : "";
    const sql = `SELECT r.place, p.chunk, r.score ${phrases.length > 0 ? ", c.text" : ""}
      FROM (SELECT rowid AS place, bm25(lexicon, ?, ?, ?, ?, ?) AS score FROM lexicon WHERE lexicon MATCH ? ${onlyFiles} ORDER BY score LIMIT ?) r
      CROSS JOIN places p ON p.id = r.place ${phrases.length > 0 ? "CROSS JOIN chunks c ON c.id = p.chunk" : ""} ORDER BY r.score, r.place`;
    const match = terms.map(quoted).join(" OR ");
    // Phrases are checked while walking down the list, so its length is not known beforehand.
    const values = [...padded(weights), match, ...(files ? [JSON.stringify(files)] : []), phrases.length > 0 ? -1 : limit];
    for (const [place, chunk, score, text] of db.walk(sql, ...values)) {
      if (phrases.length > 0 && !containsAll(text as string, phrases)) continue;
      hits.push({ place: place as number, chunkId: chunk as number, score: -(score as number) });
      if (hits.length === limit) break;
    }
  }
  if (hits.length > 0 || phrases.length === 0) return hits;
  return searchVerbatim(db, phrases, limit, files);
}

/** Quoted text that shares no term with the index (operators, parts of words): a scan of the texts. All hits score alike. */
function searchVerbatim(db: IndexDatabase, phrases: readonly string[], limit: number, files: readonly number[] | undefined): LexicalHit[] {
  const conditions = phrases.map(() => "c.text LIKE ? ESCAPE '\\'");
  if (files) conditions.push("p.file IN (SELECT value FROM json_each(?))");
  const sql = `SELECT p.id, p.chunk FROM chunks c JOIN places p ON p.chunk = c.id WHERE ${conditions.join(" AND ")} LIMIT ?`;
  const patterns = phrases.map((phrase) => `%${phrase.replace(/[\\%_]/g, "\\$&")}%`);
  return db.all(sql, ...patterns, ...(files ? [JSON.stringify(files)] : []), limit).map((row) => ({ place: row["id"] as number, chunkId: row["chunk"] as number, score: 1 }));
}

function containsAll(text: string, phrases: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return phrases.every((phrase) => lower.includes(phrase.toLowerCase()));
}
function padded(weights: readonly number[]): number[] {
  return [0, 1, 2, 3, 4].map((i) => weights[i] ?? 1);
}

/** Mean number of terms per field, over all places. */
export function meanLengths(db: IndexDatabase): number[] {
  const row = db.get("SELECT avg(nSymbol) AS a, avg(nBreadcrumb) AS b, avg(nPath) AS c, avg(nDoc) AS d, avg(nBody) AS e FROM places")!;
  return ["a", "b", "c", "d", "e"].map((name) => Math.max(Number(row[name] ?? 0), 0.1));
}

/**
 * BM25 of each field by itself for these places: `[symbol, breadcrumb, path, doc, body]`. Document frequencies are FTS5's (a place counts once,
 * in whichever field the term stands).
 */
export function fieldScores(
  db: IndexDatabase,
  terms: readonly string[],
  places: readonly number[],
  analyse: (text: string) => string,
  total: number,
  frequency: (term: string) => number,
  means: readonly number[],
): Map<number, readonly number[]> {
  const weightOf = new Map<string, number>();
  for (const term of new Set(terms)) {
    const found = frequency(term);
    weightOf.set(term, Math.max(Math.log((total - found + 0.5) / (found + 0.5)), 1e-6));
  }
  const rows = db.all(
    "SELECT p.id, f.path, c.symbols, c.breadcrumb, c.doc, c.text FROM json_each(?) j CROSS JOIN places p ON p.id = j.value JOIN files f ON f.id = p.file JOIN chunks c ON c.id = p.chunk",
    JSON.stringify(places),
  );
  const scores = new Map<number, readonly number[]>();
  for (const row of rows) {
    scores.set(row["id"] as number, fieldTexts(row, row["path"] as string).map((text, field) => bm25(analyse(text), weightOf, means[field]!)));
  }
  return scores;
}

function bm25(joined: string, weightOf: ReadonlyMap<string, number>, meanLength: number): number {
  if (joined === "") return 0;
  const counts = new Map<string, number>();
  let length = 0;
  for (const term of joined.split(" ")) {
    length++;
    if (weightOf.has(term)) counts.set(term, (counts.get(term) ?? 0) + 1);
  }
  let score = 0;
  for (const [term, n] of counts) score += (weightOf.get(term)! * n * (K1 + 1)) / (n + K1 * (1 - B + (B * length) / meanLength));
  return score;
}

/** Makes some of the lexical index again from the stored texts: places with an id above `after`, at most `limit`. Returns the last id done. Inside a transaction. */
export function reanalyse(db: IndexDatabase, analyse: (text: string) => string, after: number, limit: number): number | undefined {
  const rows = db.all(
    "SELECT p.id, f.path, c.symbols, c.breadcrumb, c.doc, c.text FROM places p JOIN files f ON f.id = p.file JOIN chunks c ON c.id = p.chunk WHERE p.id > ? ORDER BY p.id LIMIT ?",
    after, limit,
  );
  for (const row of rows) {
    const fields = fieldTexts(row, row["path"] as string).map(analyse);
    db.run("INSERT INTO lexicon (rowid, symbol, breadcrumb, path, doc, body) VALUES (?, ?, ?, ?, ?, ?)", row["id"]!, ...fields);
    db.run("UPDATE places SET nSymbol = ?, nBreadcrumb = ?, nPath = ?, nDoc = ?, nBody = ? WHERE id = ?", ...fields.map(countTerms), row["id"]!);
  }
  return rows.at(-1)?.["id"] as number | undefined;
}

