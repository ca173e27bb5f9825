// The committed tiny model (2 layers × 16 dimensions, test/fixtures/models/makeTiny.py) and copies of it that a test may damage.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { loadInstantTable, type InstantTable } from "../../src/encoding/exit0.ts";
import { loadModelFiles } from "../../src/encoding/modelFiles.ts";

export const tinyModelFolder = path.resolve(import.meta.dirname, "../fixtures/models/tiny");

export async function loadTinyTable(): Promise<InstantTable> {
  return loadInstantTable(await loadModelFiles(tinyModelFolder));
}

/** A copy of the tiny model in a temporary folder that vanishes with the test. */
export function copyTinyModel(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), "strata-model-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(tinyModelFolder, folder, { recursive: true });
  return folder;
}

export function editManifest(folder: string, edit: (manifest: any) => void): void {
  const file = path.join(folder, "manifest.json");
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  edit(manifest);
  writeFileSync(file, JSON.stringify(manifest));
}

interface ParityCase {
  readonly kind: "query" | "code";
  readonly breadcrumb: string;
  readonly text: string;
  readonly prepared: string;
  readonly ids: readonly number[];
  /** By layer of the exit. */
  readonly vectors: Readonly<Record<string, readonly number[]>>;
}
interface Parity {
  readonly cases: readonly ParityCase[];
  readonly tolerance: Readonly<Record<string, number>>;
}

export function readParity(folder: string): Parity {
  return JSON.parse(readFileSync(path.join(folder, "parity.json"), "utf8")) as Parity;
}

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let dot = 0;
  let lengthA = 0;
  let lengthB = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    lengthA += a[i]! ** 2;
    lengthB += b[i]! ** 2;
  }
  return dot / Math.sqrt(lengthA * lengthB);
}

/** An ONNX file of one step, which gives the token ids back as numbers. */
export function asWideAsItsText(): Buffer {
  const number = (field: number, value: number): Buffer => Buffer.from([...(field < 16 ? [field << 3] : [((field << 3) & 127) | 128, field >> 4]), value]);
  const part = (field: number, ...inner: readonly (Buffer | string)[]): Buffer => {
    const content = Buffer.concat(inner.map((each) => Buffer.from(each as string)));
    return Buffer.concat([Buffer.from([(field << 3) | 2, ...(content.length < 128 ? [content.length] : [(content.length & 127) | 128, content.length >> 7])]), content]);
  };
  const [float, int64] = [1, 7];
  const value = (name: string, type: number): Buffer[] => [part(1, name), part(2, part(1, number(1, type), part(2, part(1, part(2, "batch")), part(1, part(2, "sequence")))))];
  const cast = part(1, part(1, "input_ids"), part(2, "embedding"), part(4, "Cast"), part(5, part(1, "to"), number(3, float), number(20, 2)));
  const graph = part(7, cast, part(2, "graph"), part(11, ...value("input_ids", int64)), part(11, ...value("attention_mask", int64)), part(12, ...value("embedding", float)));
  return Buffer.concat([number(1, 8), graph, part(8, number(2, 17))]);
}
