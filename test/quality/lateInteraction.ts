// Whether late interaction pays: node test/quality/lateInteraction.ts [--set DIR] [--model DIR]
// The leading candidates are ranked again by how well each token of the query finds a counterpart among the top exit's token states of the
// chunk (MaxSim, as in ColBERT), added to ranking's score with several weights. Prints quality and what it costs per query.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { defaultModelFolder, loadModelFiles } from "../../src/encoding/modelFiles.ts";
import { prepareCode, prepareQuery } from "../../src/encoding/textPreparation.ts";
import { createTokenizer } from "../../src/encoding/tokenizer.ts";
import { rank } from "../../src/search/ranking.ts";
import { interval90 } from "./bootstrap.ts";
import { defaultSet, loadRepositories, nothingMeasured } from "./datasets.ts";
import { buildStore, candidatesFor, chunkFolder, encodeQueries, openModel } from "./lab.ts";
import { mean, ndcgOfTargets, percentile } from "./metric.ts";

/** How many leading candidates are read token by token. */
const leading = 25;
const weights = [0, 0.1, 0.2, 0.3, 0.5];

const { values: options } = parseArgs({ options: { set: { type: "string", default: defaultSet }, model: { type: "string" } } });
const say = (line: string) => void process.stdout.write(`${line}\n`);

const repositories = loadRepositories(options.set);
if (repositories.length === 0) nothingMeasured(options.set);
else await measure();

async function measure(): Promise<void> {
  const files = await loadModelFiles(options.model ?? (await defaultModelFolder()));
  const model = await openModel(options.model);
  const tokenizer = createTokenizer(readFileSync(files.tokenizerFile, "utf8"));
  const sessions = await Promise.all([...files.toShallow, ...files.toDeep].map((segment) => InferenceSession.create(segment.file, { intraOpNumThreads: 2, extra: { session: { intra_op: { allow_spinning: "0" } } } })));

  /** Unit token states of the top, [CLS] and [SEP] left out: tokens × width. */
  async function tokenStates(ids: Int32Array): Promise<readonly Float32Array[]> {
    const shape = [1, ids.length];
    const mask = new Tensor("int64", BigInt64Array.from(ids, () => 1n), shape);
    let input: Record<string, Tensor> = { input_ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), shape), attention_mask: mask };
    let states: Tensor | undefined;
    for (const session of sessions) {
      const name = session.outputNames.find((output) => output.startsWith("hidden"))!;
      states = (await session.run(input, [name]))[name]!;
      input = { hidden: states, attention_mask: mask };
    }
    const [data, width] = [states!.data as Float32Array, states!.dims[2]!];
    return Array.from({ length: ids.length - 2 }, (_, token) => unit(data.subarray((token + 1) * width, (token + 2) * width)));
  }

  const scores = weights.map((): number[][] => []);
  const milliseconds: number[] = [];
  for (const { name, root, queries } of repositories) {
    const store = await buildStore(await chunkFolder(root), model, ["instant", "deep"], name);
    const vectors = await encodeQueries(model, queries.map(({ query }) => query), name);
    const own = weights.map((): number[] => []);
    for (const [i, { query: text, targets }] of queries.entries()) {
      const { query, candidates, rows } = candidatesFor(store, model, text, vectors[i]!);
      const hits = rank(candidates.items, rows, query, leading);
      const started = performance.now();
      const asked = await tokenStates(tokenizer.encode(prepareQuery(text, files.instructions.query), files.maxQueryTokens));
      const late: number[] = [];
      for (const { candidate } of hits) late.push(maxSim(asked, await tokenStates(tokenizer.encode(prepareCode(candidate.place, files.instructions.code), files.model.maxTokens))));
      milliseconds.push(performance.now() - started);
      const spread = Math.max(1e-6, Math.sqrt(mean(late.map((value) => (value - mean(late)) ** 2))));
      weights.forEach((weight, w) => {
        const total = hits.map((hit, at) => hit.total + (weight * (late[at]! - mean(late))) / spread);
        const order = hits.map((_, at) => at).sort((a, b) => total[b]! - total[a]!);
        own[w]!.push(ndcgOfTargets(order.slice(0, 10).map((at) => hits[at]!.candidate.place), targets));
      });
    }
    own.forEach((values, w) => scores[w]!.push(values));
  }
  await model.encoder.close();
  for (const [w, weight] of weights.entries()) {
    const [low, high] = interval90(scores[w]!.map((own, r) => own.map((score, q) => score - scores[0]![r]![q]!)));
    say(`weight ${weight.toFixed(1)}: NDCG@10 ${mean(scores[w]!.map((own) => mean(own))).toFixed(3)}${w === 0 ? " (as shipped)" : `, difference ${low.toFixed(3)} … ${high.toFixed(3)} (90 %)`}`);
  }
  say(`reading ${leading} candidates token by token: ${percentile(milliseconds, 0.5).toFixed(0)} ms (p50), ${percentile(milliseconds, 0.95).toFixed(0)} ms (p95) per query`);
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0)) || 1;
  return vector.map((value) => value / length);
}

/** Mean over the query's tokens of the best cosine with any token of the code. */
function maxSim(query: readonly Float32Array[], code: readonly Float32Array[]): number {
  return mean(query.map((q) => Math.max(-1, ...code.map((c) => c.reduce((sum, value, d) => sum + value * q[d]!, 0)))));
}
