// What the index survives: damage, a full disk, a second opener, other versions and models, a missing native module.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, test } from "node:test";
import { quantise } from "../../../src/encoding/int8.ts";
import { StrataError } from "../../../src/base/errors.ts";
import { asStrataError, CheckBeside } from "../../../src/store/database.ts";
import { removeIndex, Store, type StoreOptions } from "../../../src/store/store.ts";
import { limitThreads } from "../../support/threads.ts";
import { parsedFile, sameAtEveryExit, terms, testModel, vectorOf, workshop, type Workshop } from "../../support/storeFixture.ts";

let w: Workshop;
beforeEach(() => {
  w = workshop();
});
afterEach(() => w.end());

const inFolder = (name: string) => path.join(w.folder, name);
const even = [1, 1, 1, 1, 1];
const number = terms("number");
const nearest = (store: Store, text: string, dims = 32, model?: string) => store.searchDense(sameAtEveryExit(vectorOf(text, dims)), 1, {}, model)[0];
const manyFiles = (count: number, from = 0) => Array.from({ length: count }, (_, i) => parsedFile(`src/file${from + i}.ts`, [`text number ${from + i} ${"filler ".repeat(60)}`]));
const code = (expected: string) => (error: unknown) => StrataError.is(error) && error.code === expected && /\. \S|\.$/.test(error.message);

/** Changes bytes in the middle of a file. */
function scribble(file: string, at: number, bytes = 64): void {
  const handle = openSync(file, "r+");
  writeSync(handle, Buffer.alloc(bytes, 0xa5), 0, bytes, at);
  closeSync(handle);
}
function inDatabase(sql: string): void {
  const db = new DatabaseSync(inFolder("index.db"));
  db.exec(sql);
  db.close();
}
/** Says that the last session ended without closing. */
const markUnclean = (): void => inDatabase("UPDATE meta SET value = '0' WHERE key = 'clean'");

function fromDatabase(sql: string): unknown {
  const db = new DatabaseSync(inFolder("index.db"), { readOnly: true });
  const row = db.prepare(sql).get();
  db.close();
  return Object.values(row!)[0];
}
const isClean = (): boolean => fromDatabase("SELECT value FROM meta WHERE key = 'clean'") === "1";

/** A store of so many files in whose database this was done before it was opened. */
async function openAfter(files: number, sql: string): Promise<Store> {
  const store = await w.open();
  store.putFiles(manyFiles(files));
  await store.close();
  inDatabase(sql);
  return w.open();
}

/** A store that was sound when it opened, and of whose database all pages but the first are damaged since. */
async function openThenDamaged(changes?: Partial<StoreOptions>) {
  const store = await w.open();
  store.putFiles(manyFiles(400));
  await store.close();
  const again = await w.open(changes);
  const pages = statSync(inFolder("index.db")).size / 4096;
  for (let page = 2; page < pages; page++) scribble(inFolder("index.db"), page * 4096, 4096);
  return again;
}

