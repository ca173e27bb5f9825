// Where an index lives: one folder per canonical root, owner-only, with an address short enough to listen on.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import { StrataError } from "../../../src/base/errors.ts";
import { cacheFolder, canonicalRoot, compiledFolder, forgetOtherBuilds, indexFolder, makeCacheFolder, makeCompiledFolder, makeIndexFolder, makePrivateFolder, newSocketAddress, relativeInside, removeSockets, rootFile, unwritable, withPathsInside } from "../../../src/engine/paths.ts";
import { temporaryFolder, useCache } from "../../support/temporaryFolder.ts";

test("a query may name files in full: those inside the root are read from there", () => {
  const cases: [query: string, root: string, read: string][] = [
    ["retry path:/w/x/src", "/w/x", "retry path:./src"],
    ["path:/w/x retry", "/w/x", "path:./ retry"],
    ["path:/w/xy/src", "/w/x", "path:/w/xy/src"],
    ['-path:"/w/x y/src"', "/w/x y", '-path:"./src"'],
    ["path:src,/w/x/lib", "/w/x", "path:src,./lib"],
    ["path:C:/a.b/c path:C:\\a.b\\d", "C:\\a.b", "path:./c path:./d"],
    ["fails in /w/x/a.ts", "/w/x", "fails in /w/x/a.ts"],
    ["path:/(w)+/a", "/(w)+", "path:./a"],
    ['PATH:"/w/x/src, /w/x/lib" retry', "/w/x", 'PATH:"./src, ./lib" retry'],
    ["path:!/w/x/src", "/w/x", "path:!./src"],
    ["path:{/w/x/src,/w/x/lib}/**", "/w/x", "path:{src,lib}/**"],
    ["path:{/w/x/src,/w/x/lib},/w/x/a", "/w/x", "path:{src,lib},./a"],
    ['path:"/w/x"', "/w/x", 'path:"./"'],
    ["path:file:///w/x/src,!file:///w/x/lib", "/w/x", "path:./src,!./lib"],
    ["path:file:///C:/a/b", "C:\\a", "path:./b"],
    ["path:file:///w/my%20code/a%2Cb,lib", "/w/my code", "path:./a?b,lib"],
    ["path:/W/x/src", "/w/x", "path:/W/x/src"],
    ["path:/w/100%25/a", "/w/100%25", "path:./a"],
    ["path:c:\\Code\\src\\**", "C:\\code", "path:./src/**"],
    ['path:"file:///c%3A/My%20Code/%C3%BC/a%20b.ts"', "C:\\My Code", 'path:"./ü/a?b.ts"'],
    ["path:C:/src", "C:\\", "path:./src"],
    ["path:\\\\HOST\\share\\code\\src,file://host/share/code/lib", "\\\\host\\share\\code", "path:./src,./lib"],
    ["path:file:///w/x/%zz%", "/w/x", "path:./%zz%"],
  ];
  for (const [query, root, read] of cases) assert.equal(withPathsInside(query, root), read);
});

test("the cache folder follows the platform's custom and can be moved", { skip: process.platform !== "linux" && "Linux rules" }, () => {
  assert.equal(cacheFolder({ XDG_CACHE_HOME: "/x" }), "/x/strata");
  assert.equal(cacheFolder({}), path.join(os.homedir(), ".cache", "strata"));
  assert.equal(cacheFolder({ STRATA_CACHE: "/elsewhere", XDG_CACHE_HOME: "/x" }), "/elsewhere");
});

test("a link and its target share one index; two folders of one name do not", (t) => {
  const folder = temporaryFolder(t);
  for (const name of ["a/project", "b/project"]) mkdirSync(path.join(folder, name), { recursive: true });
  symlinkSync(path.join(folder, "a/project"), path.join(folder, "link"));
  const indexOf = (p: string) => indexFolder(canonicalRoot(path.join(folder, p)));
  assert.equal(indexOf("link"), indexOf("a/project"));
  assert.notEqual(indexOf("a/project"), indexOf("b/project"));
  assert.match(path.basename(indexOf("a/project")), /^project-[0-9a-f]{16}$/);
  assert.match(path.basename(indexFolder("/")), /^root-[0-9a-f]{16}$/);
  assert.match(path.basename(indexFolder(`/${"a".repeat(255)}`)), /^a{40}-[0-9a-f]{16}$/, "a name that any disk takes");
});

test("of what was compiled only this build's stays, and nothing goes outside the cache", (t) => {
  useCache(t, temporaryFolder(t));
  const [older, own] = [compiledFolder("0.0.1+1"), compiledFolder("0.0.2+2")];
  const strange = [path.join(temporaryFolder(t), "a"), path.join(temporaryFolder(t), "b")] as const;
  for (const folder of [older, own, ...strange]) mkdirSync(folder, { recursive: true });
  for (const given of [undefined, strange[0], path.join(own, "..", "..")]) forgetOtherBuilds(given);
  assert.ok(existsSync(older));
  forgetOtherBuilds(own);
  assert.deepEqual([older, own, ...strange].map((folder) => existsSync(folder)), [false, true, true, true]);
});

test("a folder that is not there gets a sentence", () => {
  assert.throws(() => canonicalRoot("/no/such/folder"), (error) => StrataError.is(error, "workspace.missing") && error.message.includes("/no/such/folder"));
});

