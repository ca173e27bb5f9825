// The live picture of a fine-tuning run: takes in what `strata train` says, event by event, and holds what the terminal and the
// editor draw. Pure data; the geometry of the curves is curves.ts.
import { count } from "../base/counts.ts";
import type { Comparison, Measures, TrainingEvent } from "./fineTune.ts";

/** What `strata train --json` writes, one JSON line each: its own steps, and the training program's events as they are. */
export type RunEvent =
  | TrainingEvent
  | RunPlan
  | { readonly event: "adopted"; readonly model: string; readonly folder: string }
  | { readonly event: "end"; readonly adopted: boolean; readonly reason: string; readonly curves: string }
  | { readonly event: "stopped"; readonly reason: string };

/** What a run would do; all that `--dry-run` says. */
export interface RunPlan {
  readonly event: "plan";
  readonly root: string;
  /** Documented definitions to learn from. */
  readonly pairs: number;
  /** Why these are too few to start with: a sentence; "" when they are enough. */
  readonly lacks: string;
  /** Sentence on what is installed first; "" when everything is there. */
  readonly install: string;
  readonly device: string;
  readonly minutes: number;
  /** Model that training starts from. */
  readonly start: string;
  /** Model that the result must be better than. */
  readonly inUse: string;
  /** An interrupted run can go on. */
  readonly canResume: boolean;
}

/** x is seconds since the run began. */
export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface Picture {
  readonly state: "running" | "adopted" | "kept" | "stopped" | "failed";
  /** What is being done, or how it ended: a sentence. */
  readonly sentence: string;
  /** 0 to 1; undefined while the end is not known. */
  readonly fraction: number | undefined;
  readonly secondsLeft: number | undefined;
  readonly plan: RunPlan | undefined;
  /** Seconds after which the training program began, whose minutes are counted from there. */
  readonly began: number;
  readonly device: string | undefined;
  readonly loss: readonly Series[];
  /** Recall@10 on the held-out part, by exit. */
  readonly recall: readonly Series[];
  /** What the verdict rests on. */
  readonly comparison: Comparison | undefined;
  /** Name of the adopted model. */
  readonly model: string | undefined;
}

export const blankPicture: Picture = {
  state: "running",
  sentence: "Looking at the workspace",
  fraction: undefined,
  secondsLeft: undefined,
  plan: undefined,
  began: 0,
  device: undefined,
  loss: [],
  recall: [],
  comparison: undefined,
  model: undefined,
};

const phases: Readonly<Record<string, string>> = {
  mining: "Collecting definitions",
  installing: "Making the Python environment",
  reading: "Reading the definitions",
  encoding: "Encoding the definitions",
  learning: "Training the exits",
  exporting: "Writing the model",
};

/**
 * @param seconds since this process of the run began
 * @param before seconds that the run had taken before it was stopped and resumed
 */
export function takeIn(picture: Picture, event: RunEvent, seconds: number, before = 0): Picture {
  switch (event.event) {
    case "plan":
      return { ...picture, plan: event, device: event.device };
    case "progress": {
      // The program lists what it will do; there is nothing to see of it. Its time begins here, after mining and installing.
      if (event.phase === "plan") return { ...picture, began: seconds };
      const left = event.seconds_left;
      const taken = seconds - picture.began;
      return {
        ...picture,
        sentence: event.message ?? phases[event.phase] ?? event.phase,
        device: event.device ?? picture.device,
        // What is left is an estimate, which may grow.
        fraction: left === undefined ? picture.fraction : Math.max(picture.fraction ?? 0, Math.min(0.99, taken / (taken + left))),
        secondsLeft: left === undefined ? undefined : Math.round(left),
        loss: event.loss === undefined ? picture.loss : addPoint(picture.loss, "loss", { x: before + seconds, y: event.loss }),
      };
    }
    case "metric": {
      const figures = measuresIn(event);
      // What was read is kept, but a resumed run learns from the start again.
      const begins = event.phase === "before";
      let recall = begins ? [] : picture.recall;
      for (const [key, name] of exitNames(figures)) recall = addPoint(recall, name, { x: before + seconds, y: figures[key]! });
      return { ...picture, recall, loss: begins ? [] : picture.loss };
    }
    case "result":
      return { ...picture, comparison: event.comparison, fraction: 1, secondsLeft: undefined, sentence: event.reason };
    case "error":
      return ended(picture, "failed", event.message);
    case "adopted":
      return { ...picture, model: event.model };
    case "end":
      return ended(picture, event.adopted ? "adopted" : "kept", event.reason);
    case "stopped":
      return ended(picture, "stopped", event.reason);
  }
}

