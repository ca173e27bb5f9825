// The analyser of the lexical side: text to terms. Documents (in parse workers, for the FTS5 fields) and queries go through the same
// function, so both ends agree by construction. Terms hold letters and digits only, which every FTS5 tokenizer keeps whole.
import { ownCopy } from "../base/ownCopy.ts";
import { isStopWord } from "../base/queryWords.ts";
import { verbOf } from "./verbForms.ts";

/** Part of the index's identity: raise it when the same text would give other terms. */
export const ANALYSER_VERSION = 4;

const wordRun = /[\p{L}\p{N}_$]+/gu;
const asciiWord = /^[A-Za-z0-9_$]+$/;
const asciiText = /^[\0-\x7f]*$/;
/**
 * Scripts written without spaces: their runs are indexed as overlapping pairs of characters. Script extensions, because the mark that lengthens a
 * vowel (サーバー) belongs to no script alone.
 */
const unspaced = "[\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Thai}]";
const unspacedScript = new RegExp(unspaced, "u");
const unspacedRun = new RegExp(`${unspaced}+`, "gu");

/** Code repeats its words: what came of each is remembered. Cleared when full, so one odd file cannot fill the memory. */
function remembered(compute: (word: string) => readonly string[]): (word: string) => readonly string[] {
  const known = new Map<string, readonly string[]>();
  return (word) => {
    const before = known.get(word);
    if (before) return before;
    // A long run is data (base64, a minified name) and would not come twice.
    if (word.length > 64) return compute(word);
    const own = ownCopy(word);
    const found = compute(own);
    if (known.size >= 60_000) known.clear();
    known.set(own, found);
    return found;
  };
}

/**
 * Terms of a text in order of appearance, repeats kept: every word and every part of an identifier (split at `_`, case and digit borders), lower-cased
 * and stemmed, and beside the parts the identifier whole (`fetchRequestHandler` gives fetch, request, handler, fetchrequesthandler).
 */
export function analyse(text: string): string[] {
  const terms: string[] = [];
  for (const match of text.matchAll(wordRun)) {
    for (const term of termsOfWord(match[0])) terms.push(term);
  }
  return terms;
}

/**
 * Terms of a query, each once: stop words are left out (unless nothing else would remain), and neighbouring words are also joined, so that
 * "web socket" meets `WebSocket` and "rate limiters" meets `RateLimiter`.
 */
export function analyseQuery(text: string): string[] {
  const words = [...text.matchAll(wordRun)].map((match) => match[0]);
  const kept = words.filter((word) => !isStopWord(word));
  const used = kept.length > 0 ? kept : words;
  const terms = new Set<string>(used.flatMap((word) => termsOfWord(word)));
  for (const joined of joinedNeighbours(words)) terms.add(joined);
  return [...terms];
}

/** The same of a question: what is written somewhere, code writes. */
export function analyseQuestion(text: string): string[] {
  const verbs = (text.toLowerCase().match(/[a-z]+/g) ?? []).flatMap((word) => verbOf(word) ?? []);
  return [...new Set([...analyseQuery(text), ...verbs.filter((verb) => !isStopWord(verb)).map(stem)])];
}

/** The roots of the parts of an identifier or path segment, each once and without the whole: for comparing names with queries. */
export const nameParts = remembered((name) => [...new Set((name.match(wordRun) ?? []).flatMap(splitIdentifier).map(root))]);

/** The different words of a text as they stand, names whole, in order of appearance. */
export function wordsIn(text: string): ReadonlySet<string> {
  // Most code is ASCII, where a pattern without Unicode classes finds the same in a third of the time.
  return new Set(text.match(asciiText.test(text) ? /[A-Za-z_$][A-Za-z0-9_$]*/g : /[\p{L}_$][\p{L}\p{N}_$]*/gu));
}

/** Whether words of a text stand without spaces between them. */
export function isUnspaced(text: string): boolean {
  return unspacedScript.test(text);
}

/** Whether most letters of a text are of scripts without spaces. */
export function isMostlyUnspaced(text: string): boolean {
  const letters = text.match(/\p{L}/gu) ?? [];
  return letters.filter(isUnspaced).length * 2 > letters.length;
}

/** The text with spaces where a script without spaces meets another: 解析JSON字符串 gives 解析 JSON 字符串. */
export function spacedAtScripts(text: string): string {
  return text.replace(unspacedRun, " $& ");
}

