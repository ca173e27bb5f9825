// Cutting without a syntax tree: blocks by indentation for code, sections for Markdown, overlapping windows for other text.
// Always works, whatever the text: it is also what a broken, huge or slow file falls back to.
import { docProse } from "./docText.ts";
import { sizes, type Part, type PartHead, type SourceLines } from "./parts.ts";

const looseHead: PartHead = { kind: "block", symbols: [], breadcrumb: [], doc: "" };
const windowHead: PartHead = { kind: "window", symbols: [], breadcrumb: [], doc: "" };

/** Rows in consecutive parts of about the window size, cut at blank lines where there are any. No overlap. */
export function cutRows(lines: SourceLines, from: number, to: number, head: PartHead): Part[] {
  const parts: Part[] = [];
  let start = from;
  while (start <= to) {
    const end = windowEnd(lines, start, to);
    parts.push({ ...head, from: start, to: end });
    start = end + 1;
  }
  return parts;
}

/** As `cutRows`. The name belongs to the part that defines it: a long comment may fill others before it. */
export function cutNamed(lines: SourceLines, from: number, to: number, nameRow: number, head: PartHead, inside: readonly string[]): Part[] {
  return cutRows(lines, from, to, head).map((part) => (part.from <= nameRow && nameRow <= part.to ? part : { ...part, symbols: [], doc: "", breadcrumb: inside }));
}

/** Overlapping windows: for prose and configuration, where a boundary would otherwise cut a thought in two. */
export function cutWindows(lines: SourceLines, from = 0, to = lines.count - 1, head: PartHead = windowHead): Part[] {
  const parts: Part[] = [];
  let start = from;
  while (start <= to) {
    const end = windowEnd(lines, start, to);
    parts.push({ ...head, from: start, to: end });
    if (end >= to) break;
    let next = end + 1;
    while (next - 1 > start && lines.size(next - 1, end) <= sizes.overlap) next--;
    start = next;
  }
  return parts;
}

/** Last row of the window that begins at `start`: the last blank line in its second half, else as many rows as fit. */
function windowEnd(lines: SourceLines, start: number, to: number): number {
  if (lines.size(start, to) <= sizes.window) return to;
  let end = start;
  let blank = -1;
  while (end < to && lines.size(start, end + 1) <= sizes.window) {
    end++;
    if (lines.isBlank(end) && lines.size(start, end) > sizes.window / 2) blank = end;
  }
  // A short rest is not worth a part of its own.
  if (end < to && lines.size(end + 1, to) < sizes.overlap / 2) return to;
  return blank > 0 ? blank : end;
}

// Code by indentation ------------------------------------------------------------------------------------------------------

