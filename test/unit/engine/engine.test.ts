// The engine in this process, on the tiny model: what a failure inside one request leaves behind.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, realpathSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test, { type TestContext } from "node:test";
import { breathe, isAbort, yieldToEventLoop } from "../../../src/base/abort.ts";
import { StrataError } from "../../../src/base/errors.ts";
import { sha256 } from "../../../src/base/hash.ts";
import { silentLog } from "../../../src/base/log.ts";
import { Engine } from "../../../src/engine/engine.ts";
import { defaultSettings, type EngineOptions } from "../../../src/engine/options.ts";
import { OnnxEncoder, type OnnxEncoderOptions } from "../../../src/encoding/onnxEncoder.ts";
import { Indexer } from "../../../src/indexing/indexer.ts";
import { FRESH_MS, QUIET_MS, RETRY_MS } from "../../../src/engine/pace.ts";
import type { SearchResult } from "../../../src/engine/protocol.ts";
import { IndexDatabase, type Sql } from "../../../src/store/database.ts";
import { ModelVectors } from "../../../src/store/dense.ts";
import { Store } from "../../../src/store/store.ts";
import { writeFiles } from "../../support/temporaryFolder.ts";
import { asWideAsItsText, copyTinyModel, editManifest, tinyModelFolder } from "../../support/tinyModel.ts";
import { manyFiles } from "../../support/workspace.ts";

const never = new AbortController().signal;
const shallow = { ...defaultSettings, backgroundDepth: "instant" } as const;

/** A workspace folder, an index folder and engines over them, all gone with the test. */
function workplace(t: TestContext, files: Readonly<Record<string, string>>) {
  const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), "strata-engine-")));
  const [root, index] = [path.join(folder, "w"), path.join(folder, "i")];
  const write = (given: Readonly<Record<string, string>>): void => writeFiles(root, given);
  write(files);
  mkdirSync(index);
  const engines: Engine[] = [];
  t.after(async () => {
    for (const engine of engines) await engine.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    root,
    index,
    write,
    async open(options: Partial<EngineOptions> = {}): Promise<Engine> {
      const engine = await Engine.open({ root, folder: index, modelFolder: tinyModelFolder, parseWorkers: 1, log: silentLog, ...options }, () => {});
      engines.push(engine);
      await engine.configure(shallow);
      return engine;
    },
  };
}

/** An engine that has read everything: the first pass looks twice, the second comes when watching stands; after it nothing asks for another. */
async function atRest(t: TestContext, place: ReturnType<typeof workplace>) {
  const scan = t.mock.method(Indexer.prototype, "scan");
  const engine = await place.open();
  while (scan.mock.callCount() < 3) await yieldToEventLoop();
  await engine.index("instant", never);
  return { scan, engine };
}

/** A program in place of the encoder's worker. */
function workerFile(place: { readonly index: string }, program: string): { encoder: OnnxEncoderOptions } {
  const file = path.join(path.dirname(place.index), "worker.mjs");
  writeFileSync(file, `import { parentPort } from "node:worker_threads";\nimport { appendFileSync } from "node:fs";\n${program}`);
  return { encoder: { workerFile: file, backgroundThreads: 1 } };
}

/** Overwrites everything behind the first page, as a failing disk would while the engine runs. */
function spoil(database: string): void {
  const handle = openSync(database, "r+");
  writeSync(handle, Buffer.alloc(statSync(database).size - 4096, 0xa5), 0, undefined, 4096);
  closeSync(handle);
}

test("damage that a search meets is repaired from the files", async (t) => {
  const place = workplace(t, manyFiles(80));
  const first = await place.open();
  await first.index("instant", never);
  await first.close();
  const engine = await place.open();
  await engine.index("instant", never);
  spoil(path.join(place.index, "index.db"));
  await assert.rejects(engine.search({ query: "merge the ledger", k: 5, depth: "instant" }, never), (error) => StrataError.is(error, "index.damaged"));
  assert.equal((await engine.index("instant", never)).coverage.files, 80);
});

test("a saved file that could not be stored is read by the next pass", { timeout: 30_000 }, async (t) => {
  const place = workplace(t, manyFiles(3));
  const { engine } = await atRest(t, place);
  place.write({ "late.ts": "export function late(): number {\n  return 1;\n}\n" });
  t.mock.method(Store.prototype, "putFiles").mock.mockImplementationOnce(() => {
    throw new Error("no luck");
  });
  await assert.rejects(engine.filesChanged(["late.ts"], never), /no luck/);
  assert.equal((await engine.index("instant", never)).coverage.files, 4);
});

test("an index is complete with what came and went while its first pass was reading", async (t) => {
  const place = workplace(t, manyFiles(5));
  const scan = Indexer.prototype.scan;
  t.mock.method(Indexer.prototype, "scan").mock.mockImplementationOnce(async function (this: Indexer, ...given) {
    const read = await scan.apply(this, given);
    renameSync(path.join(place.root, "src"), path.join(place.root, "renamed"));
    place.write({ "new/late.ts": "export function late(): number {\n  return 1;\n}\n" });
    return read;
  });
  const engine = await place.open();
  assert.equal((await engine.index("instant", never)).coverage.files, 6);
  const { hits } = await engine.search({ query: "value of part", k: 10, depth: "instant" }, never);
  assert.ok(hits.length > 0 && hits.every((hit) => !hit.path.startsWith("src/")), hits.map((hit) => hit.path).join(" "));
});

