// What a group of duplicates is called, for people and for models.

export interface CopiesKind {
  readonly kind: "exact" | "renamed" | "semantic";
  /** Least similarity inside the group, 1 for exact and renamed. */
  readonly similarity: number;
  /** What `similarity` is of a semantic group: a cosine, or the share of tokens that near copies have in common. The two do not compare. */
  readonly measure?: "cosine" | "tokens";
}

export function copiesTitle({ kind, measure }: CopiesKind): string {
  if (kind === "exact") return "Exact copies";
  if (kind === "renamed") return "Copies with other names";
  return measure === "tokens" ? "Copies with a part changed" : "Nearly the same meaning";
}

/** How much they are alike, "" for copies. */
export function copiesLikeness({ kind, measure, similarity }: CopiesKind): string {
  if (kind !== "semantic") return "";
  return measure === "tokens" ? `${Math.floor(100 * similarity)} % of the tokens shared` : `cosine ${similarity.toFixed(2)}`;
}
