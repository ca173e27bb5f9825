// How code that has no grammar here writes definitions and comments, row by row: what the scanner looks for. A wrong name misleads and a missing one
// hides, so each language that is not read well by the common habits has its own. `test/quality/names.ts` compares with what ctags finds.
import type { LanguageId } from "./languages.ts";

/** What a row defines. */
export interface Defined {
  /** "" for what only holds others: `private:`, the types of a unit. */
  readonly name: string;
  /** What stands in front of the name where it is defined: `TCart` of `procedure TCart.Add`, from the outside in. */
  readonly owner: readonly string[];
  /** What stands deeper below the row are definitions again, as in a class; in a function they are its own business. */
  readonly holds: boolean;
  /** What it is one of, where that is as often looked for as the name: a resource of Terraform is called `main` or `this`. */
  readonly type?: string;
}

export interface Habits {
  /** @param row its beginning: the time of some patterns grows with the square of its length */
  readonly definedBy: (row: string) => Defined | undefined;
  /** Whether a row is a comment, or an attribute of what follows. */
  readonly isComment: (row: string) => boolean;
  /** What a row begins with that opens a comment of several rows, and what closes it. */
  readonly longComments: LongComments;
  /** Opens and closes the quoted body of what is defined in front of it: the rows between may stand as far out as they like. */
  readonly quotesBody: RegExp | undefined;
  /** The row that defines what the rows below are members of, and the one that ends that; no indentation says it. */
  readonly around: readonly [opener: RegExp, closer: RegExp] | undefined;
}

type LongComments = readonly (readonly [opener: string, closer: string])[];

/** Each pattern has a group `name`, or `holder` for what holds other definitions, and perhaps `type` for what it is one of. The first that matches counts. */
type Patterns = readonly RegExp[];

/** What is special about a language. */
interface Own {
  readonly defines: Patterns;
  /** Where a comment begins with something else. */
  readonly comment?: RegExp;
  readonly longComments?: LongComments;
  /** What joins a name to its owner; where nothing does, such signs are a part of names, as in `print.default` of R and `list->string` of Lisp. */
  readonly joint?: RegExp;
  readonly quotesBody?: RegExp;
  readonly around?: Habits["around"];
  /** Says `package A is`, which elsewhere is prose. */
  readonly saysIs?: true;
}

