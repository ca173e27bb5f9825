// What a workspace of several folders costs: the questions of each judged repository, asked of it alone and beside others. With the hits merged by the
// engines' own scores, and as the product merges them (src/engine/folders.ts). At instant depth.
//   node test/quality/folders.ts [--set DIR] [--beside N]
import { parseArgs } from "node:util";
import { mergeResults } from "../../src/engine/folders.ts";
import { search, type SearchResult } from "../../src/engine/protocol.ts";
import { randomNumbers } from "../support/random.ts";
import { defaultSet, loadRepositories, nothingMeasured } from "./datasets.ts";
import { mean, ndcgOfTargets } from "./metric.ts";
import { withEngine } from "./product.ts";

/** Workspaces that each repository is put into. */
const WORKSPACES = 6;
const SHOWN = 10;

const { values: options } = parseArgs({ options: { set: { type: "string", default: defaultSet }, beside: { type: "string", default: "2" } } });
const repositories = loadRepositories(options.set);
if (repositories.length < 2) nothingMeasured(options.set, "two judged repositories");
else {
  const answers = new Map<string, Map<string, SearchResult>>();
  for (const { name, root } of repositories)
    await withEngine(root, "", async ({ connection }, bringTo) => {
      await bringTo("instant");
      const own = new Map<string, SearchResult>();
      for (const query of new Set(repositories.flatMap(({ queries }) => queries.map((each) => each.query)))) own.set(query, await connection.sendRequest(search, { query, k: SHOWN, depth: "instant" }));
      answers.set(name, own);
      process.stderr.write(`${name}\n`);
    });
  const random = randomNumbers(1);
  const [alone, byScore, merged]: [number[], number[], number[]] = [[], [], []];
  for (const { name, queries } of repositories)
    for (let workspace = 0; workspace < WORKSPACES; workspace++) {
      const others = repositories.filter((other) => other.name !== name).map((other) => ({ name: other.name, at: random() })).sort((a, b) => a.at - b.at).slice(0, Number(options.beside));
      for (const { query, targets } of queries) {
        // Of another repository nothing is wanted, though a path of it may be called alike.
        const scored = (results: readonly SearchResult[]) => ndcgOfTargets(mergeResults(results.map((result, i) => ({ root: `/${i}`, result })), SHOWN).hits.map((hit) => (hit.root === "/0" ? hit : { ...hit, path: "" })), targets);
        const results = [name, ...others.map((other) => other.name)].map((each) => answers.get(each)!.get(query)!);
        alone.push(scored(results.slice(0, 1)));
        byScore.push(scored(results.map(({ nearest: _, ...result }) => result)));
        merged.push(scored(results));
      }
    }
  const figure = (values: readonly number[]) => mean(values).toFixed(3);
  process.stdout.write(`NDCG@10 alone ${figure(alone)}, beside ${options.beside} others by score ${figure(byScore)}, as merged ${figure(merged)}\n`);
}
