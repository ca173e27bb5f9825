// What is shown of a piece of code, and where one that was read before stands in its file now.
import { sum } from "./statistics.ts";

const snippetLines = 30;

/** The beginning of a piece of code: what a hit carries of it. */
export const snippetOf = (text: string): string => text.split("\n", snippetLines).join("\n");

/**
 * The lines (from 1) at which whole lines of `text` say `snippet`, in order. A snippet of one line may be a part of its line: some hits show a piece of
 * a very long one.
 */
export function linesOfSnippet(snippet: string, text: string): readonly number[] {
  if (snippet === "") return [];
  const [wanted, lines] = [snippet, text].map((each) => each.split(/\r?\n/)) as [string[], string[]];
  const isAt = (at: number): boolean => (wanted.length === 1 ? lines[at]!.includes(snippet) : wanted.every((row, i) => lines[at + i] === row));
  return lines.flatMap((_, at) => (isAt(at) ? [at + 1] : []));
}

/** Of some lines the nearest to `line`, the first of two that are as near; undefined of none. */
export function nearestTo(line: number, lines: readonly number[]): number | undefined {
  return lines.reduce<number | undefined>((best, at) => (best === undefined || Math.abs(at - line) < Math.abs(best - line) ? at : best), undefined);
}

/** The line at which `text` says `snippet`, the nearest to `line` where it stands more than once. */
export function lineOfSnippet(snippet: string, text: string, line: number): number | undefined {
  return nearestTo(line, linesOfSnippet(snippet, text));
}

/** What a word counts in lines above those of the hit's own name; a line with the name alone counts as much, and comes before them. */
const ofOthers = 0.5;

/**
 * The `height` lines to show of a longer snippet: where most different words of the query are, with the first of them near the top; of several such
 * places, and where no word is, the line that names what the hit defines, and not the comment or the imports in front of it; else the beginning. Lines
 * that an empty one parts from that line, as imports and other definitions above it, tell less.
 * @param wordsOf those in a line, with what each counts there
 * @param isNamed see `naming`
 * @returns index of the first line.
 */
export function bestWindow<L extends { readonly length: number }>(lines: readonly L[], height: number, wordsOf: (line: L) => ReadonlyMap<string, number>, isNamed: (line: L) => boolean = () => false): number {
  const [words, named] = [lines.map(wordsOf), lines.map(isNamed)];
  const saysName = (start: number) => named.slice(start, start + height).includes(true);
  const last = Math.max(0, lines.length - height);
  let own = named.indexOf(true);
  while (own > 0 && lines[own - 1]!.length > 0) own--;
  let best = 0;
  let most = 0;
  for (let start = 0; start <= last; start++) {
    const seen = new Map<string, number>();
    for (const line of words.slice(start, start + height)) for (const [word, worth] of line) seen.set(word, Math.max(seen.get(word) ?? 0, worth));
    const value = Math.max(sum([...seen.values()]) * (start + height <= own ? ofOthers : 1), saysName(start) ? ofOthers : 0);
    if (value > most || (value > 0 && value === most && !saysName(best) && saysName(start))) [best, most] = [start, value];
  }
  const said = words.slice(0, best + height).findIndex(({ size }, i) => i >= best && size > 0);
  const first = said < 0 ? named.indexOf(true) : said;
  if (first < 0) return 0;
  // One line above gives the word its place, unless that line is empty; what names the hit stays in sight.
  const above = (lines[first - 1]?.length ?? 0) > 0 ? first - 1 : first;
  const name = named.indexOf(true, best);
  return Math.min(last, Math.max(best, name < 0 ? above : Math.min(name, above)));
}

const comment = /^\s*(\/\/|\/\*|\*|#(?!\w*\s*(define|if|include))|--|"""|''')/;

/** Whether a line begins as comments do in some language. @param symbol what the line may name: `#open() {` is a comment unless that is a private name */
export const isComment = (line: string, symbol = ""): boolean => comment.test(line) && !(symbol.startsWith("#") && line.trimStart().startsWith(symbol));

const lastPart = /[\p{L}_$][\p{L}\p{N}_$]*$/u;
const names = /[\p{L}_$][\p{L}\p{N}_$]*/gu;

/** Whether a line of code, no comment, says the name of what a hit defines: of `Store.open` the last part. Never for a hit without a name. */
export function naming(symbol: string): (line: string) => boolean {
  const [name] = symbol.match(lastPart) ?? [];
  return (line) => name !== undefined && line.includes(name) && !isComment(line, symbol) && line.match(names)!.includes(name);
}

/** Which of the words a line holds, in any case. */
export const wordsIn = (words: readonly string[]) => (line: string): ReadonlyMap<string, number> => {
  const lower = line.toLowerCase();
  return new Map(words.filter((word) => lower.includes(word)).map((word) => [word, 1]));
};
