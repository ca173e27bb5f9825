// The words of one language as developers use them, and what code calls them in English: media/glossary/*.txt, written by hand. A translator's model would
// be larger than everything else here together, and questions to code are made of few words.
import { readFileSync } from "node:fs";
import path from "node:path";
import { stemmer as french } from "@orama/stemmers/french";
import { stemmer as german } from "@orama/stemmers/german";
import { stemmer as portuguese } from "@orama/stemmers/portuguese";
import { stemmer as russian } from "@orama/stemmers/russian";
import { stemmer as spanish } from "@orama/stemmers/spanish";
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
  /** The parts of the text that it knows, in order, the longest that fits at each place. */
  piecesOf(text: string): Piece[];
  /** Every English word in it. */
  readonly english: ReadonlySet<string>;
}

/** Letters of scripts without spaces, and of Korean, whose words carry their particles with them. */
const unspacedRun = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}]+/gu;
const word = /[\p{L}\p{M}\p{N}_$]+/gu;
/** What may stand between the words of a phrase. */
const between = /^[\s'’-]+$/;
/** A name of code, and no word. */
const isName = (text: string): boolean => /[\p{N}_$]|\p{Ll}\p{Lu}/u.test(text);

/** Shorter parts of a compound are endings or chance. */
const leastOfPart = 3;
const leastOfCompound = 7;

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

const languages: Readonly<Record<string, { readonly language: string; readonly grammar?: Grammar }>> = {
  de: { language: "German", grammar: germanGrammar },
  es: { language: "Spanish", grammar: { stem: spanish } },
  fr: { language: "French", grammar: { stem: french } },
  ja: { language: "Japanese" },
  ko: { language: "Korean" },
  pt: { language: "Portuguese", grammar: { stem: portuguese } },
  ru: { language: "Russian", grammar: { stem: russian } },
  zh: { language: "Chinese" },
};

let all: readonly Glossary[] | undefined;

/** Every language's, read once: 50 ms. */
export function glossaries(): readonly Glossary[] {
  return (all ??= Object.entries(languages).map(([id, { language, grammar }]) => {
    const entries = entriesOf(readFileSync(path.join(packageRoot, "media", "glossary", `${id}.txt`), "utf8"));
    return grammar ? spacedGlossary(language, entries, grammar) : unspacedGlossary(language, entries);
  }));
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

const englishIn = (entries: readonly Entry[]): ReadonlySet<string> => new Set(entries.flatMap(({ english }) => english.flatMap((words) => words.split(" "))));

/** A language whose words are looked up one by one, whatever their endings. */
export function spacedGlossary(language: string, entries: readonly Entry[], { stem, forms, compounds }: Grammar): Glossary {
  const known = new Map<string, readonly string[]>();
  const learn = (key: string, english: readonly string[]) => void (known.has(key) || known.set(key, english));
  const keyOf = (word: string) => `${stem(word)}*`;
  const all = entries.flatMap(({ words, english }) => words.map((one) => ({ one: one.normalize("NFC").toLowerCase(), english })));
  // A word as it is written comes before all that have its stem, and accents, which many leave out, tell words apart where they are written: "ou" and "où".
  for (const { one, english } of all) learn(one, english);
  for (const { one, english } of all) learn(one.split(" ").map(keyOf).join(" "), english);
  for (const [key, english] of [...known]) learn(bare(key), english);
  const longest = Math.max(0, ...all.map(({ one }) => one.split(" ").length));

  const exact = (word: string) => known.get(word) ?? known.get(keyOf(word)) ?? known.get(bare(keyOf(word)));
  const plain = (word: string): readonly string[] | undefined => {
    for (const form of [word, ...(forms?.(word) ?? [])]) {
      const english = exact(form);
      if (english) return english;
    }
    return undefined;
  };
  const compound = (word: string): readonly string[] | undefined => {
    if (!compounds || word.length < leastOfCompound) return undefined;
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
    english: englishIn(entries),
    piecesOf(text) {
      const words = [...text.normalize("NFC").matchAll(word)].map((match) => ({ text: match[0], from: match.index, to: match.index + match[0].length }));
      const keys = words.map(({ text: one }) => (isName(one) ? undefined : keyOf(one.toLowerCase())));
      const pieces: Piece[] = [];
      for (let i = 0; i < words.length; ) {
        let count = 0;
        let english: readonly string[] | undefined;
        for (let length = Math.min(longest, words.length - i); length > 1 && english === undefined; length--) {
          if (words.slice(i, i + length - 1).some(({ to }, j) => keys[i + j] === undefined || !between.test(text.slice(to, words[i + j + 1]!.from)))) continue;
          const key = keys.slice(i, i + length).join(" ");
          english = known.get(key) ?? known.get(bare(key));
          count = length;
        }
        if (english === undefined && keys[i] !== undefined) {
          const lower = words[i]!.text.toLowerCase();
          english = plain(lower) ?? compound(lower);
          count = 1;
        }
        if (english !== undefined) pieces.push({ from: words[i]!.from, to: words[i + count - 1]!.to, english });
        i += Math.max(1, count * Number(english !== undefined));
      }
      return pieces;
    },
  };
}

/** A language whose words are found in runs of letters: the longest that fits at each place. */
export function unspacedGlossary(language: string, entries: readonly Entry[]): Glossary {
  const known = new Map<string, readonly string[]>();
  for (const { words, english } of entries) for (const one of words) known.set(one.normalize("NFC"), english);
  const longest = Math.max(0, ...[...known.keys()].map((key) => key.length));
  return {
    language,
    english: englishIn(entries),
    piecesOf(text) {
      const pieces: Piece[] = [];
      for (const match of text.matchAll(unspacedRun)) {
        const run = match[0];
        for (let at = 0; at < run.length; ) {
          let length = Math.min(longest, run.length - at);
          while (length > 0 && !known.has(run.slice(at, at + length))) length--;
          if (length > 0) pieces.push({ from: match.index + at, to: match.index + at + length, english: known.get(run.slice(at, at + length))! });
          at += Math.max(1, length);
        }
      }
      return pieces;
    },
  };
}

function bare(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").normalize("NFC");
}
