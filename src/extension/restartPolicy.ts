// When a dead engine is started again: soon, then later, then not at all. Pure; the clock is passed in.

interface RestartPolicy {
  /** Tells of an unexpected end at `now` (ms): how long to wait before the next start, or "give up". */
  ended(now: number): number | "give up";
  /** A person asked for a start: the past is forgotten. */
  reset(): void;
}

/** Waits before the 1st, 2nd, … restart inside the window. The first is short: one crash should not be felt. */
const delaysMs = [100, 1_000, 4_000, 10_000] as const;
/** Ends older than this do not count: an engine that lived this long was healthy. */
const windowMs = 180_000;

export function createRestartPolicy(): RestartPolicy {
  let ends: number[] = [];
  return {
    ended(now) {
      ends = ends.filter((end) => now - end < windowMs);
      const delay = delaysMs[ends.length];
      ends.push(now);
      return delay ?? "give up";
    },
    reset() {
      ends = [];
    },
  };
}
