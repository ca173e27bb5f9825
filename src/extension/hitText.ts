// Hits as text: one line for the quick pick, blocks for language models. vscode-free.
import type { ChunkKind, Depth, Status } from "../engine/protocol.ts";
import { filesText } from "./indexText.ts";
import type { MergedResult } from "./workspaceEngines.ts";

const icons: Readonly<Record<ChunkKind, string>> = {
  function: "symbol-method",
  class: "symbol-class",
  type: "symbol-interface",
  module: "symbol-module",
  block: "symbol-namespace",
  window: "file-code",
};
export const symbolIcon = (kind: ChunkKind): string => icons[kind];

const comment = /^\s*(\/\/|\/\*|\*|#(?!\w*\s*(define|if|include))|--|"""|''')/;

/** The first line that says something: not empty, not a comment, not a lone bracket or decorator. */
export function tellingLine(snippet: string): string {
  const lines = snippet.split("\n").map((line) => line.trim());
  const line = lines.find((text) => /\w/.test(text) && !comment.test(text) && !text.startsWith("@")) ?? lines.find((text) => text !== "") ?? "";
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}

const depthWords: Readonly<Record<Depth, string>> = { instant: "read at a glance", shallow: "read closely", deep: "read deeply" };

/** A fence longer than any run of backticks inside. */
function fenced(text: string, lang: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${/^[\w+#-]+$/.test(lang) ? lang : ""}\n${text}\n${fence}`;
}

/** Hits for a language model: place, name, code; then what was covered, so that silence is not mistaken for absence. */
export function hitsForModel(result: MergedResult, folderName: (root: string) => string): string {
  const blocks = result.hits.map((hit, i) => {
    const folder = folderName(hit.root);
    const name = [hit.breadcrumb, hit.symbol].filter((part) => part !== "").join(" > ");
    return `${i + 1}. ${folder ? `${folder}/` : ""}${hit.path}:${hit.startLine}-${hit.endLine}${name ? ` (${name})` : ""}, ${depthWords[hit.depth]}\n${fenced(hit.snippet, hit.lang)}`;
  });
  const { coverage } = result;
  const deep = coverage.chunks === 0 ? 100 : Math.floor((100 * coverage.deep) / coverage.chunks);
  const searched = `Searched ${filesText(coverage.files)}, ${deep} % of the code read deeply.`;
  const failures = result.failures.map(({ name, reason }) => `Not searched: ${name}. ${reason}`);
  return [...(blocks.length > 0 ? blocks : ["Nothing found."]), searched, ...failures].join("\n\n");
}

/** The index's state for a language model. */
export function statusForModel(folders: readonly { readonly name: string; readonly status: Status | undefined }[]): string {
  if (folders.length === 0) return "No folder is open, so nothing can be searched.";
  return folders
    .map(({ name, status }) => {
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
