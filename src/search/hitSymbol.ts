// Under which of a chunk's names a hit is shown: small definitions share a chunk, and the first of them need not be what was asked for.
import type { Place } from "../store/store.ts";
import { overlapOf, partialMatch, wordsSaid } from "./features.ts";
import { lastName, type ParsedQuery } from "./query.ts";
import { nameParts } from "./terms.ts";

/** How much of a name's fit is the share of the query that it says; the rest is the share of the name that the query says. */
const queryShare = 0.8;

/**
 * Of a chunk's names the one that fits the query best: what the query writes out before what it writes in part before what shares most of its words, rare
 * words counting more. The first name when none fits better, and for pasted code, whose words are everyone's.
 * @param idf of the query's terms, in their order.
 */
export function fittingSymbol(query: ParsedQuery, idf: readonly number[]): (symbols: readonly string[]) => string {
  const fit = fitness(query, idf);
  return ([first = "", ...others]) => {
    if (others.length === 0 || query.kind === "code") return first;
    let [best, most] = [first, fit(first)];
    for (const symbol of others) {
      const value = fit(symbol);
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

function fitness(query: ParsedQuery, idf: readonly number[]): (symbol: string) => number {
  const written = query.identifiers.map(lastName);
  const said = wordsSaid(query, idf);
  return (symbol) => {
    const { ofQuery, ofName } = overlapOf(nameParts(symbol), said);
    return Math.max(queryShare * ofQuery + (1 - queryShare) * ofName, ...written.map((name) => writtenFit(symbol, name)));
  };
}

/** Above 1, the most that shared words can reach, for a name that the query writes out or that contains or is contained in it. */
function writtenFit(symbol: string, name: string): number {
  if (symbol === name) return 4;
  const [lower, lowerName] = [symbol.toLowerCase(), name.toLowerCase()];
  if (lower === lowerName) return 3;
  const partial = partialMatch(lower, lowerName);
  return partial > 0 ? 1 + partial : 0;
}
