// Strata outside the editor for those who have the extension alone: the command `strata` in VS Code's terminals, and what agents take in their settings.
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as vscode from "vscode";
import { agentSettings, launcherName, launcherText } from "../base/launcher.ts";
import type { Log } from "../base/log.ts";
import { cacheFolder, makePrivateFolder } from "../engine/paths.ts";

type Surroundings = Pick<vscode.ExtensionContext, "extensionPath" | "environmentVariableCollection" | "globalState">;

const WAS_SET_UP = "strata.terminal";

/** @returns the command's path @throws StrataError "index.unwritable", or what the system says */
function writeLauncher(extensionPath: string): string {
  const file = path.join(cacheFolder(), "bin", launcherName());
  const text = launcherText(file, process.execPath, path.join(extensionPath, "dist", "strata.mjs"));
  // Other windows may be running it.
  if (existsSync(file) && readFileSync(file, "utf8") === text) return file;
  makePrivateFolder(path.dirname(file));
  writeFileSync(file, text);
  chmodSync(file, 0o700);
  return file;
}

/** Makes the command on this window's machine. */
export async function setUpTerminal({ extensionPath, environmentVariableCollection: variables, globalState }: Surroundings): Promise<void> {
  const file = writeLauncher(extensionPath);
  variables.description = "The command strata";
  // Behind what is there: another program of this name keeps it.
  variables.append("PATH", `${path.delimiter}${path.dirname(file)}`);
  await globalState.update(WAS_SET_UP, true);
  await vscode.env.clipboard.writeText(agentSettings(file, ["mcp"]));
  void vscode.window.showInformationMessage("New terminals of VS Code know the command strata. What coding agents take in their settings (.mcp.json and the like) is in the clipboard.");
}

/** After an update the command starts the newer version. Whoever has not asked for it gets none. */
export function renewLauncher({ extensionPath, globalState }: Surroundings, log: Log): void {
  if (!globalState.get(WAS_SET_UP, false)) return;
  try {
    writeLauncher(extensionPath);
  } catch (error) {
    log("warn", "the command strata could not be renewed", error);
  }
}
