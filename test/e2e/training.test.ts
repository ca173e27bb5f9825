// Fine-tuning in a real VS Code, from the command to the model in use, with a shell script in Python's place that goes on when the test lets it.
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { FrameLocator } from "playwright-core";
import { manyFiles } from "../support/workspace.ts";
import { Workbench } from "./support/workbench.ts";

const { STRATA_TEST_VSIX: vsix, STRATA_TEST_VSCODE: vscode } = process.env;
if (!vsix || !vscode) throw new Error("Run this through scripts/runUiTests.mjs, which packs the extension and provides VS Code.");

const folder = mkdtempSync(path.join(os.tmpdir(), "strata-py-"));
const python = path.join(folder, "python");
const let_ = (name: string): void => writeFileSync(path.join(folder, name), "");
const metric = (phase: string, step: number, instant: number, shallow: number, deep: number): string =>
  `say '${JSON.stringify({ event: "metric", phase, step, 0: instant, 2: shallow, 6: deep, score: (instant + shallow + deep) / 3 })}'`;
const curve = Array.from({ length: 9 }, (_, i) => `say '{"event":"progress","phase":"learning","step":${i * 5},"loss":${(2.1 * 0.9 ** i + 0.3).toFixed(3)},"seconds_left":${90 - i * 5}}'\n${metric("held-out", i * 5, 0.51 + i * 0.008, 0.6 + i * 0.006, 0.7 + i * 0.004)}\nsleep 0.2`).join("\n");

/** Learns a little, waits to be stopped or let on, and gives the start back under the new name. */
const script = `#!/bin/sh
[ "$1" = -c ] && exit 0
while [ $# -gt 0 ]; do case "$1" in --out) OUT="$2";; --start) START="$2";; --resume) RESUME=yes;; esac; shift; done
say() { echo "$1"; }
if [ -e ${folder}/broken ]; then say '{"event":"error","code":"out-of-memory","message":"There was not enough memory; close other programs or use fewer pairs."}'; exit 1; fi
trap 'say "{\\"event\\":\\"error\\",\\"code\\":\\"interrupted\\",\\"message\\":\\"Stopped before the end.\\"}"; exit 130' TERM
say '{"event":"progress","phase":"encoding","message":"Encoding 88 documented definitions (17 held out)","device":"cpu"}'
${metric("before", 0, 0.51, 0.6, 0.7)}
${curve}
while [ ! -e ${folder}/go ]; do sleep 0.05; done
mkdir -p "$OUT"; cp "$START"/* "$OUT"; sed -i "s/\\"id\\": *\\"[^\\"]*\\"/\\"id\\": \\"$(basename "$OUT")\\"/" "$OUT/manifest.json"
say '{"event":"result","adopt":true,"reason":"Held-out code is found better, more than chance explains, and no exit became clearly worse (the first ten hits, nDCG@10 over 17 held-out questions: 0.403 before, 0.460 after; with 90% confidence the change lies between +0.020 and +0.094).","before":{"0":0.51,"2":0.6,"6":0.7,"score":0.603},"after":{"0":0.58,"2":0.66,"6":0.74,"score":0.66},"comparison":{"measure":"nDCG@10","questions":17,"confidence":0.9,"changes":{"mean":{"before":0.403,"after":0.46,"low":0.02,"high":0.094},"0":{"before":0.31,"after":0.38,"low":0.03,"high":0.11},"2":{"before":0.4,"after":0.46,"low":0.02,"high":0.1},"6":{"before":0.5,"after":0.54,"low":0.01,"high":0.07},"6>0":{"before":0.35,"after":0.4,"low":0.01,"high":0.09},"6>2":{"before":0.45,"after":0.47,"low":-0.01,"high":0.05}}}}'
`;

