// Definitions in languages with declared types: Go, the JVM and .NET families, Swift, Dart, Rust, C and its kin, Zig, Solidity, Haskell.
// Receivers and `Foo::` before a name become the owner.
import type { Node } from "web-tree-sitter";
import { blanked, bodiedScope, childOf, define, field, members, nameText, namedScope, openScope, qualified, scope, set, wrap, type Definition, type Rule, type Syntax } from "./syntax.ts";

// Go -----------------------------------------------------------------------------------------------------------------------

export const go: Syntax = {
  definitions: {
    function_declaration: define("function"),
    method_declaration: (node) => {
      const receiver = /(\w+)\s*(?:\[[^\]]*\])?\s*\)$/.exec(nameText(field(node, "receiver")))?.[1];
      return { kind: "function", names: [nameText(field(node, "name"))], ...(receiver && { owner: [receiver] }) };
    },
    type_declaration: (node) => {
      const docNode = node.namedChildren[0]?.type === "comment" && node.namedChildren[0]; // in `type ( … )`
      const names = specNames(node, "type_spec", "type_alias");
      return { kind: "type", names, ...(names.length > 1 && { scope: "" }), ...(docNode && { docNode }) };
    },
    const_declaration: (node) => ({ kind: "block", names: specNames(node, "const_spec"), scope: "" }),
    var_declaration: (node) => ({ kind: "block", names: specNames(node, "var_spec", "var_spec_list"), scope: "" }),
    type_spec: inGroup("type"),
    type_alias: inGroup("type"),
    const_spec: inGroup("block"),
    var_spec: inGroup("block"),
  },
  bodies: set("block source_file statement_list var_spec_list"),
  comments: set("comment"),
  imports: set("import_declaration package_clause"),
};

/** One of several in `type ( … )`, `const ( … )`, `var ( … )`. Looked for at its neighbours: a group may be of thousands. */
function inGroup(kind: "type" | "block"): Rule {
  const beside = (node: Node, next: (node: Node) => Node | null): Node | null => {
    let at = next(node);
    while (at?.type === "comment") at = next(at);
    return at;
  };
  return (node) => {
    const names = node.childrenForFieldName("name").map(nameText).filter((n) => /^(?!_$)\w+$/.test(n));
    const isAlone = names.length === 0 || !(beside(node, (at) => at.previousNamedSibling) ?? beside(node, (at) => at.nextNamedSibling));
    return isAlone ? undefined : { kind, names };
  };
}

function specNames(node: Node, ...types: string[]): string[] {
  return node.namedChildren
    .filter((c) => types.includes(c.type))
    .flatMap((c) => (c.type === "var_spec_list" ? c.namedChildren : [c]))
    .flatMap((c) => c.childrenForFieldName("name").map(nameText))
    .filter((n) => n !== "" && n !== "_" && n !== ",");
}

// Java, Kotlin, Scala, C#, Swift, Dart -----------------------------------------------------------------------------------

export const java: Syntax = {
  definitions: {
    class_declaration: members(),
    interface_declaration: members("type"),
    enum_declaration: members("type"),
    record_declaration: members(),
    annotation_type_declaration: members("type"),
    method_declaration: define("function"),
    constructor_declaration: define("function"),
    compact_constructor_declaration: define("function"),
    annotation_type_element_declaration: define("function"),
  },
  bodies: set("class_body interface_body enum_body enum_body_declarations annotation_type_body block constructor_body program"),
  comments: set("line_comment block_comment"),
  imports: set("import_declaration package_declaration"),
};

