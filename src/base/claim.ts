// The right of one process at a time to do something, for as long as it lives.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isOtherAlive } from "./process.ts";

/**
 * Takes the right that `file` stands for, which names its holder. One that was killed keeps nothing.
 * @param taken what to throw when the process of this id has it
 * @returns gives it back
 */
export function claim(file: string, taken: (pid: number) => Error): () => void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx", mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = holderOf(file);
    if (isOtherAlive(holder)) throw taken(holder);
    rmSync(file, { force: true });
  }
}

function holderOf(file: string): number {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch {
    return 0; // given back just now
  }
}
