// From which likeness on code does the same as the code that was asked about: hits of `similar` for tasks that stand in the index in several languages.
//   node test/quality/alike.ts [--set DIR] [--queries N]
// For each depth and least score: how many of the hits that reach it are right, and for how many of the tasks one does.
import { parseArgs } from "node:util";
import { defaultModelFolder } from "../../src/encoding/modelFiles.ts";
import { type Depth, similar } from "../../src/engine/protocol.ts";
import { defaultSet, loadPairSets, nothingMeasured } from "./datasets.ts";
import { withCorpus } from "./product.ts";

const { values: options } = parseArgs({ options: { set: { type: "string", default: defaultSet }, queries: { type: "string", default: "400" } } });

interface Found {
  readonly score: number;
  readonly isRight: boolean;
  readonly task: string;
}

const say = (line: string) => void process.stdout.write(`${line}\n`);
const percent = (part: number, of: number): string => `${((100 * part) / Math.max(1, of)).toFixed(0)} %`;

const [set] = loadPairSets(options.set, "mbxp_c2c_anon_dev");
if (!set) nothingMeasured(options.set);
else {
  const every = Math.max(1, Math.floor(set.queries.length / Number(options.queries)));
  const queries = set.queries.filter((_, i) => i % every === 0);
  await withCorpus(set, await defaultModelFolder(), async (engine, bringTo, idOf) => {
    say("| depth | least score | hits | of them right | tasks with a right one |");
    say("|---|--:|--:|--:|--:|");
    for (const depth of ["instant", "deep"] as const satisfies readonly Depth[]) {
      await bringTo(depth);
      const found: Found[] = [];
      for (const { id, text, lang } of queries) {
        const { hits } = await engine.connection.sendRequest(similar, { text, lang, k: 10, depth });
        for (const { path, score } of hits) {
          const document = idOf.get(path)!;
          if (document !== id) found.push({ task: id, score, isRight: set.relevant.get(id)?.has(document) ?? false });
        }
      }
      for (let least = 0.6; least < 1.2; least += 0.1) {
        const reached = found.filter(({ score }) => score >= least);
        const right = reached.filter(({ isRight }) => isRight);
        say(`| ${depth} | ${least.toFixed(1)} | ${reached.length} | ${percent(right.length, reached.length)} | ${percent(new Set(right.map(({ task }) => task)).size, queries.length)} |`);
      }
    }
  });
}
