// What the engine must survive: killed processes, damaged files, a full disk.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync, symlinkSync } from "node:fs";
import { watch } from "node:fs/promises";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import test from "node:test";
import { entryFile, packageRoot } from "../../src/base/assets.ts";
import { StrataError } from "../../src/base/errors.ts";
import { type EngineConnection, fromWire } from "../../src/engine/connect.ts";
import { forgetIndex, listIndexes } from "../../src/engine/indexes.ts";
import { canonicalRoot, engineRecordFile, indexFolder, makePrivateFolder } from "../../src/engine/paths.ts";
import * as protocol from "../../src/engine/protocol.ts";
import { defaultModelFolder } from "../../src/encoding/modelFiles.ts";
import { ask, bringTo, manyFiles, processGone, untilStatus, Workspace } from "../support/workspace.ts";

const instantOnly: protocol.EngineSettings = { backgroundDepth: "instant", exclude: [], maxFileBytes: 1_500_000, paused: false };

test("kill -9 in the middle of indexing: consistent afterwards, continues, encodes nothing twice", async (t) => {
  const workspace = new Workspace(t, manyFiles(1500));
  const client = await workspace.connect();
  await untilStatus(client, ({ coverage }) => coverage.instant > 200);
  await workspace.kill(client);

  const db = new DatabaseSync(path.join(client.folder, "index.db"), { readOnly: true });
  assert.equal((db.prepare("PRAGMA integrity_check").get() as { integrity_check: string }).integrity_check, "ok");
  db.close();
  const survivors = workspace.encodings(client);
  assert.ok(survivors.size > 0, "some work had been written");

  const again = await workspace.connect();
  await again.connection.sendRequest(protocol.configure, instantOnly);
  const status = await bringTo(again, "instant");
  assert.equal(status.coverage.files, 1500);
  assert.equal(status.coverage.instant, status.coverage.chunks);
  assert.deepEqual(survivors.difference(workspace.encodings(again)), new Set(), "what was encoded before the crash was kept");
});

test("a client notices the crash at once and the next one gets a new engine", async (t) => {
  const workspace = new Workspace(t, manyFiles(20));
  const client = await workspace.connect();
  await bringTo(client, "instant");
  const closed = new Promise<void>((resolve) => client.connection.onDispose(() => resolve()));
  const pending = client.connection.sendRequest(protocol.index, { depth: "deep" }).then(
    () => "answered",
    (error: unknown) => fromWire(error),
  );
  process.kill(client.info.pid, "SIGKILL");
  await closed;
  const outcome = await pending;
  assert.ok(outcome === "answered" || StrataError.is(outcome, "engine.unreachable"), String(outcome));
  const again = await workspace.connect();
  assert.notEqual(again.info.pid, client.info.pid);
  assert.ok((await ask(again, "merge the ledger")).hits.length > 0);
  assert.equal(readdirSync(again.folder).filter((name) => name.endsWith(".sock")).length, process.platform === "win32" ? 0 : 1, "the address of the killed one is gone");
});

test("an engine that is frozen is ended, and the next one answers from the same index", { skip: process.platform === "win32" && "no signal freezes a process there" }, async (t) => {
  const workspace = new Workspace(t, manyFiles(20));
  const client = await workspace.connect();
  await bringTo(client, "instant");
  const gone = processGone(client.info.pid);
  process.kill(client.info.pid, "SIGSTOP");
  await assert.rejects(workspace.connect({ start: false, patienceMs: 50 }), (error) => StrataError.is(error, "engine.unreachable") && error.message.includes(String(client.info.pid)));
  const again = await workspace.connect({ patienceMs: 2_000 });
  await gone;
  assert.equal((await bringTo(again, "instant")).coverage.files, 20);
});

test("an index is forgotten at once when nobody uses its engine, and not while somebody does", async (t) => {
  const workspace = new Workspace(t, manyFiles(20));
  const client = await workspace.connect();
  await bringTo(client, "instant");
  const index = listIndexes().find(({ folder }) => folder === client.folder)!;
  await assert.rejects(forgetIndex(index), (error) => StrataError.is(error, "index.busy") && /in use by its engine/.test(error.message));
  assert.equal((await bringTo(client, "instant")).coverage.files, 20, "whose client it serves goes on");
  const gone = processGone(client.info.pid);
  client.dispose();
  await forgetIndex(index);
  assert.ok(!existsSync(client.folder));
  await gone;
});

test("an index whose engine is frozen is kept, and the process named that is in the way", { skip: process.platform === "win32" && "no signal freezes a process there" }, async (t) => {
  const workspace = new Workspace(t, manyFiles(20));
  const client = await workspace.connect();
  await bringTo(client, "instant");
  client.dispose();
  process.kill(client.info.pid, "SIGSTOP");
  const index = listIndexes().find(({ folder }) => folder === client.folder)!;
  await assert.rejects(forgetIndex(index, 50), (error) => StrataError.is(error, "engine.unreachable") && error.message.includes(`process ${client.info.pid}`) && /End that process/.test(error.message));
  assert.ok(existsSync(path.join(client.folder, "index.db")));
  await workspace.kill(client);
  await forgetIndex(index);
  assert.ok(!existsSync(client.folder));
});

