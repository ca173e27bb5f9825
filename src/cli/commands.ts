// The commands that talk to the engine: index, search, similar, duplicates, status. Each checks what was typed, asks, prints and
// answers with the exit code: 0 found, 1 nothing found. Failures are thrown; program.ts turns them into exit code 2.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { count, plural } from "../base/counts.ts";
import { decodeText } from "../base/decode.ts";
import { StrataError } from "../base/errors.ts";
import { placeNamed } from "../base/placeName.ts";
import type { OnProgress } from "../base/progress.ts";
import { filterOf, filterToken } from "../base/queryWords.ts";
import { leadsOut } from "../base/relativePath.ts";
import { asRead, remarksOf, remarkTexts } from "../base/remarks.ts";
import { sum } from "../base/statistics.ts";
import { assertReadable, MOST_BYTES } from "../engine/anchor.ts";
import { calledFrom, namedHits, nameIn, type Scope } from "../engine/folderPaths.ts";
import { type FolderSet, type MergedResult, type RootedHit, searchAll, similarAll } from "../engine/folders.ts";
import { canonicalRoot, indexFolder } from "../engine/paths.ts";
import * as protocol from "../engine/protocol.ts";
import { becomeSearchable, bringTo, pathInside } from "../engine/session.ts";
import { allComplete, type IndexPart, placeInside, readySet } from "../engine/sessions.ts";
import { coverageLines, renderDuplicates, renderHits, renderLeftOut, renderLines, renderStatus, worstState } from "./render.ts";
import { foldersNamed, hasIndex, projectOf, refuseTooWide, scopeOf, type SearchedFolder, type SearchedFolders, showingProgress, tooWideHere, wholeIndexes, withEngine, withEngines } from "./session.ts";
import { bytes, jsonLine, painter, pipedIn, printable, type Context } from "./terminal.ts";

/** How long an answer without --wait is held back while a new index becomes searchable, and how much longer while it would be empty. */
const graceMs = 2000;
const patienceMs = 8000;

export interface SearchOptions {
  /** See foldersNamed. */
  readonly in: readonly string[];
  readonly k: number;
  readonly depth: protocol.Depth;
  readonly wait: boolean;
  readonly explain: boolean;
  /** See renderLines. */
  readonly vimgrep: boolean;
}

function printJson(context: Context, value: unknown): void {
  context.terminal.out(jsonLine(value));
}

/** How a result's folder is written in front of its paths, so that they can be clicked from where the user stands. */
export function clickableFolder(folder: string, cwd: string = process.cwd()): string {
  const relative = path.relative(cwd, folder);
  return (leadsOut(relative) ? folder : relative).split(path.sep).join("/");
}

/** What is asked of folders whose indexes are as far as wanted. */
type Question = (set: FolderSet<SearchedFolder>, onProgress: OnProgress) => Promise<MergedResult>;

/** With --wait an answer from all of it; else from what is there after a moment, or after some more when that is nothing. */
async function askWhenReady({ folders, isAll }: SearchedFolders, options: SearchOptions, context: Context, ask: Question): Promise<{ readonly result: MergedResult; readonly parts: readonly IndexPart[] }> {
  const { wait, depth } = options;
  const { signal } = context;
  return withEngines(context, (use) =>
    showingProgress(context, async (onProgress) => {
      const answer = async (graceMs: number) => {
        const set = readySet(folders, use, { wait, depth, graceMs }, signal, isAll);
        return { result: await ask(set, onProgress), parts: set.parts() };
      };
      // Engines that start together are slower, each of them.
      const first = await answer(Math.min(patienceMs, graceMs * folders.length));
      return first.result.hits.length > 0 || allComplete(first.parts, "instant") ? first : answer(patienceMs);
    }),
  );
}

/** What cannot be searched though it was asked for, in sentences. */
function notSearched({ failures }: MergedResult, { folders, gone, tooMany }: SearchedFolders): string[] {
  return [
    ...failures.map(({ name, reason }) => `Not searched: ${name}. ${reason}`),
    ...(gone.length > 0 ? [`Not searched: ${plural(gone.length, "indexed folder")} that ${gone.length === 1 ? "is" : "are"} gone. "strata indexes" lists them.`] : []),
    ...(tooMany.length > 0 ? [`Not searched: ${plural(tooMany.length, "indexed folder")}, those used least recently: this machine has the memory for ${folders.length} engines. Name them with --in.`] : []),
  ];
}

