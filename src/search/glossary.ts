// The words of one language as developers use them, and what code calls them in English: media/glossary/*.txt, written by hand. A translator's model would
// be larger than everything else here together, and questions to code are made of few words.
import { readFileSync } from "node:fs";
import path from "node:path";
import { stemmer as french } from "@orama/stemmers/french";
import { stemmer as german } from "@orama/stemmers/german";
import { stemmer as italian } from "@orama/stemmers/italian";
import { stemmer as portuguese } from "@orama/stemmers/portuguese";
import { stemmer as russian } from "@orama/stemmers/russian";
import { stemmer as spanish } from "@orama/stemmers/spanish";
import { stemmer as turkish } from "@orama/stemmers/turkish";
import { stemmer as ukrainian } from "@orama/stemmers/ukrainian";
import { packageRoot } from "../base/assets.ts";

/** A part of a text that the glossary knows. */
export interface Piece {
  /** Offsets in the text. */
  readonly from: number;
  readonly to: number;
  /** What code calls it, the most usual word first; empty for an article and whatever else says nothing. */
  readonly english: readonly string[];
}

export interface Glossary {
  /** As English names it. */
  readonly language: string;
  /** Whether it lists the word, lower-cased, as it stands. In no time, where the first `piecesOf` of a language takes 30 ms. */
  lists(word: string): boolean;
  /** The parts of the text that it knows, in order, the longest that fits at each place. */
  piecesOf(text: string): Piece[];
}

/** Letters of scripts without spaces, and of Korean, whose words carry their particles with them. */
export const unspacedRun = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]+/gu;
/** The same, over the spaces of Korean. */
const unspacedWords = new RegExp(`${unspacedRun.source}(?: ${unspacedRun.source})*`, "gu");
export const word = /[\p{L}\p{M}\p{N}_$]+/gu;
/** What may stand between the words of a phrase. */
const between = /^[\s'’-]+$/;
/** A name of code, and no word: `maxSize`, `res.send`. */
export function isName(text: string, from: number, to: number): boolean {
  return /[\p{N}_$]|\p{Ll}\p{Lu}/u.test(text.slice(from, to)) || /[\p{L}\p{N}_$][.:#]+$/u.test(text.slice(0, from)) || /^[.:#]+[\p{L}_$]/u.test(text.slice(to));
}

/** Shorter parts of a compound are endings or chance. */
const leastOfPart = 3;
const leastOfCompound = 7;
const mostOfCompound = 40;

/** How a language with spaces between its words makes them. */
export interface Grammar {
  readonly stem: (word: string) => string;
  /** Other forms under which the glossary may have a word that its stem does not find. */
  readonly forms?: (word: string) => readonly string[];
  /** Words are put together without a space: Verbindungsfehler. */
  readonly compounds?: true;
}

/** German's stemmer leaves the endings of verbs (löscht, gelöscht), and many keyboards have no umlauts. */
export const germanGrammar: Grammar = {
  stem: german,
  forms: (word) => [word.replace(/ae/g, "ä").replace(/oe/g, "ö").replace(/(?<![aeq])ue/g, "ü"), word.replace(/(?:te?[nst]?)$/, "en"), word.replace(/ge(?=\p{L}{4})/u, "").replace(/t(?:e[mnrs]?)?$/, "en")],
  compounds: true,
};

interface Language {
  readonly name: string;
  /** A text without such a letter is in another language. */
  readonly letters: RegExp;
  readonly grammar?: Grammar;
}
const [latin, cyrillic] = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u];
const languages: Readonly<Record<string, Language>> = {
  de: { name: "German", letters: latin, grammar: germanGrammar },
  es: { name: "Spanish", letters: latin, grammar: { stem: spanish } },
  fr: { name: "French", letters: latin, grammar: { stem: french } },
  it: { name: "Italian", letters: latin, grammar: { stem: italian } },
  ja: { name: "Japanese", letters: /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}]/u },
  ko: { name: "Korean", letters: /\p{Script=Hangul}/u },
  pt: { name: "Portuguese", letters: latin, grammar: { stem: portuguese } },
  ru: { name: "Russian", letters: cyrillic, grammar: { stem: russian } },
  tr: { name: "Turkish", letters: latin, grammar: { stem: turkish } },
  uk: { name: "Ukrainian", letters: cyrillic, grammar: { stem: ukrainian } },
  zh: { name: "Chinese", letters: /\p{Script=Han}/u },
};

const read = new Map<string, Glossary>();

/** Those of the languages that the text may be in. */
export function glossariesFor(text: string): readonly Glossary[] {
  return Object.entries(languages).flatMap(([id, { name, letters, grammar }]) => {
    if (!letters.test(text)) return [];
    let glossary = read.get(id);
    if (!glossary) {
      const text = readFileSync(path.join(packageRoot, "media", "glossary", `${id}.txt`), "utf8").normalize("NFC").toLowerCase();
      read.set(id, (glossary = whenAsked(name, text, (entries) => (grammar ? spacedGlossary(name, entries, grammar) : unspacedGlossary(name, entries)))));
    }
    return glossary;
  });
}

/**
 * A glossary that is made of its text when a word may stand in it: six of them take 50 ms and 9 MB, and nearly every question with a strange word is about
 * code in English all the same.
 */
function whenAsked(language: string, text: string, make: (entries: readonly Entry[]) => Glossary): Glossary {
  let made: Glossary | undefined;
  const whole = () => (made ??= make(entriesOf(text)));
  return {
    language,
    lists: (words) => words.split(" ").every((one) => text.includes(one)) && whole().lists(words),
    piecesOf: (said) => whole().piecesOf(said),
  };
}

