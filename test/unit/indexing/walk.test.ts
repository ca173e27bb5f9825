import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { StrataError } from "../../../src/base/errors.ts";
import { defaultMaxFileBytes } from "../../../src/base/fileSize.ts";
import { IgnoreRules, isElsewhere, scopePattern } from "../../../src/indexing/ignoreRules.ts";
import { PathFilter, walk, type WalkOptions } from "../../../src/indexing/walk.ts";
import { shareMocks } from "../../support/builtins.ts";
import { assertGrowsEvenly } from "../../support/cost.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const scratch = temporaryFolder({ after });
let folders = 0;

/** A folder with these files; a name that ends in "/" is an empty directory. */
function tree(files: Readonly<Record<string, string>>): string {
  const root = path.join(scratch, String(folders++));
  mkdirSync(root);
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(root, name);
    mkdirSync(name.endsWith("/") ? file : path.dirname(file), { recursive: true });
    if (!name.endsWith("/")) writeFileSync(file, content);
  }
  return root;
}

const filterPath = (root: string, name: string, options: WalkOptions = {}) => new PathFilter(root, options).check(name);

async function walked(root: string, options: WalkOptions = {}) {
  const files: string[] = [];
  const skipped: Record<string, string> = {};
  for await (const file of walk(root, options, (name, reason) => (skipped[name] = reason))) files.push(file.path);
  return { files, skipped };
}

/** Checks the walk, and that a question about every single path gets the walk's answer. */
async function check(root: string, expected: readonly string[], options: WalkOptions = {}): Promise<void> {
  const { files } = await walked(root, options);
  assert.deepEqual([...files].sort(), [...expected].sort());
  const everything = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
  const filter = new PathFilter(root, options);
  const single: string[] = [];
  for (const file of everything) if ((await filter.check(file)).kind === "file") single.push(file);
  assert.deepEqual(single.sort(), files.sort(), "PathFilter and walk agree");
}

