import assert from "node:assert/strict";
import { chmodSync, mkdirSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { entryFile } from "../../../src/base/assets.ts";
import { StrataError } from "../../../src/base/errors.ts";
import { launcherVariable } from "../../../src/base/launcher.ts";
import { answerJson, clickableFolder, parsePlace, resolvePlace, withFilters } from "../../../src/cli/commands.ts";
import { cacheWritable, databaseCheck, trainingPython, watchLimit } from "../../../src/cli/doctor.ts";
import { qualityLines } from "../../../src/cli/models.ts";
import { commandLine, main, withQueryAsWords } from "../../../src/cli/program.ts";
import { projectOf, resolveModel, scopeOf } from "../../../src/cli/session.ts";
import { duplicateDefaults } from "../../../src/engine/protocol.ts";
import { indexFolder } from "../../../src/engine/paths.ts";
import { pathInside } from "../../../src/engine/session.ts";
import { temporaryFolder, useCache } from "../../support/temporaryFolder.ts";

const scratch = temporaryFolder({ after });
mkdirSync(path.join(scratch, "w/src"), { recursive: true });
writeFileSync(path.join(scratch, "w/src/a.ts"), "one\ntwo\nthree\n");
writeFileSync(path.join(scratch, "w/.env"), "TOKEN=hunter2\n");
writeFileSync(path.join(scratch, "w/large.json"), "");
truncateSync(path.join(scratch, "w/large.json"), 30_000_000);
writeFileSync(path.join(scratch, "outside.ts"), "x\n");
symlinkSync(path.join(scratch, "outside.ts"), path.join(scratch, "w/link.ts"));
const [root, none] = [path.join(scratch, "w"), path.join(scratch, "none")];

async function strata(...args: string[]) {
  let out = "";
  let err = "";
  const terminal = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), outColour: false, errInteractive: false, columns: 80 };
  const code = await main(args, terminal, new AbortController().signal);
  return { code, out, err };
}

/** What a command is given for these words, which is not run. */
async function given(...args: string[]) {
  let options: object = {};
  await commandLine(async (_command, read) => void (options = read)).parseAsync(args, { from: "user" });
  return options;
}

test("what nobody says is what help says", async () => {
  assert.deepEqual(await given("search", "x"), { in: [], k: 10, depth: "deep", wait: false, vimgrep: false, explain: false, lang: [], path: [] });
  assert.deepEqual(await given("duplicates"), { lang: [], path: [], depth: "deep", minLines: duplicateDefaults.minLines, threshold: duplicateDefaults.threshold, limit: 50 });
  assert.deepEqual(await given("train"), { minutes: 10, device: "auto", yes: false, resume: false, dryRun: false });
});

test("languages, files and folders may be named several times", async () => {
  assert.deepEqual(await given("search", "x", "--lang", "go", "--lang", "rust,c", "--path", "src/**", "--path", "!src/gen/**", "--in", "a", "--in", "b", "-k", "1"), {
    in: ["a", "b"], k: 1, depth: "deep", wait: false, vimgrep: false, explain: false, lang: ["go", "rust,c"], path: ["src/**", "!src/gen/**"],
  });
});

test("filters that leave out are words of the query wherever they stand", () => {
  assert.deepEqual(withQueryAsWords(["search", "open file", "-path:mem", "--in", "d", "-lang:go", "-k", "3"]), ["search", "open file", "--in", "d", "-k", "3", "--", "-path:mem", "-lang:go"]);
  assert.deepEqual(withQueryAsWords(["search", "-k", "3", "--", "-in:tests", "x"]), ["search", "-k", "3", "--", "-in:tests", "x"]);
  assert.deepEqual(withQueryAsWords(["search", "-lang:go", "--", "-x"]), ["search", "--", "-x", "-lang:go"]);
  assert.deepEqual(withQueryAsWords(["search", "-NOAUTH Authentication required.", "--path=my folder/**", "-k", "3"]), ["search", "--path=my folder/**", "-k", "3", "--", "-NOAUTH Authentication required."]);
  assert.deepEqual(withQueryAsWords(["search", "--cluster rebalance", "--in", "d"]), ["search", "--in", "d", "--", "--cluster rebalance"]);
});

