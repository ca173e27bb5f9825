import assert from "node:assert/strict";
import { mock, test } from "node:test";
import type { Progress } from "../../../src/base/progress.ts";
import type { DuplicatesParams } from "../../../src/engine/protocol.ts";
import { CodeForms } from "../../../src/search/codeForms.ts";
import { type DuplicateStore, findDuplicates } from "../../../src/search/duplicates.ts";
import { assertGrowsEvenly } from "../../support/cost.ts";
import { type MemoryChunk, MemoryStore } from "../../support/memoryStore.ts";

const body = (name: string, list: string) =>
  `function ${name}(${list}: number[]) {\n  let total = 0;\n  for (const value of ${list}) {\n    if (value > 10) total += value * 2;\n    else total -= value;\n  }\n  return total;\n}`;
const other = "async function load(file: string) {\n  const bytes = await read(file);\n  const text = decode(bytes);\n  if (text === '') throw new Error('empty');\n  const lines = text.split('\\n');\n  return lines.filter((line) => line !== '');\n}";
const near = "async function loadLines(path: string) {\n  const raw = await readAll(path);\n  const content = raw.toString();\n  if (!content) throw new Error('nothing');\n  return content.split('\\n').map((line) => line.trim()).filter(Boolean);\n}";
const vector = (x: number, y: number) => Float32Array.of(x / Math.hypot(x, y), y / Math.hypot(x, y));

const params: DuplicatesParams = { minLines: 4, threshold: 0.9, limit: 100 };
const find = async (chunks: readonly MemoryChunk[], changed: Partial<DuplicatesParams> = {}) => (await findDuplicates(new MemoryStore(chunks), new CodeForms(), { ...params, ...changed })).groups;

test("copies that differ only in comments and layout are exact", async () => {
  const commented = body("sumOf", "list").replace("let total", "// start at nothing\n  let   total");
  const [group, ...rest] = await find([{ path: "a.ts", text: body("sumOf", "list") }, { path: "b.ts", text: commented }, { path: "c.ts", text: other }]);
  assert.equal(group?.kind, "exact");
  assert.equal(group.similarity, 1);
  assert.deepEqual(group.members.map((member) => member.path), ["a.ts", "b.ts"]);
  assert.deepEqual(rest, []);
});

test("the same chunk in two files is an exact copy", async () => {
  const copies = [{ path: "a.ts", text: other }, { path: "b.ts", text: other }];
  const [group] = await find(copies);
  assert.equal(group?.kind, "exact");
  assert.deepEqual([(await find(copies, { minLines: group.lines })).length, (await find(copies, { minLines: group.lines + 1 })).length], [1, 0]);
});

test("consistently renamed copies are told apart from exact ones", async () => {
  const [group] = await find([{ path: "a.ts", text: body("sumOf", "list") }, { path: "b.ts", text: body("weigh", "rows") }]);
  assert.equal(group?.kind, "renamed");
});

test("lists of one shape are copies only where they say the same", async () => {
  const constants = (prefix: string) => `const (\n${Array.from({ length: 20 }, (_, i) => `\t${prefix}${i} = ${i}`).join("\n")}\n)`;
  const file = (path: string, prefix: string): MemoryChunk => ({ path, lang: "go", kind: "block", text: constants(prefix) });
  assert.deepEqual(await find([file("a.go", "ERR"), file("b.go", "SYS")]), []);
  const groups = await find([file("a.go", "ERR"), file("b.go", "SYS"), { ...file("c.go", "ERR"), text: `${constants("ERR")} // again` }]);
  assert.deepEqual(groups.map(({ kind, members }) => [kind, members.map((member) => member.path)]), [["exact", ["a.go", "c.go"]]]);
  const pairs = ["ERR", "SYS"].flatMap((prefix) => [file(`${prefix}.go`, prefix), { ...file(`${prefix}2.go`, prefix), text: `${constants(prefix)} // again` }]);
  assert.deepEqual((await find(pairs, { filters: "path:SYS.go" })).map(({ members }) => members[0]?.path), ["SYS.go"], "of the file that was asked about");
});

