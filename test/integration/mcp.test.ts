// The MCP server as a child process, spoken to the way an agent does: JSON-RPC lines over stdin and stdout, a real engine behind.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { McpProgram, type NamedPlace, placesIn, Sandbox, type ToolResult } from "../support/programs.ts";
import { manyFiles } from "../support/workspace.ts";

const sandbox = new Sandbox("mcp");
const { folder, cache } = sandbox;
const root = path.join(folder, "w");
let server: McpProgram;
const send: McpProgram["send"] = (message) => server.send(message);
const request: McpProgram["request"] = (method, params) => server.request(method, params);
const call: McpProgram["call"] = (name, args, meta) => server.call(name, args, meta);

async function placesOf(tool: string, args: object): Promise<NamedPlace[]> {
  const places = placesIn(await call(tool, { ...args, wait: true }));
  assert.ok(places.length > 0, JSON.stringify(args));
  return places;
}

const write = (files: Readonly<Record<string, string>>): void => sandbox.write("w", files);

const ranked = (name: string, list: string, top: string): string =>
  `export function ${name}(${list}: number[]) {\n  const ${top}: number[] = [];\n  for (const value of ${list}) {\n    if (value > 0 && ${top}.length < 3) ${top}.push(value * 10);\n    else if (value < 0) ${top}.pop();\n  }\n  return ${top};\n}\n`;

before(async () => {
  write({
    "my shop/order.ts": "export const sumOfOrder = (prices: readonly number[]): number => prices.reduce((sum, price) => sum + price, 0);\n",
    "src/retry.ts": "/** Waits longer after each failed attempt before trying the request again. */\nexport async function withBackoff<T>(attempt: () => Promise<T>): Promise<T> {\n  let delayMs = 100;\n  for (;;) {\n    try {\n      return await attempt();\n    } catch {\n      await new Promise((resolve) => setTimeout(resolve, delayMs));\n      delayMs *= 2;\n    }\n  }\n}\n",
    "src/again.py": "def with_backoff(attempt):\n    delay = 0.1\n    while True:\n        try:\n            return attempt()\n        except Exception:\n            time.sleep(delay)\n            delay *= 2\n",
    "lib/medals.ts": ranked("medalsOf", "scores", "best"),
    "lib/podium.ts": ranked("podiumOf", "times", "first"),
    "docs/fence.md": "# Fences\n\nA block that holds backticks:\n\n````\n```js\ncode\n```\n````\n",
    ...manyFiles(40),
  });
  writeFileSync(path.join(folder, "outside.ts"), "export const outside = 1;\n");
  symlinkSync(path.join(folder, "outside.ts"), path.join(root, "link.ts"));
  server = new McpProgram(sandbox, ["--in", root]);
  assert.equal((await server.initialize()).serverInfo.name, "strata");
});

after(async () => {
  server.process.kill();
  await sandbox.end();
});

test("four tools, each with a schema of what goes in, all reading only", async () => {
  const { result } = await request("tools/list").answer;
  const { tools } = result as { tools: { name: string; inputSchema: { properties: object; additionalProperties?: boolean }; annotations?: { readOnlyHint?: boolean } }[] };
  assert.deepEqual(tools.map((tool) => tool.name).sort(), ["find_duplicates", "find_similar_code", "index_status", "search_code"]);
  for (const tool of tools) assert.ok(tool.annotations?.readOnlyHint === true && tool.inputSchema.additionalProperties === false, tool.name);
  assert.deepEqual(Object.keys(tools.find((tool) => tool.name === "search_code")?.inputSchema.properties ?? {}), ["query", "k", "depth", "wait", "path"]);
});

