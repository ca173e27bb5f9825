// What a coding agent pays for finding code, in tokens that it reads: Strata's answers, as `search_code` sends them at instant depth, beside grep.
//   node test/quality/agentTokens.ts [--set DIR] [--repo NAME] [--json]
// Grep looks for the question's words, in any case and as parts of longer words. Its files are taken in order of how many different words they hold, then of
// how rare these are: more than grep's own order gives. Then the agent reads whole files, or only the lines that hold a word with two around them. What it
// reads to get at that order, and what the calls themselves take, is not counted. A hit shows the place that it names, also where its code is cut short.
// The budgets, and reading piece by piece, are semble's (its benchmarks/token_efficiency.py).
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { decodeText } from "../../src/base/decode.ts";
import { toolResults } from "../../src/base/forModels.ts";
import { queryWords } from "../../src/base/queryWords.ts";
import { mergeResults } from "../../src/engine/folders.ts";
import { search } from "../../src/engine/protocol.ts";
import { withWholeCode } from "../../src/engine/wholeCode.ts";
import { walk } from "../../src/indexing/walk.ts";
import { answerText } from "../../src/mcp/answer.ts";
import { defaultSet, type JudgedRepository, loadRepositories, nothingMeasured } from "./datasets.ts";
import { type Answer, covers, mean, percentile, type Target } from "./metric.ts";
import { withEngine } from "./product.ts";

const budgets = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000];
/** What a question costs at most in the mean, also when its file is never seen. */
const CAP = 32_000;
const MOST_HITS = 50;
const CONTEXT_LINES = 2;

/** As many as OpenAI's cl100k_base makes of the hits in each of the twelve repositories, within a tenth; of whole files 0.97 of them (0.80 of plug's), to grep's advantage. */
const tokensIn = (text: string): number => Math.round((text.match(/\p{L}{1,6}|\p{N}{1,3}|[^\p{L}\p{N}\s]{1,2}|\n\s*/gu)?.length ?? 0) / 1.19);

/** What was read so far and which of the wanted places were seen in it, after each step. */
type Reading = readonly { readonly tokens: number; readonly recall: number }[];

/** @param steps what each adds: tokens, and places that it shows */
function readingOf(steps: Iterable<{ readonly tokens: number; readonly shown: readonly Answer[] }>, targets: readonly Target[]): Reading {
  const seen = new Set<Target>();
  let tokens = 0;
  return [...steps].map((step) => {
    tokens += step.tokens;
    for (const target of targets) if (step.shown.some((answer) => covers(answer, target))) seen.add(target);
    return { tokens, recall: seen.size / targets.length };
  });
}

interface SourceFile {
  readonly path: string;
  readonly text: string;
}

async function filesOf(root: string): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for await (const { path: file } of walk(root)) {
    const text = decodeText(await readFile(path.join(root, file)));
    if (text !== undefined) files.push({ path: file, text });
  }
  return files;
}

/** Files with words of the question, best first; words that more than half of the files hold are left out. */
function grep(files: readonly (SourceFile & { readonly lower: string })[], query: string): { readonly found: readonly SourceFile[]; readonly words: readonly string[] } {
  const counted = queryWords(query).map((word) => ({ word, files: files.filter(({ lower }) => lower.includes(word)).length })).filter((each) => each.files > 0);
  const rare = counted.filter((each) => each.files <= files.length / 2);
  const words = rare.length > 0 ? rare : counted;
  const scored = files.map((file) => {
    const held = words.filter(({ word }) => file.lower.includes(word));
    return { file, held: held.length, rarity: held.reduce((sum, each) => sum + Math.log(files.length / each.files), 0) };
  });
  const found = scored.filter(({ held }) => held > 0).sort((a, b) => b.held - a.held || b.rarity - a.rarity || (a.file.path < b.file.path ? -1 : 1));
  return { found: found.map(({ file }) => file), words: words.map(({ word }) => word) };
}

/** As `rg --heading -n -C 2` prints them. */
function matchingLines({ path: file, text }: SourceFile, words: readonly string[]): { readonly tokens: number; readonly shown: readonly Answer[] } {
  const lines = text.split("\n");
  const kept = new Set<number>();
  lines.forEach((line, at) => {
    const lower = line.toLowerCase();
    if (words.some((word) => lower.includes(word))) for (let near = at - CONTEXT_LINES; near <= at + CONTEXT_LINES; near++) if (near in lines) kept.add(near);
  });
  const numbers = [...kept].sort((a, b) => a - b);
  return { tokens: tokensIn([file, ...numbers.map((at) => `${at + 1}:${lines[at]}`)].join("\n")), shown: numbers.map((at) => ({ path: file, startLine: at + 1, endLine: at + 1 })) };
}

const methods = ["Strata, hit by hit", `Strata, whole answers: ${toolResults.usual}, 20, ${MOST_HITS} hits`, "grep, then its lines", "grep, then whole files"] as const;
type Method = (typeof methods)[number];
type Readings = Readonly<Record<Method, Reading>>;

