// What a grammar calls its definitions: the form of the tables in syntaxes*.ts, and the rules most of them share. A rule is a
// function, because some languages decide by content (`const f = () => …`, `def` in Elixir).
import type { Node } from "web-tree-sitter";
import type { ChunkKind } from "./chunk.ts";

/** What a syntax node defines. */
export interface Definition {
  readonly kind: ChunkKind;
  /** Names other code knows it by, the main one first; may be empty (an `impl` block, a test case). */
  readonly names: readonly string[];
  /** Breadcrumb parts of an owner named at the definition itself: a receiver type, `Foo::` before the name. */
  readonly owner?: readonly string[];
  /** What the definition adds to the breadcrumb of its inside; the main name when absent. */
  readonly scope?: string;
  /** `members`: a class, whose header stays with its short members. `scope`: a namespace or impl, whose members matter, not its header. */
  readonly holds?: "members" | "scope";
  /** A scope whose constants are nobody else's (a test suite); functions always are such. */
  readonly local?: true;
  /** The node whose children are the inside, when it is not the node itself (wrappers such as `export`). */
  readonly inner?: Node;
  /** Documentation written inside the definition (docstrings). */
  readonly docNode?: Node;
}

export type Find = (node: Node) => Definition | undefined;
export type Rule = (node: Node, find: Find) => Definition | undefined;
/** One that looks at the node alone, and always finds. */
type NodeRule = (node: Node) => Definition;

export interface Syntax {
  /** What the grammar is given in place of a source that it would misread: as long, row for row (see `blanked`). */
  readonly readAs?: (source: string) => string;
  readonly definitions: Readonly<Record<string, Rule>>;
  /** A definition that the grammar reads as something else. Nodes of its type are not for that reason known to be read well. */
  readonly disguised?: Rule;
  /** Bodies and groups that are walked through as if their children stood in the parent. */
  readonly bodies: ReadonlySet<string>;
  readonly comments: ReadonlySet<string>;
  /** Attributes and decorators that stand before their definition as siblings. */
  readonly attributes?: (node: Node) => boolean;
  /** Prose of an attribute (Elixir's `@doc`). */
  readonly attributeDoc?: (node: Node) => string;
  /** Siblings that belong to the node before them (Dart's bodies, those behind a macro of C). */
  readonly continues?: (node: Node) => boolean;
  /** Consecutive definitions of one name are one (Haskell clauses, overloads). */
  readonly groups?: boolean;
  readonly imports?: ReadonlySet<string>;
  /** A node that opens a scope for all later siblings (`namespace A;`): its breadcrumb part. */
  readonly opensScope?: (node: Node) => string | undefined;
}

/** The rule for a node's type, which may be called as every object's own properties are (`constructor`). */
export const ruleFor = ({ definitions }: Syntax, type: string): Rule | undefined => (Object.hasOwn(definitions, type) ? definitions[type] : undefined);

/** Spaces in place of a text; its rows stay. */
export const blanked = (text: string): string => text.replace(/\S/g, " ");

export const set = (words: string): ReadonlySet<string> => new Set(words.split(" "));

/** The node's text when it is one short line: names never are more. */
export function nameText(node: Node | null | undefined): string {
  if (!node || node.endIndex - node.startIndex > 200) return "";
  return node.text.replace(/\s+/g, " ").trim();
}
export const childOf = (node: Node, ...types: string[]): Node | undefined => node.namedChildren.find((c) => types.includes(c.type));
export const field = (node: Node, name: string): Node | null => node.childForFieldName(name);

export function define(kind: ChunkKind, nameField = "name"): NodeRule {
  return (node) => {
    const name = nameText(field(node, nameField));
    return { kind, names: name ? [name] : [] };
  };
}
export function members(kind: ChunkKind = "class"): NodeRule {
  const defined = define(kind);
  return (node) => ({ ...defined(node), holds: "members" });
}
export function scope(nameOf: (node: Node) => string): NodeRule {
  return (node) => ({ kind: "block", names: [], scope: nameOf(node), holds: "scope" });
}
export const namedScope = scope((node) => nameText(field(node, "name")));
/** For what may stand without a body, where it holds nothing: `mod a;`, `namespace A;`. */
export const bodiedScope: Rule = (node) => (field(node, "body") ? namedScope(node) : undefined);
export const openScope = scope(() => "");

/** The definition inside a wrapper, with the wrapper's range. */
export const wrap: Rule = (node, find) => {
  for (const child of node.namedChildren) {
    const inner = find(child);
    if (inner) return { ...inner, inner: inner.inner ?? child };
  }
  return undefined;
};

/** Splits `A.B::c` into owner parts and the last name. Words that name no owner are dropped. */
export function qualified(text: string): { owner: string[]; name: string } {
  const parts = text.replace(/<[^<>]*>/g, "").split(/::|->|[.:#]/).map((p) => p.trim()).filter((p) => p !== "");
  const name = parts.pop() ?? "";
  return { owner: parts.filter((p) => !["exports", "module", "prototype", "this", "self", "window", "global", "globalThis", "root", "M", "_M"].includes(p)), name };
}
