// Why nothing that was read passes the filters of a question, where that can be told: nothing is in that language, or what a path names is left out.
import { folderOf } from "../base/relativePath.ts";
import type { NothingPasses } from "../base/remarks.ts";
import { neverFolders } from "../indexing/ignoreRules.ts";
import { PathFilter } from "../indexing/walk.ts";
import { type Filters, SKIPPED, type Store } from "../store/store.ts";
import type { EngineSettings } from "./protocol.ts";

/** What is said of an answer for which nothing passes these filters; nothing of another. */
export async function whyNothing(emptied: Filters | undefined, store: Pick<Store, "languages" | "lookedMs">, root: string, settings: EngineSettings): Promise<NothingPasses | undefined> {
  if (!emptied) return undefined;
  const why = (await whyNotThere(emptied, root, settings)) ?? (store.lookedMs() === undefined ? undefined : whyNotIn(emptied, store.languages()));
  return { nothingPasses: true, ...(why !== undefined && { whyNothing: why }) };
}

async function whyNotThere({ pathGlobs = [], under = "" }: Filters, root: string, settings: EngineSettings): Promise<string | undefined> {
  const named = pathGlobs.map(beginningOf);
  const [filter, withoutEditor] = [new PathFilter(root, settings), new PathFilter(root, { maxFileBytes: settings.maxFileBytes })];
  // As they are shown to who asks about a directory, or from the root; several globs may stand for one word.
  for (const path of new Set(under === "" ? named : named.flatMap((name) => [`${under}/${name}`, name]))) {
    const why = await whyLeftOut(path, filter, withoutEditor);
    if (why !== undefined) return why;
  }
  return undefined;
}

function whyNotIn({ langs = [] }: Filters, languages: Readonly<Record<string, number>>): string | undefined {
  const read = Object.entries(languages).filter(([lang]) => !lang.startsWith(SKIPPED)).sort(([, a], [, b]) => b - a).map(([lang]) => lang);
  if (langs.length === 0 || read.length === 0 || langs.some((lang) => read.includes(lang))) return undefined;
  return `There is no file in ${langs.join(" or ")}. Most are in ${read.slice(0, 3).join(", ")}.`;
}

/** What a glob says before its first sign, as a path from the root: of `src/gen/*.ts` it is `src/gen`. Parts that are begun only are left away. */
function beginningOf(glob: string): string {
  const [, letters = "", rest = ""] = /^(?:\/|\*\*\/\*?)?((?:\\.|[^\\*?[\]{}()!+@|])*)(.*)$/su.exec(glob)!;
  const path = letters.replace(/\\(.)/gu, "$1");
  const isWhole = rest === "" || path.endsWith("/") || /^\*(\/\*\*)?$/.test(rest);
  return isWhole ? path.replace(/\/$/, "") : folderOf(path);
}

const emptiedTexts = {
  cache: "left out: its CACHEDIR.TAG says that a tool made it.",
  worktree: "left out: it is a git worktree of this checkout and has the same files once more. To search it, open that folder itself.",
} as const;

async function whyLeftOut(path: string, filter: PathFilter, withoutEditor: PathFilter): Promise<string | undefined> {
  const parts = path.split("/");
  for (const end of parts.keys()) {
    const at = parts.slice(0, end + 1).join("/");
    const verdict = await filter.check(at);
    if (verdict.kind === "directory") {
      const emptied = filter.emptied(at);
      if (emptied) return `${at} is ${emptiedTexts[emptied]}`;
      continue;
    }
    if (verdict.kind !== "skip" || verdict.reason === "outside" || neverFolders.has(parts[end]!)) return undefined;
    if (verdict.reason !== "excluded") return `${at} is left out (${verdict.reason}).`;
    return (await withoutEditor.check(at)).kind === "skip"
      ? `${at} is left out by ignore rules. In a file .strataignore the line "!${at}" takes back what ignore files say.`
      : `${at} is left out by the editor's excludes: files.exclude, search.exclude or strata.index.exclude.`;
  }
  return undefined;
}
