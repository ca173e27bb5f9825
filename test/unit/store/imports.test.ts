// Import specifiers against paths, by language.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ImportGraph } from "../../../src/store/imports.ts";

const cases: { lang: string; from: string; specifier: string; imports: string[]; not?: string[] }[] = [
  { lang: "typescript", from: "src/engine/main.ts", specifier: "../store/store.ts", imports: ["src/store/store.ts"], not: ["store/store.ts", "src/store/schema.ts"] },
  { lang: "typescript", from: "src/a.ts", specifier: "./b.js", imports: ["src/b.ts"], not: ["lib/b.ts"] },
  { lang: "typescript", from: "src/a.ts", specifier: "./widgets", imports: ["src/widgets/index.ts", "src/widgets.tsx"] },
  { lang: "typescript", from: "src/a.ts", specifier: "..", imports: [], not: ["src/b.ts"] },
  { lang: "typescript", from: "src/a.ts", specifier: "react", imports: [], not: ["vendor/react.ts"] },
  { lang: "typescript", from: "src/a.ts", specifier: "@/store/schema", imports: ["src/store/schema.ts"] },
  { lang: "python", from: "app/main.py", specifier: "app.models.user", imports: ["app/models/user.py", "server/app/models/user.py"], not: ["app/models/group.py"] },
  { lang: "python", from: "app/main.py", specifier: "app.models", imports: ["app/models/__init__.py", "app/models.py"] },
  { lang: "python", from: "app/main.py", specifier: "utils", imports: ["utils.py", "app/utils.py"] },
  { lang: "rust", from: "src/main.rs", specifier: "crate::store::Store", imports: ["src/store.rs", "src/store/mod.rs"], not: ["src/engine.rs"] },
  { lang: "go", from: "cmd/x/main.go", specifier: "github.com/owner/repo/internal/store", imports: ["internal/store/schema.go"], not: ["internal/engine/schema.go", "store.go"] },
  { lang: "java", from: "src/main/java/com/acme/App.java", specifier: "com.acme.store.Index", imports: ["src/main/java/com/acme/store/Index.java"] },
  { lang: "c", from: "src/main.c", specifier: "util/list.h", imports: ["src/util/list.h", "src/util/list.c"], not: ["src/util.c"] },
  { lang: "cpp", from: "a.cc", specifier: "list.hpp", imports: ["list.hpp", "include/list.hpp"] },
];

for (const { lang, from, specifier, imports, not = [] } of cases) {
  test(`in ${lang}, ${JSON.stringify(specifier)} names ${imports.join(" and ") || "no file of the workspace"}`, () => {
    const graph = new ImportGraph();
    graph.set({ id: 1, path: from, lang, imports: [specifier] });
    for (const path of imports) assert.equal(graph.count({ id: 2, path, lang }), 1, path);
    for (const path of not) assert.equal(graph.count({ id: 2, path, lang }), 0, path);
  });
}

test("a file counts once however often it imports another, and never for itself", () => {
  const graph = new ImportGraph();
  graph.set({ id: 1, path: "a.ts", lang: "typescript", imports: ["./b", "./b.ts", "./a"] });
  graph.set({ id: 2, path: "c.ts", lang: "typescript", imports: ["./b"] });
  assert.equal(graph.count({ id: 3, path: "b.ts", lang: "typescript" }), 2);
  assert.equal(graph.count({ id: 1, path: "a.ts", lang: "typescript" }), 0);
});

test("a file that changes or goes takes its old imports along", () => {
  const graph = new ImportGraph();
  const b = { id: 3, path: "b.ts", lang: "typescript" };
  graph.set({ id: 1, path: "a.ts", lang: "typescript", imports: ["./b"] });
  graph.set({ id: 1, path: "a.ts", lang: "typescript", imports: ["./c"] });
  assert.equal(graph.count(b), 0);
  graph.set({ id: 1, path: "a.ts", lang: "typescript", imports: ["./b"] });
  assert.equal(graph.count(b), 1);
  assert.equal(graph.count({ id: 4, path: "x/b.ts", lang: "typescript" }), 0, "./ says where");
  graph.delete(1);
  graph.delete(1);
  assert.equal(graph.count(b), 0);
});

test("neighbours are the files of a list that import each other, either way round", () => {
  const graph = new ImportGraph();
  const files = [
    { id: 1, path: "src/a.ts", lang: "typescript", imports: ["./b", "./gone", "react", "./a"] },
    { id: 2, path: "src/b.ts", lang: "typescript", imports: [] },
    { id: 3, path: "src/c.ts", lang: "typescript", imports: ["./a.js", "../lib/d"] },
    { id: 4, path: "lib/d.ts", lang: "typescript", imports: [] },
  ];
  for (const file of files) graph.set(file);
  const idOf = (path: string) => files.find((file) => file.path === path)!.id;
  const ids = (of: readonly (typeof files)[number][]) => Object.fromEntries([...graph.neighbours(of)].map(([path, others]) => [idOf(path), [...others].map(idOf).sort()]));
  assert.deepEqual(ids(files), { 1: [2, 3], 2: [1], 3: [1, 4], 4: [3] });
  assert.deepEqual(ids(files.slice(0, 2)), { 1: [2], 2: [1] }, "files outside the list are no neighbours");
  assert.deepEqual(ids([]), {});
});
