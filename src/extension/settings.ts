// Reads strata.* and the editor's excludes into one checked object. The only place that knows what a setting may hold;
// vscode-free: the caller passes a getter, so tests pass a record.
import type { Depth, EngineSettings } from "../engine/protocol.ts";
import { settings as table, type SettingKey } from "./contributions.ts";

/** Returns a setting's value by its full key ("files.exclude" too), for one workspace folder. */
export type GetSetting = (key: string) => unknown;

export interface WindowSettings {
  readonly onStartup: boolean;
  readonly maxResults: number;
}

function number(get: GetSetting, key: "strata.index.maxFileSizeKB" | "strata.search.maxResults"): number {
  const { default: standard, minimum, maximum } = table[key];
  const value = get(key);
  return typeof value === "number" && Number.isFinite(value) ? Math.min(maximum, Math.max(minimum, Math.round(value))) : standard;
}

/** The globs that are switched on; VS Code's `{ "when": … }` conditions depend on sibling files and are left to the editor. */
function globs(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([glob, on]) => (on === true ? [glob] : []));
}

/** Variables for `strata train`. */
export function readTrainingEnvironment(get: GetSetting): Readonly<Record<string, string>> {
  const python = get("strata.training.python" satisfies SettingKey);
  return typeof python === "string" && python.trim() !== "" ? { STRATA_PYTHON: python.trim() } : {};
}

export function readWindowSettings(get: GetSetting): WindowSettings {
  return { onStartup: get("strata.index.onStartup") !== false, maxResults: number(get, "strata.search.maxResults") };
}

/** What an engine is configured with. Values of the wrong type count as absent; the excludes are sorted and without repeats. */
export function readEngineSettings(get: GetSetting, paused: boolean): EngineSettings {
  const own = get("strata.index.exclude");
  const exclude = [...globs(get("files.exclude")), ...globs(get("search.exclude")), ...(Array.isArray(own) ? own.filter((g): g is string => typeof g === "string" && g !== "") : [])];
  const depth = get("strata.index.depth");
  return {
    backgroundDepth: depth === "instant" || depth === "shallow" ? depth : ("deep" satisfies Depth),
    exclude: [...new Set(exclude)].sort(),
    maxFileBytes: number(get, "strata.index.maxFileSizeKB") * 1024,
    paused,
  };
}

/** Sections whose change means that engines must be configured again. */
export const engineSections = ["strata.index", "files.exclude", "search.exclude"] as const;
