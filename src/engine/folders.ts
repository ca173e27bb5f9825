// Several folders asked as one, each through an engine of its own: what each is asked, and one answer made of theirs. How the engines are reached is the
// caller's: the editor has its clients (extension/workspaceEngines.ts), terminal and agents have sessions (engine/sessions.ts).
import path from "node:path";
import type { RequestType } from "vscode-jsonrpc/node";
import { isAbort } from "../base/abort.ts";
import { copiesOrder } from "../base/copies.ts";
import { StrataError, userMessage } from "../base/errors.ts";
import type { OnProgress, Progress } from "../base/progress.ts";
import type { NothingPasses, Remarks } from "../base/remarks.ts";
import { filtersFor } from "../base/queryWords.ts";
import { leadsOut, relativeTo } from "../base/relativePath.ts";
import { snippetOf } from "../base/snippet.ts";
import { sum } from "../base/statistics.ts";
import { deepestOf } from "../encoding/encoder.ts";
import { readRange } from "./anchor.ts";
import { calledFrom, type Folder, folderAt, indexScope, queryIn } from "./folderPaths.ts";
import * as protocol from "./protocol.ts";

export interface RootedHit extends protocol.Hit {
  readonly root: string;
}

/** A folder that could not answer, with the sentence why. */
interface Failure {
  readonly name: string;
  readonly reason: string;
}

export interface MergedResult extends Remarks {
  readonly hits: readonly RootedHit[];
  readonly coverage: protocol.Coverage;
  readonly changes: number;
  readonly depth: protocol.Depth;
  readonly tookMs: number;
  readonly refining: boolean;
  /** See SearchResult. */
  readonly definition?: protocol.Definition | undefined;
  /** The others' hits are there all the same. */
  readonly failures: readonly Failure[];
}

interface RootResult<R = protocol.SearchResult> {
  readonly root: string;
  readonly result: R;
}

export interface MergedDuplicates extends NothingPasses {
  readonly groups: readonly (protocol.DuplicateGroup & { readonly root: string })[];
  readonly coverage: protocol.Coverage;
  /** There are several folders: copies in another one than their original were not looked for. */
  readonly apart?: true;
  readonly failures: readonly Failure[];
}

export function sumCoverage(parts: readonly protocol.Coverage[]): protocol.Coverage {
  const of = (key: keyof protocol.Coverage) => sum(parts.map((part) => part[key]));
  return { files: of("files"), chunks: of("chunks"), instant: of("instant"), shallow: of("shallow"), deep: of("deep") };
}

/** A place whichever folder names it: one folder may lie in another, and both know the same file. */
const placeOf = (root: string, { path, startLine }: { readonly path: string; readonly startLine: number }): string => `${root.replaceAll("\\", "/").replace(/\/$/, "")}/${path}:${startLine}`;

/** The first of those that have the same key. */
function firstOfEach<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  const seen = new Set<string>();
  return items.filter((item) => seen.size < seen.add(keyOf(item)).size);
}

/** What holds for every folder whose hits are shown. */
function remarksOnAll([first, ...others]: readonly Remarks[]): Remarks {
  const respellings = first?.respellings?.filter(({ typed }) => others.every((other) => other.respellings?.some((respelling) => respelling.typed === typed))) ?? [];
  const translation = others.every((other) => other.translation?.english === first?.translation?.english) ? first?.translation : undefined;
  return { ...(translation && { translation }), ...(respellings.length > 0 && { respellings }), ...(first?.farFetched && others.every((other) => other.farFetched) && { farFetched: true }) };
}

/** That nothing passes the filters in any of them, and why, as the first tells it; or why there is nothing, where all say the same. */
function nothingOfAll(results: readonly RootResult<NothingPasses>[]): NothingPasses {
  const [why, ...others] = new Set(results.map(({ result }) => result.whyNothing));
  if (why !== undefined && others.length === 0 && !results.some(({ result }) => result.nothingPasses)) return { whyNothing: why };
  if (results.length === 0 || !results.every(({ result }) => result.nothingPasses)) return {};
  return { nothingPasses: true, whyNothing: results.find(({ result }) => result.whyNothing !== undefined)?.result.whyNothing };
}

/** What a hit's score loses for each point of cosine by which its folder's nearest code is farther from the question than another folder's. `node test/quality/folders.ts` */
const fartherCosts = 25;

