// Understands what was typed or pasted: filters, quoted text, names of code against prose, and which kind of question it is.
// It knows nothing of the index; ranking reads the result.
import { type LanguageId, languagesNamed } from "../indexing/languages.ts";
import type { Filters } from "../store/store.ts";
import { analyseQuery, isStopWord, nameParts } from "./terms.ts";

/** `symbol`: a name alone. `prose`: a question or keywords. `error`: a message. `trace`: lines of a stack trace. `code`: pasted code. */
export type QueryKind = "symbol" | "prose" | "error" | "trace" | "code";

/** A place named by a stack trace line. */
export interface TraceLocation {
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
  readonly filters: Filters;
  /** `symbol:` filters, lower-cased: a hit must define one of these names. */
  readonly symbolFilter: readonly string[];
  /** `in:tests` restricts to tests, `-in:tests` leaves them out. */
  readonly tests: "only" | "none" | "any";
  /** The query itself asks for tests, examples or documents, so these are not ranked lower. */
  readonly asksFor: { readonly tests: boolean; readonly examples: boolean; readonly documents: boolean };
  readonly locations: readonly TraceLocation[];
}

const filterToken = /(^|\s)(-?)(lang|path|symbol|in):("[^"]*"|\S+)/g;
const quoted = /"([^"]{2,})"/g;
const backticked = /`([^`]+)`/g;

/** Languages whose files are read, not run. */
export const proseLanguages: ReadonlySet<string> = new Set<LanguageId>(["markdown", "text", "html", "restructuredtext", "asciidoc", "tex", "org"]);

/** Reads a query. Never throws: what is not understood as a filter is searched for as text. */
export function parseQuery(raw: string): ParsedQuery {
  const langs: string[] = [];
  const pathGlobs: string[] = [];
  const excludeGlobs: string[] = [];
  const symbolFilter: string[] = [];
  let tests = "any" as ParsedQuery["tests"];
  const isPasted = raw.includes("\n");

  const withoutFilters = isPasted
    ? raw
    : raw.replace(filterToken, (whole, space: string, minus: string, key: string, quotedValue: string) => {
        const value = quotedValue.replace(/^"|"$/g, "");
        const negative = minus === "-";
        if (value === "") return whole;
        if (key === "lang" && !negative) langs.push(...languagesOf(value));
        else if (key === "path") (negative ? excludeGlobs : pathGlobs).push(...globsOf(value));
        else if (key === "symbol" && !negative) symbolFilter.push(value.toLowerCase());
        else if (key === "in" && /^tests?$/.test(value)) tests = negative ? "none" : "only";
        else return whole;
        return space;
      });

  const kind = kindOf(withoutFilters.trim());
  // Quotes in pasted code and messages are string literals, not a demand for exact text.
  const takesPhrases = kind === "prose" || kind === "symbol";
  const phrases = takesPhrases ? [...withoutFilters.matchAll(quoted)].map((match) => match[1]!.trim()).filter((phrase) => phrase !== "") : [];
  const text = (takesPhrases ? withoutFilters.replace(quoted, " $1 ") : withoutFilters).trim().replace(/[ \t]+/g, " ");
  const words = text.toLowerCase();

  return {
    kind,
    text: text === "" ? symbolFilter.join(" ") : text,
    terms: analyseQuery(`${text} ${symbolFilter.join(" ")}`),
    identifiers: unique([...identifiersOf(text, kind), ...symbolFilter]),
    parts: nameParts(
      text
        .split(/[^\p{L}\p{N}_$]+/u)
        .filter((word) => !isStopWord(word))
        .join(" "),
    ),
    phrases,
    filters: {
      ...(langs.length > 0 && { langs }),
      ...(pathGlobs.length > 0 && { pathGlobs }),
      ...(excludeGlobs.length > 0 && { excludeGlobs }),
    },
    symbolFilter,
    tests,
    asksFor: {
      tests: tests === "only" || /\b(unit |integration )?(tests?|specs?|testing|fixtures?|mock(s|ed|ing)?)\b/.test(words),
      documents: /\b(docs?|documentation|readme|changelog|guides?|manual|release notes)\b/.test(words) || langs.some((lang) => proseLanguages.has(lang)),
      examples: /\b(examples?|samples?|demos?|tutorials?|benchmarks?)\b/.test(words),
    },
    locations: kind === "trace" ? locationsOf(text) : [],
  };
}

/** `lang:ts,go`; a name of no language stays, so that it finds nothing rather than everything. */
function languagesOf(value: string): string[] {
  return value
    .toLowerCase()
    .split(",")
    .filter((name) => name !== "")
    .flatMap((name): readonly string[] => {
      const known = languagesNamed(name);
      return known.length > 0 ? known : [name];
    });
}

/** `path:src/a` means anything below or named so; a pattern with a glob character is taken as written, at any depth. */
function globsOf(value: string): string[] {
  const clean = value.replaceAll("\\", "/").replace(/^\.?\//, "").replace(/\/$/, "");
  if (/[*?[\]{}!]/.test(clean)) return clean.startsWith("**/") ? [clean] : [clean, `**/${clean}`];
  return [`**/*${clean}*`, `**/*${clean}*/**`, `*${clean}*`, `*${clean}*/**`];
}

const tracePatterns: readonly RegExp[] = [
  /File "([^"]+)", line (\d+)/g,
  /(?:^|[\s(@])((?:[A-Za-z]:)?(?:[\w.@+-]*[\\/])*[\w.@+-]+\.[A-Za-z][\w+]{0,9}):(\d+)(?::\d+)?/gm,
  /\(((?:[\w.@+-]*[\\/])*[\w.@+-]+\.[A-Za-z]\w{0,5})\((\d+)\)/g,
  / in ((?:[A-Za-z]:)?[^\s:]+\.\w+):line (\d+)/g,
];

function locationsOf(text: string): TraceLocation[] {
  const found = new Map<string, TraceLocation>();
  for (const pattern of tracePatterns) {
    for (const match of text.matchAll(pattern)) {
      const location = { path: match[1]!.replaceAll("\\", "/"), line: Number(match[2]) };
      found.set(`${location.path}:${location.line}`, location);
    }
  }
  return [...found.values()];
}

const errorPattern = /\b([A-Z]\w*(Error|Exception|Warning|Panic|Fault)\b|panic:|error\[E\d+\]|error:|fatal:|Traceback|Uncaught|Unhandled|segmentation fault|E[A-Z]{4,}\b)/;
const asksSomething = /^(how|where|what|which|why|when|who|find|show|list)\b|\?\s*$/i;
const symbolPattern = /^[~#@]?[\p{L}_$][\p{L}\p{N}_$]*[?!]?(?:(?:::|\.|->|#|\/)[\p{L}_$~][\p{L}\p{N}_$]*[?!]?)*(?:\(\s*\))?$/u;

function kindOf(text: string): QueryKind {
  if (text === "") return "prose";
  if (!/\s/.test(text)) {
    if (locationsOf(text).length > 0) return "trace";
    return symbolPattern.test(text.replace(/^"|"$/g, "")) ? "symbol" : "prose";
  }
  const hasTraceLine = /^\s*(at\s+\S+.*[:(]\d+|File ".+", line \d+|#\d+\s+(0x[0-9a-f]+ )?in?\b|from \S+:\d+:in)/m.test(text);
  if (hasTraceLine || (locationsOf(text).length > 0 && !asksSomething.test(text))) return "trace";
  const punctuation = (text.match(/[{}();=<>[\]]|=>|->/g) ?? []).length;
  const words = (text.match(/[\p{L}\p{N}_$]+/gu) ?? []).length;
  if (!asksSomething.test(text) && ((text.includes("\n") && punctuation >= 3) || punctuation >= Math.max(4, words * 0.5))) return "code";
  if (!asksSomething.test(text) && errorPattern.test(text) && words >= 3) return "error";
  return "prose";
}

/** `Foo::bar`, `foo.bar` and `foo->bar` → `bar`. */
export function lastName(name: string): string {
  return name.split(/::|\.|->|#|\//).at(-1)!;
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
    for (const word of text.replaceAll("`", " ").split(/[\s,;?!"'<>[\]{}]+/)) {
      if (looksLikeCode(word)) add(word);
    }
  } else if (kind === "trace") {
    for (const match of text.matchAll(/(?:\bat |\bin |^#\d+ +)([\p{L}_$][\p{L}\p{N}_$.:<>]*)/gmu)) add(match[1]!.replace(/<.*?>/g, ""));
  }
  return unique(found);
}

function looksLikeCode(word: string): boolean {
  const bare = word.replace(/[?.,;:!]+$/, "");
  return (
    /^[\p{L}_$][\p{L}\p{N}_$]*\(.*\)$/u.test(bare) ||
    /\p{Ll}\p{Lu}/u.test(bare) ||
    /\p{Lu}{2,}\p{Ll}{2,}/u.test(bare) ||
    /[\p{L}\p{N}]_[\p{L}\p{N}]/u.test(bare) ||
    /^_+\p{L}/u.test(bare) ||
    /^[\p{L}_$][\p{L}\p{N}_$]*(::|->|#)[\p{L}_$]/u.test(bare) ||
    /^[a-z_$][\w$]+\.[a-z_$][\w$]+$/.test(bare)
  );
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)];
}
