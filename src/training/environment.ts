// The Python environment for fine-tuning: finds one that is ready, or says exactly what making one would install, and makes it.
// Nothing is installed before the caller agreed to the plan.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { packageRoot } from "../base/assets.ts";
import { type Claim, claim } from "../base/claim.ts";
import { StrataError } from "../base/errors.ts";
import { sha256 } from "../base/hash.ts";
import { endWithAll } from "../base/process.ts";

export interface Environment {
  /** Python that can import strata_train and its dependencies. */
  readonly python: string;
  /** Strata's own environment; absent when the Python is the user's. */
  readonly folder?: string;
}

/** What would be done to make an environment; shown to the user before anything happens. */
export interface EnvironmentPlan {
  readonly folder: string;
  readonly tool: "uv" | "pip";
  /** A sentence: what will be installed, where, how large. */
  readonly summary: string;
  readonly steps: readonly { readonly label: string; readonly command: string; readonly args: readonly string[] }[];
}

/** Finds programs; tests put in their own. Returns stdout, or undefined when the program is missing or fails. */
type Probe = (command: string, args: readonly string[]) => string | undefined;

/**
 * Nothing is started in the current folder, which may be the workspace: uv would take the package index that a `uv.toml` or `pyproject.toml` there
 * names, and Windows a `python.exe` that lies there.
 */
export const elsewhere = packageRoot;

export const systemProbe: Probe = (command, args) => {
  const result = spawnSync(command, [...args], { cwd: elsewhere, encoding: "utf8", timeout: 90_000, windowsHide: true, env: { ...process.env, ...safePath } });
  return result.status === 0 ? result.stdout.trim() : undefined;
};

const trainingFolder = path.join(packageRoot, "training");
const windows = process.platform === "win32";
/** The programs that may be a Python to train with, in the order they are tried, and the question that tells: PyTorch has wheels for these versions. */
export const pythons = {
  // The last: Python's own set-up for Windows puts only its launcher where programs are looked for.
  names: ["python3.13", "python3.12", "python3.11", "python3", "python", ...(windows ? ["py"] : [])],
  versions: "3.11 to 3.13",
  question: "import sys; assert (3, 11) <= sys.version_info < (3, 14); print('%d.%d' % sys.version_info[:2])",
} as const;
/** The same of a Python that is the user's own: that it can train. */
export const ownPythonQuestion = "import strata_train, torch, onnxruntime";
export const findPython = (probe: Probe = systemProbe): string | undefined => pythons.names.find((name) => probe(name, ["-c", pythons.question]) !== undefined);

/** What STRATA_PYTHON names; a path from the current folder in full, as it is started elsewhere. */
export function ownPython(env: NodeJS.ProcessEnv): string | undefined {
  const named = env["STRATA_PYTHON"];
  return named && path.basename(named) !== named ? path.resolve(named) : named;
}

const pythonOf = (folder: string): string => path.join(folder, windows ? "Scripts/python.exe" : "bin/python");
/** Changes when the training package's requirements do: an environment of another version is made anew. */
export const requirements = (): string => sha256(readFileSync(path.join(trainingFolder, "pyproject.toml")));
const stampOf = (folder: string): string => path.join(folder, "strata-requirements");
/**
 * Python must not import a workspace's own `random.py` or `torch.py` because the command was started beside it, and says what it says in UTF-8 on
 * Windows too.
 */
export const safePath = { PYTHONSAFEPATH: "1", PYTHONUTF8: "1" };
/** Finds what training imports without importing it: PyTorch alone takes seconds. */
const findsAll = "import importlib.util as u, sys; sys.exit(not all(u.find_spec(m) for m in ('torch', 'onnxruntime', 'onnx', 'numpy', 'tokenizers', 'safetensors', 'regex')))";

/** Variables for the training program. In Strata's own environment the program is this version's, whichever was installed there. */
export function programVariables(environment: Environment): NodeJS.ProcessEnv {
  const own = environment.folder === undefined ? {} : { PYTHONPATH: path.join(trainingFolder, "src"), PYTHONDONTWRITEBYTECODE: "1" };
  return { ...safePath, ...own, PYTHONUNBUFFERED: "1", HF_HUB_OFFLINE: "1" };
}

