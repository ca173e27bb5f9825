// The real engine process on real files: what it indexes, what a change costs, and who may talk to it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { CancellationTokenSource } from "vscode-jsonrpc/node";
import { build, packageRoot } from "../../src/base/assets.ts";
import { StrataError } from "../../src/base/errors.ts";
import { fromWire } from "../../src/engine/connect.ts";
import { engineLogFile, engineRecordFile } from "../../src/engine/paths.ts";
import * as protocol from "../../src/engine/protocol.ts";
import { ask, bringTo, manyFiles, processGone, untilStatus, Workspace } from "../support/workspace.ts";

const walkTs = `import { readdir } from "node:fs/promises";

/** Lists every file below a folder, leaving out what the ignore rules exclude. */
export async function* listFiles(folder: string, ignored: (path: string) => boolean): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = folder + "/" + entry.name;
    if (ignored(path)) continue;
    if (entry.isDirectory()) yield* listFiles(path, ignored);
    else yield path;
  }
}
`;
const authPy = `import hashlib
import hmac


def verify_password(stored: bytes, salt: bytes, attempt: str) -> bool:
    """Check a login attempt against the salted hash that was stored."""
    digest = hashlib.pbkdf2_hmac("sha256", attempt.encode(), salt, 200_000)
    return hmac.compare_digest(digest, stored)


def new_session_token(user_id: int) -> str:
    """A random token that identifies a logged-in user's browser."""
    return f"{user_id}-{hashlib.sha256(str(user_id).encode()).hexdigest()}"
`;

test("a sentence finds the code that does it, at every depth", async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs, "lib/auth.py": authPy });
  const client = await workspace.connect();
  const status = await bringTo(client, "deep");
  assert.equal(status.coverage.files, 2);
  assert.equal(status.coverage.deep, status.coverage.chunks);
  for (const depth of ["instant", "deep"] as const) {
    const result = await ask(client, "is the login attempt's secret correct", depth);
    const [first] = result.hits;
    assert.equal(first?.path, "lib/auth.py");
    assert.match(first!.snippet, /verify_password/);
    assert.ok(first!.startLine >= 1 && first!.endLine >= first!.startLine);
    assert.equal(result.coverage.files, 2);
  }
});

test("why a hit stands where it does adds up to its score", async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs, "lib/auth.py": authPy });
  const client = await workspace.connect();
  await bringTo(client, "deep");
  for (const hit of (await ask(client, "list files that are not ignored", "deep")).hits) {
    const sum = hit.why.reduce((total, signal) => total + signal.contribution, 0);
    assert.ok(Math.abs(sum - hit.score) < 1e-6, `${hit.path}: ${sum} against ${hit.score}`);
  }
});

test("a saved file is searchable at full depth when the save is acknowledged", async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs });
  const client = await workspace.connect();
  await bringTo(client, "deep");
  workspace.write("lib/auth.py", authPy);
  await client.connection.sendRequest(protocol.filesChanged, { paths: ["lib/auth.py"] });
  const { hits } = await ask(client, "check a password against its hash", "deep");
  assert.equal(hits[0]?.path, "lib/auth.py");
  assert.equal(hits[0]?.depth, "deep");
});

test("a change on disk that nobody announced is found by the watcher", async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs });
  const client = await workspace.connect();
  await bringTo(client, "instant");
  const seen = untilStatus(client, (status) => status.coverage.files === 2);
  workspace.write("lib/auth.py", authPy);
  await seen;
  assert.equal((await ask(client, "verify_password")).hits[0]?.path, "lib/auth.py");
});

