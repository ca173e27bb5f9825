// Waiting for the background loop: whoever asked goes on when its next piece of work is done.
import { unlessAborted } from "../base/abort.ts";

export class Turns {
  #turn = Promise.withResolvers<void>();

  /** Resolves at the next `end`; rejects with the signal's reason when that comes first. */
  next(signal: AbortSignal): Promise<void> {
    return unlessAborted(signal, this.#turn.promise);
  }

  end(): void {
    this.#turn.resolve();
    this.#turn = Promise.withResolvers();
  }
}
