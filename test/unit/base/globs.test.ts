// Globs of settings and queries on paths of any workspace: one meaning, whichever of the two ways answers, and no standstill.
import assert from "node:assert/strict";
import { test } from "node:test";
import { globMatcher } from "../../../src/base/globs.ts";

const globs = [
  "**/node_modules", "**/dist/**", "src/**", "src/*", "src/**/*.ts", "*.ts", "**/*.{ts,js}", "**/*.min.js", "a/b.ts", "**/[a-c]?.ts", "**/[!a]b.ts", "**/[^a]b.ts",
  "**/.*", "{src,lib}/**", "**", "*", "?.ts", "**/a*b", "a\\*b", "**/Dist/**", "a[^x]b.ts", "a[!x]b.ts", "**b.ts", "a**", "**a/b.ts", "src/**x/*.js", "s**c/a.ts", "src/**y**",
];
const paths = ["a.ts", "a/b.ts", "ab.ts", "cb.ts", "a*b", "axb", "src", "src/a.ts", "src/x/y.min.js", "lib/.env", "dist/x", "x/dist/y/z", "node_modules", "x/node_modules", "Dist/x", ".gitignore", "src/x/.a/b.js"];

test("a path is matched alike however long it is", () => {
  const long = "l".repeat(150);
  for (const glob of globs) {
    for (const nocase of [false, true]) {
      const [short, far] = [globMatcher([glob], { nocase }), globMatcher([`${long}/deeper/${glob}`], { nocase })];
      const [negated, farNegated] = [globMatcher([`!${glob}`], { nocase }), globMatcher([`!${long}/deeper/${glob}`], { nocase })];
      for (const path of paths) {
        const deep = `${long}/deeper/${path}`;
        assert.equal(far(deep), short(path), `${glob} and ${path}, nocase ${nocase}`);
        assert.deepEqual([negated(path), farNegated(deep)], [!short(path), !short(path)], `!${glob} and ${path}`);
      }
    }
  }
});

test("an exclamation mark is a letter where nothing is negated", () => {
  for (const name of ["!a.ts", `${"!a".repeat(90)}.ts`]) assert.deepEqual([name, "b.ts"].map(globMatcher([name], { nonegate: true })), [true, false]);
});

test("one of several globs is enough, none match nothing", () => {
  const many = globMatcher(["src/**", "*a*a*a*a*a*.ts"]);
  assert.deepEqual(["src/x", "banana-papaya.ts", "b.ts"].map((path) => many(path)), [true, true, false]);
  for (const path of ["", "a", "a".repeat(200)]) assert.equal(globMatcher([])(path), false);
});

test("no exclude and file name together keep the engine busy", () => {
  const a = "a".repeat(250);
  assert.equal(globMatcher([`**/${"*a".repeat(12)}*b`])(`src/${a}`), false);
  assert.equal(globMatcher([`**/${"*a".repeat(12)}*b`])(`src/${a}b`), true);
  assert.equal(globMatcher(["**/*a*a*b"])(`${"a/".repeat(2000)}${a}`), false);
  assert.equal(globMatcher([`${"{a,aa}".repeat(40)}b`])("a".repeat(120)), false);
  assert.equal(globMatcher([`${"{a,aa}".repeat(30)}b`])("a".repeat(59)), false);
  assert.equal(globMatcher([`!${"*a".repeat(12)}*b`])(a), true);
});

test("parentheses, bars and pluses are letters, as the editor reads them, and keep nobody busy", () => {
  const paths = ["src/(legacy)/a.ts", "src/legacy/a.ts", "c++/a.ts", "c/a.ts", "a|b/a.ts", "a/a.ts"];
  const matched = (glob: string): string[] => paths.filter(globMatcher([glob], { nocase: true }));
  assert.deepEqual(matched("**/(legacy)/**"), ["src/(legacy)/a.ts"]);
  assert.deepEqual(matched("**/\\(legacy\\)/**"), ["src/(legacy)/a.ts"]);
  assert.deepEqual(matched("c++/**"), ["c++/a.ts"]);
  assert.deepEqual(matched("a|b/**"), ["a|b/a.ts"]);
  for (const glob of ["(a+)+x", "(a|aa)+x", "+(+(a))x", "@(+(a|a))x", `${"[a-z]+".repeat(9)}x`]) assert.equal(globMatcher([glob])("a".repeat(150)), false);
});
