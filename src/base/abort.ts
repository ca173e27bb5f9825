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
