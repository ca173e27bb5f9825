// One file → chunks: picks the language, parses with its grammar (loaded on first use), falls back to the scanner whenever a
// tree cannot be had, and gives every part its id. Runs inside parse workers, in a process started with --liftoff-only.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Language as Grammar, Parser, type Node, type Tree } from "web-tree-sitter";
import { isSource, packageRoot } from "../base/assets.ts";
import { defaultMaxFileBytes } from "../base/fileSize.ts";
import type { Log } from "../base/log.ts";
import { hash128 } from "../base/hash.ts";
import { isNotebook, type Notebook, readNotebook } from "../base/notebook.ts";
import type { Chunk, ChunkedFile, PlacedChunk } from "./chunk.ts";
import { docProse } from "./docText.ts";
import { habitsOf } from "./habits.ts";
import { importsOf } from "./imports.ts";
import { languageById, languageOf, languagesNamed, tellingChars, type Language } from "./languages.ts";
import { SourceLines, sizes, type Part } from "./parts.ts";
import { cutByIndentation, cutByKeys, cutRows, cutWindows } from "./scanner.ts";
import { cutSections } from "./sections.ts";
import { blanked, type Syntax } from "./syntax.ts";
import { syntaxes } from "./syntaxes.ts";
import { cutTree, misreadChars, outline, type OutlineEntry } from "./treeCutter.ts";
import grammarFiles from "./grammars.json" with { type: "json" };

interface ChunkerOptions {
  /** Folder of the grammars when it is not the package's own: flat (as `dist/grammars`), or a `node_modules` as grammars.json describes it. */
  readonly grammarFolder?: string;
  readonly log: Log;
}

/** The definitions of a text, in their rows of `lines`. */
interface Outlined {
  readonly lang: string;
  readonly lines: SourceLines;
  readonly entries: readonly OutlineEntry[];
}

/** Bundles carry their grammars; a checkout has them where npm put them. */
const ownGrammars = isSource ? path.join(packageRoot, "node_modules") : path.join(packageRoot, "dist", "grammars");
/** Files with more characters than this are not parsed: they are generated or data, and a parse would take seconds. */
const maxParsedChars = 2_000_000;
/** A file that is little more than one line of this length is minified or data. */
const maxParsedLine = 20_000;
const defaultDeadlineMs = 3_000;
/** Above this share of text that the grammar could make nothing of, a tree misleads. Below it, only that text is scanned. */
const maxErrorShare = 0.4;

export class Chunker {
  readonly #folder: string;
  readonly #log: Log;
  /** One parser per grammar; undefined for one that failed to load. */
  readonly #parsers = new Map<string, Promise<Parser | undefined>>();

  private constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Starts the parser runtime; grammars are loaded when a file first needs them. */
  static async create(options: ChunkerOptions): Promise<Chunker> {
    const runtime = resolveWasm(ownGrammars, "web-tree-sitter/web-tree-sitter.wasm");
    await Parser.init({ locateFile: () => runtime });
    return new Chunker(options.grammarFolder ?? ownGrammars, options.log);
  }

  /**
   * Cuts one file. Never throws for what a file contains. Line ends are made "\n" and a byte order mark is dropped, so that
   * a checkout with other line ends has the same chunk ids.
   * @param file path, for the language only
   * @param deadlineMs a parse that takes more processor time is given up and the scanner used
   */
  async chunk(file: string, source: string, deadlineMs: number = defaultDeadlineMs): Promise<ChunkedFile> {
    const text = normalise(source);
    const notebook = isNotebook(file) ? readNotebook(text) : undefined;
    if (notebook) return this.#notebook(notebook, deadlineMs);
    const language = languageOf(file, text.slice(0, tellingChars));
    const lines = new SourceLines(text);
    // A notebook that cannot be told from its outputs is data like any other, which would not be read at such a size.
    const isTooLarge = isNotebook(file) && text.length > defaultMaxFileBytes;
    if (isTooLarge || !/\S/.test(text)) return { lang: language.id, method: methodOf(language), chunks: [], imports: [] };
    const cut = await this.#withTree(language, lines, deadlineMs, language.scriptBlocks ? cutComponent : cutTree);
    const parts = cut ?? cutWithoutTree(language, lines);
    return {
      lang: language.id,
      method: cut ? "tree" : language.cutting === "tree" ? "scanner" : methodOf(language),
      chunks: placeAll(language, parts, lines),
      imports: importsOf(language.id, text),
    };
  }

