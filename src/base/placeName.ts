// Places in files as people, editors and agents write them.
import { fileURLToPath } from "node:url";

/** The path of a `file:` URI, as editors pass them on; anything else as it is. */
export function withoutScheme(given: string): string {
  try {
    return given.startsWith("file:") ? fileURLToPath(given) : given;
  } catch {
    return given;
  }
}

/** A file, and the lines where they stand in its name as they do in a hit: `src/a.ts:12-40`. A column is let pass, as in compiler messages. Lines that are given beside it count instead. */
export function placeNamed(given: string, startLine?: number, endLine?: number): { readonly path: string; readonly startLine?: number; readonly endLine?: number } {
  const [, file, first, last] = (startLine === undefined && /^(.+?):(\d+)(?:-(\d+)|:\d+)?$/.exec(given)) || [];
  if (file !== undefined) return placeNamed(file, Number(first), last === undefined ? undefined : Number(last));
  return { path: withoutScheme(given), ...(startLine !== undefined && { startLine, ...(endLine !== undefined && { endLine }) }) };
}
