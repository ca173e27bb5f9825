// Where Strata starts in VS Code: builds everything, in order, and nothing else. Activation only registers; engines are
// started after it, in the background, or with the first search.
import * as vscode from "vscode";
import { describeError, userMessage } from "../base/errors.ts";
import { isAbort } from "../base/abort.ts";
import type { Log } from "../base/log.ts";
import { connectEngine, fromWire } from "../engine/connect.ts";
import { registerAgentTools } from "./agentTools.ts";
import { reportChanges } from "./changeReports.ts";
import { createCommands, shownPlace } from "./commands.ts";
import { type CommandId, type ContextKey, contextKeys, views } from "./contributions.ts";
import { EngineClient, systemClock } from "./engineClient.ts";
import { createComparer } from "./compareCode.ts";
import { createDoctor } from "./doctor.ts";
import { type FolderState, viewIndex } from "./indexText.ts";
import { notice } from "./notice.ts";
import { createPlaceOpener } from "./openPlace.ts";
import { Pause } from "./pause.ts";
import { type HistoryStore, SearchModel } from "./searchModel.ts";
import { SearchView } from "./searchView.ts";
import { engineSections, readEngineSettings, readTrainingEnvironment, readWindowSettings } from "./settings.ts";
import { findSimilarToPlace } from "./similarCode.ts";
import { createStatusItem } from "./statusItem.ts";
import { renewLauncher } from "./terminal.ts";
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
    const result = shownPlace(model, id);
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

  const commands = createCommands({ context, output, engines, model, view, opener, compare, history, maxResults: () => windowSettings().maxResults, setPaused, training, doctor });
  for (const [id, handler] of Object.entries(commands)) subscriptions.push(vscode.commands.registerCommand(id, guarded(log, handler as (...args: unknown[]) => unknown)));

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