test("neighbours above the threshold are semantic duplicates, with the least similarity", async () => {
  const chunks = [{ path: "a.ts", text: other, vectors: { deep: vector(1, 0.1) } }, { path: "b.ts", text: near, vectors: { deep: vector(1, 0.3) } }];
  const [group] = await find(chunks);
  assert.equal(group?.kind, "semantic");
  assert.ok(Math.abs(group.similarity - (1 + 0.03) / (Math.hypot(1, 0.1) * Math.hypot(1, 0.3))) < 1e-6);
  assert.equal(group.measure, "cosine");
  assert.deepEqual(await find(chunks, { threshold: 0.99 }), []);
  const long = near.replace("\n", `\n${Array.from({ length: 20 }, (_, i) => `  step${i}(path, ${i});\n`).join("")}`);
  assert.deepEqual(await find([chunks[0]!, { ...chunks[1]!, text: long }]), [], "what is much longer is related at most");
});

const rows = ["function load(file: string, into: Row[]) {", "  const bytes = readAll(file);", "  const text = decode(bytes);", "  if (text === '') throw new Error('empty');", "  const lines = text.split('\\n');", "  for (const line of lines) into.push(parse(line));", "  return into;", "}"];
const renamedRows = rows.map((row) => row.replace(/\b(bytes|lines|into|text)\b/g, (name) => `${name}Of`));

test("a renamed copy with a statement more or less is nearly the same, without any vector", async () => {
  for (const copy of [renamedRows.toSpliced(3, 1), renamedRows.toSpliced(2, 0, "  count(bytesOf, file);"), renamedRows.toSpliced(5, 0, renamedRows[4]!)]) {
    const groups = await find([{ path: "a.ts", text: rows.join("\n") }, { path: "b.ts", text: copy.join("\n") }, { path: "c.ts", text: other }]);
    assert.deepEqual(groups.map(({ kind, members }) => [kind, members.map((member) => member.path)]), [["semantic", ["a.ts", "b.ts"]]]);
    assert.equal(groups[0]!.measure, "tokens");
    assert.ok(groups[0]!.similarity > 0.7 && groups[0]!.similarity < 1);
  }
});

test("functions that only begin and end alike, or use their names in another way, are no near copies", async () => {
  const half = [...rows.slice(0, 2), "  for (;;) {", "    while (bytes.next()) into.pop();", "    if (into.length < 3) break;", "  }", "  await go(into, () => bytes);", ...rows.slice(-2)];
  const swapped = rows.map((row, i) => (i % 2 === 0 ? row.replace(/\b(file|bytes)\b/g, (name) => (name === "file" ? "bytes" : "file")) : row));
  for (const text of [half, swapped.toSpliced(3, 1)]) assert.deepEqual(await find([{ path: "a.ts", text: rows.join("\n") }, { path: "b.ts", text: text.join("\n") }]), []);
});

test("windows and loose statements are no semantic duplicates", async () => {
  const chunks = [{ path: "a.txt", kind: "window" as const, text: other, vectors: { deep: vector(1, 0.1) } }, { path: "b.txt", kind: "block" as const, text: near, vectors: { deep: vector(1, 0.1) } }];
  assert.deepEqual(await find(chunks), []);
});

test("a place is in one group only, the strictest", async () => {
  const chunks = [
    { path: "a.ts", text: other, vectors: { deep: vector(1, 0) } },
    { path: "b.ts", text: other, vectors: { deep: vector(1, 0) } },
    { path: "c.ts", text: near, vectors: { deep: vector(1, 0.1) } },
  ];
  const groups = await find(chunks);
  const members = groups.flatMap((group) => group.members.map((member) => member.path));
  assert.equal(new Set(members).size, members.length);
  assert.equal(groups[0]?.kind, "exact");
});

test("short code, import lists, tables of data and overlapping windows are no duplicates", async () => {
  assert.deepEqual(await find([{ path: "a.ts", text: "get() { return 1; }" }, { path: "b.ts", text: "get() { return 1; }" }]), []);
  const imports = Array.from({ length: 12 }, (_, i) => `import { thing${i} } from "./thing${i}.ts";`).join("\n");
  assert.deepEqual(await find([{ path: "a.ts", text: imports }, { path: "b.ts", text: imports }]), []);
  const table = Array.from({ length: 12 }, (_, i) => `  [${i}, "name${i}", 0x${i}f],`).join("\n");
  assert.deepEqual(await find([{ path: "a.ts", text: table }, { path: "b.ts", text: table.replaceAll("name", "other") }]), []);
  assert.deepEqual(await find([{ path: "a.txt", text: other, startLine: 1, endLine: 7 }, { path: "a.txt", text: other, startLine: 4, endLine: 10 }]), []);
});

