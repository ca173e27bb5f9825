// What implements, extends, derives from or mixes in a type: read off the head of its definition, as `class A extends B`, `class A(B)`, `class A : B`,
// `class A < B` and `impl B for A`, and off the rows that say it in other ways. Which questions ask for that is in relations.ts.
import { literally } from "../base/literally.ts";
import { isComment } from "../base/snippet.ts";
import { proseLanguages } from "../indexing/languages.ts";
import type { Place } from "../store/store.ts";

/** Less than certain: what a macro derives, a value of the type's shape, an object whose prototype is the type's. */
const likely = 0.8;
/** An object of no class of its own: `new Factory() { … }`. Classes come before it. */
const nameless = 0.6;

const languages = (names: string): ReadonlySet<string> => new Set(names.split(" "));
/** What a type extends stands in round brackets behind its name. */
const inBrackets = languages("python mojo starlark snakemake");
/** … behind a colon. */
const behindColon = languages("kotlin swift csharp cpp c objective-c d vala rust powershell shader");
/** … behind a sign that opens arguments of types in other languages. */
const behindLess = languages("ruby crystal matlab objective-c");
/** … behind "is". */
const behindIs = languages("solidity raku typespec");
/** A head ends with a brace, however many rows it has. */
const braced = languages("java typescript tsx javascript vue svelte astro php csharp cpp c d dart rust swift groovy apex haxe solidity graphql thrift typespec vala powershell shader");
/** What is extended may be what a call makes: `class A extends mixed(B)`. */
const callsInHead = languages("typescript tsx javascript vue svelte astro coffeescript python mojo");
const hashComments = languages("python mojo starlark snakemake ruby crystal powershell coffeescript graphql raku gdscript puppet");

const edge = "(?<![\\p{L}\\p{N}_$])";
const end = "(?![\\p{L}\\p{N}_$])";
/** What the head of a definition begins with; what stands before it (abstract, sealed, data, export) says nothing here. */
const opening = new RegExp(`(?<![\\p{L}\\p{N}_$.:-])(?:interface|protocol|class|struct|trait|object|record|enum|extension|mixin|actor|contract|type|input|service|model|classdef|impl)${end}(?!\\s+(?:func|fun|var|let|val|def)\\b)`, "gu");
/** Longer ones are no heads. */
const longest = 1_200;
/** Of a text heads that may say the name; a piece that was indexed has fewer. */
const mostHeads = 60;
const words = new RegExp(`${edge}(?:extends|implements|with|derives|inherits|does)${end}`, "u");
const signs: readonly (readonly [ReadonlySet<string>, RegExp])[] = [
  [behindColon, /^(?:object\s*|\S+\s+[^\s:](?:[^:]|::)*):(?!:)/u],
  [behindLess, /(?<!<)<(?!<)/u],
  [behindIs, /\sis\s/u],
];
/** What stands behind these is not what the type is. */
const restrictions = new RegExp(`${edge}(?:where|permits)${end}.*$|${edge}by\\s+[\\p{L}\\p{N}_$.]+`, "gsu");
const continued = new RegExp(`(?:[,&+<|]|${edge}(?:extends|implements|with|is|does))$`, "u");
const continues = new RegExp(`^\\s*(?:[{,:&<]|(?:extends|implements|with|derives|where|permits|by|is|does|inherits)${end})`, "u");