describe("the index folder", () => {
  test("is readable by its owner only", { skip: process.platform === "win32" }, async () => {
    chmodSync(w.folder, 0o755);
    const store = await w.open();
    store.putFiles(manyFiles(1));
    assert.equal(statSync(w.folder).mode & 0o777, 0o700);
    const files = readdirSync(w.folder);
    assert.ok(files.includes("index.db"));
    for (const name of files) assert.equal(statSync(inFolder(name)).mode & 0o077, 0, name);
    assert.ok(store.sizeBytes() > 10_000);
  });

  test("is used by one store at a time", async () => {
    const store = await w.open();
    await assert.rejects(Store.open(w.options()), code("index.busy"));
    store.putFiles(manyFiles(1));
    await store.close();
    assert.equal((await w.open()).coverage().files, 1);
  });

  test("says that it was written to until it is closed, so that what a kill left is looked at", async () => {
    const store = await w.open();
    const told = [isClean()];
    store.putFiles(manyFiles(1));
    told.push(isClean());
    await store.close();
    assert.deepEqual([...told, isClean()], [true, false, true]);
  });

  test("is locked whatever lies in the place of the lock", async () => {
    writeFileSync(inFolder("index.lock"), "hello ".repeat(2000));
    await w.open();
    await assert.rejects(Store.open(w.options()), code("index.busy"));
  });

  test("is waited for by whoever may, as the engine that succeeds another", async () => {
    const store = await w.open();
    store.putFiles(manyFiles(1));
    let asked = 0;
    const next = await w.open({ mayWait: () => ((asked++ === 1 && void store.close()), true) });
    assert.equal(next.coverage().files, 1);
    await assert.rejects(Store.open({ ...w.options(), mayWait: () => asked++ < 5 }), code("index.busy"));
  });

  test("that another program holds is not called another engine's", async () => {
    await (await w.open()).close();
    const other = new DatabaseSync(inFolder("index.db"));
    other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    await assert.rejects(Store.open(w.options()), code("index.held"));
    other.close();
    await w.open();
  });

  test("whose lock another program holds is not called another engine's, also after an engine was killed", async () => {
    await (await w.open()).close();
    const other = new DatabaseSync(inFolder("index.lock"));
    other.exec("BEGIN EXCLUSIVE");
    const isTold = (error: unknown): boolean => code("index.held")(error) && (error as Error).message.includes("index.lock");
    await assert.rejects(Store.open(w.options()), isTold);
    writeFileSync(inFolder("index.holder"), String(spawnSync(process.execPath, ["--version"]).pid));
    await assert.rejects(Store.open(w.options()), isTold);
    rmSync(inFolder("index.holder"));
    await assert.rejects(Store.open(w.options()), code("index.busy"), "an older version names nobody, and may be opening a large index");
    other.close();
    await w.open();
  });

  test("is locked also where who has it cannot be written down", async () => {
    mkdirSync(inFolder("index.holder"));
    const store = await w.open();
    await assert.rejects(Store.open(w.options()), code("index.busy"));
    await store.close();
    await w.open();
  });

  test("says what to delete when a folder lies where the database belongs", async () => {
    mkdirSync(inFolder("index.db"));
    await assert.rejects(Store.open(w.options()), (error) => code("index.unwritable")(error) && /index\.db is a folder/.test((error as Error).message));
  });

  test("is emptied of what a store wrote, and of nothing else", async () => {
    await (await w.open()).close();
    for (const name of ["deep.hnsw", "deep.hnsw.json", "model.json"]) writeFileSync(inFolder(name), "{}");
    removeIndex(w.folder);
    assert.deepEqual(readdirSync(w.folder).sort(), ["index.holder", "index.lock", "model.json"]);
  });

  test("that cannot be looked into has no size, and is no reason to end", async () => {
    const store = await w.open();
    renameSync(w.folder, `${w.folder}-away`);
    writeFileSync(w.folder, "");
    assert.equal(store.sizeBytes(), 0);
    rmSync(w.folder);
    renameSync(`${w.folder}-away`, w.folder);
    assert.ok(store.sizeBytes() > 10_000);
  });

  test("says so when it cannot be made", async () => {
    writeFileSync(inFolder("a-file"), "");
    await assert.rejects(Store.open(w.options({ folder: inFolder("a-file/index") })));
  });
});

test("a quota that is used up is a full disk", () => {
  assert.ok(code("index.diskFull")(asStrataError(Object.assign(new Error("EDQUOT: disk quota exceeded"), { code: "EDQUOT" }), w.folder)));
});

test("a file that Windows does not let go is another program's business, in words", () => {
  assert.ok(code("index.held")(asStrataError(Object.assign(new Error("EBUSY: resource busy or locked, unlink"), { code: "EBUSY" }), w.folder)));
});

