// The worker thread by itself: what cannot be seen from the encoder's front.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { yieldToEventLoop } from "../../../src/base/abort.ts";
import { entryFile } from "../../../src/base/assets.ts";
import { encodeJob } from "../../../src/encoding/encodeQueue.ts";
import { type EncodeWorkerData, type FromEncodeWorker, lowerPriority, type ToEncodeWorker } from "../../../src/encoding/encodeWorker.ts";
import { loadTinyTable } from "../../support/tinyModel.ts";

const table = await loadTinyTable();

function startWorker(queriesInFlight: SharedArrayBuffer) {
  const worker = new Worker(entryFile("encodeWorker"), { workerData: { table, threads: 1, queriesInFlight } satisfies EncodeWorkerData });
  return { worker, send: (message: ToEncodeWorker) => worker.postMessage(message) };
}

describe("the encode worker", () => {
  it("starts no text while a query is in flight", async () => {
    const queriesInFlight = new SharedArrayBuffer(4);
    const count = new Int32Array(queriesInFlight);
    Atomics.store(count, 0, 1);
    const { worker, send } = startWorker(queriesInFlight);
    let answered = false;
    const answer = once(worker, "message").then(([message]) => {
      answered = true;
      return message as FromEncodeWorker;
    });
    send({ kind: "encode", job: encodeJob(1, [{ breadcrumb: "", text: "get" }], "deep", "visible", 16) });
    // notify tells how many threads it woke: the worker is waiting for the query when it is one, and has waited again when it is one once more.
    for (let waits = 0; waits < 3 && !answered; ) {
      waits += Atomics.notify(count, 0);
      await yieldToEventLoop();
    }
    assert.equal(answered, false);
    Atomics.store(count, 0, 0);
    Atomics.notify(count, 0);
    assert.equal((await answer).kind, "encoded");
    send({ kind: "close" });
    await once(worker, "exit");
  });

  it("leaves the processor to whoever else wants it, queries on the main thread too", { skip: process.platform === "linux" ? false : "a priority is a thread's on Linux alone" }, async () => {
    const { worker, send } = startWorker(new SharedArrayBuffer(4));
    send({ kind: "encode", job: encodeJob(1, [{ breadcrumb: "", text: "get" }], "deep", "background", 16) });
    await once(worker, "message");
    // The 19th field of a thread's state; the second, its name, may hold spaces.
    const niceOf = (thread: string) => Number(readFileSync(`/proc/self/task/${thread}/stat`, "utf8").split(") ")[1]!.split(" ")[16]);
    const main = niceOf(String(process.pid));
    assert.ok(readdirSync("/proc/self/task").some((thread) => niceOf(thread) === Math.max(10, main)));
    send({ kind: "close" });
    await once(worker, "exit");
    assert.equal(niceOf(String(process.pid)), main);
  });

  it("works also where a sandbox forbids to change priorities", () => {
    lowerPriority(() => {
      throw new Error("EPERM");
    });
  });

  it("ends by itself when it is closed in the middle of a long job", async () => {
    const { worker, send } = startWorker(new SharedArrayBuffer(4));
    send({ kind: "encode", job: encodeJob(1, new Array(3000).fill({ breadcrumb: "", text: "get ".repeat(30) }), "deep", "background", 16) });
    send({ kind: "close" });
    const [code] = await once(worker, "exit");
    assert.equal(code, 0);
  });

  it("answers aborted jobs never and the others in full", async () => {
    const { worker, send } = startWorker(new SharedArrayBuffer(4));
    const answers: FromEncodeWorker[] = [];
    worker.on("message", (message: FromEncodeWorker) => answers.push(message));
    const jobs = [1, 2, 3].map((id) => encodeJob(id, new Array(300).fill({ breadcrumb: "a", text: "set value" }), "shallow", "background", 16));
    for (const job of jobs) send({ kind: "encode", job });
    send({ kind: "abort", id: 2 });
    while (answers.length < 2) await once(worker, "message");
    send({ kind: "close" });
    await once(worker, "exit");
    assert.deepEqual(answers.map((answer) => [answer.kind, (answer as { id: number }).id]), [["encoded", 1], ["encoded", 3]]);
    for (const { scales } of [jobs[0]!, jobs[2]!]) assert.ok(new Float32Array(scales).every((scale) => scale > 0));
  });
});
