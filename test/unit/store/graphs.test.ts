// A tier: its graph against the exact scan, its file against damage, and rows and graph staying together.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { quantise } from "../../../src/encoding/int8.ts";
import { Tier, loadGraphModule, sidecarOf, type TierIdentity } from "../../../src/store/graphs.ts";
import { clusteredVectors } from "../../support/storeFixture.ts";

const { module } = loadGraphModule();
const dims = 64;
const identity: TierIdentity = { database: "d1", model: "m1", depth: "deep", dims, graphDims: dims };
const points = clusteredVectors(1500, dims, 30, 5);
const vectors = points.map(quantise);
const queries = clusteredVectors(40, dims, 30, 5).map((vector, i) => vector.map((value, j) => value + 0.3 * points[i + 700]![j]!));

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "strata-graph-"));
  file = path.join(folder, "deep.hnsw");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const exact = () => new Tier(identity, undefined, 1);
function tierOf(ids: Iterable<number>, tier = new Tier(identity, module, 100)): Tier {
  for (const id of ids) tier.add(id, vectors[id]!);
  return tier;
}
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const drained = (tier: Tier): Tier => {
  assert.equal(tier.drain(Infinity), true);
  return tier;
};
/** Share of the true ten nearest that the tier finds. */
function recall(tier: Tier, ids: Iterable<number>): number {
  const truth = tierOf(ids, exact());
  let found = 0;
  for (const query of queries) {
    const nearest = new Set(truth.search(query, 10).map(({ chunkId }) => chunkId));
    found += tier.search(query, 10).filter(({ chunkId }) => nearest.has(chunkId)).length;
  }
  return found / (10 * queries.length);
}

describe("search", () => {
  test("by the graph finds at least 95 % of the ten nearest, with the scan's own scores", () => {
    const tier = drained(tierOf(upTo(1500)));
    assert.deepEqual(tier.state, { depth: "deep", vectors: 1500, inGraph: 1500, deleted: 0 });
    const share = recall(tier, upTo(1500));
    assert.ok(share >= 0.95, `recall ${share}`);
    const scores = new Map(tierOf(upTo(1500), exact()).search(queries[0]!, 1500).map(({ chunkId, score }) => [chunkId, score]));
    for (const { chunkId, score } of tier.search(queries[0]!, 10)) assert.ok(Math.abs(scores.get(chunkId)! - score) < 1e-3);
  });

  test("by a Matryoshka prefix is repaired by the stored vectors", () => {
    // Most of the length in the leading half, as Matryoshka training puts it.
    const nested = points.map((vector) => vector.map((value, i) => (i < dims / 2 ? value : value * 0.3)));
    const tier = new Tier({ ...identity, graphDims: dims / 2 }, module, 100);
    const truth = exact();
    nested.forEach((vector, id) => {
      tier.add(id, quantise(vector));
      truth.add(id, quantise(vector));
    });
    drained(tier);
    let found = 0;
    for (const query of nested.slice(0, 40)) {
      const nearest = new Set(truth.search(query, 10).map(({ chunkId }) => chunkId));
      found += tier.search(query, 10).filter(({ chunkId }) => nearest.has(chunkId)).length;
    }
    assert.ok(found / 400 >= 0.95, `recall ${found / 400}`);
  });

  test("is exact while vectors wait for the graph, whatever the share that is in it", () => {
    const tier = tierOf(upTo(1500));
    assert.equal(recall(tier, upTo(1500)), 1);
    for (let i = 0; i < 300; i++) assert.equal(tier.drain(0), false);
    assert.equal(tier.state.inGraph, 300, "every call gets on, however short its time");
    for (const id of [0, 700, 1499]) assert.equal(tier.search(points[id]!, 1)[0]!.chunkId, id);
  });

  test("with a restriction is exact", () => {
    const tier = drained(tierOf(upTo(1500)));
    assert.deepEqual(tier.search(points[3]!, 5, new Set([3, 9])).map(({ chunkId }) => chunkId), [3, 9]);
  });

  test("needs no graph below the size from which one pays", () => {
    const tier = drained(tierOf(upTo(900), new Tier(identity, module, 1_000)));
    assert.equal(tier.state.inGraph, 0);
    for (let id = 900; id < 1_000; id++) tier.add(id, vectors[id]!);
    assert.equal(drained(tier).state.inGraph, 1_000);
  });

  test("asked for more than there is gives what there is, also when nearly all is deleted", () => {
    const tier = drained(tierOf(upTo(120)));
    assert.equal(tier.search(queries[0]!, 1000).length, 120);
    for (const id of upTo(60)) tier.remove(id);
    assert.equal(tier.search(queries[0]!, 1000).length, 60);
    assert.deepEqual(new Tier(identity, module, 10).search(queries[0]!, 5), []);
  });
});

