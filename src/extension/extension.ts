// Where Strata starts in VS Code: builds everything, in order, and nothing else. Activation only registers; engines are
// started after it, in the background, or with the first search.
import path from "node:path";
import * as vscode from "vscode";
import { describeError, StrataError, userMessage } from "../base/errors.ts";
import { isAbort } from "../base/abort.ts";
import type { Log } from "../base/log.ts";
import { connectEngine, fromWire } from "../engine/connect.ts";
import { cacheFolder } from "../engine/paths.ts";
import * as protocol from "../engine/protocol.ts";
import { registerAgentTools } from "./agentTools.ts";
import { reportChanges } from "./changeReports.ts";
import { type CommandId, type ContextKey, contextKeys, views } from "./contributions.ts";
import { EngineClient, systemClock } from "./engineClient.ts";
import { createComparer } from "./compareCode.ts";
import { createDoctor } from "./doctor.ts";
import { type FolderState, viewIndex } from "./indexText.ts";
import { chooseModel } from "./modelPicker.ts";
import { notice } from "./notice.ts";
import { createPlaceOpener, uriOf } from "./openPlace.ts";
import { Pause } from "./pause.ts";
import { openQuickSearch, selectedQuery } from "./quickSearch.ts";
import { type HistoryStore, type Place, SearchModel } from "./searchModel.ts";
import { SearchView } from "./searchView.ts";
import { engineSections, readEngineSettings, readTrainingEnvironment, readWindowSettings } from "./settings.ts";
import { findSimilarInEditor, findSimilarToPlace, openFile, placeInWorkspace, placesByFolder } from "./similarCode.ts";
import { createStatusItem, showStatusDetails } from "./statusItem.ts";
import { renewLauncher, setUpTerminal } from "./terminal.ts";
import { createTraining } from "./trainingPanel.ts";
import { WorkspaceEngines } from "./workspaceEngines.ts";

/** What other extensions and the tests may use. */
export interface StrataApi {
  /** Of every workspace folder: the connection's state and the engine's last status. */
  folders(): readonly FolderState[];
  onChange(listener: () => void): () => void;
  /** The search view's state, as its page draws it. */
  view(): SearchModel["state"];
}

const HISTORY_KEY = "strata.history";

