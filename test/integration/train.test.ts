// `strata train` from the plan to the index that uses the result, with a shell script in Python's place and a real engine.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { yieldToEventLoop } from "../../src/base/abort.ts";
import { packageRoot } from "../../src/base/assets.ts";
import type { RunEvent, RunPlan } from "../../src/training/picture.ts";
import { manyFiles, processGone } from "../support/workspace.ts";

const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), "strata-train-")));
const root = path.join(folder, "shop");
const cache = path.join(folder, "c");
const models = path.join(cache, "models");
const python = path.join(folder, "python");
const program = path.join(packageRoot, "src/cli/main.ts");
const figures = '"before":{"0":0.4,"6":0.6,"score":0.5},"after":{"0":0.5,"6":0.62,"score":0.56},"comparison":{"measure":"nDCG@10","questions":14,"confidence":0.9,"changes":{"mean":{"before":0.3,"after":0.36,"low":0.01,"high":0.11},"0":{"before":0.2,"after":0.3,"low":0.05,"high":0.15}}}';

/** What stands in for Python: answers the probe, then runs the script with $OUT, $START, $IN_USE and $RESUME. */
function standIn(script: string): void {
  writeFileSync(
    python,
    `#!/bin/sh
[ "$1" = -c ] && exit 0
while [ $# -gt 0 ]; do case "$1" in --out) OUT="$2";; --start) START="$2";; --in-use) IN_USE="$2";; --pairs) PAIRS="$2";; --resume) RESUME=yes;; esac; shift; done
say() { echo "$1"; }
model() { mkdir -p "$OUT"; cp "$START"/* "$OUT"; sed -i "s/\\"id\\": *\\"[^\\"]*\\"/\\"id\\": \\"$(basename "$OUT")\\"/" "$OUT/manifest.json"; }
${script}
`,
  );
  chmodSync(python, 0o755);
}
const learn = `say '{"event":"metric","phase":"before","0":0.4,"6":0.6,"score":0.5}'; say '{"event":"progress","phase":"layers","step":5,"loss":1.5}'`;
const adopt = `${learn}; model; say '{"event":"result","adopt":true,"reason":"Held-out code is found better.",${figures}}'`;

function write(into: string, count: number): void {
  for (const [name, content] of Object.entries(manyFiles(count))) {
    mkdirSync(path.dirname(path.join(into, name)), { recursive: true });
    writeFileSync(path.join(into, name), content.replace(/Will (\w+) the (\w+) number (\d+)\./, "Will $1 the $2 of a customer and give it back with its mark $3."));
  }
}

before(() => write(root, 70));
after(async () => {
  for (const index of readdirSync(cache)) {
    const record = path.join(cache, index, "engine.json");
    if (!existsSync(record)) continue;
    const { pid } = JSON.parse(readFileSync(record, "utf8")) as { pid: number };
    process.kill(pid, "SIGTERM");
    await processGone(pid);
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
});

function start(args: readonly string[], options: SpawnOptions = {}): { child: ChildProcess; said: () => string; ended: Promise<{ code: number | null; out: string; err: string }> } {
  const env = { ...process.env, STRATA_CACHE: cache, STRATA_PYTHON: python, NO_COLOR: "1" };
  const child = spawn(process.execPath, ["--no-warnings", program, ...args], { env, cwd: folder, stdio: ["ignore", "pipe", "pipe"], ...options });
  let out = "";
  let err = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (err += text));
  return { child, said: () => out, ended: new Promise((resolve) => child.once("close", (code) => resolve({ code, out, err }))) };
}
const strata = (...args: readonly string[]) => start(args).ended;
async function trained(...args: readonly string[]): Promise<{ code: number | null; events: RunEvent[] }> {
  const { code, out, err } = await strata("train", root, "--json", ...args);
  assert.equal(err, "");
  return { code, events: out.trimEnd().split("\n").map((line) => JSON.parse(line) as RunEvent) };
}
async function modelInUse(): Promise<{ id: string; folder: string }> {
  const { value } = { value: JSON.parse((await strata("models", "use", "bundled", "--in", root, "--json")).out) as { model: { id: string; folder: string } } };
  return value.model;
}
const runFolder = (): string => path.join(cache, readdirSync(cache).find((name) => name.startsWith("shop-"))!, "training");
const modelsThere = (): string[] => (existsSync(models) ? readdirSync(models) : []);

