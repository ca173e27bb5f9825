// Fine-tuning without Python: a stand-in program says what the real one would, and worse.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test, { type TestContext } from "node:test";
import { StrataError } from "../../../src/base/errors.ts";
import { type EnvironmentPlan, makeEnvironment, prepareEnvironment } from "../../../src/training/environment.ts";
import { fineTune, LEAST_PAIRS, type TrainingEvent } from "../../../src/training/fineTune.ts";

const posix = process.platform === "win32" && "shell scripts stand in for Python";

function temporary(t: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "strata-train-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A program that is started like Python and runs this shell script; $OUT is the folder for the model. */
function standIn(folder: string, script: string): string {
  const file = path.join(folder, "python");
  writeFileSync(file, `#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = --out ] && OUT="$2"; shift; done\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

function options(folder: string, script: string, pairs = 60) {
  const file = path.join(folder, "pairs.jsonl");
  writeFileSync(file, '{"doc":"d","code":"c"}\n'.repeat(pairs));
  return { environment: { python: standIn(folder, script) }, pairs: file, start: "unused", run: path.join(folder, "run"), adoptAs: path.join(folder, "models", "mine"), minutes: 1, device: "cpu", resume: false } as const;
}
const never = new AbortController().signal;
const figures = '"before":{"6":0.5,"score":0.5},"after":{"6":0.6,"score":0.6}';

test("a better model is adopted, and every event is passed on", { skip: posix }, async (t) => {
  const folder = temporary(t);
  const events: TrainingEvent[] = [];
  const result = await fineTune(
    options(folder, `echo '{"event":"progress","phase":"train","done":1,"total":2}'; echo 'a library says hello'; echo '{"event":"metric","phase":"held-out","step":1,"6":0.5}'; mkdir -p "$OUT"; echo '{}' > "$OUT/manifest.json"; echo '{"event":"result","adopt":true,"reason":"Better.",${figures}}'`),
    (event) => events.push(event),
    never,
  );
  assert.deepEqual(events.map((e) => e.event), ["progress", "metric", "result"]);
  assert.equal(result.adopted, true);
  assert.ok(existsSync(path.join(folder, "models", "mine", "manifest.json")));
  assert.deepEqual(result.after, { "6": 0.6, score: 0.6 });
});

test("a model that is not better stays out", { skip: posix }, async (t) => {
  const folder = temporary(t);
  const result = await fineTune(options(folder, `mkdir -p "$OUT"; echo '{}' > "$OUT/manifest.json"; echo '{"event":"result","adopt":false,"reason":"No exit got better.",${figures}}'`), () => {}, never);
  assert.deepEqual([result.adopted, result.model, result.reason], [false, undefined, "No exit got better."]);
  assert.ok(!existsSync(path.join(folder, "models", "mine")));
});

for (const [what, script, pairs, sentence] of [
  ["too little documentation", "exit 0", LEAST_PAIRS - 1, /49 documented definitions; fine-tuning needs at least 50/],
  ["an error the program explains", `echo '{"event":"error","code":"memory","message":"Memory ran out at batch 8."}'; exit 1`, 60, /Memory ran out at batch 8/],
  ["a crash with a trace", "echo 'ImportError: no torch' >&2; exit 1", 60, /without a result \(1\): ImportError: no torch/],
  ["being killed by the system", "kill -9 $$", 60, /memory ran out/],
  ["success without a model", `echo '{"event":"result","adopt":true,"reason":"Better.",${figures}}'`, 60, /left no model/],
] as const)
  test(`${what} ends in a sentence and the old model in place`, { skip: posix }, async (t) => {
    const folder = temporary(t);
    await assert.rejects(fineTune(options(folder, script, pairs), () => {}, never), (error) => StrataError.is(error, "training.failed") && sentence.test(error.message));
    assert.ok(!existsSync(path.join(folder, "models", "mine")));
  });

test("a program that cannot be started is said by name", async (t) => {
  const folder = temporary(t);
  const broken = { ...options(folder, ""), environment: { python: path.join(folder, "nowhere") } };
  await assert.rejects(fineTune(broken, () => {}, never), (error) => StrataError.is(error, "training.failed") && /ENOENT/.test(error.message));
});

test("cancelling tells the program, which may save before it ends", { skip: posix }, async (t) => {
  const folder = temporary(t);
  const controller = new AbortController();
  const running = fineTune(
    options(folder, `trap 'echo saved > "${folder}/checkpoint"; exit 0' TERM; echo '{"event":"progress","phase":"train","done":0,"total":9}'; while :; do sleep 0.02; done`),
    () => controller.abort(),
    controller.signal,
  );
  await assert.rejects(running, { name: "AbortError" });
  assert.equal(readFileSync(path.join(folder, "checkpoint"), "utf8").trim(), "saved");
});

test("a user's own Python is used as it is, or refused with the command that mends it", () => {
  const env = { STRATA_PYTHON: "/opt/mine/python" };
  assert.deepEqual(prepareEnvironment("/cache", env, () => ""), { python: "/opt/mine/python" });
  assert.throws(() => prepareEnvironment("/cache", env, () => undefined), (error) => StrataError.is(error, "training.failed") && /pip install/.test(error.message));
});

test("without uv and Python there is a sentence, with either there is a plan that says place and size", (t) => {
  const cache = temporary(t);
  assert.throws(() => prepareEnvironment(cache, {}, () => undefined), (error) => StrataError.is(error, "training.failed") && /uv/.test(error.message));
  for (const [present, tool, first] of [
    [["uv"], "uv", "uv"],
    [["python3.12"], "pip", "python3.12"],
    [["uv", "python3.11"], "uv", "uv"],
  ] as const) {
    const plan = prepareEnvironment(cache, {}, (command) => ((present as readonly string[]).includes(command) ? "yes" : undefined)) as EnvironmentPlan;
    assert.equal(plan.tool, tool);
    assert.equal(plan.steps[0]?.command, first);
    assert.ok(plan.summary.includes(cache) && /GB/.test(plan.summary), plan.summary);
  }
});

test("an environment is ready after it was made, and a failed attempt leaves nothing behind", { skip: posix }, async (t) => {
  const cache = temporary(t);
  const folder = path.join(cache, "training-env");
  const plan = (script: string): EnvironmentPlan => ({ folder, tool: "pip", base: "python3", summary: "", steps: [{ label: "making", command: "sh", args: ["-c", script] }] });
  await assert.rejects(makeEnvironment(plan(`mkdir -p "${folder}"; echo no space left >&2; exit 1`), () => {}, never), (error) => StrataError.is(error, "training.failed") && /no space left/.test(error.message));
  assert.ok(!existsSync(folder));
  const made = await makeEnvironment(plan(`mkdir -p "${folder}/bin"; touch "${folder}/bin/python"`), () => {}, never);
  assert.deepEqual(prepareEnvironment(cache, {}, () => undefined), made);
  mkdirSync(path.join(folder, "x"));
  writeFileSync(path.join(folder, "strata-requirements"), "of an older version");
  assert.throws(() => prepareEnvironment(cache, {}, () => undefined), /needs Python/);
});