describe("a damaged database", () => {
  const damages: { name: string; damage: () => void }[] = [
    { name: "whose header is overwritten", damage: () => scribble(inFolder("index.db"), 0, 100) },
    { name: "that is no database at all", damage: () => writeFileSync(inFolder("index.db"), "hello ".repeat(2000)) },
    { name: "that was cut in half", damage: () => truncateSync(inFolder("index.db"), 4096 * Math.floor(statSync(inFolder("index.db")).size / 8192)) },
    { name: "that belongs to another program", damage: () => { writeFileSync(inFolder("index.db"), ""); inDatabase("CREATE TABLE t (a)"); } },
    { name: "with overwritten pages after a kill", damage: () => { markUnclean(); for (let page = 3; page < 12; page++) scribble(inFolder("index.db"), page * 4096, 4096); } },
  ];
  for (const { name, damage } of damages) {
    test(`${name} is deleted, said so, and replaced by a new one that works`, async () => {
      const store = await w.open();
      store.putFiles(manyFiles(60));
      await store.close();
      damage();
      writeFileSync(inFolder("index.db.damaged"), "what an earlier version kept");
      const again = await w.open();
      assert.equal(again.coverage().files, 0);
      assert.equal(again.warnings.length, 1);
      assert.match(again.warnings[0]!, /damaged/);
      assert.deepEqual(readdirSync(w.folder).filter((name) => name.includes("damaged")), [], "a copy would keep text that is forgotten elsewhere");
      again.putFiles(manyFiles(3));
      assert.ok(nearest(again, manyFiles(1)[0]!.chunks[0]!.chunk.text)!.score > 0.99);
    });
  }

  const foreign: Record<string, string> = {
    "without the table of names": "DROP TABLE symbols",
    "without the words": "DROP TABLE lexicon",
    "without the vectors": "DROP TABLE vectors",
    "with other columns": "ALTER TABLE chunks RENAME COLUMN doc TO docs",
    "with a trigger": "CREATE TRIGGER t AFTER INSERT ON files BEGIN DELETE FROM chunks; END",
    "with a view": "CREATE VIEW v AS SELECT * FROM chunks",
    "with a table of another program by the name of one": "DROP TABLE files; CREATE TABLE files (id INTEGER, name TEXT)",
    "with a path that leads out": "UPDATE files SET path = 'src/../../keys.ts' WHERE id = 1",
    "with a path from the top of the disk": "UPDATE files SET path = '/etc/hosts' WHERE id = 1",
    "with a path that is none": "UPDATE files SET path = x'00ff' WHERE id = 1",
    "with imports that are no JSON": "UPDATE files SET imports = '{oops' WHERE id = 1",
    "with imports that are no list": "UPDATE files SET imports = '5' WHERE id = 1",
    "with a chunk of a number that nothing has room for": "UPDATE places SET chunk = 1099511627776 WHERE id = 1",
    "with a chunk of a number that JavaScript has not": "UPDATE places SET chunk = 4611686018427387904 WHERE id = 1",
    "with vectors of another width": "UPDATE vectors SET q = zeroblob(7)",
    "with one vector of another width": "UPDATE vectors SET q = zeroblob(33) WHERE chunk = 5",
    "with vectors of two widths that are right in the mean": "UPDATE vectors SET q = zeroblob(iif(chunk % 2, 31, 33))",
    "with a model before that is no model": "UPDATE models SET hash = 'b', description = '{oops'",
    "with a model before that is less than a model": "UPDATE models SET hash = 'b', description = '{\"hash\":\"b\",\"dims\":-5,\"matryoshka\":[]}'",
  };
  for (const [name, sql] of Object.entries(foreign))
    test(`${name} is deleted, said so, and replaced, though its pages are sound`, async () => {
      const again = await openAfter(60, sql);
      assert.equal(again.coverage().files, 0);
      assert.match(again.warnings[0]!, /damaged/);
      again.putFiles(manyFiles(3));
      assert.ok(nearest(again, manyFiles(1)[0]!.chunks[0]!.chunk.text)!.score > 0.99);
    });

  for (const [name, sql] of [
    ["names that are no list", "UPDATE chunks SET symbols = '{oops'"],
    ["names that are no words", "UPDATE chunks SET symbols = '[5]'"],
    ["a text that nothing has cut", "UPDATE chunks SET text = CAST(zeroblob(2000000) AS TEXT)"],
    ["a text that is none", "UPDATE chunks SET text = x'00ff'"],
    ["names that nothing has cut", "UPDATE chunks SET symbols = '[\"' || printf('%.*c', 2000000, 'n') || '\"]'"],
    ["lines before the first", "UPDATE places SET startLine = -5"],
    ["lines that are no numbers", "UPDATE places SET endLine = 'y'"],
    ["lines that end before they begin", "UPDATE places SET startLine = endLine + 1"],
  ] as const)
    test(`is called so where it is read and has ${name}`, async () => {
      const again = await openAfter(3, sql);
      assert.throws(() => again.placesInFile("src/file0.ts"), code("index.damaged"));
      assert.equal(again.coverage().files, 0);
    });

  const readers: Record<string, (store: Store) => unknown> = {
    "the list of hits": (store) => store.placesOf([1]),
    "a search for quoted text": (store) => store.searchLexical([number], ["text number"], even, 5, {}),
    "the comparison of code": (store) => [...store.codeOf([1])],
    "what is encoded next": (store) => store.chunksToDeepen("deep", 5),
  };
  for (const [name, read] of Object.entries(readers))
    test(`is called so where ${name} meets a text that nothing has cut`, async () => {
      const again = await openAfter(3, "UPDATE chunks SET text = 'text number ' || printf('%.*c', 2000000, 'x') WHERE id = 1");
      assert.throws(() => read(again), code("index.damaged"));
      assert.equal(again.coverage().files, 0);
    });

  test("is called so where another version analyses a text that nothing has cut", async () => {
    const again = await openAfter(3, "UPDATE chunks SET text = printf('%.*c', 2000000, 'x') WHERE id = 1; UPDATE meta SET value = '0' WHERE key = 'analyser'");
    assert.equal(again.coverage().files, 0);
    assert.match(again.warnings[0]!, /damaged/);
  });

  for (const terms of ["'text'", "zeroblob(6)"])
    test(`is called so where a search by words meets terms that are ${terms}`, async () => {
      const again = await openAfter(3, `UPDATE placeTerms SET terms = ${terms}`);
      assert.throws(() => again.lexicalMatches([number], [1]), code("index.damaged"));
    });

  test("is not seen where the check could not be made: that says nothing of the file", async () => {
    const check = new CheckBeside(inFolder("none.db"));
    check.begin();
    await check.over();
    assert.deepEqual([check.isSound, check.damage], [true, undefined]);
  });

  for (const [name, checkedBesideFrom] of [["small", Infinity], ["large", 0]] as const)
    test(`is not looked for again once a ${name} one was found sound after a kill`, async () => {
      const store = await w.open();
      store.putFiles(manyFiles(60));
      await store.close();
      markUnclean();
      const again = await w.open({ checkedBesideFrom });
      assert.equal(again.coverage().files, 60);
      await again.settled();
      await again.close();
      assert.ok(isClean());
    });

  test("that is large is found beside the work: it answers meanwhile, then it is replaced", async () => {
    const store = await w.open();
    store.putFiles(manyFiles(400));
    await store.close();
    markUnclean();
    scribble(inFolder("index.db"), ((fromDatabase("SELECT max(pageno) FROM dbstat WHERE name = 'placeTerms'") as number) - 1) * 4096); // nothing reads it to open
    const again = await w.open({ checkedBesideFrom: 0 });
    assert.equal(again.coverage().files, 400);
    await again.settled();
    assert.throws(() => again.definitions(["a"], 1), code("index.damaged"));
    assert.equal(again.coverage().files, 0);
    again.putFiles(manyFiles(2));
    assert.equal(again.searchLexical([number], [], even, 10, {}).length, 2);
  });

  test("that is large is opened also where no thread is to be had to check it, and is checked by the next start", async (t) => {
    const store = await w.open();
    store.putFiles(manyFiles(60));
    await store.close();
    markUnclean();
    limitThreads(t, 0);
    const again = await w.open({ checkedBesideFrom: 0 });
    await again.settled();
    assert.equal(again.coverage().files, 60);
    await again.close();
    assert.ok(!isClean());
  });

  test("whose check is not over is not called sound", async () => {
    const store = await w.open();
    store.putFiles(manyFiles(60));
    await store.close();
    markUnclean();
    await (await w.open({ checkedBesideFrom: 0 })).close();
    assert.ok(!isClean());
  });

  test("is replaced while open, the call says so, and the next call works", async () => {
    let emptied = 0;
    const again = await openThenDamaged({ onEmptied: () => emptied++ });
    assert.throws(() => {
      for (const { path } of again.files().values()) again.placesInFile(path);
      for (const chunk of again.codeOf([...again.placesPerChunk().keys()])) assert.ok(chunk.text);
    }, code("index.damaged"));
    assert.equal(emptied, 1);
    assert.deepEqual(again.coverage(), { files: 0, chunks: 0, instant: 0, shallow: 0, deep: 0 });
    assert.match(again.warnings[0]!, /damaged/);
    again.putFiles(manyFiles(2));
    assert.equal(again.searchLexical([number], [], even, 10, {}).length, 2);
    await again.close();
    assert.equal((await w.open()).coverage().files, 2);
  });

  test("is called so also where a scan for quoted text meets it", async () => {
    const again = await openThenDamaged();
    assert.throws(() => [...again.searchVerbatim(["="], 1, {})], code("index.damaged"));
  });
});

