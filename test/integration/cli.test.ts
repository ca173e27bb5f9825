// The command line as a child process against a real engine and the shipped model, on one small workspace.
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { packageRoot } from "../../src/base/assets.ts";
import type { Hit, Status } from "../../src/engine/protocol.ts";
import { Sandbox } from "../support/programs.ts";
import { manyFiles, processGone } from "../support/workspace.ts";

const sandbox = new Sandbox("cli");
const { folder } = sandbox;
const root = path.join(folder, "w");
const strata: Sandbox["strata"] = (args, options) => sandbox.strata(args, options);
const start: Sandbox["start"] = (args, options) => sandbox.start(args, options);
after(() => sandbox.end());

function write(base: string, files: Readonly<Record<string, string>>): void {
  sandbox.write(path.relative(folder, base), files);
}

before(() => {
  write(root, {
    "src/retry.ts": "/** Waits longer after each failed attempt before trying the request again. */\nexport async function withBackoff<T>(attempt: () => Promise<T>): Promise<T> {\n  let delayMs = 100;\n  for (;;) {\n    try {\n      return await attempt();\n    } catch {\n      await new Promise((resolve) => setTimeout(resolve, delayMs));\n      delayMs *= 2;\n    }\n  }\n}\n",
    "src/again.py": "def with_backoff(attempt):\n    delay = 0.1\n    while True:\n        try:\n            return attempt()\n        except Exception:\n            time.sleep(delay)\n            delay *= 2\n",
    "src/invoice.ts": "/** Adds up the lines of an invoice, tax included. */\nexport function invoiceTotal(lines: { net: number; tax: number }[]): number {\n  let total = 0;\n  for (const line of lines) total += line.net + line.tax;\n  return total;\n}\n",
    "lib/bill.ts": "/** Adds up the lines of an invoice, tax included. */\nexport function invoiceTotal(lines: { net: number; tax: number }[]): number {\n  let total = 0;\n  for (const line of lines) total += line.net + line.tax;\n  return total;\n}\n",
    ".env": "TOKEN=retry-backoff-secret\n",
    "node_modules/x/index.js": "export function withBackoff() {}\n",
  });
});

async function strataJson<T>(...args: string[]): Promise<{ code: number | null; value: T }> {
  const { code, out, err } = await strata([...args, "--json"]);
  assert.equal(err, "", "with --json nothing but the object is written");
  return { code, value: JSON.parse(out) as T };
}

interface Found {
  hits: Hit[];
  coverage: { files: number; chunks: number; deep: number; complete: boolean; state: string };
}

test("status of a folder that nobody indexed says so and starts nothing", async () => {
  const { code, value } = await strataJson<{ state: { kind: string }; indexFolder: string }>("status", root);
  assert.equal(code, 1);
  assert.equal(value.state.kind, "absent");
  assert.equal(existsSync(value.indexFolder), false);
});

test("the very first search of a folder finds, without being told to wait for the index", async () => {
  const { code, value } = await strataJson<Found>("search", "wait longer after each failure", "--in", root);
  assert.equal(code, 0);
  assert.ok(["src/retry.ts", "src/again.py"].includes(value.hits[0]?.path ?? ""), value.hits[0]?.path);
});

test("--wait answers from everything, in the promised shape", async () => {
  const { code, value } = await strataJson<Found>("search", "wait longer after each failure", "--in", root, "-k", "3", "--wait");
  assert.equal(code, 0);
  assert.ok(value.hits.length <= 3);
  const [hit] = value.hits;
  assert.ok(hit);
  assert.deepEqual([hit.path, hit.startLine, hit.line, hit.symbol, hit.depth, hit.lang], ["src/retry.ts", 1, 2, "withBackoff", "deep", "typescript"]);
  assert.ok(hit.endLine > hit.startLine && hit.score > 0 && hit.why.length > 0);
  assert.deepEqual([value.coverage.files, value.coverage.complete, value.coverage.deep], [4, true, value.coverage.chunks]);
});

test("secrets and installed packages are not found", async () => {
  const { value } = await strataJson<Found>("search", "retry-backoff-secret TOKEN", "--in", root, "-k", "50");
  assert.deepEqual(value.hits.filter((hit) => hit.path.startsWith(".env") || hit.path.startsWith("node_modules")), []);
});

