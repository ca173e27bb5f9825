// Which definitions have no name in the index: every name that Universal Ctags finds is looked for among the names of the chunks at its line.
// ctags reads each language by rules of its own and is not always right; what it finds and we do not is what is worth reading.
// With --ask, up to 120 names of each language that are defined once in a folder are asked of the product, at instant depth.
//   node --liftoff-only test/quality/names.ts DIR... [--lang ID] [--show N] [--ask] [--json]
// Needs `ctags` (Universal Ctags) on the PATH.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { decodeText } from "../../src/base/decode.ts";
import { silentLog } from "../../src/base/log.ts";
import { Chunker } from "../../src/indexing/chunker.ts";
import { languageOf, languages, tellingChars } from "../../src/indexing/languages.ts";
import { sizes } from "../../src/indexing/parts.ts";
import { walk } from "../../src/indexing/walk.ts";
import { readQuery } from "../../src/search/candidates.ts";
import { rank } from "../../src/search/ranking.ts";
import { buildStore, candidatesFor, chunkFolder, encodeQueries, type LabModel, openModel } from "./lab.ts";

interface Tag {
  readonly name: string;
  readonly path: string;
  readonly line: number;
  readonly kind: string;
}

/** Kinds that nobody looks for by name here, or that are no definition: variables, fields, constants, prototypes, headings, packages. */
const uncounted = new Set(
  ("variable local parameter label member field property enumerator enumConstant heading1 heading2 heading3 chapter section subsection import alias unknown id anchor externvar prototype package packageName " +
    "namespace header script generic port net register signal instance event block component formal library use using cursor localVariable constant const constructor_parameter receiver anonMember typevar " +
    "functionVar globalVar vector nameattr placeholder option group oneof exception paragraph fd file division data identifier category entry entryspec separate autovar value localVar implicitClass dataframe " +
    "list source metavariable RecordField Constructor constructor literal heredoc selector attribute version mixin map augroup subst definition optwith optenable template_ assert").split(" "),
);
/** By language: what ctags calls a macro in a makefile is a variable; a file of OCaml or Haskell is a module of its own name. */
const uncountedIn = new Set(["make macro", "make subroutine", "assembly define", "ocaml module", "haskell module", "php define", "csharp typedef"]);

const { values, positionals } = parseArgs({ allowPositionals: true, options: { lang: { type: "string" }, show: { type: "string", default: "0" }, ask: { type: "boolean", default: false }, json: { type: "boolean", default: false } } });
if (positionals.length === 0) throw new Error("Name one or more folders.");
const show = Number(values.show);
const chunker = await Chunker.create({ log: silentLog });
const model = values.ask ? await openModel() : undefined;

interface Counts {
  found: number;
  all: number;
  readonly kinds: Map<string, { found: number; all: number }>;
  readonly missed: string[];
  asked: number;
  /** Of those asked, how often the definition came first. */
  first: number;
}
const byLanguage = new Map<string, Counts>();

