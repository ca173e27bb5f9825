// Text preparations (models/README.md): each model names its own; mirrored by training/src/strata_train/text.py;
// the two are held together by parity.json. A change here needs a new name in the manifest and a new model.
import type { EncoderText } from "./encoder.ts";

export const textPreparations = ["split-identifiers-1", "split-identifiers-2"] as const;
/** The second leaves out of code what it imports. */
export type TextPreparation = (typeof textPreparations)[number];

const names = "[A-Za-z0-9_.*]+(?:[ \\t]*,[ \\t]*[A-Za-z0-9_.*]+)*";
/** Rows that say what a file imports or belongs to, whatever its language. Not `^` and `$`, which end rows at other signs in Python. */
const importRows = new RegExp(
  `(?<![^\\n])[ \\t]*(?:${[
    `import[ \\t]+(?:static[ \\t]+)?${names}(?:[ \\t]+as[ \\t]+[A-Za-z0-9_]+)?;?`,
    `import[ \\t]+[^\\n"']*["'][^\\n]*`,
    "from[ \\t]+[A-Za-z0-9_.]+[ \\t]+import[ \\t][^\\n]*",
    "using[ \\t]+(?:(?:static|namespace)[ \\t]+)?[A-Za-z0-9_.]+;",
    "(?:package|namespace)[ \\t]+[A-Za-z0-9_.\\\\]+;?",
    "use[ \\t]+[A-Za-z0-9_:\\\\{}, *]+;",
    `(?:require|require_relative|require_once|include_once)[ \\t]*\\(?["'][^\\n]*`,
    `#[ \\t]*include[ \\t]*[<"][^\\n]*`,
    "<\\?php",
  ].join("|")})[ \\t\\r]*(?:\\n|(?![^\\n]))`,
  "g",
);

/** What imports nothing else, as the head of a file, stays. */
function withoutImports(text: string): string {
  const rest = text.replace(importRows, "");
  return /[^ \t\r\n]/.test(rest) ? rest : text;
}

const other = 0;
const lower = 1;
const upper = 2;
/** Letters without case, title case and modifier letters: they split from digits but not from each other. */
const letter = 3;
const digit = 4;
const underscore = 5;
const space = 6;
const unseen = 255;

/** Class of every BMP code unit, filled when a character is first met: regular expressions per character cost ten times more. */
const classes = new Uint8Array(0x10000).fill(unseen);

function classify(codePoint: number): number {
  const character = String.fromCodePoint(codePoint);
  if (character === "_") return underscore;
  if (/\s/.test(character)) return space;
  if (/\p{Ll}/u.test(character)) return lower;
  if (/\p{Lu}/u.test(character)) return upper;
  if (/\p{L}/u.test(character)) return letter;
  if (/\p{N}/u.test(character)) return digit;
  return other;
}

function classOf(codePoint: number): number {
  if (codePoint > 0xffff) return classify(codePoint);
  const known = classes[codePoint]!;
  return known === unseen ? (classes[codePoint] = classify(codePoint)) : known;
}

function classAt(text: string, at: number): number {
  return at < text.length ? classOf(text.codePointAt(at)!) : other;
}

/** Is there a border between two neighbours of a run? `next` is the class after `right`. */
function splits(left: number, right: number, next: number): boolean {
  switch (right) {
    case upper:
      return left === lower || left === digit || (left === upper && next === lower);
    case lower:
    case letter:
      return left === digit;
    case digit:
      return left === lower || left === upper || left === letter;
    default:
      return false;
  }
}

/** Splits identifiers and collapses white space: `parseHTTPHeader_v2` → `parse HTTP Header v 2`. Other characters stay. */
export function prepareText(text: string): string {
  let prepared = "";
  let pieceStart = 0;
  // A gap is owed when white space or inner underscores were passed; it is paid before the next kept character.
  let gapOwed = false;
  let previous = other;
  let inRun = false;
  for (let at = 0; at < text.length; ) {
    const codePoint = text.codePointAt(at)!;
    const here = classOf(codePoint);
    const width = codePoint > 0xffff ? 2 : 1;
    if (here === space || here === underscore) {
      prepared += text.slice(pieceStart, at);
      pieceStart = at + width;
      // Underscores at either end of a run vanish; inside they part it. Which one this is shows at the next kept character.
      if (here === space) {
        gapOwed = true;
        inRun = false;
      }
    } else {
      const inWord = here !== other;
      const afterUnderscore = previous === underscore && inRun && inWord;
      if (gapOwed || afterUnderscore) {
        if (prepared !== "") prepared += " ";
        gapOwed = false;
      } else if (inWord && splits(previous, here, here === upper ? classAt(text, at + width) : other)) {
        prepared += text.slice(pieceStart, at) + " ";
        pieceStart = at;
      }
      inRun = inWord;
    }
    previous = here;
    at += width;
  }
  return prepared + text.slice(pieceStart);
}

/** The prepared text of a chunk: instruction, breadcrumb, body. */
export function prepareCode(code: EncoderText, instruction: string, preparation: TextPreparation = "split-identifiers-2"): string {
  const body = preparation === "split-identifiers-1" ? code.text : withoutImports(code.text);
  return prepareText(instruction + (code.breadcrumb === "" ? body : `${code.breadcrumb}\n${body}`));
}

export function prepareQuery(query: string, instruction: string): string {
  return prepareText(instruction + query);
}
