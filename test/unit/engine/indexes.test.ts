// Which indexes there are, by what lies in the cache folder; deleting one takes all of it and nothing beside it.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { StrataError } from "../../../src/base/errors.ts";
import { forgetIndex, listIndexes, otherDatabases } from "../../../src/engine/indexes.ts";
import { indexFolder, makeIndexFolder } from "../../../src/engine/paths.ts";
import { lockIndex } from "../../../src/store/store.ts";
import { temporaryFolder, useCache } from "../../support/temporaryFolder.ts";

const scratch = temporaryFolder({ after });
useCache({ after }, path.join(scratch, "cache"));

/** An index of `name` whose database was last written at `usedMs`. */
function makeIndex(name: string, usedMs: number): string {
  const root = path.join(scratch, name);
  mkdirSync(root, { recursive: true });
  const folder = indexFolder(root);
  makeIndexFolder(folder, root);
  for (const file of ["index.db", "root", "CACHEDIR.TAG"]) {
    if (file === "index.db") writeFileSync(path.join(folder, file), "x".repeat(1_000));
    utimesSync(path.join(folder, file), usedMs / 1000, usedMs / 1000);
  }
  return root;
}

test("no cache folder, no indexes", () => assert.deepEqual(listIndexes(), []));

test("indexes come with folder, size and time, the last used first; what else lies there is none", () => {
  const [old, fresh] = [makeIndex("old", 1e12), makeIndex("fresh", 2e12)];
  mkdirSync(path.join(scratch, "cache/models/mine"), { recursive: true });
  rmSync(old, { recursive: true });
  const found = listIndexes();
  assert.deepEqual(found.map(({ root, isGone, usedMs }) => [root, isGone, usedMs]), [[fresh, false, 2e12], [old, true, 1e12]]);
  assert.ok(found.every(({ bytes }) => bytes >= 1_000));
});

test("an index that no engine of this version has opened is listed without its folder, and is not taken for gone", () => {
  const folder = path.join(scratch, "cache", `elder-${"0".repeat(16)}`);
  mkdirSync(folder);
  const elder = listIndexes().find((index) => index.folder === folder);
  assert.deepEqual([elder?.root, elder?.isGone], [undefined, false]);
});

test("what another program or user left there is neither gone nor in the way", { skip: process.platform === "win32" && "needs symbolic links" }, () => {
  const lying = path.join(scratch, "cache", `x-${"1".repeat(16)}`);
  mkdirSync(lying);
  writeFileSync(path.join(lying, "root"), "/somewhere/else/that/is/gone");
  const round = path.join(scratch, "cache", `y-${"2".repeat(16)}`);
  mkdirSync(round);
  symlinkSync("index.db", path.join(round, "index.db"));
  const found = listIndexes().filter(({ folder }) => folder === lying || folder === round);
  assert.deepEqual(found.map(({ root, isGone }) => [root, isGone]), [[undefined, false], [undefined, false]]);
  assert.ok(!otherDatabases(lying).some((file) => file.startsWith(round)));
});

test("an index is deleted whole, and not while an engine or a training run uses it", async () => {
  const root = makeIndex("doomed", 3e12);
  const doomed = listIndexes().find((index) => index.root === root)!;
  const lock = lockIndex(doomed.folder);
  await assert.rejects(forgetIndex(doomed), (error) => StrataError.is(error, "index.busy") && error.message.includes(root) && /its engine/.test(error.message));
  lock.release();
  const running = path.join(doomed.folder, "training/running");
  mkdirSync(path.dirname(running), { recursive: true });
  writeFileSync(running, `${process.ppid}\n`);
  await assert.rejects(forgetIndex(doomed), (error) => StrataError.is(error, "index.busy") && /training run \(process \d+\)/.test(error.message));
  assert.ok(existsSync(path.join(doomed.folder, "index.db")));
  writeFileSync(running, `${2 ** 30}\n`); // was killed
  writeFileSync(path.join(doomed.folder, "engine.json"), "damaged {");
  await forgetIndex(doomed);
  assert.ok(!existsSync(doomed.folder) && existsSync(root));
  assert.ok(listIndexes().length > 0);
});
