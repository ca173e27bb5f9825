import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { cellWithRow, isNotebook, readNotebook, searchedText } from "../../../src/base/notebook.ts";
import { assertGrowsEvenly } from "../../support/cost.ts";

const source = readFileSync(path.join(import.meta.dirname, "../../fixtures/notebooks/prices.ipynb"), "utf8");

describe("readNotebook", () => {
  it("gives every cell with its rows and nothing of the outputs", () => {
    const notebook = readNotebook(source)!;
    assert.deepEqual([notebook.language, notebook.cells.length], ["python", 9]);
    assert.deepEqual(notebook.cells.map(({ kind }) => kind), ["markdown", "markdown", "code", "markdown", "code", "code", "code", "markdown", "code"]);
    assert.equal(notebook.cells[5]!.text, "", "an empty cell is one too");
    assert.doesNotMatch(notebook.cells.map(({ text }) => text).join("\n"), /printed_by_a_cell|iVBOR/);
    const rows = source.split("\n");
    for (const { row, text } of notebook.cells) for (const [i, line] of text.split("\n").entries()) if (line !== "") assert.ok(rows[row + i]!.includes(JSON.stringify(line).slice(1, -1)), line);
  });

  const cells = (lines: string) => `{\n "cells": [\n  {\n   "cell_type": "code",\n   "source": ${lines}\n  }\n ]\n}`;
  const cases: [what: string, source: string, texts: string[] | undefined][] = [
    ["a line that stands for itself", cells('"x = 1"'), ["x = 1"]],
    ["line ends of Windows", cells('[\r\n"a\\r\\n",\r\n"b"]'), ["a\nb"]],
    ["a byte order mark", `\uFEFF${cells('["a"]')}`, ["a"]],
    ["no lines", cells("[]"), [""]],
    ["a raw cell", cells('["a"]').replace('"code"', '"raw"'), ["a"]],
    ["two lines in one row", cells('["a\\n", "b"]'), undefined],
    ["two lines in one text", cells('"a\\nb"'), undefined],
    ["a row between two lines", cells('[\n"a\\n",\n\n"b"]'), undefined],
    ["no cells", '{"cells": [], "metadata": {}}', undefined],
    ["other data", '{"a": ["b"]}', undefined],
    ["an end that is missing", source.slice(0, source.length / 2), undefined],
    ["no data at all", "# not JSON", undefined],
    ["more depth than any stack has", "[".repeat(200_000), undefined],
  ];
  for (const [what, text, expected] of cases) it(`reads ${what}`, () => assert.deepEqual(readNotebook(text)?.cells.map((cell) => cell.text), expected));

  it("takes no more time than a notebook is long, however deep its outputs are", async () => {
    await assertGrowsEvenly(2_000, (n) => readNotebook(cells(`[\n${'"a\\n",\n'.repeat(n)}"b"]`)));
    const outputs = (n: number) => `${"[".repeat(n)}${'"a",'.repeat(n)}"a"${"]".repeat(n)}`;
    await assertGrowsEvenly(300, (n) => assert.deepEqual(readNotebook(cells(`["a"],\n "outputs": ${outputs(n)}`))?.cells.map(({ text }) => text), ["a"]));
  });
});

describe("searchedText", () => {
  it("keeps the rows of a notebook and empties all but its cells", () => {
    const [rows, text] = [source.split("\n"), searchedText("a/Prices.IPYNB", source).split("\n")];
    assert.equal(text.length, rows.length);
    assert.deepEqual(text.filter((row) => row !== "").slice(0, 3), ["# Prices of houses", "What a house sells for, from what is known of it.", "## Loading"]);
  });
  it("leaves every other file as it is, and a notebook that cannot be read", () => {
    assert.equal(searchedText("a.json", source), source);
    assert.equal(searchedText("a.ipynb", "{}"), "{}");
    assert.deepEqual([isNotebook("a.ipynb"), isNotebook("ipynb"), isNotebook("a.ipynb.txt")], [true, false, false]);
  });
});

it("knows the cell of a row, and that none has a row between cells", () => {
  const notebook = readNotebook(source)!;
  const cell = notebook.cells[4]!;
  assert.deepEqual(cellWithRow(notebook, cell.row), { index: 4, line: 0 });
  assert.deepEqual(cellWithRow(notebook, cell.row + 2), { index: 4, line: 2 });
  assert.equal(cellWithRow(notebook, cell.row - 1), undefined);
  assert.equal(cellWithRow(notebook, 0), undefined);
});
