// Fine-tunes the encoder on what was mined of a workspace: starts `python -m strata_train finetune`, passes its JSON lines on, and keeps the
// result only when the training program measured it to be better. Mining is indexing/mine.ts, installing Python environment.ts.
import { type ChildProcess, spawn } from "node:child_process";
import { createReadStream, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import readline from "node:readline";
import { StrataError } from "../base/errors.ts";
import { patiently } from "../base/patiently.ts";
import { damaged, elsewhere, type Environment, programVariables } from "./environment.ts";

/** Recall@10 on the held-out part: by exit (`"6"`), of the top exit's queries on a lower exit's code (`"6>2"`), and their mean (`"score"`). */
export type Measures = Readonly<Record<string, number>>;

/** What the verdict rests on: the same held-out questions before and after, and between what the change lies with this confidence. */
export interface Comparison {
  readonly measure: string;
  readonly questions: number;
  readonly confidence: number;
  /** By the names of Measures, and their mean over the exits (`"mean"`). */
  readonly changes: Readonly<Record<string, { readonly before: number; readonly after: number; readonly low: number; readonly high: number }>>;
}

/** What the training program says, one JSON line each. Fields beyond these are passed on to whoever draws them. */
export type TrainingEvent =
  | {
      readonly event: "progress";
      readonly phase: string;
      readonly message?: string;
      readonly device?: string;
      readonly step?: number;
      readonly loss?: number;
      readonly seconds_left?: number;
    }
  /** Its figures stand beside these fields, under the names of Measures. */
  | { readonly event: "metric"; readonly phase: string; readonly step?: number }
  | { readonly event: "result"; readonly adopt: boolean; readonly reason: string; readonly before: Measures; readonly after: Measures; /** Absent from the training package of an older Strata, in a Python of the user's own. */ readonly comparison?: Comparison; readonly pairs?: number; readonly held_out?: number }
  | { readonly event: "error"; readonly code: string; readonly message: string };

export interface FineTuneOptions {
  readonly environment: Environment;
  /** Mined pairs, JSON lines (`strata mine`). */
  readonly pairs: string;
  /** Model folder that training starts from. */
  readonly start: string;
  /** Model folder that the result must be better than; left out where that is `start`. */
  readonly inUse?: string | undefined;
  /** Folder of this run: checkpoints, log, and the exported model until it is adopted. Reused by `resume`. */
  readonly run: string;
  /** Where an adopted model goes: `<cache>/models/<name>`; its name becomes the model's id. The same again for `resume`. */
  readonly adoptAs: string;
  readonly minutes: number;
  readonly device: "auto" | "cuda" | "mps" | "cpu";
  readonly resume: boolean;
  /** The training program was started: it may outlive a process that is killed, and still writes to the run's folder. */
  readonly onStart?: (pid: number) => void;
}

interface FineTuneResult {
  readonly reason: string;
  /** Folder of the adopted model; undefined when the present one stays. */
  readonly model: string | undefined;
}

/** Fewer documented definitions than this cannot be split into a training and a held-out part that mean anything. */
const leastPairs = 50;
/** Four files are held out. The training program looks closer: it tells copies, and files with very much in them. */
const leastFiles = 5;

/** Why there is too little to learn from and to measure on; "" when there is enough. */
function lacking(pairs: number, files: number): string {
  if (pairs < leastPairs)
    return `This workspace has ${pairs} documented definitions; fine-tuning needs at least ${leastPairs} to learn from and to measure on. Add documentation comments (sentences of four words or more count, outside of tests), or search on with the model as it is.`;
  if (files < leastFiles)
    return `The ${pairs} documented definitions of this workspace lie in ${files === 1 ? "one file" : `${files} files`}; a result is checked on files that were not learned from, so fine-tuning needs at least ${leastFiles}. Document more files, or search on with the model as it is.`;
  return "";
}

/**
 * Whether there is enough to learn from is asked before (`countMined`).
 *
 * @param onEvent every event as it comes, for a live picture
 * @param signal cancels: the program saves a checkpoint and ends, `resume` goes on from there
 * @throws StrataError "training.failed"; the model in use is never touched by a failure
 */
export async function fineTune(options: FineTuneOptions, onEvent: (event: TrainingEvent) => void, signal: AbortSignal): Promise<FineTuneResult> {
  mkdirSync(options.run, { recursive: true });
  const out = path.join(options.run, path.basename(options.adoptAs));
  const args = ["-m", "strata_train", "finetune", "--pairs", options.pairs, "--start", options.start, "--out", out, "--minutes", String(options.minutes), "--device", options.device];
  if (options.inUse !== undefined) args.push("--in-use", options.inUse);
  if (options.resume) args.push("--resume");
  else rmSync(out, { recursive: true, force: true });

  const result = await converse(options, args, onEvent, signal);
  if (!result.adopt) return { reason: result.reason, model: undefined };
  if (!existsSync(path.join(out, "manifest.json"))) throw new StrataError("training.failed", `Training reported success but left no model in ${out}. The model in use stays; run it again, and report this if it repeats.`);
  try {
    mkdirSync(path.dirname(options.adoptAs), { recursive: true });
    rmSync(options.adoptAs, { recursive: true, force: true });
    patiently(() => renameSync(out, options.adoptAs)); // it was written just now
  } catch (error) {
    throw new StrataError("training.failed", `The new model is better, but could not be moved to ${options.adoptAs} (${(error as Error).message}). It is kept in ${out}; mend the folder's permissions and move it there yourself, or run this again. The model in use stays.`, error);
  }
  return { reason: result.reason, model: options.adoptAs };
}

/** Runs the training program to its result event. */
async function converse({ environment, run, onStart }: FineTuneOptions, args: readonly string[], onEvent: (event: TrainingEvent) => void, signal: AbortSignal): Promise<Extract<TrainingEvent, { event: "result" }>> {
  signal.throwIfAborted();
  // PyTorch makes a folder for what it compiles and runs as soon as it exports: in the temporary one, where others may have made one of that name before.
  const compiled = path.join(run, "compiled");
  const child: ChildProcess = spawn(environment.python, [...args], { cwd: elsewhere, stdio: ["ignore", "pipe", "pipe"], windowsHide: true, detached: process.platform !== "win32", env: { ...process.env, ...programVariables(environment), TORCHINDUCTOR_CACHE_DIR: compiled, TRITON_CACHE_DIR: compiled } });
  if (child.pid !== undefined) onStart?.(child.pid);
  // SIGTERM lets the program save a checkpoint before it ends. In a process group of its own it does not also get the terminal's Ctrl-C.
  const cancel = () => void child.kill("SIGTERM");
  signal.addEventListener("abort", cancel, { once: true });
  let result: Extract<TrainingEvent, { event: "result" }> | undefined;
  let failure: Extract<TrainingEvent, { event: "error" }> | undefined;
  let hasBegun = false;
  let lastWords: string | undefined; // a line, which Python writes in pieces
  readline.createInterface({ input: child.stderr! }).on("line", (line) => {
    if (line.trim() !== "") lastWords = line.trim();
  });
  const ended = new Promise<number | string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, killed) => resolve(killed ?? code ?? 0));
  });
  for await (const line of readline.createInterface({ input: child.stdout! })) {
    const event = parseEvent(line);
    if (!event) continue;
    hasBegun = true;
    if (event.event === "result") result = event;
    if (event.event === "error") failure = event;
    onEvent(event);
  }
  const outcome = await ended;
  signal.removeEventListener("abort", cancel);
  if (signal.aborted) throw signal.reason as Error;
  if (result) return result;
  // The program reports a module that it lacks as it reports any surprise, unless it is the program itself that is not there.
  const said = [...(failure?.code === "internal" ? [failure.message] : []), lastWords ?? "", String(outcome)];
  const missing = said.find((line) => /\b(ModuleNotFoundError|ImportError)\b|No module named|spawn .*ENOENT/.test(line));
  if (missing !== undefined) throw damaged(environment, missing);
  if (outcome === "SIGKILL" || outcome === 137) throw new StrataError("training.failed", "Training was ended by the system, most likely because memory ran out. Close other programs, or run it again with less time; the model in use stays.");
  // A library whose file is cut short is no missing module: it ends the program before it can say anything.
  if (!hasBegun && outcome !== "SIGTERM") throw damaged(environment, lastWords ?? `it ended with ${outcome}`);
  const repeats = "The model in use stays; run this again, and report it if it repeats.";
  if (failure) throw new StrataError("training.failed", failure.code === "internal" ? `${failure.message.replace(/\.?$/, ".")} ${repeats}` : failure.message);
  if (/^SIG(SEGV|ABRT|BUS|ILL|FPE)$/.test(String(outcome))) throw new StrataError("training.failed", `The training program crashed (${outcome}), as some libraries do when memory or disk space runs out. Close other programs and free some space, then run this again; the model in use stays.`);
  throw new StrataError("training.failed", `Training ended without a result (${outcome}): ${lastWords ?? "it said nothing"}. ${repeats}`);
}

/** undefined for a line that is not one of the events: libraries print what they like. */
function parseEvent(line: string): TrainingEvent | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value = JSON.parse(line) as { event?: unknown };
    return ["progress", "metric", "result", "error"].includes(value.event as string) ? (value as TrainingEvent) : undefined;
  } catch {
    return undefined;
  }
}

/** Documented definitions. @returns `lacks`: a sentence on why that is too little to learn from and to measure on, "" when it is enough */
export async function countMined(file: string): Promise<{ readonly pairs: number; readonly lacks: string }> {
  let pairs = 0;
  const files = new Set<string>();
  try {
    for await (const line of readline.createInterface({ input: createReadStream(file) })) {
      if (line.trim() === "") continue;
      const pair = JSON.parse(line) as { path: string; doc: string };
      if (pair.doc === "") continue; // learned from, but nothing to measure on
      pairs++;
      files.add(pair.path);
    }
  } catch (error) {
    throw new StrataError("training.failed", `The documented definitions in ${file} cannot be read (${(error as Error).message}). Start a new run, which collects them again; the model in use stays.`, error);
  }
  return { pairs, lacks: lacking(pairs, files.size) };
}
