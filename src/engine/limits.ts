// What belongs into an index beside the ignore files, kept with the index: an engine that starts again, or is started by the terminal,
// reads the same files as the editor asked for, and does not read and then drop what the editor excludes.
import { readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { written } from "../base/patiently.ts";
import type { EngineSettings } from "./protocol.ts";

type Limits = Pick<EngineSettings, "exclude" | "maxFileBytes">;

/** An empty glob, which an editor's settings may hold, excludes nothing; the matcher would throw. */
export const withoutEmptyGlobs = (globs: readonly string[]): string[] => globs.filter((glob) => glob !== "");

const shape = z.object({ exclude: z.array(z.string()).transform(withoutEmptyGlobs), maxFileBytes: z.number().int().positive() });
const limitsFile = (indexFolder: string): string => path.join(indexFolder, "limits.json");

/** undefined when nobody has configured this index yet, or the file is damaged: the next client that configures mends it. */
export function keptLimits(indexFolder: string): Limits | undefined {
  try {
    return shape.parse(JSON.parse(readFileSync(limitsFile(indexFolder), "utf8")));
  } catch {
    return undefined;
  }
}

export function keepLimits(indexFolder: string, { exclude, maxFileBytes }: Limits, onProblem: (error: unknown) => void): void {
  try {
    written(limitsFile(indexFolder), `${JSON.stringify({ exclude, maxFileBytes })}\n`)();
  } catch (error) {
    onProblem(error); // a full disk: they hold for this engine, and the next configuration tries again
  }
}
