// What ranking looks at: each candidate as a row of named numbers. Values are scaled within one candidate list (0 to about 1, cosines
// standardised), so that weights fitted on some repositories hold on others, whatever their size. Weights are in weights.ts.
import { sum } from "../base/statistics.ts";
import { proseLanguages } from "../indexing/languages.ts";
import type { Place } from "../store/store.ts";
import { type Candidate, type Candidates, commonEnding, linesMoved } from "./candidates.ts";
import { isCatalogue, kindsAsked } from "./kindsAsked.ts";
import type { NameMeaning } from "./meaning.ts";
import type { Neighbourhood } from "./neighbourhood.ts";
import { lastName, namesIn, type ParsedQuery } from "./query.ts";
import { relatedAmong } from "./relations.ts";
import { forOtherSystems } from "./systems.ts";
import { nameParts, root } from "./terms.ts";
import { wordingOf } from "./wording.ts";

export const featureNames = [
  "bm25", // weighted BM25 over all fields, relative to the best candidate
  "bm25 rank", // 1 / (1 + rank / 8) in that order
  "bm25.symbol",
  "bm25.path",
  "bm25.doc",
  "dense", // cosine, standardised over the candidates
  "dense rank",
  "dense alone", // the cosine again where the chunk is its whole file, for which no neighbour can speak
  "name meaning", // cosine with the chunk's own names, standardised; then with its file's name, then with all names its file defines
  "file meaning",
  "outline meaning",
  "stands out", // by how much the cosine exceeds three standard deviations: hardly chance, whatever the words say
  "definition", // defines a name that the query writes out, or passes it on where nothing here defines it
  "member", // stands inside a class or module of that name
  "partial name", // defines a longer or shorter form of that name
  "name said", // share of the symbol's words that the query says
  "whole name", // says every word of a name of several words
  "query in name", // share of the query's words in the symbol
  "file said", // the same two for the file's name
  "whole file name",
  "file named", // the file is called what the query writes out as a name
  "query in file",
  "query in folders",
  "owner said", // share of the enclosing class's or module's words that the query says
  "file bm25", // other matching chunks of the same file
  "file dense",
  "file coverage", // how much of the query the file holds, each word at its best chunk
  "file matches", // how many chunks of the file are candidates
  "file size", // log of the file's number of chunks
  "imported", // how many files import this one
  "used by", // second look, at what the first order gave: the neighbourhood (neighbourhood.ts) is what uses it, imports and importers, and its folder
  "import neighbours",
  "folder",
  "words meant", // word by word (wordMeaning.ts), standardised over the leading candidates
  "type", // kind of chunk: class or type
  "function",
  "length", // log of the number of lines
  "test",
  "generated",
  "example",
  "legacy",
  "declarations",
  "other system", // for another operating system than this one, which has files of its own here (systems.ts)
  "document", // prose: readme, guide, changelog
  "kind asked", // a notebook, Dockerfile, style sheet … where the question names one (kindsAsked.ts)
  "re-export",
  "passed on", // a re-export of a name that the query writes out
  "trace", // the place a stack trace line names
  "wording", // runs of the message's or code's own words in the chunk
  "uses", // uses the name that the query asks the uses of (relations.ts)
  "implements", // implements or extends it, where that is asked for
] as const;
export type FeatureName = (typeof featureNames)[number];

/** One row per candidate, columns in the order of `featureNames`. */
export type FeatureRow = Float64Array;

const column = Object.fromEntries(featureNames.map((name, i) => [name, i])) as Readonly<Record<FeatureName, number>>;

/** What is known of the candidates' files beyond the candidates. */
interface FileFacts {
  /** How many files import each path. */
  readonly imports: ReadonlyMap<string, number>;
  /** Number of chunks of a path. */
  readonly fileChunks: (path: string) => number;
  readonly hasFile: (path: string) => boolean;
}