  /** Cell by cell, as they are shown and opened. The headings above a cell are its breadcrumb, the prose in front of code its documentation. */
  async #notebook(notebook: Notebook, deadlineMs: number): Promise<ChunkedFile> {
    const { cells } = notebook;
    const language = languageIn(notebook);
    const titles: string[] = [];
    const chunks: PlacedChunk[] = [];
    let prose = "";
    for (const cell of cells) {
      if (chunks.length >= sizes.maxChunks || !/\S/.test(cell.text)) continue;
      const lines = new SourceLines(cell.text);
      const add = (lang: Language, parts: readonly Part[]): void => void chunks.push(...placeAll(lang, parts, lines, cell.row).slice(0, sizes.maxChunks - chunks.length));
      if (cell.kind === "code") {
        const parts = (await this.#inCell(language, lines, deadlineMs, cutTree)) ?? cutWithoutTree(language, lines);
        add(language, parts.map((part, i) => ({ ...part, doc: [i === 0 ? prose : "", part.doc].filter((text) => text !== "").join("\n"), breadcrumb: [...titles, ...part.breadcrumb] })));
        prose = "";
      } else {
        add(languageById("markdown"), cutSections(lines, "markdown", titles));
        prose = docProse(cell.text).slice(0, sizes.target);
      }
    }
    return { lang: language.id, method: methodOf(language), chunks, imports: importsOf(language.id, cells.filter(({ kind }) => kind === "code").map(({ text }) => text).join("\n")) };
  }

  /** As `#withTree`, for a cell of code. */
  async #inCell<T>(language: Language, lines: SourceLines, deadlineMs: number, work: (root: Node, syntax: Syntax, lines: SourceLines) => T): Promise<T | undefined> {
    // Commands to the notebook itself are no Python; a cell that is all for another interpreter is not either.
    const isPython = language.id === "python";
    if (isPython && /^\s*%%(?!time|timeit|capture|prun)/.test(lines.source)) return undefined;
    const read = isPython ? lines.source.replace(/^[ \t]*[%!].*/gm, blanked) : undefined;
    return this.#withTree(language, lines, deadlineMs, work, read);
  }

  /** Definitions outside function bodies with their documentation, for mining: of the file, or of each cell of a notebook, where there is a usable syntax tree. */
  async outline(file: string, source: string, deadlineMs: number = defaultDeadlineMs): Promise<Outlined[]> {
    const text = normalise(source);
    const notebook = isNotebook(file) ? readNotebook(text) : undefined;
    const language = notebook ? languageIn(notebook) : languageOf(file, text.slice(0, tellingChars));
    const texts = notebook ? notebook.cells.filter(({ kind }) => kind === "code").map((cell) => cell.text) : [text];
    const outlined: Outlined[] = [];
    for (const lines of texts.map((each) => new SourceLines(each))) {
      const entries = notebook ? await this.#inCell(language, lines, deadlineMs, outline) : await this.#withTree(language, lines, deadlineMs, outline);
      if (entries) outlined.push({ lang: language.id, lines, entries });
    }
    return outlined;
  }

  /** @param rewritten what the grammar is to read in place of the text, unless the text itself has fewer errors: as long, row for row */
  async #withTree<T>(language: Language, lines: SourceLines, deadlineMs: number, work: (root: Node, syntax: Syntax, lines: SourceLines) => T, rewritten?: string): Promise<T | undefined> {
    const { grammar } = language;
    const syntax = grammar === undefined ? undefined : syntaxes[grammar];
    if (grammar === undefined || !syntax || lines.source.length > maxParsedChars || lines.longestRow() > Math.max(maxParsedLine, lines.source.length * 0.8)) return undefined;
    const parser = await this.#parser(grammar);
    if (!parser) return undefined;
    const trees: Tree[] = [];
    try {
      // Its type says void; a true result cancels the parse.
      const progressCallback = deadline(deadlineMs);
      const parse = (text: string): { tree: Tree; errors: number } | undefined => {
        const tree = parser.parse(text, null, { progressCallback });
        if (!tree) return void parser.reset();
        trees.push(tree);
        // Names and documentation are those of the text, whatever was read in its place. web-tree-sitter has this, but no type for it.
        (tree as unknown as { textCallback: (index: number) => string }).textCallback = (index) => lines.source.slice(index);
        return { tree, errors: errorShare(tree.rootNode, syntax) };
      };
      const source = language.scriptBlocks ? scriptsOnly(lines.source) : lines.source;
      const read = rewritten ?? syntax.readAs?.(source) ?? source;
      let best = parse(read);
      // What was meant to help may hide what helped the grammar before.
      if (best && best.errors > 0 && read !== source) {
        const plain = parse(source);
        if (plain && plain.errors < best.errors) best = plain;
      }
      return best && best.errors <= maxErrorShare ? work(best.tree.rootNode, syntax, lines) : undefined;
    } catch (error) {
      this.#log("warn", `A ${language.id} file could not be cut by its syntax tree; the scanner was used.`, error);
      // A parser that trapped is in an unknown state.
      this.#parsers.delete(grammar);
      parser.delete();
      return undefined;
    } finally {
      for (const tree of trees) tree.delete();
    }
  }

  #parser(grammar: string): Promise<Parser | undefined> {
    let loading = this.#parsers.get(grammar);
    if (!loading) {
      loading = this.#load(grammar);
      this.#parsers.set(grammar, loading);
    }
    return loading;
  }

  async #load(grammar: string): Promise<Parser | undefined> {
    try {
      const bytes = await readFile(resolveWasm(this.#folder, (grammarFiles as Record<string, string>)[grammar]!));
      return new Parser().setLanguage(await Grammar.load(bytes));
    } catch (error) {
      this.#log("warn", `The ${grammar} grammar could not be loaded; such files are cut by indentation. Reinstalling Strata mends a damaged copy.`, error);
      return undefined;
    }
  }
}

