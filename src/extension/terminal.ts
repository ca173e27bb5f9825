// Strata outside the editor for those who have the extension alone: the command `strata` in VS Code's terminals, and what agents take in their settings.
import { existsSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import * as vscode from "vscode";
import { agentSettings, launcherName, launcherText, servesAsWell } from "../base/launcher.ts";
import type { Log } from "../base/log.ts";
import { written } from "../base/patiently.ts";
import { cacheFolder, makePrivateFolder } from "../engine/paths.ts";

type Surroundings = Pick<vscode.ExtensionContext, "extensionPath" | "environmentVariableCollection" | "globalState">;

const WAS_SET_UP = "strata.terminal";

/** @returns the command's path @throws StrataError "index.unwritable", or what the system says */
function writeLauncher(extensionPath: string): string {
  const cache = cacheFolder();
  const file = path.join(cache, "bin", launcherName());
  const program = path.join(extensionPath, "dist", "strata.mjs");
  const text = launcherText({ file, node: process.execPath, program, cache: cache === cacheFolder({}) ? undefined : cache, home: os.homedir() });
  const there = existsSync(file) ? readFileSync(file, "utf8") : "";
  // Other windows may be running it.
  if (there === text || servesAsWell(there, { program })) return file;
  makePrivateFolder(path.dirname(file));
  written(file, text, 0o700)();
  return file;
}

/** Behind what is there: another program of this name keeps it. VS Code remembers it for this workspace alone, so every window says it. */
function nameInTerminals(variables: vscode.EnvironmentVariableCollection, file: string): void {
  variables.description = "The command strata";
  variables.append("PATH", `${path.delimiter}${path.dirname(file)}`);
}

/** Makes the command on this window's machine. */
export async function setUpTerminal({ extensionPath, environmentVariableCollection: variables, globalState }: Surroundings): Promise<void> {
  const file = writeLauncher(extensionPath);
  nameInTerminals(variables, file);
  await globalState.update(WAS_SET_UP, true);
  await vscode.env.clipboard.writeText(agentSettings(file, ["mcp"]));
  void vscode.window.showInformationMessage("New terminals of VS Code know the command strata. What coding agents take in their settings (.mcp.json and the like) is in the clipboard.");
}

/** In every window: after an update the command starts the newer version, and terminals of all workspaces know it. Whoever has not asked for it gets none. */
export function renewLauncher({ extensionPath, environmentVariableCollection: variables, globalState }: Surroundings, log: Log): void {
  if (!globalState.get(WAS_SET_UP, false)) return;
  try {
    nameInTerminals(variables, writeLauncher(extensionPath));
  } catch (error) {
    log("warn", "the command strata could not be renewed", error);
  }
}
