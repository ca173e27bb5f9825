// The shape of what clients may ask, looked at before the engine sees it. Clients of this version keep to it; of others, and of programs that somebody wrote
// himself, one request in the wrong shape must not stop all the rest (one for an unknown depth was worked at for ever). By hand: a library for it would
// take a tenth of the time in which an engine starts.
import { StrataError } from "../base/errors.ts";
import { type Depth, depths } from "../encoding/encoder.ts";
import * as protocol from "./protocol.ts";

const kinds = {
  text: (value: unknown) => typeof value === "string",
  texts: (value: unknown) => Array.isArray(value) && value.every((each) => typeof each === "string"),
  number: (value: unknown) => typeof value === "number",
  line: (value: unknown) => Number.isInteger(value),
  flag: (value: unknown) => typeof value === "boolean",
  depth: (value: unknown) => depths.includes(value as Depth),
} as const;
type Kind = keyof typeof kinds;

/** By method; with "?" what may be left out. What a newer client adds is let through. */
const shapes: Readonly<Record<string, Readonly<Record<string, Kind | `${Kind}?`>>>> = {
  [protocol.search.method]: { query: "text", k: "number", depth: "depth", streamId: "text?", under: "text?" },
  [protocol.similar.method]: { path: "text?", startLine: "line?", endLine: "line?", text: "text?", lang: "text?", filters: "text?", k: "number", depth: "depth" },
  [protocol.duplicates.method]: { filters: "text?", under: "text?", minLines: "number", threshold: "number", limit: "number", progressToken: "number?" },
  [protocol.index.method]: { depth: "depth" },
  [protocol.filesChanged.method]: { paths: "texts" },
  [protocol.configure.method]: { backgroundDepth: "depth", exclude: "texts", maxFileBytes: "number", paused: "flag?" },
  [protocol.chooseModel.method]: { folder: "text" },
};

/** Throws "input.invalid" for parameters of another shape. */
export function assertShape(method: string, params: unknown): void {
  const given = typeof params === "object" && params !== null ? (params as Record<string, unknown>) : {};
  for (const [name, kind] of Object.entries(shapes[method] ?? {})) {
    const value = given[name];
    const fits = (value === undefined && kind.endsWith("?")) || kinds[kind.replace("?", "") as Kind](value);
    if (!fits) throw new StrataError("input.invalid", `The request ${method} is not as it must be at ${name}. Use a program of the same version as the engine.`);
  }
}
