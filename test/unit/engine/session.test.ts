import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { connectEngine } from "../../../src/engine/connect.ts";
import { canonicalRoot, engineRecordFile, indexFolder, makePrivateFolder } from "../../../src/engine/paths.ts";
import * as protocol from "../../../src/engine/protocol.ts";
import { answerIn, type EngineSession, isComplete } from "../../../src/engine/session.ts";
import { result, status } from "../../support/fakeEngine.ts";

test("an answer that was begun before the last files were read does not count as complete", async () => {
  let state: protocol.IndexState = { kind: "scanning", progress: { phase: "instant", done: 1, total: 3, unit: "files" } };
  const session = { ask: () => Promise.resolve(status({ state })) } as unknown as EngineSession;
  const ask = () => {
    state = { kind: "ready" };
    return Promise.resolve(result([]));
  };
  const complete = async () => {
    const answer = await answerIn(session, new AbortController().signal, ask);
    return isComplete(answer.result.coverage, answer.state, "instant");
  };
  assert.deepEqual([await complete(), await complete()], [false, true]);
});

test("whatever lies in the place of an engine's record, an engine can be started", async (t) => {
  const root = mkdtempSync(path.join(os.tmpdir(), "strata-record-"));
  const before = process.env["STRATA_CACHE"];
  process.env["STRATA_CACHE"] = path.join(root, "c");
  t.after(() => {
    if (before === undefined) delete process.env["STRATA_CACHE"];
    else process.env["STRATA_CACHE"] = before;
    rmSync(root, { recursive: true, force: true });
  });
  const folder = indexFolder(canonicalRoot(root));
  makePrivateFolder(folder);
  for (const text of ["{}", "[]", "null", "5", '{"pid":1', '{"address":5}', ""]) {
    writeFileSync(engineRecordFile(folder), text);
    await assert.rejects(connectEngine({ root, client: "cli", log() {}, start: false }), { code: "engine.unreachable" }, text);
  }
});
