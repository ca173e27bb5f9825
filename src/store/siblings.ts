// Vectors that other indexes on this machine have of the same chunks: a second checkout, a worktree of an agent or a fork is refined by copying what
// the first one has, instead of running the encoder over it again. What a chunk is follows from its content, so equal keys have equal vectors.
import type { Log } from "../base/log.ts";
import type { EncodeDepth, EncoderModel } from "../encoding/encoder.ts";
import { IndexDatabase } from "./database.ts";
import { vectorAt } from "./places.ts";
import type { ChunkVector } from "./records.ts";
import { SCHEMA_VERSION } from "./schema.ts";

/** One that has given less than this share of so many is not asked again: it is of other code. */
const leastShare = 0.02;
const judgedAfter = 512;
/** Indexes looked into, the last used first. */
const mostSiblings = 8;

export class Siblings {
  readonly #files: () => readonly string[];
  readonly #log: Log;
  /** How each has answered so far; null: it is not asked again. */
  readonly #answers = new Map<string, { asked: number; found: number } | null>();

  /** @param files databases of other indexes, the last used first */
  constructor(files: () => readonly string[], log: Log) {
    this.#files = files;
    this.#log = log;
  }

  /**
   * What siblings have at `depth` of chunks of `db`. Each is open for this call only: an engine that ends meanwhile could not empty its log, in which
   * deleted text may stand. One that cannot be read, or is of another version, is left out.
   */
  vectorsOf(db: IndexDatabase, model: EncoderModel, chunkIds: readonly number[], depth: EncodeDepth): readonly ChunkVector[] {
    const files = this.#files().filter((file) => this.#answers.get(file) !== null);
    if (files.length === 0) return [];
    const lent: ChunkVector[] = [];
    let wanted = chunkIds.flatMap((chunkId) => {
      const key = db.get("SELECT key FROM chunks WHERE id = ?", chunkId)?.["key"];
      return typeof key === "string" ? [{ chunkId, key }] : [];
    });
    for (const file of files.slice(0, mostSiblings)) {
      if (wanted.length === 0) break;
      const answer = this.#answers.get(file) ?? { asked: 0, found: 0 };
      try {
        const found = vectorsIn(file, model, wanted, depth);
        answer.asked += wanted.length;
        answer.found += found.length;
        lent.push(...found);
        const given = new Set(found.map(({ chunkId }) => chunkId));
        wanted = wanted.filter(({ chunkId }) => !given.has(chunkId));
        this.#answers.set(file, answer.asked >= judgedAfter && answer.found < leastShare * answer.asked ? null : answer);
      } catch (error) {
        this.#log("debug", `${file} lends no vectors`, error);
        this.#answers.set(file, null);
      }
    }
    return lent;
  }
}

function vectorsIn(file: string, model: EncoderModel, wanted: readonly { readonly chunkId: number; readonly key: string }[], depth: EncodeDepth): ChunkVector[] {
  const db = new IndexDatabase(file, "read");
  try {
    if (db.meta("schema") !== String(SCHEMA_VERSION)) throw new Error("another schema");
    const row = db.get("SELECT id FROM models WHERE hash = ?", model.hash)?.["id"];
    if (row === undefined) return [];
    return wanted.flatMap(({ chunkId, key }) => {
      const theirs = db.get("SELECT id FROM chunks WHERE key = ?", key)?.["id"];
      const vector = theirs === undefined ? undefined : vectorAt(db, row as number, depth, theirs as number);
      return vector?.values.length === model.dims ? [{ chunkId, vector }] : [];
    });
  } finally {
    db.close();
  }
}