const hasGit = spawnSync("git", ["--version"]).status === 0;
function git(root: string, ...args: string[]): string {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: os.devNull, GIT_CONFIG_SYSTEM: os.devNull };
  const result = spawnSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.org", ...args], { cwd: root, encoding: "utf8", env, maxBuffer: 1 << 26 });
  assert.equal(result.status, 0, `git ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

const ignoreCases: readonly { name: string; files: Readonly<Record<string, string>>; expected: readonly string[] }[] = [
  { name: "a pattern without a slash holds at every depth", files: { ".gitignore": "out\n*.tmp", "a.ts": "", "x.tmp": "", "out/b.ts": "", "d/e/out/c.ts": "", "d/e/y.tmp": "", "d/e/f.ts": "" }, expected: ["a.ts", "d/e/f.ts"] },
  { name: "a pattern with a slash holds from its own directory", files: { "p/.gitignore": "/gen\nsub/gen", "gen/a.ts": "", "p/gen/b.ts": "", "p/sub/gen/c.ts": "", "p/q/gen/d.ts": "", "p/q/sub/gen/e.ts": "" }, expected: ["gen/a.ts", "p/q/gen/d.ts", "p/q/sub/gen/e.ts"] },
  { name: "a deeper file re-includes what a shallower one excludes", files: { ".gitignore": "*.gen.ts\nfoo/", "a.gen.ts": "", "keep/.gitignore": "!*.gen.ts\n!foo/", "keep/b.gen.ts": "", "keep/foo/c.ts": "", "foo/d.ts": "" }, expected: ["keep/b.gen.ts", "keep/foo/c.ts"] },
  { name: "nothing below an excluded directory can be re-included", files: { ".gitignore": "build/\n!build/keep.ts", "build/keep.ts": "", "build/.gitignore": "!keep.ts" }, expected: [] },
  { name: "a folder that a pattern excludes and a later line takes back keeps its files", files: { ".gitignore": "a/*\n!a/b", "a/b/c.ts": "", "a/d/e.ts": "", "a/f.ts": "" }, expected: ["a/b/c.ts"] },
  { name: "a name is not the beginning of a longer one", files: { ".gitignore": "a.t\n/d/b.t", "a.ts": "", "d/b.ts": "" }, expected: ["a.ts", "d/b.ts"] },
  { name: "behind a negation # and ! are letters", files: { ".gitignore": "*.ts\n!#*.ts\n!!*.ts\n!#d/*.ts", "#a.ts": "", "!b.ts": "", "#d/c.ts": "", "d/e.ts": "" }, expected: ["#a.ts", "!b.ts", "#d/c.ts"] },
  { name: "a byte order mark is no part of the first line", files: { ".gitignore": "a.ts", ".ignore": "\uFEFF!a.ts", "a.ts": "" }, expected: ["a.ts"] },
  { name: "the last matching line decides", files: { ".gitignore": "*.ts\n!a.ts\n!b.ts\nb.ts", "a.ts": "", "b.ts": "", "c.ts": "" }, expected: ["a.ts"] },
  { name: "escapes, comments, blank lines, trailing spaces and Windows line ends", files: { ".gitignore": "\uFEFF# note\r\n\r\n\\#hash.ts\r\n\\!bang.ts\r\nspace.ts   \r\n", "#hash.ts": "", "!bang.ts": "", "space.ts": "", "note.ts": "" }, expected: ["note.ts"] },
  { name: "a directory name with glob characters is no glob", files: { "a[b]/.gitignore": "x.ts\n\\!y.ts", "a[b]/x.ts": "", "a[b]/!y.ts": "", "ab/x.ts": "", "a[b]/z.ts": "" }, expected: ["ab/x.ts", "a[b]/z.ts"] },
  { name: ".ignore overrides .gitignore and .strataignore overrides both", files: { ".gitignore": "a.ts\nb.ts", ".ignore": "!a.ts\nc.ts", ".strataignore": "!c.ts\nd.ts", "a.ts": "", "b.ts": "", "c.ts": "", "d.ts": "" }, expected: ["a.ts", "c.ts"] },
  { name: "installed packages and caches are left out without being asked for, and can be asked for", files: { "node_modules/a/i.js": "", "p/.venv/lib/x.py": "", "p/.yarn/cache/y.js": "", "__pycache__/x.py": "", ".pc/fix.patch/src/a.c": "", "dist/d.js": "", "vendor/v.go": "", "q/.strataignore": "!node_modules/", "q/node_modules/z.js": "" }, expected: ["dist/d.js", "vendor/v.go", "q/node_modules/z.js"] },
  { name: "the inside of .git and its like is never seen, at any depth", files: { ".gitignore": "!.git\n!.hg", ".hg/a.py": "", "sub/.svn/b.py": "", ".jj/c.py": "", ".git/HEAD": "ref", ".git/hooks/a.py": "", "sub/.git/x.py": "", ".github/workflows/ci.yml": "", "a.py": "" }, expected: [".github/workflows/ci.yml", "a.py"] },
  { name: ".git/info/exclude counts, below the .gitignore files", files: { ".git/HEAD": "", ".git/info/exclude": "local.ts\nother.ts", ".gitignore": "!other.ts", "local.ts": "", "other.ts": "", "d/local.ts": "" }, expected: ["other.ts"] },
  { name: "a nested repository keeps to its own git rules", files: { ".git/HEAD": "", ".gitignore": "*.log.ts\nskip.ts", ".strataignore": "never.ts", "a.log.ts": "", "n/.git/HEAD": "", "n/.git/info/exclude": "e.ts", "n/b.log.ts": "", "n/e.ts": "", "n/never.ts": "", "n/.gitignore": "own.ts", "n/own.ts": "", "n/skip.ts": "" }, expected: ["n/b.log.ts", "n/skip.ts"] },
  { name: "a file .git that names no folder begins no repository", files: { ".git/HEAD": "", ".gitignore": "a.ts", "n/.git": "nothing", "n/a.ts": "", "n/b.ts": "" }, expected: ["n/b.ts"] },
];
for (const { name, files, expected } of ignoreCases) test(name, () => check(tree(files), expected));

test("a worktree's .git file leads to the exclude file of its repository", async () => {
  const outside = tree({ "main/.git/info/exclude": "local.ts", "main/.git/worktrees/w/commondir": "../..\n" });
  const root = tree({ "local.ts": "", "a.ts": "", ".git": `gitdir: ${path.join(outside, "main/.git/worktrees/w")}\n` });
  await check(root, ["a.ts"]);
});

test("a worktree inside the checkout it belongs to is left out, unless it is opened on purpose; another repository is not", { skip: hasGit ? false : "git is not installed" }, async () => {
  const root = realpathSync(tree({ "a.ts": "", "lib/b.ts": "", "other/c.ts": "" }));
  git(path.join(root, "other"), "init", "-q");
  git(root, "init", "-q");
  git(root, "add", "a.ts", "lib");
  git(root, "commit", "-qm", "all");
  git(root, "worktree", "add", "-q", ".agents/one", "-b", "one");
  git(path.join(root, ".agents/one"), "worktree", "add", "-q", "two", "-b", "two");
  await check(root, ["a.ts", "lib/b.ts", "other/c.ts"]);
  await check(path.join(root, ".agents/one"), ["a.ts", "lib/b.ts"]);
  await check(path.join(root, ".agents/one/lib"), ["b.ts"]);
  await check(path.join(root, ".agents"), ["one/a.ts", "one/lib/b.ts"]);
});

test("worktrees of a bare repository, which has no files of its own, are read", { skip: hasGit ? false : "git is not installed" }, async () => {
  const from = realpathSync(tree({ "a.ts": "" }));
  git(from, "init", "-q");
  git(from, "add", ".");
  git(from, "commit", "-qm", "all");
  const root = realpathSync(tree({ ".git": "gitdir: ./.bare\n" }));
  git(root, "clone", "-q", "--bare", from, ".bare");
  for (const branch of ["one", "two"]) git(root, "worktree", "add", "-q", branch, "-b", branch);
  assert.deepEqual((await walked(root)).files.filter((file) => file.endsWith(".ts")).sort(), ["one/a.ts", "two/a.ts"]);
});

test("opening a folder inside a repository honours the rules above it", async () => {
  const repository = tree({ ".git/HEAD": "", ".gitignore": "dist/\n/packages/app/gen.ts", "packages/.gitignore": "!dist/", "packages/app/a.ts": "", "packages/app/gen.ts": "", "packages/app/dist/b.ts": "", "other/dist/c.ts": "" });
  await check(path.join(repository, "packages/app"), ["a.ts", "dist/b.ts"]);
  await check(path.join(repository, "other"), []);
});

test("a folder that a tool marked as its cache is left out, unless it is opened on purpose", async () => {
  const tag = "Signature: 8a477f597d28d172789f06886806bc55\n# made by a tool\n";
  const root = tree({ "a.ts": "", "target/CACHEDIR.TAG": tag, "target/.gitignore": "!deep", "target/b.ts": "", "target/deep/c.ts": "", "src/CACHEDIR.TAG": "just a name", "src/d.ts": "" });
  await check(root, ["a.ts", "src/CACHEDIR.TAG", "src/d.ts"]);
  assert.ok((await walked(path.join(root, "target"))).files.includes("deep/c.ts"));
});

test("opening an ignored folder on purpose searches it", async () => {
  const repository = tree({ ".git/HEAD": "", ".gitignore": "dist/\n/gen*", "dist/a.js": "", "gen1/b.js": "", "node_modules/pkg/i.js": "", "node_modules/pkg/node_modules/deep/i.js": "" });
  await check(path.join(repository, "dist"), ["a.js"]);
  await check(path.join(repository, "gen1"), ["b.js"]);
  await check(path.join(repository, "node_modules/pkg"), ["i.js"]);
  const linked = tree({ ".git/HEAD": "", "node_modules/pkg/.gitignore": "a/*\n!a/b", "node_modules/pkg/a/b/c.js": "", "node_modules/pkg/a/d.js": "" });
  await check(path.join(linked, "node_modules/pkg"), ["a/b/c.js"]);
});

test("editor excludes are globs; one that matches a folder excludes its content", async () => {
  const root = tree({ "a.ts": "", "a.spec.ts": "", "gen/b.ts": "", "x/gen/c.ts": "", ".hidden/d.ts": "", "x/y.ts": "" });
  await check(root, ["a.ts", "x/y.ts"], { exclude: ["**/*.spec.ts", "**/gen", ".hidden/**"] });
});

test("the same files as git, on generated repositories with ignore files at every level", { skip: hasGit ? false : "git is not installed" }, async () => {
  let seed = 20261123;
  const random = (n: number) => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % n;
  const names = ["a", "b", "c", "foo", "foo.ts", "bar.ts", "b[1].ts", "x y.ts", "#h.ts", "lib", "src", "é.ts"];
  const lines = ["a", "/a", "a/", "!a/", "!a", "foo", "foo.ts", "/foo.ts", "!foo.ts", "*.ts", "!*.ts", "b*", "src/*", "!src/foo.ts", "**/lib", "lib/**", "!lib/**/bar.ts", "src/**/c", "b[[]1].ts", "x\\ y.ts", "\\#h.ts", "# no", "?", "[a-b]", "c/foo", "!c/foo", "/*", "!/src", "é.ts", "*/foo/", "src/lib/"];
  for (let repository = 0; repository < 12; repository++) {
    const files: Record<string, string> = {};
    const fill = (directory: string, depth: number): void => {
      for (const name of names) {
        if (random(3) === 0) continue;
        if (name.includes(".")) files[directory + name] = "x";
        else if (depth < 4) fill(`${directory}${name}/`, depth + 1);
        else files[directory + name] = "x";
      }
      if (random(3) === 0) files[`${directory}.gitignore`] = Array.from({ length: 1 + random(5) }, () => lines[random(lines.length)]).join("\n");
    };
    fill("", random(2) + 1);
    const root = tree(files);
    git(root, "init", "-q");
    if (repository % 2 === 0) writeFileSync(path.join(root, ".git/info/exclude"), "bar.ts\n/lib/\n");
    const expected = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0").filter((file) => file !== "" && path.basename(file) !== ".gitignore");
    const { files: found } = await walked(root);
    assert.deepEqual(found.sort(), expected.sort(), `repository ${repository}`);
  }
});

test("an ignore file that is no regular file, or far too long, has no rules and holds nothing up", { skip: process.platform === "win32" }, async () => {
  const root = tree({ "link/a.ts": "", "pipe/a.ts": "", "self/a.ts": "", "long/a.ts": "", "long/.gitignore": `a.ts\n${"#\n".repeat(600_000)}`, outside: "a.ts" });
  symlinkSync("/dev/zero", path.join(root, "link", ".gitignore"));
  symlinkSync("../outside", path.join(root, "link", ".ignore"));
  assert.equal(spawnSync("mkfifo", [path.join(root, "pipe", ".gitignore")]).status, 0);
  symlinkSync(".git", path.join(root, "self", ".git"));
  await check(root, ["link/a.ts", "long/a.ts", "outside", "pipe/a.ts", "self/a.ts"]);
  assert.equal((await walked(root)).skipped["long/.gitignore"], "not every rule read", "who wonders why its rules do not hold is told");
});

test("lines that no rule is as long as, and patterns beyond some thousands, stop nothing", async () => {
  const root = tree({ "a.ts": "", "x.tmp": "", "d/b.ts": "", "d/y.old": "", ".gitignore": `a${"/*".repeat(60_000)}\n${"a*".repeat(9_000)}\n*.tmp\n`, "d/.gitignore": `*.old\n${"*.x\n".repeat(200_000)}` });
  await check(root, ["a.ts", "d/b.ts"]);
  assert.deepEqual((await walked(root)).skipped, { ".gitignore": "not every rule read", "d/.gitignore": "not every rule read" });
  assert.deepEqual((await walked(tree({ "a.ts": "", ".gitignore": `# ${"*".repeat(60_000)}\n\n*.tmp\n` }))).skipped, { ".gitignore": "settings" }, "a remark is no rule");
  const rules = new IgnoreRules(root);
  const inside = rules.rulesOf("d");
  assert.ok(inside && inside.levels.every(({ signs }) => signs <= 10_000) && inside.levels.at(-1)!.scoped.length > 5_000);
});

