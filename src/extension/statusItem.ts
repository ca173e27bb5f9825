// The one status bar item, drawn from indexText.ts, and the list of details behind it.
import * as vscode from "vscode";
import { count, plural } from "../base/counts.ts";
import type { CommandId } from "./contributions.ts";
import { type FolderState, statusText } from "./indexText.ts";
import { escapeIcons } from "./quickRows.ts";

interface StatusItem extends vscode.Disposable {
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
  /** What the row is about: its words change with the figures in them. */
  readonly about: string;
  readonly command?: CommandId;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toLocaleString("en", { maximumFractionDigits: bytes < 1e7 ? 1 : 0 })} MB`;
const share = (part: number, whole: number): string => `${Math.floor((100 * part) / whole)} %`;

/** Everything known about the index, live, with what can be done about it. */
export function showStatusDetails(read: () => readonly FolderState[], onChange: (listener: () => void) => () => void): void {
  const pick = vscode.window.createQuickPick<Row>();
  pick.title = "Strata: Index Status";
  pick.placeholder = "Choose an action, or Escape";
  pick.keepScrollPosition = true;
  const draw = () => {
    const active = pick.activeItems[0]?.about;
    pick.items = rows(read());
    const same = pick.items.find(({ about }) => about === active);
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
  const separator = (label: string): Row => ({ about: "", label, kind: vscode.QuickPickItemKind.Separator });
  const facts = folders.flatMap(({ name, client, status }, at): Row[] => {
    const list: Row[] = [separator(name)];
    const add = (about: string, row: Omit<Row, "about">) => list.push({ about: `${at} ${about}`, ...row });
    add("state", { label: statusText([{ name, client, status }]).text.replace("Strata ", ""), description: client.kind === "failed" ? escapeIcons(client.reason) : "" });
    if (!status) return list;
    const { coverage } = status;
    add("files", { label: `$(files) ${plural(coverage.files, "file")}, ${count(coverage.chunks)} pieces of code`, description: Object.entries(status.languages).sort((a, b) => b[1] - a[1]).slice(0, 6).map(([lang, count]) => `${lang} ${count}`).join(", ") });
    if (coverage.chunks > 0) add("depth", { label: `$(layers) instant ${share(coverage.instant, coverage.chunks)}, shallow ${share(coverage.shallow, coverage.chunks)}, deep ${share(coverage.deep, coverage.chunks)}`, description: "how deeply the code was read" });
    const skipped = Object.entries(status.skipped).filter(([, count]) => count > 0);
    if (skipped.length > 0) add("left out", { label: "$(circle-slash) Left out", description: skipped.map(([reason, files]) => `${count(files)} ${reason}`).join(", ") });
    for (const warning of status.warnings) add(warning, { label: `$(warning) ${escapeIcons(warning)}` });
    add("model", { label: `$(package) Model ${escapeIcons(status.model.id)} ${status.model.version}`, description: escapeIcons(status.model.note ?? "choose another"), command: "strata.chooseModel" });
    add("size", { label: `$(database) ${megabytes(status.indexBytes)} on disk, ${megabytes(status.memoryBytes)} in memory`, description: escapeIcons(status.indexFolder) });
    return list;
  });
  const paused = folders.some(({ status }) => status?.state.kind === "paused");
  const action = (about: string, label: string, command: CommandId): Row => ({ about, label, command });
  const actions: Row[] = [
    separator("actions"),
    action("search", "$(search) Search by Meaning", "strata.search"),
    paused ? action("pause", "$(play) Resume Indexing", "strata.resumeIndexing") : action("pause", "$(debug-pause) Pause Indexing", "strata.pauseIndexing"),
    action("rebuild", "$(refresh) Rebuild Index", "strata.rebuildIndex"),
    action("restart", "$(debug-restart) Restart Engine", "strata.restartEngine"),
    action("log", "$(output) Show Log", "strata.showLog"),
    action("doctor", "$(pulse) Doctor", "strata.doctor"),
  ];
  return [...(folders.length > 0 ? facts : [{ about: "none", label: "$(folder) No folder is open" }]), ...actions];
}
