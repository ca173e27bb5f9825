// Replacing and deleting files that somebody else may have open just now.
import { chmodSync, renameSync, writeFileSync } from "node:fs";

/** Windows refuses it meanwhile, where other systems let the reader keep what it has. */
const refusals: ReadonlySet<string | undefined> = new Set(["EPERM", "EACCES", "EBUSY"]);
/** 630 ms in all: clients, virus scanners and the system's own search are done with a file in less. */
const waitsMs = [10, 20, 40, 80, 160, 320];

/**
 * Does it, on Windows again after a moment as long as it is refused. This thread stands still meanwhile.
 * @throws what `work` throws in the end
 */
export function patiently(work: () => void, isWindows = process.platform === "win32"): void {
  for (const wait of isWindows ? waitsMs : []) {
    try {
      return work();
    } catch (error) {
      if (!refusals.has((error as NodeJS.ErrnoException).code)) throw error;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, wait);
  }
  work();
}

/**
 * Writes a file anew, its owner's alone (`mode`), beside the one that is there, and gives what puts it in its place: whoever reads has all of the one or all of the
 * other, and a full disk says so before anything has changed. @throws the system's error
 */
export function written(file: string, text: string, mode = 0o600): () => void {
  writeFileSync(`${file}.new`, text, { mode });
  chmodSync(`${file}.new`, mode); // one that was left there keeps its own
  return () => patiently(() => renameSync(`${file}.new`, file));
}
