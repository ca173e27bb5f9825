// The layers of ARCHITECTURE.md, read off the imports: base <- {encoding, store, indexing} <- search <- engine <- shells.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import test from "node:test";

const root = path.resolve(import.meta.dirname, "../..");
const files = globSync("src/**/*.ts", { cwd: root }).map((f) => f.split(path.sep).join("/"));

/** Which folders a folder may import from, beside itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  base: [],
  encoding: ["base"],
  store: ["base", "encoding", "indexing"],
  indexing: ["base", "encoding", "store"],
  search: ["base", "encoding", "store", "indexing", "engine"],
  engine: ["base", "encoding", "store", "indexing", "search"],
  training: ["base"],
  cli: ["base", "encoding", "indexing", "engine", "mcp", "training"],
  mcp: ["base", "indexing", "engine"],
  extension: ["base", "engine", "webview", "training"],
  webview: ["base", "engine", "training"],
};

/** Exceptions, each with its reason: file → folders. */
const exceptions: Readonly<Record<string, readonly string[]>> = {
  // A worker's entry composes what runs in it.
  "src/indexing/parseWorker.ts": ["search"],
};

interface Import {
  readonly file: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(path.join(root, file), "utf8");
  const found: Import[] = [];
  for (const m of text.matchAll(/^\s*(import|export)\s+(type\s+)?[^;"']*?from\s+["']([^"']+)["']/gm)) found.push({ file, specifier: m[3]!, typeOnly: m[2] !== undefined || /^\s*import\s*\{(\s*type\s[^,}]*,?)+\}/.test(m[0]) });
  for (const m of text.matchAll(/import\(\s*["']([^"']+)["']\s*\)/g)) found.push({ file, specifier: m[1]!, typeOnly: false });
  return found;
}
const imports = files.flatMap(importsOf);
const folderOf = (file: string) => file.split("/")[1]!;

test("there are sources to check", () => assert.ok(imports.length > 100, `${imports.length} imports`));

test("folders import downwards only", () => {
  const wrong: string[] = [];
  for (const { file, specifier, typeOnly } of imports) {
    if (!specifier.startsWith(".")) continue;
    const target = path.posix.join(path.posix.dirname(file), specifier);
    const [from, to] = [folderOf(file), folderOf(target)];
    if (from === to) continue;
    const ok = allowed[from]?.includes(to) || exceptions[file]?.includes(to);
    // Search answers in the protocol's own types; nothing of the engine runs inside it.
    // What the webview draws of a run is computed by pure code that the terminal shares.
    const typesOnly = (from === "search" || from === "webview") && to === "engine";
    if (!ok || (typesOnly && !(typeOnly && target.endsWith("protocol.ts")))) wrong.push(`${file} imports ${specifier}`);
  }
  assert.deepEqual(wrong, []);
});

test("only the extension imports vscode, and only the webview touches the DOM", () => {
  assert.deepEqual(imports.filter((i) => i.specifier === "vscode" && folderOf(i.file) !== "extension" && !i.typeOnly).map((i) => i.file), []);
  const dom = files.filter((f) => folderOf(f) !== "webview" && /\b(document|window)\.(querySelector|getElementById|addEventListener|body)\b/.test(readFileSync(path.join(root, f), "utf8")));
  assert.deepEqual(dom, []);
});

test("native modules load in the engine's folders only", () => {
  const native = imports.filter((i) => ["onnxruntime-node", "hnswlib-node"].includes(i.specifier) && !i.typeOnly);
  assert.deepEqual(native.filter((i) => !["encoding", "store"].includes(folderOf(i.file)) && i.file !== "src/cli/doctor.ts").map((i) => i.file), []);
});

// VS Code makes links of [words](address) in notifications, commands among them; a file's name can look like one.
test("what a notification says is a plain sentence or goes through notice()", () => {
  const said = files.flatMap((f) => [...readFileSync(path.join(root, f), "utf8").matchAll(/show(?:Error|Warning|Information)Message\((.{0,8})/g)].map((m) => [f, m[1]!] as const));
  assert.ok(said.length > 8, `${said.length} notifications`);
  assert.deepEqual(said.filter(([, start]) => !/^("|notice\()/.test(start)), []);
});

test("the core never prints", () => {
  const core = files.filter((f) => !["cli", "mcp", "webview"].includes(folderOf(f)));
  const printing = core.filter((f) => /\bconsole\.(log|error|warn|info)\(|process\.std(out|err)\.write\(/.test(readFileSync(path.join(root, f), "utf8")));
  assert.deepEqual(printing, []);
});

test("every source file opens with a comment on what it owns, and can be read in one sitting", () => {
  const bare = files.filter((f) => !/^(#!.*\n)?(\/\/|\/\*)/.test(readFileSync(path.join(root, f), "utf8")) && folderOf(f) !== "base");
  assert.deepEqual(bare, []);
  const long = files.map((f) => [f, readFileSync(path.join(root, f), "utf8").split("\n").length] as const).filter(([, lines]) => lines > 620);
  assert.deepEqual(long, []);
});
