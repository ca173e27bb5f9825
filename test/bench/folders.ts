// What it costs to ask several folders at once: their engines started together and one after the other, then while they run, and their memory.
// Prints one JSON object. The folders are indexed at full depth first, in a cache of their own; needs `npm run build`.
//   node test/bench/folders.ts DIR DIR...
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { packageRoot } from "../../src/base/assets.ts";
import { median, sum } from "../../src/base/statistics.ts";
import { processGone } from "../support/workspace.ts";

const folders = process.argv.slice(2).map((folder) => path.resolve(folder));
const cache = mkdtempSync(path.join(os.tmpdir(), "strata-bench-folders-"));
const questions = ["parse a date from a string", "retry after a network failure", "set a cookie on the response", "escape html entities", "close the listener on shutdown"];

async function strata(...args: readonly string[]): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, ["--no-warnings", path.join(packageRoot, "dist/strata.mjs"), ...args, "--json"], { env: { ...process.env, STRATA_CACHE: cache }, stdio: "ignore" });
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  if (code !== 0 && code !== 1) throw new Error(`strata ${args.join(" ")} ended with ${code}`);
  return performance.now() - started;
}
const search = (question: string, ...some: readonly string[]): Promise<number> => strata("search", question, ...some.flatMap((folder) => ["--in", folder]));

function engines(): number[] {
  const records = readdirSync(cache).map((index) => path.join(cache, index, "engine.json")).filter((record) => existsSync(record));
  return records.map((record) => (JSON.parse(readFileSync(record, "utf8")) as { pid: number }).pid);
}

async function endEngines(): Promise<void> {
  for (const pid of engines()) {
    process.kill(pid, "SIGTERM");
    await processGone(pid);
  }
}

/** Megabytes that the engines hold, all of what they see and their share of what several see (Linux). */
function memory(kind: "Rss" | "Pss"): number[] {
  return engines().map((pid) => Number(new RegExp(`^${kind}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]) / 1000);
}

try {
  const afterReading: number[] = [];
  for (const folder of folders) {
    await strata("index", folder, "--depth", "deep");
    afterReading.push(...memory("Rss"));
    await endEngines();
  }
  const together = await search(questions[0]!, ...folders);
  const running: number[] = [];
  for (const question of questions) running.push(await search(question, ...folders));
  const one: number[] = [];
  for (const question of questions) one.push(await search(question, folders[0]!));
  const [resident, shared] = [memory("Rss"), memory("Pss")];
  await endEngines();
  let inTurn = 0;
  for (const folder of folders) inTurn += await search(questions[0]!, folder);
  const seconds = (ms: number): number => Number((ms / 1000).toFixed(2));
  const figures = {
    folders: folders.length,
    startedTogetherSeconds: seconds(together),
    startedInTurnSeconds: seconds(inTurn),
    runningSeconds: seconds(median(running)),
    oneOfThemRunningSeconds: seconds(median(one)),
    residentMegabytes: { afterReadingAll: Math.round(median(afterReading)), each: Math.round(median(resident)), all: Math.round(sum(resident)), allButShared: Math.round(sum(shared)) },
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
} finally {
  await endEngines();
  rmSync(cache, { recursive: true, force: true });
}
