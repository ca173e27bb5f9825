// With several workspace folders Strata prints paths with the folder's name in front; this reads them so in a query. vscode-free.
import { alternativesOf, filtersFrom, filterToken } from "../base/queryWords.ts";

interface Named {
  readonly root: string;
  readonly name: string;
}

/** Folders that the editor calls alike, as `api/src` and `web/src`, get so much of their paths in front that their files can be told apart. */
export function withDistinctNames<F extends Named>(folders: readonly F[]): readonly F[] {
  const names = Map.groupBy(folders, ({ name }) => name);
  const parts = ({ root }: Named) => root.split(/[\\/]/).filter((part) => part !== "");
  const end = (folder: Named, count: number) => parts(folder).slice(-count).join("/");
  return folders.map((folder) => {
    const others = names.get(folder.name)!.filter((other) => other !== folder);
    if (others.length === 0) return folder;
    let count = 1;
    while (count < parts(folder).length && others.some((other) => end(other, count) === end(folder, count))) count++;
    return { ...folder, name: end(folder, count) };
  });
}

/** The folder, of these names, with which a path begins. */
export const folderNamedIn = (path: string, names: readonly string[]): string | undefined => names.filter((name) => `${path}/`.startsWith(`${name}/`)).sort((a, b) => b.length - a.length)[0];

/**
 * The query for the folder `name` of several: a path that begins with a folder's name is meant in that folder alone, and from there.
 * @returns undefined when the query asks for other folders only
 */
export function queryIn(name: string, names: readonly string[], query: string): string | undefined {
  const from = filtersFrom(query);
  let isNamed = false;
  const [wanted, unwanted]: [string[], string[]] = [[], []];
  let [isRestricted, isLeftOut] = [false, false];
  const words = query.slice(from).replace(filterToken, (all: string, _before: string, minus: string, key: string, value: string) => {
    if (key.toLowerCase() !== "path") return all;
    for (const one of alternativesOf(value.replaceAll('"', ""))) {
      const path = one.replace(/^!/, "").replaceAll("\\", "/");
      const isUnwanted = (minus === "-") !== one.startsWith("!");
      const folder = folderNamedIn(path, names);
      const inside = folder === undefined ? path : path.slice(folder.length + 1);
      const isHere = folder === undefined || folder === name;
      isNamed ||= folder !== undefined;
      isRestricted ||= !isUnwanted;
      if (isHere) (isUnwanted ? unwanted : wanted).push(inside);
      isLeftOut ||= isHere && isUnwanted && inside === "";
    }
    return "";
  });
  if (!isNamed) return query;
  if (isLeftOut || (isRestricted && wanted.length === 0)) return undefined;
  const restrictions = wanted.includes("") ? [] : wanted.map((path) => `path:"${path}"`);
  const read = [query.slice(0, from) + words.trim(), ...restrictions, ...unwanted.map((path) => `-path:"${path}"`)].join(" ").trim();
  return read === "" ? 'path:"**"' : read; // a query of filters alone stays one
}
