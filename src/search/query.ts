// Understands what was typed or pasted: filters, quoted text, names of code against prose, and which kind of question it is.
// It knows nothing of the index; ranking reads the result.
import { StrataError } from "../base/errors.ts";
import { alternativesOf, filtersFrom, filterToken, isStopWord } from "../base/queryWords.ts";
import type { Restricted } from "../engine/protocol.ts";
import { languageOf, languagesNamed, noSuchLanguage, proseLanguages, unknownLanguage } from "../indexing/languages.ts";
import { escapeGlob, type Filters } from "../store/store.ts";
import { analyseQuery, analyseQuestion, isUnspaced, nameParts, spacedAtScripts } from "./terms.ts";
import { type Relation, relationAsked } from "./relations.ts";

/** `symbol`: a name alone. `prose`: a question or keywords. `error`: a message. `trace`: lines of a stack trace. `code`: pasted code. */
export type QueryKind = "symbol" | "prose" | "error" | "trace" | "code";

/** A place named by a stack trace line. */
interface TraceLocation {
  /** As written: absolute, relative or a bare file name, "/" as separator. */
  readonly path: string;
  readonly line: number;
}

export interface ParsedQuery {
  readonly kind: QueryKind;
  /** The query without its filters; quoted text stays, without the quotes. What the encoder reads. */
  readonly text: string;
  /** Analysed terms for BM25, each once. */
  readonly terms: readonly string[];
  /** Names of code, as written, without call brackets; `Foo.bar` gives also its last part. */
  readonly identifiers: readonly string[];
  /** Roots of the words, stop words left out: what names and paths are compared with. */
  readonly parts: readonly string[];
  /** Quoted text that must occur verbatim. */
  readonly phrases: readonly string[];
  /** A row with a name or signs of code that is looked for as it stands where some code says it: `has_many :orders`, `new Store()`. */
  readonly fragment: string | undefined;
  /** What stands around it: what a pasted message says in every case, where the quoted text is of this case. The whole text when nothing is quoted. */
  readonly around: readonly string[];
  readonly filters: Filters;
  /** What `lang:` names that is no language. */
  readonly unknownLangs: readonly string[];
  /** `symbol:` filters, lower-cased: a hit must define one of these names, which may have the owner's in front. */
  readonly symbolFilter: readonly string[];
  /** `in:tests` restricts to tests, `-in:tests` leaves them out. */
  readonly tests: "only" | "none" | "any";
  /** The query itself asks for tests, examples or documents, so these are not ranked lower. How one does something, documents say. */
  readonly asksFor: { readonly tests: boolean; readonly examples: boolean; readonly documents: boolean };
  readonly locations: readonly TraceLocation[];
  /** What it asks about a name, without what that belongs to: "who calls `Store.save`". */
  readonly relation: Relation | undefined;
}

/** Letters of a question that are read: ranking takes time for each word, and a pasted log of 15,000 words kept everyone waiting for most of a minute. */
const longest = 4_000;

/** Quotes that stand free. Those behind a bracket or a sign of code are a literal's: `'["todos"]'`, `name="id"`. */
const quoted = /(?<![^\s(,;:])"([^"]{2,})"(?![^\s),.;:!?])/g;
const callWithLiteral = /[\w$]\("[^"]/;
/** Also as GNU's tools and Ruby quote names: `save!'. */
const backticked = /`([^`'\n]+)[`']/g;

/** What the filters of a query ask for. */
class Restrictions {
  readonly langs: string[] = [];
  readonly excludeLangs: string[] = [];
  readonly pathGlobs: string[] = [];
  readonly excludeGlobs: string[] = [];
  readonly symbols: string[] = [];
  tests: ParsedQuery["tests"] = "any";

  /** @returns whether the match of `filterToken` is a filter; what is not stays text. */
  take([, , minus, given = "", written = ""]: readonly (string | undefined)[]): boolean {
    const key = given.toLowerCase();
    const value = written.replace(/^"|"$/g, "");
    const negative = minus === "-";
    if (value === "") return false;
    if (key === "lang") (negative ? this.excludeLangs : this.langs).push(...languagesOf(value));
    else if (key === "path") {
      for (const one of alternativesOf(value)) (negative !== one.startsWith("!") ? this.excludeGlobs : this.pathGlobs).push(...globsOf(one.replace(/^!/, "")));
    } else if (key === "symbol" && !negative) this.symbols.push(value.toLowerCase().replace(/(?<=.)\(\)$/, ""));
    else if (key === "in" && /^tests?$/i.test(value)) this.tests = negative ? "none" : "only";
    else return false;
    return true;
  }

