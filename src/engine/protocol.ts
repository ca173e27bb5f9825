// Every message between an engine and its clients: names, types, doc comments; no logic but `deepening`. Both sides import it.
import { NotificationType, ProgressType, RequestType, RequestType0 } from "vscode-jsonrpc/node";
import type { CopiesKind, Likeness } from "../base/copies.ts";
import type { Progress } from "../base/progress.ts";
import type { NothingPasses, Remarks } from "../base/remarks.ts";
import type { ChunkKind } from "../indexing/chunk.ts";
import type { Depth } from "../encoding/encoder.ts";
import type { Coverage } from "../store/store.ts";

export type { ChunkKind, Coverage, Depth, Progress };

/** Raised whenever a message changes shape. */
export const PROTOCOL_VERSION = 1;

/** First message on every connection. The engine answers or refuses with a StrataError code in `data.code`. */
export interface HandshakeParams {
  readonly protocol: number;
  /** Build id of the client's bundle; an engine of another build is asked to finish by a newer client. */
  readonly build: string;
  readonly token: string;
  readonly client: "extension" | "cli" | "mcp" | "test";
}
export interface HandshakeResult {
  readonly protocol: number;
  readonly build: string;
  readonly pid: number;
  readonly model: { readonly id: string; readonly version: string; readonly hash: string };
  readonly root: string;
}
export const handshake = new RequestType<HandshakeParams, HandshakeResult, ErrorData>("strata/handshake");

/** `data` of every ResponseError the engine sends: a StrataError code, or "cancelled". `message` is the sentence for the user. */
export interface ErrorData {
  readonly code: string;
}

export interface Hit {
  /** Relative to the index root, "/" as separator. */
  readonly path: string;
  /** Counted from 1, both ends included; re-anchored to the current text before it leaves the engine. */
  readonly startLine: number;
  readonly endLine: number;
  /** The line of what `symbol` names, below its comment and what else stands above it in the chunk: where to go to. `startLine` where there is no name. */
  readonly line: number;
  /** The chunk's name that fits the query best, else its first, or "". */
  readonly symbol: string;
  readonly kind: ChunkKind;
  readonly lang: string;
  readonly breadcrumb: string;
  /** At most 30 lines of the chunk. */
  readonly snippet: string;
  /** Larger is better. Scaled within one result: between roots searched with the same query it says how far a hit stands out in its own. */
  readonly score: number;
  /** Depth of the vector behind the dense score; "instant" also when only words matched. */
  readonly depth: Depth;
  /** What each signal contributed, largest first; sums to `score`. */
  readonly why: readonly Signal[];
  /** Of similar code; absent where it merely comes near. */
  readonly likeness?: Likeness;
}
export interface Signal {
  /** For example "dense", "bm25.symbol", "definition", "test file". */
  readonly signal: string;
  /** Raw value of the signal, for instance a cosine. */
  readonly value: number;
  readonly contribution: number;
}

/** The one state machine every shell renders. */
export type IndexState =
  | { readonly kind: "absent" }
  | { readonly kind: "scanning"; readonly progress: Progress }
  | { readonly kind: "deepening"; readonly progress: Progress }
  | { readonly kind: "ready" }
  | { readonly kind: "paused"; readonly reason: string }
  | { readonly kind: "failed"; readonly code: string; readonly reason: string };

export const lookingForFiles: IndexState = { kind: "scanning", progress: { phase: "discover", done: 0, total: 0, unit: "files" } };
/** @param most chunks that will be read to this depth */
export function deepening(depth: Depth, coverage: Coverage, most = Infinity): IndexState {
  const total = Math.min(coverage.chunks, most);
  return { kind: "deepening", progress: { phase: depth, done: Math.min(coverage[depth], total), total, unit: "chunks" } };
}

export interface Status {
  readonly state: IndexState;
  readonly root: string;
  readonly indexFolder: string;
  readonly coverage: Coverage;
  /** Rises whenever code came or went; begins anew with each engine. */
  readonly changes: number;
  /** `isPassing`: it is not the index's own choice but the --model of a terminal, and answers all clients until the engine ends. `note`: what its user should know. */
  readonly model: { readonly id: string; readonly version: string; readonly folder: string; readonly isPassing?: true; readonly note?: string };
  /** Files that are not searchable, by reason ("secret", "binary", "too large", "generated", "unreadable", …). */
  readonly skipped: Readonly<Record<string, number>>;
  /** Sentences the user should know: watch limit hit, brute-force fallback, index rebuilt after damage. */
  readonly warnings: readonly string[];
  readonly languages: Readonly<Record<string, number>>;
  readonly memoryBytes: number;
  readonly indexBytes: number;
}

/** What may be found is restricted to. */
export interface Restricted {
  /** Filters as in a query, nothing else ("lang:go path:src/** -in:tests"). In a search they stand in the query. */
  readonly filters?: string;
  /** Directory below the root, "" for all. */
  readonly under?: string;
}

