// A thread that is asked from a process of its own: what it does to the life of that process. How calls end with their thread is in onnxEncoder.test.ts.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { it } from "node:test";
import { pathToFileURL } from "node:url";
import { silentLog } from "../../../src/base/log.ts";
import { WorkerCalls } from "../../../src/encoding/workerCalls.ts";

const echo = `import { parentPort } from "node:worker_threads";
parentPort.on("message", ({ kind, id, text }) => kind === "close" ? parentPort.close() : kind === "abort" ? parentPort.postMessage({ kind: "said", id: 2, text: "aborted " + id }) : text !== "wait" && parentPort.postMessage({ kind: "said", id, text }));`;

function fileOf(t: { after(work: () => void): void }, program: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), "strata-calls-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, "program.mjs");
  writeFileSync(file, program);
  return file;
}

it("a thread keeps its process alive while somebody waits for it, and no longer", { timeout: 60_000 }, (t) => {
  const module = pathToFileURL(path.resolve(import.meta.dirname, "../../../src/encoding/workerCalls.ts")).href;
  const caller = `const { WorkerCalls } = await import(${JSON.stringify(module)});
    const calls = new WorkerCalls({ file: ${JSON.stringify(fileOf(t, echo))}, data: undefined, name: "echo" }, () => {});
    calls.start();
    for (const text of ["one", "two"]) console.log((await calls.call({ kind: "say", text }, undefined)).text);`;
  const { stdout, status, stderr } = spawnSync(process.execPath, ["--no-warnings", fileOf(t, caller)], { encoding: "utf8" });
  assert.deepEqual([stdout, status], ["one\ntwo\n", 0], stderr);
});

it("an aborted call ends at once, and its thread hears of it", async (t) => {
  const calls = new WorkerCalls<{ kind: "say"; text: string }, { kind: "said"; text: string }>({ file: fileOf(t, echo), data: undefined, name: "echo" }, silentLog);
  const controller = new AbortController();
  const first = calls.call({ kind: "say", text: "wait" }, controller.signal);
  const second = calls.call({ kind: "say", text: "wait" }, undefined); // this program answers it when it hears of the abort
  controller.abort(new Error("enough"));
  await assert.rejects(first, { message: "enough" });
  assert.equal((await second).text, "aborted 1");
  await assert.rejects(calls.call({ kind: "say", text: "late" }, controller.signal), { message: "enough" });
});
