// Words of a question that nothing in the index says, read as the word that was meant: `HttpClinet` and `HttpCli` find `HttpClient`. Vectors forgive a
// wrong letter in a sentence; names and BM25 do not. A right word that is absent is worse off when it is read as another, so most strange words stay.
import { isStopWord } from "../base/queryWords.ts";
import { asRead, type Respelling } from "../base/remarks.ts";
import { sum } from "../base/statistics.ts";
import type { TermPlaces } from "../store/store.ts";
import { bm25FieldWeights, readQuery, type SearchStore } from "./candidates.ts";
import type { ParsedQuery } from "./query.ts";
import { asksForRelation } from "./relations.ts";
import { splitIdentifier, stem, wordsIn } from "./terms.ts";

export type Vocabulary = Pick<SearchStore, "placesSaying" | "termsLike" | "searchLexical" | "places" | "definitions" | "coverage">;

/** Shorter names may go on to anything. */
const leastOfName = 4;
/** Shorter words are abbreviations, each of which is a letter from many others. From this length on two letters may be swapped. */
const leastLetters = 5;
/** From this length on a letter may be missing or too many, or the first two swapped: `csrf` and `kafka` are nobody's slip. And a plain word may begin a name of several parts. */
const lettersForOther = 6;
/** From this length on a letter may be wrong: `semver` is not `server`. And a plain word may be a name of several parts. */
const lettersForWrong = 8;
/** From this length on there may be two slips. */
const lettersForTwo = 10;
/** A stem of this length may have a slip whatever ending stands behind it. */
const lettersOfStem = 7;
/** Longer words and terms are data. */
const longestTerm = 60;
/** Who mistypes more than this has written another language; and each takes a look through the index's terms. */
const mostSlips = 3;
/** Places in which somebody's way of writing a term is looked for. */
const placesRead = 3;
/** Endings with which a vocabulary may know a word that it does not know bare. */
const endings = ["", "e", "s", "d", "ed", "ing", "ion"];

export interface Reader {
  /** Whether many people write the word, lower-cased. */
  readonly isWord: (word: string) => boolean;
  /** The query comes from a box in which somebody types: its last word may be unfinished. */
  readonly isTyping: boolean;
}

/**
 * The query with its misspelt and unfinished words replaced. Such is a word when no text of the index has it, `isWord` knows no form of it, and some word of
 * the index goes on from it or is a slip away. Pasted code, messages, filters and quoted text stay as they are, and so does a query most of whose words
 * are unknown.
 * @param raw what `query` was parsed from
 */
export function respelt(raw: string, query: ParsedQuery, store: Vocabulary, { isWord, isTyping }: Reader): { readonly query: ParsedQuery; readonly respellings: readonly Respelling[] } {
  const asTyped = { query, respellings: [] };
  if (query.kind !== "prose" && query.kind !== "symbol") return asTyped;
  const given = new Set([...query.phrases, ...query.symbolFilter].flatMap((text) => [...wordsIn(text)]));
  const words = [...wordsIn(query.text)].filter((word) => !given.has(word) && !isStopWord(word) && !(query.relation && asksForRelation(word)));
  const strange = words
    .filter((word) => word.length <= longestTerm && word.toLowerCase().length === word.length)
    .map((word) => ({ typed: word, parts: strangeParts(word, store, isWord) }))
    .filter(({ typed, parts }) => parts.length > 0 || isUnfinishedName(typed, store));
  const looks = sum(strange.map(({ parts }) => Math.max(1, parts.length)));
  if (looks === 0 || looks > mostSlips || (words.length > 1 && strange.length > words.length / 2)) return asTyped;
  const respellings = strange.flatMap(({ typed, parts }): Respelling[] => {
    const read = reading(typed, parts, store, isTyping && query.text.endsWith(typed));
    return read === undefined ? [] : [{ typed, read }];
  });
  return respellings.length === 0 ? asTyped : { query: readQuery(store, asRead(raw, { respellings })), respellings };
}

/** `ResponseWri`: each part may be a word, the name is none. */
function isUnfinishedName(word: string, store: Vocabulary): boolean {
  const parts = splitIdentifier(word);
  return parts.length > 1 && store.placesSaying(stem(parts.join(""))) === 0 && completions(parts.join(""), store).length > 0;
}

function strangeParts(word: string, store: Vocabulary, isWord: (word: string) => boolean): string[] {
  return splitIdentifier(word).filter((part) => {
    if (part.length < leastLetters || !/^[a-z]+$/.test(part) || store.placesSaying(stem(part)) > 0) return false;
    return !isWord(part) && !endings.some((ending) => isWord(stem(part) + ending));
  });
}

/** A name as a whole if one like it stands somewhere, else with those of its strange parts replaced that are like something; undefined when none is. */
function reading(typed: string, strange: readonly string[], store: Vocabulary, isTyping: boolean): string | undefined {
  if (splitIdentifier(typed).length > 1) {
    const whole = meantBy(typed, store, true);
    if (whole !== undefined) return whole;
  }
  let read = typed;
  for (const part of strange) {
    const at = read.toLowerCase().indexOf(part);
    const written = read.slice(at, at + part.length);
    const meant = meantBy(part, store, isTyping && typed.endsWith(written));
    if (meant !== undefined) read = read.slice(0, at) + inCaseOf(written, meant) + read.slice(at + part.length);
  }
  return read === typed ? undefined : read;
}

