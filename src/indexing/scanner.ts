// Cutting without a syntax tree: blocks by indentation for code, overlapping windows for other text; prose with headings is cut in sections.ts.
// Always works, whatever the text: it is also what a broken, huge or slow file falls back to.
import { docProse } from "./docText.ts";
import { commonHabits, type Habits } from "./habits.ts";
import { sizes, type Part, type PartHead, type SourceLines } from "./parts.ts";

export const windowHead: PartHead = { kind: "window", symbols: [], breadcrumb: [], doc: "" };

/** Rows in consecutive parts of about the window size, cut at blank lines where there are any. @param overlap characters that each part may have of the one before */
export function cutRows(lines: SourceLines, from: number, to: number, head: PartHead, overlap = 0): Part[] {
  const parts: Part[] = [];
  for (let start = from; start <= to; ) {
    const end = windowEnd(lines, start, to);
    parts.push({ ...head, from: start, to: end });
    let next = end + 1;
    while (end < to && next - 1 > start && lines.size(next - 1, end) <= overlap) next--;
    start = next;
  }
  return parts;
}

/** As `cutRows`. The name belongs to the part that defines it: a long comment may fill others before it. */
export function cutNamed(lines: SourceLines, from: number, to: number, nameRow: number, head: PartHead, inside: readonly string[]): Part[] {
  return cutRows(lines, from, to, head).map((part) => (part.from <= nameRow && nameRow <= part.to ? part : { ...part, symbols: [], doc: "", breadcrumb: inside }));
}

/** Overlapping windows: for prose and configuration, where a boundary would otherwise cut a thought in two. */
export function cutWindows(lines: SourceLines, from = 0, to = lines.count - 1, head: PartHead = windowHead): Part[] {
  return cutRows(lines, from, to, head, sizes.overlap);
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

const closer = /^\s*([}\])]|end(?:_?(?:if|for|while|switch|do|try_catch|function|procedure|subroutine|sub|class|classdef|methods|properties|events|enumeration|module|program|interface|task|package|case|generate|primitive|macro|foreach|namespace|property|enum|structure|proc|m|p|s))?\b|fi\b|done\b|esac\b|\*\/|<\/)/i;

/**
 * How much of a row is looked at: its beginning tells what it is. The time of some patterns grows with the square of the row, and some files are one row
 * of a megabyte.
 */
export const TELLING = 300;
/** Classes in classes, and rows in rows that are meant to look like them. */
const DEEPEST = 8;

/** Rows that belong together by indentation and blank lines. */
interface Block {
  from: number;
  to: number;
  /** What it defines; "" when nothing is recognised. */
  name: string;
  /** What the name is joined to, from the outside in. */
  owner: readonly string[];
  /** Whether what stands deeper in it are definitions too. */
  holds: boolean;
  /** The row that says so; the first when none does. */
  nameRow: number;
  doc: string;
  type: string | undefined;
}

/** Blocks at the outermost indentation, merged when small, opened when long. */
export function cutByIndentation(lines: SourceLines, habits = commonHabits): Part[] {
  const parts: Part[] = [];
  scanRows(lines, 0, lines.count - 1, [], parts, 0, habits);
  // What was opened level by level leaves a row here and two there, as the heads of loops in a long procedure. From the end, for a head belongs to what follows.
  const joined: Part[] = [];
  for (const part of parts.reverse()) {
    const next = joined.at(-1);
    if (next && isNameless(next) && isNameless(part) && next.breadcrumb.join("\n") === part.breadcrumb.join("\n") && lines.size(part.from, next.to) <= sizes.target) joined[joined.length - 1] = { ...next, from: part.from };
    else joined.push(part);
  }
  return withOwners(joined.reverse(), lines, habits);
}

