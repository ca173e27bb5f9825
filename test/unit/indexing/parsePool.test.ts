// Files to parsed files in worker threads: order, reasons for what is left out, and a pool that outlives its workers.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, symlinkSync, truncateSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test, { type TestContext } from "node:test";
import { StrataError } from "../../../src/base/errors.ts";
import { silentLog } from "../../../src/base/log.ts";
import { loadInstantTable } from "../../../src/encoding/exit0.ts";
import { defaultModelFolder, loadModelFiles } from "../../../src/encoding/modelFiles.ts";
import { ParsePool } from "../../../src/indexing/parsePool.ts";
import { writeFiles } from "../../support/temporaryFolder.ts";
import { limitThreads } from "../../support/threads.ts";

/** `ready: false`: started, but without the table yet. */
async function pool(t: TestContext, files: Record<string, string | Uint8Array>, { ready = true, change = (_root: string): void => {}, inside = "" } = {}) {
  const root = realpathSync(mkdtempSync(path.join(os.tmpdir(), "strata-pool-")));
  writeFiles(root, files);
  change(root);
  const made = new ParsePool(2, path.join(root, inside), silentLog);
  t.after(async () => {
    await made.close();
    rmSync(root, { recursive: true, force: true });
  });
  if (ready) made.use(await table());
  else made.start();
  return made;
}
const table = async () => loadInstantTable(await loadModelFiles(await defaultModelFolder()));
const file = (name: string) => ({ path: name, size: 1, mtimeMs: 1 });

test("a file comes back with chunks, terms and instant vectors", async (t) => {
  const parsing = await pool(t, { "src/area.py": 'def circle_area(radius):\n    """Area of a circle."""\n    return 3.14159 * radius ** 2\n' });
  const [outcome] = await parsing.parse([file("src/area.py")], false);
  assert.equal(outcome?.kind, "parsed");
  if (outcome?.kind !== "parsed") return;
  const [chunk] = outcome.file.chunks;
  assert.equal(outcome.file.lang, "python");
  assert.deepEqual(chunk?.chunk.symbols, ["circle_area"]);
  assert.match(chunk!.terms.symbol, /circle/);
  assert.match(chunk!.terms.path, /area/);
  const { values, scale } = chunk!.instant!;
  const length = Math.hypot(...Array.from(values, (v) => v * scale));
  assert.ok(Math.abs(length - 1) < 0.02, `unit length, got ${length}`);
});

test("workers that start before the model is read parse as soon as it is", async (t) => {
  const parsing = await pool(t, { "a.ts": "export const a = 1;\n", "b.ts": "export const b = 2;\n" }, { ready: false });
  let answered = false;
  const early = parsing.parse([file("a.ts")], false).finally(() => void (answered = true));
  const instant = await table();
  assert.equal(answered, false, "nothing is parsed without the table");
  parsing.use(instant);
  const [a] = await early;
  const [b] = await parsing.parse([file("b.ts")], false);
  for (const outcome of [a, b]) assert.ok(outcome?.kind === "parsed" && outcome.file.chunks[0]!.instant !== undefined);
});

test("what became a link out of the workspace or a pipe after it was found is not read", { skip: process.platform === "win32" && "needs mkfifo" }, async (t) => {
  const change = (root: string): void => {
    symlinkSync(path.join(root, "outside", "key.py"), path.join(root, "w", "link.py"));
    symlinkSync(path.join("..", "outside"), path.join(root, "w", "folder"));
    assert.equal(spawnSync("mkfifo", [path.join(root, "w", "pipe.py")]).status, 0);
  };
  const parsing = await pool(t, { "outside/key.py": "KEY = 1\n", "w/own.py": "OWN = 1\n" }, { change, inside: "w" });
  const outcomes = await parsing.parse(["link.py", "folder/key.py", "pipe.py", "own.py"].map(file), false);
  assert.deepEqual(outcomes.map(({ kind }) => kind), ["gone", "gone", "gone", "parsed"]);
});

test("outcomes keep the order of the request, whatever becomes of each file", async (t) => {
  const parsing = await pool(t, { "a.ts": "export const a = 1;\n", "b.bin": new Uint8Array([0, 1, 2, 0]), "c.ts": "export const c = 3;\n" });
  const outcomes = await parsing.parse(["a.ts", "b.bin", "gone.ts", "c.ts"].map(file), false);
  assert.deepEqual(outcomes.map((o) => (o.kind === "parsed" ? o.file.path : `${o.kind} ${o.path}`)), ["a.ts", "skip b.bin", "gone gone.ts", "c.ts"]);
});

