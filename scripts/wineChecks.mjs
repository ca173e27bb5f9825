// What wine.mjs starts with Windows' Node: acts as a user of Strata there, says of each thing whether it works, and ends with the number of failures.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { agentSettings, launcherText } from "../src/base/launcher.ts";

const program = "C:\\strata\\dist\\strata.mjs";
const base = mkdtempSync("C:\\strata-");
const home = path.join(base, "Zoë & Co");
const cache = path.join(home, "cache");
const root = path.join(base, "My Projekt ü");
const lower = root.replace("C:", "c:");
const uri = `file:///c%3A${encodeURI(root.slice(2).replaceAll("\\", "/"))}`;

const start = (args, cwd = root) => spawn(process.execPath, ["--no-warnings", program, ...args], { cwd, stdio: "pipe", env: { ...process.env, STRATA_CACHE: cache } });

async function strata(...args) {
  const child = start(args);
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (out += text));
  child.stdin.end();
  const code = await new Promise((resolve) => child.once("close", resolve));
  return `${out}[${code}]`;
}

const codeOf = (name, does) => `/** ${does} */\r\nexport function ${name}(given: string): string {\r\n  const made = given.trim();\r\n  if (made === given) return "";\r\n  return made + "${name}";\r\n}\r\n`;
function write(file, text) {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
}
const move = (from, to) => renameSync(path.join(root, from), path.join(root, to));

let failures = 0;
/** Tries again for some seconds: what is saved is read a moment later. */
async function check(what, ask, ...expected) {
  let said = "";
  for (let tries = 0; tries < 8; tries++) {
    said = await ask();
    if (expected.every((pattern) => (pattern instanceof RegExp ? pattern.test(said) : !said.includes(pattern.not)))) return console.log(`ok    ${what}`);
    await sleep(400);
  }
  failures++;
  console.log(`FAIL  ${what}\n${said}`);
}
const search = (query, ...more) => () => strata("search", query, "--vimgrep", "-k", "3", ...more);
const readIndex = (file) => readFileSync(path.join(cache, readdirSync(cache).find((name) => name.startsWith("My_Projekt")), file), "utf8");

/** As the extension makes it and agents start it. Wine's cmd reads no UTF-8: only the user's folder may bear other letters than ASCII's here. */
function startLauncher() {
  const file = path.join(home, "bin", "strata.cmd");
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, launcherText({ file, node: process.execPath, program, cache, home }));
  const { command, args } = JSON.parse(agentSettings(file, ["mcp", root])).mcpServers.strata;
  return spawn(command, args, { stdio: "pipe", env: { ...process.env, USERPROFILE: home, STRATA_CACHE: undefined } });
}

/** One question to the MCP server. */
async function agent(name, given, child = start(["mcp"], lower)) {
  const lines = [{ id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "checks", version: "1" } } }, { method: "notifications/initialized" }, { id: 2, method: "tools/call", params: { name, arguments: given } }];
  for (const line of lines) child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...line })}\n`);
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    out += text;
    if (out.includes('"id":2')) child.stdin.end();
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  return `${out}[${code}]`;
}

write("src/first.ts", codeOf("growTomatoes", "Grows tomatoes in a garden."));
write("src/sub dir/Zähler.ts", codeOf("countSheep", "Counts sheep before somebody sleeps."));
write("src/copy.ts", codeOf("growTomatoes", "Grows tomatoes in a garden.").replaceAll("made", "done"));
write("src/wide.cs", Buffer.from("\ufeff// Parses a date.\r\npublic class DateParser {\r\n  public int Year(string text) { return int.Parse(text); }\r\n}\r\n", "utf16le"));
write(".gitignore", "OUT/\r\n");
write("out/a.ts", codeOf("ignoredOne", "Is ignored."));

await check("indexes at full depth", () => strata("index", root), /Indexed 4 files .* at deep depth.*\[0\]/s);
await check("finds by meaning", search("vegetables in the garden"), /src\/(first|copy)\.ts:/, { not: "out/a.ts" });
await check("reads UTF-16", search("DateParser"), /src\/wide\.cs:/);
await check("a drive in a small letter and slashes name the same index", search("growTomatoes", "--in", lower.replaceAll("\\", "/")), /first\.ts/, { not: "Opening" });
for (const filter of ["src\\sub dir\\**", "src/sub dir/**", `${lower}\\SRC\\sub dir`, `${uri}/src/sub%20dir`]) await check(`filters by ${filter}`, search("countSheep", "--path", filter), /Zähler\.ts/, { not: "first.ts" });
for (const place of ["src\\first.ts:2", `${lower}\\SRC\\First.ts:2`, `${uri}/src/first.ts:2`]) await check(`finds code like ${place}`, () => strata("similar", place, "-k", "1"), /copy\.ts/);
await check("finds copies", () => strata("duplicates", "--path", "src\\copy.ts"), /src\/first\.ts/);
await check("answers agents", () => agent("search_code", { query: "sheep", k: 1 }), /Zähler\.ts:1-6.*\[0\]/s);
await check("answers agents through the command strata", () => agent("search_code", { query: "sheep", k: 1 }, startLauncher()), /Zähler\.ts:1-6.*\[0\]/s);
await check("reads nothing by a second name", () => agent("find_similar_code", { path: "src\\first.ts::$DATA" }), /There is no file/);
await check("examines itself", () => strata("doctor"), /ok +onnxruntime/, /ok +SQLite/, /ok +Model/, /ok +Engine/);

write("src/later.ts", codeOf("foldPaper", "Folds a sheet of paper."));
await check("hears of a new file", search("foldPaper"), /src\/later\.ts/);
move("src/later.ts", "src/x");
move("src/x", "src/Later.ts");
await check("hears of a name that changed in case alone", search("foldPaper"), /src\/Later\.ts/, { not: "src/later.ts" });
move("src", "lib");
await check("hears of a renamed folder", search("foldPaper"), /lib\/Later\.ts/, { not: "src/" });
rmSync(path.join(root, "lib", "Later.ts"));
await check("hears of a deleted file", search("foldPaper"), { not: "Later.ts" });

await check("refuses to delete an index in use", () => strata("indexes", "forget", root), /in use by its engine.*\[2\]/s);
await check("makes the index again", () => strata("index", "--rebuild"), /Indexed 4 files.*\[0\]/s);
process.kill(JSON.parse(readIndex("engine.json")).pid);
const racing = await Promise.all([1, 2, 3].map(search("countSheep")));
await check("starts one engine for three who ask at once after another was killed", async () => racing.join(), /^([^[]*lib\/sub dir\/Zähler[^[]*\[0\],?){3}$/);
process.kill(JSON.parse(readIndex("engine.json")).pid);
await check("deletes an index", () => strata("indexes", "forget", root), /Deleted.*\[0\]/s);
rmSync(base, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
console.log(failures === 0 ? "Everything works." : `${failures} failed.`);
process.exit(failures === 0 ? 0 : 1);
