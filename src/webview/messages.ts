// What the search view and its host say to each other. The host owns all state and sends it whole; the page only asks.
// Types, one guard and what a context menu is about, no other logic: the guard is the trust edge, a page's message may be anything.
import type { NothingPasses, Remarks } from "../base/remarks.ts";
import type { Coverage, Depth, DuplicateGroup, Hit } from "../engine/protocol.ts";

export type { Coverage };

export interface ViewHit extends Hit {
  /** Stable while the same place is shown: root, path and lines. */
  readonly id: string;
  /** Name of the workspace folder, "" when there is only one. */
  readonly folder: string;
  /** There is code to compare it with. */
  readonly comparable?: true;
}

export interface ViewDuplicateGroup extends Omit<DuplicateGroup, "members"> {
  readonly id: string;
  readonly members: readonly Pick<ViewHit, "id" | "folder" | "path" | "startLine" | "endLine" | "symbol">[];
}

/** What VS Code's context menu is told of a result under the pointer; its commands get it back. */
export const resultSection = "result";
export const resultContext = (id: string, comparable = false): string => JSON.stringify({ webviewSection: resultSection, result: id, ...(comparable && { comparable }) });

/** What the list below the box shows. */
export type ViewResults =
  | { readonly kind: "none" }
  | ({
      readonly kind: "hits";
      /** Of a search: what was asked. Of similar code: what it is similar to. */
      readonly of: "search" | "similar";
      readonly subject: string;
      /** Of a search: those it was made with. */
      readonly filters: Filters;
      readonly hits: readonly ViewHit[];
      readonly coverage: Coverage;
      readonly depth: Depth;
      readonly tookMs: number;
      /** Better hits are on their way. */
      readonly refining: boolean;
      /** "name: sentence" for each folder that could not answer. */
      readonly failures: readonly string[];
    } & Remarks)
  | ({ readonly kind: "duplicates"; /** What they are copies of; "" for all code. */ readonly subject: string; readonly groups: readonly ViewDuplicateGroup[]; readonly coverage: Coverage; /** Each workspace folder was compared by itself. */ readonly apart?: true; /** As of hits. */ readonly failures: readonly string[] } & NothingPasses);

/** The index of all folders together, as the page draws it. */
export type ViewIndex =
  | { readonly kind: "noFolder" }
  | { /** Nothing is asked of an engine before the first search. */ readonly kind: "idle" }
  | { readonly kind: "starting" }
  | { readonly kind: "working"; readonly label: string; /** 0 to 1, or undefined when the end is not known. */ readonly fraction: number | undefined; /** There are files that cannot be found yet. */ readonly unread?: true }
  | { readonly kind: "ready" }
  | { readonly kind: "paused"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

export interface Filters {
  readonly langs: readonly string[];
  readonly path: string;
  /** The workspace folder that alone is searched, as an absolute path; absent for all of them. */
  readonly root?: string;
}

export interface ViewState {
  readonly query: string;
  readonly filters: Filters;
  /** What the editor calls the workspace folder that alone is searched; "" for all of them. */
  readonly folder: string;
  /** A search is under way; the results still shown belong to the one before. */
  readonly busy: boolean;
  /** How far the request under way is, when it is one that takes long. */
  readonly working: { readonly label: string; /** As of the index. */ readonly fraction: number | undefined } | undefined;
  /** Sentence for the person when the last request failed. */
  readonly error: string | undefined;
  readonly results: ViewResults;
  readonly index: ViewIndex;
  readonly coverage: Coverage | undefined;
  /** Languages of the workspace, most files first. */
  readonly languages: readonly { readonly lang: string; readonly files: number }[];
  readonly warnings: readonly string[];
  /** Earlier queries, latest first. */
  readonly history: readonly string[];
}

/** How a place is opened. "look": only to see it, the keyboard stays. "open": in the preview tab, which the next one takes over. "keep": in a tab that stays. */
export const openings = ["look", "open", "keep"] as const;
export type Opening = (typeof openings)[number];

export type FromHost = { readonly type: "state"; readonly state: ViewState } | { readonly type: "focus" } | { /** To the next (1) or the previous (-1) row. */ readonly type: "step"; readonly by: 1 | -1 };

const viewCommands = ["restart", "showLog", "status", "duplicates", "openFolder", "resume"] as const;
export type ViewCommand = (typeof viewCommands)[number];

export type FromView =
  | { readonly type: "ready" }
  | { readonly type: "search"; readonly query: string; readonly filters: Filters; /** Enter was pressed: keep it in the history. */ readonly remember: boolean }
  | { readonly type: "open"; readonly id: string; readonly side: boolean; readonly how: Opening; /** Line to go to; that of the place's name when absent. */ readonly line?: number }
  | { readonly type: "similarTo" | "compare"; readonly id: string }
  | { readonly type: "command"; readonly command: ViewCommand }
  | { readonly type: "clear" }
  | { readonly type: "forgetHistory" };

/** Longest query and path that are taken from the page; a pasted stack trace fits. */
const MAX_TEXT = 20_000;

const isText = (value: unknown): value is string => typeof value === "string" && value.length <= MAX_TEXT;

function isFilters(value: unknown): value is Filters {
  if (typeof value !== "object" || value === null) return false;
  const { langs, path, root } = value as Partial<Record<keyof Filters, unknown>>;
  return Array.isArray(langs) && langs.length <= 50 && langs.every((lang) => isText(lang) && /^[\w+#.-]+$/.test(lang)) && isText(path) && (root === undefined || isText(root));
}

/** True when a value from the page is a message, with every field of the right type and size. */
export function isFromView(value: unknown): value is FromView {
  if (typeof value !== "object" || value === null) return false;
  const message = value as Record<string, unknown>;
  switch (message["type"]) {
    case "ready":
    case "clear":
    case "forgetHistory":
      return true;
    case "search":
      return isText(message["query"]) && isFilters(message["filters"]) && typeof message["remember"] === "boolean";
    case "open":
      return isText(message["id"]) && typeof message["side"] === "boolean" && (openings as readonly unknown[]).includes(message["how"]) && (message["line"] === undefined || (Number.isInteger(message["line"]) && (message["line"] as number) >= 1));
    case "similarTo":
    case "compare":
      return isText(message["id"]);
    case "command":
      return (viewCommands as readonly unknown[]).includes(message["command"]);
    default:
      return false;
  }
}