test("a file that still reads as it is indexed is not parsed again", async (t) => {
  const parsing = await pool(t, { "a.ts": "export const a = 1;\n" });
  const parse = async (hash?: string) => (await parsing.parse([{ ...file("a.ts"), mtimeMs: 7, ...(hash !== undefined && { hash }) }], false))[0]!;
  const first = await parse();
  assert.ok(first.kind === "parsed");
  assert.deepEqual(await parse(first.file.hash), { kind: "same", path: "a.ts", size: 1, mtimeMs: 7 });
  assert.equal((await parse("of another text")).kind, "parsed");
});

test("a private key under a name that says nothing is left out as a secret", async (t) => {
  const parsing = await pool(t, { "deploy/backup": "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n", "pem.ts": 'export const head = "-----BEGIN PRIVATE KEY-----";\n' });
  const [key, code] = await parsing.parse([file("deploy/backup"), file("pem.ts")], false);
  assert.deepEqual(key, { kind: "skip", reason: "secret", ...file("deploy/backup") });
  assert.equal(code?.kind, "parsed");
});

test("what is no UTF-8 is read as western text, not refused", async (t) => {
  const parsing = await pool(t, { "x.rb": Buffer.concat([Buffer.from("def greet\n  'Gr"), Buffer.from([0xfc, 0xdf]), Buffer.from("e'\nend\n")]) });
  const [outcome] = await parsing.parse([file("x.rb")], false);
  assert.ok(outcome?.kind === "parsed" && outcome.file.chunks.some(({ chunk }) => chunk.text.includes("Grüße")));
});

test("equal content gives equal ids and hashes, wherever it lies", async (t) => {
  const text = "package main\n\n// Twice doubles.\nfunc Twice(n int) int {\n\treturn 2 * n\n}\n";
  const parsing = await pool(t, { "a/one.go": text, "b/two.go": text });
  const [one, two] = await parsing.parse([file("a/one.go"), file("b/two.go")], false);
  assert.ok(one?.kind === "parsed" && two?.kind === "parsed");
  if (one?.kind !== "parsed" || two?.kind !== "parsed") return;
  assert.equal(one.file.hash, two.file.hash);
  assert.deepEqual(one.file.chunks.map(({ chunk }) => chunk.id), two.file.chunks.map(({ chunk }) => chunk.id));
});

test("where no more threads are to be had those that run do the work; without any it is refused in words, and done when there are some", async (t) => {
  const names = ["a.ts", "b.ts", "c.ts"];
  const parsing = await pool(t, Object.fromEntries(names.map((name) => [name, "export const a = 1;\n"])));
  const parse = async () => (await Promise.all(names.map((name) => parsing.parse([file(name)], false)))).map(([outcome]) => outcome?.kind);
  const restore = limitThreads(t, 0);
  parsing.start();
  await assert.rejects(parse(), (error) => StrataError.is(error, "engine.failed") && /no more threads\. Close/.test(error.message));
  restore();
  limitThreads(t, 1);
  assert.deepEqual(await parse(), ["parsed", "parsed", "parsed"]);
  assert.equal(parsing.threads.length, 1);
});

test("workers that a full pass has filled are exchanged, and the pool parses on", async (t) => {
  const many = Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`f${i}.txt`, `line ${i}\n`]));
  const parsing = await pool(t, many);
  await parsing.parse(Object.keys(many).map(file), false);
  const [before] = parsing.threads;
  parsing.retire();
  assert.equal(parsing.threads.length, 1, "a fresh worker waits for the next save");
  assert.notEqual(parsing.threads[0], before);
  const [outcome] = await parsing.parse([file("f7.txt")], true);
  assert.equal(outcome?.kind, "parsed");
  const [kept] = parsing.threads;
  parsing.retire();
  assert.equal(parsing.threads[0], kept, "one that has seen little stays");
  await Promise.all([1, 2, 3].map((i) => parsing.parse([file(`f${i}.txt`)], false)));
  assert.ok(parsing.threads.length > 1, `${parsing.threads.length} workers`);
  parsing.retire();
  assert.deepEqual(parsing.threads, [kept], "for the next save one is enough");
});

test("a closed pool answers instead of hanging", async (t) => {
  const parsing = await pool(t, { "a.ts": "export const a = 1;\n" });
  const waiting = parsing.parse([file("a.ts")], false);
  await parsing.close();
  assert.equal((await waiting).length, 1);
  assert.deepEqual(await parsing.parse([file("a.ts")], true), [{ kind: "gone", path: "a.ts" }]);
});

test("a file that has become many times as large since it was found is not read", async (t) => {
  const grow = (root: string) => truncateSync(path.join(root, "app.log.txt"), 30_000_000);
  const parsing = await pool(t, { "app.log.txt": "started\n", "a.ts": "export const a = 1;\n" }, { change: grow });
  assert.deepEqual((await parsing.parse([file("app.log.txt"), file("a.ts")], false)).map(({ kind }) => kind), ["gone", "parsed"]);
});