test("hits that cannot be refined are an answer all the same, once or streamed", async (t) => {
  const place = workplace(t, manyFiles(20));
  const engine = await place.open(workerFile(place, `throw new Error("no luck");`));
  await engine.index("instant", never);
  const query = { query: "merge the ledger", k: 5 };
  const { hits } = await engine.search({ ...query, depth: "instant" }, never);
  assert.equal(hits.length, 5);
  const paths = (result: SearchResult) => result.hits.map((hit) => hit.path);
  for (let life = 0; life < 3; life++) {
    const answer = await engine.search({ ...query, depth: "deep" }, never);
    assert.deepEqual([paths(answer), answer.refining], [hits.map((hit) => hit.path), false]);
  }
  const last = await new Promise<SearchResult>((resolve, reject) => engine.search({ ...query, depth: "deep" }, never, resolve).catch(reject));
  assert.deepEqual([paths(last), last.refining], [hits.map((hit) => hit.path), false]);
});

/** Answers whatever it is asked, at once. */
const anyVectors = (also = "") => `parentPort.on("message", ({ kind, job }) => {
  if (kind === "close") return parentPort.close();
  if (kind === "abort") return;
  ${also}
  new Int8Array(job.values).fill(1);
  new Float32Array(job.scales).fill(0.25);
  parentPort.postMessage({ kind: "encoded", id: job.id });
});`;

test("an answer tells of the code it was looked for in, not of what came while it was made better", async (t) => {
  const place = workplace(t, manyFiles(20));
  const engine = await place.open(workerFile(place, anyVectors()));
  await engine.index("instant", never);
  const { changes } = engine.status();
  const embed = OnnxEncoder.prototype.embedChunks;
  t.mock.method(OnnxEncoder.prototype, "embedChunks").mock.mockImplementationOnce(async function (this: OnnxEncoder, ...given) {
    place.write({ "late.ts": "export function mergeLedger(): number {\n  return 1;\n}\n" });
    await engine.filesChanged(["late.ts"], never);
    return embed.apply(this, given);
  });
  const answer = await engine.search({ query: "merge the ledger", k: 5, depth: "deep" }, never);
  assert.ok(engine.status().changes > changes && !answer.hits.some((hit) => hit.path === "late.ts"));
  assert.equal(answer.changes, changes, "so that whoever shows it searches again");
});

test("saved files are encoded a few chunks at a time, so that a search comes in between", async (t) => {
  const place = workplace(t, manyFiles(1));
  const sizes = path.join(path.dirname(place.index), "sizes");
  const engine = await place.open(workerFile(place, anyVectors(`if (job.priority === "visible") appendFileSync(${JSON.stringify(sizes)}, job.texts.length + "\\n");`)));
  await engine.configure(defaultSettings);
  await engine.index("deep", never);
  const saved = manyFiles(30, 1);
  place.write(saved);
  await engine.filesChanged(Object.keys(saved), never);
  const counts = readFileSync(sizes, "utf8").trim().split("\n").map(Number);
  assert.ok(counts.length > 0 && counts.every((count) => count <= 8), counts.join(" "));
  assert.equal(engine.status().coverage.deep, engine.status().coverage.chunks);
});

test("a branch switch is read while the encoder is busy with other files for minutes, and until then no answer is complete", { timeout: 30_000 }, async (t) => {
  const place = workplace(t, manyFiles(40));
  const engine = await place.open(workerFile(place, anyVectors(`if (job.priority === "background") return;`)));
  await engine.index("instant", never);
  await engine.configure(defaultSettings);
  const embed = t.mock.method(OnnxEncoder.prototype, "embedChunks");
  while (embed.mock.callCount() === 0) await yieldToEventLoop();
  const others = manyFiles(320, 40);
  place.write(others);
  await engine.filesChanged(Object.keys(others), never);
  assert.equal(engine.status().state.kind, "scanning");
  assert.equal((await engine.index("instant", never)).coverage.files, 360);
  while (engine.status().state.kind === "scanning") await yieldToEventLoop();
});

test("dozens of changed files are no complete index until they are read", { timeout: 30_000 }, async (t) => {
  const place = workplace(t, manyFiles(5));
  const { engine } = await atRest(t, place);
  const others = manyFiles(30, 5);
  place.write(others);
  const read = engine.filesChanged(Object.keys(others), never);
  assert.deepEqual(engine.status().state, { kind: "scanning", progress: { phase: "instant", done: 0, total: 30, unit: "files" } });
  await read;
  assert.equal(engine.status().coverage.files, 35);
  while (engine.status().state.kind === "scanning") await yieldToEventLoop(); // the watcher has seen them as well
});