/** The hits of all folders with scores that compare: those of an engine are relative to what its own index has, so that of a folder about something else the best scores high too. */
function comparable(results: readonly RootResult[]): RootedHit[] {
  const nearest = Math.max(...results.map(({ result }) => result.nearest ?? -Infinity));
  return results.flatMap(({ root, result }) => {
    const cost = fartherCosts * (nearest - (result.nearest ?? nearest));
    const value = result.nearest ?? 0;
    const whyOf = ({ why }: protocol.Hit) => [...why, { signal: "nearer code in another folder", value, contribution: -cost }].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));
    return result.hits.map((hit) => (cost > 0 ? { ...hit, root, score: hit.score - cost, why: whyOf(hit) } : { ...hit, root }));
  });
}

/** Best `k` hits of all folders, each place once; equal scores keep the order of the folders. */
export function mergeResults(results: readonly RootResult[], k: number, failures: readonly Failure[] = []): MergedResult {
  const hits = comparable(results);
  hits.sort((a, b) => b.score - a.score);
  const shown = firstOfEach(hits, (hit) => placeOf(hit.root, hit)).slice(0, k);
  return {
    hits: shown,
    ...remarksOnAll(results.filter(({ root }) => shown.some((hit) => hit.root === root)).map(({ result }) => result)),
    ...nothingOfAll(results),
    coverage: sumCoverage(results.map(({ result }) => result.coverage)),
    changes: sum(results.map(({ result }) => result.changes)),
    depth: deepestOf(results.map(({ result }) => result.depth)),
    tookMs: Math.max(0, ...results.map(({ result }) => result.tookMs)),
    refining: results.some(({ result }) => result.refining),
    definition: results.find(({ result }) => result.definition)?.result.definition,
    failures,
  };
}

/** Folders and the way to their engines. */
export interface FolderSet<F extends Folder = Folder> {
  /** Called differently: see withDistinctNames. */
  readonly folders: readonly F[];
  /** Some may be checkouts of the same project: what an earlier folder has at the same path is not shown of a later one. */
  readonly areCopies?: boolean;
  readonly send: <P, R extends { readonly coverage: protocol.Coverage }>(folder: F, type: RequestType<P, R, protocol.ErrorData>, params: P, onProgress?: OnProgress) => Promise<R>;
}

/** Paths in a query are those that are shown: with the folder's name in front where there are several. Undefined when it asks for other folders only. */
function queryFor(folders: readonly Folder[], { name }: Folder, query: string): string | undefined {
  return folders.length > 1 ? queryIn(name, folders.map((folder) => folder.name), query) : query;
}

/** Filters for copies of a file or folder, beside others, in the folder that holds it. @throws StrataError "input.invalid" when those are about other folders only */
export function copiesFilters<F extends Folder>(folders: readonly F[], { folder, path: inside }: { readonly folder: F; readonly path: string }, others: string): string {
  const here = queryFor(folders, folder, others);
  if (here === undefined) throw new StrataError("input.invalid", `The filters leave out ${folder.name}, ${inside === "" ? "of which copies were asked for" : `the folder of ${inside}`}.`);
  return filtersFor([inside], here);
}

const phases: readonly Progress["phase"][] = ["discover", "instant", "shallow", "deep", "search", "train"];

/** Hears how far each of several is and tells how far all are: of those that are furthest back, as what they do comes first. */
function progressOfAll(onProgress: OnProgress) {
  const parts = new Map<string, Progress>();
  return {
    hear: (root: string) => (part: Progress) => {
      parts.set(root, part);
      const all = [...parts.values()];
      const behind = all.filter(({ done, total }) => total === 0 || done < total).sort((a, b) => phases.indexOf(a.phase) - phases.indexOf(b.phase))[0] ?? part;
      const same = all.filter(({ phase }) => phase === behind.phase);
      const counted = same.filter(({ total }) => total > 0); // what has no total yet is no part of one
      onProgress({ ...behind, done: sum((counted.length > 0 ? counted : same).map(({ done }) => done)), total: sum(counted.map(({ total }) => total)) });
    },
    /** It has answered, and its last news may have been overtaken by that. */
    ended(root: string): void {
      const part = parts.get(root);
      const most = Math.max(part?.done ?? 0, part?.total ?? 0);
      if (part && most > 0) parts.set(root, { ...part, done: most, total: most });
      else parts.delete(root);
    },
  };
}

interface Answers<R> {
  /** In the order of the folders, which that of the answers would leave to chance. */
  readonly results: readonly RootResult<R>[];
  readonly failures: readonly Failure[];
}

