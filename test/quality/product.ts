// The product as it ships, measured from outside: a real engine over its protocol, a fresh index per repository or corpus.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { defaultMaxFileBytes } from "../../src/base/fileSize.ts";
import { silentLog } from "../../src/base/log.ts";
import { connectEngine, type EngineConnection } from "../../src/engine/connect.ts";
import { configure, type Depth, type EngineSettings, type Hit, index, search, shutdown, similar } from "../../src/engine/protocol.ts";
import type { JudgedRepository, PairSet } from "./datasets.ts";
import { mean, ndcgOfTargets, scoreRanking } from "./metric.ts";

export interface RepositoryFigures {
  readonly name: string;
  readonly language: string;
  /** NDCG@10 per query, in the order of the set. */
  readonly instant: readonly number[];
  readonly full: readonly number[];
  readonly instantIndexMs: number;
  readonly fullIndexMs: number;
  readonly chunks: number;
  /** Round trip of every query at full depth, milliseconds. */
  readonly latencies: readonly number[];
}

const settings: EngineSettings = { backgroundDepth: "instant", exclude: [], maxFileBytes: defaultMaxFileBytes, paused: false };

/** Runs `work` with an engine of its own for `root`; its index is removed afterwards. */
export async function withEngine<T>(root: string, modelFolder: string, work: (engine: EngineConnection, bringTo: (depth: Depth) => Promise<number>) => Promise<T>): Promise<T> {
  const cache = mkdtempSync(path.join(os.tmpdir(), "strata-quality-index-"));
  const before = process.env["STRATA_CACHE"];
  process.env["STRATA_CACHE"] = cache;
  try {
    const engine = await connectEngine({ root, client: "test", log: silentLog, idleMs: 2_000, modelFolder });
    const bringTo = async (depth: Depth) => {
      const started = performance.now();
      await engine.connection.sendRequest(configure, { ...settings, backgroundDepth: depth });
      await engine.connection.sendRequest(index, { depth });
      return performance.now() - started;
    };
    try {
      return await work(engine, bringTo);
    } finally {
      await engine.connection.sendRequest(shutdown).catch(() => undefined);
      engine.dispose();
    }
  } finally {
    if (before === undefined) delete process.env["STRATA_CACHE"];
    else process.env["STRATA_CACHE"] = before;
    rmSync(cache, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

export async function measureRepository({ name, language, root, queries }: JudgedRepository, modelFolder: string): Promise<RepositoryFigures> {
  return withEngine(root, modelFolder, async (engine, bringTo) => {
    const latencies: number[] = [];
    let chunks = 0;
    const ask = async (depth: Depth) => {
      const scores: number[] = [];
      for (const { query, targets } of queries) {
        const started = performance.now();
        const { hits, coverage } = await engine.connection.sendRequest(search, { query, k: 10, depth });
        if (depth === "deep") latencies.push(performance.now() - started);
        chunks = coverage.chunks;
        scores.push(ndcgOfTargets(hits, targets));
      }
      return scores;
    };
    const instantIndexMs = await bringTo("instant");
    const instant = await ask("instant");
    const fullIndexMs = instantIndexMs + (await bringTo("deep"));
    return { name, language, instant, full: await ask("deep"), instantIndexMs, fullIndexMs, chunks, latencies };
  });
}

export interface PairFigures {
  readonly name: string;
  readonly mrr: number;
  readonly ndcg10: number;
  readonly instantMrr: number;
  readonly instantNdcg10: number;
  readonly queries: number;
}

const extensions: Readonly<Record<string, string>> = {
  cpp: "cpp", csharp: "cs", go: "go", java: "java", javascript: "js", kotlin: "kt", php: "php", python: "py", ruby: "rb", rust: "rs", scala: "scala", swift: "swift", typescript: "ts",
};

/** Runs `work` with an engine for the corpus of a set: each document is a file named by its number, so that names and folders say nothing. @param work is given the documents' ids by file */
export async function withCorpus<T>(set: PairSet, modelFolder: string, work: (engine: EngineConnection, bringTo: (depth: Depth) => Promise<number>, idOf: ReadonlyMap<string, string>) => Promise<T>): Promise<T> {
  const root = mkdtempSync(path.join(os.tmpdir(), "strata-quality-pairs-"));
  try {
    const idOf = new Map<string, string>();
    set.corpus.forEach(({ id, text, lang }, i) => {
      const file = `${Math.floor(i / 500)}/${i}.${extensions[lang] ?? "txt"}`;
      idOf.set(file, id);
      mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
      writeFileSync(path.join(root, file), text);
    });
    return await withEngine(root, modelFolder, (engine, bringTo) => work(engine, bringTo, idOf));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Queries in a programming language go through similar code. */
export async function measurePairs(set: PairSet, modelFolder: string): Promise<PairFigures> {
  return withCorpus(set, modelFolder, async (engine, bringTo, idOf) => {
    const ask = async (depth: Depth) => {
      const scores: { ndcg: number; reciprocalRank: number }[] = [];
      for (const { id, text, lang } of set.queries) {
        const relevant = set.relevant.get(id);
        if (!relevant) continue;
        const isCode = lang in extensions;
        const { hits } = isCode ? await engine.connection.sendRequest(similar, { text, lang, k: 100, depth }) : await engine.connection.sendRequest(search, { query: text, k: 100, depth });
        const ranking = rankingOf(hits, idOf).filter((document) => !set.excludeSelf || document !== id);
        scores.push(scoreRanking(ranking, relevant));
      }
      return { mrr: mean(scores.map((score) => score.reciprocalRank)), ndcg10: mean(scores.map((score) => score.ndcg)), queries: scores.length };
    };
    await bringTo("instant");
    const instant = await ask("instant");
    await bringTo("deep");
    const full = await ask("deep");
    return { name: set.name, mrr: full.mrr, ndcg10: full.ndcg10, instantMrr: instant.mrr, instantNdcg10: instant.ndcg10, queries: full.queries };
  });
}

/** Documents in order of their first hit. */
function rankingOf(hits: readonly Hit[], idOf: ReadonlyMap<string, string>): string[] {
  return [...new Set(hits.map((hit) => idOf.get(hit.path)!))];
}
