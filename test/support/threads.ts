// A system that gives a process no more threads, as a container with a limit of processes does.
import { syncBuiltinESMExports } from "node:module";
import type { TestContext } from "node:test";
import workers from "node:worker_threads";

/** @returns what gives them again, as the end of the test does */
export function limitThreads(t: TestContext, most: number): () => void {
  const { Worker } = workers;
  const replace = (by: unknown): void => {
    (workers as { Worker: unknown }).Worker = by;
    syncBuiltinESMExports();
  };
  let left = most;
  replace(
    class extends Worker {
      constructor(...given: ConstructorParameters<typeof Worker>) {
        if (left-- <= 0) throw Object.assign(new Error("EAGAIN"), { code: "ERR_WORKER_INIT_FAILED" });
        super(...given);
      }
    },
  );
  const restore = (): void => replace(Worker);
  t.after(restore);
  return restore;
}
