// What uses a name: which rows of a place call it, say it in code, or merely mention it. Which questions ask for that is in relations.ts.
import { literally } from "../base/literally.ts";
import { proseLanguages } from "../indexing/languages.ts";
import type { Place } from "../store/store.ts";

/** Rows that say a name without using it. */
const noUse = /^\s*(?:\/\/|\/\*|\*(?:[\s*/]|$)|#(?!\{|\s*define\b)|--|;|%|import\b|from\s+\S+\s+import\b|use\b|using\b(?!\s*\()|require\b|export\s+(?:\*|\{)|["'`]{3})/;
/** Rows of a comment or a long string have no such sign. */
const codeSign = /[(){}[\]=;<>:@|&]/;
/** What stands in quotes; behind a letter or a digit one opens nothing: C++'s 1'000, MATLAB's a'. */
const quoted = /(?<![\p{L}\p{N}_])(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')/gu;
/** A message, into which nothing is filled. */
const isMessage = (text: string): boolean => /\s/.test(text) && !text.includes("{");
/** A quote of Rust or of a Lisp opens nothing, and what pages quote may be code. */
const withoutQuotes: ReadonlySet<string> = new Set(["html", "vue", "svelte", "astro", "template", "rust", "lisp", "clojure", "haskell", "ocaml", "sml", "vim", "bash", "fish", "tcl", "make"]);
/** A call may be a name and nothing else. */
const callsWithoutBrackets: ReadonlySet<string> = new Set(["bash", "fish", "nushell", "powershell", "batch", "make", "ruby", "crystal", "elixir", "haskell", "elm", "purescript", "ocaml", "fsharp", "lisp", "clojure", "tcl", "perl", "coffeescript", "nix", "just", "vim"]);

/** How certainly what merely says a name uses it. */
export const mention = 0.3;

/** How certainly a place uses the name that it does not define itself, 0 to 1: calls it, says it in code, or merely mentions it. */
export function usesOf(used: string): (place: Pick<Place, "text" | "symbols" | "lang">) => number {
  const said = new RegExp(`(?<![\\p{L}\\p{N}_$])${literally(used)}(?![\\p{L}\\p{N}_$])`, "u");
  const called = new RegExp(`${said.source}\\s*(?:<[^<>()\\n]{0,80}>)?!?\\(`, "u");
  const unquoted = new RegExp(`(?<!["'\`])${said.source}|${said.source}(?!["'\`])`, "u");
  return ({ text, symbols, lang }) => {
    if (!text.includes(used)) return 0;
    const rows = text.split("\n").filter((row) => said.test(row));
    const withoutMessages = (row: string): string => (withoutQuotes.has(lang) ? row : row.slice(0, 1_000).replace(quoted, (text) => (isMessage(text) ? '""' : text)));
    const isCode = (row: string): boolean => !noUse.test(row) && unquoted.test(row) && (codeSign.test(row) || callsWithoutBrackets.has(lang));
    const inCode = proseLanguages.has(lang) ? [] : rows.map(withoutMessages).filter((row) => said.test(row) && isCode(row));
    // One of several small functions that share a chunk may call another; a function that calls itself is no news.
    const definitions = symbols.includes(used) ? (symbols.length > 1 ? 1 : Infinity) : 0;
    if (inCode.filter((row) => called.test(row)).length > definitions) return 1;
    if (definitions > 0 || rows.length === 0) return 0;
    return inCode.length > 0 ? 0.8 : mention;
  };
}
