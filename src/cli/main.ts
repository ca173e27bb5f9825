#!/usr/bin/env node
// Entry of the `strata` program. Only finds a Node that is new enough and hands over to program.ts, so it must import nothing
// that an old Node cannot load: everything else comes through the dynamic import below.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** node:sqlite without a flag and with FTS5, and a thread's own processor time, without which no file is cut by its syntax tree. */
const needed = [22, 19] as const;

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > needed[0] || (major === needed[0] && minor >= needed[1]);
}

/** The Node that npm installed beside this package, looked for in every node_modules above this file. */
function installedNode(): string | undefined {
  const windows = process.platform === "win32";
  const name = path.join("node_modules", `node-${windows ? "win" : process.platform}-${process.arch}`, "bin", windows ? "node.exe" : "node");
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, name))) return path.join(folder, name);
    if (folder === path.dirname(folder)) return undefined;
  }
}

function refuse(): void {
  const message = `Strata needs Node ${needed.join(".")} or newer; this is ${process.versions.node}. Install a newer Node, or reinstall Strata with its optional packages, which bring one.`;
  if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify({ error: { code: "node.tooOld", message } })}\n`);
  else process.stderr.write(`strata: ${message}\n`);
  process.exitCode = 2;
}

/** Runs the same command line under another Node and ends as it ends. */
function runUnder(node: string): void {
  const child = spawn(node, ["--no-warnings", fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit", env: { ...process.env, STRATA_REEXECUTED: "1" } });
  child.on("error", refuse);
  child.on("exit", (code, signal) => {
    if (signal !== null) {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    } else process.exitCode = code ?? 2;
  });
  // The terminal sends Ctrl-C to both processes; this one waits for the other to clean up. Other signals reach only this one.
  process.on("SIGINT", () => {});
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
}

if (isNewEnough(process.versions.node)) {
  const { runProcess } = await import("./program.ts");
  await runProcess();
} else {
  const node = process.env["STRATA_REEXECUTED"] === undefined ? installedNode() : undefined;
  if (node === undefined) refuse();
  else runUnder(node);
}
