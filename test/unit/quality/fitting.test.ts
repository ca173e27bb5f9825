import assert from "node:assert/strict";
import { test } from "node:test";
import { featureNames } from "../../../src/search/features.ts";
import { proseWeights, type Weights } from "../../../src/search/weights.ts";
import { crossValidate, fileNdcg, type FitGroup, fitWeights } from "../../quality/fitting.ts";
import { firstSentence } from "../../quality/minedQueries.ts";

const zero = Object.fromEntries(featureNames.map((name) => [name, 0])) as Weights;
const [telling, noise] = [featureNames.indexOf("dense"), featureNames.indexOf("bm25")];

/** The answer has the larger "dense" in every group; "bm25" is noise of a fixed sequence. */
function groups(count: number): FitGroup[] {
  return Array.from({ length: count }, (_, g) => {
    const answer = g % 5;
    const rows = Array.from({ length: 10 }, (__, i) => {
      const row = new Float64Array(featureNames.length);
      row[telling] = Math.floor(i / 2) === answer ? 1 : ((g * 3 + i) % 5) / 10;
      row[noise] = Math.abs(Math.sin(g * 12.9898 + i * 78.233) * 43_758.5453) % 1;
      return row;
    });
    const files = rows.map((_, i) => `file${Math.floor(i / 2)}`);
    return { repository: `repository${g % 6}`, rows, files, isAnswer: files.map((file) => file === `file${answer}`) };
  });
}

test("fitting finds the signal that tells answers from the rest", () => {
  const weights = fitWeights(groups(60), { prior: zero, held: [], pull: 0.001, steps: 100 });
  assert.ok(weights.dense > 1);
  assert.ok(Math.abs(weights.bm25) < weights.dense / 2);
  assert.equal(fileNdcg(groups(60), weights), 1);
});

test("a strong pull keeps the weights at the prior", () => {
  const weights = fitWeights(groups(30), { prior: proseWeights, held: [], pull: 100, steps: 100 });
  for (const name of featureNames) assert.ok(Math.abs(weights[name] - proseWeights[name]) < 0.1, name);
});

test("a held signal keeps its prior and the others are fitted around it", () => {
  const weights = fitWeights(groups(30), { prior: { ...zero, dense: 0.5 }, held: ["dense"], pull: 0.001, steps: 50 });
  assert.equal(weights.dense, 0.5);
  assert.notEqual(weights.bm25, 0);
});

test("a signal that never occurs keeps its prior", () => {
  assert.ok(Math.abs(fitWeights(groups(30), { prior: proseWeights, held: [], pull: 0.01, steps: 50 }).trace - proseWeights.trace) < 1e-9);
});

test("cross-validation reports repositories by weights fitted without them", () => {
  const { handSet, leftOut, fitted } = crossValidate(groups(60), { prior: { ...zero, bm25: 1 }, held: [], pull: 0.001, steps: 100 });
  assert.ok(leftOut > handSet);
  assert.ok(fitted >= leftOut - 1e-9);
});

test("a query whose answer is no candidate counts as missed", () => {
  const [group] = groups(1);
  assert.equal(fileNdcg([{ ...group!, isAnswer: group!.isAnswer.map(() => false) }], proseWeights), 0);
});

test("the first sentence of documentation makes a question, markup and noise do not", () => {
  const cases: [string, string | undefined][] = [
    ["Parses the header of a message. Returns nothing.", "Parses the header of a message"],
    ["Splits a `path` into {@link Segment} parts\n\n@param x", "Splits a path into Segment parts"],
    ["Returns it.", undefined],
    ["Deprecated: use the other function instead of this", undefined],
    ["Copyright 2020 by the authors of this thing", undefined],
    ["<b>Bold</b> words stay without their tags here", "Bold words stay without their tags here"],
  ];
  for (const [doc, expected] of cases) assert.equal(firstSentence(doc), expected, doc);
});
