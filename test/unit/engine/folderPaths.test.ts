import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nameIn, placesNamed, queryIn, withDistinctNames } from "../../../src/engine/folderPaths.ts";

describe("a path with a folder's name in front", () => {
  for (const [query, gateway, web] of [
    ["limit path:gateway/limits/window.go", 'limit path:"limits/window.go"', undefined],
    ["path:gateway limit", "limit", undefined],
    ["limit path:gateway/", "limit", undefined],
    ['limit path:"gateway/my files"', 'limit path:"my files"', undefined],
    ["limit path:gateway/a,web/b lang:go", 'limit lang:go path:"a"', 'limit lang:go path:"b"'],
    ["limit path:gateway path:src", "limit", 'limit path:"src"'],
    ["limit path:gateway/{a,b}/*.go", 'limit path:"{a,b}/*.go"', undefined],
    ["limit -path:gateway", undefined, "limit"],
    ["limit -path:gateway/limits", 'limit -path:"limits"', "limit"],
    ["limit path:!gateway/limits,src", 'limit path:"src" -path:"limits"', 'limit path:"src"'],
    ["limit path:src/gateway -path:test", "limit path:src/gateway -path:test", "limit path:src/gateway -path:test"],
    ["limit path:gateways", "limit path:gateways", "limit path:gateways"],
    ["limit path:./gateway", "limit path:./gateway", "limit path:./gateway"],
    ["path:gateway", 'path:"**"', undefined],
    ["def f(x):\n    return x path:gateway/a", 'def f(x):\n    return x path:"a"', undefined],
    ["route(\n path:gateway/a )", "route(\n path:gateway/a )", "route(\n path:gateway/a )"],
  ] as const)
    it(`is read so in ${JSON.stringify(query)}`, () => {
      assert.deepEqual(["gateway", "web"].map((name) => queryIn(name, ["gateway", "web"], query)), [gateway, web]);
    });
});

describe("the names of folders", () => {
  for (const [what, folders, expected] of [
    ["stay when they differ", [["/w/api", "api"], ["/w/web", "Front end"]], ["api", "Front end"]],
    ["say more of the paths where they are alike", [["/w/api/src", "src"], ["/w/web/src", "src"], ["/w/docs", "docs"]], ["api/src", "web/src", "docs"]],
    ["say as much as tells them apart", [["/w/one/pkg/src", "src"], ["/w/two/pkg/src", "src"], ["/w/two/lib/src", "src"]], ["one/pkg/src", "two/pkg/src", "lib/src"]],
    ["say the folders' own where the same one was given to two", [["/w/api", "code"], ["/w/web", "code"]], ["api", "web"]],
    ["say all of a path that another one ends with", [["/src", "src"], ["/w/src", "src"]], ["src", "w/src"]],
    ["are read off Windows' paths too", [["c:\\w\\api\\src", "src"], ["c:\\w\\web\\src", "src"]], ["api/src", "web/src"]],
  ] as const)
    it(what, () => {
      assert.deepEqual(withDistinctNames(folders.map(([root, name]) => ({ root, name }))).map(({ name }) => name), expected);
    });
});

describe("a place as it may be written", () => {
  const folders = [{ root: "/w/api", name: "api" }, { root: "/w/web", name: "web" }, { root: "/w/web/lib", name: "lib" }];
  for (const [given, expected] of [
    ["web/src/a.ts", ["web: src/a.ts", "api: web/src/a.ts", "web: web/src/a.ts", "lib: web/src/a.ts"]],
    ["src\\a.ts", ["api: src/a.ts", "web: src/a.ts", "lib: src/a.ts"]],
    ["/w/web/lib/a.ts", ["lib: a.ts"]],
    ["/w/other/a.ts", []],
    ["../api/a.ts", []],
    ["web/../../a.ts", []],
  ] as const)
    it(`may mean ${expected.length === 0 ? "nothing" : expected.join(", ")} as ${given}`, () => {
      assert.deepEqual(placesNamed(folders, given).map(({ folder, path }) => `${folder.name}: ${path}`), expected);
    });

  it("has no folder's name in front where there is one folder", () => {
    assert.deepEqual([nameIn(folders, "/w/web"), nameIn(folders.slice(0, 1), "/w/api")], ["web", ""]);
    assert.deepEqual(placesNamed(folders.slice(0, 1), "api/a.ts").map(({ path }) => path), ["api/a.ts"]);
  });
});
