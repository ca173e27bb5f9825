// What an agent reads of an answer: hits with place, name and code, then what was covered, so that silence is not taken for absence.
import { copiesForModel, hitsForModel } from "../base/forModels.ts";
import { type Remarks, remarkTexts } from "../base/remarks.ts";
import type { Coverage, DuplicatesFound, Hit } from "../engine/protocol.ts";

export interface Answer extends Remarks {
  readonly hits: readonly Hit[];
  readonly coverage: Coverage;
}

/** @param isComplete whether every file is indexed: else what was not found may still be there */
export function answerText(answer: Answer, query: string, isComplete: boolean): string {
  return [...remarkTexts(answer), ...hitsForModel(answer, query), note(answer.coverage, isComplete, "which can change the order")].join("\n\n");
}

export function copiesText(found: DuplicatesFound & { readonly coverage: Coverage }, isComplete: boolean): string {
  return [...copiesForModel(found), note(found.coverage, isComplete, "which can show more that means the same")].join("\n\n");
}

/** @param effect of the pieces that are still to be read */
function note({ files, chunks, deep }: Coverage, isComplete: boolean, effect: string): string {
  return isComplete
    ? `Searched all ${files} files${deep < chunks ? `; ${deep} of ${chunks} pieces are read at full depth so far, ${effect}` : ""}.`
    : `Searched ${files} files so far, ${deep} of ${chunks} pieces read at full depth; indexing goes on, so ask again later or with wait.`;
}
