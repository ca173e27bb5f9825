// `strata models`: which encoders are installed, whether their files are whole, what was measured of them, and which one an index uses; and deleting
// those trained here that none uses any more.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { packageRoot } from "../base/assets.ts";
import { StrataError, userMessage } from "../base/errors.ts";
import { sum } from "../base/statistics.ts";
import { defaultModelFolder, loadModelFiles, type Manifest } from "../encoding/modelFiles.ts";
import { listIndexes } from "../engine/indexes.ts";
import { chosenModel } from "../engine/modelChoice.ts";
import { cacheFolder, canonicalRoot, indexFolder } from "../engine/paths.ts";
import { chooseModel } from "../engine/protocol.ts";
import { manifestHash } from "../engine/session.ts";
import { existingFolder, resolveModel, withEngine } from "./session.ts";
import { bytes, jsonLine, painter, printable, type Context } from "./terminal.ts";

interface ListedModel {
  readonly id: string;
  readonly folder: string;
  /** The index that was asked about uses it. */
  readonly isDefault: boolean;
  /** It was trained here, and no index uses it. */
  readonly isUnused: boolean;
  /** Undefined when the folder is whole, else what is wrong with it. */
  readonly problem?: string;
  readonly version?: string;
  /** What its user should know. */
  readonly note?: string;
  readonly license?: string;
  readonly description?: string;
  readonly dims?: number;
  /** Layers at which vectors are taken, instant first. */
  readonly exits?: readonly number[];
  readonly bytes?: number;
  readonly quality?: unknown;
}

async function describeModel(folder: string, uses: Pick<ListedModel, "isDefault" | "isUnused">, signal: AbortSignal): Promise<ListedModel> {
  const known = { id: path.basename(folder), folder, ...uses };
  try {
    const { model, note } = await loadModelFiles(folder, signal);
    // loadModelFiles has checked the shape.
    const { license, description, quality, exits, files } = JSON.parse(readFileSync(path.join(folder, "manifest.json"), "utf8")) as Manifest;
    const size = sum(Object.values(files).map((file) => file.bytes));
    return { ...known, id: model.id, version: model.version, ...(note !== undefined && { note }), license, description, dims: model.dims, exits: exits.map((exit) => exit.layer), bytes: size, quality };
  } catch (error) {
    signal.throwIfAborted();
    return { ...known, problem: userMessage(error) };
  }
}

const trainedHere = (): string => path.join(cacheFolder(), "models");

/** Models that came with Strata, those trained on this machine, and `used` wherever it lies. @param used folder of the model in use; undefined for the default */
async function listModels(used: string | undefined, signal: AbortSignal): Promise<readonly ListedModel[]> {
  const folders = [path.join(packageRoot, "models"), trainedHere()].flatMap((parent) =>
    existsSync(parent) ? readdirSync(parent, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => path.join(parent, entry.name)) : [],
  );
  if (used !== undefined && !folders.includes(used)) folders.push(used);
  const chosen = used ?? (await defaultModelFolder().catch(() => undefined));
  const inUse = new Set([chosen, ...listIndexes().map((index) => chosenModel(index.folder))]);
  const models: ListedModel[] = [];
  for (const folder of folders.sort()) models.push(await describeModel(folder, { isDefault: folder === chosen, isUnused: path.dirname(folder) === trainedHere() && !inUse.has(folder) }, signal));
  return models;
}

/** What was measured of each exit, one line per set of questions; the other figures are in --json. */
export function qualityLines(quality: unknown, set = ""): string[] {
  if (typeof quality !== "object" || quality === null || set.startsWith("cosine")) return [];
  const entries = Object.entries(quality as Record<string, unknown>);
  const exits = entries.flatMap(([name, value]) => (/^(exit )?\d+$/.test(name) && typeof value === "number" ? [`exit ${name.replace("exit ", "")} ${value.toFixed(2)}`] : []));
  if (exits.length > 0) return [`${set.replace(/, \d+ queries.*/, "")}: ${exits.join(", ")}`];
  return entries.flatMap(([name, value]) => qualityLines(value, set === "" ? name : `${set} ${name}`));
}