/** As `askAll`, but nobody's answer is an answer too. */
async function answersOf<F extends Folder, P, R extends { readonly coverage: protocol.Coverage }>(
  { folders, send }: FolderSet<F>,
  type: RequestType<P, R, protocol.ErrorData>,
  paramsFor: (folder: F) => P | undefined,
  signal: AbortSignal,
  onProgress?: OnProgress,
): Promise<Answers<R> & { readonly errors: readonly unknown[] }> {
  const all = onProgress && progressOfAll(onProgress);
  const errors: unknown[] = [];
  const answers = await Promise.all(
    folders.map(async (folder): Promise<RootResult<R> | Failure | undefined> => {
      const params = paramsFor(folder);
      if (params === undefined) return undefined;
      const { root, name } = folder;
      try {
        return { root, result: await send(folder, type, params, all?.hear(root)) };
      } catch (error) {
        if (signal.aborted || isAbort(error)) throw error;
        errors.push(error);
        return { name, reason: userMessage(error) };
      } finally {
        all?.ended(root);
      }
    }),
  );
  return { results: answers.filter((answer) => answer !== undefined && "result" in answer), failures: answers.filter((answer) => answer !== undefined && "reason" in answer), errors };
}

/**
 * Asks all folders at once; those for which `paramsFor` gives nothing are left out. A folder that cannot answer does not keep the others from it.
 * @throws the first failure when no folder could answer; an AbortError when aborted.
 */
export async function askAll<F extends Folder, P, R extends { readonly coverage: protocol.Coverage }>(
  set: FolderSet<F>,
  type: RequestType<P, R, protocol.ErrorData>,
  paramsFor: (folder: F) => P | undefined,
  signal: AbortSignal,
  onProgress?: OnProgress,
): Promise<Answers<R>> {
  const { errors, ...answers } = await answersOf(set, type, paramsFor, signal, onProgress);
  if (answers.results.length === 0 && errors.length > 0) throw errors[0];
  return answers;
}

/** What of a hit is the same in another checkout. */
const keyOf = ({ path: at, snippet }: Pick<protocol.Hit, "path" | "snippet">): string => `${at}\0${snippet}`;

/** The answers without hits that stand at the same path in an earlier folder. @param own what was asked about */
function withoutCopies(results: readonly RootResult[], own: readonly string[]): readonly RootResult[] {
  const seen = new Set(own);
  return results.map(({ root, result }) => {
    const hits = result.hits.filter((hit) => !seen.has(keyOf(hit)));
    for (const hit of result.hits) seen.add(keyOf(hit));
    return { root, result: { ...result, hits } };
  });
}

/** One answer of those of a set. */
function mergeAnswers({ folders, areCopies }: Pick<FolderSet, "folders" | "areCopies">, { results: found, failures }: Answers<protocol.SearchResult>, k: number, own: readonly string[] = []): MergedResult {
  const results = found.map(({ root, result }) => ({ root, result: { ...result, hits: calledFrom(folderAt(folders, root), result.hits) } }));
  return mergeResults(areCopies ? withoutCopies(results, own) : results, k, failures);
}

/** The part of its index that a folder is. */
function underOf(folder: Folder): Pick<protocol.Restricted, "under"> {
  const { under } = indexScope(folder);
  return under === "" ? {} : { under };
}

/** What a search is asked beside the query. */
type SearchHow = Omit<protocol.SearchParams, "query" | "under">;

/** The parameters of a search in each folder, for `askAll`. */
export function searchParams(folders: readonly Folder[], query: string, how: SearchHow) {
  return (folder: Folder): protocol.SearchParams | undefined => {
    const inFolder = queryFor(folders, folder, query);
    return inFolder === undefined ? undefined : { query: inFolder, ...how, ...underOf(folder) };
  };
}

/** One search without refined hits to follow. */
export async function searchAll<F extends Folder>(set: FolderSet<F>, query: string, how: SearchHow, signal: AbortSignal, onProgress?: OnProgress): Promise<MergedResult> {
  return mergeAnswers(set, await askAll(set, protocol.search, searchParams(set.folders, query, how), signal, onProgress), how.k);
}

/** What a file's name tells those who do not have it; those who do know better. The table of languages is only read here: the editor does without it. */
async function languageTold(file: string): Promise<string | undefined> {
  const { languageOf, unknownLanguage } = await import("../indexing/languages.ts");
  const told = languageOf(file);
  return told === unknownLanguage ? undefined : told.id;
}

/**
 * Similar code in every folder. Each that holds the file, as a folder and one inside it do, gets the range and can leave it out; the others get the text.
 * Of a line alone only an engine that knows the file can tell the definition there: it is asked first, even if its own hits are not wanted.
 * All of an index is looked at, also where the folder is a part of it.
 * @param root of the index that `params.path` begins in
 */
