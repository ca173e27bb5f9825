// Several folders asked as one, in the terminal and by agents, each with a real engine of its own.
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { McpProgram, placesIn, Sandbox } from "../support/programs.ts";
import { manyFiles, processGone } from "../support/workspace.ts";

const sandbox = new Sandbox("folders");
const { folder: cwd } = sandbox;

const retry = "/** Waits longer after each failed attempt before trying the request again. */\nexport async function withBackoff(attempt) {\n  let delayMs = 100;\n  for (;;) {\n    try {\n      return await attempt();\n    } catch {\n      await sleep(delayMs);\n      delayMs *= 2;\n    }\n  }\n}\n";
const again = "def with_backoff(attempt):\n    delay = 0.1\n    while True:\n        try:\n            return attempt()\n        except Exception:\n            time.sleep(delay)\n            delay *= 2\n";
const invoice = "/** Adds up the lines of an invoice, tax included. */\nexport function invoiceTotal(lines) {\n  let total = 0;\n  for (const line of lines) total += line.net + line.tax;\n  return total;\n}\n";

interface Found {
  readonly hits: readonly { readonly folder?: string; readonly root?: string; readonly path: string; readonly score: number }[];
  readonly coverage: { readonly files: number; readonly complete: boolean; readonly state: string };
  readonly failures?: readonly { readonly folder: string; readonly root: string; readonly reason: string }[];
  readonly gone?: readonly string[];
}

async function json(...args: readonly string[]): Promise<{ readonly code: number | null; readonly value: Found }> {
  const { code, out, err } = await sandbox.strata([...args, "--json"]);
  assert.equal(err, "", "with --json nothing but the object is written");
  return { code, value: JSON.parse(out) as Found };
}
const placed = ({ value }: { readonly value: Found }): string[] => value.hits.map(({ folder, path: at }) => `${folder}/${at}`);
const inAll = ["--in", "web", "--in", "one/api", "--in", "two/api"];

before(() => {
  sandbox.write("web", { "src/retry.js": retry, "src/list.js": "export const ids = (rows) => rows.map((row) => row.id);\n" });
  sandbox.write("one/api", { "src/invoice.js": invoice, "src/bill.js": invoice, "README.md": "# Invoices\n" });
  sandbox.write("two/api", { "again.py": again, "README.md": "# Retries\n" });
});
after(() => sandbox.end());

test("the terminal finds in every folder that was named, waits for all, and says of each hit whose it is", async () => {
  const found = await json("search", "wait longer after each failed attempt", ...inAll, "--wait");
  assert.equal(found.code, 0);
  assert.equal(placed(found)[0], "web/src/retry.js");
  assert.ok(placed(found).includes("two/api/again.py"), "of two folders of one name more of the path is told");
  assert.deepEqual(found.value.hits.map(({ root }) => root).includes(sandbox.path("two/api")), true);
  assert.deepEqual(found.value.hits.map(({ score }) => score), found.value.hits.map(({ score }) => score).sort((a, b) => b - a));
  assert.deepEqual([found.value.coverage.files, found.value.coverage.complete, found.value.coverage.state], [7, true, "ready"]);
  assert.equal(sandbox.engines().size, 3);
});

test("places can be clicked from where the user stands, in text and line by line", async () => {
  const from = { cwd: sandbox.path("one") };
  const { code, out } = await sandbox.strata(["search", "add up the lines of an invoice", "--in", "api", "--in", "../web", "-k", "2"], from);
  assert.match(out, /^api\/src\/(invoice|bill)\.js:2 {2}invoiceTotal /);
  assert.equal(code, 0);
  const lines = await sandbox.strata(["search", "wait longer after each failed attempt", "--in", "api", "--in", "../web", "--vimgrep", "-k", "1"], from);
  assert.match(lines.out, new RegExp(`^${sandbox.path("web/src/retry.js")}:\\d+:\\d+:`));
});

test("a path in a filter may begin with a folder's name, and keeps the others out", async () => {
  for (const [filter, expected] of [["web/src", ["web/src/list.js", "web/src/retry.js"]], ["api", []], ["two/api/*.py", ["two/api/again.py"]], ["src", ["one/api/src/bill.js", "one/api/src/invoice.js", "web/src/list.js", "web/src/retry.js"]]] as const)
    assert.deepEqual(placed(await json("search", "wait longer after each failed attempt", ...inAll, "--path", filter)).sort(), expected, filter);
  assert.equal(placed(await json("search", "withBackoff", ...inAll, "--path", "!web")).some((at) => at.startsWith("web")), false);
});

