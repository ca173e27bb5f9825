// The shape of what clients may ask, looked at before the engine sees it. Clients of this version keep to it; of others, and of programs that somebody wrote
// himself, one request in the wrong shape must not stop all the rest (one for an unknown depth was worked at for ever).
import { z } from "zod";
import { StrataError } from "../base/errors.ts";
import { depths } from "../encoding/encoder.ts";
import * as protocol from "./protocol.ts";

const depth = z.enum(depths);
const text = z.string().optional();
const restricted = { filters: text, under: text };

/** By method. What a newer client adds is let through. */
const shapes: Readonly<Record<string, z.ZodType>> = {
  [protocol.search.method]: z.object({ query: z.string(), k: z.number(), depth, streamId: text, under: text }),
  [protocol.similar.method]: z.object({ path: text, startLine: z.int().optional(), endLine: z.int().optional(), text, lang: text, filters: text, k: z.number(), depth }),
  [protocol.duplicates.method]: z.object({ ...restricted, minLines: z.number(), threshold: z.number(), limit: z.number(), progressToken: z.number().optional() }),
  [protocol.index.method]: z.object({ depth }),
  [protocol.filesChanged.method]: z.object({ paths: z.array(z.string()) }),
  [protocol.configure.method]: z.object({ backgroundDepth: depth, exclude: z.array(z.string()), maxFileBytes: z.number(), paused: z.boolean().optional() }),
  [protocol.chooseModel.method]: z.object({ folder: z.string() }),
};

/** Throws "input.invalid" for parameters of another shape. */
export function assertShape(method: string, params: unknown): void {
  const issue = shapes[method]?.safeParse(params).error?.issues[0];
  if (issue) throw new StrataError("input.invalid", `The request ${method} is not as it must be${issue.path.length > 0 ? ` at ${issue.path.join(".")}` : ""}: ${issue.message}. Use a program of the same version as the engine.`);
}
