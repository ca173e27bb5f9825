#!/usr/bin/env node
// Puts a real VS Code (server, workbench, extension host) into .harness/, for the end-to-end tests and `npm run vscode`.
// It comes out of the npm package code-server, whose tarball carries them built; the browser is Debian's chromium.
// Every version is pinned: the tarball by its SHA-512 here, its dependencies by the npm-shrinkwrap.json inside it.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { node24, root, step } from "./setup.mjs";

const version = "4.139.1"; // VS Code 1.139.1
const integrity = "fUYvJVdz4ZoVJfakGiGWXFMpF8K1ObsrpGvX17ZxNpKOzdNHs7lANT670JTr4ZhA8DnWqyvvmFG/d3HV9Yy6ew==";
const harness = path.join(root, ".harness");
const vscode = path.join(harness, "package", "lib", "vscode");

/** The server's entry, started with Node 24 (scripts/vscodeServer.mjs). */
const serverEntry = path.join(vscode, "out", "server-main.js");

/** A browser that Playwright can drive, or undefined. CHROMIUM overrides. */
function findBrowser() {
  for (const name of [process.env.CHROMIUM, "chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]) {
    if (!name) continue;
    const found = spawnSync("sh", ["-c", 'command -v "$0"', name], { encoding: "utf8" }).stdout?.trim();
    if (found) return found;
  }
  return undefined;
}

function installServer() {
  const stamp = path.join(harness, "stamp");
  const node = node24();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === integrity) return;
  rmSync(harness, { recursive: true, force: true });
  mkdirSync(harness, { recursive: true });
  step(`fetching VS Code's server (code-server ${version}, 47 MB)`, "npm", ["pack", `code-server@${version}`, "--pack-destination", harness, "--loglevel=error"]);
  const tarball = path.join(harness, `code-server-${version}.tgz`);
  const actual = createHash("sha512").update(readFileSync(tarball)).digest("base64");
  if (actual !== integrity) throw new Error(`The package code-server ${version} that npm delivered is not the one this project was tested with (SHA-512 ${actual}). Check the registry npm uses.`);
  step("unpacking it", "tar", ["-xzf", tarball, "-C", harness]);
  rmSync(tarball);
  const bin = path.dirname(node);
  const env = { PATH: `${bin}${path.delimiter}${process.env.PATH}`, npm_config_nodedir: path.dirname(bin) };
  // Its own install script would compile kerberos and sqlite3 and download; the tests need neither. `npm ci` refuses the shrinkwrap (it lacks one version), `npm install` takes it.
  const install = ["install", "--omit=dev", "--ignore-scripts", "--legacy-peer-deps=false", "--loglevel=error"];
  step("installing what the server needs", "npm", install, { cwd: vscode, env });
  step("installing what its built-in extensions need", "npm", install, { cwd: path.join(vscode, "extensions"), env });
  step("compiling its log module", "npm", ["rebuild", "@vscode/spdlog", "@vscode/native-watchdog", "--ignore-scripts=false", "--loglevel=error"], { cwd: vscode, env });
  writeFileSync(stamp, integrity);
}

function installBrowser() {
  const found = findBrowser();
  if (found) return found;
  const apt = spawnSync("sh", ["-c", "command -v apt-get"]).status === 0;
  if (!apt || process.getuid?.() !== 0) throw new Error("No Chromium was found. Install one (Debian: apt-get install chromium) or name it in the variable CHROMIUM, then run this again.");
  step("looking up Debian's packages", "apt-get", ["update", "-qq"]);
  step("installing chromium (350 MB)", "apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"], { env: { DEBIAN_FRONTEND: "noninteractive" } });
  const installed = findBrowser();
  if (!installed) throw new Error("apt-get installed chromium, but there is no such command. Name the browser in the variable CHROMIUM.");
  return installed;
}

/**
 * Makes sure of both, with progress on stderr. `browser: false` leaves the browser to the person.
 * @returns {{server: string, node: string, browser: string | undefined}}
 * @throws Error whose message says what is missing and how to get it.
 */
export function setupVscode({ browser = true } = {}) {
  if (process.platform !== "linux") throw new Error("VS Code in the browser comes from the npm package code-server, which is used on Linux here. On other systems install desktop VS Code with its command `code`, or use a Linux container.");
  installServer();
  return { server: serverEntry, node: node24(), browser: browser ? installBrowser() : findBrowser() };
}

/**
 * The same for a script that runs tests, which ends where something is missing: on a developer's machine the tests are left out, in CI that would be a hole
 * nobody sees.
 * @param {string} tests what is left out, for people
 */
export function setupForTests(tests) {
  try {
    return setupVscode();
  } catch (error) {
    console.error(error.message);
    console.log(process.env.CI ? "0 passed, 1 failed, 0 skipped" : `skipped: ${tests}\n0 passed, 0 failed, 1 skipped`);
    process.exit(process.env.CI ? 1 : 0);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const { server, browser } = setupVscode();
    console.log(`VS Code's server: ${path.relative(process.cwd(), server)}\nbrowser: ${browser}`);
  } catch (error) {
    console.error(error.message);
    process.exit(2);
  }
}