test("a directory of many entries that many patterns are tried on lets others have their turn", async (t) => {
  const root = tree({ ".gitignore": Array.from({ length: 9_000 }, (_, i) => `*.x${i}\n`).join(""), ...Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`${i}.ts`, ""])) });
  let turn = 0;
  let pending = setImmediate(function count() {
    turn++;
    pending = setImmediate(count);
  });
  t.after(() => clearImmediate(pending));
  const turns = new Set<number>();
  const { ignores } = IgnoreRules.prototype;
  t.mock.method(IgnoreRules.prototype, "ignores", function (this: IgnoreRules, ...given: Parameters<typeof ignores>) {
    turns.add(turn);
    return ignores.apply(this, given);
  });
  assert.equal((await walked(root)).files.length, 40);
  assert.ok(turns.size > 1, "between two entries of one directory");
});

test("a .git file does not lead to another machine", () => {
  const { win32 } = path;
  assert.equal(isElsewhere(String.raw`\\evil.example\share\x`, String.raw`C:\code`, win32), true);
  assert.equal(isElsewhere("//evil.example/share/x", String.raw`C:\code`, win32), true);
  assert.equal(isElsewhere(String.raw`\\nas\code\main\.git`, String.raw`\\NAS\code\tree`, win32), false, "where the worktree itself lies there");
  assert.equal(isElsewhere(String.raw`D:\main\.git`, String.raw`C:\tree`, win32), false);
  assert.equal(isElsewhere("/other/main/.git", "/tree", path.posix), false);
});

