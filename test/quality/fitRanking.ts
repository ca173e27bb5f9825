// What fitting the weights of ranking to mined queries would give: node test/quality/fitRanking.ts [--pairs DIR] [--trees DIR]
// Prints the figures of left-out repositories beside those of the weights that ship, and the fitted weights. Uses nothing of any judged set.
import { existsSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../../src/base/assets.ts";
import { depths } from "../../src/encoding/encoder.ts";
import { type FeatureName, featureNames } from "../../src/search/features.ts";
import { proseWeights, symbolWeights } from "../../src/search/weights.ts";
import { crossValidate, fileNdcg, type FitGroup, fitWeights } from "./fitting.ts";
import { buildStore, candidatesFor, encodeQueries, type LabModel, openModel } from "./lab.ts";
import { type MinedRepository, minePairRepositories, mineTree } from "./minedQueries.ts";

const { values: options } = parseArgs({
  options: {
    pairs: { type: "string", default: path.join(packageRoot, "..", "shared", "train") },
    trees: { type: "string", multiple: true, default: [] },
    model: { type: "string" },
  },
});

/**
 * Signals that documentation sentences cannot judge, held at their value: the answer's documentation is always removed ("bm25.doc"), tests,
 * generated code and re-exports are hardly documented, and every file is asked for equally often, central or not.
 */
const heldFeatures: readonly FeatureName[] = [
  "bm25.doc", "file size", "imported", "length", "type", "function", "test", "generated", "example", "legacy", "declarations", "document", "re-export", "passed on", "trace", "wording", "stands out",
];

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
  const { handSet, leftOut, fitted } = crossValidate(prose, { ...fit, prior: proseWeights });
  say(`questions: as shipped ${handSet.toFixed(4)}, fitted on the other repositories ${leftOut.toFixed(4)}, fitted on all ${fitted.toFixed(4)}`);
  say(`names, as shipped: ${fileNdcg(symbol, symbolWeights).toFixed(4)}`);
  const weights = fitWeights(prose, { ...fit, prior: proseWeights });
  for (const name of featureNames) say(`${name.padEnd(16)} ${proseWeights[name].toFixed(2).padStart(6)} → ${weights[name].toFixed(2).padStart(6)}${heldFeatures.includes(name) ? " (held)" : ""}`);
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
        const { query: parsed, candidates, rows } = candidatesFor(store, labModel, query, vectors[i]!);
        const files = candidates.items.map((candidate) => candidate.place.path);
        return { repository: repository.name, rows, files, isAnswer: files.map((file) => file === answer), isSymbol: parsed.kind === "symbol" };
      });
    });
}
