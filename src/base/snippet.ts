// Where a piece of code that was read before stands in its file now.

/**
 * The line (from 1) at which whole lines of `text` say `snippet`, the nearest to `line` where it stands more than once; undefined when it does not.
 * A snippet of one line may be a part of its line: some hits show a piece of a very long one.
 */
export function lineOfSnippet(snippet: string, text: string, line: number): number | undefined {
  if (snippet === "") return undefined;
  const [wanted, lines] = [snippet, text].map((each) => each.split(/\r?\n/)) as [string[], string[]];
  const isAt = (at: number): boolean => (wanted.length === 1 ? lines[at]!.includes(snippet) : wanted.every((row, i) => lines[at + i] === row));
  let nearest: number | undefined;
  lines.forEach((_, at) => {
    if ((nearest === undefined || Math.abs(at + 1 - line) < Math.abs(nearest - line)) && isAt(at)) nearest = at + 1;
  });
  return nearest;
}
