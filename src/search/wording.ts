// How much of a message's or code's own wording a chunk repeats, in runs of three words: what survives when its variable parts differ.
// A sentence may be a message too, with nothing that tells so; of such only what stands in a string literal counts.
import type { ParsedQuery } from "./query.ts";

const word = /[\p{L}\p{N}_$]+/gu;
const wordsOf = (text: string): string[] => text.toLowerCase().match(word) ?? [];
const betweenWords = /[^\p{L}\p{N}_$]+/uy;
const literal = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
/** Longer sentences are no messages. */
const longestMessage = 30;

/** The share of the query's runs in a text, 0 to 1, and 2 where a literal says the whole sentence, or code the whole row; undefined where wording says nothing. */
export function wordingOf(query: ParsedQuery): ((text: string) => number) | undefined {
  const byRuns = runsOf(query);
  const { fragment } = query;
  if (fragment === undefined) return byRuns;
  const holds = holding(fragment);
  const literals = (fragment.match(literal) ?? []).map((quoted) => quoted.slice(1, -1)).filter(({ length }) => length > 2);
  // Other code around the same literal is nearer to it than what only has its words.
  return (text) => (holds(text) ? 2 : Math.max(byRuns?.(text) ?? 0, literals.some((said) => text.includes(said)) ? 1 : 0));
}

/** Whether a text says another as it stands. In lower case it is found in any case, like the editor's smart case. */
export function holding(said: string): (text: string) => boolean {
  if (said !== said.toLowerCase()) return (text) => text.includes(said);
  return (text) => text.toLowerCase().includes(said);
}

function runsOf(query: ParsedQuery): ((text: string) => number) | undefined {
  if (query.kind === "symbol") return undefined;
  // Where a message quotes a value, its own words end.
  const own = query.around.map(wordsOf).filter(({ length }) => length >= 3);
  const parts = own.length > 0 ? own : [wordsOf(query.text)];
  const words = parts.flat().slice(0, 300);
  const runs = parts.flatMap((part) => (part.length < 3 ? [part] : part.slice(2).map((_, i) => part.slice(i, i + 3)))).slice(0, 298);
  const texts = runs.map((run) => ` ${run.join(" ")} `);
  const share = (text: string): number => {
    const said = ` ${wordsOf(text).join(" ")} `;
    return texts.filter((run) => said.includes(run)).length / Math.max(1, runs.length);
  };
  if (query.kind !== "prose") return share;
  if (words.length < 3 || words.length > longestMessage) return undefined;
  // Most candidates have none of the runs, and a look for the single words tells.
  return (text) => {
    const lower = text.toLowerCase();
    const missing = new Set(words.filter((part) => !lower.includes(part)));
    const hasRun = runs.some((run) => !run.some((part) => missing.has(part)) && saysInOrder(lower, run));
    const said = hasRun ? share((text.match(literal) ?? []).join("\n")) : 0;
    return said === 1 ? 2 : said; // who writes a literal's every word has it before them
  };
}

/** Whether words stand in a text one behind the other. By hand: a pattern of their own would be compiled for each question. */
function saysInOrder(text: string, [first, ...others]: readonly string[]): boolean {
  for (let at = text.indexOf(first!); at >= 0; at = text.indexOf(first!, at + 1)) {
    betweenWords.lastIndex = at + first!.length;
    const goesOn = others.every((word) => {
      if (!betweenWords.test(text) || !text.startsWith(word, betweenWords.lastIndex)) return false;
      betweenWords.lastIndex += word.length;
      return true;
    });
    if (goesOn) return true;
  }
  return false;
}

/**
 * Whether a text has the message that a sentence with quoted values may be: `relation "%s" does not exist` has `relation "users" does not exist`, though
 * not its "users". Undefined where the words around the quotes are too few to tell.
 */
export function messageOf(query: ParsedQuery): ((text: string) => boolean) | undefined {
  if (query.kind !== "prose" || query.phrases.length === 0 || !query.around.some((part) => wordsOf(part).length >= 3)) return undefined;
  const wording = wordingOf(query);
  return wording && ((text) => wording(text) === 2);
}
