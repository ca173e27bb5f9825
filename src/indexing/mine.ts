// Documentation–code pairs for training, from the definitions the chunker sees. What is written, not what is stored: the pairs
// hold the code without its documentation, so that an encoder cannot match the two by copying.
import { hash128 } from "../base/hash.ts";
import type { Chunker } from "./chunker.ts";
import { isGeneratedSource, isTestPath } from "./conventions.ts";
import { firstParagraph } from "./docText.ts";
import type { SourceLines } from "./parts.ts";
import type { OutlineEntry } from "./treeCutter.ts";

/** One line of the mined file. */
export interface MinedPair {
  readonly lang: string;
  /** Where it came from: a repository or package, as the caller names it. */
  readonly source: string;
  readonly path: string;
  readonly name: string;
  /** First paragraph of the documentation, one line; "" where it says nothing and the name has to do. */
  readonly doc: string;
  /** The definition without its documentation, indentation taken off, at most 2,500 characters. */
  readonly code: string;
}

export interface FileToMine {
  readonly path: string;
  /** The text of the file. */
  readonly source: string;
}

const maxCodeChars = 2_500;
const minCodeChars = 40;
const maxDocChars = 600;
/** An undocumented definition of fewer lines says no more than its name does. */
const leastNamedLines = 4;

/** Sentences that say nothing about what the code does. */
const empty = /\b(TODO|FIXME|XXX|HACK)\b|\binherit ?doc\b|^(see|deprecated|auto-?generated|generated|constructor|getter|setter|default|internal|private|noop|@)\b[^.]{0,40}$|\b(eslint|tslint|noqa|pylint|type: ?ignore|prettier-ignore|nolint|rubocop)\b|https?:\/\/\S+$/i;

/**
 * Pairs of every file, in the order of the files, exact duplicates of documentation or code left out. Tests and generated files give none.
 * @param origin goes into `source`
 * @param undocumented functions too that only have a telling name
 */
export async function* minePairs(files: AsyncIterable<FileToMine>, chunker: Chunker, origin: string, { undocumented = false, signal }: { readonly undocumented?: boolean; readonly signal?: AbortSignal } = {}): AsyncGenerator<MinedPair> {
  const seen = new Set<string>();
  for await (const file of files) {
    signal?.throwIfAborted();
    if (isTestPath(file.path) || isGeneratedSource(file.path, file.source)) continue;
    const outlined = await chunker.outline(file.path, file.source);
    const entries = outlined.flatMap((each) => each.entries.map((entry) => ({ ...each, entry })));
    for (const { lang, lines, entry } of entries) {
      const said = firstParagraph(entry.doc);
      const doc = isUsefulDoc(said, entry.name) ? said : "";
      const code = entry.kind === "block" ? "" : codeOf(entry, lines);
      // A prototype in a header has no body to learn from.
      const prototype = (lang === "c" || lang === "cpp") && !code.includes("{");
      if (code.length < minCodeChars || prototype) continue;
      if (doc === "" && !(undocumented && entry.kind === "function" && isTellingName(entry.name) && code.split("\n").length >= leastNamedLines)) continue;
      // Apart from each other: a copy without documentation takes nothing from one that has some.
      const keys = doc === "" ? [hash128("undocumented", code)] : [hash128("doc", doc), hash128("code", code)];
      if (keys.some((key) => seen.has(key))) continue;
      for (const key of keys) seen.add(key);
      yield { lang, source: origin, path: file.path, name: entry.name, doc, code };
    }
  }
}

/**
 * A word in the letters of any language. Chinese, Japanese, Thai and their like put no blanks between words: two letters count as one, in
 * `strata_train/views.py` too.
 */
const unspaced = String.raw`\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}`;
const word = new RegExp(String.raw`(?:(?=\p{L})[${unspaced}]){1,2}|\p{L}(?:(?![${unspaced}])[\p{L}\p{M}'’-])*`, "gu");

/** At least four words, mostly letters, saying more than the name. */
export function isUsefulDoc(doc: string, name: string): boolean {
  const words = doc.match(word) ?? [];
  // A signature written out is not prose.
  if (/^[\w.]+\s*\([^)]*\)\s*(->|:|$)/.test(doc)) return false;
  if (words.length < 4 || doc.length > maxDocChars || empty.test(doc)) return false;
  const shown = doc.replace(/\s/g, "");
  const letters = shown.replace(/[^\p{L}\p{M}]/gu, "").length;
  if (letters < shown.length * 0.75) return false;
  const said = new Set(words.map((word) => word.toLowerCase()));
  const named = new Set(wordsOf(name));
  return [...said].filter((word) => !named.has(word)).length >= 2;
}

const wordsOf = (name: string): string[] => (name.match(/\p{Lu}?\p{Ll}+|\p{Lu}+/gu) ?? []).map((word) => word.toLowerCase());

/** Two words or more, and none that the language gave: `__init__`, `operator ==`. */
function isTellingName(name: string): boolean {
  return /^[\p{L}\p{N}_$?!.:#]+$/u.test(name) && !name.startsWith("__") && wordsOf(name).length >= 2;
}

function codeOf(entry: OutlineEntry, lines: SourceLines): string {
  const rows: string[] = [];
  for (let row = entry.codeRow; row <= entry.endRow; row++) {
    const documented = entry.docRows && row >= entry.docRows[0] && row <= entry.docRows[1];
    if (!documented) rows.push(lines.text(row, row).trimEnd());
  }
  while (rows.length > 0 && rows.at(-1) === "") rows.pop();
  const indents = rows.filter((row) => row !== "").map((row) => /^[ \t]*/.exec(row)![0].length);
  const indent = Math.min(...indents);
  let code = "";
  for (const row of rows) {
    const next = `${code}${code === "" ? "" : "\n"}${row.slice(indent)}`;
    if (next.length > maxCodeChars) break;
    code = next;
  }
  return code;
}
