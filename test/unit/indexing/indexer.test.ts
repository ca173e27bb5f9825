// What a pass over the workspace reads again and what it removes, on real files and a real store; only parsing is played.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, symlinkSync, utimesSync } from "node:fs";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import type { OnProgress, Progress } from "../../../src/base/progress.ts";
import { Indexer } from "../../../src/indexing/indexer.ts";
import type { FileToParse, ParseOutcome, ParsePool } from "../../../src/indexing/parsePool.ts";
import type { Store } from "../../../src/store/store.ts";
import { shareMocks } from "../../support/builtins.ts";
import { parsedFile, workshop, type Workshop } from "../../support/storeFixture.ts";
import { writeFiles } from "../../support/temporaryFolder.ts";

let w: Workshop;
let root: string;
beforeEach(() => {
  w = workshop();
  root = realpathSync(mkdtempSync(path.join(os.tmpdir(), "strata-indexer-")));
});
afterEach(async () => {
  await w.end();
  rmSync(root, { recursive: true, force: true });
});

const never = new AbortController().signal;

const write = (name: string, content = name): void => writeFiles(root, { [name]: content });

const parsedAs = ({ path, size, mtimeMs }: FileToParse, text: string): ParseOutcome => ({ kind: "parsed", file: { ...parsedFile(path, [text]), size, mtimeMs } });
const textOfPath = (file: FileToParse): ParseOutcome => parsedAs(file, `text of ${file.path}`);

/** `parse` plays the workers; by default every file is one chunk. `reply`: their answer goes out when it resolves. `parsed`: the files they were given. */
function indexer(store: Store, parse = textOfPath, reply: (files: readonly FileToParse[]) => Promise<void> = async () => {}) {
  const parsed: string[] = [];
  const state = { retired: 0 };
  const pool = {
    wantedInFlight: 2,
    retire: () => void state.retired++,
    parse: async (files: readonly FileToParse[]) => {
      parsed.push(...files.map((file) => file.path));
      const outcomes = files.map(parse);
      await reply(files);
      return outcomes;
    },
  } as unknown as ParsePool;
  const made = new Indexer({ root, store, pool, log: silentLog, limits: () => ({ exclude: [], maxFileBytes: 1_000_000 }) });
  return {
    parsed,
    state,
    scan: (onProgress: OnProgress = () => {}, signal = never) => made.scan(onProgress, signal),
    update: (...paths: string[]) => made.update(paths, never),
    counts: () => made.counts(),
    leftOut: () => made.leftOut(),
  };
}

test("unchanged files are read once, and once more when another version cut them", async () => {
  write("a.ts");
  write("b/c.ts");
  const first = await w.open();
  await indexer(first).scan();
  const again = indexer(first);
  await again.scan();
  assert.deepEqual([again.parsed, again.state.retired], [[], 1], "the parsers have nothing more to do, and give their memory back");
  await first.close();

  const store = await w.open({ versions: { chunker: 2, analyser: 1 } });
  const newer = indexer(store);
  await newer.scan();
  assert.deepEqual(newer.parsed.sort(), ["a.ts", "b/c.ts"]);
  newer.parsed.length = 0;
  await newer.scan();
  assert.deepEqual(newer.parsed, []);
});

test("other content of the same size and time is read when the file was touched since the last pass began", async () => {
  const time = new Date(499_162_500_000);
  const put = (content: string): number => {
    write("a.ts", content);
    utimesSync(path.join(root, "a.ts"), time, time);
    return statSync(path.join(root, "a.ts")).ctimeMs;
  };
  put("one");
  const store = await w.open();
  let reading = 0;
  const slow = async () => {
    for (reading = Date.now(); reading === Date.now(); );
  };
  const { scan, parsed } = indexer(store, textOfPath, slow);
  const began = Date.now();
  await scan();
  assert.ok(store.lookedMs()! >= began && store.lookedMs()! <= reading, "what comes while a pass reads is not in its hands");
  const touched = put("two");
  store.looked(touched + 1, "");
  await scan();
  assert.deepEqual(parsed, ["a.ts"], "nothing tells that it is another");
  store.looked(touched, "");
  await scan();
  assert.deepEqual(parsed, ["a.ts", "a.ts"]);
});