test("an edit of one function encodes one chunk, a rename none, and a deleted file is gone from the answers", async (t) => {
  const big = Array.from({ length: 12 }, (_, i) => `/** Computes the ${i}th kind of discount for a customer with a long purchase history. */\nexport function discount${i}(total: number, years: number): number {\n${Array.from({ length: 24 }, (_, j) => `  if (years > ${j}) total -= total * ${i}.${j} / 100; // loyalty step ${j} of rule ${i}`).join("\n")}\n  return total;\n}\n`).join("\n");
  const workspace = new Workspace(t, { "src/discount.ts": big, "src/walk.ts": walkTs });
  const client = await workspace.connect();
  const { coverage } = await bringTo(client, "deep");
  assert.ok(coverage.chunks > 10, `${coverage.chunks} chunks`);
  const before = workspace.encodings(client);

  workspace.write("src/discount.ts", big.replace("years > 7) total -= total * 5.7", "years > 70) total -= total * 5.7"));
  await client.connection.sendRequest(protocol.filesChanged, { paths: ["src/discount.ts"] });
  await bringTo(client, "deep");
  const edited = workspace.encodings(client);
  assert.equal(edited.difference(before).size, 2, "one chunk at the instant exit and one at the top exit");

  renameSync(workspace.path("src/discount.ts"), workspace.path("src/rebate.ts"));
  await client.connection.sendRequest(protocol.filesChanged, { paths: ["src/discount.ts", "src/rebate.ts"] });
  await bringTo(client, "deep");
  assert.deepEqual(workspace.encodings(client).difference(edited), new Set());
  assert.equal((await ask(client, "discount3")).hits[0]?.path, "src/rebate.ts");

  rmSync(workspace.path("src/rebate.ts"));
  await client.connection.sendRequest(protocol.filesChanged, { paths: ["src/rebate.ts"] });
  assert.deepEqual((await ask(client, "discount3")).hits.filter((h) => h.path !== "src/walk.ts"), []);
});

test("a branch switch of two thousand files and back encodes nothing on the way back", async (t) => {
  const main = manyFiles(2000);
  const workspace = new Workspace(t, main);
  const client = await workspace.connect();
  await client.connection.sendRequest(protocol.configure, { backgroundDepth: "instant", exclude: [], maxFileBytes: 1_500_000, paused: false });
  const first = await bringTo(client, "instant");
  const swap = async (files: Record<string, string>, others: Record<string, string>) => {
    for (const name of Object.keys(others)) rmSync(workspace.path(name), { force: true });
    for (const [name, content] of Object.entries(files)) workspace.write(name, content);
    await client.connection.sendRequest(protocol.filesChanged, { paths: [...Object.keys(files), ...Object.keys(others)] });
    return bringTo(client, "instant");
  };
  const branch = manyFiles(2000, 1);
  const away = await swap(branch, main);
  assert.equal(away.coverage.files, 2000);
  const encoded = workspace.encodings(client);
  const back = await swap(main, branch);
  assert.deepEqual(back.coverage, first.coverage);
  assert.deepEqual(workspace.encodings(client), encoded);
});

test("reopening an unchanged workspace encodes nothing and answers the same", async (t) => {
  const workspace = new Workspace(t, manyFiles(60));
  const client = await workspace.connect();
  await bringTo(client, "deep");
  const before = workspace.encodings(client);
  const answer = (await ask(client, "merge the ledger")).hits.map((h) => h.path);
  await workspace.stop();
  const again = await workspace.connect();
  await bringTo(again, "deep");
  assert.deepEqual(workspace.encodings(again), before);
  assert.deepEqual((await ask(again, "merge the ledger")).hits.map((h) => h.path), answer);
});

test("what Node compiles of the programs is kept for the next start, of this build alone", async (t) => {
  const workspace = new Workspace(t, manyFiles(3));
  const program = path.join(packageRoot, "dist", "engine.mjs");
  const older = path.join(workspace.cache, "compiled", "0.0.1+older");
  mkdirSync(older, { recursive: true });
  await workspace.connect({ program });
  await workspace.stop();
  const kept = readdirSync(path.join(workspace.cache, "compiled"), { recursive: true, withFileTypes: true });
  assert.ok(kept.some((entry) => entry.isFile()));
  assert.equal(existsSync(older), false);
});

test("files that cannot be indexed are counted by reason and harm nothing", async (t) => {
  const workspace = new Workspace(t, {
    "src/walk.ts": walkTs,
    ".env": "API_KEY=verysecret\n",
    "deploy/id_rsa": "-----BEGIN OPENSSH PRIVATE KEY-----\nverysecret\n",
    "logo.dat": new Uint8Array([1, 0, 2, 0, 3, 0, 255, 254, 0, 9]),
    "wide.cs": Buffer.from("\ufeffclass Wide { // Größe der Kiste\n}\n", "utf16le"),
    "latin1.py": Buffer.concat([Buffer.from('def greet():\n    """Sagt gr'), Buffer.from([0xfc]), Buffer.from('n guten Tag."""\n    return "hallo"\n')]),
    "long.js": `var data = "${"x".repeat(1_200_000)}";\n`,
    "huge.txt": "",
  });
  // 50 MB without writing them: a sparse file has the size.
  const { truncateSync } = await import("node:fs");
  truncateSync(workspace.path("huge.txt"), 50_000_000);
  mkdirSync(workspace.path("loop"));
  symlinkSync(workspace.root, workspace.path("loop/again"));
  const client = await workspace.connect();
  const status = await bringTo(client, "instant");
  assert.equal(status.skipped["secret"], 2);
  assert.equal(status.skipped["too large"], 1);
  assert.equal(status.skipped["binary"], 1);
  const left = await client.connection.sendRequest(protocol.leftOut);
  assert.deepEqual(left.filter(({ reason }) => reason === "secret").map(({ path }) => path), [".env", "deploy/id_rsa"]);
  assert.deepEqual((await ask(client, "verysecret")).hits.filter((h) => h.snippet.includes("verysecret")), []);
  const [greeting] = (await ask(client, "grün")).hits;
  assert.equal(greeting?.path, "latin1.py");
  assert.match(greeting!.snippet, /Sagt grün guten Tag/);
  assert.equal((await ask(client, "Größe")).hits[0]?.path, "wide.cs");
});

test("two clients share one engine and both are told of the index's state", async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs });
  const [first, second] = await Promise.all([workspace.connect(), workspace.connect()]);
  assert.equal(first.info.pid, second.info.pid);
  const told = [first, second].map((client) => untilStatus(client, ({ coverage }) => coverage.files === 2));
  workspace.write("lib/auth.py", authPy);
  await first.connection.sendRequest(protocol.filesChanged, { paths: ["lib/auth.py"] });
  await Promise.all(told);
  assert.deepEqual((await ask(first, "session token")).hits.map((h) => h.path), (await ask(second, "session token")).hits.map((h) => h.path));
});

