#!/usr/bin/env node
// The search view's page alone in Chromium, then the packed extension installed into a real VS Code and driven by its user
// interface. Screenshots go to out/screenshots. Ends with "N passed, N failed, N skipped".
import { spawnSync } from "node:child_process";
import path from "node:path";
import { node24, root } from "./setup.mjs";
import { packageExtension } from "./package.mjs";
import { setupForTests } from "./setupVscode.mjs";

const vscode = setupForTests("the packaged extension in real VS Code");
const node = node24();
const vsix = packageExtension(node);
const files = ["test/e2e/panel.test.ts", "test/e2e/ui.test.ts", "test/e2e/training.test.ts"].filter((file) => process.argv.length < 3 || process.argv.slice(2).some((name) => file.includes(name)));
const { status, stdout } = spawnSync(node, ["--no-warnings", "--test", "--test-concurrency=1", "--test-timeout=900000", "--test-reporter=spec", ...files], {
  cwd: root,
  encoding: "utf8",
  stdio: ["ignore", "pipe", "inherit"],
  maxBuffer: 1 << 26,
  env: { ...process.env, STRATA_TEST_VSIX: vsix, STRATA_TEST_VSCODE: JSON.stringify(vscode) },
});
process.stdout.write(stdout);
console.log(`screenshots: ${path.relative(process.cwd(), path.join(root, "out/screenshots"))}`);
const count = (name) => Number(new RegExp(`^ℹ ${name} (\\d+)$`, "m").exec(stdout)?.[1] ?? 0);
const failed = count("fail") + count("cancelled");
console.log(`${count("pass")} passed, ${status !== 0 && failed === 0 ? 1 : failed} failed, ${count("skipped")} skipped`);
process.exit(status === 0 ? 0 : 1);