test("thousands of plain lines of an ignore file are looked up, not tried one by one", (t) => {
  const root = tree({ ".gitignore": Array.from({ length: 3000 }, (_, i) => `made${i}.txt\nout/made${i}/\n`).join("") });
  const rules = new IgnoreRules(root);
  const top = rules.enter(undefined, "");
  const tried = t.mock.method(RegExp.prototype, "test").mock;
  assert.equal(rules.ignores(top, "a.ts", false), false);
  assert.equal(rules.ignores(top, "made2999.txt", false), true);
  assert.equal(rules.ignores(top, "out/made7", true), true);
  assert.equal(rules.ignores(top, "out/made7", false), false);
  assert.ok(tried.callCount() < 300, `${tried.callCount()} expressions were tried`);
});

test("patterns keep their meaning when they move to the base directory", () => {
  const cases: readonly [string, string, string | undefined][] = [
    ["foo", "d", "/d/**/foo"], ["foo/", "d", "/d/**/foo/"], ["/foo", "d", "/d/foo"], ["a/b", "d", "/d/a/b"], ["!x", "d", "!/d/**/x"],
    ["**/x", "d", "/d/**/x"], ["\\!x", "d", "/d/**/!x"], ["# c", "d", undefined], ["", "d", undefined], ["/", "d", undefined], ["!", "d", undefined],
    ["foo", "", "foo"], ["x", "a*b", "/a\\*b/**/x"],
  ];
  for (const [line, directory, expected] of cases) assert.equal(scopePattern(line, directory), expected, line);
});

