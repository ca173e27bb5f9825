// Cuts a syntax tree into parts: walks only where something is too long to stay whole, keeps comments and attributes with
// their definition, merges small neighbours. Every row of the source ends up in a part. Knows node types only through the rules of syntax.ts.
import type { Node } from "web-tree-sitter";
import type { ChunkKind } from "./chunk.ts";
import { ruleFor, type Definition, type Syntax } from "./syntax.ts";
import { docProse } from "./docText.ts";
import { sizes, type Part, type SourceLines } from "./parts.ts";
import { blocksOf, cutNamed, cutRows } from "./scanner.ts";

/** A run of rows that is cut no further unless it is too long. */
interface Piece {
  from: number;
  to: number;
  kind: ChunkKind;
  symbols: readonly string[];
  doc: string;
  /** Breadcrumb of the piece itself and of what stands inside it. */
  outside: readonly string[];
  inside: readonly string[];
  /** Inside a function: its variables are nobody's to look up. */
  local: boolean;
  definition: Definition | undefined;
  /** Nodes to walk into when the piece is too long. */
  nodes: Node[];
  /** A comment on its own, or imports. */
  prelude: "comment" | "imports" | undefined;
  /** First piece of an opened definition: what follows inside may join it. */
  header: boolean;
  /** Rows of the comments and attributes before the definition. */
  prefixRows: number;
}

/** Deeper than any person nests; beyond it rows are cut without looking at the tree. */
const maxDepth = 60;

/** @param from first and last row to cut, which hold all that the tree knows */
export function cutTree(root: Node, syntax: Syntax, lines: SourceLines, from = 0, to = lines.count - 1): Part[] {
  const parts: Part[] = [];
  const pieces = piecesOf([root], [], false, syntax, lines);
  const first = pieces[0];
  if (!first) return cutRows(lines, from, to, { kind: "module", symbols: [], breadcrumb: [], doc: "" });
  first.from = from;
  pieces.at(-1)!.to = to;
  pack(pieces, syntax, lines, parts, 0);
  const head = parts[0];
  if (head?.kind === "module") parts[0] = { ...head, doc: leadingDoc(root, syntax) || head.doc };
  return parts;
}

/** The comment or docstring that opens a file. */
function leadingDoc(root: Node, syntax: Syntax): string {
  const raw: string[] = [];
  for (const child of root.namedChildren.slice(0, 40)) {
    const docstring = child.type === "expression_statement" && child.namedChildren[0]?.type === "string" && !/^.use \w+.;?$/.test(child.text);
    if (!syntax.comments.has(child.type) && !docstring) break;
    raw.push(docProse(child.text));
    if (docstring) break;
  }
  return raw.filter((text) => text !== "").join("\n");
}

/** One definition as mining and outlines need it. Rows are counted from 0, both ends included. */
export interface OutlineEntry {
  readonly kind: ChunkKind;
  readonly name: string;
  readonly doc: string;
  readonly startRow: number;
  readonly endRow: number;
  /** First row after leading comments and attributes. */
  readonly codeRow: number;
  /** Rows of a docstring inside the definition. */
  readonly docRows: readonly [number, number] | undefined;
}

/** All named definitions outside function bodies. */
export function outline(root: Node, syntax: Syntax, lines: SourceLines): OutlineEntry[] {
  const entries: OutlineEntry[] = [];
  const visit = (pieces: readonly Piece[], depth: number): void => {
    for (const piece of pieces) {
      const { definition } = piece;
      if (!definition) continue;
      const name = definition.names[0];
      if (name) {
        const inner = definition.docNode;
        entries.push({
          kind: definition.kind, name, doc: piece.doc, startRow: piece.from, endRow: piece.to, codeRow: piece.from + piece.prefixRows,
          docRows: inner && [inner.startPosition.row, inner.endPosition.row],
        });
      }
      if (definition.holds && depth < maxDepth) visit(piecesOf(piece.nodes, piece.inside, isLocalInside(piece), syntax, lines), depth + 1);
    }
  };
  visit(piecesOf([root], [], false, syntax, lines), 0);
  return entries;
}

/** A block comment that begins with two stars documents what follows by its form, also over one blank line. The first comment of a file may be about the file. */
function documents(comments: readonly string[], found: Definition | undefined): boolean {
  return comments.at(-1)!.startsWith("/**") && found !== undefined && found.kind !== "block" && found.names.length > 0;
}

