// The extension inside a real extension host, with a real engine and model, on a copy of test/fixtures/workspace.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import * as vscode from "vscode";
import { commands, settings, tools } from "../../../src/extension/contributions.ts";
import type { StrataApi } from "../../../src/extension/extension.ts";
import type { ViewHit } from "../../../src/webview/messages.ts";

const extension = vscode.extensions.getExtension<StrataApi>("strata.strata")!;
const root = vscode.workspace.workspaceFolders![0]!.uri.fsPath;
const inside = (relative: string) => vscode.Uri.file(path.join(root, relative));

/** Waits for a state of the extension; fails with what it was instead. */
async function until<T>(what: string, read: (api: StrataApi) => T | undefined | false, timeoutMs = 45_000): Promise<T> {
  const api = extension.exports;
  return new Promise((resolve, reject) => {
    const look = () => {
      const value = read(api);
      if (value === undefined || value === false) return;
      clearTimeout(late);
      clearInterval(polling);
      stop();
      resolve(value);
    };
    const late = setTimeout(() => {
      clearInterval(polling);
      stop();
      reject(new Error(`Not within ${timeoutMs} ms: ${what}. ${JSON.stringify({ folders: api.folders(), view: api.view() }, undefined, 1).slice(0, 4_000)}`));
    }, timeoutMs);
    const polling = setInterval(look, 100); // the view's own changes have no event
    const stop = api.onChange(look);
    look();
  });
}

const ready = () => until("the index is ready and deep", (api) => api.folders().find(({ client, status }) => client.kind === "running" && status?.state.kind === "ready" && status.coverage.deep === status.coverage.chunks && status.coverage.files > 0));

async function hitsOf(query: string): Promise<readonly ViewHit[]> {
  await vscode.commands.executeCommand("strata.searchInView", query);
  return until(`results of "${query}"`, (api) => {
    const { results, busy, error } = api.view();
    assert.equal(error, undefined);
    return !busy && results.kind === "hits" && results.of === "search" && results.subject === query && results.hits;
  });
}

async function open(relative: string, line: number): Promise<vscode.TextEditor> {
  const editor = await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(inside(relative)));
  editor.selection = new vscode.Selection(line - 1, 2, line - 1, 2);
  return editor;
}

/** A measured figure beside the test's name in the report. */
function note(text: string): void {
  const { STRATA_TEST_SPEC: spec } = process.env;
  if (spec) fs.appendFileSync(spec, `      ${text}\n`);
}

