// Words of a question that nothing in the index says, read as the nearest word that something says: `HttpClinet` and `HttpCli` find `HttpClient`. Vectors
// forgive a wrong letter in a sentence; names and BM25 do not.
import { isStopWord } from "../base/queryWords.ts";
import { asRead, type Respelling } from "../base/remarks.ts";
import { bm25FieldWeights, type SearchStore } from "./candidates.ts";
import { type ParsedQuery, parseQuery } from "./query.ts";
import { splitIdentifier, stem, wordsIn } from "./terms.ts";

type Vocabulary = Pick<SearchStore, "placesSaying" | "termsLike" | "searchLexical" | "places">;

/** Shorter words are abbreviations, each of which is one letter from many others. */
const leastLetters = 4;
/** From this length on two letters may be wrong. */
const lettersForTwo = 8;
/** A stem of this length may have one wrong letter whatever ending stands behind it. */
const lettersOfStem = 5;
/** Longer terms are data. */
const longestTerm = 60;
/** Places in which somebody's spelling of a term is looked for. */
const placesRead = 3;
/** Who mistypes more words than this has written another language; and each takes a look through the index's terms. */
const mostSlips = 3;
/** Endings with which a vocabulary may know a word that it does not know bare. */
const endings = ["", "e", "s", "d", "ed", "ing", "ion"];

/**
 * The query with its misspelt and unfinished words replaced. Such is a word when no text of the index has it, `isWord` knows no form of it, and some word of
 * the index goes on from it, or is one wrong, missing, doubled or swapped letter away (two in long words), the first letter right. Pasted code, messages and
 * quoted text stay as they are, and so does a query most of whose words are unknown: that is another language, not a slip.
 * @param isWord whether many people write the word, lower-cased
 */
export function respelt(query: ParsedQuery, store: Vocabulary, isWord: (word: string) => boolean): { readonly query: ParsedQuery; readonly respellings: readonly Respelling[] } {
  const asTyped = { query, respellings: [] };
  if (query.kind !== "prose" && query.kind !== "symbol") return asTyped;
  const quoted = new Set(query.phrases.flatMap((phrase) => [...wordsIn(phrase)]));
  const words = [...wordsIn(query.text)].filter((word) => !quoted.has(word) && !isStopWord(word));
  const strange = words.map((word) => ({ typed: word, parts: strangeParts(word, store, isWord) })).filter(({ typed, parts }) => parts.length > 0 || isUnfinishedName(typed, store));
  if (strange.length === 0 || strange.length > mostSlips || (words.length > 1 && strange.length > words.length / 2)) return asTyped;
  const respellings = strange.flatMap(({ typed, parts }): Respelling[] => {
    const read = reading(typed, parts, store);
    return read === undefined ? [] : [{ typed, read }];
  });
  if (respellings.length === 0) return asTyped;
  const { text, terms, identifiers, parts, asksFor } = parseQuery(asRead(query.text, { respellings }));
  return { query: { ...query, text, terms, identifiers, parts, asksFor: { ...asksFor, documents: query.asksFor.documents } }, respellings };
}

/** `ResponseWri`: each part may be a word, the name is none. */
function isUnfinishedName(word: string, store: Vocabulary): boolean {
  const parts = splitIdentifier(word);
  return parts.length > 1 && store.placesSaying(stem(parts.join(""))) === 0 && completions(parts.join(""), store).length > 0;
}

/** Terms that go on from these letters, those first that more places have. */
function completions(whole: string, store: Vocabulary): { readonly term: string; readonly places: number }[] {
  if (whole.length < leastLetters || !/^[a-z][a-z0-9]*$/.test(whole)) return [];
  return store.termsLike([whole], whole.length + 1, longestTerm).toSorted((a, b) => b.places - a.places);
}

function strangeParts(word: string, store: Vocabulary, isWord: (word: string) => boolean): string[] {
  return splitIdentifier(word).filter((part) => {
    if (part.length < leastLetters || !/^[a-z]+$/.test(part) || store.placesSaying(stem(part)) > 0) return false;
    return !isWord(part) && !endings.some((ending) => isWord(stem(part) + ending));
  });
}

/** A name as a whole if one like it stands somewhere, else with those of its strange parts replaced that are like something; undefined when none is. */
function reading(typed: string, strange: readonly string[], store: Vocabulary): string | undefined {
  if (splitIdentifier(typed).length > 1) {
    const whole = nearestWord(typed, store);
    if (whole !== undefined) return whole;
  }
  let read = typed;
  for (const part of strange) {
    const near = nearestWord(part, store);
    if (near === undefined) continue;
    const at = read.toLowerCase().indexOf(part);
    const isCapital = read[at] !== part[0];
    read = read.slice(0, at) + (isCapital ? near[0]!.toUpperCase() + near.slice(1) : near) + read.slice(at + part.length);
  }
  return read === typed ? undefined : read;
}

const letters = (word: string): string => splitIdentifier(word).join("");

/** The word of the index that goes on from what was typed, else the nearest to it; of several the one that most places have. */
function nearestWord(typed: string, store: Vocabulary): string | undefined {
  const whole = letters(typed);
  for (const { term } of completions(whole, store).slice(0, placesRead)) {
    const form = nearestForm(typed, term, store);
    if (form !== undefined) return form;
  }
  const own = stem(whole);
  const allowed = whole.length >= lettersForTwo ? 2 : 1;
  const isSwapped = (term: string) => term[0] === whole[1] && term[1] === whole[0];
  const near = store
    .termsLike([...new Set(whole.slice(0, 2))], Math.min(own.length, whole.length - 1) - allowed, whole.length + allowed)
    .filter(({ term }) => term[0] === whole[0] || isSwapped(term))
    // A term is a stem, which may have lost its final e.
    .map(({ term, places }) => ({ term, places, distance: Math.min(editDistance(own, term, allowed), editDistance(whole, term, allowed), editDistance(whole, `${term}e`, allowed) + 0.5) }))
    .filter(({ distance }) => distance < allowed + 1)
    .sort((a, b) => a.distance - b.distance || b.places - a.places);
  for (const { term } of near.slice(0, placesRead)) {
    const form = nearestForm(typed, term, store);
    if (form === undefined) continue;
    if (editDistance(whole, letters(form), allowed) <= allowed || (own.length >= lettersOfStem && editDistance(own, term, 1) <= 1)) return form;
  }
  return undefined;
}

/** The way of writing a term that is nearest to what was typed, in the places that say it most. */
function nearestForm(typed: string, term: string, store: Vocabulary): string | undefined {
  const hits = store.searchLexical([term], [], bm25FieldWeights, placesRead, {});
  const forms = new Set<string>();
  for (const { symbols, breadcrumb, path, doc, text } of store.places(hits.map(({ place }) => place))) {
    for (const word of wordsIn([...symbols, breadcrumb, path, doc, text].join(" "))) {
      const parts = splitIdentifier(word);
      for (const part of parts) if (stem(part) === term) forms.add(part);
      if (parts.length > 1 && stem(parts.join("")) === term) forms.add(word);
    }
  }
  const far = (form: string) => editDistance(letters(typed), letters(form), longestTerm) * longestTerm + editDistance(typed, form, longestTerm);
  return [...forms].sort((a, b) => far(a) - far(b))[0];
}

/**
 * Letters to insert, delete, replace or swap with their neighbour until `a` is `b` (optimal string alignment); `most` + 1 when it is more than `most`.
 */
export function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    if (Math.min(...row) > most) return most + 1;
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