/** Lower-cased parts of one identifier: `HTTPServer2` gives http, server, 2; `snake_case` gives snake, case. */
export const splitIdentifier = remembered((word) =>
  (asciiWord.test(word) ? word : spacedAtScripts(word))
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1 $2")
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
    .replace(/(\p{L})(\p{N})/gu, "$1 $2")
    .replace(/(\p{N})(\p{L})/gu, "$1 $2")
    .split(/[\s_$]+/)
    .filter((part) => part.length > 0)
    .map((part) => (asciiWord.test(part) ? part.toLowerCase() : Array.from(part, folded).join(""))),
);

/** Lower case as FTS5 has it, where letters that differ by their place in a word or by history are one: ς and σ, ſ and s, µ and μ. */
function folded(letter: string): string {
  const lower = letter.toUpperCase().toLowerCase();
  return lower.length === letter.length ? lower : letter.toLowerCase();
}

const termsOfWord = remembered((word) => {
  const parts = splitIdentifier(word);
  if (!asciiWord.test(word) && isUnspaced(word)) return parts.flatMap((part) => (isUnspaced(part) ? characterPairs(part) : [stem(part)]));
  const terms = parts.map(stem);
  if (parts.length > 1 && word.length <= 64) terms.push(stem(parts.join("")));
  return terms;
});

function characterPairs(run: string): string[] {
  const characters = [...run];
  if (characters.length < 2) return characters;
  return characters.slice(1).map((c, i) => characters[i]! + c);
}

function joinedNeighbours(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (let i = 1; i < words.length; i++) {
    const [left, right] = [words[i - 1]!, words[i]!];
    if (isStopWord(left) || isStopWord(right) || !asciiWord.test(left) || !asciiWord.test(right)) continue;
    joined.push(stem(splitIdentifier(left).join("") + splitIdentifier(right).join("")));
  }
  return joined;
}

/**
 * Plural, -ing, -ed and a final e go; short words and words with digits stay. What is indexed: going further (-er, -ation) lost more by joining
 * different words than it gained, measured with BM25 alone.
 */
export function stem(word: string): string {
  if (word.length <= 3 || !/^[a-z]+$/.test(word)) return word;
  const w = stripVerbEnding(stripPlural(word));
  return w.length > 4 && w.endsWith("e") ? w.slice(0, -1) : w;
}

/**
 * The common part of the forms in which one idea appears in names (serialize, serializer, serialization, serializable; parse, parser, parsing).
 * Coarser than `stem`, for comparing a query with a few names. The result need not be a word.
 */
export function root(word: string): string {
  let w = stem(verbOf(word) ?? word);
  if (w.length <= 3 || !/^[a-z]+$/.test(w)) return w;
  w = strip(w, "able", 4) ?? strip(w, "abl", 4) ?? strip(w, "ible", 4) ?? strip(w, "ibl", 4) ?? w;
  w = strip(w, "ment", 6) ?? w;
  w = strip(w, "ation", 4) ?? strip(w, "ion", 4) ?? strip(w, "er", 4) ?? strip(w, "or", 4) ?? w;
  w = strip(w, "ate", 4) ?? strip(w, "at", 4) ?? w;
  if (w.length > 4 && w.endsWith("e")) w = w.slice(0, -1);
  return w.length > 4 ? undouble(w) : w;
}

function stripPlural(w: string): string {
  if (!w.endsWith("s") || w.endsWith("ss") || w.endsWith("us") || w.endsWith("is")) return w;
  if (w.endsWith("ies")) return w.length > 4 ? `${w.slice(0, -3)}y` : w;
  if (/(ss|sh|ch|x|z)es$/.test(w)) return w.slice(0, -2);
  return w.slice(0, -1);
}

function stripVerbEnding(w: string): string {
  for (const ending of ["ing", "ed"]) {
    const rest = strip(w, ending, 3);
    // Without a vowel before it the ending belongs to the word: string, shed.
    if (rest !== undefined && /[aeiouy]/.test(rest)) return undouble(rest);
  }
  return w;
}

/** `w` without the ending when at least `least` characters remain. */
function strip(w: string, ending: string, least: number): string | undefined {
  return w.endsWith(ending) && w.length - ending.length >= least ? w.slice(0, -ending.length) : undefined;
}

/** mapped → mapp → map, but call and pass keep both letters. */
function undouble(w: string): string {
  const last = w.at(-1)!;
  return w.length > 3 && last === w.at(-2) && !"lsz".includes(last) ? w.slice(0, -1) : w;
}
