// Builds what a store takes: options over a temporary folder, parsed files from plain text, and small deterministic vectors.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { hash128 } from "../../src/base/hash.ts";
import type { EncoderModel, Int8Vector, QueryVectors } from "../../src/encoding/encoder.ts";
import type { Chunk } from "../../src/indexing/chunk.ts";
import { quantise } from "../../src/encoding/int8.ts";
import { analyse } from "../../src/search/terms.ts";
import { Store, type ParsedChunk, type ParsedFile, type StoreOptions } from "../../src/store/store.ts";
import { randomNumbers } from "./random.ts";

export const terms = (text: string): string => analyse(text).join(" ");

export function testModel(options: Partial<EncoderModel> = {}): EncoderModel {
  return { id: "test", version: "1.0.0", hash: "a".repeat(64), folder: "", dims: 32, matryoshka: [32], sharedSpace: true, maxTokens: 256, ...options };
}

export function unit(floats: Float32Array): Float32Array {
  const length = Math.hypot(...floats);
  return floats.map((value) => value / length);
}

/** Random unit vectors around `clusters` centres. */
export function clusteredVectors(count: number, dims: number, clusters: number, seed: number): Float32Array[] {
  const random = randomNumbers(seed);
  const gauss = () => random() + random() + random() + random() - 2;
  const vector = () => Float32Array.from({ length: dims }, gauss);
  const centres = Array.from({ length: clusters }, vector);
  return Array.from({ length: count }, () => {
    const centre = centres[Math.floor(random() * clusters)]!;
    const noise = vector();
    return unit(centre.map((value, i) => value + 0.8 * noise[i]!));
  });
}

export const sameAtEveryExit = (query: Float32Array): QueryVectors => ({ instant: query, shallow: query, deep: query });

/** A vector that depends on the text alone. */
export function vectorOf(text: string, dims = 32): Float32Array {
  const random = randomNumbers(Number.parseInt(hash128(text).slice(0, 8), 16));
  return unit(Float32Array.from({ length: dims }, () => random() - 0.5));
}

interface ChunkSpec extends Partial<Omit<Chunk, "id">> {
  readonly text: string;
}

/** A parsed file whose chunks follow one another; `instant` vectors come from the texts unless `vectors` is given. */
export function parsedFile(path: string, specs: readonly (string | ChunkSpec)[], options: Partial<ParsedFile> & { readonly dims?: number; readonly instant?: (text: string) => Int8Vector | undefined } = {}): ParsedFile {
  const { dims = 32, instant = (text: string) => quantise(vectorOf(text, dims)), ...rest } = options;
  let line = 1;
  const chunks: ParsedChunk[] = specs.map((given) => {
    const spec = typeof given === "string" ? { text: given } : given;
    const chunk = { lang: "typescript", kind: "function" as const, symbols: [], breadcrumb: "", doc: "", ...spec };
    const startLine = line;
    line += chunk.text.split("\n").length;
    const vector = instant(chunk.text);
    return {
      chunk: { ...chunk, id: hash128(chunk.lang, chunk.breadcrumb, chunk.text) },
      startLine,
      endLine: line - 1,
      ...(vector && { instant: vector }),
      terms: { symbol: terms(chunk.symbols.join(" ")), breadcrumb: terms(chunk.breadcrumb), path: terms(path), doc: terms(chunk.doc), body: terms(chunk.text) },
    };
  });
  const text = chunks.map(({ chunk }) => chunk.text).join("\n");
  return { path, size: text.length, mtimeMs: 1_700_000_000_000, hash: hash128(text), lang: "typescript", imports: [], isTest: false, isGenerated: false, chunks, ...rest };
}

export interface Workshop {
  readonly folder: string;
  readonly options: (changes?: Partial<StoreOptions>) => StoreOptions;
  /** Opens a store that is closed with the workshop. */
  readonly open: (changes?: Partial<StoreOptions>) => Promise<Store>;
  readonly end: () => Promise<void>;
}

export function storeOptions(folder: string, changes: Partial<StoreOptions> = {}): StoreOptions {
  return { folder, model: testModel(), log: () => {}, analyse: terms, versions: { chunker: 1, analyser: 1 }, ...changes };
}

/** A temporary index folder and stores over it. */
export function workshop(): Workshop {
  const folder = mkdtempSync(path.join(tmpdir(), "strata-store-"));
  const stores: Store[] = [];
  const options = (changes: Partial<StoreOptions> = {}) => storeOptions(folder, changes);
  return {
    folder,
    options,
    async open(changes) {
      const store = await Store.open(options(changes));
      stores.push(store);
      return store;
    },
    async end() {
      for (const store of stores) await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
