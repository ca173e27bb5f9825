// The lines of one ignore file, sorted so that a path is compared with few of them: plain names and paths are looked up, and only patterns are tried
// one by one. The package `ignore` compiles an expression per line, some 0.1 to 0.4 ms each: 60,000 names took half a minute.
import ignore, { type Ignore, type Options } from "ignore";

const isPlain = (text: string): boolean => text !== "" && text.trim() === text && !/[\\*?[\]]|\/\//.test(text);

/** Neighbouring lines of one sign: their order does not matter. */
interface Run {
  readonly negated: boolean;
  /** Names and paths from the base directory; those of directories alone end in "/". */
  readonly names: Set<string>;
  readonly paths: Set<string>;
  /** Patterns for the last name of a path, and for the whole of it. */
  readonly namePatterns: string[];
  readonly pathPatterns: string[];
  nameRules?: Ignore;
  pathRules?: Ignore;
}

export class IgnoreList {
  readonly #options: Options;
  readonly #runs: Run[] = [];

  /**
   * @param scope the file's directory below the base directory.
   * @param scoped a line as it reads in the base directory; undefined when it says nothing.
   */
  constructor(lines: readonly string[], scope: string, scoped: (line: string) => string | undefined, options: Options) {
    this.#options = options;
    for (const line of lines) {
      const whole = scoped(line);
      if (whole === undefined) continue;
      const negated = line.startsWith("!");
      const body = negated ? line.slice(1) : line;
      let run = this.#runs.at(-1);
      if (run?.negated !== negated) this.#runs.push((run = { negated, names: new Set(), paths: new Set(), namePatterns: [], pathPatterns: [] }));
      const slash = body.indexOf("/");
      const isName = slash < 0 || slash === body.length - 1;
      // How expressions ignore case beyond ASCII is not what toLowerCase does.
      const plain = isPlain(body) && !/^[!#]/.test(body) && !(options.ignorecase && /[^\0-\x7f]/.test(body));
      if (plain && isName) run.names.add(this.#key(body));
      else if (plain) run.paths.add(this.#key((scope === "" ? "" : `${scope}/`) + body.replace(/^\//, "")));
      else if (isName) run.namePatterns.push(/^[!#]/.test(body) ? `\\${body}` : body);
      else run.pathPatterns.push(whole.startsWith("!") && negated ? whole.slice(1).replace(/^[!#]/, "\\$&") : whole);
    }
  }

  #key(text: string): string {
    return this.#options.ignorecase ? text.toLowerCase() : text;
  }

  /**
   * Whether the last line that matches excludes the path; undefined when none matches. "unsure": a directory above it matches a pattern and has been
   * included again, which only all rules together can tell apart.
   * @param path from the base directory, "/" at its end for a directory; no directory above it is excluded.
   */
  verdict(path: string): boolean | "unsure" | undefined {
    const isDirectory = path.endsWith("/");
    const bare = isDirectory ? path.slice(0, -1) : path;
    const start = bare.lastIndexOf("/") + 1;
    const name = path.slice(start);
    const [keyPath, keyName] = [this.#key(path), this.#key(name)];
    const has = (set: Set<string>, key: string): boolean => set.size > 0 && (set.has(key) || (isDirectory && set.has(key.slice(0, -1))));
    for (let i = this.#runs.length - 1; i >= 0; i--) {
      const run = this.#runs[i]!;
      if (has(run.names, keyName) || has(run.paths, keyPath)) return !run.negated;
      if (run.namePatterns.length > 0 && (run.nameRules ??= ignore(this.#options).add(run.namePatterns.join("\n"))).ignores(name)) return !run.negated;
      if (run.pathPatterns.length === 0) continue;
      const rules = (run.pathRules ??= ignore(this.#options).add(run.pathPatterns.join("\n")));
      if (rules.ignores(path)) return start > 0 && rules.ignores(path.slice(0, start)) ? "unsure" : !run.negated;
    }
    return undefined;
  }
}
