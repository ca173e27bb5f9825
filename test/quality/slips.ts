// What a slip of the pen costs: every judged question is asked as it is, with one letter of one of its words wrong, missing, doubled or swapped, and with
// its last word half typed; each as typed and as the product reads it (src/search/spelling.ts). At instant depth.
//   node test/quality/slips.ts [--set DIR] [--repo NAME] [--show]
import { parseArgs } from "node:util";
import { isStopWord } from "../../src/base/queryWords.ts";
import { readQuery } from "../../src/search/candidates.ts";
import type { ParsedQuery } from "../../src/search/query.ts";
import { rank } from "../../src/search/ranking.ts";
import { randomNumbers } from "../support/random.ts";
import { defaultSet, type JudgedRepository, loadRepositories, nothingMeasured } from "./datasets.ts";
import { buildStore, candidatesFor, chunkFolder, encodeQueries, type LabModel, openModel, readAs } from "./lab.ts";
import { mean, ndcgOfTargets } from "./metric.ts";

/** Shorter words are seldom mistyped, and a slip makes other words of them. */
const LETTERS = 5;

function slip(word: string, random: () => number): string {
  const at = 1 + Math.floor(random() * (word.length - 2));
  const other = "aeioustrnl"[Math.floor(random() * 10)]!;
  const [before, after] = [word.slice(0, at), word.slice(at + 1)];
  return [`${before}${word[at + 1]}${word[at]}${word.slice(at + 2)}`, `${before}${after}`, `${before}${word[at]}${word[at]}${after}`, `${before}${other}${after}`][Math.floor(random() * 4)]!;
}

/** The question with a slip in one of its words; as it is when all are short. */
function mistyped(query: string, random: () => number): string {
  const words = [...query.matchAll(/[A-Za-z_]+/g)].filter(([word]) => word.length >= LETTERS && !isStopWord(word));
  const match = words[Math.floor(random() * words.length)];
  return match ? query.slice(0, match.index) + slip(match[0], random) + query.slice(match.index + match[0].length) : query;
}

/** The question as it stands while its last word is being typed. */
function unfinished(query: string): string {
  const last = /[A-Za-z_]+$/.exec(query)?.[0] ?? "";
  return last.length <= LETTERS ? query : query.slice(0, query.length - Math.floor(last.length * 0.4));
}

interface Outcome {
  readonly query: string;
  /** What the product read, when that is not what was typed. */
  readonly read: string | undefined;
  readonly asTyped: number;
  readonly asRead: number;
}

async function outcomesOf({ name, root, queries }: JudgedRepository, model: LabModel, edit: (query: string) => string): Promise<Outcome[]> {
  const store = await buildStore(await chunkFolder(root), model, ["instant"], name);
  store.depthLimit = "instant";
  const asked = queries.map(({ query }) => edit(query));
  const readings = asked.map((query) => readAs(store, model, query, edit === unfinished));
  const typedVectors = await encodeQueries(model, asked, `slips-${name}`);
  const readVectors = await encodeQueries(model, readings.map(({ text }) => text), `slips-${name}`);
  return queries.map(({ targets }, i): Outcome => {
    const ndcg = (question: ParsedQuery, vectors: (typeof typedVectors)[number]) => {
      const { query, candidates, rows } = candidatesFor(store, model, question, vectors);
      return ndcgOfTargets(rank(candidates.items, rows, query, 10).map((hit) => hit.candidate.place), targets);
    };
    const typed = readQuery(store, asked[i]!);
    const read = readings[i]!;
    return { query: asked[i]!, read: read.text === typed.text ? undefined : read.text, asTyped: ndcg(typed, typedVectors[i]!), asRead: ndcg(read, readVectors[i]!) };
  });
}

const { values: options } = parseArgs({ options: { set: { type: "string", default: defaultSet }, repo: { type: "string" }, show: { type: "boolean", default: false } } });
const repositories = loadRepositories(options.set, options.repo);
if (repositories.length === 0) nothingMeasured(options.set);
else {
  const model = await openModel();
  const random = randomNumbers(12_345);
  for (const [what, edit] of [["as they are", (query: string) => query], ["with a slip", (query: string) => mistyped(query, random)], ["with the last word unfinished", unfinished]] as const) {
    const byRepository: Outcome[][] = [];
    for (const repository of repositories) byRepository.push(await outcomesOf(repository, model, edit));
    const all = byRepository.flat();
    if (options.show) for (const { query, read } of all) if (read !== undefined) process.stdout.write(`${query}\n  ${read}\n`);
    const figure = (of: (outcome: Outcome) => number) => mean(byRepository.map((outcomes) => mean(outcomes.map(of)))).toFixed(3);
    process.stdout.write(`${all.length} questions ${what}: NDCG@10 ${figure(({ asTyped }) => asTyped)} as typed, ${figure(({ asRead }) => asRead)} as read; ${all.filter(({ read }) => read !== undefined).length} read differently\n`);
  }
  await model.encoder.close();
}