for (const dir of positionals) {
  const root = path.resolve(dir);
  const files: string[] = [];
  for await (const { path: file } of walk(root, {})) if (isCounted(languageOf(file, readFileSync(path.join(root, file)).toString("latin1", 0, tellingChars)).id)) files.push(file);
  const output = execFileSync("ctags", ["--output-format=json", "--fields=+nKz", "--sort=no", "-L", "-"], { cwd: root, input: files.join("\n"), maxBuffer: 1 << 30, stdio: ["pipe", "pipe", "ignore"] }).toString();
  const tags = output.split("\n").filter((row) => row !== "").map((row) => JSON.parse(row) as Tag);
  const counted: (Tag & { readonly lang: string })[] = [];
  for (const [file, own] of Map.groupBy(tags.filter(({ kind, name }) => !uncounted.has(kind) && !/^(?:__anon|anon_?|<lambda>|TEST)/i.test(name)), (tag) => tag.path)) {
    const text = decodeText(readFileSync(path.join(root, file)));
    if (text === undefined) continue;
    const { lang, chunks } = await chunker.chunk(file, text);
    if (!isCounted(lang)) continue;
    const rows = text.split("\n");
    const counts: Counts = byLanguage.get(lang) ?? { found: 0, all: 0, kinds: new Map(), missed: [], asked: 0, first: 0 };
    byLanguage.set(lang, counts);
    counted.push(...own.map((tag) => ({ ...tag, lang })));
    for (const tag of own) {
      if (uncountedIn.has(`${lang} ${tag.kind}`)) continue;
      const last = lastPart(tag.name);
      const here = chunks.filter((chunk) => chunk.startLine <= tag.line && tag.line <= chunk.endLine);
      if (here.length === 0) continue; // beyond what is read of one file
      const isFound = here.some(({ chunk }) => chunk.symbols.length >= sizes.maxSymbols || [...chunk.symbols, ...chunk.breadcrumb.split(" > ")].some((name) => lastPart(name) === last));
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
  if (model) await ask(root, counted, model);
}

/** Every nth of the names that are defined once and mean something by themselves. */
async function ask(root: string, tags: readonly (Tag & { readonly lang: string })[], model: LabModel): Promise<void> {
  const store = await buildStore(await chunkFolder(root), model, ["instant"], `names-${path.basename(root)}`);
  store.depthLimit = "instant";
  const unique = [...Map.groupBy(tags, ({ name }) => name.toLowerCase()).values()].flatMap((same) => (same.length === 1 && same[0]!.name.length > 5 ? same : []));
  for (const [lang, own] of Map.groupBy(unique, ({ lang }) => lang)) {
    const step = Math.max(1, Math.floor(own.length / 120));
    const asked = own.filter((_, i) => i % step === 0).slice(0, 120);
    // Without what owns it, which in R is no other thing than the name.
    const queries = asked.map(({ name }) => (lang === "r" ? name : (/[^.:]+$/.exec(selectorName(name) ?? name)?.[0] ?? name)));
    const vectors = await encodeQueries(model, queries, `names-${lang}`);
    const counts = byLanguage.get(lang)!;
    counts.asked += asked.length;
    asked.forEach((tag, i) => {
      const { query, candidates, rows } = candidatesFor(store, model, readQuery(store, queries[i]!), vectors[i]!);
      const place = rank(candidates.items, rows, query, 1)[0]?.candidate.place;
      // A declaration and its definition may both be meant.
      if (place && tags.some(({ name, path: file, line }) => file === place.path && place.startLine <= line && line <= place.endLine && lastPart(name) === lastPart(tag.name))) counts.first++;
    });
  }
}

function isCounted(lang: string): boolean {
  return values.lang ? lang === values.lang : ["tree", "scanner"].includes(languages.find(({ id }) => id === lang)!.cutting);
}

/** Of an Objective-C selector the first part is the name. */
function selectorName(name: string): string | undefined {
  return /^(\w+):(?:\w*:)*$/.exec(name)?.[1];
}

function lastPart(name: string): string {
  return (selectorName(name) ?? /[^.:#/]+$/.exec(name.replace(/[^\p{L}\p{N}_]+$/u, ""))?.[0] ?? name).toLowerCase();
}

const share = ({ found, all }: { found: number; all: number }): string => `${found} of ${all} (${((100 * found) / all).toFixed(1)} %)`;
if (values.json) console.log(JSON.stringify(Object.fromEntries([...byLanguage].map(([lang, { found, all, asked, first }]) => [lang, { found, all, asked, first }]))));
else
  for (const [lang, counts] of [...byLanguage].sort((a, b) => b[1].all - a[1].all)) {
    console.log(`${lang.padEnd(14)} ${share(counts)}${counts.asked > 0 ? `, first when asked ${share({ found: counts.first, all: counts.asked })}` : ""}   ${[...counts.kinds].map(([kind, each]) => `${kind} ${share(each)}`).join(", ")}`);
    const step = Math.max(1, Math.floor(counts.missed.length / show));
    if (show > 0) for (const miss of counts.missed.filter((_, i) => i % step === 0).slice(0, show)) console.log(`    ${miss}`);
  }
