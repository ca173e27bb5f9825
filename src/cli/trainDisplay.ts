// What a person sees of `strata train` in the terminal: the plan, one line that follows the run, the table at its end.
import { plural } from "../base/counts.ts";
import { clockTime, type Picture, resultTable, type RunPlan, signed } from "../training/picture.ts";
import { erase, progressBar, showLine } from "./progress.ts";
import { type Paint, printable, type Terminal } from "./terminal.ts";

const redrawMs = 100;
/** Without a terminal: a line this often, and at every change of what is done. */
const lineMs = 10_000;

export function planText(plan: RunPlan): string {
  return [
    `Fine-tuning on ${printable(plan.root)}: ${plural(plan.pairs, "documented definition")}, up to ${plural(plan.minutes, "minute")} on ${plan.device}, starting from ${plan.start}.`,
    ...(plan.install === "" ? [] : [plan.install]),
    `Nothing leaves this machine. The result is used only if it finds code it has not seen better than the present model${plan.inUse === plan.start ? "" : `, ${plan.inUse}`}.`,
    "",
  ].join("\n");
}

/** One line of text for the state of a run. */
export function runLine({ sentence, loss, recall, secondsLeft }: Picture): string {
  const last = loss.at(-1)?.points.at(-1);
  const recalls = recall.map(({ name, points }) => `${name} ${points.at(-1)!.y.toFixed(3)}`);
  return [sentence, ...(last ? [`loss ${last.y.toFixed(3)}`] : []), ...(recalls.length > 0 ? [`recall@10 ${recalls.join(" ")}`] : []), ...(secondsLeft === undefined ? [] : [secondsLeft === 0 ? "finishing" : `about ${clockTime(secondsLeft)} left`])].join(" · ");
}

interface RunDisplay {
  show(picture: Picture): void;
  end(): void;
}

/** @param now milliseconds; given so that tests need no clock. */
export function runDisplay(terminal: Terminal, quiet: boolean, now: () => number = () => performance.now()): RunDisplay {
  let lastMs = -Infinity;
  let sentence = "";
  let isDrawn = false;
  return {
    show(picture) {
      if (quiet) return;
      const at = now();
      if (at - lastMs < (terminal.errInteractive ? redrawMs : lineMs) && picture.sentence === sentence) return;
      lastMs = at;
      sentence = picture.sentence;
      const line = printable(runLine(picture));
      const bar = picture.fraction === undefined ? "" : progressBar({ phase: "train", done: Math.round(picture.fraction * 1000), total: 1000, unit: "steps" });
      isDrawn = showLine(terminal, line, bar + line);
    },
    end() {
      if (isDrawn) terminal.err(erase);
      isDrawn = false;
    },
  };
}

/** The figures that the verdict rests on, one line each, and what they say. */
export function resultText(picture: Picture, paint: Paint): string {
  const table = resultTable(picture);
  if (!table) return "";
  const width = Math.max(table.measure.length, ...table.rows.map(({ name }) => name.length));
  const rows = table.rows.map(({ name, before, after, low, high }) => {
    const change = after - before;
    const text = signed(change);
    return `${name.padEnd(width)}  ${before.toFixed(3)}   ${after.toFixed(3)}  ${change > 0.0005 ? paint("green", text) : change < -0.0005 ? paint("red", text) : text}  ${signed(low)} to ${signed(high)}`;
  });
  return `${paint("bold", `${table.measure.padEnd(width)}  before  after  change  range`)}\n${rows.join("\n")}\n${paint("dim", table.note)}\n`;
}
