// Words of a query that were read as other words, and how that is told.

/** A word of the query that nothing in the index says, and the one that it was read as. */
export interface Respelling {
  readonly typed: string;
  readonly read: string;
}

/** The query with each word as it was read. */
export function asRead(query: string, respellings: readonly Respelling[] = []): string {
  const readings = new Map(respellings.map(({ typed, read }) => [typed, read]));
  return readings.size === 0 ? query : query.replace(/[\p{L}_$][\p{L}\p{N}_$]*/gu, (word) => readings.get(word) ?? word);
}

/** One sentence; undefined when all was read as typed. */
export function respellingNote(respellings: readonly Respelling[] = []): string | undefined {
  if (respellings.length === 0) return undefined;
  const list = (words: readonly string[]) => words.map((word) => `"${word}"`).join(" and ");
  const nearest = respellings.length === 1 ? "the nearest word" : "the nearest words";
  return `${list(respellings.map(({ typed }) => typed))} read as ${list(respellings.map(({ read }) => read))}, ${nearest} in the code.`;
}
