// With several folders Strata prints paths with the folder's name in front; this gives the names, and reads such paths in a query or as a place.
import path from "node:path";
import { alternativesOf, filtersFrom, filterToken } from "../base/queryWords.ts";
import { leadsOut, relativeTo } from "../base/relativePath.ts";
import type { DuplicateGroup } from "./protocol.ts";

/** What is meant of an index. */
export interface Scope {
  /** Of the index. */
  readonly root: string;
  /** Folder below the root that is meant, "/" as separator; "" for all of it. */
  readonly under: string;
}

export interface Folder {
  /** Its absolute path. */
  readonly root: string;
  /** What the editor calls it, elsewhere the last part of its path, and of two that are called alike more of their paths; put before paths when there are several. */
  readonly name: string;
  /** Where it may be a part of an index. */
  readonly scope?: Scope;
}

/** The index that holds a folder. */
export const indexScope = ({ root, scope = { root, under: "" } }: Pick<Folder, "root" | "scope">): Scope => scope;

export const folderAt = (folders: readonly Folder[], root: string): Folder => folders.find((folder) => folder.root === root)!;

/** Places of an index as they are called from a folder in it; what lies beside the folder begins with "..". */
export const calledFrom = <P extends { readonly path: string }>(folder: Pick<Folder, "root" | "scope">, places: readonly P[]): readonly P[] => {
  const { under } = indexScope(folder);
  return under === "" ? places : places.map((place) => ({ ...place, path: path.posix.relative(under, place.path) }));
};

/** What stands before the paths of a folder: its name, "" when it is the only one. */
export const nameIn = (folders: readonly Folder[], root: string): string => (folders.length > 1 ? (folders.find((folder) => folder.root === root)?.name ?? "") : "");

/** Hits as they are shown, with what stands before the paths of their folder. */
export const namedHits = <H extends { readonly root: string; readonly path: string }>(hits: readonly H[], before: (root: string) => string): H[] => hits.map((hit) => ({ ...hit, path: path.posix.join(before(hit.root), hit.path) }));

/** The same for groups of duplicates. */
export const namedGroups = <G extends DuplicateGroup & { readonly root: string }>(groups: readonly G[], before: (root: string) => string): G[] =>
  groups.map((group) => ({ ...group, members: group.members.map((member) => ({ ...member, path: path.posix.join(before(group.root), member.path) })) }));

/** Folders that are called alike, as `api/src` and `web/src`, get so much of their paths in front that their files can be told apart. */
export function withDistinctNames<F extends Folder>(folders: readonly F[]): readonly F[] {
  const names = Map.groupBy(folders, ({ name }) => name);
  const parts = ({ root }: Folder) => root.split(/[\\/]/).filter((part) => part !== "");
  const end = (folder: Folder, count: number) => parts(folder).slice(-count).join("/");
  return folders.map((folder) => {
    const others = names.get(folder.name)!.filter((other) => other !== folder);
    if (others.length === 0) return folder;
    let count = 1;
    while (count < parts(folder).length && others.some((other) => end(other, count) === end(folder, count))) count++;
    return { ...folder, name: end(folder, count) };
  });
}

/** The folder, of these names, with which a path begins. */
const folderNamedIn = (place: string, names: readonly string[]): string | undefined => names.filter((name) => `${place}/`.startsWith(`${name}/`)).sort((a, b) => b.length - a.length)[0];

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
      const glob = one.replace(/^!/, "").replaceAll("\\", "/");
      const isUnwanted = (minus === "-") !== one.startsWith("!");
      const folder = folderNamedIn(glob, names);
      const inside = folder === undefined ? glob : glob.slice(folder.length + 1);
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
  const restrictions = wanted.includes("") ? [] : wanted.map((glob) => `path:"${glob}"`);
  const read = [query.slice(0, from) + words.trim(), ...restrictions, ...unwanted.map((glob) => `-path:"${glob}"`)].join(" ").trim();
  return read === "" ? 'path:"**"' : read; // a query of filters alone stays one
}

/**
 * The places that a path may mean, as hits are shown and as people write them: of an absolute one that in the innermost folder that holds it; else that in
 * the folder named in front, then those from each folder. None for what leads out of them all.
 */
export function placesNamed<F extends Folder>(folders: readonly F[], given: string): readonly { readonly folder: F; readonly path: string }[] {
  if (path.isAbsolute(given)) {
    const holding = folders.map((folder) => ({ folder, path: relativeTo(folder.root, given) })).filter((place) => place.path !== "" && !leadsOut(place.path));
    return holding.sort((a, b) => a.path.length - b.path.length).slice(0, 1);
  }
  const clean = path.posix.normalize(given.replaceAll("\\", "/"));
  if (leadsOut(clean) || path.posix.isAbsolute(clean)) return [];
  const name = folders.length > 1 ? folderNamedIn(clean, folders.map((folder) => folder.name)) : undefined;
  const named = folders.filter((folder) => folder.name === name).map((folder) => ({ folder, path: clean.slice(folder.name.length + 1) }));
  return [...named, ...folders.map((folder) => ({ folder, path: clean }))];
}