test("similar code is looked for in all of them, for a place as hits name it and as the shell completes it", async () => {
  for (const place of ["web/src/retry.js:5", "web/src/retry.js:2-12", sandbox.path("web/src/retry.js:5"), "src/retry.js:5"]) assert.equal(placed(await json("similar", place, ...inAll))[0], "two/api/again.py", place);
  const only = await json("similar", "web/src/retry.js:5", ...inAll, "--path", "one/api");
  assert.ok(placed(only).length > 0 && placed(only).every((at) => at.startsWith("one/api/")), "though the folder that knows the definition is left out");
  const { code, err } = await sandbox.strata(["similar", "README.md:1", ...inAll]);
  assert.deepEqual([code, err], [2, "strata: There is a README.md in one/api and two/api. Put the folder's name in front, for example one/api/README.md.\n"]);
  assert.match((await sandbox.strata(["similar", `${path.join(cwd, "c")}:1`, ...inAll])).err, /There is no file .* inside .*web, .*one\/api, .*two\/api\. Name the project it belongs to with --in\.$/m);
});

test("a folder that cannot be searched is named once, and the others answer", async () => {
  sandbox.write("locked", { "a.js": invoice });
  const { value } = await json("status", "locked");
  mkdirSync(sandbox.cache, { recursive: true });
  writeFileSync((value as unknown as { readonly indexFolder: string }).indexFolder, "a file where the index should be\n");
  const args = ["search", "add up the lines of an invoice", "--in", "locked", "--in", "one/api", "--in", "nowhere"];
  const text = await sandbox.strata(args);
  assert.equal(text.code, 0);
  assert.match(text.out, /^one\/api\/src\/\w+\.js:2 /);
  assert.match(text.err, /^Not searched: locked\. The index folder .* cannot be written\..*\nNot searched: nowhere\. There is no folder nowhere\..*\n$/);
  const found = await json(...args);
  assert.deepEqual(found.value.failures?.map(({ folder, root }) => [folder, root]), [["locked", sandbox.path("locked")], ["nowhere", sandbox.path("nowhere")]]);
  assert.equal(found.value.coverage.complete, false);
  assert.equal((await json(...args, "--lang", "cobol")).code, 2, "nothing found is no finding");
  assert.equal(placed(await json("similar", "api/src/bill.js:3", "--in", "one/api", "--in", "nowhere"))[0], "api/src/invoice.js");
  assert.equal((await json("search", "x", "--in", "one/api", "--in", "two/api", "--lang", "cobol")).code, 1);
  assert.equal((await sandbox.strata(["search", "x", "--in", "nowhere", "--in", "nothing"])).code, 2);
});

test("of a folder inside another every place is told once", async () => {
  sandbox.write("nest", { "pkg/core/retry.js": retry, "main.js": invoice });
  await sandbox.strata(["index", "nest/pkg"]);
  await sandbox.strata(["index", "nest"]);
  const { out } = await sandbox.strata(["search", "withBackoff", "--in", "nest", "--in", "nest/pkg", "--vimgrep"]);
  assert.deepEqual(out.split("\n").filter((line) => line.includes("retry.js")).length, 1, out);
  assert.equal(sandbox.engines().has(sandbox.path("nest/pkg")), true);
});

test("two parts of one project are asked of its one index, with paths from there", async () => {
  sandbox.write("mono", { "packages/shop/src/invoice.js": invoice, "packages/net/src/retry.js": retry, "tools/retry.js": retry.replace("withBackoff", "tryAgain") });
  await sandbox.strata(["index", "mono"]);
  const before = sandbox.engines().size;
  const args = ["search", "wait longer after each failed attempt", "--in", "mono/packages/shop", "--in", "mono/packages/net"];
  assert.deepEqual([placed(await json(...args))[0], placed(await json(...args)).some((at) => at.includes("tools"))], ["net/src/retry.js", false]);
  assert.deepEqual(placed(await json(...args, "--path", "net/src/**")), ["net/src/retry.js"]);
  assert.equal(sandbox.engines().size, before);
  const { out } = await sandbox.strata(["similar", "packages/net/src/retry.js:3", "--in", "packages/shop", "--in", "packages/net", "--vimgrep"], { cwd: sandbox.path("mono") });
  assert.match(out, /^tools\/retry\.js:/);
});

