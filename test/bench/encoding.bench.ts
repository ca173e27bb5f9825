// Measures the encoder on real source text: chunks a second at each exit, query latency idle and beside a deep sweep, resident memory.
// node test/bench/encoding.bench.ts [--model FOLDER] [--threads N] [--chunks N]; one JSON object on stdout.
import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import { availableParallelism, cpus, loadavg } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../../src/base/assets.ts";
import type { EncoderText } from "../../src/encoding/encoder.ts";
import { createInstantEncoder, loadInstantTable } from "../../src/encoding/exit0.ts";
import { defaultModelFolder, loadModelFiles } from "../../src/encoding/modelFiles.ts";
import { OnnxEncoder, defaultBackgroundThreads } from "../../src/encoding/onnxEncoder.ts";
import { prepareCode } from "../../src/encoding/textPreparation.ts";
import { createTokenizer } from "../../src/encoding/tokenizer.ts";

const { values: flags } = parseArgs({
  options: { model: { type: "string" }, threads: { type: "string", default: String(defaultBackgroundThreads()) }, chunks: { type: "string", default: "600" } },
});

/** About the size the chunker aims at; one chunk in three is a short function. */
async function sourceChunks(count: number): Promise<EncoderText[]> {
  const chunks: EncoderText[] = [];
  for await (const file of glob(["node_modules/zod/src/**/*.ts", "node_modules/chokidar/**/*.js", "node_modules/commander/lib/*.js", "src/**/*.ts"], { cwd: packageRoot })) {
    const text = readFileSync(path.join(packageRoot, file), "utf8");
    for (let at = 0, i = 0; at < text.length; i++) {
      const length = i % 3 === 0 ? 300 : 1100;
      chunks.push({ breadcrumb: file, text: text.slice(at, at + length) });
      at += length;
    }
  }
  // Every nth, so that all sources take part.
  const step = Math.max(1, Math.floor(chunks.length / count));
  return chunks.filter((_, i) => i % step === 0).slice(0, count);
}

const rssMb = () => Math.round(process.memoryUsage.rss() / 1e6);
const round = (value: number, digits = 1) => Number(value.toFixed(digits));
async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const started = performance.now();
  const result = await work();
  return { ms: performance.now() - started, result };
}
function quantiles(ms: number[]): { p50: number; p95: number; max: number } {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (q: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!);
  return { p50: at(0.5), p95: at(0.95), max: at(1) };
}

const memory: Record<string, number> = { start: rssMb() };
const folder = flags.model ?? (await defaultModelFolder());
const verify = await timed(() => loadModelFiles(folder));
const files = verify.result;
const chunks = await sourceChunks(Number(flags.chunks));
const tokenizer = createTokenizer(readFileSync(files.tokenizerFile, "utf8"));
const tokens = chunks.map((chunk) => tokenizer.encode(prepareCode(chunk, files.instructions.code), files.model.maxTokens).length);
const table = await loadInstantTable(files);
memory["table"] = rssMb();

const instantEncoder = createInstantEncoder(table);
for (const chunk of chunks) instantEncoder.embed(chunk);
const instant = await timed(async () => chunks.forEach((chunk) => instantEncoder.embed(chunk)));
memory["instant"] = rssMb();

const encoder = new OnnxEncoder(table, () => {}, { backgroundThreads: Number(flags.threads) });
let asked = 0;
const nextQuery = () => `where does the ${["parser", "cache", "watcher", "schema"][asked % 4]} handle case number ${asked++}`;
const firstQuery = await timed(() => encoder.embedQuery(nextQuery()));
memory["querySession"] = rssMb();
const idle: number[] = [];
for (let i = 0; i < 60; i++) idle.push((await timed(() => encoder.embedQuery(nextQuery()))).ms);

await encoder.embedChunks(chunks.slice(0, 32), "deep", "background");
memory["worker"] = rssMb();
const shallow = await timed(() => encoder.embedChunks(chunks, "shallow", "background"));
const deep = await timed(() => encoder.embedChunks(chunks, "deep", "background"));
memory["sweep"] = rssMb();

const during: number[] = [];
let sweeping = true;
const sweep = timed(() => encoder.embedChunks(chunks, "deep", "background")).finally(() => (sweeping = false));
while (sweeping) {
  during.push((await timed(() => encoder.embedQuery(nextQuery()))).ms);
  // A person asks a few times a second at most; back to back, queries would starve the sweep on purpose.
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const beside = await sweep;
memory["end"] = rssMb();
await encoder.close();

const perSecond = (ms: number) => round((chunks.length * 1000) / ms, 0);
console.log(
  JSON.stringify(
    {
      machine: { cpu: cpus()[0]?.model, cores: availableParallelism(), load1: round(loadavg()[0]!, 2), node: process.version },
      model: `${files.model.id} ${files.model.version}`,
      threads: Number(flags.threads),
      chunks: chunks.length,
      meanTokens: round(tokens.reduce((a, b) => a + b, 0) / tokens.length, 0),
      chunksPerSecond: { instant: perSecond(instant.ms), shallow: perSecond(shallow.ms), deep: perSecond(deep.ms), deepBesideQueries: perSecond(beside.ms) },
      queryMs: { first: round(firstQuery.ms), idle: quantiles(idle), besideDeepSweep: quantiles(during), asked: during.length },
      verifyMs: round(verify.ms, 0),
      residentMb: memory,
    },
    null,
    2,
  ),
);