/** The head of a definition that begins at `at`, without arguments and parameters; undefined where it is none. */
function headAt(text: string, at: number, lang: string): string | undefined {
  const keepsRound = callsInHead.has(lang);
  const goesOn = (head: string, next: number): boolean => {
    const before = head.trimEnd();
    return continued.test(before) || (before.endsWith(":") && behindColon.has(lang)) || continues.test(text.slice(next, next + 80));
  };
  let [head, round, depth] = ["", 0, 0];
  for (let i = at; i < Math.min(text.length, at + longest); i++) {
    const sign = text[i]!;
    if ((sign === "/" && text[i + 1] === "/") || (sign === "#" && hashComments.has(lang))) {
      const row = text.indexOf("\n", i);
      if (row < 0) break;
      i = row - 1;
    } else if (keepsRound && (sign === "(" || sign === ")")) {
      round += sign === "(" ? 1 : -1;
      if (round < 0) return undefined; // It began inside of brackets.
      head += sign;
    } else if (sign === "(" || sign === "[" || (sign === "<" && !behindLess.has(lang) && /[\p{L}\p{N}_$]/u.test(text[i - 1]!))) depth++;
    else if (sign === ")" || sign === "]" || (sign === ">" && depth > 0 && !/[-=]/.test(text[i - 1]!))) {
      if (--depth < 0) return undefined;
    } else if (depth > 0) continue;
    else if (sign === "{") return head;
    else if (sign === ";" || (sign === "=" && round === 0)) return braced.has(lang) ? undefined : head;
    else if (inBrackets.has(lang) && round === 0 && (sign === ":" || sign === "\n")) return head;
    else if (sign === "\n" && !inBrackets.has(lang) && !braced.has(lang) && !goesOn(head, i + 1)) return head;
    else head += sign;
  }
  return braced.has(lang) ? undefined : head;
}

/** The part of a head that says what is extended. */
function extendedIn(head: string, lang: string): string | undefined {
  // Named arguments are none: `metaclass=Meta`.
  if (inBrackets.has(lang)) return /^\S+\s+[\p{L}_][\p{L}\p{N}_]*\s*\((.*)\)\s*$/su.exec(head)?.[1]?.replace(/[\p{L}_][\p{L}\p{N}_]*\s*=[^,]*/gu, "");
  if (head.startsWith("impl")) return lang === "rust" ? /^impl\s(.*?)\sfor\s/su.exec(head)?.[1] : undefined;
  const begins = [words, ...signs.flatMap(([langs, sign]) => (langs.has(lang) ? [sign] : []))].flatMap((introducing) => {
    const match = introducing.exec(head);
    return match ? [match.index + match[0].length] : [];
  });
  return begins.length === 0 ? undefined : head.slice(Math.min(...begins));
}