describe("Fine-tuning in VS Code", { skip: process.platform === "win32" && "a shell script stands in for Python" }, () => {
  let workbench: Workbench;
  let page: FrameLocator;
  before(async () => {
    writeFileSync(python, script);
    chmodSync(python, 0o755);
    const files = Object.fromEntries(Object.entries(manyFiles(70)).map(([name, text]) => [name, text.replace(/Will (\w+) the (\w+) number (\d+)\./, "Will $1 the $2 of a customer and give it back with its mark $3.")]));
    workbench = await Workbench.open(vsix, JSON.parse(vscode) as { server: string; node: string; browser: string }, { STRATA_PYTHON: python }, files);
    page = workbench.view;
    await workbench.statusItem.filter({ hasText: /Strata 87 files/ }).waitFor({ timeout: 90_000 });
  });
  after(async () => {
    await workbench?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The command, the time, and the question; leaves the question open. */
  async function askToStart(): Promise<void> {
    await workbench.command("Strata: Fine-Tune the Encoder on This Workspace");
    const times = workbench.page.locator(".quick-input-list .monaco-list-row");
    await times.filter({ hasText: "10 minutes" }).first().waitFor({ timeout: 60_000 });
    assert.equal(await times.count() >= 3, true);
    await times.filter({ hasText: "10 minutes" }).first().click();
    await workbench.page.locator(".monaco-dialog-box").waitFor();
  }
  const button = (name: string) => workbench.page.locator(".monaco-dialog-box .monaco-button", { hasText: name });

  it("explains before it starts what will happen, and starts nothing when told not to", async () => {
    await askToStart();
    const text = await workbench.page.locator(".monaco-dialog-box").innerText();
    for (const part of [/\d+ documented definitions/, /10 minutes on/, /Nothing has to be installed/, /does not leave this machine/]) assert.match(text, part);
    await workbench.shot("20-train-question");
    await button("Cancel").click();
    await workbench.page.locator(".monaco-dialog-box").waitFor({ state: "detached" });
    assert.equal(await workbench.page.locator(".tab", { hasText: "Fine-Tuning" }).count(), 0);
  });

  it("shows loss and held-out recall of every exit as it goes", async () => {
    await askToStart();
    await button("Start").click();
    await page.locator("h1", { hasText: "Fine-tuning the encoder" }).waitFor({ timeout: 60_000 });
    await page.locator(".key", { hasText: "deep 0.732" }).waitFor({ timeout: 60_000 });
    assert.equal(await page.locator("polyline").count(), 4, "three exits and the loss");
    assert.match(await page.locator(".progress").innerText(), /about \d:\d\d left/);
    await workbench.shot("21-train-running");
  });

  it("stops on request, keeps what was read, and goes on", async () => {
    await page.locator("button", { hasText: "Stop" }).click();
    await page.locator("h1", { hasText: "was stopped" }).waitFor({ timeout: 60_000 });
    await workbench.shot("22-train-stopped");
    let_("go");
    await page.locator("button", { hasText: "Resume" }).click();
    await page.locator("h1", { hasText: "The new model is in use" }).waitFor({ timeout: 90_000 });
    assert.match(await page.locator("table").innerText(), /nDCG@10.*instant \(exit 0\)\s+0\.310\s+0\.380\s+\+0\.070\s+\+0\.030 to \+0\.110.*mean of the exits\s+0\.403\s+0\.460/s);
    await workbench.page.locator(".notifications-toasts .notification-list-item", { hasText: /The index uses shop-\d{4}-\d\d-\d\d now/ }).waitFor();
    await workbench.shot("23-train-adopted");
  });

  it("lists the new model as the one in use, and goes back to the one that comes with Strata", async () => {
    await page.locator("button", { hasText: "Choose Model" }).click();
    const rows = workbench.page.locator(".quick-input-list .monaco-list-row");
    await rows.filter({ hasText: /shop-\d{4}-\d\d-\d\d.*in use/s }).waitFor();
    await workbench.shot("24-train-models");
    await rows.filter({ hasText: "comes with Strata" }).click();
    await workbench.statusItem.click();
    await rows.filter({ hasText: "Model strata-" }).waitFor();
    await workbench.page.keyboard.press("Escape");
  });

  it("says in one sentence why it failed", async () => {
    let_("broken");
    await askToStart();
    await button("Start").click();
    await page.locator("h1", { hasText: "Fine-tuning failed" }).waitFor({ timeout: 60_000 });
    assert.equal(await page.locator(".sentence").innerText(), "There was not enough memory; close other programs or use fewer pairs.");
    await workbench.shot("25-train-failed");
  });
});