/** The rows of the candidates, in their order; what the second look finds is still 0. @param meanings of the candidates, in their order; absent without an encoder */
export function computeFeatures(query: ParsedQuery, { items: candidates, idf, implementing }: Candidates, { imports, fileChunks, hasFile }: FileFacts, meanings?: readonly NameMeaning[]): FeatureRow[] {
  const dense = standardise(candidates.map((candidate) => candidate.dense));
  const [nameMeaning, fileMeaning, outlineMeaning] = (["name", "file", "outline"] as const).map((of) => standardise(candidates.map((_, i) => meanings?.[i]![of])));
  const bestLexical = Math.max(1e-9, ...candidates.map((candidate) => candidate.lexical));
  // One scale for all fields: a field that barely matters for this query must not be blown up to 1.
  const bestFields = Math.max(1e-9, ...candidates.map((candidate) => sum(candidate.fields)));
  const lexicalRanks = ranksOf(candidates.map((candidate) => candidate.lexical));
  const denseRanks = ranksOf(candidates.map((candidate, i) => (candidate.dense === undefined ? -Infinity : dense[i]!)));
  const files = fileEvidence(candidates, bestLexical, dense);
  const coverage = fileCoverage(candidates);
  const said = wordsSaid(query, idf);
  const identifiers = namesMeant(query, candidates);
  const wording = wordingOf(query);
  const related = query.relation && relatedAmong(query.relation, candidates);
  const kindShare = query.kind === "prose" ? kindsAsked(query.text) : undefined;
  const onlySaying = query.kind === "symbol" ? sayingApartFromCode(candidates, identifiers) : new Set<Candidate>();
  const ofPath = new Map<string, PathFeatures>();
  const otherSystems = forOtherSystems(files.keys(), new Set(query.text.toLowerCase().split(/[^\p{L}\p{N}]+/u)));

  const isThere = query.locations.map(({ path, line }) => candidates.some(({ place }) => linesBetween(place, line) === 0 && commonEnding(place.path, path) > 0));

  const rows = candidates.map((candidate, i) => {
    const { place } = candidate;
    const row = new Float64Array(featureNames.length);
    const set = (name: FeatureName, value: number) => {
      row[column[name]] = value;
    };
    if (candidate.lexical > 0) {
      set("bm25", candidate.lexical / bestLexical);
      set("bm25 rank", 1 / (1 + lexicalRanks[i]! / 8));
    }
    const [symbol = 0, , path = 0, doc = 0] = candidate.fields;
    set("bm25.symbol", symbol / bestFields);
    set("bm25.path", path / bestFields);
    set("bm25.doc", doc / bestFields);
    if (candidate.dense !== undefined) {
      set("dense", dense[i]!);
      set("dense rank", 1 / (1 + denseRanks[i]! / 8));
      set("dense alone", fileChunks(place.path) > 1 ? 0 : dense[i]!);
      set("stands out", Math.max(0, dense[i]! - 3));
    }
    set("name meaning", nameMeaning![i]!);
    set("file meaning", fileMeaning![i]!);
    set("outline meaning", outlineMeaning![i]!);
    setNameFeatures(set, place, identifiers, said);

    let pathFeatures = ofPath.get(place.path);
    if (!pathFeatures) ofPath.set(place.path, (pathFeatures = featuresOfPath(place.path, said, identifiers, hasFile)));
    for (const name of pathFeatureNames) set(name, pathFeatures[name]);

    const file = files.get(place.path)!;
    set("file bm25", besideOwn(file.lexical, candidate.lexical / bestLexical));
    set("file dense", besideOwn(file.dense, Math.max(0, dense[i]!)));
    set("file coverage", coverage.get(place.path)!);
    set("file matches", Math.log1p(file.lexical.length - 1));
    set("file size", Math.log1p(fileChunks(place.path)) / 5);
    set("imported", Math.log1p(imports.get(place.path) ?? 0) / 5);

    set("type", place.kind === "class" || place.kind === "type" ? 1 : 0);
    set("function", place.kind === "function" ? 1 : 0);
    set("length", Math.log1p(place.endLine - place.startLine + 1) / 5);
    const isPlain = !onlySaying.has(candidate);
    const asked = kindShare?.(place) ?? 0;
    const isAsked = asked > 0;
    set("kind asked", asked);
    // Examples count as tests where nobody asks for them.
    set("test", place.isTest && isPlain && !isAsked && !query.asksFor.tests && !(query.asksFor.examples && pathFeatures.example > 0) ? 1 : 0);
    set("generated", place.isGenerated ? 1 : 0);
    set("other system", otherSystems.has(place.path) ? 1 : 0);
    if (query.asksFor.examples || isAsked) set("example", 0);
    set("document", isPlain && !query.asksFor.documents && (isDocument(place) || (isCatalogue(place) && !isAsked)) ? 1 : 0);
    if (isReexport(place)) {
      set("re-export", 1);
      set("passed on", passesOn(place, identifiers) ? 1 : 0);
    }
    if (query.locations.length > 0) set("trace", traceMatch(place, query, isThere));
    if (wording) set("wording", wording(place.text));
    if (query.relation) set(query.relation.kind, implementing?.has(place.place) ? 1 : related!(place));
    return row;
  });
  // A name of another package: whoever looks for it is served best where it enters this one.
  // So is one that only documents and tests write out, where they do.
  if (!rows.some((row) => row[column.definition]! > 0)) for (const [i, row] of rows.entries()) row[column.definition] = 0.8 * Math.max(row[column["passed on"]]!, onlySaying.has(candidates[i]!) ? 1 : 0);
  return rows;
}

