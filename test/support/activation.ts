// Loads and activates the built extension beside a VS Code of nothing, in a process of its own.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import path from "node:path";
import { packageRoot } from "../../src/base/assets.ts";

export const extensionBundle = path.join(packageRoot, "dist", "extension.cjs");

export interface Activation {
  /** Processor time, which other programs on the machine do not lengthen much. */
  readonly ms: number;
  /** What the bundle required, besides `vscode` and Node's own modules. */
  readonly loaded: readonly string[];
  /** State of the client of each workspace folder. */
  readonly folders: readonly string[];
  /** Context keys that were set. */
  readonly contexts: Readonly<Record<string, unknown>>;
}

const program = `
  const { _load, isBuiltin } = require("module");
  const nothing = new Proxy(function () {}, {
    get: (_target, key) => (key === Symbol.toPrimitive ? () => "" : key === Symbol.iterator ? undefined : key === "then" ? undefined : nothing),
    apply: () => nothing,
    construct: () => nothing,
  });
  const uri = { fsPath: ${JSON.stringify(packageRoot)}, scheme: "file", path: ${JSON.stringify(packageRoot)} };
  // The bundle copies a module's own properties and inherits the rest: the rest is this.
  const contexts = {};
  const commands = new Proxy({ executeCommand: (name, key, value) => name === "setContext" && (contexts[key] = value) }, { get: (target, name) => target[name] ?? nothing });
  const vscode = new Proxy({}, { getPrototypeOf: () => vscode, get: (_target, key) => (key === "commands" ? commands : key === "workspace" ? new Proxy({ workspaceFolders: [{ uri, name: "w" }], getConfiguration: () => ({ get: () => false }) }, { get: (target, name) => target[name] ?? nothing }) : nothing) });
  const loaded = [];
  require("module")._load = function (request, ...rest) {
    if (request === "vscode") return vscode;
    if (!isBuiltin(request)) loaded.push(request);
    return _load.call(this, request, ...rest);
  };
  const before = process.cpuUsage();
  const { activate } = require(${JSON.stringify(extensionBundle)});
  const api = activate({ subscriptions: [], extensionUri: uri, extensionPath: uri.fsPath, extension: { packageJSON: {} }, workspaceState: { get: () => [], update() {} }, globalState: { get: () => undefined, update() {} } });
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ ms: (user + system) / 1000, loaded: loaded.slice(1), folders: api.folders().map(({ client }) => client.kind), contexts }));
  process.exit(0);
`;

export function activateExtension(): Activation {
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", program], { encoding: "utf8" });
  assert.notEqual(stdout, "", stderr);
  return JSON.parse(stdout) as Activation;
}
