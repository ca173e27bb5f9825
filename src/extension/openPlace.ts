// Opens a place in the editor, reveals it and marks its lines until the reader moves on.
import * as vscode from "vscode";
import type { Opening } from "../webview/messages.ts";
import { notice } from "./notice.ts";
import { followEdits } from "./savedLines.ts";
import type { Place } from "./searchModel.ts";

export interface OpenOptions {
  readonly side: boolean;
  readonly how: Opening;
  /** Line to go to; the first of the place when absent. */
  readonly line?: number | undefined;
}

export interface PlaceOpener extends vscode.Disposable {
  /** Of several that are under way only the last shows something. */
  open(place: Place, options: OpenOptions): Promise<void>;
  /** What is under way shows nothing. */
  cancel(): void;
}

/** Where a place's file is for VS Code: below its workspace folder, which may be on another machine. */
export function uriOf({ root, path }: Pick<Place, "root" | "path">): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.find(({ uri }) => uri.fsPath === root);
  return folder ? vscode.Uri.joinPath(folder.uri, path) : vscode.Uri.file(`${root}/${path}`);
}

export function createPlaceOpener(): PlaceOpener {
  const mark = vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor("editor.rangeHighlightBackground"),
    overviewRulerColor: new vscode.ThemeColor("editorOverviewRuler.findMatchForeground"),
    overviewRulerLane: vscode.OverviewRulerLane.Full,
  });
  let marked: vscode.TextEditor | undefined;
  const unmark = () => {
    marked?.setDecorations(mark, []);
    marked = undefined;
  };
  // A selection made by keyboard or mouse means that the place was seen; our own is made by code and has no kind.
  const moved = vscode.window.onDidChangeTextEditorSelection((event) => {
    if (event.textEditor === marked && event.kind !== undefined) unmark();
  });
  let latest = 0;
  return {
    async open(place, { side, how, line }) {
      const turn = ++latest;
      const uri = uriOf(place);
      let document: vscode.TextDocument;
      try {
        document = await vscode.workspace.openTextDocument(uri);
      } catch {
        if (turn !== latest) return;
        void vscode.window.showWarningMessage(notice(`${place.path} cannot be opened. It may have been deleted or renamed since it was indexed; search again.`));
        return;
      }
      const { toBuffer } = await followEdits(document, await place.asFound);
      if (turn !== latest) return;
      const lineAt = (number: number) => document.lineAt(Math.min(Math.max(number, 1), document.lineCount) - 1);
      const startLine = toBuffer(place.startLine);
      const [first, last] = [lineAt(startLine), lineAt(Math.max(toBuffer(place.endLine), startLine))];
      const target = line === undefined ? first : lineAt(toBuffer(line));
      const start = new vscode.Position(target.lineNumber, target.firstNonWhitespaceCharacterIndex);
      const editor = await vscode.window.showTextDocument(document, {
        viewColumn: side ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active,
        preserveFocus: how === "look",
        preview: how !== "keep",
        selection: new vscode.Range(start, start),
      });
      if (turn !== latest) return;
      unmark();
      const range = new vscode.Range(first.range.start, last.range.end);
      editor.setDecorations(mark, [range]);
      editor.revealRange(line === undefined ? range : target.range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
      marked = editor;
    },
    cancel: () => void latest++,
    dispose() {
      unmark();
      moved.dispose();
      mark.dispose();
    },
  };
}
