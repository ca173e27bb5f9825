// The rows of the quick pick: a hit as a line of text, and what the answer left out. vscode-free.
import { plural } from "../base/counts.ts";
import { oneLine } from "../base/oneLine.ts";
import { isComment, naming } from "../base/snippet.ts";
import type { MergedResult, RootedHit } from "../engine/folders.ts";
import type { ChunkKind } from "../engine/protocol.ts";
import type { WorkspaceEngines } from "./workspaceEngines.ts";

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
  if (indexing) return [...hits, { label: "$(sync~spin) Indexing goes on", detail: `Searched ${plural(result.coverage.files, "file")} so far; the search is made again as more are read.` }, ...failures];
  const pause = pausedBecause === undefined ? [] : [{ label: "$(debug-pause) Indexing is paused: not everything may have been read", detail: escapeIcons(pausedBecause) }];
  return hits.length > 0 ? [...hits, ...pause, ...failures] : [{ label: `$(info) Nothing found for "${escapeIcons(query)}"`, detail: "Try other words for what the code does, or leave out filters." }, ...pause, ...failures];
}