/**
 * True after so much processor time of this thread. Not wall time: on a busy machine the same file would be cut differently,
 * and everything in it encoded again.
 */
function deadline(ms: number): () => boolean {
  const started = performance.now();
  const before = process.threadCpuUsage();
  return () => {
    if (performance.now() - started < ms) return false;
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1_000 >= ms;
  };
}

/** Of its cells of code. */
const languageIn = ({ language }: Notebook): Language => languageById(languagesNamed(language)[0] ?? "python");

/** A grammar's file: beside the bundles all lie flat in one folder, in a checkout they stand in their packages. */
function resolveWasm(folder: string, file: string): string {
  const flat = path.join(folder, path.posix.basename(file));
  return existsSync(flat) ? flat : path.join(folder, file);
}

function normalise(source: string): string {
  const text = source.charCodeAt(0) === 0xfeff ? source.slice(1) : source;
  return text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
}

function methodOf(language: Language): ChunkedFile["method"] {
  if (language.cutting === "tree") return "tree";
  return language.cutting === "windows" || language.cutting === "data" ? "windows" : "scanner";
}

function cutWithoutTree(language: Language, lines: SourceLines): Part[] {
  switch (language.cutting) {
    case "tree":
    case "scanner":
      return cutByIndentation(lines, habitsOf(language.id));
    case "sections":
      return cutSections(lines, language.id);
    case "keys":
      return cutByKeys(lines);
    case "windows":
    case "data":
      return cutWindows(lines);
  }
}

/** Everything outside `<script>` blanked, rows kept, so that positions in the tree are positions in the file. */
function scriptsOnly(source: string): string {
  let out = "";
  let at = 0;
  // One by one: a pattern for the whole would run to the end of the file from every opening that nothing closes.
  const opening = /<script\b[^>]*>/g;
  for (let match = opening.exec(source); match; match = opening.exec(source)) {
    const start = opening.lastIndex;
    const end = source.indexOf("</script>", start);
    if (end < 0) break;
    opening.lastIndex = end;
    out += blanked(source.slice(at, start)) + source.slice(start, end);
    at = end;
  }
  return out + blanked(source.slice(at));
}

