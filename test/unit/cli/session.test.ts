// Which folders a question goes to.
import assert from "node:assert/strict";
import { mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { foldersNamed, foldersServed, tooWideHere, wholeIndexes } from "../../../src/cli/session.ts";
import { indexFolder, makeIndexFolder } from "../../../src/engine/paths.ts";
import { temporaryFolder, useCache } from "../../support/temporaryFolder.ts";

const scratch = temporaryFolder({ after });
useCache({ after }, path.join(scratch, "cache"));

const at = (name: string): string => path.join(scratch, name);
for (const folder of ["one/api", "two/api", "mono/packages/net", "mono/packages/net/deep", "mono/packages/shop", "gone"]) mkdirSync(at(folder), { recursive: true });
let usedMs = 1e12;
function index(name: string): void {
  const folder = indexFolder(at(name));
  makeIndexFolder(folder, at(name));
  writeFileSync(path.join(folder, "index.db"), "");
  usedMs += 1000;
  for (const file of ["index.db", "root", "CACHEDIR.TAG"]) utimesSync(path.join(folder, file), usedMs / 1000, usedMs / 1000);
}

test("folders of one name are told apart, and one that is named twice is one", () => {
  const { folders } = foldersNamed([at("one/api"), at("two/api"), `${at("one/api")}/`]);
  assert.deepEqual(folders.map(({ name, root, scope }) => [name, root, scope.under]), [["one/api", at("one/api"), ""], ["two/api", at("two/api"), ""]]);
});

test("of several, one that is not there is a problem of its own; alone, or with others that are not, it is an error", () => {
  const { folders } = foldersNamed([at("one/api"), at("nowhere")]);
  assert.deepEqual(folders.map(({ name, problem }) => [name, problem?.code]), [["api", undefined], ["nowhere", "workspace.missing"]]);
  for (const given of [[at("nowhere")], [at("nowhere"), at("nothing")]]) assert.throws(() => foldersNamed(given), { code: "workspace.missing", message: /nowhere/ });
});

test("with all every folder that has an index is meant, those used last first, as many as engines may run", () => {
  assert.throws(() => foldersNamed(["all"]), { code: "workspace.missing" }, "there is none yet");
  for (const name of ["gone", "one/api", "mono"]) index(name);
  mkdirSync(indexFolder(at("two/api")), { recursive: true }); // of which nothing was made yet
  rmSync(at("gone"), { recursive: true });
  const all = foldersNamed(["all"], 9);
  assert.deepEqual([all.folders.map(({ root }) => root), all.gone, all.tooMany], [[at("mono"), at("one/api")], [at("gone")], []]);
  const few = foldersNamed(["all"], 1);
  assert.deepEqual([few.folders.map(({ root }) => root), few.tooMany], [[at("mono")], [at("one/api")]]);
  assert.throws(() => foldersNamed(["all", at("one/api")]), { code: "input.invalid", message: /Leave out the other --in/ });
});

test("parts of an indexed project are parts, of which one inside another is no more; code like some is looked for in the whole", () => {
  const { folders } = foldersNamed([at("mono/packages/net/deep"), at("mono/packages/net"), at("mono/packages/shop")]);
  assert.deepEqual(folders.map(({ name, scope }) => [name, scope]), [["net", { root: at("mono"), under: "packages/net" }], ["shop", { root: at("mono"), under: "packages/shop" }]]);
  assert.deepEqual(wholeIndexes(folders).map(({ root, scope }) => [root, scope.under]), [[at("mono"), ""]]);
  assert.deepEqual(foldersNamed([at("mono"), at("mono/packages/net")]).folders.map(({ root }) => root), [at("mono")]);
});

test("of two folders without an index the outer one gets one, unless it leaves the inner one out", () => {
  for (const folder of ["new/pkg/core", "new/out"]) mkdirSync(at(folder), { recursive: true });
  writeFileSync(at("new/.gitignore"), "out/\n");
  const roots = (...names: readonly string[]) => foldersNamed(names.map(at)).folders.map(({ root }) => root);
  assert.deepEqual(roots("new/pkg/core", "new"), [at("new")]);
  assert.deepEqual(roots("new", "new/pkg", "new/pkg/core"), [at("new")]);
  assert.deepEqual(roots("new", "new/out"), [at("new"), at("new/out")]);
});

test("more folders than this machine has memory for engines are refused, parts of one index not", () => {
  const says = { code: "input.invalid", message: /^These are 2 folders, each with an engine of its own, and this machine has the memory for 1\. Name fewer\.$/ };
  assert.throws(() => foldersNamed([at("one/api"), at("two/api")], 1), says);
  assert.throws(() => foldersServed([at("one/api"), at("two/api")], 1), says);
  assert.equal(foldersNamed([at("mono/packages/net"), at("mono/packages/shop")], 1).folders.length, 2);
});

test("agents are served the folders that were named, though one is not there yet, but not none", () => {
  assert.deepEqual(foldersServed([at("one/api"), at("two/api"), at("later")]).map(({ name }) => name), ["one/api", "two/api", "later"]);
  assert.throws(() => foldersServed([at("later"), at("never")]), { code: "workspace.missing" });
  assert.deepEqual(foldersServed([at("mono/packages/net")]), [{ root: at("mono/packages/net"), name: "net", scope: { root: at("mono"), under: "packages/net" } }], "a part of an index");
  assert.deepEqual(foldersServed([at("one/api")]), [{ root: at("one/api"), name: "api" }]);
});

test("a home folder and a whole disk are read by who names them, not by who stands there", (t) => {
  const home = process.env[process.platform === "win32" ? "USERPROFILE" : "HOME"];
  const set = (folder: string): void => void (process.env[process.platform === "win32" ? "USERPROFILE" : "HOME"] = folder);
  t.after(() => (home === undefined ? delete process.env["HOME"] : set(home)));
  set(at("one"));
  for (const folder of [at("one"), path.parse(at("one")).root]) assert.match(tooWideHere(folder)?.message ?? "", /is no project.*--in DIR.*"mcp", "DIR"/);
  assert.equal(tooWideHere(at("one/api")), undefined);
  const cwd = process.cwd();
  t.after(() => process.chdir(cwd));
  process.chdir(at("one"));
  assert.throws(() => foldersNamed([]), { code: "workspace.missing" });
  assert.deepEqual(foldersNamed(["."]).folders.map(({ root }) => root), [at("one")], "named");
  index("one");
  assert.equal(tooWideHere(at("one")), undefined, "somebody has asked for it before");
});