/** The sentence for a Python that lacks a module after all. Strata's own environment is made anew by the next run. */
export function damaged(environment: Environment, words: string): StrataError {
  if (environment.folder === undefined)
    return new StrataError("training.failed", `${environment.python} cannot start the training program («${words}»). Install it there (${environment.python} -m pip install ${trainingFolder}), or unset STRATA_PYTHON. The model in use stays.`);
  rmSync(stampOf(environment.folder), { force: true });
  return new StrataError("training.failed", `The Python environment in ${environment.folder} is damaged («${words}»). Run this again, and it is made anew; the model in use stays.`);
}

/**
 * A ready environment, or the plan of one. STRATA_PYTHON names a Python of the user's own, which is used as it is.
 * @param cache the user's cache folder for Strata; the environment lives in `<cache>/training-env`
 * @throws StrataError "training.failed" when there is neither uv nor a Python 3.11 or newer
 */
export function prepareEnvironment(cache: string, env: NodeJS.ProcessEnv = process.env, probe: Probe = systemProbe): Environment | EnvironmentPlan {
  const own = ownPython(env);
  if (own) {
    if (probe(own, ["-c", ownPythonQuestion]) !== undefined) return { python: own };
    const isThere = path.isAbsolute(own) ? existsSync(own) : probe(own, ["--version"]) !== undefined;
    const remedy = !isThere ? `there is no such ${path.isAbsolute(own) ? "file" : "program"}. Correct the path` : `it cannot import strata_train. Install it there (${own} -m pip install ${trainingFolder})`;
    throw new StrataError("training.failed", `STRATA_PYTHON is ${own}, but ${remedy}, or unset the variable (in VS Code: the setting strata.training.python).`);
  }
  const folder = path.join(cache, "training-env");
  const stamp = stampOf(folder);
  // The Python below an environment may have been upgraded or removed since: then nothing in it is found any more.
  const isReady = existsSync(stamp) && readFileSync(stamp, "utf8") === requirements() && existsSync(pythonOf(folder)) && probe(pythonOf(folder), ["-c", findsAll]) !== undefined;
  if (isReady) return { python: pythonOf(folder), folder };

  const base = findPython(probe);
  const hasUv = probe("uv", ["--version"]) !== undefined;
  if (!hasUv && base === undefined) {
    const found = probe("python3", ["--version"]) ?? probe("python", ["--version"]);
    throw new StrataError("training.failed", `Fine-tuning needs Python ${pythons.versions}${found ? ` (here is ${found})` : ""}, or uv, which brings one. Install either (Debian: apt-get install python3 python3-venv; uv: see its documentation) and run this again.`);
  }
  const python = pythonOf(folder);
  const gpu = !windows && probe("nvidia-smi", ["-L"]) !== undefined; // the index's PyTorch for Windows is one for the processor
  return {
    folder,
    tool: hasUv ? "uv" : "pip",
    summary: `A Python environment is made in ${folder} with ${hasUv ? "uv" : `${base} and pip`}: PyTorch, ONNX Runtime and Strata's own training package, ${gpu ? "about 5 GB with CUDA" : "0.8 to 5 GB depending on the platform's PyTorch"}. The packages come from the Python package index that this machine is set up with; your code stays here. If you have a Python with them, name it in STRATA_PYTHON (in VS Code: the setting strata.training.python) and nothing is installed.`,
    steps: hasUv
      ? [
          { label: "making the environment", command: "uv", args: ["venv", "--python", base ?? "3.12", folder] },
          { label: "installing PyTorch and the training package", command: "uv", args: ["pip", "install", "--python", python, trainingFolder] },
        ]
      : [
          { label: "making the environment", command: base!, args: ["-m", "venv", folder] },
          { label: "installing PyTorch and the training package", command: python, args: ["-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off", trainingFolder] },
        ],
  };
}

/**
 * Carries a plan out. An interrupted or failed attempt leaves nothing behind, and what a killed one left is cleared first.
 * @throws StrataError "training.failed" in words: what went wrong, what to do
 */
