// Hashes of texts, bytes and files.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/** First 128 bits of SHA-256, hex: chunk ids and file content hashes. */
export function hash128(...parts: readonly (string | Uint8Array)[]): string {
  const h = createHash("sha256");
  for (const part of parts) {
    h.update(part);
    h.update("\0");
  }
  return h.digest("hex").slice(0, 32);
}

export function sha256(data: Uint8Array | string): string {
  return createHash("sha256").update(data).digest("hex");
}

/** SHA-256 of a file that may be large: read in parts, so that it never stands in memory as a whole. */
export async function hashFile(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of createReadStream(file, { highWaterMark: 1 << 20, ...(signal && { signal }) })) hash.update(part as Buffer);
  return hash.digest("hex");
}
