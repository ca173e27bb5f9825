// Reads judged sets: repositories with queries, and pair sets. The format is the one of the development half, so any folder like it will do.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { packageRoot } from "../../src/base/assets.ts";
import { hash128 } from "../../src/base/hash.ts";
import type { Target } from "./metric.ts";

/** Where the judged sets are unless `--set` names another folder: beside the checkout. */
export const defaultSet = path.join(packageRoot, "..", "shared", "eval");

/** What every tool here says, and exits with, when the folder holds too little: no figures are no success. */
export function nothingMeasured(set: string, needed = "judged sets"): void {
  process.stderr.write(`Nothing was measured: there are no ${needed} at ${set}. Give a folder with --set DIR.\n`);
  process.exitCode = 2;
}

export interface JudgedQuery {
  readonly query: string;
  readonly category: string;
  readonly targets: readonly Target[];
}
export interface JudgedRepository {
  readonly name: string;
  readonly language: string;
  /** The folder to index. */
  readonly root: string;
  readonly queries: readonly JudgedQuery[];
}

interface RepositoryEntry {
  readonly name: string;
  readonly language: string;
  readonly root: string;
}
type RawTarget = string | { readonly path: string; readonly start_line?: number; readonly end_line?: number };
interface RawQuery {
  readonly query: string;
  readonly relevant: readonly RawTarget[];
  readonly secondary?: readonly RawTarget[];
  readonly category?: string;
}

/** Repositories of `set` (a folder that holds `repos/`, or is it), unpacked below the system's temporary folder. Empty when there are none. */
export function loadRepositories(set: string, only?: string): JudgedRepository[] {
  const folder = existsSync(path.join(set, "repos")) ? path.join(set, "repos") : set;
  const list = path.join(folder, "repos.json");
  if (!existsSync(list)) return [];
  const entries = (JSON.parse(readFileSync(list, "utf8")) as RepositoryEntry[]).filter((entry) => only === undefined || entry.name === only);
  return entries.map(({ name, language, root }) => {
    const raw = JSON.parse(readFileSync(path.join(folder, `${name}.queries.json`), "utf8")) as RawQuery[];
    return {
      name,
      language,
      root: path.join(unpacked(folder, name), root),
      queries: raw.map(({ query, relevant, secondary = [], category = "semantic" }) => ({ query, category, targets: [...relevant, ...secondary].map(targetOf) })),
    };
  });
}

function targetOf(raw: RawTarget): Target {
  if (typeof raw === "string") return { path: raw };
  return { path: raw.path, ...(raw.start_line !== undefined && { startLine: raw.start_line }), ...(raw.end_line !== undefined && { endLine: raw.end_line }) };
}

/** A plain folder of that name, or the archive unpacked once: the folder's name holds the archive's hash. Returns the folder that `root` is relative to. */
function unpacked(folder: string, name: string): string {
  const plain = path.join(folder, name);
  if (existsSync(plain)) return plain;
  const archive = path.join(folder, `${name}.tar.gz`);
  const target = path.join(os.tmpdir(), "strata-quality", "repos", `${name}-${hash128(readFileSync(archive)).slice(0, 8)}`);
  if (!existsSync(target)) {
    mkdirSync(path.dirname(target), { recursive: true });
    const part = mkdtempSync(`${target}.part-`);
    execFileSync("tar", ["-xzf", archive, "-C", part]);
    try {
      renameSync(part, target);
    } catch (error) {
      rmSync(part, { recursive: true, force: true });
      if (!existsSync(target)) throw error;
    }
  }
  return path.join(target, name);
}

export interface PairSet {
  readonly name: string;
  readonly excludeSelf: boolean;
  readonly queries: readonly { readonly id: string; readonly text: string; readonly lang: string }[];
  readonly corpus: readonly { readonly id: string; readonly text: string; readonly lang: string }[];
  readonly relevant: ReadonlyMap<string, ReadonlySet<string>>;
}

export function loadPairSets(set: string, only?: string): PairSet[] {
  const folder = existsSync(path.join(set, "pairs")) ? path.join(set, "pairs") : set;
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(path.join(folder, name, "qrels.tsv")) && (only === undefined || name === only))
    .sort()
    .map((name) => {
      const meta = JSON.parse(readFileSync(path.join(folder, name, "meta.json"), "utf8")) as { readonly exclude_self?: boolean };
      const relevant = new Map<string, Set<string>>();
      for (const line of readFileSync(path.join(folder, name, "qrels.tsv"), "utf8").split("\n")) {
        const [query, document, grade] = line.split("\t");
        if (!query || !document || !(Number(grade) > 0)) continue;
        const found = relevant.get(query);
        if (found) found.add(document);
        else relevant.set(query, new Set([document]));
      }
      return { name, excludeSelf: meta.exclude_self === true, queries: readLines(path.join(folder, name, "queries.jsonl.gz")), corpus: readLines(path.join(folder, name, "corpus.jsonl.gz")), relevant };
    });
}

export function readLines<T>(file: string): T[] {
  return gunzipSync(readFileSync(file))
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}
