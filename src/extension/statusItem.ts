// The one status bar item, drawn from indexText.ts, and the list of details behind it.
import * as vscode from "vscode";
import { type FolderState, filesText, statusText } from "./indexText.ts";
import type { CommandId } from "./contributions.ts";

export interface StatusItem extends vscode.Disposable {
  update(folders: readonly FolderState[]): void;
}

const backgrounds = { normal: undefined, warning: "statusBarItem.warningBackground", error: "statusBarItem.errorBackground" } as const;

export function createStatusItem(): StatusItem {
  const item = vscode.window.createStatusBarItem("strata.status", vscode.StatusBarAlignment.Right, 90);
  item.name = "Strata";
  item.command = "strata.showStatus" satisfies CommandId;
  let shown = "";
  return {
    update(folders) {
      const { text, tooltip, severity, spoken } = statusText(folders);
      const key = `${text}\0${tooltip}`;
      if (key === shown) return; // an open tooltip would flicker
      shown = key;
      item.text = text;
      item.accessibilityInformation = { label: spoken };
      const markdown = new vscode.MarkdownString(tooltip, true);
      markdown.isTrusted = { enabledCommands: ["strata.search", "strata.showStatus", "strata.showLog", "strata.restartEngine"] satisfies CommandId[] };
      item.tooltip = markdown;
      item.backgroundColor = backgrounds[severity] ? new vscode.ThemeColor(backgrounds[severity]) : undefined;
      item.show();
    },
    dispose: () => item.dispose(),
  };
}

interface Row extends vscode.QuickPickItem {
  readonly command?: CommandId;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toLocaleString("en", { maximumFractionDigits: bytes < 1e7 ? 1 : 0 })} MB`;
const share = (part: number, whole: number): string => `${Math.floor((100 * part) / whole)} %`;

/** Everything known about the index, live, with what can be done about it. */
export function showStatusDetails(read: () => readonly FolderState[], onChange: (listener: () => void) => () => void): void {
  const pick = vscode.window.createQuickPick<Row>();
  pick.title = "Strata: Index Status";
  pick.placeholder = "Choose an action, or Escape";
  const draw = () => {
    const active = pick.activeItems[0]?.label;
    pick.items = rows(read());
    const same = pick.items.find(({ label }) => label === active);
    if (same) pick.activeItems = [same];
  };
  const stop = onChange(draw);
  pick.onDidAccept(() => {
    const command = pick.activeItems[0]?.command;
    if (!command) return;
    pick.hide();
    void vscode.commands.executeCommand(command);
  });
  pick.onDidHide(() => {
    stop();
    pick.dispose();
  });
  draw();
  pick.show();
}

function rows(folders: readonly FolderState[]): Row[] {
  const separator = (label: string): Row => ({ label, kind: vscode.QuickPickItemKind.Separator });
  const facts = folders.flatMap(({ name, client, status }): Row[] => {
    const list: Row[] = [separator(name), { label: statusText([{ name, client, status }]).text.replace("Strata ", ""), description: client.kind === "failed" ? client.reason : "" }];
    if (!status) return list;
    const { coverage } = status;
    list.push({ label: `$(files) ${filesText(coverage.files)}, ${coverage.chunks.toLocaleString("en")} pieces of code`, description: Object.entries(status.languages).sort((a, b) => b[1] - a[1]).slice(0, 6).map(([lang, count]) => `${lang} ${count}`).join(", ") });
    if (coverage.chunks > 0) list.push({ label: `$(layers) instant ${share(coverage.instant, coverage.chunks)}, shallow ${share(coverage.shallow, coverage.chunks)}, deep ${share(coverage.deep, coverage.chunks)}`, description: "how deeply the code was read" });
    const skipped = Object.entries(status.skipped).filter(([, count]) => count > 0);
    if (skipped.length > 0) list.push({ label: "$(circle-slash) Left out", description: skipped.map(([reason, count]) => `${count.toLocaleString("en")} ${reason}`).join(", ") });
    for (const warning of status.warnings) list.push({ label: `$(warning) ${warning}` });
    list.push(
      { label: `$(package) Model ${status.model.id} ${status.model.version}`, description: "choose another", command: "strata.chooseModel" },
      { label: `$(database) ${megabytes(status.indexBytes)} on disk, ${megabytes(status.memoryBytes)} in memory`, description: status.indexFolder },
    );
    return list;
  });
  const actions: Row[] = [
    separator("actions"),
    { label: "$(search) Search by Meaning", command: "strata.search" },
    { label: folders.some(({ status }) => status?.state.kind === "paused") ? "$(play) Resume Indexing" : "$(debug-pause) Pause Indexing", command: folders.some(({ status }) => status?.state.kind === "paused") ? "strata.resumeIndexing" : "strata.pauseIndexing" },
    { label: "$(refresh) Rebuild Index", command: "strata.rebuildIndex" },
    { label: "$(debug-restart) Restart Engine", command: "strata.restartEngine" },
    { label: "$(output) Show Log", command: "strata.showLog" },
    { label: "$(pulse) Doctor", command: "strata.doctor" },
  ];
  return [...(folders.length > 0 ? facts : [{ label: "$(folder) No folder is open" }]), ...actions];
}
