// The Python environment for fine-tuning: finds one that is ready, or says exactly what making one would install, and makes it.
// Nothing is installed before the caller agreed to the plan.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { packageRoot } from "../base/assets.ts";
import { StrataError } from "../base/errors.ts";
import { sha256 } from "../base/hash.ts";

export interface Environment {
  /** Python that can import strata_train and its dependencies. */
  readonly python: string;
}

/** What would be done to make an environment; shown to the user before anything happens. */
export interface EnvironmentPlan {
  readonly folder: string;
  readonly tool: "uv" | "pip";
  /** The Python that the environment is made of. */
  readonly base: string;
  /** A sentence: what will be installed, where, how large. */
  readonly summary: string;
  readonly steps: readonly { readonly label: string; readonly command: string; readonly args: readonly string[] }[];
}

/** Finds programs; tests put in their own. Returns stdout, or undefined when the program is missing or fails. */
export type Probe = (command: string, args: readonly string[]) => string | undefined;

export const systemProbe: Probe = (command, args) => {
  const result = spawnSync(command, [...args], { encoding: "utf8", timeout: 90_000, windowsHide: true });
  return result.status === 0 ? result.stdout.trim() : undefined;
};

const trainingFolder = path.join(packageRoot, "training");
const windows = process.platform === "win32";
const pythonOf = (folder: string): string => path.join(folder, windows ? "Scripts/python.exe" : "bin/python");
/** Changes when the training package's requirements do: an environment of another version is made anew. */
const requirements = (): string => sha256(readFileSync(path.join(trainingFolder, "pyproject.toml")));

/**
 * A ready environment, or the plan of one. STRATA_PYTHON names a Python of the user's own, which is used as it is.
 * @param cache the user's cache folder for Strata; the environment lives in `<cache>/training-env`
 * @throws StrataError "training.failed" when there is neither uv nor a Python 3.11 or newer
 */
export function prepareEnvironment(cache: string, env: NodeJS.ProcessEnv = process.env, probe: Probe = systemProbe): Environment | EnvironmentPlan {
  const own = env["STRATA_PYTHON"];
  if (own) {
    if (probe(own, ["-c", "import strata_train, torch, onnxruntime"]) === undefined)
      throw new StrataError("training.failed", `STRATA_PYTHON is ${own}, but it cannot import strata_train. Install it there (${own} -m pip install ${trainingFolder}), or unset the variable (in VS Code: the setting strata.training.python).`);
    return { python: own };
  }
  const folder = path.join(cache, "training-env");
  const stamp = path.join(folder, "strata-requirements");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === requirements() && existsSync(pythonOf(folder))) return { python: pythonOf(folder) };

  const base = ["python3.13", "python3.12", "python3.11", "python3", "python"].find((name) => probe(name, ["-c", "import sys; assert (3, 11) <= sys.version_info < (3, 14)"]) !== undefined);
  const hasUv = probe("uv", ["--version"]) !== undefined;
  if (!hasUv && base === undefined)
    throw new StrataError("training.failed", "Fine-tuning needs Python 3.11 to 3.13, or uv, which brings one. Install either (Debian: apt-get install python3 python3-venv; uv: see its documentation) and run this again.");
  const python = pythonOf(folder);
  const gpu = probe("nvidia-smi", ["-L"]) !== undefined;
  return {
    folder,
    tool: hasUv ? "uv" : "pip",
    base: base ?? "a Python that uv brings",
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

/** Carries a plan out. An interrupted or failed attempt leaves nothing behind. @throws StrataError "training.failed" with the installer's last words. */
export async function makeEnvironment(plan: EnvironmentPlan, onLine: (line: string) => void, signal: AbortSignal): Promise<Environment> {
  rmSync(plan.folder, { recursive: true, force: true });
  mkdirSync(path.dirname(plan.folder), { recursive: true });
  try {
    for (const step of plan.steps) {
      onLine(step.label);
      await run(step.command, step.args, onLine, signal);
    }
  } catch (error) {
    rmSync(plan.folder, { recursive: true, force: true });
    throw error;
  }
  writeFileSync(path.join(plan.folder, "strata-requirements"), requirements());
  return { python: pythonOf(plan.folder) };
}

function run(command: string, args: readonly string[], onLine: (line: string) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { stdio: ["ignore", "pipe", "pipe"], windowsHide: true, signal });
    const tail: string[] = [];
    const take = (data: Buffer) => {
      for (const line of data.toString().split("\n").filter((l) => l.trim() !== "")) {
        tail.push(line);
        if (tail.length > 8) tail.shift();
        onLine(line);
      }
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", (error) => reject(signal.aborted ? (signal.reason as Error) : failed(command, error.message, error)));
    child.on("close", (code) => (code === 0 ? resolve() : reject(signal.aborted ? (signal.reason as Error) : failed(command, tail.join("\n")))));
  });
}

const failed = (command: string, words: string, cause?: unknown): StrataError =>
  new StrataError("training.failed", `The Python environment could not be made: ${command} said «${words.slice(-600)}». Check the network and the free disk space, then run this again; nothing else was changed.`, cause);
