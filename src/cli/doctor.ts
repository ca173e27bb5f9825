// `strata doctor`: whether everything Strata needs works on this machine, and what to do where it does not. Everything that could
// crash (native modules, SQLite) is tried in a child process, so that a crash is a line of the report.
import { execFile } from "node:child_process";
import { existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { entryFile, grammarFile, packageRoot } from "../base/assets.ts";
import { count } from "../base/counts.ts";
import { StrataError, userMessage } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { runtimeNeeds } from "../encoding/exitSessions.ts";
import { defaultModelFolder, loadModelFiles } from "../encoding/modelFiles.ts";
import { listIndexes } from "../engine/indexes.ts";
import { cacheFolder, canonicalRoot, indexFolder, makePrivateFolder } from "../engine/paths.ts";
import * as protocol from "../engine/protocol.ts";
import { openSession } from "../engine/session.ts";
import grammars from "../indexing/grammars.json" with { type: "json" };
import { elsewhere, ownPython, ownPythonQuestion, pythons, safePath } from "../training/environment.ts";
import { goneText } from "./indexes.ts";
import { existingFolder } from "./session.ts";
import { bytes, type Context, jsonLine, painter, printable } from "./terminal.ts";

export interface Finding {
  readonly name: string;
  readonly state: "ok" | "warn" | "fail";
  /** What was found; for warn and fail also what to do about it. */
  readonly detail: string;
}

const childTimeoutMs = 20_000;
const leastFreeBytes = 1e9;
/** One watch per folder: enough for the largest repositories. */
const fairWatchLimit = 100_000;

const ok = (name: string, detail: string): Finding => ({ name, state: "ok", detail });
const warn = (name: string, detail: string): Finding => ({ name, state: "warn", detail });
const fail = (name: string, detail: string): Finding => ({ name, state: "fail", detail });

interface ChildResult {
  readonly isFine: boolean;
  /** It was ended because it took too long. */
  readonly isLate?: boolean;
  /** stdout, or what went wrong in one line. */
  readonly text: string;
}

function run(program: string, args: readonly string[], signal: AbortSignal, timeout = childTimeoutMs): Promise<ChildResult> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd: elsewhere, timeout, signal, windowsHide: true, env: { ...process.env, ...safePath, ELECTRON_RUN_AS_NODE: "1" } }, (error, stdout, stderr) => {
      if (error === null) return resolve({ isFine: true, text: stdout.trim() });
      if (error.killed) return resolve({ isFine: false, isLate: true, text: `it took more than ${timeout / 1000} s` });
      const said = stderr.split("\n").find((line) => /error/i.test(line)) ?? error.message;
      resolve({ isFine: false, text: error.signal ? `it crashed (${error.signal})` : said.trim() });
    });
  });
}

/** Runs a few lines of JavaScript in a fresh Node; `load(name)` resolves modules as the engine does. */
function tryInChild(code: string, args: readonly string[], signal: AbortSignal, timeout?: number): Promise<ChildResult> {
  const prelude = `const load = require("node:module").createRequire(${JSON.stringify(entryFile("engine"))});`;
  return run(process.execPath, ["--no-warnings", "-e", `${prelude}\n${code}`, "--", ...args], signal, timeout);
}

async function nativeModules(signal: AbortSignal): Promise<Finding[]> {
  const onnx = tryInChild(`const { InferenceSession } = load("onnxruntime-node"); process.stdout.write(typeof InferenceSession.create);`, [], signal);
  const hnsw = tryInChild(
    `const { HierarchicalNSW } = load("hnswlib-node"); const g = new HierarchicalNSW("cosine", 2); g.initIndex(2); g.addPoint([1, 0], 0); g.addPoint([0, 1], 1); process.stdout.write(String(g.searchKnn([1, 0], 1).neighbors[0]));`,
    [],
    signal,
  );
  const sqlite = tryInChild(
    `const { DatabaseSync } = require("node:sqlite"); const db = new DatabaseSync(":memory:"); db.exec("CREATE VIRTUAL TABLE t USING fts5(x)"); process.stdout.write(Object.values(db.prepare("SELECT sqlite_version()").get())[0]);`,
    [],
    signal,
  );
  const [o, h, s] = await Promise.all([onnx, hnsw, sqlite]);
  return [
    o.isFine && o.text === "function"
      ? ok("onnxruntime", "loads")
      : fail("onnxruntime", `Code cannot be read deeply, only at instant depth: ${o.text}. There is no build for ${process.platform}-${process.arch}, or the package is incomplete: reinstall Strata${runtimeNeeds()}.`),
    h.isFine && h.text === "0"
      ? ok("hnswlib", "loads and finds")
      : warn("hnswlib", `Large workspaces are searched more slowly, by scanning: ${h.text}. In a checkout run "npm run build" (needs a C++ compiler); otherwise reinstall Strata.`),
    s.isFine ? ok("SQLite", `${s.text} with FTS5`) : fail("SQLite", `The index cannot be opened: ${s.text}. Use a Node that is built with SQLite's FTS5.`),
  ];
}

