// Vectors that other indexes on this machine have of the same chunks: a second checkout, a worktree of an agent or a fork is refined by copying what
// the first one has, instead of running the encoder over it again. What a chunk is follows from its content, so equal keys have equal vectors.
import type { Log } from "../base/log.ts";
import type { EncoderModel, Int8Vector } from "../encoding/encoder.ts";
import { IndexDatabase } from "./database.ts";
import { depthNumber } from "./schema.ts";

interface Sibling {
  readonly file: string;
  readonly db: IndexDatabase;
  asked: number;
  found: number;
}

/** One that has given less than this share of so many is not asked again: it is of other code. */
const leastShare = 0.02;
const judgedAfter = 512;
/** Indexes looked into, the last used first. */
const mostSiblings = 8;

export class Siblings {
  readonly #files: () => readonly string[];
  readonly #log: Log;
  #open: Sibling[] | undefined;

  /** @param files databases of other indexes, the last used first; asked for when the first chunk has to be encoded */
  constructor(files: () => readonly string[], log: Log) {
    this.#files = files;
    this.#log = log;
  }

  /** What siblings have at `depth` of chunks of `db`. A sibling that cannot be read is left out; it may be of another version, or being deleted. */
  vectorsOf(db: IndexDatabase, model: EncoderModel, chunkIds: readonly number[], depth: "shallow" | "deep"): readonly { chunkId: number; vector: Int8Vector }[] {
    this.#open ??= this.#files().slice(0, mostSiblings).flatMap((file) => this.#opened(file));
    const lent: { chunkId: number; vector: Int8Vector }[] = [];
    let wanted = chunkIds.map((chunkId) => ({ chunkId, key: this.#open!.length > 0 ? (db.get("SELECT key FROM chunks WHERE id = ?", chunkId)?.["key"] as string | undefined) : undefined }));
    for (const sibling of [...this.#open]) {
      try {
        wanted = wanted.filter(({ chunkId, key }) => {
          const vector = key === undefined ? undefined : vectorIn(sibling.db, model, key, depth);
          sibling.asked++;
          if (vector === undefined) return true;
          sibling.found++;
          lent.push({ chunkId, vector });
          return false;
        });
        if (sibling.asked >= judgedAfter && sibling.found < leastShare * sibling.asked) this.#drop(sibling);
      } catch (error) {
        this.#log("debug", `${sibling.file} lends no vectors`, error);
        this.#drop(sibling);
      }
    }
    return lent;
  }

  close(): void {
    for (const sibling of this.#open?.splice(0) ?? []) sibling.db.close();
    this.#open = undefined;
  }

  #opened(file: string): Sibling[] {
    try {
      return [{ file, db: new IndexDatabase(file, "read"), asked: 0, found: 0 }];
    } catch (error) {
      this.#log("debug", `${file} lends no vectors`, error);
      return [];
    }
  }

  #drop(sibling: Sibling): void {
    this.#open = this.#open!.filter((other) => other !== sibling);
    sibling.db.close();
  }
}

function vectorIn(db: IndexDatabase, model: EncoderModel, key: string, depth: "shallow" | "deep"): Int8Vector | undefined {
  const sql = "SELECT v.scale, v.q FROM chunks c JOIN models m ON m.hash = ? JOIN vectors v ON v.model = m.id AND v.depth = ? AND v.chunk = c.id WHERE c.key = ?";
  const row = db.get(sql, model.hash, depthNumber[depth], key);
  const bytes = row?.["q"];
  if (row === undefined || !(bytes instanceof Uint8Array) || bytes.byteLength !== model.dims || typeof row["scale"] !== "number") return undefined;
  return { values: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), scale: row["scale"] };
}