describe("Strata in VS Code", () => {
  before(async () => {
    await extension.activate();
    await ready();
  });

  it("indexes the workspace by itself and knows its files and languages", () => {
    const [folder] = extension.exports.folders();
    assert.equal(folder!.status!.coverage.files, 17);
    assert.deepEqual(["typescript", "python", "go", "rust"].filter((lang) => !((folder!.status!.languages[lang] ?? 0) > 0)), []);
    assert.deepEqual(folder!.status!.warnings, []);
  });

  it("registers every command of the table", async () => {
    const registered = new Set(await vscode.commands.getCommands(true));
    assert.deepEqual(Object.keys(commands).filter((id) => !registered.has(id)), []);
  });

  it("declares every setting of the table with its default", () => {
    const configuration = vscode.workspace.getConfiguration();
    for (const [key, { default: standard }] of Object.entries(settings)) assert.deepEqual(configuration.inspect(key)?.defaultValue, standard, key);
  });

  for (const [query, expected] of [
    ["check that a login token is genuine and has not run out", "web/src/auth/session.ts"],
    ["try again with growing pauses after a failure", /backoff\.ts|mailer\.py/],
    ["limit how many requests a client may make", /gateway\/limits\//],
    ["move money from one account to another", "ledger/src/account.rs"],
  ] as const)
    it(`finds "${query}"`, async () => {
      const [best] = await hitsOf(query);
      if (typeof expected === "string") assert.equal(best?.path, expected);
      else assert.match(best?.path ?? "", expected);
      assert.equal(best?.depth, "deep");
      assert.ok(best && best.why.length > 0);
    });

  it("honours filters in the query", async () => {
    const hits = await hitsOf("checksum of a coupon lang:rust");
    assert.deepEqual([...new Set(hits.map(({ lang }) => lang))], ["rust"]);
  });

  it("copies the path and line of a result, and says so when it is not shown any more", async () => {
    const [hit] = await hitsOf("checksum of a coupon lang:rust");
    await vscode.env.clipboard.writeText("");
    await vscode.commands.executeCommand("strata.copyResultPath", { webviewSection: "result", result: hit!.id });
    assert.equal(await vscode.env.clipboard.readText(), `${hit!.path}:${hit!.line}`);
    await vscode.commands.executeCommand("strata.revealResult", { webviewSection: "result", result: hit!.id });
    await vscode.commands.executeCommand("strata.copyResultPath", { webviewSection: "result", result: "gone" });
    assert.equal(await vscode.env.clipboard.readText(), `${hit!.path}:${hit!.line}`, "nothing else is copied");
  });

  it("finds code similar to the function at the cursor, and leaves that function out", async () => {
    await open("web/src/cart/coupons.ts", 7);
    await vscode.commands.executeCommand("strata.findSimilar");
    const hits = await until("similar code", (api) => {
      const { results, busy } = api.view();
      return !busy && results.kind === "hits" && results.of === "similar" && /coupons\.ts/.test(results.subject) && results.hits;
    });
    assert.equal(hits[0]?.path, "web/src/cart/gift_cards.ts");
    assert.ok(hits.slice(0, 6).some(({ path: at }) => at === "ledger/src/coupons.rs"), "the same in another language");
    assert.ok(!hits.some(({ path: at, startLine }) => at === "web/src/cart/coupons.ts" && startLine <= 12 && startLine >= 3));
  });

  it("finds code similar to text that was never saved", async () => {
    const document = await vscode.workspace.openTextDocument({ language: "python", content: "def wait_longer(n):\n    for i in range(n):\n        try:\n            return call()\n        except OSError:\n            time.sleep(2 ** i)\n" });
    const editor = await vscode.window.showTextDocument(document);
    editor.selection = new vscode.Selection(0, 0, 5, 0);
    await vscode.commands.executeCommand("strata.findSimilar");
    const hits = await until("similar code", (api) => {
      const { results, busy } = api.view();
      return !busy && results.kind === "hits" && results.of === "similar" && /Untitled/.test(results.subject) && results.hits;
    });
    assert.match(hits[0]!.path, /mailer\.py|backoff\.ts/);
    await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor");
  });

  it("finds what was just saved with the next query", async () => {
    const file = inside("web/src/net/geo.ts");
    fs.writeFileSync(file.fsPath, "");
    const editor = await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(file));
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "/** Kilometres between two points on the globe, by the haversine formula. */\nexport function greatCircleKm(aLat: number, aLon: number, bLat: number, bLon: number): number {\n  const h = Math.sin((bLat - aLat) / 2) ** 2 + Math.cos(aLat) * Math.cos(bLat) * Math.sin((bLon - aLon) / 2) ** 2;\n  return 12742 * Math.asin(Math.sqrt(h));\n}\n"));
    const before = Date.now();
    await editor.document.save();
    const saved = Date.now();
    const best = await until("the saved function is the best hit", polled(async () => (await hitsOf("distance between two places on earth"))[0]?.path === "web/src/net/geo.ts"));
    assert.ok(best);
    note(`saving took VS Code ${saved - before} ms; from then to the first answer with it ${Date.now() - saved} ms`);
  });

  it("forgets a deleted file", async () => {
    await vscode.workspace.fs.delete(inside("web/src/net/geo.ts"));
    await until("the deleted file is gone", polled(async () => (await hitsOf("distance between two places on earth")).every(({ path: at }) => at !== "web/src/net/geo.ts")));
  });

  it("finds duplicates, exact and renamed ones told apart", async () => {
    await vscode.commands.executeCommand("strata.findDuplicates");
    const groups = await until("duplicates", (api) => {
      const { results, busy } = api.view();
      return !busy && results.kind === "duplicates" && results.groups;
    });
    const pair = groups.find(({ members }) => members.some(({ path: at }) => at === "web/src/cart/gift_cards.ts"));
    assert.ok(pair, JSON.stringify(groups));
    assert.ok(pair.members.some(({ path: at }) => at === "web/src/cart/coupons.ts"), JSON.stringify(pair));
    assert.equal(pair.kind, "renamed");
  });

  it("comes back after the engine was killed, and answers the query made meanwhile", async () => {
    const [before] = extension.exports.folders();
    assert.ok(before?.client.kind === "running");
    const { pid } = before.client;
    process.kill(pid, "SIGKILL");
    const [best] = await hitsOf("salted hash of a password");
    assert.equal(best?.path, "web/src/auth/passwords.ts");
    const after = await until("another engine runs", (api) => api.folders().find(({ client }) => client.kind === "running" && client.pid !== pid));
    assert.ok(after);
    await ready();
  });

  it("leaves out what the settings exclude, at once", async () => {
    const configuration = vscode.workspace.getConfiguration(undefined, vscode.workspace.workspaceFolders![0]!.uri);
    await configuration.update("strata.index.exclude", ["ledger/**"], vscode.ConfigurationTarget.Workspace);
    try {
      await until("no file of ledger/ is indexed", (api) => api.folders()[0]?.status && !api.folders()[0]!.status!.languages["rust"]);
      assert.ok((await hitsOf("move money from one account to another")).every(({ path: at }) => !at.startsWith("ledger/")));
    } finally {
      await configuration.update("strata.index.exclude", undefined, vscode.ConfigurationTarget.Workspace);
      fs.rmSync(path.join(root, ".vscode"), { recursive: true, force: true });
    }
    await until("ledger/ is back and the settings file is gone", (api) => api.folders()[0]?.status?.coverage.files === 17);
    await ready();
  });

  it("shows no more results than the setting says", async () => {
    const configuration = vscode.workspace.getConfiguration();
    await configuration.update("strata.search.maxResults", 3, vscode.ConfigurationTarget.Global);
    try {
      assert.equal((await hitsOf("function that returns a number")).length, 3);
    } finally {
      await configuration.update("strata.search.maxResults", undefined, vscode.ConfigurationTarget.Global);
    }
  });

  it("gives language models its tools", async () => {
    assert.deepEqual(Object.keys(tools).filter((name) => !vscode.lm.tools.some((tool) => tool.name === name)), []);
    const found = await vscode.lm.invokeTool("strata_search", { input: { query: "carrier for a parcel", maxResults: 2 }, toolInvocationToken: undefined });
    const text = found.content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : "")).join("");
    assert.match(text, /worker\/jobs\/labels\.py:\d+-\d+/);
    assert.match(text, /Searched 17 files/);
  });

  it("sets up the terminal's command, which asks the engine of this window, and what agents take", async () => {
    await vscode.commands.executeCommand("strata.setUpTerminal");
    const { mcpServers } = JSON.parse(await vscode.env.clipboard.readText()) as { mcpServers: { strata: { command: string; args: string[] } } };
    const { command, args } = mcpServers.strata;
    assert.deepEqual(args, ["mcp"]);
    const { stdout } = await promisify(execFile)(command, ["search", "carrier for a parcel", "--in", root, "--json"]);
    const { hits } = JSON.parse(stdout) as { hits: { path: string; depth: string }[] };
    assert.deepEqual([hits[0]?.path, hits[0]?.depth], ["worker/jobs/labels.py", "deep"]);
    assert.match((await promisify(execFile)(command, ["mcp", "--config"])).stdout, new RegExp(JSON.stringify(command)));
  });
});

/** A condition that itself waits: polled one at a time. */
function polled(check: () => Promise<boolean>): () => true | undefined {
  let state: "idle" | "busy" | "true" = "idle";
  return () => {
    if (state === "idle") {
      state = "busy";
      void check().then(
        (yes) => {
          state = yes ? "true" : "idle";
        },
        () => {
          state = "idle";
        },
      );
    }
    return state === "true" ? true : undefined;
  };
}
