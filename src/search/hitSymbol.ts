// Under which of a chunk's names a hit is shown: small definitions share a chunk, and the first of them need not be what was asked for.
import { isComment, naming } from "../base/snippet.ts";
import { sum } from "../base/statistics.ts";
import type { Place } from "../store/store.ts";
import { overlapOf, partialMatch, wordsSaid } from "./features.ts";
import { lastName, type ParsedQuery } from "./query.ts";
import { isRelated, relatedTo } from "./relations.ts";
import { analyse, nameParts } from "./terms.ts";

/** How much of a name's fit is the share of the query that it says; the rest is the share of the name that the query says. */
const queryShare = 0.8;
/** What the rows below a name count beside it. */
const rowsShare = 0.5;
/** More than any name can be like the one whose callers or implementers are asked for. */
const relatedFit = 4;

/**
 * Of a chunk's names the one that fits the query best: what the query writes out before what it writes in part before what shares most of its words, rare
 * words counting more. The rows below a name speak for it too: of a file of settings the one that the question describes is shown, and of small functions
 * the one that calls what the question asks the callers of, or extends what it asks the subclasses of. Where the rows above all names do that, as `impl Store for Disk {` above
 * its methods, it is called by what it belongs to. The first name when none fits better, and for pasted code, whose words are everyone's.
 * @param idf of the query's terms, in their order.
 */
export function fittingSymbol(query: ParsedQuery, idf: readonly number[]): (place: Pick<Place, "symbols" | "text" | "lang" | "breadcrumb">) => string {
  const fit = fitness(query, idf);
  const { relation } = query;
  const related = relation && relatedTo(relation);
  const says = (said: string, lang: string) => related !== undefined && isRelated(related({ text: said, symbols: [], lang }));
  return ({ symbols, text, lang, breadcrumb }) => {
    const [first = "", ...others] = symbols;
    const owner = breadcrumb.split(" > ").at(-1)!;
    if (relation?.kind === "implements" && first !== "" && owner !== "") {
      const rows = text.split("\n");
      const above = rows.slice(0, rowOf(first, rows)).join("\n");
      if (above.includes(owner) && says(above, lang)) return owner;
    }
    if (others.length === 0 || query.kind === "code") return first;
    const below = query.kind === "symbol" ? undefined : fitnessBelow(symbols, text, query, idf, (said) => says(said, lang));
    const isAskedAbout = (symbol: string) => lastName(symbol) === relation?.name;
    const isAnswer = symbols.some((symbol, i) => !isAskedAbout(symbol) && (below?.[i] ?? 0) >= relatedFit);
    let [best, most] = [first, -Infinity];
    for (const [i, symbol] of symbols.entries()) {
      const value = isAnswer && isAskedAbout(symbol) ? -relatedFit : fit(symbol) + (below?.[i] ?? 0);
      if (value > most) [best, most] = [symbol, value];
    }
    return best;
  };
}

/** The name that a place has where nobody asked in words: of a function with a constant before it, the function's. */
export function mainSymbol({ kind, symbols, text }: Pick<Place, "kind" | "symbols" | "text">): string {
  const [first = "", ...others] = symbols;
  return (kind === "function" && others.length > 0 && symbols.find((symbol) => opensBrackets(lastName(symbol), text))) || first;
}

/** Whether the name stands before a bracket, and not as what a constant is made by: `const now = Date.now()`, `const id = uuid()`. */
function opensBrackets(name: string, text: string): boolean {
  return text.split("\n").some((line) => {
    const before = line.split(`${name}(`, 2);
    return before.length === 2 && !/=\s*(await\s+|new\s+)?[\p{L}\p{N}_$.]*$|[\p{L}\p{N}_$]$/u.test(before[0]!);
  });
}

/** The line of a place that the name stands in: where whoever reads it wants to go. The first line of a place without a name. */
export function lineOf({ text, startLine, endLine }: Pick<Place, "text" | "startLine" | "endLine">, symbol: string): number {
  return symbol === "" ? startLine : Math.min(endLine, startLine + rowOf(symbol, text.split("\n")));
}

function fitness(query: ParsedQuery, idf: readonly number[]): (symbol: string) => number {
  const written = query.identifiers.map(lastName);
  const said = wordsSaid(query, idf);
  return (symbol) => {
    const { ofQuery, ofName } = overlapOf(nameParts(symbol), said);
    return Math.max(queryShare * ofQuery + (1 - queryShare) * ofName, ...written.map((name) => writtenFit(symbol, name)));
  };
}

