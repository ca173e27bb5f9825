// How much of the figure on judged repositories is owed to weights that were set with them in view: node test/quality/leftOut.ts [--set DIR …] [--depth instant|deep …] [--weights]
// Ranks every repository with weights fitted on the others alone: from a start that looked at nothing, and from the weights that ship. `--weights` prints
// what a fit over all of them, pulled towards the shipped ones, would change.
import path from "node:path";
import { parseArgs } from "node:util";
import { type Depth, depths } from "../../src/encoding/encoder.ts";
import type { Candidates } from "../../src/search/candidates.ts";
import { type FeatureName, featureNames, type FeatureRow } from "../../src/search/features.ts";
import type { ParsedQuery } from "../../src/search/query.ts";
import { rank, weightsFor } from "../../src/search/ranking.ts";
import { proseWeights, type Weights } from "../../src/search/weights.ts";
import { interval90 } from "./bootstrap.ts";
import { defaultSet, loadRepositories, nothingMeasured } from "./datasets.ts";
import { type FitGroup, fitWeights } from "./fitting.ts";
import { buildStore, candidatesFor, chunkFolder, encodeQueries, openModel } from "./lab.ts";
import { covers, mean, ndcgOfTargets, type Target } from "./metric.ts";

interface Question extends FitGroup {
  readonly query: ParsedQuery;
  readonly targets: readonly Target[];
  readonly candidates: Candidates;
  readonly rows: readonly FeatureRow[];
}

const { values: options } = parseArgs({
  options: { set: { type: "string", multiple: true, default: [defaultSet] }, depth: { type: "string", multiple: true, default: ["instant", "deep"] }, model: { type: "string" }, weights: { type: "boolean", default: false } },
});
const say = (line: string) => void process.stdout.write(`${line}\n`);

/** One number for everything that speaks for a chunk, one for everything that speaks against it; messages and traces as shipped, no judged query has them. */
const unseenStart = weightsOf((name) => {
  if (["test", "generated", "example", "legacy", "declarations", "document", "re-export"].includes(name)) return -1;
  if (["bm25", "definition"].includes(name)) return 1;
  if (["dense", "name said", "query in name", "file said", "query in file", "file coverage"].includes(name)) return 0.5;
  return name === "trace" || name === "wording" ? proseWeights[name] : 0;
});
const held = ["trace", "wording"] as const;
/** Pulled weakly to a start that knows nothing, strongly to weights that are meant to stay what they say. */
const fits = {
  "from nothing": { held, pull: 0.01, steps: 150, prior: unseenStart },
  "from the shipped weights": { held, pull: 0.1, steps: 150, prior: proseWeights },
};
/** With many repositories a seventh of them is left out at a time, with few each alone. */
const mostFolds = 12;
const manyFolds = 7;

function weightsOf(value: (name: FeatureName) => number): Weights {
  return Object.fromEntries(featureNames.map((name) => [name, value(name)])) as Record<FeatureName, number>;
}

const sets = options.set.map((folder) => ({ folder, repositories: loadRepositories(folder) }));
const repositories = sets.flatMap((set) => set.repositories);
if (repositories.length < 2) {
  nothingMeasured(options.set.join(", "), "two judged repositories");
} else {
  const model = await openModel(options.model);
  const measured: { readonly depth: Depth; readonly questions: readonly (readonly Question[])[] }[] = [];
  for (const depth of depths.filter((known) => options.depth.includes(known))) measured.push({ depth, questions: await questionsOf(depth) });
  await model.encoder.close();
  for (const { depth, questions } of measured) report(depth, questions);
  if (options.weights) {
    const fitted = fitWeights(measured.flatMap(({ questions }) => questions.flat()).filter(isFitted), fits["from the shipped weights"]);
    for (const name of featureNames) say(`${name.padEnd(16)} ${proseWeights[name].toFixed(2).padStart(6)} → ${fitted[name].toFixed(2).padStart(6)}`);
  }

  async function questionsOf(depth: Depth): Promise<Question[][]> {
    const all: Question[][] = [];
    for (const { name, root, queries } of repositories) {
      const store = await buildStore(await chunkFolder(root), model, depth === "instant" ? ["instant"] : ["instant", "deep"], name);
      store.depthLimit = depth;
      const vectors = await encodeQueries(model, queries.map(({ query }) => query), name);
      all.push(
        queries.map(({ query: text, targets }, i) => {
          const { query, candidates, rows } = candidatesFor(store, model, text, vectors[i]!);
          const files = candidates.items.map(({ place }) => place.path);
          const answers = new Set(candidates.items.filter(({ place }) => targets.some((target) => covers(place, target))).map(({ place }) => place.path));
          return { repository: name, query, targets, candidates, rows, files, isAnswer: files.map((file) => answers.has(file)) };
        }),
      );
    }
    return all;
  }
}

/** Names have weights of their own. */
function isFitted({ query }: Question): boolean {
  return query.kind !== "symbol";
}

function report(depth: Depth, questions: readonly (readonly Question[])[]): void {
  const shipped = questions.map((own) => own.map((question) => ndcg(question)));
  const folds = questions.length > mostFolds ? manyFolds : questions.length;
  const leftOut = Object.entries(fits).map(([from, fit]) => {
    const weights = Array.from({ length: folds }, (_, fold) => fitWeights(questions.filter((_, j) => j % folds !== fold).flat().filter(isFitted), fit));
    return { from, scores: questions.map((own, i) => own.map((question) => ndcg(question, weights[i % folds]!))) };
  });
  let first = 0;
  for (const { folder, repositories: own } of sets) {
    const part = <T>(of: readonly T[]) => of.slice(first, first + own.length);
    const overall = (scores: readonly (readonly number[])[]) => mean(part(scores).map((each) => mean(each))).toFixed(3);
    say(`${path.basename(folder)}, ${own.length} repositories, ${depth}: as shipped ${overall(shipped)}`);
    for (const { from, scores } of leftOut) {
      const [low, high] = interval90(part(shipped).map((each, i) => each.map((score, j) => score - part(scores)[i]![j]!)));
      say(`  left out, fitted ${from}: ${overall(scores)}; shipped less that ${low.toFixed(3)} … ${high.toFixed(3)} (90 %)`);
    }
    first += own.length;
  }
}

/** @param weights for questions; names keep theirs */
function ndcg({ query, targets, candidates, rows }: Question, weights: Weights = proseWeights): number {
  const chosen = query.kind === "symbol" ? weightsFor(query) : weights;
  return ndcgOfTargets(rank(candidates.items, rows, query, 10, chosen).map((hit) => hit.candidate.place), targets);
}