test("no folder's name sends escape sequences or lines of its own to the terminal, in a mistake either", async () => {
  const { code, err } = await strata("search", "x", "--in", path.join(scratch, "a\x1b]0;owned\x07\nstrata: b"), "--in", path.join(scratch, "b\x1b[2J"));
  assert.deepEqual([code, /[\x00-\x1f]/.test(err.slice(0, -1))], [2, false], JSON.stringify(err));
  assert.match(err, /^strata: There is no folder .*a·\]0;owned··strata: b\. /);
});

test("an object holds no controls either, which some terminals obey, and says the same", async () => {
  const name = path.join(scratch, "a\u009b2J\x7f");
  const { out } = await strata("search", "x", "--in", name, "--json");
  assert.doesNotMatch(out, /[\x7f-\x9f]/);
  assert.ok((JSON.parse(out) as { error: { message: string } }).error.message.includes(name));
});

test("a folder's name stays in the line of its sentence", { skip: process.platform === "win32" && "which has no such names" }, async () => {
  const odd = path.join(scratch, "odd\nname");
  mkdirSync(odd);
  assert.match((await strata("status", odd)).out, /^.*odd·name is not indexed\. Run: strata index .*odd·name\n$/);
});

test("an answer is complete when no folder is left out, for want of memory too", () => {
  const coverage = { files: 1, chunks: 1, instant: 1, shallow: 1, deep: 1 };
  const result = { hits: [], coverage, changes: 1, depth: "deep", tookMs: 1, refining: false, failures: [] } as const;
  const isComplete = (tooMany: readonly string[]): unknown =>
    (answerJson([], result, [{ name: "w", coverage, state: { kind: "ready" } }], { isAll: true, folders: [], gone: [], tooMany }, "deep") as { coverage: { complete: boolean } }).coverage.complete;
  assert.deepEqual([isComplete([]), isComplete(["/src/old"])], [true, false]);
});