describe("removed vectors", () => {
  test("are found no more, and those that come back are found again without a new insert", () => {
    const tier = drained(tierOf(upTo(400)));
    for (const id of [5, 6, 399]) tier.remove(id);
    tier.remove(12345);
    assert.deepEqual(tier.state, { depth: "deep", vectors: 397, inGraph: 397, deleted: 3 });
    assert.notEqual(tier.search(points[5]!, 1)[0]!.chunkId, 5);
    tier.add(5, vectors[5]!);
    assert.deepEqual(tier.state, { depth: "deep", vectors: 398, inGraph: 398, deleted: 2 });
    assert.equal(tier.search(points[5]!, 1)[0]!.chunkId, 5);
    assert.ok(recall(tier, upTo(400).filter((id) => id !== 6 && id !== 399)) >= 0.95);
  });

  test("leave a graph that is made again small once it is mostly deletions, and none when few are left", () => {
    const tier = drained(tierOf(upTo(1000)));
    for (const id of upTo(600)) tier.remove(id);
    drained(tier);
    assert.deepEqual(tier.state, { depth: "deep", vectors: 400, inGraph: 400, deleted: 0 });
    assert.ok(recall(tier, upTo(1000).slice(600)) >= 0.95);
    for (const id of upTo(1000).slice(600, 970)) tier.remove(id);
    drained(tier);
    assert.deepEqual(tier.state, { depth: "deep", vectors: 30, inGraph: 0, deleted: 0 });
    assert.equal(recall(tier, upTo(1000).slice(970)), 1);
  });
});

