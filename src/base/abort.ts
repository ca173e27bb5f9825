// Cancellation and fairness helpers around AbortSignal and the event loop.

/** Throws the signal's reason when it is aborted. Called once per file and per batch. */
export function checkAborted(signal: AbortSignal | undefined): void {
  signal?.throwIfAborted();
}

export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** Lets pending input and timers run: long synchronous work calls it between slices. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The same with room for several turns of the loop: a message takes a few from the socket to its answer. */
export function breathe(ms = 10): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