describe("another version", () => {
  test("of the schema makes the index again without calling it damaged", async () => {
    const again = await openAfter(2, "UPDATE meta SET value = '0' WHERE key = 'schema'");
    assert.equal(again.coverage().files, 0);
    assert.deepEqual(again.warnings, []);
  });

  test("of the schema that is newer says that the index is made again", async () => {
    await (await w.open()).close();
    inDatabase("UPDATE meta SET value = '9999' WHERE key = 'schema'");
    const again = await w.open();
    assert.equal(again.warnings.length, 1);
    assert.match(again.warnings[0]!, /newer version of Strata/);
    await again.close();
    assert.deepEqual((await w.open()).warnings, []);
  });

  test("of the chunker asks for every file again while the old chunks still answer", async () => {
    const store = await w.open();
    store.putFiles(manyFiles(2));
    await store.close();
    const again = await w.open({ versions: { chunker: 2, analyser: 1 } });
    assert.deepEqual([...again.files().values()].map(({ hash }) => hash), ["", ""]);
    assert.equal(again.searchLexical([number], [], even, 10, {}).length, 2);
    assert.ok(nearest(again, manyFiles(1)[0]!.chunks[0]!.chunk.text)!.score > 0.99);
    again.putFiles(manyFiles(1));
    await again.close();
    assert.deepEqual([...(await w.open({ versions: { chunker: 2, analyser: 1 } })).files().values()].map(({ hash }) => hash !== ""), [true, false]);
  });

  test("of the analyser makes the lexical index again and touches nothing else", async () => {
    const store = await w.open();
    store.putFiles([...manyFiles(450), parsedFile("gone.ts", ["gone"])]);
    store.removeFiles(["gone.ts"]);
    await store.close();
    const shout = (text: string) => terms(text).split(" ").map((term) => `${term}x`).join(" ");
    const changes = { analyse: shout, versions: { chunker: 1, analyser: 2 } };
    const again = await w.open(changes);
    assert.equal(again.searchLexical([`${number}x`], [], even, 1000, {}).length, 450);
    assert.equal(again.searchLexical([number], [], even, 1000, {}).length, 0);
    assert.equal(again.coverage().instant, 450);
    again.removeFiles(["src/file0.ts"]);
    assert.equal(again.searchLexical([`${number}x`], [], even, 1000, {}).length, 449);
    await again.close();
    await (await w.open(changes)).close();
  });

  test("of the analyser can be interrupted, and the next start finishes it", async () => {
    const store = await w.open();
    store.putFiles(manyFiles(450));
    await store.close();
    const changes = { versions: { chunker: 1, analyser: 2 } };
    let left = 1_000;
    const analyse = (text: string) => (left-- > 0 ? terms(text) : assert.fail("killed"));
    for (const next of [{}, changes]) {
      left = 1_000;
      await assert.rejects(Store.open(w.options({ ...changes, analyse })), /killed/);
      const again = await w.open(next);
      assert.equal(again.searchLexical([number], [], even, 1000, {}).length, 450, "also when that is of the version before");
      await again.close();
    }
    await w.open({ ...changes, analyse: () => assert.fail("it is made once") });
  });

  test("of Strata finds the model before where it lay last, not where the version lay that first used it", async () => {
    const first = await w.open({ model: testModel({ folder: "/old/models/m" }) });
    first.putFiles(manyFiles(3));
    await first.close();
    await (await w.open({ model: testModel({ folder: "/new/models/m" }) })).close();
    const next = await w.open({ model: testModel({ hash: "b".repeat(64) }) });
    assert.equal(next.previousModel?.folder, "/new/models/m");
  });

  test("of the model lets the old vectors answer its own queries until every chunk has a new one", async () => {
    const store = await w.open();
    store.putFiles(manyFiles(3));
    store.putVectors("deep", store.chunksToDeepen("deep", 1).map(({ chunkId, text }) => ({ chunkId, vector: quantise(vectorOf(text)) })));
    await store.close();
    const model = testModel({ hash: "b".repeat(64), dims: 48, matryoshka: [48] });
    const text = manyFiles(1)[0]!.chunks[0]!.chunk.text;
    let again = await w.open({ model });
    const putSome = (limit: number) => again.putVectors("instant", again.chunksToDeepen("instant", limit).map(({ chunkId, text }) => ({ chunkId, vector: quantise(vectorOf(text, 48)) })));
    assert.equal(again.previousModel !== undefined, true);
    assert.deepEqual(again.previousModel, testModel());
    assert.deepEqual(again.coverage(), { files: 3, chunks: 3, instant: 0, shallow: 0, deep: 0 });
    assert.ok(nearest(again, text, 32, testModel().hash)!.score > 0.99);
    assert.equal(nearest(again, text, 48), undefined);
    assert.throws(() => nearest(again, text, 48, testModel().hash), RangeError, "vectors of different models never meet");
    assert.throws(() => nearest(again, text, 32, "c".repeat(64)), RangeError);
    putSome(1);
    await again.close();
    again = await w.open({ model });
    assert.equal(again.previousModel !== undefined, true, "also after a restart");
    assert.equal(again.coverage().instant, 1);
    again.putFiles([{ ...manyFiles(1, 9)[0]!, chunks: manyFiles(1, 9)[0]!.chunks.map(({ instant, ...rest }) => rest) }]);
    putSome(10);
    assert.equal(again.previousModel, undefined);
    assert.ok(nearest(again, text, 48)!.score > 0.99);
    assert.throws(() => nearest(again, text, 32, testModel().hash), RangeError);
    while (!again.drainGraphs(1000));
    await again.close();
    const rows = (): number[] => {
      const db = new DatabaseSync(inFolder("index.db"));
      const counts = db.prepare("SELECT m.hash, (SELECT count(*) FROM vectors WHERE model = m.id) AS n FROM models m ORDER BY m.hash").all().map((row) => row["n"] as number);
      db.close();
      return counts;
    };
    assert.deepEqual(rows(), [4, 4], "the old model's vectors (three instant, one deep) are kept for going back");
    again = await w.open({ model: testModel({ hash: "c".repeat(64) }) });
    again.putVectors("instant", again.chunksToDeepen("instant", 10).map(({ chunkId, text }) => ({ chunkId, vector: quantise(vectorOf(text)) })));
    while (!again.drainGraphs(1000));
    await again.close();
    assert.deepEqual(rows(), [4, 4], "of three models the oldest is gone");
  });

  test("of the model keeps what the one before has read for two weeks", async (t) => {
    const store = await w.open();
    store.putFiles(manyFiles(3));
    await store.close();
    const model = testModel({ hash: "b".repeat(64) });
    const left = async (): Promise<number> => {
      const again = await w.open({ model });
      again.putVectors("instant", again.chunksToDeepen("instant", 10).map(({ chunkId, text }) => ({ chunkId, vector: quantise(vectorOf(text)) })));
      while (!again.drainGraphs(1000));
      await again.close();
      return fromDatabase("SELECT count(DISTINCT model) FROM vectors") as number;
    };
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    assert.equal(await left(), 2);
    t.mock.timers.tick(13 * 86_400_000);
    assert.equal(await left(), 2);
    t.mock.timers.tick(2 * 86_400_000);
    assert.equal(await left(), 1);
  });

  test("of the model in the midst of another leaves the answers to the one that has read most", async () => {
    const store = await w.open();
    store.putFiles(manyFiles(3));
    store.useModel(testModel({ hash: "b".repeat(64) }));
    store.putVectors("instant", store.chunksToDeepen("instant", 1).map(({ chunkId, text }) => ({ chunkId, vector: quantise(vectorOf(text)) })));
    store.useModel(testModel({ hash: "c".repeat(64) }));
    assert.equal(store.previousModel?.hash, testModel().hash);
    assert.ok(nearest(store, manyFiles(3)[2]!.chunks[0]!.chunk.text, 32, testModel().hash)!.score > 0.99);
  });

  test("of the model while open needs no restart, and back again encodes nothing", async () => {
    const store = await w.open();
    store.putFiles(manyFiles(3));
    store.putVectors("deep", store.chunksToDeepen("deep", 9).map(({ chunkId, text }) => ({ chunkId, vector: quantise(vectorOf(text)) })));
    const text = manyFiles(1)[0]!.chunks[0]!.chunk.text;
    const model = testModel({ hash: "b".repeat(64), dims: 48, matryoshka: [48] });
    store.useModel(model);
    assert.deepEqual([store.previousModel !== undefined, store.coverage().instant], [true, 0]);
    assert.ok(nearest(store, text, 32, testModel().hash)!.score > 0.99, "the old vectors answer");
    const [first] = manyFiles(1);
    store.removeFiles([first!.path]);
    assert.ok(nearest(store, text, 32, testModel().hash)!.score < 0.99, "those of code that has gone do not");
    store.putFiles([{ ...first!, chunks: first!.chunks.map(({ instant: _, ...chunk }) => chunk) }]);
    assert.ok(nearest(store, text, 32, testModel().hash)!.score > 0.99, "and do when it is back");
    const [late] = store.chunksToDeepen("deep", 1);
    store.putVectors("deep", [{ chunkId: late!.chunkId, vector: quantise(vectorOf(late!.text)) }], testModel().hash);
    assert.equal(store.coverage().deep, 0, "what the old model still had under way is its own");
    assert.throws(() => store.putVectors("deep", [{ chunkId: late!.chunkId, vector: quantise(vectorOf(late!.text)) }]), RangeError);
    store.putVectors("instant", store.chunksToDeepen("instant", 10).map(({ chunkId, text }) => ({ chunkId, vector: quantise(vectorOf(text, 48)) })));
    assert.equal(store.previousModel !== undefined, false);
    while (!store.drainGraphs(1000));
    store.useModel(testModel());
    assert.deepEqual([store.previousModel !== undefined, store.coverage()], [false, { files: 3, chunks: 3, instant: 3, shallow: 3, deep: 3 }]);
    assert.ok(nearest(store, text, 32)!.score > 0.99);
    assert.equal(store.chunksToDeepen("deep", 9).length, 0);
  });

  test("of the model that cannot be noted leaves the one before in use", async () => {
    const store = await w.open();
    store.putFiles(manyFiles(2));
    const other = new DatabaseSync(inFolder("index.db"));
    other.exec("BEGIN IMMEDIATE");
    assert.throws(() => store.useModel(testModel({ hash: "b".repeat(64), dims: 48, matryoshka: [48] })), code("index.held"));
    other.exec("ROLLBACK");
    other.close();
    store.putFiles(manyFiles(1, 2));
    assert.deepEqual([store.coverage().instant, store.previousModel], [3, undefined]);
    assert.ok(nearest(store, manyFiles(1, 2)[0]!.chunks[0]!.chunk.text)!.score > 0.99);
  });

  test("of the model costs nothing when the old one comes back at once", async () => {
    const store = await w.open();
    store.putFiles(manyFiles(3));
    await store.close();
    await (await w.open({ model: testModel({ hash: "b".repeat(64) }) })).close();
    const back = await w.open();
    assert.equal(back.previousModel !== undefined, false);
    assert.equal(back.coverage().instant, 3);
  });
});

