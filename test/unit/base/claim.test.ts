import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { claim } from "../../../src/base/claim.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

test("a claim holds while its process lives, and can be given back", (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "run", "running");
  const taken = (pid: number): Error => new Error(`taken by ${pid}`);
  claim(file, taken).release();
  assert.equal(existsSync(file), false);
  writeFileSync(file, String(process.ppid));
  assert.throws(() => claim(file, taken), { message: `taken by ${process.ppid}` });
  for (const left of [String(spawnSync(process.execPath, ["--version"]).pid), "", "no number"]) {
    writeFileSync(file, left);
    claim(file, taken).release();
  }
  claim(file, taken).addHolder(process.ppid); // its child works on
  assert.throws(() => claim(file, taken), { message: `taken by ${process.ppid}` });
});
