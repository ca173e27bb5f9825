// The engine's log: lines appended to one file, which is kept short. The log before is kept once as <file>.old.
import { appendFileSync, renameSync, statSync } from "node:fs";
import { describeError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";

const LIMIT_BYTES = 2_000_000;
/** Lines after which the size is looked at again, and what one may hold: an error may quote what it could not read. */
const LOOK_EVERY = 200;
const LINE_CHARS = 5_000;

export function createLog(file: string): Log {
  let lines = 0;
  return (level, message, error) => {
    if (level === "debug" && !process.env["STRATA_DEBUG"]) return;
    const said = `${message}${error === undefined ? "" : `: ${describeError(error)}`}`;
    const line = `${new Date().toISOString()} ${level} ${said.length > LINE_CHARS ? `${said.slice(0, LINE_CHARS)}…` : said}\n`;
    if (lines++ % LOOK_EVERY === 0) cut(file);
    try {
      appendFileSync(file, line, { mode: 0o600 });
    } catch {
      // A full disk must not end the engine because it cannot say so; the state tells the user.
    }
  };
}

function cut(file: string): void {
  try {
    if (statSync(file).size > LIMIT_BYTES) renameSync(file, `${file}.old`);
  } catch {
    // no log yet
  }
}
