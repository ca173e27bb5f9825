// The weights of ranking: one number per feature and kind of query. A score is their weighted sum; `strata search --explain` prints the parts.
// Set by rules of thumb; what fitting them on mined questions would change, and why that is not shipped, is in QUALITY.md.
import type { FeatureName } from "./features.ts";

export type Weights = Readonly<Record<FeatureName, number>>;

/** For questions, keywords, messages and code: the rules of thumb of code search as numbers. */
export const proseWeights: Weights = {
  bm25: 1.2,
  "bm25 rank": 0.8,
  "bm25.symbol": 0.4,
  "bm25.breadcrumb": 0,
  "bm25.path": 0.4,
  "bm25.doc": 0.2,
  "bm25.body": 0,
  dense: 0.45,
  "dense rank": 0.8,
  "name meaning": 0.05,
  "file meaning": 0.2,
  "outline meaning": 0.25,
  "stands out": 1.5,
  definition: 1.5,
  member: 0.2,
  "partial name": 0.4,
  "name said": 0.3,
  "whole name": 0.4,
  "query in name": 0.5,
  "file said": 0.4,
  "whole file name": 0.4,
  "file named": 0.8,
  "query in file": 0.6,
  "query in folders": 0.2,
  "owner said": 0.2,
  "file bm25": 0.3,
  "file dense": 0.15,
  "file coverage": 0.8,
  "file matches": 0.1,
  "file size": 0.4,
  imported: 0.6,
  type: 0.3,
  function: 0,
  module: 0,
  length: 0.4,
  test: -2.2,
  generated: -0.8,
  example: -0.8,
  legacy: -0.6,
  declarations: -0.8,
  document: -2,
  "re-export": -0.6,
  "passed on": 1.2,
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
};