export async function makeEnvironment(plan: EnvironmentPlan, onLine: (line: string) => void, signal: AbortSignal): Promise<Environment> {
  const clear = (): void => rmSync(plan.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  const { release, addHolder } = lock(plan.folder);
  try {
    clear();
    for (const step of plan.steps) {
      onLine(step.label);
      await run(step.command, step.args, plan.folder, addHolder, onLine, signal);
    }
    writeFileSync(stampOf(plan.folder), requirements());
  } catch (error) {
    try {
      clear();
    } catch {
      // the next attempt clears it; what went wrong first is what to say
    }
    throw error instanceof StrataError || signal.aborted ? error : failed(plan.tool, (error as Error).message, plan.folder, error);
  } finally {
    release();
  }
  return { python: pythonOf(plan.folder), folder: plan.folder };
}

/**
 * The environment is one for all workspaces: two windows must not make it at the same time. The lock names this process and
 * its installer, which may outlive it by a while and still write; when both are gone, it counts for nothing.
 */
function lock(folder: string): Claim {
  const file = `${folder}.lock`;
  try {
    return claim(file, (pid) => new StrataError("training.failed", `The Python environment is being made by another Strata (process ${pid}). Wait until it is ready, then run this again. If that process is something else, delete ${file}.`));
  } catch (error) {
    throw error instanceof StrataError ? error : failed("the file system", (error as Error).message, folder, error);
  }
}

/** @param signal ends the installer and what it has started; settles only when they are gone, so that nothing is written any more */
function run(command: string, args: readonly string[], place: string, onStart: (pid: number) => void, onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { cwd: elsewhere, stdio: ["ignore", "pipe", "pipe"], windowsHide: true, detached: !windows, env: { ...process.env, ...safePath } });
    if (child.pid !== undefined) onStart(child.pid);
    const stop = (): void => {
      if (child.pid === undefined) return;
      try {
        endWithAll(child.pid);
      } catch {
        // it ended by itself just now
      }
    };
    signal.addEventListener("abort", stop, { once: true });
    const tail: string[] = [];
    const take = (data: Buffer) => {
      for (const line of data.toString().split("\n").filter((l) => l.trim() !== "")) {
        tail.push(line);
        if (tail.length > 40) tail.shift();
        onLine(line);
      }
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("error", (error) => reject(failed(command, error.message, place, error)));
    child.once("close", (code) => {
      signal.removeEventListener("abort", stop);
      if (signal.aborted) reject(signal.reason as Error);
      else if (code === 0) resolve();
      else reject(failed(command, tail.join("\n") || `exit code ${code}`, place));
    });
  });
}

/** What an installer's last words mean, most certain first, and what to do about it. */
const causes: readonly (readonly [words: RegExp, what: string, remedy: string])[] = [
  [/ENOSPC|no space left|disk quota|os error 28\b|os error 112\b/i, "the disk is full", "Free about 6 GB there and in the temporary folder (STRATA_CACHE and TMPDIR name others)"],
  [/ensurepip is not|No module named '?(venv|pip)\b/i, "this Python cannot make environments", "Install its venv package (Debian, Ubuntu: apt-get install python3-venv), or uv"],
  [/EACCES|EPERM|EROFS|ENOTDIR|EEXIST|permission denied|read-only file system|not a directory/i, "the folder cannot be written", "Mend its path or permissions, or let STRATA_CACHE name another folder"],
  [
    /failed to (establish|fetch|download)|name resolution|name or service not known|getaddrinfo|\bdns\b|timed ?out|connection (refused|reset|error|aborted)|connecterror|network is unreachable|cannot connect to proxy|proxyerror|tunnel|certificate|\bssl|error sending request|could not connect/i,
    "the packages could not be downloaded",
    "Check the network, the proxy (HTTPS_PROXY) and the package index that this machine is set up with",
  ],
  [/no matching distribution|could not find a version|no solution found|no wheels?\b/i, "the package index has no fitting packages for this machine", `Use another Python (${pythons.versions}, 64 bit) or package index, or name a Python that has PyTorch in STRATA_PYTHON`],
];

function failed(command: string, words: string, place: string, cause?: unknown): StrataError {
  // Not every program says that the disk was full: `python -m venv` only names the command that failed.
  const known = isNearlyFull(place) ? causes[0] : causes.find(([pattern]) => pattern.test(words));
  const lines = words.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const told = known && lines.findLast((line) => known[0].test(line));
  const line = told === undefined ? (lines.at(-1) ?? "nothing") : told.slice(told.search(known![0]));
  const said = `${path.basename(command)} said «${line.slice(0, 200)}»`;
  return new StrataError(
    "training.failed",
    known
      ? `The Python environment could not be made: ${known[1]} (${said}; ${place}). ${known[2]}, then run this again; nothing else was changed.`
      : `The Python environment could not be made: ${said}. Check the network and the free disk space, then run this again; nothing else was changed.`,
    cause,
  );
}

function isNearlyFull(place: string): boolean {
  for (let folder = place; ; folder = path.dirname(folder)) {
    try {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize < 100e6;
    } catch {
      if (folder === path.dirname(folder)) return false; // not there yet, or a file system that does not say
    }
  }
}