const comment = /^\s*(\/\/|#(?!include|define|if|endif)|--|\/\*|\*|;|%|"""|\(\*|@(?!(?:implementation|interface|protocol|mixin|function)\b)\w+|\[\w+.*\]\s*$)/;

// What most languages share -------------------------------------------------------------------------------------------------

const modifiers = "(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub(?:\\([^)]*\\))?|local|open|override|inline|virtual|extern|unsafe|declare|sealed|partial|pure|recursive|data|value|annotation|inner)\\s+)*";
const quoted = "[(\"'`]?";
const spelling = "[\\w$.:~!?-]*[\\w$!?]";
/** Prose behind a word that else defines something: "function will", "type of". A name of one of these words stands alone or begins with a capital. */
const prose = "(?:all|ALL|an?|and|are|as|by|can|does|for|has|in|is|it|its|may|must|of|on|or|perhaps|that|the|this|to|under|was|which|will|with)\\s+\\w";
const notProse = `(?!${prose})`;
/** Rows of long comments begin with any word. */
const isProse = new RegExp(`^\\s*(?:class|struct|structure|interface|module|type|enum|service|message|function|procedure|subroutine|package|method|macro|record|trait|union|template|object|namespace|program|protocol|task|instance|exception|operator|theorem|lemma|Definition|Theorem|Lemma|Section|Instance)\\s+${prose}`);
const callable = /^(?!\s*(?:if|for|while|switch|catch|else|return|do|with|foreach|els?e?if|unless|until|function)\b)[\w$*&:<>,\s~[\]]*?(?<![\w$~])(?<name>[\w$~]+)\s*\([^;]*\)[^;=]*\{\s*$/;
/** But for the one that guards a header, `CART_H`. */
const macro = /^\s*#\s*define\s+(?!\w+_H(?:H|PP|XX)?_*\s*$)(?<name>\w+)/;

const common: Patterns = [
  new RegExp(`^\\s*${modifiers}(?:fun\\s+)?(?:defmodule|class|struct|interface|trait|enum|module|package|namespace|message|service|object|protocol|contract|library|extension|union|role|record)\\s+(?:(?:class|interface|struct|object)\\s+)?${quoted}${notProse}(?<holder>${spelling})`),
  new RegExp(`^\\s*${modifiers}(?:function[*!]?|def|defp|func!?|fun|fn|sub|proc|type|typedef|rpc|macro|procedure|subroutine|task|let rec|defun|defmacro|defn)\\s+${quoted}${notProse}(?<name>${spelling})`),
  macro,
  // GraphQL and its like; what else is a name in front of a brace.
  /^\s*(?:model|input|query|mutation|subscription|fragment|generator|datasource)\s+(?<name>\w+)[^{}]*\{\s*$/,
  /^\s*(?<name>[\w.]+)\s*(?:<-|=)\s*function\b/,
  /^\s*let\s+(?:rec\s+)?(?<name>\w+)/,
  callable,
];

// Languages with habits of their own ----------------------------------------------------------------------------------------

/** What is defined under a condition is defined all the same. */
const inside = /^\s*(?<holder>)(?:if|elseif|else|foreach)\b/;
const lisp: Patterns = [
  /^\s*\((?:define-module|define-library|library)\s+\((?<name>[^()]+)\)?/,
  /^\s*\((?:[\w-]+:)?(?:cl-)?(?!define-key\b)(?:ns|module|struct|library|def(?!ault)[\w*/!+-]*)\s+\(*(?:\^(?:\{[^}]*\}|[^\s{]\S*)\s+)*'?(?<name>[^\s(){}[\]"'^]+)/,
];
/** C where it stands among something else: prototypes too, and GNU's way of a row for the name alone. */
const cFunctions: Patterns = [
  macro,
  /^\s*typedef\s+(?:NS_\w+|CF_\w+)\s*\(\s*[\w ]+,\s*(?<name>\w+)/,
  /^\s*(?:typedef\s+)?(?:struct|enum|union)\s+(?<name>\w+)\s*(?:\{.*)?$/,
  /^\s*typedef\b(?:[^;]*\(\s*[*^]\s*(?<name>\w+)\s*\)[^;]*|[^;(]*\b(?<alias>\w+));/,
  /^(?!(?:if|for|while|switch|else|return|do|case|goto)\b)(?:[A-Za-z_][\w<>,]*[\s*]+)+(?<name>[A-Za-z_]\w*)\s*\((?![*^])[^={}]*(?:\{.*)?$/,
  /^(?!(?:if|for|while|switch|return)\b)(?<name>[A-Za-z_]\w*)\s*\((?:\s*\)|[^;]*[\s*][^;]*)$/,
];
const classesAndMethods: Patterns = [
  /^\s*(?:(?:@\w+(?:\([^)]*\))?|public|private|protected|global|static|final|abstract|virtual|sealed|(?:with|without|inherited)\s+sharing)\s+)*(?:class|interface|enum|trait|@interface|record)\s+(?<holder>\w+)/i,
  /^\s*trigger\s+(?<name>\w+)\s+on\b/,
  // In front of the name stands a type: `from zipTree(x)` and `implementation project(x)` call.
  /^\s*(?!(?:if|else|for|while|switch|case|return|do|catch|import|assert|throw|new|package)\b)(?:[\w@.<>,?[\]]+(?:\([^)]*\))?\s+)*(?:(?:def|void|bool(?:ean)?|byte|char|short|int(?:eger)?|long|float|double|decimal|string|object|id|date|public|private|protected|global|static|final|abstract|override|virtual|synchronized)(?:\[\])*|[\w.]*[A-Z][\w.<>,?[\]]*|[?>]+)\s+(?<name>\w+|'[^']+'|"[^"]+")\s*\([^;]*\)?[^;=]*\{?\s*$/,
];
const styles: Patterns = [/^\s*(?:&|[a-z][\w-]*)?[.#](?<holder>[A-Za-z_][\w-]*)[^;{]*[,{]\s*$/, /^\s*@(?:mixin|function|include(?=\s+\w+\s*\{))\s+(?<name>[\w-]+)/, /^\s*(?<name>%[\w-]+)\s*\{/, /^\s*(?<name>[\w-]+)\s*\([^)]*\)\s*$/];
const elm: Patterns = [
  /^(?:port\s+)?(?:effect\s+)?module\s+(?<name>[\w.]+)/,
  /^(?:type\s+alias|type|newtype|data|class)\s+(?:\([^)]*\)\s*<=\s*)?(?<name>[A-Z]\w*)/,
  /^(?:port\s+|foreign\s+import\s+)?(?!(?:import|infix[lr]?|module|else|then|in|of)\b)(?<name>[a-z_][\w']*)(?:\s+::?(?!:)|(?:\s+[^=:]*|\s*)=(?!=))/,
];

const usualLongComments: LongComments = [["/*", "*/"]];
const inMl: LongComments = [["(*", "*)"]];
const inElm: LongComments = [["{-", "-}"]];

const own: Partial<Record<LanguageId, Own>> = {
  ada: {
    defines: [
      /^\s*(?:private\s+)?(?:package|task|protected)\s+(?:body\s+|type\s+)?(?<holder>[\w.]+)/i,
      /^\s*(?:(?:not\s+)?overriding\s+)?(?:procedure|function|entry)\s+"?(?<name>[\w.]+|[^"\s]+(?="))/i,
      /^\s*(?:type|subtype)\s+(?<name>\w+)/i,
      /^(?<holder>)private\s*$/i,
    ],
    joint: /\./,
    saysIs: true,
  },
  antlr: {
    defines: [
      /^\s*(?:(?:lexer|parser|tree|combined)\s+)?grammar\s+(?<name>\w+)/,
      /^\s*class\s+(?<name>\w+)\s+extends\s+\w+\s*;/,
      /^\s*mode\s+(?<name>\w+)\s*;/,
      // A rule's name may have a row for itself.
      /^(?:(?:fragment|protected|private|public)\s+)?(?!(?:options|tokens|channels|import|fragment|catch|finally|throws|locals|returns|scope|init)\b)(?<name>[A-Za-z_]\w*)\s*!?\s*(?:\[[^\]]*\]\s*)?(?:(?:returns|locals|options)\s*[[{][^\]}]*[\]}]\s*)*(?::(?![:=])|$)/,
    ],
  },
  apex: { defines: classesAndMethods },
  assembly: {
    defines: [
      /^\s*[.%](?:macro|imacro|struc)\s+(?<name>[\w$.]+)/i,
      /^\s*(?:ENTRY|SYM_\w*START\w*|FUNC|PROC|EXPORT)\s*\(\s*(?<name>\w+)/,
      /^(?<name>[A-Za-z_]\w*)\s+(?:proc|macro|struc)\b/i,
      /^\s*[%#]\s*(?:i?x?define)\s+(?<name>\w+)/,
      /^(?<name>[A-Za-z_$][\w$.@]*):/,
    ],
  },
  awk: { defines: [/^\s*func(?:tion)?\s+(?<name>\w+)/] },
  batch: {
    defines: [/^\s*:(?!:)(?<name>[\w.-]+)/],
    comment: /^\s*(?:@?rem\b|::)/i,
  },
  bitbake: { defines: [/^\s*(?:(?:fakeroot|python)\s+)*(?<name>[a-z_]\w*)(?::[\w:-]+)?\s*\(\)\s*\{/, /^def\s+(?<name>\w+)/, /^addtask\s+(?<name>\w+)/] },
  bicep: { defines: [/^\s*(?:resource|module|param|output|var|func|type)\s+(?<name>\w+)/] },
  cabal: { defines: [/^(?:executable|test-suite|benchmark|library|flag|foreign-library|common)\s+(?<name>[\w-]+)/i, /^name:\s*(?<name>[\w-]+)/i] },
  clojure: { defines: lisp },
  cmake: { defines: [inside, /^\s*(?:function|macro|project|option|cmake_dependent_option|add_executable|add_library|add_custom_target)\s*\(\s*(?<name>[a-z_][\w.:-]*)(?:\s|\)|$)/i, /^\s*set\s*\(\s*(?<name>[a-z_]\w*)\s.*\bCACHE\s+[A-Z]+\b/i] },
  cobol: {
    defines: [/^.{0,7}\s*program-id\.\s*(?<name>[\w-]+)/i, /^.{0,7}(?!\S*(?:end|exit)\b|(?:(?:working|local)-storage|linkage|file|screen|report|communication|configuration|input-output)\s+section\b)(?<name>[A-Z0-9][\w-]*)(?:\s+section)?\.\s*$/i],
    comment: /^(?:.{6}[*/]|\s*\*>)/,
  },
  coffeescript: { defines: [/^\s*class\s+(?<holder>[\w.@]+)/, /^\s*(?<name>[\w.@$]+)\s*[=:]\s*(?:\([^)]*\)\s*)?[-=]>/] },
  coq: {
    defines: [
      /^\s*Module\s+(?:Type\s+|Import\s+|Export\s+)?(?<holder>\w+)/,
      /^\s*(?:#\[[^\]]*\]\s*)?(?:(?:Local|Global|Polymorphic|Program|Private)\s+)*(?:Theorem|Lemma|Corollary|Proposition|Fact|Remark|Definition|Fixpoint|CoFixpoint|Inductive|CoInductive|Variant|Record|Structure|Class|Instance|Example|Axiom|Parameter|Function|Ltac2?|Section)\s+(?<name>[\p{L}_][\p{L}\p{N}_']*)/u,
    ],
    longComments: inMl,
  },
  crystal: {
    defines: [
      /^\s*(?:(?:private|protected|abstract)\s+)*(?:class|module|struct|enum|lib|annotation|union)\s+(?<holder>[\w:]+)/,
      /^\s*(?:(?:private|protected|abstract)\s+)*(?:def|macro|fun)\s+(?:self\.)?(?<name>[\w]+[?!=]?|[^\s(\w]+)/,
      /^\s*(?:alias|record)\s+(?<name>\w+)/,
    ],
    joint: /::/,
  },
  cue: { defines: [/^\s*(?<name>#\w+)\s*:/, /^(?<name>[A-Za-z_]\w*)\s*:\s*(?:\{|\[|#)/, /^package\s+(?<name>\w+)/] },
  devicetree: {
    defines: [/^\s*(?:(?<holder>[A-Za-z_]\w*)\s*:\s*)(?:[\w,.+-]+(?:@[\w,]+)?|&\w+)\s*\{/, /^\s*(?<holder>[A-Za-z][\w,.+-]*)(?:@[\w,]+)?\s*\{/, /^&\{?(?<holder>[\w/@-]+)\}?\s*\{/, /^(?<holder>)\/\s*\{/, macro],
    comment: /^\s*(?:\/\/|\/\*|\*)/,
  },
  d: {
    defines: [
      /^\s*(?:else\s+)?(?<holder>)(?:version|static\s+if|debug|extern|private|public|protected|package|@\w+)\s*(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?\s*(?:\{|$|:|\/[/*])/,
      /^\s*(?:(?:private|public|protected|package|static|immutable)\s+)*enum\s+[\w.]+(?:\[\w*\]|\*)*\s+(?<name>\w+)\s*=/,
      new RegExp(`^\\s*(?:(?:@\\w+(?:\\([^)]*\\))?|(?:align|deprecated|extern)(?:\\s*\\([^)]*\\))?|private|public|protected|package|export|static|final|abstract|synchronized|shared|const|immutable)\\s+)*(?:class|struct|interface|union|enum|template|mixin\\s+template|module)\\s+${notProse}(?<holder>[\\w.]+)`),
      /^\s*(?:[@\w]+\s+)*alias\s+(?<name>\w+)\s*(?:\([^)]*\))?\s*=/,
      /^\s*(?!(?:if|else|for|foreach|foreach_reverse|while|switch|case|return|do|with|catch|import|assert|throw|mixin|new|delete|goto|alias|debug)\b)(?:[\w@.![\]]+(?:\s*\([^()]*\))?[\s*]+)+(?<name>(?!(?:if|assert|this|function|delegate|switch|foreach)\b)\w+)\s*\((?:[^;{]*(?:;\s*$|\{)|(?:[^;{]*[(),])?\s*(?:(?:const|inout|pure|nothrow|return|scope|shared|immutable|@\w+)\s*)*(?:\/[/*].*)?$)/,
    ],
    comment: /^\s*(?:\/[/*+]|\*|#|@\w+\s*$)/,
    longComments: [...usualLongComments, ["/+", "+/"]],
    joint: /\./,
  },
  erlang: { defines: [/^(?:-(?:module|record|define|type|opaque|callback|spec)\b[\s(]*)?'?(?<name>[a-zA-Z][\w@]*)'?\s*[(,)]/] },
  fish: { defines: [/^\s*function\s+(?<name>[^\s;]+)/] },
  fortran: {
    defines: [
      /^\s*(?:submodule\s*\([^)]*\)|module(?!\s+(?:procedure|subroutine|function)\b)|program)\s+(?<holder>\w+)/i,
      /^\s*(?:(?:recursive|pure|elemental|impure|module|integer|real|double\s+precision|complex|logical|character|type(?=\s*\()|class(?=\s*\())\s*(?:(?:\*\s*\d+|\([^)]*\))\s*)?)*(?:subroutine|function|procedure(?!\s*\())\s+(?!::)(?<name>\w+)/i,
      /^\s*(?:block\s*data|interface|entry)\s+(?<name>\w+)/i,
      /^\s*type\s*(?:,[^:]*::|::|\s)\s*(?!is\b)(?<name>\w+)\s*$/i,
    ],
    // Fixed form: a row that goes on from the one above has a mark in its sixth column, and labels stand in front.
    comment: /^(?:[*c](?:\s|$|[*>-])|\s*[!#]|\s*contains\s*$| {5}[$&*+.\d>|:#-]|\s{0,4}\d+\s)/i,
  },
  fsharp: {
    defines: [
      /^\s*(?:module|namespace)\s+(?:(?:rec|private|internal|public)\s+)*(?<holder>[\w.]+)/,
      /^\s*(?:type|and)\s+(?:(?:private|internal|public)\s+)*(?:\[<[^>]*>\]\s*)?(?<holder>[A-Z]\w*)/,
      /^\s*(?:(?:static|abstract|default|override|member|val|mutable|inline|private|internal|public)\s+)+(?:\w+\.)?(?<name>\w+|``[^`]+``)/,
      /^\s*(?:let|and)\s+(?:(?:rec|inline|private|internal|mutable)\s+)*(?:\(\|)?(?<name>[A-Za-z_][\w']*|``[^`]+``)/,
      /^\s*exception\s+(?<name>\w+)/,
    ],
    longComments: inMl,
    joint: /\./,
  },
  gdscript: {
    defines: [
      /^class_name\s+(?<name>\w+)/,
      /^\s*class\s+(?<holder>\w+)/,
      /^\s*(?:static\s+)?func\s+(?<name>\w+)/,
      /^\s*(?:signal|enum|const)\s+(?<name>\w+)/,
      /^(?:@\w+(?:\([^)]*\))?\s+)*(?:static\s+)?var\s+(?<name>\w+)/,
    ],
    comment: /^\s*(?:#|@\w+(?:\([^)]*\))?\s*$)/,
  },
  gherkin: {
    defines: [/^\s*(?:Feature|Rule):\s*(?<holder>\S.*?)\s*$/, /^\s*(?:Scenario(?: Outline| Template)?|Example|Background):\s*(?<name>\S.*?)\s*$/],
    comment: /^\s*[#@]/,
    longComments: [],
    saysIs: true,
  },
  gleam: { defines: [/^\s*(?:pub\s+)?(?:opaque\s+)?(?:fn|type|const)\s+(?<name>\w+)/] },
  gn: { defines: [/^\s*(?:template|[a-z]\w*)\("(?<name>[^"$]+)"\)\s*\{/, inside, /^(?<holder>)declare_args\(\)\s*\{/, /^\s{1,8}(?<name>[a-z]\w*)\s*=(?!=)/] },
  graphql: {
    defines: [
      // What can be asked for and done: their fields are what people look for.
      /^\s*(?:extend\s+)?type\s+(?<holder>Query|Mutation|Subscription)\b/,
      /^\s*(?:extend\s+)?(?:type|interface|input|enum|union|scalar|query|mutation|subscription|fragment)\s+(?!on\b)(?<name>\w+)/,
      /^\s*directive\s+@(?<name>\w+)/,
      /^\s+(?<name>\w+)\s*(?::|\([^{}()]*(?:$|\)\s*:))/,
    ],
    comment: /^\s*(?:#|")/,
    longComments: [['"""', '"""']],
  },
  groovy: { defines: [/^\s*task\s+(?<name>\w+)/, /^\s*(?:project\.)?tasks\.(?:register|create|named)\(?\s*['"](?<name>[\w-]+)/, /^\s*(?:process|workflow)\s+(?<name>\w+)\s*\{/, ...classesAndMethods] },
  haxe: {
    defines: [
      /^\s*(?:(?:@:?\w+(?:\([^)]*\))?|extern|private|abstract|final|enum)\s+)*(?:class|interface|enum|typedef|abstract)\s+(?<holder>\w+)/,
      /^\s*(?:(?:@:?\w+(?:\([^)]*\))?|public|private|static|inline|override|dynamic|extern|macro|final|overload|abstract)\s+)*function\s+(?<name>\w+)/,
    ],
    comment: /^\s*(?:\/\/|\/\*|\*|#|@:?\w+(?:\(.*\))?\s*$)/,
    joint: /\./,
  },
  jsonnet: { defines: [/^\s*(?:local\s+)?(?<name>\w+)\s*(?:\([^)]*\))\s*(?:=|::?:?)/, /^\s*local\s+(?<name>\w+)\s*=/] },
  julia: {
    defines: [
      /^\s*(?:module|baremodule)\s+(?<holder>\w+)/,
      /^\s*(?:@\w+\s+)*(?:function|macro)\s+(?:\w+\.)*(?<name>[\p{L}_][\p{L}\p{N}_!]*)/u,
      /^\s*(?:mutable\s+struct|struct|abstract\s+type|primitive\s+type)\s+(?<name>\w+)/,
      /^\s*const\s+(?<name>\w+)/,
      /^\s*@testset\s+(?:\w+(?:\s*=\s*\w+)?\s+)*"(?<name>[^"]+)"/,
      /^\s*(?:@\w+\s+)*(?:\w+\.)*(?<name>[\p{L}_][\p{L}\p{N}_!]*)(?:\{[^}]*\})?\((?:[^()=]|\([^()]*\)|=(?!=))*\)(?:::[\w{}.,]+)?(?:\s+where\s+[^=]+)?\s*=(?!=)/u,
    ],
  },
  just: { defines: [/^@?(?<name>[\w-]+)(?:\s+[^:]*)?:(?!=)/] },
  lean: { defines: [/^\s*(?:(?:private|protected|noncomputable|partial|unsafe|@\[[^\]]*\])\s+)*(?:def|theorem|lemma|structure|class|inductive|instance|abbrev|axiom|opaque|namespace|macro|syntax)\s+(?<name>[^\s:({[]+)/] },
  lisp: { defines: lisp },
  make: { defines: [/^\s*define\s+(?<name>[\w-]+)/, /^(?!\.[A-Z])(?<name>[\w./-]+)(?:\s+[\w./-]+)*\s*::?(?![:=])/] },
  matlab: {
    defines: [
      /^\s*classdef\s*(?:\([^)]*\)\s*)?(?<holder>\w+)/,
      /^\s*(?<holder>)(?:methods|properties|events|enumeration)\b\s*(?:\([^)]*\)\s*)?$/,
      /^\s*function\s+(?:(?:\[[^\]]*\]|\w+)\s*=\s*)?(?<name>[\w.]+)/,
    ],
  },
  m4: { defines: [/^\s*(?:AC_DEFUN(?:_ONCE)?|AU_DEFUN|m4_define|m4_defun|define|AC_ARG_(?:WITH|ENABLE))\(\s*\[?`?(?<name>\w[\w-]*)/] },
  meson: { defines: [inside, /^\s*(?<name>\w+)\s*=\s*(?:executable|library|shared_library|static_library|custom_target|dependency|declare_dependency)\s*\(/, /^\s*(?:executable|library|shared_library|static_library|custom_target|test|project)\s*\(\s*'(?<name>[^']+)/] },
  nim: {
    defines: [
      /^\s*(?<holder>)type\s*$/,
      /^\s*(?:proc|func|method|iterator|macro|template|converter)\s+`?(?<name>[^\s*(`[{=:]+)/,
      /^\s*(?:type\s+)?(?<name>[A-Za-z]\w*)\*?(?:\[[^\]]*\])?\s*(?:\{\..*?\.\})?\s*=\s*(?:ref\s+|ptr\s+)?(?:object|enum|tuple|distinct|concept|proc|set|array|seq)\b/,
    ],
  },
  nix: { defines: [/^\s*(?<name>[\w'-]+)\s*=\s*(?:[\w']+\s*:|\{[^}]*\}\s*:|(?:\w+\.)*(?:mk\w+|callPackage|writeShell\w+)\b)/] },
  "objective-c": {
    defines: [
      /^\s*@(?:implementation|interface|protocol)\s+(?<name>\w+)(?!.*;\s*$)/,
      /^\s*[-+]\s*(?:\([^;=]*?\)+\s*)?(?<name>[A-Za-z_]\w*)/,
      ...cFunctions,
    ],
    around: [/^@(?:implementation|interface|protocol)\s+\w+(?!.*;\s*$)/, /^@end\b/],
  },
  ocaml: {
    defines: [
      /^\s*(?:module|and)\s+(?:rec\s+)?(?:type\s+)?(?<holder>[A-Z]\w*)/,
      /^\s*(?:class|and)\s+(?:type\s+)?(?:virtual\s+)?(?:\[\s*[+-]?'[^\]]*\]\s*)(?<holder>[a-z_]\w*)/,
      /^\s*class\s+(?:type\s+)?(?:virtual\s+)?(?<holder>[a-z_]\w*)/,
      /^\s*(?:type|and)\s+(?:nonrec\s+)?(?:\([^)]*\)\s*|[+-]?!?'\w+\s+|[+-]?!?_\s+)*(?!(?:open|module|exception)\b)(?<name>[a-z_][\w'.]*)\s*(?:=|:=|$|\+=|\[@@|constraint\b|\/\/)/,
      new RegExp(`^\\s*(?:let|and)(?:%\\w+)?\\s+(?:rec\\s+)?(?:\\[@[^\\]]*\\]\\s*)?(?!(?:open|module|exception|rec)\\b|_\\s)(?<!and\\s+(?=${prose}))(?<name>[a-z_][\\w']*|\\(\\s*[^\\s)\\w]+\\s*\\))`),
      /^\s*exception\s+(?<name>[A-Z]\w*)/,
      /^\s*external\s+(?<name>[a-z_]\w*|\(\s*[^\s)]+\s*\))/,
      /^\s*(?:val|method)!?\s+(?:(?:mutable|virtual|private)\s+)*(?<name>[a-z_][\w']*|\(\s*[^\s)]+\s*\))/,
    ],
    longComments: inMl,
  },
  odin: { defines: [/^\s*(?<name>\w+)\s*::\s*(?:#\w+\s+)*(?:proc|struct|enum|union|distinct|bit_set)\b/] },
  pascal: {
    defines: [
      /^\s*(?:unit|program|library|package)\s+(?<holder>[\w.]+)\s*;?/i,
      /^\s*(?<holder>)(?:interface|implementation|type|(?:strict\s+)?(?:private|protected)|public|published)\s*$/i,
      /^\s*(?<holder>\w+)(?:<[^>]*>)?\s*=\s*(?:packed\s+)?(?:class(?!\s+of)|record|object|interface|dispinterface)\b/i,
      /^\s*(?:type\s+)?(?<name>T\w+)\s*=/,
      /^\s*(?:class\s+)?(?:procedure|function|constructor|destructor|operator)\s+(?<name>[\w.]+)/i,
    ],
    comment: /^\s*(?:\/\/|\{|\(\*)/,
    longComments: [["{", "}"], ...inMl],
    joint: /\./,
  },
  perl: {
    defines: [
      // Documentation stands between the code, in rows that begin with any word.
      /^\s*(?:package|class|role)\s+(?<holder>[\w:]+)(?=\s*(?:[;{:#]|v?\d|(?:extends|with|isa|does)\s+[A-Z]|$))/,
      /^\s*(?:(?:my|our|state|async)\s+)?(?:sub|method|fun)\s+(?<name>[\w:']+)(?=\s*(?:[({;:#]|$))/,
      /^\s*(?:around|before|after|override|augment)\s+\(?\s*(?:['"](?<name>\w+)|(?<plain>\w+)\s*(?:=>|,))/,
      /^\s*use\s+constant\s+(?<name>\w+)/,
      /^\s*format\s+(?<name>\w+)\s*=\s*$/,
    ],
    joint: /::/,
    around: [/^package\s+[\w:]+\s*[;v\d]/, /^__(?:END|DATA)__/],
  },
  prolog: { defines: [/^(?::-\s*module\(\s*)?(?<name>[a-z]\w*)\s*(?:\(|,|:-|-->|\.\s*$)/] },
  proto: { defines: [/^\s*(?:message|enum|service|extend|group)\s+(?<holder>[\w.]+)/, /^\s*(?:repeated|optional|required)\s+group\s+(?<holder>\w+)/, /^\s*rpc\s+(?<name>\w+)/] },
  puppet: {
    defines: [/^\s*class\s+(?<holder>[\w:]+)/, /^\s*(?:define|function|plan|type)\s+(?<name>[\w:]+)/, /^\s*node\s+["']?(?<holder>[\w.-]+)/, /^\s*(?<type>@{0,2}[a-z][\w:]*)\s*\{\s*["'](?<name>[^"'$]+)["']\s*:/],
    joint: /::/,
  },
  purescript: {
    defines: [
      /^(?:derive\s+)?(?:newtype\s+)?instance\s+(?<name>[a-z_][\w']*)\s*::/,
      /^class\s+(?:[^=]*<=\s*)?(?<name>[A-Z]\w*)/,
      ...elm.map((pattern) => new RegExp(`^(?!(?:derive|instance|class)\\b)${pattern.source}`)),
    ],
    comment: /^\s*(?:--|\{-)/,
    longComments: inElm,
  },
  elm: {
    defines: elm,
    comment: /^\s*(?:--|\{-)/,
    longComments: inElm,
  },
  qml: {
    defines: [
      /^\s*component\s+(?<holder>\w+)\s*:/,
      // An object is called by the name of its type all over the file; what tells it is its id, a row of it.
      /^\s*(?<holder>)(?:(?:[\w.]+|(?:(?:default|readonly|required)\s+)*property\s+[\w.<>]+\s+\w+)\s*:\s*)?(?:\w+\.)?[A-Z]\w*(?:\s+on\s+[\w.]+)?\s*\{/,
      /^\s*id\s*:\s*(?<name>[a-z_]\w*)/,
      /^\s*(?:(?:default|readonly|required)\s+)*property\s+[\w.<>]+\s+(?<name>\w+)/,
      /^\s*(?:signal|function|enum)\s+(?<name>\w+)/,
      /^\s*(?:[A-Z]\w*\.)?(?<name>on[A-Z]\w*)\s*:\s*(?:\{|function\b|\(|\w+\s*=>)/,
    ],
  },
  r: {
    defines: [
      /^\s*[`"']?(?<holder>[\w.]+)[`"']?\s*(?:<-|=)\s*(?:\w+::)?(?:R6Class|setRefClass|ggproto|new_class|proto)\(/,
      /^\s*(?:`(?<name>[^`]+)`|["'](?<quoted>[^"']+)["']|(?<plain>[\w.]+))\s*(?:<<?-|=)\s*(?:function\b|\\\()/,
      /^\s*set(?:Class|Generic|Method|Validity|AsMethod|ReplaceMethod)\(\s*(?:f\s*=\s*)?["'](?<name>[^"']+)["']/,
      /^\s*(?:test_that|describe|it)\(\s*["'](?<name>[^"']+)["']/,
    ],
  },
  raku: {
    defines: [/^\s*(?:unit\s+)?(?:class|role|grammar|module|package)\s+(?<holder>[\w:-]+)/, /^\s*(?:(?:multi|proto|my|our|only)\s+)*(?:sub|method|submethod|token|rule|regex)\s+!?(?<name>[\w-]+)/],
    joint: /::/,
  },
  rego: { defines: [/^package\s+(?<name>[\w.]+)/, /^(?:default\s+)?(?!(?:import|not|some|every)\b)(?<name>[a-z_]\w*)(?:\([^)]*\)|\[[^\]]*\]|\s+contains\s+\S+)?\s*(?:if\b|:?=|\{)/] },
  rescript: { defines: [/^\s*module\s+(?:type\s+)?(?<holder>\w+)/, /^\s*(?:let|and|external|type)\s+(?:rec\s+)?(?<name>[a-z_]\w*)/] },
  css: { defines: styles },
  scss: { defines: styles },
  shader: { defines: [/^\s*Shader\s+"(?<holder>[^"]+)"/, /^\s*(?<holder>)(?:SubShader|Pass|Category)\b\s*\{?\s*$/, /^\s*(?:struct|cbuffer)\s+(?<name>\w+)/, /^\s*(?:@\w+(?:\([^)]*\))?\s+)*fn\s+(?<name>\w+)/, macro, callable, /^\s*(?!(?:else|return|case)\b)(?:\w+\s+)+(?<name>\w+)\s*\([^;]*$/] },
  sml: {
    defines: [/^\s*(?:structure|signature|functor)\s+(?<holder>\w+)/, /^\s*(?:fun|val|and|datatype|type|exception|eqtype|abstype)\s+(?:rec\s+)?(?:\([^)]*\)\s*|''?\w+\s+)?(?<name>[A-Za-z_][\w']*)/],
    longComments: inMl,
  },
  snakemake: { defines: [/^\s*(?:rule|checkpoint|module|use\s+rule\s+\w+\s+(?:from\s+\w+\s+)?as)\s+(?<name>\w+)/, /^\s*(?:async\s+)?def\s+(?<name>\w+)/, /^\s*class\s+(?<holder>\w+)/] },
  sql: {
    defines: [
      /^\s*(?:create|alter)\s+(?:or\s+(?:replace|alter)\s+)?(?:(?:temp|temporary|unique|materialized|global|local|unlogged|external|transient|recursive|clustered|nonclustered|constraint|editionable|noneditionable|foreign|trusted|algorithm\s*=\s*\w+|definer\s*=\s*\S+|sql\s+security\s+\w+)\s+)*(?:table|view|function|procedure|proc|index|trigger|type(?:\s+body)?|schema|sequence|policy|domain|aggregate|role|user|extension|database|package(?:\s+body)?|synonym|rule|macro|event|server|publication|statistics|event\s+trigger|stage|task|stream|pipe)\s+(?:concurrently\s+)?(?:if\s+(?:not\s+)?exists\s+)?(?:only\s+)?(?!on\s)(?:(?:["`[][^"`\]]+["`\]]|@\w+@|\$\{\w+\}|\{\{[^{}]*\}\}|[:&]\w+)\s*\.\s*)*(?:["`[](?<quoted>[^"`\]]+)|(?<name>[\w.$]+))/i,
      /^\s*(?:procedure|function)\s+(?<name>\w+)/i,
    ],
    joint: /\./,
    quotesBody: /\$\w*\$/g,
  },
  starlark: { defines: [/^(?<holder>)\w+\(\s*$/, /^\s*def\s+(?<name>\w+)/, /^\s*name\s*=\s*"(?<name>[^"]+)"/, /^(?<name>[A-Z_][\w]*)\s*=\s*(?:rule|provider|aspect|macro|repository_rule)\(/] },
  tcl: {
    defines: [
      inside,
      /^\s*(?:oo::class\s+create|(?:::)?itcl::class|(?:::)?snit::(?:type|widget|widgetadaptor)|namespace\s+eval|oo::define)\s+(?<holder>[^\s{]+)/,
      /^\s*(?:(?:::)?(?:proc|snit::macro|itcl::body|oo::objdefine)|method|typemethod|classmethod|(?:public|private|protected)\s+(?:method|proc))\s+(?:\{(?<name>[^}]+)\}|(?!\S*\$)(?<plain>[^\s{]+))/,
      /^\s*test\s+(?<name>[\w.:-]+)/,
    ],
    joint: /::/,
  },
  templ: { defines: [/^(?:templ|css|script|func)\s+(?:\([^)]*\)\s*)?(?<name>\w+)\s*[([]/, /^type\s+(?<name>\w+)/] },
  terraform: { defines: [/^\s*(?:resource|data|ephemeral)\s+"(?<type>[^"]*)"\s+"(?<name>[^"]+)"/, /^\s*(?:variable|output|module|provider|job|group|task|check|source|build)\s+"(?<name>[^"]+)"/] },
  thrift: { defines: [/^\s*(?:struct|service|enum|exception|union|senum|table|protocol|record|interface)\s+(?<holder>\w+)/, /^\s*(?:typedef|const)\s+.*?\b(?<name>\w+)\s*(?:=.*|;|,)?$/, /^\s*(?:oneway\s+)?[\w.<>, ]+\s+(?<name>\w+)\s*\(/] },
  typespec: {
    defines: [
      /^\s*(?:namespace|interface|service|resource)\s+(?<holder>[\w.]+)/,
      /^\s*(?:model|op|enum|union|alias|scalar|structure|operation|list|map|apply|intEnum|(?:extern\s+)?dec)\s+(?<name>\w+)/,
      /^(?:string|blob|integer|long|timestamp|boolean)\s+(?<name>[A-Z]\w*)/,
    ],
    comment: /^\s*(?:\/\/|\/\*|\*|@[\w.]+(?:\(.*\)?)?\s*$)/,
    joint: /\./,
  },
  vala: { defines: [/^\s*(?:(?:public|private|protected|internal|abstract|sealed)\s+)*(?:namespace|class|interface|struct|enum|errordomain)\s+(?<holder>[\w.]+)/, /^\s*(?:(?:public|private|protected|internal)\s+)*(?:signal|delegate)\s+[\w.<>?]+\s+(?<name>\w+)/, ...classesAndMethods], joint: /\./ },
  verilog: {
    defines: [
      /^\s*(?:virtual\s+)?(?:module|macromodule|interface(?!\s+class)|interface\s+class|package(?!\s+body)|class|program|primitive|checker|covergroup|entity|package\s+body)\s+(?<holder>\w+)/i,
      /^\s*architecture\s+\w+\s+of\s+(?<holder>\w+)/i,
      /^\s*(?:(?:virtual|static|protected|local|pure|extern|impure)\s+)*(?:function|task|procedure)\s+(?:[^;(]*[\s\]])?(?<name>[\w.:]+|\\\S+|"[^"]+")\s*(?:[;(]|return\b|is\b|$)/i,
      /^\s*typedef\b[^;{]*\b(?<name>\w+)\s*;/,
      /^\s*(?:component|type|subtype)\s+(?<name>\w+)/i,
      /^\s*`define\s+(?<name>\w+)/,
    ],
    joint: /::/,
  },
  vim: {
    defines: [inside, /^\s*(?:fu\w*!?\s+|com\w*!?\s+(?:-\S+\s+)*|let\s+|aug\w*\s+|(?:export\s+)?def!?\s+|class\s+)(?<name>(?!END\b)(?:[a-z]:)?\w[\w#.]*)/],
    comment: /^\s*["#]/,
    joint: /[#:]/,
  },
  "visual-basic": {
    defines: [
      /^\s*(?:(?:Public|Private|Friend|Protected|Partial|MustInherit|NotInheritable|Shadows)\s+)*(?:Class|Module|Structure|Interface|Namespace)\s+(?<holder>[\w.]+)/i,
      /^\s*(?:(?:Public|Private|Friend|Protected|Shared|Static|Overridable|Overrides|Overloads|MustOverride|NotOverridable|Shadows|ReadOnly|WriteOnly|Default|Async|Iterator|Partial|Declare|Custom|PtrSafe|Widening|Narrowing)\s+)*(?:Sub|Function|Property(?:\s+(?:Get|Let|Set))?|Enum|Type|Event|Delegate\s+(?:Sub|Function)|Operator)\s+(?<name>\w+)/i,
    ],
    comment: /^\s*(?:['#]|rem\b|<\w.*>\s*_?$)/i,
    joint: /\./,
  },
  vlang: { defines: [/^\s*(?:pub\s+)?fn\s+(?:\([^)]*\)\s*)?(?<name>\w+)/, /^\s*(?:pub\s+)?(?:struct|enum|interface|type|union)\s+(?<name>\w+)/] },
  // A rule's name may have a row for itself, as the type of a function of C below the rules.
  yacc: { defines: [/^(?!(?:default|public|private|protected)\b)(?<name>[A-Za-z_]\w*)\s*:(?!:)/, /^(?!(?:void|int|char|short|long|unsigned|signed|float|double|bool|static|const|struct|extern|inline|else|do|return|break)\s*$)(?<name>[a-z_]\w*)\s*$/, callable] },
};

function habits({ defines, comment: isComment = comment, longComments = usualLongComments, joint, quotesBody, around, saysIs }: Own): Habits {
  const defined = (whole: string, holds: boolean): Defined => {
    const parts = joint ? whole.split(joint) : [whole];
    const name = parts.at(-1)!;
    // What is left behind the last joint is no name in `File.` or `Op::..`.
    return /^[\p{L}_$]/u.test(name) ? { name, owner: parts.slice(0, -1).filter((part) => part !== ""), holds } : { name: whole, owner: [], holds };
  };
  return {
    longComments,
    quotesBody,
    around,
    isComment: (row) => isComment.test(row),
    definedBy: (row) => {
      if (!saysIs && isProse.test(row)) return undefined;
      for (const pattern of defines) {
        const groups = pattern.exec(row)?.groups;
        if (!groups) continue;
        const { type, ...named } = groups;
        const holds = named["holder"] !== undefined;
        const name = Object.values(named).find((group) => group !== undefined) ?? "";
        if (name !== "" || holds) return { ...defined(name, holds), ...(type && { type }) };
      }
      return undefined;
    },
  };
}

export const commonHabits = habits({ defines: common, joint: /::|\./ });
const all = new Map<string, Habits>(Object.entries(own).map(([language, special]) => [language, habits(special)]));

/** @param language its id; one that nothing special is known of has the common habits */
export function habitsOf(language: string): Habits {
  return all.get(language) ?? commonHabits;
}
