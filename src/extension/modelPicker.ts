// "Choose Model": the model folders that come with Strata and any other folder on this machine.
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import * as vscode from "vscode";
import type { SettingKey } from "./contributions.ts";

interface ModelItem extends vscode.QuickPickItem {
  /** Value for the setting; undefined asks for a folder. */
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

export async function chooseModel(modelsFolder: string): Promise<void> {
  const key = "strata.model" satisfies SettingKey;
  const configuration = vscode.workspace.getConfiguration();
  const current = configuration.get<string>(key) ?? "";
  const names = await readdir(modelsFolder).catch(() => []);
  const bundled = await Promise.all(names.map(async (name) => ({ folder: path.join(modelsFolder, name), manifest: await readManifest(path.join(modelsFolder, name)) })));
  const items: ModelItem[] = [
    { label: "$(check-all) The model that comes with Strata", description: current === "" ? "in use" : "", folder: "" },
    ...bundled.flatMap(({ folder, manifest }) => (manifest ? [{ label: `$(package) ${manifest.id} ${manifest.version}`, description: current === folder ? "in use" : "", detail: manifest.description, folder }] : [])),
    { label: "$(folder-opened) Another folder …", detail: "A folder with manifest.json, for instance one you trained", folder: undefined },
  ];
  const chosen = await vscode.window.showQuickPick(items, { title: "Strata: Choose Model", placeHolder: "Existing vectors keep answering until the new model has read the workspace" });
  if (!chosen) return;
  let { folder } = chosen;
  if (folder === undefined) {
    const [picked] = (await vscode.window.showOpenDialog({ canSelectFiles: false, canSelectFolders: true, openLabel: "Use this model" })) ?? [];
    if (!picked) return;
    folder = picked.fsPath;
    if (!(await readManifest(folder))) {
      void vscode.window.showErrorMessage(`${folder} is not a model folder: it holds no readable manifest.json. models/README.md says what a model folder contains.`);
      return;
    }
  }
  await configuration.update(key, folder === "" ? undefined : folder, vscode.ConfigurationTarget.Global);
}
