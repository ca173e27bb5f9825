// Where the package's own files are, the same from source (tests) and from the bundles in dist/.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(import.meta.url);

/** True when running the TypeScript sources (tests); false in a bundle. */
export const isSource = here.endsWith(".ts");

/** The folder that holds package.json, dist/ and models/: the checkout, or the installed extension. */
export const packageRoot: string = (() => {
  for (let folder = path.dirname(here); ; folder = path.dirname(folder)) {
    if (existsSync(path.join(folder, "package.json")) && existsSync(path.join(folder, "models"))) return folder;
    if (folder === path.dirname(folder)) throw new Error(`Strata's package folder was not found above ${here}. Reinstall Strata.`);
  }
})();

/** Program files that are started as processes or worker threads: bundle name → source. scripts/build.mjs bundles these. */
export const entries = {
  engine: "src/engine/main.ts",
  parseWorker: "src/indexing/parseWorker.ts",
  encodeWorker: "src/encoding/encodeWorker.ts",
  strata: "src/cli/main.ts",
} as const;

export function entryFile(name: keyof typeof entries): string {
  return isSource ? path.join(packageRoot, entries[name]) : path.join(packageRoot, "dist", `${name}.mjs`);
}

/** Absolute path of a grammar's wasm file (`tree-sitter-go.wasm`); dist/grammars is filled by scripts/build.mjs. */
export function grammarFile(fileName: string): string {
  return path.join(packageRoot, "dist", "grammars", fileName);
}

declare const STRATA_BUILD: string | undefined;

/** `version+seconds.hash` of this bundle, or `version+source` when run from source. Ordered by compareBuilds. */
export const build: string = (() => {
  const { version } = JSON.parse(readFileSync(path.join(packageRoot, "package.json"), "utf8")) as { version: string };
  return `${version}+${typeof STRATA_BUILD === "string" ? STRATA_BUILD : "source"}`;
})();

/** Negative when `a` is older than `b`; 0 when they are equal or their age cannot be told. */
export function compareBuilds(a: string, b: string): number {
  const parse = (text: string) => {
    const [version = "", rest = ""] = text.split("+");
    return [...version.split(".").map(Number), Number.parseInt(rest, 10)];
  };
  const [x, y] = [parse(a), parse(b)];
  for (let i = 0; i < 4; i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (Number.isFinite(difference) && difference !== 0) return difference;
  }
  return 0;
}