/** The answer as an object. Of several folders each hit says which is its own. */
export function answerJson(hits: readonly RootedHit[], result: MergedResult, parts: readonly IndexPart[], all: SearchedFolders, depth: protocol.Depth): object {
  const { coverage, failures, tookMs } = result;
  const { folders, gone, tooMany, isAll } = all;
  const isOne = folders.length === 1 && !isAll;
  const placed = hits.map(({ root, ...hit }) => (isOne ? hit : { folder: nameIn(folders, root) || folders[0]!.name, root, ...hit }));
  const state = worstState(parts);
  return {
    hits: placed,
    ...remarksOf(result),
    coverage: { ...coverage, state: state.kind, complete: failures.length === 0 && tooMany.length === 0 && allComplete(parts, depth) },
    ...(failures.length > 0 && { failures: failures.map(({ name, reason }) => ({ folder: name, root: folders.find((folder) => folder.name === name)?.root, reason })) }),
    ...(gone.length > 0 && { gone }),
    ...(tooMany.length > 0 && { tooMany }),
    depth: result.depth,
    tookMs: Math.round(tookMs * 10) / 10,
  };
}

async function answer(context: Context, options: SearchOptions, all: SearchedFolders, query: string, ask: Question, filtered: boolean): Promise<number> {
  const { folders } = all;
  const { result, parts } = await askWhenReady(all, options, context, ask);
  const { hits, failures, coverage } = result;
  if (context.json) printJson(context, answerJson(hits, result, parts, all, options.depth));
  else {
    const { out, err, outColour, columns } = context.terminal;
    for (const remark of remarkTexts(result)) err(`${printable(remark)}\n`);
    const placed = namedHits(hits, clickableFolder);
    const [shown, isWhole] = [{ query: asRead(query, result) }, allComplete(parts, "instant")];
    if (hits.length > 0) out(options.vimgrep ? renderLines(placed, shown) : renderHits(placed, { ...shown, ...remarksOf(result), paint: painter(outColour), columns, explain: options.explain }));
    else if (coverage.files === 0 && isWhole && folders.length === 1) err(`${printable(`There are no files to search in ${folders[0]!.scope.root}. What is left out, and why: strata status --left-out ${folders[0]!.scope.root}`)}\n`);
    else err(`Nothing found${isWhole ? "" : " yet"}${filtered ? " that passes the filters" : ""}.\n`);
    for (const note of [...coverageLines(parts, options.depth), ...notSearched(result, all)]) err(`${printable(note)}\n`);
  }
  // Nothing found is no finding where not everything could be looked at.
  return hits.length > 0 ? 0 : failures.length > 0 ? 2 : 1;
}

/** The query with `--lang` and `--path` as the filters of the query language. */
export function withFilters(query: string, langs: readonly string[], paths: readonly string[]): string {
  // A quote would end a filter that has blanks.
  const ofPath = (glob: string): string => filterOf("path", /\s/.test(glob) ? glob.replaceAll('"', "?") : glob);
  return [...(query === "" ? [] : [query]), ...(langs.length > 0 ? [filterOf("lang", langs.join(","))] : []), ...paths.map((glob) => (glob.startsWith("!") ? `-${ofPath(glob.slice(1))}` : ofPath(glob)))].join(" ");
}

/** What `--lang` and `--path` name. */
export interface FilterOptions {
  readonly lang: readonly string[];
  readonly path: readonly string[];
}

export async function runSearch(query: string, options: SearchOptions & FilterOptions, context: Context): Promise<number> {
  if (query.trim() === "") throw new StrataError("input.invalid", 'The query is empty. Type what you look for, for example: strata search "where are failed requests tried again".');
  const { k, depth } = options;
  const all = foldersNamed(options.in);
  const filtered = withFilters(query, options.lang, options.path);
  return answer(context, options, all, query, (set, onProgress) => searchAll(set, filtered, { k, depth }, context.signal, onProgress), filtered.search(filterToken) >= 0);
}

interface PlaceInFile {
  readonly startLine: number;
  /** Absent for FILE:LINE: then it is the definition at that line. */
  readonly endLine?: number;
}

interface NamedPlace extends PlaceInFile {
  readonly file: string;
}

/** Reads `FILE:LINE` or `FILE:FIRST-LAST`; lines count from 1. A column after the line is let pass, as in compiler messages. */
export function parsePlace(place: string): NamedPlace {
  const { path: file, startLine, endLine } = placeNamed(place);
  if (startLine === undefined) throw new StrataError("input.invalid", `"${place}" is not a place in a file. Write FILE:LINE or FILE:FIRST-LAST, for example src/main.ts:42 or src/main.ts:40-55.`);
  if (startLine < 1 || (endLine ?? startLine) < startLine)
    throw new StrataError("input.invalid", `${startLine}${endLine === undefined ? "" : `-${endLine}`} is not a range of lines. Lines count from 1, and the last is not before the first.`);
  return { file, startLine, ...(endLine !== undefined && { endLine }) };
}

