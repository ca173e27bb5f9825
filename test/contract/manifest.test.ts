// package.json's VS Code part and package.nls.json are what src/extension/contributions.ts says, in both directions.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { expectedManifest } from "../../scripts/manifest.mjs";
import { commands, contextKeys, keybindings, menus, settings, tools, walkthrough } from "../../src/extension/contributions.ts";

const root = path.resolve(import.meta.dirname, "../..");
const read = (file: string) => JSON.parse(readFileSync(path.join(root, file), "utf8")) as Record<string, unknown>;
const manifest = read("package.json");
const nls = read("package.nls.json");
const expected = expectedManifest();
const owned = Object.keys(expected.manifest);

describe("the manifest", () => {
  for (const key of owned)
    it(`has the table's ${key} (else: npm run manifest)`, () => {
      assert.deepEqual(manifest[key], (expected.manifest as Record<string, unknown>)[key]);
    });

  it("has a version that the changelog and the lock file know as the newest", () => {
    const { version } = manifest;
    const newest = /^## (\S+)/m.exec(readFileSync(path.join(root, "CHANGELOG.md"), "utf8"))?.[1];
    const lock = read("package-lock.json") as { version: string; packages: Record<string, { version: string }> };
    assert.deepEqual([newest, lock.version, lock.packages[""]!.version], [version, version, version]);
  });

  it("has every text it refers to, and no other", () => {
    assert.deepEqual(nls, expected.nls);
    const used = new Set([...JSON.stringify(Object.fromEntries(owned.map((key) => [key, manifest[key]]))).matchAll(/"%([^%"]+)%"/g)].map(([, key]) => key));
    assert.deepEqual([...used].sort(), Object.keys(nls).sort());
  });

  it("has a text worth reading for each of them", () => {
    for (const [key, text] of Object.entries(nls)) assert.ok(typeof text === "string" && text.trim() === text && text.length > 2, key);
  });

  it("uses in the walkthrough only the emphasis that VS Code draws there", () => {
    for (const { description } of walkthrough) assert.doesNotMatch(description.replaceAll("**", ""), /[*_]\w/);
  });

  it("puts only existing commands into menus, keys, texts and the walkthrough", () => {
    const named = [
      ...keybindings.map(({ command }) => command),
      ...Object.values(menus).flat().map(({ command }) => command),
      ...[...JSON.stringify([nls, walkthrough]).matchAll(/(?:command|onCommand):(strata\.\w+)/g)].map(([, id]) => id!),
    ];
    assert.deepEqual(named.filter((id) => !Object.hasOwn(commands, id)), []);
  });

  it("takes no single stroke for itself, which could be a character or another extension's, but the editor's own for results while it shows some", () => {
    assert.deepEqual(keybindings.filter(({ when }) => when === "strata.hasResults").map(({ key }) => key), ["f4", "shift+f4"]);
    for (const { key, mac } of keybindings.filter(({ when }) => when !== "strata.hasResults")) assert.deepEqual([key.split(" ").length, key.split(" ")[0], mac?.split(" ")[0]], [2, "ctrl+k", "cmd+k"]);
  });

  it("uses only context keys that the extension sets", () => {
    const clauses = JSON.stringify([commands, menus, keybindings]);
    const used = [...clauses.matchAll(/!?(strata\.\w+)(?= |"|\)|&)/g)].map(([, key]) => key!).filter((key) => !Object.hasOwn(commands, key) && key !== "strata.searchView");
    assert.deepEqual([...new Set(used)].filter((key) => !(contextKeys as readonly string[]).includes(key)), []);
  });

  it("names files that exist", () => {
    const files = [...JSON.stringify(Object.fromEntries(owned.map((key) => [key, manifest[key]]))).matchAll(/"(media\/[^"]+)"/g)].map(([, file]) => file!);
    assert.ok(files.length > 3);
    assert.deepEqual(files.filter((file) => !existsSync(path.join(root, file))), []);
  });

  it("gives each setting a default that it allows, and a scope", () => {
    for (const [key, setting] of Object.entries(settings) as [string, (typeof settings)[keyof typeof settings] & { minimum?: number; maximum?: number; enum?: object }][]) {
      const { default: standard, minimum, maximum } = setting;
      if (setting.enum) assert.ok(Object.hasOwn(setting.enum, standard as string), key);
      if (typeof standard === "number") assert.ok(standard >= minimum! && standard <= maximum!, key);
      assert.equal(Array.isArray(standard) ? "array" : typeof standard, setting.type, key);
      assert.ok(["resource", "window", "machine-overridable", "machine"].includes(setting.scope), key);
    }
  });

  it("has every setting and command that a message of the program names", () => {
    const texts = readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => readFileSync(path.join(root, "src", file), "utf8"));
    const named = texts.flatMap((text) => [...text.matchAll(/\bstrata\.[a-z]+\.[A-Za-z]+/g)].map(([key]) => key));
    assert.ok(named.length > 6);
    assert.deepEqual(named.filter((key) => !Object.hasOwn(settings, key)), []);
    const titles = Object.values(commands).map(({ title }) => title);
    const offered = texts.flatMap((text) => [...text.matchAll(/[Cc]ommand Strata: (.{1,60})/g)].map(([, words]) => words!));
    assert.ok(offered.length > 1);
    assert.deepEqual(offered.filter((words) => !titles.some((title) => words.startsWith(title))), []);
  });

  it("refers to settings in its texts that exist", () => {
    for (const [, key] of JSON.stringify(nls).matchAll(/`#([\w.]+)#`/g)) assert.ok(Object.hasOwn(settings, key!) || ["files.exclude", "search.exclude"].includes(key!), key);
  });

  it("names every tool in a way language models accept", () => {
    for (const name of Object.keys(tools)) assert.match(name, /^[\w-]{1,64}$/);
    const references = Object.values(tools).map(({ reference }) => reference);
    assert.equal(new Set(references).size, references.length);
  });
});
