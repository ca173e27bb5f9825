// Fine-tuning without Python: a stand-in program says what the real one would, and worse.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, realpathSync, writeFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";
import { packageRoot } from "../../../src/base/assets.ts";
import { StrataError } from "../../../src/base/errors.ts";
import { type EnvironmentPlan, makeEnvironment, ownPython, prepareEnvironment, systemProbe } from "../../../src/training/environment.ts";
import { countMined, fineTune, type TrainingEvent } from "../../../src/training/fineTune.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const posix = process.platform === "win32" && "shell scripts stand in for Python";

/** A program that is started like Python and runs this shell script; $OUT is the folder for the model. */
function standIn(folder: string, script: string): string {
  const file = path.join(folder, "python");
  writeFileSync(file, `#!/bin/sh\nwhile [ $# -gt 0 ]; do [ "$1" = --out ] && OUT="$2"; shift; done\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** A file of mined definitions. */
function mined(folder: string, pairs: number, files: number): string {
  const file = path.join(folder, "pairs.jsonl");
  writeFileSync(file, Array.from({ length: pairs }, (_, i) => `{"path":"${i % files}.ts","doc":"d","code":"c"}\n`).join(""));
  return file;
}

function options(folder: string, script: string) {
  return { environment: { python: standIn(folder, script) }, pairs: mined(folder, 60, 60), start: "unused", run: path.join(folder, "run"), adoptAs: path.join(folder, "models", "mine"), minutes: 1, device: "cpu", resume: false } as const;
}
const never = new AbortController().signal;
const begun = `echo '{"event":"progress","phase":"reading"}'`;
const figures = '"before":{"6":0.5,"score":0.5},"after":{"6":0.6,"score":0.6}';

test("a better model is adopted, and every event is passed on", { skip: posix }, async (t) => {
  const folder = temporaryFolder(t);
  const events: TrainingEvent[] = [];
  const result = await fineTune(
    options(folder, `echo '{"event":"progress","phase":"train","done":1,"total":2}'; echo 'a library says hello'; echo '{"event":"metric","phase":"held-out","step":1,"6":0.5}'; mkdir -p "$OUT"; echo '{}' > "$OUT/manifest.json"; echo '{"event":"result","adopt":true,"reason":"Better.",${figures}}'`),
    (event) => events.push(event),
    never,
  );
  assert.deepEqual(events.map((e) => e.event), ["progress", "metric", "result"]);
  assert.equal(result.model, path.join(folder, "models", "mine"));
  assert.ok(existsSync(path.join(folder, "models", "mine", "manifest.json")));
  assert.deepEqual(events.flatMap((e) => (e.event === "result" ? [e.after] : [])), [{ "6": 0.6, score: 0.6 }]);
});

test("a model that is not better stays out", { skip: posix }, async (t) => {
  const folder = temporaryFolder(t);
  const result = await fineTune(options(folder, `mkdir -p "$OUT"; echo '{}' > "$OUT/manifest.json"; echo '{"event":"result","adopt":false,"reason":"No exit got better.",${figures}}'`), () => {}, never);
  assert.deepEqual([result.model, result.reason], [undefined, "No exit got better."]);
  assert.ok(!existsSync(path.join(folder, "models", "mine")));
});

for (const [what, script, sentence] of [
  ["an error the program explains", `echo '{"event":"error","code":"memory","message":"Memory ran out at batch 8."}'; exit 1`, /Memory ran out at batch 8/],
  ["a crash with a trace", `${begun}; echo 'RuntimeError: surprise' >&2; exit 1`, /without a result \(1\): RuntimeError: surprise/],
  ["a user's Python in which a library is cut short", "printf 'SyntaxError: ' >&2; sleep 0.1; echo 'unterminated string' >&2; exit 1", /«SyntaxError: unterminated string».*-m pip install .*The model in use stays/],
  ["a user's Python that crashes at once", "kill -BUS $$", /SIGBUS.*-m pip install .*The model in use stays/],
  ["a user's Python without a module", "echo 'ImportError: no torch' >&2; exit 1", /ImportError: no torch.*-m pip install .*The model in use stays/],
  ["being killed by the system", "kill -9 $$", /memory ran out/],
  ["a crash without a word", `${begun}; kill -SEGV $$`, /crashed \(SIGSEGV\).*memory or disk space runs out.*the model in use stays/],
  ["a surprise that the program reports", `echo '{"event":"error","code":"internal","message":"Training failed unexpectedly: KeyError: 3"}'; exit 1`, /KeyError: 3\. The model in use stays; run this again/],
  ["success without a model", `echo '{"event":"result","adopt":true,"reason":"Better.",${figures}}'`, /left no model/],
] as const)
  test(`${what} ends in a sentence and the old model in place`, { skip: posix }, async (t) => {
    const folder = temporaryFolder(t);
    const earlier = path.join(folder, "run", "mine");
    mkdirSync(earlier, { recursive: true });
    writeFileSync(path.join(earlier, "manifest.json"), "{}"); // what an earlier run has left is no model of this one
    await assert.rejects(fineTune(options(folder, script), () => {}, never), (error) => StrataError.is(error, "training.failed") && sentence.test(error.message));
    assert.ok(!existsSync(path.join(folder, "models", "mine")));
  });

test("a program that cannot be started is said by name", async (t) => {
  const folder = temporaryFolder(t);
  const broken = { ...options(folder, ""), environment: { python: path.join(folder, "nowhere") } };
  await assert.rejects(fineTune(broken, () => {}, never), (error) => StrataError.is(error, "training.failed") && /ENOENT/.test(error.message));
});

for (const [pairs, files, said] of [
  [49, 49, "has 49 documented definitions; fine-tuning needs at least 50"],
  [60, 1, "60 documented definitions of this workspace lie in one file;"],
  [60, 4, "60 documented definitions of this workspace lie in 4 files;"],
] as const)
  test(`what ${pairs} definitions in ${files} files lack is said before anything is installed`, async (t) => {
    const file = mined(temporaryFolder(t), pairs, files);
    appendFileSync(file, '{"path":"other.ts","doc":"","code":"without documentation, so nothing to measure on"}\n\n');
    const found = await countMined(file);
    assert.deepEqual([found.pairs, found.lacks.includes(said)], [pairs, true], found.lacks);
  });

test("enough definitions lack nothing, and those that cannot be read are said by name", async (t) => {
  const folder = temporaryFolder(t);
  assert.deepEqual(await countMined(mined(folder, 50, 5)), { pairs: 50, lacks: "" });
  await assert.rejects(countMined(path.join(folder, "gone.jsonl")), (error) => StrataError.is(error, "training.failed") && /gone\.jsonl.*Start a new run/.test(error.message));
});

test("a better model that cannot be moved stays where it is, and the sentence says where", { skip: posix }, async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(path.join(folder, "models"), "a file where the folder should be");
  const running = fineTune(options(folder, `mkdir -p "$OUT"; echo '{}' > "$OUT/manifest.json"; echo '{"event":"result","adopt":true,"reason":"Better.",${figures}}'`), () => {}, never);
  await assert.rejects(running, (error) => StrataError.is(error, "training.failed") && error.message.includes(path.join(folder, "run", "mine")));
  assert.ok(existsSync(path.join(folder, "run", "mine", "manifest.json")));
});

test("an environment that lacks a module is made anew by the next run", { skip: posix }, async (t) => {
  const cache = temporaryFolder(t);
  const environment = await readyEnvironment(cache);
  const found = (command: string) => (command === environment.python || command === "python3.12" ? "" : undefined);
  assert.deepEqual(prepareEnvironment(cache, {}, found), environment);
  for (const script of ["echo \"$0: No module named strata_train\" >&2; exit 1", `echo '{"event":"error","code":"internal","message":"Training failed unexpectedly: ModuleNotFoundError: No module named torch"}'; exit 1`]) {
    standIn(path.dirname(environment.python), script);
    await assert.rejects(fineTune({ ...options(cache, ""), environment }, () => {}, never), (error) => StrataError.is(error, "training.failed") && /No module named.*Run this again, and it is made anew/.test(error.message));
    assert.ok("steps" in prepareEnvironment(cache, {}, found), "a plan, not the damaged environment");
    writeFileSync(path.join(environment.folder!, "strata-requirements"), readFileSync(path.join(packageRoot, "training/pyproject.toml")));
  }
});

test("the program is this version's in Strata's environment, and never the workspace's", { skip: posix }, async (t) => {
  const folder = temporaryFolder(t);
  const say = `echo "{\\"event\\":\\"error\\",\\"code\\":\\"x\\",\\"message\\":\\"path=$PYTHONPATH safe=$PYTHONSAFEPATH compiled=$TORCHINDUCTOR_CACHE_DIR\\"}"; exit 1`;
  const given = options(folder, say);
  await assert.rejects(fineTune({ ...given, environment: { ...given.environment, folder } }, () => {}, never), { message: `path=${path.join(packageRoot, "training", "src")} safe=1 compiled=${path.join(given.run, "compiled")}` });
  await assert.rejects(fineTune(given, () => {}, never), { message: `path=${process.env["PYTHONPATH"] ?? ""} safe=1 compiled=${path.join(given.run, "compiled")}` });
});

test("what the current folder holds says nothing to the programs that are started there", { skip: posix }, async (t) => {
  const workspace = temporaryFolder(t);
  const [here, found] = [process.cwd(), process.env["PATH"]];
  t.after(() => {
    process.chdir(here);
    process.env["PATH"] = found;
  });
  process.chdir(workspace);
  process.env["PATH"] = `.${path.delimiter}${found}`; // Windows looks there first without being told to
  writeFileSync("strata-uv", "#!/bin/sh\necho hostile\n", { mode: 0o755 });
  assert.equal(systemProbe("strata-uv", []), undefined);
  // uv takes the package index that a uv.toml or pyproject.toml of its folder, or of one above it, names.
  const said = path.join(temporaryFolder(t), "said");
  const cache = temporaryFolder(t);
  await makeEnvironment(planOf(cache, `mkdir "${cache}/training-env"; pwd >> "${said}"`), () => {}, never);
  await assert.rejects(fineTune(options(workspace, `pwd >> "${said}"; exit 1`), () => {}, never), (error) => StrataError.is(error, "training.failed"));
  assert.deepEqual(readFileSync(said, "utf8").trim().split("\n").map((folder) => realpathSync(folder)), [realpathSync(packageRoot), realpathSync(packageRoot)]);
  assert.deepEqual(ownPython({ STRATA_PYTHON: "./venv/bin/python" }), path.join(process.cwd(), "venv/bin/python"));
  assert.deepEqual(ownPython({ STRATA_PYTHON: "python3" }), "python3");
});

test("cancelling tells the program, which may save before it ends", { skip: posix }, async (t) => {
  const folder = temporaryFolder(t);
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
  const runs = (_: string, [asked]: readonly string[]) => (asked === "--version" ? "Python 3.12.1" : undefined);
  assert.throws(() => prepareEnvironment("/cache", { STRATA_PYTHON: process.execPath }, runs), (error) => StrataError.is(error, "training.failed") && /pip install/.test(error.message));
  assert.throws(() => prepareEnvironment("/cache", { STRATA_PYTHON: "pyhton" }, () => undefined), (error) => StrataError.is(error, "training.failed") && /STRATA_PYTHON is pyhton, but there is no such program/.test(error.message));
  assert.throws(() => prepareEnvironment("/cache", env, () => undefined), (error) => StrataError.is(error, "training.failed") && /no such file/.test(error.message));
});

test("without uv and Python there is a sentence, with either there is a plan that says place and size", (t) => {
  const cache = temporaryFolder(t);
  assert.throws(() => prepareEnvironment(cache, {}, () => undefined), (error) => StrataError.is(error, "training.failed") && /uv/.test(error.message));
  const old = (command: string, [asked]: readonly string[]) => (command === "python3" && asked === "--version" ? "Python 3.9.2" : undefined);
  assert.throws(() => prepareEnvironment(cache, {}, old), (error) => StrataError.is(error, "training.failed") && /Python 3\.11 to 3\.13 \(here is Python 3\.9\.2\), or uv/.test(error.message));
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

const planOf = (cache: string, script: string): EnvironmentPlan => ({ folder: path.join(cache, "training-env"), tool: "pip", summary: "", steps: [{ label: "making", command: "sh", args: ["-c", script] }] });
const readyEnvironment = (cache: string) => makeEnvironment(planOf(cache, `mkdir -p "${cache}/training-env/bin"; touch "${cache}/training-env/bin/python"`), () => {}, never);
const leftIn = (cache: string): string[] => readdirSync(cache).filter((name) => name.startsWith("training-env"));

test("an environment is ready after it was made, until its requirements or the Python below it change", { skip: posix }, async (t) => {
  const cache = temporaryFolder(t);
  const made = await readyEnvironment(cache);
  assert.deepEqual(leftIn(cache), ["training-env"]);
  const works = (command: string) => (command === made.python || command === "uv" ? "" : undefined);
  assert.deepEqual(prepareEnvironment(cache, {}, works), made);
  const upgraded = (command: string) => (command === "uv" ? "" : undefined); // its modules are no longer found
  assert.ok("steps" in prepareEnvironment(cache, {}, upgraded));
  assert.throws(() => prepareEnvironment(cache, {}, () => undefined), /needs Python/);
  writeFileSync(path.join(cache, "training-env", "strata-requirements"), "of an older version");
  assert.ok("steps" in prepareEnvironment(cache, {}, works));
});

for (const [what, words, sentence] of [
  ["no space", "OSError: [Errno 28] No space left on device: '/c/lib.so'", /disk is full.*Free about 6 GB/],
  ["no network (pip)", "WARNING: Retrying after connection broken by 'NewConnectionError: Failed to establish a new connection: [Errno -2] Name or service not known'\nERROR: No matching distribution found for torch==2.13.0", /could not be downloaded.*Check the network/],
  ["no network (uv)", "error: Failed to fetch: `https://example.invalid/simple/torch/`\n  Caused by: dns error", /could not be downloaded.*Check the network/],
  ["no package for this machine", "ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: none)\nERROR: No matching distribution found for torch==2.13.0", /no fitting packages.*STRATA_PYTHON/],
  ["a Python without venv", "The virtual environment was not created successfully because ensurepip is not\navailable.  On Debian/Ubuntu systems, you need to install the python3-venv package.", /cannot make environments.*python3-venv/],
  ["an ensurepip that fails for a reason of its own", "Error: Command '['/c/bin/python', '-m', 'ensurepip', '--upgrade']' returned non-zero exit status 1.", /returned non-zero exit status 1.*free disk space/],
  ["a folder of somebody else", "PermissionError: [Errno 13] Permission denied: '/c/training-env'", /cannot be written.*STRATA_CACHE/],
  ["something unforeseen", "error: the moon is in the way", /the moon is in the way.*Check the network and the free disk space/],
] as const)
  test(`making the environment with ${what} ends in one sentence and leaves nothing behind`, { skip: posix }, async (t) => {
    const cache = temporaryFolder(t);
    const script = `mkdir -p "${cache}/training-env"; cat >&2 <<'EOF'\n${words}\nEOF\nexit 1`;
    await assert.rejects(makeEnvironment(planOf(cache, script), () => {}, never), (error) => StrataError.is(error, "training.failed") && sentence.test(error.message) && !error.message.includes("\n"));
    assert.deepEqual(leftIn(cache), []);
    await readyEnvironment(cache); // and the next attempt is free to succeed
  });

