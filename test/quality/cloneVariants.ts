// Copies of a function as people make them, for measuring how well copies are found. The kinds are those of the literature on clones: layout and
// comments changed (type 1), names and literals changed as well (type 2), a statement removed or doubled on top (type 3). Names, literals and
// statements are read off the syntax tree of the whole file, not by the product's own tokens, so that what those get wrong is not hidden here.
import { readFileSync } from "node:fs";
import path from "node:path";
import { Language as Grammar, type Node, Parser } from "web-tree-sitter";
import { packageRoot } from "../../src/base/assets.ts";
import grammarFiles from "../../src/indexing/grammars.json" with { type: "json" };
import { randomNumbers } from "../support/random.ts";

export const cloneTypes = ["1 layout", "2 variables", "2 every name", "3 variables", "3 every name"] as const;
export type CloneType = (typeof cloneTypes)[number];

interface Leaf {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly type: string;
  readonly parent: string;
  /** First child of a call that writes no parentheses. */
  readonly isCallee: boolean;
  /** Inside a type that is written out, or an import. */
  readonly isType: boolean;
  readonly role: "comment" | "doc" | "literal" | "number" | "name" | "other";
}
interface Statement {
  readonly start: number;
  readonly end: number;
}
export interface ReadFile {
  readonly text: string;
  readonly grammar: string;
  readonly leaves: readonly Leaf[];
  /** Each on rows of its own, with at least one sibling. */
  readonly statements: readonly Statement[];
  readonly errors: number;
}
/** Characters of the file, the end excluded. */
export interface Range {
  readonly start: number;
  readonly end: number;
}
interface Edit extends Range {
  readonly by: string;
}

// Reading -----------------------------------------------------------------------------------------------------------------

const nameTypes = /^(identifier|name|constant|alias|type_identifier|field_identifier|property_identifier|shorthand_property_identifier\w*|instance_variable|package_identifier)$/;
const literalTypes = /string_content|string_fragment|quoted_content|string_literal|literal_content|^template_chars$/;
const numberTypes = /integer|number|float|int_literal/;
const typeNodes = /^(type|generic_type|type_annotation|type_arguments|type_parameters?|import_\w+|future_import_statement|use_declaration|using_directive)$/;
/** Read as one leaf and left alone. */
const opaque = /^(regex|sigil|preproc_(arg|include|def)|heredoc_body|lifetime|attribute_item)$/;
const bodies = /^(block|statement_block|statement_list|compound_statement|body_statement|do_block|then)$/;
const containers = /class|module|interface|impl|namespace|trait/;

const parsers = new Map<string, Parser>();
let runtime: Promise<void> | undefined;

/** The leaves and statements of a file. @param grammar key of grammars.json */
export async function readForClones(text: string, grammar: string): Promise<ReadFile> {
  const modules = path.join(packageRoot, "node_modules");
  runtime ??= Parser.init({ locateFile: () => path.join(modules, "web-tree-sitter", "web-tree-sitter.wasm") });
  await runtime;
  const parser = parsers.get(grammar) ?? new Parser().setLanguage(await Grammar.load(readFileSync(path.join(modules, (grammarFiles as Record<string, string>)[grammar]!))));
  parsers.set(grammar, parser);
  const tree = parser.parse(text)!;
  const leaves: Leaf[] = [];
  const statements: Statement[] = [];
  let errors = 0;
  const visit = (node: Node, parent: Node | undefined, at: number, isType: boolean): void => {
    const { type } = node;
    if (node.isError || node.isMissing) errors++;
    const whole = /comment/.test(type) ? "comment" : isDocumentation(node, parent) ? "doc" : opaque.test(type) ? "other" : undefined;
    if (whole || node.childCount === 0) {
      if (node.endIndex > node.startIndex) {
        const isCallee = parent?.type === "call" && at === 0;
        leaves.push({ start: node.startIndex, end: node.endIndex, text: node.text, type, parent: parent?.type ?? "", isCallee, isType, role: whole ?? roleOf(node) });
      }
      return;
    }
    const isBody = bodies.test(type) && !(parent && containers.test(parent.type));
    const children = node.children.filter((child) => child !== null);
    const named = children.filter((child) => child.isNamed && !/comment/.test(child.type));
    children.forEach((child, i) => {
      if (isBody && named.length > 1 && child.isNamed && isOwnRows(child, text)) statements.push({ start: child.startIndex, end: child.endIndex });
      visit(child, node, i, isType || typeNodes.test(type));
    });
  };
  visit(tree.rootNode, undefined, 0, false);
  tree.delete();
  return { text, grammar, leaves, statements, errors };
}