function inCaseOf(written: string, word: string): string {
  if (written === written.toLowerCase()) return word;
  return written === written.toUpperCase() ? word.toUpperCase() : word[0]!.toUpperCase() + word.slice(1);
}

const letters = (word: string): string => splitIdentifier(word).join("");

/** The word of the index that goes on from what was typed, else one a slip away; of several the nearest, then the one that most places have. */
function meantBy(typed: string, store: Vocabulary, mayBeUnfinished: boolean): string | undefined {
  const whole = letters(typed);
  const isPlain = splitIdentifier(typed).length === 1;
  // What stands in hardly any place of a large index is a slip itself, or nothing that somebody asks for by half.
  const least = isPlain ? Math.log10(store.coverage().chunks + 1) - 1 : 0;
  const isJoined = (form: string) => splitIdentifier(form).length > 1;
  const goesOn = mayBeUnfinished ? completions(whole, store).filter(({ places }) => places >= least) : [];
  for (const { term } of goesOn.slice(0, placesRead)) {
    const form = formsOf(typed, term, store).find((form) => !isPlain || whole.length >= lettersForOther || !isJoined(form));
    if (form !== undefined) return form;
  }
  const away = slipsAway(whole, store).filter(({ places }) => places >= least);
  for (const { term } of away.slice(0, placesRead)) {
    for (const form of formsOf(typed, term, store)) {
      if (isPlain && isJoined(form) && whole.length < lettersForWrong) continue;
      // A stem may stand a slip away by its ending alone: `nested` is not `next`.
      if (slips(whole, letters(form)) !== undefined || (!isJoined(form) && stem(whole).length >= lettersOfStem && slips(stem(whole), term) === 1)) return form;
    }
  }
  return undefined;
}

/** Terms that go on from these letters, those first that more places have. */
function completions(whole: string, store: Vocabulary): readonly TermPlaces[] {
  if (whole.length < leastOfName || !/^[a-z][a-z0-9]*$/.test(whole)) return [];
  return store.termsLike(whole, whole.length + 1, longestTerm).toSorted((a, b) => b.places - a.places);
}

/** Terms a slip away, nearest first. */
function slipsAway(whole: string, store: Vocabulary): readonly TermPlaces[] {
  const own = stem(whole);
  const starts = whole[0] === whole[1] ? [whole[0]!] : [whole[0]!, `${whole[1]}${whole[0]}`];
  return starts
    .flatMap((start) => store.termsLike(start, Math.min(own.length, whole.length - 1) - 2, whole.length + 2))
    .flatMap(({ term, places }) => {
      // A term is a stem, which may have lost its final e.
      const withE = slips(whole, `${term}e`);
      const found = [slips(own, term), slips(own, `${term}e`), slips(whole, term), withE === undefined ? undefined : withE + 0.5].filter((count) => count !== undefined);
      return found.length > 0 ? [{ term, places, distance: Math.min(...found) }] : [];
    })
    .sort((a, b) => a.distance - b.distance || b.places - a.places);
}

/** How people write a term, in the places that say it most: first what is nearest to what was typed. */
function formsOf(typed: string, term: string, store: Vocabulary): string[] {
  const hits = store.searchLexical([term], [], bm25FieldWeights, placesRead, {});
  const forms = new Set<string>();
  for (const { symbols, breadcrumb, path, doc, text } of store.places(hits.map(({ place }) => place))) {
    for (const word of wordsIn([...symbols, breadcrumb, path, doc, text].join(" "))) {
      const parts = splitIdentifier(word);
      for (const part of parts) if (stem(part) === term) forms.add(part);
      if (parts.length > 1 && stem(parts.join("")) === term) forms.add(word);
    }
  }
  const far = (form: string) => editDistance(letters(typed), letters(form)) * longestTerm + editDistance(typed, form);
  return [...forms].sort((a, b) => far(a) - far(b));
}

/** The slips by which somebody who meant `meant` typed `typed`; undefined when they are more, or graver, than words of that length are allowed. */
export function slips(typed: string, meant: string): number | undefined {
  if (typed === meant) return 0;
  const shorter = Math.min(typed.length, meant.length);
  const longer = Math.max(typed.length, meant.length);
  if (longer - shorter > 2) return undefined;
  let front = 0;
  while (front < shorter && typed[front] === meant[front]) front++;
  let back = 0;
  while (back < shorter - front && typed[typed.length - 1 - back] === meant[meant.length - 1 - back]) back++;
  const changed = longer - front - back;
  if (changed === 2 && shorter === longer && typed[front] === meant[front + 1] && typed[front + 1] === meant[front]) return typed.length >= (front === 0 ? lettersForOther : leastLetters) ? 1 : undefined;
  const whole = typed.length > meant.length ? typed : meant;
  // Whether a letter is doubled is what people forget first: `comit`, `isues`.
  if (changed === 1 && shorter < longer && shorter >= leastOfName && (whole[front] === whole[front - 1] || whole[front] === whole[front + 1])) return 1;
  if (changed === 1) return typed.length >= (shorter < longer ? lettersForOther : lettersForWrong) ? 1 : undefined;
  return typed.length >= lettersForTwo && editDistance(typed, meant) <= 2 ? 2 : undefined;
}

/** Letters to insert, delete, replace or swap with their neighbour until `a` is `b` (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