export interface SearchParams extends Pick<Restricted, "under"> {
  readonly query: string;
  /** Number of hits, 1 to 200. */
  readonly k: number;
  /** "instant" answers from what is stored; "deep" first re-encodes visible candidates within the refine budget. */
  readonly depth: Depth;
  /**
   * Set by clients that want refined hits streamed by `searchUpdate` with this id after the first answer. What stands before its first `:` names who
   * asks: the next search of the same asker ends the stream, those of others (a view beside a quick pick) do not.
   */
  readonly streamId?: string;
}
export type Definition = Required<Pick<SimilarParams, "text" | "lang">>;
export interface SearchResult extends Remarks {
  readonly hits: readonly Hit[];
  readonly coverage: Coverage;
  /** As of Status. */
  readonly changes: number;
  /** Deepest reading that took part. */
  readonly depth: Depth;
  /** Of a search: the highest cosine with the question among all that was looked at. Scores say what stands before what in one index, this how much one index has to say beside another. */
  readonly nearest?: number;
  /** Of similar code to a line alone: the definition there, so that indexes without the file can be asked for it. */
  readonly definition?: Definition;
  readonly tookMs: number;
  /** More accurate hits will follow as `searchUpdate`. */
  readonly refining: boolean;
}
export const search = new RequestType<SearchParams, SearchResult, ErrorData>("strata/search");
export const searchUpdate = new NotificationType<{ readonly streamId: string; readonly result: SearchResult }>("strata/searchUpdate");

/** Similar code: a range of a file (unsaved text may be given) or free text. The range's own chunks are left out. */
export interface SimilarParams extends Pick<Restricted, "filters"> {
  readonly path?: string;
  readonly startLine?: number;
  readonly endLine?: number;
  /** Overrides the file's text in that range (unsaved editor content), or stands alone with `lang`. */
  readonly text?: string;
  readonly lang?: string;
  readonly k: number;
  readonly depth: Depth;
}
export const similar = new RequestType<SimilarParams, SearchResult, ErrorData>("strata/similar");

export interface DuplicateGroup extends CopiesKind {
  readonly lines: number;
  readonly members: readonly Pick<Hit, "path" | "startLine" | "endLine" | "symbol" | "snippet">[];
  /** Every place is a test, prose, a translation or a generated file: comes after the program's own code. */
  readonly aside?: true;
}
/** Parameters of a request whose progress can be heard. */
export interface ReportingParams {
  /** Set by a client that wants to hear it: a number of its own, under which `progress` comes. */
  readonly progressToken?: number;
}
export const progress = new ProgressType<Progress>();

/** Restricted: groups of which a place passes what the filters ask for; what they leave out (`-path:`, `-lang:`, `-in:tests`) is no copy. */
export interface DuplicatesParams extends ReportingParams, Restricted {
  readonly minLines: number;
  /** Least cosine of a semantic pair. */
  readonly threshold: number;
  readonly limit: number;
}
/** What duplicates are where nobody says otherwise: shorter ones are idiom, not copies. */
export const duplicateDefaults = { minLines: 6, threshold: 0.9 } as const;
export interface DuplicatesFound extends NothingPasses {
  readonly groups: readonly DuplicateGroup[];
}
export const duplicates = new RequestType<DuplicatesParams, DuplicatesFound & { readonly coverage: Coverage }, ErrorData>("strata/duplicates");

/** Brings the index to a depth and answers when it is there; progress arrives as `statusChanged`. Cancelling leaves what was done. */
export const index = new RequestType<{ readonly depth: Depth }, Status, ErrorData>("strata/index");
export const status = new RequestType0<Status, ErrorData>("strata/status");
/** Which files `Status.skipped` counts: up to 200 for each reason. */
export const leftOut = new RequestType0<readonly { readonly path: string; readonly reason: string }[], ErrorData>("strata/leftOut");
export const statusChanged = new NotificationType<Status>("strata/statusChanged");
/** Throws the index away and starts again. */
export const rebuild = new RequestType0<Status, ErrorData>("strata/rebuild");

/**
 * The model of this index from now on, kept over restarts: an absolute folder, or "" for the one that comes with Strata. Answers when the model has taken over;
 * the vectors of the model before go on answering until all code has been read by the new one, and come back at once when it is chosen again.
 */
export const chooseModel = new RequestType<{ readonly folder: string }, Status, ErrorData>("strata/chooseModel");

/** A file was saved, created, deleted or renamed in the editor; paths relative to the root. Answers when it is searchable at full depth. */
export const filesChanged = new RequestType<{ readonly paths: readonly string[] }, void, ErrorData>("strata/filesChanged");

/** Settings of the client that the engine honours; the last one to configure wins, but for a pause. */
export interface EngineSettings {
  /** How deep the background goes: "shallow" for low-power machines. */
  readonly backgroundDepth: Depth;
  /** Globs excluded beside the ignore files (editor excludes). */
  readonly exclude: readonly string[];
  readonly maxFileBytes: number;
  /** Asks for a pause, or ends one, whoever has made it. Absent: it stays as it is. */
  readonly paused?: boolean;
}
export const configure = new RequestType<EngineSettings, void, ErrorData>("strata/configure");

/** A newer client asks the engine to save and end. */
export const shutdown = new RequestType0<void, ErrorData>("strata/shutdown");
/** Whoever deletes the index asks the engine to do so if nobody else is connected with it; true when it does. */
export const endUnlessUsed = new RequestType0<boolean, ErrorData>("strata/endUnlessUsed");
