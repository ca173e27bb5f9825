// Which model an index uses, in one place: the choice kept in the index folder, else the folder an engine was started with, else
// the model that comes with Strata. Editor, terminal and agents agree because they all ask the one engine of the index. Also keeps the
// vectors of two models apart while one replaces the other.
import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { packageRoot } from "../base/assets.ts";
import { StrataError, userMessage } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { written } from "../base/patiently.ts";
import type { Encoder } from "../encoding/encoder.ts";
import { loadInstantTable } from "../encoding/exit0.ts";
import { defaultModelFolder, loadModelFiles, type ModelFiles } from "../encoding/modelFiles.ts";
import { OnnxEncoder } from "../encoding/onnxEncoder.ts";
import type { SearchStore } from "../search/candidates.ts";
import { asStrataError, type Store } from "../store/store.ts";

/** How the warning begins that a chosen model cannot be had; it is taken back when another is chosen. */
export const CHOICE_GONE = "The model chosen for this index";

const choiceFile = (indexFolder: string): string => path.join(indexFolder, "model.json");

/** The folder chosen for this index, or undefined for no choice. A damaged file counts as none: choosing again mends it. */
export function chosenModel(indexFolder: string): string | undefined {
  try {
    const { folder } = JSON.parse(readFileSync(choiceFile(indexFolder), "utf8")) as { folder?: unknown };
    return typeof folder === "string" && folder !== "" ? ofThisVersion(folder) : undefined;
  } catch {
    return undefined; // nothing was chosen
  }
}

/** One that came with a version of Strata that is gone is the one of that name that comes with this version. */
function ofThisVersion(chosen: string): string {
  const own = path.join(packageRoot, "models", path.basename(chosen));
  return path.basename(path.dirname(chosen)) === "models" && !existsSync(chosen) && existsSync(path.join(own, "manifest.json")) ? own : chosen;
}

/** A folder as it is kept: the model that comes with Strata, by whatever name it was chosen, is "", for its folder goes with this version. */
export async function asKept(folder: string): Promise<string> {
  return folder !== "" && path.resolve(folder) === (await defaultModelFolder().catch(() => undefined)) ? "" : folder;
}

/** Writes the choice down ("": the model that comes with Strata) for the function that it gives to put in force: a disk that is full says so before anything has changed. */
export function keepChoice(indexFolder: string, folder: string): () => void {
  const file = choiceFile(indexFolder);
  if (folder === "") return () => rmSync(file, { force: true });
  try {
    return written(file, `${JSON.stringify({ folder })}\n`);
  } catch (error) {
    throw asStrataError(error, indexFolder);
  }
}

/**
 * The model to start with. A chosen model that has vanished or is damaged does not stop the engine: the bundled one takes over, and the warning says so.
 * @param given folder the engine was started with, "" for none; that one is asked for now, so what is wrong with it is thrown
 */
export async function modelToUse(indexFolder: string, given: string, onWarning: (sentence: string) => void): Promise<ModelFiles> {
  const chosen = chosenModel(indexFolder);
  if (chosen !== undefined) {
    try {
      return await loadModelFiles(chosen);
    } catch (error) {
      if (!StrataError.is(error)) throw error;
      const gone = existsSync(path.join(chosen, "manifest.json")) ? `cannot be used: ${userMessage(error)}` : `is gone (${chosen}).`;
      onWarning(`${CHOICE_GONE} ${gone} Strata uses the one that comes with it; choose again with "Strata: Choose Model" or \`strata models use\`.`);
    }
  }
  return loadModelFiles(given || (await defaultModelFolder()));
}

/** The encoder of the model before: a replacement that an earlier process began goes on with it before answering, when its folder is still there. */
export async function encoderBefore(store: Store, log: Log): Promise<Encoder | undefined> {
  const before = store.previousModel;
  if (!before) return undefined;
  try {
    const files = await loadModelFiles(before.folder);
    return files.model.hash === before.hash ? new OnnxEncoder(await loadInstantTable(files), log) : undefined;
  } catch (error) {
    log("warn", "the model before the present one cannot answer any more", error);
    return undefined;
  }
}

/** The store as the queries of one model see it: vectors of different models never meet, even when the model changes between two calls. */
export function seenBy(store: Store, model: string): SearchStore {
  return {
    searchDense: (query, k, filters) => store.searchDense(query, k, filters, model),
    scoreChunks: (query, chunks) => store.scoreChunks(query, chunks, model),
    searchCode: (query, lang, k, filters) => store.searchCode(query, lang, k, filters, model),
    scoreCode: (query, lang, chunks) => store.scoreCode(query, lang, chunks, model),
    putVectors: (depth, vectors) => store.putVectors(depth, vectors, model),
    searchLexical: (...given) => store.searchLexical(...given),
    searchVerbatim: (...given) => store.searchVerbatim(...given),
    placesSaying: (term) => store.placesSaying(term),
    termsLike: (...given) => store.termsLike(...given),
    lexicalMatches: (...given) => store.lexicalMatches(...given),
    places: (ids) => store.places(ids),
    placesOf: (chunks) => store.placesOf(chunks),
    placesInFile: (...given) => store.placesInFile(...given),
    namesIn: (paths) => store.namesIn(paths),
    definitions: (...given) => store.definitions(...given),
    importCounts: (paths) => store.importCounts(paths),
    importNeighbours: (paths) => store.importNeighbours(paths),
    files: () => store.files(),
    allowedBy: (filters) => store.allowedBy(filters),
    coverage: () => store.coverage(),
  };
}
