// The store at the size the product promises: 50,000 chunks of about 800 characters, 256-dimensional vectors. Prints one JSON object.
// Usage: node test/bench/store.bench.ts [chunks] [graph points]
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { quantise } from "../../src/encoding/int8.ts";
import { Store, lexicalFields, type ParsedFile } from "../../src/store/store.ts";
import { Tier, loadGraphModule } from "../../src/store/graphs.ts";
import { randomNumbers } from "../support/random.ts";
import { clusteredVectors, parsedFile, sameAtEveryExit, terms, testModel, unit } from "../support/storeFixture.ts";

const dims = 256;
const chunks = Number(process.argv[2] ?? 50_000);
const graphPoints = Number(process.argv[3] ?? 10_000);
const chunksPerFile = 10;
const random = randomNumbers(7);

const syllables = "ab ac ad al an ar as at be bo ca ce co de di do el en er es fi fo ga ge go ha he id im in is it ka ke la le li lo ma me mi mo na ne no nu ob od of on op or pa pe pi po qu ra re ri ro sa se si so ta te ti to un up us va ve vi wa we wi".split(" ");
const word = (n: number): string => {
  let text = "";
  for (let rest = n + 7; rest > 0; rest = Math.floor(rest / syllables.length)) text += syllables[rest % syllables.length];
  return text;
};
/** Zipf-like: a few words are everywhere, most are rare. */
const anyWord = (): string => word(Math.floor(20_000 ** random()) - 1 + Math.floor(random() * 3));
const identifier = (): string => anyWord() + Array.from({ length: Math.floor(random() * 3) }, () => { const w = anyWord(); return w[0]!.toUpperCase() + w.slice(1); }).join("");
function chunkText(): string {
  let text = `function ${identifier()}(${identifier()}) {\n`;
  while (text.length < 780) text += `  const ${identifier()} = ${identifier()}.${identifier()}(${identifier()});\n`;
  return `${text}}`;
}

/** Wall-clock percentiles, and mean processor time, which other work on the machine does not inflate. */
function timed(count: number, work: (i: number) => void): { p50: number; p95: number; cpu: number } {
  const times: number[] = [];
  const cpuBefore = cpuSeconds();
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    work(i);
    times.push(performance.now() - start);
  }
  const cpu = round(((cpuSeconds() - cpuBefore) * 1000) / count);
  times.sort((a, b) => a - b);
  const at = (share: number) => Number(times[Math.min(times.length - 1, Math.floor(share * times.length))]!.toFixed(2));
  return { p50: at(0.5), p95: at(0.95), cpu };
}
const seconds = (since: number): number => (performance.now() - since) / 1000;
const cpuSeconds = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
const optionsFor = (folder: string) => ({ folder, model: testModel({ dims, matryoshka: [dims] }), log: () => {}, analyse: terms, versions: { chunker: 1, analyser: 1 } });
const round = (value: number): number => Number(value.toFixed(3));

if (process.argv[2] === "--reopen") {
  const query = sameAtEveryExit(clusteredVectors(1, dims, 1, 2)[0]!);
  const start = performance.now();
  const cpuStart = cpuSeconds();
  const reopened = await Store.open(optionsFor(process.argv[3]!));
  const openMs = round(seconds(start) * 1000);
  reopened.searchDense(query, 100, {});
  reopened.searchLexical(["bobo"], [], lexicalFields.map(() => 1), 100, {});
  process.stdout.write(JSON.stringify({ openMs, openAndFirstAnswerMs: round(seconds(start) * 1000), cpuMs: round((cpuSeconds() - cpuStart) * 1000), rssBytes: process.memoryUsage.rss() }));
  await reopened.close();
  process.exit(0);
}
const folder = mkdtempSync(path.join(tmpdir(), "strata-store-bench-"));
const vectors = clusteredVectors(Math.min(chunks, 10_000), dims, 200, 1).map(quantise);
const files: ParsedFile[] = [];
let next = 0;
for (let i = 0; i < chunks / chunksPerFile; i++) {
  const specs = Array.from({ length: chunksPerFile }, () => {
    const text = chunkText();
    return { text, symbols: [text.slice(9, text.indexOf("("))], breadcrumb: i % 3 === 0 ? identifier() : "" };
  });
  files.push(parsedFile(`src/${word(i % 97)}/${word(i)}.ts`, specs, { instant: () => vectors[next++ % vectors.length] }));
}

