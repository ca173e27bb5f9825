// Reads strata.* and the editor's excludes into one checked object. The only place that knows what a setting may hold;
// vscode-free: the caller passes a getter, so tests pass a record.
import type { Depth, EngineSettings } from "../engine/protocol.ts";
import { settings as table, type SettingKey } from "./contributions.ts";

/** Returns a setting's value by its full key ("files.exclude" too), for one workspace folder. */
type GetSetting = (key: string) => unknown;

interface WindowSettings {
  readonly onStartup: boolean;
  readonly maxResults: number;
}

function number(get: GetSetting, key: "strata.index.maxFileSizeKB" | "strata.search.maxResults"): number {
  const { default: standard, minimum, maximum } = table[key];
  const value = get(key);
  return typeof value === "number" && Number.isFinite(value) ? Math.min(maximum, Math.max(minimum, Math.round(value))) : standard;
}

const record = (value: unknown): object => (typeof value === "object" && value !== null ? value : {});

/**
 * The globs that are switched on. As in the editor, `search.exclude` has the last word on a glob of `files.exclude`; `{ "when": … }` conditions depend on
 * sibling files and are left to the editor.
 */
function editorGlobs(get: GetSetting): string[] {
  return Object.entries({ ...record(get("files.exclude")), ...record(get("search.exclude")) }).flatMap(([glob, on]) => (on === true ? [glob] : []));
}

/** `vendor/`, `/vendor` and `./vendor` say what `vendor` does: the folder and everything in it. */
const bare = (glob: string): string => glob.trim().replace(/^(\.?\/)+|\/+$/g, "");

/** Variables for `strata train`. */
export function readTrainingEnvironment(get: GetSetting): Readonly<Record<string, string>> {
  const python = get("strata.training.python" satisfies SettingKey);
  return typeof python === "string" && python.trim() !== "" ? { STRATA_PYTHON: python.trim() } : {};
}

export function readWindowSettings(get: GetSetting): WindowSettings {
  return { onStartup: get("strata.index.onStartup") !== false, maxResults: number(get, "strata.search.maxResults") };
}

/** What an engine is configured with. Values of the wrong type count as absent; the excludes are sorted and without repeats. @param paused what this window asks for; absent: nothing */
export function readEngineSettings(get: GetSetting, paused?: boolean): EngineSettings {
  const own = get("strata.index.exclude");
  const given = [...editorGlobs(get), ...(Array.isArray(own) ? own.filter((glob): glob is string => typeof glob === "string") : [])];
  const depth = get("strata.index.depth");
  return {
    backgroundDepth: depth === "instant" || depth === "shallow" ? depth : ("deep" satisfies Depth),
    exclude: [...new Set(given.map(bare))].filter((glob) => glob !== "").sort(),
    maxFileBytes: number(get, "strata.index.maxFileSizeKB") * 1024,
    ...(paused !== undefined && { paused }),
  };
}

/** Sections whose change means that engines must be configured again. */
export const engineSections = ["strata.index", "files.exclude", "search.exclude"] as const;
