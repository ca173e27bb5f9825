// How much of a message's or code's own wording a chunk repeats, in runs of three words: what survives when its variable parts differ.
// A sentence may be a message too, with nothing that tells so; of such only what stands in a string literal counts.
import type { ParsedQuery } from "./query.ts";

const word = /[\p{L}\p{N}_$]+/gu;
const wordsOf = (text: string): string[] => text.toLowerCase().match(word) ?? [];
const literal = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
/** Longer sentences are no messages. */
const longestMessage = 30;

/** The share of the query's runs in a text, 0 to 1, and 2 where a literal says the whole sentence; undefined where wording says nothing. */
export function wordingOf(query: ParsedQuery): ((text: string) => number) | undefined {
  if (query.kind === "symbol") return undefined;
  const words = wordsOf(query.text).slice(0, 300);
  const runs = words.length < 3 ? [words] : words.slice(2).map((_, i) => words.slice(i, i + 3));
  const texts = runs.map((run) => ` ${run.join(" ")} `);
  const share = (text: string): number => {
    const said = ` ${wordsOf(text).join(" ")} `;
    return texts.filter((run) => said.includes(run)).length / Math.max(1, runs.length);
  };
  if (query.kind !== "prose") return share;
  if (words.length < 3 || words.length > longestMessage) return undefined;
  // Most candidates have none of the runs, and a look for the single words tells.
  const patterns = runs.map((run) => ({ run, inOrder: new RegExp(run.map((part) => part.replaceAll("$", "\\$")).join("[^\\p{L}\\p{N}_$]+"), "u") }));
  return (text) => {
    const lower = text.toLowerCase();
    const missing = new Set(words.filter((part) => !lower.includes(part)));
    const hasRun = patterns.some(({ run, inOrder }) => !run.some((part) => missing.has(part)) && inOrder.test(lower));
    const said = hasRun ? share((text.match(literal) ?? []).join("\n")) : 0;
    return said === 1 ? 2 : said; // who writes a literal's every word has it before them
  };
}
