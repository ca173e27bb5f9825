// Prose by its headings: where they stand in Markdown and its kin, and how the sections between them become parts.
import type { LanguageId } from "./languages.ts";
import { sizes, type Part, type SourceLines } from "./parts.ts";
import { cutWindows, TELLING, windowHead } from "./scanner.ts";

/** A heading: the row where its section begins, which may be a line drawn above it. */
interface Heading {
  readonly row: number;
  readonly level: number;
  readonly title: string;
}
type HeadingsOf = (rows: readonly string[]) => Heading[];

/** Rows between marks are shown as they stand: nothing in them is a heading. @param open what opens such a block in a row, and then what closes it */
function outside(rows: readonly string[], open: (text: string) => ((text: string) => boolean) | undefined): boolean[] {
  let closes: ((text: string) => boolean) | undefined;
  return rows.map((text) => {
    if (closes) {
      if (closes(text)) closes = undefined;
      return false;
    }
    closes = open(text);
    return closes === undefined;
  });
}

/** The headings that one row tells. */
const byRow = (pattern: RegExp, level: (mark: string) => number, isOutside: (rows: readonly string[]) => boolean[]): HeadingsOf => (rows) => {
  const free = isOutside(rows);
  return rows.flatMap((text, row): Heading[] => {
    const [, mark = "", title = ""] = (free[row] && pattern.exec(text.trimEnd())) || [];
    return title === "" ? [] : [{ row, level: level(mark), title }];
  });
};