test("a newer client replaces an older engine; an older client gets a sentence", async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs });
  const old = await workspace.connect();
  await bringTo(old, "instant");
  await assert.rejects(workspace.connect({ identity: { protocol: 0, build: "0.0.1+1.old" } }), (error) => StrataError.is(error, "engine.newer") && /newer Strata/.test(error.message));
  const newer = { identity: { protocol: protocol.PROTOCOL_VERSION, build: "99.0.0+1.new" } };
  // Who only looks (doctor) leaves it to those who work with it.
  await assert.rejects(workspace.connect({ ...newer, start: false }), (error) => StrataError.is(error, "engine.older") && /older Strata \(.+\).*99\.0\.0/.test(error.message));
  assert.equal((await ask(old, "walk")).hits[0]?.path, "src/walk.ts");
  // In place of this checkout's own engine, which is older than the client claims to be.
  const program = path.join(path.dirname(workspace.root), "engine.mjs");
  const refusal = 'process.send({ error: { code: "model.damaged", message: "the newer one" } });\n';
  writeFileSync(program, refusal);
  await assert.rejects(workspace.connect({ ...newer, program }), /the newer one/);
  assert.equal((await ask(old, "walk")).hits[0]?.path, "src/walk.ts", "one that cannot start takes nobody's place");
  writeFileSync(program, `process.send({ waits: true });\nprocess.once("disconnect", () => process.exit());\nsetInterval(() => { if (!existsSync(${JSON.stringify(engineRecordFile(old.folder))})) ${refusal.trim()} }, 5);\nimport { existsSync } from "node:fs";\n`);
  await assert.rejects(workspace.connect({ ...newer, program }), /the newer one/);
  await processGone(old.info.pid);
});

test("whom an ending engine does not answer any more hears that it ended, not that somebody cancelled", async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs });
  const client = await workspace.connect();
  const { connection, folder } = client;
  void connection.sendRequest(protocol.shutdown).catch(() => undefined);
  const late = [ask(client, "list every file"), connection.sendRequest(protocol.duplicates, { ...protocol.duplicateDefaults, limit: 5 })];
  for (const request of late) await assert.rejects(request.catch((e: unknown) => Promise.reject(fromWire(e))), (error) => StrataError.is(error, "engine.unreachable"));
  assert.doesNotMatch(readFileSync(engineLogFile(folder), "utf8"), / (warn|error) /);
});

