// In which file each chunk stands, where it is one, as nearly always: four bytes a chunk, so that a filter can be asked about any of a million chunks without
// listing them all first.

const SEVERAL = -1;

export class Homes {
  /** By chunk id: the file, 0 for none, SEVERAL. */
  #files = new Int32Array(1024);

  /** Undefined where it may be in several files, or is in none. */
  of(chunkId: number): number | undefined {
    const file = this.#files[chunkId] ?? 0;
    return file > 0 ? file : undefined;
  }
  /** A place was added. */
  add(chunkId: number, file: number): void {
    if (chunkId >= this.#files.length) {
      const grown = new Int32Array(Math.max(chunkId + 1, 2 * this.#files.length));
      grown.set(this.#files);
      this.#files = grown;
    }
    const known = this.#files[chunkId]!;
    this.#files[chunkId] = known === 0 || known === file ? file : SEVERAL;
  }
  /** It has no place any more. */
  clear(chunkId: number): void {
    if (chunkId < this.#files.length) this.#files[chunkId] = 0;
  }
}
