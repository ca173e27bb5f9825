// How a question is read before anything is looked for: what it asks, in English, with its slips mended.
import type { Respelling, Translation } from "../base/remarks.ts";
import { readQuery } from "./candidates.ts";
import type { ParsedQuery } from "./query.ts";
import { type Reader, respelt, type Vocabulary } from "./spelling.ts";
import { analyseQuery } from "./terms.ts";
import { translated, type TranslatedQuery } from "./translation.ts";

export interface ReadQuestion {
  /** As it was typed. */
  readonly typed: ParsedQuery;
  /** As it is looked for. */
  readonly query: ParsedQuery;
  /** Its text before `respellings`, in English. */
  readonly asked: string;
  readonly translation?: Translation;
  readonly respellings: readonly Respelling[];
}

/** @param mayRespell false while files are still being read: a word that none has yet may come */
export function readQuestion(store: Vocabulary, raw: string, { isWord, isTyping, mayRespell }: Reader & { readonly mayRespell: boolean }): ReadQuestion {
  const typed = readQuery(store, raw);
  const found = inEnglish(typed, raw, store, isWord);
  const asked = found ? readQuery(store, found.english) : typed;
  const { query, respellings } = mayRespell ? respelt(found?.english ?? raw, asked, store, { isWord, isTyping }) : { query: asked, respellings: [] };
  if (!found) return { typed, query, asked: asked.text, respellings };
  const { words, ...translation } = found;
  // Who asks in a language may also write its words into code.
  const own = analyseQuery(words.join(" ")).filter((term) => store.placesSaying(term) > 0);
  return { typed, query: { ...query, terms: [...new Set([...query.terms, ...own])] }, asked: asked.text, respellings, translation };
}

/** Of one word, only where nothing says it: it may be a name here. */
function inEnglish(typed: ParsedQuery, raw: string, store: Vocabulary, isWord: Reader["isWord"]): TranslatedQuery | undefined {
  if (typed.kind === "symbol" ? typed.terms.some((term) => store.placesSaying(term) > 0) : typed.kind !== "prose" || raw.trim().includes("\n")) return undefined;
  return translated(raw, isWord);
}
