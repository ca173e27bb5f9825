// Draws the engine's progress on stderr: one line that redraws itself on a terminal, a line every two seconds elsewhere,
// nothing with --json. Owns no knowledge of the work beyond the Progress data.
import { count } from "../base/counts.ts";
import type { Progress } from "../base/progress.ts";
import { clip, type Terminal } from "./terminal.ts";

const everyMs = 2000;
const redrawMs = 80;
const barCells = 24;

const phases: Readonly<Record<Progress["phase"], string>> = {
  discover: "Finding files",
  instant: "Reading files",
  shallow: "Reading at shallow depth",
  deep: "Reading at full depth",
  search: "Searching",
  train: "Training",
};

/** One line of text for a progress; `ratePerSecond` is left out when unknown. */
export function progressLine(progress: Progress, ratePerSecond = 0): string {
  const { phase, done, total, unit } = progress;
  const of = total > 0 ? ` of ${count(total)}` : "";
  const soFar = total > 0 || done === 0 ? "" : " so far";
  const rate = ratePerSecond > 0 ? ` · ${count(Math.round(ratePerSecond))} ${unit}/s` : "";
  return `${phases[phase]}: ${count(done)}${of} ${unit}${soFar}${rate}`;
}

export function progressBar(progress: Progress): string {
  if (progress.total <= 0) return "";
  const filled = Math.round(Math.min(1, progress.done / progress.total) * barCells);
  return `${"█".repeat(filled)}${"░".repeat(barCells - filled)} `;
}

export const erase = "\r\x1b[2K";

/** Shows a line: on a terminal `drawn`, in the place of the last one, else `plain` below it. @returns whether it is to be erased */
export function showLine(terminal: Terminal, plain: string, drawn = plain): boolean {
  terminal.err(terminal.errInteractive ? `${erase}${clip(drawn, terminal.columns - 1)}` : `${plain}\n`);
  return terminal.errInteractive;
}

/** Waits for work that has no steps to count, and says so from `afterMs` on. @param isQuiet asked then */
export async function sayingSo<T>(terminal: Terminal, isQuiet: () => boolean, line: string, work: Promise<T>, afterMs = everyMs): Promise<T> {
  let isDrawn = false;
  const timer = setTimeout(() => {
    if (!isQuiet()) isDrawn = showLine(terminal, line);
  }, afterMs);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
    if (isDrawn) terminal.err(erase);
  }
}

interface ProgressDisplay {
  show(progress: Progress): void;
  /** Takes the line away, so that what follows starts clean. */
  end(): void;
}

/** @param now milliseconds; given so that tests need no clock. */
export function progressDisplay(terminal: Terminal, quiet: boolean, now: () => number = () => performance.now()): ProgressDisplay {
  let phase: Progress["phase"] | undefined;
  let phaseStartMs = 0;
  let phaseStartDone = 0;
  let lastMs = now(); // the first line comes after the first interval: short work stays silent
  let isDrawn = false;
  return {
    show(progress) {
      if (quiet || (progress.done === 0 && progress.total === 0)) return; // there is nothing to tell yet
      const at = now();
      const isNewPhase = progress.phase !== phase;
      if (isNewPhase) {
        phase = progress.phase;
        phaseStartMs = at;
        phaseStartDone = progress.done;
      }
      if (at - lastMs < (terminal.errInteractive ? redrawMs : everyMs)) return;
      lastMs = at;
      const seconds = (at - phaseStartMs) / 1000;
      const line = progressLine(progress, seconds > 1 ? (progress.done - phaseStartDone) / seconds : 0);
      isDrawn = showLine(terminal, line, progressBar(progress) + line);
    },
    end() {
      if (isDrawn) terminal.err(erase);
      isDrawn = false;
    },
  };
}