async function readingsOf({ root, queries }: JudgedRepository): Promise<{ readonly query: string; readonly readings: Readings }[]> {
  const files = (await filesOf(root)).map((file) => ({ ...file, lower: file.text.toLowerCase() }));
  const whole = new Map<string, number>();
  const wholeFile = ({ path: file, text }: SourceFile) => {
    const tokens = whole.get(file) ?? tokensIn(`${file}\n${text}`);
    whole.set(file, tokens);
    return { tokens, shown: [{ path: file, startLine: 1, endLine: Infinity }] };
  };
  return withEngine(root, "", async (engine, bringTo) => {
    await bringTo("instant");
    const all: { query: string; readings: Readings }[] = [];
    for (const { query, targets } of queries) {
      const ask = async (k: number) => {
        const result = await engine.connection.sendRequest(search, { query, k, depth: "instant" });
        const answer = await withWholeCode(mergeResults([{ root, result }], k), () => ({ root }));
        const parts = () => [{ name: "", coverage: result.coverage, state: { kind: "ready" } as const }];
        return { hits: result.hits, textOf: (count: number) => answerText({ ...answer, hits: answer.hits.slice(0, count) }, query, { folders: [{ root, name: "" }], parts }) };
      };
      const answers = [await ask(toolResults.usual), await ask(20), await ask(MOST_HITS)];
      const { hits, textOf } = answers.at(-1)!;
      const costs = hits.map((_, i) => tokensIn(textOf(i + 1)));
      const { found, words } = grep(files, query);
      const readings: Readings = {
        [methods[0]]: readingOf(hits.map((hit, i) => ({ tokens: costs[i]! - (costs[i - 1] ?? 0), shown: [hit] })), targets),
        [methods[1]]: readingOf(answers.map((answer) => ({ tokens: tokensIn(answer.textOf(MOST_HITS)), shown: answer.hits })), targets),
        [methods[2]]: readingOf(found.map((file) => matchingLines(file, words)), targets),
        [methods[3]]: readingOf(found.map(wholeFile), targets),
      };
      all.push({ query, readings });
    }
    return all;
  });
}

/** All that was seen before the budget was spent: a piece that does not fit is not read. */
const recallWithin = (reading: Reading, budget: number): number => reading.findLast(({ tokens }) => tokens <= budget)?.recall ?? 0;
/** Undefined when no wanted place is ever seen. */
const tokensToFirst = (reading: Reading): number | undefined => reading.find(({ recall }) => recall > 0)?.tokens;

function figuresOf(readings: readonly Reading[]) {
  const first = readings.map(tokensToFirst);
  return {
    recall: Object.fromEntries(budgets.map((budget) => [budget, mean(readings.map((reading) => recallWithin(reading, budget)))])),
    tokensToFirst: { median: percentile(first.map((tokens) => tokens ?? Infinity), 0.5), mean: mean(first.map((tokens) => Math.min(CAP, tokens ?? CAP))) },
  };
}

/** The smallest budget within which so much is seen; undefined when none is large enough. */
function budgetFor(readings: readonly Reading[], recall: number): number | undefined {
  const spent = readings.flatMap((reading) => reading.map(({ tokens }) => tokens)).sort((a, b) => a - b);
  let [low, high] = [0, spent.length - 1];
  const reaches = (at: number) => mean(readings.map((reading) => recallWithin(reading, spent[at]!))) >= recall;
  if (high < 0 || !reaches(high)) return undefined;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (reaches(middle)) high = middle;
    else low = middle + 1;
  }
  return spent[low];
}

const { values: options } = parseArgs({ options: { set: { type: "string", default: defaultSet }, repo: { type: "string" }, json: { type: "boolean", default: false } } });
const repositories = loadRepositories(options.set, options.repo);
if (repositories.length === 0) nothingMeasured(options.set);
else {
  const asked: { readonly query: string; readonly readings: Readings }[] = [];
  for (const repository of repositories) {
    asked.push(...(await readingsOf(repository)));
    process.stderr.write(`${repository.name}\n`);
  }
  const of = (method: Method) => asked.map(({ readings }) => readings[method]);
  const figures = Object.fromEntries(methods.map((method) => [method, figuresOf(of(method))]));
  const answers = of(methods[1]).flatMap(([first]) => (first ? [first] : []));
  const firstAnswer = { tokens: mean(answers.map(({ tokens }) => tokens)), recall: mean(answers.map(({ recall }) => recall)) };
  const same = Object.fromEntries(methods.map((method) => [method, budgetFor(of(method), firstAnswer.recall)]));
  if (options.json) process.stdout.write(`${JSON.stringify({ questions: asked.length, methods: figures, firstAnswer, budgetForItsRecall: same })}\n`);
  else {
    const line = (cells: readonly string[]) => void process.stdout.write(`${cells[0]!.padEnd(42)}${cells.slice(1).map((cell) => cell.padStart(8)).join("")}\n`);
    line([`recall within tokens, ${asked.length} questions`, ...budgets.map(String), "median", "mean"]);
    for (const method of methods) {
      const { recall, tokensToFirst: { median, mean: average } } = figures[method]!;
      line([method, ...budgets.map((budget) => recall[budget]!.toFixed(3)), String(median), average.toFixed(0)]);
    }
    process.stdout.write(`median and mean: tokens until the first wanted file is seen; in the mean ${CAP} where that takes more\n`);
    process.stdout.write(`an answer of ${toolResults.usual} hits: ${firstAnswer.tokens.toFixed(0)} tokens, recall ${firstAnswer.recall.toFixed(3)}; for the same recall: ${methods.map((method) => `${method} ${same[method] ?? "never"}`).join("; ")}\n`);
  }
}
