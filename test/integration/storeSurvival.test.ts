// An index whose process is killed with -9 at any moment: consistent afterwards, open to the next process at once, nothing done twice.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, test } from "node:test";
import { StrataError } from "../../src/base/errors.ts";
import { Store } from "../../src/store/store.ts";
import { BATCH, GRAPH_FROM, batch } from "../support/storeChild.ts";
import { sameAtEveryExit, terms, vectorOf, workshop, type Workshop } from "../support/storeFixture.ts";

let w: Workshop;
beforeEach(() => {
  w = workshop();
});
afterEach(() => w.end());

/** Runs the child until `enough` says so of a line, kills it there and then, and gives the last line it said. */
async function killedAt(work: "put" | "save", enough: (line: string) => boolean): Promise<string> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "../support/storeChild.ts"), work, w.folder], { stdio: ["ignore", "pipe", "inherit"] });
  let last = "";
  for await (const line of createInterface({ input: child.stdout })) {
    last = line;
    if (enough(line)) child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("exit", resolve));
  assert.equal(child.signalCode, "SIGKILL");
  return last;
}

function assertConsistent(store: Store): void {
  const { files, chunks, instant } = store.coverage();
  assert.deepEqual([chunks, instant, files % BATCH], [2 * files, 2 * files, 0]);
  assert.equal(store.placesPerChunk().size, chunks);
  assert.equal(store.searchLexical([terms("return")], [], [1, 1, 1, 1, 1], 1e6, {}).length, chunks);
  assert.equal(store.chunksToDeepen("instant", 1).length, 0);
  for (const { path } of store.files().values()) {
    const places = store.placesInFile(path);
    assert.deepEqual(places.map(({ startLine, endLine }) => [startLine, endLine]), [[1, 3], [4, 6]]);
    const [hit] = store.searchDense(sameAtEveryExit(vectorOf(places[0]!.text)), 1, {});
    assert.equal(hit!.chunkId, places[0]!.chunkId);
  }
}

test("a kill in the middle of indexing loses at most the batch that was being written", async () => {
  let acknowledged = 0;
  for (const further of [1, 3, 2]) {
    const from = acknowledged;
    acknowledged = Number(await killedAt("put", (line) => Number(line) >= from + further));
    const store = await w.open();
    assert.deepEqual(store.warnings, []);
    assertConsistent(store);
    const { files, chunks, instant } = store.coverage();
    // One more batch may have been committed that the child could not report.
    assert.ok(files >= acknowledged * BATCH && files <= (acknowledged + 1) * BATCH, `${files} files after ${acknowledged} batches`);
    assert.equal(instant, chunks, "nothing acknowledged is encoded again");
    store.putFiles(batch(acknowledged - 1));
    assert.equal(store.coverage().chunks, chunks);
    acknowledged = files / BATCH;
    await store.close();
  }
});

test("a kill in the middle of saving the graphs leaves graphs that are right or are made again", async () => {
  for (const saves of [0, 1, 4]) {
    await killedAt("save", (line) => line === `saving ${saves}`);
    const store = await w.open({ graphFrom: GRAPH_FROM });
    await store.settled();
    assert.deepEqual(readdirSync(w.folder).filter((name) => name.includes(".new")), [], "what the kill left is cleaned away");
    for (const warning of store.warnings) assert.match(warning, /graph could not be used/);
    assertConsistent(store);
    while (!store.drainGraphs(1000));
    const [instant] = store.graphs();
    assert.equal(instant!.inGraph, instant!.vectors);
    assertConsistent(store);
    await store.saveGraphs();
    await store.close();
    const again = await w.open({ graphFrom: GRAPH_FROM });
    await again.settled();
    assert.deepEqual(again.warnings, []);
    assert.equal(again.graphs()[0]!.inGraph, instant!.vectors, "nothing is inserted again after a proper close");
    await again.close();
  }
});

test("while a process holds the index another is told so, and after a kill the index is free at once", async () => {
  let refused: unknown;
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "../support/storeChild.ts"), "put", w.folder], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const _ of createInterface({ input: child.stdout })) {
    refused ??= await Store.open(w.options()).catch((error: unknown) => error);
    child.kill("SIGKILL");
  }
  assert.ok(StrataError.is(refused, "index.busy"));
  assertConsistent(await w.open());
});
