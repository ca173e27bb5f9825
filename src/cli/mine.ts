// `strata mine`: documentation–code pairs of a folder as JSON lines, for training. Discovery and the chunker are the product's own.
// The grammars need a process started with --liftoff-only (nodejs/node#63421), so the command runs itself again in one.
import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { entryFile } from "../base/assets.ts";
import { plural } from "../base/counts.ts";
import { decodeText } from "../base/decode.ts";
import { StrataError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { readInside } from "../base/readInside.ts";
import { Chunker } from "../indexing/chunker.ts";
import { type FileToMine, minePairs } from "../indexing/mine.ts";
import { walk } from "../indexing/walk.ts";
import { existingFolder } from "./session.ts";
import { jsonLine, printable, type Context } from "./terminal.ts";

const liftoff = "--liftoff-only";

export interface Mined {
  readonly files: number;
  /** Documented ones. */
  readonly pairs: number;
}

async function* texts(root: string, signal: AbortSignal, onFile: () => void): AsyncGenerator<FileToMine> {
  for await (const { path: relative } of walk(root, { signal })) {
    const bytes = await readInside(root, relative).catch(() => undefined); // vanished or unreadable: nothing to learn from
    onFile();
    const source = bytes && decodeText(bytes);
    if (source !== undefined) yield { path: relative, source };
  }
}

/** Writes the pairs of a folder; a file that is there is replaced once all are written. */
async function mineHere(root: string, out: string, undocumented: boolean, signal: AbortSignal): Promise<Mined> {
  let files = 0;
  let pairs = 0;
  const chunker = await Chunker.create({ log: silentLog });
  mkdirSync(path.dirname(out), { recursive: true });
  const unfinished = `${out}.new`;
  const stream = createWriteStream(unfinished, { mode: 0o600 }); // they hold code
  // Not events.once, which rejects with the error that is kept below.
  const happened = (event: "close" | "drain"): Promise<void> => new Promise((resolve) => void stream.once(event, resolve));
  const closed = happened("close");
  let failure: unknown;
  stream.on("error", (error) => (failure ??= error));
  try {
    for await (const pair of minePairs(texts(root, signal, () => files++), chunker, path.basename(root), { undocumented, signal })) {
      if (pair.doc !== "") pairs++;
      if (!stream.write(`${JSON.stringify(pair)}\n`) && failure === undefined) await Promise.race([happened("drain"), closed]);
      if (failure !== undefined) break;
    }
  } catch (error) {
    failure ??= error;
  }
  stream.end();
  await closed;
  if (failure !== undefined) {
    rmSync(unfinished, { force: true });
    signal.throwIfAborted();
    throw new StrataError("input.invalid", `The pairs could not be written to ${out}. Check the folder and the free disk space.`, failure);
  }
  renameSync(unfinished, out);
  return { files, pairs };
}

/** Mines a folder in a process that is fit for it. @param undocumented functions too that only have a telling name @throws StrataError; the signal's reason when aborted */
export async function mine(root: string, out: string, undocumented: boolean, signal: AbortSignal): Promise<Mined> {
  if (process.execArgv.includes(liftoff)) return mineHere(root, out, undocumented, signal);
  signal.throwIfAborted();
  const child = spawn(process.execPath, [liftoff, "--no-warnings", entryFile("strata"), "mine", root, "--out", out, ...(undocumented ? ["--undocumented"] : []), "--json"], { stdio: ["ignore", "pipe", "pipe"], windowsHide: true, env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" }, signal });
  let said = "";
  let complaint = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint = (complaint + text).slice(-400)));
  const failure = await new Promise<Error | undefined>((resolve) => {
    child.once("error", (error) => signal.aborted || resolve(error)); // one that is stopped takes back what it has written first
    child.once("close", () => resolve(undefined));
  });
  signal.throwIfAborted();
  const answer = said.startsWith("{") ? (JSON.parse(said) as Mined & { error?: { message: string } }) : undefined;
  if (answer?.error) throw new StrataError("input.invalid", answer.error.message);
  if (!answer) throw new StrataError("input.invalid", `The definitions of ${root} could not be collected: ${failure?.message ?? (complaint.trim() || "the process ended without a word")}.`);
  return { files: answer.files, pairs: answer.pairs };
}

export async function runMine(folder: string, options: { readonly out: string; readonly undocumented?: boolean }, context: Context): Promise<number> {
  const root = existingFolder(folder);
  const out = path.resolve(options.out);
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory()) throw new StrataError("input.invalid", `${out} is a folder. Name the file that the pairs are to be written to.`);
  const isNew = !existsSync(path.dirname(out));
  const { files, pairs } = await mine(root, out, options.undocumented ?? false, context.signal);
  if (context.json) context.terminal.out(jsonLine({ files, pairs, out }));
  else context.terminal.out(`${plural(pairs, "pair")} from ${plural(files, "file")} in ${printable(out)}${isNew ? ", whose folder was made" : ""}\n`);
  return pairs > 0 ? 0 : 1;
}
