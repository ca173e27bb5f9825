// A repository taken apart for measuring: the product's chunks, terms and vectors in an in-memory store, so that one part of search can be
// switched off at a time. Vectors are kept on disk between runs, by model and chunk. The whole product is measured in product.ts instead.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { decodeText } from "../../src/base/decode.ts";
import { silentLog } from "../../src/base/log.ts";
import { type Depth, depths, type Encoder, type EncoderText, type InstantEncoder, type QueryVectors } from "../../src/encoding/encoder.ts";
import { dequantise } from "../../src/encoding/int8.ts";
import { createInstantEncoder, loadInstantTable } from "../../src/encoding/exit0.ts";
import { defaultModelFolder, loadModelFiles } from "../../src/encoding/modelFiles.ts";
import { OnnxEncoder } from "../../src/encoding/onnxEncoder.ts";
import { Chunker } from "../../src/indexing/chunker.ts";
import { isGeneratedSource, isTestPath } from "../../src/indexing/conventions.ts";
import { walk } from "../../src/indexing/walk.ts";
import { type Candidates, gatherCandidates } from "../../src/search/candidates.ts";
import type { FeatureRow } from "../../src/search/features.ts";
import type { ParsedQuery } from "../../src/search/query.ts";
import { candidateFeatures } from "../../src/search/search.ts";
import { readQuestion } from "../../src/search/reading.ts";
import { type MemoryChunk, MemoryStore } from "../support/memoryStore.ts";

/** The encoders of one model, with a memory on disk. */
export interface LabModel {
  readonly encoder: Encoder;
  readonly instant: InstantEncoder;
}

export async function openModel(folder?: string): Promise<LabModel> {
  const table = await loadInstantTable(await loadModelFiles(folder ?? (await defaultModelFolder())));
  return { encoder: new OnnxEncoder(table, silentLog), instant: createInstantEncoder(table) };
}

/** One source file before vectors. */
export interface LabFile {
  readonly path: string;
  readonly lang: string;
  readonly imports: readonly string[];
  readonly chunks: readonly MemoryChunk[];
}

let chunker: Promise<Chunker> | undefined;

/** @param edit changes a file's text before it is cut, for instance to take a documentation comment out. */
export async function chunkFolder(root: string, edit: (file: string, text: string) => string = (_, text) => text): Promise<LabFile[]> {
  chunker ??= Chunker.create({ log: silentLog });
  const files: LabFile[] = [];
  for await (const { path: file } of walk(root)) {
    const text = decodeText(await readFile(path.join(root, file)));
    if (text !== undefined) files.push(await chunkText(file, edit(file, text)));
  }
  return files;
}

export async function chunkText(file: string, text: string): Promise<LabFile> {
  chunker ??= Chunker.create({ log: silentLog });
  const { lang, chunks, imports } = await (await chunker).chunk(file, text);
  const flags = { path: file, lang, isTest: isTestPath(file), isGenerated: isGeneratedSource(file, text) };
  return { path: file, lang, imports, chunks: chunks.map(({ chunk: { id: _, ...chunk }, startLine, endLine }) => ({ ...chunk, ...flags, startLine, endLine })) };
}

export async function buildStore(files: readonly LabFile[], model: LabModel | undefined, wanted: readonly Depth[], cacheName: string): Promise<MemoryStore> {
  const imports = new Map(files.map((file) => [file.path, file.imports]));
  const chunks = files.flatMap((file) => file.chunks);
  const texts = chunks.map((chunk) => ({ breadcrumb: chunk.breadcrumb ?? "", text: chunk.text }));
  const vectors = new Map<Depth, readonly Float32Array[]>();
  if (model) for (const depth of wanted) vectors.set(depth, await encodeAll(model, texts, depth, cacheName));
  const store = new MemoryStore(
    chunks.map((chunk, i) => ({ ...chunk, vectors: Object.fromEntries([...vectors].map(([depth, list]) => [depth, list[i]!])) })),
    imports,
  );
  store.sharedSpace = model?.encoder.model.sharedSpace ?? false;
  return store;
}

