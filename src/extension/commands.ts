// What each command of Strata does in VS Code; their titles, keys and menus are in contributions.ts.
import path from "node:path";
import * as vscode from "vscode";
import { StrataError } from "../base/errors.ts";
import { cacheFolder } from "../engine/paths.ts";
import * as protocol from "../engine/protocol.ts";
import type { CommandId } from "./contributions.ts";
import type { Doctor } from "./doctor.ts";
import { viewIndex } from "./indexText.ts";
import { chooseModel } from "./modelPicker.ts";
import { type PlaceOpener, uriOf } from "./openPlace.ts";
import { openQuickSearch, selectedQuery } from "./quickSearch.ts";
import type { HistoryStore, Place, SearchModel } from "./searchModel.ts";
import type { SearchView } from "./searchView.ts";
import { findSimilarInEditor, openFile, placeInWorkspace, placesByFolder } from "./similarCode.ts";
import { showStatusDetails } from "./statusItem.ts";
import { setUpTerminal } from "./terminal.ts";
import type { Training } from "./trainingPanel.ts";
import type { WorkspaceEngines } from "./workspaceEngines.ts";

interface CommandParts {
  readonly context: vscode.ExtensionContext;
  readonly output: vscode.LogOutputChannel;
  readonly engines: WorkspaceEngines;
  readonly model: SearchModel;
  readonly view: SearchView;
  readonly opener: PlaceOpener;
  readonly compare: (id: unknown) => Promise<void>;
  readonly history: HistoryStore;
  readonly maxResults: () => number;
  readonly setPaused: (value: boolean) => Promise<void>;
  readonly training: Training;
  readonly doctor: Doctor;
}

export function createCommands({ context, output, engines, model, view, opener, compare, history, maxResults, setPaused, training, doctor }: CommandParts): Readonly<Record<CommandId, (...args: never[]) => unknown>> {
  const shown = (about: { result?: unknown } | undefined) => shownPlace(model, about?.result);
  return {
    "strata.search": (query?: string) =>
      openQuickSearch({ engines, opener, history, maxResults, toView: (text) => void Promise.all([view.show(true), model.search(text, { langs: [], path: "" })]) }, typeof query === "string" ? query : selectedQuery()),
    "strata.searchInView": async (query?: string) => {
      await view.show(true);
      if (typeof query === "string") await model.search(query, { langs: [], path: "" });
    },
    "strata.searchInFolder": async (folder?: vscode.Uri) => {
      const root = folder && vscode.workspace.getWorkspaceFolder(folder)?.uri.fsPath;
      await Promise.all([view.show(true), model.searchIn(root, (folder && placeInWorkspace(folder)?.path) ?? "")]);
    },
    "strata.findSimilar": async () => {
      const editor = vscode.window.activeTextEditor;
      if (!editor) return vscode.window.showInformationMessage("Open a file and put the cursor into the code whose like you look for.");
      await Promise.all([view.show(false), findSimilarInEditor(editor, model)]);
    },
    "strata.findDuplicates": () => Promise.all([view.show(false), model.duplicates()]),
    "strata.findDuplicatesOf": async (chosen?: vscode.Uri, selected?: readonly vscode.Uri[]) => {
      const [among, ...elsewhere] = placesByFolder(selected?.length ? selected : [chosen ?? openFile()]);
      if (!among) return vscode.window.showInformationMessage("Open a file of the workspace, or choose a file or folder in the explorer, whose copies you look for.");
      if (elsewhere.length > 0) return vscode.window.showInformationMessage("Each workspace folder is compared by itself. Choose files and folders of one of them.");
      await Promise.all([view.show(false), model.duplicates(among)]);
    },
    "strata.nextResult": () => view.step(1),
    "strata.previousResult": () => view.step(-1),
    "strata.compareResult": (about?: { result?: unknown }) => compare(about?.result),
    "strata.copyResultPath": async (about?: { result?: unknown }) => {
      const { path: file, startLine, line = startLine } = shown(about);
      await vscode.env.clipboard.writeText(`${file}:${line}`);
    },
    "strata.revealResult": async (about?: { result?: unknown }) => vscode.commands.executeCommand("revealInExplorer", uriOf(shown(about))),
    "strata.showStatus": () => showStatusDetails(() => engines.states, (listener) => engines.onChange(listener)),
    "strata.rebuildIndex": (options?: { confirmed?: boolean }) => rebuild(engines, options?.confirmed === true),
    "strata.pauseIndexing": () => setPaused(true),
    "strata.resumeIndexing": () => setPaused(false),
    "strata.chooseModel": () => chooseModel(engines, [path.join(context.extensionPath, "models"), path.join(cacheFolder(), "models")]),
    "strata.fineTune": (confirmed?: { minutes: number; device: string }) => training.start(typeof confirmed?.minutes === "number" ? confirmed : undefined),
    "strata.setUpTerminal": () => setUpTerminal(context),
    "strata.doctor": () => doctor.show(),
    "strata.showLog": () => output.show(true),
    "strata.restartEngine": async () => {
      engines.requireFolders();
      await engines.restart();
      if (viewIndex(engines.states).kind !== "failed") await model.repeat();
    },
  };
}

/** @param id of the result that a context menu was opened on */
export function shownPlace(model: SearchModel, id: unknown): Place {
  const place = typeof id === "string" ? model.place(id) : undefined;
  if (place === undefined) throw new StrataError("input.invalid", "This result is not shown any more. Search again.");
  return place;
}

async function rebuild(engines: WorkspaceEngines, confirmed: boolean): Promise<void> {
  engines.requireFolders();
  if (!confirmed) {
    const yes = "Rebuild";
    if ((await vscode.window.showWarningMessage("Throw the index of this workspace away and read everything again?", { modal: true, detail: "Searching works meanwhile, with what has been read again." }, yes)) !== yes) return;
  }
  await Promise.all(engines.clients.map(({ client }) => client.request(protocol.rebuild, undefined)));
}
