// Which order the list shows when better hits arrive while somebody is using it, and which of them were there before. Pure.
import type { ViewHit } from "./messages.ts";

interface Arranged {
  /** Ids in the order to draw. */
  readonly order: readonly string[];
  /** True when the best order differs from what is drawn and waits for the reader. */
  readonly pending: boolean;
}

/**
 * @param shown what is drawn now; @param fresh the best order; @param held the reader is pointing at or has focused the list.
 * While held nothing moves: hits that are still there keep their rows, hits that left the result leave (their place no longer
 * exists to be opened), new ones come at the end.
 */
export function arrange(shown: readonly string[], fresh: readonly string[], held: boolean): Arranged {
  if (!held) return { order: fresh, pending: false };
  const wanted = new Set(fresh);
  const kept = shown.filter((id) => wanted.has(id));
  const known = new Set(kept);
  const order = [...kept, ...fresh.filter((id) => !known.has(id))];
  return { order, pending: order.some((id, i) => id !== fresh[i]) };
}

type Row = Pick<ViewHit, "id" | "folder" | "path" | "startLine" | "symbol" | "snippet">;

/**
 * A saved edit moves code, and its id with it; so does a file that gets another name. From the ids of hits that are gone to those that take their place:
 * in the same file the same name nearest by, or the same first line; else the same lines in a file that was not there before.
 */
export function movedHits(before: readonly Row[], now: readonly Row[]): ReadonlyMap<string, string> {
  const moved = new Map<string, string>();
  const known = new Set(before.map(({ id }) => id));
  const fresh = new Set(now.filter(({ id }) => !known.has(id)));
  const kept = new Set(now.map(({ id }) => id));
  const fileOf = ({ folder, path }: Row) => `${folder}\0${path}`;
  const filesBefore = new Set(before.map(fileOf));
  const isRenamed = (old: Row, hit: Row) => !filesBefore.has(fileOf(hit)) && hit.startLine === old.startLine && hit.symbol === old.symbol && hit.snippet === old.snippet;
  for (const old of before) {
    if (kept.has(old.id)) continue;
    const away = ({ startLine }: Row) => Math.abs(startLine - old.startLine);
    const [inFile] = [...fresh].filter((hit) => fileOf(hit) === fileOf(old) && (hit.symbol === old.symbol || away(hit) === 0)).sort((a, b) => away(a) - away(b));
    const next = inFile ?? [...fresh].find((hit) => isRenamed(old, hit));
    if (!next) continue;
    moved.set(old.id, next.id);
    fresh.delete(next);
  }
  return moved;
}