test("nothing found is exit code 1, in words and as an empty list", async () => {
  const text = await strata(["search", "anything", "--in", root, "--lang", "cobol"]);
  assert.deepEqual([text.code, text.out, text.err], [1, "", "There is no file in cobol. Most are in typescript, python.\nNothing found that passes the filters.\n"]);
  const { code, value } = await strataJson<Found & { whyNothing: string }>("search", "anything", "--in", root, "--lang", "cobol");
  assert.deepEqual([code, value.hits, value.whyNothing], [1, [], "There is no file in cobol. Most are in typescript, python."]);
});

test("people get places to click, without colours in a pipe", async () => {
  const { code, out } = await strata(["search", "add up invoice lines", "--path", "src/**", "-k", "1", "--explain"], { cwd: root });
  assert.equal(code, 0);
  assert.match(out, /^src\/invoice\.ts:2 {2}invoiceTotal {2}▰/);
  assert.match(out, /\n {4}[+−]\d\.\d{3} {2}\S/, "signals");
  assert.equal(out.includes("\x1b"), false);
});

test("a misspelt name finds what was meant, and the answer says how it was read", async () => {
  const { code, out, err } = await strata(["search", "withBckoff", "-k", "1"], { cwd: root });
  assert.deepEqual([code, err], [0, '"withBckoff" read as "withBackoff", the nearest word in the code.\n']);
  assert.match(out, /^src\/retry\.ts:2 {2}withBackoff /);
  const { value } = await strataJson<Found & { respellings?: unknown }>("search", "add up invocie lines", "--in", root);
  assert.deepEqual([value.hits[0]?.path, value.respellings], ["src/invoice.ts", [{ typed: "invocie", read: "invoice" }]]);
  assert.equal("respellings" in (await strataJson<Found>("search", "invoice", "--in", root)).value, false);
});

test("a question in another language is read in English, and the answer says so", async () => {
  const { code, out, err } = await strata(["search", "Summe der Rechnung lang:ts", "-k", "1"], { cwd: root });
  assert.deepEqual([code, err], [0, 'Read from German as "sum invoice".\n']);
  assert.match(out, /^src\/invoice\.ts:/);
  const { value } = await strataJson<Found & { translation?: unknown }>("search", "失败后重试", "--in", root);
  assert.deepEqual([value.hits[0]?.path, value.translation], ["src/retry.ts", { language: "Chinese", english: "fail retry" }]);
});

test("a question that nothing answers is told to be one, by words and as data", async () => {
  const { code, out, err } = await strata(["search", "recipe for pancakes with maple syrup", "-k", "1"], { cwd: root });
  assert.deepEqual([code, err], [0, "Nothing here clearly answers this; these places come nearest.\n"]);
  assert.notEqual(out, "");
  const farFetched = async (query: string) => (await strataJson<Found & { farFetched?: true }>("search", query, "--in", root)).value.farFetched;
  assert.equal(await farFetched("recipe for pancakes with maple syrup"), true);
  assert.equal(await farFetched("wait longer after each failure"), undefined);
});

test("similar code: by line and by range, without the code itself", async () => {
  for (const place of ["src/retry.ts:5", "src/retry.ts:2-12"]) {
    const { code, value } = await strataJson<Found>("similar", place, "--in", root, "-k", "2");
    assert.equal(code, 0);
    assert.equal(value.hits[0]?.path, "src/again.py", place);
    assert.equal(value.hits.some((hit) => hit.path === "src/retry.ts"), false, place);
  }
});

test("similar code to what is piped in, whose language --lang says, with filters and exit codes as for a file", async () => {
  const piped = "async fn with_backoff<T>(attempt: impl Fn() -> Result<T>) -> T {\n    let mut delay = 100;\n    loop {\n        match attempt() {\n            Ok(value) => return value,\n            Err(_) => sleep(delay).await,\n        }\n        delay *= 2;\n    }\n}\n";
  const similar = (...args: string[]) => strata(["similar", "-", "--in", root, ...args], { piped });
  const found = JSON.parse((await similar("--lang", "rust", "-k", "2", "--json")).out) as Found;
  assert.deepEqual(found.hits.map((hit) => hit.path).sort(), ["src/again.py", "src/retry.ts"]);
  assert.match((await similar("--lang", "rust", "--path", "*.py", "--vimgrep")).out, /^\S*src\/again\.py:1:1:/);
  assert.deepEqual(await similar("--path", "*.go").then(({ code, err }) => [code, err.split("\n")[0]]), [1, "Nothing found that passes the filters."]);
  assert.deepEqual(await similar("--lang", "rust,go").then(({ code, err }) => [code, err]), [2, "strata: With - the option --lang says what the code is written in, and that is one language.\n"]);
  for (const [wrong, says] of [[" \n", /Nothing was piped in/], [Buffer.from([1, 0, 2]), /is not text/]] as const)
    assert.match((await strata(["similar", "-", "--in", root], { piped: wrong })).err, says);
});

