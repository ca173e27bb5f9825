// What a hit of similar code is to the code that was asked about: a copy of it, told by its tokens as duplicates.ts tells them, or much alike by what
// ranked it. So nobody has to compare the two to see where copies end and mere neighbours begin.
import type { Likeness } from "../base/copies.ts";
import type { Depth } from "../encoding/encoder.ts";
import type { Place } from "../store/store.ts";
import { formOf, leastShared } from "./codeForms.ts";
import { type CodeToken, exactForm, holds, isList, sharedAround } from "./codeTokens.ts";

/** Scores of similar.ts from which on four of five hits do the same (`node test/quality/alike.ts`); vectors of lower exits come less near to each other. */
const muchAlike: Readonly<Record<Depth, number>> = { instant: 0.9, shallow: 0.95, deep: 1 };

/** @returns what a place is to this code; undefined for what merely comes near. `others` are the place's tokens, `score` and `depth` those of its hit */
export function likenessTo(text: string, tokens: readonly CodeToken[]): (place: Place, others: readonly CodeToken[], hit: { readonly score: number; readonly depth: Depth }) => Likeness | undefined {
  const [exact, own, isApart] = [exactForm(tokens), formOf({ chunkId: 0, kind: "function", text }, tokens), isList(tokens)];
  return (place, others, { score, depth }) => {
    if (tokens.length === 0) return undefined;
    if (exactForm(others) === exact) return { kind: "exact" };
    if (own) {
      if (holds(others, tokens)) return { kind: "within" };
      const other = formOf(place, others);
      if (other?.renamed === own.renamed && !isApart) return { kind: "renamed" };
      if (other?.shape && own.shape && !isApart && !isList(others)) {
        const shared = sharedAround(tokens, others);
        if (shared >= leastShared) return { kind: "changed", shared };
      }
    }
    return score >= muchAlike[depth] ? { kind: "alike" } : undefined;
  };
}