test("a question does not wait until the index has forgotten a folder of thousands of files that it met", { timeout: 30_000 }, async (t) => {
  const place = workplace(t, manyFiles(20));
  const engine = await place.open();
  await engine.index("instant", never);
  const forgotten = Promise.withResolvers<{ indexed: string[]; rescan: boolean }>();
  t.mock.method(Indexer.prototype, "update", () => forgotten.promise);
  for (const name of Object.keys(manyFiles(20))) rmSync(path.join(place.root, name));
  assert.deepEqual((await engine.search({ query: "value of part", k: 5, depth: "instant" }, never)).hits, []);
  forgotten.resolve({ indexed: [], rescan: false });
});

test("the background reads so many chunks deeper and then rests, saved files apart; who asks for all gets all", { timeout: 30_000 }, async (t) => {
  const place = workplace(t, manyFiles(50));
  const engine = await place.open({ ...workerFile(place, anyVectors()), mostDeepened: 10 });
  await engine.index("instant", never);
  await engine.configure(defaultSettings);
  while (engine.status().state.kind !== "ready") await yieldToEventLoop();
  const { chunks, deep } = engine.status().coverage;
  assert.deepEqual([deep, chunks > 10], [10, true]);
  const saved = manyFiles(1, 50);
  place.write(saved);
  await engine.filesChanged(Object.keys(saved), never);
  assert.ok(engine.status().coverage.deep > deep);
  const { coverage } = await engine.index("deep", never);
  assert.equal(coverage.deep, coverage.chunks);
});

test("graphs that take long to write are written rarely during a long sweep", async (t) => {
  const place = workplace(t, manyFiles(320));
  const engine = await place.open(workerFile(place, anyVectors()));
  await engine.index("instant", never);
  // A clock on which a round of the sweep takes 40 seconds and writing the graphs 10.
  let now = Date.now();
  t.mock.method(Date, "now", () => now);
  const putVectors = Store.prototype.putVectors;
  const rounds = t.mock.method(Store.prototype, "putVectors", function (this: Store, ...given: Parameters<Store["putVectors"]>) {
    now += 40_000;
    return putVectors.apply(this, given);
  });
  const saves = t.mock.method(Store.prototype, "saveGraphs", async () => void (now += 10_000));
  await engine.configure(defaultSettings);
  await engine.index("deep", never);
  assert.ok(rounds.mock.callCount() >= 10);
  assert.ok(saves.mock.callCount() <= 4, `${saves.mock.callCount()} saves in ${rounds.mock.callCount()} rounds`);
});

test("a question during a rebuild waits for the new index", async (t) => {
  const place = workplace(t, manyFiles(40));
  const engine = await place.open();
  await engine.index("instant", never);
  const rebuilt = engine.rebuild();
  const answers: Promise<SearchResult>[] = [];
  const asking = (async () => {
    let open = 0;
    for (let done = false; !done; ) {
      // A few at a time: on a busy machine thousands would pile up.
      if (open++ < 5) answers.push(engine.search({ query: "value of part", k: 3, depth: "deep" }, never).finally(() => open--));
      else open--;
      done = await Promise.race([rebuilt.then(() => true), yieldToEventLoop().then(() => false)]);
    }
  })();
  await rebuilt;
  await asking;
  for (const { status, reason } of (await Promise.allSettled(answers)) as { status: string; reason?: unknown }[]) assert.equal(status, "fulfilled", String(reason));
  await engine.index("instant", never);
  assert.equal((await engine.search({ query: "value of part", k: 3, depth: "instant" }, never)).hits.length, 3);
});

test("a rebuild that cannot open the new index says why, and goes on as soon as it can", async (t) => {
  const place = workplace(t, manyFiles(5));
  const engine = await place.open();
  await engine.index("instant", never);
  const open = Store.open;
  let blocked = true;
  t.mock.method(Store, "open", (...given: Parameters<typeof open>) => (blocked ? Promise.reject(new StrataError("index.busy", "Somebody else has it.")) : open(...given)));
  const busy = (error: unknown): boolean => StrataError.is(error, "index.busy");
  await assert.rejects(engine.rebuild(), busy);
  await assert.rejects(engine.search({ query: "value of part", k: 3, depth: "instant" }, never), busy);
  await assert.rejects(engine.filesChanged(["src/none.ts"], never), busy);
  await assert.rejects(engine.chooseModel("", never), busy);
  await assert.rejects(engine.index("instant", never), busy);
  const { state } = engine.status();
  assert.deepEqual(state, { kind: "failed", code: "index.busy", reason: "Somebody else has it." });
  blocked = false;
  assert.equal((await engine.index("instant", never)).coverage.files, 5);
  assert.equal((await engine.search({ query: "value of part", k: 3, depth: "instant" }, never)).hits.length, 3);
});

test("a rebuild that fails once the new index is open lets go of it", async (t) => {
  const place = workplace(t, manyFiles(5));
  const model = copyTinyModel(t);
  const engine = await place.open({ modelFolder: model });
  await engine.index("instant", never);
  const table = path.join(model, "exit0.bin");
  const open = Store.open;
  t.mock.method(Store, "open").mock.mockImplementationOnce((...given: Parameters<typeof open>) => {
    renameSync(table, `${table}-away`);
    return open(...given);
  });
  await assert.rejects(engine.rebuild());
  renameSync(`${table}-away`, table);
  await engine.index("instant", never);
  assert.equal((await engine.search({ query: "value of part", k: 3, depth: "instant" }, never)).hits.length, 3);
});