test("a subfolder of an indexed project is searched as a part of it, with paths from there", async () => {
  const indexes = (): number => readdirSync(path.join(folder, "c")).length;
  await strata(["index", root]);
  const before = indexes();
  const from = { cwd: path.join(root, "lib") };
  const found = JSON.parse((await strata(["search", "add up the lines of an invoice", "--json"], from)).out) as Found;
  assert.deepEqual(found.hits.map((hit) => hit.path), ["bill.ts"]);
  const similar = JSON.parse((await strata(["similar", "bill.ts:2", "--json"], from)).out) as Found;
  assert.equal(similar.hits[0]?.path, "../src/invoice.ts");
  assert.match((await strata(["duplicates", "--min-lines", "4"], from)).out, /bill\.ts:\d+[\s\S]*\.\.\/src\/invoice\.ts:\d+/);
  assert.ok((await strata(["models", "use", "bundled"], from)).out.startsWith(`${root} uses `), "the project's model is chosen, not one of the subfolder");
  assert.equal(indexes(), before);
});

test("duplicates are found and grouped", async () => {
  const { code, value } = await strataJson<{ groups: { kind: string; members: { path: string }[] }[] }>("duplicates", root, "--min-lines", "4");
  assert.equal(code, 0);
  assert.equal(value.groups[0]?.kind, "exact");
  assert.deepEqual(value.groups[0]?.members.map((member) => member.path).sort(), ["lib/bill.ts", "src/invoice.ts"]);
  const atOnce = await strataJson<{ groups: { kind: string }[]; coverage: { instant: number; chunks: number } }>("duplicates", root, "--min-lines", "4", "--depth", "instant");
  assert.equal(atOnce.value.groups[0]?.kind, "exact");
  assert.match((await strata(["duplicates", root, "--min-lines", "4"])).out, /^Exact copies · \d+ lines · 2 places\n/);
});

test("filters choose of which files duplicates and similar code are told", async () => {
  const duplicates = (...filters: string[]) => strata(["duplicates", root, "--min-lines", "4", "--depth", "instant", ...filters]);
  assert.match((await duplicates("--path", "lib/bill.ts")).out, /lib\/bill\.ts:\d+[\s\S]*src\/invoice\.ts:\d+/);
  assert.deepEqual(await duplicates("--path", "src/retry.ts").then(({ code, err }) => [code, err]), [1, "No duplicates of 4 lines or more that pass the filters.\n"]);
  assert.deepEqual(await duplicates("--path", "src/nowhere.ts").then(({ code, err }) => [code, err]), [1, "Nothing was compared: no code that is indexed passes the filters.\n"]);
  const unread = await strataJson<{ groups: unknown[]; whyNothing?: string }>("duplicates", root, "--lang", "go", "--depth", "instant");
  assert.deepEqual([unread.code, unread.value.groups, unread.value.whyNothing], [1, [], "There is no file in go. Most are in typescript, python."]);
  assert.equal((await duplicates("--path", "!lib")).code, 1, "what is left out is no copy");
  const similar = async (...filters: string[]) => (await strataJson<Found>("similar", "src/invoice.ts:2", "--in", root, ...filters)).value.hits.map((hit) => hit.path);
  assert.equal((await similar())[0], "lib/bill.ts");
  assert.deepEqual(new Set(await similar("--lang", "python")), new Set(["src/again.py"]));
});