test("a search gives text alone, best first, with progress on the way", async () => {
  const result = await call("search_code", { query: "wait longer after each failed request", k: 3, wait: true }, { progressToken: "p1" });
  assert.equal(result.isError, undefined, result.content[0]?.text);
  assert.equal(result.structuredContent, undefined, "clients would show the same again, or that instead");
  assert.deepEqual(placesIn(result)[0], { path: "src/retry.ts", startLine: 1, name: "withBackoff" });
  assert.match(result.content[0]?.text ?? "", /^src\/retry\.ts:1-\d+ \(withBackoff at 2\)\n```typescript\n[\s\S]*\n\nSearched all 46 files/);
  const progress = server.notifications.filter((message) => message.method === "notifications/progress" && message.params?.progressToken === "p1");
  assert.ok(progress.length > 0);
  for (const [i, { params }] of progress.entries()) assert.ok((params?.progress ?? 0) > (progress[i - 1]?.params?.progress ?? 0), "each larger than the one before");
});

test("a misspelt word is read as the one that the code says, and the agent is told", async () => {
  const { content } = await call("search_code", { query: "withBckoff", k: 1 });
  assert.match(content[0]?.text ?? "", /^"withBckoff" read as "withBackoff", the nearest word in the code\.\n\nsrc\/retry\.ts:/);
});

test("as many results are given as are wanted", async () => {
  for (const k of [1, 3]) assert.deepEqual([placesIn(await call("search_code", { query: "invoice", k })).length, placesIn(await call("find_similar_code", { text: "def with_backoff(f): pass", k })).length], [k, k]);
});

test("without a progress token there is no progress", async () => {
  const before = server.notifications.length;
  await call("search_code", { query: "invoice" });
  assert.equal(server.notifications.slice(before).filter((message) => message.method === "notifications/progress").length, 0);
});

test("a snippet with fences cannot end its own block", async () => {
  const { content } = await call("search_code", { query: "block that holds backticks", path: "docs/**", k: 1 });
  assert.match(content[0]?.text ?? "", /^docs\/fence\.md:1-\d+[^\n]*\n`````markdown\n/);
});

test("similar code: by place and by text", async () => {
  const byPlace = await call("find_similar_code", { path: "src/retry.ts", startLine: 5, k: 2 });
  assert.equal(placesIn(byPlace)[0]?.path, "src/again.py", byPlace.content[0]?.text);
  const byText = await call("find_similar_code", { text: "def with_backoff(f):\n  delay = 1\n  while True:\n    try: return f()\n    except Exception: delay *= 2", lang: "python", k: 2 });
  assert.ok(placesIn(byText).some((place) => place.path === "src/again.py"));
  const copy = await call("find_similar_code", { text: readFileSync(path.join(root, "src/again.py"), "utf8"), lang: "python", k: 1 });
  assert.match(copy.content[0]?.text ?? "", /^src\/again\.py:1-8 \(with_backoff\): exact copy\n/);
});

test("filters restrict what is similar", async () => {
  const placesOfFilter = async (filters: string) => new Set((await placesOf("find_similar_code", { path: "src/retry.ts", startLine: 5, filters })).map((place) => place.path));
  assert.ok(!(await placesOfFilter("-path:src")).has("src/again.py"));
  assert.deepEqual(await placesOfFilter(`lang:py path:${path.join(root, "src")}`), new Set(["src/again.py"]));
});

test("filters that let nothing through are told to be the reason", async () => {
  for (const [tool, args, why] of [["search_code", { query: "invoice", path: "nowhere/**" }, ""], ["find_similar_code", { path: "src/retry.ts", startLine: 5, filters: "lang:go" }, "There is no file in go. Most are in [a-z, ]+\\.\n\n"]] as const)
    assert.match((await call(tool, args)).content[0]?.text ?? "", new RegExp(`^${why}Nothing found that passes the filters\\. Leave some out, or check the paths in them\\.\n\nSearched `));
});

