// `npm run quality`: how well the product answers judged queries, by repository, language and category, with what each of its parts gives.
//   --json            one object on stdout, `ndcg10` first
//   --set DIR         another folder in the same format (default: shared/eval beside the checkout)
//   --only repos|pairs   --repo NAME   --model DIR
//   --no-ablation   the product only
//   --no-product    the parts only: seconds once the vectors are kept, for work on ranking
import { parseArgs } from "node:util";
import { ablate, type AblationRow, type Method, methods } from "./ablation.ts";
import { defaultSet, loadPairSets, loadRepositories, nothingMeasured } from "./datasets.ts";
import { openModel } from "./lab.ts";
import { mean, percentile } from "./metric.ts";
import { measurePairs, measureRepository, type PairFigures, type RepositoryFigures } from "./product.ts";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    set: { type: "string", default: defaultSet },
    only: { type: "string" },
    repo: { type: "string" },
    model: { type: "string", default: "" },
    "no-ablation": { type: "boolean", default: false },
    "no-product": { type: "boolean", default: false },
  },
});

const say = (line: string) => void process.stderr.write(`${line}\n`);
const three = (value: number) => value.toFixed(3);

const repositories = options.only === "pairs" ? [] : loadRepositories(options.set, options.repo);
const pairSets = options.only === "repos" || options["no-product"] ? [] : loadPairSets(options.set, options.repo);
if (repositories.length + pairSets.length === 0) {
  nothingMeasured(options.set);
} else {
  const figures = await measure();
  if (options.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
  else print(figures);
}

interface Figures {
  readonly ndcg10: number;
  readonly instantNdcg10: number;
  readonly repositories: readonly { readonly name: string; readonly language: string; readonly ndcg10: number; readonly instantNdcg10: number; readonly chunks: number; readonly instantIndexMs: number; readonly fullIndexMs: number }[];
  readonly languages: Readonly<Record<string, Depths>>;
  readonly categories: Readonly<Record<string, Depths>>;
  readonly ablation: Readonly<Partial<Record<Method, number>>>;
  readonly nameFree: { readonly queries: number } & Readonly<Partial<Record<Method, number>>>;
  readonly latencyMs: { readonly p50: number; readonly p95: number };
  readonly pairs: readonly PairFigures[];
}
interface Depths {
  readonly ndcg10: number;
  readonly instantNdcg10: number;
}

async function measure(): Promise<Figures> {
  const measured: RepositoryFigures[] = [];
  for (const repository of options["no-product"] ? [] : repositories) {
    const figures = await measureRepository(repository, options.model);
    measured.push(figures);
    say(`${figures.name.padEnd(14)} full ${three(mean(figures.full))}  instant ${three(mean(figures.instant))}  ${figures.chunks} chunks in ${(figures.fullIndexMs / 1000).toFixed(1)} s`);
  }
  const rows: { readonly repository: string; readonly row: AblationRow }[] = [];
  if (!options["no-ablation"] && repositories.length > 0) {
    const model = await openModel(options.model || undefined);
    for (const repository of repositories) for (const row of await ablate(repository, model)) rows.push({ repository: repository.name, row });
    await model.encoder.close();
  }
  const pairs: PairFigures[] = [];
  for (const set of pairSets) {
    const figures = await measurePairs(set, options.model);
    pairs.push(figures);
    say(`${figures.name.padEnd(20)} MRR ${three(figures.mrr)}  nDCG@10 ${three(figures.ndcg10)}  instant ${three(figures.instantMrr)} ${three(figures.instantNdcg10)}  (${figures.queries} queries)`);
  }
  const queries = measured.flatMap((figures, i) =>
    repositories[i]!.queries.map(({ category }, at) => ({ category, language: figures.language, full: figures.full[at]!, instant: figures.instant[at]! })),
  );
  const latencies = measured.flatMap((figures) => figures.latencies);
  const nameFree = rows.filter(({ row }) => row.isNameFree).map(({ row }) => row);
  return {
    ndcg10: mean(measured.map((figures) => mean(figures.full))),
    instantNdcg10: mean(measured.map((figures) => mean(figures.instant))),
    repositories: measured.map(({ name, language, full, instant, chunks, instantIndexMs, fullIndexMs }) => ({ name, language, ndcg10: mean(full), instantNdcg10: mean(instant), chunks, instantIndexMs, fullIndexMs })),
    languages: grouped(queries, ({ language }) => language),
    categories: grouped(queries, ({ category }) => category),
    ablation: Object.fromEntries(rows.length === 0 ? [] : methods.map((method) => [method, meanOverRepositories(rows, method)])),
    nameFree: { queries: nameFree.length, ...(nameFree.length > 0 && Object.fromEntries(methods.map((method) => [method, mean(nameFree.map((row) => row.scores[method]))]))) },
    latencyMs: { p50: percentile(latencies, 0.5), p95: percentile(latencies, 0.95) },
    pairs,
  };
}

function meanOverRepositories(rows: readonly { readonly repository: string; readonly row: AblationRow }[], method: Method): number {
  return mean([...Map.groupBy(rows, ({ repository }) => repository).values()].map((own) => mean(own.map(({ row }) => row.scores[method]))));
}

function grouped<T extends { readonly full: number; readonly instant: number }>(queries: readonly T[], key: (query: T) => string): Record<string, Depths> {
  return Object.fromEntries([...Map.groupBy(queries, key)].map(([name, own]) => [name, { ndcg10: mean(own.map(({ full }) => full)), instantNdcg10: mean(own.map(({ instant }) => instant)) }]));
}

function print(figures: Figures): void {
  const line = (text = "") => void process.stdout.write(`${text}\n`);
  if (figures.repositories.length > 0) {
    line("NDCG@10              full  instant");
    for (const [name, { ndcg10, instantNdcg10 }] of [
      ...figures.repositories.map((repository) => [repository.name, repository] as const),
      ...Object.entries(figures.languages),
      ...Object.entries(figures.categories),
      ["mean of repositories", figures] as const,
    ])
      line(`${name.padEnd(20)} ${three(ndcg10)}  ${three(instantNdcg10)}`);
    line(`\nquery p50 ${figures.latencyMs.p50.toFixed(1)} ms, p95 ${figures.latencyMs.p95.toFixed(1)} ms`);
    line(`instant index ${(mean(figures.repositories.map((repository) => repository.instantIndexMs)) / 1000).toFixed(2)} s, full ${(mean(figures.repositories.map((repository) => repository.fullIndexMs)) / 1000).toFixed(1)} s (mean of repositories)`);
  }
  if (Object.keys(figures.ablation).length > 0) {
    line("\nthe parts, NDCG@10 (mean of repositories)");
    for (const [method, value] of Object.entries(figures.ablation)) line(`${method.padEnd(20)} ${three(value)}`);
    const { queries, ...free } = figures.nameFree;
    if (queries > 0) line(`\n${queries} queries that share no word with the target's path: ${Object.entries(free).map(([method, value]) => `${method} ${three(value)}`).join(", ")}`);
  }
  for (const pair of figures.pairs) line(`${pair.name}: MRR ${three(pair.mrr)}, nDCG@10 ${three(pair.ndcg10)} (instant ${three(pair.instantMrr)}, ${three(pair.instantNdcg10)}), ${pair.queries} queries`);
}