test("files that are not code are skipped, each with its reason", async () => {
  const root = tree({ "a.ts": "x", ".env": "", "key.pem": "", "logo.png": "", "lib.min.js": "", "yarn.lock": "", "rows.csv": "", "Makefile": "", ".env.example": "", "big.ts": "" });
  truncateSync(path.join(root, "big.ts"), defaultMaxFileBytes + 1);
  const { files, skipped } = await walked(root);
  assert.deepEqual(files.sort(), [".env.example", "Makefile", "a.ts"]);
  assert.deepEqual(skipped, { ".env": "secret", "key.pem": "secret", "logo.png": "binary", "lib.min.js": "generated", "yarn.lock": "generated", "rows.csv": "data", "big.ts": "too large" });
  assert.deepEqual(await filterPath(root, "big.ts", { maxFileBytes: 2_000_000 }).then((verdict) => verdict.kind), "file");
  for (const [name, reason] of Object.entries(skipped)) assert.deepEqual(await filterPath(root, name), { kind: "skip", reason });
});

test("a notebook may be larger than other files, since its outputs are not read", async () => {
  const root = tree({ "a.ipynb": "", "b.ipynb": "" });
  truncateSync(path.join(root, "a.ipynb"), 5 * defaultMaxFileBytes);
  truncateSync(path.join(root, "b.ipynb"), 11 * defaultMaxFileBytes);
  assert.deepEqual(await walked(root), { files: ["a.ipynb"], skipped: { "b.ipynb": "too large" } });
  assert.deepEqual([(await filterPath(root, "a.ipynb")).kind, await filterPath(root, "b.ipynb")], ["file", { kind: "skip", reason: "too large" }]);
});

