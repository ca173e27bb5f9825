import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import { type ErrorCode, StrataError } from "../../../src/base/errors.ts";
import { connectEngine } from "../../../src/engine/connect.ts";
import { canonicalRoot, engineRecordFile, indexFolder, makePrivateFolder } from "../../../src/engine/paths.ts";
import type * as protocol from "../../../src/engine/protocol.ts";
import { answerFromAll, becomeSearchable, type EngineSession } from "../../../src/engine/session.ts";
import { coverage, hit, result, status } from "../../support/fakeEngine.ts";

const scanning: protocol.IndexState = { kind: "scanning", progress: { phase: "instant", done: 1, total: 3, unit: "files" } };

/** How often is asked when the index is in these states before and after the answer, and what is answered. */
async function asked(before: protocol.IndexState, after: protocol.IndexState) {
  const states = [before, after];
  const session = { ask: async () => status({ state: states.shift()!, coverage: coverage(3) }) } as unknown as EngineSession;
  let times = 0;
  const { result: answer, state } = await answerFromAll(session, async () => result([hit(`${++times}.ts`, 1)]), new AbortController().signal);
  return [times, answer.hits[0]!.path, state.kind];
}

describe("an answer", () => {
  it("is made again when the index was completed while it was made", async () => assert.deepEqual(await asked(scanning, { kind: "ready" }), [2, "2.ts", "ready"]));
  it("is made once from a whole index, and from one that is not whole afterwards either", async () => {
    assert.deepEqual(await asked({ kind: "ready" }, { kind: "ready" }), [1, "1.ts", "ready"]);
    assert.deepEqual(await asked(scanning, scanning), [1, "1.ts", "scanning"]);
  });
});

it("waits no longer for an index that has failed, whatever the reason; only an engine that has gone is one to tell", async () => {
  const reached = (code: ErrorCode): Promise<void> => {
    const session = { onStatus: () => ({ dispose() {} }), request: () => Promise.reject(new StrataError(code, "It failed.")) } as unknown as EngineSession;
    return becomeSearchable(session, 60_000, () => {}, new AbortController().signal);
  };
  for (const code of ["native.missing", "engine.failed", "index.unwritable", "workspace.missing"] as const) await reached(code);
  await assert.rejects(reached("engine.unreachable"), { code: "engine.unreachable" });
});

it("starts an engine whatever lies in the place of another's record", async (t) => {
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
