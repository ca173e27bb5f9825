// Notices that an update in place has put another program or another model where this engine's own lay. Threads that it started from then on would run
// the other program, and what it still reads of its model would not fit what it has in memory.
import { readFileSync, statSync } from "node:fs";
import { sha256 } from "../base/hash.ts";

/** Looks at two files: some ten microseconds. */
const LOOK_EVERY_MS = 3_000;

/**
 * Calls back once, when one of the files has other content than it should, and had so a look before: an update that is still writing is let finish.
 * A file that has only gone says nothing, for nobody could start anew then.
 * @param files with the hash of what each should hold; others after a change of model
 * @returns a look, for tests
 */
export function whenReplaced(files: () => readonly (readonly [file: string, sha256: string])[], call: () => void): () => void {
  /** When each was last seen as it should be. */
  const sound = new Map<string, string | undefined>();
  let last: string | undefined;
  const look = (): void => {
    let changed = "";
    for (const [file, own] of files()) {
      const stamp = stampOf(file);
      if (sound.get(file) === stamp) continue;
      const content = hashOf(file);
      if (content === own) sound.set(file, stamp); // also one that was built again from the same sources
      else changed += content ?? "";
    }
    const isSettled = changed !== "" && changed === last;
    last = changed;
    if (!isSettled) return;
    clearInterval(timer);
    call();
  };
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  return look;
}

function stampOf(file: string): string | undefined {
  try {
    const { mtimeMs, size, ino } = statSync(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return undefined; // gone, or out of reach
  }
}

export function hashOf(file: string): string | undefined {
  try {
    return sha256(readFileSync(file));
  } catch {
    return undefined; // as above
  }
}
