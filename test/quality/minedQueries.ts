// Queries with known answers from documentation, for fitting ranking on code that is not in any judged set: the first sentence of a definition's
// or module's documentation is the question, its file the answer, and that documentation is taken out of what is indexed.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Chunker } from "../../src/indexing/chunker.ts";
import { silentLog } from "../../src/base/log.ts";
import { nameParts, stem } from "../../src/search/terms.ts";
import { randomNumbers } from "../support/random.ts";
import { chunkText, type LabFile } from "./lab.ts";
import { readLines } from "./datasets.ts";

export interface MinedQuery {
  readonly query: string;
  /** What was documented: decides nothing, shown in tables. */
  readonly about: "module" | "definition" | "symbol";
  readonly path: string;
}
export interface MinedRepository {
  readonly name: string;
  readonly language: string;
  readonly files: readonly LabFile[];
  readonly queries: readonly MinedQuery[];
}

/** Chunks a mined repository is cut down to: the size of a small real one, and seconds of encoding. */
const chunkLimit = 220;
const queriesPerRepository = 24;

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

/** First sentence, without markup; undefined when it says too little or is not prose. */
export function firstSentence(doc: string): string | undefined {
  const flat = doc
    .replace(/\{@\w+\s+([^}]*)\}/g, "$1")
    .replace(/:\w+:`~?([^`]*)`/g, "$1")
    .replace(/<[^>]+>|[`*|]/g, "")
    .replace(/\s+/g, " ")
    .trim();
  const sentence = flat.split(/(?<=[a-z)\d])[.:!]\s|\.$|@(param|returns?|see)\b/)[0]!.trim();
  const words = sentence.split(" ").length;
  if (words < 4 || words > 30 || !/^[A-Za-z]/.test(sentence) || /deprecat|copyright|licen[cs]e|TODO|^see /i.test(sentence)) return undefined;
  return sentence;
}

/** Half of the questions lose the words of the name they ask for: people who search often do not know the name. */
function questionOf(doc: string, name: string, random: () => number): string | undefined {
  const sentence = firstSentence(doc);
  if (sentence === undefined || random() < 0.5) return sentence;
  const parts = new Set(nameParts(name));
  const kept = sentence.split(" ").filter((word) => !nameParts(word).some((part) => parts.has(part) || parts.has(stem(part))));
  return kept.length >= 4 ? kept.join(" ") : sentence;
}

interface TrainingPair {
  readonly lang: string;
  readonly source: string;
  readonly path: string;
  readonly name: string;
  readonly doc: string;
  readonly code: string;
}

/** Repositories made of documented definitions (`LANG.jsonl.gz`): the file of a definition is what was documented in it, documentation removed. */
export function minePairRepositories(folder: string, perLanguage: number): MinedRepository[] {
  const repositories: MinedRepository[] = [];
  if (!existsSync(folder)) return repositories;
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".jsonl.gz")).sort()) {
    const bySource = Map.groupBy(readLines<TrainingPair>(path.join(folder, file)), (pair) => pair.source);
    const sources = [...bySource].filter(([, pairs]) => pairs.length >= 250).sort((a, b) => b[1].length - a[1].length);
    for (const [source, pairs] of sources.slice(0, perLanguage)) {
      const random = randomNumbers(source.length * 7919 + pairs.length);
      const chosen = wholeFolders(pairs, random);
      const byPath = Map.groupBy(chosen, (pair) => pair.path);
      const files = [...byPath].map(([filePath, inFile]) => pairFile(filePath, inFile));
      const definedOnce = new Set([...Map.groupBy(chosen, (pair) => pair.name)].filter(([, same]) => same.length === 1).map(([name]) => name));
      const asked = shuffled(chosen, random);
      // A definition named like its file is what the file is about: such questions are the ones people ask of a repository.
      asked.sort((a, b) => Number(isMain(b)) - Number(isMain(a)));
      const half = queriesPerRepository / 2;
      const main = asked.filter(isMain).slice(0, half);
      const others = asked.filter((pair) => !isMain(pair)).slice(0, queriesPerRepository - main.length);
      const queries: MinedQuery[] = [...main, ...others].flatMap((pair) => {
        const query = questionOf(pair.doc, pair.name, random);
        return query === undefined ? [] : [{ query, about: isMain(pair) ? ("module" as const) : ("definition" as const), path: pair.path }];
      });
      const names = asked.filter((pair) => definedOnce.has(pair.name) && /[A-Z_]/.test(pair.name.slice(1)) && pair.name.length > 5).slice(0, 4);
      queries.push(...names.map((pair) => ({ query: pair.name, about: "symbol" as const, path: pair.path })));
      repositories.push({ name: `${file.split(".")[0]!}-${source}`.replace(/[^\w.-]+/g, "-"), language: pairs[0]!.lang, files, queries });
    }
  }
  return repositories;
}

