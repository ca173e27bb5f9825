// What is said of an answer beside its hits: words that were read as others, and that nothing really answers. One wording for view, terminal and agents.
import { filterToken } from "./queryWords.ts";

/** A word of the query that nothing in the index says, and the one that it was read as. */
export interface Respelling {
  readonly typed: string;
  readonly read: string;
}

/** A query in another language, as it was read. */
export interface Translation {
  /** As English names it: "German". */
  readonly language: string;
  /** The query in English, its filters and quoted text as they were. */
  readonly english: string;
}

/** Nothing that has been read passes the filters: a wrong name, a file that is left out, or one that was written just now. */
export interface NothingPasses {
  readonly nothingPasses?: true | undefined;
  /** Why, as a sentence, where that can be told. */
  readonly whyNothing?: string | undefined;
}

export interface Remarks extends NothingPasses {
  /** Absent when the query is in English, or in no language that is known. */
  readonly translation?: Translation | undefined;
  /** Misspelt words of the query; absent when all was read as typed. */
  readonly respellings?: readonly Respelling[] | undefined;
  /** Nothing in the index is nearer to the question than chance, or has most of its words: the hits are merely the nearest. Said only when all files were read. */
  readonly farFetched?: true | undefined;
}

/** A filter, a quoted text, or a word. */
const piece = new RegExp(`${filterToken.source}|"[^"]*"|[\\p{L}_$][\\p{L}\\p{N}_$]*`, "giu");

/** The query with each word as it was read; filters and quoted text as they stand. Behind one in English the words that were typed, which code may say as well. */
export function asRead(query: string, { translation, respellings = [] }: Remarks): string {
  const readings = new Map(respellings.map(({ typed, read }) => [typed, read]));
  const english = translation?.english ?? query;
  const read = readings.size === 0 ? english : english.replace(piece, (word) => readings.get(word) ?? word);
  return translation ? `${read} ${query}` : read;
}

/** A sentence for each remark; of an answer without hits only why there are none. */
export function remarkTexts({ hits, translation, respellings = [], farFetched, whyNothing }: Remarks & { readonly hits: readonly unknown[] }): string[] {
  if (hits.length === 0) return whyNothing === undefined ? [] : [whyNothing];
  const list = (words: readonly string[]) => words.map((word) => `"${word}"`).join(" and ");
  const nearest = respellings.length === 1 ? "the nearest word" : "the nearest words";
  return [
    ...(translation ? [`Read from ${translation.language} as "${translation.english.replace(filterToken, "$1").trim()}".`] : []),
    ...(respellings.length > 0 ? [`${list(respellings.map(({ typed }) => typed))} read as ${list(respellings.map(({ read }) => read))}, ${nearest} in the code.`] : []),
    ...(farFetched ? ["Nothing here clearly answers this; these places come nearest."] : []),
  ];
}

/** The remarks of a value that has more. */
export function remarksOf({ translation, respellings, farFetched, whyNothing }: Remarks): Remarks {
  return { ...(translation && { translation }), ...(respellings && { respellings }), ...(farFetched && { farFetched }), ...(whyNothing !== undefined && { whyNothing }) };
}
