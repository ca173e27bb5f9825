// `strata train`: fine-tunes the encoder on a folder, from the plan to the adopted model. Composes mining, the Python environment,
// the training program and the engine's choice of model; each of them is elsewhere.
import { createWriteStream, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline/promises";
import { isAbort } from "../base/abort.ts";
import { type Claim, claim } from "../base/claim.ts";
import { StrataError } from "../base/errors.ts";
import { defaultModelFolder } from "../encoding/modelFiles.ts";
import { chosenModel } from "../engine/modelChoice.ts";
import { cacheFolder, canonicalRoot, indexFolder, makeCacheFolder, makeIndexFolder, trainingClaimFile, unwritable } from "../engine/paths.ts";
import { chooseModel } from "../engine/protocol.ts";
import { curvesSvg } from "../training/curves.ts";
import { type Environment, type EnvironmentPlan, makeEnvironment, prepareEnvironment, systemProbe } from "../training/environment.ts";
import { countMined, fineTune, type FineTuneOptions } from "../training/fineTune.ts";
import { blankPicture, type Picture, type RunEvent, type RunPlan, takeIn } from "../training/picture.ts";
import { mine } from "./mine.ts";
import { existingFolder, withEngine } from "./session.ts";
import { painter, printable, type Context } from "./terminal.ts";
import { planText, resultText, runDisplay } from "./trainDisplay.ts";

export interface TrainOptions {
  readonly minutes: number;
  readonly device: FineTuneOptions["device"];
  readonly yes: boolean;
  readonly resume: boolean;
  readonly dryRun: boolean;
}

/** `run.json` in the run folder: what a resumed run must have in common with the one that was stopped. */
interface RunRecord {
  /** Name of the model that comes out. */
  readonly name: string;
  readonly start: string;
  /** The model that the index uses, where that is another: what comes out must be better than it. */
  readonly inUse?: string | undefined;
}

/** Everything a run needs to know of its folder. */
interface Run {
  readonly root: string;
  readonly folder: string;
  readonly pairs: string;
  readonly record: RunRecord;
  readonly canResume: boolean;
}

/** One run of a workspace at a time, mining and questions included. @throws StrataError "training.failed" when one is under way */
function claimRun(root: string, index: string): Claim {
  const file = trainingClaimFile(index);
  return claim(file, (pid) => new StrataError("training.failed", `A run for ${root} is under way (process ${pid}). Wait for it, or stop it first. If that process is something else, delete ${file}.`));
}

/**
 * The run of a workspace: the one to go on with, or a new one. That begins with the model that comes with Strata, whatever the index uses: the same
 * code then gives the same model, however often it is asked for, and a newer encoder is not kept out by what an older one was made into.
 */
async function openRun(root: string, index: string, resume: boolean, given: string | undefined, now: Date): Promise<Run> {
  const run = path.join(index, "training");
  const pairs = path.join(run, "pairs.jsonl");
  const last = readRecord(run);
  const gone = last && [last.start, ...(last.inUse === undefined ? [] : [last.inUse])].find((model) => !existsSync(path.join(model, "manifest.json")));
  const canResume = last !== undefined && existsSync(pairs) && gone === undefined;
  if (resume && gone !== undefined) throw new StrataError("input.invalid", `The model of the run that was stopped is gone, as an update takes it along (${gone}). Leave out --resume to start a new one.`);
  if (resume && !canResume) throw new StrataError("input.invalid", `There is no stopped run of ${root} to go on with. Leave out --resume to start one.`);
  if (resume) return { root, folder: run, pairs, record: last!, canResume };
  const start = given ?? (await defaultModelFolder());
  const chosen = chosenModel(index);
  const inUse = chosen !== undefined && chosen !== start && existsSync(path.join(chosen, "manifest.json")) ? chosen : undefined;
  const plain = path.basename(root).replace(/[^\w.-]+/g, "_").slice(0, 40) || "workspace";
  return { root, folder: run, pairs, record: { name: freeName(`${plain}-${now.toISOString().slice(0, 10)}`), start, inUse }, canResume };
}

function readRecord(run: string): RunRecord | undefined {
  try {
    return JSON.parse(readFileSync(path.join(run, "run.json"), "utf8")) as RunRecord;
  } catch {
    return undefined; // no run was stopped here
  }
}

const adopted = (name: string): string => path.join(cacheFolder(), "models", name);

/** A second model of one day must not replace the first, which may be in use. */
function freeName(wanted: string): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}.${n}`;
    if (!existsSync(adopted(name))) return name;
  }
}

/** What "auto" will most likely mean; the training program says what it took. */
function likelyDevice(device: TrainOptions["device"]): string {
  if (device !== "auto") return device;
  if (systemProbe("nvidia-smi", ["-L"]) !== undefined) return "cuda";
  return process.platform === "darwin" && process.arch === "arm64" ? "mps" : "cpu";
}

const isPlan = (environment: Environment | EnvironmentPlan): environment is EnvironmentPlan => "steps" in environment;

async function agreed(context: Context, options: TrainOptions): Promise<boolean> {
  if (options.yes) return true;
  if (context.json || !process.stdin.isTTY || !context.terminal.errInteractive)
    throw new StrataError("input.invalid", "Something must be installed first (see above, or --dry-run). Run it again with --yes to agree, or set STRATA_PYTHON to a Python of your own.");
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await asking.question("Go on? [y/N] ", { signal: context.signal })).trim());
  } finally {
    asking.close();
  }
}

/** @returns 0 when a better model was adopted (or the plan shown), 1 when the present one stays, 130 when stopped */
export async function runTrain(folder: string, options: TrainOptions, context: Context): Promise<number> {
  const root = canonicalRoot(existingFolder(folder));
  const index = indexFolder(root);
  makeIndexFolder(index, root);
  let claimed: Claim | undefined;
  try {
    claimed = claimRun(root, index);
    return await train(await openRun(root, index, options.resume, context.modelFolder, new Date()), options, context, claimed);
  } catch (error) {
    throw /^(ENOSPC|EDQUOT|EACCES|EROFS)$/.test((error as NodeJS.ErrnoException).code ?? "") ? unwritable(index, error) : error;
  } finally {
    claimed?.release();
  }
}

async function train(run: Run, options: TrainOptions, context: Context, claimed: Claim): Promise<number> {
  const { terminal, json, signal } = context;
  makeCacheFolder();
  const environment = prepareEnvironment(cacheFolder());
  const display = runDisplay(terminal, json);
  const began = Date.now();
  let picture: Picture = blankPicture;
  // A plan leaves the log of the run that was stopped.
  const kept = options.dryRun ? undefined : createWriteStream(path.join(run.folder, "events.jsonl"), { flags: options.resume ? "a" : "w", mode: 0o600 });
  kept?.on("error", () => undefined); // the log is a convenience; a full disk shows itself elsewhere
  const tell = (event: RunEvent): void => {
    const line = `${JSON.stringify(event)}\n`;
    picture = takeIn(picture, event, (Date.now() - began) / 1000);
    kept?.write(line);
    if (json) terminal.out(line);
    display.show(picture);
  };
  /** Beside the log, whatever the end. */
  const draw = (): string => {
    const file = path.join(run.folder, "curves.svg");
    try {
      writeFileSync(file, curvesSvg(picture, `${run.record.name}, from ${path.basename(run.record.start)}`));
    } catch {
      // as the log: it must not take the place of how the run ended
    }
    return file;
  };

  try {
    tell({ event: "progress", phase: "mining" });
    const mined = options.dryRun && !options.resume ? `${run.pairs}.plan` : run.pairs;
    if (!options.resume) await mine(run.root, mined, true, signal);
    const { pairs, lacks } = await countMined(mined);
    if (mined !== run.pairs) rmSync(mined, { force: true });
    const plan: RunPlan = { event: "plan", root: run.root, pairs, lacks, install: isPlan(environment) ? environment.summary : "", device: likelyDevice(options.device), minutes: options.minutes, start: path.basename(run.record.start), inUse: path.basename(run.record.inUse ?? run.record.start), canResume: run.canResume };
    display.end();
    tell(plan);
    display.end();
    if (!json && (lacks === "" || options.dryRun)) terminal.err(lacks === "" ? planText(plan) : `${lacks}\n`);
    if (options.dryRun) return 0;
    if (lacks !== "") throw new StrataError("training.failed", lacks);
    if (isPlan(environment) && !(await agreed(context, options))) return 1;

    if (!options.resume) clearLeftovers(run.folder);
    writeFileSync(path.join(run.folder, "run.json"), JSON.stringify(run.record), { mode: 0o600 });
    const ready = isPlan(environment) ? await makeEnvironment(environment, (message) => tell({ event: "progress", phase: "installing", message }), signal) : environment;
    const { model, reason } = await fineTune({ environment: ready, pairs: run.pairs, start: run.record.start, inUse: run.record.inUse, run: run.folder, adoptAs: adopted(run.record.name), minutes: options.minutes, device: options.device, resume: options.resume, onStart: (pid) => claimed.addHolder(pid) }, tell, signal);
    if (model !== undefined) {
      await withEngine({ ...context, modelFolder: undefined }, run.root, (session) => session.request(chooseModel, { folder: model }, signal));
      tell({ event: "adopted", model: path.basename(model), folder: model });
    }
    clearLeftovers(run.folder);
    tell({ event: "end", adopted: model !== undefined, reason, curves: path.join(run.folder, "curves.svg") });
    display.end();
    const curves = draw();
    if (!json) {
      terminal.out(resultText(picture, painter(terminal.outColour)));
      const then = model !== undefined ? `This index uses ${run.record.name} now and reads the code again in the background. To go back to the model that comes with Strata: strata models use bundled --in ${run.root}` : "The model in use stays.";
      terminal.out(`${[reason, then, `Curves: ${curves}`].map(printable).join("\n")}\n`);
    }
    return model !== undefined ? 0 : 1;
  } catch (error) {
    display.end();
    if (picture.loss.length > 0 || picture.recall.length > 0) draw();
    if (!(isAbort(error) && signal.aborted)) throw error;
    const started = existsSync(path.join(run.folder, "run.json"));
    const left = options.resume || picture.loss.length > 0 ? "what was read so far is kept" : "nothing was learned yet";
    const reason = started ? `Stopped; ${left}. Go on with: strata train ${run.root} --minutes ${options.minutes} --resume` : "Stopped before anything was done.";
    if (json) terminal.out(`${JSON.stringify({ event: "stopped", reason } satisfies RunEvent)}\n`);
    else terminal.err(`${printable(reason)}\n`);
    throw error;
  } finally {
    kept?.end();
  }
}

/** What a finished or given-up run leaves; log, pairs and curves stay. */
function clearLeftovers(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory() || entry.name === "run.json") rmSync(path.join(folder, entry.name), { recursive: true, force: true });
}
