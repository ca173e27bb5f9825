// The one front of searching: a query in, hits with reasons out, and the way to make them better within a time budget.
// Retrieval is in candidates.ts, what is looked at in features.ts, the order in ranking.ts.
import type { Remarks } from "../base/remarks.ts";
import { snippetOf } from "../base/snippet.ts";
import { deepestOf, type Depth, type EncodeDepth, type Encoder, type EncoderText, type Priority, type QueryVectors } from "../encoding/encoder.ts";
import type { Definition, Hit, SearchParams } from "../engine/protocol.ts";
import type { Filters, Place, Store } from "../store/store.ts";
import { type Candidate, type Candidates, gatherCandidates, hitsByWords, type SearchStore } from "./candidates.ts";
import { computeFeatures, type FeatureRow, withSecondLook } from "./features.ts";
import { fittingSymbol, lineOf } from "./hitSymbol.ts";
import { nameMeanings } from "./meaning.ts";
import { neighbourhoods } from "./neighbourhood.ts";
import { isFarFetched, type NoiseFloor } from "./noiseFloor.ts";
import { checkQuery, filtersOf, type ParsedQuery } from "./query.ts";
import { explain, rank, type Ranked, scoreOf, settle, weightsFor } from "./ranking.ts";
import { readQuestion, type ReadQuestion } from "./reading.ts";
import { isMostlyUnspaced, wordsIn } from "./terms.ts";
import { wordMeanings } from "./wordMeaning.ts";

export interface SearchDeps {
  readonly store: SearchStore;
  /** Absent while the model loads or when it cannot: words alone answer then. */
  readonly encoder: Encoder | undefined;
  /** Absent while files are still being read: what is not found may come, so nothing is said or done about it. */
  readonly noiseFloor?: NoiseFloor;
}

export interface RankedResult extends Remarks {
  readonly hits: readonly Hit[];
  /** Deepest reading that took part. */
  readonly depth: Depth;
  /** As of SearchResult. */
  readonly nearest?: number;
  /** As of SearchResult. */
  readonly definition?: Definition;
  /** What was asked of files, when nothing passes it. */
  readonly emptied?: Filters | undefined;
  /**
   * Encodes the leading candidates that were read less than deep at the top exit, keeps their vectors in the store, and ranks again: the order
   * only changes where the scores clearly differ. Answers at the budget with what is done; what is being encoded then still reaches the store, and
   * `onLate` hears why when it does not. Absent when nothing would change.
   */
  readonly refine?: (budgetMs: number, signal?: AbortSignal, onLate?: (error: unknown) => void) => Promise<RankedResult>;
}

/** Leading candidates of the first order whose code is read for what it uses and says; what stands below them tells little. */
const lookedAtTwice = 60;
/** Chunks per refinement step: about 100 ms of work on two cores, seconds on a machine that is busy with something else. */
const refineBatch = 8;
/** Share of the list's score range that two hits must differ by before they change places under a reader's eyes. */
const calm = 0.02;

/** Answers from what the index holds now. Works with words alone, with vectors alone, and on an empty index (no hits). @throws StrataError "input.invalid" */
export async function searchIndex(deps: SearchDeps, params: Pick<SearchParams, "query" | "k" | "streamId" | "under">, signal?: AbortSignal): Promise<RankedResult> {
  const { store, encoder, noiseFloor } = deps;
  const floor = encoder && noiseFloor?.of(store, encoder);
  const { typed, ...read } = readQuestion(store, params.query, { isWord: (word) => encoder?.knowsWord(word) ?? false, isTyping: params.streamId !== undefined, mayRespell: encoder !== undefined && noiseFloor !== undefined });
  checkQuery(typed);
  const { query } = read;
  const vectors = await queryVectors(encoder, query, signal);
  signal?.throwIfAborted();
  const under = params.under ?? "";
  const candidates = gatherCandidates(store, query, vectors, params.k, under, await hitsByWords(store, query, params.k, under, signal));
  const emptied = emptiedBy(store, filtersOf(query, under));
  const found = rankCandidates(deps, { ...read, floor, vectors, k: params.k }, candidates);
  return { ...found, emptied, ...(found.hits.length === 0 && !emptied && noiseFloor && query.phrases.length > 0 && { whyNothing: whyNotSaid(query) }) };
}