test("a rebuild whose model is gone leaves the index as it is", async (t) => {
  const place = workplace(t, manyFiles(5));
  const model = copyTinyModel(t);
  const engine = await place.open({ modelFolder: model });
  await engine.index("instant", never);
  rmSync(model, { recursive: true });
  await assert.rejects(engine.rebuild(), (error) => StrataError.is(error, "model.missing"));
  assert.equal((await engine.search({ query: "value of part", k: 3, depth: "instant" }, never)).hits.length, 3);
});

test("what was left out is known under another model as well", async (t) => {
  const place = workplace(t, { ...manyFiles(3), ".env": "KEY=1\n", "a.bin": "\0\0" });
  const engine = await place.open();
  await engine.index("instant", never);
  const before = engine.status().skipped;
  assert.equal(before["secret"], 1);
  await engine.chooseModel(copyTinyModel(t), never);
  assert.deepEqual(engine.status().skipped, before);
  assert.ok(engine.leftOut().some(({ reason }) => reason === "secret"));
});

test("a rebuild makes the index folder again when somebody has deleted it", async (t) => {
  const place = workplace(t, manyFiles(5));
  const engine = await place.open();
  await engine.index("instant", never);
  rmSync(place.index, { recursive: true });
  await engine.rebuild();
  assert.equal((await engine.index("instant", never)).coverage.files, 5);
});

test("whoever waits for an index hears that the disk is full, and can try again", async (t) => {
  const place = workplace(t, manyFiles(5));
  const put = t.mock.method(Store.prototype, "putFiles", () => {
    throw new StrataError("index.diskFull", "The disk is full.");
  });
  const engine = await place.open();
  const full = (error: unknown): boolean => StrataError.is(error, "index.diskFull");
  await assert.rejects(engine.index("instant", never), full);
  await assert.rejects(engine.index("instant", never), full);
  put.mock.restore();
  assert.equal((await engine.index("instant", never)).coverage.files, 5);
});

test("a file that is being read again when the engine ends stays in the index", async (t) => {
  const place = workplace(t, manyFiles(5));
  const engine = await place.open();
  await engine.index("instant", never);
  const [name] = Object.keys(manyFiles(1));
  place.write({ [name!]: "export function changed(): number {\n  return 1;\n}\n" });
  const removals = t.mock.method(Store.prototype, "removeFiles").mock;
  const saving = engine.filesChanged([name!], never).then(() => assert.fail(), (error: unknown) => error);
  await engine.close();
  assert.ok(isAbort(await saving));
  assert.deepEqual(removals.calls.flatMap((call) => call.arguments[0]), []);
});

test("a question that is being answered when the engine ends is answered, and nothing is logged as a failure", { timeout: 30_000 }, async (t) => {
  const logged: unknown[] = [];
  const query = "merge the ledger";
  const place = workplace(t, manyFiles(20));
  const engine = await place.open({ ...workerFile(place, anyVectors()), log: (level, ...what) => void (["warn", "error"].includes(level) && logged.push(what)) });
  await engine.index("instant", never);
  const closing = t.mock.method(Store.prototype, "close").mock;
  const embed = OnnxEncoder.prototype.embedQuery;
  let isAsked = false;
  t.mock.method(OnnxEncoder.prototype, "embedQuery", async function (this: OnnxEncoder, ...given: Parameters<typeof embed>) {
    isAsked ||= given[0] === query;
    for (let turn = 0; turn < 50 && given[0] === query && closing.callCount() === 0; turn++) await breathe(2);
    return embed.apply(this, given);
  });
  const better = Promise.withResolvers<SearchResult>();
  const asked = engine.search({ query, k: 5, depth: "deep" }, never, better.resolve);
  while (!isAsked) await yieldToEventLoop();
  const found = engine.duplicates({ minLines: 3, threshold: 0.5, limit: 10 }, never).catch((error: unknown) => error);
  await engine.close();
  assert.equal((await asked).hits.length, 5);
  assert.equal((await better.promise).hits.length, 5);
  assert.ok(isAbort(await found), "what takes long is cut short");
  await assert.rejects(engine.search({ query, k: 5, depth: "instant" }, never), isAbort);
  assert.deepEqual(logged, []);
});

test("a hit whose file has become a pipe or a link is left out, and the answer comes", { skip: process.platform === "win32" && "no pipes there" }, async (t) => {
  const files = manyFiles(3);
  const place = workplace(t, files);
  const engine = await place.open();
  await engine.index("instant", never);
  const [pipe, link, kept] = Object.keys(files).map((name) => path.join(place.root, name));
  rmSync(pipe!);
  execFileSync("mkfifo", [pipe!]);
  renameSync(link!, `${place.root}-outside`);
  symlinkSync(`${place.root}-outside`, link!);
  const { hits } = await engine.search({ query: "value of part", k: 3, depth: "instant" }, never);
  assert.deepEqual(hits.map((hit) => path.join(place.root, hit.path)), [kept]);
});

