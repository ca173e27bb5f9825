// What each grammar calls its definitions: node types → kind, names and what they hold. Data for treeCutter.ts; knows no files
// and does no cutting. A rule is a function, because some languages decide by content (`const f = () => …`, `def` in Elixir).
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

type Find = (node: Node) => Definition | undefined;
type Rule = (node: Node, find: Find) => Definition | undefined;

export interface Syntax {
  readonly definitions: Readonly<Record<string, Rule>>;
  /** Bodies and groups that are walked through as if their children stood in the parent. */
  readonly bodies: ReadonlySet<string>;
  readonly comments: ReadonlySet<string>;
  /** Attributes and decorators that stand before their definition as siblings. */
  readonly attributes?: (node: Node) => boolean;
  /** Prose of an attribute (Elixir's `@doc`). */
  readonly attributeDoc?: (node: Node) => string;
  /** Siblings that belong to the node before them (Dart's bodies). */
  readonly continues?: ReadonlySet<string>;
  /** Consecutive definitions of one name are one (Haskell clauses, overloads). */
  readonly groups?: boolean;
  readonly imports?: ReadonlySet<string>;
  /** A node that opens a scope for all later siblings (`namespace A;`): its breadcrumb part. */
  readonly opensScope?: (node: Node) => string | undefined;
}

const set = (words: string): ReadonlySet<string> => new Set(words.split(" "));

/** The node's text when it is one short line: names never are more. */
export function nameText(node: Node | null | undefined): string {
  if (!node || node.endIndex - node.startIndex > 200) return "";
  return node.text.replace(/\s+/g, " ").trim();
}
const childOf = (node: Node, ...types: string[]): Node | undefined => node.namedChildren.find((c) => types.includes(c.type));
const field = (node: Node, name: string): Node | null => node.childForFieldName(name);

function define(kind: ChunkKind, nameField = "name"): Rule {
  return (node) => {
    const name = nameText(field(node, nameField));
    return name ? { kind, names: [name] } : { kind, names: [] };
  };
}
function members(kind: ChunkKind = "class", nameField = "name"): Rule {
  return (node) => {
    const name = nameText(field(node, nameField));
    return { kind, names: name ? [name] : [], holds: "members" };
  };
}
function scope(nameOf: (node: Node) => string): Rule {
  return (node) => ({ kind: "block", names: [], scope: nameOf(node), holds: "scope" });
}
const namedScope = scope((node) => nameText(field(node, "name")));
const openScope: Rule = scope(() => "");

