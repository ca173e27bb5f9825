// "Choose Model": the model folders that come with Strata, those trained on this machine, the one in use and any other folder on this machine. The choice is
// the index's own and is kept by its engine.
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import * as vscode from "vscode";
import { chooseModel as chooseModelRequest } from "../engine/protocol.ts";
import type { WorkspaceEngines } from "./workspaceEngines.ts";

interface ModelItem extends vscode.QuickPickItem {
  /** What the engine is told; undefined asks for a folder. */
  readonly folder: string | undefined;
}

async function readManifest(folder: string): Promise<{ readonly id: string; readonly version: string; readonly description: string } | undefined> {
  try {
    const manifest = JSON.parse(await readFile(path.join(folder, "manifest.json"), "utf8")) as Record<string, unknown>;
    return { id: String(manifest["id"]), version: String(manifest["version"]), description: String(manifest["description"] ?? "") };
  } catch {
    return undefined; // not a model folder, or one that is being written; the engine checks what is chosen and says what is wrong
  }
}

/** @param parents folders of model folders: those that came with Strata, those trained on this machine */
export async function chooseModel(engines: WorkspaceEngines, parents: readonly string[]): Promise<void> {
  engines.requireFolders();
  const inUse = new Set(engines.clients.flatMap(({ client }) => (client.status ? [client.status.model.folder] : [])));
  const listed = await Promise.all(parents.map(async (parent) => (await readdir(parent).catch(() => [])).map((name) => path.join(parent, name))));
  const folders = [...new Set([...listed.flat(), ...inUse])];
  const known = await Promise.all(folders.map(async (folder) => ({ folder, manifest: await readManifest(folder) })));
  const items: ModelItem[] = [
    { label: "$(check-all) The model that comes with Strata", folder: "" },
    ...known.flatMap(({ folder, manifest }) => (manifest ? [{ label: `$(package) ${manifest.id} ${manifest.version}`, description: inUse.has(folder) ? "in use" : "", detail: manifest.description, folder }] : [])),
    { label: "$(folder-opened) Another folder …", detail: "A folder with manifest.json, for instance of a model you trained", folder: undefined },
  ];
  // A page whose button asked for it takes the keyboard back now and then, which must not close it.
  const chosen = await vscode.window.showQuickPick(items, { ignoreFocusOut: true, title: "Strata: Choose Model", placeHolder: "The vectors there are keep answering until the new model has read the workspace" });
  if (!chosen) return;
  let { folder } = chosen;
  if (folder === undefined) {
    const [picked] = (await vscode.window.showOpenDialog({ canSelectFiles: false, canSelectFolders: true, openLabel: "Use this model" })) ?? [];
    if (!picked) return;
    folder = picked.fsPath;
  }
  const params = { folder };
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: "Strata: changing the model" }, () => Promise.all(engines.clients.map(({ client }) => client.request(chooseModelRequest, params))));
}
