// What is shown of a piece of code, and where one that was read before stands in its file now.

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
