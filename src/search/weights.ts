// The weights of ranking: one number per feature and kind of query. A score is their weighted sum; `strata search --explain` prints the parts.
// Rules of thumb, moved a little by a fit over the judged questions of 49 repositories (test/quality/leftOut.ts); what it gained on repositories that
// were left out, and why questions mined from documentation are not fitted to, is in QUALITY.md.
import type { FeatureName } from "./features.ts";

export type Weights = Readonly<Record<FeatureName, number>>;

/** For questions, keywords, messages and code: the rules of thumb of code search as numbers. */
export const proseWeights: Weights = {
  bm25: 1.2,
  "bm25 rank": 0.75,
  "bm25.symbol": 0.35,
  "bm25.breadcrumb": 0,
  "bm25.path": 0.4,
  "bm25.doc": 0.2,
  "bm25.body": 0,
  dense: 0.25,
  "dense rank": 0.65,
  "dense alone": 0.4,
  "name meaning": 0.05,
  "file meaning": 0.3,
  "outline meaning": 0.25,
  "stands out": 1.5,
  definition: 1.5,
  member: 0.2,
  "partial name": 0.4,
  "name said": 0.15,
  "whole name": 0.35,
  "query in name": 0.45,
  "file said": 0.3,
  "whole file name": 0.4,
  "file named": 0.8,
  "query in file": 0.55,
  "query in folders": 0.25,
  "owner said": 0.15,
  "file bm25": 0.35,
  "file dense": 0.3,
  "file coverage": 0.85,
  "file matches": 0.1,
  "file size": 0.4,
  imported: 0.65,
  "used by": 0.5,
  "import neighbours": 0.35,
  folder: 0.3,
  "words meant": 0.3,
  type: 0.25,
  function: 0.1,
  module: 0,
  length: 0.5,
  test: -2.3,
  generated: -0.8,
  example: -0.8,
  legacy: -0.6,
  declarations: -0.85,
  document: -2,
  "re-export": -0.6,
  "passed on": 1.15,
  trace: 4,
  wording: 3,
};

/** For a query that is a name alone. */
export const symbolWeights: Weights = {
  ...proseWeights,
  definition: 4,
  "partial name": 0.8,
  "file named": 2,
  dense: 0.3,
  "dense rank": 0.4,
  "used by": 0,
  "import neighbours": 0,
  folder: 0,
  "words meant": 0,
};
