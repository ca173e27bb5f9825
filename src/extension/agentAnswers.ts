// What the chat's agents read, as text: hits and copies with what was covered, and the index's state. vscode-free; `mcp/answer.ts` says it to agents elsewhere.
import { plural } from "../base/counts.ts";
import { apartText, copiesForModel, hitsForModel } from "../base/forModels.ts";
import { remarkTexts } from "../base/remarks.ts";
import { namedGroups, namedHits } from "../engine/folderPaths.ts";
import type { MergedDuplicates, MergedResult } from "../engine/folders.ts";
import type { FolderState } from "./indexText.ts";
import type { Reach } from "./workspaceEngines.ts";

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
  return [`Searched ${plural(coverage.files, "file")}${deep}.`, ...reachNotes[reach], ...failures.map(({ name, reason }) => `Not searched: ${name}. ${reason}`)];
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
        `${plural(coverage.files, "file")}; of ${coverage.chunks} pieces of code ${coverage.instant} are searchable at the instant, ${coverage.shallow} at the shallow and ${coverage.deep} at the deep reading.`,
        ...(skipped.length > 0 ? [`Left out: ${skipped.join(", ")}.`] : []),
        ...status.warnings,
      ].join(" ");
    })
    .join("\n");
}
