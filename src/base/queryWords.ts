// The words of a question: which of them say nothing, and which are looked for in a hit to choose and mark its lines. Terminal and view share them.

/** Function words and the scaffolding of questions ("how does … work"). Left out of queries only: in code `is` or `work` can be a name. */
const stopWords: ReadonlySet<string> = new Set(
  (
    "a about all also am an and any are as at be because been being but by can could did do does doing done each for from get gets given had has have " +
    "having how i if in into is it its like me my of on or our should so some such than that the their them then there these they this those to used uses " +
    "using via was we were what when where which while who whose why will with without work works working would you your implemented implement implements " +
    "implementation code handled please find show happens"
  ).split(" "),
);

const filterKey = "(lang|path|symbol|in):";

/** `lang:go`, `-path:"some folder"`: what a query says about where to look, in any case, with the minus, the key and the value. */
export const filterToken = new RegExp(String.raw`(^|\s)(-?)${filterKey}("[^"]*"|\S+)`, "gi");

/**
 * Where filters begin to count: in pasted text, where what looks like a filter is code, only at its end, where the view, the terminal and agents append theirs.
 * @param isFilter asked of each match of `filterToken` there, the last one first
 */
export function filtersFrom(query: string, isFilter: (match: RegExpExecArray) => boolean = () => true): number {
  if (!query.trim().includes("\n")) return 0;
  let end = query.length;
  for (const match of [...query.matchAll(filterToken)].reverse()) {
    if (query.slice(match.index + match[0].length, end).trim() !== "" || !isFilter(match)) break;
    end = match.index;
  }
  return end;
}

/** What a filter's value lists: `src,lib/{a,b}` → `src`, `lib/{a,b}`. */
export function alternativesOf(value: string): string[] {
  return (value.match(/(?:\{[^{}]*\}|[^,])+/g) ?? []).map((one) => one.trim()).filter((one) => one !== "");
}

/** A word of the command line that begins as a filter with a minus does, and not as an option. */
export const exclusion = new RegExp(`^-${filterKey}`, "i");

export function isStopWord(word: string): boolean {
  return stopWords.has(word.toLowerCase());
}

/** The words of a query that are worth marking, lower-cased and cut to a common stem, longest first; filters, short words and stop words are left out. */
export function queryWords(query: string): readonly string[] {
  const text = query.replace(filterToken, " ");
  // A name is looked for whole, too: the row that says it is shown before those that say its parts.
  const names = (text.match(/[\p{L}\p{N}_]+/gu) ?? []).filter((word) => /[\p{L}\p{N}]_+[\p{L}\p{N}]|\p{Ll}\p{Lu}/u.test(word)).map((word) => word.toLowerCase());
  const words = text
    .replace(/([\p{Ll}\p{N}])(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu);
  // "not" counts where answers are ranked, but marked it would light up every note and notification.
  const stems = (words ?? []).filter((word) => word.length > 2 && word !== "not" && !isStopWord(word)).map((word) => (word.length > 5 ? word.replace(/(ations?|ings?|ers?|ed|es|s|e)$/, "") : word.replace(/s$/, "")));
  return [...new Set([...names, ...stems])].filter((stem) => stem.length > 2).sort((a, b) => b.length - a.length);
}

/** A filter of a query. @param value without quotes, which would end it */
export const filterOf = (key: "lang" | "path", value: string): string => `${key}:${/\s/.test(value) ? `"${value}"` : value}`;

/** Filters for exactly these files and folders, and others beside. What cannot stand in a path (a quote, a comma, brackets that may hold one) may be any letter. */
export function filtersFor(paths: readonly string[], others = ""): string {
  const inside = paths.length === 0 ? "" : `path:"${paths.map((one) => `./${one.replace(/[",{}]/g, "?")}`).join(",")}"`;
  return `${inside} ${others}`.trim();
}