test("an engine comes up although the client that started it has gone meanwhile", async (t) => {
  const workspace = new Workspace(t, manyFiles(300));
  const folder = indexFolder(canonicalRoot(workspace.root));
  makePrivateFolder(folder);
  const changes = watch(folder);
  const child = spawn(process.execPath, ["--liftoff-only", "--no-warnings", entryFile("engine"), "--root", canonicalRoot(workspace.root)], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
  child.disconnect();
  for await (const _ of changes) if (existsSync(engineRecordFile(folder))) break;
  const client = await workspace.connect({ start: false });
  assert.equal(client.info.pid, child.pid);
  assert.equal((await bringTo(client, "instant")).coverage.files, 300);
});

test("a bit-flipped or truncated graph is noticed, rebuilt from the database and answers the same", async (t) => {
  const workspace = new Workspace(t, manyFiles(2500));
  const client = await workspace.connect({ graphFrom: 2_000 });
  await client.connection.sendRequest(protocol.configure, instantOnly);
  await bringTo(client, "instant");
  await untilStatus(client, ({ state }) => state.kind === "ready");
  const answer = async (c: EngineConnection) => (await ask(c, "the session is too long")).hits.map((h) => h.path);
  const expected = await answer(client);
  await workspace.stop();
  const graph = path.join(client.folder, "instant.hnsw");
  const damages: ((file: string) => void)[] = [
    (file) => {
      const bytes = readFileSync(file);
      bytes[bytes.length >> 1]! ^= 0xff;
      writeFileSync(file, bytes);
    },
    (file) => truncateSync(file, 100),
  ];
  for (const damage of damages) {
    assert.ok(existsSync(graph), "a graph of 2,500 vectors is on disk");
    damage(graph);
    const again = await workspace.connect({ graphFrom: 2_000 });
    await again.connection.sendRequest(protocol.configure, instantOnly);
    assert.deepEqual(await answer(again), expected);
    const { warnings } = await again.connection.sendRequest(protocol.status);
    assert.ok(warnings.some((w) => /graph/i.test(w)), `said: ${warnings.join("; ")}`);
    await untilStatus(again, ({ state }) => state.kind === "ready");
    await workspace.stop();
  }
});

test("a damaged database is deleted, said, and the index built anew", async (t) => {
  const workspace = new Workspace(t, manyFiles(30));
  const client = await workspace.connect();
  await bringTo(client, "instant");
  await workspace.stop();
  const file = path.join(client.folder, "index.db");
  const bytes = readFileSync(file);
  bytes.fill(0x5a, 0, 4096);
  writeFileSync(file, bytes);
  const again = await workspace.connect();
  const status = await bringTo(again, "instant");
  assert.equal(status.coverage.files, 30);
  assert.ok(status.warnings.some((w) => /damaged/i.test(w)), status.warnings.join("; "));
});

test("a model file with a wrong hash is refused with a sentence that names it", async (t) => {
  const workspace = new Workspace(t, manyFiles(3));
  const model = path.join(path.dirname(workspace.root), "model");
  cpSync(await defaultModelFolder(), model, { recursive: true });
  const bytes = readFileSync(path.join(model, "exit0.bin"));
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path.join(model, "exit0.bin"), bytes);
  await assert.rejects(workspace.connect({ modelFolder: model }), (error) => StrataError.is(error, "model.damaged") && /exit0\.bin/.test(error.message));
  await assert.rejects(workspace.connect({ modelFolder: path.join(packageRoot, "no-such-model") }), (error) => StrataError.is(error, "model.missing"));
  assert.equal((await bringTo(await workspace.connect(), "instant")).coverage.files, 3);
});

test("a workspace that is not there is refused with a sentence", async (t) => {
  const workspace = new Workspace(t);
  await assert.rejects(workspace.connect({ root: path.join(workspace.root, "nowhere") }), (error) => StrataError.is(error, "workspace.missing"));
});

test("a full disk pauses indexing with a sentence, keeps answering, and goes on when there is room", async (t) => {
  if (process.getuid?.() !== 0) return t.skip("mounting a small file system needs root");
  const workspace = new Workspace(t, manyFiles(60));
  const disk = path.join(path.dirname(workspace.root), "c");
  mkdirSync(disk);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]).status !== 0) return t.skip("tmpfs cannot be mounted here");
  try {
    const client = await workspace.connect();
    const paused = untilStatus(client, ({ state }) => state.kind === "paused");
    for (const [name, content] of Object.entries(manyFiles(2500, 3))) workspace.write(name, content);
    const { state } = await paused;
    assert.match(state.kind === "paused" ? state.reason : "", /disk|space/i);
    assert.ok(Array.isArray((await ask(client, "merge the ledger")).hits));
    assert.equal(spawnSync("mount", ["-o", "remount,size=200m", disk]).status, 0);
    await client.connection.sendRequest(protocol.configure, instantOnly);
    const status = await bringTo(client, "instant");
    assert.equal(status.coverage.files, 2560);
  } finally {
    await workspace.stop();
    spawnSync("umount", ["-l", disk]);
  }
});

test("an engine that finds no room for its address says that the disk is full", { skip: process.platform !== "linux" && "needs /dev/full" }, async (t) => {
  const workspace = new Workspace(t, manyFiles(1));
  const client = await workspace.connect();
  await workspace.stop();
  symlinkSync("/dev/full", path.join(client.folder, "engine.json.new"));
  await assert.rejects(workspace.connect(), (error) => StrataError.is(error, "index.diskFull") && /free some space/.test(error.message));
});