/** What is said where quoted text is nowhere, or not where the filters look. */
const whyNotSaid = ({ phrases }: ParsedQuery): string => `${phrases.map((phrase) => `"${phrase}"`).join(" and ")} ${phrases.length === 1 ? "stands" : "stand together"} nowhere as quoted. Without the quotes the words are looked for, and what they mean.`;

/** These filters, when nothing passes them. */
export const emptiedBy = (store: SearchStore, filters: Filters): Filters | undefined => (store.allowedBy(filters)?.isEmpty ? filters : undefined);

async function queryVectors(encoder: Encoder | undefined, query: ParsedQuery, signal: AbortSignal | undefined): Promise<QueryVectors | undefined> {
  // Encoders of code know hardly a sign of scripts without spaces: their vectors of such questions are noise, and words alone answer better.
  if (!encoder || (query.kind !== "code" && isMostlyUnspaced(query.text))) return undefined;
  return query.kind === "code" ? encoder.embedCode({ breadcrumb: "", text: query.text }, signal) : encoder.embedQuery(query.text, signal);
}

interface Question extends Omit<ReadQuestion, "typed"> {
  /** See NoiseFloor; undefined when it is not known. */
  readonly floor: number | undefined;
  readonly vectors: QueryVectors | undefined;
  readonly k: number;
}

function rankCandidates(deps: SearchDeps, question: Question, candidates: Candidates, previous?: readonly Ranked[]): RankedResult {
  const features = candidateFeatures(deps, question.query, question.vectors, candidates);
  // Twice what is shown: a chunk just below the list may belong into it once it is read properly.
  const leading = rank(candidates.items, features, question.query, Math.max(20, 2 * question.k));
  const fresh = leading.slice(0, question.k);
  const shown = previous ? settled(fresh, previous) : fresh;
  const waiting = question.vectors && deps.encoder ? unrefined(leading) : [];
  const symbolOf = fittingSymbol(question.query, candidates.idf);
  const cosines = candidates.items.flatMap(({ dense }) => dense ?? []);
  return {
    hits: shown.map((hit) => placeToHit(hit.candidate, candidates.implementing?.get(hit.candidate.place.place) ?? symbolOf(hit.candidate.place), hit.total, explain(hit, question.query))),
    depth: deepestOf(candidates.items.map(({ depth }) => depth)),
    ...(cosines.length > 0 && { nearest: Math.max(...cosines) }),
    ...(question.translation && { translation: question.translation }),
    ...(question.respellings.length > 0 && { respellings: question.respellings }),
    ...(question.floor !== undefined && isFarFetched(question.query, question.asked, candidates, question.floor) && { farFetched: true }),
    ...(waiting.length > 0 && { refine: (budgetMs, signal, onLate) => refine(deps, question, candidates, shown, waiting, budgetMs, signal, onLate) }),
  };
}

/** Features of every candidate, of which a name alone needs no second look; also what `npm run quality` fits and dissects ranking with. */
export function candidateFeatures({ store, encoder }: SearchDeps, query: ParsedQuery, vectors: QueryVectors | undefined, candidates: Candidates): FeatureRow[] {
  const { items } = candidates;
  const paths = [...new Set(items.map((candidate) => candidate.place.path))];
  const files = store.files();
  const facts = { imports: store.importCounts(paths), fileChunks: (path: string) => files.get(path)?.chunks ?? 1, hasFile: (path: string) => files.has(path) };
  const rows = computeFeatures(query, candidates, facts, encoder && vectors && nameMeanings(store, encoder, vectors, items));
  if (query.kind === "symbol") return rows;
  const scores = rows.map((row) => scoreOf(row, weightsFor(query)));
  const leading = items.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]!).slice(0, lookedAtTwice);
  const read = new Map(leading.map((i) => [i, wordsIn(items[i]!.place.text)]));
  return withSecondLook(rows, neighbourhoods(items, scores, read, store.importNeighbours(paths)), encoder ? wordMeanings(encoder, query, candidates, read) : new Map());
}