test("the group with the most repeated lines comes first, and the limit holds", async () => {
  const long = `${body("big", "list")}\n${other}`;
  const chunks = [...["a", "b"].map((name) => ({ path: `${name}.ts`, text: other })), ...["c", "d", "e"].map((name) => ({ path: `${name}.ts`, text: long }))];
  const groups = await find(chunks);
  assert.deepEqual(groups.map((group) => group.members.length), [3, 2]);
  assert.equal((await find(chunks, { limit: 1 })).length, 1);
});

test("what was copied in several pieces is one group, as a whole file or overlapping windows are", async () => {
  const [first, second] = [body("sumOf", "list"), other];
  const file = (path: string, from: number, names: readonly [string, string] = [first, second]): MemoryChunk[] => [
    { path, text: names[0], startLine: from, endLine: from + 7 },
    { path, text: names[1], startLine: from + 9, endLine: from + 15 },
  ];
  const shown = (groups: Awaited<ReturnType<typeof find>>) => groups.map(({ kind, lines, members }) => [kind, lines, ...members.map(({ path, startLine, endLine }) => `${path}:${startLine}-${endLine}`)]);
  assert.deepEqual(shown(await find([...file("a.ts", 1), ...file("b.ts", 31)])), [["exact", 15, "a.ts:1-16", "b.ts:31-46"]]);
  assert.deepEqual(shown(await find([...file("a.ts", 1), ...file("b.ts", 31, [body("weigh", "rows"), second])])), [["renamed", 15, "a.ts:1-16", "b.ts:31-46"]]);
  const windows = (path: string): MemoryChunk[] => [{ path, kind: "window", text: first, startLine: 1, endLine: 8 }, { path, kind: "window", text: second, startLine: 6, endLine: 12 }];
  assert.deepEqual(shown(await find([...windows("a.txt"), ...windows("b.txt")])), [["exact", 12, "a.txt:1-12", "b.txt:1-12"]]);
  const elsewhere = file("b.ts", 1).map((chunk, i) => (i === 0 ? chunk : { ...chunk, startLine: 40, endLine: 46 }));
  assert.equal((await find([...file("a.ts", 1), ...elsewhere])).length, 2, "in the other file they do not follow each other");
  assert.equal((await find([...file("a.ts", 1), ...file("b.ts", 1), ...file("c.ts", 1).slice(0, 1)])).length, 2, "of one there is a copy more");
});

test("copies in tests, prose, translations and generated files come after the program's own", async () => {
  const long = `${body("big", "list")}\n${other}`;
  const aside: readonly (Partial<MemoryChunk> & { readonly folder?: string })[] = [{ isTest: true }, { isGenerated: true }, { lang: "markdown" }, { folder: "locales/", lang: "yaml" }];
  for (const { folder = "", ...how } of aside) {
    const groups = await find([{ path: `${folder}x.yml`, text: long, ...how }, { path: `${folder}y.yml`, text: long, ...how }, { path: "a.ts", text: body("sumOf", "list") }, { path: "b.ts", text: body("sumOf", "list") }]);
    assert.deepEqual(groups.map(({ aside, members }) => [aside, members[0]!.path]), [[undefined, "a.ts"], [true, `${folder}x.yml`]], JSON.stringify(how));
    const [mixed] = await find([{ path: `${folder}x.yml`, text: long, ...how }, { path: "y.ts", text: long }]);
    assert.equal(mixed!.aside, undefined, "a copy of the program's own code is one of it");
  }
});

test("a page in pieces comes after the program's own code only where no piece is filled in", async () => {
  const page = (path: string, end: string): MemoryChunk[] => [{ path, lang: "html", text: body("big", "list"), startLine: 1, endLine: 8 }, { path, lang: "html", text: `${other}\n${end}`, startLine: 9, endLine: 17 }];
  for (const [end, aside] of [["", true], ["{{ total }}", undefined]] as const) {
    const groups = await find([...page("a.html", end), ...page("b.html", end)]);
    assert.deepEqual(groups.map((group) => [group.aside, group.members[0]!.endLine]), [[aside, 17]]);
  }
});