test("index and status report the same coverage and what was left out", async () => {
  const indexed = await strataJson<Status & { tookMs: number }>("index", root);
  assert.equal(indexed.code, 0);
  const { code, value } = await strataJson<Status>("status", root);
  assert.equal(code, 0);
  assert.deepEqual(value.coverage, indexed.value.coverage);
  assert.equal(value.state.kind, "ready");
  assert.deepEqual(value.skipped, { secret: 1 });
  assert.deepEqual(value.languages, { typescript: 3, python: 1 });
  assert.equal((await strata(["status", root, "--left-out"])).out, "secret  .env\n");
  assert.deepEqual((await strataJson("status", root, "--left-out")).value, { leftOut: [{ path: ".env", reason: "secret" }], skipped: { secret: 1 } });
  assert.match((await strata(["index", root, "--depth", "instant"])).out, /^Indexed 4 files \(\d+ chunks\) at instant depth in \d/);
});

test("a folder in which there is nothing to read is called so, and where to look", async () => {
  const bare = path.join(folder, "bare");
  write(bare, { ".env": "TOKEN=1\n" });
  const { code, out, err } = await strata(["search", "a token", "--in", bare]);
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /^There are no files to search in .*bare\. What is left out, and why: strata status --left-out .*bare\n$/m);
});

test("doctor finds this machine fit, and the index sound", async () => {
  const { code, value } = await strataJson<{ ok: boolean; findings: { name: string; state: string; detail: string }[] }>("doctor", root);
  const state = new Map(value.findings.map((finding) => [finding.name, finding.state]));
  assert.deepEqual([code, value.ok], [0, true], JSON.stringify(value.findings.filter((finding) => finding.state === "fail")));
  for (const name of ["Node", "onnxruntime", "hnswlib", "SQLite", "Model", "Index", "Engine"]) assert.equal(state.get(name), "ok", name);
});

test("a model that was trained here is deleted once no index uses it; one that comes with Strata never", async () => {
  const trained = path.join(sandbox.cache, "models", "mine");
  cpSync(path.join(packageRoot, "models", "strata-base"), trained, { recursive: true });
  await strata(["models", "use", "mine", "--in", root]);
  const used = await strata(["models", "forget", "mine"]);
  assert.equal(used.code, 2);
  assert.match(used.err, new RegExp(`The index of ${root} uses mine\\. Choose another for it first: strata models use bundled --in`));
  await strata(["models", "use", "bundled", "--in", root]);
  assert.match((await strata(["models"])).out, /used by no index/);
  for (const name of ["strata-base", "..", "."]) assert.match((await strata(["models", "forget", name])).err, /No model ".+" was trained on this machine/);
  assert.equal((await strata(["models", "forget", "mine"])).out, "Deleted mine.\n");
  assert.equal(existsSync(trained), false);
});

test("doctor reports a damaged index and a damaged model", async () => {
  const other = path.join(folder, "damaged");
  write(other, { "a.ts": "export const a = 1;\n" });
  const { value: absent } = await strataJson<{ indexFolder: string }>("status", other);
  mkdirSync(absent.indexFolder, { recursive: true });
  writeFileSync(path.join(absent.indexFolder, "index.db"), "not a database, ".repeat(500));
  const model = path.join(folder, "model");
  write(model, { "manifest.json": "{" });
  const { code, value } = await strataJson<{ ok: boolean; findings: { name: string; state: string; detail: string }[] }>("doctor", other, "--model", model);
  assert.deepEqual([code, value.ok], [2, false]);
  const failed = value.findings.filter((finding) => finding.state === "fail");
  assert.deepEqual(failed.map((finding) => finding.name).sort(), ["Index", "Model"]);
  assert.match(failed.find((finding) => finding.name === "Index")?.detail ?? "", /strata index --rebuild/);
});

test("models lists the shipped one as whole and in use", async () => {
  const { code, value } = await strataJson<{ models: { id: string; isDefault: boolean; problem?: string; exits: number[] }[] }>("models");
  assert.equal(code, 0);
  const used = value.models.find((model) => model.isDefault);
  assert.ok(used && used.problem === undefined && used.exits[0] === 0);
});

test("a model that was asked for with --model is called so, until it is chosen", async () => {
  const other = path.join(folder, "other-model");
  write(other, { "a.ts": "export function total(a: number, b: number) {\n  return a + b;\n}\n" });
  assert.equal((await strata(["index", other, "--depth", "instant", "--model", "strata-base"])).code, 0);
  const model = async () => (await strataJson<Status>("status", other)).value.model;
  assert.deepEqual([(await model()).id, (await model()).isPassing], ["strata-base", true]);
  await strata(["models", "use", "strata-base", "--in", other]);
  assert.deepEqual([(await model()).id, (await model()).isPassing], ["strata-base", undefined]);
});

