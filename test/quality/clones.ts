// How well copies of real functions are found, without anybody's judgement: functions of the judged repositories are copied as people copy them
// (cloneVariants.ts) and their originals looked for by `similar`; then the copies stand in the index as well and `duplicates` has to pair them.
//   node test/quality/clones.ts [--set DIR] [--repo NAME] [--model DIR] [--per N] [--instant] [--show N]
// --instant leaves out the deep exit, whose vectors of the copies take minutes the first time. --show prints that many failures of each kind.
import { parseArgs } from "node:util";
import type { Likeness } from "../../src/base/copies.ts";
import { silentLog } from "../../src/base/log.ts";
import type { Depth, Encoder, QueryVectors } from "../../src/encoding/encoder.ts";
import { createInstantEncoder, loadInstantTable } from "../../src/encoding/exit0.ts";
import { defaultModelFolder, loadModelFiles } from "../../src/encoding/modelFiles.ts";
import { OnnxEncoder } from "../../src/encoding/onnxEncoder.ts";
import type { DuplicateGroup } from "../../src/engine/protocol.ts";
import { languageOf } from "../../src/indexing/languages.ts";
import { CodeForms } from "../../src/search/codeForms.ts";
import { type CodeToken, renamedForm, tokeniseCode } from "../../src/search/codeTokens.ts";
import { type DuplicateStore, findDuplicates } from "../../src/search/duplicates.ts";
import { findSimilar } from "../../src/search/similar.ts";
import type { DenseHit, Place } from "../../src/store/store.ts";
import { type MemoryChunk, MemoryStore } from "../support/memoryStore.ts";
import { sample } from "./bootstrap.ts";
import { cloneOf, type CloneType, cloneTypes, readForClones } from "./cloneVariants.ts";
import { defaultSet, type JudgedRepository, loadRepositories, nothingMeasured } from "./datasets.ts";
import { chunkFolder, encodeAll, type LabModel } from "./lab.ts";
import { mean } from "./metric.ts";

const { values: options } = parseArgs({
  options: {
    set: { type: "string", default: defaultSet },
    repo: { type: "string" },
    model: { type: "string" },
    per: { type: "string", default: "16" },
    instant: { type: "boolean", default: false },
    show: { type: "string", default: "0" },
  },
});
const wantedDepths: readonly Depth[] = options.instant ? ["instant"] : ["instant", "deep"];
/** As `strata duplicates` without options, all groups. */
const duplicateParams = { minLines: 6, threshold: 0.9, limit: 100_000 };
const fewestLines = 6;
/** Hits asked of `similar`, as its users get them. */
const k = 10;

interface Copy {
  readonly type: CloneType;
  readonly original: MemoryChunk;
  readonly text: string;
  readonly language: string;
}
type Pairing = "exact" | "renamed" | "semantic" | "apart";
interface Outcome extends Copy {
  /** 1 / rank of the original by `similar`, 0 when it is not among the hits. */
  readonly reciprocal: Readonly<Partial<Record<Depth, number>>>;
  readonly paired: Readonly<Partial<Record<Depth, Pairing>>>;
  /** What `similar` calls the original, and how many of its other hits it calls a copy. */
  readonly called: Readonly<Partial<Record<Depth, { readonly original: Likeness["kind"] | undefined; readonly others: number }>>>;
}
/** Groups of the repository's own code, before anything is planted, and groups that join planted copies of different functions. */
interface GroupCount {
  readonly own: Readonly<Record<DuplicateGroup["kind"], number>>;
  readonly mixed: number;
}

const say = (line = "") => void process.stdout.write(`${line}\n`);

// Planting ----------------------------------------------------------------------------------------------------------------

interface Repository {
  readonly chunks: readonly MemoryChunk[];
  readonly copies: readonly Copy[];
}

