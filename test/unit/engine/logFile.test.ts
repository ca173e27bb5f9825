import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { createLog } from "../../../src/engine/logFile.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

test("a log stays short while the engine lives, and the one before is kept", (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "engine.log");
  const log = createLog(file);
  for (let line = 0; line < 1500; line++) log("info", `line ${line} ${"x".repeat(3000)}`);
  log("warn", "the last", new Error("with a reason"));
  assert.deepEqual(readdirSync(folder).sort(), ["engine.log", "engine.log.old"]);
  for (const name of readdirSync(folder)) assert.ok(statSync(path.join(folder, name)).size < 3_000_000);
  assert.match(readFileSync(file, "utf8"), /Z warn the last: Error: with a reason/);
});

test("an error that quotes megabytes takes a line of some thousand letters", (t) => {
  const file = path.join(temporaryFolder(t), "engine.log");
  createLog(file)("error", "a pass failed", new SyntaxError(`Invalid regular expression: ${"x".repeat(3_000_000)}`));
  const text = readFileSync(file, "utf8");
  assert.match(text, /a pass failed: SyntaxError: Invalid/);
  assert.ok(text.length < 6_000);
});
