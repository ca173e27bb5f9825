// A run as the editor sees it: a child process of its own, and how its lines and its end become the page's state.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { silentLog } from "../../../src/base/log.ts";
import { askPlan, planDetail, trainArguments, TrainingRun } from "../../../src/extension/trainingRun.ts";
import type { Picture, RunPlan } from "../../../src/training/picture.ts";
import { isFromTrainingPage } from "../../../src/webview/trainingMessages.ts";

const plan: RunPlan = { event: "plan", root: "/w", pairs: 1234, lacks: "", install: "", device: "cpu", minutes: 10, start: "strata-base", inUse: "strata-base", canResume: false };
const request = { root: "/w", minutes: 10, device: "auto", resume: false };

/** A program in the place of `strata`: Node running this text; process.argv.slice(1) are the command's words. */
const program = (script: string) => ({ command: process.execPath, args: ["-e", script, "--"] });
const say = (...events: readonly object[]): string => events.map((event) => `console.log(${JSON.stringify(JSON.stringify(event))});`).join("");

async function run(script: string): Promise<{ run: TrainingRun; pictures: Picture[] }> {
  const pictures: Picture[] = [];
  const started: TrainingRun = new TrainingRun(program(script), request, () => pictures.push(started.picture), silentLog, () => 1000);
  await started.done;
  return { run: started, pictures };
}

/** How a run ends that is asked to after so many sentences: its state, whether it can go on, and all its sentences. */
async function stoppedAfter(count: number, script: string, resume = false): Promise<[state: string, canResume: boolean, sentences: string[]]> {
  const sentences: string[] = [];
  const started: TrainingRun = new TrainingRun(program(script), { ...request, resume }, () => {
    sentences.push(started.picture.sentence);
    if (sentences.length === count) started.stop();
  }, silentLog);
  const { state } = await started.done;
  return [state, started.canResume, sentences];
}

describe("a fine-tuning run", () => {
  it("is started with everything agreed, and says so to the command", async () => {
    assert.deepEqual(trainArguments(request), ["train", "/w", "--json", "--yes", "--minutes", "10", "--device", "auto"]);
    assert.equal(trainArguments({ ...request, resume: true }).at(-1), "--resume");
    const { run: asked } = await run(`console.log(JSON.stringify({ event: "end", adopted: false, reason: process.argv.slice(1).join(" ") + " " + process.env.ELECTRON_RUN_AS_NODE, curves: "" }))`);
    assert.equal(asked.picture.sentence, "train /w --json --yes --minutes 10 --device auto 1");
  });

  it("gets the variables that settings ask for", async () => {
    const asked = await askPlan({ ...program(`console.log(JSON.stringify({ ...${JSON.stringify(plan)}, start: process.env.STRATA_PYTHON }))`), env: { STRATA_PYTHON: "/opt/py" } }, "/w", new AbortController().signal);
    assert.equal(asked.start, "/opt/py");
  });

  it("tells of every event as it comes", async () => {
    const { pictures } = await run(say(plan, { event: "progress", phase: "learning", loss: 2 }, { event: "end", adopted: false, reason: "Not better.", curves: "" }));
    assert.deepEqual(pictures.map(({ state, sentence }) => [state, sentence]), [["running", "Looking at the workspace"], ["running", "Training the exits"], ["kept", "Not better."]]);
  });

  for (const [what, script, state, sentence, canResume] of [
    ["adopted", say(plan, { event: "adopted", model: "w-1", folder: "/m" }, { event: "end", adopted: true, reason: "Better.", curves: "" }), "adopted", /^Better\.$/, false],
    ["refused by the command", `${say({ error: { code: "training.failed", message: "Fine-tuning needs Python." } })} process.exitCode = 2`, "failed", /^Fine-tuning needs Python\.$/, false],
    ["failed after it had learned", say(plan, { event: "progress", phase: "learning", loss: 1 }, { event: "error", code: "disk-full", message: "The disk is full." }), "failed", /^The disk is full\.$/, true],
    ["ended without a word", "process.exit(7)", "failed", /^Fine-tuning ended without a result \(exit code 7\)\.$/, false],
    ["ended with a trace", `console.error("TypeError: x"); process.exit(1)`, "failed", /\(exit code 1\)\. TypeError: x$/, false],
    ["killed", `process.kill(process.pid, "SIGKILL")`, "failed", /\(SIGKILL\)/, false],
  ] as const)
    it(`that is ${what} ends so, in a sentence`, { skip: what === "killed" && process.platform === "win32" && "no signals" }, async () => {
      const { run: ended } = await run(script);
      assert.equal(ended.picture.state, state);
      assert.match(ended.picture.sentence, sentence);
      assert.equal(ended.canResume, canResume);
    });

  it("that cannot be started at all fails with the reason", async () => {
    const started = new TrainingRun({ command: "/nowhere/strata", args: [] }, request, () => {}, silentLog);
    const { state, sentence } = await started.done;
    assert.equal(state, "failed");
    assert.match(sentence, /ENOENT/);
  });

  it("is stopped by asking it to end, and can go on", async () => {
    const script = `process.on("message", () => { console.log(JSON.stringify({ event: "progress", phase: "learning" })); console.log(JSON.stringify({ event: "stopped", reason: "Stopped; go on with --resume." })); process.exit(130); }); ${say(plan, { event: "progress", phase: "learning", loss: 1 })} setInterval(() => {}, 1000)`;
    assert.deepEqual(await stoppedAfter(2, script), ["stopped", true, ["Looking at the workspace", "Training the exits", "Stopping, and keeping what was read", "Stopped; go on with --resume."]]);
  });
});

