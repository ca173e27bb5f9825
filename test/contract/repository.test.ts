// What the repository as a whole promises: it speaks of itself alone, and stands alone.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import test from "node:test";

const root = path.resolve(import.meta.dirname, "../..");
const tracked = spawnSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).stdout.split("\0").filter(Boolean);

test("lock files carry no registry address", { skip: tracked.length === 0 && "not a git checkout" }, () => {
  const lock = readFileSync(path.join(root, "package-lock.json"), "utf8");
  assert.doesNotMatch(lock, /"resolved"/);
});

test("every dependency is pinned to one version", () => {
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Record<string, Record<string, string>>;
  for (const kind of ["dependencies", "devDependencies", "optionalDependencies"])
    for (const [name, version] of Object.entries(manifest[kind] ?? {})) assert.match(version, /^\d+\.\d+\.\d+$/, `${name} ${version}`);
});

test("no tracked file is larger than 20 MB", { skip: tracked.length === 0 && "not a git checkout" }, () => {
  assert.deepEqual(tracked.filter((f) => (statSync(path.join(root, f), { throwIfNoEntry: false })?.size ?? 0) > 20_000_000), []);
});

/** The miner knows these words as data. */
const knowTheWords = new Set(["src/indexing/mine.ts", "test/quality/minedQueries.ts", "test/unit/indexing/mine.test.ts"]);
test("no source is left open or skipped", { skip: tracked.length === 0 && "not a git checkout" }, () => {
  const open = tracked.filter((f) => /^(src|scripts|training\/src|test)\/.*\.(ts|mjs|py)$/.test(f) && !knowTheWords.has(f));
  const markers = new RegExp(["\\bTO" + "DO\\b", "\\bFIX" + "ME\\b", "not imple" + "mented", "\\b(it|test|describe)\\.(skip|only)\\("].join("|"));
  assert.deepEqual(open.filter((f) => markers.test(readFileSync(path.join(root, f), "utf8"))), []);
});

test("a part of the tests that does not exist is refused, with the parts that do", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/test.mjs", "unit", "contarct"], { cwd: root, encoding: "utf8" });
  assert.deepEqual([status, stdout], [2, ""]);
  assert.match(stderr, /no part contarct\. .*unit, contract, integration/);
});
