// Disks of which Windows does not say where their files lie cannot be had in a test: here the system's own answer fails.
import assert from "node:assert/strict";
import fs, { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import promises from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import { realPath, realPathSync } from "../../../src/base/realPath.ts";
import { leadsOut } from "../../../src/base/relativePath.ts";
import { shareMocks } from "../../support/builtins.ts";

test("on a disk of which the system does not say where files lie, links are followed one by one", async (t) => {
  const folder = realpathSync.native(mkdtempSync(path.join(os.tmpdir(), "strata-real-")));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(path.join(folder, "code/src"), { recursive: true });
  symlinkSync(path.join(folder, "code"), path.join(folder, "link"), "junction");
  const refuse = () => {
    throw Object.assign(new Error("illegal operation on a directory"), { code: "EISDIR" });
  };
  t.mock.method(fs.realpathSync, "native", refuse);
  t.mock.method(promises, "realpath", async () => refuse());
  shareMocks(t);
  const [given, real] = [path.join(folder, "link", "src"), path.join(folder, "code", "src")];
  assert.equal(realPathSync(given), real);
  assert.equal(await realPath(given), real);
  assert.throws(() => realPathSync(path.join(folder, "none")), { code: "ENOENT" });
  await assert.rejects(realPath(path.join(folder, "none")), { code: "ENOENT" });
});

test("a path leads out by its first steps, by another drive, and on Windows by any colon", () => {
  const { posix, win32 } = path;
  const cases: [relative: string, onPosix: boolean, onWindows: boolean][] = [
    ["a/..b", false, false], ["..b", false, false], ["..", true, true], ["../a", true, true], ["..\\a", false, true],
    ["/a", true, true], ["D:\\a", false, true], ["D:a", false, true], [".env::$DATA", false, true], ["a/b:c.ts", false, true],
  ];
  for (const [relative, onPosix, onWindows] of cases) assert.deepEqual([leadsOut(relative, posix), leadsOut(relative, win32)], [onPosix, onWindows], relative);
});