export function activate(context: vscode.ExtensionContext): StrataApi {
  const { subscriptions } = context;
  const output = vscode.window.createOutputChannel("Strata", { log: true });
  subscriptions.push(output);
  const log: Log = (level, message, error) => output[level](error === undefined ? message : `${message}: ${describeError(error)}`);

  const engines: WorkspaceEngines = new WorkspaceEngines((folder, onChange, onSearchUpdate) => {
    const getSetting = (key: string) => vscode.workspace.getConfiguration(undefined, vscode.Uri.file(folder.root)).get<unknown>(key);
    const settings = () => readEngineSettings(getSetting, pause.asked);
    return new EngineClient({
      connect: (signal) => connectEngine({ root: folder.root, client: "extension", log, signal }),
      fromWire,
      settings,
      log,
      clock: systemClock,
      onChange,
      onSearchUpdate,
    });
  });
  const pause = new Pause(engines);
  const windowSettings = () => readWindowSettings((key) => vscode.workspace.getConfiguration().get<unknown>(key));
  const trainingEnvironment = () => readTrainingEnvironment((key) => vscode.workspace.getConfiguration().get<unknown>(key));
  const history: HistoryStore = {
    get: () => context.workspaceState.get<string[]>(HISTORY_KEY, []),
    set: (queries) => {
      void context.workspaceState.update(HISTORY_KEY, queries);
      view.update();
    },
  };
  const model = new SearchModel({
    engines,
    maxResults: () => windowSettings().maxResults,
    history,
    onChange: () => {
      view.update();
      tellResults();
    },
  });
  const opener = createPlaceOpener();
  const comparer = createComparer();
  const similarTo = guarded(log, findSimilarToPlace);
  const compare = async (id: unknown): Promise<void> => {
    const result = shownPlace(id);
    const original = model.originalOf(id as string);
    if (original) await comparer.compare(original, result);
  };
  const view: SearchView = new SearchView({ extensionUri: context.extensionUri, model, open: opener.open, similarTo: (place) => similarTo(place, model), compare: guarded(log, compare), onVisibility: () => tellResults(), log });
  const setContext = contextSetter();
  // Results that nobody sees leave the keys to others.
  const tellResults = () => setContext("strata.hasResults", model.hasPlaces && view.visible);
  const statusItem = createStatusItem();
  const doctor = createDoctor(context.extensionPath, trainingEnvironment);
  const training = createTraining(context.extensionUri, trainingEnvironment, log);
  subscriptions.push(opener, comparer, doctor, training, statusItem, { dispose: () => model.dispose() }, { dispose: () => engines.dispose() });

  // A host that was started again finds the keys of the one before.
  for (const key of contextKeys) setContext(key, false);
  /** Whoever has paused, also another window or a full disk: it can be resumed here. */
  const followPause = () => {
    pause.follow();
    setContext("strata.indexingPaused", pause.asked === true || engines.pausedBecause !== undefined);
  };
  const setPaused = async (value: boolean) => {
    const asked = pause.ask(value);
    followPause();
    await asked;
  };
  engines.onChange(() => {
    const folders = engines.states;
    followPause();
    statusItem.update(folders);
    model.enginesChanged();
    const index = viewIndex(folders);
    const isNews = setContext("strata.engineFailed", index.kind === "failed");
    if (isNews && index.kind === "failed") void tellFailure(index.reason);
  });
  const setFolders = () => engines.setFolders((vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === "file").map(({ uri, name }) => ({ root: uri.fsPath, name })));
  setFolders();

  const handlers: Readonly<Record<CommandId, (...args: never[]) => unknown>> = {
    "strata.search": (query?: string) =>
      openQuickSearch({ engines, opener, history, maxResults: () => windowSettings().maxResults, toView: (text) => void Promise.all([view.show(true), model.search(text, { langs: [], path: "" })]) }, typeof query === "string" ? query : selectedQuery()),
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
      const { path: file, startLine, line = startLine } = shownPlace(about?.result);
      await vscode.env.clipboard.writeText(`${file}:${line}`);
    },
    "strata.revealResult": async (about?: { result?: unknown }) => vscode.commands.executeCommand("revealInExplorer", uriOf(shownPlace(about?.result))),
    "strata.showStatus": () => showStatusDetails(() => engines.states, (listener) => engines.onChange(listener)),
    "strata.rebuildIndex": (options?: { confirmed?: boolean }) => rebuild(options?.confirmed === true),
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
  for (const [id, handler] of Object.entries(handlers)) subscriptions.push(vscode.commands.registerCommand(id, guarded(log, handler as (...args: unknown[]) => unknown)));

  /** @param id of the result that a context menu was opened on */
  function shownPlace(id: unknown): Place {
    const place = typeof id === "string" ? model.place(id) : undefined;
    if (place === undefined) throw new StrataError("input.invalid", "This result is not shown any more. Search again.");
    return place;
  }

  async function rebuild(confirmed: boolean): Promise<void> {
    engines.requireFolders();
    if (!confirmed) {
      const yes = "Rebuild";
      if ((await vscode.window.showWarningMessage("Throw the index of this workspace away and read everything again?", { modal: true, detail: "Searching works meanwhile, with what has been read again." }, yes)) !== yes) return;
    }
    await Promise.all(engines.clients.map(({ client }) => client.request(protocol.rebuild, undefined)));
  }

  async function tellFailure(reason: string): Promise<void> {
    const [restart, show] = ["Restart", "Show Log"];
    const chosen = await vscode.window.showErrorMessage(notice(`Strata: ${reason}`), restart, show);
    if (chosen === restart) await vscode.commands.executeCommand("strata.restartEngine" satisfies CommandId);
    if (chosen === show) output.show(true);
  }

  subscriptions.push(
    ...reportChanges(engines, { isShown: (file) => model.showsFile(file), onIndexed: () => model.repeat(), log }),
    vscode.workspace.onDidChangeWorkspaceFolders(({ removed }) => {
      setFolders();
      if (removed.length > 0) void model.foldersRemoved();
      if (windowSettings().onStartup) void engines.start();
    }),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (engineSections.some((section) => event.affectsConfiguration(section))) void engines.configure();
    }),
    vscode.workspace.onWillSaveTextDocument((event) => {
      const read = model.beforeSave(event.document.uri.fsPath);
      if (read) event.waitUntil(read);
    }),
    // The page holds what belongs to nobody else: how far it is scrolled, which hits are open.
    vscode.window.registerWebviewViewProvider(views.search, view, { webviewOptions: { retainContextWhenHidden: true } }),
    ...registerAgentTools(engines),
  );
  setImmediate(() => {
    if (windowSettings().onStartup) void engines.start();
    renewLauncher(context, log);
  });

  return { folders: () => engines.states, onChange: (listener) => engines.onChange(listener), view: () => model.state };
}

/** Failures of a command are shown with their sentence and logged with their cause. */
function guarded<A extends unknown[]>(log: Log, handler: (...args: A) => unknown): (...args: A) => Promise<void> {
  return async (...args) => {
    try {
      await handler(...args);
    } catch (error) {
      if (isAbort(error)) return;
      log("error", "a command failed", error);
      void vscode.window.showErrorMessage(notice(`Strata: ${userMessage(error)}`));
    }
  };
}

/** Sets keys that are not set so already, and says whether that was so. */
function contextSetter(): (key: ContextKey, value: boolean) => boolean {
  const known = new Map<ContextKey, boolean>();
  return (key, value) => {
    if (known.get(key) === value) return false;
    known.set(key, value);
    void vscode.commands.executeCommand("setContext", key, value);
    return true;
  };
}
