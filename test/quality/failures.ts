// The questions that lose most, with what was wanted and what stood before it: the list that "What remains wrong" in QUALITY.md is read from.
// The parts of search on vectors kept from earlier runs, as `npm run quality -- --no-product` uses them.
//   --set DIR     --repo NAME     --depth instant|shallow|deep (deep unless given)     --top N (40 unless given; 0: all that lose)     --json
import { parseArgs } from "node:util";
import { type Depth, depths } from "../../src/encoding/encoder.ts";
import { rank } from "../../src/search/ranking.ts";
import { type JudgedRepository, defaultSet, loadRepositories, nothingMeasured } from "./datasets.ts";
import { buildStore, candidatesFor, chunkFolder, encodeQueries, type LabModel, openModel } from "./lab.ts";
import { covers, ndcgOfTargets } from "./metric.ts";

interface Failure {
  readonly repository: string;
  readonly query: string;
  readonly category: string;
  /** What the question costs of its repository's NDCG@10, in hundredths of the mean over all repositories. */
  readonly loss: number;
  /** Each target's path and its rank from 1: null when it is not in the first hundred, "no candidate" when neither words nor vectors brought it. */
  readonly targets: readonly { readonly path: string; readonly rank: number | null | "no candidate" }[];
  readonly first: readonly string[];
}

const LISTED = 100;

async function failuresOf({ name, root, queries }: JudgedRepository, repositories: number, model: LabModel, depth: Depth): Promise<Failure[]> {
  const store = await buildStore(await chunkFolder(root), model, depth === "instant" ? ["instant"] : ["instant", depth], name);
  store.depthLimit = depth;
  const vectors = await encodeQueries(model, queries.map(({ query }) => query), name);
  return queries.flatMap(({ query, category, targets }, i) => {
    const { query: parsed, candidates, rows } = candidatesFor(store, model, query, vectors[i]!);
    const places = rank(candidates.items, rows, parsed, LISTED).map((hit) => hit.candidate.place);
    const ndcg = ndcgOfTargets(places, targets);
    if (ndcg === 1) return [];
    return {
      repository: name,
      query,
      category,
      loss: ((1 - ndcg) / queries.length / repositories) * 100,
      targets: targets.map((target) => {
        const at = places.findIndex((place) => covers(place, target));
        if (at >= 0) return { path: target.path, rank: at + 1 };
        return { path: target.path, rank: candidates.items.some(({ place }) => covers(place, target)) ? null : ("no candidate" as const) };
      }),
      first: places.slice(0, 5).map((place) => `${place.path}:${place.startLine} ${place.symbols[0] ?? ""}`.trimEnd()),
    };
  });
}

const { values: options } = parseArgs({
  options: {
    set: { type: "string", default: defaultSet },
    repo: { type: "string" },
    depth: { type: "string", default: "deep" },
    top: { type: "string", default: "40" },
    json: { type: "boolean", default: false },
  },
});
const depth = depths.find((each) => each === options.depth);
if (!depth) throw new Error(`There is no depth ${options.depth}; use ${depths.join(", ")}.`);
const repositories = loadRepositories(options.set, options.repo);
if (repositories.length === 0) {
  nothingMeasured(options.set);
} else {
  const model = await openModel();
  const failures: Failure[] = [];
  for (const repository of repositories) failures.push(...(await failuresOf(repository, repositories.length, model, depth)));
  await model.encoder.close();
  failures.sort((a, b) => b.loss - a.loss);
  const total = failures.reduce((sum, { loss }) => sum + loss, 0);
  const shown = failures.slice(0, Number(options.top) || failures.length);
  if (options.json) process.stdout.write(`${JSON.stringify(shown)}\n`);
  else {
    for (const { repository, query, category, loss, targets, first } of shown) {
      process.stdout.write(`${loss.toFixed(2)}  ${repository}, ${category}: ${query}\n`);
      for (const { path, rank } of targets) process.stdout.write(`      wanted ${path}: ${rank === null ? "below the first hundred" : rank === "no candidate" ? rank : `rank ${rank}`}\n`);
      for (const line of first) process.stdout.write(`      ${line}\n`);
    }
    process.stdout.write(`${failures.length} questions lose ${total.toFixed(1)} hundredths of NDCG@10 at depth ${depth}; those shown ${shown.reduce((sum, { loss }) => sum + loss, 0).toFixed(1)}.\n`);
  }
}
