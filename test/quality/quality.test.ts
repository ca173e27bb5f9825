// The product answers a small judged set well, through a real engine and the shipped model: the part of `npm run quality` that runs with every test.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadPairSets, loadRepositories } from "./datasets.ts";
import { mean } from "./metric.ts";
import { measureRepository } from "./product.ts";

const set = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "fixtures", "quality");

test("ten judged queries are answered above the floors, at once and at full depth", async () => {
  const [repository, ...others] = loadRepositories(set);
  assert.ok(repository && others.length === 0 && repository.queries.length === 10);
  const { instant, full, chunks } = await measureRepository(repository, "");
  assert.ok(chunks > 10);
  const perQuery = repository.queries.map(({ query }, i) => `${full[i]!.toFixed(2)} ${instant[i]!.toFixed(2)} ${query}`).join("\n");
  assert.ok(mean(full) >= 0.9, `full depth ${mean(full)}\n${perQuery}`);
  assert.ok(mean(instant) >= 0.85, `instant depth ${mean(instant)}\n${perQuery}`);
});

test("a folder without judged sets gives nothing to measure", () => {
  assert.deepEqual(loadRepositories(path.join(set, "none")), []);
  assert.deepEqual(loadPairSets(path.join(set, "none")), []);
});

for (const tool of ["quality", "leftOut", "lateInteraction", "clones", "chunkVariants"])
  test(`${tool} without judged sets says so and does not succeed`, () => {
    const none = path.join(set, "none");
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--no-warnings", path.join(import.meta.dirname, `${tool}.ts`), "--set", none], { encoding: "utf8" });
    assert.deepEqual([status, stdout], [2, ""], stderr);
    assert.match(stderr, /^Nothing was measured: .*--set DIR\.$/m);
    assert.ok(stderr.includes(none));
  });
