import assert from "node:assert/strict";
import { test } from "node:test";
import { progressBar, progressDisplay, progressLine, sayingSo } from "../../../src/cli/progress.ts";
import type { Terminal } from "../../../src/cli/terminal.ts";

function display(errInteractive: boolean, quiet = false) {
  let clock = 0;
  let written = "";
  const terminal: Terminal = { out: assert.fail, err: (text) => void (written += text), outColour: false, errInteractive, columns: 60 };
  const shown = progressDisplay(terminal, quiet, () => clock);
  return {
    at(ms: number, done: number, phase: "instant" | "deep" = "instant") {
      clock = ms;
      shown.show({ phase, done, total: 100, unit: "chunks" });
    },
    end: () => shown.end(),
    text: () => written,
  };
}

test("without a terminal: a line every two seconds, none for short work", () => {
  const d = display(false);
  for (let ms = 0; ms < 6500; ms += 100) d.at(ms, Math.floor(ms / 100));
  d.end();
  const lines = d.text().trimEnd().split("\n");
  assert.equal(lines.length, 3);
  assert.match(lines[0] ?? "", /^Reading files: 20 of 100 chunks · 10 chunks\/s$/);
  assert.equal(d.text().includes("\x1b"), false);
});

test("on a terminal: one line that redraws itself, fits, and goes away at the end", () => {
  const d = display(true);
  for (let ms = 0; ms < 1000; ms += 50) d.at(ms, Math.floor(ms / 10));
  assert.equal(d.text().includes("\n"), false);
  for (const frame of d.text().split("\r\x1b[2K")) assert.ok(frame.length < 60);
  d.end();
  assert.ok(d.text().endsWith("\r\x1b[2K"));
});

test("nothing at all with --json", () => {
  const d = display(true, true);
  d.at(5000, 50);
  d.end();
  assert.equal(d.text(), "");
});

test("the rate starts anew with each phase", () => {
  const d = display(false);
  d.at(0, 0);
  d.at(2000, 100);
  d.at(2100, 50, "deep");
  d.at(4200, 71, "deep");
  assert.match(d.text(), /Reading at full depth: 71 of 100 chunks · 10 chunks\/s\n$/);
});

test("lines and bars", () => {
  assert.equal(progressLine({ phase: "discover", done: 1234, total: 0, unit: "files" }), "Finding files: 1,234 files so far");
  assert.equal(progressBar({ phase: "deep", done: 1, total: 0, unit: "chunks" }), "");
  assert.equal(progressBar({ phase: "deep", done: 50, total: 100, unit: "chunks" }), `${"█".repeat(12)}${"░".repeat(12)} `);
  assert.equal(progressBar({ phase: "deep", done: 200, total: 100, unit: "chunks" }), `${"█".repeat(24)} `);
});

for (const [isTerminal, quiet, expected] of [[true, false, "\r\x1b[2KOpening\r\x1b[2K"], [false, false, "Opening\n"], [true, true, ""]] as const)
  test(`what takes long without steps to count is named ${isTerminal ? "on" : "without"} a terminal${quiet ? ", not with --json" : ""}`, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    let written = "";
    const terminal: Terminal = { out: assert.fail, err: (text) => void (written += text), outColour: false, errInteractive: isTerminal, columns: 60 };
    assert.equal(await sayingSo(terminal, () => quiet, "Opening", Promise.resolve(1)), 1);
    const { promise, reject } = Promise.withResolvers<never>();
    const waiting = sayingSo(terminal, () => quiet, "Opening", promise);
    t.mock.timers.tick(1999);
    assert.equal(written, "");
    t.mock.timers.tick(1);
    reject(new Error("no index"));
    await assert.rejects(waiting, /no index/);
    t.mock.timers.tick(5000);
    assert.equal(written, expected);
  });
