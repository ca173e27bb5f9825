// The shape of what clients may ask, looked at before the engine sees it. Clients of this version keep to it; of others, and of programs that somebody wrote
// himself, one request in the wrong shape must not stop all the rest (one for an unknown depth was worked at for ever).
import { z } from "zod";
import { StrataError } from "../base/errors.ts";
import { depths } from "../encoding/encoder.ts";
import * as protocol from "./protocol.ts";

const depth = z.enum(depths);
const text = z.string();
const line = z.int().optional();

/** By method. What a newer client adds is let through. */
const shapes: Readonly<Record<string, z.ZodType>> = {
  [protocol.search.method]: z.object({ query: text, k: z.number(), depth, streamId: text.optional(), under: text.optional() }),
  [protocol.similar.method]: z.object({ path: text.optional(), startLine: line, endLine: line, text: text.optional(), lang: text.optional(), filters: text.optional(), k: z.number(), depth }),
  [protocol.duplicates.method]: z.object({ filters: text.optional(), under: text.optional(), minLines: z.number(), threshold: z.number(), limit: z.number(), progressToken: z.number().optional() }),
  [protocol.index.method]: z.object({ depth }),
  [protocol.filesChanged.method]: z.object({ paths: z.array(text) }),
  [protocol.configure.method]: z.object({ backgroundDepth: depth, exclude: z.array(text), maxFileBytes: z.number(), paused: z.boolean().optional() }),
  [protocol.chooseModel.method]: z.object({ folder: text }),
};

/** Throws "input.invalid" for parameters of another shape. */
export function assertShape(method: string, params: unknown): void {
  const wrong = shapes[method]?.safeParse(params ?? {}).error?.issues[0];
  if (wrong) throw new StrataError("input.invalid", `The request ${method} is not as it must be at ${wrong.path.join(".") || "its parameters"}. Use a program of the same version as the engine.`);
}