function piecesOf(nodes: readonly Node[], crumb: readonly string[], local: boolean, syntax: Syntax, lines: SourceLines): Piece[] {
  const pieces: Piece[] = [];
  let comments: { from: number; to: number; raw: string[]; attributed: boolean } | undefined;
  let openScopes: readonly string[] = [];
  const find = (node: Node): Definition | undefined => (ruleFor(syntax, node.type) ?? syntax.disguised)?.(node, find);

  const dropComments = (): void => {
    if (!comments) return;
    const { from, to, raw } = comments;
    comments = undefined;
    push({ from, to, doc: docProse(raw.join("\n")), prelude: "comment" });
  };
  /** @param known of the piece; the rest is that of loose rows right here */
  const push = (known: Pick<Piece, "from" | "to"> & Partial<Piece>): void => {
    const outside = [...crumb, ...openScopes];
    const piece: Piece = { kind: "block", symbols: [], doc: "", outside, inside: outside, local, definition: undefined, nodes: [], prelude: undefined, header: false, prefixRows: 0, ...known };
    const last = pieces.at(-1);
    if (last && piece.from <= last.to) return joinRows(last, piece);
    if (last && syntax.groups && sameDefinition(last, piece)) return joinRows(last, piece);
    pieces.push(piece);
  };
  const visit = (node: Node): void => {
    const last = pieces.at(-1);
    if (last && syntax.continues?.(node)) {
      last.to = Math.max(last.to, lastRow(node));
      last.nodes.push(node);
      return;
    }
    if (syntax.bodies.has(node.type) || (node.isError && misreadChars(node, syntax) < (node.endIndex - node.startIndex) / 2)) return node.namedChildren.forEach(visit);
    if (node.isError && node.endPosition.row > node.startPosition.row) return scanError(node);
    const from = node.startPosition.row;
    const to = lastRow(node);
    const isComment = syntax.comments.has(node.type);
    if (isComment || syntax.attributes?.(node)) {
      if (last && from === last.to && !comments) {
        last.to = Math.max(last.to, to);
        return;
      }
      // A blank line after a comment ends it: what follows is documented by the next one.
      if (comments && from > comments.to + 1 && !comments.attributed) dropComments();
      comments ??= { from, to, raw: [], attributed: false };
      comments.to = Math.max(comments.to, to);
      comments.attributed ||= !isComment;
      const text = isComment ? node.text : syntax.attributeDoc?.(node);
      if (text) comments.raw.push(isComment ? text : docProse(text));
      return;
    }
    let start = from;
    let doc = "";
    const found = find(node);
    if (comments && (comments.attributed || from <= comments.to + 1 || (pieces.length > 0 && from === comments.to + 2 && documents(comments.raw, found)))) {
      start = Math.min(comments.from, from);
      doc = docProse(comments.raw.join("\n"));
      comments = undefined;
    } else dropComments();
    const opened = syntax.opensScope?.(node);
    if (opened) openScopes = [opened];
    const definition = local && found?.kind === "block" && !found.holds ? undefined : found;
    if (definition?.docNode) doc = [doc, docProse(definition.docNode.text)].filter((d) => d !== "").join("\n");
    const outside = [...crumb, ...openScopes, ...(definition?.owner ?? [])];
    const own = definition?.scope ?? definition?.names[0];
    push({
      from: start, to, doc, outside, inside: own ? [...outside, own] : outside, definition, ...(definition && { kind: definition.kind, symbols: symbolsOf(definition, node, syntax, find) }),
      nodes: to > from ? [definition?.inner ?? node] : [], prelude: syntax.imports?.has(node.type) ? "imports" : undefined, prefixRows: from - start,
    });
    // Haskell and a file-scoped C# namespace keep the declarations inside the node that opened the scope.
    if (opened && to > from) {
      pieces.pop();
      node.namedChildren.forEach(visit);
    }
  };
  /** Where the grammar lost its way, blocks are found by indentation. */
  const scanError = (node: Node): void => {
    dropComments();
    for (const { from, to, name, doc } of blocksOf(lines, node.startPosition.row, lastRow(node)))
      push({ from, to, doc, ...(name && { kind: "function", symbols: [name], inside: [...crumb, ...openScopes, name], definition: { kind: "function", names: [name] } }) });
  };
  for (const node of nodes) node.namedChildren.forEach(visit);
  dropComments();
  // Rows between pieces (blank, closing brackets, `else`) belong to the piece before them.
  for (let i = 0; i + 1 < pieces.length; i++) pieces[i]!.to = Math.max(pieces[i]!.to, pieces[i + 1]!.from - 1);
  return pieces;

  function joinRows(last: Piece, piece: Piece): void {
    if (!last.definition && piece.definition) {
      Object.assign(last, { definition: piece.definition, kind: piece.kind, outside: piece.outside, inside: piece.inside, prefixRows: piece.from - last.from + piece.prefixRows });
      last.symbols = [...last.symbols, ...piece.symbols];
    } else last.symbols = [...new Set([...last.symbols, ...piece.symbols])];
    last.doc ||= piece.doc;
    last.to = Math.max(last.to, piece.to);
    last.nodes.push(...piece.nodes);
    last.prelude &&= piece.prelude;
  }
}

