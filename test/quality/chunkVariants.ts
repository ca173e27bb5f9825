// What a chunk should be: its size, its breadcrumb, its doc comment, its overlap. Each is changed alone and everything else stays the product's way
// (candidates, signals, ranking), at the instant exit, so that a variant costs seconds.
//   node test/quality/chunkVariants.ts [--set DIR] [--repo NAME] [--model DIR] [--only WORD]
// Prints per variant: chunks, mean NDCG@10 of the repositories, the difference to the product's way with its 90 % interval over the questions, and
// the mean over the questions that share no word with the path of their target. A change that helps or harms has an interval without zero.
import { parseArgs } from "node:util";
import { silentLog } from "../../src/base/log.ts";
import type { EncoderText } from "../../src/encoding/encoder.ts";
import { Chunker } from "../../src/indexing/chunker.ts";
import { docProse } from "../../src/indexing/docText.ts";
import { languageOf } from "../../src/indexing/languages.ts";
import { sizes } from "../../src/indexing/parts.ts";
import type { OutlineEntry } from "../../src/indexing/treeCutter.ts";
import { parseQuery } from "../../src/search/query.ts";
import { rank } from "../../src/search/ranking.ts";
import { nameParts } from "../../src/search/terms.ts";
import { type MemoryChunk, MemoryStore } from "../support/memoryStore.ts";
import { interval90 } from "./bootstrap.ts";
import { defaultSet, type JudgedRepository, loadRepositories, nothingMeasured } from "./datasets.ts";
import { candidatesFor, chunkFolder, chunkText, encodeAll, encodeQueries, type LabFile, type LabModel, openModel } from "./lab.ts";
import { mean, ndcgOfTargets } from "./metric.ts";

/** A file as the product cuts it, and what variants need of it. Rows are counted from 0. */
interface Source {
  readonly file: LabFile;
  readonly rows: readonly string[];
  readonly definitions: readonly OutlineEntry[];
  /** Rows that hold nothing but a definition's or the module's documentation. */
  readonly docRows: ReadonlySet<number>;
}
/** What BM25 and the signals see of a chunk, and what the encoder reads. */
interface Reading {
  readonly chunk: MemoryChunk;
  readonly encoded: EncoderText;
}
interface Variant {
  readonly name: string;
  readonly read: (source: Source) => readonly Reading[] | Promise<readonly Reading[]>;
}

const { values: options } = parseArgs({
  options: {
    set: { type: "string", default: defaultSet },
    repo: { type: "string" },
    model: { type: "string" },
    only: { type: "string", default: "" },
  },
});
const say = (line: string) => void process.stdout.write(`${line}\n`);

// The variants ------------------------------------------------------------------------------------------------------------

const product: Variant = { name: "the product's way", read: (source) => source.file.chunks.map(asItIs) };

const variants: readonly Variant[] = [
  { name: "breadcrumb: not for the encoder", read: readEach((chunk) => ({ chunk, encoded: { breadcrumb: "", text: chunk.text } })) },
  { name: "breadcrumb: nowhere", read: readEach((chunk) => asItIs({ ...chunk, breadcrumb: "" })) },
  { name: "doc comment: not for the encoder", read: readEach((chunk, source) => ({ chunk, encoded: { breadcrumb: chunk.breadcrumb ?? "", text: withoutDoc(chunk, source).text } })) },
  { name: "doc comment: not for BM25", read: readEach((chunk, source) => ({ ...asItIs(chunk), chunk: withoutDoc(chunk, source) })) },
  { name: "doc comment: nowhere", read: readEach((chunk, source) => asItIs(withoutDoc(chunk, source))) },
  { name: "size: a quarter", read: (source) => recut(source, 0.25) },
  { name: "size: half", read: (source) => recut(source, 0.5) },
  { name: "size: double", read: (source) => recut(source, 2) },
  { name: "size: four times", read: (source) => recut(source, 4) },
  { name: "windows of 1,500 characters", read: (source) => windows(source, false) },
  { name: "windows, names of definitions kept", read: (source) => windows(source, true) },
  { name: "overlap: 3 lines on either side", read: readEach((chunk, source) => asItIs(extended(chunk, source, 3))) },
  { name: "overlap: 8 lines on either side", read: readEach((chunk, source) => asItIs(extended(chunk, source, 8))) },
  { name: "overlap: 8 lines, encoder only", read: readEach((chunk, source) => ({ chunk, encoded: asItIs(extended(chunk, source, 8)).encoded })) },
];

function asItIs(chunk: MemoryChunk): Reading {
  return { chunk, encoded: { breadcrumb: chunk.breadcrumb ?? "", text: chunk.text } };
}

