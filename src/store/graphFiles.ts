// The graphs of an index on disk: read behind the rows, brought nearer to them while there is time, written when they have changed. A graph itself is graphs.ts.
import path from "node:path";
import { StrataError } from "../base/errors.ts";
import { type Depth, depths } from "../encoding/encoder.ts";
import { asStrataError } from "./database.ts";
import { defaultGraphFrom, type GraphModule, loadGraphModule, removeGraph, type Tier } from "./graphs.ts";
import type { StoreOptions } from "./records.ts";

type Tiers = Readonly<Record<Depth, Tier>>;

export class GraphFiles {
  readonly #options: Pick<StoreOptions, "folder" | "log">;
  readonly #tiers: () => Tiers;
  readonly #warn: (sentence: string, cause?: unknown) => void;
  readonly module: GraphModule | undefined;
  /** Number of vectors from which a tier has a graph. */
  readonly from: number;
  /** Until somebody was told, which is when a graph would be made. */
  #whyNone: unknown;
  /** Reading and writing, one after the other. */
  #underWay: Promise<void> = Promise.resolve();

  /** @param tiers of the model that is searched, as of now */
  constructor(options: Pick<StoreOptions, "folder" | "log" | "graphFrom">, tiers: () => Tiers, warn: (sentence: string, cause?: unknown) => void) {
    this.#options = options;
    this.#tiers = tiers;
    this.#warn = warn;
    this.from = options.graphFrom ?? defaultGraphFrom;
    ({ module: this.module, reason: this.#whyNone } = loadGraphModule());
  }

  /** Begins to read them; searches stay exact meanwhile. */
  load(): void {
    const tiers = this.#tiers();
    this.#underWay = (async () => {
      for (const depth of depths) {
        const reason = await tiers[depth].load(this.#file(depth));
        if (reason) this.#warn(`The ${depth} graph could not be used (${reason}); it is made again, and searches stay exact meanwhile.`);
      }
    })().catch((error: unknown) => this.#options.log("error", "Reading a graph failed", error));
  }
  /** Inserts pending vectors until `deadline` (performance.now). True when none is left, false also while a file is read or written. */
  drain(deadline: number): boolean {
    const tiers = Object.values(this.#tiers());
    if (this.#whyNone !== undefined && tiers.some(({ rows }) => rows.count >= this.from)) {
      this.#warn("The graph module (hnswlib-node) cannot load on this machine; searches scan all vectors instead, which is slower in a workspace as large as this.", this.#whyNone);
      this.#whyNone = undefined;
    }
    return tiers.every((tier) => tier.drain(deadline));
  }
  /** Writes those that have changed (temp file, fsync, rename, checksum sidecar). @param first runs before, in its turn; false: nothing is written any more */
  save(first: () => boolean): Promise<void> {
    const saved = this.#underWay.then(async () => {
      try {
        if (!first()) return;
        for (const depth of depths) await this.#tiers()[depth].save(this.#file(depth)).catch((error: unknown) => this.#notSaved(error));
      } catch (error) {
        throw asStrataError(error, this.#options.folder);
      }
    });
    this.#underWay = saved.catch(() => {});
    return saved;
  }
  remove(): void {
    for (const depth of depths) removeGraph(this.#file(depth));
  }
  /** Resolves when files that are being read or written now are done with. */
  settled(): Promise<void> {
    return this.#underWay;
  }

  /** Graphs grow again from the database, so what else they meet than a full disk (a virus scanner that holds the file) is no reason to stop. */
  #notSaved(error: unknown): void {
    if (StrataError.is(asStrataError(error, this.#options.folder), "index.diskFull")) throw error;
    this.#options.log("warn", "A graph was not saved; it is tried again, or grows again from the database", error);
  }
  #file(depth: Depth): string {
    return path.join(this.#options.folder, `${depth}.hnsw`);
  }
}
