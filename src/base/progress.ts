// Progress is data. The core reports it; the status item, the terminal and agents each draw it their own way.

export interface Progress {
  readonly phase: "discover" | "instant" | "shallow" | "deep" | "search" | "train";
  readonly done: number;
  /** 0 while the total is not known yet. */
  readonly total: number;
  readonly unit: "files" | "chunks" | "steps";
}
export type OnProgress = (progress: Progress) => void;
