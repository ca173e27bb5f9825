// Why nothing passes the filters of a question: told of what can be told, and only then.
import assert from "node:assert/strict";
import path from "node:path";
import test, { type TestContext } from "node:test";
import { defaultSettings } from "../../../src/engine/options.ts";
import { whyNothing } from "../../../src/engine/whyNothing.ts";
import { parseFilters } from "../../../src/search/query.ts";
import { temporaryFolder, writeFiles } from "../../support/temporaryFolder.ts";

const languages = { go: 2, "skipped:binary": 9, markdown: 1, python: 3, yaml: 1 };

function workspace(t: TestContext): string {
  return temporaryFolder(t, { ".gitignore": "gen/\nlocal.ts\n", ".env": "KEY=1", "gen/api/client.ts": "", "local.ts": "", "old/a.ts": "", "src/a b/c(d).ts": "", "src/large.ts": "x".repeat(3000), "src/gen/a.ts": "", ".git/config": "" });
}

async function told(root: string, filters: string, under = "", isRead = true): Promise<string | undefined> {
  const settings = { ...defaultSettings, exclude: ["old/**"], maxFileBytes: 2000 };
  const answer = await whyNothing(parseFilters({ filters, under }), { languages: () => languages, lookedMs: () => (isRead ? 1 : undefined) }, root, settings);
  assert.equal(answer?.nothingPasses, true);
  return answer?.whyNothing;
}

test("an answer that was not emptied by filters has nothing to tell", async (t) => {
  assert.equal(await whyNothing(undefined, { languages: () => languages, lookedMs: () => 1 }, workspace(t), defaultSettings), undefined);
});

test("what a path names is left out by ignore rules, by the editor, or for what it is", async (t) => {
  const root = workspace(t);
  const ignored = (name: string) => `${name} is left out by ignore rules. In a file .strataignore the line "!${name}" takes back what ignore files say.`;
  for (const filters of ["path:gen", "path:gen/**", "path:./gen/", "path:gen/api/client.ts", "path:gen/api/cli", "path:gen/*/client.ts", "path:/gen/api", "lang:go path:src,gen"]) assert.equal(await told(root, filters), ignored("gen"), filters);
  assert.equal(await told(root, "path:local.ts"), ignored("local.ts"));
  assert.equal(await told(root, "path:gen", "src"), ignored("src/gen"), "as they are shown to who asks about a folder");
  assert.equal(await told(root, "path:old/a.ts"), "old is left out by the editor's excludes: files.exclude, search.exclude or strata.index.exclude.");
  assert.equal(await told(root, "path:.env"), ".env is left out (secret).");
  assert.equal(await told(root, "path:src/large.ts"), "src/large.ts is left out (too large).");
});

test("worktrees inside the checkout and folders of tools are left out for what they are: no line of an ignore file brings them back", async (t) => {
  const root = workspace(t);
  writeFiles(root, {
    ".git/index": "",
    ".git/worktrees/one/commondir": "../..\n",
    ".agents/one/.git": `gitdir: ${path.join(root, ".git/worktrees/one")}\n`,
    ".agents/one/src/a.ts": "",
    "made/CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n",
  });
  for (const filters of ["path:.agents/one", "path:.agents/one/src/a.ts"]) assert.match((await told(root, filters)) ?? "", /^\.agents\/one is left out: it is a git worktree of this checkout .* open that folder itself\.$/, filters);
  assert.match((await told(root, "path:made")) ?? "", /^made is left out: its CACHEDIR\.TAG/);
  assert.equal(await told(root, "path:.agents"), undefined);
});

test("of paths that are read, are nowhere, lead out or are version control's nothing is told", async (t) => {
  const root = workspace(t);
  for (const filters of ["path:src", 'path:"src/a b/c(d).ts"', "path:nowhere/gen", "path:*.ts", "path:../gen", "path:.git/config", "path:{gen,src}", "in:tests", "-path:gen"]) assert.equal(await told(root, filters), undefined, filters);
});

test("a language that no file is in is named beside those that most are in, once all files are read", async (t) => {
  const root = workspace(t);
  assert.equal(await told(root, "lang:rust"), "There is no file in rust. Most are in python, go, markdown.");
  assert.equal(await told(root, "lang:ts"), "There is no file in typescript or tsx. Most are in python, go, markdown.");
  assert.equal(await told(root, "lang:go in:tests"), undefined);
  assert.equal(await told(root, "lang:rust", "", false), undefined);
});
