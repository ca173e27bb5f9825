// What an agent reads of an answer: hits with place, name and code, then what was covered, so that silence is not taken for absence.
import { hitForModel } from "../base/forModels.ts";
import { type Remarks, remarkTexts } from "../base/remarks.ts";
import type { Coverage, Hit } from "../engine/protocol.ts";

export interface Answer extends Remarks {
  readonly hits: readonly Hit[];
  readonly coverage: Coverage;
  /** False while parts of the workspace are not indexed yet: what was not found may still be there. */
  readonly complete: boolean;
}

/** How many hits an agent gets that names no number. */
export const defaultHits = 10;

export function answerText(answer: Answer): string {
  const { hits, coverage: { files, chunks, deep }, complete } = answer;
  const blocks = hits.map((each) => hitForModel(each));
  const note = complete
    ? `Searched all ${files} files${deep < chunks ? `; ${deep} of ${chunks} pieces are read at full depth so far, which can change the order` : ""}.`
    : `Searched ${files} files so far, ${deep} of ${chunks} pieces read at full depth; indexing goes on, so ask again later or with wait.`;
  return [...remarkTexts(answer), ...(blocks.length > 0 ? blocks : ["Nothing found."]), note].join("\n\n");
}
