// Code as a stream of tokens without a grammar: enough to tell copies from renamed copies in any language. Comments and white space go.

export interface CodeToken {
  /** `member`: a name that stands right behind `.`, `->` or `::`, chosen by whoever wrote what is used and not by who uses it. */
  readonly kind: "keyword" | "name" | "member" | "number" | "string" | "mark";
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

/**
 * Both read off Go's library and Python's. Of the pairs from different folders that differ in members only, 3 of 13 below 64 tokens had nothing to do
 * with each other, above it none of those looked at. With fewer than 16 distinct runs nearly all renamed groups were tables and lists of constants.
 */
const leastToRenameMembers = 64;
const fewestRuns = 16;

const hashComments: ReadonlySet<string> = new Set(["python", "ruby", "bash", "elixir", "perl", "r", "yaml", "toml", "php", "powershell", "julia", "makefile", "dockerfile"]);
const dashComments: ReadonlySet<string> = new Set(["lua", "haskell", "sql", "elm", "ada"]);
const slashComments = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
const hashComment = /#[^\n]*/y;
const dashComment = /--\[\[[\s\S]*?(?:\]\]|$)|--[^\n]*|\{-[\s\S]*?(?:-\}|$)/y;
const tripleQuoted = /"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)/y;
const stringLiteral = /"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`?/y;
/** Go's raw strings know no escapes; Elixir writes the code of a quote `?"`. */
const stringLiterals: ReadonlyMap<string, RegExp> = new Map([
  ["go", /"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'|`[^`]*`?/y],
  ["elixir", new RegExp(`\\?\\\\?["']|${stringLiteral.source}`, "y")],
]);
const numberLiteral = /\d\w*(?:\.\d\w*)*/y;
const word = /[\p{L}_$@][\p{L}\p{N}_$]*/uy;
/** A `?` before a quote stands alone: it may belong to it. */
const mark = /(?:[-+*/%=<>!&|^~:.]|\?(?!\\?["']))+|[^\s]/uy;

/** In some languages `.` joins strings or functions, `->` stands before a result or a lambda's body, `::` before a type or the rest of a list. */
const withoutDotMembers: ReadonlySet<string> = new Set(["php", "perl"]);
const arrowMembers: ReadonlySet<string> = new Set(["c", "cpp", "objective-c", "php", "perl"]);
const colonMembers: ReadonlySet<string> = new Set(["c", "cpp", "csharp", "java", "kotlin", "perl", "php", "r", "ruby", "rust"]);

/** Marks after which a name is a member: `?.`, `!.` and `&.` end in one; `..` and `...` are ranges and rests. */
function opensMember(mark: string, lang: string): boolean {
  if (mark.endsWith(".")) return !mark.endsWith("..") && !withoutDotMembers.has(lang);
  if (mark.endsWith("->")) return arrowMembers.has(lang);
  return mark.endsWith("::") ? colonMembers.has(lang) : mark === ":" && lang === "lua";
}

/** Tokens in order. `lang` decides what a comment is; unknown languages have C's. */
export function tokeniseCode(text: string, lang: string): CodeToken[] {
  const comments = hashComments.has(lang) ? [hashComment, ...(lang === "php" ? [slashComments] : [])] : dashComments.has(lang) ? [dashComment] : [slashComments];
  const tokens: CodeToken[] = [];
  let at = 0;
  /** Where the last token ended: white space between `.` and a name makes it an operator. */
  let end = -1;
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
      if (!/(^|\n)[ \t]*[a-zA-Z@]{0,10}[ \t]*(?:~[sS])?$/.test(text.slice(Math.max(0, at - 60), at))) tokens.push({ kind: "string", text: docString });
      at += docString.length;
      continue;
    }
    const token = nextToken(take, lang);
    if (!token) {
      at++;
      continue;
    }
    const last = tokens.at(-1);
    const isMember = token.kind === "name" && at === end && last?.kind === "mark" && opensMember(last.text, lang);
    tokens.push(isMember ? { kind: "member", text: token.text } : token);
    end = at += token.text.length;
  }
  return tokens;
}

function nextToken(take: (pattern: RegExp) => string | undefined, lang: string): CodeToken | undefined {
  const string = take(stringLiterals.get(lang) ?? stringLiteral);
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
  return joined(tokens, (token) => token.text);
}

/** Marks that follow each other stand together: `a=!b` has one mark where `a = !b` has two. */
function joined(tokens: readonly CodeToken[], written: (token: CodeToken) => string): string {
  let form = "";
  tokens.forEach((token, i) => (form += (i === 0 || (token.kind === "mark" && tokens[i - 1]!.kind === "mark") ? "" : " ") + written(token)));
  return form;
}

/**
 * Names numbered by first use and literals blanked: equal for copies whose names were changed consistently. Members are numbered apart from
 * variables, so that a variable `at` beside `.at(-1)` may be renamed alone. In a short piece they stand as written: there, what is called is
 * nearly all there is, and idioms (check, then flush or wait) would meet that do different things.
 */
export function renamedForm(tokens: readonly CodeToken[]): string {
  const variables = new Map<string, number>();
  const members = new Map<string, number>();
  const keepsMembers = tokens.length < leastToRenameMembers;
  const numberIn = (numbers: Map<string, number>, name: string): number => {
    const known = numbers.get(name) ?? numbers.size;
    numbers.set(name, known);
    return known;
  };
  return joined(tokens, ({ kind, text }) => {
    if (kind === "number" || kind === "string") return `<${kind}>`;
    if (kind === "name") return `$${numberIn(variables, text)}`;
    return kind === "member" && !keepsMembers ? `.${numberIn(members, text)}` : text;
  });
}

/** Runs of four token kinds (keywords and marks as written): what stays alike when code is renamed and slightly edited. */
export function shapeRuns(tokens: readonly CodeToken[]): ReadonlySet<string> {
  const shape = tokens.map(({ kind, text }) => (kind === "keyword" || kind === "mark" ? text : kind === "member" ? "name" : kind));
  const runs = new Set<string>();
  for (let i = 0; i + 4 <= shape.length; i++) runs.add(`${shape[i]} ${shape[i + 1]} ${shape[i + 2]} ${shape[i + 3]}`);
  return runs;
}

/** The same few tokens over and over (constants, entries, fields): any two such lists of one length have the same renamed form. */
export function isList(tokens: readonly CodeToken[]): boolean {
  return shapeRuns(tokens).size < fewestRuns;
}

/** Distinct names, lower-cased. */
export function namesIn(tokens: readonly CodeToken[]): ReadonlySet<string> {
  return new Set(tokens.filter(({ kind, text }) => (kind === "name" || kind === "member") && text.length > 1).map((token) => token.text.toLowerCase()));
}

/** Jaccard similarity of two sets, 0 when both are empty. */
export function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  let shared = 0;
  for (const item of small) if (large.has(item)) shared++;
  const union = a.size + b.size - shared;
  return union === 0 ? 0 : shared / union;
}