test("filters say which copies are wanted, and a group is shown with its places elsewhere", async () => {
  const twice = (folder: string): MemoryChunk[] => [
    { path: `${folder}/sum.ts`, text: body("sumOf", `${folder}List`) },
    { path: `${folder}/load.ts`, text: other, vectors: { deep: vector(1, 0.1) } },
  ];
  const chunks = [...twice("new"), ...twice("old"), { path: "new/lines.ts", text: near, vectors: { deep: vector(1, 0.3) } }, { path: "far/rows.ts", text: rows.join("\n") }, { path: "far/again.ts", text: renamedRows.toSpliced(3, 1).join("\n") }];
  const placesOf = async (restricted: Partial<DuplicatesParams>) => (await find(chunks, restricted)).map(({ kind, members }) => `${kind}: ${members.map((member) => member.path).join(" ")}`).sort();
  const [exact, renamed, nearCopy] = ["exact: new/load.ts old/load.ts", "renamed: new/sum.ts old/sum.ts", "semantic: far/again.ts far/rows.ts"];
  assert.deepEqual(await placesOf({}), [exact, renamed, nearCopy]);
  assert.deepEqual(await placesOf({ filters: "path:new/sum.ts" }), [renamed]);
  assert.deepEqual(await placesOf({ under: "new" }), [exact, renamed]);
  assert.deepEqual(await placesOf({ filters: "path:far/rows.ts" }), ["semantic: far/rows.ts far/again.ts"], "beginning with what was asked about");
  assert.deepEqual(await placesOf({ filters: "path:old/sum.ts" }), ["renamed: old/sum.ts new/sum.ts"]);
  assert.deepEqual(await placesOf({ filters: "lang:go" }), []);
});

test("what filters leave out is no copy, nor does it bring others together", async () => {
  const chunks: MemoryChunk[] = [
    { path: "a.ts", text: other, vectors: { deep: vector(1, 0) } },
    { path: "b.ts", text: near, vectors: { deep: vector(1, 0.45) } },
    { path: "c.ts", text: body("sumOf", "list"), vectors: { deep: vector(1, -0.45) } },
    { path: "test/a.ts", isTest: true, text: other },
  ];
  const membersOf = async (filters: string) => (await find(chunks, { filters })).map(({ members }) => members.map((member) => member.path));
  assert.deepEqual(await membersOf("in:tests"), [["test/a.ts", "a.ts"]]);
  assert.deepEqual(await membersOf("-in:tests"), [["a.ts", "c.ts"]]);
  assert.deepEqual(await membersOf("-path:a.ts"), []);
  assert.deepEqual(await membersOf("path:b.ts -in:tests"), [["b.ts", "a.ts"]]);
});

test("that nothing passes the filters is told apart from there being no copies", async () => {
  const store = new MemoryStore([{ path: "a.ts", text: other }]);
  assert.deepEqual(await findDuplicates(store, new CodeForms(), { ...params, filters: "path:new.ts" }), { groups: [], emptied: { pathGlobs: ["**/*new.ts*", "**/*new.ts*/**"] } });
  assert.deepEqual(await findDuplicates(store, new CodeForms(), { ...params, filters: "path:a.ts" }), { groups: [] });
});

test("any number of what filters leave out may stand nearer than a copy", async () => {
  const vendored = Array.from({ length: 12 }, (_, i): MemoryChunk => ({ path: `vendor/v${i}.ts`, text: `${near}\nconst own${i} = [${i}, ${"x, ".repeat(i)}y];`, vectors: { deep: vector(1, 0.01) } }));
  const chunks: MemoryChunk[] = [...vendored, { path: "a.ts", text: other, vectors: { deep: vector(1, 0) } }, { path: "b.ts", text: near, vectors: { deep: vector(1, 0.1) } }];
  const [group] = await find(chunks, { filters: "path:a.ts -path:vendor/**" });
  assert.deepEqual(group?.members.map(({ path }) => path), ["a.ts", "b.ts"]);
});

test("a long search reports progress, lets the event loop run and can be cancelled", async () => {
  const chunks = Array.from({ length: 3000 }, (_, i): MemoryChunk => ({ path: `f${i}.ts`, text: `${other}\nconst unique${i} = [${Array.from({ length: i % 50 }, (__, n) => n).join()}];` }));
  const store = new MemoryStore(chunks);
  const seen: Progress[] = [];
  await findDuplicates(store, new CodeForms(), params, undefined, (progress) => seen.push(progress));
  assert.deepEqual(seen.slice(0, 3).map(({ done, total }) => [done, total]), [[1000, 0], [2000, 0], [3000, 0]], "while all code is read");
  assert.ok(seen.length > 3 && seen.at(-1)!.done === seen.at(-1)!.total);
  const controller = new AbortController();
  setImmediate(() => controller.abort());
  await assert.rejects(findDuplicates(store, new CodeForms(), params, controller.signal), { name: "AbortError" });
});

