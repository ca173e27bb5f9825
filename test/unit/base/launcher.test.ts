import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { agentSettings, launcherName, launcherText, launcherVariable, servesAsWell } from "../../../src/base/launcher.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

test("the command passes everything on to the program, whatever the paths are called", { skip: process.platform === "win32" && "it is a shell script" }, (t) => {
  const folder = path.join(temporaryFolder(t), "it's \"mine\" $HOME");
  mkdirSync(folder);
  const [file, program] = [path.join(folder, "strata"), path.join(folder, "strata.mjs")];
  writeFileSync(program, `console.log(JSON.stringify([process.argv.slice(2), process.env.${launcherVariable}, process.env.ELECTRON_RUN_AS_NODE, process.execArgv, process.pid])); process.exitCode = 7;`);
  writeFileSync(file, launcherText({ file, node: process.execPath, program }));
  chmodSync(file, 0o700);
  const given = ["search", "where is $PATH read", "--path", "src/**", ""];
  const { stdout, stderr, status, pid } = spawnSync(file, given, { encoding: "utf8", cwd: "/" });
  // Of the same process: who ends what he started ends the program.
  assert.deepEqual([JSON.parse(stdout), stderr, status], [[given, file, "1", ["--liftoff-only", "--no-warnings"], pid], "", 7]);

  rmSync(program);
  const gone = spawnSync(file, given, { encoding: "utf8" });
  assert.match(gone.stderr, /^strata: The extension that this command belongs to is gone\. Open VS Code .*strata\.\n$/);
  assert.equal(gone.status, 2);
});

test("where the editor's own program was replaced, as a remote machine's by an update, the command says what to do", { skip: process.platform === "win32" && "it is a shell script" }, (t) => {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "strata");
  writeFileSync(file, launcherText({ file, node: path.join(folder, "server-1/node"), program: import.meta.filename }));
  const { stderr, status } = spawnSync("/bin/sh", [file], { encoding: "utf8" });
  assert.match(stderr, /^strata: The program of VS Code .* Open VS Code with Strata once\.\n$/);
  assert.equal(status, 2);
});

test("the command asks the indexes of the editor, unless its caller names others", { skip: process.platform === "win32" && "it is a shell script" }, (t) => {
  const folder = temporaryFolder(t);
  const [file, program, cache] = [path.join(folder, "strata"), path.join(folder, "strata.mjs"), path.join(folder, "it's a cache")];
  writeFileSync(program, "console.log(process.env.STRATA_CACHE);");
  writeFileSync(file, launcherText({ file, node: process.execPath, program, cache }));
  const { STRATA_CACHE: _, ...outside } = process.env;
  const asked = (env: NodeJS.ProcessEnv) => spawnSync("/bin/sh", [file], { encoding: "utf8", env }).stdout.trim();
  assert.deepEqual([asked(outside), asked({ ...outside, STRATA_CACHE: "/other" })], [cache, "/other"]);
});

test("on Windows paths stand in quotes and percent signs are not variables", () => {
  const text = launcherText({ file: "C:\\Users\\Zoë\\bin\\strata.cmd", node: "C:\\100%\\Code.exe", program: "C:\\ext\\strata.mjs", cache: "D:\\100%" }, "win32");
  assert.match(text, /^@echo off\r\nchcp 65001 >nul\r\n/);
  assert.ok(text.includes(`set "${launcherVariable}=C:\\Users\\Zoë\\bin\\strata.cmd"\r\n`));
  assert.ok(text.includes('if not defined STRATA_CACHE set "STRATA_CACHE=D:\\100%%"\r\n'));
  assert.ok(text.endsWith('"C:\\100%%\\Code.exe" --liftoff-only --no-warnings "C:\\ext\\strata.mjs" %*\r\n'));
  const named = launcherText({ file: "C:\\Users\\Zoë\\bin\\strata.cmd", node: "C:\\Users\\Zoë\\Code.exe", program: "C:\\Users\\Zoë\\ext\\strata.mjs", home: "C:\\Users\\Zoë" }, "win32");
  assert.match(named, /^[\x00-\x7f]+$/);
  assert.ok(named.includes(`set "${launcherVariable}=%USERPROFILE%\\bin\\strata.cmd"\r\n`));
  assert.ok(named.endsWith('"%USERPROFILE%\\Code.exe" --liftoff-only --no-warnings "%USERPROFILE%\\ext\\strata.mjs" %*\r\n'));
  assert.doesNotMatch(launcherText({ file: "C:\\bin\\strata.cmd", node: "C:\\Code.exe", program: "C:\\ext\\strata.mjs" }, "win32"), /chcp/, "the console keeps its code page where nothing needs another");
});

test("on Windows too the command says what to do where the extension, or the editor's own program, is gone", () => {
  const lines = launcherText({ file: "C:\\bin\\strata.cmd", node: "C:\\Code.exe", program: "C:\\ext\\strata.mjs" }, "win32").split("\r\n");
  assert.deepEqual(lines.slice(0, 3), ["@echo off", "setlocal", "set ELECTRON_RUN_AS_NODE=1"]);
  const saying = (file: string) => lines.find((line) => line.startsWith(`if not exist "${file}" (echo strata: `));
  assert.match(saying("C:\\ext\\strata.mjs")!, /extension .* is gone\..* 1>&2 & exit \/b 2\)$/);
  assert.match(saying("C:\\Code.exe")!, /program of VS Code .* is gone.* 1>&2 & exit \/b 2\)$/);
  assert.deepEqual([launcherName("win32"), launcherName("linux")], ["strata.cmd", "strata"]);
});

for (const platform of ["linux", "win32"] as const)
  test(`a command that starts another editor's Strata, as new or newer, stays while it can (${platform})`, (t) => {
    const folder = temporaryFolder(t);
    const program = path.join(folder, "100% Zoë's \"ext\" & co", "strata.mjs");
    mkdirSync(path.dirname(program));
    writeFileSync(program, "");
    const text = launcherText({ file: "/bin/strata", node: process.execPath, program, build: "1.2.0+50.ab" }, platform);
    const serves = (build: string, own = "/ext/strata.mjs") => servesAsWell(text, { program: own, build });
    assert.deepEqual([serves("1.1.9+90.cd"), serves("1.2.0+50.ab"), serves("1.2.0+51.ef"), serves("1.10.0+1.ab")], [true, true, false, false]);
    assert.equal(serves("1.1.9+90.cd", program), false, "its own is written as its editor wants it");
    assert.match(text.split(/\r?\n/).find((line) => /^(?:#|rem) \{/.test(line))!, /^[\w #./:\\"{},+-]+$/, "nothing that a shell would read");
    assert.equal(servesAsWell(launcherText({ file: "/bin/strata", node: path.join(folder, "no-node"), program, build: "9.0.0+1.ab" }, platform), { program: "/ext/strata.mjs" }), false);
    rmSync(program);
    assert.deepEqual([serves("1.1.9+90.cd"), servesAsWell("#!/bin/sh\n", { program })], [false, false]);
  });

test("agents start a program by its path, and a script of Windows by cmd, whose user may be called anything", () => {
  assert.deepEqual(JSON.parse(agentSettings("/cache/bin/strata", ["mcp", "/w"])), { mcpServers: { strata: { command: "/cache/bin/strata", args: ["mcp", "/w"] } } });
  assert.deepEqual(JSON.parse(agentSettings("C:\\My Name\\strata.cmd", ["mcp"])), { mcpServers: { strata: { command: "cmd", args: ["/c", "call", "C:\\My Name\\strata.cmd", "mcp"] } } });
});
