// How a client waits for an engine that takes its time: programs of a few lines in the engine's place, and a clock that the test moves.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import test, { type TestContext } from "node:test";
import { createMessageConnection, ResponseError, SocketMessageReader, SocketMessageWriter } from "vscode-jsonrpc/node";
import { type ErrorCode, StrataError } from "../../../src/base/errors.ts";
import { canonicalRoot, engineRecordFile, indexFolder, makePrivateFolder } from "../../../src/engine/paths.ts";
import { handshake, shutdown } from "../../../src/engine/protocol.ts";
import { settle } from "../../support/fakeEngine.ts";
import { processGone, Workspace } from "../../support/workspace.ts";

const ends = (error: unknown): boolean => StrataError.is(error, "model.damaged");
const say = (code: string): string => `process.send({ error: { code: "${code}", message: "It says so." } }, () => process.exit(3));`;

/** A program that notes each of its starts in a file. */
function program(workspace: Workspace, text: string): { readonly program: string; readonly starts: () => string[] } {
  const [file, noted] = [path.join(path.dirname(workspace.root), "engine.mjs"), path.join(path.dirname(workspace.root), "starts")];
  writeFileSync(noted, "");
  writeFileSync(file, `import { appendFileSync, existsSync, readFileSync } from "node:fs";\nappendFileSync(${JSON.stringify(noted)}, process.pid + "\\n");\n${text}`);
  return { program: file, starts: () => readFileSync(noted, "utf8").split("\n").slice(0, -1) };
}

/** Lets time pass on the client's clock, ten times as fast as it does, until `enough`: faster, and a program that starts slowly on a busy machine would take minutes of it. */
async function passing(t: TestContext, enough: () => boolean): Promise<void> {
  for (let last = performance.now(); !enough(); await settle()) {
    const ms = Math.floor(performance.now() - last);
    last += ms;
    t.mock.timers.tick(10 * ms);
  }
}

test("an engine that lives is waited for as long as it opens its index", async (t) => {
  const workspace = new Workspace(t);
  const go = path.join(path.dirname(workspace.root), "go");
  const engine = program(workspace, `setInterval(() => { if (existsSync(${JSON.stringify(go)})) ${say("model.damaged")} }, 5);`);
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const connecting = assert.rejects(workspace.connect({ program: engine.program }), ends);
  await passing(t, () => engine.starts().length === 1);
  t.mock.timers.tick(600_000);
  await settle();
  writeFileSync(go, "");
  await connecting;
  assert.equal(engine.starts().length, 1);
});

test("what an engine says behind its last word is nobody's business, and no end of its client", { skip: process.platform === "win32" && "the channel is no file there" }, async (t) => {
  const workspace = new Workspace(t);
  const said = JSON.stringify({ error: { code: "model.damaged", message: "It says so." } });
  const engine = program(workspace, `import { writeSync } from "node:fs"; writeSync(3, ${JSON.stringify(`${said}\n${said}\n`)}); process.once("disconnect", () => process.exit());`);
  await assert.rejects(workspace.connect({ program: engine.program }), ends);
  await settle();
});

test("who does not want to wait any more leaves an engine to itself", async (t) => {
  const workspace = new Workspace(t);
  const engine = program(workspace, `process.once("disconnect", () => process.exit());`);
  const controller = new AbortController();
  const connecting = assert.rejects(workspace.connect({ program: engine.program, signal: controller.signal }), { name: "AbortError" });
  while (engine.starts().length === 0) await settle();
  controller.abort();
  await connecting;
  await processGone(Number(engine.starts()[0]));
});