/** The tree knows the scripts alone: markup and styles around them are cut by rows, unless they are next to nothing. */
function cutComponent(root: Node, syntax: Syntax, lines: SourceLines): Part[] {
  const last = lines.count - 1;
  const starts: number[] = [];
  let [from, to] = [-1, -1];
  for (let row = 0; row <= last; row++) {
    const text = lines.text(row, row);
    if (/^<[a-z]/i.test(text)) starts.push(row);
    if (/^<script\b/.test(text) && from < 0) from = row;
    if (text.includes("</script>")) to = row;
  }
  if (from < 0 || to < from || lines.size(0, last) <= sizes.target) return cutTree(root, syntax, lines);
  const around = (first: number, end: number): Part[] => {
    const rows = [...new Set([first, ...starts.filter((row) => row > first && row <= end)])];
    return rows.flatMap((row, i) => cutRows(lines, row, (rows[i + 1] ?? end + 1) - 1, { kind: "block", symbols: [], breadcrumb: [], doc: "" }));
  };
  if (lines.size(0, from) <= sizes.scope) from = 0;
  if (to === last || lines.size(to + 1, last) <= sizes.scope) to = last;
  return [...(from > 0 ? around(0, from - 1) : []), ...cutTree(root, syntax, lines, from, to), ...(to < last ? around(to + 1, last) : [])];
}

/** Share of the text that is misread. Walks only where errors are. */
function errorShare(root: Node, syntax: Syntax): number {
  if (!root.hasError) return 0;
  let bad = 0;
  let budget = 5_000;
  const visit = (node: Node, depth: number): void => {
    if (budget-- <= 0 || depth > 200) return;
    if (node.isError) bad += misreadChars(node, syntax);
    else if (node.hasError) for (const child of node.children) visit(child, depth + 1);
  };
  visit(root, 0);
  return bad / Math.max(1, root.endIndex - root.startIndex);
}

/** @param above rows of the file in front of `lines` */
function placeAll(language: Language, parts: readonly Part[], lines: SourceLines, above = 0): PlacedChunk[] {
  const limit = language.cutting === "data" ? sizes.maxDataChunks : sizes.maxChunks;
  const placed: PlacedChunk[] = [];
  for (const part of parts) {
    let { from, to } = part;
    while (from <= to && lines.isBlank(from)) from++;
    while (to >= from && lines.isBlank(to)) to--;
    for (const piece of withinMax({ ...part, from, to }, lines)) {
      if (placed.length >= limit) return placed;
      placed.push(place(language, piece.part, piece.text ?? lines.text(piece.part.from, piece.part.to), above));
    }
  }
  return placed;
}

/** A part in pieces no longer than the maximum: at rows, and within a row only where one row alone is longer. */
function* withinMax(part: Part, lines: SourceLines): Generator<{ part: Part; text?: string }> {
  let from = part.from;
  let first = true;
  while (from <= part.to) {
    let to = from;
    while (to < part.to && lines.size(from, to + 1) <= sizes.max) to++;
    const head = first ? part : { ...part, symbols: [], doc: "" };
    if (lines.size(from, to) <= sizes.max + 1) yield { part: { ...head, from, to } };
    else {
      const text = lines.text(from, to);
      for (let at = 0; at < Math.min(text.length, sizes.max * sizes.maxSlices); at += sizes.max) {
        const slice = text.slice(at, at + sizes.max);
        if (/\S/.test(slice)) yield { part: at === 0 ? { ...head, from, to } : { ...head, symbols: [], doc: "", from, to }, text: slice };
      }
    }
    first = false;
    from = to + 1;
  }
}

function place(language: Language, part: Part, text: string, above: number): PlacedChunk {
  const breadcrumb = part.breadcrumb.filter((name) => name !== "").join(" > ");
  // With names and kind: what was cut while its file was broken is not taken for the same once it is whole.
  const id = hash128(language.id, part.kind, part.symbols.join("\n"), breadcrumb, part.doc, text);
  const chunk: Chunk = { id, lang: language.id, kind: part.kind, symbols: part.symbols, breadcrumb, doc: part.doc, text };
  return { chunk, startLine: above + part.from + 1, endLine: above + part.to + 1 };
}