  get filters(): Filters {
    const { langs, excludeLangs, pathGlobs, excludeGlobs } = this;
    return Object.fromEntries(Object.entries({ langs, excludeLangs, pathGlobs, excludeGlobs }).filter(([, values]) => values.length > 0));
  }
}

/** `lang: go`: with a blank it is a filter only when a language is named. */
const looseLang = /(^|\s)(-?lang:)\s+(?=(\S+))/gi;

/** The text without the filters in it, which go to `restrictions`. */
function takeFilters(raw: string, restrictions: Restrictions): string {
  if (!raw.trim().includes("\n")) {
    const tight = raw.replace(looseLang, (all: string, before: string, key: string, name: string) => (languagesNamed(name).length > 0 ? `${before}${key}` : all));
    return tight.replace(filterToken, (...match) => (restrictions.take(match) ? match[1] : match[0]));
  }
  return raw.slice(0, filtersFrom(raw, (match) => restrictions.take(match)));
}

/**
 * Reads a query. Never throws: what is not understood as a filter is searched for as text.
 * @param isDefined whether a word without spaces is a name here, though it does not look like one: `read-line` in Lisp, a class of a style sheet
 */
export function parseQuery(raw: string, isDefined: (name: string) => boolean = () => false): ParsedQuery {
  const restrictions = new Restrictions();
  const withoutFilters = bothEnds(takeFilters(raw, restrictions).trim());
  const { symbols: symbolFilter, tests } = restrictions;

  const likely = kindOf(withoutFilters, isDefined);
  const unquoted = withoutFilters.replace(quoted, " $1 ").trim().replace(/[ \t]+/g, " ");
  const relation = likely === "prose" || (likely === "error" && isAboutError(withoutFilters)) ? relationAsked(unquoted, looksLikeCode, isDefined) : undefined;
  // "Subclasses of StandardError" is no message.
  const kind = relation ? "prose" : likely;
  // Quotes in pasted code and messages are string literals, not a demand for exact text.
  const takesPhrases = (kind === "prose" || kind === "symbol" || (kind === "error" && isAboutError(withoutFilters))) && !callWithLiteral.test(withoutFilters);
  const phrases = takesPhrases ? [...withoutFilters.matchAll(quoted)].map((match) => match[1]!.trim()).filter((phrase) => phrase !== "") : [];
  const typed = withoutFilters.replace(/[ \t]+/g, " ");
  const text = takesPhrases ? unquoted : typed;
  const words = text.toLowerCase();

  return {
    kind,
    text: text === "" ? symbolFilter.join(" ") : text,
    terms: (kind === "prose" ? analyseQuestion : analyseQuery)(`${text} ${symbolFilter.join(" ")}`),
    identifiers: unique([...identifiersOf(text, kind), ...symbolFilter]),
    parts: nameParts(
      text
        .split(/[^\p{L}\p{N}_$]+/u)
        .filter((word) => !isStopWord(word))
        .join(" "),
    ),
    phrases,
    fragment: (kind === "prose" || kind === "code" || kind === "error") && isFragment(typed) ? typed : undefined,
    // Every second part is a quoted text.
    around: phrases.length === 0 ? [text] : withoutFilters.split(quoted).flatMap((part, i) => (i % 2 === 0 && part.trim()) || []),
    filters: restrictions.filters,
    unknownLangs: [...restrictions.langs, ...restrictions.excludeLangs].filter((name) => languagesNamed(name).length === 0),
    symbolFilter,
    tests,
    asksFor: {
      tests: tests === "only" || /\b(unit |integration )?(tests?|tested|specs?|testing|fixtures?|mock(s|ed|ing)?)\b/.test(words),
      documents: /\b(docs?|documentation|readme|change ?logs?|guides?|manual|release notes)\b|^how (?:do|can|should) (?:i|we|you)\b|^how to\b/.test(words) || restrictions.langs.some((lang) => proseLanguages.has(lang)),
      examples: /\b(examples?|samples?|demos?|tutorials?|benchmarks?)\b/.test(words),
    },
    locations: kind === "trace" ? locationsOf(text) : [],
    relation: relation && { ...relation, name: lastName(relation.name) },
  };
}

