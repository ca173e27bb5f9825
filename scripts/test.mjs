#!/usr/bin/env node
// `npm test`: set-up, then every test, in this order: types, TypeScript (unit, contract, integration, quality), Python, real VS Code.
// Ends with one line "N passed, N failed, N skipped"; exit code 0 only when nothing failed. `npm test -- unit` runs one part.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root, setup, step } from "./setup.mjs";

const total = { passed: 0, failed: 0, skipped: 0 };
const parts = process.argv.slice(2);
const wanted = (name) => parts.length === 0 || parts.includes(name);
const started = Date.now();

const section = (name) => console.log(`\n── ${name} (${Math.round((Date.now() - started) / 1000)} s so far) ──`);
const skip = (sentence) => {
  console.log(`skipped: ${sentence}`);
  total.skipped++;
};

/** Runs a program with its output passed through; resolves to exit code and the output. */
function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"], ...options, env: { ...process.env, ...options.env } });
    let output = "";
    child.stdout.on("data", (data) => {
      output += data;
      process.stdout.write(data);
    });
    child.on("error", (error) => resolve({ code: 2, output: error.message }));
    child.on("close", (code) => resolve({ code: code ?? 2, output }));
  });
}

/** Adds the counts a runner printed; a runner that fails without counting a failure counts as one. */
function count(name, code, counts) {
  if (!counts) {
    console.log(`${name}: no result (exit code ${code})`);
    total.failed++;
    return;
  }
  total.passed += counts.passed;
  total.failed += code !== 0 && counts.failed === 0 ? 1 : counts.failed;
  total.skipped += counts.skipped;
}
const number = (output, pattern) => Number(pattern.exec(output)?.[1] ?? 0);

async function typescript(node, name, concurrency) {
  const folder = path.join("test", name);
  const files = readdirSync(path.join(root, folder), { recursive: true }).filter((file) => file.endsWith(".test.ts")).map((file) => path.join(folder, file)).sort();
  if (files.length === 0) return;
  section(`${name}: ${files.length} files`);
  const { code, output } = await run(node, ["--liftoff-only", "--no-warnings", "--test", `--test-concurrency=${concurrency}`, "--test-reporter=spec", ...files]);
  const counts = /^ℹ tests (\d+)$/m.test(output)
    ? { passed: number(output, /^ℹ pass (\d+)$/m), failed: number(output, /^ℹ fail (\d+)$/m) + number(output, /^ℹ cancelled (\d+)$/m), skipped: number(output, /^ℹ skipped (\d+)$/m) }
    : undefined;
  count(name, code, counts);
}

/** A Python for training: 3.11 or newer. Only the training tests need it. */
function findPython() {
  for (const candidate of [process.env.STRATA_PYTHON, "python3.11", "python3", "python"]) {
    if (!candidate) continue;
    const probe = spawnSync(candidate, ["-c", "import sys; print(sys.version_info >= (3, 11))"], { encoding: "utf8" });
    if (probe.status === 0 && probe.stdout.trim() === "True") return candidate;
  }
  return undefined;
}

async function python() {
  section("training (Python)");
  const base = findPython();
  if (!base) return skip("no Python 3.11 or newer was found; it is needed for training only (Debian: apt-get install python3 python3-venv)");
  const venv = path.join(root, "training", ".venv");
  const python = path.join(venv, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  const stamp = path.join(venv, ".ready");
  if (!existsSync(stamp)) {
    step("making a Python environment", base, ["-m", "venv", venv]);
    step("installing PyTorch and the training package (some minutes the first time)", python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", "training[dev,translate]"]);
    mkdirSync(venv, { recursive: true });
    writeFileSync(stamp, "");
  }
  const { code, output } = await run(python, ["-m", "pytest", "-q", "--durations=3", "training/tests"]);
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  const counts = /\d+ (passed|failed|skipped|error)/.test(last)
    ? { passed: number(last, /(\d+) passed/), failed: number(last, /(\d+) failed/) + number(last, /(\d+) error/), skipped: number(last, /(\d+) skipped/) }
    : undefined;
  count("training", code, counts);
}

async function editor(node) {
  for (const [name, script] of [
    ["tests inside VS Code's extension host", "scripts/runHostTests.mjs"],
    ["the packaged extension in VS Code", "scripts/runUiTests.mjs"],
  ]) {
    section(name);
    const { code, output } = await run(node, [script]);
    const line = output.match(/^(\d+) passed, (\d+) failed, (\d+) skipped$/gm)?.at(-1);
    const [, passed, failed, skipped] = /(\d+) passed, (\d+) failed, (\d+) skipped/.exec(line ?? "") ?? [];
    count(name, code, line ? { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) } : undefined);
  }
}

try {
  const node = setup();
  if (wanted("types")) {
    section("types");
    const { code } = await run(node, ["node_modules/typescript/bin/tsc", "-p", "."]);
    count("types", code, { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 });
  }
  if (wanted("unit")) await typescript(node, "unit", 2);
  if (wanted("contract")) await typescript(node, "contract", 2);
  // Each of these starts engines of its own: one at a time keeps two cores honest.
  if (wanted("integration")) await typescript(node, "integration", 1);
  if (wanted("quality")) await typescript(node, "quality", 1);
  if (wanted("python")) await python();
  if (wanted("e2e")) await editor(node);
} catch (error) {
  console.error(error.message);
  total.failed++;
}
console.log(`\n${Math.round((Date.now() - started) / 1000)} s`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 ? 1 : 0);
