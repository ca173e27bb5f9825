// Opens a place in the editor, reveals it and marks its lines until the reader moves on.
import * as vscode from "vscode";
import { StrataError, userMessage } from "../base/errors.ts";
import { isNotebook } from "../base/notebook.ts";
import type { Opening } from "../webview/messages.ts";
import { cellAtLine } from "./notebooks.ts";
import { notice } from "./notice.ts";
import { followCounted } from "./savedLines.ts";
import type { Place } from "./searchModel.ts";

export interface OpenOptions {
  readonly side: boolean;
  readonly how: Opening;
  /** Line to go to; that of the place's name when absent. */
  readonly line?: number | undefined;
}

export interface PlaceOpener extends vscode.Disposable {
  /** Of several that are under way only the last shows something. Never rejects, as nobody waits for it: what goes wrong is said. */
  open(place: Place, options: OpenOptions): Promise<void>;
  /** What is under way shows nothing. */
  cancel(): void;
}

/** Where a place's file is for VS Code: below its workspace folder, which may be on another machine. */
export function uriOf({ root, path }: Pick<Place, "root" | "path">): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.find(({ uri }) => uri.fsPath === root);
  return folder ? vscode.Uri.joinPath(folder.uri, path) : vscode.Uri.file(`${root}/${path}`);
}

/** @throws StrataError for a file that is not there any more, as between two looks at the disk; VS Code's own words are about its file services. */
async function documentAt(place: Pick<Place, "root" | "path">): Promise<vscode.TextDocument> {
  try {
    return await vscode.workspace.openTextDocument(uriOf(place));
  } catch (error) {
    throw new StrataError("input.invalid", `${place.path} cannot be opened. It may have been deleted or renamed since it was indexed; search again.`, error);
  }
}

/** The lines of a place as they are now, unsaved edits included, where they begin, and the one of its name. */
export async function linesAt(place: Place): Promise<{ readonly document: vscode.TextDocument; readonly first: number; readonly last: number; readonly line: number; readonly text: string }> {
  const document = await documentAt(place);
  const toBuffer = await followCounted(document, place);
  const [first, last] = [toBuffer(place.startLine), toBuffer(place.endLine)];
  return { document, first, last, line: toBuffer(place.line ?? place.startLine), text: document.getText(new vscode.Range(first - 1, 0, last, 0)) };
}

/** Themes of high contrast have no background for marked lines but a border, which is missing in the others. */
function createMark(): vscode.TextEditorDecorationType {
  const { kind } = vscode.window.activeColorTheme;
  const highContrast = kind === vscode.ColorThemeKind.HighContrast || kind === vscode.ColorThemeKind.HighContrastLight;
  return vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    backgroundColor: new vscode.ThemeColor("editor.rangeHighlightBackground"),
    ...(highContrast && { border: "1px dotted", borderColor: new vscode.ThemeColor("editor.rangeHighlightBorder") }),
    overviewRulerColor: new vscode.ThemeColor("editorOverviewRuler.findMatchForeground"),
    overviewRulerLane: vscode.OverviewRulerLane.Full,
  });
}

export function createPlaceOpener(): PlaceOpener {
  let mark: vscode.TextEditorDecorationType | undefined;
  let marked: vscode.TextEditor | undefined;
  /** A decoration that ends takes its lines' marks with it; the next one is made for the theme as it is then. */
  const unmark = () => {
    mark?.dispose();
    marked = undefined;
  };
  // A selection made by keyboard or mouse means that the place was seen; our own is made by code and has no kind.
  const moved = vscode.window.onDidChangeTextEditorSelection((event) => {
    if (event.textEditor === marked && event.kind !== undefined) unmark();
  });
  /** Lines from 0, both included. */
  const markLines = (editor: vscode.TextEditor, first: number, last: number): vscode.Range => {
    unmark();
    const lineAt = (line: number) => editor.document.lineAt(Math.min(Math.max(line, 0), editor.document.lineCount - 1)).range;
    const range = new vscode.Range(lineAt(first).start, lineAt(last).end);
    mark = createMark();
    editor.setDecorations(mark, [range]);
    marked = editor;
    return range;
  };
  const show = async (place: Place, { side, how, line: chosen }: OpenOptions, isLatest: () => boolean): Promise<void> => {
    const uri = uriOf(place);
    const line = chosen ?? place.line ?? place.startLine;
    const options = {
      viewColumn: side ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active,
      preserveFocus: how === "look",
      preview: how !== "keep",
    };
    const cell = isNotebook(place.path) ? await cellAtLine(uri, line) : undefined;
    if (!isLatest()) return;
    if (cell) {
      const at = new vscode.Position(cell.line, 0);
      await vscode.commands.executeCommand("vscode.open", cell.document.uri, { ...options, selection: new vscode.Range(at, at) });
      const editor = vscode.window.visibleTextEditors.find(({ document }) => document === cell.document);
      if (!isLatest() || !editor) return;
      const above = line - place.startLine;
      markLines(editor, cell.line - above, cell.line - above + place.endLine - place.startLine);
      return;
    }
    const document = await documentAt(place);
    const toBuffer = await followCounted(document, place);
    if (!isLatest()) return;
    const within = (number: number) => Math.min(Math.max(number, 1), document.lineCount) - 1;
    const startLine = toBuffer(place.startLine);
    const [first, last] = [within(startLine), within(Math.max(toBuffer(place.endLine), startLine))];
    const target = document.lineAt(within(toBuffer(line)));
    const start = new vscode.Position(target.lineNumber, target.firstNonWhitespaceCharacterIndex);
    const editor = await vscode.window.showTextDocument(document, { ...options, selection: new vscode.Range(start, start) });
    if (!isLatest()) return;
    const range = markLines(editor, first, last);
    // All of it where there is room; in any case the line.
    if (chosen === undefined) editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    if (chosen !== undefined || target.lineNumber > first) editor.revealRange(target.range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  };
  let latest = 0;
  return {
    async open(place, options) {
      const turn = ++latest;
      const isLatest = () => turn === latest;
      try {
        await show(place, options, isLatest);
      } catch (error) {
        if (isLatest()) void vscode.window.showWarningMessage(notice(userMessage(error)));
      }
    },
    cancel: () => void latest++,
    dispose() {
      unmark();
      moved.dispose();
    },
  };
}
