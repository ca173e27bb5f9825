// Which changed files engines are told of, and that what is shown is looked for again when they have read them.
import * as vscode from "vscode";
import type { Log } from "../base/log.ts";
import * as protocol from "../engine/protocol.ts";
import { createChangeBatcher } from "./changeBatcher.ts";
import { systemClock } from "./engineClient.ts";
import { placeInWorkspace } from "./similarCode.ts";
import type { WorkspaceEngines } from "./workspaceEngines.ts";

interface ReportOptions {
  /** Whether a place in this file is shown. */
  readonly isShown: (file: string) => boolean;
  readonly onIndexed: () => void;
  readonly log: Log;
}

/** Engines watch their folders themselves; what the editor says comes sooner, so that a saved file is found at once. */
export function reportChanges(engines: WorkspaceEngines, { isShown, onIndexed, log }: ReportOptions): vscode.Disposable[] {
  const changes = createChangeBatcher(systemClock, (root, paths) => {
    const client = engines.clients.find(({ folder }) => folder.root === root)?.client;
    if (client?.state.kind !== "running") return; // an engine that is not there compares with the disk when it starts
    client.request(protocol.filesChanged, { paths }).then(
      onIndexed,
      (error: unknown) => log("warn", "the engine was not told of changed files", error),
    );
  });
  const changed = (...uris: readonly vscode.Uri[]) => {
    for (const uri of uris) {
      const place = placeInWorkspace(uri);
      if (place && uri.scheme === "file") changes.add(place.root, place.path);
    }
  };
  // What others do to files (git, agents, formatters) matters here only to what is shown: its lines are others then.
  const outside = vscode.workspace.createFileSystemWatcher("**/*", true);
  const changedOutside = (uri: vscode.Uri) => {
    if (isShown(uri.fsPath)) changed(uri);
  };
  return [
    changes,
    outside,
    outside.onDidChange(changedOutside),
    outside.onDidDelete(changedOutside),
    vscode.workspace.onDidSaveTextDocument(({ uri }) => changed(uri)),
    vscode.workspace.onDidSaveNotebookDocument(({ uri }) => changed(uri)),
    vscode.workspace.onDidCreateFiles(({ files }) => changed(...files)),
    vscode.workspace.onDidDeleteFiles(({ files }) => changed(...files)),
    vscode.workspace.onDidRenameFiles(({ files }) => changed(...files.flatMap(({ oldUri, newUri }) => [oldUri, newUri]))),
  ];
}