async function model(folder: string | undefined, signal: AbortSignal): Promise<Finding> {
  try {
    const { model: loaded } = await loadModelFiles(folder ?? (await defaultModelFolder()), signal);
    return ok("Model", `${loaded.id} ${loaded.version}: every file matches its hash`);
  } catch (error) {
    signal.throwIfAborted();
    return fail("Model", userMessage(error));
  }
}

function missingGrammars(): Finding {
  const files = Object.values(grammars).map((file) => path.basename(file));
  const missing = ["web-tree-sitter.wasm", ...files].filter((file) => !existsSync(grammarFile(file)));
  return missing.length === 0
    ? ok("Grammars", `${files.length} languages`)
    : warn("Grammars", `${missing.length} of ${files.length + 1} files are missing (${missing.slice(0, 3).join(", ")}…), so code is cut by indentation instead of by syntax. In a checkout run "npm run build"; otherwise reinstall Strata.`);
}

export function cacheWritable(folder: string): Finding {
  const probe = path.join(folder, `doctor-${process.pid}`);
  try {
    // One that is there may be shared: STRATA_CACHE=/tmp.
    if (!existsSync(folder)) makePrivateFolder(folder);
    writeFileSync(probe, "");
    rmSync(probe);
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    return free < leastFreeBytes ? warn("Cache", `Only ${bytes(free)} are free where the indexes are (${folder}). Free some space, or set STRATA_CACHE to another folder.`) : ok("Cache", `${folder} is writable, ${bytes(free)} free`);
  } catch (error) {
    return fail("Cache", StrataError.is(error, "index.unwritable") ? userMessage(error) : `${folder} cannot be written (${userMessage(error)}). Mend its permissions, or set STRATA_CACHE to another folder.`);
  }
}

export function watchLimit(procFile = "/proc/sys/fs/inotify/max_user_watches"): Finding | undefined {
  let limit: number;
  try {
    limit = Number(readFileSync(procFile, "utf8"));
  } catch {
    return undefined; // not Linux: no such limit
  }
  if (limit >= fairWatchLimit) return ok("Watching", `up to ${count(limit)} folders`);
  return warn("Watching", `The system lets only ${count(limit)} folders be watched, shared by all programs; in a large workspace changes may go unnoticed. Raise it: sudo sysctl fs.inotify.max_user_watches=524288`);
}

/** Only `strata train` needs these, so nothing here is a failure. */
async function training(signal: AbortSignal): Promise<Finding[]> {
  const [python, uv, gpu] = await Promise.all([
    trainingPython(ownPython(process.env), signal),
    run("uv", ["--version"], signal),
    run("nvidia-smi", ["--query-gpu=name,memory.total", "--format=csv,noheader"], signal),
  ]);
  return [
    python,
    uv.isFine ? ok("uv", uv.text) : warn("uv", "was not found. Only fine-tuning uses it, to install PyTorch; without it pip does."),
    gpu.isFine ? ok("GPU", gpu.text.split("\n").join("; ")) : warn("GPU", "No NVIDIA GPU was found: fine-tuning runs on the processor and learns less in the minutes it is given. Searching needs none."),
  ];
}