for (const [what, says, sentence] of [
  ["that says so", `console.log(JSON.stringify({ event: "stopped", reason: "Stopped before anything was done." }));`, "Stopped before anything was done."],
  ["without a word", "", "Stopped before anything was done."],
] as const)
  it(`a run that is stopped while it looks for definitions ends ${what}, and cannot go on`, async () => {
    const script = `process.on("message", () => { ${says} process.exit(130); }); ${say({ event: "progress", phase: "mining" })} setInterval(() => {}, 1000)`;
    const [state, canResume, sentences] = await stoppedAfter(1, script);
    assert.deepEqual([state, canResume, sentences.slice(1)], ["stopped", false, ["Stopping", sentence]]);
  });

it("a resumed run that is stopped before it says anything keeps what the one before had read", async () => {
  const script = `process.on("message", () => process.exit(130)); ${say({ event: "progress", phase: "mining" })} setInterval(() => {}, 1000)`;
  const [state, canResume, sentences] = await stoppedAfter(1, script, true);
  assert.deepEqual([state, canResume, sentences.slice(1)], ["stopped", true, ["Stopping, and keeping what was read", "Stopped; what was read so far is kept."]]);
});

it("a resumed run goes on with the curves of the one before", async () => {
  const { run: first } = await run(say(plan, { event: "progress", phase: "learning", loss: 2 }));
  const second = new TrainingRun(program(say({ event: "progress", phase: "learning", loss: 1 })), { ...request, resume: true }, () => {}, silentLog, () => 0, { ...first.picture, loss: [{ name: "loss", points: [{ x: 40, y: 2 }] }] });
  assert.deepEqual((await second.done).plan, plan);
  assert.deepEqual(second.picture.loss, [{ name: "loss", points: [{ x: 40, y: 2 }, { x: 40, y: 1 }] }]);
});

describe("the plan", () => {
  const signal = new AbortController().signal;
  it("is what the command would do", async () => {
    assert.deepEqual(await askPlan(program(say({ event: "progress", phase: "mining" }, plan)), "/w", signal), plan);
    const { root } = await askPlan(program(`const [, root, ...rest] = process.argv.slice(1); console.log(JSON.stringify({ ...${JSON.stringify(plan)}, root: root + " " + rest.join(" ") }))`), "/w", signal);
    assert.equal(root, "/w --dry-run --json");
  });
  it("fails with the command's own sentence, or its last word", async () => {
    await assert.rejects(askPlan(program(say({ error: { code: "training.failed", message: "Fine-tuning needs Python 3.11." } })), "/w", signal), /^Error: Fine-tuning needs Python 3\.11\.$/);
    await assert.rejects(askPlan(program(`console.error("boom"); process.exit(1)`), "/w", signal), /^Error: boom$/);
    await assert.rejects(askPlan(program(""), "/w", signal), /^Error: The command gave no plan\.$/);
  });
  it("is given up when the person leaves", async () => {
    await assert.rejects(askPlan(program("setInterval(() => {}, 1000)"), "/w", AbortSignal.abort()), { name: "AbortError" });
  });
  it("is explained: how much, how long, on what, what is installed, and that nothing leaves", () => {
    const text = planDetail({ ...plan, install: "A Python environment of 5 GB is made." }, 30, "auto");
    for (const part of ["1,234 documented definitions", "30 minutes on cpu", "strata-base", "A Python environment of 5 GB is made.", "does not leave this machine", "Choose Model"]) assert.ok(text.includes(part), part);
    assert.match(planDetail(plan, 10, "cpu"), /Nothing has to be installed[^]*finds held-out code better; Choose/);
    assert.match(planDetail({ ...plan, inUse: "shop-1" }, 10, "cpu"), /better than shop-1, which is in use; Choose/);
  });
});

it("only the page's own messages are taken from it", () => {
  for (const type of ["ready", "stop", "resume", "details", "chooseModel"]) assert.ok(isFromTrainingPage({ type }));
  for (const value of [undefined, null, 1, "stop", {}, { type: "run" }, { type: ["stop"] }]) assert.equal(isFromTrainingPage(value), false);
});
