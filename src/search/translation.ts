// Questions in other languages, read in English word by word: code is named in English, and so is what the encoder has read.
import { filterToken, isStopWord } from "../base/queryWords.ts";
import type { Translation } from "../base/remarks.ts";
import { type Glossary, glossaries, type Piece } from "./glossary.ts";
import { isUnspaced, stem } from "./terms.ts";

/** Filters, quoted text and names in backticks stay as they stand. */
const asItStands = new RegExp(`${filterToken.source}|"[^"]*"|\`[^\`\n]*\``, "giu");
const word = /[\p{L}\p{M}\p{N}_$]+/gu;
/** Letters of scripts without spaces, and of Korean, that no entry fits: endings, particles, and words that are looked for as they stand. */
const rest = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]+/gu;
const korean = /\p{scx=Hangul}/u;

let english: ReadonlySet<string> | undefined;

/** Words that English code uses, and those of its questions. */
function isEnglish(text: string): boolean {
  english ??= new Set(glossaries().flatMap((glossary) => [...glossary.english].map(stem)));
  return isStopWord(text) || english.has(stem(text.toLowerCase()));
}

export interface TranslatedQuery extends Translation {
  /** The words that were translated, as typed. */
  readonly words: readonly string[];
}

/**
 * The query in English, where most of what it says is in another language that is known; undefined otherwise. Words that the language's glossary does not
 * know stay.
 * @param isWord whether many people write the word in English, lower-cased
 */
export function translated(query: string, isWord: (word: string) => boolean): TranslatedQuery | undefined {
  const kept = [...query.matchAll(asItStands)].map((match) => [match.index, match.index + match[0].length] as const);
  const free = kept.reduceRight((text, [from, to]) => text.slice(0, from) + "\n".repeat(to - from) + text.slice(to), query);
  let best: { readonly glossary: Glossary; readonly pieces: readonly Piece[]; readonly worth: number } | undefined;
  for (const glossary of glossaries()) {
    const pieces = glossary.piecesOf(free);
    const worth = worthOf(free, pieces, isWord);
    if (worth > (best?.worth ?? 0)) best = { glossary, pieces, worth };
  }
  if (best === undefined || !best.pieces.some(({ english }) => english.length > 0)) return undefined;
  return { language: best.glossary.language, english: replaced(query, best.pieces), words: best.pieces.filter(({ english }) => english.length > 0).map(({ from, to }) => query.slice(from, to)) };
}

/** How many letters or words of the text are this language's and no other's; 0 when more of it is English. */
function worthOf(text: string, pieces: readonly Piece[], isWord: (word: string) => boolean): number {
  let own = 0;
  for (const { from, to } of pieces) {
    const said = text.slice(from, to);
    if (isUnspaced(said) || korean.test(said)) own += to - from;
    else own += [...said.matchAll(word)].filter(([one]) => !isEnglish(one)).length;
  }
  const others = [...text.matchAll(word)].filter((match) => !pieces.some(({ from, to }) => from < match.index + match[0].length && to > match.index));
  const foreign = others.filter(([one]) => isEnglish(one) || isWord(one.toLowerCase())).length;
  return own > foreign ? own : 0;
}

function replaced(query: string, pieces: readonly Piece[]): string {
  let [read, at] = ["", 0];
  for (const { from, to, english } of pieces) {
    read += `${query.slice(at, from)} ${english[0] ?? ""} `;
    // Of "l'utilisateur" nothing is left but the word.
    at = /^['’]/.test(query.slice(to)) ? to + 1 : to;
  }
  return (read + query.slice(at)).replace(rest, " ").replace(/[ \t]+/g, " ").trim();
}