/** By the rule of training/environment.ts, which decides what fine-tuning takes. @param own what STRATA_PYTHON names */
export async function trainingPython(own: string | undefined, signal: AbortSignal): Promise<Finding> {
  if (own) {
    const able = await run(own, ["-c", ownPythonQuestion], signal);
    return able.isFine ? ok("Python", `${own}, for fine-tuning`) : warn("Python", `STRATA_PYTHON is ${own}, which cannot train: ${able.text}. Mend that, or unset the variable.`);
  }
  const answers = await Promise.all(pythons.names.map((name) => run(name, ["-c", pythons.question], signal)));
  const at = answers.findIndex(({ isFine }) => isFine);
  return at >= 0 ? ok("Python", `${answers[at]!.text} (${pythons.names[at]}), for fine-tuning`) : warn("Python", `${pythons.versions} was not found. Only fine-tuning needs it: install one, or uv, which brings one.`);
}

/** The database's own check. */
export async function databaseCheck(database: string, root: string, signal: AbortSignal, timeout?: number): Promise<Finding> {
  const { isFine, isLate, text } = await tryInChild(
    `const { DatabaseSync } = require("node:sqlite"); const db = new DatabaseSync(process.argv.at(-1), { readOnly: true }); process.stdout.write(Object.values(db.prepare("PRAGMA quick_check(1)").get())[0]);`,
    [database],
    signal,
    timeout,
  );
  if (isFine && text === "ok") return ok("Index", `${path.dirname(database)} is sound`);
  if (isLate) return warn("Index", `${database} could not be checked: ${text}. It is large, or the machine is busy: run strata doctor again when less is going on.`);
  return fail("Index", `${database} is damaged (${text}). Run: strata index --rebuild ${root}`);
}

/** Its database, and what the engine says when one is running. */
async function indexOf(folder: string, signal: AbortSignal): Promise<Finding[]> {
  const root = canonicalRoot(folder);
  const disk = indexFolder(root);
  const database = path.join(disk, "index.db");
  if (!existsSync(database)) return [ok("Index", `${root} is not indexed yet`)];
  const findings = [await databaseCheck(database, root, signal)];
  try {
    const session = await openSession({ root, client: "cli", modelFolder: undefined, log: silentLog, start: false, signal });
    try {
      const { state, warnings } = await session.ask(protocol.status, signal);
      findings.push(state.kind === "failed" ? fail("Engine", `${state.reason} (${state.code})`) : ok("Engine", `is running, ${state.kind}`));
      for (const sentence of warnings) findings.push(warn("Engine", sentence));
    } finally {
      session.dispose();
    }
  } catch (error) {
    signal.throwIfAborted();
    // Of another version: it runs, and is not asked.
    const isOther = StrataError.is(error, "engine.older") || StrataError.is(error, "engine.newer");
    findings.push(isOther ? warn("Engine", error.message) : ok("Engine", "is not running; the next search starts it"));
  }
  return findings;
}

/** Looks at everything; the order is the order of what depends on what. */
export async function examine(folder: string, modelFolder: string | undefined, signal: AbortSignal): Promise<readonly Finding[]> {
  const [native, checkedModel, trainable, index] = await Promise.all([nativeModules(signal), model(modelFolder, signal), training(signal), indexOf(folder, signal)]);
  const watching = watchLimit();
  const gone = goneText(listIndexes());
  return [
    ok("Node", `${process.versions.node} (${process.execPath})`), // main.ts has refused anything older
    ok("Strata", packageRoot),
    ...native,
    checkedModel,
    missingGrammars(),
    cacheWritable(cacheFolder()),
    ...(gone === undefined ? [] : [warn("Indexes", gone)]),
    ...(watching === undefined ? [] : [watching]),
    ...index,
    ...trainable,
  ];
}

/** @returns 0 when nothing failed (warnings are no failure), else 2. */
export async function runDoctor(folder: string, context: Context): Promise<number> {
  const findings = await examine(existingFolder(folder), context.modelFolder, context.signal);
  const isFine = findings.every((finding) => finding.state !== "fail");
  if (context.json) context.terminal.out(jsonLine({ ok: isFine, findings }));
  else {
    const paint = painter(context.terminal.outColour);
    const marks = { ok: paint("green", "ok  "), warn: paint("yellow", "warn"), fail: paint("red", "FAIL") };
    for (const { name, state, detail } of findings) context.terminal.out(`${marks[state]}  ${name.padEnd(12)} ${printable(detail)}\n`);
  }
  return isFine ? 0 : 2;
}