function roleOf(node: Node): Leaf["role"] {
  if (!node.isNamed) return "other";
  if (nameTypes.test(node.type)) return "name";
  if (literalTypes.test(node.type)) return "literal";
  return numberTypes.test(node.type) ? "number" : "other";
}

/** Python's docstrings and Elixir's `@doc`. */
function isDocumentation(node: Node, parent: Node | undefined): boolean {
  return (node.type === "string" && parent?.type === "expression_statement") || (node.type === "unary_operator" && /^@(module|type)?doc\b[^\n]*"/.test(node.text));
}

function isOwnRows(node: Node, text: string): boolean {
  if (/comment|definition|declaration_list|^return/.test(node.type) || node.endPosition.row - node.startPosition.row > 2 || /^([@"'`]|defp?\b|defmacro)/.test(node.text)) return false;
  return /(^|\n)[ \t]*$/.test(text.slice(Math.max(0, node.startIndex - 200), node.startIndex)) && /^[ \t]*;?[ \t]*(\n|$)/.test(text.slice(node.endIndex, node.endIndex + 20));
}

// Making ------------------------------------------------------------------------------------------------------------------

/**
 * A copy of the lines in `range`, always the same for the same seed; undefined where the type asks for a statement and there is none to
 * change, or where the copy would not parse as well as the original.
 * @param own names that the function defines
 */
export async function cloneOf(file: ReadFile, range: Range, type: CloneType, own: readonly string[], seed: number): Promise<string | undefined> {
  const random = randomNumbers(seed);
  for (let i = 0; i < 3; i++) random();
  const words = new Words(random);
  const leaves = file.leaves.filter((leaf) => leaf.start >= range.start && leaf.end <= range.end + 1);
  const statements = file.statements.filter((statement) => statement.start > range.start && statement.end < range.end);
  const edits = layoutEdits(file.text, leaves, statements, range, words);
  if (type !== "1 layout") edits.push(...renamingEdits(leaves, own, type.endsWith("every name"), words), ...literalEdits(leaves, words));
  if (type.startsWith("3")) {
    const chosen = statements[Math.floor(random() * statements.length)];
    if (!chosen) return undefined;
    const rows = { start: file.text.lastIndexOf("\n", chosen.start) + 1, end: endOfRow(file.text, chosen.end) };
    if (random() < 0.5) {
      const kept = edits.filter((edit) => edit.end <= rows.start || edit.start >= rows.end);
      return checked(file, range, [...kept, { ...rows, by: "" }]);
    }
    const doubled = applied(file.text, rows, edits.filter((edit) => edit.start >= rows.start && edit.end <= rows.end));
    edits.push({ start: rows.end, end: rows.end, by: doubled });
  }
  return checked(file, range, edits);
}

async function checked(file: ReadFile, range: Range, edits: readonly Edit[]): Promise<string | undefined> {
  const copy = applied(file.text, range, edits);
  const { errors } = await readForClones(file.text.slice(0, range.start) + copy + file.text.slice(range.end), file.grammar);
  return errors > file.errors ? undefined : copy;
}

/** The text of a range after edits. Of two that overlap the first in the text counts, then an insertion, then the longer one. */
function applied(text: string, range: Range, edits: readonly Edit[]): string {
  let out = "";
  let at = range.start;
  for (const edit of edits.toSorted((a, b) => a.start - b.start || Number(a.end > a.start) - Number(b.end > b.start) || b.end - a.end)) {
    if (edit.start < at || edit.end > range.end) continue;
    out += text.slice(at, edit.start) + edit.by;
    at = edit.end;
  }
  return out + text.slice(at, range.end);
}

/** After the line end. */
function endOfRow(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end + 1;
}

/** Twice the indentation (four spaces for a tab), arguments wrapped, blank lines between statements, tight operators, comments gone or in other words. */
function layoutEdits(text: string, leaves: readonly Leaf[], statements: readonly Statement[], range: Range, words: Words): Edit[] {
  const edits: Edit[] = [];
  const held = leaves.filter((leaf) => leaf.text.includes("\n") && leaf.role !== "comment");
  for (let row = range.start; row < range.end; row = endOfRow(text, row)) {
    const indentation = /^[ \t]*/.exec(text.slice(row, row + 200))![0];
    if (indentation === "" || held.some((leaf) => leaf.start < row && leaf.end > row)) continue;
    edits.push({ start: row, end: row + indentation.length, by: indentation.includes("\t") ? indentation.replaceAll("\t", "    ") : indentation + indentation });
  }
  statements.forEach(({ end }, i) => {
    const at = endOfRow(text, end);
    if (i % 2 === 0 && at < range.end) edits.push({ start: at, end: at, by: "\n" });
  });
  const wrapped = new Set<string>();
  leaves.forEach((leaf, i) => {
    const [before, after] = [leaves[i - 1], leaves[i + 1]];
    if (leaf.role === "comment" || leaf.role === "doc") edits.push(...commentEdits(text, leaf, i, words));
    if (!before || !after || leaf.role !== "other") return;
    const row = text.lastIndexOf("\n", leaf.start) + 1;
    if (leaf.text === "," && text[leaf.end] === " " && /argument|parameter/.test(leaf.parent) && hasBracket(leaves, i) && !wrapped.has(`${row}`)) {
      wrapped.add(`${row}`);
      edits.push({ start: leaf.end, end: after.start, by: `\n${" ".repeat(24)}` });
    }
    const isTight = /^(=|==|!=|<=|>=|\+=|-=|&&|\|\|)$/.test(leaf.text) && (/^[\w$"'@(]/.test(after.text) || (leaf.text === "=" && after.text === "-") || after.text === "!");
    if (isTight && i % 2 === 0 && before.end === leaf.start - 1 && after.start === leaf.end + 1) {
      edits.push({ start: before.end, end: leaf.start, by: "" }, { start: leaf.end, end: after.start, by: "" });
    }
  });
  return edits;
}

/** Does the list that a comma stands in begin with a bracket? Lists without one end with their line. */
function hasBracket(leaves: readonly Leaf[], at: number): boolean {
  let depth = 0;
  for (let i = at - 1; i >= 0; i--) {
    const { text } = leaves[i]!;
    if (/^[)\]}]$/.test(text)) depth++;
    else if (/^[([{]$/.test(text) && depth-- === 0) return text === "(" || text === "[";
  }
  return false;
}

function commentEdits(text: string, leaf: Leaf, at: number, words: Words): Edit[] {
  const row = text.lastIndexOf("\n", leaf.start) + 1;
  const end = leaf.text.endsWith("\n") ? leaf.end : endOfRow(text, leaf.end);
  const isAlone = text.slice(row, leaf.start).trim() === "" && text.slice(leaf.end, end).trim() === "";
  if (leaf.role === "comment" && isAlone && at % 2 === 0) return [{ start: row, end, by: "" }];
  return [{ start: leaf.start, end: leaf.end, by: words.reworded(leaf.text) }];
}

/** Never renamed: what a language gives its own meaning, Elixir's forms, which its grammar reads as calls, and Python's types. */
const fixedNames = new Set(
  (
    "self cls this super constructor initialize new def defp defmodule defmacro defmacrop defguard defimpl defstruct defprotocol use import alias require if unless case cond with for fn raise " +
    "bool int str float list dict tuple bytes reraise quote unquote try receive when and or not in do end puts lambda proc private public protected arguments undefined module exports"
  ).split(" "),
);
const isFixed = (name: string): boolean => fixedNames.has(name) || /^(_+|__\w+|is_\w+|@?__\w+__)$/.test(name);

/** Consistent new names for every name, or for variables, parameters and the function itself. */
function renamingEdits(leaves: readonly Leaf[], own: readonly string[], all: boolean, words: Words): Edit[] {
  const used = leaves.flatMap((leaf, i) => (leaf.role === "name" && !isFixed(leaf.text) ? { leaf, ...usageOf(leaves, i) } : []));
  const variables = new Set(used.filter((use) => use.isPlain && !use.isOpened).map((use) => use.leaf.text));
  const defined = new Set(own);
  const taken = new Set(leaves.map((leaf) => leaf.text));
  const names = new Map<string, string>();
  return used.flatMap(({ leaf, isMember }) => {
    const { text } = leaf;
    if (!all && !defined.has(text) && (isMember || !variables.has(text))) return [];
    let name = names.get(text);
    if (name === undefined) {
      do name = words.name(text);
      while (taken.has(name));
      taken.add(name);
      names.set(text, name);
    }
    return { start: leaf.start, end: leaf.end, by: name };
  });
}

/** How a name is used here: as a member or label, and otherwise as a plain variable, opened by a member access or not. */
function usageOf(leaves: readonly Leaf[], i: number): { readonly isMember: boolean; readonly isPlain: boolean; readonly isOpened: boolean } {
  const [leaf, before, after] = [leaves[i]!, leaves[i - 1], leaves[i + 1]];
  const isLabel = (leaf.parent === "keyword_argument" && after?.text === "=") || (/^(pair|name_colon|field_initializer|keyed_element)$/.test(leaf.parent) && after?.text === ":");
  const isMember = /^(\.|\?\.|&\.|->|\?->|::)$/.test(before?.text ?? "") || /^(field_identifier|property_identifier|instance_variable)$/.test(leaf.type) || isLabel;
  const isCalled = leaf.isCallee || after?.text === "(" || (after?.text === "!" && leaf.parent === "macro_invocation");
  const isType = leaf.isType || /^\p{Lu}/u.test(leaf.text) || /type|alias|constant|package|attribute|annotation|decorator/.test(leaf.type) || /annotation|decorator|attribute$/.test(leaf.parent);
  return { isMember, isPlain: !isMember && !isCalled && !isType, isOpened: /^(\.|->|::)$/.test(after?.text ?? "") };
}

function literalEdits(leaves: readonly Leaf[], words: Words): Edit[] {
  return leaves.flatMap(({ role, text, start, end }) => {
    if (role === "literal") return { start, end, by: words.reworded(text) };
    return role === "number" && /^[2-9]\d*$|^1\d+$/.test(text) ? { start, end, by: String(Number(text) + 3) } : [];
  });
}

const vocabulary = (
  "amount anchor badge basket beacon border branch bridge bucket canvas carrier castle cellar chapter circle cluster column corner courier cradle crystal cycle dealer " +
  "detail device dialog district drawer engine evening expert factor falcon figure filter folder forest fossil garden gather ginger grain granite harbor hazard helmet " +
  "hollow impact island jacket journey kernel ladder lantern ledger legend lemon letter locker magnet margin marker meadow member mirror moment motion nectar needle notion " +
  "number orchard outlet packet parcel partner patrol pebble pencil pillar planet pocket portal prairie puzzle quarry quota rafter ranger ratio ribbon ripple river " +
  "rocket sample saddle season segment shadow shelter signal silver socket spiral station stream summit tablet target temple tenant ticket timber tunnel valley vector " +
  "vessel village voyage wagon walnut window winter zenith"
).split(" ");

/** Other words in the manner of the old ones. */
class Words {
  readonly #random: () => number;
  constructor(random: () => number) {
    this.#random = random;
  }
  /** Same number of words up to three, same case, same marks at either end. */
  name(old: string): string {
    const [, lead, core, tail] = /^([@$_]*)(.*?)([_?!]*)$/u.exec(old)!;
    const count = Math.min(3, core!.split(/_+|(?<=[a-z\d])(?=[A-Z])/).length);
    const parts = Array.from({ length: count }, () => this.#word());
    const capital = (word: string) => word[0]!.toUpperCase() + word.slice(1);
    const isUpper = core!.length > 1 && core === core!.toUpperCase();
    const plain = isUpper ? parts.join("_").toUpperCase() : core!.includes("_") ? parts.join("_") : parts[0] + parts.slice(1).map(capital).join("");
    return lead! + (!isUpper && /^\p{Lu}/u.test(core!) ? capital(plain) : plain) + tail!;
  }
  /** Every word of three letters or more replaced; escapes, placeholders and tags stay. */
  reworded(text: string): string {
    return text.replace(/(?<![@\\%\w{<])[A-Za-z]{3,}/g, () => this.#word());
  }
  #word(): string {
    return vocabulary[Math.floor(this.#random() * vocabulary.length)]!;
  }
}