/** Names whose definition is looked for. Where a name is defined as it is written, its last part is another: `vector` of Lisp's `list->vector`, `save` of Ruby's `save!`. */
function namesMeant(query: ParsedQuery, candidates: readonly Candidate[]): string[] {
  const joined = query.identifiers.filter((name) => lastName(name) !== name || /[?!]$/.test(name));
  const defined = new Set(joined.length > 0 ? candidates.flatMap(({ place }) => place.symbols.map((symbol) => symbol.toLowerCase())) : []);
  const asWritten = joined.filter((name) => defined.has(name.toLowerCase()));
  return asWritten.length > 0 ? asWritten : namesIn(query);
}

/**
 * Prose. What is called text because its ending is unknown is as likely configuration or a language that is not known here, and HTML that a program fills
 * in is part of the program.
 */
export function isDocument({ path, lang, text }: Place): boolean {
  if (lang === "text") return documentName.test(path);
  if (lang === "html") return !templatePath.test(path) && !/\{[{%]|<%/.test(text);
  return proseLanguages.has(lang);
}
/** Of names without an ending `README` and `ChangeLog` are documents, `hosts` and `control` what a tool reads. */
const documentName = /(?:^|\/)(?:[A-Z][^./]*(?<!file)|readme|changelog|copyright|news|todo|authors|install)$|\.(?:txt|text|TXT)$/;
const templatePath = /(?:^|\/)[\w-]*(?:templates?|views?|layouts?|part(?:ial)?s?|themes?|fragments?|components?)\/|\.(?:component|template)\.html?$/i;

/** Documents and tests that write a name out, where no other code does: there is nothing that they should stand behind. */
function sayingApartFromCode(candidates: readonly Candidate[], names: readonly string[]): ReadonlySet<Candidate> {
  const lower = names.map((name) => name.toLowerCase());
  const saying = candidates.filter(({ place }) => {
    const text = place.text.toLowerCase();
    return lower.some((name) => text.includes(name));
  });
  return new Set(saying.every(({ place }) => place.isTest || proseLanguages.has(place.lang)) ? saying : []);
}

/** The rows with what the second look found; `words` of the leading candidates, by position. */
export function withSecondLook(rows: readonly FeatureRow[], neighbourhoods: readonly Neighbourhood[], words: ReadonlyMap<number, number>): FeatureRow[] {
  const positions = [...words.keys()];
  const wordsMeant = new Map(standardise([...words.values()]).map((value, i) => [positions[i]!, value]));
  return rows.map((row, i) => {
    const { usedBy, imports, folder } = neighbourhoods[i]!;
    const whole = Float64Array.from(row);
    whole[column["used by"]] = usedBy;
    whole[column["import neighbours"]] = imports;
    whole[column.folder] = folder;
    whole[column["words meant"]] = wordsMeant.get(i) ?? 0;
    return whole;
  });
}

/** Values as distances from the mean of the list in standard deviations; 0 where there is none. */
export function standardise(cosines: readonly (number | undefined)[]): number[] {
  const known = cosines.flatMap((cosine) => cosine ?? []);
  const mean = sum(known) / Math.max(1, known.length);
  const deviation = Math.sqrt(sum(known.map((value) => (value - mean) ** 2)) / Math.max(1, known.length));
  return cosines.map((cosine) => (cosine === undefined ? 0 : (cosine - mean) / Math.max(deviation, 1e-6)));
}

/** Rank of each value, 0 for the largest; equal values share a rank. */
function ranksOf(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[b]! - values[a]!);
  const ranks = new Array<number>(values.length).fill(0);
  order.forEach((i, position) => {
    ranks[i] = position > 0 && values[order[position - 1]!] === values[i] ? ranks[order[position - 1]!]! : position;
  });
  return ranks;
}

/** Of the candidates of a file, the largest first. */
interface FileEvidence {
  readonly lexical: number[];
  readonly dense: number[];
}

/** What speaks for a file as a whole: questions often mean a file, whose several chunks each match a little. */
function fileEvidence(candidates: readonly Candidate[], bestLexical: number, dense: readonly number[]): Map<string, FileEvidence> {
  const byPath = new Map<string, FileEvidence>();
  candidates.forEach((candidate, i) => {
    let file = byPath.get(candidate.place.path);
    if (!file) byPath.set(candidate.place.path, (file = { lexical: [], dense: [] }));
    file.lexical.push(candidate.lexical / bestLexical);
    file.dense.push(Math.max(0, dense[i]!));
  });
  for (const { lexical, dense } of byPath.values()) for (const values of [lexical, dense]) values.sort((a, b) => b - a);
  return byPath;
}

/** The best two of a file's values beside a chunk's own, the second at half weight. */
function besideOwn(values: readonly number[], own: number): number {
  const [first = 0, second = 0] = values.toSpliced(values.indexOf(own), 1);
  return first + second / 2;
}

/** What is styled is defined elsewhere: `button` means the component before the class. */
const styleLanguages: ReadonlySet<string> = new Set(["css", "scss"]);

function setNameFeatures(set: (name: FeatureName, value: number) => void, place: Place, identifiers: readonly string[], said: Said): void {
  let [definition, partial, nameSaid, wholeName, queryInName] = [0, 0, 0, 0, 0];
  const [exact, inAnyCase] = styleLanguages.has(place.lang) ? [0.7, 0.7] : [1, 0.8];
  for (const symbol of place.symbols) for (const name of identifiers) definition = Math.max(definition, symbol === name ? exact : symbol.toLowerCase() === name.toLowerCase() ? inAnyCase : 0);
  for (const symbol of place.symbols.slice(0, 12)) {
    for (const name of identifiers) {
      partial = Math.max(partial, partialMatch(symbol.toLowerCase(), name.toLowerCase()));
    }
    const parts = nameParts(symbol);
    const overlap = overlapOf(parts, said);
    nameSaid = Math.max(nameSaid, overlap.ofName);
    if (overlap.ofName === 1 && parts.length > 1) wholeName = 1;
    queryInName = Math.max(queryInName, overlap.ofQuery);
  }
  set("definition", definition);
  set("partial name", definition > 0 ? 0 : partial);
  set("name said", nameSaid);
  set("whole name", wholeName);
  set("query in name", queryInName);
  if (place.breadcrumb === "") return;
  const owners = place.breadcrumb.split(" > ");
  set("member", identifiers.some((name) => owners.some((owner) => owner.toLowerCase() === name.toLowerCase())) ? 1 : 0);
  set("owner said", overlapOf(nameParts(owners.at(-1)!), said).ofName);
}

/** Share of the longer name that the shorter one covers, when one contains the other. */
export function partialMatch(symbol: string, name: string): number {
  if (symbol === name || Math.min(symbol.length, name.length) < 4) return 0;
  return symbol.includes(name) || name.includes(symbol) ? Math.min(symbol.length, name.length) / Math.max(symbol.length, name.length) : 0;
}

/** The words of a query with what each is worth: a rare word in a name says more than a common one. */
interface Said {
  readonly worth: ReadonlyMap<string, number>;
  readonly total: number;
}

export function wordsSaid(query: ParsedQuery, idf: readonly number[]): Said {
  const ofRoot = new Map(query.terms.map((term, i) => [root(term), idf[i] ?? 0]));
  // A little for every word: in a small repository the words that matter most may stand everywhere.
  const worth = new Map(query.parts.map((part) => [part, 0.5 + (ofRoot.get(part) ?? 0)]));
  return { worth, total: sum([...worth.values()]) };
}

export function overlapOf(parts: readonly string[], { worth, total }: Said): { ofName: number; ofQuery: number } {
  let [shared, value] = [0, 0];
  for (const part of parts) {
    const worthOfPart = worth.get(part);
    if (worthOfPart === undefined) continue;
    shared++;
    value += worthOfPart;
  }
  return { ofName: parts.length === 0 ? 0 : shared / parts.length, ofQuery: total === 0 ? 0 : value / total };
}

/** Per file, the sum over the query's terms of its best chunk for that term, as a share of the best over all files. */
function fileCoverage(candidates: readonly Candidate[]): ReadonlyMap<string, number> {
  const best = new Map<string, number[]>();
  let overall: number[] = [];
  for (const { place, terms } of candidates) {
    const known = best.get(place.path);
    if (known) terms.forEach((score, i) => (known[i] = Math.max(known[i]!, score)));
    else best.set(place.path, [...terms]);
    overall = terms.map((score, i) => Math.max(score, overall[i] ?? 0));
  }
  const most = Math.max(1e-9, sum(overall));
  return new Map([...best].map(([path, scores]) => [path, sum(scores) / most]));
}

const pathFeatureNames = ["file said", "whole file name", "file named", "query in file", "query in folders", "example", "legacy", "declarations"] as const satisfies readonly FeatureName[];
type PathFeatures = Readonly<Record<(typeof pathFeatureNames)[number], number>>;

/** File names that say nothing themselves: the folder's name is the module's name. */
const namelessStem = /^(index|mod|lib|main|init|__init__|__main__|package|default)$/i;
const examplePath = /(^|\/)_?(examples?|samples?|demos?|tutorials?|playgrounds?|benchmarks?|benches|docs?|testdata|fixtures?)\//i;
/** Also what leads from one version of a PostgreSQL extension to the next: `shop--1.0--1.1.sql` holds every function as it once was. */
const legacyPath = /(^|\/|[._-])(legacy|compat|deprecated|old|polyfills?|shims?|vendor|third_?party)([._/-]|$)|--\d[\w.]*--\d[\w.]*\.sql$/i;
const declarationPath = /\.(d\.[cm]?ts|pyi)$/i;
const headerPath = /\.(h|hh|hpp|hxx)$/i;
const implementations = ["c", "cc", "cpp", "cxx", "m", "mm"];

function featuresOfPath(path: string, said: Said, identifiers: readonly string[], hasFile: (path: string) => boolean): PathFeatures {
  const segments = path.split("/");
  const stem = segments.pop()!.replace(/(\.d)?\.[^.]*$/, "");
  const name = namelessStem.test(stem) ? (segments.at(-1) ?? stem) : stem;
  const parts = nameParts(name);
  const ofFile = overlapOf(parts, said);
  const isHeaderOfSource = headerPath.test(path) && implementations.some((extension) => hasFile(path.replace(headerPath, `.${extension}`)));
  return {
    "file said": ofFile.ofName,
    "whole file name": ofFile.ofName === 1 && parts.length > 1 ? 1 : 0,
    "file named": identifiers.some((identifier) => bareName(identifier) === bareName(name)) ? 1 : 0,
    "query in file": ofFile.ofQuery,
    "query in folders": overlapOf(nameParts(segments.join(" ")), said).ofQuery,
    example: examplePath.test(path) ? 1 : 0,
    legacy: legacyPath.test(path) ? 1 : 0,
    declarations: declarationPath.test(path) || isHeaderOfSource ? 1 : 0,
  };
}

/** `RateLimiter`, `rate_limiter` and `rate-limiter` are one name. */
function bareName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

const forwardingLine = /^\s*(import\b|export\s+(\*|\{|type\s*\{)|from\s+\S+\s+import|pub(\([^)]*\))?\s+(use|mod)\b|use\b|mod\b|require|#\s*include|module\.exports|__all__|[\w$:.*{}'", ]+,?\s*$|\}\s*(from\b.*)?;?\s*$|[)\]}];?\s*$)/;

/** Mostly lines that only pass names on (barrels, `__init__.py`, prelude modules). */
function isReexport({ kind, text }: Place): boolean {
  if (kind === "function" || kind === "class") return false;
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !/^\s*(\/\/|\/?\*|#(?!\s*include)|@)/.test(line));
  if (lines.length === 0) return false;
  const forwarding = lines.filter((line) => line.length < 300 && forwardingLine.test(line)).length;
  return forwarding / lines.length >= 0.75 && lines.some((line) => /\b(import|export|use|mod|from|require|include)\b/.test(line));
}

const exporting = /\b(?:export|pub(?:\([^)\n]*\))?\s+use|module\.exports|exports\.|__all__)/g;

/** Whether a re-export names one of the identifiers for others, not for its own use. In a package's `__init__.py` every import does. */
function passesOn({ path, text }: Place, identifiers: readonly string[]): boolean {
  const exported = path.endsWith("__init__.py") ? text : [...text.matchAll(exporting)].map(({ index }) => text.slice(index, index + exportChars).split(";", 1)[0]!).join("\n");
  const names = new Set(exported.match(/[\p{L}\p{N}_$]+/gu));
  return identifiers.some((name) => name.length > 2 && names.has(name));
}

/** How far a list of exported names is read. */
const exportChars = 2_000;

/**
 * 1 for the first line of a trace, less for the callers below it; files that share more of the named path count more, and what stands near to a line that is
 * not there (any more) less.
 * @param isThere for each of the query's locations, whether a candidate holds it
 */
function traceMatch(place: Place, query: ParsedQuery, isThere: readonly boolean[]): number {
  let best = 0;
  query.locations.forEach((location, i) => {
    const between = linesBetween(place, location.line);
    if (between > 0 && (isThere[i]! || between > linesMoved)) return;
    const named = location.path.split("/").length;
    const common = commonEnding(place.path, location.path);
    const near = between === 0 ? 1 : 0.5 / (1 + between / 10);
    if (common > 0) best = Math.max(best, (near * common) / Math.min(named, place.path.split("/").length) / (1 + i / 4));
  });
  return best;
}

function linesBetween({ startLine, endLine }: Place, line: number): number {
  return Math.max(0, startLine - line, line - endLine);
}