test("similar code is not asked for with what holds secrets, lies outside, is a pipe, or of any size", { skip: process.platform === "win32" && "no pipes there" }, async (t) => {
  const place = workplace(t, { ...manyFiles(2), ".env": "TOKEN=hunter2\n", "large.json": "", "image.png": "\0PNG" });
  execFileSync("mkfifo", [path.join(place.root, "pipe.ts")]);
  truncateSync(path.join(place.root, "large.json"), 30_000_000);
  symlinkSync(path.dirname(process.execPath), path.join(place.root, "link"));
  const engine = await place.open();
  const refused: readonly (readonly [string, RegExp])[] = [[".env", /secrets/], ["pipe.ts", /not a file/], ["src", /not a file/], ["large.json", /too large/], ["image.png", /is not text/], [`link/${path.basename(process.execPath)}`, /leads out/], ["none.ts", /cannot be read/]];
  for (const [name, says] of refused)
    await assert.rejects(engine.similar({ path: name, startLine: 1, k: 3, depth: "instant" }, never), (error) => StrataError.is(error, "input.invalid") && says.test(error.message), name);
  const [file] = Object.keys(manyFiles(2)) as [string];
  await assert.rejects(engine.similar({ path: file, startLine: 4, endLine: 2, k: 3, depth: "instant" }, never), (error) => StrataError.is(error, "input.invalid") && /Line 2 is before line 4/.test(error.message));
});

test("settings that say nothing of a pause do not end it", async (t) => {
  const engine = await workplace(t, manyFiles(1)).open();
  const { paused: _, ...others } = shallow;
  await engine.configure({ ...others, paused: true });
  await engine.configure(others);
  assert.equal(engine.settings.paused, true);
  await engine.configure({ ...others, paused: false });
  assert.equal(engine.settings.paused, false);
});

test("what failed is tried again before it is judged, and says why it failed", async (t) => {
  const place = workplace(t, manyFiles(5));
  const engine = await place.open();
  await engine.index("instant", never);
  renameSync(place.root, `${place.root}-away`);
  await engine.configure({ ...shallow, exclude: ["nothing"] }); // asks for another pass
  await assert.rejects(engine.index("instant", never), (error) => StrataError.is(error, "workspace.missing"));
  renameSync(`${place.root}-away`, place.root);
  const { state, coverage } = await engine.index("instant", never);
  assert.notEqual(state.kind, "failed");
  assert.equal(coverage.files, 5);
});

test("a search while the workspace's disk is away leaves its index whole", async (t) => {
  const place = workplace(t, manyFiles(30));
  const engine = await place.open();
  await engine.index("instant", never);
  renameSync(place.root, `${place.root}-away`);
  assert.deepEqual((await engine.search({ query: "value of part", k: 3, depth: "instant" }, never)).hits, []);
  assert.equal(engine.status().coverage.files, 30);
  renameSync(`${place.root}-away`, place.root);
});

test("a question about what is there does not put an end to the wait after a failure", async (t) => {
  const place = workplace(t, manyFiles(5));
  const { scan, engine } = await atRest(t, place);
  scan.mock.mockImplementation(async () => {
    throw new StrataError("index.busy", "Somebody else has it.");
  });
  await engine.filesChanged(Object.keys(manyFiles(400)), never); // asks for another pass
  while (engine.status().state.kind !== "failed") await yieldToEventLoop();
  const passes = scan.mock.callCount();
  for (let i = 0; i < 3; i++) await engine.search({ query: "value of part", k: 3, depth: "instant" }, never);
  assert.deepEqual([engine.status().state.kind, scan.mock.callCount()], ["failed", passes]);
});

test("what failed in the background is tried again by itself, ever more seldom", async (t) => {
  const place = workplace(t, manyFiles(5));
  const engine = await place.open();
  await engine.index("instant", never);
  const waits: number[] = [];
  const real = globalThis.setTimeout;
  t.mock.method(globalThis, "setTimeout", ((act: () => void, ms: number) => ([1, 2, 4].includes(ms / RETRY_MS) ? (waits.push(ms), setImmediate(act)) : real(act, ms))) as typeof setTimeout);
  let blocked = true;
  const put = Store.prototype.putVectors;
  t.mock.method(Store.prototype, "putVectors", function (this: Store, ...given: Parameters<typeof put>) {
    if (blocked) throw new StrataError("index.busy", "Somebody else has it.");
    return put.apply(this, given);
  });
  await engine.configure(defaultSettings);
  while (waits.at(-1) !== 4 * RETRY_MS) await yieldToEventLoop();
  blocked = false;
  assert.deepEqual(waits.slice(-3), [RETRY_MS, 2 * RETRY_MS, 4 * RETRY_MS]); // what succeeds in between starts anew
  while (engine.status().state.kind !== "ready") await yieldToEventLoop();
  assert.equal(engine.status().coverage.deep, engine.status().coverage.chunks);
});

test("a function that was saved while its file was broken has its name once the file is whole", async (t) => {
  const whole = "export const makeWidget = (size: number) => {\n  const parts = [size, size + 1];\n  return parts.map((part) => part * 2);\n};\n";
  const place = workplace(t, { "widget.ts": `${whole}${"}} )( = => ]] {{{{ ;;; ??:: class class\n".repeat(40)}` });
  const engine = await place.open();
  await engine.index("instant", never);
  const symbolOf = async () => (await engine.search({ query: "map the parts of a widget", k: 1, depth: "instant" }, never)).hits[0]?.symbol;
  assert.notEqual(await symbolOf(), "makeWidget");
  place.write({ "widget.ts": whole });
  await engine.filesChanged(["widget.ts"], never);
  assert.equal(await symbolOf(), "makeWidget");
});