interface Entry {
  readonly words: readonly string[];
  readonly english: readonly string[];
}

/** `löschen, löschung = delete`: words and phrases that mean the same, and what code says; `#` begins a remark. */
export function entriesOf(text: string): Entry[] {
  const listed = (part: string) => part.split(",").map((one) => one.trim()).filter((one) => one !== "");
  return text.split("\n").flatMap((line) => {
    const [left, right] = line.split("=");
    return line.startsWith("#") || left === undefined || right === undefined ? [] : [{ words: listed(left), english: listed(right) }];
  });
}

/** A language whose words are looked up one by one, whatever their endings. */
export function spacedGlossary(language: string, entries: readonly Entry[], { stem, forms, compounds }: Grammar): Glossary {
  const listed = new Map<string, readonly string[]>();
  // "Mot-clé" and "message d'erreur" are words one after the other, as they are in a text.
  for (const { words, english } of entries) for (const one of words) learn(listed, (one.normalize("NFC").toLowerCase().match(word) ?? []).join(" "), english);
  const keyOf = (word: string) => `${stem(word)}*`;
  const longest = Math.max(0, ...[...listed.keys()].map((words) => words.split(" ").length));
  // A word as it is written comes before all that have its stem, and accents, which many leave out, tell words apart where they are written: "ou" and "où".
  let made: Map<string, readonly string[]> | undefined;
  const known = (key: string): readonly string[] | undefined => {
    if (made === undefined) {
      made = new Map(listed);
      for (const [words, english] of listed) learn(made, words.split(" ").map(keyOf).join(" "), english);
      for (const [key, english] of [...made]) learn(made, bare(key), english);
    }
    return made.get(key);
  };

  const exact = (word: string) => known(word) ?? known(keyOf(word)) ?? known(bare(keyOf(word)));
  const plain = (word: string): readonly string[] | undefined => {
    for (const form of [word, ...(forms?.(word) ?? [])]) {
      const english = exact(form);
      if (english) return english;
    }
    return undefined;
  };
  const compound = (word: string): readonly string[] | undefined => {
    if (!compounds || word.length < leastOfCompound || word.length > mostOfCompound) return undefined;
    for (let at = word.length - leastOfPart; at >= leastOfPart; at--) {
      const part = word.slice(0, at);
      // With what joins it to the next part: Verbindung-s-fehler, Datei-en-liste.
      const head = exact(part) ?? (at > leastOfPart ? exact(part.replace(/(?:es|en|er|s|n)$/, "")) : undefined);
      if (head?.[0] === undefined) continue;
      const tail = plain(word.slice(at)) ?? compound(word.slice(at));
      if (tail?.[0] !== undefined) return [`${head[0]} ${tail[0]}`];
    }
    return undefined;
  };

  return {
    language,
    lists: (word) => listed.has(word),
    piecesOf(text) {
      const words = [...text.matchAll(word)].map((match) => ({ from: match.index, to: match.index + match[0].length, lower: match[0].toLowerCase() }));
      const keys = words.map(({ from, to, lower }) => (isName(text, from, to) ? undefined : keyOf(lower)));
      const phraseAt = (i: number, length: number): readonly string[] | undefined => {
        const part = keys.slice(i, i + length);
        if (part.includes(undefined) || words.slice(i + 1, i + length).some(({ from }, j) => !between.test(text.slice(words[i + j]!.to, from)))) return undefined;
        return known(part.join(" ")) ?? known(bare(part.join(" ")));
      };
      const pieces: Piece[] = [];
      for (let i = 0; i < words.length; i++) {
        let length = Math.min(longest, words.length - i);
        let english: readonly string[] | undefined;
        while (length > 1 && (english = phraseAt(i, length)) === undefined) length--;
        if (keys[i] !== undefined) english ??= plain(words[i]!.lower) ?? compound(words[i]!.lower);
        if (english === undefined) continue;
        pieces.push({ from: words[i]!.from, to: words[i + length - 1]!.to, english });
        i += length - 1;
      }
      return pieces;
    },
  };
}

/** A language whose words are found in runs of letters: the longest that fits at each place. */
export function unspacedGlossary(language: string, entries: readonly Entry[]): Glossary {
  const known = new Map<string, readonly string[]>();
  for (const { words, english } of entries) for (const one of words) learn(known, one.normalize("NFC"), english);
  const longest = Math.max(0, ...[...known.keys()].map((key) => key.length));
  return {
    language,
    lists: (word) => known.has(word),
    piecesOf(text) {
      return [...text.matchAll(unspacedWords)].flatMap(({ 0: run, index }) => {
        const pieces: Piece[] = [];
        for (let at = 0; at < run.length; ) {
          let length = Math.min(longest, run.length - at);
          while (length > 0 && !known.has(run.slice(at, at + length))) length--;
          if (length > 0) pieces.push({ from: index + at, to: index + at + length, english: known.get(run.slice(at, at + length))! });
          at += Math.max(1, length);
        }
        // A single sign beside one that is not known is a part of a word that is not known.
        const isKnown = (at: number) => at < index || at >= index + run.length || run[at - index] === " " || pieces.some(({ from, to }) => from <= at && at < to);
        return pieces.filter(({ from, to, english }) => to - from > 1 || english.length === 0 || (isKnown(from - 1) && isKnown(to)));
      });
    },
  };
}

/** Of several lines with one word the first holds. */
function learn(words: Map<string, readonly string[]>, word: string, english: readonly string[]): void {
  if (!words.has(word)) words.set(word, english);
}

function bare(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").normalize("NFC");
}
