// The filters of a search as they are told: those chosen beside the box, and those typed into it. Pure.
import { filtersFrom, filterToken } from "../base/queryWords.ts";
import type { Filters } from "./messages.ts";

/** Whether the host has these filters: it drops a folder that restricts nothing. */
export const hasTaken = (asked: Filters, { langs, path, root }: Filters): boolean => path === asked.path && langs.join() === asked.langs.join() && (root === undefined || root === asked.root);

/** The filters that are on, each as it is told. @param folder what the folder at `root` is called */
export const filterTexts = ({ langs, path, root }: Filters, folder: string): string[] => [...langs, path, ...(root === undefined ? [] : [folder])].filter((text) => text !== "");

/** What was typed, apart from the filters in it, and these. */
export function splitQuery(query: string): { readonly words: string; readonly filters: readonly string[] } {
  const from = filtersFrom(query);
  const [before, rest] = [query.slice(0, from), query.slice(from)];
  return { words: `${before}${rest.replace(filterToken, "")}`.trim(), filters: [...rest.matchAll(filterToken)].map(([token]) => token.trim()) };
}