test("an installer that is not there, or a cache that is no folder, is a sentence too", async (t) => {
  const cache = temporaryFolder(t);
  const plan = { ...planOf(cache, ""), steps: [{ label: "making", command: path.join(cache, "no-such-uv"), args: [] }] };
  await assert.rejects(makeEnvironment(plan, () => {}, never), (error) => StrataError.is(error, "training.failed") && /ENOENT/.test(error.message));
  assert.deepEqual(leftIn(cache), []);
  const file = path.join(cache, "file");
  writeFileSync(file, "");
  await assert.rejects(makeEnvironment({ ...plan, folder: path.join(file, "training-env") }, () => {}, never), (error) => StrataError.is(error, "training.failed"));
});

test("what a killed attempt left is cleared, its lock included", { skip: posix }, async (t) => {
  const cache = temporaryFolder(t);
  const gone = spawnSync("true").pid;
  mkdirSync(path.join(cache, "training-env", "lib"), { recursive: true });
  writeFileSync(path.join(cache, "training-env", "lib", "half.py"), "");
  writeFileSync(path.join(cache, "training-env.lock"), String(gone));
  await readyEnvironment(cache);
  assert.deepEqual(leftIn(cache), ["training-env"]);
  assert.ok(!existsSync(path.join(cache, "training-env", "lib")));
});