test("without the token nobody gets in, and the engine's files are the owner's alone", { skip: process.platform === "win32" && "POSIX permissions" }, async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs });
  const client = await workspace.connect();
  const record = engineRecordFile(client.folder);
  assert.equal(statSync(client.folder).mode & 0o077, 0);
  assert.equal(statSync(record).mode & 0o077, 0);
  assert.equal(statSync(path.join(client.folder, "index.db")).mode & 0o077, 0);
  const { address } = JSON.parse(readFileSync(record, "utf8")) as { address: string };
  const net = await import("node:net");
  const { createMessageConnection, SocketMessageReader, SocketMessageWriter } = await import("vscode-jsonrpc/node");
  const socket = net.connect(address);
  const stranger = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
  stranger.listen();
  await assert.rejects(stranger.sendRequest(protocol.handshake, { protocol: protocol.PROTOCOL_VERSION, build, token: "guess", client: "test" }));
  if (!socket.closed) await once(socket, "close"); // he is shown out
  await assert.rejects(Promise.resolve().then(() => stranger.sendRequest(protocol.status)));
  stranger.dispose();

  const talker = net.connect(address);
  const shownOut = once(talker, "close", { signal: AbortSignal.timeout(4_000) }).catch((error: NodeJS.ErrnoException) => assert.match(error.code!, /ECONNRESET|EPIPE/)); // before he would have to show the token
  talker.write(`Content-Length: 100000000\r\n\r\n${" ".repeat(1_000_000)}`);
  await shownOut;
  await client.connection.sendRequest(protocol.status);
});

test("a request in the wrong shape is refused in words, and keeps nobody else waiting", async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs });
  const { connection } = await workspace.connect();
  const good: [{ readonly method: string }, Record<string, unknown>][] = [
    [protocol.search, { query: "list files", k: 1, depth: "instant" }],
    [protocol.similar, { text: "function f() {}", lang: "typescript", k: 1, depth: "instant" }],
    [protocol.duplicates, { minLines: 6, threshold: 0.9, limit: 5 }],
    [protocol.index, { depth: "instant" }],
    [protocol.filesChanged, { paths: ["src/walk.ts"] }],
    [protocol.configure, { backgroundDepth: "instant", exclude: [], maxFileBytes: 1_000_000 }],
    [protocol.chooseModel, { folder: "" }],
  ];
  for (const [{ method }, params] of good) {
    for (const name of Object.keys(params))
      for (const value of [undefined, null, {}]) {
        const error = await connection.sendRequest(method, { ...params, [name]: value }).then(() => undefined, fromWire);
        // Code alone needs no text, nor a language.
        if (value === undefined && method === protocol.similar.method && error === undefined) continue;
        assert.ok(StrataError.is(error, "input.invalid"), `${method} with ${name} = ${JSON.stringify(value)}: ${String(error)}`);
      }
    await assert.rejects(connection.sendRequest(method, null), /is not as it must be at /);
    await connection.sendRequest(method, { ...params, ofLaterVersions: true });
  }
});

test("bad requests get a sentence and a code", async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs });
  const { connection } = await workspace.connect();
  const cases: [Promise<unknown>, RegExp][] = [
    [connection.sendRequest(protocol.search, { query: "  ", k: 10, depth: "instant" }), /query is empty/],
    [connection.sendRequest(protocol.search, { query: "x", k: 0, depth: "instant" }), /1 to 200/],
    [connection.sendRequest(protocol.similar, { path: "../../etc/passwd", startLine: 1, k: 5, depth: "instant" }), /not inside the workspace/],
    [connection.sendRequest(protocol.similar, { path: "src/walk.ts", startLine: 999, k: 5, depth: "instant" }), /has \d+ lines/],
  ];
  for (const [request, pattern] of cases) await assert.rejects(request.catch((e: unknown) => Promise.reject(fromWire(e))), (error) => StrataError.is(error, "input.invalid") && pattern.test(error.message));
});

test("an index that the background reads only shallowly is brought to full depth from its first moment on", { timeout: 60_000 }, async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs, "lib/auth.py": authPy });
  const client = await workspace.connect();
  await client.connection.sendRequest(protocol.configure, { backgroundDepth: "instant", exclude: [], maxFileBytes: 1_500_000, paused: false });
  const { coverage } = await bringTo(client, "deep");
  assert.deepEqual([coverage.files, coverage.deep], [2, coverage.chunks]);
});

test("bringing the index to a depth can be cancelled, and goes on later", async (t) => {
  const workspace = new Workspace(t, manyFiles(400));
  const client = await workspace.connect();
  const source = new CancellationTokenSource();
  const waiting = client.connection.sendRequest(protocol.index, { depth: "deep" }, source.token);
  source.cancel();
  await assert.rejects(waiting.catch((e: unknown) => Promise.reject(fromWire(e))), { name: "AbortError" });
  const status = await bringTo(client, "instant");
  assert.equal(status.coverage.files, 400);
});

test("a pause is named to others, and ends with the client that asked for it", async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs });
  const editor = await workspace.connect();
  const terminal = await workspace.connect();
  const paused = untilStatus(terminal, ({ state }) => state.kind === "paused");
  await editor.connection.sendRequest(protocol.configure, { backgroundDepth: "instant", exclude: [], maxFileBytes: 1_500_000, paused: true });
  await paused;
  await assert.rejects(bringTo(terminal, "instant"), /Strata: Resume Indexing/);
  const ready = untilStatus(terminal, ({ state }) => state.kind === "ready");
  editor.dispose();
  assert.equal((await ready).coverage.files, 1);
});