export async function similarAll<F extends Folder>(set: FolderSet<F>, root: string | undefined, params: Omit<protocol.SimilarParams, "k" | "depth">, how: Pick<protocol.SimilarParams, "k" | "depth">, signal: AbortSignal, onProgress?: OnProgress): Promise<MergedResult> {
  const { folders } = set;
  const { path: given, endLine, filters = "" } = params;
  const file = root === undefined || given === undefined ? undefined : path.join(root, given);
  const isOthers = file !== undefined && folders.length > 1;
  let code: { readonly text: string; readonly lang?: string | undefined } = {
    text: params.text ?? (isOthers && endLine !== undefined ? await readRange(root!, params).catch(() => "") : ""),
    lang: params.lang ?? (isOthers ? await languageTold(file) : undefined),
  };
  const insideOf = (folder: F): string | undefined => {
    const inside = file === undefined ? undefined : relativeTo(indexScope(folder).root, file);
    return inside === undefined || leadsOut(inside) ? undefined : inside;
  };
  const asked = (folder: F): protocol.SimilarParams | undefined => {
    const inFolder = queryFor(folders, folder, filters);
    if (inFolder === undefined) return undefined;
    const all = { ...(inFolder !== "" && { filters: inFolder }), ...how };
    if (file === undefined) return { ...params, ...all };
    const inside = insideOf(folder);
    if (inside !== undefined) return { ...params, path: inside, ...all };
    const { text, lang } = code;
    return text === "" ? undefined : { text, ...(lang !== undefined && { lang }), ...all };
  };
  const isLineAlone = isOthers && code.text === "" && endLine === undefined;
  const holds = (folder: F): boolean => insideOf(folder) !== undefined;
  const { filters: _, ...unfiltered } = params;
  const first: Answers<protocol.SearchResult> = isLineAlone
    ? await askAll(set, protocol.similar, (folder) => (holds(folder) ? (asked(folder) ?? { ...unfiltered, path: insideOf(folder)!, ...how, k: 1 }) : undefined), signal, onProgress)
    : { results: [], failures: [] };
  code = first.results.find(({ result }) => result.definition)?.result.definition ?? code;
  if (folders.length > 0 && folders.every((folder) => asked(folder) === undefined))
    throw new StrataError("input.invalid", "The filters leave out the folder of this file, and the others do not have its code. Name the last line too, or give the code as text.");
  const then = await answersOf(set, protocol.similar, (folder) => (isLineAlone && holds(folder) ? undefined : asked(folder)), signal, onProgress);
  const isWanted = ({ root }: RootResult): boolean => folders.some((folder) => folder.root === root && asked(folder) !== undefined);
  const order = folders.map((folder) => folder.root);
  const results = [...first.results.filter(isWanted), ...then.results].sort((a, b) => order.indexOf(a.root) - order.indexOf(b.root));
  if (results.length === 0 && then.errors.length > 0) throw then.errors[0];
  const own = given === undefined ? [] : [keyOf({ path: given, snippet: snippetOf(code.text) })];
  return mergeAnswers(set, { results, failures: [...first.failures, ...then.failures] }, how.k, own);
}

/** Duplicates inside each folder, or the one at `root`, in the order of `copiesOrder`. Of one folder paths in filters begin in it or in its index. */
export async function duplicatesAll<F extends Folder>(set: FolderSet<F>, params: protocol.DuplicatesParams, onProgress: OnProgress, signal: AbortSignal, root?: string): Promise<MergedDuplicates> {
  const asked = (folder: F): protocol.DuplicatesParams | undefined => {
    if (root !== undefined) return folder.root === root ? params : undefined;
    const filters = queryFor(set.folders, folder, params.filters ?? "");
    return filters === undefined ? undefined : { ...params, filters, ...underOf(folder) };
  };
  const { results, failures } = await askAll(set, protocol.duplicates, asked, signal, onProgress);
  const groups = results.flatMap(({ root, result }) => result.groups.map((group) => ({ ...group, members: calledFrom(folderAt(set.folders, root), group.members), root }))).sort(copiesOrder);
  return {
    groups: firstOfEach(groups, ({ root, members }) => members.map((member) => placeOf(root, member)).sort().join("\0")).slice(0, params.limit),
    ...nothingOfAll(results),
    coverage: sumCoverage(results.map(({ result }) => result.coverage)),
    ...(set.folders.length > 1 && { apart: true as const }),
    failures,
  };
}
