// Which files the filters of a query let through: the one meaning of languages and path globs, in the index and wherever candidates are checked again.
import { globMatcher } from "../base/globs.ts";
import type { Filters } from "./records.ts";

/** Longer than any path. */
const LONGEST_GLOB = 4096;

/** Takes from text what a glob would read in it. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]{}()!+@|"]/g, "\\$&");
}

/** Whether a file passes all filters that are present. */
export function fileMatcher({ langs, excludeLangs, pathGlobs, excludeGlobs, tests, under }: Filters): (file: { readonly path: string; readonly lang: string; readonly isTest: boolean }) => boolean {
  // Who asks about a directory below the root says paths from there, as they are shown to them, or from the root, as a filter with a full path comes to.
  const fromEither = (matches: (path: string) => boolean) => (under ? (path: string) => matches(path.slice(under.length + 1)) || matches(path) : matches);
  const included = pathGlobs && fromEither(anyOf(pathGlobs));
  const excluded = excludeGlobs && fromEither(anyOf(excludeGlobs));
  return ({ path, lang, isTest }) => (tests === undefined || isTest === tests) && (!under || path.startsWith(`${under}/`)) && (!langs || langs.includes(lang)) && !excludeLangs?.includes(lang) && (!included || included(path)) && !excluded?.(path);
}

/** As the editor's "files to include": in any case, a folder means what lies in it, and a glob without "/" holds at any depth, one with it from the root. */
function anyOf(globs: readonly string[]): (path: string) => boolean {
  const patterns = globs
    .filter((glob) => glob.length <= LONGEST_GLOB)
    .map((glob) => (glob.startsWith("/") ? glob.slice(1) : glob.includes("/") ? glob : `**/${glob}`));
  return globMatcher(
    patterns.flatMap((glob) => (glob.endsWith("**") ? [glob] : [glob, `${glob}/**`])),
    { nocase: true, nonegate: true },
  );
}