/** Finds a file; who names one of another project is told how to go there. */
function insideOf<T>(roots: readonly string[], file: string, base: string, find: () => T): T {
  try {
    return find();
  } catch (error) {
    const full = path.resolve(base, file);
    const isElsewhere = existsSync(full) && roots.every((root) => leadsOut(path.relative(root, full)));
    throw isElsewhere ? new StrataError("input.invalid", `There is no file ${file} inside ${roots.join(", ")}. Name the project it belongs to with --in.`, error) : error;
  }
}

/** A place as the engine wants it: inside the root and within the file's lines. FILE is looked for from the current folder, then from the one the command is about, then from the root. */
export function resolvePlace({ file, ...lines }: NamedPlace, { root, under }: Scope, cwd: string = process.cwd()): PlaceInFile & { readonly path: string } {
  const base = [cwd, path.join(root, under)].find((folder) => existsSync(path.resolve(folder, file))) ?? root;
  const relative = insideOf([root], file, base, () => pathInside(root, file, base));
  assertReadable(root, relative);
  let text: string | undefined;
  try {
    text = decodeText(readFileSync(path.resolve(base, file)));
  } catch (error) {
    throw new StrataError("input.invalid", `${file} cannot be read. Name a text file that you may read.`, error);
  }
  if (text === undefined) throw new StrataError("input.invalid", `${file} is not text. Name a source file.`);
  const last = lines.endLine ?? lines.startLine;
  const lineCount = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  if (last > lineCount) throw new StrataError("input.invalid", `${file} has ${plural(lineCount, "line")}; line ${last} is not one of them.`);
  return { path: relative, ...lines };
}

/** Code that is in no file; `--lang` says what it is written in. */
async function pipedCode(named: readonly string[], { signal }: Context): Promise<{ readonly text: string; readonly lang?: string }> {
  const [lang, ...more] = named.flatMap((value) => value.split(","));
  if (more.length > 0) throw new StrataError("input.invalid", "With - the option --lang says what the code is written in, and that is one language.");
  const bytes = await pipedIn(MOST_BYTES, signal);
  if (bytes === undefined) throw new StrataError("input.invalid", `What is piped in is too large to read (more than ${MOST_BYTES / 1e6} MB). Pipe in less of it.`);
  const text = decodeText(bytes);
  if (text === undefined) throw new StrataError("input.invalid", "What is piped in is not text. Pipe in code.");
  if (text.trim() === "") throw new StrataError("input.invalid", "Nothing was piped in. Pipe in code, for example: git show HEAD:old.go | strata similar - --lang go.");
  return { text, ...(lang !== undefined && { lang: lang.trim() }) };
}

/** A place as several folders are searched from: that of a file that is there from the current folder, else as hits name it (see placeInside). */
function resolveAmong({ file, ...lines }: NamedPlace, folders: readonly SearchedFolder[]): PlaceInFile & { readonly root: string; readonly path: string } {
  const full = path.resolve(file);
  const { folder, path: inside } = insideOf(folders.map(({ root }) => root), file, process.cwd(), () => placeInside(folders, existsSync(full) ? full : file));
  return { root: folder.root, ...resolvePlace({ file: path.join(folder.root, inside), ...lines }, folder.scope) };
}

/** @param place FILE:LINE, FILE:FIRST-LAST, or "-" for what is piped in */
export async function runSimilar(place: string, options: SearchOptions & FilterOptions, context: Context): Promise<number> {
  const { k, depth } = options;
  const isPiped = place === "-";
  const around = isPiped || options.in.length > 0 ? undefined : projectOf(parsePlace(place).file);
  const named = foldersNamed(around === undefined ? options.in : [around]);
  const filters = withFilters("", isPiped ? [] : options.lang, options.path);
  // Code is looked for in all of an index, also when a part of it was named.
  const folders = named.folders.length === 1 ? named.folders : wholeIndexes(named.folders);
  const [{ scope }, ...others] = folders as [SearchedFolder, ...SearchedFolder[]];
  const { root, ...code } = isPiped ? { root: undefined, ...(await pipedCode(options.lang, context)) } : others.length === 0 ? { root: scope.root, ...resolvePlace(parsePlace(place), scope) } : resolveAmong(parsePlace(place), folders);
  return answer(context, options, { ...named, folders }, "", (set, onProgress) => similarAll(set, root, { ...code, filters }, { k, depth }, context.signal, onProgress), filters !== "");
}

