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