/** Characters of an ERROR node that are in none of the definitions and comments found inside it. */
export function misreadChars(error: Node, syntax: Syntax): number {
  let misread = error.endIndex - error.startIndex;
  for (const child of error.namedChildren) if (ruleFor(syntax, child.type) || syntax.comments.has(child.type) || syntax.imports?.has(child.type)) misread -= child.endIndex - child.startIndex;
  return misread;
}

function isLocalInside(piece: Piece): boolean {
  const { definition, local } = piece;
  if (!definition) return local;
  return definition.kind === "function" || definition.local === true || (local && definition.holds !== "members");
}

function sameDefinition(last: Piece, piece: Piece): boolean {
  const a = last.definition?.names[0];
  return a !== undefined && last.kind === "function" && piece.kind === "function" && a === piece.definition?.names[0] && last.outside.join() === piece.outside.join();
}

/** Nodes that end at column 0 end on the row before. */
function lastRow(node: Node): number {
  const end = node.endPosition;
  return end.column === 0 && end.row > node.startPosition.row ? end.row - 1 : end.row;
}

/** Names of a definition and, for classes and scopes, of what stands in it. */
function symbolsOf(definition: Definition, node: Node, syntax: Syntax, find: (node: Node) => Definition | undefined): readonly string[] {
  if (!definition.holds) return definition.names;
  const names = new Set(definition.names);
  const gather = (parent: Node, depth: number): void => {
    for (const child of parent.namedChildren) {
      if (names.size >= sizes.maxSymbols || depth > 6) return;
      if (syntax.bodies.has(child.type)) {
        gather(child, depth + 1);
        continue;
      }
      const inner = find(child);
      if (!inner) continue;
      // Constants and fields inside a class are not what people look the class up by.
      if (inner.kind !== "block" || definition.holds === "scope") for (const name of inner.names) names.add(name);
      if (inner.holds) gather(inner.inner ?? child, depth + 1);
    }
  };
  gather(definition.inner ?? node, 0);
  return [...names];
}

/** Rows that would be cut are opened; what stays whole is merged with small neighbours and written to `out`. */
function pack(pieces: readonly Piece[], syntax: Syntax, lines: SourceLines, out: Part[], depth: number): void {
  let run: Piece[] = [];
  let runSize = 0;
  const flush = (): void => {
    if (run.length > 0) out.push(partOf(run));
    run = [];
    runSize = 0;
  };
  for (const piece of flatten(pieces, syntax, lines, depth)) {
    const size = lines.size(piece.from, piece.to);
    if (mustOpen(piece, size)) {
      if (run.length > 0 && runSize <= sizes.crumbs && canGlue(run, piece)) {
        const head = run[0]!;
        piece.prefixRows += piece.from - head.from;
        piece.from = head.from;
        if (head.header) Object.assign(piece, { kind: head.kind, symbols: head.symbols, doc: head.doc, outside: head.outside, inside: head.inside });
        run = [];
        runSize = 0;
      }
      flush();
      open(piece, syntax, lines, out, depth + 1);
      continue;
    }
    const last = run.at(-1);
    if (last && !fits(run, runSize, piece, size, lines)) flush();
    run.push(piece);
    runSize += size;
  }
  flush();
}

/** A line or two (a class line before its long docstring, `namespace A;`) go with the long piece below them, if it is of their kind. */
function canGlue(run: readonly Piece[], piece: Piece): boolean {
  const last = run.at(-1)!;
  if (last.header) return run.length === 1 && !piece.definition;
  return run.every((p) => !p.definition) && same(last.outside, piece.outside);
}

function mustOpen(piece: Piece, size: number): boolean {
  if (piece.header) return size > sizes.max;
  const holds = piece.definition?.holds;
  if (holds === "scope") return size > sizes.scope && piece.nodes.length > 0;
  if (holds === "members") return size > sizes.wholeClass;
  return size > (piece.definition ? sizes.wholeFunction : sizes.statement);
}

