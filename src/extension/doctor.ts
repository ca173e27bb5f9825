// "Doctor": the terminal's `strata doctor`, so that both say the same, shown as a read-only page.
import { execFile } from "node:child_process";
import path from "node:path";
import * as vscode from "vscode";

export interface Doctor extends vscode.Disposable {
  show(): Promise<void>;
}

const scheme = "strata-doctor";
const TIMEOUT_MS = 60_000;

/** @param environment variables that settings ask for: what is examined is what fine-tuning here would take */
export function createDoctor(extensionPath: string, environment: () => Readonly<Record<string, string>>): Doctor {
  let report = "";
  const changed = new vscode.EventEmitter<vscode.Uri>();
  const provider = vscode.workspace.registerTextDocumentContentProvider(scheme, { onDidChange: changed.event, provideTextDocumentContent: () => report });
  const uri = vscode.Uri.from({ scheme, path: "Strata Doctor" });
  return {
    async show() {
      report = await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: "Strata: Doctor" }, () => examine(extensionPath, environment()));
      changed.fire(uri);
      await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
    },
    dispose: () => vscode.Disposable.from(provider, changed).dispose(),
  };
}

/** What the command printed. It exits with an error when something is wrong, and that is a report too. */
function examine(extensionPath: string, environment: Readonly<Record<string, string>>): Promise<string> {
  const folder = vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === "file")?.uri.fsPath;
  const args = ["--liftoff-only", "--no-warnings", path.join(extensionPath, "dist", "strata.mjs"), "doctor", ...(folder ? ["--in", folder] : [])];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env: { ...process.env, ...environment, ELECTRON_RUN_AS_NODE: "1" }, timeout: TIMEOUT_MS, maxBuffer: 1 << 22, windowsHide: true }, (error, stdout, stderr) => {
      resolve(stdout || stderr || `The examination could not be started: ${error?.message ?? "no output"}`);
    });
  });
}