test("what is left out is listed by reason and path, whoever left it out, and no reason crowds out another", async () => {
  for (const name of ["b/.env", "a.ts", "old.ts", ".env"]) write(name);
  for (let i = 0; i < 205; i++) write(`rows/${String(i).padStart(3, "0")}.csv`);
  const store = await w.open();
  const made = indexer(store, (file) => (file.path === "old.ts" ? { kind: "skip", reason: "binary", ...file } : textOfPath(file)));
  await made.scan();
  assert.deepEqual(made.counts().skipped, { data: 205, binary: 1, secret: 2 });
  const list = made.leftOut().map(({ path, reason }) => `${reason} ${path}`);
  assert.deepEqual(list.filter((line) => !line.startsWith("data")), ["binary old.ts", "secret .env", "secret b/.env"]);
  assert.equal(list.length, 203);
  made.parsed.length = 0;
  await made.scan();
  assert.deepEqual(made.parsed, [], "what has no text is not read again");
});

test("what grew too large, became a link or is neither any more is told at once, without a pass", async () => {
  for (const name of ["a.ts", "b.ts", "d/c.ts", "e.ts"]) write(name);
  symlinkSync("a.ts", path.join(root, "d/l.ts"));
  const made = indexer(await w.open());
  await made.scan();
  assert.deepEqual(made.counts().skipped, { link: 1 });
  write("a.ts", "x".repeat(1_000_001));
  rmSync(path.join(root, "b.ts"));
  symlinkSync("e.ts", path.join(root, "b.ts"));
  symlinkSync("d", path.join(root, "f"));
  await made.update("a.ts", "b.ts", "f", "f/c.ts");
  assert.deepEqual(made.leftOut(), [{ path: "b.ts", reason: "link" }, { path: "d/l.ts", reason: "link" }, { path: "f", reason: "link" }, { path: "a.ts", reason: "too large" }]);
  write("a.ts");
  for (const name of ["b.ts", "d", "f"]) rmSync(path.join(root, name), { recursive: true });
  await made.update("a.ts", "b.ts", "d", "f");
  assert.deepEqual(made.counts(), { languages: { typescript: 2 }, skipped: {} });
});

test("what one version could not read is looked at again by the next", async () => {
  write("wide.cs");
  const old = await w.open();
  await indexer(old, (file) => ({ kind: "skip", reason: "binary", ...file })).scan();
  await old.close();
  const store = await w.open({ versions: { chunker: 2, analyser: 1 } });
  await indexer(store).scan();
  assert.equal(store.coverage().chunks, 1);
});

for (const reason of ["unreadable", "parser failed"])
  test(`a file that is ${reason} once is looked at again by the next pass`, async () => {
    write("a.ts");
    const store = await w.open();
    await indexer(store, (file) => ({ kind: "skip", reason, ...file })).scan();
    assert.deepEqual(store.languages(), { [`skipped:${reason}`]: 1 });
    await indexer(store).scan();
    assert.equal(store.coverage().chunks, 1);
    const third = indexer(store);
    await third.scan();
    assert.deepEqual(third.parsed, []);
  });

test("a file that cannot be read any more keeps what it held, and is looked at again", async () => {
  write("a.ts");
  const store = await w.open();
  await indexer(store).scan();
  write("a.ts", "a longer text");
  await indexer(store, (file) => ({ kind: "skip", reason: "unreadable", ...file })).scan();
  assert.equal(store.placesInFile("a.ts").length, 1);
  const later = indexer(store);
  await later.scan();
  assert.deepEqual(later.parsed, ["a.ts"]);
});