test("a status that cannot be made is no end of the engine", async (t) => {
  const place = workplace(t, manyFiles(2));
  const engine = await place.open();
  await engine.index("instant", never);
  t.mock.method(process.memoryUsage, "rss", () => {
    throw new Error("EMFILE: too many open files");
  });
  assert.equal(engine.status().memoryBytes, 0);
  const sizes = t.mock.method(Store.prototype, "sizeBytes", () => {
    throw new Error("EMFILE: too many open files");
  });
  await engine.configure({ ...shallow, exclude: ["nothing"] });
  while (sizes.mock.callCount() === 0) await yieldToEventLoop();
  sizes.mock.restore();
  assert.equal((await engine.index("instant", never)).coverage.files, 2);
});

test("where the encoder does not run, what is complete at instant depth counts as such, and a saved file costs no full pass", async (t) => {
  const place = workplace(t, manyFiles(5));
  const engine = await place.open(workerFile(place, `throw new Error("no luck");`));
  await engine.configure(defaultSettings);
  const failed = (error: unknown): boolean => StrataError.is(error, "engine.failed");
  await assert.rejects(engine.index("deep", never), failed);
  assert.equal((await engine.index("instant", never)).coverage.files, 5);
  const scan = t.mock.method(Indexer.prototype, "scan");
  const saved = manyFiles(1, 1);
  place.write(saved);
  await assert.rejects(engine.filesChanged(Object.keys(saved), never), failed);
  assert.equal((await engine.index("instant", never)).coverage.files, 6);
  assert.equal(scan.mock.callCount(), 0);
});

test("whoever asks for the index while a pass fails hears why, and it is not tried again without a pause", { timeout: 30_000 }, async (t) => {
  const place = workplace(t, manyFiles(5));
  const { scan, engine } = await atRest(t, place);
  const fails: ((error: unknown) => void)[] = [];
  scan.mock.mockImplementation(() => new Promise((_, reject) => fails.push(reject)));
  await engine.filesChanged(Object.keys(manyFiles(400)), never); // asks for another pass
  while (fails.length < 1) await yieldToEventLoop();
  const waiting = assert.rejects(engine.index("instant", never), (error) => StrataError.is(error, "index.busy"));
  fails[0]!(new StrataError("index.busy", "Somebody else has it."));
  await waiting;
  assert.equal(fails.length, 1);
});

test("a failure is not judged while a pass that was asked for meanwhile is still to come", async (t) => {
  const place = workplace(t, manyFiles(5));
  const engine = await place.open();
  await engine.index("instant", never);
  const fails: (() => void)[] = [];
  const begun = async (count: number): Promise<void> => {
    while (fails.length < count) await yieldToEventLoop();
  };
  t.mock.method(OnnxEncoder.prototype, "embedChunks", () => new Promise((_, reject) => fails.push(() => reject(new StrataError("native.missing", "It does not load.")))));
  await engine.configure(defaultSettings);
  await begun(1);
  fails[0]!();
  while (engine.status().state.kind !== "failed") await yieldToEventLoop();
  const waiting = engine.index("instant", never);
  await begun(2);
  await engine.configure({ ...defaultSettings, exclude: ["nothing"] }); // asks for another pass
  fails[1]!();
  assert.equal((await waiting).coverage.files, 5);
  await begun(3);
  fails[2]!();
});

test("duplicates that are looked for while the index is made again come from the new one", async (t) => {
  const place = workplace(t, manyFiles(40));
  const engine = await place.open();
  await engine.index("instant", never);
  const looks = t.mock.method(Store.prototype, "codeOf");
  // A clock on which every look at it comes so late that others get their turn.
  let now = performance.now();
  const clock = t.mock.method(performance, "now", () => (now += 1_000));
  const found = engine.duplicates({ minLines: 3, threshold: 0.5, limit: 10 }, never);
  while (looks.mock.callCount() === 0) await yieldToEventLoop();
  const rebuilt = engine.rebuild();
  assert.ok(Array.isArray((await found).groups));
  clock.mock.restore();
  await rebuilt;
});

test("duplicates of a file that has changed since it was read are where their code stands now, and what is gone is no duplicate", async (t) => {
  const copy = (name: string): string => `export function ${name}(list: number[]): number {\n  let sum = 0;\n  for (const each of list) {\n    if (each > 10) sum += each * 2;\n    else sum -= each;\n  }\n  return sum;\n}\n`;
  const place = workplace(t, { "a.ts": copy("first"), "b.ts": copy("second") });
  const engine = await place.open();
  await engine.index("instant", never);
  t.mock.method(Indexer.prototype, "update", async () => ({ indexed: [], rescan: false })); // nobody has told the index yet
  const found = async () => (await engine.duplicates({ minLines: 3, threshold: 0.9, limit: 10 }, never)).groups.map(({ members }) => members.map(({ path, startLine, endLine }) => `${path}:${startLine}-${endLine}`));
  place.write({ "b.ts": `// one\n// two\n\n${copy("second")}` });
  assert.deepEqual(await found(), [["a.ts:1-8", "b.ts:4-11"]]);
  place.write({ "b.ts": "export const nothing = 1;\n" });
  assert.deepEqual(await found(), []);
});

