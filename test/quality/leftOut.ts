// How much of the figure on judged repositories is owed to weights that were set with them in view: node test/quality/leftOut.ts [--set DIR]
// Ranks every repository with weights fitted on the others alone, from a start that looked at nothing. Only measures; nothing here ships.
import { parseArgs } from "node:util";
import type { Depth } from "../../src/encoding/encoder.ts";
import { type Candidates, gatherCandidates } from "../../src/search/candidates.ts";
import { type FeatureName, featureNames, type FeatureRow } from "../../src/search/features.ts";
import { type ParsedQuery, parseQuery } from "../../src/search/query.ts";
import { rank, weightsFor } from "../../src/search/ranking.ts";
import { candidateFeatures } from "../../src/search/search.ts";
import { proseWeights, type Weights } from "../../src/search/weights.ts";
import { interval90 } from "./bootstrap.ts";
import { defaultSet, loadRepositories, nothingMeasured } from "./datasets.ts";
import { type FitGroup, fitWeights } from "./fitting.ts";
import { buildStore, chunkFolder, encodeQueries, openModel } from "./lab.ts";
import { covers, mean, ndcgOfTargets, type Target } from "./metric.ts";

interface Question extends FitGroup {
  readonly query: ParsedQuery;
  readonly targets: readonly Target[];
  readonly candidates: Candidates;
  readonly rows: readonly FeatureRow[];
}

const { values: options } = parseArgs({ options: { set: { type: "string", default: defaultSet }, model: { type: "string" } } });
const say = (line: string) => void process.stdout.write(`${line}\n`);

/** One number for everything that speaks for a chunk, one for everything that speaks against it; messages and traces as shipped, no judged query has them. */
const unseenStart = weightsOf((name) => {
  if (["test", "generated", "example", "legacy", "declarations", "document", "re-export"].includes(name)) return -1;
  if (["bm25", "definition"].includes(name)) return 1;
  if (["dense", "name said", "query in name", "file said", "query in file", "file coverage"].includes(name)) return 0.5;
  return name === "trace" || name === "wording" ? proseWeights[name] : 0;
});
const fit = { held: ["trace", "wording"] as const, pull: 0.01, steps: 150 };

function weightsOf(value: (name: FeatureName) => number): Weights {
  return Object.fromEntries(featureNames.map((name) => [name, value(name)])) as Record<FeatureName, number>;
}

const repositories = loadRepositories(options.set);
if (repositories.length < 2) {
  nothingMeasured(options.set, "two judged repositories");
} else {
  const model = await openModel(options.model);
  for (const depth of ["instant", "deep"] as const) report(depth, await questionsOf(depth));
  await model.encoder.close();

  async function questionsOf(depth: Depth): Promise<Question[][]> {
    const all: Question[][] = [];
    for (const { name, root, queries } of repositories) {
      const store = await buildStore(await chunkFolder(root), model, depth === "instant" ? ["instant"] : ["instant", "deep"], name);
      store.depthLimit = depth;
      const vectors = await encodeQueries(model, queries.map(({ query }) => query), name);
      all.push(
        queries.map(({ query: text, targets }, i) => {
          const query = parseQuery(text);
          const candidates = gatherCandidates(store, query, vectors[i]!, 10, "");
          const files = candidates.items.map(({ place }) => place.path);
          const answers = new Set(candidates.items.filter(({ place }) => targets.some((target) => covers(place, target))).map(({ place }) => place.path));
          return { repository: name, query, targets, candidates, rows: candidateFeatures({ store, encoder: model.encoder }, query, vectors[i]!, candidates), files, isAnswer: files.map((file) => answers.has(file)) };
        }),
      );
    }
    return all;
  }
}

function report(depth: Depth, questions: readonly (readonly Question[])[]): void {
  const shipped = questions.map((own) => own.map((question) => ndcg(question)));
  const leftOut = questions.map((own, i) => {
    const others = questions.filter((_, j) => j !== i).flat().filter(({ query }) => query.kind !== "symbol");
    const weights = fitWeights(others, { ...fit, prior: unseenStart });
    return own.map((question) => ndcg(question, weights));
  });
  const unfitted = questions.map((own) => own.map((question) => ndcg(question, unseenStart)));
  const overall = (scores: readonly (readonly number[])[]) => mean(scores.map((own) => mean(own))).toFixed(3);
  const [low, high] = interval90(shipped.map((own, i) => own.map((score, j) => score - leftOut[i]![j]!)));
  say(`${depth}: as shipped ${overall(shipped)}, fitted on the other repositories ${overall(leftOut)}, where fitting starts ${overall(unfitted)}; shipped less left-out ${low.toFixed(3)} … ${high.toFixed(3)} (90 %)`);
}

/** @param weights for questions; names keep theirs */
function ndcg({ query, targets, candidates, rows }: Question, weights: Weights = proseWeights): number {
  const chosen = query.kind === "symbol" ? weightsFor(query) : weights;
  return ndcgOfTargets(rank(candidates.items, rows, query, 10, chosen).map((hit) => hit.candidate.place), targets);
}
