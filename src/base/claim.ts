// The right of one process at a time to do something, for as long as it lives.
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isOtherAlive } from "./process.ts";

export interface Claim {
  /** Another process that works on it, and may outlive this one by a while: the claim holds as long as one of them lives. */
  addHolder(pid: number): void;
  release(): void;
}

/**
 * Takes the right that `file` stands for, which names its holders. Those that were killed keep nothing.
 * @param taken what to throw when the process of this id has it
 */
export function claim(file: string, taken: (pid: number) => Error): Claim {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  for (;;) {
    try {
      writeFileSync(file, `${process.pid}\n`, { flag: "wx", mode: 0o600 });
      return { addHolder: (pid) => addHolder(file, pid), release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = holdersOf(file).find(isOtherAlive);
    if (holder !== undefined) throw taken(holder);
    rmSync(file, { force: true });
  }
}

function addHolder(file: string, pid: number): void {
  try {
    appendFileSync(file, `${pid}\n`);
  } catch {
    // a full disk; the other process meets it too, and says so
  }
}

function holdersOf(file: string): number[] {
  try {
    return readFileSync(file, "utf8").split("\n").map(Number);
  } catch {
    return []; // given back just now
  }
}