test("--in all searches every folder that has an index, makes none, and leaves out what is gone and other checkouts' copies", async () => {
  sandbox.write("gone", { "a.js": invoice });
  sandbox.write("unknown", { "a.js": retry });
  cpSync(sandbox.path("one/api"), sandbox.path("worktree"), { recursive: true });
  for (const folder of ["gone", "worktree"]) await sandbox.strata(["index", folder, "--depth", "instant"]);
  await processGoneOf("gone");
  renameSync(sandbox.path("gone"), sandbox.path("moved"));
  const found = JSON.parse((await sandbox.strata(["search", "add up the lines of an invoice", "--in", "all", "-k", "50", "--json"], { cwd: sandbox.path("one/api/src") })).out) as Found;
  assert.deepEqual(found.gone, [sandbox.path("gone")]);
  const bills = found.hits.filter(({ path: at }) => at === "src/bill.js").map(({ root }) => root);
  assert.deepEqual(bills, [sandbox.path("one/api")], "of the checkout in which the user stands");
  assert.equal(found.hits.some(({ root }) => root === sandbox.path("unknown")), false);
  const { code, err } = await sandbox.strata(["search", "withBackoff", "--in", "all"]);
  assert.equal(code, 0);
  assert.match(err, /Not searched: 1 indexed folder that is gone\. "strata indexes" lists them\.\n$/);
  assert.equal((await json("similar", "one/api/src/bill.js:3", "--in", "all")).value.hits.filter(({ path: at, root }) => at === "src/bill.js" && root === sandbox.path("worktree")).length, 0, "the question itself in another checkout");
});

/** Ends the engine of a folder, which would keep its index from being left behind in peace. */
async function processGoneOf(folder: string): Promise<void> {
  const pid = sandbox.engines().get(sandbox.path(folder))!;
  process.kill(pid, "SIGTERM");
  await processGone(pid);
}

test("Ctrl-C reaches all of them", { skip: process.platform === "win32" && "no signals" }, async () => {
  for (const [i, folder] of ["big/a", "big/b"].entries()) sandbox.write(folder, manyFiles(400, i));
  const child = sandbox.start(["search", "parse the config", "--in", "big/a", "--in", "big/b", "--wait"]);
  for (const folder of ["big/a", "big/b"]) await sandbox.engineOf(sandbox.path(folder));
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGINT");
  assert.equal(await exited, 130);
  for (const folder of ["big/a", "big/b"]) await processGoneOf(folder);
});

