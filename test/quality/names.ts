// Which definitions have no name in the index: every name that Universal Ctags finds is looked for among the names of the chunks at its line.
// ctags reads each language by rules of its own and is not always right; what it finds and we do not is what is worth reading.
//   node --liftoff-only test/quality/names.ts DIR... [--lang ID] [--show N] [--json]
// Needs `ctags` (Universal Ctags) on the PATH.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { decodeText } from "../../src/base/decode.ts";
import { silentLog } from "../../src/base/log.ts";
import { Chunker } from "../../src/indexing/chunker.ts";
import { languageOf, languages, tellingChars } from "../../src/indexing/languages.ts";
import { walk } from "../../src/indexing/walk.ts";

interface Tag {
  readonly name: string;
  readonly path: string;
  readonly line: number;
  readonly kind: string;
  readonly language: string;
}

/** Kinds that nobody looks for by name here, or that are no definition: variables, fields, constants, prototypes, headings, packages. */
const uncounted = new Set(
  ("variable local parameter label member field property enumerator enumConstant heading1 heading2 heading3 chapter section subsection import alias unknown id anchor externvar prototype package packageName " +
    "namespace header script generic port net register signal instance event block component formal library use using cursor localVariable constant const constructor_parameter receiver anonMember typevar " +
    "functionVar globalVar vector nameattr placeholder option group oneof exception paragraph fd file division data identifier category entry entryspec separate autovar value localVar implicitClass dataframe " +
    "list source metavariable RecordField Constructor constructor literal heredoc selector attribute version mixin map augroup subst definition optwith optenable template_ assert").split(" "),
);
/** By language: what ctags calls a macro in a makefile is a variable; a file of OCaml or Haskell is a module of its own name; names in style sheets are found as words. */
const uncountedIn = new Set(["make macro", "make subroutine", "assembly define", "ocaml module", "haskell module", "css class", "php define", "csharp typedef"]);

const { values, positionals } = parseArgs({ allowPositionals: true, options: { lang: { type: "string" }, show: { type: "string", default: "0" }, json: { type: "boolean", default: false } } });
if (positionals.length === 0) throw new Error("Name one or more folders.");
const show = Number(values.show);
const chunker = await Chunker.create({ log: silentLog });

interface Counts {
  found: number;
  all: number;
  readonly kinds: Map<string, { found: number; all: number }>;
  readonly missed: string[];
}
const byLanguage = new Map<string, Counts>();

for (const dir of positionals) {
  const root = path.resolve(dir);
  const files: string[] = [];
  for await (const { path: file } of walk(root, {})) if (isCounted(languageOf(file, readFileSync(path.join(root, file)).toString("latin1", 0, tellingChars)).id)) files.push(file);
  const output = execFileSync("ctags", ["--output-format=json", "--fields=+nKlz", "--sort=no", "-L", "-"], { cwd: root, input: files.join("\n"), maxBuffer: 1 << 30, stdio: ["pipe", "pipe", "ignore"] }).toString();
  const tags = output.split("\n").filter((row) => row !== "").map((row) => JSON.parse(row) as Tag);
  for (const [file, own] of Map.groupBy(tags.filter(({ kind, name }) => !uncounted.has(kind) && !/^(?:__anon|anon_?|<lambda>|TEST)/i.test(name)), (tag) => tag.path)) {
    const text = decodeText(readFileSync(path.join(root, file)));
    if (text === undefined) continue;
    const { lang, chunks } = await chunker.chunk(file, text);
    if (!isCounted(lang)) continue;
    const rows = text.split("\n");
    const counts: Counts = byLanguage.get(lang) ?? { found: 0, all: 0, kinds: new Map(), missed: [] };
    byLanguage.set(lang, counts);
    for (const tag of own) {
      if (uncountedIn.has(`${lang} ${tag.kind}`)) continue;
      const last = lastPart(tag.name);
      const here = chunks.filter((chunk) => chunk.startLine <= tag.line && tag.line <= chunk.endLine);
      if (here.length === 0) continue; // beyond what is read of one file
      const isFound = here.some(({ chunk }) => chunk.symbols.length >= 40 || [...chunk.symbols, ...chunk.breadcrumb.split(" > ")].some((name) => lastPart(name) === last));
      const kind = counts.kinds.get(tag.kind) ?? { found: 0, all: 0 };
      counts.kinds.set(tag.kind, kind);
      counts.all++;
      kind.all++;
      if (isFound) {
        counts.found++;
        kind.found++;
      } else counts.missed.push(`${tag.kind} ${tag.name}  ${file}:${tag.line}  ${rows[tag.line - 1]?.trim().slice(0, 120)}`);
    }
  }
}

function isCounted(lang: string): boolean {
  return values.lang ? lang === values.lang : ["tree", "scanner"].includes(languages.find(({ id }) => id === lang)!.cutting);
}

function lastPart(name: string): string {
  // Of an Objective-C selector the first part is the name.
  const selector = /^(\w+):(?:\w*:)*$/.exec(name)?.[1];
  if (selector) return selector.toLowerCase();
  return (/[^.:#/]+$/.exec(name.replace(/[^\p{L}\p{N}_]+$/u, ""))?.[0] ?? name).toLowerCase();
}

const share = ({ found, all }: { found: number; all: number }): string => `${found} of ${all} (${((100 * found) / all).toFixed(1)} %)`;
if (values.json) console.log(JSON.stringify(Object.fromEntries([...byLanguage].map(([lang, { found, all }]) => [lang, { found, all }]))));
else
  for (const [lang, counts] of [...byLanguage].sort((a, b) => b[1].all - a[1].all)) {
    console.log(`${lang.padEnd(14)} ${share(counts)}   ${[...counts.kinds].map(([kind, each]) => `${kind} ${share(each)}`).join(", ")}`);
    const step = Math.max(1, Math.floor(counts.missed.length / show));
    if (show > 0) for (const miss of counts.missed.filter((_, i) => i % step === 0).slice(0, show)) console.log(`    ${miss}`);
  }
