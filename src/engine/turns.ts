// Waiting for the background loop: whoever asked goes on when its next piece of work is done.

export class Turns {
  readonly #waiting = new Set<() => void>();

  /** Resolves at the next `end`; rejects with the signal's reason when that comes first. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(goOn);
        signal.removeEventListener("abort", cancel);
      };
      const goOn = (): void => {
        leave();
        resolve();
      };
      const cancel = (): void => {
        leave();
        reject(signal.reason as Error);
      };
      this.#waiting.add(goOn);
      signal.addEventListener("abort", cancel, { once: true });
    });
  }

  end(): void {
    for (const goOn of this.#waiting) goOn();
  }
}