function readEach(read: (chunk: MemoryChunk, source: Source) => Reading): Variant["read"] {
  return (source) => source.file.chunks.map((chunk) => read(chunk, source));
}

/** The rows of a chunk, or undefined for a slice of one overlong row. */
function rowsOf(chunk: MemoryChunk, source: Source): readonly string[] | undefined {
  const rows = source.rows.slice(chunk.startLine! - 1, chunk.endLine);
  return rows.join("\n") === chunk.text ? rows : undefined;
}

function withoutDoc(chunk: MemoryChunk, source: Source): MemoryChunk {
  const rows = rowsOf(chunk, source);
  if (!rows) return chunk;
  return { ...chunk, doc: "", text: rows.filter((_, i) => !source.docRows.has(chunk.startLine! - 1 + i)).join("\n") };
}

/** Text of the neighbouring lines as well; the place that is shown and judged stays. */
function extended(chunk: MemoryChunk, source: Source, lines: number): MemoryChunk {
  if (!rowsOf(chunk, source)) return chunk;
  return { ...chunk, text: source.rows.slice(Math.max(0, chunk.startLine! - 1 - lines), chunk.endLine! + lines).join("\n") };
}

/** Cut by the product's cutter with other limits. They are constants there, for good reason; nothing else runs in this process meanwhile. */
async function recut(source: Source, factor: number): Promise<readonly Reading[]> {
  const limits = sizes as { -readonly [Name in keyof typeof sizes]: number };
  const before = { ...sizes };
  for (const name of ["target", "alone", "wholeFunction", "wholeClass", "scope", "statement", "crumbs", "prelude", "max", "window", "overlap"] as const) {
    limits[name] = Math.round(before[name] * factor);
  }
  try {
    return (await chunkText(source.file.path, source.rows.join("\n"))).chunks.map(asItIs);
  } finally {
    Object.assign(limits, before);
  }
}

/** Whole lines up to 1,500 characters, wherever they end. Documents and data are cut as ever. */
function windows({ file, rows, definitions }: Source, keepsNames: boolean): readonly Reading[] {
  const { cutting } = languageOf(file.path, rows.slice(0, 80).join("\n"));
  const [first] = file.chunks;
  if (!first || (cutting !== "tree" && cutting !== "scanner")) return file.chunks.map(asItIs);
  const found: Reading[] = [];
  for (let from = 0, size = 0, to = 0; to < rows.length; to++) {
    size += rows[to]!.length + 1;
    if (to + 1 < rows.length && size + rows[to + 1]!.length < 1_500) continue;
    const text = rows.slice(from, to + 1).join("\n");
    const inside = keepsNames ? definitions.filter((definition) => definition.codeRow >= from && definition.codeRow <= to) : [];
    const known = { kind: inside[0]?.kind ?? ("window" as const), symbols: [...new Set(inside.map((definition) => definition.name))], doc: inside.find((definition) => definition.doc !== "")?.doc ?? "" };
    if (/\S/.test(text)) found.push(asItIs({ ...first, ...known, breadcrumb: "", text, startLine: from + 1, endLine: to + 1 }));
    [from, size] = [to + 1, 0];
  }
  return found;
}

// Documentation by rows ---------------------------------------------------------------------------------------------------

