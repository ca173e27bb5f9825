// Code as a stream of tokens without a grammar: enough to tell copies from renamed copies in any language. Comments and white space go.

export interface CodeToken {
  readonly kind: "keyword" | "name" | "number" | "string" | "mark";
  readonly text: string;
}

/** Words that are language, not naming, in most of the languages indexed. A word that is a keyword only elsewhere costs little: it is then not renamed. */
const keywords: ReadonlySet<string> = new Set(
  (
    "abstract and as assert async await base begin bool boolean break byte case catch char class const constexpr continue def default defer del delete do double " +
    "elif else elsif elseif end ensure enum except explicit export extends extern false final finally float fn for foreach from func function global go goto if impl " +
    "implements import in include inline instanceof int interface internal is lambda let local long loop match mod module mut namespace new nil none not null " +
    "object of operator or out override package pass private protected pub public raise readonly ref require rescue return self short sizeof static string struct " +
    "super switch template then this throw throws trait true try type typedef typeof union unless unsafe until use using val var virtual void when where while with yield"
  ).split(" "),
);

const hashComments: ReadonlySet<string> = new Set(["python", "ruby", "bash", "elixir", "perl", "r", "yaml", "toml", "php", "powershell", "julia", "makefile", "dockerfile"]);
const dashComments: ReadonlySet<string> = new Set(["lua", "haskell", "sql", "elm", "ada"]);
const slashComments = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
const hashComment = /#[^\n]*/y;
const dashComment = /--\[\[[\s\S]*?(?:\]\]|$)|--[^\n]*|\{-[\s\S]*?(?:-\}|$)/y;
const tripleQuoted = /"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)/y;
const stringLiteral = /"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`?/y;
const numberLiteral = /\d[\w.]*/y;
const word = /[\p{L}_$@][\p{L}\p{N}_$]*/uy;
const mark = /[-+*/%=<>!&|^~?:.]+|[^\s]/uy;

/** Tokens in order. `lang` decides what a comment is; unknown languages have C's. */
export function tokeniseCode(text: string, lang: string): CodeToken[] {
  const comments = hashComments.has(lang) ? [hashComment, ...(lang === "php" ? [slashComments] : [])] : dashComments.has(lang) ? [dashComment] : [slashComments];
  const tokens: CodeToken[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  while (at < text.length) {
    const c = text.charCodeAt(at);
    if (c === 32 || (c >= 9 && c <= 13)) {
      at++;
      continue;
    }
    const comment = comments.map(take).find((found) => found !== undefined);
    if (comment !== undefined) {
      at += comment.length;
      continue;
    }
    const docString = lang === "python" || lang === "elixir" ? take(tripleQuoted) : undefined;
    if (docString !== undefined) {
      // A triple-quoted text that begins a line is documentation; elsewhere it is a value.
      if (!/(^|\n)[ \t]*[a-zA-Z@]{0,10}[ \t]*$/.test(text.slice(Math.max(0, at - 60), at))) tokens.push({ kind: "string", text: docString });
      at += docString.length;
      continue;
    }
    const token = nextToken(take);
    if (!token) {
      at++;
      continue;
    }
    tokens.push(token);
    at += token.text.length;
  }
  return tokens;
}

function nextToken(take: (pattern: RegExp) => string | undefined): CodeToken | undefined {
  const string = take(stringLiteral);
  if (string !== undefined) return { kind: "string", text: string };
  const number = take(numberLiteral);
  if (number !== undefined) return { kind: "number", text: number };
  const name = take(word);
  if (name !== undefined) return { kind: keywords.has(name) ? "keyword" : "name", text: name };
  const other = take(mark);
  return other === undefined ? undefined : { kind: "mark", text: other };
}

/** The tokens as they stand: equal for copies that differ in layout and comments only. */
export function exactForm(tokens: readonly CodeToken[]): string {
  return tokens.map((token) => token.text).join(" ");
}

/** Names numbered by first use and literals blanked: equal for copies whose names were changed consistently. */
export function renamedForm(tokens: readonly CodeToken[]): string {
  const numbers = new Map<string, number>();
  return tokens
    .map((token) => {
      if (token.kind === "number" || token.kind === "string") return `<${token.kind}>`;
      if (token.kind !== "name") return token.text;
      if (!numbers.has(token.text)) numbers.set(token.text, numbers.size);
      return `$${numbers.get(token.text)}`;
    })
    .join(" ");
}

/** Runs of four token kinds (keywords and marks as written): what stays alike when code is renamed and slightly edited. */
export function shapeRuns(tokens: readonly CodeToken[]): ReadonlySet<string> {
  const shape = tokens.map((token) => (token.kind === "keyword" || token.kind === "mark" ? token.text : token.kind));
  const runs = new Set<string>();
  for (let i = 0; i + 4 <= shape.length; i++) runs.add(`${shape[i]} ${shape[i + 1]} ${shape[i + 2]} ${shape[i + 3]}`);
  return runs;
}

/** Distinct names, lower-cased. */
export function namesIn(tokens: readonly CodeToken[]): ReadonlySet<string> {
  return new Set(tokens.filter((token) => token.kind === "name" && token.text.length > 1).map((token) => token.text.toLowerCase()));
}

/** Jaccard similarity of two sets, 0 when both are empty. */
export function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  let shared = 0;
  for (const item of small) if (large.has(item)) shared++;
  const union = a.size + b.size - shared;
  return union === 0 ? 0 : shared / union;
}
