// What a question finds that is asked in another language: the judged questions in eleven of them (test/quality/translated/, by repository, in the order of
// its questions), as typed and as the product reads them (src/search/translation.ts), beside the English ones. At instant depth.
//   node test/quality/translated.ts [--set DIR] [--repo NAME] [--lang ID …] [--show]
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { readQuery } from "../../src/search/candidates.ts";
import type { ParsedQuery } from "../../src/search/query.ts";
import { rank } from "../../src/search/ranking.ts";
import { isMostlyUnspaced } from "../../src/search/terms.ts";
import type { MemoryStore } from "../support/memoryStore.ts";
import { defaultSet, type JudgedQuery, type JudgedRepository, loadRepositories, nothingMeasured } from "./datasets.ts";
import { buildStore, candidatesFor, chunkFolder, encodeQueries, type LabModel, openModel, readAs } from "./lab.ts";
import { mean, ndcgOfTargets } from "./metric.ts";

const folder = path.join(import.meta.dirname, "translated");
/** By repository. */
type Translations = Readonly<Record<string, readonly string[]>>;

interface Outcome {
  readonly typed: string;
  readonly read: string;
  readonly asTyped: number;
  readonly asRead: number;
}

/** What the product answers to questions that it reads so. */
async function ndcgs(store: MemoryStore, model: LabModel, name: string, questions: readonly ParsedQuery[], judged: readonly JudgedQuery[]): Promise<number[]> {
  const vectors = await encodeQueries(model, questions.map(({ text }) => text), `translated-${name}`);
  return questions.map((question, i) => {
    const { query, candidates, rows } = candidatesFor(store, model, question, isMostlyUnspaced(question.text) ? undefined : vectors[i]);
    return ndcgOfTargets(rank(candidates.items, rows, query, 10).map((hit) => hit.candidate.place), judged[i]!.targets);
  });
}

async function outcomesOf(store: MemoryStore, model: LabModel, { name, queries }: JudgedRepository, asked: readonly string[]): Promise<Outcome[]> {
  if (asked.length !== queries.length) throw new Error(`${name} has ${queries.length} judged questions, of which ${asked.length} are translated.`);
  const read = asked.map((query) => readAs(store, model, query));
  const asTyped = await ndcgs(store, model, name, asked.map((query) => readQuery(store, query)), queries);
  const asRead = await ndcgs(store, model, name, read, queries);
  return asked.map((typed, i) => ({ typed, read: read[i]!.text, asTyped: asTyped[i]!, asRead: asRead[i]! }));
}

const { values: options } = parseArgs({ options: { set: { type: "string", default: defaultSet }, repo: { type: "string" }, lang: { type: "string", multiple: true, default: [] }, show: { type: "boolean", default: false } } });
const repositories = loadRepositories(options.set, options.repo);
const languages = readdirSync(folder).map((file) => path.parse(file).name).filter((id) => options.lang.length === 0 || options.lang.includes(id));
if (repositories.length === 0) nothingMeasured(options.set);
else {
  const model = await openModel();
  const outcomes = new Map<string, Outcome[][]>();
  const translations = new Map(languages.map((id) => [id, JSON.parse(readFileSync(path.join(folder, `${id}.json`), "utf8")) as Translations]));
  translations.set("en", Object.fromEntries(repositories.map(({ name, queries }) => [name, queries.map(({ query }) => query)])));
  for (const repository of repositories) {
    const store = await buildStore(await chunkFolder(repository.root), model, ["instant"], repository.name);
    store.depthLimit = "instant";
    for (const [id, known] of translations) outcomes.set(id, [...(outcomes.get(id) ?? []), await outcomesOf(store, model, repository, known[repository.name] ?? [])]);
  }
  await model.encoder.close();
  for (const [id, byRepository] of outcomes) {
    const all = byRepository.flat();
    const figure = (of: (outcome: Outcome) => number) => mean(byRepository.map((outcomes) => mean(outcomes.map(of)))).toFixed(3);
    process.stdout.write(`${id}: ${all.length} questions, NDCG@10 ${figure(({ asTyped }) => asTyped)} as typed, ${figure(({ asRead }) => asRead)} as read; ${all.filter(({ typed, read }) => typed !== read).length} read differently\n`);
    if (options.show) for (const { typed, read, asRead } of all) process.stdout.write(`  ${asRead.toFixed(2)} ${typed}\n       ${read}\n`);
  }
}