/** What stands between `@implementation Cart` and `@end`, or below `package Cart;`, belongs to it, though it stands as far out. */
function withOwners(parts: readonly Part[], lines: SourceLines, { around, definedBy }: Habits): Part[] {
  if (!around) return [...parts];
  const [opener, end] = around;
  const owners: (readonly string[])[] = [];
  let current: readonly string[] = [];
  for (let row = 0; row < lines.count; row++) {
    owners.push(current);
    const text = lines.text(row, row).slice(0, TELLING);
    const defined = opener.test(text) ? definedBy(text) : undefined;
    if (defined) current = [...defined.owner, defined.name];
    else if (end.test(text)) current = [];
  }
  return parts.map((part) => ({ ...part, breadcrumb: [...owners[part.from]!, ...part.breadcrumb] }));
}

const isNameless = ({ symbols, doc }: Part): boolean => symbols.length === 0 && doc === "";

function scanRows(lines: SourceLines, from: number, to: number, crumb: readonly string[], out: Part[], depth: number, habits: Habits): void {
  let run: Block[] = [];
  let runSize = 0;
  const flush = (): void => {
    const [first, last] = [run[0], run.at(-1)];
    if (first && last) {
      const symbols = distinct(run.flatMap((block) => namesOf(lines, block, habits)));
      out.push({ from: first.from, to: last.to, kind: symbols.length > 0 ? "function" : "block", symbols, breadcrumb: [...(symbols.length === 1 ? above(crumb, symbols[0]!) : crumb), ...sharedOwner(run)], doc: run.find((b) => b.name !== "")?.doc ?? first.doc });
    }
    run = [];
    runSize = 0;
  };
  for (const block of blocksOf(lines, from, to, habits)) {
    const size = lines.size(block.from, block.to);
    if (size > sizes.wholeFunction) {
      flush();
      openBlock(lines, block, crumb, out, depth, habits);
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

/** The owner of all definitions among these blocks; none when they have different ones. */
function sharedOwner(blocks: readonly Block[]): readonly string[] {
  const [first, ...others] = blocks.filter((block) => block.name !== "").map(({ owner }) => owner);
  return first && others.every((owner) => owner.join("\n") === first.join("\n")) ? first : [];
}

function openBlock(lines: SourceLines, block: Block, crumb: readonly string[], out: Part[], depth: number, habits: Habits): void {
  const head: PartHead = { kind: block.name ? "function" : "block", symbols: ownNames(block), breadcrumb: [...above(crumb, block.name), ...block.owner], doc: block.doc };
  const inside = block.name ? [...head.breadcrumb, block.name] : crumb;
  const body = bodyOf(lines, block);
  const inner: Part[] = [];
  if (depth < DEEPEST && body < block.to && lines.size(block.from, body) < sizes.wholeFunction) scanRows(lines, body, block.to, inside, inner, depth + 1, habits);
  if (inner.length < 2) {
    out.push(...cutNamed(lines, block.from, block.to, block.nameRow, head, inside));
    return;
  }
  const [first, ...others] = inner;
  if (first && lines.size(block.from, body - 1) <= sizes.crumbs && lines.size(block.from, first.to) <= sizes.wholeFunction && (block.name === "" || first.symbols.length === 0)) {
    // A line or two is not worth a part: whoever finds `- (void)save` wants what it does. A member stays apart, under the name of its class.
    out.push({ ...(block.name === "" ? first : head), from: block.from, to: first.to }, ...others);
  } else out.push({ ...head, from: block.from, to: body - 1 }, ...inner);
}

/** The row below the header, which reaches to the first deeper indentation, whatever the comment above the name looks like. */
function bodyOf(lines: SourceLines, block: Block): number {
  let body = block.nameRow + 1;
  const outer = indentation(lines.text(block.nameRow, block.nameRow));
  while (body <= block.to && (lines.isBlank(body) || indentation(lines.text(body, body)) <= outer)) body++;
  return body;
}

const ownNames = ({ name, type }: Block): string[] => [...(name === "" ? [] : [name]), ...(type === undefined ? [] : [type])];

/** What a block defines, and what stands in it where it holds definitions, from the outside in. */
function namesOf(lines: SourceLines, block: Block, habits: Habits, depth = 0): string[] {
  const own = ownNames(block);
  if (!block.holds || depth >= DEEPEST) return own;
  return [...own, ...blocksOf(lines, bodyOf(lines, block), block.to, habits).flatMap((inner) => namesOf(lines, inner, habits, depth + 1))];
}

const distinct = (names: readonly string[]): string[] => [...new Set(names)].slice(0, sizes.maxSymbols);

export function blocksOf(lines: SourceLines, from: number, to: number, habits = commonHabits): Block[] {
  const comments = commentRows(lines, from, to, habits);
  const bodies = habits.quotesBody && quotedRows(lines, from, to, habits.quotesBody);
  const atMargins = rowsAtMargin(lines, from, to, comments).map((atMargin, i) => atMargin && !bodies?.[i]);
  const blocks: Block[] = [];
  let commented = true;
  let commentRow = from;
  let ended = true;
  for (let row = from; row <= to; row++) {
    const text = lines.text(row, row).slice(0, TELLING);
    const blank = lines.isBlank(row);
    const atMargin = atMargins[row - from]!;
    const isComment = !blank && comments[row - from]!;
    const defined = atMargin && !isComment ? habits.definedBy(text) : undefined;
    const { name, owner, holds, type } = defined ?? { name: "", owner: [], holds: false };
    const last = blocks.at(-1);
    const isNew = defined !== undefined && (name === "" || name !== last?.name);
    const starts = atMargin && !closer.test(text) && (ended || (isNew && !commented));
    if (!last || starts) blocks.push({ from: row, to: row, name, owner, holds, nameRow: row, doc: "", type });
    else if (isNew && commented && (last.name !== "" || last.holds) && commentRow > last.nameRow) {
      // A comment right below one definition is about the next.
      last.to = commentRow - 1;
      blocks.push({ from: commentRow, to: row, name, owner, holds, nameRow: row, doc: docAbove(lines, commentRow, row), type });
    } else {
      last.to = row;
      if (isNew && last.name === "" && !last.holds) Object.assign(last, { name, owner, holds, nameRow: row, doc: docAbove(lines, last.from, row), type });
    }
    if (isComment && !commented) commentRow = row;
    commented = isComment;
    ended = blank || (atMargin && closer.test(text));
  }
  return blocks;
}

/** The prose above a definition; attributes between the two are none. */
function docAbove(lines: SourceLines, from: number, nameRow: number): string {
  return nameRow === from ? "" : docProse(lines.text(from, nameRow - 1).replace(/^\s*(?:@(?!doc)\w|\[\w).*/gm, ""));
}

/** Which rows are comments: by their beginning, or because they stand between what opens one and what closes it. There prose may look like anything. */
function commentRows(lines: SourceLines, from: number, to: number, habits: Habits): boolean[] {
  const comments: boolean[] = [];
  /** The row in which each closes for the last time, looked for once. */
  const last = new Map<string, number>();
  const lastOf = (end: string): number => {
    let row = last.get(end);
    if (row !== undefined) return row;
    for (row = to; row >= from && !lines.text(row, row).includes(end); ) row--;
    last.set(end, row);
    return row;
  };
  let end = "";
  for (let row = from; row <= to; row++) {
    const text = lines.text(row, row);
    comments.push(end !== "" || habits.isComment(text.slice(0, TELLING)));
    if (end !== "") {
      if (text.includes(end)) end = "";
    } else if (comments.at(-1)) {
      const begin = text.length - text.trimStart().length;
      const wanted = habits.longComments.find(([mark]) => text.startsWith(mark, begin))?.[1];
      if (wanted !== undefined && !text.includes(wanted, begin + 1) && row < lastOf(wanted)) end = wanted;
    }
  }
  return comments;
}

/** Which rows stand in quotes that an earlier row opened and that are closed. */
function quotedRows(lines: SourceLines, from: number, to: number, quote: RegExp): boolean[] {
  const quoted = new Array<boolean>(to - from + 1).fill(false);
  let open = { mark: "", row: -1 };
  for (let row = from; row <= to; row++) {
    for (const [mark] of lines.text(row, row).matchAll(quote)) {
      if (open.mark === "") open = { mark, row };
      else if (mark === open.mark) {
        quoted.fill(true, open.row + 1 - from, row + 1 - from);
        open = { mark: "", row: -1 };
      }
    }
  }
  return quoted;
}

/**
 * Which rows stand at the least indentation of all. The bracket that closes what is around them stands further out than they do, and comments may stand
 * anywhere: in Fortran's fixed form they begin the row, and everything else stands deeper. They are where the code below them is.
 */
function rowsAtMargin(lines: SourceLines, from: number, to: number, comments: readonly boolean[]): boolean[] {
  const depths: number[] = [];
  let outer = Infinity;
  for (let row = from; row <= to; row++) {
    const text = lines.text(row, row).slice(0, TELLING);
    depths.push(/\S/.test(text) ? indentation(text) : Infinity);
    if (!comments[row - from] && !closer.test(text)) outer = Math.min(outer, depths.at(-1)!);
  }
  if (outer === Infinity) for (const depth of depths) outer = Math.min(outer, depth);
  const atMargin = depths.map((depth) => depth <= outer);
  for (let at = depths.length - 1, below = true; at >= 0; at--) {
    if (comments[at]) atMargin[at]! &&= below;
    else if (depths[at] !== Infinity) below = atMargin[at]!;
  }
  return atMargin;
}

function indentation(row: string): number {
  return /^[ \t]*/.exec(row)![0].replace(/\t/g, "    ").length;
}

// YAML ---------------------------------------------------------------------------------------------------------------------

const yamlKey = /^[ \t]*(?:"([^"]+)"|'([^']+)'|([^\s#'"[\]{}&*!|>%@`-][^#:]*|-[^\s#:][^#:]*))\s*:(?:\s|$)/;
const yamlItem = /^[ \t]*-(?:\s|$)/;
const yamlComment = /^[ \t]*#/;
const yamlDocument = /^---(?:\s|$)/;

/** By documents, keys and items, opened where they are long; the breadcrumb is the keys above, and of an item the value that it begins with. */
export function cutByKeys(lines: SourceLines): Part[] {
  const parts: Part[] = [];
  let from = 0;
  // Comments and what a template says in front of the first are its beginning.
  let hasBegun = false;
  for (let row = 0; row <= lines.count; row++) {
    const text = row < lines.count ? lines.text(row, row).slice(0, TELLING) : undefined;
    if (text === undefined ? row > from : hasBegun && yamlDocument.test(text)) {
      const title = resourceIn(lines, from, row - 1);
      cutEntries(lines, from, row - 1, title === "" || lines.size(from, row - 1) <= sizes.target ? [] : [title], parts, 0);
      from = row;
      hasBegun = false;
    }
    hasBegun ||= text !== undefined && /^(?!---)[^\s#{]/.test(text);
  }
  return parts;
}

const resourceKind = /^kind:\s+["']?([^\s#"'].*?)["']?\s*$/;
const resourceName = /^\s*name:\s+["']?([^\s#"'].*?)["']?\s*$/;

/** What a document describes to Kubernetes, as people call it: `Deployment worker`. "" for what is none. */
function resourceIn(lines: SourceLines, from: number, to: number): string {
  let [kind, name, parent] = ["", "", ""];
  for (let row = from; row <= to && (kind === "" || name === ""); row++) {
    const text = lines.text(row, row).slice(0, TELLING);
    if (/^\w/.test(text)) parent = text;
    if (/^kind:/.test(text)) kind = resourceKind.exec(text)?.[1] ?? "";
    else if (/^metadata:/.test(parent)) name ||= resourceName.exec(text)?.[1] ?? "";
  }
  // What Helm fills in is told by what stands around it.
  return kind === "" || name === "" ? "" : `${kind} ${name.replace(/\{\{.*?\}\}/g, "").replace(/^-+|-+$/g, "")}`.trim();
}

/** The rows at which the entries of a mapping or of a list begin, with the comments above them. */
function entriesOf(lines: SourceLines, from: number, to: number): number[] {
  const rows = Array.from({ length: to - from + 1 }, (_, i) => lines.text(from + i, from + i).slice(0, TELLING));
  // Not Math.min(...): hundreds of thousands of rows are too many arguments.
  const outer = rows.reduce((least, text) => (/\S/.test(text) && !yamlComment.test(text) ? Math.min(least, indentation(text)) : least), Infinity);
  const atMargin = (text: string): boolean => /\S/.test(text) && indentation(text) === outer;
  // A list may stand as far out as the key that it belongs to.
  const hasKeys = rows.some((text) => atMargin(text) && !yamlItem.test(text) && yamlKey.test(text));
  const starts: number[] = [];
  let comment = -1;
  rows.forEach((text, i) => {
    if (yamlComment.test(text) && indentation(text) <= outer) {
      if (comment < 0) comment = i;
      return;
    }
    if (atMargin(text) && (yamlDocument.test(text) || (hasKeys ? !yamlItem.test(text) && yamlKey.test(text) : yamlItem.test(text)))) starts.push(from + (comment >= 0 ? comment : i));
    comment = -1;
  });
  return starts;
}

function cutEntries(lines: SourceLines, from: number, to: number, crumb: readonly string[], out: Part[], depth: number): void {
  const head: PartHead = { ...windowHead, breadcrumb: crumb };
  const starts = lines.size(from, to) <= sizes.target || depth > DEEPEST ? [] : entriesOf(lines, from, to);
  if (starts.length === 0) return void out.push(...cutRows(lines, from, to, head));
  starts[0] = from;
  let run = from;
  const flush = (end: number): void => {
    if (run <= end) out.push({ ...head, from: run, to: end });
    run = end + 1;
  };
  starts.forEach((start, i) => {
    const end = (starts[i + 1] ?? to + 1) - 1;
    if (lines.size(start, end) > sizes.wholeFunction) {
      // What stands above in a line or two goes with the first of what is in it.
      if (run < start && lines.size(run, start - 1) > sizes.crumbs) flush(start - 1);
      openEntry(lines, run, start, end, crumb, out, depth);
      run = end + 1;
    } else if (run < start && lines.size(run, end) > sizes.target) flush(start - 1);
  });
  flush(to);
}

function openEntry(lines: SourceLines, from: number, start: number, to: number, crumb: readonly string[], out: Part[], depth: number): void {
  let row = start;
  while (row < to && (lines.isBlank(row) || yamlComment.test(lines.text(row, row)) || yamlDocument.test(lines.text(row, row)))) row++;
  const text = lines.text(row, row).slice(0, TELLING);
  const [, a, b, key = a ?? b ?? ""] = yamlKey.exec(text.replace(/^([ \t]*)-[ \t]+/, "$1")) ?? [];
  // An item is told from its neighbours by the value of its first key.
  const title = yamlItem.test(text) ? text.slice(text.indexOf(key) + key.length).replace(/^["']?\s*:\s*/, "").replace(/^["']|["']\s*$/g, "").trim() || key : key;
  const inner: Part[] = [];
  if (row < to) cutEntries(lines, row + 1, to, title.trim() === "" ? crumb : [...crumb, title.trim()], inner, depth + 1);
  const [first, ...others] = inner;
  if (!first) out.push(...cutRows(lines, from, to, { ...windowHead, breadcrumb: crumb }));
  else out.push({ ...first, from, breadcrumb: crumb }, ...others);
}
