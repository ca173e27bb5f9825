// Gathers saved, created, deleted and renamed files for a moment and reports them per folder. vscode-free.
import type { Clock } from "./engineClient.ts";

interface ChangeBatcher {
  /** @param path relative to `root`, "/" as separator. */
  add(root: string, path: string): void;
  dispose(): void;
}

/** "Save all" and a rename come as several events within a few ms; one message with all of them keeps the engine's work in one batch. */
const GATHER_MS = 25;

export function createChangeBatcher(clock: Clock, send: (root: string, paths: readonly string[]) => void): ChangeBatcher {
  const waiting = new Map<string, Set<string>>();
  let cancel: (() => void) | undefined;
  const flush = () => {
    cancel = undefined;
    const batches = [...waiting];
    waiting.clear();
    for (const [root, paths] of batches) send(root, [...paths].sort());
  };
  return {
    add(root, path) {
      const paths = waiting.get(root) ?? new Set<string>();
      waiting.set(root, paths.add(path));
      cancel ??= clock.after(GATHER_MS, flush);
    },
    dispose() {
      cancel?.();
      waiting.clear();
    },
  };
}
