// `strata models`: which encoders are installed, whether their files are whole, and what was measured of them.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { packageRoot } from "../base/assets.ts";
import { userMessage } from "../base/errors.ts";
import { defaultModelFolder, loadModelFiles } from "../encoding/modelFiles.ts";
import { bytes, painter, printable, type Context } from "./terminal.ts";

export interface ListedModel {
  readonly id: string;
  readonly folder: string;
  readonly isDefault: boolean;
  /** Undefined when the folder is whole, else what is wrong with it. */
  readonly problem?: string;
  readonly version?: string;
  readonly license?: string;
  readonly description?: string;
  readonly dims?: number;
  /** Layers at which vectors are taken, instant first. */
  readonly exits?: readonly number[];
  readonly bytes?: number;
  readonly quality?: unknown;
}

async function describeModel(folder: string, isDefault: boolean, signal: AbortSignal): Promise<ListedModel> {
  const known = { id: path.basename(folder), folder, isDefault };
  try {
    const { model } = await loadModelFiles(folder, signal);
    // loadModelFiles has checked the shape.
    const manifest = JSON.parse(readFileSync(path.join(folder, "manifest.json"), "utf8")) as {
      license: string;
      description: string;
      quality: unknown;
      exits: { layer: number }[];
      files: Record<string, { bytes: number }>;
    };
    const { license, description, quality } = manifest;
    const size = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
    return { ...known, id: model.id, version: model.version, license, description, dims: model.dims, exits: manifest.exits.map((exit) => exit.layer), bytes: size, quality };
  } catch (error) {
    signal.throwIfAborted();
    return { ...known, problem: userMessage(error) };
  }
}

export async function listModels(extra: string | undefined, signal: AbortSignal): Promise<readonly ListedModel[]> {
  const shipped = path.join(packageRoot, "models");
  const folders = readdirSync(shipped, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => path.join(shipped, entry.name));
  if (extra !== undefined && !folders.includes(extra)) folders.push(extra);
  const chosen = extra ?? (await defaultModelFolder().catch(() => undefined));
  const models: ListedModel[] = [];
  for (const folder of folders.sort()) models.push(await describeModel(folder, folder === chosen, signal));
  return models;
}

/** Measured figures, one line per set: whatever nesting the export wrote, flattened. */
function qualityLines(quality: unknown, prefix = ""): string[] {
  if (typeof quality !== "object" || quality === null) return prefix === "" ? [] : [`${prefix.trim()} ${typeof quality === "number" ? Number(quality.toFixed(4)) : String(quality)}`];
  return Object.entries(quality).flatMap(([key, value]) => qualityLines(value, `${prefix}${key} `));
}

export async function runModels(context: Context): Promise<number> {
  const models = await listModels(context.modelFolder, context.signal);
  if (context.json) context.terminal.out(`${JSON.stringify({ models })}\n`);
  else {
    const paint = painter(context.terminal.outColour);
    for (const model of models) {
      const title = `${paint("bold", `${model.id} ${model.version ?? ""}`.trim())}${model.isDefault ? paint("green", "  in use") : ""}`;
      const lines =
        model.problem !== undefined
          ? [model.problem]
          : [model.description ?? "", `${model.dims} dimensions, exits at layers ${model.exits?.join(", ")}, ${bytes(model.bytes ?? 0)}, ${model.license}`, ...qualityLines(model.quality), model.folder];
      const text = lines.filter((line) => line !== "").map((line) => paint(model.problem === undefined ? "dim" : "red", `  ${printable(line)}`));
      context.terminal.out(`${[title, ...text].join("\n")}\n\n`);
    }
  }
  return models.length === 0 ? 1 : models.some((model) => model.isDefault && model.problem !== undefined) ? 2 : 0;
}
