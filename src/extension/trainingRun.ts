// One `strata train` as a child process, from its start to how it ended, as a picture. Python never runs in the extension host.
// vscode-free: tests start a program of their own.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { count } from "../base/counts.ts";
import type { Log } from "../base/log.ts";
import { blankPicture, ended, parseRunEvent, type Picture, type RunEvent, type RunPlan, takeIn } from "../training/picture.ts";

export interface RunRequest {
  /** Workspace folder. */
  readonly root: string;
  readonly minutes: number;
  readonly device: string;
  readonly resume: boolean;
}

/** How `strata` is started: a program and what stands before the command's own words. */
export interface StrataProgram {
  readonly command: string;
  readonly args: readonly string[];
  /** Beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

export const trainArguments = ({ root, minutes, device, resume }: RunRequest): string[] => ["train", root, "--json", "--yes", "--minutes", String(minutes), "--device", device, ...(resume ? ["--resume"] : [])];

export class TrainingRun {
  picture: Picture = blankPicture;
  readonly request: RunRequest;
  /** Resolves when the process is gone; the picture says how it went. */
  readonly done: Promise<Picture>;
  readonly #child: ChildProcess;
  readonly #onChange: () => void;
  readonly #now: () => number;
  readonly #began: number;
  #isStopping = false;
  #secondsBefore = 0;

  /** @param before how far the run that is resumed had come: its curves go on */
  constructor(program: StrataProgram, request: RunRequest, onChange: () => void, log: Log, now: () => number = () => Date.now(), before?: Picture) {
    this.request = request;
    this.#onChange = onChange;
    this.#now = now;
    this.#began = now();
    if (before) {
      this.picture = { ...blankPicture, plan: before.plan, loss: before.loss, recall: before.recall };
      this.#secondsBefore = Math.max(0, ...[...before.loss, ...before.recall].flatMap(({ points }) => points.map(({ x }) => x)));
    }
    this.#child = spawn(program.command, [...program.args, ...trainArguments(request)], { stdio: ["ignore", "pipe", "pipe", "ipc"], windowsHide: true, env: { ...process.env, ...program.env, ELECTRON_RUN_AS_NODE: "1" } });
    let said = "";
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-2_000);
      log("debug", `strata train: ${text.trimEnd()}`);
    });
    const lines = createInterface({ input: this.#child.stdout! });
    lines.on("line", (line) => {
      const event = parseRunEvent(line);
      if (event) this.#take(event);
    });
    const read = new Promise<void>((resolve) => lines.once("close", resolve));
    this.done = new Promise<string>((resolve) => {
      this.#child.once("error", (error) => resolve(error.message));
      this.#child.once("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
    }).then(async (outcome) => {
      await read;
      if (this.picture.state === "running")
        this.#show(
          this.#isStopping
            ? ended(this.picture, "stopped", this.#isKept ? "Stopped; what was read so far is kept." : "Stopped before anything was done.")
            : ended(this.picture, "failed", `Fine-tuning ended without a result (${outcome}). ${said.trim().split("\n").at(-1) ?? ""}`.trim()),
        );
      return this.picture;
    });
  }

  /** Asks the program to save and end; it does so as well when this process dies. No signal: on Windows that ends a program without a word. */
  stop(): void {
    this.#isStopping = true;
    if (this.picture.state === "running") this.#show({ ...this.picture, sentence: this.#isKept ? "Stopping, and keeping what was read" : "Stopping" });
    if (this.#child.connected) this.#child.send("stop", () => undefined); // it may have ended just now
  }

  /** There is something to go on with. The program says what it will do before it leaves anything. */
  get #isKept(): boolean {
    return this.request.resume || this.picture.plan !== undefined;
  }

  /** A run stopped after its plan, or one that failed after it had begun to learn, left what it needs to go on. */
  get canResume(): boolean {
    const { state, loss } = this.picture;
    return (state === "stopped" && this.#isKept) || (state === "failed" && loss.length > 0);
  }

  #take(event: RunEvent): void {
    // While it stops, what the program still says must not look like going on.
    if (this.#isStopping && event.event === "progress") return;
    this.#show(takeIn(this.picture, event, (this.#now() - this.#began) / 1000, this.#secondsBefore));
  }
  #show(picture: Picture): void {
    this.picture = picture;
    this.#onChange();
  }
}

/** What a run would do (`--dry-run`). Rejects with the command's sentence. */
export function askPlan(program: StrataProgram, root: string, signal: AbortSignal): Promise<RunPlan> {
  return new Promise((resolve, reject) => {
    const child = spawn(program.command, [...program.args, "train", root, "--dry-run", "--json"], { stdio: ["ignore", "pipe", "pipe"], windowsHide: true, env: { ...process.env, ...program.env, ELECTRON_RUN_AS_NODE: "1" }, signal });
    let said = "";
    let complaint = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    child.once("error", reject);
    child.once("close", () => {
      const events = said.split("\n").flatMap((line) => parseRunEvent(line) ?? []);
      const plan = events.findLast((event) => event.event === "plan");
      const failure = events.findLast((event) => event.event === "error");
      if (plan) resolve(plan);
      else reject(new Error(failure?.message ?? (complaint.trim().split("\n").at(-1) || "The command gave no plan.")));
    });
  });
}

/** The text under the question whether to start. */
export function planDetail(plan: RunPlan, minutes: number, device: string): string {
  return [
    `${count(plan.pairs)} documented definitions are learned from, a fifth of them held out to measure on. It takes up to ${minutes} minutes on ${device === "auto" ? plan.device : device}, starting from ${plan.start}.`,
    ...(plan.install === "" ? ["Nothing has to be installed."] : [plan.install]),
    `Your code does not leave this machine. The result is used only if it finds held-out code better${plan.inUse === plan.start ? "" : ` than ${plan.inUse}, which is in use`}; Choose Model goes back at any time.`,
  ].join("\n\n");
}