/** Without an action: the list. `use`: the model of the index of `folder` from now on, for editor, terminal and agents. `forget`: deletes one trained here. */
export async function runModels(action: string | undefined, model: string | undefined, folder: string, context: Context): Promise<number> {
  if (action === undefined) return runList(folder, context);
  if (model === undefined) throw new StrataError("input.invalid", 'Write "strata models" for the list, or "strata models use NAME", where NAME is one of the list, a folder, or "bundled". "strata models forget NAME" deletes one that was trained here.');
  if (action === "forget") return forget(model, context);
  const wanted = model === "bundled" ? "" : resolveModel(model)!;
  return withEngine({ ...context, modelFolder: undefined }, folder, async (session) => {
    const before = session.info.model.hash;
    const status = await session.request(chooseModel, { folder: wanted }, context.signal);
    if (context.json) context.terminal.out(jsonLine({ model: status.model, coverage: status.coverage }));
    else {
      const { root, model: chosen } = status;
      const uses = `${root} uses ${chosen.id} ${chosen.version}`;
      const isSame = before === manifestHash(chosen.folder);
      context.terminal.out(`${printable(isSame ? `${uses} already; nothing has to be read again.` : `${uses} now. Until it has read everything, searches are answered by the model before.`)}\n`);
    }
    return 0;
  });
}

function forget(name: string, { json, terminal }: Context): number {
  const folder = path.join(trainedHere(), name);
  // Of what lies there, so that no name leads elsewhere.
  if (!existsSync(trainedHere()) || !readdirSync(trainedHere()).includes(name)) throw new StrataError("input.invalid", `No model "${name}" was trained on this machine. "strata models" lists those there are; what comes with Strata stays.`);
  const user = listIndexes().find((index) => chosenModel(index.folder) === folder);
  if (user !== undefined) {
    const instead = user.isGone || user.root === undefined ? `Delete that index first: strata indexes forget ${user.root ?? user.folder}` : `Choose another for it first: strata models use bundled --in ${user.root}`;
    throw new StrataError("input.invalid", `The index of ${user.root ?? user.folder} uses ${name}. ${instead}`);
  }
  try {
    rmSync(folder, { recursive: true });
  } catch (error) {
    throw new StrataError("index.unwritable", `${folder} cannot be deleted (${userMessage(error)}). Close what uses it, mend its permissions, or delete it by hand.`, error);
  }
  terminal.out(json ? jsonLine({ forgotten: folder }) : `Deleted ${printable(name)}.\n`);
  return 0;
}

async function runList(folder: string, context: Context): Promise<number> {
  const models = await listModels(context.modelFolder ?? chosenModel(indexFolder(canonicalRoot(existingFolder(folder)))), context.signal);
  if (context.json) context.terminal.out(jsonLine({ models }));
  else {
    const paint = painter(context.terminal.outColour);
    for (const model of models) {
      const title = `${paint("bold", printable(`${model.id} ${model.version ?? ""}`.trim()))}${model.isDefault ? paint("green", "  in use") : model.isUnused ? paint("dim", "  used by no index") : ""}`;
      const lines =
        model.problem !== undefined
          ? [model.problem]
          : [model.description ?? "", model.note ?? "", `${model.dims} dimensions, exits at layers ${model.exits?.join(", ")}, ${bytes(model.bytes ?? 0)}, ${model.license}`, ...qualityLines(model.quality), model.folder];
      const text = lines.filter((line) => line !== "").map((line) => paint(model.problem === undefined ? "dim" : "red", `  ${printable(line)}`));
      context.terminal.out(`${[title, ...text].join("\n")}\n\n`);
    }
    if (models.some(({ isUnused }) => isUnused)) context.terminal.out(paint("dim", '"strata models forget NAME" deletes one that no index uses.\n'));
    if (models.some(({ quality }) => qualityLines(quality).length > 0)) context.terminal.out(paint("dim", "--json has all that was measured.\n"));
  }
  return models.length === 0 ? 1 : models.some((model) => model.isDefault && model.problem !== undefined) ? 2 : 0;
}
