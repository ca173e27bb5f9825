// Questions for what uses a name: "who calls parseDate", "callers of Store.open", "where is retry() used". What defines the name matches such a question best,
// and what shares its words next; the one line that calls it says little else of the question.
import { literally } from "../base/literally.ts";
import { isStopWord } from "../base/queryWords.ts";
import { languageOf, proseLanguages, unknownLanguage } from "../indexing/languages.ts";
import type { Place } from "../store/store.ts";

const kind = "(?:(?:the|this)\\s+)?(?:(?:function|method|class|type|macro|constant|variable|hook|component|struct|interface|module|helper)\\s+)?";
const name = "`?(?<name>[~@#$]?[\\p{L}_$][\\p{L}\\p{N}_$]*(?:(?:::|\\.|->|#)[\\p{L}_$][\\p{L}\\p{N}_$]*)*[?!]?(?:\\(\\))?)`?(?![\\p{L}\\p{N}_$.:/-]*[\\p{L}\\p{N}_$])";
const doing = "(?:calls?|(?:is\\s+|are\\s+)?calling|uses?|(?:is\\s+|are\\s+)?using|invokes?|invoking|references?|instantiates?|depends? on|relies on)";
const done = "(?:called|used|invoked|referenced|instantiated)";
const questions: readonly RegExp[] = [
  `\\b(?:who|what|which(?:\\s+\\w+)?|(?:code|functions?|methods?|classes|files?|places?|everything|everyone|all)\\s+(?:that|which))\\s+(?:else\\s+|all\\s+)?${doing}\\s+${kind}${name}`,
  `\\b(?:callers?|usages?|uses|users|references?|call ?sites?|calls)\\s+(?:of|to)\\s+${kind}${name}`,
  `\\bwhere\\s+(?:else\\s+)?(?:is|are)\\s+${kind}${name}\\s+(?:(?:being|actually|ever|all)\\s+)?${done}\\b`,
  `\\bwhere\\s+(?:do|does)\\s+\\w+\\s+(?:call|use|invoke|reference)\\s+${kind}${name}`,
  `\\b(?:where|whether|is)\\s+${kind}${name}\\s+(?:(?:is|gets|still|ever)\\s+)?${done}\\b`,
  `^${name}\\s+(?:callers?|usages?|references|call ?sites?)$`,
].map((pattern) => new RegExp(pattern, "iu"));
const callsOnly = /\b(?:call(?:s|ing|ed|ers?)?|call ?sites?|invok\w+)\b/i;

/**
 * The name whose uses a question asks for, without brackets; undefined when it asks for none.
 * @param isCode whether a word can only be a name of code
 * @param isDefined whether one of plain letters is a name here. It counts where the question is for calls and is over with it: "who calls refresh", not
 *   "who calls the function first".
 */
export function nameUsed(text: string, isCode: (word: string) => boolean, isDefined: (word: string) => boolean): string | undefined {
  for (const question of questions) {
    const match = question.exec(text);
    const written = match?.groups?.["name"];
    if (!match || written === undefined) continue;
    const rest = text.slice(match.index + match[0].length);
    const bare = (rest === "" ? written.replace(/\?$/, "") : written).replace(/\(\)$/, "").replace(/^[~@#]/, "");
    const isMarked = match[0].includes("`");
    const asksForCalls = callsOnly.test(match[0]);
    // A file: "where is config.json used", but not "callers of Store.diff".
    if (!isMarked && !asksForCalls && !written.endsWith("()") && bare.includes(".") && languageOf(bare) !== unknownLanguage) return undefined;
    if (isMarked || isCode(written) || /[^:.>#]+(?:::|\.|->|#)./.test(bare)) return bare;
    if (asksForCalls && /^[\s?.!]*$/.test(rest) && !isStopWord(bare) && isDefined(bare)) return bare;
  }
  return undefined;
}

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

const mention = 0.3;
/** Whether a place uses the name, as certain as that is. */
export const isUse = (certainty: number): boolean => certainty > 0.5;

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

/** The same among candidates. What has no name in the file that defines the name, as pages of a comment that say how it is called, mentions it. */
export function usesAmong(used: string, candidates: readonly { readonly place: Place }[]): (place: Place) => number {
  const uses = usesOf(used);
  const lower = used.toLowerCase();
  const defining = new Set(candidates.filter(({ place }) => place.symbols.some((symbol) => symbol.toLowerCase() === lower)).map(({ place }) => place.path));
  const isNameless = ({ symbols, breadcrumb, kind }: Place): boolean => symbols.length === 0 && breadcrumb === "" && (kind === "block" || kind === "window");
  return (place) => (defining.has(place.path) && isNameless(place) ? Math.min(mention, uses(place)) : uses(place));
}
