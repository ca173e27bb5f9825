// Code as a stream of tokens without a grammar: enough to tell copies from renamed copies in any language. Comments and white space go.
import type { LanguageId } from "../indexing/languages.ts";

export interface CodeToken {
  /** `member`: a name that stands right behind `.`, `->` or `::`, `label`: that of an argument, entry or symbol. Whoever wrote what is used chose them, not who uses it. */
  readonly kind: "keyword" | "name" | "member" | "label" | "number" | "string" | "mark";
  readonly text: string;
}

const wordsOf = (text: string): string[] => text.split(" ");

/** Words that are language, not naming, in most of the languages indexed: for those without a row below. */
const commonKeywords: ReadonlySet<string> = new Set(
  wordsOf(
    "abstract and as assert async await base begin bool boolean break byte case catch char class const constexpr continue def default defer del delete do double " +
      "elif else elsif elseif end ensure enum except explicit export extends extern false final finally float fn for foreach from func function global go goto if impl " +
      "implements import in include inline instanceof int interface internal is lambda let local long loop match mod module mut namespace new nil none not null " +
      "object of operator or out override package pass private protected pub public raise readonly ref require rescue return self short sizeof static string struct " +
      "super switch template then this throw throws trait true try type typedef typeof union unless unsafe until use using val var virtual void when where while with yield",
  ),
);

const curly = "break case catch class const continue default do else enum false finally for if import new null return static super switch this throw true try var void while ";
const sea = "auto bool break case char const continue default do double else enum extern false float for goto if inline int long register return short signed sizeof static struct switch true typedef union unsigned void volatile while ";
/**
 * What each language keeps to itself. Words that it reserves only in some places and that are common names (Python's `type`, TypeScript's
 * `namespace`, C#'s `value`) are left out: a keyword that is numbered as a name is numbered alike in every copy, a name taken for a keyword is a copy missed.
 */
const keywordRows: readonly (readonly [languages: readonly LanguageId[], keywords: string])[] = [
  [["javascript", "typescript", "tsx", "vue", "svelte", "astro"], `${curly}abstract as async await boolean debugger delete export extends function implements in instanceof interface is let of private protected public readonly typeof undefined with yield`],
  [["python", "starlark"], "False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield"],
  [["go"], "break case chan const continue default defer else fallthrough false for func go goto if import interface map nil package range return select struct switch true type var"],
  [["java", "groovy"], `${curly}abstract assert boolean byte char double extends final float goto implements instanceof int interface long native package private protected public short synchronized throws transient volatile`],
  [["kotlin"], "abstract as break catch class companion const continue do else false finally for fun if import in interface internal is null object override package private protected public return super suspend this throw true try typealias val var when while"],
  [["scala"], "abstract case catch class def do else extends false final finally for given if implicit import lazy match new null object override package private protected return sealed super this throw trait true try type val var while with yield"],
  [["c"], sea],
  [["cpp", "shader"], `${sea}and catch class concept const_cast constexpr decltype delete dynamic_cast explicit friend mutable namespace new noexcept not nullptr operator or private protected public reinterpret_cast requires static_cast template this throw try typeid typename using virtual`],
  [["objective-c"], `${sea}class id import in nil self super this`],
  [["csharp"], `${curly}abstract as async await base bool byte char decimal delegate double explicit extern float foreach goto implicit in int interface internal is lock long namespace object operator out override private protected public readonly ref sealed short sizeof string struct typeof uint ulong unchecked unsafe using virtual when where yield`],
  [["rust"], "Self as async await bool break char const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return self static struct super trait true type unsafe use where while"],
  [["ruby", "crystal"], "alias and begin break case class def do else elsif end ensure false for if in lambda module next nil not or raise redo require rescue retry return self super then true undef unless until when while yield"],
  [["php"], `${curly}abstract and array as clone echo elseif empty extends final fn foreach function global goto implements instanceof interface isset list match namespace or private protected public readonly require require_once trait unset use yield`],
  [["swift"], "Self as associatedtype async await break case catch class continue default defer do else enum extension fallthrough false fileprivate for func guard if import in init inout internal is let nil operator override private protocol public repeat rethrows return self static struct subscript super switch throw throws true try typealias var where while"],
  [["elixir"], "after alias and case catch cond def defguard defimpl defmacro defmacrop defmodule defp defprotocol defstruct do else end false fn for if import in nil not or quote raise receive require rescue true try unless unquote use when with"],
  [["haskell", "purescript", "elm"], "case class data deriving do else forall if import in infix infixl infixr instance let module newtype of then type where"],
  [["lua"], "and break do else elseif end false for function goto if in local nil not or repeat return then true until while"],
  [["zig"], "and anytype async await bool break catch comptime const continue defer else enum errdefer error export extern false fn for if inline null or orelse packed pub return struct switch test true try undefined union unreachable usingnamespace var void while"],
  [["bash"], "case declare do done elif else esac export fi for function if in local readonly return select then until while"],
  [["powershell"], "begin break catch class continue do else elseif end enum exit filter finally for foreach function if in param process return switch throw trap try until using while"],
  [["dart"], `${curly}abstract as assert async await bool double export extends extension external factory final implements in int is late mixin operator required rethrow typedef with yield`],
  [["solidity"], "address assembly bool break bytes constructor continue contract delete do else emit enum event external false for function if import interface internal is library mapping memory modifier new override payable pragma private public pure return returns storage string struct this true try uint uint256 using view virtual while"],
];
const keywordsOf = new Map<string, ReadonlySet<string>>(keywordRows.flatMap(([languages, keywords]) => languages.map((lang) => [lang, new Set(wordsOf(keywords))] as const)));

