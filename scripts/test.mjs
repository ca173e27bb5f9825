#!/usr/bin/env node
// `npm test`: set-up, then every test, in this order: types, TypeScript (unit, contract, integration, quality), Python, real VS Code.
// Ends with one line "N passed, N failed, N skipped"; exit code 0 only when nothing failed. `npm test -- unit` runs one part.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root, setup, step } from "./setup.mjs";

const total = { passed: 0, failed: 0, skipped: 0 };
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

async function types(node) {
  section("types");
  const { code } = await run(node, ["node_modules/typescript/bin/tsc", "-p", "."]);
  count("types", code, { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 });
}

async function typescript(node, name, concurrency) {
  const folder = path.join("test", name);
  const files = readdirSync(path.join(root, folder), { recursive: true }).filter((file) => file.endsWith(".test.ts")).map((file) => path.join(folder, file)).sort();
  if (files.length === 0) return;
  section(`${name}: ${files.length} files`);
  // The timeout is for a test that waits for what never comes: it ends with its name, and the others run.
  const { code, output } = await run(node, ["--liftoff-only", "--no-warnings", "--test", `--test-concurrency=${concurrency}`, "--test-timeout=900000", "--test-reporter=spec", ...files]);
  const counts = /^ℹ tests (\d+)$/m.test(output)
    ? { passed: number(output, /^ℹ pass (\d+)$/m), failed: number(output, /^ℹ fail (\d+)$/m) + number(output, /^ℹ cancelled (\d+)$/m), skipped: number(output, /^ℹ skipped (\d+)$/m) }
    : undefined;
  count(name, code, counts);
}

/** The Python that fine-tuning would take, and the stamp of what is installed into its environment. Not STRATA_PYTHON: the tests install theirs. */
function trainingPython(node) {
  const question = `import { findPython, requirements } from "./src/training/environment.ts"; console.log(JSON.stringify({ base: findPython(), requirements: requirements() }));`;
  const { status, stdout, stderr } = spawnSync(node, ["--no-warnings", "--input-type=module", "-e", question], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`Which Python trains could not be found out: ${stderr.trim()}`);
  return JSON.parse(stdout);
}

/** The environment training/.venv with the training package as it is in this checkout, and what its tests need. */
function trainingEnvironment(base, requirements) {
  const venv = path.join(root, "training", ".venv");
  const python = path.join(venv, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  const stamp = path.join(venv, ".ready");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === requirements) return python;
  try {
    step("making a Python environment", base, ["-m", "venv", "--clear", venv]);
  } catch (error) {
    throw new Error(`${error.message} On Debian and Ubuntu the module is a package of its own: apt-get install python3-venv.`);
  }
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  // On Linux the ordinary build brings gigabytes of CUDA; where the package index has the CPU build as well, the tests need no more.
  const [, torch] = /"torch==([\d.]+)"/.exec(readFileSync(path.join(root, "training", "pyproject.toml"), "utf8"));
  if (process.platform === "linux" && spawnSync(python, [...install, `torch==${torch}+cpu`], { cwd: root }).status !== 0)
    console.log("This machine's package index has no CPU build of PyTorch; the one with CUDA takes some gigabytes (training/README.md says how to avoid it).");
  step("installing PyTorch and the training package (some minutes the first time)", python, [...install, "-e", "training[dev,translate]"]);
  writeFileSync(stamp, requirements);
  return python;
}

async function python(node) {
  section("training (Python)");
  const { base, requirements } = trainingPython(node);
  if (!base) return skip("no Python that PyTorch runs on was found; it is needed for training only (Debian: apt-get install python3 python3-venv)");
  const python = trainingEnvironment(base, requirements);
  const lint = await run(python, ["-m", "ruff", "check", "--no-cache", "training"]);
  count("ruff", lint.code, { passed: lint.code === 0 ? 1 : 0, failed: lint.code === 0 ? 0 : 1, skipped: 0 });
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

/** In this order. Integration and quality start engines of their own: one at a time keeps two cores honest. */
const parts = {
  types,
  unit: (node) => typescript(node, "unit", 2),
  contract: (node) => typescript(node, "contract", 2),
  integration: (node) => typescript(node, "integration", 1),
  quality: (node) => typescript(node, "quality", 1),
  python,
  e2e: editor,
};
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(parts, name));
if (unknown.length > 0) {
  console.error(`There is no part ${unknown.join(", ")}. The parts are ${Object.keys(parts).join(", ")}; without a name all of them run.`);
  process.exit(2);
}

/** A part that cannot run is a failure of its own; the others run all the same. */
async function attempt(name, work) {
  try {
    return await work();
  } catch (error) {
    console.error(`${name}: ${error.message}`);
    total.failed++;
  }
}
const node = await attempt("set-up", setup);
for (const [name, part] of Object.entries(parts)) if (node && (wanted.length === 0 || wanted.includes(name))) await attempt(name, () => part(node));
console.log(`\n${Math.round((Date.now() - started) / 1000)} s`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 ? 1 : 0);
