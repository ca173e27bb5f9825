import assert from "node:assert/strict";
import { test } from "node:test";
import { forOtherSystems, systemOf } from "../../../src/search/systems.ts";

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

test("a folder or a part of the file's name tells the system", () => {
  for (const [file, isOfHost] of [
    ["src/unix/udp.c", true],
    ["src/win/udp.c", false],
    ["os/file_windows.go", false],
    ["os/file_linux.go", true],
    ["os/file_posix.go", true],
    ["net/poll-darwin.h", false],
    ["_pslinux.linux.py", true],
    ["sys/linux_darwin.rs", true],
    ["Platform/Windows/Clipboard.cs", false],
    ["src/unix/darwin.c", false],
    ["src/unix/poll_linux_darwin.c", true],
    ["win/unix-socket.c", false],
  ] as const)
    assert.equal(systemOf(file, "linux")?.isOfHost, isOfHost, file);
});

test("words that only resemble a system's name say nothing", () => {
  for (const file of ["src/window.ts", "winner.c", "src/machine.rs", "phoenix/nixie.ts", "ios/App.swift", "android/Main.kt", "src/index.ts"]) assert.equal(systemOf(file, "linux"), undefined, file);
});

test("on every host its own twin stays and the others are told", () => {
  const files = ["unix/udp.c", "win/udp.c", "linux/epoll.c", "darwin/kqueue.c", "udp.c"];
  assert.deepEqual([...forOtherSystems(files, words("udp"), "linux")], ["win/udp.c", "darwin/kqueue.c"]);
  assert.deepEqual([...forOtherSystems(files, words("udp"), "darwin")], ["win/udp.c", "linux/epoll.c"]);
  assert.deepEqual([...forOtherSystems(files, words("udp"), "win32")], ["unix/udp.c", "linux/epoll.c", "darwin/kqueue.c"]);
});

test("a system that the query names is meant", () => {
  assert.deepEqual([...forOtherSystems(["unix/udp.c", "win/udp.c", "darwin/udp.c"], words("udp on windows or win"), "linux")], ["darwin/udp.c"]);
});

test("without files for the host there is nothing to choose: a folder called Windows may hold windows", () => {
  assert.equal(forOtherSystems(["Windows/MainWindow.cs", "Dialogs/Open.cs"], words("main"), "linux").size, 0);
});
