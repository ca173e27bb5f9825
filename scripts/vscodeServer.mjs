// Starts a real VS Code server on 127.0.0.1 (see setupVscode.mjs) and opens its workbench in headless Chromium.
// Used by the end-to-end tests and by `npm run vscode`.
import { spawn, spawnSync } from "node:child_process";
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

/** Nothing but the extension under test should speak, move or use the network. */
const quiet = {
  "chat.disableAIFeatures": true,
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "telemetry.telemetryLevel": "off",
  "workbench.enableExperiments": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
};

/** Resolves when the server listens; types in vscodeServer.d.mts. Throws with the place of its output when it does not start. */
export async function startServer(vscode, { extensionsDir, settings = {}, testDriver = false, port = 0, env = {}, onLine = () => {} } = {}) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "strata-vs-")); // short: sockets are made inside, and their paths are limited to about 100 bytes
  const data = path.join(folder, "d");
  const extensions = extensionsDir ?? path.join(folder, "x");
  mkdirSync(path.join(data, "data", "User"), { recursive: true });
  mkdirSync(extensions, { recursive: true });
  writeFileSync(path.join(data, "data", "User", "settings.json"), JSON.stringify({ ...quiet, ...settings }, null, 2));
  const args = ["--host", "127.0.0.1", "--port", String(port), "--without-connection-token", "--accept-server-license-terms", "--telemetry-level", "off", "--disable-workspace-trust", "--server-data-dir", data, "--extensions-dir", extensions];
  const child = spawn(vscode.node, [vscode.server, ...args, ...(testDriver ? ["--enable-smoke-test-driver"] : [])], {
    detached: true, // its own process group, so that it can be ended with everything it started
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, EXTENSIONS_GALLERY: "{}", TMPDIR: folder, XDG_RUNTIME_DIR: folder, ...env },
  });
  const logFile = path.join(folder, "server.log");
  const log = createWriteStream(logFile);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const signal = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch {
      // already gone
    }
  };
  const stop = async ({ keep = false } = {}) => {
    signal("SIGTERM");
    const late = setTimeout(() => signal("SIGKILL"), 5_000);
    await ended;
    clearTimeout(late);
    signal("SIGKILL");
    if (!keep) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  try {
    const actualPort = await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`VS Code's server did not start within 60 s; its output is in ${logFile}.`)), 60_000);
      void ended.then((code) => reject(new Error(`VS Code's server ended at once (${code}); its output is in ${logFile}.`)));
      let rest = "";
      const hear = (chunk) => {
        log.write(chunk);
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) {
          const listening = /Extension host agent listening on (\d+)/.exec(line);
          if (listening) {
            clearTimeout(late);
            resolve(Number(listening[1]));
          }
          onLine(line);
        }
      };
      child.stdout.on("data", hear);
      child.stderr.on("data", hear);
    });
    return { port: actualPort, url: `http://127.0.0.1:${actualPort}/`, authority: `127.0.0.1:${actualPort}`, folder, logFile, stop };
  } catch (error) {
    await stop({ keep: true });
    throw error;
  }
}

/** Installs a .vsix the way a user's `code --install-extension` does. Throws with the output when it fails. */
export function installVsix(vscode, vsix, extensionsDir) {
  const data = mkdtempSync(path.join(os.tmpdir(), "strata-vs-"));
  try {
    const args = [vscode.server, "--accept-server-license-terms", "--server-data-dir", data, "--extensions-dir", extensionsDir, "--install-extension", vsix];
    const result = spawnSync(vscode.node, args, { encoding: "utf8", env: { ...process.env, EXTENSIONS_GALLERY: "{}" } });
    if (result.status !== 0 || !/successfully installed/.test(result.stdout)) throw new Error(`Installing ${vsix} failed:\n${result.stdout}${result.stderr}`);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

/** A headless browser that reaches nothing but this machine. */
export function openBrowser(executablePath) {
  return chromium.launch({
    executablePath,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
  });
}

/** Address of the workbench on a folder; `payload` are the pairs that VS Code's own browser tests use. */
export function workbenchUrl(server, folder, payload = []) {
  return `${server.url}?folder=${encodeURIComponent(path.resolve(folder))}&payload=${encodeURIComponent(JSON.stringify([["skipWelcome", "true"], ...payload]))}`;
}

export const remoteUri = (server, file) => `vscode-remote://${server.authority}${encodeURI(path.resolve(file))}`;
