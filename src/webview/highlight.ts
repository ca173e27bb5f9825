// Colours a snippet without a grammar: comments, strings, numbers, keywords, called names; and marks the query's words.
// Pure: returns plain data, the page makes text nodes of it, so nothing in a snippet can become HTML.
import { literally } from "../base/literally.ts";

type TokenKind = "plain" | "comment" | "string" | "number" | "keyword" | "call" | "type";

export interface Token {
  readonly text: string;
  readonly kind: TokenKind;
  /** A word of the query. */
  readonly marked: boolean;
}

const keywords = new Set(
  `abstract and as assert async await begin boolean bool break case catch char class const constructor continue def default defer del delete do double elif else elsif end enum except export extends extern false False final finally float fn for foreach from func function go goto if impl implements import in include inline int interface internal is lambda let local long loop match mod module mut namespace new nil None nonlocal not null object of operator or override package pass private protected public pub raise readonly record ref require rescue return self short signed sizeof static string struct super switch template then this throw throws trait true True try type typedef typeof undefined union unless unsafe unsigned until use using val var virtual void volatile when where while with yield`.split(" "),
);

const ids = (text: string): ReadonlySet<string> => new Set(text.split(" "));
/** Languages by what opens a comment; // and block comments are taken in all others. A contract test compares them with the engine's. */
export const commentsOpenWith = {
  hash: ids("python ruby bash elixir perl r powershell julia crystal nim tcl fish coffeescript graphql gdscript make cmake just starlark docker yaml toml gettext nix"),
  hashOrSlashes: ids("php terraform thrift"),
  dashes: ids("lua haskell elm purescript cabal ada sql"),
  semicolon: ids("clojure lisp"),
  semicolonOrOther: ids("ini assembly"),
  percent: ids("erlang tex matlab"),
  bang: ids("fortran"),
  quote: ids("visual-basic"),
};
/** Text for people: nothing in it is a keyword or a call. */
export const plainLanguages = ids("markdown text restructuredtext asciidoc org tex manual");

/** Of the text: `$` is the end of each line, for what ends with its line. */
const end = String.raw`(?![\s\S])`;

function lexer(lang: string): RegExp {
  const slashes = String.raw`\/\/.*|\/\*[\s\S]*?(?:\*\/|${end})|^\s*\*(?:\s.*|\/)?$`;
  const patterns: Readonly<Record<keyof typeof commentsOpenWith, string>> = {
    hash: "#.*",
    hashOrSlashes: `#.*|${slashes}`,
    dashes: "--.*",
    semicolon: ";.*",
    semicolonOrOther: `[;#].*|${slashes}`,
    percent: String.raw`(?<!\\)%.*`,
    bang: "!.*",
    quote: "'.*",
  };
  const opening = (Object.keys(patterns) as (keyof typeof commentsOpenWith)[]).find((name) => commentsOpenWith[name].has(lang));
  const comment = opening ? patterns[opening] : slashes;
  const text = String.raw`"""[\s\S]*?(?:"""|${end})|'''[\s\S]*?(?:'''|${end})|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'|` + "`(?:\\\\.|[^`\\\\])*`?";
  return new RegExp(`(?<comment>${comment})|(?<string>${text})|(?<number>\\b\\d[\\w.]*)|(?<word>[\\p{L}_$][\\p{L}\\p{N}_$]*)`, "gmu");
}

const anyOf = (words: readonly string[]): RegExp => new RegExp(words.map(literally).join("|"), "giu");

/** Splits `text` where one of `words` stands at the beginning of a word or of a part of an identifier. */
function mark(text: string, kind: TokenKind, words: RegExp | undefined): Token[] {
  if (words === undefined) return [{ text, kind, marked: false }];
  const tokens: Token[] = [];
  let at = 0;
  for (const match of text.matchAll(words)) {
    const before = text[match.index - 1] ?? "";
    const first = text[match.index] ?? "";
    const partStart = !/[\p{L}\p{N}]/u.test(before) || (/\p{Lu}/u.test(first) && !/\p{Lu}/u.test(before));
    if (!partStart) continue;
    if (match.index > at) tokens.push({ text: text.slice(at, match.index), kind, marked: false });
    // The stem was looked for, the whole part of the name is marked: "expir" marks "expired" in isExpiredAt.
    const end = match.index + match[0].length;
    const ending = /^\p{Ll}*/u.exec(text.slice(end))![0];
    tokens.push({ text: match[0] + ending, kind, marked: true });
    at = end + ending.length;
  }
  if (at < text.length) tokens.push({ text: text.slice(at), kind, marked: false });
  return tokens;
}

/** Tokens of `text` by line; joined they give the text back, without the line ends. */
export function highlight(text: string, lang: string, words: readonly string[]): readonly (readonly Token[])[] {
  const lines: Token[][] = [[]];
  const wanted = words.length === 0 ? undefined : anyOf(words);
  const add = (piece: string, kind: TokenKind) => {
    for (const [i, part] of piece.split("\n").entries()) {
      if (i > 0) lines.push([]);
      if (part !== "") lines.at(-1)!.push(...mark(part, kind, wanted));
    }
  };
  let at = 0;
  for (const match of lang === "" || plainLanguages.has(lang) ? [] : text.matchAll(lexer(lang))) {
    if (match.index > at) add(text.slice(at, match.index), "plain");
    at = match.index + match[0].length;
    const { comment, string, number } = match.groups ?? {};
    if (comment !== undefined) add(match[0], "comment");
    else if (string !== undefined) add(match[0], "string");
    else if (number !== undefined) add(match[0], "number");
    else if (keywords.has(match[0])) add(match[0], "keyword");
    else if (text[at] === "(") add(match[0], "call");
    else add(match[0], /^\p{Lu}\p{L}*\p{Ll}/u.test(match[0]) ? "type" : "plain");
  }
  if (at < text.length) add(text.slice(at), "plain");
  return lines;
}

/** Removes the indentation all lines share; tabs count as they are. */
export function dedent(text: string): string {
  const lines = text.replace(/\s+$/, "").split("\n");
  const indents = lines.filter((line) => line.trim() !== "").map((line) => /^[ \t]*/.exec(line)![0]);
  // A first line without indentation was cut behind it when the last line, which closes the same block, is indented.
  const closes = /^\s+([}\])]|end\b)/.test(lines.at(-1) ?? "");
  const told = indents[0] === "" && closes ? indents.slice(1) : indents;
  const shared = told.reduce((a, b) => (a.length <= b.length ? a : b), told[0] ?? "");
  return lines.map((line) => (line.startsWith(shared) ? line.slice(shared.length) : line.replace(/^[ \t]+/, ""))).join("\n");
}

/** Marks further right than this are cut off in a side bar, so they say less. */
const VISIBLE_COLUMNS = 36;

/** The words of the query that a line shows: each counts 1, or less when it is far to the right. */
export function markedWords(line: readonly Token[]): ReadonlyMap<string, number> {
  const seen = new Map<string, number>();
  let column = 0;
  for (const { marked, text } of line) {
    const word = text.toLowerCase();
    if (marked) seen.set(word, Math.max(seen.get(word) ?? 0, column < VISIBLE_COLUMNS ? 1 : 0.3));
    column += text.length;
  }
  return seen;
}
