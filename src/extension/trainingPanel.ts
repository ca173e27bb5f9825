// "Fine-Tune the Encoder on This Workspace": asks, starts the run, shows it on a page of its own, and says how it ended.
import path from "node:path";
import * as vscode from "vscode";
import { count } from "../base/counts.ts";
import type { Log } from "../base/log.ts";
import { signalOf } from "../engine/cancellation.ts";
import type { Picture, RunPlan } from "../training/picture.ts";
import { isFromTrainingPage, type ToTrainingPage } from "../webview/trainingMessages.ts";
import type { CommandId } from "./contributions.ts";
import { notice } from "./notice.ts";
import { askPlan, planDetail, type RunRequest, type StrataProgram, TrainingRun } from "./trainingRun.ts";
import { showPage } from "./webviewPage.ts";

export interface Training extends vscode.Disposable {
  /** Starts a run after asking, or shows the one under way. `confirmed` skips the questions (tests, keybindings). */
  start(confirmed?: { readonly minutes: number; readonly device: string }): Promise<void>;
}

interface Choice extends vscode.QuickPickItem {
  readonly minutes: number;
  readonly device: string;
}

/** @param environment variables that settings ask for */
export function createTraining(extensionUri: vscode.Uri, environment: () => Readonly<Record<string, string>>, log: Log): Training {
  const program = (): StrataProgram => ({
    command: process.execPath,
    args: ["--no-warnings", path.join(extensionUri.fsPath, "dist", "strata.mjs")],
    env: environment(),
  });
  let run: TrainingRun | undefined;
  let panel: vscode.WebviewPanel | undefined;

  const post = () => {
    if (!run || !panel) return;
    const message: ToTrainingPage = { type: "state", state: { folder: path.basename(run.request.root), picture: run.picture, canResume: run.canResume } };
    void panel.webview.postMessage(message);
  };

  function show(): void {
    if (panel) return panel.reveal();
    const opened = vscode.window.createWebviewPanel("strata.training", "Fine-Tuning", vscode.ViewColumn.Active);
    panel = opened;
    opened.onDidDispose(() => (panel = undefined)); // the run goes on; the status bar and the command lead back
    opened.webview.onDidReceiveMessage((message: unknown) => {
      if (!isFromTrainingPage(message)) return log("warn", `the fine-tuning page sent something that is no message: ${JSON.stringify(message)?.slice(0, 200)}`);
      if (message.type === "ready") post();
      if (message.type === "stop") run?.stop();
      if (message.type === "resume" && run?.canResume) begin({ ...run.request, resume: true }, run.picture);
      if (message.type === "details") void details();
      if (message.type === "chooseModel") void vscode.commands.executeCommand("strata.chooseModel" satisfies CommandId);
    });
    showPage(opened.webview, extensionUri, "training");
  }

  function begin(request: RunRequest, before?: Picture): void {
    const started = new TrainingRun(program(), request, post, log, () => Date.now(), before);
    run = started;
    show();
    post();
    void vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: "Strata: fine-tuning" }, () => started.done);
    void started.done.then((picture) => {
      post();
      log(picture.state === "failed" ? "error" : "info", `fine-tuning of ${request.root} ended (${picture.state}): ${picture.sentence}`);
      if (picture.state !== "stopped") void tell(picture.state === "failed", picture.sentence, picture.model);
    });
  }

  async function tell(failed: boolean, sentence: string, model: string | undefined): Promise<void> {
    const [page, choose] = ["Show Details", "Choose Model"];
    const chosen = failed
      ? await vscode.window.showErrorMessage(notice(`Strata: ${sentence}`), page)
      : await vscode.window.showInformationMessage(notice(model === undefined ? `Strata: ${sentence}` : `Strata: ${sentence} The index uses ${model} now.`), page, ...(model === undefined ? [] : [choose]));
    if (chosen === page) show();
    if (chosen === choose) await vscode.commands.executeCommand("strata.chooseModel" satisfies CommandId);
  }

  /** Everything the run said, as a text to read. */
  async function details(): Promise<void> {
    if (!run) return;
    const content = JSON.stringify(run.picture, undefined, 2);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: "json", content }), { preview: true, viewColumn: vscode.ViewColumn.Beside });
  }

  async function pickFolder(): Promise<string | undefined> {
    const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === "file");
    if (folders.length === 0) void vscode.window.showInformationMessage("Open a folder first: the encoder is fine-tuned on the code in it.");
    if (folders.length < 2) return folders[0]?.uri.fsPath;
    const items = folders.map(({ name, uri }) => ({ label: name, description: uri.fsPath }));
    return (await vscode.window.showQuickPick(items, { ignoreFocusOut: true, title: "Fine-tune the encoder on which folder?" }))?.description;
  }

  /** Time and device; undefined when the person left. */
  function pickTime(plan: RunPlan): Thenable<Choice | undefined> {
    const on = (minutes: number, device: string, detail: string): Choice => ({ label: minutes < 60 ? `${minutes} minutes` : `${minutes / 60} hour${minutes === 60 ? "" : "s"}`, description: `on ${device === "auto" ? plan.device : device}`, detail, minutes, device });
    const items = [on(10, "auto", "A workspace of some hundred documented functions takes one to three of them"), on(30, "auto", "For thousands of functions"), on(120, "auto", "Reads everything, however large"), ...(plan.device === "cpu" ? [] : [on(10, "cpu", "Leaves the graphics processor alone")])];
    return vscode.window.showQuickPick(items, { ignoreFocusOut: true, title: "Strata: Fine-Tune the Encoder", placeHolder: `${count(plan.pairs)} documented definitions were found. How long may it take?` });
  }

  return {
    async start(confirmed) {
      if (run?.picture.state === "running") return show();
      const root = await pickFolder();
      if (root === undefined) return;
      if (confirmed) return begin({ root, ...confirmed, resume: false });
      const plan = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: "Strata: looking for documented code", cancellable: true }, (_progress, token) => askPlan(program(), root, signalOf(token)));
      if (plan.lacks !== "") return void vscode.window.showInformationMessage(notice(`Strata: ${plan.lacks}`));
      const time = await pickTime(plan);
      if (!time) return;
      const [start, resume] = [plan.install === "" ? "Start" : "Install and Start", "Resume the Stopped Run"];
      const chosen = await vscode.window.showInformationMessage(notice(`Fine-tune the encoder on ${path.basename(root)}?`), { modal: true, detail: planDetail(plan, time.minutes, time.device) }, start, ...(plan.canResume ? [resume] : []));
      if (chosen !== undefined) begin({ root, minutes: time.minutes, device: time.device, resume: chosen === resume });
    },
    dispose() {
      if (run?.picture.state === "running") run.stop(); // it saves, and can go on in the next window
      panel?.dispose();
    },
  };
}