/** Refuses what nothing, or anything, would answer: vectors are near to something whatever they are made of. @throws StrataError "input.invalid" */
export function checkQuery({ text, terms, identifiers, phrases, unknownLangs }: ParsedQuery): void {
  const [unknown] = unknownLangs;
  if (unknown !== undefined) throw new StrataError("input.invalid", noSuchLanguage(unknown));
  if (text === "") throw new StrataError("input.invalid", "There are only filters in the query. Type beside them what you look for: a sentence, a name or a quoted text.");
  // A name of signs alone (`__`) can be defined.
  if (terms.length > 0 || phrases.length > 0 || identifiers.some((name) => /[_$]{2}/.test(name))) return;
  throw new StrataError("input.invalid", 'There is no word in the query. Type a sentence or a name, or put signs that must stand in the code in quotes, for example "=>".');
}

/** Every file is compared with each, and nobody else is answered meanwhile: 300,000 of an agent that repeated itself took minutes for twelve files. */
const MOST_GLOBS = 1_000;

/** What a query asks of files. @param under directory below the root, "" for all. @throws StrataError "input.invalid" for more paths than anybody names */
export function filtersOf({ filters, tests }: ParsedQuery, under: string): Filters {
  const globs = (filters.pathGlobs ?? []).length + (filters.excludeGlobs ?? []).length;
  if (globs > MOST_GLOBS) throw new StrataError("input.invalid", `There are ${globs} paths in the filters; up to ${MOST_GLOBS} are looked at. Name the folder they are in.`);
  return { ...filters, ...(under !== "" && { under: under.replace(/\/$/, "") }), ...(tests !== "any" && { tests: tests === "only" }) };
}

/** Filters that stand alone, for similar code and duplicates. @throws StrataError "input.invalid" when they hold anything else. */
export function parseFilters({ filters = "", under = "" }: Restricted): Filters {
  const query = parseQuery(filters);
  const [unknown] = query.unknownLangs;
  if (unknown !== undefined) throw new StrataError("input.invalid", noSuchLanguage(unknown));
  // Of `symbol:` the text is the name alone.
  const refused = query.symbolFilter.length > 0 ? filters.trim() : query.text || filters;
  if (query.text !== "") throw new StrataError("input.invalid", `"${refused}" is no filter for this. There are lang:go, path:src/** and in:tests, each also with "-" before it to leave out.`);
  return filtersOf(query, under);
}

/** A message stands at the beginning or at the end of what is pasted. */
function bothEnds(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest / 2)} ${text.slice(-longest / 2)}`;
}

/** `lang:ts,go`; a name of no language stays, to be refused. */
function languagesOf(value: string): string[] {
  return value
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
    .flatMap((name): readonly string[] => {
      const known = languagesNamed(name);
      return known.length > 0 ? known : [name];
    });
}

/**
 * `path:src/a` means anything below or named so. With `*`, `?` or `{a,b}` it is a glob; other brackets are letters, as in `app/(auth)` and `app/[id]`.
 * Both hold at any depth, unless `./` says that the path begins at the root.
 */
function globsOf(value: string): string[] {
  const slashes = value.replaceAll("\\", "/");
  const clean = slashes.replace(/^\.?\/+/, "").replace(/\/$/, "");
  if (clean === "" || clean === ".") return ["**"];
  const isGlob = /[*?]|\{[^{},]*,[^{}]*\}/.test(clean);
  if (slashes.startsWith("./")) return (isGlob ? readingsOf(clean) : [escapeGlob(clean)]).map((glob) => `/${glob}`);
  if (isGlob) return readingsOf(clean).flatMap((glob) => (glob.startsWith("**/") ? [glob] : [glob, `**/${glob}`]));
  return [`**/*${escapeGlob(clean)}*`, `**/*${escapeGlob(clean)}*/**`];
}

/** In a glob `[id]` may be a set of letters or a folder's name. */
function readingsOf(glob: string): string[] {
  const plain = glob.replace(/[()]/g, "\\$&");
  return unique([plain, plain.replace(/[[\]]/g, "\\$&")]);
}

