// Makes src/search/weights.ts from mined queries: node test/quality/fitRanking.ts [--pairs DIR] [--write]
// Prints the figures of left-out repositories beside those of the hand-set weights. Uses nothing of any judged set.
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../../src/base/assets.ts";
import { depths } from "../../src/encoding/encoder.ts";
import { gatherCandidates } from "../../src/search/candidates.ts";
import { type FeatureName, featureNames } from "../../src/search/features.ts";
import { parseQuery } from "../../src/search/query.ts";
import { candidateFeatures } from "../../src/search/search.ts";
import type { Weights } from "../../src/search/weights.ts";
import { crossValidate, fileNdcg, type FitGroup, fitWeights } from "./fitting.ts";
import { handSetProse, handSetSymbol, heldFeatures } from "./handSetWeights.ts";
import { buildStore, encodeQueries, type LabModel, openModel } from "./lab.ts";
import { type MinedRepository, minePairRepositories, mineTree } from "./minedQueries.ts";

const { values: options } = parseArgs({
  options: {
    pairs: { type: "string", default: path.join(packageRoot, "..", "shared", "train") },
    trees: { type: "string", multiple: true, default: [] },
    model: { type: "string" },
    write: { type: "boolean", default: false },
  },
});

/** Pull towards the hand-set weights: the strongest whose left-out figure is no worse (it is flat from 0.001 to 0.03, and falls at 0.1). */
const fit = { held: heldFeatures, pull: 0.03, steps: 120 };

const say = (line: string) => void process.stdout.write(`${line}\n`);

const model = await openModel(options.model);
const repositories: MinedRepository[] = minePairRepositories(options.pairs, 2);
for (const folder of options.trees) {
  const mined = existsSync(folder) ? await mineTree(path.basename(folder), folder, 24) : undefined;
  if (mined) repositories.push(mined);
}
if (repositories.length === 0) {
  say(`Nothing to mine at ${options.pairs}; give source trees with --trees DIR.`);
} else {
  const groups = (await Promise.all(repositories.map((repository) => groupsOf(repository, model)))).flat();
  const prose = groups.filter((group) => !group.isSymbol);
  const symbol = groups.filter((group) => group.isSymbol);
  say(`${repositories.length} repositories, ${prose.length} questions and ${symbol.length} names (each at every depth)`);
  report("questions", prose, handSetProse);
  say(`names, hand-set: ${fileNdcg(symbol, handSetSymbol).toFixed(4)}`);
  const fitted = fitWeights(prose, { ...fit, prior: handSetProse });
  if (options.write) writeFileSync(path.join(packageRoot, "src", "search", "weights.ts"), weightsSource(fitted, handSetSymbol));
}
await model.encoder.close();

async function groupsOf(repository: MinedRepository, labModel: LabModel): Promise<(FitGroup & { isSymbol: boolean })[]> {
  const name = `mined-${repository.name}`;
  const store = await buildStore(repository.files, labModel, ["instant", "deep"], name);
  const vectors = await encodeQueries(labModel, repository.queries.map(({ query }) => query), name);
  return depths
    .filter((depth) => depth !== "shallow")
    .flatMap((depth) => {
      store.depthLimit = depth;
      return repository.queries.map(({ query, path: answer }, i) => {
        const parsed = parseQuery(query);
        const candidates = gatherCandidates(store, parsed, vectors[i]!, 10, "");
        const files = candidates.items.map((candidate) => candidate.place.path);
        return { repository: repository.name, rows: candidateFeatures(store, parsed, candidates), files, isAnswer: files.map((file) => file === answer), isSymbol: parsed.kind === "symbol" };
      });
    });
}

function report(what: string, groups: readonly FitGroup[], prior: Weights): void {
  const { handSet, leftOut, fitted } = crossValidate(groups, { ...fit, prior });
  say(`${what}: hand-set ${handSet.toFixed(4)}, fitted on the other repositories ${leftOut.toFixed(4)}, fitted on all ${fitted.toFixed(4)}`);
}

function weightsSource(prose: Weights, symbol: Weights): string {
  const table = (weights: Weights) => featureNames.map((name: FeatureName) => `  ${/^[a-z][a-z0-9]*$/.test(name) ? name : JSON.stringify(name)}: ${Number(weights[name].toFixed(2))},`).join("\n");
  return `// The weights of ranking: one number per feature and kind of query. A score is their weighted sum; \`strata search --explain\` prints the parts.
// Made by \`node test/quality/fitRanking.ts --write\` from documentation of code outside every judged set; do not edit by hand.
import type { FeatureName } from "./features.ts";

export type Weights = Readonly<Record<FeatureName, number>>;

/** For questions, keywords, messages and code: fitted. */
export const proseWeights: Weights = {
${table(prose)}
};

/** For a query that is a name alone: set by hand, as mined names are too easy to tell weights apart. */
export const symbolWeights: Weights = {
${table(symbol)}
};
`;
}
