import assert from "node:assert/strict";
import fs, { mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { describe, it, test } from "node:test";
import { pathToFileURL } from "node:url";
import { StrataError } from "../../../src/base/errors.ts";
import * as protocol from "../../../src/engine/protocol.ts";
import { searchAll } from "../../../src/engine/folders.ts";
import type { EngineSession } from "../../../src/engine/session.ts";
import { allComplete, EngineSessions, folderOrPlace, mostFolders, placeInside, readySet } from "../../../src/engine/sessions.ts";
import { shareMocks } from "../../support/builtins.ts";
import { coverage, hit, result, status } from "../../support/fakeEngine.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const never = () => new AbortController().signal;

/** Sessions that count; what each answers may be an error to throw. */
function counted(answers: readonly (string | Error)[]) {
  const opened: string[] = [];
  const closed: string[] = [];
  const left = [...answers];
  const sessions = new EngineSessions(async (root) => {
    opened.push(root);
    return { onClose() {}, dispose: () => void closed.push(root) } as unknown as EngineSession;
  });
  const ask = (root: string) =>
    sessions.use(root, async () => {
      const answer = left.shift()!;
      if (answer instanceof Error) throw answer;
      return answer;
    });
  return { ask, opened, closed, sessions };
}

describe("sessions with several engines", () => {
  it("are opened once for each folder, and closed together", async () => {
    const { ask, opened, closed, sessions } = counted(["1", "2", "3"]);
    assert.deepEqual([await ask("/a"), await ask("/b"), await ask("/a")], ["1", "2", "3"]);
    await sessions.close();
    assert.deepEqual([opened, closed], [["/a", "/b"], ["/a", "/b"]]);
  });

  it("are let go of at once, though one is still being opened", async () => {
    const closed: string[] = [];
    const opening = Promise.withResolvers<EngineSession>();
    const session = (root: string) => ({ onClose() {}, dispose: () => void closed.push(root) }) as unknown as EngineSession;
    const sessions = new EngineSessions(async (root) => (root === "/slow" ? opening.promise : session(root)));
    const slow = sessions.use("/slow", async () => {});
    await sessions.use("/quick", async () => {});
    const ended = sessions.close();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(closed, ["/quick"]);
    opening.resolve(session("/slow"));
    await Promise.all([ended, slow]);
    assert.deepEqual(closed, ["/quick", "/slow"]);
  });

  it("put a question once more when its engine has ended, and no other failure", async () => {
    const ended = new StrataError("engine.unreachable", "It ended.");
    const { ask, opened } = counted([ended, "answered", new StrataError("index.damaged", "It is damaged."), ended, ended]);
    assert.equal(await ask("/a"), "answered");
    assert.deepEqual(opened, ["/a", "/a"]);
    await assert.rejects(ask("/a"), { code: "index.damaged" });
    await assert.rejects(ask("/a"), { code: "engine.unreachable" });
  });
});

test("a session that could not be opened is opened anew for the next question, and the end of an old one says nothing of the new", async () => {
  const ends: (() => void)[] = [];
  let opened = 0;
  const sessions = new EngineSessions(async () => {
    if (++opened === 1) throw new StrataError("engine.failed", "It did not start.");
    return { onClose: (end: () => void) => void ends.push(end), dispose() {} } as unknown as EngineSession;
  });
  await assert.rejects(sessions.use("/a", async () => {}), { code: "engine.failed" });
  let asked = 0;
  await sessions.use("/a", async () => {
    if (++asked === 1) throw new StrataError("engine.unreachable", "It ended.");
  });
  ends[0]!();
  await sessions.use("/a", async () => {});
  assert.equal(opened, 3);
  ends[1]!();
  await sessions.use("/a", async () => {});
  assert.equal(opened, 4);
});

test("folders are asked when their indexes are ready, and each is known by its own state", async () => {
  const scanning: protocol.IndexState = { kind: "scanning", progress: { phase: "instant", done: 1, total: 3, unit: "files" } };
  const asked: string[] = [];
  const session = (root: string) =>
    ({
      onStatus: () => ({ dispose() {} }),
      ask: async () => status({ state: root === "/a" ? { kind: "ready" } : scanning }),
      request: async (type: { method: string }) => {
        asked.push(`${root} ${type.method}`);
        return type.method === protocol.index.method ? status() : result([hit("x", root === "/a" ? 0.4 : 0.9)]);
      },
    }) as unknown as EngineSession;
  const folders = ["/a", "/b", "/c"].map((root) => ({ root, name: root.slice(1) }));
  const set = readySet(folders, async ({ root }, work) => (root === "/c" ? Promise.reject(new StrataError("index.damaged", "It is damaged.")) : work(session(root))), { wait: false, depth: "deep", graceMs: 60_000 }, never());
  const { hits, failures } = await searchAll(set, "q", { k: 5, depth: "deep" }, never());
  assert.deepEqual([hits.map(({ root }) => root), failures], [["/b", "/a"], [{ name: "c", reason: "It is damaged." }]]);
  assert.deepEqual(asked.filter((each) => each.startsWith("/a")), ["/a strata/index", "/a strata/search"]);
  assert.deepEqual(set.parts(), [{ name: "a", coverage: coverage(3), state: { kind: "ready" } }, { name: "b", coverage: coverage(3), state: scanning }]);
  assert.deepEqual([allComplete(set.parts(), "instant"), allComplete(set.parts().slice(0, 1), "instant")], [false, true]);
});

test("engines may take half of the memory, and two may always run", () => {
  assert.ok(mostFolders(8e9) <= 13 && mostFolders(8e9) >= 2);
  assert.equal(mostFolders(100e6), 2);
});

test("a place is that in the folder named in front, else the only one there is", (t) => {
  const files = ["api/src/a.ts", "api/both.ts", "src/src/b.ts", "src/both.ts", "src/a.ts", "outside.ts"];
  const scratch = temporaryFolder(t, Object.fromEntries(files.map((file) => [file, "x\n"])));
  symlinkSync(path.join(scratch, "outside.ts"), path.join(scratch, "api/link.ts"));
  symlinkSync(path.join(scratch, "api"), path.join(scratch, "way"));
  const folders = ["api", "src"].map((name) => ({ root: path.join(scratch, name), name }));
  const found = (given: string) => {
    const { folder, path: inside } = placeInside(folders, given);
    return `${folder.name}: ${inside}`;
  };
  for (const [given, expected] of [
    ["api/src/a.ts", "api: src/a.ts"],
    ["api\\src\\a.ts", "api: src/a.ts"],
    ["src/a.ts", "src: a.ts"],
    ["src/src/b.ts", "src: src/b.ts"],
    ["src/b.ts", "src: src/b.ts"],
    ["a.ts", "src: a.ts"],
    [path.join(scratch, "api/both.ts"), "api: both.ts"],
    [path.join(scratch, "way/both.ts"), "api: both.ts"],
    [pathToFileURL(path.join(scratch, "src/both.ts")).href, "src: both.ts"],
  ] as const)
    assert.equal(found(given), expected, given);
  assert.deepEqual(folderOrPlace(folders, "api/"), { folder: folders[0], path: "" });
  assert.deepEqual(folderOrPlace(folders, folders[1]!.root), { folder: folders[1], path: "" });
  assert.throws(() => found("both.ts"), { code: "input.invalid", message: /^There is a both\.ts in api and src\. Put the folder's name in front, for example api\/both\.ts\.$/ });
  for (const outside of ["none.ts", "../outside.ts", "api/../../outside.ts", "link.ts", "api/link.ts", "/etc/passwd", path.join(scratch, "outside.ts"), "."]) assert.throws(() => found(outside), { code: "input.invalid", message: /^There is no file / }, outside);
});

test("a full path is understood also on a disk of which Windows does not say where files lie", (t) => {
  const scratch = temporaryFolder(t, { "web/a.ts": "x\n" });
  mkdirSync(path.join(scratch, "api"));
  t.mock.method(fs.realpathSync, "native", () => {
    throw Object.assign(new Error("illegal operation on a directory"), { code: "EISDIR" });
  });
  shareMocks(t);
  const folders = ["api", "web"].map((name) => ({ root: path.join(scratch, name), name }));
  assert.deepEqual(placeInside(folders, path.join(scratch, "web/a.ts")), { folder: folders[1], path: "a.ts" });
});