/**
 * Both read off Go's library and Python's. Of the pairs from different folders that differ in members only, 3 of 13 below 64 tokens had nothing to do
 * with each other, above it none of those looked at. With fewer than 16 distinct runs nearly all renamed groups were tables and lists of constants.
 */
const leastToRenameMembers = 64;
const fewestRuns = 16;

const slashComments = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/y;
const blockComment = /\/\*[\s\S]*?(?:\*\/|$)/y;
const hashComment = /#[^\n]*/y;
const semicolonComment = /;[^\n]*|#\|[\s\S]*?(?:\|#|$)/y;
const percentComment = /(?<!\\)%[^\n]*/y;
const bangComment = /![^\n]*/y;
const quoteComment = /'[^\n]*/y;
const dashComment = /--\[\[[\s\S]*?(?:\]\]|$)|--[^\n]*|\{-[\s\S]*?(?:-\}|$)/y;
/** What is a comment where it is not C's. In Nix `//` is an operator. */
const commentRows: readonly (readonly [languages: readonly LanguageId[], comments: readonly RegExp[]])[] = [
  [["python", "ruby", "bash", "elixir", "perl", "r", "powershell", "julia", "crystal", "nim", "tcl", "fish", "coffeescript", "graphql", "gdscript"], [hashComment]],
  [["make", "cmake", "just", "starlark", "docker", "yaml", "toml", "gettext"], [hashComment]],
  [["clojure", "lisp"], [semicolonComment]],
  [["ini", "assembly"], [semicolonComment, hashComment, slashComments]],
  [["erlang", "tex", "matlab"], [percentComment]],
  [["fortran"], [bangComment]],
  [["visual-basic"], [quoteComment]],
  [["php", "terraform", "thrift"], [hashComment, slashComments]],
  [["nix"], [hashComment, blockComment]],
  [["lua", "haskell", "elm", "purescript", "cabal", "ada"], [dashComment]],
  [["sql"], [dashComment, blockComment]],
];
const commentsOf = new Map<string, readonly RegExp[]>(commentRows.flatMap(([languages, comments]) => languages.map((lang) => [lang, comments] as const)));
const tripleQuoted = /"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)/y;
const stringLiteral = /"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`?/y;
/** Go's raw strings know no escapes; Elixir writes the code of a quote `?"`. */
const stringLiterals: ReadonlyMap<string, RegExp> = new Map<LanguageId, RegExp>([
  ["go", /"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'|`[^`]*`?/y],
  ["elixir", new RegExp(`\\?\\\\?["']|${stringLiteral.source}`, "y")],
]);
const numberLiteral = /\d\w*(?:\.\d\w*)*/y;
const word = /[\p{L}_$@][\p{L}\p{N}_$]*/uy;
/** A `?` before a quote stands alone: it may belong to it. */
const mark = /(?:[-+*/%=<>!&|^~:.]|\?(?!\\?["']))+|[^\s]/uy;

/** In some languages `.` joins strings or functions, `->` stands before a result or a lambda's body, `::` before a type or the rest of a list. */
const withoutDotMembers: ReadonlySet<string> = new Set<LanguageId>(["php", "perl"]);
const arrowMembers: ReadonlySet<string> = new Set<LanguageId>(["c", "cpp", "objective-c", "php", "perl"]);
const colonMembers: ReadonlySet<string> = new Set<LanguageId>(["c", "cpp", "csharp", "java", "kotlin", "perl", "php", "r", "ruby", "rust"]);

/** Marks after which a name is a member: `?.`, `!.` and `&.` end in one; `..` and `...` are ranges and rests. */
function opensMember(mark: string, lang: string): boolean {
  if (mark.endsWith(".")) return !mark.endsWith("..") && !withoutDotMembers.has(lang);
  if (mark.endsWith("->")) return arrowMembers.has(lang);
  return mark.endsWith("::") ? colonMembers.has(lang) : mark === ":" && lang === "lua";
}

/** `:name` is a value and keeps its name when the variable `name` is renamed. */
const symbols: ReadonlySet<string> = new Set<LanguageId>(["ruby", "crystal", "elixir"]);

interface Labels {
  /** The bracket that labels stand in directly, behind it or a comma; without one they stand anywhere, close to their mark. */
  readonly inside?: "(" | "{";
  readonly mark: RegExp;
}
const colon = /\s*:(?![:=])/y;
const equals = /\s*=(?![=>])/y;
const labelRows: readonly (readonly [languages: readonly LanguageId[], labels: Labels])[] = [
  [["python", "starlark", "kotlin", "scala", "r"], { inside: "(", mark: equals }],
  [["lua", "haskell"], { inside: "{", mark: equals }],
  [["swift", "csharp", "dart"], { inside: "(", mark: colon }],
  [["javascript", "typescript", "tsx", "vue", "svelte", "astro", "go", "rust", "solidity"], { inside: "{", mark: colon }],
  [["ruby", "crystal", "elixir"], { mark: /:(?![:=])/y }],
];
const labelsOf = new Map<string, Labels>(labelRows.flatMap(([languages, labels]) => languages.map((lang) => [lang, labels] as const)));
/** A parameter's name is a variable of the body, whatever stands behind it. */
const definers: ReadonlySet<string> = new Set(["def", "defp", "defmacro", "defmacrop", "func", "init", "subscript", "function"]);

interface Bracket {
  readonly opener: string;
  readonly holdsParameters: boolean;
  /** Between `case` and its colon. */
  isInCase: boolean;
}

/** Does the bracket that comes now hold the parameters of a definition: `def f(`, `def self.f(`, `func f<T>(`, `init(`? */
function opensParameters(tokens: readonly CodeToken[]): boolean {
  let at = tokens.length - 1;
  if (tokens[at]?.kind === "mark" && tokens[at]!.text.endsWith(">")) at = tokens.findLastIndex(({ kind, text }, i) => kind === "mark" && text.startsWith("<") && i < at && i > at - 16) - 1;
  if (tokens[at]?.kind === "member") at -= 2;
  return [tokens[at], tokens[at - 1]].some((token) => token !== undefined && token.kind !== "mark" && definers.has(token.text));
}

/** Tokens in order. `lang` decides what a comment is; unknown languages have C's. */
export function tokeniseCode(text: string, lang: string): CodeToken[] {
  const comments = commentsOf.get(lang) ?? [slashComments];
  const keywords = keywordsOf.get(lang) ?? commonKeywords;
  const labels = labelsOf.get(lang);
  const brackets: Bracket[] = [];
  const tokens: CodeToken[] = [];
  let at = 0;
  /** Where the last token ended: white space between `.` and a name makes it an operator. */
  let end = -1;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  const isLabel = ({ kind, text: name }: CodeToken, last: CodeToken | undefined): boolean => {
    if (!labels || (kind !== "name" && (kind !== "keyword" || labels.inside === undefined))) return false;
    if (at === end && last?.kind === "mark" && /(?:^|[^:]):$/.test(last.text) && symbols.has(lang)) return true;
    const around = brackets.at(-1);
    if (around?.holdsParameters || around?.isInCase) return false;
    if (labels.inside !== undefined && (around?.opener !== labels.inside || last?.kind !== "mark" || (last.text !== "," && last.text !== labels.inside))) return false;
    labels.mark.lastIndex = at + name.length;
    return labels.mark.test(text);
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
    const token = nextToken(take, lang, keywords);
    if (!token) {
      at++;
      continue;
    }
    const last = tokens.at(-1);
    const isWord = token.kind === "name" || token.kind === "keyword";
    const role = !isWord ? undefined : at === end && last?.kind === "mark" && opensMember(last.text, lang) ? "member" : isLabel(token, last) ? "label" : undefined;
    if (token.kind === "mark" && labels) follow(brackets, token.text, tokens);
    else if (labels?.inside === "{" && token.kind === "keyword" && !role && token.text === "case" && brackets.length > 0) brackets.at(-1)!.isInCase = true;
    tokens.push(role ? { kind: role, text: token.text } : token);
    end = at += token.text.length;
  }
  return tokens;
}

/** Opens and closes brackets as a mark says. */
function follow(brackets: Bracket[], mark: string, before: readonly CodeToken[]): void {
  if (mark === "(" || mark === "[" || mark === "{") brackets.push({ opener: mark, holdsParameters: mark === "(" && opensParameters(before), isInCase: false });
  else if (mark === ")" || mark === "]" || mark === "}") brackets.pop();
  else if (mark.startsWith(":") && brackets.length > 0) brackets.at(-1)!.isInCase = false;
}

function nextToken(take: (pattern: RegExp) => string | undefined, lang: string, keywords: ReadonlySet<string>): CodeToken | undefined {
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
 * Names numbered by first use and literals blanked: equal for copies whose names were changed consistently. Members and labels are numbered apart
 * from variables, so that a variable `at` beside `.at(-1)` may be renamed alone. In a short piece members stand as written: there, what is called
 * is nearly all there is, and idioms (check, then flush or wait) would meet that do different things.
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
    return kind === "label" || (kind === "member" && !keepsMembers) ? `.${numberIn(members, text)}` : text;
  });
}

/** Runs of four token kinds (keywords and marks as written): what stays alike when code is renamed and slightly edited. */
export function shapeRuns(tokens: readonly CodeToken[]): ReadonlySet<string> {
  const shape = tokens.map(({ kind, text }) => (kind === "keyword" || kind === "mark" ? text : kind === "member" || kind === "label" ? "name" : kind));
  const runs = new Set<string>();
  for (let i = 0; i + 4 <= shape.length; i++) runs.add(`${shape[i]} ${shape[i + 1]} ${shape[i + 2]} ${shape[i + 3]}`);
  return runs;
}

const keywordLetters = new Map([...new Set(keywordRows.flatMap(([, keywords]) => wordsOf(keywords)).concat([...commonKeywords]))].map((keyword, i) => [keyword, String.fromCharCode(0xe000 + i)]));
const kindLetters = { name: "n", member: "m", label: "l", number: "0", string: '"' } as const;

/** One letter per keyword, name and literal, marks as written: what texts are compared by before their names are. */
export function shapeText(tokens: readonly CodeToken[]): string {
  // Joined, not added up: V8 keeps every sum of two strings as an object, 32 bytes a token, and shapes are kept for all code.
  return tokens.map(({ kind, text }) => (kind === "mark" ? text : kind === "keyword" ? keywordLetters.get(text) : kindLetters[kind])).join("");
}

/**
 * How much of the longer of two pieces stands in the other as well, in order, when one stretch may differ and names were changed consistently:
 * what a copy keeps when a statement is added, removed or replaced.
 */
export function sharedAround(a: readonly CodeToken[], b: readonly CodeToken[]): number {
  const [left, right] = [markByMark(a), markByMark(b)];
  const keepsMembers = Math.min(a.length, b.length) < leastToRenameMembers;
  const shorter = Math.min(left.length, right.length);
  // Where both begin the differing stretch alike, the first end runs into it: from the other end it does not.
  const shared = [false, true].map((fromEnd) => {
    const variables = { there: new Map<string, string>(), back: new Map<string, string>() };
    const members = { there: new Map<string, string>(), back: new Map<string, string>() };
    const answers = (x: CodeToken, y: CodeToken): boolean => {
      if (x.kind !== y.kind) return false;
      if (x.kind === "number" || x.kind === "string") return true;
      if (x.kind === "keyword" || x.kind === "mark" || (x.kind === "member" && keepsMembers)) return x.text === y.text;
      const { there, back } = x.kind === "name" ? variables : members;
      if (there.has(x.text) || back.has(y.text)) return there.get(x.text) === y.text && back.get(y.text) === x.text;
      there.set(x.text, y.text);
      back.set(y.text, x.text);
      return true;
    };
    let count = 0;
    for (const fromHere of [fromEnd, !fromEnd]) {
      const first = count;
      while (count < shorter && answers(left.at(fromHere ? first - count - 1 : count - first)!, right.at(fromHere ? first - count - 1 : count - first)!)) count++;
    }
    return count;
  });
  return Math.max(...shared) / Math.max(left.length, right.length);
}

/** Whether all of a piece stands in another as it is, layout and comments aside. */
export function holds(whole: readonly CodeToken[], part: readonly CodeToken[]): boolean {
  const [all, wanted] = [markByMark(whole), markByMark(part)];
  const standsAt = (from: number): boolean => wanted.every(({ text }, i) => all[from + i]!.text === text);
  for (let from = 0; from + wanted.length <= all.length; from++) if (standsAt(from)) return true;
  return false;
}

function markByMark(tokens: readonly CodeToken[]): CodeToken[] {
  return tokens.flatMap((token) => (token.kind === "mark" ? [...token.text].map((text): CodeToken => ({ kind: "mark", text })) : token));
}

/** The same few tokens over and over (constants, entries, fields): any two such lists of one length have the same renamed form. */
export function isList(tokens: readonly CodeToken[]): boolean {
  return shapeRuns(tokens).size < fewestRuns;
}

/** Distinct names, lower-cased. */
export function namesIn(tokens: readonly CodeToken[]): ReadonlySet<string> {
  return new Set(tokens.filter(({ kind, text }) => (kind === "name" || kind === "member" || kind === "label") && text.length > 1).map((token) => token.text.toLowerCase()));
}

/** Jaccard similarity of two sets, 0 when both are empty. */
export function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  let shared = 0;
  for (const item of small) if (large.has(item)) shared++;
  const union = a.size + b.size - shared;
  return union === 0 ? 0 : shared / union;
}