test("a folder that cannot be read for a while keeps its files; one that is gone does not", { skip: process.platform === "win32" && "permissions work otherwise there" }, async () => {
  for (const name of ["a.ts", "closed/b.ts", "closed/d/c.ts", "closed.ts", "gone/e.ts"]) write(name);
  const store = await w.open();
  const { scan, update } = indexer(store);
  await scan();
  rmSync(path.join(root, "gone"), { recursive: true });
  rmSync(path.join(root, "closed.ts"));
  chmodSync(path.join(root, "closed"), 0);
  chmodSync(root, 0o755);
  const isRoot = process.getuid?.() === 0; // permissions do not bind root, so be nobody for a moment
  if (isRoot) process.seteuid?.(65534);
  try {
    await scan();
    await update("closed/b.ts");
    if (isRoot) process.seteuid?.(0);
    chmodSync(root, 0);
    if (isRoot) process.seteuid?.(65534);
    await scan();
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(root, 0o755);
    chmodSync(path.join(root, "closed"), 0o755);
  }
  assert.deepEqual([...store.files().keys()].sort(), ["a.ts", "closed/b.ts", "closed/d/c.ts"]);
});

test("after the clock was set back a file of another size is read, though it claims the same time and was touched before the last pass", async () => {
  write("a.ts");
  const store = await w.open();
  const { scan, parsed } = indexer(store);
  await scan();
  const { atime, mtime } = statSync(path.join(root, "a.ts"));
  write("a.ts", "longer than it was");
  utimesSync(path.join(root, "a.ts"), atime, mtime);
  store.looked(Date.now() + 3_600_000, "");
  await scan();
  assert.deepEqual(parsed, ["a.ts", "a.ts"]);
});

test("a pass whose findings cannot be written is none, and says why", async (t) => {
  write("a.ts");
  const store = await w.open();
  store.putFiles([parsedFile("gone.ts", ["text"])]);
  t.mock.method(store, "putFiles", () => {
    throw new Error("no room");
  });
  await assert.rejects(indexer(store).scan(), /no room/);
  assert.deepEqual([store.lookedMs(), [...store.files().keys()]], [undefined, ["gone.ts"]]);
});