function isMain(pair: TrainingPair): boolean {
  const fileStem = path.basename(pair.path).replace(/\..*$/, "");
  return pair.name !== "" && nameParts(fileStem).join("") === nameParts(pair.name).join("");
}

/** Whole folders in random order until the limit, so that neighbours stay together. */
function wholeFolders(pairs: readonly TrainingPair[], random: () => number): TrainingPair[] {
  const chosen: TrainingPair[] = [];
  for (const [, inFolder] of shuffled([...Map.groupBy(pairs, (pair) => path.dirname(pair.path))], random)) {
    if (chosen.length > 0 && chosen.length + inFolder.length > chunkLimit) continue;
    chosen.push(...inFolder.slice(0, chunkLimit));
  }
  return chosen;
}

function pairFile(filePath: string, pairs: readonly TrainingPair[]): LabFile {
  let line = 1;
  const chunks = pairs.map((pair) => {
    const startLine = line;
    line += pair.code.split("\n").length + 1;
    const kind = /\b(class|interface|struct|trait|enum|type)\b/.test(pair.code.slice(0, 80)) ? ("class" as const) : ("function" as const);
    return { path: filePath, text: pair.code, lang: pair.lang, kind, symbols: pair.name === "" ? [] : [pair.name], startLine, endLine: line - 2 };
  });
  return { path: filePath, lang: pairs[0]!.lang, imports: [], chunks };
}

/** A real source tree, cut by the product's chunker. Module documentation gives questions about files, definitions give the rest. */
export async function mineTree(name: string, root: string, limit = 60): Promise<MinedRepository | undefined> {
  if (!existsSync(root)) return undefined;
  const chunker = await Chunker.create({ log: silentLog });
  const random = randomNumbers(name.length * 104_729);
  const paths = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => /\.(py|ts|js|rb|go|rs|java|php)$/.test(file)).sort();
  const chosen = shuffled(paths, random).slice(0, limit);
  const files: LabFile[] = [];
  const queries: MinedQuery[] = [];
  for (const file of chosen) {
    const text = readFileSync(path.join(root, file), "utf8").replaceAll("\r\n", "\n");
    if (text.length > 120_000) continue;
    const [found] = await chunker.outline(file, text);
    const rows = text.split("\n");
    const moduleDoc = /^(?:#.*\n|\s*\n)*[rR]?"""([\s\S]*?)"""/.exec(text);
    const blank = new Set<number>();
    if (moduleDoc && firstSentence(moduleDoc[1]!)) {
      queries.push({ query: questionOf(moduleDoc[1]!, random() < 0.5 ? path.basename(file) : "", random)!, about: "module", path: file });
      const from = text.slice(0, moduleDoc.index + moduleDoc[0].length - moduleDoc[1]!.length - 6).split("\n").length - 1;
      const to = text.slice(0, moduleDoc.index + moduleDoc[0].length).split("\n").length - 1;
      for (let row = from; row <= to; row++) blank.add(row);
    }
    const documented = shuffled((found?.entries ?? []).filter((entry) => firstSentence(entry.doc)), random).slice(0, 2);
    for (const entry of documented) {
      queries.push({ query: questionOf(entry.doc, entry.name, random)!, about: "definition", path: file });
      for (let row = entry.startRow; row < entry.codeRow; row++) blank.add(row);
      if (entry.docRows) for (let row = entry.docRows[0]; row <= entry.docRows[1]; row++) blank.add(row);
    }
    files.push(await chunkText(file, rows.map((row, i) => (blank.has(i) ? "" : row)).join("\n")));
  }
  const defined = Map.groupBy(files.flatMap((file) => file.chunks.flatMap((chunk) => (chunk.symbols ?? []).map((symbol) => ({ symbol, path: file.path })))), ({ symbol }) => symbol);
  const names = shuffled([...defined.values()].filter((places) => places.length === 1).map((places) => places[0]!), random);
  const symbols = names.filter(({ symbol }) => symbol.length > 5 && /[A-Z_]/.test(symbol.slice(1))).slice(0, 4);
  const asked = [...shuffled(queries, random).sort((a, b) => Number(b.about === "module") - Number(a.about === "module"))];
  const half = queriesPerRepository / 2;
  const modules = asked.filter((query) => query.about === "module").slice(0, half);
  const others = asked.filter((query) => query.about !== "module").slice(0, queriesPerRepository - modules.length);
  return { name, language: "python", files, queries: [...modules, ...others, ...symbols.map(({ symbol, path: file }) => ({ query: symbol, about: "symbol" as const, path: file }))] };
}
