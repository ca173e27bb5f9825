// "Find Similar Code": which code is meant. The selection; else the definition around the cursor; else the cursor's line,
// which the engine widens to the piece of code it belongs to; where it does not know that line, what stands around it. And which files are meant where
// copies are looked for.
import path from "node:path";
import * as vscode from "vscode";
import { isNotebook } from "../base/notebook.ts";
import { realPathSync } from "../base/realPath.ts";
import { leadsOut, relativeTo } from "../base/relativePath.ts";
import { savedCell } from "./notebooks.ts";
import { linesAt } from "./openPlace.ts";
import { followEdits } from "./savedLines.ts";
import type { Place, SearchModel } from "./searchModel.ts";

const definitions = new Set([
  vscode.SymbolKind.Function,
  vscode.SymbolKind.Method,
  vscode.SymbolKind.Constructor,
  vscode.SymbolKind.Class,
  vscode.SymbolKind.Interface,
  vscode.SymbolKind.Struct,
  vscode.SymbolKind.Enum,
]);

/** A language server that is still starting must not hold up the search. */
const SYMBOLS_WITHIN_MS = 800;

function innermost(symbols: readonly vscode.DocumentSymbol[], at: vscode.Position): vscode.DocumentSymbol | undefined {
  for (const symbol of symbols) {
    // Older providers answer with SymbolInformation, which has no range to go by.
    if (!symbol.range?.contains(at)) continue;
    return innermost(symbol.children, at) ?? (definitions.has(symbol.kind) ? symbol : undefined);
  }
  return undefined;
}

async function definitionAt(document: vscode.TextDocument, at: vscode.Position): Promise<vscode.DocumentSymbol | undefined> {
  const asked = vscode.commands.executeCommand<vscode.DocumentSymbol[] | undefined>("vscode.executeDocumentSymbolProvider", document.uri);
  const late = new Promise<undefined>((resolve) => void setTimeout(resolve, SYMBOLS_WITHIN_MS, undefined));
  const symbols = await Promise.race([asked.then(undefined, () => undefined), late]);
  return symbols && innermost(symbols, at);
}

/** What stands around a line between empty lines; around an empty line, what stands above and below it. For text that no engine knows, which could widen the line itself. */
function blockAt(document: vscode.TextDocument, line: number): vscode.Range {
  const isEmpty = (at: number) => document.lineAt(at).isEmptyOrWhitespace;
  const end = document.lineCount - 1;
  let [first, last] = [line, line];
  while (first > 0 && isEmpty(first)) first--;
  while (first > 0 && !isEmpty(first - 1)) first--;
  while (last < end && isEmpty(last)) last++;
  while (last < end && !isEmpty(last + 1)) last++;
  return new vscode.Range(document.lineAt(first).range.start, document.lineAt(last).range.end);
}

