// What an engine takes for an update of its own files; the looks are the test's.
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { hashOf, whenReplaced } from "../../../src/engine/replaced.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

test("a program with other content is another one, once it has stayed so for a look; a build of the same, and one that has gone, are not", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const folder = temporaryFolder(t);
  const [program, manifest] = [path.join(folder, "engine.mjs"), path.join(folder, "manifest.json")];
  for (const file of [program, manifest]) writeFileSync(file, "1");
  let calls = 0;
  const files = [program, manifest].map((file) => [file, hashOf(file)!] as const);
  const look = whenReplaced(() => files, () => calls++);
  const looks = (): number => (look(), look(), calls);
  assert.equal(looks(), 0);
  rmSync(program);
  assert.equal(looks(), 0);
  writeFileSync(program, "1");
  assert.equal(looks(), 0);
  for (const half of ["22", "223"]) {
    writeFileSync(program, half);
    look();
    assert.equal(calls, 0, "it is still being written");
  }
  look();
  assert.equal(calls, 1);
});

test("a model that is chosen later is looked at from then on, also where an update came before the first look", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const folder = temporaryFolder(t);
  const [one, other] = [path.join(folder, "one.json"), path.join(folder, "other.json")];
  for (const file of [one, other]) writeFileSync(file, file);
  const files = new Map([[one, hashOf(one)!]]);
  let calls = 0;
  whenReplaced(() => [...files], () => calls++);
  const pass = (): number => (t.mock.timers.tick(10_000), calls);
  assert.equal(pass(), 0);
  files.delete(one);
  files.set(other, hashOf(other)!);
  writeFileSync(other, "new");
  assert.equal(pass(), 1);
  assert.equal(pass(), 1, "and no more after");
});
