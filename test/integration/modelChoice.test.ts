// The model belongs to the index: chosen over the protocol, kept over restarts, exchanged without a moment without answers.
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import test, { type TestContext } from "node:test";
import { packageRoot } from "../../src/base/assets.ts";
import { StrataError } from "../../src/base/errors.ts";
import { sha256 } from "../../src/base/hash.ts";
import { type EngineConnection, fromWire } from "../../src/engine/connect.ts";
import * as protocol from "../../src/engine/protocol.ts";
import { ask, bringTo, manyFiles, processGone, untilStatus, Workspace } from "../support/workspace.ts";
import { editManifest } from "../support/tinyModel.ts";

/** A copy of the untrained model under another name: other vectors to the engine, though they are equal. */
function otherModel(workspace: Workspace, name = "other"): string {
  const folder = path.join(path.dirname(workspace.root), name);
  mkdirSync(folder);
  cpSync(path.join(packageRoot, "models", "strata-base"), folder, { recursive: true });
  editManifest(folder, (manifest) => Object.assign(manifest, { id: name, version: "9.0.0" }));
  return folder;
}

const choose = (client: EngineConnection, folder: string): Promise<protocol.Status> =>
  client.connection.sendRequest(protocol.chooseModel, { folder }).catch((error: unknown) => Promise.reject(fromWire(error)));

/** Asks without a pause until told to stop; every answer must hold the file. */
function askAllTheTime(client: EngineConnection, query: string, file: string): () => Promise<number> {
  let going = true;
  const asked = (async () => {
    let answers = 0;
    while (going) {
      const { hits } = await ask(client, query, "instant", 3);
      assert.ok(hits.some((hit) => hit.path === file), `answer ${answers}: ${hits.map((hit) => hit.path).join(", ")}`);
      answers++;
    }
    return answers;
  })();
  asked.catch(() => undefined);
  return () => {
    going = false;
    return asked;
  };
}

function build(t: TestContext, count: number): { workspace: Workspace; file: string } {
  const file = "lib/auth.py";
  const text = 'def verify_password(stored, salt, attempt):\n    """Check a login attempt against the salted hash that was stored."""\n    return hmac.compare_digest(pbkdf2(attempt, salt), stored)\n';
  return { workspace: new Workspace(t, { ...manyFiles(count), [file]: text }), file };
}

test("another model takes over while searches go on, and going back encodes nothing", async (t) => {
  const { workspace, file } = build(t, 300);
  const client = await workspace.connect();
  const { coverage, model } = await bringTo(client, "instant");
  await client.connection.sendRequest(protocol.configure, { backgroundDepth: "instant", exclude: [], maxFileBytes: 1_500_000, paused: false });
  const other = otherModel(workspace);
  const stop = askAllTheTime(client, "is the login attempt right", file);
  const status = await choose(client, other);
  assert.deepEqual([status.model.id, status.model.folder], ["other", other]);
  const replaced = await bringTo(client, "instant");
  assert.deepEqual([replaced.coverage.chunks, replaced.coverage.instant], [coverage.chunks, coverage.chunks]);
  const encoded = workspace.encodings(client);
  const back = await choose(client, "");
  assert.deepEqual([back.model, back.coverage.instant], [model, coverage.chunks], "at once, from what is stored");
  await bringTo(client, "instant");
  assert.ok((await stop()) > 3);
  assert.deepEqual(workspace.encodings(client), encoded);
});

test("files saved and a pass under way while the model changes are read by the new model", async (t) => {
  const { workspace } = build(t, 400);
  const client = await workspace.connect();
  const other = otherModel(workspace);
  const indexing = bringTo(client, "instant");
  const switching = choose(client, other);
  workspace.write("src/new.ts", "/** Rounds a price to whole cents for the invoice. */\nexport function toCents(price: number): number {\n  return Math.round(price * 100);\n}\n");
  await Promise.all([indexing, switching, client.connection.sendRequest(protocol.filesChanged, { paths: ["src/new.ts"] })]);
  const { coverage } = await bringTo(client, "instant");
  assert.deepEqual([coverage.files, coverage.instant], [402, coverage.chunks]);
  assert.equal((await ask(client, "round a price to cents")).hits[0]?.path, "src/new.ts");
});