function settled(fresh: readonly Ranked[], shown: readonly Ranked[]): Ranked[] {
  const range = fresh.length > 1 ? fresh[0]!.total - fresh.at(-1)!.total : 0;
  return settle(fresh, shown.map((hit) => hit.candidate.place.place), range * calm);
}

/** Those that were read less than deep, each chunk once. */
function unrefined(hits: readonly Ranked[]): Place[] {
  const seen = new Set<number>();
  return hits.flatMap(({ candidate: { depth, place } }) => (depth !== "deep" && !seen.has(place.chunkId) && seen.add(place.chunkId) ? place : []));
}

async function refine(
  deps: SearchDeps,
  question: Question,
  candidates: Candidates,
  previous: readonly Ranked[],
  waiting: readonly Place[],
  budgetMs: number,
  signal: AbortSignal | undefined,
  onLate: (error: unknown) => void = () => {},
): Promise<RankedResult> {
  const { encoder, store } = deps;
  const started = performance.now();
  const done: number[] = [];
  let slowestMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const budgetSpent = new Promise<"late">((resolve) => (timer = setTimeout(() => resolve("late"), budgetMs)));
  try {
    for (let i = 0; encoder && i < waiting.length; i += refineBatch) {
      const batch = waiting.slice(i, i + refineBatch);
      const batchStarted = performance.now();
      // The first step always runs, if only for the next question: a budget too small for one would never make anything better.
      if (i > 0 && batchStarted - started + slowestMs > budgetMs) break;
      const kept = encodeAndKeep(encoder, store, batch, "deep", "visible", signal);
      if ((await Promise.race([kept, budgetSpent])) === "late") {
        kept.catch(onLate);
        break;
      }
      done.push(...batch.map(({ chunkId }) => chunkId));
      slowestMs = Math.max(slowestMs, performance.now() - batchStarted);
    }
  } finally {
    clearTimeout(timer);
  }
  const better = new Map(question.vectors ? store.scoreChunks(question.vectors, done).map((hit) => [hit.chunkId, hit]) : []);
  const items = candidates.items.map((candidate) => {
    const hit = better.get(candidate.place.chunkId);
    return hit ? { ...candidate, dense: hit.calibrated, depth: hit.depth } : candidate;
  });
  const { refine: _, ...refined } = rankCandidates(deps, question, { ...candidates, items }, previous);
  return refined;
}

/** Encodes chunks at a depth and keeps their vectors in the store. Nothing is kept once `signal` is aborted. */
export async function encodeAndKeep(encoder: Encoder, store: Pick<Store, "putVectors">, chunks: readonly (EncoderText & Pick<Place, "chunkId">)[], depth: EncodeDepth, priority: Priority, signal: AbortSignal | undefined): Promise<void> {
  const vectors = await encoder.embedChunks(chunks, depth, priority, signal);
  signal?.throwIfAborted();
  store.putVectors(depth, chunks.map(({ chunkId }, at) => ({ chunkId, vector: vectors[at]! })));
}

/** A candidate as the protocol shows it. */
export function placeToHit({ place, depth }: Pick<Candidate, "place" | "depth">, symbol: string, score: number, why: Hit["why"]): Hit {
  return {
    path: place.path,
    startLine: place.startLine,
    endLine: place.endLine,
    line: lineOf(place, symbol),
    symbol,
    kind: place.kind,
    lang: place.lang,
    breadcrumb: place.breadcrumb,
    snippet: snippetOf(place.text),
    score,
    depth: depth ?? "instant",
    why,
  };
}