const mistakes: readonly { name: string; args: readonly string[]; says: RegExp; code?: string }[] = [
  { name: "an empty query", args: ["search", "  "], says: /^The query is empty\. / },
  { name: "no query", args: ["search"], says: /Missing required argument 'query'\. "strata --help"/ },
  { name: "no hits wanted", args: ["search", "x", "-k", "0"], says: /whole number from 1 to 200/ },
  { name: "too many hits", args: ["search", "x", "-k", "201"], says: /whole number from 1 to 200/ },
  { name: "a number that is none", args: ["search", "x", "-k", "ten"], says: /whole number/ },
  { name: "a depth that is none", args: ["search", "x", "--depth", "deeper"], says: /Allowed choices are instant, shallow, deep/ },
  { name: "a language that is none", args: ["search", "x", "--lang", "go,pyhton"], says: /There is no language "pyhton"\. Write its name or the ending of its files/ },
  { name: "an empty path, as of a variable that is not set", args: ["search", "x", "--path", ""], says: /It is empty\. Name files/ },
  { name: "a path to leave out that is empty", args: ["search", "x", "--path", "!"], says: /It is empty\. Name files/ },
  { name: "a folder that is not there, asked with a filter that leaves out", args: ["search", "x", "-path:mem", "--in", none], says: /There is no folder .*none/, code: "workspace.missing" },
  { name: "a model where none is used", args: ["indexes", "--model", "anything"], says: /^"strata indexes" uses no model\. Leave out --model/ },
  { name: "a model in front of a command that uses none", args: ["--model", "anything", "mine", root, "--out", path.join(scratch, "pairs")], says: /^"strata mine" uses no model/ },
  { name: "two folders", args: ["status", root, "--in", scratch], says: /Two folders are named, .* Leave one of them out/ },
  { name: "two folders where one is meant", args: ["duplicates", "--in", root, "--in", scratch], says: /This command is about one folder\. Name one, or run it for each\./ },
  { name: "all folders and one beside them", args: ["search", "x", "--in", "all", "--in", root], says: /^With --in all every folder that has an index is searched\. Leave out the other --in/ },
  { name: "several folders of which none is there", args: ["search", "x", "--in", path.join(scratch, "none"), "--in", path.join(scratch, "nothing")], says: /There is no folder .*none/, code: "workspace.missing" },
  { name: "a folder that is not there", args: ["search", "x", "--in", none], says: /There is no folder .*none/, code: "workspace.missing" },
  { name: "a file as folder", args: ["index", path.join(root, "src/a.ts")], says: /is a file\. Name the folder/, code: "workspace.missing" },
  { name: "a place without a line", args: ["similar", "src/a.ts", "--in", root], says: /Write FILE:LINE or FILE:FIRST-LAST/ },
  { name: "a line past the end", args: ["similar", "src/a.ts:4", "--in", root], says: /src\/a\.ts has 3 lines; line 4 is not one of them/ },
  { name: "a range past the end", args: ["similar", "src/a.ts:2-9", "--in", root], says: /line 9 is not one of them/ },
  { name: "line 0", args: ["similar", "src/a.ts:0", "--in", root], says: /Lines count from 1/ },
  { name: "a range that runs backwards", args: ["similar", "src/a.ts:3-2", "--in", root], says: /3-2 is not a range/ },
  { name: "a file that is not there", args: ["similar", "b.ts:1", "--in", root], says: /There is no file b\.ts inside/ },
  { name: "a file outside the folder", args: ["similar", `${path.join(scratch, "outside.ts")}:1`, "--in", root], says: /There is no file .*outside\.ts inside .*\. Name the project it belongs to with --in\.$/m },
  { name: "a link that leads outside", args: ["similar", "link.ts:1", "--in", root], says: /There is no file link\.ts inside/ },
  { name: "a file that holds secrets", args: ["similar", ".env:1", "--in", root], says: /^\.env is of a kind that holds secrets, so Strata does not read it\. / },
  { name: "a folder as file", args: ["similar", `${path.join(root, "src")}:1`, "--in", root], says: /^src is not a file\. / },
  { name: "a file larger than any code", args: ["similar", "large.json:1", "--in", root], says: /^large\.json is too large to read \(30 MB\)\. / },
  { name: "a model that is not there", args: ["search", "x", "--model", "gpt"], says: /There is no model "gpt"/, code: "model.missing" },
  { name: "pairs written to a folder", args: ["mine", root, "--out", scratch], says: /is a folder\. Name the file/ },
  { name: "an unknown command", args: ["serch"], says: /^Unknown command 'serch'\. Did you mean search\? "strata --help" shows what can be typed\.\n?$/ },
  { name: "an unknown option", args: ["search", "x", "--deep"], says: /Unknown option '--deep'\. Did you mean --help\? To look for it, put "--" in front/ },
  { name: "a threshold out of range", args: ["duplicates", root, "--threshold", "1.5"], says: /number from 0 to 1/ },
  { name: "no threshold, as of a variable that is not set", args: ["duplicates", root, "--threshold", ""], says: /number from 0 to 1/ },
  { name: "copies of no lines", args: ["duplicates", root, "--min-lines", "0"], says: /The number of lines must be a whole number from 1/ },
  { name: "a device that is none", args: ["train", root, "--device", "tpu"], says: /Allowed choices are auto, cuda, mps, cpu/ },
  { name: "something else to do with a model", args: ["models", "delete", "mine"], says: /Allowed choices are use, forget/ },
  { name: "something else to do with an index", args: ["indexes", "delete", root], says: /Allowed choices are forget\b(?!,)/ },
  { name: "pairs that are written nowhere", args: ["mine", root], says: /--out <file>' not specified/ },
  ...["duplicates", "status", "doctor"].flatMap((command) => [[command, none], [command, "--in", none]]).concat([["models", "--in", none], ["index", none], ["mine", none, "--out", path.join(scratch, "pairs")]])
    .map((args) => ({ name: `${args.slice(0, -1).join(" ")} of a folder that is not there`, args, says: /There is no folder .*none/, code: "workspace.missing" })),
];
for (const { name, args, says, code = "input.invalid" } of mistakes)
  test(`${name}: exit code 2 and a sentence, as text and as JSON`, async () => {
    const text = await strata(...args);
    assert.equal(text.code, 2);
    assert.equal(text.out, "");
    assert.match(text.err, /^strata: \S/);
    assert.match(text.err.slice("strata: ".length), says);
    const json = await strata(...args, "--json");
    assert.equal(json.code, 2);
    assert.equal(json.err, "");
    const { error } = JSON.parse(json.out) as { error: { code: string; message: string } };
    assert.equal(error.code, code);
    assert.match(error.message, says);
  });

test("who cancels is told so by the exit code alone; a mistake that was made before stays one", async () => {
  const run = async (...args: string[]) => {
    let said = "";
    const terminal = { out: (text: string) => void (said += text), err: (text: string) => void (said += text), outColour: false, errInteractive: false, columns: 80 };
    return [await main(args, terminal, AbortSignal.abort()), said !== ""];
  };
  assert.deepEqual([await run("mine", root, "--out", path.join(scratch, "pairs")), await run("search", " ")], [[130, false], [2, true]]);
});

test("help and version are answers; no command at all is not", async () => {
  const help = await strata("--help");
  assert.equal(help.code, 0);
  for (const command of ["search", "similar", "duplicates", "index", "status", "models", "doctor", "mcp"]) assert.match(help.out, new RegExp(`^ {2}${command}\\b`, "m"));
  assert.match((await strata("search", "--help")).out, /--wait/);
  assert.match((await strata("train", "--help")).out.replace(/\s+/g, " "), /--json print one JSON object a line, .* --model <folder> model to start from/);
  assert.match((await strata("--version")).out, /^\d+\.\d+\.\d+/);
  const nothing = await strata();
  assert.equal(nothing.code, 2);
  assert.match(nothing.err, /^Usage: strata/);
});

test("what agents need to start the server is printed whole", async (t) => {
  const configOf = async (...args: string[]) => (JSON.parse((await strata("mcp", "--config", ...args)).out) as { mcpServers: { strata: { command: string; args: string[] } } }).mcpServers.strata;
  const own = await configOf();
  assert.deepEqual([own.command, own.args], [process.execPath, [entryFile("strata"), "mcp"]]);
  assert.deepEqual((await configOf(path.join(root, "src"), "--in", root)).args, [entryFile("strata"), "mcp", path.join(root, "src"), root]);
  assert.deepEqual((await configOf("--model", "strata-base")).args, [entryFile("strata"), "--model", resolveModel("strata-base"), "mcp"]);
  assert.equal((await strata("mcp", "--config", path.join(root, "nowhere"))).code, 2);
  // Started by the command that the extension makes, it names that one, which the next version keeps.
  t.after(() => delete process.env[launcherVariable]);
  process.env[launcherVariable] = "/cache/bin/strata";
  assert.deepEqual(await configOf("--in", root), { command: "/cache/bin/strata", args: ["mcp", root] });
});

test("places in files", () => {
  assert.deepEqual(parsePlace("src/a.ts:12"), { file: "src/a.ts", startLine: 12 });
  assert.deepEqual(parsePlace("a.ts:12-30"), { file: "a.ts", startLine: 12, endLine: 30 });
  assert.deepEqual(parsePlace("a.ts:12:5"), { file: "a.ts", startLine: 12 });
  assert.deepEqual(parsePlace("C:\\x\\a.ts:3"), { file: "C:\\x\\a.ts", startLine: 3 });
  for (const wrong of ["a.ts", "a.ts:", "a.ts:x", ":3", "a.ts:3-"]) assert.throws(() => parsePlace(wrong), (error) => StrataError.is(error, "input.invalid"), wrong);
});

test("a file is looked for from where the user stands, then from the folder", () => {
  assert.deepEqual(resolvePlace(parsePlace("a.ts:2"), { root, under: "" }, path.join(root, "src")), { path: "src/a.ts", startLine: 2 });
  assert.deepEqual(resolvePlace(parsePlace("src/a.ts:1-3"), { root, under: "" }, scratch), { path: "src/a.ts", startLine: 1, endLine: 3 });
  assert.deepEqual(resolvePlace(parsePlace("a.ts:2"), { root, under: "src" }, scratch), { path: "src/a.ts", startLine: 2 });
  assert.deepEqual(resolvePlace(parsePlace(`${path.join(root, "src/a.ts")}:3`), { root, under: "" }, "/"), { path: "src/a.ts", startLine: 3 });
});

test("paths from agents stay inside, links included", () => {
  for (const given of ["src/../src/a.ts", "src\\a.ts", pathToFileURL(path.join(root, "src/a.ts")).href]) assert.equal(pathInside(root, given), "src/a.ts", given);
  for (const wrong of ["file:///etc/passwd", "file://elsewhere/a.ts", "..\\outside.ts", "../outside.ts", "/etc/passwd", "link.ts", ".", "", "src/none.ts", "../w/../outside.ts"]) assert.throws(() => pathInside(root, wrong), (error) => StrataError.is(error, "input.invalid"), wrong);
});

test("filters go into the query language", () => {
  assert.equal(withFilters("parse it", ["go", "rust"], ["src/**", "!**/gen/**", "my dir/*"]), 'parse it lang:go,rust path:src/** -path:**/gen/** path:"my dir/*"');
  assert.equal(withFilters("parse it", [], []), "parse it");
  assert.equal(withFilters("", [], ['my "own" dir']), 'path:"my ?own? dir"');
});

test("paths of results can be clicked from the current folder", () => {
  assert.equal(clickableFolder("/a/b", "/a/b"), "");
  assert.equal(clickableFolder("/a/b/c", "/a/b"), "c");
  assert.equal(clickableFolder("/a/b/..c", "/a/b"), "..c");
  assert.equal(clickableFolder("/a/x", "/a/b"), "/a/x");
});

test("a model is a folder or the name of one that ships", () => {
  const folder = resolveModel("strata-base");
  assert.equal(path.basename(folder ?? ""), "strata-base");
  assert.equal(resolveModel(folder), folder);
  assert.equal(resolveModel(undefined), undefined);
});

test("a model that ships keeps its name where the current folder holds one of that name", (t) => {
  const [shipped, here] = [resolveModel("strata-base"), process.cwd()];
  t.after(() => process.chdir(here));
  mkdirSync(path.join(scratch, "cloned/strata-base"), { recursive: true });
  writeFileSync(path.join(scratch, "cloned/strata-base/manifest.json"), "{}");
  process.chdir(path.join(scratch, "cloned"));
  assert.equal(resolveModel("strata-base"), shipped);
  assert.equal(resolveModel("./strata-base"), path.resolve("strata-base"));
});

test("doctor: a cache that cannot be written and a low watch limit say what to do", () => {
  assert.equal(cacheWritable(path.join(scratch, "cache")).state === "fail", false);
  const blocked = cacheWritable(path.join(root, "src/a.ts/cache"));
  assert.equal(blocked.state, "fail");
  assert.match(blocked.detail, /STRATA_CACHE/);
  const limit = path.join(scratch, "limit");
  writeFileSync(limit, "8192\n");
  assert.equal(watchLimit(limit)?.state, "warn");
  assert.match(watchLimit(limit)?.detail ?? "", /8,192 folders.*max_user_watches/);
  writeFileSync(limit, "524288\n");
  assert.equal(watchLimit(limit)?.state, "ok");
  assert.equal(watchLimit(path.join(scratch, "none")), undefined);
});

test("doctor: a cache folder that is there keeps its permissions, a new one is its owner's alone", { skip: process.platform === "win32" && "POSIX permissions" }, () => {
  const mode = (folder: string): number => statSync(folder).mode & 0o777;
  const shared = path.join(scratch, "shared");
  mkdirSync(shared);
  chmodSync(shared, 0o755);
  assert.equal(cacheWritable(shared).state === "fail", false);
  assert.equal(mode(shared), 0o755);
  cacheWritable(path.join(shared, "new"));
  assert.equal(mode(path.join(shared, "new")), 0o700);
});

test("doctor: a database that takes long to check is not called damaged", async () => {
  const file = path.join(scratch, "index.db");
  const db = new DatabaseSync(file);
  db.exec("CREATE TABLE t (a)");
  db.close();
  const never = new AbortController().signal;
  assert.equal((await databaseCheck(file, root, never)).state, "ok");
  const late = await databaseCheck(file, root, never, 1);
  assert.deepEqual([late.state, /could not be checked: it took more than 0\.001 s/.test(late.detail)], ["warn", true]);
  writeFileSync(file, "no database ".repeat(1000));
  const damaged = await databaseCheck(file, root, never);
  assert.deepEqual([damaged.state, /damaged.*--rebuild/.test(damaged.detail)], ["fail", true]);
});

test("doctor: the Python that fine-tuning would take, and what to do without one", { skip: process.platform === "win32" && "shell scripts stand in for Python" }, async (t) => {
  const programs = path.join(scratch, "programs");
  mkdirSync(programs);
  const standIn = (name: string, script: string) => {
    writeFileSync(path.join(programs, name), `#!/bin/sh\n${script}\n`);
    chmodSync(path.join(programs, name), 0o755);
    return path.join(programs, name);
  };
  const before = process.env["PATH"];
  t.after(() => (process.env["PATH"] = before));
  process.env["PATH"] = programs;
  const find = (own?: string) => trainingPython(own, new AbortController().signal);
  standIn("python3", "exit 1"); // too old or too new
  const none = await find();
  assert.deepEqual([none.state, /3\.11 to 3\.13.*uv/.test(none.detail)], ["warn", true], none.detail);
  standIn("python3.12", "echo 3.12");
  assert.deepEqual(await find(), { name: "Python", state: "ok", detail: "3.12 (python3.12), for fine-tuning" });
  const able = standIn("able", '[ "$PYTHONSAFEPATH" = 1 ]'); // else a workspace's own torch.py would run
  assert.equal((await find(able)).state, "ok");
  const unable = await find(standIn("unable", "echo 'ModuleNotFoundError: No module named torch' >&2; exit 1"));
  assert.deepEqual([unable.state, /STRATA_PYTHON is .*unable.*No module named torch/.test(unable.detail)], ["warn", true], unable.detail);
});

test("a command is about the nearest indexed folder upwards and the part of it that is named or that one stands in", (t) => {
  useCache(t, path.join(scratch, "cache"));
  const [project, part] = [path.join(scratch, "project"), path.join(scratch, "project/src/net")];
  mkdirSync(part, { recursive: true });
  const index = (folder: string): void => {
    mkdirSync(indexFolder(folder), { recursive: true });
    writeFileSync(path.join(indexFolder(folder), "index.db"), "");
  };
  assert.deepEqual(scopeOf(undefined, part), { root: part, under: "" });
  assert.equal(projectOf("project/src/a.ts", scratch), undefined);
  index(project);
  assert.equal(projectOf("project/src/a.ts", scratch), project);
  assert.equal(projectOf("project/there/is/none.ts", scratch), undefined);
  assert.equal(projectOf("src/a.ts", project), undefined, "the current folder has an index");
  assert.deepEqual(scopeOf(undefined, part), { root: project, under: "src/net" });
  assert.deepEqual(scopeOf(undefined, project), { root: project, under: "" });
  assert.deepEqual(scopeOf(part, scratch), { root: project, under: "src/net" });
  index(path.dirname(part));
  assert.deepEqual(scopeOf(undefined, part), { root: path.dirname(part), under: "net" });
});

test("an index of the home folder answers who stands there, not for the projects below it", (t) => {
  useCache(t, path.join(scratch, "cache"));
  const before = process.env["HOME"];
  const home = path.join(scratch, "home");
  const project = path.join(home, "project");
  mkdirSync(project, { recursive: true });
  process.env["HOME"] = home;
  t.after(() => (before === undefined ? delete process.env["HOME"] : (process.env["HOME"] = before)));
  mkdirSync(indexFolder(home), { recursive: true });
  writeFileSync(path.join(indexFolder(home), "index.db"), "");
  assert.deepEqual(scopeOf(undefined, home), { root: home, under: "" });
  assert.deepEqual(scopeOf(undefined, project), { root: project, under: "" });
  assert.deepEqual(scopeOf(project, home), { root: project, under: "" });
});

test("help shows no defaults that only a program reads, and no model where none is used", async () => {
  assert.doesNotMatch((await strata("search", "--help")).out, /\[\]/);
  assert.match((await strata("search", "--help")).out, /--model/);
  assert.doesNotMatch((await strata("indexes", "--help")).out, /--model/);
});

test("of a model's figures the terminal shows those of whole exits, a line for each set", () => {
  const figures = { "exit 0": 0.5855, "exit 6": 0.7334, "query 6, code 0": 0.6, "exit 6, 64 dims": 0.7 };
  assert.deepEqual(qualityLines({ "cosqa, nDCG@10, 500 queries, 2500 documents": figures, "cosine of int8 to float32": { "exit 0": 1 } }), ["cosqa, nDCG@10: exit 0 0.59, exit 6 0.73"]);
  assert.deepEqual(qualityLines({ "held-out": { after: { score: 0.6, "0": 0.5, "6>0": 0.4 }, comparison: { questions: 60 } } }), ["held-out after: exit 0 0.50"]);
  assert.deepEqual(qualityLines(undefined), []);
});