describe("a graph that cannot be saved", () => {
  test("stops nothing, is told to the log, and is saved when it can be", async () => {
    const logged: string[] = [];
    const store = await w.open({ graphFrom: 100, log: (level, message) => void logged.push(`${level}: ${message}`) });
    store.putFiles(manyFiles(200));
    while (!store.drainGraphs(1000));
    const file = path.join(w.folder, "instant.hnsw");
    mkdirSync(path.join(file, "in the way"), { recursive: true });
    await store.saveGraphs();
    assert.match(logged.join("\n"), /^warn: A graph was not saved/m);
    assert.ok(nearest(store, manyFiles(1)[0]!.chunks[0]!.chunk.text)!.score > 0.99);
    rmSync(file, { recursive: true });
    await store.saveGraphs();
    assert.ok(statSync(file).isFile());
    await store.close();
  });
});

const canMount = process.platform === "linux" && process.getuid?.() === 0;
describe("a full disk", () => {
  test("is said so, loses nothing, keeps answering, and is forgotten once there is space", { skip: canMount ? false : "needs root on Linux to mount a small file system" }, async (t) => {
    const folder = inFolder("small");
    execFileSync("mkdir", [folder]);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]);
    } catch {
      return t.skip("this container has no right to mount");
    }
    let store: Store | undefined;
    try {
      const ballast = path.join(folder, "ballast");
      writeFileSync(ballast, Buffer.alloc(2 << 20));
      const full = (store = await Store.open(w.options({ folder, graphFrom: 100 })));
      let put = 0;
      const fill = () => {
        for (; put < 4000; put += 20) full.putFiles(manyFiles(20, put));
      };
      assert.throws(fill, code("index.diskFull"));
      assert.ok(put > 0 && put < 4000);
      const text = manyFiles(1)[0]!.chunks[0]!.chunk.text;
      const answers = () => {
        assert.equal(full.coverage().files, put);
        assert.equal(full.files().size, put);
        assert.equal(full.searchLexical([number], [], even, 10_000, {}).length, put);
        assert.ok(nearest(full, text)!.score > 0.99);
        assert.equal(full.placesInFile("src/file0.ts")[0]!.text, text);
      };
      answers();
      assert.throws(() => full.putFiles(manyFiles(20, put)), code("index.diskFull"));
      answers();
      while (!full.drainGraphs(1000));
      await assert.rejects(full.saveGraphs(), code("index.diskFull"));
      answers();
      execFileSync("rm", [ballast]);
      full.putFiles(manyFiles(20, put));
      put += 20;
      answers();
      await store.close();
      const again = await Store.open(w.options({ folder }));
      assert.equal(again.coverage().files, put);
      assert.deepEqual(again.warnings, []);
      await again.close();
    } finally {
      await store?.close();
      execFileSync("umount", [folder]);
    }
  });
});