test("choosing the model that an index already uses says that nothing is read again", async () => {
  const { code, out } = await strata(["models", "use", "bundled", "--in", root]);
  assert.equal(code, 0);
  assert.match(out, /uses strata-\S+ \S+ already; nothing has to be read again\.\n$/);
});

test("indexes are listed with their folders, and forgotten with the engine that nobody uses any more, also when their folder is gone", async () => {
  const brief = path.join(folder, "brief");
  write(brief, { "a.ts": "export const answer = 42;\n" });
  type Listed = { folder: string; root: string; isGone: boolean; bytes: number };
  const find = async (): Promise<Listed | undefined> => (await strataJson<{ indexes: Listed[] }>("indexes")).value.indexes.find((index) => index.root === brief);
  const indexed = async (): Promise<Listed & { pid: number }> => {
    await strata(["index", brief, "--depth", "instant"]);
    const index = (await find())!;
    return { ...index, pid: (JSON.parse(readFileSync(path.join(index.folder, "engine.json"), "utf8")) as { pid: number }).pid };
  };
  const first = await indexed();
  assert.ok(!first.isGone && first.bytes > 10_000, JSON.stringify(first));
  const forgotten = await strata(["indexes", "forget", brief]);
  assert.deepEqual([forgotten.code, forgotten.out.startsWith(`Deleted the index of ${brief} (`)], [0, true], forgotten.err);
  await processGone(first.pid);

  const index = await indexed();
  rmSync(brief, { recursive: true });
  assert.match((await strata(["doctor", root])).out, /^warn +Indexes +1 folder is gone: "strata indexes forget gone"/m);
  assert.match((await strata(["indexes"])).err, /^1 folder is gone: "strata indexes forget gone"/);
  const gone = await strata(["indexes", "forget", "gone"]);
  assert.deepEqual([gone.code, gone.out.startsWith(`Deleted the index of ${brief} (`)], [0, true]);
  await processGone(index.pid);
  assert.equal(existsSync(index.folder), false);
  assert.equal(await find(), undefined);
  assert.equal((await strata(["indexes", "forget", brief])).code, 2, "there is none now");
  assert.equal((await strata(["indexes", "forget", "gone"])).code, 1);
});

test("a reader that leaves early is success", async () => {
  const child = start(["search", "invoice", "--in", root, "-k", "50"]);
  child.stdout?.destroy();
  assert.equal(await new Promise((resolve) => child.once("exit", resolve)), 0);
});

test("a reader of notes that leaves early changes no exit code", async () => {
  const child = start(["search", "waits longer after each failed attempt", "--in", root]);
  child.stderr?.destroy();
  assert.equal(await new Promise((resolve) => child.once("close", resolve)), 0);
  const mistake = start(["serach"]);
  mistake.stderr?.destroy();
  assert.equal(await new Promise((resolve) => mistake.once("close", resolve)), 2);
});

test("indexing goes on with the next engine when the one it began with ends, as for a newer version", async () => {
  const long = path.join(folder, "long");
  write(long, manyFiles(600));
  const child = start(["index", long]);
  let err = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
  const exited = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
  const pid = await sandbox.engineOf(long);
  await strataJson("search", "parseConfig", "--in", long); // who started the engine is connected by then too
  process.kill(pid, "SIGTERM");
  assert.equal(await exited, 0, err);
  assert.notEqual(sandbox.engines().get(realpathSync(long)), pid);
});

test("Ctrl-C ends at once with 130 and leaves an index that goes on where it was", { skip: process.platform === "win32" && "no signals" }, async () => {
  const big = path.join(folder, "big");
  write(big, manyFiles(600));
  const child = start(["index", big]);
  let err = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
  const exited = new Promise((resolve) => child.once("exit", (code) => resolve(code)));
  await sandbox.engineOf(big);
  child.kill("SIGINT");
  assert.equal(await exited, 130);
  assert.equal(err.includes("Error"), false);
  const { value } = await strataJson<Found>("search", "parseConfig", "--in", big, "--depth", "instant", "--wait");
  assert.deepEqual([value.coverage.files, value.coverage.complete], [600, true]);
});