/** The definition inside a wrapper, with the wrapper's range. */
const wrap: Rule = (node, find) => {
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

const docstring = (body: Node | null): Node | undefined => {
  const first = body?.namedChildren.find((c) => c.type !== "comment");
  const text = first?.type === "expression_statement" ? first.namedChildren[0] : first;
  return text?.type === "string" || text?.type === "concatenated_string" ? text : undefined;
};

// JavaScript and TypeScript ------------------------------------------------------------------------------------------------

const functionValues = set("arrow_function function_expression function generator_function");
const suites = /^(describe|context|suite|fdescribe|xdescribe)\b/;
const cases = /^(it|test|specify|fit|xit|bench)\b/;

/** Kind of a value bound to a name, undefined when the value defines nothing to look into. */
function valueKind(value: Node | null): Pick<Definition, "kind" | "holds" | "inner"> | undefined {
  if (!value) return undefined;
  if (functionValues.has(value.type)) return { kind: "function" };
  if (value.type === "class") return { kind: "class", holds: "members", inner: value };
  if (value.type === "object") return { kind: "block", holds: "members", inner: value };
  if (value.type === "call_expression") {
    // memo(() => …), debounce(function …), styled.div`…`: a function when one of its arguments is.
    const argument = field(value, "arguments")?.namedChildren.find((a) => functionValues.has(a.type));
    return { kind: argument ? "function" : "block" };
  }
  if (["as_expression", "satisfies_expression", "parenthesized_expression", "await_expression"].includes(value.type)) return valueKind(value.namedChildren[0] ?? null);
  return { kind: "block" };
}

const variables: Rule = (node) => {
  const declarators = node.namedChildren.filter((c) => c.type === "variable_declarator");
  const names: string[] = [];
  for (const d of declarators) {
    const name = field(d, "name");
    if (name?.type === "identifier") names.push(name.text);
    else if (name) names.push(...name.namedChildren.map((c) => nameText(field(c, "value") ?? c)).filter((n) => /^[\w$]+$/.test(n)));
  }
  const first = declarators[0];
  if (!first || names.length === 0) return undefined;
  const value = field(first, "value");
  // A require is an import, not a definition to be found.
  if (value && /^(await\s+)?(require|import)\s*\(/.test(value.text.slice(0, 40))) return undefined;
  return { kind: "block", ...(declarators.length === 1 ? valueKind(value) : undefined), names };
};

const assignment: Rule = (node, find) => {
  const expression = node.namedChildren[0];
  if (expression?.type === "assignment_expression") {
    let value = field(expression, "right");
    while (value?.type === "assignment_expression") value = field(value, "right");
    const left = nameText(field(expression, "left"));
    const kind = valueKind(value);
    if (!left || !value || !kind || (kind.kind === "block" && value.type !== "object" && !/^(module\.)?exports\b/.test(left))) return undefined;
    if (/^(module\.)?exports$/.test(left)) {
      const own = nameText(field(value, "name"));
      return { ...kind, names: own ? [own] : [], scope: own, inner: value };
    }
    const { owner, name } = qualified(left);
    return /^[\w$]+$/.test(name) ? { ...kind, names: [name], owner, inner: value } : undefined;
  }
  if (expression?.type === "call_expression") {
    const callee = nameText(field(expression, "function"));
    const title = field(expression, "arguments")?.namedChildren[0];
    if (title && ["string", "template_string"].includes(title.type)) {
      const scopeName = nameText(title).replace(/^["'`]|["'`]$/g, "");
      if (suites.test(callee)) return { kind: "block", names: [], scope: scopeName, holds: "scope", local: true, inner: expression };
      if (cases.test(callee)) return { kind: "function", names: [], scope: scopeName, inner: expression };
    }
  }
  return expression?.type === "internal_module" || expression?.type === "function_expression" ? find(expression) : undefined;
};

const script: Syntax = {
  definitions: {
    function_declaration: define("function"),
    generator_function_declaration: define("function"),
    function_signature: define("function"),
    class_declaration: members(),
    abstract_class_declaration: members(),
    method_definition: define("function"),
    abstract_method_signature: define("function"),
    interface_declaration: define("type"),
    type_alias_declaration: define("type"),
    enum_declaration: define("type"),
    internal_module: namedScope,
    module: scope((node) => nameText(field(node, "name")).replace(/^["']|["']$/g, "")),
    lexical_declaration: variables,
    variable_declaration: variables,
    expression_statement: assignment,
    public_field_definition: (node) => memberValue(node, "name"),
    field_definition: (node) => memberValue(node, "property"),
    pair: (node) => memberValue(node, "key"),
    ambient_declaration: wrap,
    export_statement: (node, find) => {
      const inner = wrap(node, find);
      if (inner) return inner;
      const value = field(node, "value");
      const kind = value && valueKind(value);
      return kind && kind.kind !== "block" ? { ...kind, names: ["default"], inner: value } : undefined;
    },
  },
  bodies: set("class_body statement_block program object"),
  comments: set("comment"),
  attributes: (node) => node.type === "decorator",
  groups: true,
  imports: set("import_statement"),
};

function memberValue(node: Node, nameField: string): Definition | undefined {
  const value = field(node, "value");
  const kind = valueKind(value);
  const name = nameText(field(node, nameField)).replace(/^["']|["']$/g, "");
  return kind && kind.kind !== "block" && name ? { ...kind, names: [name], ...(value ? { inner: value } : undefined) } : undefined;
}

// Python -------------------------------------------------------------------------------------------------------------------

const python: Syntax = {
  definitions: {
    function_definition: (node) => pythonDefinition(node, { kind: "function" }),
    class_definition: (node) => pythonDefinition(node, { kind: "class", holds: "members" }),
    decorated_definition: wrap,
    expression_statement: (node) => {
      const assigned = node.namedChildren[0];
      const left = assigned?.type === "assignment" ? field(assigned, "left") : null;
      return left?.type === "identifier" ? { kind: "block", names: [left.text] } : undefined;
    },
    type_alias_statement: define("type", "left"),
    if_statement: topLevelBranch,
    try_statement: topLevelBranch,
  },
  bodies: set("block module else_clause elif_clause except_clause finally_clause"),
  comments: set("comment"),
  groups: true,
  imports: set("import_statement import_from_statement future_import_statement"),
};

/** `try: import x` and `if sys.platform …` around definitions of the module. */
function topLevelBranch(node: Node): Definition | undefined {
  return node.parent?.type === "module" ? { kind: "block", names: [], holds: "scope", scope: "" } : undefined;
}

function pythonDefinition(node: Node, rest: Pick<Definition, "kind" | "holds">): Definition {
  const doc = docstring(field(node, "body"));
  return { ...rest, names: [nameText(field(node, "name"))], ...(doc && { docNode: doc }) };
}

// Go -----------------------------------------------------------------------------------------------------------------------

const go: Syntax = {
  definitions: {
    function_declaration: define("function"),
    method_declaration: (node) => {
      const receiver = /(\w+)\s*(?:\[[^\]]*\])?\s*\)$/.exec(nameText(field(node, "receiver")))?.[1];
      return { kind: "function", names: [nameText(field(node, "name"))], ...(receiver && { owner: [receiver] }) };
    },
    type_declaration: (node) => ({ kind: "type", names: specNames(node, "type_spec", "type_alias") }),
    const_declaration: (node) => ({ kind: "block", names: specNames(node, "const_spec") }),
    var_declaration: (node) => ({ kind: "block", names: specNames(node, "var_spec", "var_spec_list") }),
  },
  bodies: set("block source_file statement_list"),
  comments: set("comment"),
  imports: set("import_declaration package_clause"),
};

function specNames(node: Node, ...types: string[]): string[] {
  return node.namedChildren
    .filter((c) => types.includes(c.type))
    .flatMap((c) => (c.type === "var_spec_list" ? c.namedChildren : [c]))
    .flatMap((c) => c.childrenForFieldName("name").map(nameText))
    .filter((n) => n !== "" && n !== "_" && n !== ",");
}

// Java, Kotlin, Scala, C#, Swift, Dart, PHP -----------------------------------------------------------------------------------

const java: Syntax = {
  definitions: {
    class_declaration: members(),
    interface_declaration: members("type"),
    enum_declaration: members("type"),
    record_declaration: members(),
    annotation_type_declaration: members("type"),
    method_declaration: define("function"),
    constructor_declaration: define("function"),
    compact_constructor_declaration: define("function"),
  },
  bodies: set("class_body interface_body enum_body enum_body_declarations annotation_type_body block constructor_body program"),
  comments: set("line_comment block_comment"),
  imports: set("import_declaration package_declaration"),
};

const kotlin: Syntax = {
  definitions: {
    class_declaration: (node) => ({
      kind: /\b(interface|enum)\b/.test(node.text.slice(0, 200).split("{")[0] ?? "") ? "type" : "class",
      names: [nameText(field(node, "name"))],
      holds: "members",
    }),
    object_declaration: members(),
    companion_object: (node) => ({ kind: "block", names: [], scope: nameText(field(node, "name")) || "Companion", holds: "scope" }),
    function_declaration: (node) => {
      const name = nameText(field(node, "name"));
      // An extension's receiver is written before the name: fun Foo.bar().
      const receiver = new RegExp(`([\\w.]+)(?:<[^>]*>)?\\??\\.${name.replace(/\W/g, "\\$&")}\\s*\\(`).exec(node.text.slice(0, 400))?.[1];
      return { kind: "function", names: [name], ...(receiver && { owner: [receiver] }) };
    },
    secondary_constructor: () => ({ kind: "function", names: ["constructor"] }),
    property_declaration: (node) => {
      const name = nameText(childOf(node, "variable_declaration")).split(":")[0]?.trim();
      return name ? { kind: "block", names: [name] } : undefined;
    },
    type_alias: define("type", "type"),
  },
  bodies: set("class_body enum_class_body block function_body source_file"),
  comments: set("line_comment block_comment multiline_comment"),
  imports: set("import package_header import_list"),
};

const scala: Syntax = {
  definitions: {
    class_definition: members(),
    object_definition: members(),
    trait_definition: members("type"),
    enum_definition: members("type"),
    package_object: members(),
    package_clause: (node) => (field(node, "body") ? { kind: "block", names: [], scope: nameText(field(node, "name")), holds: "scope" } : undefined),
    extension_definition: openScope,
    given_definition: members("block"),
    function_definition: define("function"),
    function_declaration: define("function"),
    type_definition: define("type"),
    val_definition: define("block", "pattern"),
    var_definition: define("block", "pattern"),
  },
  bodies: set("template_body enum_body block compilation_unit indented_block with_template_body"),
  comments: set("comment block_comment"),
  attributes: (node) => node.type === "annotation",
  imports: set("import_declaration package_clause"),
};

const csharp: Syntax = {
  definitions: {
    namespace_declaration: namedScope,
    class_declaration: members(),
    struct_declaration: members(),
    record_declaration: members(),
    interface_declaration: members("type"),
    enum_declaration: define("type"),
    delegate_declaration: define("type"),
    method_declaration: define("function"),
    constructor_declaration: define("function"),
    destructor_declaration: define("function"),
    operator_declaration: (node) => ({ kind: "function", names: [`operator ${nameText(field(node, "operator"))}`.trim()] }),
    conversion_operator_declaration: (node) => ({ kind: "function", names: [`operator ${nameText(field(node, "type"))}`.trim()] }),
    property_declaration: define("function"),
    indexer_declaration: () => ({ kind: "function", names: ["this[]"] }),
    local_function_statement: define("function"),
    event_field_declaration: () => ({ kind: "block", names: [] }),
  },
  bodies: set("declaration_list block compilation_unit global_statement"),
  comments: set("comment"),
  opensScope: (node) => (node.type === "file_scoped_namespace_declaration" ? nameText(field(node, "name")) : undefined),
  imports: set("using_directive"),
};

const swift: Syntax = {
  definitions: {
    class_declaration: (node) => {
      const name = nameText(field(node, "name"));
      const keyword = nameText(field(node, "declaration_kind"));
      if (keyword === "extension") return { kind: "block", names: [], scope: name, holds: "scope" };
      return { kind: keyword === "enum" ? "type" : "class", names: [name], holds: "members" };
    },
    protocol_declaration: members("type"),
    function_declaration: define("function"),
    protocol_function_declaration: define("function"),
    init_declaration: () => ({ kind: "function", names: ["init"] }),
    deinit_declaration: () => ({ kind: "function", names: ["deinit"] }),
    subscript_declaration: () => ({ kind: "function", names: ["subscript"] }),
    typealias_declaration: define("type"),
    property_declaration: (node) => {
      const name = nameText(field(node, "name"));
      return /^\w+$/.test(name) ? { kind: field(node, "computed_value") ? "function" : "block", names: [name] } : undefined;
    },
  },
  bodies: set("class_body enum_class_body protocol_body function_body statements source_file"),
  comments: set("comment multiline_comment"),
  imports: set("import_declaration"),
};

const dart: Syntax = {
  definitions: {
    class_definition: members(),
    mixin_declaration: (node) => ({ kind: "class", names: [nameText(childOf(node, "identifier"))].filter(Boolean), holds: "members" }),
    enum_declaration: members("type"),
    extension_declaration: (node) => ({ kind: "block", names: [nameText(field(node, "name"))].filter(Boolean), holds: "members" }),
    extension_type_declaration: members(),
    type_alias: (node) => ({ kind: "type", names: [nameText(childOf(node, "type_identifier"))].filter(Boolean) }),
    function_signature: define("function"),
    getter_signature: define("function"),
    setter_signature: define("function"),
    method_signature: (node) => dartSignature(node),
    declaration: (node) => (node.namedChildren.some((c) => c.type.endsWith("_signature")) ? dartSignature(node) : undefined),
  },
  bodies: set("class_body enum_body extension_body block program"),
  comments: set("comment documentation_comment"),
  attributes: (node) => node.type === "annotation" || node.type === "marker_annotation",
  continues: set("function_body"),
  imports: set("import_or_export library_name part_directive part_of_directive"),
};

function dartSignature(node: Node): Definition | undefined {
  const signature = node.namedChildren.find((c) => c.type.endsWith("_signature"));
  if (!signature) return undefined;
  const named = signature.childrenForFieldName("name").map(nameText).filter((n) => /^\w+$/.test(n));
  const names = named.length > 0 ? named.join(".") : nameText(childOf(signature, "identifier"));
  return { kind: "function", names: names ? [names] : [] };
}

const php: Syntax = {
  definitions: {
    namespace_definition: (node) => (field(node, "body") ? { kind: "block", names: [], scope: nameText(field(node, "name")), holds: "scope" } : undefined),
    class_declaration: members(),
    interface_declaration: members("type"),
    trait_declaration: members(),
    enum_declaration: members("type"),
    function_definition: define("function"),
    method_declaration: define("function"),
    const_declaration: (node) => ({ kind: "block", names: node.namedChildren.filter((c) => c.type === "const_element").map((c) => nameText(c.namedChildren[0])) }),
  },
  bodies: set("declaration_list enum_declaration_list compound_statement program"),
  comments: set("comment"),
  opensScope: (node) => (node.type === "namespace_definition" && !field(node, "body") ? nameText(field(node, "name")) : undefined),
  imports: set("namespace_use_declaration php_tag"),
};

// Rust, C, C++, Zig, Solidity ---------------------------------------------------------------------------------------------------

const rust: Syntax = {
  definitions: {
    function_item: define("function"),
    function_signature_item: define("function"),
    struct_item: define("type"),
    enum_item: define("type"),
    union_item: define("type"),
    type_item: define("type"),
    trait_item: members("type"),
    impl_item: scope((node) => {
      const type = nameText(field(node, "type")).replace(/<.*$/s, "");
      return type;
    }),
    mod_item: (node) => (field(node, "body") ? { kind: "block", names: [], scope: nameText(field(node, "name")), holds: "scope" } : undefined),
    foreign_mod_item: openScope,
    macro_definition: define("function"),
    const_item: define("block"),
    static_item: define("block"),
  },
  bodies: set("declaration_list block source_file"),
  comments: set("line_comment block_comment"),
  attributes: (node) => node.type === "attribute_item",
  imports: set("use_declaration extern_crate_declaration inner_attribute_item"),
};

/** Follows declarators down to the declared name: `*(*f[3])(int)`, `Foo::bar`, `operator()`. */
function declared(node: Node | null): string {
  let at = node;
  for (let i = 0; at && i < 20; i++) {
    if (/^(identifier|field_identifier|type_identifier|qualified_identifier|destructor_name|operator_name|operator_cast|template_function)$/.test(at.type)) return nameText(at);
    at = field(at, "declarator") ?? at.namedChildren.find((c) => /declarator|identifier|operator|destructor/.test(c.type)) ?? null;
  }
  return "";
}
const functionLike: Rule = (node) => {
  const text = declared(field(node, "declarator"));
  if (!text) return { kind: "function", names: [] };
  const operator = /^(.*?)(operator\b.*)$/.exec(text);
  if (operator) return { kind: "function", names: [operator[2]!.trim()], owner: qualified(`${operator[1]}x`).owner };
  const { owner, name } = qualified(text.replace(/<[^<>]*>$/, ""));
  return { kind: "function", names: [name], owner };
};
const taggedType: Rule = (node) => {
  const name = nameText(field(node, "name")).replace(/<.*$/, "");
  return field(node, "body") ? { kind: node.type === "class_specifier" ? "class" : "type", names: name ? [name] : [], ...(node.type === "enum_specifier" ? undefined : { holds: "members" as const }) } : undefined;
};
const cDeclaration: Rule = (node, find) => {
  const type = field(node, "type");
  const tagged = type && find(type);
  const names = node.childrenForFieldName("declarator").map((d) => declared(d)).filter((n) => n !== "");
  if (tagged && type) return { ...tagged, names: [...tagged.names, ...names], inner: type };
  const isFunction = node.childrenForFieldName("declarator").some((d) => /function_declarator/.test(d.type) || d.namedChildren.some((c) => c.type === "function_declarator"));
  return names.length > 0 ? { kind: isFunction ? "function" : "block", names: names.map((n) => qualified(n).name), owner: qualified(names[0]!).owner } : undefined;
};
const cDefinitions: Record<string, Rule> = {
  function_definition: functionLike,
  declaration: cDeclaration,
  struct_specifier: taggedType,
  union_specifier: taggedType,
  enum_specifier: taggedType,
  type_definition: (node, find) => ({ ...cDeclaration(node, find), kind: "type", names: [...new Set(cDeclaration(node, find)?.names)] }),
  preproc_def: define("block"),
  preproc_function_def: define("function"),
  preproc_if: openScope,
  preproc_ifdef: openScope,
  linkage_specification: openScope,
};
const c: Syntax = {
  definitions: cDefinitions,
  bodies: set("translation_unit compound_statement field_declaration_list declaration_list preproc_else preproc_elif"),
  comments: set("comment"),
  imports: set("preproc_include"),
};
const cpp: Syntax = {
  ...c,
  definitions: {
    ...cDefinitions,
    class_specifier: taggedType,
    namespace_definition: namedScope,
    template_declaration: wrap,
    concept_definition: define("type"),
    alias_declaration: define("type"),
    field_declaration: (node, find) => {
      const definition = cDeclaration(node, find);
      return definition?.kind === "block" ? undefined : definition;
    },
  },
  imports: set("preproc_include using_declaration"),
};

const zig: Syntax = {
  definitions: {
    function_declaration: define("function"),
    test_declaration: (node) => ({ kind: "function", names: [], scope: nameText(childOf(node, "string", "identifier")).replace(/"/g, "") }),
    variable_declaration: (node) => {
      const name = nameText(childOf(node, "identifier"));
      const value = node.namedChildren.at(-1);
      if (!name || /^@import|^@cImport/.test(value?.text.slice(0, 10) ?? "")) return undefined;
      const holder = value && /^(struct|enum|union|opaque)_declaration$/.test(value.type);
      return holder ? { kind: "type", names: [name], holds: "members", inner: value } : { kind: "block", names: [name] };
    },
  },
  bodies: set("struct_declaration enum_declaration union_declaration opaque_declaration block source_file"),
  comments: set("comment"),
};

const solidity: Syntax = {
  definitions: {
    contract_declaration: members(),
    interface_declaration: members("type"),
    library_declaration: members(),
    function_definition: define("function"),
    modifier_definition: define("function"),
    constructor_definition: () => ({ kind: "function", names: ["constructor"] }),
    fallback_receive_definition: () => ({ kind: "function", names: [] }),
    event_definition: define("type"),
    error_declaration: define("type"),
    struct_declaration: define("type"),
    enum_declaration: define("type"),
  },
  bodies: set("contract_body function_body block_statement source_file"),
  comments: set("comment"),
  imports: set("import_directive pragma_directive"),
};

// Ruby, Elixir, Haskell, Lua, Bash, PowerShell, CSS ---------------------------------------------------------------------------------

const rubyCalls = /^(describe|context|namespace|feature|RSpec\.describe|shared_examples)$/;
const ruby: Syntax = {
  definitions: {
    // A module with methods of its own is a mixin, which people look up; others are namespaces.
    module: (node, find) => (field(node, "body")?.namedChildren.some((child) => child.type === "method") ? members()(node, find) : namedScope(node, find)),
    class: members(),
    singleton_class: scope(() => "self"),
    method: define("function"),
    singleton_method: define("function"),
    alias: define("block"),
    assignment: (node) => {
      const left = field(node, "left");
      return left?.type === "constant" ? { kind: "block", names: [left.text] } : undefined;
    },
    call: (node) => {
      const block = field(node, "block");
      const callee = [nameText(field(node, "receiver")), nameText(field(node, "method"))].filter(Boolean).join(".");
      const title = field(node, "arguments")?.namedChildren[0];
      if (!block) return undefined;
      const name = nameText(title).replace(/^["':]|["']$/g, "");
      if (rubyCalls.test(callee)) return { kind: "block", names: [], scope: name, holds: "scope" };
      return callee === "it" || callee === "task" || callee === "test" ? { kind: "function", names: [], scope: name } : undefined;
    },
  },
  bodies: set("body_statement program do_block block"),
  comments: set("comment"),
};

const elixirHeads: Readonly<Record<string, Pick<Definition, "kind" | "holds">>> = {
  defmodule: { kind: "class", holds: "members" },
  defprotocol: { kind: "type", holds: "members" },
  defimpl: { kind: "block", holds: "scope" },
  describe: { kind: "block", holds: "scope" },
  def: { kind: "function" },
  defp: { kind: "function" },
  defmacro: { kind: "function" },
  defmacrop: { kind: "function" },
  defguard: { kind: "function" },
  defdelegate: { kind: "function" },
  test: { kind: "function" },
};
const elixirAttribute = (node: Node): string => (node.type === "unary_operator" ? nameText(field(field(node, "operand") ?? node, "target")) : "");
const elixir: Syntax = {
  definitions: {
    call: (node) => {
      const keyword = nameText(field(node, "target"));
      const head = elixirHeads[keyword];
      if (!head) return undefined;
      let first: Node | undefined = childOf(node, "arguments")?.namedChildren[0];
      if (first?.type === "string") return { ...head, names: [], scope: nameText(first).replace(/"/g, "") };
      while (first && (first.type === "binary_operator" || first.type === "call")) first = field(first, first.type === "call" ? "target" : "left") ?? undefined;
      const name = nameText(first);
      if (head.holds === "scope") return { ...head, names: [], scope: name };
      const doc = head.holds ? childOf(node, "do_block")?.namedChildren.find((c) => elixirAttribute(c) === "moduledoc") : undefined;
      return { ...head, names: name ? [name] : [], ...(doc && { docNode: doc }) };
    },
  },
  bodies: set("do_block source"),
  comments: set("comment"),
  attributes: (node) => ["doc", "spec", "impl", "tag", "deprecated", "decorate", "typedoc"].includes(elixirAttribute(node)),
  attributeDoc: (node) => (/^(doc|typedoc)$/.test(elixirAttribute(node)) ? node.text : ""),
  groups: true,
};

const haskellValue: Rule = (node) => {
  const infix = node.namedChildren[0]?.type === "infix" ? /^\S+\s+(\S+)/.exec(nameText(node.namedChildren[0]))?.[1] : undefined;
  const name = (nameText(field(node, "name")) || infix || "").replace(/^[(`]|[)`]$/g, "");
  return { kind: "function", names: name ? [name] : [] };
};
const haskell: Syntax = {
  definitions: {
    signature: haskellValue,
    function: haskellValue,
    bind: haskellValue,
    data_type: define("type"),
    newtype: define("type"),
    type_synomym: define("type"),
    type_family: define("type"),
    class: members("type"),
    instance: (node) => ({ kind: "block", names: [], scope: `${nameText(field(node, "name"))} ${nameText(field(node, "patterns"))}`.trim(), holds: "scope" }),
  },
  bodies: set("declarations imports class_declarations instance_declarations"),
  comments: set("comment haddock"),
  groups: true,
  imports: set("import header pragma"),
};

const lua: Syntax = {
  definitions: {
    function_declaration: (node) => luaNamed(nameText(field(node, "name")), "function"),
    variable_declaration: (node) => {
      const assigned = childOf(node, "assignment_statement");
      return assigned && luaAssignment(assigned, true);
    },
    assignment_statement: (node) => luaAssignment(node, false),
    field: (node) => (field(node, "value")?.type === "function_definition" ? { kind: "function", names: [nameText(field(node, "name"))] } : undefined),
  },
  bodies: set("block chunk table_constructor"),
  comments: set("comment"),
};
function luaNamed(text: string, kind: ChunkKind): Definition | undefined {
  const { owner, name } = qualified(text);
  return /^\w+$/.test(name) ? { kind, names: [name], owner } : undefined;
}
function luaAssignment(node: Node, local: boolean): Definition | undefined {
  const left = nameText(childOf(node, "variable_list"));
  const value = childOf(node, "expression_list")?.namedChildren[0];
  if (!value || /^require\b/.test(value.text.slice(0, 10)) || left.includes(",")) return undefined;
  if (value.type === "function_definition") return luaNamed(left, "function");
  if (value.type === "table_constructor") return { ...luaNamed(left, "block"), kind: "block", names: [qualified(left).name], holds: "members", inner: value };
  return local || /^\w+$/.test(left) ? luaNamed(left, "block") : undefined;
}

const bash: Syntax = {
  definitions: {
    function_definition: define("function"),
    variable_assignment: define("block"),
    declaration_command: (node) => {
      const names = node.namedChildren.map((c) => nameText(c.type === "variable_assignment" ? field(c, "name") : undefined)).filter(Boolean);
      return names.length > 0 ? { kind: "block", names } : undefined;
    },
  },
  bodies: set("compound_statement program do_group"),
  comments: set("comment"),
};

const powershell: Syntax = {
  definitions: {
    function_statement: (node) => ({ kind: "function", names: [nameText(childOf(node, "function_name"))] }),
    class_statement: (node) => ({ kind: "class", names: [nameText(childOf(node, "simple_name"))], holds: "members" }),
    enum_statement: (node) => ({ kind: "type", names: [nameText(childOf(node, "simple_name"))] }),
    class_method_definition: (node) => ({ kind: "function", names: [nameText(childOf(node, "simple_name"))] }),
  },
  bodies: set("script_block script_block_body named_block_list named_block statement_list statement_block program"),
  comments: set("comment"),
};

const css: Syntax = {
  definitions: {
    rule_set: () => ({ kind: "block", names: [] }),
    keyframes_statement: (node) => ({ kind: "block", names: [nameText(childOf(node, "keyframes_name"))].filter(Boolean) }),
    media_statement: openScope,
    supports_statement: openScope,
  },
  bodies: set("stylesheet block keyframe_block_list"),
  comments: set("comment"),
  imports: set("import_statement charset_statement"),
};

/** Rules by grammar name (the keys of grammars.json). */
export const syntaxes: Readonly<Record<string, Syntax>> = {
  typescript: script, tsx: script, javascript: script,
  python, go, java, kotlin, scala, csharp, swift, dart, php, rust, c, cpp, zig, solidity, ruby, elixir, haskell, lua, bash, powershell, css,
};
