// Whether a pasted message finds the code that says it, without anybody's judgement: string literals of the repositories, their variable parts
// filled in, are the questions, and the chunks that hold the literal the answers.
//   node test/quality/messages.ts [--set DIR] [--repo NAME] [--per N] [--show]
import { parseArgs } from "node:util";
import { isTestPath } from "../../src/indexing/conventions.ts";
import { proseLanguages } from "../../src/indexing/languages.ts";
import { rank } from "../../src/search/ranking.ts";
import { sample } from "./bootstrap.ts";
import { defaultSet, type JudgedRepository, loadRepositories, nothingMeasured } from "./datasets.ts";
import { buildStore, candidatesFor, chunkFolder, encodeQueries, type LabModel, openModel } from "./lab.ts";
import { mean } from "./metric.ts";

const LISTED = 20;
const literal = /"((?:\\.|[^"\\\n]){15,100})"|'((?:\\.|[^'\\\n]){15,100})'/g;
/** `%d`, `{name}`, `${name}`, `#{name}`. */
const variable = /%[+#-]?[\d.]*[a-zA-Z]|[$#]?\{[^{}]*\}/g;

interface Message {
  readonly said: string;
  /** As somebody would paste it. */
  readonly query: string;
}

/** Sentences of at least four words: no paths, formats or lists of names. */
function messagesIn(text: string): Message[] {
  return [...text.matchAll(literal)].flatMap((match) => {
    const said = match[1] ?? match[2]!;
    const words = said.replace(variable, " ").match(/(?<=^|\s)[A-Za-z][a-z'-]*[.,:;]?(?=\s|$)/g) ?? [];
    return words.length >= 4 && words.length >= said.split(/\s+/).length * 0.7 ? [{ said, query: said.replace(variable, "foo").replace(/\\[nrt]/g, " ").replace(/\\(.)/g, "$1") }] : [];
  });
}

/** Ranks from 1 of the first hit that says the message; undefined below the list. */
async function ranksOf({ name, root }: JudgedRepository, model: LabModel, per: number): Promise<{ readonly message: Message; readonly rank: number | undefined }[]> {
  const files = await chunkFolder(root);
  const said = new Map<string, Message>();
  for (const { path, chunks } of files)
    if (!isTestPath(path)) for (const { lang, text } of chunks) if (!proseLanguages.has(lang ?? "")) for (const message of messagesIn(text)) said.set(message.said, message);
  const drawn = sample([...said.values()], per, name.length * 7_919 + said.size);
  const store = await buildStore(files, model, ["instant"], name);
  store.depthLimit = "instant";
  const vectors = await encodeQueries(model, drawn.map(({ query }) => query), `messages-${name}`);
  return drawn.map((message, i) => {
    const { query, candidates, rows } = candidatesFor(store, model, message.query, vectors[i]!, LISTED);
    const hits = rank(candidates.items, rows, query, LISTED);
    const at = hits.findIndex((hit) => hit.candidate.place.text.includes(message.said));
    return { message, rank: at < 0 ? undefined : at + 1 };
  });
}

const { values: options } = parseArgs({
  options: { set: { type: "string", default: defaultSet }, repo: { type: "string" }, per: { type: "string", default: "20" }, show: { type: "boolean", default: false } },
});
const repositories = loadRepositories(options.set, options.repo);
if (repositories.length === 0) nothingMeasured(options.set);
else {
  const model = await openModel();
  const all: { readonly message: Message; readonly rank: number | undefined }[] = [];
  for (const repository of repositories) {
    const found = await ranksOf(repository, model, Number(options.per));
    all.push(...found);
    if (options.show) for (const { message, rank } of found) process.stdout.write(`${String(rank ?? "-").padStart(3)}  ${repository.name}: ${message.query}\n`);
  }
  await model.encoder.close();
  const reciprocal = mean(all.map(({ rank }) => (rank === undefined ? 0 : 1 / rank)));
  process.stdout.write(`${all.length} messages of ${repositories.length} repositories: ${all.filter(({ rank }) => rank === 1).length} first, ${all.filter(({ rank }) => rank === undefined).length} not among ${LISTED}, MRR ${reciprocal.toFixed(3)}\n`);
}