async function plant({ root, language, name }: JudgedRepository, per: number): Promise<Repository> {
  const texts = new Map<string, string>();
  const files = await chunkFolder(root, (file, text) => {
    const plain = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
    texts.set(file, plain);
    return plain;
  });
  const chunks = files.flatMap((file) => file.chunks);
  const formOf = (chunk: MemoryChunk) => renamedForm(tokeniseCode(chunk.text, chunk.lang!));
  const standing = Map.groupBy(chunks, formOf);
  // What stands twice already has two right answers.
  const functions = chunks.filter((chunk) => chunk.kind === "function" && chunk.symbols!.length > 0 && chunk.endLine! - chunk.startLine! + 1 >= fewestLines && standing.get(formOf(chunk))!.length === 1);
  const drawn = sample(functions, per, name.length * 7_919 + functions.length);
  const copies: Copy[] = [];
  for (const [i, original] of drawn.entries()) {
    const text = texts.get(original.path)!;
    const { grammar } = languageOf(original.path, text.slice(0, 4_000));
    if (!grammar) continue;
    const file = await readForClones(text, grammar);
    const start = rowStart(text, original.startLine! - 1);
    const range = { start, end: start + original.text.length };
    if (text.slice(range.start, range.end) !== original.text) continue;
    for (const type of cloneTypes) {
      const copy = await cloneOf(file, range, type, original.symbols!, i + 1);
      if (copy !== undefined) copies.push({ type, original, text: copy, language });
    }
  }
  return { chunks, copies };
}

function rowStart(text: string, row: number): number {
  let at = 0;
  for (let i = 0; i < row; i++) at = text.indexOf("\n", at) + 1;
  return at;
}

// Looking for them --------------------------------------------------------------------------------------------------------

async function measure(repository: JudgedRepository, model: LabModel): Promise<{ outcomes: Outcome[]; groups: Partial<Record<Depth, GroupCount>> }> {
  const { chunks, copies } = await plant(repository, Number(options.per));
  const vectorsOf = async (cacheName: string, own: readonly { readonly breadcrumb?: string; readonly text: string }[]) => {
    const texts = own.map(({ breadcrumb = "", text }) => ({ breadcrumb, text }));
    const byDepth = new Map<Depth, readonly Float32Array[]>();
    for (const depth of wantedDepths) byDepth.set(depth, await encodeAll(model, texts, depth, cacheName));
    return own.map((_, i) => Object.fromEntries([...byDepth].map(([depth, list]) => [depth, list[i]!])) as Partial<Record<Depth, Float32Array>>);
  };
  const vectors = await vectorsOf(repository.name, chunks);
  const bare = copies.map(({ text }) => ({ text }));
  const copyVectors = await vectorsOf(`clones-${repository.name}`, bare);
  const store = new MemoryStore(chunks.map((chunk, i) => ({ ...chunk, vectors: vectors[i]! })));
  store.sharedSpace = model.encoder.model.sharedSpace;
  const reciprocals: Partial<Record<Depth, number>>[] = copies.map(() => ({}));
  const paired: Partial<Record<Depth, Pairing>>[] = copies.map(() => ({}));
  const called: { -readonly [D in Depth]?: Outcome["called"][D] }[] = copies.map(() => ({}));
  const groups: Partial<Record<Depth, GroupCount>> = {};
  for (const depth of wantedDepths) {
    store.depthLimit = depth;
    for (const [i, { text, original }] of copies.entries()) {
      // Without the deep exit at hand the query meets the table's vectors with its own of the same exit.
      const { instant, deep = instant } = copyVectors[i]!;
      const encoder = { embedCode: () => Promise.resolve({ instant: instant!, shallow: deep!, deep: deep! } satisfies QueryVectors) } as unknown as Encoder;
      const { hits } = await findSimilar({ store, encoder }, { text, lang: original.lang!, k });
      const rank = hits.findIndex((hit) => hit.path === original.path && hit.startLine === original.startLine && hit.endLine === original.endLine);
      reciprocals[i]![depth] = rank < 0 ? 0 : 1 / (rank + 1);
      called[i]![depth] = { original: hits[rank]?.likeness?.kind, others: hits.filter(({ likeness }, at) => at !== rank && likeness && likeness.kind !== "alike").length };
    }
    const alone = new Standing(chunks, vectors.map((own) => own[depth]!));
    const kinds = Object.groupBy((await findDuplicates(alone, new CodeForms(), duplicateParams)).groups, (group) => group.kind);
    let mixed = 0;
    for (const type of cloneTypes) {
      const planted = copies.flatMap((copy, i) => (copy.type === type ? { ...copy, i, path: `planted/${i}` } : []));
      const copied = planted.map(({ original, text, path: place }): MemoryChunk => ({ ...original, path: place, text, breadcrumb: "", doc: "", startLine: 1, endLine: text.split("\n").length }));
      const standing = new Standing([...chunks, ...copied], [...vectors.map((own) => own[depth]!), ...planted.map(({ i }) => copyVectors[i]![depth]!)], alone);
      const { groups: found } = await findDuplicates(standing, new CodeForms(), duplicateParams);
      mixed += found.filter((group) => group.members.filter((member) => member.path.startsWith("planted/")).length > 1).length;
      for (const { i, original, path: place } of planted) {
        const group = found.find(({ members }) => members.some((member) => member.path === place));
        const isPaired = group?.members.some((member) => member.path === original.path && member.startLine <= original.startLine! && member.endLine >= original.endLine!);
        paired[i]![depth] = group && isPaired ? group.kind : "apart";
      }
    }
    groups[depth] = { own: { exact: kinds.exact?.length ?? 0, renamed: kinds.renamed?.length ?? 0, semantic: kinds.semantic?.length ?? 0 }, mixed };
  }
  return { outcomes: copies.map((copy, i) => ({ ...copy, reciprocal: reciprocals[i]!, paired: paired[i]!, called: called[i]! })), groups };
}

