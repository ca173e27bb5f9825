// Code as the query: the selection, the definition at the cursor, or any text. Vectors find the same idea, names and shape find copies.
import { StrataError } from "../base/errors.ts";
import { deepestOf } from "../encoding/encoder.ts";
import type { Signal, SimilarParams } from "../engine/protocol.ts";
import { languagesNamed } from "../indexing/languages.ts";
import { type DenseHit, fileMatcher, type Place } from "../store/store.ts";
import { poolSize } from "./candidates.ts";
import { type CodeToken, jaccard, namesIn, shapeRuns, tokeniseCode } from "./codeTokens.ts";
import { mainSymbol } from "./hitSymbol.ts";
import { likenessTo } from "./likeness.ts";
import { parseFilters } from "./query.ts";
import { inOrder } from "./ranking.ts";
import { emptiedBy, placeToHit, type RankedResult, type SearchDeps } from "./search.ts";
import { analyseQuery } from "./terms.ts";

/** How much shared names, shape and words (BM25 relative to the best) add to the cosine. Small: across languages they say little. */
const namesWeight = 0.1;
const shapeWeight = 0.65;
const wordsWeight = 0.2;
/** BM25 over names, comments and body: the path says nothing about what code is like. */
const fieldWeights: readonly number[] = [1, 1, 0, 1, 1];
/** Distinct terms taken from the code; the store leaves out those that stand nearly everywhere. */
const termLimit = 120;
/** Of a file without a line all is meant, and it may be large; what is compared is its beginning. */
const mostText = 100_000;

interface Source {
  readonly text: string;
  readonly breadcrumb: string;
  readonly lang: string;
  /** Whether a place is (part of) the query itself. */
  readonly isOwn: (place: Place) => boolean;
}

/**
 * Places most like the given code, without the place it was taken from. With `path` and `startLine` but no `endLine`, the query is the definition at that line.
 * @param params `text` is the range's current text, or free-standing code.
 */
export async function findSimilar(deps: SearchDeps, params: Omit<SimilarParams, "depth"> & { readonly text: string }, signal?: AbortSignal): Promise<RankedResult> {
  const filters = parseFilters(params);
  const passes = fileMatcher(filters);
  const source = sourceOf(deps, params);
  if (source.text.trim() === "") throw new StrataError("input.invalid", "There is no code here to look for. Name lines that hold some.");
  const vectors = await deps.encoder?.embedCode({ breadcrumb: source.breadcrumb, text: source.text }, signal);
  signal?.throwIfAborted();
  const { store } = deps;
  const pool = poolSize(params.k);
  const dense = new Map<number, DenseHit>((vectors ? store.searchCode(vectors, source.lang, pool, filters) : []).map((hit) => [hit.chunkId, hit]));
  const lexical = store.searchLexical(termsOf(source.text), [], fieldWeights, pool, filters);
  const words = new Map(lexical.map((hit) => [hit.place, hit.score / Math.max(1e-9, lexical[0]!.score)]));

  const places = new Map<number, Place>();
  for (const place of [...store.placesOf([...dense.keys()]), ...store.places(lexical.map((hit) => hit.place))]) {
    if (passes(place) && !source.isOwn(place)) places.set(place.place, place);
  }
  const missing = [...new Set([...places.values()].map((place) => place.chunkId))].filter((id) => !dense.has(id));
  if (vectors && missing.length > 0) for (const hit of store.scoreCode(vectors, source.lang, missing)) dense.set(hit.chunkId, hit);

  const own = tokeniseCode(source.text, source.lang);
  const [ownNames, ownShape] = [namesIn(own), shapeRuns(own)];
  // A chunk may stand in thousands of places (tables, generated code), and is read once.
  const read = new Map<number, { readonly tokens: readonly CodeToken[]; readonly names: number; readonly shape: number }>();
  const readingOf = (place: Place) => {
    let known = read.get(place.chunkId);
    if (!known) {
      const tokens = tokeniseCode(place.text, place.lang);
      read.set(place.chunkId, (known = { tokens, names: jaccard(ownNames, namesIn(tokens)), shape: jaccard(ownShape, shapeRuns(tokens)) }));
    }
    return known;
  };
  const scored = [...places.values()].map((place) => {
    const { names, shape } = readingOf(place);
    const near = dense.get(place.chunkId);
    const signals: Signal[] = [
      { signal: "dense", value: near?.score ?? 0, contribution: near?.calibrated ?? 0 },
      weighted("shared names", names, namesWeight),
      weighted("shared shape", shape, shapeWeight),
      weighted("shared words", words.get(place.place) ?? 0, wordsWeight),
    ];
    const why = signals.filter((signal) => signal.contribution !== 0).sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
    return { place, depth: near?.depth, score: why.reduce((sum, part) => sum + part.contribution, 0), why };
  });
  scored.sort((a, b) => b.score - a.score || inOrder(a.place, b.place));
  signal?.throwIfAborted();
  const likenessOf = likenessTo(source.text, own);
  return {
    hits: scored.slice(0, params.k).map((item) => {
      const hit = placeToHit(item, mainSymbol(item.place), item.score, item.why);
      const likeness = likenessOf(item.place, readingOf(item.place).tokens, hit);
      return { ...hit, ...(likeness && { likeness }) };
    }),
    depth: deepestOf(scored.map(({ depth }) => depth)),
    emptied: emptiedBy(store, filters),
    ...(params.path !== undefined && params.endLine === undefined && { definition: { text: source.text.slice(0, mostText), lang: source.lang } }),
  };
}