describe("a saved graph", () => {
  async function saved(count = 400): Promise<Tier> {
    const tier = drained(tierOf(upTo(count)));
    await tier.save(file);
    return tier;
  }

  test("is read back without inserting anything, readable by its owner only", async () => {
    await saved();
    if (process.platform !== "win32") assert.equal(statSync(file).mode & 0o077, 0);
    const again = tierOf(upTo(400));
    assert.equal(await again.load(file), undefined);
    assert.deepEqual(again.state, { depth: "deep", vectors: 400, inGraph: 400, deleted: 0 });
    assert.ok(recall(again, upTo(400)) >= 0.95);
    again.add(400, vectors[400]!);
    drained(again);
    assert.equal(again.search(points[400]!, 1)[0]!.chunkId, 400);
  });

  test("is brought together with rows that changed since: missing ones wait, dead ones are deleted, revived ones are back", async () => {
    const tier = await saved();
    tier.remove(7);
    tier.remove(8);
    await tier.save(file);
    const ids = [...upTo(420).filter((id) => id !== 8 && id !== 20)];
    const again = tierOf(ids);
    assert.equal(await again.load(file), undefined);
    assert.deepEqual(again.state, { depth: "deep", vectors: 418, inGraph: 398, deleted: 2 });
    for (const id of [7, 9, 410]) assert.equal(again.search(points[id]!, 1)[0]!.chunkId, id);
    for (const id of [8, 20]) assert.notEqual(again.search(points[id]!, 1)[0]!.chunkId, id);
    drained(again);
    assert.equal(again.state.inGraph, 418);
    await again.save(file);
    const third = tierOf(ids);
    await third.load(file);
    assert.deepEqual(third.state, again.state);
  });

  const damages: { name: string; damage: () => void; says?: RegExp }[] = [
    { name: "truncated", damage: () => truncateSync(file, statSync(file).size - 100), says: /checksum/ },
    { name: "empty", damage: () => truncateSync(file, 0), says: /checksum/ },
    { name: "changed in one bit", damage: () => { const bytes = readFileSync(file); bytes[bytes.length >> 1]! ^= 1; writeFileSync(file, bytes); }, says: /checksum/ },
    { name: "without its description", damage: () => rmSync(sidecarOf(file)), says: /description/ },
    { name: "with half a description", damage: () => truncateSync(sidecarOf(file), 40), says: /description/ },
    { name: "of another database", damage: () => edit({ database: "d2" }) },
    { name: "of another model", damage: () => edit({ model: "m2" }) },
    { name: "of another depth", damage: () => edit({ depth: "instant" }) },
    { name: "of another width", damage: () => edit({ dims: 32 }) },
    { name: "of a later format", damage: () => edit({ format: 99 }) },
  ];
  const edit = (changes: object) => writeFileSync(sidecarOf(file), JSON.stringify({ ...(JSON.parse(readFileSync(sidecarOf(file), "utf8")) as object), ...changes }));
  for (const { name, damage, says } of damages) {
    test(`that is ${name} is refused before hnswlib sees it, deleted, and grows again`, async () => {
      await saved(200);
      damage();
      const again = tierOf(upTo(200));
      const reason = await again.load(file);
      if (says) assert.match(reason!, says);
      else assert.equal(reason, undefined, "expected after a change of model: no warning");
      assert.equal(existsSync(file) || existsSync(sidecarOf(file)), false);
      assert.equal(recall(again, upTo(200)), 1);
      assert.equal(drained(again).state.inGraph, 200);
      await again.save(file);
      assert.equal(await tierOf(upTo(200)).load(file), undefined);
    });
  }

  /** Changes the file and gives it the checksum of what it is now, as a fault in memory would while it was written. */
  const plant = (change: (bytes: Buffer, elementSize: number) => void): void => {
    const bytes = readFileSync(file);
    change(bytes, Number(bytes.readBigUInt64LE(24)));
    writeFileSync(file, bytes);
    edit({ sha256: createHash("sha256").update(bytes).digest("hex") });
  };
  const HEADER = 96;

  test("by which hnswlib ends the process is not read again by the next", async () => {
    await saved(200);
    plant((bytes, size) => {
      for (let i = 0; i < 200; i++) bytes.writeUInt32LE(0x7fffffff, HEADER + i * size + 4); // each one's first neighbour
    });
    const child = `
      const { Tier, loadGraphModule } = await import(${JSON.stringify(new URL("../../../src/store/graphs.ts", import.meta.url))});
      const tier = new Tier(${JSON.stringify(identity)}, loadGraphModule().module, 100);
      for (let id = 0; id < 200; id++) tier.add(id, { scale: 1, values: new Int8Array(${dims}).fill(id) });
      await tier.load(${JSON.stringify(file)});
    `;
    const { status } = spawnSync(process.execPath, ["--no-warnings", "--input-type=module", "-e", child]);
    assert.notEqual(status, 0, "or hnswlib has learnt to look, and nothing here is needed any more");
    const again = tierOf(upTo(200));
    assert.match((await again.load(file))!, /ended over it/);
    assert.deepEqual(readdirSync(folder), []);
    drained(again);
    await again.save(file);
    assert.equal(await tierOf(upTo(200)).load(file), undefined);
    assert.equal(await tierOf(upTo(200)).load(file), undefined, "and is trusted after it was read");
  });

  test("that says otherwise than its description how much it holds is deleted", async () => {
    await saved(200);
    plant((bytes, size) => {
      for (let i = 0; i < 200; i++) bytes.writeBigUInt64LE(7n, HEADER + i * size + size - 8); // all by the same label
    });
    assert.match((await tierOf(upTo(200)).load(file))!, /does not hold/);
    assert.deepEqual(readdirSync(folder), []);
  });

  test("is deleted unread where vectors are scanned instead", async () => {
    await saved(200);
    const again = tierOf(upTo(200), new Tier(identity, module, Infinity));
    assert.equal(await again.load(file), undefined);
    assert.equal(existsSync(file) || existsSync(sidecarOf(file)), false);
    assert.equal(again.state.inGraph, 0);
    assert.equal(recall(again, upTo(200)), 1);
  });

  test("is not written again when nothing changed, and is deleted when there is no graph any more", async () => {
    const tier = await saved(200);
    const { ino } = statSync(file);
    await tier.save(file);
    assert.equal(statSync(file).ino, ino);
    for (const id of upTo(190)) tier.remove(id);
    drained(tier);
    await tier.save(file);
    assert.equal(existsSync(file) || existsSync(sidecarOf(file)), false);
    assert.equal(await tierOf(upTo(10)).load(file), undefined);
  });

  test("may be searched, shrunk and grown while it is written, and holds what it held at the start", async () => {
    const tier = drained(tierOf(upTo(800)));
    const saving = tier.save(file);
    tier.remove(3);
    tier.remove(4);
    tier.add(4, vectors[4]!);
    tier.add(900, vectors[900]!);
    assert.equal(tier.drain(Infinity), false, "the graph is left alone meanwhile");
    assert.equal(tier.search(points[900]!, 1)[0]!.chunkId, 900);
    assert.equal(tier.search(points[4]!, 1)[0]!.chunkId, 4);
    assert.notEqual(tier.search(points[3]!, 1)[0]!.chunkId, 3);
    await saving;
    drained(tier);
    assert.deepEqual(tier.state, { depth: "deep", vectors: 800, inGraph: 800, deleted: 1 });
    const again = tierOf(upTo(800));
    assert.equal(await again.load(file), undefined);
    assert.deepEqual(again.state, { depth: "deep", vectors: 800, inGraph: 800, deleted: 0 });
  });

  test("that cannot be written leaves no temporary file and is tried again", async () => {
    const tier = drained(tierOf(upTo(200)));
    await assert.rejects(tier.save(path.join(folder, "missing", "deep.hnsw")));
    await tier.save(file);
    assert.ok(existsSync(file) && existsSync(sidecarOf(file)));
    assert.equal(existsSync(`${file}.new`), false);
  });
});
