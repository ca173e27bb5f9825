// Who works with the index and its model, and who may exchange them: work goes on side by side; an exchange cuts it short, waits for it, and holds new
// work back until it is done.
import { isAbort } from "../base/abort.ts";
import { UnderWay } from "./underWay.ts";

export class Exchanges {
  readonly #working = new UnderWay();
  /** Aborted to end what is in `#working` early. */
  #pass = new AbortController();
  #count = 0;
  #last: Promise<unknown> = Promise.resolve();

  get isUnderWay(): boolean {
    return this.#count > 0;
  }

  /** Resolves when no exchange is under way. */
  async over(): Promise<void> {
    while (this.#count > 0) await this.#last;
  }

  /** Runs what reads or writes with the present model. Undefined when an exchange cut it short. */
  async work<T>(signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const pass = this.#pass.signal;
    try {
      return await this.#working.of(run(AbortSignal.any([signal, pass])));
    } catch (error) {
      if (pass.aborted && !signal.aborted && isAbort(error)) return undefined;
      throw error;
    }
  }

  /** Lets `act` exchange the model or the index while nothing else works with it. One after the other. */
  exchange(act: () => Promise<void>): Promise<void> {
    this.#count++;
    this.#pass.abort();
    const done = this.#last.then(async () => {
      await this.#working.settled();
      try {
        await act();
      } finally {
        if (--this.#count === 0) this.#pass = new AbortController();
      }
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Resolves when all that was begun has ended. */
  async settled(): Promise<void> {
    await this.#last;
    await this.#working.settled();
  }
}