test("while another engine opens the index it is looked for often and started beside rarely, and not for ever", { skip: process.platform === "win32" && "unix sockets" }, async (t) => {
  const workspace = new Workspace(t);
  const folder = indexFolder(canonicalRoot(workspace.root));
  makePrivateFolder(folder);
  const address = path.join(folder, "engine-test.sock");
  let looks = 0;
  // Somebody is there who does not talk yet: as good as nobody, but each look is counted.
  const other = net.createServer((socket) => {
    looks++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => void other.listen(address, resolve));
  t.after(() => other.close());
  writeFileSync(engineRecordFile(folder), JSON.stringify({ pid: process.pid, address, token: "t", build: "b" }));
  const engine = program(workspace, say("index.busy"));
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const began = Date.now();
  const connecting = assert.rejects(workspace.connect({ program: engine.program }), (error) => StrataError.is(error, "index.busy"));
  await passing(t, () => looks >= 60 && Date.now() - began > 30_000);
  assert.ok(engine.starts().length <= 20, `${engine.starts().length} starts at ${looks} looks in ${(Date.now() - began) / 1000} s`);
  t.mock.timers.tick(700_000);
  await connecting;
});

/** Connecting ends with the code before an engine that does this has been started ten times, each so many seconds after the one before. */
async function givenUp(t: TestContext, does: string, code: ErrorCode, seconds: number): Promise<void> {
  const workspace = new Workspace(t);
  const engine = program(workspace, does);
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  let isOver = false;
  const connecting = assert.rejects(workspace.connect({ program: engine.program, signal: t.signal }), (error) => (isOver = StrataError.is(error, code)));
  for (let starts = 0; !isOver && starts < 10; starts++) {
    await passing(t, () => isOver || engine.starts().length > starts);
    t.mock.timers.tick(seconds * 1_000);
  }
  assert.ok(isOver, `${engine.starts().length} starts, each ${seconds} seconds after the one before`);
  await connecting;
}

test("another process that has the index is waited for ten minutes in all, however often ours is started meanwhile", async (t) => {
  await givenUp(t, say("index.busy"), "index.busy", 150);
});

test("an engine that says it is up each time and never can be reached is given up as well", async (t) => {
  await givenUp(t, `process.send({ ready: true }, () => process.exit());`, "engine.unreachable", 5);
});

test("a program that is no engine and holds the index is waited for for seconds, and then named", async (t) => {
  const workspace = new Workspace(t);
  const engine = program(workspace, say("index.held"));
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const began = Date.now();
  let took: number | undefined;
  const connecting = assert.rejects(workspace.connect({ program: engine.program }), (error) => {
    took = Date.now() - began;
    return StrataError.is(error, "index.held");
  });
  await passing(t, () => took !== undefined);
  await connecting;
  assert.ok(took! > 5_000 && took! < 60_000 && engine.starts().length > 2, `${engine.starts().length} starts in ${took} ms`);
});

test("an older engine is asked to end once ours stands ready; one that has gone by then needs no asking", { skip: process.platform === "win32" && "unix sockets" }, async (t) => {
  for (const stays of [true, false]) {
    const workspace = new Workspace(t);
    const folder = indexFolder(canonicalRoot(workspace.root));
    makePrivateFolder(folder);
    const [address, ready] = [path.join(folder, "engine-test.sock"), path.join(path.dirname(workspace.root), "ready")];
    const asked: boolean[] = [];
    const older = net.createServer((socket) => {
      const connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
      const end = (): void => {
        rmSync(engineRecordFile(folder));
        older.close();
        socket.destroy();
      };
      connection.onRequest(handshake, () => {
        if (!stays) setImmediate(end);
        return new ResponseError(-32001, "older", { code: "engine.older" });
      });
      connection.onRequest(shutdown, () => {
        asked.push(existsSync(ready));
        end();
      });
      connection.listen();
    });
    await new Promise<void>((resolve) => void older.listen(address, resolve));
    writeFileSync(engineRecordFile(folder), JSON.stringify({ pid: process.pid, address, token: "t", build: "b" }));
    const engine = program(workspace, `import { writeFileSync } from "node:fs"; process.once("disconnect", () => process.exit());
      if (!process.argv.includes("--succeed")) ${say("model.damaged")} else { writeFileSync(${JSON.stringify(ready)}, ""); process.send({ waits: true }); setInterval(() => { if (!existsSync(${JSON.stringify(engineRecordFile(folder))})) ${say("index.busy")} }, 5); }`);
    await assert.rejects(workspace.connect({ program: engine.program }), ends);
    assert.deepEqual(asked, stays ? [true] : []);
  }
});

/** A server in an engine's place, and its record. @param shaken what it answers to a handshake @param ended after it was asked to end */
async function inPlace(t: TestContext, folder: string, name: string, shaken: () => object, ended = () => {}): Promise<{ asked: number }> {
  const address = path.join(folder, `engine-${name}.sock`);
  const state = { asked: 0 };
  const server = net.createServer((socket) => {
    const connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
    connection.onRequest(handshake, () => shaken() as never);
    connection.onRequest(shutdown, () => {
      state.asked++;
      rmSync(engineRecordFile(folder));
      server.close();
      socket.destroy();
      ended();
    });
    connection.listen();
    t.after(() => socket.destroy());
  });
  await new Promise<void>((resolve) => void server.listen(address, resolve));
  t.after(() => server.close());
  writeFileSync(engineRecordFile(folder), JSON.stringify({ pid: process.pid, address, token: "t", build: "b" }));
  return state;
}
const isOlder = () => new ResponseError(-32001, "older", { code: "engine.older" });

test("an older engine goes on where ours cannot start", { skip: process.platform === "win32" && "unix sockets" }, async (t) => {
  const workspace = new Workspace(t);
  const folder = indexFolder(canonicalRoot(workspace.root));
  makePrivateFolder(folder);
  const older = await inPlace(t, folder, "older", isOlder);
  await assert.rejects(workspace.connect({ program: program(workspace, say("model.damaged")).program }), ends);
  assert.deepEqual([older.asked, existsSync(engineRecordFile(folder))], [0, true]);
});

test("an older engine that does not end when it is asked to is ended", { skip: process.platform === "win32" && "unix sockets" }, async (t) => {
  const workspace = new Workspace(t);
  const folder = indexFolder(canonicalRoot(workspace.root));
  makePrivateFolder(folder);
  const address = path.join(folder, "engine-older.sock");
  const older = `require("net").createServer((socket) => socket.on("data", (data) => {
    const [message] = String(data).match(/{.*/) ?? [];
    if (message === undefined) return;
    const { id, method } = JSON.parse(message);
    const answer = JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32001, message: "older", data: { code: "engine.older" } } });
    if (method === "${handshake.method}") socket.write("Content-Length: " + answer.length + "\\r\\n\\r\\n" + answer);
  })).listen(${JSON.stringify(address)}, () => console.log("up"))`;
  const child = spawn(process.execPath, ["-e", older], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const gone = once(child, "exit");
  writeFileSync(engineRecordFile(folder), JSON.stringify({ pid: child.pid, address, token: "t", build: "b" }));
  const ours = program(workspace, `process.once("disconnect", () => process.exit()); if (process.argv.includes("--succeed")) process.send({ waits: true }); else ${say("model.damaged")}`);
  await assert.rejects(workspace.connect({ program: ours.program, patienceMs: 500, signal: t.signal }), ends);
  assert.equal((await gone)[1], "SIGKILL");
});

test("an engine that stood ready leaves when another client's came first", { skip: process.platform === "win32" && "unix sockets" }, async (t) => {
  const workspace = new Workspace(t);
  const folder = indexFolder(canonicalRoot(workspace.root));
  makePrivateFolder(folder);
  await inPlace(t, folder, "older", isOlder, () => void inPlace(t, folder, "other", () => ({ build: "the other's" })));
  const ours = program(workspace, `process.once("disconnect", () => process.exit()); process.send({ waits: true });`);
  assert.equal((await workspace.connect({ program: ours.program })).info.build, "the other's");
  assert.equal(ours.starts().length, 1);
  await processGone(Number(ours.starts()[0]));
});

test("a record whose process could be a whole group of them is no record: nobody is ended for it", { skip: process.platform === "win32" && "unix sockets" }, async (t) => {
  const workspace = new Workspace(t);
  const folder = indexFolder(canonicalRoot(workspace.root));
  makePrivateFolder(folder);
  const address = path.join(folder, "engine-test.sock");
  const silent = net.createServer((socket) => void t.after(() => socket.destroy()));
  await new Promise<void>((resolve) => void silent.listen(address, resolve));
  t.after(() => silent.close());
  for (const pid of [0, -1, 1.5, "1", undefined]) {
    writeFileSync(engineRecordFile(folder), JSON.stringify({ pid, address, token: "t", build: "b" }));
    await assert.rejects(workspace.connect({ start: false, patienceMs: 1 }), (error) => StrataError.is(error, "engine.unreachable") && /^No engine is running/.test(error.message));
  }
});

test("a record without an address is no record, nor one at whose address nobody is", async (t) => {
  const workspace = new Workspace(t);
  const folder = indexFolder(canonicalRoot(workspace.root));
  makePrivateFolder(folder);
  for (const record of [{ pid: 1 }, { pid: 1, address: 5 }, { pid: process.pid, address: path.join(folder, "nobody.sock"), token: "t", build: "b" }, null, "text"]) {
    writeFileSync(engineRecordFile(folder), JSON.stringify(record));
    await assert.rejects(workspace.connect({ start: false }), (error) => StrataError.is(error, "engine.unreachable") && /^No engine is running/.test(error.message));
  }
});

test("one frozen engine after the other is ended, and each once", { skip: process.platform === "win32" && "unix sockets" }, async (t) => {
  const workspace = new Workspace(t);
  const folder = indexFolder(canonicalRoot(workspace.root));
  makePrivateFolder(folder);
  const engine = program(workspace, say("model.damaged"));
  /** A process that takes connections and answers none. @param next what it does with the first */
  const frozen = async (name: string, next: string) => {
    const address = path.join(folder, `engine-${name}.sock`);
    const child = spawn(process.execPath, ["-e", `require("net").createServer(() => { ${next} }).listen(${JSON.stringify(address)}, () => console.log("up"))`], { stdio: ["ignore", "pipe", "inherit"] });
    t.after(() => child.kill("SIGKILL"));
    await once(child.stdout, "data");
    return { gone: once(child, "exit"), record: JSON.stringify({ pid: child.pid, address, token: "t", build: "b" }) };
  };
  const second = await frozen("b", "");
  const first = await frozen("a", `require("fs").writeFileSync(${JSON.stringify(engineRecordFile(folder))}, ${JSON.stringify(second.record)})`);
  writeFileSync(engineRecordFile(folder), first.record);
  await assert.rejects(workspace.connect({ program: engine.program, patienceMs: 500 }), ends);
  for (const { gone } of [first, second]) assert.equal((await gone)[1], "SIGKILL");
});

test("a frozen engine that cannot be ended, as another user's, is named, not waited for again and again", { skip: process.platform === "win32" && "unix sockets" }, async (t) => {
  const workspace = new Workspace(t);
  const folder = indexFolder(canonicalRoot(workspace.root));
  makePrivateFolder(folder);
  const address = path.join(folder, "engine-test.sock");
  let asked = 0;
  const silent = net.createServer((socket) => void (asked++, t.after(() => socket.destroy())));
  await new Promise<void>((resolve) => void silent.listen(address, resolve));
  t.after(() => silent.close());
  const gone = spawn(process.execPath, ["-e", ""]);
  await once(gone, "exit");
  writeFileSync(engineRecordFile(folder), JSON.stringify({ pid: gone.pid, address, token: "t", build: "b" }));
  await assert.rejects(workspace.connect({ patienceMs: 20 }), (error) => StrataError.is(error, "engine.unreachable") && error.message.includes(`process ${gone.pid}`));
  assert.equal(asked, 2);
});

test("an engine that says it is up and cannot be reached is given up, also while it has the index", async (t) => {
  const workspace = new Workspace(t);
  const noted = path.join(path.dirname(workspace.root), "starts");
  const engine = program(workspace, `if (readFileSync(${JSON.stringify(noted)}, "utf8").split("\\n").length === 2) process.send({ ready: true }); else ${say("index.busy")}`);
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  let isOver = false;
  const connecting = assert.rejects(workspace.connect({ program: engine.program }), (error) => StrataError.is(error, "engine.unreachable") && /within 20 s/.test(error.message));
  void connecting.finally(() => (isOver = true));
  await passing(t, () => isOver);
  await connecting;
});

test("an engine keeps neither its starter's folder nor its Node's options", async (t) => {
  const workspace = new Workspace(t);
  const engine = program(workspace, `if (process.env.NODE_OPTIONS === undefined && process.cwd() === ${JSON.stringify(path.parse(workspace.root).root)}) ${say("model.damaged")}`);
  process.env["NODE_OPTIONS"] = "--no-deprecation";
  t.after(() => delete process.env["NODE_OPTIONS"]);
  await assert.rejects(workspace.connect({ program: engine.program }), ends);
});

test("who was started before an update that removed its programs is told to start anew", async (t) => {
  const workspace = new Workspace(t);
  await assert.rejects(workspace.connect({ program: path.join(workspace.root, "strata-1/dist/engine.mjs") }), { code: "engine.failed", message: /start anew .*MCP server/ });
});
