// This process and others on this machine.
import { spawnSync } from "node:child_process";
import path from "node:path";
import { Worker, type WorkerOptions } from "node:worker_threads";
import { StrataError } from "./errors.ts";

/** What this process holds in memory; 0 where the system does not say, as when no file handle is left to ask with. */
export function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return 0;
  }
}

/** @throws StrataError "engine.failed" where the system gives no thread: what limits processes counts these too */
export function startThread(program: string, options: WorkerOptions): Worker {
  try {
    return new Worker(program, options);
  } catch (error) {
    throw new StrataError("engine.failed", `The system gives Strata no more threads. Close other programs, or raise the limit of processes ("ulimit -u", or that of the container). It is tried again by itself.`, error);
  }
}

/** Whether a process of this id runs that is not this one. It may be somebody else's. */
export function isOtherAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Ends a process that leads a group of its own, and all that it has started. On Windows at once: nobody can be asked there, and its own program knows who started whom. */
export function endWithAll(pid: number): void {
  if (process.platform !== "win32") return void process.kill(-pid, "SIGTERM");
  // In full: Windows would look for it in the current folder first.
  const taskkill = path.join(process.env["SystemRoot"] ?? "C:\\Windows", "System32", "taskkill.exe");
  if (spawnSync(taskkill, ["/pid", String(pid), "/t", "/f"], { windowsHide: true }).status !== 0) process.kill(pid);
}