/** May `piece` join the run before it? Same container, small enough, and not a definition that stands well alone. */
function fits(run: readonly Piece[], runSize: number, piece: Piece, size: number, lines: SourceLines): boolean {
  const first = run[0]!;
  const last = run.at(-1)!;
  const inHeader = first.header && same(first.inside, piece.outside);
  if (!inHeader && !same(last.outside, piece.outside) && !(last.header && same(last.inside, piece.outside))) return false;
  // Imports and licence stay out of the chunk of a definition, unless they are next to nothing.
  if (piece.definition && !piece.prelude && runSize > sizes.prelude && run.every((p) => p.prelude)) return false;
  // A line or two is not worth a chunk.
  if (Math.min(runSize, size) <= sizes.crumbs && !(runSize > size && piece.definition)) return runSize + size <= sizes.wholeFunction;
  // A definition long enough to be found alone is not diluted by its neighbours.
  if (piece.definition && size > sizes.crumbs) {
    const longest = Math.max(0, ...run.filter((p) => p.definition && !p.header).map((p) => lines.size(p.from, p.to)));
    if (longest > sizes.alone || (size > sizes.alone && run.some((p) => p.definition))) return false;
  }
  return runSize + size <= sizes.target;
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((part, i) => part === b[i]);
}

/** Statements too long to stay whole are replaced by what is in them, so that their remains can join their neighbours. */
function flatten(pieces: readonly Piece[], syntax: Syntax, lines: SourceLines, depth: number): readonly Piece[] {
  if (depth > maxDepth) return pieces;
  return pieces.flatMap((piece) => {
    if (piece.definition || piece.header || piece.nodes.length === 0 || lines.size(piece.from, piece.to) <= sizes.statement) return [piece];
    const inner = innerPieces(piece, syntax, lines);
    return inner ? flatten(inner, syntax, lines, depth + 1) : [piece];
  });
}

/** The pieces inside a piece, covering exactly its rows; undefined when there is nothing to walk into. */
function innerPieces(piece: Piece, syntax: Syntax, lines: SourceLines): Piece[] | undefined {
  const inner = piecesOf(piece.nodes, piece.inside, isLocalInside(piece), syntax, lines).filter((p) => p.from >= piece.from && p.from <= piece.to);
  const first = inner[0];
  if (!first) return undefined;
  first.from = piece.from;
  inner.at(-1)!.to = piece.to;
  return inner;
}

function open(piece: Piece, syntax: Syntax, lines: SourceLines, out: Part[], depth: number): void {
  const inner = depth <= maxDepth && piece.nodes.length > 0 ? innerPieces(piece, syntax, lines) : undefined;
  if (!inner) {
    const head = { kind: piece.kind, symbols: piece.symbols, breadcrumb: piece.outside, doc: piece.doc };
    out.push(...cutNamed(lines, piece.from, piece.to, piece.from + piece.prefixRows, head, piece.inside));
    return;
  }
  const [first, second] = [inner[0]!, inner[1]];
  // Of the names of a group (`const ( … )`) those that are defined further in stand there.
  const names = piece.definition?.names ?? [];
  const further = new Set(names.length > 1 ? inner.flatMap(({ symbols }) => symbols) : []);
  const own = names.filter((name) => !further.has(name));
  if (piece.definition?.holds === "scope" && !first.definition && second && lines.size(first.from, first.to) <= sizes.scope) {
    // `impl Foo {` says less alone than on top of its first member.
    inner.shift();
    second.prefixRows += second.from - first.from;
    second.from = first.from;
  } else if (inner.length > 1 || first.definition) {
    first.header = !first.definition;
    first.doc = piece.doc || first.doc;
    first.symbols = [...new Set([...own, ...first.symbols])];
    if (first.header) {
      first.kind = piece.kind;
      first.definition = piece.definition;
      first.outside = piece.outside;
      first.inside = piece.inside;
    }
  } else {
    // The whole is one node further in (`function f() {` → its body): go on with the same head.
    Object.assign(first, { kind: piece.kind, symbols: piece.symbols, doc: piece.doc, outside: piece.outside, inside: piece.inside, definition: piece.definition });
  }
  pack(inner, syntax, lines, out, depth);
}

/** What one run of merged pieces is, as a part: the definitions decide, not the loose lines around them. */
function partOf(run: readonly Piece[]): Part {
  const first = run[0]!;
  // A function says more about a chunk than the constants above it, and the longest one most.
  const definitions = run.filter((piece) => piece.symbols.length > 0 && piece.kind !== "block");
  const rows = (piece: Piece): number => piece.to - piece.from;
  const main = first.header && first.symbols.length > 0 ? first : definitions.length > 0 ? definitions.reduce((a, b) => (rows(b) > rows(a) ? b : a)) : (run.find((piece) => piece.symbols.length > 0) ?? first);
  const symbols = [...new Set(run.flatMap((piece) => piece.symbols))].slice(0, sizes.maxSymbols);
  const opensFile = first.from === 0 && first.outside.length === 0;
  const kind = main.kind === "block" && (opensFile || run.some((piece) => piece.prelude === "imports")) ? "module" : main.kind;
  return { from: first.from, to: run.at(-1)!.to, kind, symbols, breadcrumb: first.outside, doc: definitions.find((piece) => piece.doc !== "")?.doc ?? (main.doc || first.doc) };
}
