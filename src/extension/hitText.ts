// Hits as text: one line for the quick pick, blocks for language models. vscode-free.
import { apartText, copiesForModel, hitsForModel } from "../base/forModels.ts";
import { oneLine } from "../base/oneLine.ts";
import { remarkTexts } from "../base/remarks.ts";
import { isComment, naming } from "../base/snippet.ts";
import { namedGroups, namedHits } from "../engine/folderPaths.ts";
import type { MergedDuplicates, MergedResult, RootedHit } from "../engine/folders.ts";
import type { ChunkKind } from "../engine/protocol.ts";
import { filesText, type FolderState } from "./indexText.ts";
import type { Reach, WorkspaceEngines } from "./workspaceEngines.ts";

const icons: Readonly<Record<ChunkKind, string>> = {
  function: "symbol-method",
  class: "symbol-class",
  type: "symbol-interface",
  module: "symbol-module",
  block: "symbol-namespace",
  window: "file-code",
};

/** The line that defines the symbol, else the first that says something: not empty, not a comment, not a lone bracket or decorator. */
export function tellingLine(snippet: string, symbol = ""): string {
  const lines = snippet.split("\n").map((line) => line.trim());
  const line = lines.find(naming(symbol)) ?? lines.find((text) => /\w/.test(text) && !isComment(text) && !text.startsWith("@")) ?? lines.find((text) => text !== "") ?? "";
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}

/** Text as VS Code draws it letter by letter, in one line: `$(name)` would become an icon, and marks of the writing direction turn a name around. */
export const escapeIcons = (text: string): string => oneLine(text.replaceAll("\t", " ")).replace(/\$\([\w-]+(~\w+)?\)/g, "\\$&");

interface QuickRow {
  readonly label: string;
  readonly description?: string;
  readonly detail?: string;
  /** Absent for a row that only says something. */
  readonly hit?: RootedHit;
}

/** The rows of the quick pick: hits, then what the answer left out. */
export function quickRows(query: string, result: MergedResult, { nameOf, indexing, pausedBecause }: Pick<WorkspaceEngines, "nameOf" | "indexing" | "pausedBecause">): QuickRow[] {
  const hits = result.hits.map((hit): QuickRow => {
    const folder = nameOf(hit.root) === "" ? "" : `${nameOf(hit.root)}/`;
    return {
      hit,
      label: `$(${icons[hit.kind]}) ${escapeIcons(hit.symbol || hit.path.split("/").at(-1)!)}`,
      description: escapeIcons(`${folder}${hit.path}:${hit.line}${hit.breadcrumb ? `  ${hit.breadcrumb}` : ""}`),
      detail: escapeIcons(tellingLine(hit.snippet, hit.symbol)),
    };
  });
  const failures = result.failures.map(({ name, reason }): QuickRow => ({ label: `$(warning) Not searched: ${escapeIcons(name)}`, detail: escapeIcons(reason) }));
  if (indexing) return [...hits, { label: "$(sync~spin) Indexing goes on", detail: `Searched ${filesText(result.coverage.files)} so far; the search is made again as more are read.` }, ...failures];
  const pause = pausedBecause === undefined ? [] : [{ label: "$(debug-pause) Indexing is paused: not everything may have been read", detail: escapeIcons(pausedBecause) }];
  return hits.length > 0 ? [...hits, ...pause, ...failures] : [{ label: `$(info) Nothing found for "${escapeIcons(query)}"`, detail: "Try other words for what the code does, or leave out filters." }, ...pause, ...failures];
}

const reachNotes: Readonly<Record<Reach, readonly string[]>> = {
  everything: [],
  "still indexing": ["Indexing goes on: what was not found may still be there. Ask again in a moment."],
  paused: ["Indexing is paused: what was not found may still be there. The command Strata: Resume Indexing goes on with it."],
};

/** An answer for a language model: place, name, code; then what was covered, so that silence is not mistaken for absence. */
export function answerForModel(result: MergedResult, query: string, folderName: (root: string) => string, reach: Reach = "everything"): string {
  const blocks = hitsForModel({ ...result, hits: namedHits(result.hits, folderName) }, query);
  return [...remarkTexts(result), ...blocks, ...covered(result, reach)].join("\n\n");
}

/** Groups of copies for a language model. */
export function copiesAnswer(found: MergedDuplicates, folderName: (root: string) => string, reach: Reach = "everything"): string {
  return [...copiesForModel({ ...found, groups: namedGroups(found.groups, folderName) }), ...(found.apart ? [apartText] : []), ...covered(found, reach)].join("\n\n");
}

function covered({ coverage, failures }: Pick<MergedResult, "coverage" | "failures">, reach: Reach): string[] {
  const deep = coverage.chunks === 0 ? "" : `, ${Math.floor((100 * coverage.deep) / coverage.chunks)} % of the code read deeply`;
  return [`Searched ${filesText(coverage.files)}${deep}.`, ...reachNotes[reach], ...failures.map(({ name, reason }) => `Not searched: ${name}. ${reason}`)];
}

/** The index's state for a language model. */
export function statusForModel(folders: readonly FolderState[]): string {
  if (folders.length === 0) return "No folder is open, so nothing can be searched.";
  return folders
    .map(({ name, client, status }) => {
      // What the engine said last holds no more.
      if (client.kind === "failed") return `${name}: failed, so nothing can be searched (${client.reason}).`;
      if (!status) return `${name}: not indexed yet; the first search starts it.`;
      const { coverage, state } = status;
      const skipped = Object.entries(status.skipped).map(([reason, count]) => `${count} ${reason}`);
      return [
        `${name}: ${state.kind}${"reason" in state ? ` (${state.reason})` : ""}.`,
        `${filesText(coverage.files)}; of ${coverage.chunks} pieces of code ${coverage.instant} are searchable at the instant, ${coverage.shallow} at the shallow and ${coverage.deep} at the deep reading.`,
        ...(skipped.length > 0 ? [`Left out: ${skipped.join(", ")}.`] : []),
        ...status.warnings,
      ].join(" ");
    })
    .join("\n");
}