describe("strata train", { skip: process.platform === "win32" && "a shell script stands in for Python" }, () => {
  test("mines documented definitions for training", async () => {
    const out = path.join(folder, "pairs.jsonl");
    const { code, out: said } = await strata("mine", root, "--out", out, "--json");
    assert.deepEqual([code, JSON.parse(said)], [0, { files: 70, pairs: 70, out }]);
    const deep = path.join(folder, "new", "pairs.jsonl");
    assert.equal((await strata("mine", root, "--out", deep)).out, `70 pairs from 70 files in ${deep}, whose folder was made\n`);
    assert.equal((await strata("mine", root, "--out", deep)).out, `70 pairs from 70 files in ${deep}\n`);
    const [first] = readFileSync(out, "utf8").split("\n");
    assert.deepEqual(Object.keys(JSON.parse(first!) as object).sort(), ["code", "doc", "lang", "name", "path", "source"]);
  });

  test("pairs that cannot be written are told in a sentence, and leave nothing", { skip: process.platform !== "linux" && "needs /dev/full" }, async () => {
    const out = path.join(folder, "full", "pairs.jsonl");
    mkdirSync(path.dirname(out));
    symlinkSync("/dev/full", `${out}.new`);
    const { code, err } = await strata("mine", root, "--out", out);
    assert.equal(code, 2);
    assert.match(err, /^strata: The pairs could not be written to .*pairs\.jsonl\. Check the folder and the free disk space\.\n$/);
    assert.deepEqual(readdirSync(path.dirname(out)), []);
  });

  test("Ctrl-C while mining leaves nothing half written", async () => {
    const [large, out] = [path.join(folder, "large"), path.join(folder, "mined", "pairs.jsonl")];
    write(large, 3_000);
    // A terminal tells every process of the command.
    const mining = start(["mine", large, "--out", out], { detached: true });
    while (!existsSync(`${out}.new`)) await yieldToEventLoop();
    process.kill(-mining.child.pid!, "SIGINT");
    assert.equal((await mining.ended).code, 130);
    assert.deepEqual(readdirSync(path.dirname(out)), []);
  });

  test("only says what it would do when asked to, and does nothing", async () => {
    standIn("exit 1");
    const { code, events } = await trained("--dry-run", "--minutes", "3");
    const plan = events.at(-1) as RunPlan;
    assert.deepEqual([code, plan.event, plan.pairs, plan.lacks, plan.minutes, plan.install, plan.canResume], [0, "plan", 70, "", 3, "", false]);
    assert.deepEqual(readdirSync(runFolder()), [], "nothing of an earlier run is written over");
    const { indexes } = JSON.parse((await strata("indexes", "--json")).out) as { indexes: { root?: string }[] };
    assert.deepEqual(indexes.map((index) => index.root), [root], "whose the folder is stands in it, so that it can be forgotten");
    assert.match((await strata("train", root, "--dry-run")).err, /70 documented definitions, up to 10 minutes on (cpu|cuda|mps), starting from strata-.*Nothing leaves this machine/s);
  });

  test("a second run of a folder waits for the first, which may still be mining; a killed one holds up nobody", async () => {
    standIn("exit 1");
    const first = start(["train", root, "--json"]);
    await new Promise<void>((resolve) => first.child.stdout!.on("data", () => first.said().includes('"mining"') && resolve()));
    first.child.kill("SIGSTOP");
    const { code, err } = await strata("train", root);
    assert.deepEqual([code, err.includes(`under way (process ${first.child.pid})`)], [2, true], err);
    first.child.kill("SIGKILL");
    await first.ended;
    assert.equal((await strata("train", root, "--dry-run")).code, 0);
    for (const left of readdirSync(runFolder())) rmSync(path.join(runFolder(), left), { force: true });
  });

  test("a new run waits for the training program of one that was killed, which still writes to the same folder", async () => {
    standIn(`say '{"event":"progress","phase":"encoding"}'; exec sleep 60`);
    const first = start(["train", root, "--json"]);
    await new Promise<void>((resolve) => first.child.stdout!.on("data", () => first.said().includes('"encoding"') && resolve()));
    first.child.kill("SIGKILL");
    const { code, err } = await strata("train", root);
    const [, pid] = /under way \(process (\d+)\)/.exec(err) ?? [];
    assert.deepEqual([code, pid !== undefined && pid !== String(first.child.pid)], [2, true], err);
    process.kill(Number(pid));
    await processGone(Number(pid));
    assert.equal((await strata("train", root, "--dry-run")).code, 0);
    for (const left of readdirSync(runFolder())) rmSync(path.join(runFolder(), left), { recursive: true, force: true });
  });

  test("a better model is adopted: the index uses it, a picture is kept, and the bundled one is one command away", async () => {
    standIn(adopt);
    const { code, events } = await trained("--minutes", "1");
    assert.equal(code, 0, JSON.stringify(events.at(-1)));
    assert.deepEqual([...new Set(events.map(({ event }) => event))], ["progress", "plan", "metric", "result", "adopted", "end"]);
    const [name] = modelsThere();
    assert.match(name!, /^shop-\d{4}-\d\d-\d\d$/);
    const listed = JSON.parse((await strata("models", "--in", root, "--json")).out) as { models: { id: string; isDefault: boolean; problem?: string }[] };
    assert.deepEqual(listed.models.filter((model) => model.isDefault).map(({ id, problem }) => [id, problem]), [[name, undefined]]);
    const status = JSON.parse((await strata("status", root, "--json")).out) as { model: { id: string } };
    assert.equal(status.model.id, name);
    assert.match(readFileSync(path.join(runFolder(), "curves.svg"), "utf8"), /^<svg .*Held-out recall@10/s);
    assert.deepEqual(readdirSync(runFolder()).sort(), ["curves.svg", "events.jsonl", "pairs.jsonl"]);
    assert.match((await modelInUse()).id, /^strata-/);
    assert.match((await strata("models", "use", name!, "--in", root)).out, new RegExp(`uses ${name} `));
  });

  test("--model cannot silently overrule the choice of an index", async () => {
    const { code, err } = await strata("search", "customer", "--in", root, "--model", path.join(packageRoot, "models", "strata-base"));
    assert.equal(code, 2);
    assert.match(err, /has chosen the model shop-.*strata models use/);
  });

  test("a second run of the day starts from the bundled model too, must surpass the one in use, and takes a name of its own", async () => {
    standIn(`${adopt.replace("say", 'echo "$START $IN_USE" > "$OUT.of"; say')}`);
    const [first] = modelsThere();
    const { code, events } = await trained();
    const plan = events.find(({ event }) => event === "plan") as RunPlan;
    assert.deepEqual([code, plan.start, plan.inUse], [0, "strata-code-small", first]);
    assert.equal(readFileSync(path.join(runFolder(), `${first}.2.of`), "utf8"), `${path.join(packageRoot, "models", "strata-code-small")} ${path.join(models, first!)}\n`);
    assert.deepEqual(modelsThere(), [first, `${first}.2`]);
    assert.match((await strata("train", root, "--dry-run")).err, new RegExp(`starting from strata-code-small\\.[\\s\\S]*than the present model, ${first}\\.2\\.\\n`));
  });

  test("--model says what to start from, whatever the index has chosen", async () => {
    const { err } = await strata("train", root, "--dry-run", "--model", "strata-base");
    assert.match(err, /starting from strata-base/);
  });

  test("a model that is not better stays out, with the figures and exit code 1", async () => {
    standIn(`${learn}; model; say '{"event":"result","adopt":false,"reason":"Kept the old model: held-out code is not found better.",${figures}}'`);
    const there = modelsThere();
    const { code, out } = await strata("train", root);
    assert.equal(code, 1);
    assert.match(out, /nDCG@10 .*\n.* +0\.200 +0\.300 +\+0\.100 +\+0\.050 to \+0\.150\n[\s\S]*over 14 held-out questions[\s\S]*not found better\.\nThe model in use stays\.\nCurves: /);
    assert.deepEqual(modelsThere(), there);
  });

  test("a failure is one sentence, in text and as JSON, and changes nothing", async () => {
    standIn(`${learn}; say '{"event":"error","code":"out-of-memory","message":"There was not enough memory; close other programs or use fewer pairs."}'; exit 1`);
    const there = modelsThere();
    const text = await strata("train", root);
    assert.equal(text.code, 2);
    assert.match(text.err, /\nstrata: There was not enough memory;[^\n]*\n$/);
    const { code, events } = await trained();
    assert.deepEqual([code, (events.at(-1) as unknown as { error: { code: string } }).error.code], [2, "training.failed"]);
    assert.deepEqual(modelsThere(), there);
  });

  test("stopped halfway, it says how to go on, and going on takes the same pairs and name", async () => {
    standIn(`if [ "$RESUME" ]; then [ -e "$OUT.work/saved" ] || exit 9; ${adopt}; exit 0; fi
trap 'mkdir -p "$OUT.work"; touch "$OUT.work/saved"; exit 130' TERM
${learn}; while :; do sleep 0.05; done`);
    const first = start(["train", root, "--json", "--minutes", "7"], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
    await new Promise<void>((resolve) => first.child.stdout!.on("data", () => first.said().includes('"layers"') && resolve()));
    const busy = await strata("train", root);
    assert.deepEqual([busy.code, /under way \(process \d+\)/.test(busy.err)], [2, true]);
    first.child.send("stop"); // as the editor stops a run
    const { code, out, err } = await first.ended;
    assert.deepEqual([code, err], [130, ""]);
    assert.match(out, /what was read so far is kept/);
    assert.match(out.trimEnd().split("\n").at(-1)!, /^\{"event":"stopped","reason":"Stopped;.*--minutes 7 --resume"\}$/);
    const pairs = readFileSync(path.join(runFolder(), "pairs.jsonl"), "utf8");
    writeFileSync(path.join(root, "src/late.ts"), "/** Adds the late fee to what a customer owes us. */\nexport function late(owed: number): number {\n  return owed + 5 * 1.19;\n}\n");
    assert.equal(((await trained("--dry-run")).events.at(-1) as RunPlan).canResume, true);
    const record = path.join(runFolder(), "run.json");
    const kept = readFileSync(record, "utf8");
    writeFileSync(record, JSON.stringify({ ...(JSON.parse(kept) as object), start: "/gone" }));
    assert.match((await strata("train", root, "--resume")).err, /model of the run that was stopped is gone.*\(\/gone\)\. Leave out --resume/);
    writeFileSync(record, kept);
    const again = await trained("--resume");
    assert.equal(again.code, 0, JSON.stringify(again.events.at(-1)));
    assert.equal(readFileSync(path.join(runFolder(), "pairs.jsonl"), "utf8"), pairs);
    assert.equal((await strata("train", root, "--resume")).code, 2, "what has ended cannot go on");
  });

  test("too little documentation, or a Python that lacks the package, is said before anything starts", async () => {
    const bare = path.join(folder, "bare");
    mkdirSync(bare);
    writeFileSync(path.join(bare, "a.ts"), "export const a = 1;\n");
    standIn("exit 1");
    assert.match((await strata("train", bare)).err, /0 documented definitions; fine-tuning needs at least 50/);
    writeFileSync(python, "#!/bin/sh\nexit 1\n");
    assert.match((await strata("train", root)).err, /STRATA_PYTHON is .* cannot import strata_train/);
  });
});
