import assert from "node:assert/strict";
import { test } from "node:test";
import { painter, type Terminal } from "../../../src/cli/terminal.ts";
import { planText, resultText, runDisplay, runLine } from "../../../src/cli/trainDisplay.ts";
import { blankPicture, type Picture, type RunPlan } from "../../../src/training/picture.ts";

const plan: RunPlan = { event: "plan", root: "/w", pairs: 1, lacks: "", install: "A Python environment is made.", device: "cpu", minutes: 10, start: "strata-base", inUse: "strata-base", canResume: false };
const running: Picture = {
  ...blankPicture,
  sentence: "Training the exits",
  fraction: 0.5,
  secondsLeft: 125,
  loss: [{ name: "a", points: [{ x: 1, y: 2 }, { x: 2, y: 1.25 }] }],
  recall: [{ name: "instant", points: [{ x: 0, y: 0.5 }] }, { name: "deep", points: [{ x: 0, y: 0.75 }] }],
};

test("the plan says how much there is to learn from, what is installed, and that nothing leaves", () => {
  const text = planText(plan);
  assert.match(planText({ ...plan, minutes: 1 }), / 1 minute on cpu/);
  for (const part of ["1 documented definition,", "10 minutes on cpu", "strata-base", "A Python environment is made.", "Nothing leaves this machine"]) assert.ok(text.includes(part), part);
});

test("one line holds what is done, the last loss, the last recall of each exit and the time", () => {
  assert.equal(runLine(running), "Training the exits · loss 1.250 · recall@10 instant 0.500 deep 0.750 · about 2:05 left");
  assert.equal(runLine(blankPicture), "Looking at the workspace");
});

for (const [what, errInteractive, quiet, pattern] of [
  ["a terminal gets one line that redraws itself", true, false, /^(\r\x1b\[2K[^\n]{1,79}){2,}\r\x1b\[2K$/],
  ["a pipe gets a line for each thing that is done", false, false, /^Looking at the workspace\nTraining the exits · [^\n]+\n$/],
  ["--json gets none", true, true, /^$/],
] as const)
  test(what, () => {
    let clock = 0;
    let written = "";
    const terminal: Terminal = { out: assert.fail, err: (text) => void (written += text), outColour: false, errInteractive, columns: 80 };
    const display = runDisplay(terminal, quiet, () => clock);
    for (const picture of [blankPicture, running, running, running]) {
      display.show(picture);
      clock += 60;
    }
    display.end();
    assert.match(written, pattern);
  });

test("the table compares before and after by what the verdict rests on, and says so", () => {
  const changes = { mean: { before: 0.65, after: 0.695, low: 0.01, high: 0.08 }, "0": { before: 0.5, after: 0.6, low: 0.02, high: 0.18 }, "6": { before: 0.8, after: 0.79, low: -0.03, high: 0.01 } };
  const lines = resultText({ ...running, comparison: { measure: "nDCG@10", questions: 40, confidence: 0.9, changes } }, painter(false)).trimEnd().split("\n");
  assert.deepEqual(lines.slice(0, -1).map((line) => line.split(/\s+/).join(" ")), [
    "nDCG@10 before after change range",
    "instant (exit 0) 0.500 0.600 +0.100 +0.020 to +0.180",
    "deep (exit 6) 0.800 0.790 −0.010 −0.030 to +0.010",
    "mean of the exits 0.650 0.695 +0.045 +0.010 to +0.080",
  ]);
  assert.match(lines.at(-1)!, /^The verdict rests on nDCG@10 over 40 held-out questions/);
  assert.equal(resultText(running, painter(false)), "");
});