test("a second window does not disturb the one that makes the environment", { skip: posix }, async (t) => {
  const cache = temporaryFolder(t);
  mkdirSync(path.join(cache, "training-env"));
  const gone = spawnSync("true").pid;
  // The window itself was killed; its installer still writes.
  writeFileSync(path.join(cache, "training-env.lock"), `${gone}\n${process.ppid}\n`);
  await assert.rejects(readyEnvironment(cache), (error) => StrataError.is(error, "training.failed") && error.message.includes(`process ${process.ppid}`));
  assert.deepEqual(leftIn(cache), ["training-env", "training-env.lock"]);
});

test("cancelling ends the installer and what it started before the folder is cleared", { skip: posix }, async (t) => {
  const cache = temporaryFolder(t);
  const controller = new AbortController();
  // The inner shell stands for pip's own children: it would go on writing into the folder.
  const script = `sh -c 'echo $PPID $$; while :; do mkdir -p "${cache}/training-env"; done'; true`;
  let inner = 0;
  const making = makeEnvironment(
    planOf(cache, script),
    (line) => {
      if (line === "making") return;
      const [installer, child] = line.split(" ");
      assert.deepEqual(readFileSync(path.join(cache, "training-env.lock"), "utf8").trim().split("\n"), [String(process.pid), installer]);
      inner = Number(child);
      controller.abort();
    },
    controller.signal,
  );
  await assert.rejects(making, { name: "AbortError" });
  // Gone, or dead and not yet collected by whoever inherited it. A process that ends has closed its files a moment before it counts as dead.
  const state = () => spawnSync("ps", ["-o", "stat=", "-p", String(inner)], { encoding: "utf8" }).stdout;
  const isDead = /^(Z.*)?\s*$/;
  for (const deadline = Date.now() + 5_000; !isDead.test(state()) && Date.now() < deadline; );
  assert.match(state(), isDead);
  assert.deepEqual(leftIn(cache), []);
});
