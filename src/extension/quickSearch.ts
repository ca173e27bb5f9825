// Search by Meaning from the keyboard alone: results while typing, a look at the highlighted one in the editor.
import * as vscode from "vscode";
import { isAbort } from "../base/abort.ts";
import { userMessage } from "../base/errors.ts";
import { remarkTexts } from "../base/remarks.ts";
import type { MergedResult, RootedHit } from "../engine/folders.ts";
import { notice } from "./notice.ts";
import type { PlaceOpener } from "./openPlace.ts";
import { escapeIcons, quickRows } from "./quickRows.ts";
import { addToHistory, type HistoryStore } from "./searchModel.ts";
import { rememberShown } from "./wayBack.ts";
import { isMuchMore, type WorkspaceEngines } from "./workspaceEngines.ts";

interface HitItem extends vscode.QuickPickItem {
  readonly hit?: RootedHit;
  /** An earlier search, to make again. */
  readonly query?: string;
}

interface QuickSearchOptions {
  readonly engines: WorkspaceEngines;
  readonly opener: PlaceOpener;
  readonly maxResults: () => number;
  readonly history: HistoryStore;
  /** Continues with the query in the side bar. */
  readonly toView: (query: string) => void;
}

const title = "Strata: Search by Meaning";
/** Long enough that a fast typist causes one search per word, short enough to feel live. */
const PAUSE_MS = 120;
/** Rows that are only passed on the way to another are not looked at. */
const LOOK_MS = 50;

const samePlace = (a: RootedHit, b: RootedHit): boolean => a.root === b.root && a.path === b.path && a.startLine === b.startLine;

/** What is selected in the editor, when it can be a question: a part of one line. */
export function selectedQuery(): string {
  const editor = vscode.window.activeTextEditor;
  return editor?.selection.isSingleLine ? editor.document.getText(editor.selection).trim() : "";
}

export function openQuickSearch(options: QuickSearchOptions, initial = ""): void {
  const pick = vscode.window.createQuickPick<HitItem>();
  const aside: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("split-horizontal"), tooltip: "Open to the side" };
  const inView: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("list-flat"), tooltip: "Show in the side bar" };
  const backToShown = rememberShown();
  let running = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let opened = false;
  /** What the keys have led to; undefined while the first row is highlighted by itself. */
  let chosen: RootedHit | undefined;
  /** The row of `chosen` in a list that has just been given: VS Code highlights its first row before. */
  let due: HitItem | undefined;
  let looking: ReturnType<typeof setTimeout> | undefined;
  /** What is in the editor in place of what was being read. */
  let looked: RootedHit | undefined;
  /** Whose answer the list is. */
  let answered = "";
  /** Files that the list's search could see. */
  let searched = 0;
  /** Enter came before the answer: its first hit is opened when it is there. */
  let accepted = false;

  pick.title = title;
  pick.placeholder = "What does the code do? For example: check that a token has not expired";
  pick.matchOnDescription = false;
  // The hits come best first, and VS Code would sort them by where their label has the query's letters. The switch is missing in its types
  // (https://github.com/microsoft/vscode/issues/73904).
  (pick as { sortByLabel?: boolean }).sortByLabel = false;
  pick.buttons = [inView];

  const show = (query: string, result: MergedResult) => {
    const items: readonly HitItem[] = quickRows(query, result, options.engines).map((row) => ({ ...row, alwaysShow: true, ...(row.hit && { buttons: [aside] }) }));
    // Better hits may arrive while the person is choosing: the choice stays with the hit, not with the row.
    const choice = chosen;
    due = choice && items.find(({ hit }) => hit && samePlace(hit, choice));
    chosen = due?.hit;
    pick.keepScrollPosition = answered === query;
    pick.items = items;
    // Above the list: a row would have the highlight, and Enter.
    pick.title = [title, ...remarkTexts(result)].join(" · ");
    if (due) pick.activeItems = [due];
    answered = query;
    if (!accepted) return;
    accepted = false;
    open(pick.items[0]?.hit);
  };

  const open = (hit: RootedHit | undefined, side = false) => {
    if (!hit) return;
    opened = true;
    clearTimeout(looking);
    addToHistory(options.history, answered.trim());
    pick.hide();
    void options.opener.open(hit, { side, how: "keep" });
  };

  /** @param again the same query once more: a choice that was made stays. */
  const search = async (query: string, again = false) => {
    running.abort();
    running = new AbortController();
    const { signal } = running;
    if (!again) chosen = undefined;
    if (query.trim() === "") {
      answered = query;
      pick.title = title;
      pick.items = options.history.get().map((earlier) => ({ label: `$(history) ${escapeIcons(earlier)}`, query: earlier, alwaysShow: true }));
      pick.busy = false;
      return;
    }
    pick.busy = true;
    const searchable = options.engines.searchableFiles();
    try {
      const first = await options.engines.search("quick", { query, k: options.maxResults() }, (better) => show(query, better), signal);
      searched = Math.max(searchable, first.coverage.files);
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
    const isDue = indexing ? answered === pick.value && answered.trim() !== "" && !pick.busy && isMuchMore(options.engines.searchableFiles(), searched) : before;
    if (isDue) void search(pick.value, true);
  });

  pick.onDidChangeValue((query) => {
    clearTimeout(timer);
    // What was chosen, and Enter, were for the words before.
    chosen = undefined;
    accepted = false;
    timer = setTimeout(() => void search(query), PAUSE_MS);
  });
  pick.onDidChangeActive(([item]) => {
    const isFirst = item === pick.items[0];
    if (due && item !== due && isFirst) return;
    due = undefined;
    clearTimeout(looking);
    // Not for the row that is highlighted by itself: files should not flash by while a query is being typed.
    if (!item?.hit || (isFirst && !chosen)) return;
    const hit = (chosen = item.hit);
    looking = setTimeout(() => {
      if (looked && samePlace(looked, hit)) return;
      looked = hit;
      void options.opener.open(hit, { side: false, how: "look" });
    }, LOOK_MS);
  });
  pick.onDidTriggerItemButton(({ item }) => open(item.hit, true));
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
    if (chosen || answered === pick.value) return open(chosen ?? pick.activeItems[0]?.hit);
    accepted = true; // the list is still that of other words
  });
  pick.onDidHide(() => {
    stop();
    clearTimeout(timer);
    clearTimeout(looking);
    running.abort();
    pick.dispose();
    if (opened) return;
    options.opener.cancel();
    if (looked) backToShown().catch((error: unknown) => void vscode.window.showWarningMessage(notice(userMessage(error))));
  });
  pick.value = initial;
  pick.show();
  void search(initial);
}
