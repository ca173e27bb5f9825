import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { createMessageConnection, SocketMessageReader, SocketMessageWriter } from "vscode-jsonrpc/node";
import { type ErrorCode, StrataError } from "../../../src/base/errors.ts";
import { sha256 } from "../../../src/base/hash.ts";
import { connectEngine } from "../../../src/engine/connect.ts";
import { keepChoice } from "../../../src/engine/modelChoice.ts";
import { canonicalRoot, engineRecordFile, indexFolder, makePrivateFolder } from "../../../src/engine/paths.ts";
import * as protocol from "../../../src/engine/protocol.ts";
import { answerFromAll, becomeSearchable, type EngineSession, openSession } from "../../../src/engine/session.ts";
import { coverage, hit, result, status } from "../../support/fakeEngine.ts";
import { temporaryFolder, useCache } from "../../support/temporaryFolder.ts";
import { tinyModelFolder } from "../../support/tinyModel.ts";

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

/** A folder and that of its index, in a cache of their own. */
function place(t: TestContext): { readonly root: string; readonly folder: string } {
  const root = temporaryFolder(t);
  useCache(t, path.join(root, "c"));
  const folder = indexFolder(canonicalRoot(root));
  makePrivateFolder(folder);
  return { root, folder };
}

describe("a model that is asked for", { skip: process.platform === "win32" && "unix sockets" }, () => {
  const wanted = sha256(readFileSync(path.join(tinyModelFolder, "manifest.json")));
  /** A session when one engine after the other, each in the place of the one that was asked to end, runs with these models. */
  async function session(t: TestContext, models: readonly string[], choose = false): Promise<string> {
    const { root, folder } = place(t);
    if (choose) keepChoice(folder, tinyModelFolder)();
    const running = [...models];
    const sockets = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      sockets.add(socket);
      const connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
      connection.onRequest(protocol.handshake, () => ({ protocol: protocol.PROTOCOL_VERSION, build: "b", pid: 1, model: { id: "m", version: "1", hash: running[0]! }, root }));
      connection.onRequest(protocol.shutdown, () => void running.shift());
      connection.listen();
    });
    const address = path.join(folder, "engine-test.sock");
    await new Promise<void>((resolve) => void server.listen(address, resolve));
    writeFileSync(engineRecordFile(folder), JSON.stringify({ pid: 1, address, token: "t", build: "b" }));
    try {
      const opened = await openSession({ root, client: "cli", modelFolder: tinyModelFolder, log() {}, start: false, signal: new AbortController().signal });
      opened.dispose();
      return opened.info.model.hash;
    } finally {
      server.close();
      for (const socket of sockets) socket.destroy();
    }
  }
  it("is asked for once more when another program started the next engine", async (t) => assert.equal(await session(t, ["other", "other", wanted]), wanted));
  it("is given up when another program always does, without blaming a choice that nobody made", async (t) => {
    await assert.rejects(session(t, ["other", "other", "other"]), (error) => StrataError.is(error, "input.invalid") && /^Another program/.test(error.message));
  });
  it("is given up at once for one that the index has chosen", async (t) => {
    await assert.rejects(session(t, ["other", "other", wanted], true), (error) => StrataError.is(error, "input.invalid") && /has chosen the model m for good/.test(error.message));
  });
});

it("starts an engine whatever lies in the place of another's record", async (t) => {
  const { root, folder } = place(t);
  for (const text of ["{}", "[]", "null", "5", '{"pid":1', '{"address":5}', ""]) {
    writeFileSync(engineRecordFile(folder), text);
    await assert.rejects(connectEngine({ root, client: "cli", log() {}, start: false }), { code: "engine.unreachable" }, text);
  }
});
