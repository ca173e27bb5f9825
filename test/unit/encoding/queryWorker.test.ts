// The thread of queries by itself: what cannot be seen from the encoder's front.
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { entryFile } from "../../../src/base/assets.ts";
import type { QueryAnswer, QueryRequest, QueryWorkerData } from "../../../src/encoding/queryWorker.ts";
import type { FromWorker, ToWorker } from "../../../src/encoding/workerCalls.ts";
import { loadTinyTable } from "../../support/tinyModel.ts";

const table = await loadTinyTable();
const tokens = Int32Array.from([1, 5, 6, 2]);

function startWorker(data: QueryWorkerData = { table, padId: 0 }) {
  const worker = new Worker(entryFile("queryWorker"), { workerData: data });
  const answers: FromWorker<QueryAnswer>[] = [];
  worker.on("message", (message: FromWorker<QueryAnswer>) => answers.push(message));
  return { worker, answers, send: (message: ToWorker<QueryRequest>) => worker.postMessage(message) };
}

describe("the query worker", () => {
  it("answers in turn, with unit vectors of both exits, and never what was aborted", async () => {
    const { worker, answers, send } = startWorker();
    for (const id of [1, 2, 3]) send({ kind: "run", id, tokens });
    send({ kind: "abort", id: 2 });
    while (answers.length < 2) await once(worker, "message");
    send({ kind: "close" });
    await once(worker, "exit");
    assert.deepEqual(answers.map((answer) => [answer.kind, (answer as { id: number }).id]), [["ran", 1], ["ran", 3]]);
    for (const answer of answers) {
      assert.ok(answer.kind === "ran");
      for (const vector of [answer.shallow, answer.deep]) assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5);
    }
  });

  it("says why a query failed, and answers the next", async () => {
    const { worker, answers, send } = startWorker();
    send({ kind: "run", id: 1, tokens: Int32Array.from([1, 1_000_000, 2]) });
    send({ kind: "run", id: 2, tokens });
    while (answers.length < 2) await once(worker, "message");
    send({ kind: "close" });
    await once(worker, "exit");
    assert.deepEqual(answers.map(({ kind }) => kind), ["failed", "ran"]);
  });

  it("tells once that the model cannot run, and ends, whatever waits", async () => {
    const { worker, answers, send } = startWorker({ table: { ...table, files: { ...table.files, toDeep: [{ ...table.files.toDeep[0]!, file: "/does/not/exist.onnx" }] } }, padId: 0 });
    send({ kind: "run", id: 1, tokens });
    await once(worker, "exit");
    assert.deepEqual(answers.map((answer) => [answer.kind, "code" in answer && answer.code]), [["unusable", "model.damaged"]]);
  });

  it("ends when it is closed before its sessions are open", async () => {
    const { worker, send } = startWorker();
    send({ kind: "close" });
    assert.deepEqual(await once(worker, "exit"), [0]);
  });
});