/** What stands in an index, as `duplicates` sees it. */
class Standing implements DuplicateStore {
  readonly #chunks: readonly MemoryChunk[];
  readonly #vectors: readonly Float32Array[];
  /** The same without the copies: of its chunks only what the copies add is new. */
  readonly #before: Standing | undefined;
  readonly #near = new Map<number, readonly DenseHit[]>();

  constructor(chunks: readonly MemoryChunk[], vectors: readonly Float32Array[], before?: Standing) {
    this.#chunks = chunks;
    this.#vectors = vectors;
    this.#before = before;
  }
  placesPerChunk(): ReadonlyMap<number, number> {
    return new Map(this.#chunks.keys().map((chunkId) => [chunkId, 1]));
  }
  *codeOf(chunkIds: readonly number[]) {
    for (const chunkId of chunkIds) {
      const { kind, text, lang } = this.#chunks[chunkId]!;
      yield { chunkId, kind: kind!, text, lang: lang! };
    }
  }
  allowedBy(): undefined {}
  placesOf(chunkIds: readonly number[]): Place[] {
    const unknown = { startLine: 1, endLine: 1, lang: "", kind: "block" as const, symbols: [], breadcrumb: "", doc: "", isTest: false, isGenerated: false, depth: undefined };
    return chunkIds.map((id) => ({ ...unknown, ...this.#chunks[id]!, place: id, chunkId: id }));
  }
  neighbours(chunkId: number, count: number): readonly DenseHit[] {
    return this.near(chunkId).slice(0, count);
  }
  /** Nothing below the threshold is looked at. */
  near(chunkId: number): readonly DenseHit[] {
    const known = this.#near.get(chunkId);
    if (known) return known;
    const isOld = this.#before !== undefined && chunkId < this.#before.#chunks.length;
    const hits = isOld ? [...this.#before!.near(chunkId)] : [];
    const own = this.#vectors[chunkId]!;
    for (let other = isOld ? this.#before!.#chunks.length : 0; other < this.#vectors.length; other++) {
      if (other === chunkId) continue;
      const vector = this.#vectors[other]!;
      let score = 0;
      for (let d = 0; d < own.length; d++) score += own[d]! * vector[d]!;
      if (score >= duplicateParams.threshold) hits.push({ chunkId: other, score, calibrated: score, depth: "deep" });
    }
    hits.sort((a, b) => b.score - a.score || a.chunkId - b.chunkId);
    this.#near.set(chunkId, hits);
    return hits;
  }
}

// Tables ------------------------------------------------------------------------------------------------------------------

const three = (value: number) => value.toFixed(3);
const atOne = (outcomes: readonly Outcome[], depth: Depth) => mean(outcomes.map(({ reciprocal }) => (reciprocal[depth] === 1 ? 1 : 0)));
const meanReciprocal = (outcomes: readonly Outcome[], depth: Depth) => mean(outcomes.map(({ reciprocal }) => reciprocal[depth]!));

function printSimilar(title: string, rows: Iterable<readonly [string, readonly Outcome[]]>): void {
  say(`| ${title} | copies | ${wantedDepths.map((depth) => `recall@1, ${depth} | MRR@10, ${depth}`).join(" | ")} |`);
  say(`|---|${"--:|".repeat(1 + 2 * wantedDepths.length)}`);
  for (const [name, own] of rows) say(`| ${name} | ${own.length} | ${wantedDepths.map((depth) => `${three(atOne(own, depth))} | ${three(meanReciprocal(own, depth))}`).join(" | ")} |`);
  say();
}

function printCalled(outcomes: readonly Outcome[], depth: Depth): void {
  const kinds = ["exact", "within", "renamed", "changed", "alike", undefined] as const;
  say(`| what \`similar\` calls the original, ${depth} exit | copies | ${kinds.map((kind) => kind ?? "nothing").join(" | ")} | others called a copy |`);
  say(`|---|${"--:|".repeat(kinds.length + 2)}`);
  for (const [type, own] of Map.groupBy(outcomes, (outcome) => outcome.type)) {
    const count = (kind: (typeof kinds)[number]) => own.filter(({ called }) => called[depth]!.original === kind).length;
    say(`| ${type} | ${own.length} | ${kinds.map(count).join(" | ")} | ${own.reduce((all, { called }) => all + called[depth]!.others, 0)} |`);
  }
  say();
}

function printDuplicates(outcomes: readonly Outcome[], depth: Depth): void {
  say(`| planted pairs, ${depth} exit | pairs | exact | renamed | semantic | apart |`);
  say("|---|--:|--:|--:|--:|--:|");
  for (const [type, own] of Map.groupBy(outcomes, (outcome) => outcome.type)) {
    const count = (pairing: Pairing) => own.filter(({ paired }) => paired[depth] === pairing).length;
    say(`| ${type} | ${own.length} | ${count("exact")} | ${count("renamed")} | ${count("semantic")} | ${count("apart")} |`);
  }
  say();
}

/** Neighbouring marks as one token, as the forms write them: then a form has as many words as there are tokens. */
function marksTogether(tokens: readonly CodeToken[]): CodeToken[] {
  const out: CodeToken[] = [];
  for (const token of tokens) {
    const last = out.at(-1);
    if (token.kind === "mark" && last?.kind === "mark") out[out.length - 1] = { kind: "mark", text: last.text + token.text };
    else out.push(token);
  }
  return out;
}

/** Why the forms of a function and its renamed copy differ: the first pair of tokens that does not answer each other. */
function partingOf({ original, text }: Outcome): { readonly why: string; readonly where: string } {
  const [before, after] = [original.text, text].map((code) => marksTogether(tokeniseCode(code, original.lang!))) as [CodeToken[], CodeToken[]];
  const [left, right] = [renamedForm(before).split(" "), renamedForm(after).split(" ")];
  const at = left.findIndex((token, i) => token !== right[i]);
  const where = at < 0 ? "" : `${left.slice(Math.max(0, at - 4), at + 4).join(" ")} | ${right.slice(Math.max(0, at - 4), at + 4).join(" ")}`;
  if (at < 0 && left.length === right.length) return { why: `equal, but left out or grouped apart (${before.length < 24 ? "short" : "list, data or imports"})`, where };
  const kinds = [before[at]?.kind, after[at]?.kind];
  if (kinds.includes("keyword") && kinds.some((kind) => kind === "name" || kind === "member" || kind === "label")) return { why: "a name that is a keyword elsewhere", where };
  if (kinds[0] === "member" && kinds[1] === "member" && before.length < 64) return { why: "members of a short piece stand as written", where };
  if (kinds[0] === kinds[1] && (kinds[0] === "name" || kinds[0] === "member" || kinds[0] === "label")) return { why: "one name in two roles, renamed in one", where };
  return { why: "cut into tokens differently", where };
}

function printPartings(outcomes: readonly Outcome[], depth: Depth): void {
  for (const type of ["2 variables", "2 every name"] as const) {
    const apart = outcomes.filter((outcome) => outcome.type === type && !["exact", "renamed"].includes(outcome.paired[depth]!));
    const whys = [...Map.groupBy(apart, (outcome) => partingOf(outcome).why)].sort((a, b) => b[1].length - a[1].length);
    say(`${type}, not paired as renamed: ${whys.map(([why, own]) => `${own.length} ${why}`).join("; ")}`);
  }
  say();
}

function show(outcomes: readonly Outcome[], depth: Depth, count: number): void {
  const name = ({ original }: Outcome) => `${original.path}:${original.startLine} ${original.symbols!.join(" ").slice(0, 60)} (${tokeniseCode(original.text, original.lang!).length} tokens)`;
  for (const type of cloneTypes) {
    const own = outcomes.filter((outcome) => outcome.type === type);
    say(`${type}: not first by similar`);
    for (const outcome of own.filter(({ reciprocal }) => reciprocal[depth] !== 1).slice(0, count)) say(`  ${name(outcome)}, 1/rank ${three(outcome.reciprocal[depth]!)}`);
    say(`${type}: not paired`);
    for (const outcome of own.filter(({ paired }) => paired[depth] === "apart" || (type === "1 layout" && paired[depth] !== "exact")).slice(0, count)) {
      const { why, where } = partingOf(outcome);
      say(`  ${name(outcome)}${type.startsWith("3") ? "" : `: ${why}: ${where}`}`);
    }
  }
}

const repositories = loadRepositories(options.set, options.repo);
if (repositories.length === 0) {
  nothingMeasured(options.set);
} else {
  const table = await loadInstantTable(await loadModelFiles(options.model ?? (await defaultModelFolder())));
  const model: LabModel = { encoder: new OnnxEncoder(table, silentLog, { backgroundThreads: 1 }), instant: createInstantEncoder(table) };
  const outcomes: Outcome[] = [];
  const counts: { readonly name: string; readonly groups: Partial<Record<Depth, GroupCount>> }[] = [];
  for (const repository of repositories) {
    const { outcomes: own, groups } = await measure(repository, model);
    outcomes.push(...own);
    counts.push({ name: repository.name, groups });
    process.stderr.write(`${repository.name}: ${own.length} copies\n`);
  }
  await model.encoder.close();
  printSimilar("kind of copy", [...Map.groupBy(outcomes, ({ type }) => type), ["type 3, function of no test", outcomes.filter(({ type, original }) => type.startsWith("3") && !original.isTest)]]);
  printSimilar("type 2 and 3 by language", Map.groupBy(outcomes.filter(({ type }) => type !== "1 layout"), ({ language }) => language));
  for (const depth of wantedDepths) printCalled(outcomes, depth);
  for (const depth of wantedDepths) printDuplicates(outcomes, depth);
  for (const depth of wantedDepths) {
    const total = (of: (count: GroupCount) => number) => counts.reduce((sum, { groups }) => sum + of(groups[depth]!), 0);
    say(`${depth} exit: the repositories' own groups ${total(({ own }) => own.exact)} exact, ${total(({ own }) => own.renamed)} renamed, ${total(({ own }) => own.semantic)} semantic (${counts.map(({ name, groups }) => `${name} ${Object.values(groups[depth]!.own).join("/")}`).join(", ")}); groups that join copies of different functions ${total(({ mixed }) => mixed)}`);
  }
  say();
  printPartings(outcomes, wantedDepths.at(-1)!);
  if (Number(options.show) > 0) show(outcomes, wantedDepths.at(-1)!, Number(options.show));
}
