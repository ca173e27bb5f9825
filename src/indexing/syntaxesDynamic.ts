// Definitions in languages without declared types: JavaScript and TypeScript, Python, Ruby, Elixir, Lua, shells, PHP, CSS. Names that
// are assigned count as defined where that is how the language defines.
import type { Node } from "web-tree-sitter";
import type { ChunkKind } from "./chunk.ts";
import { bodiedScope, childOf, define, field, members, nameText, namedScope, openScope, qualified, scope, set, wrap, type Definition, type Rule, type Syntax } from "./syntax.ts";

// JavaScript and TypeScript ------------------------------------------------------------------------------------------------

const functionValues = set("arrow_function function_expression function generator_function");
const suites = /^(describe|context|suite|fdescribe|xdescribe)\b/;
const cases = /^(it|test|specify|fit|xit|bench)\b/;

/** `describe("orders", …)`, `it("gives the money back", …)`. */
function testCase(callee: string, title: Node | null | undefined, inner: Node): Definition | undefined {
  const scope = nameText(title).replace(/^["'`]|["'`]$/g, "");
  if (suites.test(callee)) return { kind: "block", names: [], scope, holds: "scope", local: true, inner };
  return cases.test(callee) ? { kind: "function", names: [], scope, inner } : undefined;
}

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
    const tested = title && ["string", "template_string"].includes(title.type) ? testCase(callee, title, expression) : undefined;
    if (tested) return tested;
    // `define(object, "ip", function ip() {`
    const given = field(expression, "arguments")?.namedChildren.find((argument) => functionValues.has(argument.type) && field(argument, "name"));
    if (given) return { kind: "function", names: [nameText(field(given, "name"))], inner: expression };
  }
  return expression?.type === "internal_module" || expression?.type === "function_expression" ? find(expression) : undefined;
};

