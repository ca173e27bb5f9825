// Which paths people have excluded: .gitignore, .ignore and .strataignore at every level, .git/info/exclude, the editor's
// exclude globs, and a short default list. Says nothing about what a file contains; that is walk.ts and secrets.ts.
import { lstatSync, readFileSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import ignore, { type Ignore } from "ignore";
import { cacheSignature, cacheTag } from "../base/cacheTag.ts";
import { globMatcher } from "../base/globs.ts";
import { folderOf, ignoresCase, relativeTo } from "../base/relativePath.ts";
import { sum } from "../base/statistics.ts";
import { IgnoreList } from "./ignoreList.ts";

/**
 * Folders nobody writes code in: version control, installed packages, tool caches. Names that some projects use for their own
 * sources (dist, build, target, vendor, out) are left to the ignore files. An ignore file can re-include any but the first line.
 */
export const neverFolders: ReadonlySet<string> = new Set([".git", ".hg", ".svn", ".jj"]);
const defaultFolders = [
  "node_modules", "bower_components", "jspm_packages", ".yarn/cache", ".pnpm-store", ".venv", "site-packages", "__pycache__", "__pypackages__",
  ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", ".gradle", ".terraform", ".next", ".nuxt", ".svelte-kit",
  ".turbo", ".parcel-cache", ".dart_tool", ".direnv", ".eggs",
  ".pc", // what quilt keeps of each file that a patch changes
];

/** In order of increasing precedence within one directory. */
const ignoreFileNames: readonly string[] = [".gitignore", ".ignore", ".strataignore"];
const rulingFiles: ReadonlySet<string> = new Set([...ignoreFileNames, cacheTag]);
/** Not indexed, but what it says changes what is. */
export const isIgnoreFile = (file: string): boolean => rulingFiles.has(path.basename(file));
/** With it a repository begins or ends, inside which other rules hold. */
export const isRepositoryMark = (file: string): boolean => path.basename(file) === ".git";

interface Level {
  readonly list: IgnoreList;
  /** The lines as they read in the base directory. */
  readonly scoped: readonly string[];
  /** Comes from git, so it ends at the border of a nested repository. */
  readonly fromGit: boolean;
  /** Signs of patterns in it. */
  readonly signs: number;
}

interface GitFolder {
  readonly folder: string;
  /** A bare repository has files in its worktrees alone. */
  readonly hasCheckout: boolean;
}

/** The rules inside one directory: those of every directory above it, outermost first, then its own. */
export interface DirectoryRules {
  readonly levels: readonly Level[];
  /** Of the repository or worktree in which this lies, where its top is the root or below it. */
  readonly git?: GitFolder | undefined;
  /** Its own ignore files of which not every line is taken. */
  readonly cut?: readonly string[];
  /** Why nothing in it is read, whatever its ignore files say. */
  readonly emptied?: "cache" | "worktree";
  /** All of them in one, for what the levels one by one cannot tell; compiled when it is needed first. */
  combined?: Ignore;
}

/** git compares names the way the file system does. */
const options = { ignorecase: ignoresCase(), allowRelativePaths: true };

/**
 * Rewrites one line of an ignore file in `directory` so that it means the same in the base directory. One list for the whole
 * chain is what makes a negation in a deep file override a rule of a shallow one, as in git: the last match decides.
 */
export function scopePattern(line: string, directory: string): string | undefined {
  if (line.trim() === "" || line.startsWith("#")) return undefined;
  if (directory === "") return line;
  const negated = line.startsWith("!");
  let pattern = negated ? line.slice(1) : line;
  if (/^\\[!#]/.test(pattern)) pattern = pattern.slice(1);
  if (pattern.trim() === "" || pattern === "/") return undefined;
  const anchored = /\/(?=.*[^/\s])/.test(pattern);
  const scope = directory.replace(/[\\*?[\]!# ]/g, "\\$&");
  return `${negated ? "!" : ""}/${scope}/${anchored ? "" : "**/"}${pattern.replace(/^\//, "")}`;
}

function level(lines: readonly string[], directory: string, fromGit: boolean): Level {
  const scoped = (line: string): string | undefined => scopePattern(line, directory);
  return { list: new IgnoreList(lines, directory, scoped, options), scoped: lines.flatMap((line) => scoped(line) ?? []), fromGit, signs: sum(lines.map(signsIn)) };
}

/**
 * Rules are short; what is longer was not written as rules. Of a line of some ten thousand signs `ignore` makes an expression that JavaScript refuses to compile,
 * and each pattern that holds in a directory costs every path in it a microsecond.
 */
const MAX_RULES_BYTES = 1_000_000;
const MAX_LINE = 1_000;
const MAX_SIGNS = 10_000;

const signsIn = (line: string): number => line.match(/[\\*?[]/g)?.length ?? 0;

/** The lines that may be rules, where those above have left room for so many signs of patterns. */
function linesTaken(lines: readonly string[], room: number): string[] {
  return lines.filter((line) => line.length <= MAX_LINE && (room -= signsIn(line)) >= 0);
}

/** The text of a regular file: a repository can carry a link to a device or a pipe, which has no end. Links are for git's own folder alone, as in git. */
function readText(file: string, stat: typeof statSync = lstatSync, onTooLong?: () => void): string | undefined {
  try {
    const found = stat(file);
    if (!found.isFile()) return undefined;
    if (found.size <= MAX_RULES_BYTES) return readFileSync(file, "utf8");
    onTooLong?.();
  } catch {
    // missing or unreadable: no rules
  }
  return undefined;
}

/** What stands at a path; undefined when nothing does, or nothing that can be looked at (forbidden, a link to itself). */
function statIfAny(file: string): Stats | undefined {
  try {
    return statSync(file, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** The git folder of a repository or worktree whose top is `directory`; undefined when it is no such top. */
function gitFolder(directory: string): GitFolder | undefined {
  const dotGit = path.join(directory, ".git");
  const stat = statIfAny(dotGit);
  if (stat === undefined) return undefined;
  const target = stat.isDirectory() ? dotGit : /^gitdir: (.+?)\s*$/m.exec(readText(dotGit) ?? "")?.[1];
  if (target === undefined) return undefined;
  const own = path.resolve(directory, target);
  // A linked worktree shares info/exclude with its main repository.
  const common = isElsewhere(own, directory) ? undefined : readText(path.join(own, "commondir"))?.trim();
  const folder = common ? path.resolve(own, common) : own;
  if (isElsewhere(folder, directory)) return { folder: dotGit, hasCheckout: false };
  return { folder, hasCheckout: statIfAny(path.join(own, "index")) !== undefined };
}

/** On Windows: another machine's, which looking at it would tell who asks, name and hashed password included. A `.git` file may name any that its writer likes. */
export function isElsewhere(folder: string, from: string, { parse }: Pick<typeof path, "parse"> = path): boolean {
  const { root } = parse(folder);
  return /^[\\/]{2}/.test(root) && root.toLowerCase() !== parse(from).root.toLowerCase();
}

export class IgnoreRules {
  readonly #root: string;
  readonly #excluded: (path: string) => boolean;
  /** Where `root` stands below the top of its repository, "" or "packages/app/". */
  #prefix = "";
  readonly #outer: DirectoryRules;
  readonly #known = new Map<string, DirectoryRules | undefined>();
  /** git's own lists of the repositories met so far, whether they exist or not: they lie where nobody walks. */
  readonly gitLists = new Set<string>();

  /**
   * @param root absolute folder.
   * @param exclude globs on paths relative to the root; a glob that matches a folder excludes what is in it.
   */
  constructor(root: string, exclude: readonly string[] = []) {
    this.#root = root;
    this.#excluded = globMatcher(exclude);
    const defaults = level(defaultFolders.map((folder) => (folder.includes("/") ? `**/${folder}/` : `${folder}/`)), "", false);
    this.#outer = this.#enclosing(defaults) ?? { levels: [defaults] };
  }

  /** Rules of the directories above the root when it lies inside a repository. */
  #enclosing(defaults: Level): DirectoryRules | undefined {
    let top = this.#root;
    while (gitFolder(top) === undefined) {
      const parent = path.dirname(top);
      if (parent === top) return undefined;
      top = parent;
    }
    if (top === this.#root) return undefined;
    const inside = relativeTo(top, this.#root);
    this.#prefix = `${inside}/`;
    const steps = inside.split("/");
    let rules: DirectoryRules = { levels: [defaults] };
    for (let depth = 0; depth < steps.length; depth++) {
      const directory = steps.slice(0, depth).join("/");
      rules = this.#extend(rules, path.join(top, directory), directory, undefined);
      // Someone who opens an ignored folder on purpose (a build output, an installed package) wants to search it.
      if (excludes(rules, `${steps.slice(0, depth + 1).join("/")}/`)) {
        this.#prefix = "";
        return undefined;
      }
    }
    return { levels: rules.levels };
  }

  #extend(parent: DirectoryRules, absolute: string, scope: string, names: ReadonlySet<string> | undefined): DirectoryRules {
    const added: Level[] = [];
    let levels = parent.levels;
    const cut: string[] = [];
    const add = (name: string, text: string, fromGit: boolean): void => {
      const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
      const taken = linesTaken(lines, MAX_SIGNS - sum([...levels, ...added].map(({ signs }) => signs)));
      if (taken.length < lines.length) cut.push(name);
      added.push(level(taken, scope, fromGit));
    };
    const git = names === undefined || names.has(".git") ? gitFolder(absolute) : undefined;
    if (git !== undefined) {
      levels = levels.filter((level) => !level.fromGit);
      const list = path.join(git.folder, "info", "exclude");
      this.gitLists.add(list);
      const text = readText(list, statSync);
      if (text !== undefined) add(".git/info/exclude", text, true);
    }
    for (const name of ignoreFileNames) {
      if (names !== undefined && !names.has(name)) continue;
      const text = readText(path.join(absolute, name), lstatSync, () => cut.push(name));
      if (text !== undefined) add(name, text, name === ".gitignore");
    }
    if (git === undefined && added.length === 0 && cut.length === 0) return parent;
    return { levels: [...levels, ...added], git: git ?? parent.git, ...(cut.length > 0 && { cut }) };
  }

  /**
   * Rules inside `directory` (relative to the root, "" for the root itself), whose parent has the rules `parent`.
   * @param names the directory's entries where they are known, so that no missing file is opened.
   */
  enter(parent: DirectoryRules | undefined, directory: string, names?: ReadonlySet<string>): DirectoryRules {
    const scope = (this.#prefix + directory).replace(/\/$/, "");
    const absolute = path.join(this.#root, directory);
    const rules = this.#extend(parent ?? this.#outer, absolute, scope, names);
    // Whoever opens such a folder on purpose searches it, as any ignored one.
    if (directory === "") return rules;
    // Cargo's target, linters' caches, Strata's own indexes.
    const isCache = (names?.has(cacheTag) ?? true) && readText(path.join(absolute, cacheTag))?.startsWith(cacheSignature);
    // An agent's worktree inside the checkout: every file once more, on another branch.
    const around = parent?.git;
    const isTwin = around?.hasCheckout && rules.git !== around && rules.git?.folder === around.folder;
    return isCache || isTwin ? { ...rules, emptied: isTwin ? "worktree" : "cache" } : rules;
  }

  /** Whether an entry of a directory with these rules is excluded; the directories above it must not be. */
  ignores(rules: DirectoryRules, relative: string, isDirectory: boolean): boolean {
    if (rules.emptied !== undefined) return true;
    // In a worktree or submodule git's folder is a file that names it.
    if (isRepositoryMark(relative) || (isDirectory && neverFolders.has(relative.slice(relative.lastIndexOf("/") + 1)))) return true;
    return excludes(rules, this.#prefix + relative + (isDirectory ? "/" : "")) || this.#excluded(relative);
  }

  /** Rules inside a directory, reading the ignore files on the way down to it; undefined when it is excluded itself. */
  rulesOf(directory: string): DirectoryRules | undefined {
    if (this.#known.has(directory)) return this.#known.get(directory);
    let rules: DirectoryRules | undefined;
    if (directory === "") rules = this.enter(undefined, "");
    else {
      const parent = this.rulesOf(folderOf(directory));
      rules = parent === undefined || this.ignores(parent, directory, true) ? undefined : this.enter(parent, directory);
    }
    this.#known.set(directory, rules);
    return rules;
  }
}

function excludes(rules: DirectoryRules, path: string): boolean {
  for (let i = rules.levels.length - 1; i >= 0; i--) {
    const verdict = rules.levels[i]!.list.verdict(path);
    if (verdict === "unsure") return combined(rules).ignores(path);
    if (verdict !== undefined) return verdict;
  }
  return false;
}

function combined(rules: DirectoryRules): Ignore {
  return (rules.combined ??= ignore(options).add(rules.levels.flatMap((level) => level.scoped).join("\n")));
}