/** Vectors of texts at one exit, from the cache where it has them. */
export async function encodeAll(model: LabModel, texts: readonly EncoderText[], depth: Depth, cacheName: string): Promise<Float32Array[]> {
  if (depth === "instant") return texts.map((text) => dequantise(model.instant.embed(text)));
  const cache = openCache(`${cacheName}-${depth}`, model.encoder.model.hash, model.encoder.model.dims);
  const missing = [...new Map(texts.filter((text) => !cache.has(keyOf(text))).map((text) => [keyOf(text), text])).values()].sort((a, b) => a.text.length - b.text.length);
  for (let i = 0; i < missing.length; i += 64) {
    const batch = missing.slice(i, i + 64);
    const encoded = await model.encoder.embedChunks(batch, depth, "background");
    batch.forEach((text, at) => cache.set(keyOf(text), dequantise(encoded[at]!)));
  }
  if (missing.length > 0) cache.save();
  return texts.map((text) => cache.get(keyOf(text))!);
}

/** Vectors of queries at every exit. */
export async function encodeQueries(model: LabModel, queries: readonly string[], cacheName: string): Promise<QueryVectors[]> {
  const { dims, hash } = model.encoder.model;
  const caches = depths.map((depth) => openCache(`${cacheName}-query-${depth}`, hash, dims));
  let isChanged = false;
  for (const query of queries) {
    if (caches[0]!.has(query)) continue;
    const vectors = await model.encoder.embedQuery(query);
    depths.forEach((depth, i) => caches[i]!.set(query, vectors[depth]));
    isChanged = true;
  }
  if (isChanged) for (const cache of caches) cache.save();
  return queries.map((query) => Object.fromEntries(depths.map((depth, i) => [depth, caches[i]!.get(query)!])) as QueryVectors);
}

const keyOf = (text: EncoderText): string => `${text.breadcrumb}\0${text.text}`;

/** A file of keys and one of floats below the system's temporary folder. Losing it costs time only. */
function openCache(name: string, modelHash: string, dims: number) {
  const folder = path.join(os.tmpdir(), "strata-quality", modelHash.slice(0, 12));
  const base = path.join(folder, name.replace(/[^\w.-]/g, "_"));
  const entries = new Map<string, Float32Array>();
  try {
    const keys = JSON.parse(readFileSync(`${base}.json`, "utf8")) as string[];
    const bytes = readFileSync(`${base}.bin`);
    const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    if (floats.length === keys.length * dims) keys.forEach((key, i) => entries.set(key, floats.subarray(i * dims, (i + 1) * dims)));
  } catch {
    // Nothing kept yet.
  }
  return {
    has: (key: string) => entries.has(key),
    get: (key: string) => entries.get(key),
    set: (key: string, vector: Float32Array) => void entries.set(key, vector),
    save: () => {
      mkdirSync(folder, { recursive: true });
      const floats = new Float32Array(entries.size * dims);
      [...entries.values()].forEach((vector, i) => floats.set(vector, i * dims));
      writeFileSync(`${base}.bin`, new Uint8Array(floats.buffer));
      writeFileSync(`${base}.json`, JSON.stringify([...entries.keys()]));
    },
  };
}

/** A question as the product reads it: in English, its slips mended. */
export function readAs(store: MemoryStore, { encoder }: LabModel, text: string, isTyping = false): ParsedQuery {
  return readQuestion(store, text, { isWord: (word) => encoder.knowsWord(word), isTyping, mayRespell: true }).query;
}

/** What might answer a question, and what is looked at in each. */
export function candidatesFor(store: MemoryStore, model: LabModel, question: string | ParsedQuery, vectors: QueryVectors | undefined, k = 10): { readonly query: ParsedQuery; readonly candidates: Candidates; readonly rows: FeatureRow[] } {
  const query = typeof question === "string" ? readAs(store, model, question) : question;
  const candidates = gatherCandidates(store, query, vectors, k, "");
  return { query, candidates, rows: candidateFeatures({ store, encoder: model.encoder }, query, vectors, candidates) };
}
