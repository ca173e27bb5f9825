// What an agent reads of an answer: hits with place, name and code, then what was covered, so that silence is not taken for absence.
import { hitsForModel } from "../base/forModels.ts";
import { type Remarks, remarkTexts } from "../base/remarks.ts";
import type { Coverage, Hit } from "../engine/protocol.ts";

export interface Answer extends Remarks {
  readonly hits: readonly Hit[];
  readonly coverage: Coverage;
}

/** How many hits an agent gets that names no number. */
export const defaultHits = 10;

/** @param isComplete whether every file is indexed: else what was not found may still be there */
export function answerText(answer: Answer, query: string, isComplete: boolean): string {
  const { files, chunks, deep } = answer.coverage;
  const note = isComplete
    ? `Searched all ${files} files${deep < chunks ? `; ${deep} of ${chunks} pieces are read at full depth so far, which can change the order` : ""}.`
    : `Searched ${files} files so far, ${deep} of ${chunks} pieces read at full depth; indexing goes on, so ask again later or with wait.`;
  return [...remarkTexts(answer), ...hitsForModel(answer, query), note].join("\n\n");
}