test("a pause stops the first pass in its midst, and going on reads the rest", async (t) => {
  const workspace = new Workspace(t, manyFiles(1_500));
  const client = await workspace.connect();
  const settings = { backgroundDepth: "instant", exclude: [], maxFileBytes: 1_500_000, paused: false } as const;
  const started = untilStatus(client, ({ state, coverage }) => state.kind === "scanning" && coverage.files > 0);
  await client.connection.sendRequest(protocol.configure, settings);
  await started;
  const paused = untilStatus(client, ({ state }) => state.kind === "paused" || state.kind === "ready");
  await client.connection.sendRequest(protocol.configure, { ...settings, paused: true });
  const { state, coverage } = await paused;
  assert.equal(state.kind, "paused");
  assert.ok(coverage.files < 1_500, `${coverage.files} files were read`);
  await client.connection.sendRequest(protocol.configure, settings);
  assert.equal((await bringTo(client, "instant")).coverage.files, 1_500);
});

test("a client that says nothing of pausing leaves a pause as it is; one that asks for its end ends it", async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs, "lib/auth.py": authPy });
  const [first, second] = [await workspace.connect(), await workspace.connect()];
  const settings = { backgroundDepth: "instant", exclude: [], maxFileBytes: 1_500_000 } as const;
  const paused = untilStatus(second, ({ state }) => state.kind === "paused");
  await first.connection.sendRequest(protocol.configure, { ...settings, paused: true });
  await paused;
  for (const exclude of [[], ["lib/**"]]) await second.connection.sendRequest(protocol.configure, { ...settings, exclude });
  await assert.rejects(bringTo(second, "instant"), /Strata: Resume Indexing/);
  await second.connection.sendRequest(protocol.configure, { ...settings, paused: false });
  assert.equal((await bringTo(second, "instant")).coverage.files, 2);
});

test("an empty glob among the editor's excludes excludes nothing and harms nothing", async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs, "vendor/auth.py": authPy });
  const client = await workspace.connect();
  await client.connection.sendRequest(protocol.configure, { backgroundDepth: "instant", exclude: ["", "vendor/**"], maxFileBytes: 1_500_000, paused: false });
  assert.equal((await bringTo(client, "instant")).coverage.files, 1);
});

test("what the editor excludes stays excluded for an engine that the terminal starts later", async (t) => {
  const workspace = new Workspace(t, { "src/walk.ts": walkTs, "vendor/auth.py": authPy });
  const editor = await workspace.connect();
  await editor.connection.sendRequest(protocol.configure, { backgroundDepth: "instant", exclude: ["vendor/**"], maxFileBytes: 1_500_000, paused: false });
  assert.equal((await bringTo(editor, "instant")).coverage.files, 1);
  const before = workspace.encodings(editor);
  await workspace.stop();
  const terminal = await workspace.connect();
  assert.equal((await bringTo(terminal, "instant")).coverage.files, 1);
  assert.deepEqual([...workspace.encodings(terminal)].filter((vector) => vector.endsWith("@0")), [...before].filter((vector) => vector.endsWith("@0")));
});

test("a view and a quick pick get their better hits beside each other", async (t) => {
  const workspace = new Workspace(t, manyFiles(300));
  const client = await workspace.connect();
  // Nothing is deepened in the background, so that both have something to make better.
  await client.connection.sendRequest(protocol.configure, { backgroundDepth: "instant", exclude: [], maxFileBytes: 100_000, paused: false });
  await bringTo(client, "instant");
  const heard = new Map<string, () => void>();
  client.connection.onNotification(protocol.searchUpdate, ({ streamId }) => heard.get(streamId)?.());
  const bettered = async (streamId: string, query: string): Promise<void> => {
    const update = new Promise<void>((resolve) => void heard.set(streamId, resolve));
    const first = await client.connection.sendRequest(protocol.search, { query, k: 5, depth: "deep", streamId });
    if (first.refining) await update;
    else assert.fail(`${streamId} has nothing to make better`);
  };
  const [one, other] = Object.values(manyFiles(300)).map((text) => /Will (\w+ the \w+)/.exec(text)![1]!).filter((_, i) => i === 0 || i === 299);
  await Promise.all([bettered("view:1", one!), bettered("quick:1", other!)]);
});