test("what stands in every repository and answers no question is left out", async () => {
  const settings = [".gitignore", "a/.dockerignore", ".prettierignore", ".strataignore", ".editorconfig", ".gitattributes", "empty/.gitkeep", ".vscode/settings.json", "a/.vscode/extensions.json", ".idea/misc.xml", "my.code-workspace", ".git-blame-ignore-revs"];
  const licences = ["LICENSE", "a/LICENSE.txt", "LICENCE.md", "COPYING", "LICENSE-MIT", "LICENSE.APACHE2", "UNLICENSE", "COPYING.LESSER", "vector_tile.LICENSE", "third_party/jquery_license.txt", "LICENSES/MIT.txt", "license/third_party/asm.txt"];
  const generated = ["package-lock.json", "Cargo.lock", "go.sum", "app.min.js", "app.js.map"];
  const searched = [
    ".github/workflows/ci.yml", ".gitlab-ci.yml", "Dockerfile", "docker-compose.yml", "Makefile", "package.json", "tsconfig.json", ".eslintrc.json", ".clang-format", ".vscode/launch.json", ".vscode/tasks.json",
    "pyproject.toml", "setup.cfg", "NOTICE", "CODEOWNERS", "README.md", ".gitmodules", "src/license.ts", "license_check.py", "settings.json", "src/licenses/parse.go", "src/licenses/CMakeLists.txt", "licensing.md", "ignore.ts", "src/settings/a.ts",
  ];
  const root = tree(Object.fromEntries([...settings, ...licences, ...generated, ...searched].map((name) => [name, name === ".gitignore" ? "" : "x"])));
  const { files, skipped } = await walked(root);
  assert.deepEqual(files.sort(), [...searched].sort());
  const expected = { settings, licence: licences, generated };
  for (const [reason, names] of Object.entries(expected)) {
    for (const name of names) assert.deepEqual(await filterPath(root, name), { kind: "skip", reason }, name);
    assert.deepEqual(Object.keys(skipped).filter((name) => skipped[name] === reason).sort(), names.toSorted());
  }
});

