// Between a notebook's file, whose rows the engine counts, and its cells, which are what the editor shows.
import * as vscode from "vscode";
import { cellWithRow, isNotebook, readNotebook } from "../base/notebook.ts";
import { textOnDisk } from "./savedLines.ts";

const withoutEnd = (text: string): string => text.replace(/\r\n/g, "\n").replace(/\n$/, "");

/** The cell that an editor's document is, as it was saved. Undefined for other documents, and for a cell that was not saved as it stands. */
export async function savedCell(document: vscode.TextDocument): Promise<{ readonly notebook: vscode.Uri; /** From 1. */ readonly number: number; /** Of the file, from 0. */ readonly row: number } | undefined> {
  const notebook = vscode.workspace.notebookDocuments.find((open) => open.getCells().some((cell) => cell.document === document));
  if (!notebook || !isNotebook(notebook.uri.path)) return undefined;
  const cells = readNotebook((await textOnDisk(notebook.uri.fsPath)) ?? "")?.cells ?? [];
  const text = withoutEnd(document.getText());
  const isSame = (at: number) => cells[at] !== undefined && withoutEnd(cells[at].text) === text;
  const shown = notebook.getCells().findIndex((cell) => cell.document === document);
  const at = isSame(shown) ? shown : cells.findIndex((_, index) => isSame(index));
  return at < 0 ? undefined : { notebook: notebook.uri, number: at + 1, row: cells[at]!.row };
}

/** The cell with a line (from 1) of a notebook's file, and that line in it (from 0). Undefined where no cell has it, and for what no notebook editor opens. */
export async function cellAtLine(uri: vscode.Uri, line: number): Promise<{ readonly document: vscode.TextDocument; readonly line: number } | undefined> {
  const source = await textOnDisk(uri.fsPath);
  const saved = source === undefined ? undefined : readNotebook(source);
  const found = saved && cellWithRow(saved, line - 1);
  if (!found) return undefined;
  let cells: readonly vscode.NotebookCell[];
  try {
    cells = (await vscode.workspace.openNotebookDocument(uri)).getCells();
  } catch {
    return undefined; // nobody in this editor reads notebooks
  }
  const text = withoutEnd(saved.cells[found.index]!.text);
  const isSame = (cell: vscode.NotebookCell | undefined) => cell !== undefined && withoutEnd(cell.document.getText()) === text;
  // Cells may have come and gone since it was saved.
  const cell = isSame(cells[found.index]) ? cells[found.index] : (cells.find(isSame) ?? cells[found.index]);
  return cell && { document: cell.document, line: Math.min(found.line, cell.document.lineCount - 1) };
}
