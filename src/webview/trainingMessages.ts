// What the fine-tuning page and its host say to each other. The host sends the whole state; the page only asks.
import type { Picture } from "../training/picture.ts";

export interface TrainingState {
  /** Name of the workspace folder. */
  readonly folder: string;
  readonly picture: Picture;
  /** A stopped run can go on. */
  readonly canResume: boolean;
}

export type ToTrainingPage = { readonly type: "state"; readonly state: TrainingState };

const asks = ["ready", "stop", "resume", "details", "chooseModel"] as const;
export interface FromTrainingPage {
  readonly type: (typeof asks)[number];
}

/** The trust edge: a page's message may be anything. */
export function isFromTrainingPage(value: unknown): value is FromTrainingPage {
  return typeof value === "object" && value !== null && (asks as readonly unknown[]).includes((value as { type?: unknown }).type);
}