test("links are not followed: loops end, and each says where it leads", { skip: process.platform === "win32" && "needs symbolic links" }, async () => {
  const root = tree({ "d/a.ts": "", "d/e/b.ts": "" });
  const outside = tree({ "secret.ts": "" });
  symlinkSync("..", path.join(root, "d/e/loop"));
  symlinkSync(".", path.join(root, "self"));
  symlinkSync("d/a.ts", path.join(root, "alias.ts"));
  symlinkSync(outside, path.join(root, "away"));
  symlinkSync("ping", path.join(root, "pong"));
  symlinkSync("pong", path.join(root, "ping"));
  symlinkSync("nowhere", path.join(root, "dangling"));
  symlinkSync("/net/nowhere/share", path.join(root, "far")); // told from the link alone: nobody is asked what is there
  const { files, skipped } = await walked(root);
  assert.deepEqual(files.sort(), ["d/a.ts", "d/e/b.ts"]);
  assert.deepEqual(skipped, { "d/e/loop": "link", self: "link", "alias.ts": "link", away: "link to outside", pong: "link", ping: "link", dangling: "link", far: "link to outside" });
  for (const through of ["d/e/loop/a.ts", "self/d/a.ts", "away/secret.ts"]) assert.deepEqual(await filterPath(root, through), { kind: "skip", reason: "excluded" });
  for (const [name, reason] of Object.entries(skipped)) assert.deepEqual(await filterPath(root, name), { kind: "skip", reason }, name);
  const link = path.join(scratch, "rootlink");
  symlinkSync(root, link);
  assert.deepEqual((await walked(link)).files.sort(), ["d/a.ts", "d/e/b.ts"], "a root that is a link itself is fine");
  assert.equal((await filterPath(link, "d/a.ts")).kind, "file");
});

test("pipes and sockets are not opened", { skip: process.platform === "win32" && "needs mkfifo" }, async () => {
  const root = tree({ "a.ts": "" });
  assert.equal(spawnSync("mkfifo", [path.join(root, "pipe.ts")]).status, 0);
  assert.deepEqual(await walked(root), { files: ["a.ts"], skipped: { "pipe.ts": "special file" } });
  assert.deepEqual(await filterPath(root, "pipe.ts"), { kind: "skip", reason: "special file" });
});

test("a directory without permission is reported and the walk goes on", { skip: process.platform === "win32" && "permissions work otherwise there" }, async () => {
  const root = tree({ "a.ts": "", "closed/b.ts": "", "z/c.ts": "" });
  chmodSync(path.join(root, "closed"), 0);
  const isRoot = process.getuid?.() === 0; // permissions do not bind root, so be nobody for a moment
  chmodSync(scratch, 0o755);
  if (isRoot) process.seteuid?.(65534);
  try {
    assert.deepEqual(await walked(root), { files: ["a.ts", "z/c.ts"], skipped: { closed: "unreadable" } });
    assert.deepEqual(await filterPath(root, "closed/b.ts"), { kind: "skip", reason: "unreadable" });
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(path.join(root, "closed"), 0o755);
  }
});

test("a name that is not UTF-8 is reported, not fatal", { skip: process.platform !== "linux" && "needs byte names" }, async () => {
  const root = tree({ "a.ts": "" });
  writeFileSync(Buffer.concat([Buffer.from(`${root}/b`), Buffer.from([0xff]), Buffer.from(".ts")]), "x");
  assert.deepEqual(await walked(root), { files: ["a.ts"], skipped: { "b\uFFFD.ts": "unreadable" } });
});

test("a directory that vanishes during the walk is no error", async () => {
  const root = tree({ "a.ts": "", "gone/b.ts": "", "stays/c.ts": "" });
  const files: string[] = [];
  for await (const file of walk(root, {}, assert.fail)) {
    if (files.length === 0) rmSync(path.join(root, "gone"), { recursive: true });
    files.push(file.path);
  }
  assert.deepEqual(files, ["a.ts", "stays/c.ts"]);
});

