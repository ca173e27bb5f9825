// Questions in other languages, read in English word by word: code is named in English, and so is what the encoder has read.
import { readFileSync } from "node:fs";
import path from "node:path";
import { packageRoot } from "../base/assets.ts";
import { filterToken, isStopWord } from "../base/queryWords.ts";
import type { Translation } from "../base/remarks.ts";
import { sum } from "../base/statistics.ts";
import { glossariesFor, type Glossary, isName, type Piece, unspacedRun, word } from "./glossary.ts";
import { root, spacedAtScripts, stem } from "./terms.ts";

/** Filters, quoted text and names in backticks stay as they stand. */
const asItStands = new RegExp(`${filterToken.source}|"[^"]*"|\`[^\`\n]*\``, "giu");
/** Longer texts are pasted, and no question. */
const longest = 500;
const unspaced = new RegExp(unspacedRun.source, "u");

let english: ReadonlySet<string> | undefined;

/**
 * Words that English code uses, and those of its questions. Stems of all that the lists of languages in Latin letters say in English; they stand in a file
 * of their own, as a question that is English in every word needs none of the lists, and these take a tenth of a second to read.
 */
function isEnglish(text: string): boolean {
  english ??= new Set(readFileSync(path.join(packageRoot, "media", "englishStems.txt"), "utf8").split("\n"));
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
export function translated(raw: string, isWord: (word: string) => boolean): TranslatedQuery | undefined {
  if (raw.length > longest) return undefined;
  const query = raw.normalize("NFC");
  const kept = [...query.matchAll(asItStands)].map((match) => [match.index, match.index + match[0].length] as const);
  const free = kept.reduceRight((text, [from, to]) => text.slice(0, from) + "\n".repeat(to - from) + text.slice(to), query);
  // "OrderStoreを実装する" is a name and a word.
  const spaced = spacedAtScripts(free);
  const words = [...spaced.matchAll(word)].map(({ 0: one, index }) => ({ lower: one.toLowerCase(), isName: isName(spaced, index, index + one.length) }));
  const foreign = words.filter(({ lower }) => !isEnglish(lower));
  if (foreign.every((one) => one.isName)) return undefined;
  const isStrange = foreign.length === words.length && !words.some(({ lower }) => isWord(lower));
  let best: { readonly glossary: Glossary; readonly pieces: readonly Piece[]; readonly worth: number } | undefined;
  for (const glossary of glossariesFor(free)) {
    if (!isStrange && !foreign.some(({ lower }) => glossary.lists(lower) || unspaced.test(lower))) continue;
    const pieces = glossary.piecesOf(free).filter(({ from, to, english: [called] }) => {
      const said = free.slice(from, to).toLowerCase();
      // An English word stays, unless it is listed as another one: a "Handler" is no "Händler". So does one that is much the same: "Parser".
      return (!isEnglish(said) || glossary.lists(said)) && (called === undefined || root(called) !== root(said));
    });
    const worth = worthOf(free, glossary, pieces, isWord);
    if (worth > (best?.worth ?? 0)) best = { glossary, pieces, worth };
  }
  const telling = best?.pieces.filter(({ english }) => english.length > 0) ?? [];
  // Of a question about something that no list knows only "how" would be left.
  if (best === undefined || telling.every(({ english }) => english[0]!.split(" ").every(isStopWord))) return undefined;
  return { language: best.glossary.language, english: replaced(query, best.pieces), words: telling.map(({ from, to }) => query.slice(from, to)) };
}

/**
 * How many letters or words of the text are this language's; 0 when more of it is English, or in a language that is not known. Signs of another script are
 * never English. Of two languages with a word in common, as sisters have many, that one is nearer in whose list it stands as it is written.
 */
function worthOf(text: string, glossary: Glossary, pieces: readonly Piece[], isWord: (word: string) => boolean): number {
  const said = pieces.map(({ from, to }) => text.slice(from, to));
  if (said.some((one) => unspaced.test(one))) return sum(said.map((one) => one.length));
  const own = said.flatMap((one) => one.match(word) ?? []).filter((one) => !isEnglish(one));
  const others = [...text.matchAll(word)].filter((match) => !pieces.some(({ from, to }) => from <= match.index && to > match.index));
  const inEnglish = others.filter(([one]) => isEnglish(one) || isWord(one.toLowerCase())).length;
  // A word of another script beside an English one is no English question: "подклассы Shape".
  const isEven = own.length === inEnglish && own.length > 0 && own.every((one) => !/\p{Script=Latin}/u.test(one));
  if ((own.length <= inEnglish && !isEven) || 2 * own.length < others.length - inEnglish) return 0;
  return own.length + own.filter((one) => glossary.lists(one.toLowerCase())).length / 100;
}

function replaced(query: string, pieces: readonly Piece[]): string {
  let [read, at] = ["", 0];
  const add = (part: string) => {
    // Of "l'utilisateur", "sont-ils" and "Store'u" nothing is left but words, and no sign stands free.
    if (!/^[-'’¿¡\s]*$/.test(part)) read += (/^[?!.,;:]/.test(part) ? "" : " ") + part.replace(/^['’]|(?<=^[^'’]+)['’]$/g, "");
  };
  for (const { from, to, english } of pieces) {
    add(query.slice(at, from).trim());
    add(english[0] ?? "");
    at = to;
  }
  add(query.slice(at).trim());
  // What no entry fits goes: endings, particles, and words that are looked for as they stand.
  return read.replace(unspacedRun, " ").replace(/[ \t]+/g, " ").trim();
}