export const script: Syntax = {
  definitions: {
    function_declaration: define("function"),
    generator_function_declaration: define("function"),
    function_signature: define("function"),
    class_declaration: members(),
    abstract_class_declaration: members(),
    method_definition: define("function"),
    abstract_method_signature: define("function"),
    method_signature: define("function"),
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
    // `declare global { … }` wraps nothing that has a name.
    ambient_declaration: (node, find) => wrap(node, find) ?? (childOf(node, "statement_block") && openScope(node)),
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

const docstring = (body: Node | null): Node | undefined => {
  const first = body?.namedChildren.find((c) => c.type !== "comment");
  const text = first?.type === "expression_statement" ? first.namedChildren[0] : first;
  return text?.type === "string" || text?.type === "concatenated_string" ? text : undefined;
};

export const python: Syntax = {
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
    if_statement: topLevel,
    try_statement: topLevel,
  },
  bodies: set("block module else_clause elif_clause except_clause finally_clause"),
  comments: set("comment"),
  groups: true,
  imports: set("import_statement import_from_statement future_import_statement"),
};

/** Around definitions of a file: `try: import x`, `if sys.platform …`, `if (!function_exists('x'))`. */
function topLevel(node: Node): Definition | undefined {
  return node.parent && node.parent.parent === null ? openScope(node) : undefined;
}

function pythonDefinition(node: Node, rest: Pick<Definition, "kind" | "holds">): Definition {
  const doc = docstring(field(node, "body"));
  return { ...rest, names: [nameText(field(node, "name"))], ...(doc && { docNode: doc }) };
}

// Ruby, Elixir, Lua, Bash, PowerShell, CSS ---------------------------------------------------------------------------------

const rubyCalls = /^(describe|context|namespace|feature|RSpec\.describe|shared_examples)$/;
export const ruby: Syntax = {
  definitions: {
    // A module with methods of its own is a mixin, which people look up; others are namespaces.
    module: (node) => (field(node, "body")?.namedChildren.some((child) => child.type === "method") ? members()(node) : namedScope(node)),
    class: members(),
    singleton_class: scope(() => "self"),
    method: define("function"),
    singleton_method: define("function"),
    alias: (node) => ({ kind: "block", names: [nameText(field(node, "name")).replace(/^:/, "")] }),
    assignment: (node, find) => {
      const left = field(node, "left");
      if (left?.type !== "constant") return undefined;
      // `Point = Struct.new(:x) do` with methods
      const inner = field(node, "right");
      return inner && find(inner)?.holds ? { kind: "class", names: [left.text], holds: "members", inner } : { kind: "block", names: [left.text] };
    },
    if: aroundMethods,
    unless: aroundMethods,
    call: (node, find) => {
      // `private def secret`, `memoize def slow`
      const method = field(node, "arguments")?.namedChildren.find(({ type }) => type === "method" || type === "singleton_method");
      const defined = method && find(method);
      if (defined) return { ...defined, inner: method };
      const block = field(node, "block");
      const callee = [nameText(field(node, "receiver")), nameText(field(node, "method"))].filter(Boolean).join(".");
      const title = field(node, "arguments")?.namedChildren[0];
      // Methods that Ruby writes itself.
      if (/^(?:attr_(?:accessor|reader|writer)|delegate|def_delegators?)$/.test(callee)) {
        const given = field(node, "arguments")?.namedChildren.filter(({ type }) => type === "simple_symbol").map(({ text }) => text.slice(1)) ?? [];
        return { kind: "function", names: given.filter((name) => !name.startsWith("@")) };
      }
      // `scope :active, -> { … }` of Rails
      if (callee === "scope" && title?.type === "simple_symbol") return { kind: "function", names: [title.text.slice(1)] };
      if (callee === "alias_method") return { kind: "block", names: [nameText(title).replace(/^:/, "")] };
      if (!block) return undefined;
      // `class_methods do`, `Struct.new(…) do`: whose methods they are is said elsewhere.
      if ([block, ...block.namedChildren].some((body) => childOf(body, "method"))) return openScope(node);
      const name = nameText(title).replace(/^["':]|["']$/g, "");
      if (rubyCalls.test(callee)) return { kind: "block", names: [], scope: name, holds: "scope" };
      // `task :build`, `task build: :compile`, `task :build => :compile`
      if (callee === "task") return { kind: "function", names: [(title?.type === "pair" ? nameText(title.namedChildren[0]) : name).replace(/^["':]|["':]$/g, "")] };
      return callee === "it" || callee === "test" ? { kind: "function", names: [], scope: name } : undefined;
    },
  },
  bodies: set("body_statement program do_block block then else elsif"),
  comments: set("comment"),
};

/** As `topLevel`, also in a class or module. */
function aroundMethods(node: Node): Definition | undefined {
  const isInClass = /^(class|module|singleton_class)$/.test(node.parent?.parent?.type ?? "");
  return isInClass && node.descendantsOfType(["method", "singleton_method"]).length > 0 ? openScope(node) : topLevel(node);
}

type Head = Pick<Definition, "kind" | "holds">;
const elixirHeads = new Map<string, Head>([
  ["defmodule", { kind: "class", holds: "members" }],
  ["defprotocol", { kind: "type", holds: "members" }],
  ...["defimpl", "describe"].map((head): [string, Head] => [head, { kind: "block", holds: "scope" }]),
  ...["def", "defp", "defmacro", "defmacrop", "defguard", "defdelegate", "test"].map((head): [string, Head] => [head, { kind: "function" }]),
]);
const elixirAttribute = (node: Node): string => (node.type === "unary_operator" ? nameText(field(field(node, "operand") ?? node, "target")) : "");
const elixirName = (node: Node | undefined): string => {
  let first = node;
  while (first && (first.type === "binary_operator" || first.type === "call")) first = field(first, first.type === "call" ? "target" : "left") ?? undefined;
  return nameText(first);
};
export const elixir: Syntax = {
  definitions: {
    unary_operator: (node) => {
      const keyword = elixirAttribute(node);
      if (!/^(type|typep|opaque|callback|macrocallback)$/.test(keyword)) return undefined;
      const name = elixirName(childOf(field(node, "operand")!, "arguments")?.namedChildren[0]);
      // `t` is what every module calls its own type.
      return { kind: keyword.endsWith("callback") ? "function" : "type", names: name && name !== "t" ? [name] : [] };
    },
    call: (node) => {
      const keyword = nameText(field(node, "target"));
      const head = elixirHeads.get(keyword);
      if (!head) return undefined;
      const first = childOf(node, "arguments")?.namedChildren[0];
      if (first?.type === "string") return { ...head, names: [], scope: nameText(first).replace(/"/g, "") };
      const name = elixirName(first);
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

export const lua: Syntax = {
  definitions: {
    function_declaration: (node) => luaNamed(nameText(field(node, "name")), "function"),
    variable_declaration: (node) => {
      const assigned = childOf(node, "assignment_statement");
      return assigned && luaAssignment(assigned, true);
    },
    assignment_statement: (node) => luaAssignment(node, false),
    field: (node) => (field(node, "value")?.type === "function_definition" ? { kind: "function", names: [nameText(field(node, "name"))] } : undefined),
    // Busted's suites and cases
    function_call: (node) => {
      const [title, body] = childOf(node, "arguments")?.namedChildren ?? [];
      return title?.type === "string" && body?.type === "function_definition" ? testCase(nameText(field(node, "name")), title, body) : undefined;
    },
    if_statement: topLevel,
    do_statement: topLevel,
  },
  bodies: set("block chunk table_constructor else_statement elseif_statement"),
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

export const bash: Syntax = {
  // zsh takes `groot() { cd $root }`; to the grammar, as to bash, the bracket is an argument and the function never ends.
  readAs: (source) => source.replace(/^([ \t]*(?:function[ \t]+[\w:.-]+(?:[ \t]*\(\))?|[\w:.-]+[ \t]*\(\))[ \t]*\{[^\n]{0,300}[^;&\s{])[ \t](?=\}[ \t]*(?:#.*)?$)/gm, "$1;"),
  definitions: {
    function_definition: define("function"),
    variable_assignment: define("block"),
    declaration_command: (node) => {
      const names = node.namedChildren.map((c) => nameText(c.type === "variable_assignment" ? field(c, "name") : undefined)).filter(Boolean);
      return names.length > 0 ? { kind: "block", names } : undefined;
    },
    if_statement: topLevel,
  },
  bodies: set("compound_statement program do_group elif_clause else_clause"),
  comments: set("comment"),
};

export const powershell: Syntax = {
  definitions: {
    function_statement: (node) => ({ kind: "function", names: [nameText(childOf(node, "function_name")).replace(/^(global|script|local|private):/i, "")] }),
    class_statement: (node) => ({ kind: "class", names: [nameText(childOf(node, "simple_name"))], holds: "members" }),
    enum_statement: (node) => ({ kind: "type", names: [nameText(childOf(node, "simple_name"))] }),
    class_method_definition: (node) => ({ kind: "function", names: [nameText(childOf(node, "simple_name"))] }),
  },
  bodies: set("script_block script_block_body named_block_list named_block statement_list statement_block program"),
  comments: set("comment"),
};

/** The class or id that each selector of a list ends with: `title` and `card` of `.card .title:hover, h2.card`. */
function styled(selectors: string): string[] {
  const last = selectors.slice(0, 2_000).replace(/\([^()]*\)/g, "").split(",").map((selector) => [...selector.matchAll(/[.#](-?[A-Za-z_][\w-]*)/g)].at(-1)?.[1] ?? "");
  return [...new Set(last)].filter((name) => name !== "");
}

export const css: Syntax = {
  definitions: {
    rule_set: (node) => ({ kind: "block", names: styled(childOf(node, "selectors")?.text ?? "") }),
    keyframes_statement: (node) => ({ kind: "block", names: [nameText(childOf(node, "keyframes_name"))].filter(Boolean) }),
    media_statement: openScope,
    supports_statement: openScope,
  },
  bodies: set("stylesheet block keyframe_block_list"),
  comments: set("comment"),
  imports: set("import_statement charset_statement"),
};


// PHP ----------------------------------------------------------------------------------------------------------------------

export const php: Syntax = {
  definitions: {
    namespace_definition: bodiedScope,
    class_declaration: members(),
    interface_declaration: members("type"),
    trait_declaration: members(),
    enum_declaration: members("type"),
    function_definition: define("function"),
    method_declaration: define("function"),
    const_declaration: (node) => ({ kind: "block", names: node.namedChildren.filter((c) => c.type === "const_element").map((c) => nameText(c.namedChildren[0])) }),
    // Pest's suites and cases
    expression_statement: (node) => {
      const call = childOf(node, "function_call_expression");
      const [title, body] = field(call ?? node, "arguments")?.namedChildren.map((argument) => argument.namedChildren[0]) ?? [];
      return call && title && /string/.test(title.type) && body ? testCase(nameText(field(call, "function")), title, body) : undefined;
    },
    // A file that is one class without a name, as Laravel's migrations are.
    return_statement: (node) => {
      const inner = childOf(childOf(node, "object_creation_expression") ?? node, "anonymous_class");
      return inner && { kind: "class", names: [], holds: "members", inner };
    },
    if_statement: topLevel,
  },
  bodies: set("declaration_list enum_declaration_list compound_statement program colon_block else_clause else_if_clause"),
  comments: set("comment"),
  opensScope: (node) => (node.type === "namespace_definition" && !field(node, "body") ? nameText(field(node, "name")) : undefined),
  imports: set("namespace_use_declaration php_tag"),
};
