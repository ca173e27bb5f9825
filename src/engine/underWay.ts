// Work that others wait for the end of.

export class UnderWay {
  readonly #works = new Set<Promise<unknown>>();

  get size(): number {
    return this.#works.size;
  }

  /** The work's outcome; it counts until it is there. */
  async of<T>(work: Promise<T>): Promise<T> {
    this.#works.add(work);
    try {
      return await work;
    } finally {
      this.#works.delete(work);
    }
  }

  /** Resolves when all that is under way now has ended, one way or the other. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#works);
  }
}