test("private folders are the owner's alone, also when they existed open", { skip: process.platform === "win32" && "POSIX permissions" }, (t) => {
  const folder = path.join(temporaryFolder(t), "index");
  mkdirSync(folder, { mode: 0o777 });
  makePrivateFolder(folder);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
});

test("what Node runs of the cache is the owner's alone, whatever the umask; what lay open is not trusted", { skip: process.platform === "win32" && "POSIX permissions" }, (t) => {
  const cache = path.join(temporaryFolder(t), "cache");
  const before = process.umask(0);
  useCache(t, cache);
  t.after(() => process.umask(before));
  const mode = (folder: string): number => statSync(folder).mode & 0o777;
  makeCacheFolder();
  const own = makeCompiledFolder("1+1");
  assert.equal(own, compiledFolder("1+1"));
  assert.deepEqual([mode(cache), mode(path.dirname(own!))], [0o700, 0o700]);
  mkdirSync(own!);
  makeCompiledFolder("1+1");
  assert.ok(existsSync(own!), "one's own stays");
  chmodSync(path.dirname(own!), 0o777);
  makeCompiledFolder("1+1");
  assert.deepEqual([existsSync(own!), mode(path.dirname(own!))], [false, 0o700]);
  chmodSync(cache, 0o755);
  makeCacheFolder();
  assert.equal(mode(cache), 0o755, "one that somebody named is left as it is");
  const home = path.dirname(cache);
  mkdirSync(path.join(home, "strata"), { mode: 0o777 });
  makeCacheFolder({ XDG_CACHE_HOME: home });
  if (process.platform === "linux") assert.equal(mode(path.join(home, "strata")), 0o700);
  process.env["STRATA_CACHE"] = path.join(home, "file");
  writeFileSync(path.join(home, "file"), "");
  makeCacheFolder();
  assert.equal(makeCompiledFolder("1+1"), undefined);
});

test("an index says whose it is and that it is a cache; what was cut short is made good", (t) => {
  const cache = temporaryFolder(t);
  const folder = path.join(cache, "one");
  makeIndexFolder(folder, "/srv/one");
  writeFileSync(rootFile(folder), "");
  makeIndexFolder(folder, "/srv/one");
  assert.equal(readFileSync(rootFile(folder), "utf8"), "/srv/one");
  assert.match(readFileSync(path.join(folder, "CACHEDIR.TAG"), "utf8"), /^Signature: 8a477f597d28d172789f06886806bc55\n/);
  assert.deepEqual(readdirSync(cache), ["one"], "what lies beside it is not ours to mark");
});

test("a cache folder that cannot be made gets a sentence", (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(path.join(folder, "file"), "");
  assert.throws(() => makePrivateFolder(path.join(folder, "file", "strata")), (error) => StrataError.is(error, "index.unwritable") && /STRATA_CACHE/.test(error.message));
  makePrivateFolder(path.join(folder, "fine"));
  assert.equal(unwritable(folder, Object.assign(new Error("no room"), { code: "ENOSPC" })).code, "index.diskFull");
});

test("a cache folder where the system makes none gets a sentence", { skip: process.platform !== "linux" && "needs /proc" }, () => {
  assert.throws(() => makePrivateFolder("/proc/strata/index"), (error) => StrataError.is(error, "index.unwritable") && /STRATA_CACHE/.test(error.message));
});

test("addresses stay within the system's limit and differ each time", { skip: process.platform === "win32" && "unix sockets" }, () => {
  const nonce = "0123456789abcdef0123456789abcdef";
  assert.match(newSocketAddress("/tmp/short", nonce), /^\/tmp\/short\/engine-01234567\.sock$/);
  const long = newSocketAddress(`/tmp/${"deep/".repeat(40)}index`, nonce);
  assert.ok(Buffer.byteLength(long) < 100, long);
  const wide = newSocketAddress(`/tmp/${"ü".repeat(45)}`, nonce);
  assert.ok(Buffer.byteLength(wide) < 100, wide);
});

test("an index with a long name has its address beside its folder, and one that was killed leaves none", { skip: process.platform === "win32" && "unix sockets" }, (t) => {
  const cache = temporaryFolder(t);
  const [one, other] = ["0123456789abcdef", "fedcba9876543210"].map((hash) => path.join(cache, `${"a-long-name-".repeat(6)}-${hash}`)) as [string, string];
  for (const folder of [one, other]) mkdirSync(folder);
  const [first, second] = [newSocketAddress(one, "1".repeat(32)), newSocketAddress(other, "2".repeat(32))];
  assert.deepEqual([first, second].map((address) => path.relative(cache, address)), ["sockets/0123456789abcdef-11111111.sock", "sockets/fedcba9876543210-22222222.sock"]);
  assert.equal(statSync(path.dirname(first)).mode & 0o777, 0o700);
  for (const file of [first, second, path.join(one, "engine-1.sock")]) writeFileSync(file, "");
  removeSockets(one);
  assert.deepEqual([first, second, path.join(one, "engine-1.sock")].map((file) => existsSync(file)), [false, true, false]);
});

test("a path is inside the workspace whatever its name begins with, and outside when it leads there", () => {
  const root = path.resolve("/w");
  assert.equal(relativeInside(root, "..odd.ts"), "..odd.ts");
  assert.equal(relativeInside(root, path.join(root, "a", "..", "b.ts")), "b.ts");
  for (const outside of ["..", "../x.ts", "/elsewhere/x.ts", "."]) assert.throws(() => relativeInside(root, outside), (error) => StrataError.is(error, "input.invalid"), outside);
});