test("an answer whose hits have gone with a branch switch is made again from what is there", async (t) => {
  const message = (i: number): string => `/** Encodes the wire message. */\nexport function encodeMessage${i}(message: number): number {\n  return message + ${i};\n}\n`;
  const gone = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`gen/message${i}.ts`, message(i)]));
  const place = workplace(t, { ...gone, "src/encoder.ts": "/** Encodes for the wire. */\nexport function encode(text: string): string {\n  return text;\n}\n" });
  const engine = await place.open();
  await engine.index("instant", never);
  rmSync(path.join(place.root, "gen"), { recursive: true });
  const { hits, coverage } = await engine.search({ query: "encode the wire message", k: 2, depth: "instant" }, never);
  assert.deepEqual(hits.map((hit) => hit.path), ["src/encoder.ts"]);
  assert.equal(coverage.files, 1);
});

/** The next call of a method like `like` finds the database damaged, as SQLite says it. @returns whether it has been called */
function damagedAt<K extends "get" | "all" | "walk">(t: TestContext, method: K, like: RegExp): () => boolean {
  let isMet = false;
  const original = IndexDatabase.prototype[method] as (this: IndexDatabase, sql: string, ...values: Sql[]) => unknown;
  t.mock.method(IndexDatabase.prototype, method, function (this: IndexDatabase, sql: string, ...values: Sql[]) {
    if (isMet || !like.test(sql)) return original.call(this, sql, ...values);
    isMet = true;
    throw malformed();
  });
  return () => isMet;
}
const malformed = (): Error => Object.assign(new Error("database disk image is malformed"), { errcode: 11 });

test("damage that any question or change of model meets is repaired from the files", { timeout: 60_000 }, async (t) => {
  const files = manyFiles(20);
  const place = workplace(t, files);
  const engine = await place.open();
  const other = copyTinyModel(t);
  editManifest(other, (manifest) => (manifest.version = "9.9.9"));
  const ask = (query: string) => engine.search({ query, k: 5, depth: "instant" }, never);
  const meetings = [
    { method: "walk", like: /bm25/, meet: () => ask("merge the ledger") },
    { method: "get", like: /FROM meta/, meet: () => ask("merge lang:fortran") },
    { method: "get", like: /INTO models|FROM models/, meet: () => engine.chooseModel(other, never) },
    { method: "all", like: /p\.file = \?/, meet: () => engine.similar({ path: Object.keys(files)[0]!, startLine: 1, k: 5, depth: "instant" }, never) },
    { method: "all", like: /json_each/, meet: () => engine.duplicates({ minLines: 1, threshold: 0.9, limit: 5 }, never) },
  ] as const;
  for (const { method, like, meet } of meetings) {
    await engine.index("instant", never);
    const isMet = damagedAt(t, method, like);
    await assert.rejects(meet(), (error) => StrataError.is(error, "index.damaged"), String(like));
    assert.ok(isMet());
    assert.equal((await engine.index("instant", never)).coverage.files, 20, String(like));
    t.mock.restoreAll();
  }
});

test("damage that is met behind an answer, where nobody asks, is repaired from the files", { timeout: 30_000 }, async (t) => {
  const place = workplace(t, manyFiles(20));
  const { engine } = await atRest(t, place);
  place.write({ "late.ts": "export function late(): number {\n  return 1;\n}\n" });
  await engine.filesChanged(["late.ts"], never);
  let isMet = false;
  const search = ModelVectors.prototype.search;
  t.mock.method(ModelVectors.prototype, "search", function (this: ModelVectors, ...given: Parameters<typeof search>) {
    if (isMet || given[1] > 1) return search.apply(this, given);
    isMet = true; // what the question asks for is more than the nearest: this is the measuring of how near means nothing
    throw malformed();
  });
  await engine.search({ query: "value of part", k: 5, depth: "instant" }, never);
  while (!isMet) await yieldToEventLoop();
  assert.equal((await engine.index("instant", never)).coverage.files, 21);
});

test("a file that was written just before is among the answers, as when an agent writes and asks", { skip: process.platform !== "linux" && "others tell later" }, async (t) => {
  const place = workplace(t, manyFiles(5));
  const { engine } = await atRest(t, place);
  const found = async (query: string) => (await engine.search({ query, k: 1, depth: "instant" }, never)).hits[0]?.path;
  await found("value of part");
  const after = globalThis.setTimeout;
  t.mock.method(globalThis, "setTimeout", (act: () => void, ms: number) => (ms === FRESH_MS ? after(act, 20_000).unref() : after(act, ms))); // a busy machine takes longer to read it
  for (const name of ["early", "late"]) {
    place.write({ [`src/${name}.ts`]: `/** Weighs the ${name} zebra. */\nexport function ${name}Zebra(): number {\n  return 1;\n}\n` });
    for (let turn = 0; turn < 2; turn++) await yieldToEventLoop(); // as a message takes from the socket
    assert.equal(await found(`weighs the ${name} zebra`), `src/${name}.ts`);
  }
});