const fences = (rows: readonly string[]): boolean[] => {
  const free = outside(rows, (text) => {
    const mark = /^\s{0,3}(```+(?=[^`]*$)|~~~+)/.exec(text)?.[1];
    if (mark === undefined) return undefined;
    // Only a bare fence closes: one with a language stands in the block.
    const bare = new RegExp(`^\\s{0,3}${mark}[${mark[0]!}]*\\s*$`);
    return (row) => bare.test(row);
  });
  // What stands between two rules at the beginning are settings.
  const end = /^---\s*$/.test(rows[0] ?? "") ? rows.findIndex((text, row) => row > 0 && /^(---|\.\.\.)\s*$/.test(text)) : -1;
  return end < 0 ? free : free.map((isFree, row) => isFree && row > end);
};
const numbered = byRow(/^(#{1,6})\s+(\S.*)$/, (mark) => mark.length, fences);

/** A row that may be underlined: a line of its own, no list, quotation, table, tag, directive or indented text. */
const mayBeTitle = (rows: readonly string[], row: number): boolean => /^ {0,3}[^\s>|<#+*:.-]/.test(rows[row] ?? "") || /^ {0,3}[.<:*][\p{L}\p{N}_`]/u.test(rows[row] ?? "");
const isBlank = (text: string | undefined): boolean => text === undefined || text.trim() === "";

const markdown: HeadingsOf = (rows) => {
  const free = fences(rows);
  const underlined = rows.flatMap((text, row): Heading[] => {
    const mark = free[row] && free[row - 1] ? /^ {0,3}(=+|-{2,})\s*$/.exec(text)?.[1]?.[0] : undefined;
    return mark !== undefined && mayBeTitle(rows, row - 1) && isBlank(rows[row - 2]) ? [{ row: row - 1, level: mark === "=" ? 1 : 2, title: rows[row - 1]!.trim() }] : [];
  });
  const found = numbered(rows).map((heading) => ({ ...heading, title: heading.title.replace(/\s+#+$/, "").replace(/\s+\{\s*[#.:][^{}]*\}$/, "") }));
  return [...found, ...underlined].sort((a, b) => a.row - b.row);
};

/** Underlined with any sign, and perhaps overlined; which sign is of which level, the text decides as it goes. */
const restructured: HeadingsOf = (rows) => {
  const line = rows.map((text) => /^([=\-`:'"~^_*+#<>.])\1{2,}\s*$/.exec(text)?.[1]);
  const levels: string[] = [];
  return rows.flatMap((text, row): Heading[] => {
    const title = text.trim();
    const mark = line[row + 1];
    if (title === "" || mark === undefined || line[row] !== undefined || rows[row + 1]!.trimEnd().length < title.length) return [];
    const isOverlined = line[row - 1] === mark;
    if (!isOverlined && (/^\s/.test(text) || !isBlank(rows[row - 1]))) return [];
    const style = isOverlined ? mark + mark : mark;
    if (!levels.includes(style)) levels.push(style);
    return [{ row: isOverlined ? row - 1 : row, level: levels.indexOf(style) + 1, title }];
  });
};

/** Of manual pages (`.SH`, `.SS`, in BSD's macros `.Sh`, `.Ss`) and of Texinfo. */
const manualLevel = (mark: string): number => (/^(?:SS|Ss|section)$/.test(mark) ? 2 : mark === "subsection" ? 3 : 1);
const texLevels = ["part", "chapter", "section", "subsection", "subsubsection", "paragraph"];

const headingsIn: Partial<Record<LanguageId, HeadingsOf>> = {
  markdown,
  restructuredtext: restructured,
  text: restructured,
  asciidoc: byRow(/^(={1,6})\s+(\S.*)$/, (mark) => mark.length, (rows) => outside(rows, (text) => {
    const mark = /^([-.+/_*=])\1{3,}\s*$/.exec(text)?.[0].trimEnd();
    return mark === undefined ? undefined : (row) => row.trimEnd() === mark;
  })),
  org: byRow(/^(\*+)\s+(\S.*)$/, (mark) => mark.length, (rows) => outside(rows, (text) => (/^\s*#\+begin/i.test(text) ? (row) => /^\s*#\+end/i.test(row) : undefined))),
  manual: byRow(/^[.@](S[HSh]|Ss|chapter|appendix|unnumbered|section|subsection)\s+"?([^\s"].*?)"?$/, manualLevel, (rows) => rows.map(() => true)),
  tex: byRow(/^\s*\\(part|chapter|section|subsection|subsubsection|paragraph)\*?(?:\[[^\]]*\])?\{([^}]+)/, (mark) => texLevels.indexOf(mark) + 1, (rows) => rows.map(() => true)),
};

interface Section extends Heading {
  readonly to: number;
  readonly above: readonly string[];
}

/**
 * Sections under their headings; the breadcrumb is the headings above. Long sections become windows.
 * @param titles the headings that the text stands under, by level, "" for a level that has none; then those that what follows stands under
 */
export function cutSections(lines: SourceLines, language: LanguageId = "markdown", titles: string[] = []): Part[] {
  const rows = Array.from({ length: lines.count }, (_, row) => lines.text(row, row).slice(0, TELLING));
  const headings = headingsIn[language]?.(rows) ?? [];
  const endOf = (next: Heading | undefined): number => (next?.row ?? lines.count) - 1;
  const sections: Section[] = [{ row: 0, to: endOf(headings[0]), level: 0, above: [...titles], title: "" }];
  headings.forEach(({ row, level, title }, i) => {
    titles.length = Math.min(titles.length, level - 1);
    while (titles.length < level - 1) titles.push("");
    sections.push({ row, to: endOf(headings[i + 1]), level, above: [...titles], title });
    titles.push(title);
  });

  const parts: Part[] = [];
  let run: Section | undefined;
  const flush = (): void => {
    if (run) parts.push({ ...windowHead, from: run.row, to: run.to, breadcrumb: run.above });
    run = undefined;
  };
  for (const section of sections) {
    if (section.to < section.row) continue; // nothing before the first heading
    const size = lines.size(section.row, section.to);
    if (size > sizes.wholeFunction) {
      flush();
      const windows = cutWindows(lines, section.row, section.to, { ...windowHead, breadcrumb: section.above });
      parts.push(...windows.map((part, i) => (i === 0 ? part : { ...part, breadcrumb: [...section.above, section.title] })));
      continue;
    }
    const joins = run && lines.size(run.row, section.to) <= sizes.target && (section.level >= run.level || lines.size(run.row, run.to) < sizes.overlap);
    if (run && joins) run = { ...run, to: section.to, level: Math.min(run.level, section.level) };
    else {
      flush();
      run = section;
    }
  }
  flush();
  return parts;
}