function weighted(signal: string, value: number, weight: number): Signal {
  return { signal, value, contribution: value * weight };
}

function sourceOf(deps: SearchDeps, params: Omit<SimilarParams, "depth"> & { readonly text: string }): Source {
  const { path, startLine, endLine } = params;
  // Editors and agents have their own names for languages.
  const given = params.lang === undefined ? undefined : languagesNamed(params.lang)[0];
  if (path === undefined) return { text: params.text, breadcrumb: "", lang: given ?? "", isOwn: () => false }; // its exact copy is the best answer there is
  const [first, last] = [startLine ?? 1, endLine ?? startLine ?? Number.MAX_SAFE_INTEGER];
  const around = deps.store.placesInFile(path, first, last);
  // An editor's cursor may stand behind all code: what ends last above it is meant.
  const above = around.length > 0 || params.text.trim() !== "" ? [] : deps.store.placesInFile(path, 1, first);
  const end = Math.max(...above.map((place) => place.endLine));
  const at = [...around, ...above.filter((place) => place.endLine === end)];
  // Without an end the cursor's definition is meant: the smallest chunk around the line.
  const definition = startLine !== undefined && endLine === undefined ? at.toSorted((a, b) => a.endLine - a.startLine - (b.endLine - b.startLine))[0] : undefined;
  const [from, to] = definition ? [definition.startLine, definition.endLine] : [first, last];
  return {
    text: definition?.text ?? params.text,
    breadcrumb: (definition ?? at[0])?.breadcrumb ?? "",
    lang: given ?? at[0]?.lang ?? "",
    isOwn: (place) => place.path === path && ((place.startLine <= to && place.endLine >= from) || (definition !== undefined && isSameDefinition(place, definition))),
  };
}

/** Whether two places of one file are pieces of one long definition: its head carries the name, what follows stands inside it and has none. */
function isSameDefinition(a: Place, b: Place): boolean {
  const whole = ({ symbols, breadcrumb }: Place): string => (symbols.length > 0 ? [breadcrumb, symbols[0]].filter((part) => part !== "").join(" > ") : breadcrumb);
  return (a.symbols.length === 0 || b.symbols.length === 0) && whole(a) !== "" && whole(a) === whole(b);
}

/** Terms of the code without single letters; numbers stay, they often survive a translation. */
function termsOf(text: string): string[] {
  return analyseQuery(text.slice(0, 6000))
    .filter((term) => term.length > 1 || /\d/.test(term))
    .slice(0, termLimit);
}
