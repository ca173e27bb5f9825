#!/usr/bin/env node
// `npm run vscode [-- FOLDER]`: VS Code with the extension of this checkout on a folder. Desktop `code` when there is one; else
// (or with --browser) the workbench in the browser, served from .harness/ on this machine only, until Ctrl+C.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { packageExtension } from "./package.mjs";
import { root } from "./setup.mjs";
import { setupVscode } from "./setupVscode.mjs";
import { installVsix, startServer } from "./vscodeServer.mjs";

const given = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const browser = process.argv.includes("--browser");
const folder = path.resolve(process.env.INIT_CWD ?? process.cwd(), given[0] ?? root);

function desktop() {
  // In a terminal inside VS Code's remote windows `code` opens windows of that VS Code, which cannot take a development extension.
  if (browser || process.env.VSCODE_IPC_HOOK_CLI) return false;
  const result = spawnSync("code", ["--version"], { encoding: "utf8", shell: process.platform === "win32" });
  return result.status === 0;
}

async function serve() {
  const vscode = setupVscode({ browser: false });
  const extensions = mkdtempSync(path.join(os.tmpdir(), "strata-ext-"));
  installVsix(vscode, packageExtension(vscode.node), extensions);
  const server = await startServer(vscode, { extensionsDir: extensions, port: Number(process.env.PORT ?? 0) });
  console.log(`\n  ${server.url}?folder=${encodeURIComponent(folder)}\n\nOpen this address in a browser on this machine. Ctrl+C ends VS Code.`);
  const stop = async () => {
    await server.stop();
    rmSync(extensions, { recursive: true, force: true });
    process.exit(0);
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

try {
  if (!existsSync(folder)) throw new Error(`There is no folder ${folder}.`);
  if (desktop()) {
    console.log(`Opening desktop VS Code on ${folder}`);
    const windows = process.platform === "win32";
    // There it is a script, which only the shell starts, and the shell wants quotes around paths.
    const quoted = (argument) => (windows ? `"${argument}"` : argument);
    spawn("code", [quoted(`--extensionDevelopmentPath=${root}`), quoted(folder)], { stdio: "inherit", shell: windows }).on("exit", (code) => process.exit(code ?? 0));
  } else await serve();
} catch (error) {
  console.error(error.message);
  process.exit(2);
}
