// The weights of ranking: one number per feature and kind of query. A score is their weighted sum; `strata search --explain` prints the parts.
// Rules of thumb, moved a little by a fit over the judged questions of 49 repositories (test/quality/leftOut.ts); what it gained on repositories that
// were left out is in QUALITY.md, and why questions mined from documentation are not fitted to in test/quality/README.md.
import type { FeatureName } from "./features.ts";

export type Weights = Readonly<Record<FeatureName, number>>;

/** For questions, keywords, messages and code: the rules of thumb of code search as numbers. */
export const proseWeights: Weights = {
  bm25: 1.05,
  "bm25 rank": 0.55,
  "bm25.symbol": 0.3,
  "bm25.path": 0.4,
  "bm25.doc": 0.2,
  dense: 0.15,
  "dense rank": 0.55,
  "dense alone": 0.4,
  "name meaning": 0.05,
  "file meaning": 0.35,
  "outline meaning": 0.25,
  "stands out": 1.45,
  definition: 1.5,
  member: 0.2,
  "partial name": 0.4,
  "name said": 0.05,
  "whole name": 0.35,
  "query in name": 0.4,
  "file said": 0.25,
  "whole file name": 0.45,
  "file named": 0.8,
  "query in file": 0.5,
  "query in folders": 0.25,
  "owner said": 0.1,
  "file bm25": 0.4,
  "file dense": 0.4,
  "file coverage": 0.85,
  "file matches": 0.05,
  "file size": 0.35,
  imported: 0.6,
  "used by": 0.65,
  "import neighbours": 0.45,
  folder: 1.2,
  "words meant": 0.25,
  type: 0.2,
  function: 0.15,
  length: 0.55,
  test: -2.35,
  generated: -1.4,
  example: -0.8,
  legacy: -0.6,
  declarations: -1.5,
  "other system": -1.5,
  document: -2.05,
  "kind asked": 2.5,
  "re-export": -0.6,
  "passed on": 1.1,
  trace: 8,
  wording: 3,
  uses: 8,
  implements: 12,
};

/** For a query that is a name alone, which gets no second look. */
export const symbolWeights: Weights = {
  ...proseWeights,
  definition: 4,
  "partial name": 0.8,
  "file named": 2,
  dense: 0.3,
  "dense rank": 0.4,
};