const closer = /^\s*([}\])]|end\b|fi\b|done\b|esac\b|\*\/|<\/)/i;
const comment = /^\s*(\/\/|#(?!include|define|if|endif)|--|\/\*|\*|;|%|"""|@(?!(?:implementation|interface|protocol|mixin|function)\b)\w+|\[\w+.*\]\s*$)/;
const modifiers = "(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub(?:\\([^)]*\\))?|local|open|override|inline|virtual|extern|unsafe|declare|sealed|partial|pure|recursive|data|value|annotation|inner)\\s+)*";
const definers: readonly RegExp[] = [
  new RegExp(`^\\s*${modifiers}(?:function[*!]?|def|defp|defmodule|class|func!?|fun|fn|sub|proc|struct|interface|trait|enum|type|typedef|module|package|namespace|message|service|rpc|record|object|protocol|macro|procedure|subroutine|task|contract|library|extension|union|role|let rec|defun|defmacro|defn)\\s+(?:(?:class|interface|struct|object)\\s+)?[("'\`]?([\\w$.:~!?-]*[\\w$!?])`, "i"),
  /^\s*create\s+(?:or\s+replace\s+)?(?:(?:temp|temporary|unique|materialized|global|unlogged)\s+)*(?:table|view|function|procedure|index|trigger|type|schema|sequence|policy)\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?["`[]?([\w.]+)/i,
  /^\s*(?:resource|data)\s+"[^"]*"\s+"([^"]+)"/,
  /^\s*(?:variable|output|module|provider)\s+"([^"]+)"/,
  /^\s*([\w.]+)\s*(?:<-|=)\s*function\b/,
  /^\s*\((?:cl-)?(?:ns|def(?!ault)[\w-]*)\s+\(?(?:\^(?:\{[^}]*\}|[^\s{]\S*)\s+)*'?([^\s(){}"'^]+)/,
  // Of C where its grammar is lost; Perl.
  /^\s*#\s*define\s+(\w+)/,
  /^\s*use\s+constant\s+(\w+)/,
  // Objective-C, SCSS; CMake; Prisma, GraphQL.
  /^[-+]\s*\([^;=]*?\)\s*(\w+)/,
  /^\s*@(?:implementation|interface|protocol|mixin|function)\s+([\w-]+)/,
  /^\s*(?:function|macro)\s*\(\s*([a-z_][\w-]*)(?:\s+[^,{}]*)?\)?\s*$/i,
  /^\s*(?:model|input|query|mutation|subscription|fragment)\s+(\w+)[^{}]*\{\s*$/,
  /^\s*let\s+(?:rec\s+)?(\w+)/,
  /^(?!\s*(?:if|for|while|switch|catch|else|return|do|with|foreach|els?e?if|unless|until|function)\b)[\w$*&:<>,\s~[\]]*?(?<![\w$~])([\w$~]+)\s*\([^;]*\)[^;=]*\{\s*$/,
];

/**
 * How much of a row is looked at: its beginning tells what it is. The time of some patterns grows with the square of the row, and some files are one row
 * of a megabyte.
 */
const TELLING = 300;

/** Prose behind a word that else defines something: "function will", "type of". A name of one of these words stands alone or begins with a capital. */
const prose = /^(?:all|ALL|an?|and|are|as|by|can|does|for|has|in|is|it|its|may|must|of|on|or|perhaps|that|the|this|to|under|was|which|will|with)\s+\w/;

/** Name that a row defines, by the habits of most languages; "" when it defines none. */
export function definedName(row: string): string {
  for (const pattern of definers) {
    const found = pattern.exec(row);
    if (found?.[1] && !(pattern === definers[0] && prose.test(row.slice(found[0].length - found[1].length)))) return found[1];
  }
  return "";
}

/** Languages with habits of their own: the targets of makefiles; heads of Erlang's functions; Vim's names with a scope or a path. */
const ownDefiners = new Map<string, RegExp>([
  ["make", /^(?!\.[A-Z])([\w./-]+)(?:\s+[\w./-]+)*\s*::?(?![:=])/],
  ["erlang", /^(?:-(?:module|record|define|type|opaque|callback|spec)\b[\s(]*)?'?([a-zA-Z][\w@]*)'?\s*[(,)]/],
  ["vim", /^\s*(?:fu\w*!?\s+|com\w*!?\s+(?:-\S+\s+)*|let\s+)((?:[a-z]:)?\w[\w#.]*)/],
]);

/** What tells the names of a language that is cut by indentation. */
export function namesIn(language: string): typeof definedName {
  const own = ownDefiners.get(language);
  return own ? (row) => own.exec(row)?.[1] ?? "" : definedName;
}

/** Rows that belong together by indentation and blank lines. */
export interface Block {
  from: number;
  to: number;
  /** What it defines; "" when nothing is recognised. */
  name: string;
  /** The row that says so; the first when none does. */
  nameRow: number;
  doc: string;
}

/** Blocks at the outermost indentation, merged when small, opened when long. */
export function cutByIndentation(lines: SourceLines, named = definedName): Part[] {
  const parts: Part[] = [];
  scanRows(lines, 0, lines.count - 1, [], parts, 0, named);
  return parts;
}

function scanRows(lines: SourceLines, from: number, to: number, crumb: readonly string[], out: Part[], depth: number, named: typeof definedName): void {
  let run: Block[] = [];
  let runSize = 0;
  const flush = (): void => {
    const [first, last] = [run[0], run.at(-1)];
    if (first && last) {
      const symbols = [...new Set(run.map((b) => b.name).filter((n) => n !== ""))];
      out.push({ from: first.from, to: last.to, kind: symbols.length > 0 ? "function" : "block", symbols, breadcrumb: symbols.length === 1 ? above(crumb, symbols[0]!) : crumb, doc: run.find((b) => b.name !== "")?.doc ?? first.doc });
    }
    run = [];
    runSize = 0;
  };
  for (const block of blocksOf(lines, from, to, named)) {
    const size = lines.size(block.from, block.to);
    if (size > sizes.wholeFunction) {
      flush();
      openBlock(lines, block, crumb, out, depth, named);
      continue;
    }
    if (run.length > 0 && (runSize + size > sizes.target || (block.name !== "" && size > sizes.alone && run.some((b) => b.name !== "")))) flush();
    run.push(block);
    runSize += size;
  }
  flush();
}

/** The clauses of one definition, which is what follows under its own name, stand beside each other. */
const above = (crumb: readonly string[], name: string): readonly string[] => (crumb.at(-1) === name ? crumb.slice(0, -1) : crumb);

function openBlock(lines: SourceLines, block: Block, crumb: readonly string[], out: Part[], depth: number, named: typeof definedName): void {
  const head: PartHead = { ...looseHead, kind: block.name ? "function" : "block", symbols: block.name ? [block.name] : [], breadcrumb: above(crumb, block.name), doc: block.doc };
  const inside = block.name ? [...above(crumb, block.name), block.name] : crumb;
  // The rows up to the first deeper indentation are the header, whatever the comment above the name looks like.
  let body = block.nameRow + 1;
  const outer = indentation(lines, block.from);
  while (body <= block.to && (lines.isBlank(body) || indentation(lines, body) <= outer)) body++;
  const inner: Part[] = [];
  if (depth < 8 && body < block.to && lines.size(block.from, body) < sizes.wholeFunction) scanRows(lines, body, block.to, inside, inner, depth + 1, named);
  if (inner.length < 2) {
    out.push(...cutNamed(lines, block.from, block.to, block.nameRow, head, inside));
    return;
  }
  out.push({ ...head, from: block.from, to: body - 1 }, ...inner);
}

export function blocksOf(lines: SourceLines, from: number, to: number, named = definedName): Block[] {
  let outer = Infinity;
  // The bracket that closes what is around these rows stands further out than they do.
  for (let row = from; row <= to; row++) if (!lines.isBlank(row) && !closer.test(lines.text(row, row))) outer = Math.min(outer, indentation(lines, row));
  const blocks: Block[] = [];
  let commented = true;
  let commentRow = from;
  let ended = true;
  for (let row = from; row <= to; row++) {
    const text = lines.text(row, row).slice(0, TELLING);
    const blank = lines.isBlank(row);
    const atMargin = !blank && indentation(lines, row) <= outer;
    const name = atMargin && !comment.test(text) ? named(text) : "";
    const starts = atMargin && !closer.test(text) && (ended || (name !== "" && name !== blocks.at(-1)?.name && !commented));
    const last = blocks.at(-1);
    if (!last || starts) blocks.push({ from: row, to: row, name, nameRow: row, doc: "" });
    else if (name !== "" && commented && last.name !== "" && name !== last.name && commentRow > last.nameRow) {
      // A comment right below one definition is about the next.
      last.to = commentRow - 1;
      blocks.push({ from: commentRow, to: row, name, nameRow: row, doc: docProse(lines.text(commentRow, row - 1)) });
    } else {
      last.to = row;
      if (name !== "" && last.name === "") {
        last.name = name;
        last.nameRow = row;
        last.doc = docProse(lines.text(last.from, row - 1));
      }
    }
    const isComment = !blank && comment.test(text);
    if (isComment && !commented) commentRow = row;
    if (!blank) commented = isComment;
    ended = blank ? true : atMargin && closer.test(text);
    if (blank) commented = false;
  }
  return blocks;
}

function indentation(lines: SourceLines, row: number): number {
  return /^[ \t]*/.exec(lines.text(row, row))![0].replace(/\t/g, "    ").length;
}

// Markdown -----------------------------------------------------------------------------------------------------------------

/**
 * Sections under their headings; the breadcrumb is the headings above. Long sections become windows.
 * @param titles the headings that the text stands under, by level, "" for a level that has none; then those that what follows stands under
 */
export function cutMarkdown(lines: SourceLines, titles: string[] = []): Part[] {
  interface Section {
    from: number;
    to: number;
    level: number;
    above: readonly string[];
    title: string;
  }
  const sections: Section[] = [{ from: 0, to: -1, level: 0, above: [...titles], title: "" }];
  let fence = "";
  for (let row = 0; row < lines.count; row++) {
    const text = lines.text(row, row).slice(0, TELLING);
    const [, mark = "", info = ""] = /^\s{0,3}(```+(?=[^`]*$)|~~~+)(.*)$/.exec(text) ?? [];
    // Only a bare fence closes: one with a language stands in the block.
    if (fence === "") fence = mark;
    else if (mark.startsWith(fence) && info.trim() === "") fence = "";
    const heading = fence === "" ? /^(#{1,6})\s+(\S.*)$/.exec(text.trimEnd()) : null;
    if (heading) {
      const level = heading[1]!.length;
      const title = heading[2]!.replace(/\s+#+$/, "");
      titles.length = Math.min(titles.length, level - 1);
      while (titles.length < level - 1) titles.push("");
      sections.push({ from: row, to: row, level, above: [...titles], title });
      titles.push(title);
    }
    sections.at(-1)!.to = row;
  }
  const parts: Part[] = [];
  let run: Section | undefined;
  const flush = (): void => {
    if (run) parts.push({ ...windowHead, from: run.from, to: run.to, breadcrumb: run.above });
    run = undefined;
  };
  for (const section of sections) {
    if (section.to < section.from) continue; // nothing before the first heading
    const size = lines.size(section.from, section.to);
    if (size > sizes.wholeFunction) {
      flush();
      const windows = cutWindows(lines, section.from, section.to, { ...windowHead, breadcrumb: section.above });
      parts.push(...windows.map((part, i) => (i === 0 ? part : { ...part, breadcrumb: [...section.above, section.title] })));
      continue;
    }
    const joins = run && lines.size(run.from, section.to) <= sizes.target && (section.level >= run.level || lines.size(run.from, run.to) < sizes.overlap);
    if (run && joins) run = { ...run, to: section.to, level: Math.min(run.level, section.level) };
    else {
      flush();
      run = section;
    }
  }
  flush();
  return parts;
}