/** One letter of a path, or a part of it in round brackets. */
const step = String.raw`(?:[\p{L}\p{N}_.@+%~[\]-]|\([\p{L}\p{N}_.@+%-]*\))`;
const file = String.raw`((?:[A-Za-z]:)?(?:${step}*[\\/])*${step}+\.[A-Za-z][\w+]{0,9})`;
/** Where a path begins: behind white space, a bracket, or the name in `load@http://…`. */
const start = String.raw`(?:^|[\s(])(?:[^\s@()/]{0,255}@)??`;
/** `file://`, `http://localhost:5173`, `webpack-internal://`, and the slash before a drive. */
const origin = String.raw`(?:[A-Za-z][\w+.-]{1,30}:\/\/[^\s/()]{0,255}(?=\/)(?:\/(?=[A-Za-z]:[\\/]))?)?`;
const tracePatterns: readonly RegExp[] = [
  /File "([^"]+)", line (\d+)/g,
  new RegExp(String.raw`${start}${origin}${file}(?:\?[^\s:()]{0,255})?:(\d+)`, "gu"),
  new RegExp(String.raw`${start}${file}\((\d+)(?:,\d+)*\)(?=[ \t]?:)`, "gu"),
  / in ((?:[A-Za-z]:)?[^\s:]+\.\w+)(?::| on )line (\d+)/g,
];
const traceLine = /^[ \t]*(?:at[ \t]+\S.*[:(]\d|File ".+", line \d|#\d+[ \t]+(?:0x[0-9a-f]+ )?in?\b|#\d+[ \t]+\S.*\(\d+\): |from \S+:\d+:in)/m;

function locationsOf(text: string): TraceLocation[] {
  const found = new Map<string, TraceLocation>();
  for (const line of text.split("\n")) {
    // Elsewhere a name and a number are as likely a host and its port.
    const isTrace = traceLine.test(line);
    for (const pattern of tracePatterns) {
      for (const match of line.matchAll(pattern)) {
        const location = { path: match[1]!.replaceAll("\\", "/"), line: Number(match[2]) };
        if (isTrace || languageOf(location.path) !== unknownLanguage) found.set(`${location.path}:${location.line}`, location);
      }
    }
  }
  return [...found.values()];
}

/** A class of errors, a word that begins a message, or as in Go the package before one: `http: invalid length`. */
const errorPattern = /^[\w./-]+: \S|\b([A-Z]\w*(Error|Exception|Warning|Panic|Fault)\b|panic:|error\[E\d+\]|error:|fatal:|Traceback|Uncaught|Unhandled|segmentation fault|E[A-Z]{4,}\b)/;
const asksSomething = /^(how|where|what|which|why|when|who|find|show|list)\b|\?\s*$/i;
const symbolPattern = /^[~#@]?[\p{L}_$][\p{L}\p{N}_$]*[?!]?(?:(?:::|\.|->|#|\/)[\p{L}_$~][\p{L}\p{N}_$]*[?!]?)*(?:\(\s*\))?$/u;

function kindOf(text: string, isDefined: (name: string) => boolean): QueryKind {
  if (text === "") return "prose";
  const exact = /^"([^"]{2,})"$/.exec(text)?.[1];
  if (exact !== undefined || !/\s/.test(text)) {
    if (exact === undefined && locationsOf(text).length > 0) return "trace";
    const word = exact ?? text.replace(/^"|"$/g, "");
    return isName(word) || isDefined(word.replace(/^[.#]/, "")) ? "symbol" : "prose";
  }
  if (traceLine.test(text)) return "trace";
  // What a line quotes is text to find and does not say what the line is; but Python quotes the files of a trace.
  const said = text.includes("\n") ? text : text.replace(/(?<!File )"[^"]{2,}"/g, " ").trim();
  if (asksSomething.test(said)) return "prose";
  if (locationsOf(said).length > 0) return "trace";
  const punctuation = (said.match(/[{}();=<>[\]]|=>|->/g) ?? []).length;
  const words = (said.match(/[\p{L}\p{N}_$]+/gu) ?? []).length;
  if ((said.includes("\n") && punctuation >= 3) || punctuation >= Math.max(4, words * 0.5)) return "code";
  if (errorPattern.test(said) && words >= 3) return "error";
  return "prose";
}

/** Whether a line tells of an error, as `TimeoutError thrown with "no slot"` does. A message has a colon, or says that nobody caught it. */
function isAboutError(text: string): boolean {
  return !text.includes("\n") && !/:(\s|$)|\b(Uncaught|Unhandled)\b/.test(text.replace(quoted, " "));
}

/** Letters alone of a script without spaces are a sentence as likely as a name. */
function isName(text: string): boolean {
  return symbolPattern.test(text) && !(isUnspaced(text) && /^[\p{L}\p{N}?!]+$/u.test(text));
}

/** `Foo::bar`, `foo.bar`, `foo->bar` and `Foo\\bar` → `bar`. */
export function lastName(name: string): string {
  return name.split(/::|\.|->|#|\/|\\/).at(-1)!;
}

/** Names that a query may mean: as written, for `list->string` is one in Lisp, and without what owns them. */
export function namesIn({ identifiers }: ParsedQuery): string[] {
  return unique([...identifiers, ...identifiers.map(lastName)]);
}

/** Words that can only be names of code: joined, with a mark of code, or in backticks. A query of one word is taken as a name whatever it looks like. */
function identifiersOf(text: string, kind: QueryKind): string[] {
  const found: string[] = [];
  const add = (word: string) => {
    const bare = word.replace(/\(.*\)$/, "").replace(/^[~#@.]+|[.,;:]+$/g, "");
    if (bare === "") return;
    found.push(bare);
    const last = lastName(bare);
    if (last !== bare && last.length > 1) found.push(last);
  };
  if (kind === "symbol") add(text);
  else if (kind === "prose" || kind === "error") {
    for (const match of text.matchAll(backticked)) add(match[1]!);
    for (const word of text.replaceAll("`", " ").split(/[\s,;"'<>[\]{}]+/)) {
      const bare = word.replace(/[?!]+$/, "");
      if (!looksLikeCode(bare)) continue;
      if (/[^?!]!$/.test(word)) add(word);
      spacedAtScripts(bare).split(" ").filter(looksLikeCode).forEach(add);
    }
  } else if (kind === "trace") {
    for (const match of text.matchAll(/(?:\bat (?:async |new )?|\bin |^#\d+ +)(?![\w-]+:\/\/)([\p{L}_$][\p{L}\p{N}_$.:<>]*)/gmu)) add(match[1]!.replace(/<.*?>/g, ""));
  }
  return unique(found);
}

function looksLikeCode(word: string): boolean {
  const bare = word.replace(/[?.,;:!]+$/, "");
  return (
    /^[\p{L}_$][\p{L}\p{N}_$]*\(.*\)$/u.test(bare) ||
    /\p{Ll}\p{Lu}/u.test(bare) ||
    /\p{Lu}{2}\p{Ll}{2}/u.test(bare) ||
    /[\p{L}\p{N}]_[\p{L}\p{N}]/u.test(bare) ||
    /^_+\p{L}/u.test(bare) ||
    /^[\p{L}_$][\p{L}\p{N}_$]*(::|->|#)[\p{L}_$]/u.test(bare) ||
    /^[a-z_$][\w$]+\.[a-z_$][\w$]+$/.test(bare)
  );
}

/** Several words, or one with brackets in it, among them what no prose has. */
function isFragment(text: string): boolean {
  const words = text.match(/[\p{L}\p{N}_$]+/gu) ?? [];
  return words.length >= 2 && text.length <= longestFragment && !text.includes("\n") && !asksSomething.test(text) && (/[(){}[\]=<>|&$#%@\\]|::|->|(?<!\w):\w|;$/.test(text) || text.split(/\s+/).some(looksLikeCode));
}
const longestFragment = 200;

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}