test("a file that vanishes between two looks is no news", async () => {
  const root = tree({ "a.png": "", "b.ts": "" });
  const left: string[] = [];
  for await (const { path: found } of walk(root, {}, (name) => (left.push(name), rmSync(path.join(root, "b.ts"))))) left.push(found);
  assert.deepEqual(left, ["a.png"]);
});

test("single paths: outside, missing, directory, and the file's size and time", async () => {
  const root = tree({ "d/a.ts": "12345" });
  for (const name of ["../x.ts", "/etc/passwd", "d/../d/a.ts", "./d/a.ts", "", "d//a.ts"]) assert.deepEqual(await filterPath(root, name), { kind: "skip", reason: "outside" }, name);
  assert.deepEqual(await filterPath(root, "d/none.ts"), { kind: "missing" });
  assert.deepEqual(await filterPath(root, "d/a.ts/none.ts"), { kind: "missing" });
  assert.deepEqual(await filterPath(root, "d"), { kind: "directory" });
  const verdict = await filterPath(root, "d/a.ts");
  for await (const { ctimeMs: _, ...file } of walk(root)) assert.deepEqual(verdict, { kind: "file", ...file });
  assert.equal(verdict.kind === "file" && verdict.size, 5);
});

test("the nearest files come first", async () => {
  const { files } = await walked(tree({ "a/b/c/deep.ts": "", "a/b/mid.ts": "", "a/near.ts": "", "z.ts": "" }));
  assert.deepEqual(files, ["z.ts", "a/near.ts", "a/b/mid.ts", "a/b/c/deep.ts"]);
});

test("a missing root and a file as root are errors that say what to do", async () => {
  const root = tree({ "a.ts": "" });
  for (const wrong of [path.join(root, "none"), path.join(root, "a.ts")])
    await assert.rejects(walked(wrong), (error) => StrataError.is(error, "workspace.missing") && /Name (a|the) folder/.test(error.message));
});

test("cancelling stops the walk with the signal's reason", async () => {
  const root = tree(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`d${i}/a.ts`, ""])));
  const controller = new AbortController();
  const files: string[] = [];
  await assert.rejects(async () => {
    for await (const file of walk(root, { signal: controller.signal })) {
      files.push(file.path);
      controller.abort();
    }
  }, { name: "AbortError" });
  assert.equal(files.length, 1);
});

test("a path in other letters is the file that it finds on a disk that ignores case, and no way over a link", async (t) => {
  const root = tree({ "src/Deep/a.ts": "", "src/Deep/b.ts": "" });
  const { platform } = process;
  for (const name of ["lstat", "realpath"] as const) {
    const real = fs[name] as (file: string) => Promise<unknown>;
    t.mock.method(fs, name, (file: string) => real(file.replace(/SRC.DEEP/, path.join("src", "Deep"))));
  }
  shareMocks(t);
  t.after(() => Object.defineProperty(process, "platform", { value: platform }));
  for (const [on, verdict] of [["win32", { kind: "file", path: "src/Deep/a.ts" }], ["linux", { kind: "skip", reason: "excluded" }]] as const) {
    Object.defineProperty(process, "platform", { value: on });
    assert.partialDeepStrictEqual(await filterPath(root, "SRC/DEEP/a.ts"), verdict);
  }
});

test("a large tree is walked whole, at a cost that grows with its files", async () => {
  const folders = (n: number): string => {
    const root = tree({ ".gitignore": "*.o\nbuild/\n!keep.o\n/x/*.gen.ts\n" });
    for (let d = 0; d < n; d++) {
      const directory = path.join(root, `p${d % 20}`, `q${Math.floor(d / 20)}`);
      mkdirSync(directory, { recursive: true });
      for (let f = 0; f < 20; f++) writeFileSync(path.join(directory, `f${f}.ts`), "");
    }
    return root;
  };
  const roots = new Map([100, 1000].map((n) => [n, folders(n)]));
  await assertGrowsEvenly(100, async (n) => assert.equal((await walked(roots.get(n)!)).files.length, n * 20));
});
