// Search by Meaning from the keyboard alone: results while typing, a look at the highlighted one in the editor.
import * as vscode from "vscode";
import { isAbort } from "../base/abort.ts";
import { userMessage } from "../base/errors.ts";
import { escapeIcons, quickRows } from "./hitText.ts";
import type { PlaceOpener } from "./openPlace.ts";
import { addToHistory, type HistoryStore } from "./searchModel.ts";
import type { MergedResult, RootedHit, WorkspaceEngines } from "./workspaceEngines.ts";

interface HitItem extends vscode.QuickPickItem {
  readonly hit?: RootedHit;
  /** An earlier search, to make again. */
  readonly query?: string;
}

export interface QuickSearchOptions {
  readonly engines: WorkspaceEngines;
  readonly opener: PlaceOpener;
  readonly maxResults: () => number;
  readonly history: HistoryStore;
  /** Continues with the query in the side bar. */
  readonly toView: (query: string) => void;
}

/** Long enough that a fast typist causes one search per word, short enough to feel live. */
const PAUSE_MS = 120;

/** What is selected in the editor, when it can be a question: a part of one line. */
export function selectedQuery(): string {
  const editor = vscode.window.activeTextEditor;
  return editor?.selection.isSingleLine ? editor.document.getText(editor.selection).trim() : "";
}

export function openQuickSearch(options: QuickSearchOptions, initial = ""): void {
  const pick = vscode.window.createQuickPick<HitItem>();
  const aside: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("split-horizontal"), tooltip: "Open to the side" };
  const inView: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("list-flat"), tooltip: "Show in the side bar" };
  const before = vscode.window.activeTextEditor;
  let running = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let opened = false;
  let moved = false;
  /** Something else than what was being read is in the editor. */
  let looked = false;
  /** Whose answer the list is. */
  let answered = "";
  /** Enter came before the answer: its first hit is opened when it is there. */
  let accepted = false;

  pick.title = "Strata: Search by Meaning";
  pick.placeholder = "What does the code do? For example: check that a token has not expired";
  pick.matchOnDescription = false;
  // The hits come best first, and VS Code would sort them by where their label has the query's letters. The switch is missing in its types
  // (https://github.com/microsoft/vscode/issues/73904).
  (pick as { sortByLabel?: boolean }).sortByLabel = false;
  pick.buttons = [inView];

  const show = (query: string, result: MergedResult) => {
    const active = pick.activeItems[0]?.hit;
    pick.items = quickRows(query, result, options.engines).map((row) => ({ ...row, alwaysShow: true, ...(row.hit && { buttons: [aside] }) }));
    // Better hits may arrive while the person is choosing: the choice stays with the hit, not with the row.
    const same = moved && active ? pick.items.find(({ hit }) => hit && hit.root === active.root && hit.path === active.path && hit.startLine === active.startLine) : undefined;
    if (same) pick.activeItems = [same];
    answered = query;
    if (!accepted) return;
    accepted = false;
    open(pick.items[0]?.hit);
  };

  const open = (hit: RootedHit | undefined) => {
    if (!hit) return;
    opened = true;
    addToHistory(options.history, answered.trim());
    pick.hide();
    void options.opener.open(hit, { side: false, how: "keep" });
  };

  /** @param again the same query once more: a choice that was made stays. */
  const search = async (query: string, again = false) => {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    moved &&= again;
    if (query.trim() === "") {
      answered = query;
      pick.items = options.history.get().map((earlier) => ({ label: `$(history) ${escapeIcons(earlier)}`, query: earlier, alwaysShow: true }));
      pick.busy = false;
      return;
    }
    pick.busy = true;
    try {
      const first = await options.engines.search("quick", query, options.maxResults(), (better) => show(query, better), signal);
      show(query, first);
      pick.busy = false;
    } catch (error) {
      if (signal.aborted) return;
      pick.busy = false;
      accepted = false;
      if (isAbort(error)) return;
      answered = query;
      pick.items = [{ label: `$(error) ${escapeIcons(userMessage(error))}`, alwaysShow: true }];
    }
  };

  let { indexing } = options.engines;
  const stop = options.engines.onChange(() => {
    const before = indexing;
    ({ indexing } = options.engines);
    if (before && !indexing) void search(pick.value, true);
  });

  pick.onDidChangeValue((query) => {
    clearTimeout(timer);
    // What was chosen, and Enter, were for the words before.
    moved = accepted = false;
    timer = setTimeout(() => void search(query), PAUSE_MS);
  });
  pick.onDidChangeActive(([item]) => {
    const first = item === pick.items[0] && !moved;
    moved ||= !first && item?.hit !== undefined;
    // Not for the row that is highlighted by itself: files should not flash by while a query is being typed.
    if (!item?.hit || !moved) return;
    looked = true;
    void options.opener.open(item.hit, { side: false, how: "look" });
  });
  pick.onDidTriggerItemButton(({ item }) => {
    if (!item.hit) return;
    opened = true;
    addToHistory(options.history, answered.trim());
    pick.hide();
    void options.opener.open(item.hit, { side: true, how: "keep" });
  });
  pick.onDidTriggerButton(() => {
    opened = true;
    const query = pick.value;
    pick.hide();
    options.toView(query);
  });
  pick.onDidAccept(() => {
    const earlier = pick.activeItems[0]?.query;
    if (earlier !== undefined && answered === pick.value) {
      pick.value = earlier;
      return void search(earlier);
    }
    if (moved || answered === pick.value) return open(pick.activeItems[0]?.hit);
    accepted = true; // the list is still that of other words
  });
  pick.onDidHide(() => {
    stop();
    clearTimeout(timer);
    running.abort();
    pick.dispose();
    // Escape after looking around brings back what was being read.
    if (!opened && looked && before) void vscode.window.showTextDocument(before.document, { viewColumn: before.viewColumn ?? vscode.ViewColumn.Active, selection: before.selection });
  });
  pick.value = initial;
  pick.show();
  void search(initial);
}
