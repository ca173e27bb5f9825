import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defaultMaxFileBytes } from "../../../src/base/fileSize.ts";
import { settings } from "../../../src/extension/contributions.ts";
import { engineSections, readEngineSettings, readTrainingEnvironment, readWindowSettings } from "../../../src/extension/settings.ts";

const get = (values: Record<string, unknown>) => (key: string) => values[key];

describe("settings", () => {
  it("give the documented defaults when nothing is set", () => {
    assert.deepEqual(readEngineSettings(get({}), false), { backgroundDepth: settings["strata.index.depth"].default, exclude: [], maxFileBytes: defaultMaxFileBytes, paused: false });
    assert.deepEqual(readWindowSettings(get({})), { onStartup: settings["strata.index.onStartup"].default, maxResults: settings["strata.search.maxResults"].default });
  });

  it("join the editor's excludes with Strata's own, sorted and once each", () => {
    const values = { "files.exclude": { "**/.git": true, "**/x": false, "**/*.js": { when: "$(basename).ts" } }, "search.exclude": { "**/node_modules": true, "**/.git": true }, "strata.index.exclude": ["gen/**", 7, "", "**/.git"] };
    assert.deepEqual(readEngineSettings(get(values), false).exclude, ["**/.git", "**/node_modules", "gen/**"]);
  });

  it("exclude a folder however its slashes are written", () => {
    const exclude = ["vendor/", "/build", "./out", "**/gen/", "lib/**", "src/*.js", "/", " "];
    assert.deepEqual(readEngineSettings(get({ "strata.index.exclude": exclude, "files.exclude": { "dist/": true } }), false).exclude, ["**/gen", "build", "dist", "lib/**", "out", "src/*.js", "vendor"]);
  });

  it("search again what search.exclude switches off", () => {
    const values = { "files.exclude": { "**/gen": true, "**/out": true }, "search.exclude": { "**/gen": false } };
    assert.deepEqual(readEngineSettings(get(values), false).exclude, ["**/out"]);
  });

  for (const [given, expected] of [
    [512, 512 * 1024],
    [0, 1024],
    [1.4, 1024],
    [1e9, 65_536 * 1024],
    ["big", defaultMaxFileBytes],
    [Number.NaN, defaultMaxFileBytes],
  ] as const)
    it(`read ${given} kilobytes as ${expected} bytes`, () => {
      assert.equal(readEngineSettings(get({ "strata.index.maxFileSizeKB": given }), false).maxFileBytes, expected);
    });

  for (const [given, expected] of [["instant", "instant"], ["shallow", "shallow"], ["deep", "deep"], ["abyss", "deep"], [3, "deep"]] as const)
    it(`read the depth ${given} as ${expected}`, () => {
      assert.equal(readEngineSettings(get({ "strata.index.depth": given }), true).backgroundDepth, expected);
    });

  it("name the Python for fine-tuning, or none", () => {
    for (const value of [undefined, "", "  ", 3]) assert.deepEqual(readTrainingEnvironment(get({ "strata.training.python": value })), {});
    assert.deepEqual(readTrainingEnvironment(get({ "strata.training.python": " /opt/py/bin/python " })), { STRATA_PYTHON: "/opt/py/bin/python" });
  });

  it("configure engines again wherever they read one", () => {
    const read: string[] = [];
    readEngineSettings((key) => void read.push(key));
    assert.deepEqual(read.filter((key) => !engineSections.some((section) => key.startsWith(section))), []);
  });

  it("survive values of any type", () => {
    for (const value of [null, 0, "x", [], {}, true]) {
      const all = Object.fromEntries([...Object.keys(settings), "files.exclude", "search.exclude"].map((key) => [key, value]));
      assert.doesNotThrow(() => [readEngineSettings(get(all), false), readWindowSettings(get(all))]);
    }
  });
});