const store = await Store.open(optionsFor(folder));
let start = performance.now();
let cpuStart = cpuSeconds();
const put32Files = timed(Math.ceil(files.length / 32), (i) => store.putFiles(files.slice(i * 32, i * 32 + 32)));
const putSeconds = { wall: seconds(start), cpu: cpuSeconds() - cpuStart };
const queries = clusteredVectors(100, dims, 200, 2).map(sameAtEveryExit);
const weights = lexicalFields.map(() => 1);
const rareWord = () => word(Math.floor(2000 + random() * 15_000));
const lexicalQueries = Array.from({ length: 100 }, () => [anyWord(), anyWord(), rareWord(), rareWord(), rareWord()]);
const report = {
  chunks,
  putFiles: { chunksPerSecond: Math.round(chunks / putSeconds.wall), chunksPerCpuSecond: Math.round(chunks / putSeconds.cpu), msPer32Files: put32Files },
  editOneFileMs: timed(20, (i) => store.putFiles([{ ...files[i]!, chunks: [...files[i]!.chunks.slice(1), parsedFile(files[i]!.path, [chunkText()], { instant: () => vectors[i] }).chunks[0]!] }])),
  denseMs: timed(200, (i) => store.searchDense(queries[i % 100]!, 100, {})),
  denseFilteredMs: timed(50, (i) => store.searchDense(queries[i % 100]!, 100, { pathGlobs: [`src/${word(i % 97)}/**`] })),
  lexicalMs: timed(100, (i) => store.searchLexical(lexicalQueries[i]!, [], weights, 100, {})),
  lexicalCommonWordsMs: timed(20, (i) => store.searchLexical([word(0), word(1), word(2), word(3 + i), rareWord()], [], weights, 100, {})),
  lexicalMatches100Ms: timed(20, (i) => store.lexicalMatches(lexicalQueries[i]!, store.searchLexical(lexicalQueries[i]!, [], weights, 100, {}).map(({ place }) => place))),
  places100Ms: timed(20, (i) => store.placesOf(store.searchDense(queries[i]!, 100, {}).map(({ chunkId }) => chunkId))),
  chunksToDeepen32Ms: timed(20, () => store.chunksToDeepen("deep", 32)),
  indexBytes: 0,
  reopened: {},
  graphs: [] as object[],
};
await store.close();
report.indexBytes = readdirSync(folder).reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
// In a process of its own: this one holds the whole corpus.
report.reopened = JSON.parse(execFileSync(process.execPath, [import.meta.filename, "--reopen", folder], { encoding: "utf8" })) as object;
rmSync(folder, { recursive: true, force: true });

// Graph width against recall and insert rate, on clustered vectors whose leading components carry most of the length, as Matryoshka training makes them.
const nested = (vector: Float32Array) => unit(vector.map((value, i) => value * (i < 128 ? 1 : 0.5)));
const points = clusteredVectors(graphPoints + 100, dims, 200, 3).map(nested);
const graphQueries = points.splice(graphPoints);
for (const graphDims of [128, dims]) {
  const identity = { database: "bench", model: "bench", depth: "instant" as const, dims, graphDims };
  const graph = new Tier(identity, loadGraphModule().module, 1);
  const exact = new Tier(identity, undefined, 1);
  points.map(quantise).forEach((vector, i) => {
    graph.add(i, vector);
    exact.add(i, vector);
  });
  cpuStart = cpuSeconds();
  graph.drain(Infinity);
  const drainSeconds = cpuSeconds() - cpuStart;
  let found = 0;
  for (const query of graphQueries) {
    const truth = new Set(exact.search(query, 10).map(({ chunkId }) => chunkId));
    found += graph.search(query, 10).filter(({ chunkId }) => truth.has(chunkId)).length;
  }
  report.graphs.push({
    points: graphPoints, graphDims, insertsPerCpuSecond: Math.round(graphPoints / drainSeconds), recallAt10: round(found / (10 * graphQueries.length)),
    graphMs: timed(100, (i) => graph.search(graphQueries[i]!, 100)), exactMs: timed(100, (i) => exact.search(graphQueries[i]!, 100)),
  });
}
process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
