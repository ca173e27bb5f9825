// What parse workers meet on real disks is in parsePool.test.ts; here a disk that cannot be had in a test.
import assert from "node:assert/strict";
import fs, { mkdtemp, writeFile } from "node:fs/promises";
import { rmSync, symlinkSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import { NotInside, readInside } from "../../../src/base/readInside.ts";
import { shareMocks } from "../../support/builtins.ts";

test("a root that was named in other letters, on a disk that ignores case, holds its files", { skip: process.platform !== "linux" && "elsewhere the system gives the name on disk" }, async (t) => {
  const root = await fs.realpath(await mkdtemp(path.join(os.tmpdir(), "strata-inside-")));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  await writeFile(path.join(root, "a.ts"), "own");
  symlinkSync(os.tmpdir(), path.join(root, "link"));
  await writeFile(`${root}.ts`, "other");
  t.after(() => rmSync(`${root}.ts`, { force: true }));
  t.mock.method(fs, "realpath", async (file: string) => file.toUpperCase()); // what the C library gives is what was typed
  shareMocks(t);
  const named = `${root}-named`; // by a link, as no name of this disk is read in other letters
  symlinkSync(root, named);
  t.after(() => rmSync(named, { force: true }));
  symlinkSync("a.ts", path.join(root, "alias.ts"));
  for (const name of [root, named]) {
    await assert.rejects(readInside(name, "alias.ts"), NotInside, "a link is no file, wherever it leads");
    assert.equal(String(await readInside(name, "a.ts", 3)), "own");
    await assert.rejects(readInside(name, "a.ts", 2), NotInside);
    await assert.rejects(readInside(name, `link/${path.basename(root)}.ts`), NotInside);
  }
});
