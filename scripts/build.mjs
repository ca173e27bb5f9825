// Bundles src/ into dist/ with esbuild. dist/ is self-contained: bundles, grammars, native modules; models/ lies beside it.
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync, chmodSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { entries } from "../src/base/assets.ts";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const dist = path.join(root, "dist");
const from = (...p) => path.join(root, ...p);
const external = ["vscode", "onnxruntime-node", "hnswlib-node"];
const requireShim = `import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);`;

/** `seconds.hash` of the newest source file and of all sources: lets a newer client replace an older engine (see base/assets.ts). */
function buildId() {
  const hash = createHash("sha256");
  let newest = 0;
  const walk = (dir) => {
    for (const entry of readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const p = path.join(dir, entry.name);
      if (entry.isDirectory()) walk(p);
      else {
        hash.update(entry.name).update(readFileSync(p));
        newest = Math.max(newest, statSync(p).mtimeMs);
      }
    }
  };
  walk(from("src"));
  return `${Math.floor(newest / 1000)}.${hash.digest("hex").slice(0, 12)}`;
}

// Its main file is a UMD module, which cannot be bundled.
export const alias = { "jsonc-parser": "jsonc-parser/lib/esm/main.js" };
const define = { STRATA_BUILD: JSON.stringify(buildId()) };
const common = { bundle: true, sourcemap: "linked", sourcesContent: false, logLevel: "warning", alias, define, absWorkingDir: root, minifySyntax: true, legalComments: "none" };

export async function build() {
  mkdirSync(dist, { recursive: true });
  const { metafile } = await esbuild.build({
    ...common,
    metafile: true,
    entryPoints: entries,
    outdir: dist,
    outExtension: { ".js": ".mjs" },
    platform: "node",
    format: "esm",
    target: "node22",
    external,
    banner: { js: requireShim },
    splitting: true,
    chunkNames: "shared/[hash]",
  });
  removeStaleChunks(new Set(Object.keys(metafile.outputs).map((file) => path.basename(file))));
  await esbuild.build({ ...common, entryPoints: { extension: "src/extension/extension.ts" }, outdir: dist, outExtension: { ".js": ".cjs" }, platform: "node", format: "cjs", target: "node22", external, banner: { js: `const __strataUrl = require("node:url").pathToFileURL(__filename).href;` }, define: { ...define, "import.meta.url": "__strataUrl" } });
  await esbuild.build({ ...common, entryPoints: { "webview/main": "src/webview/main.ts", "webview/training": "src/webview/trainingPage.ts" }, outdir: dist, platform: "browser", format: "iife", target: "es2022", minify: true });
  chmodSync(path.join(dist, "strata.mjs"), 0o755);
  copyGrammars();
  copyNative();
}

/** Chunks are named by their content: those of earlier builds would be shipped along. */
function removeStaleChunks(current) {
  const shared = path.join(dist, "shared");
  for (const file of existsSync(shared) ? readdirSync(shared) : []) if (!current.has(file)) rmSync(path.join(shared, file), { force: true });
}

function copyGrammars() {
  mkdirSync(path.join(dist, "grammars"), { recursive: true });
  cpSync(from("node_modules/web-tree-sitter/web-tree-sitter.wasm"), path.join(dist, "grammars/web-tree-sitter.wasm"));
  for (const file of Object.values(JSON.parse(readFileSync(from("src/indexing/grammars.json"), "utf8")))) cpSync(from("node_modules", file), path.join(dist, "grammars", path.basename(file)));
}

/** The two native packages as the VSIX ships them: this platform's binaries only. */
function copyNative() {
  const out = path.join(dist, "node_modules");
  rmSync(out, { recursive: true, force: true });
  const { platform, arch } = process;
  const copy = (name, ...files) => {
    for (const file of files) cpSync(from("node_modules", name, file), path.join(out, name, file), { recursive: true, filter: (f) => !f.endsWith(".map") && !f.endsWith(".d.ts") });
  };
  copy("onnxruntime-common", "package.json", "dist/cjs");
  copy("onnxruntime-node", "package.json", "dist");
  const runtime = `bin/napi-v6/${platform}/${arch}`;
  // On Windows 38 MB of libraries lie beside it, which only Direct3D's processors need.
  if (existsSync(from("node_modules", "onnxruntime-node", runtime))) copy("onnxruntime-node", ...readdirSync(from("node_modules", "onnxruntime-node", runtime)).filter((file) => file.includes("onnxruntime")).map((file) => `${runtime}/${file}`));
  else console.error(`onnxruntime-node brings nothing for ${platform}-${arch}: there the instant level alone works.`);
  const addon = "build/Release/addon.node"; // not on a Windows without a C++ compiler: see setup.mjs
  copy("hnswlib-node", "package.json", "lib/index.js", ...(existsSync(from("node_modules/hnswlib-node", addon)) ? [addon] : []));
  copy("bindings", "package.json", "bindings.js");
  copy("file-uri-to-path", "package.json", "index.js");
  writeFileSync(path.join(dist, "platform"), `${platform}-${arch}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