test("agents are answered from several folders as from one", async (t) => {
  const mcp = new McpProgram(sandbox, ["web", "one/api", "two/api", "nowhere"]);
  t.after(() => mcp.process.kill());
  assert.match((await mcp.initialize()).instructions ?? "", /4 folders .* They are web, one\/api, two\/api, nowhere: paths begin with these names/);
  const textOf = async (tool: string, args: object) => (await mcp.call(tool, args)).content[0]?.text ?? "";
  const pathsOf = async (tool: string, args: object) => placesIn(await mcp.call(tool, args)).map((place) => place.path);
  const gone = "Not searched: nowhere. The folder ";

  await t.test("each place says in which", async () => {
    const text = await textOf("search_code", { query: "wait longer after each failed attempt", k: 2, wait: true });
    assert.match(text, /^(web\/src\/retry\.js|two\/api\/again\.py):1-\d+ \(with_?[bB]ackoff(?: at 2)?\)\n/);
    assert.match(text, /\n\nSearched all 7 files[^\n]*\.\n\nNot searched: nowhere\. [^\n]*$/);
    assert.equal(text.split(gone).length, 2, "named once");
  });

  await t.test("and may be said back, in filters and as the code to compare with", async () => {
    assert.deepEqual(await pathsOf("search_code", { query: "wait longer after each failed attempt", path: "web/src/**", k: 1 }), ["web/src/retry.js"]);
    for (const at of [{ path: "web/src/retry.js:5" }, { path: "web/src/retry.js", startLine: 2, endLine: 12 }, { path: sandbox.path("web/src/retry.js"), startLine: 5 }, { path: "src/retry.js:5" }]) assert.equal((await pathsOf("find_similar_code", at))[0], "two/api/again.py", at.path);
    assert.deepEqual(await pathsOf("find_similar_code", { path: "two/api/again.py:2", filters: "path:web/src", k: 1 }), ["web/src/retry.js"]);
    assert.equal((await pathsOf("find_similar_code", { text: again, lang: "python", k: 1 }))[0], "two/api/again.py");
    const refused = await mcp.call("find_similar_code", { path: "README.md:1" });
    assert.deepEqual([refused.isError, refused.content[0]?.text], [true, "There is a README.md in one/api and two/api. Put the folder's name in front, for example one/api/README.md. (input.invalid)"]);
    for (const outside of ["../outside.js", "/etc/passwd", "web/../../x", "c/x"]) assert.match(await textOf("find_similar_code", { path: outside, startLine: 1 }), /^There is no file .* inside .* \(input\.invalid\)$/, outside);
  });

  await t.test("copies are those inside each folder", async () => {
    const copies = /^Exact copies, 6 lines, 2 places:\none\/api\/src\/(bill|invoice)\.js:\d+-\d+ \(invoiceTotal\)\n/;
    assert.match(await textOf("find_duplicates", { minLines: 4, wait: true }), copies);
    const text = await textOf("find_duplicates", { path: "one/api/src/bill.js", filters: "-in:tests", minLines: 4 });
    assert.match(text, copies);
    assert.match(text, /Each workspace folder was compared by itself/);
    assert.match(await textOf("find_duplicates", { path: "one/api/src/bill.js", filters: "-path:one/api/src/invoice.js", minLines: 4 }), /^No duplicates found\./);
    assert.match(await textOf("find_duplicates", { path: "one/api/src/bill.js", filters: "path:web" }), /^The filters leave out one\/api/);
    for (const whole of ["one/api", "one/api/", sandbox.path("one/api")]) assert.match(await textOf("find_duplicates", { path: whole, minLines: 4 }), copies, whole);
    assert.match(await textOf("find_duplicates", { path: "one/api", filters: "path:web" }), /^The filters leave out one\/api, of which copies were asked for\./);
    assert.match(await textOf("find_duplicates", { path: "web", minLines: 4 }), /^No duplicates found\./);
    assert.match(await textOf("find_duplicates", { path: "nowhere" }), /^The folder .*nowhere does not exist/);
  });

  await t.test("the status is told of each", async () => {
    const { content, structuredContent } = await mcp.call("index_status", {});
    assert.match(content[0]?.text ?? "", /^web \(.*\): \w+\.\n2 files in [\s\S]*\n\none\/api \(.*\): [\s\S]*\n\nnowhere \(.*\): failed \(The folder .*\)\.$/);
    const folders = structuredContent?.["folders"] as readonly { readonly name: string; readonly state: string }[];
    assert.deepEqual(folders.map(({ name, state }) => [name, state === "failed"]), [["web", false], ["one/api", false], ["two/api", false], ["nowhere", true]]);
  });

  await t.test("an engine that dies costs no answer", { skip: process.platform === "win32" && "no signals" }, async () => {
    const pid = sandbox.engines().get(sandbox.path("two/api"))!;
    process.kill(pid, "SIGSTOP"); // so that it cannot answer before it dies
    const answer = pathsOf("search_code", { query: "with_backoff", k: 1 });
    await mcp.request("tools/list").answer; // by now the server has taken the call up
    process.kill(pid, "SIGKILL");
    assert.deepEqual(await answer, ["two/api/again.py"]);
  });

  await t.test("a folder that comes is searched from then on", async () => {
    sandbox.write("nowhere", { "late.js": "/** Greets whoever comes late. */\nexport function greetLate() {\n  return 'late';\n}\n" });
    assert.equal((await pathsOf("search_code", { query: "greet whoever comes late", k: 1, wait: true }))[0], "nowhere/late.js");
    rmSync(sandbox.path("nowhere"), { recursive: true });
  });
  assert.deepEqual(mcp.strayLines, []);
});

test("one folder and no other is served under its paths alone", async (t) => {
  const mcp = new McpProgram(sandbox, ["web", "--in", "web"]);
  t.after(() => mcp.process.kill());
  assert.match((await mcp.initialize()).instructions ?? "", /of one workspace/);
  assert.equal(placesIn(await mcp.call("search_code", { query: "withBackoff", k: 1 }))[0]?.path, "src/retry.js");
  assert.equal(existsSync(sandbox.path("web/c")), false);
});