/** Path inside its workspace folder, or undefined for a file outside and for untitled text. */
export function placeInWorkspace(uri: vscode.Uri): { readonly root: string; readonly path: string } | undefined {
  const folder = uri.scheme === "untitled" ? undefined : vscode.workspace.getWorkspaceFolder(uri);
  if (!folder) return undefined;
  const inside = uri.path.slice(folder.uri.path.length).replace(/^\//, "");
  return inside === "" ? undefined : { root: folder.uri.fsPath, path: inside };
}

/** The same, at the end of links: packages of a monorepo are linked into node_modules, and the index has each file by its own path alone. */
function filePlace(uri: vscode.Uri): ReturnType<typeof placeInWorkspace> {
  const place = placeInWorkspace(uri);
  if (!place) return undefined;
  try {
    const inside = relativeTo(realPathSync(place.root), realPathSync(path.join(place.root, place.path)));
    return leadsOut(inside) ? place : { root: place.root, path: inside };
  } catch {
    return place; // a file that has gone, or one of another scheme
  }
}

/** The file of the editor in front; of a notebook's cell that of the notebook. */
export const openFile = (): vscode.Uri | undefined => vscode.window.activeNotebookEditor?.notebook.uri ?? vscode.window.activeTextEditor?.document.uri;

/** Files and folders by the workspace folder that holds them, with their paths there ("" for the folder itself); what lies in none is left out. */
export function placesByFolder(uris: readonly (vscode.Uri | undefined)[]): readonly { readonly root: string; readonly paths: readonly string[] }[] {
  const places = uris.flatMap((uri) => {
    const folder = uri && uri.scheme !== "untitled" && vscode.workspace.getWorkspaceFolder(uri);
    return folder ? [{ root: folder.uri.fsPath, path: filePlace(uri)?.path ?? "" }] : [];
  });
  return [...Map.groupBy(places, ({ root }) => root)].map(([root, inside]) => ({ root, paths: inside.map(({ path }) => path) }));
}

/** What the engine calls an editor's text: its file, undefined for text that no engine knows, its lines there, and whether it has a line at all. */
async function onDisk(document: vscode.TextDocument) {
  const cell = await savedCell(document);
  const known = filePlace(cell?.notebook ?? document.uri);
  const name = known?.path ?? document.uri.path.split("/").at(-1) ?? "selection";
  if (cell) return { known, name: `${name} · cell ${cell.number}`, toDisk: (line: number) => cell.row + line, isOnDisk: () => true };
  // The engine counts the lines on disk: by them it knows what must not be found, being the question itself.
  const { toDisk, isOnDisk } = await followEdits(document);
  return { known, name, toDisk, isOnDisk };
}

/** Shows code like the selection or the definition at the cursor of `editor`. */
export async function findSimilarInEditor(editor: vscode.TextEditor, model: SearchModel): Promise<void> {
  const { document, selection } = editor;
  const definition = selection.isEmpty ? await definitionAt(document, selection.active) : undefined;
  const { line } = selection.active;
  const { known, name, toDisk, isOnDisk } = await onDisk(document);
  // Without a definition or selection the engine widens the line itself (asked for by leaving out its end), so it must be one that the file on disk has too.
  const widen = known !== undefined && !definition && selection.isEmpty && isOnDisk(line + 1);
  const atCursor = () => (widen ? document.lineAt(line).range : blockAt(document, line));
  const range = definition?.range ?? (selection.isEmpty ? atCursor() : selection);
  // A selection that ends before the first character of a line does not mean that line.
  const lastLine = range.end.character === 0 && range.end.line > range.start.line ? range.end.line - 1 : range.end.line;
  const startLine = range.start.line + 1;
  const lines = new vscode.Range(range.start.line, 0, lastLine, document.lineAt(lastLine).text.length);
  const subject = `${definition ? `${definition.name} · ` : ""}${name}:${startLine}${lastLine + 1 > startLine ? `-${lastLine + 1}` : ""}`;
  // Folders without the file cannot widen it and get what stands around. Around an empty line that may be anything, which is no question.
  const text = !widen ? document.getText(lines) : document.lineAt(line).isEmptyOrWhitespace ? undefined : document.getText(blockAt(document, line));
  if (text?.trim() === "") return void vscode.window.showInformationMessage("There is no code here to look for. Put the cursor into some, or select it.");
  const from = toDisk(startLine);
  await model.similar(known?.root, { ...(known ? { path: known.path, startLine: from, ...(widen ? {} : { endLine: Math.max(from, toDisk(lastLine + 1)) }) } : {}), ...(text === undefined ? {} : { text }), lang: document.languageId }, subject);
}

/** Shows code like a hit. */
export async function findSimilarToPlace(place: Place, model: SearchModel): Promise<void> {
  // A notebook's rows are not its code; the engine reads both.
  if (isNotebook(place.path)) return model.similar(place.root, { path: place.path, startLine: place.startLine, endLine: place.endLine }, `${place.path}:${place.line ?? place.startLine}`);
  const { document, first, last, line, text } = await linesAt(place);
  const { toDisk } = await followEdits(document);
  await model.similar(place.root, { path: place.path, startLine: toDisk(first), endLine: toDisk(last), text, lang: document.languageId }, `${place.path}:${line}`);
}
