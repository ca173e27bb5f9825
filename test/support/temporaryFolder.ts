// A folder for one test, or for those of a file; Strata's cache in one.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

/** A test's context, or `{ after }` of node:test for a whole file: what is made goes with it. */
interface Scope {
  after(end: () => void): void;
}

/** By its real path, with these files in it. */
export function temporaryFolder(scope: Scope, files: Readonly<Record<string, string>> = {}): string {
  const folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), "strata-t-")));
  scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  writeFiles(folder, files);
  return folder;
}

/** With the folders that they lie in. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
}

/** This folder is Strata's cache. */
export function useCache(scope: Scope, folder: string): void {
  const before = process.env["STRATA_CACHE"];
  process.env["STRATA_CACHE"] = folder;
  scope.after(() => (before === undefined ? delete process.env["STRATA_CACHE"] : (process.env["STRATA_CACHE"] = before)));
}
