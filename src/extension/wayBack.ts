// What was being read before something else was looked at in its place, and the way back to it.
import * as vscode from "vscode";

const sameFile = (a: vscode.Uri, b: vscode.Uri): boolean => a.toString() === b.toString();

/** The file that a tab shows; that of a comparison is the one on the right. Undefined for what is not of a file (a web page, a terminal). */
function fileOf({ input }: vscode.Tab): vscode.Uri | undefined {
  if (input instanceof vscode.TabInputTextDiff) return input.modified;
  return input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom || input instanceof vscode.TabInputNotebook ? input.uri : undefined;
}

/** An editor in the place of a tab: neither the Output panel, which is an editor to VS Code, nor one inside something else. */
function editorOf(file: vscode.Uri | undefined, viewColumn: vscode.ViewColumn): vscode.TextEditor | undefined {
  return file && vscode.window.visibleTextEditors.find((editor) => editor.viewColumn === viewColumn && editor.document.uri.scheme !== "output" && sameFile(editor.document.uri, file));
}

/** @returns what brings back what is shown now; a text with its selection and scrolled as it is. */
export function rememberShown(): () => Promise<void> {
  const { activeTabGroup: group } = vscode.window.tabGroups;
  const { activeTab: tab, viewColumn } = group;
  const filesBefore = group.tabs.flatMap((open) => fileOf(open) ?? []);
  const editor = tab && editorOf(fileOf(tab), viewColumn);
  // Looking at a hit of the same file moves both.
  const [selection, visible] = [editor?.selection, editor?.visibleRanges[0]];
  const show: vscode.TextDocumentShowOptions = { viewColumn, ...(selection && { selection }) };

  /** VS Code itself goes back to what was there, if the looked-at file has a tab only for the look. */
  const closeLook = async (): Promise<void> => {
    const look = vscode.window.tabGroups.all.find((other) => other.viewColumn === viewColumn)?.activeTab;
    const file = look && fileOf(look);
    if (look?.isPreview && file && !filesBefore.some((before) => sameFile(before, file))) await vscode.window.tabGroups.close(look);
  };

  return async () => {
    const input = tab?.input;
    if (input instanceof vscode.TabInputText) {
      const back = await vscode.window.showTextDocument(editor?.document ?? (await vscode.workspace.openTextDocument(input.uri)), show);
      if (visible) back.revealRange(visible, vscode.TextEditorRevealType.AtTop);
    } else if (input instanceof vscode.TabInputTextDiff) await vscode.commands.executeCommand("vscode.diff", input.original, input.modified, tab!.label, show);
    else if (input instanceof vscode.TabInputCustom) await vscode.commands.executeCommand("vscode.openWith", input.uri, input.viewType, { viewColumn });
    else if (input instanceof vscode.TabInputNotebook) await vscode.commands.executeCommand("vscode.openWith", input.uri, input.notebookType, { viewColumn });
    else await closeLook();
  };
}