export interface DuplicateOptions extends FilterOptions {
  readonly in: string | undefined;
  readonly depth: protocol.Depth;
  readonly minLines: number;
  readonly threshold: number;
  readonly limit: number;
}

export async function runDuplicates(options: DuplicateOptions, context: Context): Promise<number> {
  if (options.in === undefined) refuseTooWide();
  const scope = scopeOf(options.in);
  const folder = { root: path.join(scope.root, scope.under), scope };
  const filters = withFilters("", options.lang, options.path);
  return withEngine(context, scope.root, async (session) => {
    await showingProgress(context, (onProgress) => bringTo(session, options.depth, onProgress, context.signal));
    const { minLines, threshold, limit } = options;
    const params = { minLines, threshold, limit, filters, under: scope.under };
    const { groups: found, nothingPasses, whyNothing, coverage } = await showingProgress(context, (onProgress) => session.request(protocol.duplicates, params, context.signal, onProgress));
    const groups = found.map((group) => ({ ...group, members: calledFrom(folder, group.members) }));
    if (context.json) printJson(context, { groups, ...remarksOf({ whyNothing }), coverage });
    else if (nothingPasses && filters !== "") context.terminal.err(`Nothing was compared: no code that is indexed passes the filters.${whyNothing === undefined ? "" : ` ${printable(whyNothing)}`}\n`);
    else if (groups.length === 0) context.terminal.err(`No duplicates of ${plural(minLines, "line")} or more${filters === "" ? "" : " that pass the filters"}.\n`);
    else context.terminal.out(`${renderDuplicates(groups, painter(context.terminal.outColour), clickableFolder(folder.root))}\n`);
    return groups.length > 0 ? 0 : 1;
  });
}

export async function runIndex(folder: string, options: { readonly depth: protocol.Depth; readonly rebuild: boolean }, context: Context): Promise<number> {
  const started = performance.now();
  let { rebuild } = options;
  return withEngine(context, folder, async (session) => {
    if (rebuild) await session.ask(protocol.rebuild, context.signal);
    rebuild = false; // what the next engine finds is of the new index
    const status = await showingProgress(context, (onProgress) => bringTo(session, options.depth, onProgress, context.signal));
    const seconds = (performance.now() - started) / 1000;
    const { files, chunks } = status.coverage;
    if (context.json) printJson(context, { ...status, tookMs: Math.round(seconds * 1000) });
    else {
      const skipped = sum(Object.values(status.skipped));
      context.terminal.out(
        `Indexed ${plural(files, "file")} (${plural(chunks, "chunk")}) at ${options.depth} depth in ${seconds.toFixed(1)} s; ${bytes(status.indexBytes)} on disk${skipped > 0 ? `, ${count(skipped)} left out (strata status --left-out lists them)` : ""}.\n`,
      );
      for (const warning of status.warnings) context.terminal.err(`strata: ${printable(warning)}\n`);
    }
    return files > 0 ? 0 : 1;
  });
}

/** Does not start the indexing of a folder that nobody has asked to index. */
export async function runStatus(folder: string | undefined, context: Context, options: { readonly leftOut?: boolean } = {}): Promise<number> {
  const root = canonicalRoot(scopeOf(folder).root);
  const disk = indexFolder(root);
  if (!hasIndex(root)) {
    if (context.json) printJson(context, { state: { kind: "absent" }, root, indexFolder: disk });
    else context.terminal.out(`${printable((folder === undefined ? tooWideHere()?.message : undefined) ?? `${root} is not indexed. Run: strata index ${clickableFolder(root) || "."}`)}\n`);
    return 1;
  }
  return withEngine(context, root, async (session) => {
    // Discovery names what it leaves out in its first pass; an engine that was just started is about to make it.
    if (options.leftOut) await showingProgress(context, (onProgress) => becomeSearchable(session, patienceMs, onProgress, context.signal));
    const status = await session.ask(protocol.status, context.signal);
    if (options.leftOut) {
      const leftOut = await session.ask(protocol.leftOut, context.signal);
      if (context.json) printJson(context, { leftOut, skipped: status.skipped });
      else context.terminal.out(renderLeftOut(leftOut, status.skipped, painter(context.terminal.outColour)));
      return 0;
    }
    if (context.json) printJson(context, status);
    else context.terminal.out(renderStatus(status, painter(context.terminal.outColour)));
    return status.state.kind === "failed" ? 2 : 0;
  });
}