test("a file that had gone when a later look came to it is not brought back by an earlier one", async () => {
  write("a.ts");
  const store = await w.open();
  const [read, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let looks = 0;
  const parse = (file: FileToParse): ParseOutcome => (++looks === 1 ? textOfPath(file) : { kind: "gone", path: file.path });
  const { update } = indexer(store, parse, async () => {
    if (looks > 1) return;
    read.resolve();
    await go.promise;
  });
  const earlier = update("a.ts");
  await read.promise;
  await update("a.ts");
  go.resolve();
  await earlier;
  assert.equal(store.files().size, 0);
});

test("a file that is excluded now is not told to be too large any more", async () => {
  write("large.ts", "x".repeat(1_000_001));
  const { scan, update, counts } = indexer(await w.open());
  await scan();
  assert.equal(counts().skipped["too large"], 1);
  write(".gitignore", "large.ts\n");
  await update("large.ts");
  assert.equal(counts().skipped["too large"], undefined);
});

test("a pass that is cancelled while it reads is none", async () => {
  write("a.ts");
  const store = await w.open();
  const given = new AbortController();
  await assert.rejects(indexer(store, textOfPath, async () => given.abort()).scan(undefined, given.signal), { name: "AbortError" });
  assert.deepEqual([store.lookedMs(), store.files().size], [undefined, 0]);
});

test("a change that is heard while the workspace's disk is away takes nothing out of the index, and a folder asks for a full pass", async () => {
  write("d/a.ts");
  const store = await w.open();
  const { scan, update } = indexer(store);
  await scan();
  assert.equal((await update("d")).rescan, true);
  renameSync(root, `${root}-away`);
  try {
    await assert.rejects(update("d/a.ts"), { code: "workspace.missing" });
  } finally {
    renameSync(`${root}-away`, root);
  }
  assert.deepEqual([...store.files().keys()], ["d/a.ts"]);
});

test("where an empty folder is in the workspace's place, as without its disk, the index is kept until something lies there", async (t) => {
  for (let i = 0; i < 20; i++) write(`d${i % 3}/f${i}.ts`);
  const store = await w.open();
  const { scan, update } = indexer(store);
  await scan();
  t.after(() => rmSync(`${root}-away`, { recursive: true, force: true }));
  renameSync(root, `${root}-away`);
  mkdirSync(root);
  await assert.rejects(scan(), { code: "workspace.missing", message: /empty.*Rebuild Index/ });
  await assert.rejects(update("d0/f0.ts"), { code: "workspace.missing" });
  assert.equal(store.files().size, 20);
  write("c.ts");
  await scan();
  assert.deepEqual([...store.files().keys()], ["c.ts"]);
  renameSync(root, `${root}-away/other`);
  mkdirSync(root);
  await scan();
  assert.equal(store.files().size, 0, "one file is read again in a moment");
});

test("a folder that somebody has emptied is empty in the index too, heard of or found by a pass, also after a restart", async () => {
  const names = Array.from({ length: 25 }, (_, i) => `f${i}.ts`);
  let store = await w.open();
  for (const look of ["update", "scan"] as const) {
    for (const name of names) write(name);
    await indexer(store).scan();
    for (const name of readdirSync(root)) rmSync(path.join(root, name));
    await store.close();
    store = await w.open();
    await indexer(store)[look](...((look === "update" ? names : []) as []));
    assert.equal(store.files().size, 0, look);
  }
});

test("a disk that goes away in the midst of a pass takes nothing out of the index", async () => {
  for (const name of ["a.ts", "d/b.ts"]) write(name);
  const store = await w.open();
  await indexer(store).scan();
  write("a.ts", "changed");
  rmSync(path.join(root, "d"), { recursive: true }); // as the rest of the walk would find it
  try {
    await assert.rejects(indexer(store, textOfPath, async () => renameSync(root, `${root}-away`)).scan(), { code: "workspace.missing" });
  } finally {
    renameSync(`${root}-away`, root);
  }
  assert.deepEqual([...store.files().keys()].sort(), ["a.ts", "d/b.ts"]);
});

test("many vanished files are removed in short transactions, with turns of the event loop between", async (t) => {
  const store = await w.open();
  store.putFiles(Array.from({ length: 250 }, (_, i) => parsedFile(`gone/f${i}.ts`, [`text ${i}`])));
  write("a.ts");
  const removals = t.mock.method(store, "removeFiles").mock;
  let turns = 0;
  const turn = (): void => {
    turns++;
    if (store.files().size > 1) setImmediate(turn);
  };
  setImmediate(turn);
  await indexer(store).scan();
  assert.deepEqual([...store.files().keys()], ["a.ts"]);
  assert.deepEqual(removals.calls.map((call) => call.arguments[0].length), [100, 100, 50]);
  assert.ok(turns >= 2, `${turns} turns`);
});

test("of large files fewer are removed at once", async (t) => {
  const store = await w.open();
  store.putFiles(Array.from({ length: 5 }, (_, i) => parsedFile(`gone/f${i}.ts`, Array.from({ length: 150 }, (_, j) => `text ${i} ${j}`))));
  write("a.ts");
  const removals = t.mock.method(store, "removeFiles").mock;
  await indexer(store).scan();
  assert.deepEqual(removals.calls.map((call) => call.arguments[0].length), [2, 2, 1]);
});

test("a file that is saved while a pass runs stays", async () => {
  write("a.ts");
  const store = await w.open();
  const { scan } = indexer(store, (file) => {
    store.putFiles([parsedFile("late.ts", ["saved meanwhile"])]);
    return { kind: "parsed", file: { ...parsedFile(file.path, ["text"]), ...file } };
  });
  await scan();
  assert.deepEqual([...store.files().keys()].sort(), ["a.ts", "late.ts"]);
});

test("a vanished file goes alone, a vanished folder with what it held", async () => {
  for (const name of ["a.ts", "d/b.ts", "d/e/c.ts", "dd.ts"]) write(name);
  const store = await w.open();
  const { scan, update } = indexer(store);
  await scan();
  for (const name of ["a.ts", "d"]) rmSync(path.join(root, name), { recursive: true });
  await update("a.ts");
  assert.deepEqual([...store.files().keys()].sort(), ["d/b.ts", "d/e/c.ts", "dd.ts"]);
  await update("d", "never.ts", "");
  assert.deepEqual([...store.files().keys()], ["dd.ts"]);
});

test("an ignore file among saved files asks for a full pass, though it is itself ignored", async () => {
  write(".gitignore", ".strataignore\n");
  write(".strataignore", "gen/\n");
  write("a.ts");
  const { update } = indexer(await w.open());
  assert.deepEqual(await update("a.ts"), { indexed: ["a.ts"], rescan: false });
  assert.deepEqual(await update("a.ts", ".strataignore"), { indexed: ["a.ts"], rescan: true });
});

test("files that are excluded now are forgotten, unlike those that are deleted", async (t) => {
  for (const name of ["a.ts", "b.ts", "c.ts", "d.ts"]) write(name);
  const store = await w.open();
  const { scan, update } = indexer(store);
  await scan();
  const removals = t.mock.method(store, "removeFiles").mock;
  rmSync(path.join(root, "a.ts"));
  await update("a.ts");
  write(".strataignore", "b.ts\n");
  await update("b.ts");
  write(".strataignore", "b.ts\nc.ts\n");
  await scan();
  rmSync(path.join(root, "d.ts"));
  await scan();
  assert.deepEqual(removals.calls.map((call) => call.arguments), [[["a.ts"], false], [["b.ts"], true], [["c.ts"], true], [["d.ts"], false]]);
});

test("a file whose name changed in case alone is known by its new name alone, on a disk that ignores case", async (t) => {
  const onDisk = (file: string) => path.join(path.dirname(file), readdirSync(path.dirname(file)).find((name) => name.toLowerCase() === path.basename(file).toLowerCase()) ?? path.basename(file));
  for (const name of ["lstat", "realpath"] as const) {
    const real = fs[name] as (file: string) => Promise<unknown>;
    t.mock.method(fs, name, (file: string) => real(onDisk(file)));
  }
  shareMocks(t);
  write("d/Name.ts");
  const store = await w.open();
  const { scan, update } = indexer(store);
  await scan();
  renameSync(path.join(root, "d/Name.ts"), path.join(root, "d/name.ts"));
  assert.deepEqual((await update("d/Name.ts", "d/name.ts")).indexed, ["d/name.ts"]);
  assert.deepEqual([...store.files().keys()], ["d/name.ts"]);
});

/** Workers that read what is on disk, and keep the first job's answer until `end`; `read` resolves when they have read its files. */
function slowFirstJob(store: Store) {
  const read = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  let jobs = 0;
  const onDisk = (file: FileToParse): ParseOutcome => parsedAs(file, readFileSync(path.join(root, file.path), "utf8"));
  const reply = async () => {
    if (jobs++ > 0) return;
    read.resolve();
    await held.promise;
  };
  return { ...indexer(store, onDisk, reply), read: read.promise, end: () => held.resolve() };
}
const contents = (store: Store): Record<string, string> => Object.fromEntries([...store.files().keys()].sort().map((name) => [name, store.placesInFile(name).map(({ text }) => text).join()]));

for (const long of ["update", "scan"] as const)
  test(`what is saved or deleted while a long ${long} runs stays so when that ends with what it read before`, async () => {
    const store = await w.open();
    store.putFiles([parsedFile("known.ts", ["known"]), parsedFile("back.ts", ["before"])]);
    const [saved, others] = [["saved.ts", "back.ts"], ["known.ts", "new.ts", "d/e.ts", "still.ts"]];
    for (const name of [...saved, ...others]) write(name, "old");
    const { scan, update, read, end } = slowFirstJob(store);
    const running = long === "scan" ? scan() : update(...saved, ...others);
    await read;
    write("saved.ts", "newer");
    write("back.ts", "before");
    for (const name of ["known.ts", "new.ts", "d"]) rmSync(path.join(root, name), { recursive: true });
    await update("saved.ts", "back.ts", "known.ts", "new.ts", "d");
    end();
    await running;
    assert.deepEqual(contents(store), { "back.ts": "before", "saved.ts": "newer", "still.ts": "old" });
  });

test("a full pass that ends within a long update has the newer content, and so has a file that appeared again", async () => {
  write("a.ts", "old");
  const store = await w.open();
  store.putFiles([parsedFile("again.ts", ["old"])]);
  const { scan, update, read, end } = slowFirstJob(store);
  const running = update("a.ts", "again.ts");
  await read;
  write("a.ts", "newer");
  write("again.ts", "newer");
  await scan();
  end();
  assert.deepEqual((await running).indexed, ["a.ts"]);
  assert.deepEqual(contents(store), { "a.ts": "newer", "again.ts": "newer" });
});

test("how many files there are is said once all are found, not before", async () => {
  for (let i = 0; i < 200; i++) write(`f${i}.ts`);
  const seen: Progress[] = [];
  await indexer(await w.open()).scan((progress) => seen.push(progress));
  const totals = (phase: Progress["phase"]) => new Set(seen.filter((progress) => progress.phase === phase).map(({ total }) => total));
  assert.deepEqual([totals("discover"), totals("instant")], [new Set([0]), new Set([200])]);
});

test("how many files there are is known long before they are read, once the first of them are", async () => {
  for (let i = 0; i < 400; i++) write(`f${i}.ts`);
  const known = Promise.withResolvers<void>();
  let given = 0;
  const slow = indexer(await w.open(), textOfPath, async (files) => {
    given += files.length;
    if (given > 250) await known.promise;
  });
  let doneThen: number | undefined;
  await slow.scan(({ done, total }) => {
    if (total > 0) doneThen ??= done;
    if (total === 400) known.resolve();
  });
  assert.ok(doneThen !== undefined && doneThen <= 250, `${doneThen} files were read`);
});

test("what the index holds of a file is told to those who parse it, and a file that is the same is only noted", async () => {
  write("a.ts");
  const store = await w.open();
  await indexer(store).scan();
  const { hash } = store.files().get("a.ts")!;
  utimesSync(path.join(root, "a.ts"), 1, 1);
  const told: unknown[] = [];
  const again = indexer(store, (file) => (told.push(file.hash), { kind: "same", path: file.path, size: file.size, mtimeMs: file.mtimeMs }));
  await again.scan();
  assert.deepEqual((await again.update("a.ts")).indexed, ["a.ts"]);
  assert.deepEqual(told, [hash, hash]);
  assert.deepEqual([store.files().get("a.ts")!.mtimeMs, store.coverage().chunks], [1_000, 1]);
});

test("files that were only touched are noted many at once", async (t) => {
  for (let i = 0; i < 300; i++) write(`f${i}.ts`);
  const store = await w.open();
  await indexer(store).scan();
  for (let i = 0; i < 300; i++) utimesSync(path.join(root, `f${i}.ts`), 1, 1);
  const touches = t.mock.method(store, "touchFiles").mock;
  await indexer(store).scan();
  assert.deepEqual(touches.calls.map((call) => call.arguments[0].length), [250, 50]);
  assert.ok([...store.files().values()].every(({ mtimeMs }) => mtimeMs === 1_000));
});
