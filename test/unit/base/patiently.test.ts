import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { patiently, written } from "../../../src/base/patiently.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

/** Fails so often with this code. */
function refusing(times: number, code: string) {
  const asked = { times: 0 };
  const work = () => {
    if (asked.times++ < times) throw Object.assign(new Error(code), { code });
  };
  return { asked, work };
}

test("what Windows refuses because somebody reads there is tried again, and no other failure", () => {
  for (const code of ["EPERM", "EACCES", "EBUSY"]) {
    const passing = refusing(2, code);
    patiently(passing.work, true);
    assert.equal(passing.asked.times, 3);
  }
  const full = refusing(1, "ENOSPC");
  assert.throws(() => patiently(full.work, true), { code: "ENOSPC" });
  assert.equal(full.asked.times, 1);
});

test("what stays refused is thrown, elsewhere at once", () => {
  assert.throws(() => patiently(refusing(Infinity, "EBUSY").work, true), { code: "EBUSY" });
  const elsewhere = refusing(Infinity, "EACCES");
  assert.throws(() => patiently(elsewhere.work, false), { code: "EACCES" });
  assert.equal(elsewhere.asked.times, 1);
});

test("a file that is written anew is the one before until it is put in its place, and its owner's alone", (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "a.json");
  writeFileSync(file, "before");
  const put = written(file, "now");
  assert.equal(readFileSync(file, "utf8"), "before");
  put();
  assert.deepEqual([readFileSync(file, "utf8"), readdirSync(folder)], ["now", ["a.json"]]);
  if (process.platform !== "win32") assert.equal(statSync(file).mode & 0o777, 0o600);
});
