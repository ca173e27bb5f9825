// What duplicates, and hits of similar code, are called, for people and for models.

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

interface CopiesFound extends CopiesKind {
  readonly lines: number;
  readonly members: readonly unknown[];
  /** Every place is a test, prose, a translation or a generated file. */
  readonly aside?: true;
}

/** The program's own code first: tests repeat themselves on purpose. Then those with the most repeated lines, and of these the most alike. */
export function copiesOrder(a: CopiesFound, b: CopiesFound): number {
  const repeated = ({ lines, members }: CopiesFound): number => lines * (members.length - 1);
  return Number(a.aside ?? false) - Number(b.aside ?? false) || repeated(b) - repeated(a) || b.similarity - a.similarity;
}

/** What a hit of similar code is to the code that was asked about. */
export interface Likeness {
  /** `within`: it holds an exact copy and more; `changed`: one stretch differs; `alike`: no copy, but most such hits do the same. */
  readonly kind: "exact" | "within" | "renamed" | "changed" | "alike";
  /** Of `changed`: the share of tokens that both have. */
  readonly shared?: number;
}

const likenesses: Readonly<Record<Likeness["kind"], string>> = { exact: "exact copy", within: "holds an exact copy", renamed: "copy with other names", changed: "copy with a part changed", alike: "much alike" };

export const likenessText = ({ kind, shared }: Likeness): string => `${likenesses[kind]}${shared === undefined ? "" : `, ${Math.floor(100 * shared)} % the same`}`;
