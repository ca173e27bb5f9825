// What an agent reads of an answer: hits with place, name and code, then what was covered, so that silence is not taken for absence. Of several folders
// the paths begin with their names.
import { apartText, copiesForModel, hitsForModel } from "../base/forModels.ts";
import { remarkTexts } from "../base/remarks.ts";
import { type Folder, namedGroups, namedHits, nameIn } from "../engine/folderPaths.ts";
import type { MergedDuplicates, MergedResult } from "../engine/folders.ts";
import { restsEarly } from "../engine/pace.ts";
import { isComplete } from "../engine/session.ts";
import type { IndexPart, ReadySet } from "../engine/sessions.ts";

type Asked = Pick<ReadySet<Folder>, "folders" | "parts">;

export function answerText(answer: MergedResult, query: string, set: Asked): string {
  const hits = namedHits(answer.hits, (root) => nameIn(set.folders, root));
  return [...remarkTexts(answer), ...hitsForModel({ ...answer, hits }, query), ...covered(answer, set, "which can change the order")].join("\n\n");
}

export function copiesText(found: MergedDuplicates, set: Asked): string {
  const groups = namedGroups(found.groups, (root) => nameIn(set.folders, root));
  return [...copiesForModel({ ...found, groups }), ...(found.apart ? [apartText] : []), ...covered(found, set, "which can show more that means the same")].join("\n\n");
}

/** Of a folder that is a part of an index the counts are the index's: it is the project around it. */
function searchedAll([{ scope } = {}]: readonly Partial<Folder>[], files: number): string {
  const all = files === 1 ? "the one file" : `all ${files} files`;
  return scope ? `Searched in ${scope.under}, a part of ${scope.root}: ${all} of that project are indexed` : `Searched ${all}`;
}

/** @param effect of the pieces that are still to be read */
function covered({ coverage: { files, chunks, deep }, failures }: Pick<MergedResult, "coverage" | "failures">, { folders, parts: partsNow }: Asked, effect: string): string[] {
  const parts = partsNow();
  if (parts.length === 0 && failures.length === 0) return [`Nothing was searched: the filters leave out every folder (${folders.map(({ name }) => name).join(", ")}).`];
  const namesOf = (some: readonly IndexPart[]): string => (parts.length > 1 ? ` of ${some.map(({ name }) => name).join(" and ")}` : "");
  const unfinished = parts.filter(({ coverage, state }) => !isComplete(coverage, state, "instant"));
  const [stopped, going] = [unfinished.filter(({ state }) => "reason" in state), unfinished.filter(({ state }) => !("reason" in state))];
  const read = `${deep} of ${chunks} pieces`;
  const isReadOn = deep < chunks && !parts.every(({ coverage }) => coverage.deep >= coverage.chunks || restsEarly(coverage) !== undefined);
  return [
    unfinished.length === 0
      ? `${searchedAll(folders, files)}${isReadOn ? `; ${read} are read at full depth so far, ${effect}` : ""}.`
      : `Searched ${files} files so far, ${read} read at full depth${going.length > 0 ? `; indexing${namesOf(going)} goes on, so ask again later or with wait` : ""}.`,
    ...stopped.map((part) => `Indexing${namesOf([part])} ${part.state.kind === "paused" ? "is paused" : "stopped"}: ${"reason" in part.state ? part.state.reason : ""}`),
    ...failures.map(({ name, reason }) => `Not searched: ${name}. ${reason}`),
  ];
}
