import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { launcherName, launcherText } from "../../../src/base/launcher.ts";
import { silentLog } from "../../../src/base/log.ts";
import { env, said } from "../../support/fakeVscode.ts";
import { temporaryFolder, useCache } from "../../support/temporaryFolder.ts";

const { renewLauncher, setUpTerminal } = await import("../../../src/extension/terminal.ts");

/** An extension's folder and memory, with a cache of its own. */
function installed(t: TestContext) {
  const folder = temporaryFolder(t);
  useCache(t, path.join(folder, "cache"));
  const kept = new Map<string, unknown>();
  const appended: string[][] = [];
  const at = (extensionPath: string) =>
    ({
      extensionPath,
      environmentVariableCollection: { append: (name: string, value: string) => void appended.push([name, value]) },
      globalState: { get: (key: string, otherwise: unknown) => kept.get(key) ?? otherwise, update: async (key: string, value: unknown) => void kept.set(key, value) },
    }) as never;
  return { at, appended, bin: path.join(folder, "cache/bin"), file: path.join(folder, "cache/bin", launcherName()) };
}

test("who asks for it gets the command in new terminals, behind their own programs, and settings for agents in the clipboard", async (t) => {
  const { at, appended, bin, file } = installed(t);
  await setUpTerminal(at("/ext/strata-1"));
  assert.deepEqual(appended, [["PATH", `${path.delimiter}${bin}`]]);
  assert.match(readFileSync(file, "utf8"), /strata-1.dist.strata\.mjs/);
  if (process.platform !== "win32") assert.equal(statSync(file).mode & 0o777, 0o700);
  assert.deepEqual((JSON.parse(env.clipboard.text) as { mcpServers: { strata: { command: string; args: string[] } } }).mcpServers.strata.args.at(-1), "mcp");
  assert.match(said.at(-1)!, /command strata.*clipboard/);
});

test("after an update the command starts the newer version, also where the cache was emptied", async (t) => {
  const { at, file, bin } = installed(t);
  await setUpTerminal(at("/ext/strata-1"));
  renewLauncher(at("/ext/strata-2"), silentLog);
  assert.match(readFileSync(file, "utf8"), /strata-2/);
  const before = statSync(file).ino;
  renewLauncher(at("/ext/strata-2"), silentLog);
  assert.equal(statSync(file).ino, before, "another window may be running it");
  rmSync(bin, { recursive: true });
  renewLauncher(at("/ext/strata-2"), silentLog);
  assert.match(readFileSync(file, "utf8"), /strata-2/);
});

test("of two editors the one with the newer Strata has the command, whichever window opens last, until it is gone", async (t) => {
  const { at, file } = installed(t);
  await setUpTerminal(at("/ext/strata-1"));
  const program = path.join(temporaryFolder(t), "strata.mjs");
  writeFileSync(program, "");
  const newer = launcherText({ file, node: process.execPath, program, build: "999.0.0+1.ab" });
  writeFileSync(file, newer);
  renewLauncher(at("/ext/strata-1"), silentLog);
  await setUpTerminal(at("/ext/strata-1"));
  assert.equal(readFileSync(file, "utf8"), newer);
  rmSync(program);
  renewLauncher(at("/ext/strata-1"), silentLog);
  assert.match(readFileSync(file, "utf8"), /strata-1/);
});

test("once asked for, terminals of every workspace know the command: VS Code remembers it for one alone", async (t) => {
  const { at, appended, bin } = installed(t);
  renewLauncher(at("/ext/strata-1"), silentLog);
  assert.deepEqual(appended, []);
  await setUpTerminal(at("/ext/strata-1"));
  appended.length = 0;
  renewLauncher(at("/ext/strata-1"), silentLog);
  assert.deepEqual(appended, [["PATH", `${path.delimiter}${bin}`]]);
});

test("a cache that the editor's environment moved is the command's too", async (t) => {
  const { at, file, bin } = installed(t);
  await setUpTerminal(at("/ext/strata-1"));
  assert.ok(readFileSync(file, "utf8").includes(path.dirname(bin)));
  assert.match(readFileSync(file, "utf8"), /STRATA_CACHE/);
});

test("who has not asked gets nothing, and what cannot be written is for the log", async (t) => {
  const { at, file, bin } = installed(t);
  renewLauncher(at("/ext/strata-1"), silentLog);
  assert.equal(existsSync(file), false);
  await setUpTerminal(at("/ext/strata-1"));
  rmSync(bin, { recursive: true });
  mkdirSync(path.dirname(bin), { recursive: true });
  writeFileSync(bin, "a file in the way");
  const logged: string[] = [];
  renewLauncher(at("/ext/strata-1"), (_level, message) => void logged.push(message));
  assert.deepEqual(logged, ["the command strata could not be renewed"]);
  await assert.rejects(setUpTerminal(at("/ext/strata-1")), /bin/);
});
