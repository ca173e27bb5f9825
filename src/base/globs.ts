// Which paths globs match, whatever they and the paths are: both may come from people, agents and workspaces that nobody has looked at.
import picomatch from "picomatch";

/**
 * picomatch makes a regular expression, which tries the ways through a glob one by one: path to the power of its stars, so that `*a*a*a*a*b` and one hostile file
 * name stop the engine. Only globs and paths within these limits, which hold nearly all, go there; it is ten times as fast for them. `sideBySide` takes the rest.
 */
const quick = { globLength: 200, stars: 3, braces: 1, pathLength: 160 };

function isQuick(glob: string): boolean {
  // There they make repetitions within repetitions, `(a+)+x`; to an editor they are letters, and so they are to the other.
  if (/[()|+]/.test(glob)) return false;
  // `/**` at the end costs nothing: anything goes there.
  const count = (what: RegExp): number => glob.replace(/\/\*\*$/, "").match(what)?.length ?? 0;
  return glob.length <= quick.globLength && count(/\*+/g) <= quick.stars && count(/\{/g) <= quick.braces;
}

interface GlobOptions {
  readonly nocase?: boolean;
  /** `!` at the beginning is a letter; else it stands for all paths that the rest does not match. */
  readonly nonegate?: boolean;
}

/** Whether a path ("/" as separator) matches one of the globs as a whole; dots are letters like others. */
export function globMatcher(globs: readonly string[], { nocase = false, nonegate = false }: GlobOptions = {}): (path: string) => boolean {
  const folded = (text: string): string => (nocase ? text.toLowerCase() : text);
  const slowly = (glob: string): ((path: string) => boolean) => {
    const negates = !nonegate && /^!(?!\()/.test(glob);
    const matches = sideBySide(folded(negates ? glob.slice(1) : glob));
    return (path) => matches(path) !== negates;
  };
  const quickly = picomatch(globs.filter(isQuick), { dot: true, nocase, nonegate });
  const slow = globs.filter((glob) => !isQuick(glob)).map(slowly);
  let all: typeof slow | undefined;
  return (path) => {
    if (path.length <= quick.pathLength && quickly(path)) return true;
    const rest = path.length <= quick.pathLength ? slow : (all ??= globs.map(slowly));
    return rest.length > 0 && rest.some((matches) => matches(folded(path)));
  };
}

/** One step through a glob. */
interface Step {
  /** Whether a letter leads on, or back to this step if it `repeats`. */
  readonly takes: (letter: string) => boolean;
  readonly repeats: boolean;
  /** Steps reached from here without a letter. */
  readonly skipsTo: number[];
}

const nothing = (): boolean => false;
const anything = (): boolean => true;
const inSegment = (letter: string): boolean => letter !== "/";

/** Whether whole paths match a glob of `*`, `?`, `**`, `[a-z]` and `{a,b}`. All ways through it are followed side by side: glob × path at most. */
function sideBySide(glob: string): (path: string) => boolean {
  const steps = stepsOf(glob);
  /** At which letter a step was last reached. */
  const reachedAt = new Int32Array(steps.length + 1);
  return (path) => {
    reachedAt.fill(-1);
    let current: number[] = [];
    const reach = (into: number[], step: number, at: number): void => {
      if (reachedAt[step] === at) return;
      reachedAt[step] = at;
      into.push(step);
    };
    const skip = (list: number[], at: number): void => {
      // The list grows while it is read.
      for (const step of list) for (const to of steps[step]?.skipsTo ?? []) reach(list, to, at);
    };
    reach(current, 0, 0);
    skip(current, 0);
    for (let at = 1; at <= path.length && current.length > 0; at++) {
      const next: number[] = [];
      for (const index of current) {
        const step = steps[index];
        if (step?.takes(path[at - 1]!)) reach(next, step.repeats ? index : index + 1, at);
      }
      skip(next, at);
      current = next;
    }
    return current.includes(steps.length);
  };
}

function stepsOf(glob: string): Step[] {
  // `**/**` is `**`.
  const short = glob.replace(/(^|\/)(?:\*\*\/)+(?=\*\*(?:\/|$))/g, "$1");
  const tokens = short.match(/\\[^]|\[(?:\\[^]|[^\]\\/])+\]|\*+|[^]/g) ?? [];
  const braces = bracesIn(tokens);
  const steps: Step[] = [];
  const add = (takes: Step["takes"], repeats = false): Step => {
    const step = { takes, repeats, skipsTo: repeats ? [steps.length + 1] : [] };
    steps.push(step);
    return step;
  };
  /** Of the braces that are open: the step before the alternatives, and those behind each of them. */
  const open: { readonly fork: Step; readonly ends: Step[] }[] = [];
  const isEdge = (at: number): boolean => at < 0 || at >= tokens.length || tokens[at] === "/" || braces.has(at);

  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    const isFolders = (index: number): boolean => tokens[index] === "**" && isEdge(index - 1) && isEdge(index + 1);
    if (braces.has(at)) {
      const step = add(nothing);
      if (token === "{") open.push({ fork: step, ends: [] });
      else open.at(-1)!.ends.push(step);
      if (token === "}") for (const end of open.pop()!.ends) end.skipsTo.push(steps.length);
      else open.at(-1)!.fork.skipsTo.push(steps.length);
    } else if (isFolders(at) && tokens[at + 1] === "/") {
      // `**/` is also nothing.
      add(nothing).skipsTo.push(steps.length, steps.length + 2);
      add(anything, true);
      add((letter) => letter === "/");
      at++;
    } else if (token === "/" && isFolders(at + 1) && tokens[at + 2] !== "/") {
      // And so is `/**` at the end.
      add(nothing).skipsTo.push(steps.length, steps.length + 2);
      add((letter) => letter === "/");
      add(anything, true);
      at++;
    } else if (isFolders(at)) add(anything, true);
    else if (token.startsWith("*")) add(inSegment, true);
    else if (token === "?") add(inSegment);
    else if (token.length > 2 && token.startsWith("[")) add(lettersOf(token));
    else {
      const letter = token.at(-1)!;
      add((other) => other === letter);
    }
  }
  return steps;
}

/** Where `{`, `,` and `}` stand for alternatives; others are letters. */
function bracesIn(tokens: readonly string[]): ReadonlySet<number> {
  const found = new Set<number>();
  const open: number[][] = [];
  for (const [at, token] of tokens.entries()) {
    if (token === "{") open.push([at]);
    else if (token === ",") open.at(-1)?.push(at);
    else if (token === "}") {
      const inside = open.pop();
      if (inside && inside.length > 1) for (const place of [...inside, at]) found.add(place);
    }
  }
  return found;
}

/** `[a-z]`, `[^a-z]`; a range that goes backwards holds nothing. */
function lettersOf(set: string): Step["takes"] {
  try {
    const letters = new RegExp(set);
    return (letter) => letter !== "/" && letters.test(letter);
  } catch {
    return nothing;
  }
}