function saysInHead(text: string, lang: string, said: RegExp): boolean {
  const at = [...text.matchAll(new RegExp(said, `${said.flags}g`))].map(({ index }) => index);
  // Documentation shows how to extend what it describes.
  const quotes = lang === "python" ? Array.from(text.matchAll(/"""/g), ({ index }) => index) : [];
  let [next, read, passed] = [0, 0, 0];
  for (const { index } of text.matchAll(opening)) {
    while (next < at.length && at[next]! < index) next++;
    if (next === at.length || read === mostHeads) return false;
    if (at[next]! > index + longest) continue;
    const near = text.slice(Math.max(0, index - longest), index);
    const before = near.slice(near.lastIndexOf("\n") + 1);
    while (quotes[passed]! < index) passed++;
    if (before.includes("//") || before.split(/["`]/).length % 2 === 0 || passed % 2 === 1 || (inBrackets.has(lang) ? before.trim() !== "" : isComment(`${before}class`) && !before.includes("]"))) continue;
    read++;
    const head = headAt(text, index, lang);
    const extended = head === undefined ? undefined : extendedIn(head.replace(restrictions, " "), lang);
    if (extended !== undefined && said.test(extended)) return true;
  }
  return false;
}

/** What stands between a word and the name: others of a list, or what the name belongs to. */
const others = "[^;{}\\n]{0,200}";
const owner = "(?:[\\p{L}\\p{N}_$]+(?:\\.|::|\\\\|/)){0,12}";
const indent = "[ \\t]*";
const typeArgs = "(?:<[^<>{}\\n]{0,100}>|\\[[^\\]\\n]{0,100}\\])?";

/** In other ways than by a head; `n` is the name, `owning` the same where something that it has may follow. Row by row, but where a list may have several. */
const rows: readonly (readonly [ReadonlySet<string>, number, (n: string, owning: string) => string])[] = [
  [languages("rust"), likely, (n) => `^${indent}#\\[(?:cfg_attr\\([^,\\n]{0,80},\\s*)?derive\\([^)\\]]{0,400}${n}`],
  [languages("go vlang"), 1, (n) => `\\b(?:struct|interface)\\s*\\{[^{}]{0,3000}?(?:^[ \\t]+|(?<=[{;])[ \\t]*)\\*?${owner}${n}${typeArgs}\\s*(?:\`[^\`\\n]*\`)?\\s*(?:(?://.*)?$|[;}])`],
  [languages("go"), 1, (n) => `^${indent}(?:var\\s+)?_\\s+${owner}${n}${typeArgs}\\s*=`],
  [languages("elixir"), 1, (n) => `^${indent}(?:@behaviour|use|defimpl)\\s+${owner}${n}`],
  [languages("elixir"), likely, (n) => `^${indent}@derive\\s[^\\n]{0,200}${n}`],
  [languages("erlang"), 1, (n) => `^-behaviou?r\\(\\s*'?${n}'?\\s*\\)`],
  [languages("haskell purescript lean coq"), 1, (n) => `^${indent}(?:deriving\\s+)?(?:(?:stock|newtype|anyclass)\\s+)?(?:derive\\s+)?[iI]nstance\\s+(?:[^=\\n]{0,200}(?:=>|::?)\\s*)?${owner}${n}`],
  [languages("haskell purescript"), 1, (n) => `^class\\s[^=\\n]{0,200}${n}[^=\\n]{0,200}=>`],
  [languages("haskell"), likely, (n) => `\\bderiving\\s+(?:(?:stock|newtype|anyclass)\\s+)?(?:\\([^)]{0,300})?${owner}${n}`],
  [languages("ruby crystal"), 1, (n) => `^${indent}(?:include|extend|prepend)\\s[^\\n#]{0,200}${n}|\\bClass\\.new\\(\\s*${owner}${n}`],
  [languages("php"), 1, (n) => `^[ \\t]+use\\s${others}${n}\\s*[,;{]`],
  [languages("java groovy apex scala"), nameless, (n) => `\\bnew\\s+${owner}${n}\\s*(?:<[^<>{}\\n]{0,100}>)?\\s*(?:\\((?:[^(){};\\n]|\\([^(){};\\n]{0,100}\\)){0,200}\\))?\\s*\\{`],
  [languages("typescript tsx vue svelte astro"), likely, (n) => `:\\s*${owner}${n}${typeArgs}\\s*=\\s*(?:Object\\.freeze\\()?\\{(?!\\s*\\})|\\bsatisfies\\s+${owner}${n}|\\btype\\s[^=\\n]{0,200}=(?:[^;{}\\n]{0,200}&\\s*${owner}${n}|\\s*${owner}${n}${typeArgs}\\s*&)`],
  [languages("typescript tsx javascript vue svelte astro"), likely, (n, owning) => `\\binherits\\([^,()\\n]{0,80},\\s*${owner}${n}|\\bObject\\.create\\(\\s*${owner}${owning}\\.prototype|\\bsetPrototypeOf\\([^,()\\n]{0,80},\\s*${owner}${owning}`],
  [languages("python"), 1, (_, owning) => `^${indent}(?:@\\s*)?${owner}${owning}\\.register\\(`],
  [languages("c cpp objective-c"), likely, (n) => `^${indent}(?:(?:static|const|constexpr|extern)\\s+)*(?:struct\\s+)?${owner}${n}\\s+[\\p{L}\\p{N}_:]+\\s*(?:\\[[^\\]\\n]*\\])?\\s*=\\s*\\{(?!\\s*0?\\s*\\})`],
  [languages("scala"), likely, (n) => `^${indent}(?:implicit\\s+(?:val|def|object)|given)\\b[^=\\n]{0,200}?[:\\s]\\s*${owner}${n}\\s*\\[`],
  [languages("ocaml"), 1, (n) => `^${indent}(?:inherit|include)\\s+${owner}${n}|\\bmodule\\s[^=\\n]{0,200}:\\s*${owner}${n}`],
  [languages("fsharp"), 1, (n) => `^${indent}(?:inherit|interface)\\s+${owner}${n}|\\{\\s*new\\s+${owner}${n}`],
  [languages("visual-basic"), 1, (n) => `^${indent}(?:[Ii]nherits|[Ii]mplements)\\s[^\\n]{0,200}${n}`],
  [languages("perl"), 1, (n) => `^${indent}(?:use\\s+(?:parent|base)\\b|extends\\b|with\\b|(?:our\\s+|push\\s+)?@ISA\\b)[^;]{0,300}${n}`],
  [languages("r"), 1, (n) => `\\b(?:contains|inherit)\\s*=\\s*[^)\\n]{0,100}${n}`],
  [languages("julia"), 1, (n) => `\\b(?:struct|type)\\s+[\\p{L}\\p{N}_]+(?:\\{[^\\n]{0,200}\\})?\\s*<:\\s*${owner}${n}`],
  [languages("lisp"), 1, (n) => `\\(def(?:class|ine-condition)\\s+\\S+\\s*\\([^)]{0,200}${n}|:include\\s+${n}|\\(define-derived-mode\\s+\\S+\\s+${n}`],
  [languages("clojure"), 1, (n) => `\\((?:defrecord|deftype)\\s+\\S+\\s*\\[[^\\]]{0,300}\\]\\s*${owner}${n}|\\((?:reify|extend-protocol|extend-type\\s+\\S+|extend\\s+\\S+)\\s+${owner}${n}|\\((?:defrecord|deftype|reify|extend-type)\\s[^\\0]{0,2000}?^[ \\t]+${owner}${n}\\s*$`],
  [languages("lua"), likely, (n, owning) => `\\b${owning}[:.](?:extend|subclass|derive)\\s*\\(|\\b[Cc]lass\\s*\\([^,()\\n]{0,80},\\s*${owner}${n}|\\bsetmetatable\\(\\s*\\w+\\s*,\\s*\\{\\s*__index\\s*=\\s*${owner}${n}`],
  [languages("pascal"), 1, (n) => `=\\s*(?:packed\\s+)?(?:class|interface|object)\\s*(?:abstract|sealed)?\\s*\\([^)]{0,300}${n}`],
  [languages("fortran"), 1, (n) => `\\bextends\\s*\\(\\s*${n}\\s*\\)`],
  [languages("ada"), 1, (n) => `\\bnew\\s${others}${n}[^;\\n]{0,100}\\bwith\\b`],
  [languages("nim"), 1, (n) => `\\bobject\\s+of\\s+${owner}${n}`],
  [languages("tcl"), 1, (n) => `^${indent}(?:superclass|inherit|mixin)\\s[^\\n]{0,200}${n}`],
  [languages("bitbake bash"), 1, (n) => `^${indent}inherit\\s[^\\n]{0,200}${n}`],
  [languages("gdscript"), 1, (n) => `^extends\\s+${owner}${n}`],
  [languages("scss"), 1, (n) => `@extend\\s+[.%]?${n}`],
  [languages("sql"), 1, (n) => `\\binherits\\s*\\([^)]{0,200}${n}`],
];

const commentRows = /^[ \t]*(?:\/\/|\/?\*+[ \t]|(?:--|#+|;+|%+)[ \t]).*$/gm;

/** How certainly a place implements or extends the type, 0 to 1. A name in lower case is one in any case: whoever types "subclasses of handler" means Handler. */
export function implementersOf(name: string): (place: Pick<Place, "text" | "lang">) => number {
  const isLower = name === name.toLowerCase();
  const flags = isLower ? "iu" : "u";
  const source = `(?<![\\p{L}\\p{N}_$!])${literally(name.split(/::|\.|->|#|\\/).at(-1)!)}(?![\\p{L}\\p{N}_$])`;
  const said = new RegExp(source, flags);
  // Of `extends Shape.Builder` the last part is extended.
  const extended = new RegExp(`${source}(?!\\s*(?:::|[.\\\\])\\s*[\\p{L}_$])`, flags);
  const patterns = new Map<string, readonly (readonly [RegExp, number])[]>();
  return ({ text, lang }) => {
    if (proseLanguages.has(lang) || !said.test(text)) return 0;
    if (saysInHead(text, lang, extended)) return 1;
    let ofLanguage = patterns.get(lang);
    if (!ofLanguage) patterns.set(lang, (ofLanguage = rows.flatMap(([langs, certainty, pattern]) => (langs.has(lang) ? [[new RegExp(pattern(extended.source, source), `m${flags}`), certainty] as const] : []))));
    const code = text.replace(commentRows, "");
    return Math.max(0, ...ofLanguage.map(([pattern, certainty]) => (pattern.test(code) ? certainty : 0)));
  };
}
