// Activation costs at most 50 ms: the built bundle is loaded and activated beside a VS Code of nothing, in a process of its own,
// and its processor time is taken, which other programs on the machine do not lengthen much. Best of three.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { it } from "node:test";

const root = path.resolve(import.meta.dirname, "../..");
const bundle = path.join(root, "dist", "extension.cjs");

const program = `
  const load = require("module")._load;
  const nothing = new Proxy(function () {}, {
    get: (_target, key) => (key === Symbol.toPrimitive ? () => "" : key === Symbol.iterator ? undefined : key === "then" ? undefined : nothing),
    apply: () => nothing,
    construct: () => nothing,
  });
  const uri = { fsPath: ${JSON.stringify(root)}, scheme: "file", path: ${JSON.stringify(root)} };
  // The bundle copies a module's own properties and inherits the rest: the rest is this.
  const vscode = new Proxy({}, { getPrototypeOf: () => vscode, get: (_target, key) => (key === "workspace" ? new Proxy({ workspaceFolders: [{ uri, name: "w" }], getConfiguration: () => ({ get: () => false }) }, { get: (target, name) => target[name] ?? nothing }) : nothing) });
  require("module")._load = function (request, ...rest) { return request === "vscode" ? vscode : load.call(this, request, ...rest); };
  const before = process.cpuUsage();
  const { activate } = require(${JSON.stringify(bundle)});
  const api = activate({ subscriptions: [], extensionUri: uri, extensionPath: uri.fsPath, extension: { packageJSON: {} }, workspaceState: { get: () => [], update() {} }, globalState: { get: () => undefined, update() {} } });
  const { user, system } = process.cpuUsage(before);
  console.log(JSON.stringify({ ms: (user + system) / 1000, folders: api.folders().map(({ client }) => client.kind) }));
  process.exit(0);
`;

it("the extension is activated in 50 ms of processor time, and starts no engine by that", { skip: !existsSync(bundle) && "the extension is not built (npm run build)" }, (t) => {
  const runs = [1, 2, 3].map(() => {
    const { stdout, stderr } = spawnSync(process.execPath, ["-e", program], { encoding: "utf8" });
    assert.notEqual(stdout, "", stderr);
    return JSON.parse(stdout) as { ms: number; folders: string[] };
  });
  const best = Math.min(...runs.map(({ ms }) => ms));
  t.diagnostic(`processor time of loading and activating: ${best.toFixed(1)} ms`);
  assert.ok(best <= 50, `${best} ms`);
  assert.deepEqual(runs[0]!.folders, ["idle"]);
});
