// From what a run says to what is drawn of it.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chart, curvesSvg } from "../../../src/training/curves.ts";
import { blankPicture, clockTime, exitNames, parseRunEvent, type Picture, resultTable, type RunEvent, type RunPlan, takeIn } from "../../../src/training/picture.ts";

const plan: RunPlan = { event: "plan", root: "/w", pairs: 120, lacks: "", install: "", device: "cpu", minutes: 2, start: "strata-base", inUse: "strata-base", canResume: false };
const told = (...events: readonly (readonly [seconds: number, event: RunEvent])[]): Picture => events.reduce((picture, [seconds, event]) => takeIn(picture, event, seconds), blankPicture);
const heldOut = (step: number, ...[instant, shallow, deep]: readonly number[]): RunEvent => ({ event: "metric", phase: "held-out", step, seconds: step, "0": instant, "2": shallow, "6": deep, "6>0": 0.3, "6@128": 0.2, score: 0.5 }) as RunEvent;

describe("the picture of a run", () => {
  test("follows its phases, its time and its curves", () => {
    const picture = told([0, plan], [1, heldOut(0, 0.4, 0.5, 0.6)], [30, { event: "progress", phase: "learning", step: 5, loss: 2, seconds_left: 90 }], [60, { event: "progress", phase: "learning", step: 9, loss: 1.5, seconds_left: 60.4 }], [61, heldOut(9, 0.45, 0.55, 0.65)]);
    assert.deepEqual([picture.state, picture.sentence, picture.fraction?.toFixed(2), picture.secondsLeft], ["running", "Training the exits", "0.50", 60]);
    assert.deepEqual(picture.loss, [{ name: "loss", points: [{ x: 30, y: 2 }, { x: 60, y: 1.5 }] }]);
    assert.deepEqual(picture.recall.map(({ name, points }) => [name, points.map(({ y }) => y)]), [["instant", [0.4, 0.45]], ["shallow", [0.5, 0.55]], ["deep", [0.6, 0.65]]]);
  });

  test("says what the program says where it has words of its own, and how long it takes as the program tells it", () => {
    const picture = told([0, plan], [500, { event: "progress", phase: "encoding", message: "Encoding 120 documented definitions (20 held out)", device: "cuda:0", seconds_left: 0 }]);
    assert.deepEqual([picture.sentence, picture.fraction, picture.secondsLeft, picture.device], ["Encoding 120 documented definitions (20 held out)", 0.99, 0, "cuda:0"]);
    const installed = told([0, plan], [300, { event: "progress", phase: "plan" }], [330, { event: "progress", phase: "encoding", seconds_left: 90 }], [340, { event: "progress", phase: "learning", seconds_left: 120 }]);
    assert.deepEqual([installed.fraction, installed.secondsLeft], [0.25, 120], "its time begins when all is installed, and a slower machine takes nothing back");
    assert.equal(told([0, { event: "progress", phase: "something new" }]).sentence, "something new");
    assert.equal(told([0, { event: "progress", phase: "plan" }]).sentence, blankPicture.sentence, "a list of what comes is nothing to see");
  });

  test("of a resumed run begins anew where that learns from the start again", () => {
    const measured = { ...heldOut(0, 0.4, 0.5, 0.6), phase: "before" } as RunEvent;
    const stopped = told([1, measured], [40, { event: "progress", phase: "learning", loss: 2 }], [50, heldOut(9, 0.45, 0.55, 0.65)]);
    const resumed = takeIn(takeIn(stopped, measured, 2, 50), heldOut(12, 0.5, 0.6, 0.7), 20, 50);
    assert.deepEqual([resumed.recall[0]?.points, resumed.loss], [[{ x: 52, y: 0.4 }, { x: 70, y: 0.5 }], []]);
  });

  test("a loss that is no number is left out", () => {
    assert.deepEqual(told([0, plan], [1, { event: "progress", phase: "learning", loss: Number.NaN }]).loss, []);
  });

  const change = (before: number, after: number) => ({ before, after, low: after - before - 0.01, high: after - before + 0.01 });
  const comparison = { measure: "nDCG@10", questions: 1200, confidence: 0.9, changes: { mean: change(0.3, 0.36), "0": change(0.2, 0.3), "2": change(0.3, 0.35), "6": change(0.4, 0.43), "6>0": change(0.25, 0.2) } };
  const result: RunEvent = { event: "result", adopt: true, reason: "Better.", before: { "0": 0.4, "6": 0.6, score: 0.5 }, after: { "0": 0.5, "6": 0.61, score: 0.555 }, comparison };
  for (const [events, state, sentence] of [
    [[result, { event: "adopted", model: "w-2026", folder: "/m" }, { event: "end", adopted: true, reason: "Better.", curves: "" }], "adopted", "Better."],
    [[{ event: "end", adopted: false, reason: "Not better.", curves: "" }], "kept", "Not better."],
    [[{ event: "error", code: "out-of-memory", message: "There was not enough memory." }], "failed", "There was not enough memory."],
    [[{ event: "error", code: "interrupted", message: "Stopped." }, { event: "stopped", reason: "Go on with --resume." }], "stopped", "Go on with --resume."],
  ] as const satisfies readonly (readonly [readonly RunEvent[], Picture["state"], string])[])
    test(`ends ${state}`, () => {
      const picture = told([0, plan], ...events.map((event) => [90, event] as const));
      assert.deepEqual([picture.state, picture.sentence, picture.secondsLeft], [state, sentence, undefined]);
      assert.equal(picture.fraction === 1, state === "adopted" || state === "kept");
    });

  test("ends with the figures that the verdict rests on, by the names people know", () => {
    const table = resultTable(told([0, result]))!;
    assert.equal(table.measure, "nDCG@10");
    assert.deepEqual(table.rows.map(({ name, before, after }) => [name, before, after]), [
      ["instant (exit 0)", 0.2, 0.3],
      ["shallow (exit 2)", 0.3, 0.35],
      ["deep (exit 6)", 0.4, 0.43],
      ["deep on instant", 0.25, 0.2],
      ["mean of the exits", 0.3, 0.36],
    ]);
    assert.ok(table.rows.every(({ before, after, low, high }) => low < after - before && after - before < high));
    for (const part of ["The verdict rests on nDCG@10 over 1,200 held-out questions", "With 90 % confidence", "recall@10"]) assert.ok(table.note.includes(part), table.note);
    const { comparison: _comparison, ...older } = result;
    assert.equal(resultTable(told([0, older])), undefined, "a training program that does not say what it compared");
  });

  test("names the exits of larger models as well", () => {
    assert.deepEqual(exitNames({ "36": 1, "4": 1, "18": 1, "9": 1, "36>4": 1 }).map(([, name]) => name), ["instant", "layer 9", "layer 18", "deep"]);
  });
});