export const kotlin: Syntax = {
  // The grammar knows neither `fun interface` nor, behind an annotation, `annotation class`.
  readAs: (source) => source.replace(/\bfun(?=[ \t]+interface\b)/g, blanked),
  disguised: (node) => {
    const name = node.type === "annotated_expression" && /^@[^{]*\bannotation\s+class\s+(\w+)/.exec(node.text.slice(0, 1_000))?.[1];
    return name ? { kind: "class", names: [name] } : undefined;
  },
  definitions: {
    class_declaration: (node) => ({
      kind: /\b(interface|enum)\b/.test(node.text.slice(0, 200).split("{")[0] ?? "") ? "type" : "class",
      names: [nameText(field(node, "name"))],
      holds: "members",
    }),
    object_declaration: members(),
    companion_object: scope((node) => nameText(field(node, "name")) || "Companion"),
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

export const scala: Syntax = {
  definitions: {
    class_definition: members(),
    object_definition: members(),
    trait_definition: members("type"),
    enum_definition: members("type"),
    package_object: members(),
    package_clause: bodiedScope,
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

export const csharp: Syntax = {
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
    event_field_declaration: (node) => ({ kind: "function", names: (childOf(node, "variable_declaration")?.namedChildren ?? []).filter(({ type }) => type === "variable_declarator").map((d) => nameText(d)) }),
    event_declaration: define("function"),
    preproc_if: openScope,
  },
  bodies: set("declaration_list block compilation_unit global_statement preproc_else preproc_elif"),
  comments: set("comment"),
  opensScope: (node) => (node.type === "file_scoped_namespace_declaration" ? nameText(field(node, "name")) : undefined),
  imports: set("using_directive"),
};

export const swift: Syntax = {
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

export const dart: Syntax = {
  definitions: {
    class_definition: members(),
    mixin_declaration: (node) => ({ kind: "class", names: [nameText(childOf(node, "identifier"))].filter(Boolean), holds: "members" }),
    enum_declaration: members("type"),
    extension_declaration: (node) => ({ kind: "block", names: [nameText(field(node, "name"))].filter(Boolean), holds: "members" }),
    extension_type_declaration: members(),
    // The old form, `typedef int Compare(A a);`, has the type in front of the name.
    type_alias: (node) => ({ kind: "type", names: [nameText(node.namedChildren.findLast(({ type }) => type === "type_identifier"))].filter(Boolean) }),
    function_signature: define("function"),
    getter_signature: define("function"),
    setter_signature: define("function"),
    static_final_declaration_list: dartVariables,
    initialized_identifier_list: dartVariables,
    method_signature: dartSignature,
    declaration: dartSignature,
  },
  bodies: set("class_body enum_body extension_body block program"),
  comments: set("comment documentation_comment"),
  attributes: (node) => node.type === "annotation" || node.type === "marker_annotation",
  continues: (node) => node.type === "function_body",
  imports: set("import_or_export library_name part_directive part_of_directive"),
};

/** `final orders = …;` of a file: their modifiers and types are siblings. */
function dartVariables(node: Node): Definition {
  return { kind: "block", names: node.namedChildren.map((variable) => nameText(childOf(variable, "identifier"))).filter(Boolean) };
}

function dartSignature(node: Node): Definition | undefined {
  const signature = node.namedChildren.find((c) => c.type.endsWith("_signature"));
  if (!signature) return undefined;
  const named = signature.childrenForFieldName("name").map(nameText).filter((n) => /^\w+$/.test(n));
  const written = signature.type.includes("factory") ? signature.namedChildren.filter(({ type }) => type === "identifier").map(nameText) : [nameText(childOf(signature, "identifier"))];
  const names = (named.length > 0 ? named : written).join(".");
  return { kind: "function", names: names ? [names] : [] };
}

// Rust, C, C++, Zig, Solidity ---------------------------------------------------------------------------------------------------

export const rust: Syntax = {
  definitions: {
    function_item: define("function"),
    function_signature_item: define("function"),
    struct_item: define("type"),
    enum_item: define("type"),
    union_item: define("type"),
    type_item: define("type"),
    trait_item: members("type"),
    impl_item: scope((node) => nameText(field(node, "type")).replace(/<.*$/s, "")),
    mod_item: bodiedScope,
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

/** Never names, whatever a grammar that is misled by macros takes for one. */
const reserved = set("void int char long short float double signed unsigned bool const volatile struct union enum static extern if for while do switch return else sizeof typedef");
/** Follows declarators down to the declared name: `*(*f[3])(int)`, `Foo::bar`, `operator()`. */
function declared(node: Node | null): string {
  let at = node;
  for (let i = 0; at && i < 20; i++) {
    // `BOOL WINAPI start()`: the grammar misses a `::` behind the macro.
    if (at.type === "qualified_identifier" && at.children.some(({ isMissing }) => isMissing)) at = field(at, "name");
    if (at && /^(identifier|field_identifier|type_identifier|qualified_identifier|destructor_name|operator_name|operator_cast|template_function)$/.test(at.type)) return reserved.has(at.text) ? "" : nameText(at);
    if (!at) break;
    at = field(at, "declarator") ?? at.namedChildren.find((c) => /declarator|identifier|operator|destructor/.test(c.type)) ?? null;
  }
  return "";
}
/** Macros beside a type's name, which the grammars take for the name: `class JSON_API Value {`, `struct ALIGNED(16) vec {`, `class Socket MAYBE_FINAL : Base {`. */
const macroBefore = /\b(class|struct|union|enum(?:\s+class)?)(\s+(?:[A-Z][A-Z0-9_]+(?:\([^()\n]{0,80}\))?\s+){1,3})(?=(?!final\b)[A-Za-z_][\w:]*(?:<[^<>{};]{0,200}>)?(?:\s+final)?\s*(?::[^:]|\{))/g;
const macroBehind = /\b((?:class|struct)\s+[A-Za-z_]\w*\s+)([A-Z][A-Z0-9_]+)(?=\s*(?::[^:]|\{))/g;
/** A macro that opens or closes a namespace, alone on its row: the grammars take it for the type of what follows. */
const macroAlone = /^_*[A-Z][A-Z0-9]*_[A-Z0-9_]+[ \t]*$(?=\n\s*(?:\n|struct\b|class\b|union\b|enum\b|namespace\b|template\b|typedef\b|extern\b|using\b|#|\/[/*]|$(?![\s\S])))/gm;
/** A macro in front of a function's type or behind its parameters: `FMT_API std::string name() FMT_NOEXCEPT {`. The grammars take the first for the type and the last for the name. */
const macroOfFunction = /^([ \t]*(?:(?:static|inline|extern|virtual|constexpr|explicit|friend)[ \t]+)*)([A-Z][A-Z0-9]*_[A-Z0-9_]+(?:\([^()\n]{0,80}\))?)(?=[ \t]+(?:(?!return\b|else\b|case\b)[A-Za-z_][\w:]*(?:<(?:[^<>;{}()\n]|<[^<>;{}()\n]{0,100}>){0,100}>)?[ \t*&]+){1,4}(?!(?:if|for|while|switch|catch)\b)~?[A-Za-z_][\w:]*[ \t]*\()/gm;
const macroAfterParameters = /(\)[ \t]*(?:const[ \t]*)?)([A-Z][A-Z0-9]*_[A-Z0-9_]+(?:\((?:[^()\n]|\([^()\n]{0,80}\)){0,80}\))?)(?=\s*(?:(?:override|final)\s*)?[{;])/g;
const withoutMacros = (source: string): string =>
  [macroOfFunction, macroAfterParameters, macroBefore, macroBehind].reduce((text, pattern) => text.replace(pattern, (_, before: string, macros: string) => before + blanked(macros)), source.replace(macroAlone, blanked));
const isMacro = (name: string): boolean => /^[A-Z][A-Z0-9_]*$/.test(name);
/** What the grammar takes for one thing and the preprocessor for another: `TEST(Suite, name) {`, and `__init start(void) {`, where the name seems to be the type. */
function macroDefinition(node: Node): Definition | undefined {
  const [type, declarator] = [nameText(field(node, "type")), field(node, "declarator")];
  if (declarator?.type === "parenthesized_declarator" && type !== "" && !isMacro(type) && !reserved.has(type)) return { kind: "function", names: [type] };
  const parameters = declarator && field(declarator, "parameters")?.namedChildren;
  if (type !== "" || !parameters || parameters.length === 0 || parameters.length > 2 || !isMacro(declared(declarator))) return undefined;
  const names = parameters.map((parameter) => (parameter.namedChildCount === 1 ? nameText(field(parameter, "type")) : ""));
  return names.every((name) => /^\w+$/.test(name)) ? { kind: "function", names: names.slice(-1), owner: names.slice(0, -1) } : undefined;
}
const functionLike: Rule = (node) => {
  const macro = macroDefinition(node);
  if (macro) return macro;
  const text = declared(field(node, "declarator"));
  if (!text) return { kind: "function", names: [] };
  const operator = /^(.*?)(\boperator\b.*)$/.exec(text);
  if (operator) return { kind: "function", names: [operator[2]!.trim()], owner: qualified(`${operator[1]}x`).owner };
  const { owner, name } = qualified(text.replace(/<[^<>]*>$/, ""));
  return { kind: "function", names: [name], owner };
};
const taggedType: Rule = (node) => {
  const name = nameText(field(node, "name")).replace(/<.*$/, "");
  return field(node, "body") ? { kind: node.type === "class_specifier" ? "class" : "type", names: name ? [name] : [], ...(node.type === "enum_specifier" ? undefined : { holds: "members" as const }) } : undefined;
};
/** Whether the grammar ended a statement where there is no semicolon, in front of such a node. */
const endsBefore = (node: Node, type: string): boolean => node.lastChild?.isMissing === true && node.nextNamedSibling?.type === type;
function isInFunction(node: Node): boolean {
  for (let at = node.parent; at; at = at.parent) if (at.type === "compound_statement") return true;
  return false;
}
/** `SYSCALL_DEFINE3(read, …) {`, `TEST_CASE("parses") {`: a call to the grammar, and a block behind it. */
const macroCall: Rule = (node) => {
  const call = node.type === "expression_statement" && childOf(node, "call_expression");
  if (!call || !endsBefore(node, "compound_statement") || !isMacro(nameText(field(call, "function"))) || isInFunction(node)) return undefined;
  const given = field(call, "arguments")?.namedChildren ?? [];
  const title = given.find(({ type }) => type === "string_literal");
  if (title) return { kind: "function", names: [], scope: nameText(title).replace(/"/g, "") };
  return { kind: "function", names: given[0]?.type === "identifier" ? [given[0].text] : [] };
};
const cDeclaration: Rule = (node, find) => {
  const type = field(node, "type");
  const tagged = type && find(type);
  const names = node.childrenForFieldName("declarator").map((d) => declared(d)).filter((n) => n !== "");
  if (tagged && type) return { ...tagged, names: [...tagged.names, ...names], inner: type };
  const isFunction = node.childrenForFieldName("declarator").some((d) => /function_declarator/.test(d.type) || d.namedChildren.some((c) => c.type === "function_declarator"));
  // `JNIEXPORT jint` and `static int __init` are the beginning of the function behind them.
  if (!isFunction && endsBefore(node, "function_definition")) return undefined;
  return names.length > 0 ? { kind: isFunction ? "function" : "block", names: names.map((n) => qualified(n).name), owner: qualified(names[0]!).owner } : undefined;
};
/** `#define CART_H` right below `#ifndef CART_H`, in front of all else, says nothing of what the file is about. */
const isIncludeGuard = (node: Node): boolean =>
  node.parent?.type === "preproc_ifdef" && node.parent.parent?.type === "translation_unit" && !field(node, "value") && node.nextNamedSibling !== null && nameText(field(node.parent, "name")) === nameText(field(node, "name"));
const cDefinitions: Record<string, Rule> = {
  function_definition: functionLike,
  declaration: cDeclaration,
  struct_specifier: taggedType,
  union_specifier: taggedType,
  enum_specifier: taggedType,
  type_definition: (node, find) => {
    const declaration = cDeclaration(node, find);
    return { ...declaration, kind: "type", names: [...new Set(declaration?.names)] };
  },
  preproc_def: (node) => (isIncludeGuard(node) ? undefined : define("block")(node)),
  preproc_function_def: define("function"),
  preproc_if: openScope,
  preproc_ifdef: openScope,
  linkage_specification: openScope,
};
export const c: Syntax = {
  readAs: withoutMacros,
  definitions: cDefinitions,
  bodies: set("translation_unit compound_statement field_declaration_list declaration_list preproc_else preproc_elif"),
  comments: set("comment"),
  disguised: macroCall,
  continues: (node) => node.type === "compound_statement" && node.previousNamedSibling !== null && macroCall(node.previousNamedSibling, () => undefined) !== undefined,
  imports: set("preproc_include"),
};
export const cpp: Syntax = {
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

export const zig: Syntax = {
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

export const solidity: Syntax = {
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


// Haskell ------------------------------------------------------------------------------------------------------------------

const haskellValue: Rule = (node) => {
  const infix = node.namedChildren[0]?.type === "infix" ? /^\S+\s+(\S+)/.exec(nameText(node.namedChildren[0]))?.[1] : undefined;
  const name = (nameText(field(node, "name")) || infix || "").replace(/^[(`]|[)`]$/g, "");
  return { kind: "function", names: name ? [name] : [] };
};
export const haskell: Syntax = {
  // From `#else` on the grammar reads the rest of the file as one thing.
  readAs: (source) => source.replace(/^#[ \t]*(?:if|ifdef|ifndef|elif|else|endif)\b.*$/gm, blanked),
  definitions: {
    signature: haskellValue,
    function: haskellValue,
    bind: haskellValue,
    data_type: define("type"),
    newtype: define("type"),
    type_synomym: define("type"),
    type_family: define("type"),
    class: members("type"),
    instance: scope((node) => `${nameText(field(node, "name"))} ${nameText(field(node, "patterns"))}`.trim()),
  },
  bodies: set("declarations imports class_declarations instance_declarations"),
  comments: set("comment haddock"),
  groups: true,
  imports: set("import header pragma"),
};