test("thousands of copies in one file are grouped without comparing each with each", async () => {
  const stores = new Map([1_000, 10_000].map((n) => [n, new MemoryStore(Array.from({ length: n }, (_, i) => ({ path: "table.ts", startLine: 10 * i + 1, endLine: 10 * i + 8, text: other })))]));
  await assertGrowsEvenly(1_000, async (n) => {
    const [group] = (await findDuplicates(stores.get(n)!, new CodeForms(), params)).groups;
    assert.equal(group?.members.length, n);
  });
});

test("only code that came since is read for the next question, and an index that is made again is read anew", async () => {
  const chunk = (path: string, text: string): MemoryChunk => ({ path, text });
  const chunks = [chunk("a.ts", body("sumOf", "list")), chunk("b.ts", other), chunk("c.ts", rows.join("\n"))];
  const places = new Map<number, number>();
  let read: number[] = [];
  /** Of the same chunks, as they come and go; ids stay. */
  const storeOf = (all: readonly MemoryChunk[], live = places): DuplicateStore => {
    const store = new MemoryStore(all);
    live.clear();
    for (const [chunkId, count] of store.placesPerChunk()) if (all[chunkId - 1]!.text !== "") live.set(chunkId, count);
    const codeOf = (chunkIds: readonly number[]) => {
      read = [...chunkIds];
      return store.codeOf(chunkIds);
    };
    return { placesPerChunk: () => live, codeOf, allowedBy: (filters) => store.allowedBy(filters), placesOf: (ids) => store.placesOf(ids), neighbours: (...given) => store.neighbours(...given) };
  };
  const forms = new CodeForms();
  const found = async (store: DuplicateStore, known = forms) => (await findDuplicates(store, known, params)).groups.map(({ kind, members }) => `${kind}: ${members.map(({ path }) => path).join(" ")}`);
  const asFound = async (store: DuplicateStore): Promise<readonly number[]> => {
    const groups = await found(store);
    const kept = read;
    assert.deepEqual(groups, await found(store, new CodeForms()));
    return kept;
  };
  assert.deepEqual(await asFound(storeOf(chunks)), [1, 2, 3]);
  assert.deepEqual(await asFound(storeOf(chunks)), []);
  const more = [...chunks, chunk("d.ts", renamedRows.toSpliced(3, 1).join("\n")), chunk("e.ts", body("weigh", "rows"))];
  assert.deepEqual(await asFound(storeOf(more)), [4, 5]);
  assert.deepEqual(await found(storeOf(more)), ["renamed: a.ts e.ts", "semantic: c.ts d.ts"]);
  assert.deepEqual(await asFound(storeOf(more.with(0, chunk("a.ts", "")))), []);
  assert.deepEqual(await found(storeOf(more.with(0, chunk("a.ts", "")))), ["semantic: c.ts d.ts"]);
  assert.deepEqual(await asFound(storeOf(more.toReversed(), new Map())), [1, 2, 3, 4, 5], "under the same ids");
  const small = new CodeForms(4);
  await found(storeOf(more), small);
  await found(storeOf(more), small);
  assert.deepEqual(read, [1, 2, 3, 4, 5], "of a large index nothing is kept");
});

test("what was read before a question was cancelled counts for the next one", async () => {
  const chunks = Array.from({ length: 500 }, (_, i): MemoryChunk => ({ path: `f${i}.ts`, text: i % 2 === 0 ? rows.join("\n").replace("load", `load${i}`) : renamedRows.toSpliced(i % 7, 1, `  mark(${i}, into);`).join("\n") }));
  const store = new MemoryStore(chunks);
  const known = new CodeForms();
  const controller = new AbortController();
  const reads = store.codeOf.bind(store);
  store.codeOf = function* (ids) {
    for (const chunk of reads(ids)) {
      if (chunk.chunkId === 400) controller.abort();
      yield chunk;
    }
  };
  let now = performance.now();
  const clock = mock.method(performance, "now", () => (now += 100)); // so that it is noticed at once
  await assert.rejects(findDuplicates(store, known, params, controller.signal), { name: "AbortError" });
  clock.mock.restore();
  assert.deepEqual(await findDuplicates(store, known, params), await findDuplicates(store, new CodeForms(), params));
});