test("that words alone answered is told until the model has answered again", async (t) => {
  const engine = await workplace(t, manyFiles(3)).open();
  await engine.index("instant", never);
  const warned = async (query: string) => {
    await engine.search({ query, k: 3, depth: "instant" }, never);
    return engine.status().warnings.some((sentence) => sentence.startsWith("Searching by words only"));
  };
  t.mock.method(OnnxEncoder.prototype, "embedQuery").mock.mockImplementationOnce(() => Promise.reject(new StrataError("engine.failed", "It met a text that it cannot read.")));
  assert.deepEqual([await warned("value of part"), await warned("value of another part")], [true, false]);
});

test("a choice of model for which the disk has no room changes nothing and says so", { skip: process.platform !== "linux" && "needs /dev/full" }, async (t) => {
  const place = workplace(t, manyFiles(3));
  const engine = await place.open();
  const other = copyTinyModel(t);
  editManifest(other, (manifest) => (manifest.version = "9.9.9"));
  symlinkSync("/dev/full", path.join(place.index, "model.json.new"));
  await assert.rejects(engine.chooseModel(other, never), (error) => StrataError.is(error, "index.diskFull") && /free some space/.test(error.message));
  assert.equal(engine.model.version, "1.0.0");
});

test("a model that turns out not to run, or to give vectors of another width, when it is tried is not chosen, and the one before goes on", async (t) => {
  const engine = await workplace(t, manyFiles(3)).open();
  await engine.index("instant", never);
  for (const [content, says] of [
    [asWideAsItsText(), /segment-0-1\.onnx gives vectors of \d+ numbers, not of 16 as its manifest says\. Reinstall Strata, or choose another model/],
    [Buffer.from("no model"), /segment-0-1\.onnx cannot be run\. Reinstall/],
  ] as const) {
    const other = copyTinyModel(t);
    writeFileSync(path.join(other, "segment-0-1.onnx"), content);
    editManifest(other, ({ files, exits }) => {
      files["segment-0-1.onnx"] = { sha256: sha256(content), bytes: content.length };
      exits.pop(); // the other one continues it
    });
    await assert.rejects(engine.chooseModel(other, never), (error) => StrataError.is(error, "model.damaged") && says.test(error.message));
    const { hits } = await engine.search({ query: "value of part", k: 3, depth: "deep" }, never);
    assert.deepEqual([hits.length, engine.model.folder, engine.status().warnings], [3, tinyModelFolder, []]);
  }
});

test("with a model whose exits do not run, or give no numbers, questions are answered by words, and the status says why", async (t) => {
  const damages = [
    ["segment-1-2.onnx", (bytes: Buffer) => bytes.fill(0xff, 0, 500)], // the description of its steps
    ["segment-1-2.onnx", (bytes: Buffer) => bytes.fill(0xff, 1000, 1300)], // weights of one
    ["tokenizer.json", (bytes: Buffer) => Buffer.from(bytes.toString().replace(/("[a-z]{2,}"): *\d+/g, "$1:999999"))],
  ] as const;
  for (const [file, damage] of damages) {
    const model = copyTinyModel(t);
    const bytes = damage(readFileSync(path.join(model, file)));
    writeFileSync(path.join(model, file), bytes);
    editManifest(model, ({ files }) => (files[file] = { sha256: sha256(bytes), bytes: bytes.length }));
    const engine = await workplace(t, manyFiles(20)).open({ modelFolder: model });
    await engine.index("instant", never);
    assert.ok((await engine.search({ query: "merge the ledger", k: 5, depth: "instant" }, never)).hits.length > 0);
    assert.match(engine.status().warnings.join(), /Searching by words only: The model .*strata-model-/);
  }
});

test("who asks first meets a warm engine: where the workspace is large it asks itself once, after its first pass", { timeout: 30_000 }, async (t) => {
  const asked = t.mock.method(OnnxEncoder.prototype, "embedQuery");
  const count = () => asked.mock.calls.filter(({ arguments: [text] }) => text === "parse a date" || text === "wait until all are done").length;
  const small = await workplace(t, manyFiles(3)).open();
  await small.index("instant", never);
  const place = workplace(t, manyFiles(3));
  const engine = await place.open({ warmFrom: 3 });
  while (count() < 2) await breathe();
  place.write({ "late.ts": "export function late(): number {\n  return 1;\n}\n" });
  await engine.filesChanged(["late.ts"], never);
  await engine.index("instant", never);
  assert.equal(count(), 2);
});

test("what a sweep leaves is collected once nobody asks", { timeout: 30_000 }, async (t) => {
  let isDone = false;
  const collected = new Promise<void>((resolve) => {
    const { gc } = globalThis;
    t.after(() => (globalThis.gc = gc));
    globalThis.gc = (async () => {
      isDone = true;
      resolve();
    }) as unknown as NonNullable<typeof gc>;
  });
  const engine = await workplace(t, manyFiles(3)).open();
  await engine.index("instant", never);
  const until = performance.now() + QUIET_MS / 2;
  while (performance.now() < until) {
    await engine.search({ query: "value of part", k: 3, depth: "instant" }, never);
    assert.equal(isDone, false);
    await breathe();
  }
  await collected;
});
