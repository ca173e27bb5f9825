// Notebooks (Jupyter's nbformat 4) as text: what stands in their cells, in the rows where it stands in the file. So a line of a cell is a line of the
// file for everybody who opens it, and outputs, which are most of such a file, are never looked at.
import { visit } from "jsonc-parser";

interface Cell {
  readonly kind: "code" | "markdown" | "raw";
  /** Row of the file, from 0, that holds the first line. */
  readonly row: number;
  /** Lines joined by "\n"; "" for an empty cell. */
  readonly text: string;
}

export interface Notebook {
  /** What the notebook calls the language of its code; "" when it does not say. */
  readonly language: string;
  /** All of them, in order: the editor counts them alike. */
  readonly cells: readonly Cell[];
}

export const isNotebook = (path: string): boolean => /\.ipynb$/i.test(path);

/** Undefined for what is no notebook, and for one whose lines of code do not have a row each, as Jupyter and the editors write them. */
export function readNotebook(source: string): Notebook | undefined {
  const cells: { kind: string; row: number; lines: string[] }[] = [];
  let kernel = "";
  let language = "";
  let isSound = true;
  const metadata = (path: readonly (string | number)[], value: string): void => {
    if (path.length === 3 && path[1] === "kernelspec" && path[2] === "language") kernel = value;
    if (path.length === 3 && path[1] === "language_info" && path[2] === "name") language = value;
  };
  const inCell = (path: readonly (string | number)[], value: string, row: number): void => {
    const cell = (cells[path[1] as number] ??= { kind: "", row: 0, lines: [] });
    if (path.length === 3 && path[2] === "cell_type") cell.kind = value;
    if (path[2] !== "source") return;
    if (cell.lines.length === 0) cell.row = row;
    const line = value.replace(/\r?\n$/, "");
    if (row !== cell.row + cell.lines.length || /[\r\n]/.test(line)) isSound = false;
    else cell.lines.push(line);
  };
  try {
    // Nothing below a line of a cell is looked at: outputs may be deep, and the path to each of their texts long.
    const isNear = (_offset: number, _length: number, _row: number, _column: number, pathOf: () => readonly unknown[]): boolean => pathOf().length <= 3;
    const nothing = (): void => {}; // without these two the parser forgets what it has left
    visit(source.replace(/^\uFEFF/, ""), {
      onObjectBegin: isNear,
      onArrayBegin: isNear,
      onObjectEnd: nothing,
      onArrayEnd: nothing,
      onLiteralValue(value, _offset, _length, row, _column, pathOf) {
        if (typeof value !== "string") return;
        const path = pathOf();
        if (path[0] === "metadata") metadata(path, value);
        else if (path[0] === "cells" && typeof path[1] === "number") inCell(path, value, row);
      },
      onError: () => void (isSound = false),
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined; // nested more deeply than the stack is
    throw error;
  }
  if (!isSound || cells.length === 0) return undefined;
  return { language: language || kernel, cells: Array.from(cells, (cell) => ({ kind: kindOf(cell?.kind), row: cell?.row ?? 0, text: cell?.lines.join("\n") ?? "" })) };
}

const kindOf = (type: string | undefined): Cell["kind"] => (type === "code" || type === "markdown" ? type : "raw");

/** The text of a file as it is searched: of a notebook the cells in their rows, with empty rows between them; of any other file all of it. */
export function searchedText(path: string, text: string): string {
  const notebook = isNotebook(path) ? readNotebook(text) : undefined;
  if (!notebook) return text;
  const rows = new Array<string>(text.split("\n").length).fill("");
  for (const { row, text: cell } of notebook.cells) if (cell !== "") cell.split("\n").forEach((line, i) => void (rows[row + i] = line));
  return rows.join("\n");
}

/** Which cell holds a row (from 0); undefined when none does. */
export function cellWithRow({ cells }: Notebook, row: number): { readonly index: number; readonly line: number } | undefined {
  const index = cells.findIndex((cell) => cell.text !== "" && row >= cell.row && row < cell.row + cell.text.split("\n").length);
  return index < 0 ? undefined : { index, line: row - cells[index]!.row };
}
