#!/usr/bin/env node
// Brings a fresh checkout to the point where everything runs: packages, Node 24, the native graph module, the bundles.
// Runs on Node 20 or newer (24 where no package brings it: macOS) with nothing installed; every step is skipped when its inputs have not changed.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const windows = process.platform === "win32";
const stamps = path.join(root, "node_modules", ".strata");

/** Node 24 for the project's own processes: this process when it is new enough, else the binary that npm installed. */
export function node24() {
  const binary = path.join(root, "node_modules", `node-${windows ? "win" : process.platform}-${process.arch}`, "bin", windows ? "node.exe" : "node");
  if (existsSync(binary)) return binary;
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  throw new Error(`Strata's own processes need Node 24; no package brings it for ${process.platform}-${process.arch}. Install Node 24 and run this again with it.`);
}

/** Runs a command and says how long it took. On Windows npm is a script, which only the shell starts; the shell would tear paths with spaces apart. */
export function step(name, command, args, options = {}) {
  const started = Date.now();
  process.stderr.write(`· ${name} … `);
  const shell = windows && command === "npm";
  const [program, words] = shell ? [[command, ...args].join(" "), []] : [command, args]; // Node warns of words for a shell
  const result = spawnSync(program, words, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28, shell, ...options, env: { ...process.env, ...options.env } });
  if (result.status !== 0) {
    process.stderr.write(`failed\n${result.stdout ?? ""}${result.stderr ?? ""}\n`);
    throw new Error(`${name} failed (${result.error?.message ?? `exit code ${result.status}`}). The output above says why; mend that and run the same command again.`);
  }
  process.stderr.write(`${((Date.now() - started) / 1000).toFixed(1)} s\n`);
  return result.stdout;
}

function digest(...files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(path.join(root, file)));
  return hash.digest("hex");
}

/** Runs `work` unless the stamp of that name holds the key of what is there; then it holds that of what `work` has left. */
function once(name, key, work) {
  const stamp = path.join(stamps, name);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === key()) return;
  work();
  mkdirSync(stamps, { recursive: true });
  writeFileSync(stamp, key());
}

export function setup({ build = true } = {}) {
  once("packages", () => digest("package-lock.json", ".npmrc"), () => step("installing packages", "npm", ["ci", "--loglevel=error"]));
  const node = node24();
  // Where Node's own headers lie beside the binary (not on Windows), node-gyp downloads nothing. The module is N-API: one build serves every Node.
  const beside = path.resolve(path.dirname(node), "..");
  const headers = existsSync(path.join(beside, "include", "node")) ? { npm_config_nodedir: beside } : {};
  const addon = "node_modules/hnswlib-node/build/Release/addon.node";
  once("hnswlib", () => digest("node_modules/hnswlib-node/package.json") + existsSync(path.join(root, addon)), () => {
    try {
      step("compiling the HNSW module (needs a C++ compiler, make and Python 3)", "npm", ["rebuild", "hnswlib-node", "--ignore-scripts=false", "--loglevel=error"], {
        env: { ...headers, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}` },
      });
    } catch (error) {
      if (!windows) throw error;
      // Its compiler is gigabytes that few have, and the module only saves time in large workspaces.
      return console.error(`Going on without it: above half a million pieces of code searches scan all of them. To have it, install Visual Studio's tools for C++ and Python 3, delete ${path.join(stamps, "hnswlib")} and run this again.`);
    }
    if (!existsSync(path.join(root, addon))) throw new Error(`Compiling hnswlib-node left no ${addon}. Install a C++ compiler, make and Python 3 (Debian: apt-get install g++ make python3) and run this again.`);
  });
  if (build) step("building", node, ["scripts/build.mjs"]);
  return node;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    setup({ build: !process.argv.includes("--no-build") });
  } catch (error) {
    console.error(error.message);
    process.exit(2);
  }
}
