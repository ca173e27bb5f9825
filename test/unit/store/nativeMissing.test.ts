// A platform for which the native graph module was not built. A file of its own, because a process loads the module once.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { registerHooks } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { parsedFile, sameAtEveryExit, vectorOf, workshop } from "../../support/storeFixture.ts";

test("without the native graph module everything is searched exactly, and a warning says so once there are enough vectors for a graph", async () => {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (specifier === "hnswlib-node") throw new Error("not built for this platform");
      return next(specifier, context);
    },
  });
  const w = workshop();
  try {
    const store = await w.open({ graphFrom: 10 });
    store.putFiles([parsedFile("first.ts", ["first"])]);
    assert.equal(store.drainGraphs(1000), true);
    assert.deepEqual(store.warnings, []);
    store.putFiles(Array.from({ length: 40 }, (_, i) => parsedFile(`file${i}.ts`, [`text ${i}`])));
    assert.equal(store.drainGraphs(1000), true);
    assert.equal(store.drainGraphs(1000), true);
    assert.equal(store.warnings.length, 1);
    assert.match(store.warnings[0]!, /hnswlib-node/);
    const [hit] = store.searchDense(sameAtEveryExit(vectorOf("text 7")), 1, {});
    assert.equal(store.placesOf([hit!.chunkId])[0]!.path, "file7.ts");
    assert.equal(store.graphs()[0]!.inGraph, 0);
    await store.saveGraphs();
    assert.equal(existsSync(path.join(w.folder, "instant.hnsw")), false);
  } finally {
    hooks.deregister();
    await w.end();
  }
});
