import { createHash } from "node:crypto";

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
