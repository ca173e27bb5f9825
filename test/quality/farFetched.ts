// How often an answer is called far-fetched (src/search/noiseFloor.ts): for the questions of each repository, which have an answer there; for questions of
// the other repositories, most of which have none; and for sentences about nothing that code does.
//   node test/quality/farFetched.ts [--set DIR] [--depth instant|shallow|deep] [--names] [--show]
// With --names it asks the names among them instead of the sentences.
import { parseArgs } from "node:util";
import { silentLog } from "../../src/base/log.ts";
import { type Depth, depths } from "../../src/encoding/encoder.ts";
import { isFarFetched, NoiseFloor } from "../../src/search/noiseFloor.ts";
import { rank } from "../../src/search/ranking.ts";
import { defaultSet, type JudgedRepository, loadRepositories, nothingMeasured } from "./datasets.ts";
import { buildStore, candidatesFor, chunkFolder, encodeQueries, type LabModel, openModel } from "./lab.ts";
import { ndcgOfTargets } from "./metric.ts";

/** Others than those that the floor is measured by. */
const nonsense = [
  "how to bake sourdough bread", "quantum entanglement of photons", "best restaurants in paris", "the king of spain's beard", "football match results",
  "chocolate cake recipe", "galaxy rotation curves", "horse riding lessons", "lorem ipsum dolor sit amet", "asdf qwer zxcv",
];
/** One in so many of the other repositories' questions. */
const EVERY = 10;

const kinds = ["answered", "missed", "of other repositories", "nonsense"] as const;
interface Asked {
  readonly kind: (typeof kinds)[number];
  readonly query: string;
  readonly called: boolean;
}

async function askedOf(repository: JudgedRepository, others: readonly JudgedRepository[], model: LabModel, depth: Depth): Promise<Asked[]> {
  const { name, root, queries } = repository;
  const store = await buildStore(await chunkFolder(root), model, ["instant", ...(depth === "instant" ? [] : [depth])], name);
  store.depthLimit = depth;
  const noise = new NoiseFloor(silentLog);
  noise.of(store, model.encoder);
  await noise.settled();
  const floor = noise.of(store, model.encoder)!;
  const foreign = others.flatMap(({ queries }, i) => queries.filter((_, at) => (at + i) % EVERY === 0));
  const list = [...queries.map((judged) => ({ ...judged, kind: "own" as const })), ...foreign.map(({ query }) => ({ query, targets: [], kind: "of other repositories" as const })), ...nonsense.map((query) => ({ query, targets: [], kind: "nonsense" as const }))];
  const vectors = await encodeQueries(model, list.map(({ query }) => query), `far-${name}`);
  return list.flatMap(({ query, targets, kind }, i): Asked[] => {
    const { query: parsed, candidates, rows } = candidatesFor(store, model, query, vectors[i]!);
    if (parsed.kind !== (options.names ? "symbol" : "prose")) return [];
    const hits = rank(candidates.items, rows, parsed, 10).map((hit) => hit.candidate.place);
    return [{ kind: kind === "own" ? (ndcgOfTargets(hits, targets) > 0 ? "answered" : "missed") : kind, query, called: isFarFetched(parsed, query, candidates, floor) }];
  });
}

const { values: options } = parseArgs({ options: { set: { type: "string", default: defaultSet }, depth: { type: "string", default: "instant" }, names: { type: "boolean", default: false }, show: { type: "boolean", default: false } } });
const depth = depths.find((each) => each === options.depth);
if (!depth) throw new Error(`There is no depth ${options.depth}; use ${depths.join(", ")}.`);
const repositories = loadRepositories(options.set);
if (repositories.length === 0) nothingMeasured(options.set);
else {
  const model = await openModel();
  const all: Asked[] = [];
  for (const repository of repositories) {
    const asked = await askedOf(repository, repositories.filter((other) => other !== repository), model, depth);
    all.push(...asked);
    if (options.show) for (const { kind, query, called } of asked) if (called === (kind === "answered")) process.stdout.write(`${repository.name}, ${kind}: ${query}\n`);
  }
  await model.encoder.close();
  for (const kind of kinds) {
    const own = all.filter((asked) => asked.kind === kind);
    const called = own.filter((asked) => asked.called).length;
    process.stdout.write(`${kind}: ${called} of ${own.length} called far-fetched (${((100 * called) / Math.max(1, own.length)).toFixed(1)} %)\n`);
  }
}
