// The first answers of a process are its slowest: what makes them is not compiled yet, and the index lies on the disk. A few questions that nobody
// asked get that over with, behind those that somebody does.
import { breathe } from "../base/abort.ts";

/** Of words that most code has, so that they read much of the index and rank full lists. */
const questions = [
  "where is the configuration read", "parse a date", "retry after a failure", "open a file and read its lines",
  "close the connection", "write to the log", "how are errors handled", "sort a list of items",
  "test that it fails", "compare two versions", "convert a number to text", "send a request",
  "start the server", "remove an entry from the cache", "check the permissions of a user", "wait until all are done",
];

/** After which it is looked again whether nobody asks. */
const LOOK_MS = 250;

/** Resolves when nobody asks, nor waits for an answer, at a look some time from now or at a later one, or when the signal aborts. */
export async function whenQuiet(isQuiet: () => boolean, signal: AbortSignal): Promise<void> {
  do await breathe(LOOK_MS);
  while (!signal.aborted && !isQuiet());
}

/**
 * @param isQuiet whether nobody asks, nor waits for an answer; each question waits for that
 * @throws what `ask` throws, and the signal's reason
 */
export async function warmUp(ask: (query: string) => Promise<unknown>, isQuiet: () => boolean, signal: AbortSignal): Promise<void> {
  for (const question of questions) {
    if (!isQuiet()) await whenQuiet(isQuiet, signal);
    signal.throwIfAborted();
    await ask(question);
  }
}