/** For each of the names, what the rows between it and the next one say of the query. What stands above the first row that says a name is the first's. */
function fitnessBelow(symbols: readonly string[], text: string, query: ParsedQuery, idf: readonly number[], isRelated: (said: string) => boolean): readonly number[] {
  const rows = text.split("\n");
  const starts = symbols.map((symbol) => rowOf(symbol, rows));
  // Comments and attributes right above a name belong to it.
  const withComment = (row: number, least: number): number => {
    while (row > least && (isComment(rows[row - 1]!) || /^\s*(?:\*|@\w)/.test(rows[row - 1]!))) row--;
    return row;
  };
  const begins = [...new Set(starts)].sort((a, b) => a - b).map((row, i, all) => ({ row, from: i === 0 ? 0 : withComment(row, all[i - 1]! + 1) }));
  const total = sum(idf);
  const worth = new Map(
    begins.map(({ row, from }, i) => {
      const said = rows.slice(from, begins[i + 1]?.from).join("\n");
      const terms = new Set(analyse(said));
      const share = total === 0 ? 0 : sum(query.terms.map((term, at) => (terms.has(term) ? idf[at]! : 0))) / total;
      return [row, rowsShare * share + (isRelated(said) ? relatedFit : 0)] as const;
    }),
  );
  return starts.map((row) => worth.get(row)!);
}

/** What stands in front of a name that is defined. Of many languages: the scanner that read a language by its own habits has no trees, and a chunk does not tell which row its names came from. */
const defining =
  /\b(?:function\*?|def\w*|defun|fn|func|fun|sub|proc|method|class|struct|interface|enum|trait|record|object|type|using|module|namespace|const|let|var|val|local|static|table|view|index|procedure|trigger|resource|data|variable|output|rule|message|service)\s+(?:\([^()]{0,200}\)\s+|[\w."']+\s+)?["'`]?(?:[\w.]+[.:])?$|^\s*-(?:define|record)\(\s*'?$/;
const typedef = /\btypedef\s[^;]*$/;

/** What stands in front of a name that is called or taken, and not defined; so is that of `other.close();`. */
const inUse = /[=(]|(?<![\p{L}\p{N}_])(?:return|if|else|new|await|throw|using|delete|yield)(?![\p{L}\p{N}_])/u;

const [endOfWord, startOfWord] = [/[\p{L}\p{N}_]$/u, /^[\p{L}\p{N}_]/u];
/** Of a row so much is read. */
const columnsRead = 300;

/**
 * The row (from 0) that a name stands in as what is defined; else of those that say it the one that is furthest to the left: a function may be called in
 * front of where it stands. Patterns are for all names, because one that holds a name is compiled for it, and takes longer to than all else about a hit.
 */
function rowOf(symbol: string, rows: readonly string[]): number {
  // Of `operator->` and `build/` nothing would be left; `this.#open()`, with a dot, does not define `#open`.
  const name = symbol.startsWith("#") || lastName(symbol) === "" ? symbol : lastName(symbol);
  const isDefined = (before: string, behind: string) => (defining.test(before) && !startOfWord.test(behind)) || (typedef.test(before) && !endOfWord.test(before) && /^\s*;/.test(behind));
  const at = rows.findIndex((row) => columnWhere(row, name, isDefined) >= 0 && !isComment(row, symbol));
  if (at >= 0) return at;
  const isNamed = naming(symbol);
  // Nor does `operator<<` say `operator<`.
  const goesOn = endOfWord.test(name) ? startOfWord : /^[\p{L}\p{N}_<>=&|+*-]/u;
  const isSaid = (before: string, behind: string) => !endOfWord.test(before) && !(name.startsWith("#") && before.endsWith(".")) && !goesOn.test(behind);
  const saying = rows.flatMap((row, at) => {
    const column = columnWhere(row, name, isSaid);
    return (column < 0 ? isNamed(row) : !isComment(row, symbol)) ? [{ at, indent: row.search(/\S/), column }] : [];
  });
  const isUsed = (row: string, column: number) => inUse.test(row.slice(0, column)) || (/(?:\.|->|::)$/.test(row.slice(0, column)) && /\)\s*;\s*$/.test(row));
  const left = saying.filter(({ at, column }) => column >= 0 && !isUsed(rows[at]!, column));
  return left.length === 0 ? (saying[0]?.at ?? 0) : left.reduce((best, one) => (one.indent < best.indent ? one : best)).at;
}

/** The first column at which a row says a name between a text before and one behind it that `fits`; -1 where there is none. */
function columnWhere(row: string, name: string, fits: (before: string, behind: string) => boolean): number {
  const read = row.slice(0, columnsRead);
  for (let at = read.indexOf(name); at >= 0 && at < read.length; at = read.indexOf(name, at + 1)) if (fits(read.slice(0, at), read.slice(at + name.length))) return at;
  return -1;
}

/** Above 1, the most that shared words can reach, for a name that the query writes out or that contains or is contained in it. */
function writtenFit(symbol: string, name: string): number {
  if (symbol === name) return 4;
  const [lower, lowerName] = [symbol.toLowerCase(), name.toLowerCase()];
  if (lower === lowerName) return 3;
  const partial = partialMatch(lower, lowerName);
  return partial > 0 ? 1 + partial : 0;
}