test("copies of a file are found, with where they stand", async () => {
  const found = /^Copies with other names, 8 lines, 2 places:\nlib\/podium\.ts:1-8 \(podiumOf\)\nlib\/medals\.ts:1-8 \(medalsOf\)\n```\nexport function podiumOf[^`]*\n```\n\nSearched all 46 files\.$/;
  const textOf = async (args: object) => (await call("find_duplicates", args)).content[0]?.text ?? "";
  for (const args of [{ filters: "path:lib/podium.ts" }, { path: "lib/podium.ts" }, { path: path.join(root, "lib/podium.ts:3"), filters: "-in:tests" }]) assert.match(await textOf({ ...args, wait: true }), found);
  assert.match(await textOf({ path: "lib", minLines: 9 }), /^No duplicates found\./);
  assert.match(await textOf({ path: "lib", filters: "lang:py" }), /^Nothing was compared: /);
  assert.match((await call("find_duplicates", { filters: "path:src/retry.ts", wait: true })).content[0]?.text ?? "", /^No duplicates found\.\n\nSearched all 46 files/);
  assert.match((await call("find_duplicates", { filters: "path:src/nowhere.ts" })).content[0]?.text ?? "", /^Nothing was compared: /);
});

test("a file is compared as it was written a moment ago", async () => {
  const written = readFileSync(path.join(root, "lib/podium.ts"), "utf8");
  const first = async () => (await call("find_duplicates", { path: "lib/podium.ts", minLines: 4 })).content[0]?.text.split("\n")[0] ?? "";
  write({ "lib/podium.ts": "export const podium = 1;\n" });
  assert.equal(await first(), "No duplicates found.");
  write({ "lib/podium.ts": written });
  assert.match(await first(), /^Copies with other names/);
});

test("a parameter that an agent fills in with nothing counts as left out", async () => {
  for (const nothing of [{ path: "" }, { path: null, k: null, depth: null, wait: null }]) assert.deepEqual(await placesOf("search_code", { query: "invoice", ...nothing }), await placesOf("search_code", { query: "invoice" }));
  assert.deepEqual(await placesOf("find_similar_code", { path: "src/retry.ts", startLine: 5, endLine: null, text: null }), await placesOf("find_similar_code", { path: "src/retry.ts", startLine: 5 }));
  assert.deepEqual(await placesOf("find_similar_code", { path: "src/retry.ts", startLine: 5, text: "", lang: "" }), await placesOf("find_similar_code", { path: "src/retry.ts", startLine: 5 }));
  assert.deepEqual(await placesOf("find_similar_code", { path: "src/retry.ts", startLine: 5, k: 30, lang: "python" }), await placesOf("find_similar_code", { path: "src/retry.ts", startLine: 5, k: 30 }), "of a file the language is known");
  assert.deepEqual(await placesOf("find_similar_code", { path: "", text: "def with_backoff(f): pass" }), await placesOf("find_similar_code", { text: "def with_backoff(f): pass" }));
});

test("a file is named as hits and editors name it, a folder also with a space", async () => {
  const named = await placesOf("find_similar_code", { path: "src/retry.ts", startLine: 5 });
  for (const place of [{ path: "src/retry.ts:5" }, { path: pathToFileURL(path.join(root, "src/retry.ts")).href, startLine: 5 }]) assert.deepEqual(await placesOf("find_similar_code", place), named, place.path);
  assert.deepEqual(await placesOf("find_similar_code", { path: "src/retry.ts:2-12" }), await placesOf("find_similar_code", { path: "src/retry.ts", startLine: 2, endLine: 12 }));
  assert.deepEqual((await placesOf("search_code", { query: "sum of an order", path: "my shop/**" })).map((place) => place.path), ["my shop/order.ts"]);
});

for (const given of ["../outside.ts", "/etc/passwd", "link.ts", "src/../../outside.ts", "none.ts", "."])
  test(`the path ${given} is refused with a sentence`, async () => {
    const result = await call("find_similar_code", { path: given, startLine: 1 });
    assert.equal(result.isError, true);
    assert.match(result.content[0]?.text ?? "", /^There is no file .* inside .* \(input\.invalid\)$/);
    assert.equal(result.content[0]?.text.includes("outside = 1"), false);
  });

const mistakes: readonly [string, string, object, RegExp][] = [
  ["an empty query", "search_code", { query: "   " }, /query is empty/],
  ["no query", "search_code", {}, /query/],
  ["too many results", "search_code", { query: "x", k: 1000 }, /k/],
  ["neither path nor text", "find_similar_code", {}, /either a path/],
  ["nothing but spaces to compare with", "find_similar_code", { text: " \n" }, /either a path/],
  ["a range that runs backwards", "find_similar_code", { path: "src/retry.ts", startLine: 5, endLine: 2 }, /endLine/],
  ["a range without a beginning", "find_similar_code", { path: "src/retry.ts", endLine: 5 }, /endLine needs a startLine/],
  ["a place and code at once", "find_similar_code", { path: "src/retry.ts", startLine: 5, text: "retry()" }, /either a path/],
  ["no results", "search_code", { query: "x", k: 0 }, /k/],
  ["an argument that is called otherwise", "find_similar_code", { path: "src/retry.ts", line: 5 }, /There is no argument line\. The arguments are path, startLine, endLine, text, lang, filters, k, depth, wait\./],
  ["arguments of other tools", "search_code", { query: "x", limit: 3, language: "go" }, /There is no argument limit, language\. The arguments are query, k, depth, wait, path\./],
  ["an argument that is called otherwise, and says nothing", "search_code", { query: "x", limit: null }, /There is no argument limit\./],
  ["an argument where there are none", "index_status", { path: "src" }, /There is no argument path\. This tool takes none\./],
  ["a range past the end of the file", "find_similar_code", { path: "src/retry.ts", startLine: 2, endLine: 100_000 }, /^src\/retry\.ts has 12 lines; line 100000 is not one of them\./],
  ["a language that is none", "search_code", { query: "lang:klingon retry" }, /There is no language "klingon"/],
  ["a language that is none, of code to compare with", "find_similar_code", { text: "fn f() {}", lang: "klingon" }, /There is no language "klingon"/],
  ["a file that is not there", "find_duplicates", { path: "lib/nowhere.ts" }, /^There is no file lib\/nowhere\.ts inside /],
  ["a file of another project", "find_duplicates", { path: "../outside.ts" }, /^There is no file \.\.\/outside\.ts inside /],
  ["filters that are none", "find_duplicates", { filters: "src/new.ts" }, /^"src\/new\.ts" is no filter for this\. There are lang:go,/],
  ["filters of similar code that are a question", "find_similar_code", { path: "src/retry.ts", startLine: 5, filters: "backoff" }, /"backoff" is no filter/],
  ["a path filter that is a query", "search_code", { query: "x", path: "src lang:go" }, /glob without quotes or other filters/],
];
for (const [name, tool, args, says] of mistakes)
  test(`${name}: an answer that says what to do, not a broken connection`, async () => {
    const message = await request("tools/call", { name: tool, arguments: args }).answer;
    const result = message.result as ToolResult | undefined;
    assert.ok(result?.isError === true || message.error !== undefined);
    assert.match(result?.content[0]?.text ?? message.error?.message ?? "", says);
  });

test("status is the engine's, in words and as data", async () => {
  const { content, structuredContent } = await call("index_status", {});
  assert.match(content[0]?.text ?? "", /: \w+\.\n46 files in \d+ pieces; .*\nLanguages: .*1 python.*\nLeft out: 1 link to outside\.$/);
  assert.ok(["ready", "deepening"].includes(String(structuredContent?.["state"])), String(structuredContent?.["state"]));
  assert.deepEqual([structuredContent?.["root"], (structuredContent?.["coverage"] as { files: number }).files], [root, 46]);
  assert.deepEqual(structuredContent?.["skipped"], { "link to outside": 1 });
});

test("a stack trace is taken as long as it is", async () => {
  const trace = `Error: retry failed\n    at withBackoff (src/retry.ts:6:20)\n${"    at Module._compile (node:internal/modules/cjs/loader:1234:14)\n".repeat(100)}`;
  assert.equal((await placesOf("search_code", { query: trace, k: 1 }))[0]?.path, "src/retry.ts");
});

test("a server that an agent starts in a part of an indexed project serves that part from the project's index", async (t) => {
  await placesOf("search_code", { query: "wait" }); // the project is indexed
  const engines = sandbox.engines().size;
  const part = new McpProgram(sandbox, [], { cwd: path.join(root, "src") });
  t.after(() => part.process.kill());
  const told = await part.initialize();
  assert.match(told.instructions ?? "", /It is src of the project .*, and paths begin in it/);
  const called = async (tool: string, args: object): Promise<string> => (await part.call(tool, { ...args, wait: true })).content[0]?.text ?? "";
  const searched = await called("search_code", { query: "waits longer after each failed attempt" });
  assert.match(searched, /^retry\.ts:\d.*withBackoff/);
  assert.match(searched, /Searched in src, a part of .*: all 46 files of that project are indexed/);
  assert.doesNotMatch(searched, /medals|fence/, "what lies beside is not searched");
  for (const filter of ["*.py", "src/*.py"]) assert.match(await called("search_code", { query: "wait", path: filter }), /^again\.py:/);
  for (const place of ["../lib/medals.ts:2", "lib/medals.ts:2", path.join(root, "lib/medals.ts:2")]) assert.match(await called("find_similar_code", { path: place }), /^\.\.\/lib\/podium\.ts:1-8.*\n.*\n.*\n.*if \(value > 0/s, place);
  assert.match(await called("find_similar_code", { path: "retry.ts:5" }), /again\.py:/);
  const copies = await called("find_duplicates", {});
  assert.match(copies, /^part0\/checkToken37\.ts:1-6 /m);
  assert.doesNotMatch(copies, /medals/);
  assert.match(await called("find_duplicates", { path: "../lib/podium.ts" }), /\.\.\/lib\/medals\.ts:1-8/);
  assert.match(await called("find_similar_code", { path: "../../outside.ts" }), /^There is no file \.\.\/\.\.\/outside\.ts inside/);
  assert.equal((await part.call("index_status", {})).structuredContent?.["root"], root);
  assert.equal(sandbox.engines().size, engines, "no index of its own");
});

test("a server that an agent starts in the home folder serves nothing, and says what to write", async (t) => {
  const lost = new McpProgram(sandbox, [], { cwd: folder, env: { HOME: folder, USERPROFILE: folder } });
  t.after(() => lost.process.kill());
  await lost.initialize();
  for (const [tool, args] of [["search_code", { query: "retry" }], ["find_similar_code", { text: "retry()" }], ["find_duplicates", {}], ["index_status", {}]] as const) {
    const { isError, content } = await lost.call(tool, args);
    assert.equal(isError, true, tool);
    assert.match(content[0]?.text ?? "", /is no project.*"mcp", "DIR"/, tool);
  }
  assert.ok(![...sandbox.engines().keys()].includes(folder));
});

test("what is no request is answered in words, and a message of many megabytes ends nothing", async () => {
  await assert.rejects(call("index_status", {}, { progressToken: null }), /progressToken is text or a whole number/);
  server.process.stdin?.write(`${"x".repeat(12_000_000)}\n`);
  assert.equal((await call("index_status", {})).isError, undefined);
});

test("thousands of paths in a filter are refused at once, for nobody else would be answered meanwhile", async () => {
  for (const [tool, args] of [["search_code", { query: "merge", path: "{a,".repeat(2_000) }], ["find_duplicates", { filters: `path:${"a,".repeat(1_500)}` }]] as const) {
    const { isError, content } = await call(tool, args);
    assert.equal(isError, true);
    assert.match(content[0]!.text, /paths in the filters; up to 1000/);
  }
});

test("a sentence about what was asked for does not say back all of it", async () => {
  const { isError, content } = await call("find_similar_code", { path: `src/${"long/".repeat(10_000)}end.ts`, startLine: 1 });
  assert.equal(isError, true);
  assert.match(content[0]!.text, /^[^…]{1000} … [^…]{1000} \(input\.invalid\)$/s);
});

test("a cancelled call goes unanswered and the next one is served", async () => {
  write(manyFiles(400, 1));
  const { id, answer } = request("tools/call", { name: "search_code", arguments: { query: "merge the ledger", wait: true } });
  send({ method: "notifications/cancelled", params: { requestId: id, reason: "no longer needed" } });
  const next = await call("index_status", {});
  assert.equal(next.isError, undefined);
  assert.equal(await Promise.race([answer.then(() => "answered"), Promise.resolve("silent")]), "silent");
});

test("an engine that dies in the midst of a call costs no call: a new one answers", { skip: process.platform === "win32" && "no signals" }, async () => {
  const index = readdirSync(cache).find((name) => existsSync(path.join(cache, name, "engine.json")))!;
  const { pid } = JSON.parse(readFileSync(path.join(cache, index, "engine.json"), "utf8")) as { pid: number };
  process.kill(pid, "SIGSTOP"); // so that it cannot answer before it dies
  const answer = call("search_code", { query: "wait longer after each failed request", k: 1 });
  await request("tools/list", {}).answer; // by now the server has taken the call up
  process.kill(pid, "SIGKILL");
  const result = await answer;
  assert.equal(placesIn(result)[0]?.path, "src/retry.ts", result.content[0]?.text);
});

test("stdout carries the protocol only, and closing stdin ends the server", async () => {
  assert.deepEqual(server.strayLines, []);
  const exited = new Promise((resolve) => server.process.once("exit", (code) => resolve(code)));
  server.process.stdin?.end();
  assert.equal(await exited, 0, server.stderr);
});
