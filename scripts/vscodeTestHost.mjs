#!/usr/bin/env node
// Runs a mocha suite inside a real VS Code extension host. Takes the flags of desktop `code`, so that @vscode/test-electron
// starts it unchanged as its vscodeExecutablePath. Exit code 0: passed; 1: a test failed; 2: no result (hang, crash, no test).
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setupVscode } from "./setupVscode.mjs";
import { openBrowser, remoteUri, startServer, workbenchUrl } from "./vscodeServer.mjs";

const flags = new Map();
const folders = [];
for (const argument of process.argv.slice(2)) {
  const flag = /^--([\w-]+)(?:=(.*))?$/s.exec(argument);
  if (flag) flags.set(flag[1], flag[2] ?? "");
  else folders.push(argument);
}
const [folder = process.cwd()] = folders;
const timeoutS = Number(process.env.STRATA_TEST_TIMEOUT_S ?? 240);
const temporary = mkdtempSync(path.join(os.tmpdir(), "strata-th-"));
const specFile = path.join(temporary, "spec.txt");
const resultFile = path.join(temporary, "result.json");

/** Resolves with the exit code and, when there is no result, the reason. */
async function run(vscode) {
  let finish;
  const outcome = new Promise((resolve) => {
    finish = resolve;
  });
  const server = await startServer(vscode, {
    testDriver: true,
    env: { STRATA_TEST_SPEC: specFile, STRATA_TEST_RESULT: resultFile },
    onLine: (line) => {
      const ended = /Extension Host Process exited with code: (\S+), signal: (\w+)/.exec(line);
      // A moment, because a normal end is reported by the page as well.
      if (ended) setTimeout(() => finish({ code: 2, reason: `the extension host ended (exit code ${ended[1]}, signal ${ended[2]}) before the tests reported` }), 3_000).unref();
    },
  });
  const browser = await openBrowser(vscode.browser);
  const timer = setTimeout(() => finish({ code: 2, reason: `no result after ${timeoutS} s` }), timeoutS * 1_000);
  let printed = 0;
  const print = () => {
    const text = existsSync(specFile) ? readFileSync(specFile, "utf8") : "";
    process.stdout.write(text.slice(printed));
    printed = text.length;
  };
  const printing = setInterval(print, 200);
  let code = 2;
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const errors = [];
    page.on("crash", () => finish({ code: 2, reason: "the workbench's page crashed" }));
    await page.exposeFunction("codeAutomationLog", (type, args) => {
      if (type === "error") errors.push(args.map((a) => (typeof a === "string" ? a : JSON.stringify(a)).slice(0, 1_000)).join(" "));
    });
    await page.exposeFunction("codeAutomationExit", (exitCode) => finish({ code: exitCode === 0 ? 0 : 1 }));
    await page.goto(
      workbenchUrl(server, folder, [
        ["extensionDevelopmentPath", remoteUri(server, flags.get("extensionDevelopmentPath"))],
        ["extensionTestsPath", remoteUri(server, flags.get("extensionTestsPath"))],
      ]),
    );
    const { code: reported, reason } = await outcome;
    print();
    code = reported;
    const stats = existsSync(resultFile) ? JSON.parse(readFileSync(resultFile, "utf8")) : undefined;
    if (reason) console.error(`No result: ${reason}.`);
    if (!stats) for (const error of errors.slice(-8)) console.error(`workbench: ${error}`); // for instance: the suite did not load
    // VS Code says 0 when its extension host dies of a signal, so only a result file with passes counts as passed.
    if (code === 0 && (!stats?.passes || stats.failures > 0)) code = 2;
    if (code !== 0) {
      const shot = path.join(temporary, "workbench.png");
      await page.screenshot({ path: shot }).catch(() => undefined);
      console.error(`The workbench at the end: ${shot}; the server's folder with its logs: ${server.folder}`);
    }
    if (stats) console.log(`${stats.passes} passed, ${stats.failures} failed, ${stats.pending} skipped`);
  } finally {
    clearTimeout(timer);
    clearInterval(printing);
    await browser.close().catch(() => undefined);
    await server.stop({ keep: code !== 0 });
  }
  if (code === 0) rmSync(temporary, { recursive: true, force: true });
  return code;
}

try {
  process.exit(await run(setupVscode()));
} catch (error) {
  console.error(error);
  process.exit(2);
}
