#!/usr/bin/env node
// The tests inside VS Code's extension host (test/e2e/host), through @vscode/test-electron. Without a desktop VS Code they run
// in the one of setupVscode.mjs; VSCODE_TEST_EXECUTABLE names another. Ends with "N passed, N failed, N skipped".
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { runTests } from "@vscode/test-electron";
import * as esbuild from "esbuild";
import { alias } from "./build.mjs";
import { root } from "./setup.mjs";
import { setupForTests } from "./setupVscode.mjs";

const own = path.join(root, "scripts", "vscodeTestHost.mjs");
const vscodeExecutablePath = process.env.VSCODE_TEST_EXECUTABLE ?? own;

if (vscodeExecutablePath === own) setupForTests("the tests in real VS Code");

const out = path.join(root, "out", "hostTests");
await esbuild.build({ absWorkingDir: root, entryPoints: { index: "test/e2e/host/index.ts" }, bundle: true, outdir: out, outExtension: { ".js": ".cjs" }, platform: "node", format: "cjs", target: "node22", external: ["vscode", "mocha"], sourcemap: "inline", logLevel: "error", alias });

const temporary = mkdtempSync(path.join(os.tmpdir(), "strata-ht-"));
const workspace = path.join(temporary, "shop");
cpSync(path.join(root, "test/fixtures/workspace"), workspace, { recursive: true });
mkdirSync(path.join(temporary, "cache"));
let code = 0;
try {
  await runTests({
    vscodeExecutablePath,
    extensionDevelopmentPath: root,
    extensionTestsPath: path.join(out, "index.cjs"),
    launchArgs: [workspace],
    extensionTestsEnv: { STRATA_CACHE: path.join(temporary, "cache") },
  });
} catch (error) {
  console.error(error.message);
  code = 1;
}
// The engine outlives its clients by design; here nobody will come back.
for (const index of readdirSync(path.join(temporary, "cache"))) {
  try {
    process.kill(JSON.parse(readFileSync(path.join(temporary, "cache", index, "engine.json"), "utf8")).pid);
  } catch {
    // it has ended, and its record with it
  }
}
rmSync(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
process.exit(code);