/** A comment's own row: directives of the preprocessor and Rust's attributes also begin with "#". */
const commentRow = /^\s*(\/\/|\/\*|\*|#(?!\[|!\[|\s*(?:include|define|if|ifdef|ifndef|else|elif|endif|pragma|region|endregion)\b)|--|""")/;
const lettersOf = (text: string): string => text.replace(/[^\p{L}\p{N}]/gu, "");

function documentationRows(rows: readonly string[], definitions: readonly OutlineEntry[], head: MemoryChunk | undefined): Set<number> {
  const found = new Set<number>();
  const saidIn = (doc: string) => {
    const lines = new Set(doc.split("\n").map(lettersOf));
    return (row: string) => lettersOf(row) === "" || lines.has(lettersOf(docProse(row)));
  };
  for (const { doc, startRow, codeRow, docRows } of definitions) {
    const isSaid = saidIn(doc);
    for (let row = startRow; row < codeRow; row++) if (doc !== "" && (commentRow.test(rows[row]!) || isSaid(rows[row]!))) found.add(row);
    if (docRows && docRows[0] > codeRow) for (let row = docRows[0]; row <= docRows[1]; row++) found.add(row);
  }
  if (head?.kind === "module" && head.doc) {
    const isSaid = saidIn(head.doc);
    for (let row = head.startLine! - 1; row < head.endLine! && isSaid(rows[row]!); row++) found.add(row);
  }
  return found;
}

// Measuring ---------------------------------------------------------------------------------------------------------------

async function readSources(root: string, chunker: Chunker): Promise<Source[]> {
  const texts = new Map<string, string>();
  const files = await chunkFolder(root, (file, text) => {
    const plain = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
    texts.set(file, plain);
    return plain;
  });
  return Promise.all(
    files.map(async (file) => {
      const rows = texts.get(file.path)!.split("\n");
      const definitions = (await chunker.outline(file.path, rows.join("\n")))[0]?.entries ?? [];
      return { file, rows, definitions, docRows: documentationRows(rows, definitions, file.chunks[0]) };
    }),
  );
}

interface Figures {
  readonly chunks: number;
  /** NDCG@10 of each question. */
  readonly scores: readonly number[];
}

async function measure(repository: JudgedRepository, sources: readonly Source[], variant: Variant, model: LabModel): Promise<Figures> {
  const imports = new Map(sources.map(({ file }) => [file.path, file.imports]));
  const readings: Reading[] = [];
  for (const source of sources) readings.push(...(await variant.read(source)));
  const vectors = await encodeAll(model, readings.map((reading) => reading.encoded), "instant", repository.name);
  const store = new MemoryStore(readings.map(({ chunk }, i) => ({ ...chunk, vectors: { instant: vectors[i]! } })), imports);
  store.sharedSpace = model.encoder.model.sharedSpace;
  const queries = await encodeQueries(model, repository.queries.map(({ query }) => query), repository.name);
  const scores = repository.queries.map(({ query, targets }, i) => {
    const { query: parsed, candidates, rows } = candidatesFor(store, model, query, queries[i]!);
    const ranked = rank(candidates.items, rows, parsed, 10);
    return ndcgOfTargets(ranked.map((hit) => hit.candidate.place), targets);
  });
  return { chunks: readings.length, scores };
}

const isNameFree = ({ query, targets }: JudgedRepository["queries"][number]): boolean => {
  const named = new Set(targets.flatMap((target) => nameParts(target.path)));
  return !parseQuery(query).parts.some((part) => named.has(part));
};

function print({ name }: Variant, repositories: readonly JudgedRepository[], ours: readonly Figures[], figures: readonly Figures[]): void {
  const free = repositories.flatMap((repository, r) => figures[r]!.scores.filter((_, i) => isNameFree(repository.queries[i]!)));
  const differences = figures.map(({ scores }, r) => scores.map((score, i) => score - ours[r]!.scores[i]!));
  const [low, high] = interval90(differences);
  const signed = (value: number) => `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(3)}`;
  const against = ours === figures ? "" : `${signed(mean(differences.map(mean)))}  ${signed(low)} … ${signed(high)}`;
  const chunks = figures.reduce((sum, own) => sum + own.chunks, 0);
  say(`${name.padEnd(36)} ${String(chunks).padStart(6)}  ${mean(figures.map(({ scores }) => mean(scores))).toFixed(3)}  ${against.padEnd(25)} ${mean(free).toFixed(3)}`);
}

const repositories = loadRepositories(options.set, options.repo);
if (repositories.length === 0) {
  nothingMeasured(options.set);
} else {
  const model = await openModel(options.model);
  const chunker = await Chunker.create({ log: silentLog });
  const sources: Source[][] = [];
  for (const { root } of repositories) sources.push(await readSources(root, chunker));
  const figuresOf = async (variant: Variant): Promise<Figures[]> => {
    const figures: Figures[] = [];
    for (const [i, repository] of repositories.entries()) figures.push(await measure(repository, sources[i]!, variant, model));
    return figures;
  };
  const lines = sources.flat().flatMap(({ file, docRows }) => file.chunks.flatMap((chunk) => Array.from({ length: chunk.endLine! - chunk.startLine! + 1 }, (_, i) => docRows.has(chunk.startLine! - 1 + i))));
  say(`${repositories.length} repositories, ${repositories.flatMap(({ queries }) => queries).length} questions; ${((100 * lines.filter(Boolean).length) / lines.length).toFixed(0)} % of all lines are documentation\n`);
  say(`${"".padEnd(36)} chunks  NDCG@10  difference (90 %)       no word in the path`);
  const ours = await figuresOf(product);
  print(product, repositories, ours, ours);
  for (const variant of variants.filter(({ name }) => name.includes(options.only))) print(variant, repositories, ours, await figuresOf(variant));
  await model.encoder.close();
}
