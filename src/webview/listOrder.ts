// Which order the list shows when better hits arrive while somebody is using it. Pure.

export interface Arranged {
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
  if (kept.length === 0) return { order: fresh, pending: false }; // another result altogether
  const known = new Set(kept);
  const order = [...kept, ...fresh.filter((id) => !known.has(id))];
  return { order, pending: order.some((id, i) => id !== fresh[i]) };
}