test("the choice outlives the engine, whoever starts the next one with whatever model", async (t) => {
  const { workspace, file } = build(t, 2);
  const other = otherModel(workspace);
  await choose(await workspace.connect(), other);
  await workspace.stop();
  const again = await workspace.connect({ modelFolder: path.join(packageRoot, "models", "strata-base") });
  assert.equal(again.info.model.id, "other");
  await bringTo(again, "instant");
  assert.equal((await ask(again, "is the login attempt right")).hits[0]?.path, file);
  await choose(again, "");
  await workspace.stop();
  assert.equal((await workspace.connect()).info.model.id.startsWith("strata-"), true);
});

test("the model that comes with Strata, chosen by its folder, is that of the next version after an update", async (t) => {
  const { workspace } = build(t, 2);
  const bundled = await workspace.connect();
  const { folder, version } = (await bringTo(bundled, "instant")).model;
  await choose(bundled, folder);
  const kept = path.join(bundled.folder, "model.json");
  assert.equal(existsSync(kept), false);
  await workspace.stop();
  // As earlier versions kept it.
  writeFileSync(kept, JSON.stringify({ folder: path.join(path.dirname(workspace.root), "strata-0.2.12", "models", path.basename(folder)) }));
  const next = await bringTo(await workspace.connect(), "instant");
  assert.deepEqual([next.model.folder, next.model.version, next.warnings], [folder, version, []]);
});

test("a chosen model that has vanished or is damaged gives way to the bundled one, in a sentence that goes once another is chosen", async (t) => {
  const { workspace, file } = build(t, 2);
  const other = otherModel(workspace);
  await choose(await workspace.connect(), other);
  for (const [spoil, pattern] of [
    [() => writeFileSync(path.join(other, "exit0.bin"), "short"), /cannot be used: .*exit0\.bin/],
    [() => rmSync(other, { recursive: true }), /is gone \(.*other\)\./],
  ] as const) {
    await workspace.stop();
    spoil();
    const client = await workspace.connect();
    const status = await bringTo(client, "instant");
    assert.match(status.model.id, /^strata-/);
    assert.ok(status.warnings.some((sentence) => pattern.test(sentence) && /Choose Model/.test(sentence)), status.warnings.join("\n"));
    assert.equal((await ask(client, "is the login attempt right")).hits[0]?.path, file);
  }
  const client = await workspace.connect();
  assert.deepEqual((await choose(client, "")).warnings, []);
});

test("an engine whose model an update replaces in place ends, and the next one reads everything with the new model", async (t) => {
  const { workspace, file } = build(t, 2);
  const other = otherModel(workspace);
  const old = await choose(await workspace.connect(), other);
  const client = await workspace.connect();
  editManifest(other, (manifest) => Object.assign(manifest, { version: "9.1.0" }));
  await processGone(client.info.pid);
  const next = await workspace.connect();
  assert.deepEqual([old.model.version, next.info.model.version], ["9.0.0", "9.1.0"]);
  await bringTo(next, "instant");
  assert.equal((await ask(next, "is the login attempt right")).hits[0]?.path, file);
});

test("a folder that holds no usable model changes nothing", async (t) => {
  const { workspace } = build(t, 2);
  const client = await workspace.connect();
  const { model } = await bringTo(client, "instant");
  const unreadable = otherModel(workspace);
  writeFileSync(path.join(unreadable, "tokenizer.json"), "{}");
  editManifest(unreadable, (manifest) => (manifest.files["tokenizer.json"] = { sha256: sha256("{}"), bytes: 2 }));
  for (const [folder, code] of [
    [unreadable, "model.unsupported"],
    [path.join(workspace.root, "src"), "model.missing"],
    ["models/relative", "input.invalid"],
  ] as const)
    await assert.rejects(choose(client, folder), (error) => StrataError.is(error, code));
  assert.deepEqual((await client.connection.sendRequest(protocol.status)).model, model);
  await workspace.stop();
  assert.equal((await workspace.connect()).info.model.id, model.id);
});

test("an engine that ends halfway through a replacement goes on with it", async (t) => {
  const { workspace, file } = build(t, 300);
  const client = await workspace.connect();
  await bringTo(client, "instant");
  await client.connection.sendRequest(protocol.configure, { backgroundDepth: "instant", exclude: [], maxFileBytes: 1_500_000, paused: true });
  await choose(client, otherModel(workspace));
  assert.equal((await client.connection.sendRequest(protocol.status)).coverage.instant, 0, "paused before it began");
  assert.equal((await ask(client, "is the login attempt right")).hits[0]?.path, file);
  await workspace.stop();
  const again = await workspace.connect();
  assert.equal((await ask(again, "is the login attempt right")).hits[0]?.path, file);
  const done = await untilStatus(again, ({ coverage }) => coverage.instant === coverage.chunks);
  assert.equal(done.model.id, "other");
});