test("lines that are no events are passed over; a refusal of the command is one", () => {
  assert.equal(parseRunEvent("Downloading torch"), undefined);
  assert.equal(parseRunEvent('{"event":"else"}'), undefined);
  assert.equal(parseRunEvent('{"half'), undefined);
  assert.deepEqual(parseRunEvent('{"error":{"code":"training.failed","message":"No Python."}}'), { event: "error", code: "training.failed", message: "No Python." });
});

test("times are minutes and seconds", () => assert.deepEqual([0, 59.9, 60, 605].map(clockTime), ["0:00", "0:59", "1:00", "10:05"]));

describe("a chart", () => {
  test("puts the first point at the left, the highest at the top, and nothing outside", () => {
    const { lines, yTicks, xTicks } = chart([{ name: "a", points: [{ x: 10, y: 1 }, { x: 20, y: 3 }, { x: 30, y: 2 }] }], 200, 100);
    const points = lines[0]!.points.split(" ").map((pair) => pair.split(",").map(Number) as [number, number]);
    assert.equal(points.length, 3);
    assert.ok(points[0]![0] < points[1]![0] && points[1]![1] < points[2]![1] && points[2]![1] < points[0]![1]);
    for (const [x, y] of points) assert.ok(x >= 0 && x <= 200 && y >= 0 && y <= 100);
    assert.deepEqual([yTicks.map(({ text }) => text), xTicks.map(({ text }) => text)], [["1.00", "2.00", "3.00"], ["0:10", "0:30"]]);
    assert.equal(lines[0]!.last.value, 2);
  });
  test("of one point or of none is finite", () => {
    assert.doesNotMatch(JSON.stringify(chart([{ name: "a", points: [{ x: 5, y: 0 }] }], 200, 100)), /null|NaN/);
    assert.deepEqual(chart([], 200, 100).lines, []);
  });
  test("as SVG holds both pictures and lets no name become markup", () => {
    const svg = curvesSvg(told([1, heldOut(0, 0.1, 0.2, 0.3)], [2, { event: "progress", phase: "learning", loss: 1 }]), 'shop "<script>"');
    assert.equal(svg.match(/<polyline/g)?.length, 4);
    assert.ok(!svg.includes("<script>") && svg.includes("Held-out recall@10") && svg.includes("Loss"));
  });
});
