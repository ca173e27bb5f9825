// Helpers around cancellation by AbortSignal, and turns of the event loop.

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

/** The promise's outcome, or the signal's reason as soon as it aborts. */
export async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