export function ended(picture: Picture, state: Exclude<Picture["state"], "running">, sentence: string): Picture {
  return { ...picture, state, sentence, secondsLeft: undefined, fraction: state === "adopted" || state === "kept" ? 1 : picture.fraction };
}

function addPoint(all: readonly Series[], name: string, point: Point): readonly Series[] {
  if (!Number.isFinite(point.y)) return all;
  const known = all.find((series) => series.name === name);
  if (!known) return [...all, { name, points: [point] }];
  return all.map((series) => (series === known ? { name, points: [...series.points, point] } : series));
}

/** The figures among an event's fields. */
function measuresIn(event: object): Measures {
  return Object.fromEntries(Object.entries(event).filter((entry): entry is [string, number] => typeof entry[1] === "number" && /^(\d+(>\d+)?|score)$/.test(entry[0])));
}

/** Keys of single exits with the name a person knows, shallow ones first: the lowest is the instant exit, the highest the deep one. */
export function exitNames(figures: Measures): readonly (readonly [key: string, name: string])[] {
  const exits = Object.keys(figures).filter((key) => /^\d+$/.test(key)).sort((a, b) => Number(a) - Number(b));
  return exits.map((key, i) => [key, i === exits.length - 1 ? "deep" : i === 0 ? "instant" : exits.length === 3 ? "shallow" : `layer ${key}`]);
}

/** The table at the end. */
interface ResultTable {
  readonly measure: string;
  /** What the measure says, and what it has to do with the verdict and with the curves. */
  readonly note: string;
  /** `low` to `high`: between what the change lies. */
  readonly rows: readonly { readonly name: string; readonly before: number; readonly after: number; readonly low: number; readonly high: number }[];
}

/** The figures that the verdict rests on: of every exit, of deep questions on code that was read less deeply, and their mean over the exits. */
export function resultTable({ comparison }: Picture): ResultTable | undefined {
  if (!comparison) return undefined;
  const { measure, questions, confidence, changes } = comparison;
  const figures = Object.fromEntries(Object.entries(changes).map(([key, { after }]) => [key, after]));
  const exits = exitNames(figures);
  const name = (exit: string | undefined): string => exits.find(([key]) => key === exit)?.[1] ?? `exit ${exit}`;
  const across = Object.keys(changes).filter((key) => key.includes(">"));
  const rows = [
    ...exits.map(([key, exit]) => [key, `${exit} (exit ${key})`] as const),
    ...across.map((key) => [key, key.split(">").map(name).join(" on ")] as const),
    ...("mean" in changes ? [["mean", "mean of the exits"] as const] : []),
  ];
  const percent = Math.round(confidence * 100);
  return {
    measure,
    note: `The verdict rests on ${measure} over ${count(questions)} held-out questions: 1 where the right code comes first, less the further down it stands, 0 past the tenth hit. With ${percent} % confidence a change lies in its range. The curves show recall@10, which only counts whether it is among the ten, so the two may differ.`,
    rows: rows.map(([key, row]) => ({ name: row, ...changes[key]! })),
  };
}

/** "+0.045" */
export function signed(change: number): string {
  return `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(3)}`;
}

/** "4:05" */
export function clockTime(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

/** An event, or undefined for a line that is none: libraries print what they like. */
export function parseRunEvent(line: string): RunEvent | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value = JSON.parse(line) as { event?: unknown; error?: { code: string; message: string } };
    if (value.error) return { event: "error", ...value.error };
    return ["progress", "metric", "result", "error", "plan", "adopted", "end", "stopped"].includes(value.event as string) ? (value as unknown as RunEvent) : undefined;
  } catch {
    return undefined;
  }
}
