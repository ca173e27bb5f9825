// Which language a file is, what people call it, and how it is cut: the one table. Node types of the grammars are in syntaxes.ts.
import path from "node:path";

/** Part of the index's identity: raise it when a file would get another language, or is not to be kept any more (secrets.ts). The chunks of all other files keep their ids and vectors. */
export const LANGUAGES_VERSION = 7;

/**
 * `tree`: syntax tree, by indentation when that fails. `scanner`: code without a grammar, by indentation. `sections`: prose, by headings.
 * `keys`: YAML. `windows`: other configuration and markup. `data`: only the beginning is worth chunks.
 */
export type Cutting = "tree" | "scanner" | "sections" | "keys" | "windows" | "data";

interface Row<Id extends string> {
  readonly id: Id;
  readonly cutting: Cutting;
  /** Key of grammars.json. Present exactly when `cutting` is "tree". */
  readonly grammar?: string;
  /** The grammar concerns what stands in `<script>` only. */
  readonly scriptBlocks?: boolean;
  /** With their dot, lower case. */
  readonly extensions: readonly string[];
  /** Whole file names, lower case. */
  readonly filenames?: readonly string[];
  /** Interpreters of a `#!` line. */
  readonly interpreters?: readonly string[];
}

const tree = <Id extends string>(id: Id, extensions: string, rest: Partial<Row<Id>> = {}): Row<Id> => ({ id, cutting: "tree", grammar: id, extensions: extensions.split(" "), ...rest });
const plain = <Id extends string>(id: Id, cutting: Cutting, extensions: string, filenames: string[] = [], interpreters: string[] = []): Row<Id> => ({ id, cutting, extensions: extensions === "" ? [] : extensions.split(" "), filenames, interpreters });

const rows = [
  tree("typescript", ".ts .mts .cts"),
  tree("tsx", ".tsx"),
  tree("javascript", ".js .mjs .cjs .jsx .es6", { filenames: ["jakefile"], interpreters: ["node", "bun", "deno"] }),
  tree("python", ".py .pyi .pyw .bzl .star .pyx .pxd .pxi", { filenames: ["build.bazel", "workspace.bazel", "sconstruct", "sconscript", "wscript"], interpreters: ["python"] }),
  tree("go", ".go"),
  tree("java", ".java"),
  tree("kotlin", ".kt .kts"),
  tree("rust", ".rs"),
  tree("c", ".c .h"),
  tree("cpp", ".cc .cpp .cxx .c++ .hh .hpp .hxx .h++ .ipp .inl .tpp .cu .cuh .ino"),
  tree("csharp", ".cs .csx"),
  tree("ruby", ".rb .rake .gemspec .ru .podspec .jbuilder .rabl .builder .rsb .arb .thor", { filenames: ["rakefile", "gemfile", "guardfile", "vagrantfile", "podfile", "fastfile", "brewfile", "puppetfile"], interpreters: ["ruby"] }),
  tree("php", ".php .phtml .inc .php5", { interpreters: ["php"] }),
  tree("swift", ".swift", { interpreters: ["swift"] }),
  tree("scala", ".scala .sc .sbt", { interpreters: ["scala"] }),
  tree("elixir", ".ex .exs", { interpreters: ["elixir"] }),
  tree("haskell", ".hs .hs-boot", { interpreters: ["runhaskell"] }),
  tree("lua", ".lua .luau .tl .rockspec", { interpreters: ["lua", "luajit"] }),
  tree("zig", ".zig .zon"),
  tree("bash", ".sh .bash .zsh .ksh .bats .ebuild .eclass .zsh-theme", { filenames: [".bashrc", ".zshrc", ".zshenv", ".zprofile", ".zlogin", ".kshrc", ".profile", ".bash_profile", ".bash_aliases", ".bash_logout", ".xinitrc", ".xprofile", "pkgbuild", "apkbuild"], interpreters: ["sh", "bash", "zsh", "dash", "ksh"] }),
  tree("powershell", ".ps1 .psm1 .psd1", { interpreters: ["pwsh"] }),
  tree("css", ".css .pcss .postcss"),
  tree("dart", ".dart", { interpreters: ["dart"] }),
  tree("solidity", ".sol"),
  tree("vue", ".vue", { grammar: "typescript", scriptBlocks: true }),
  tree("svelte", ".svelte", { grammar: "typescript", scriptBlocks: true }),

  plain("sql", "scanner", ".sql .psql .ddl .pgsql .plsql .pks .pkb .hql .cql"),
  plain("proto", "scanner", ".proto"),
  plain("graphql", "scanner", ".graphql .gql .graphqls"),
  plain("terraform", "scanner", ".tf .tofu .hcl .nomad"),
  plain("bicep", "scanner", ".bicep"),
  plain("rego", "scanner", ".rego"),
  plain("jsonnet", "scanner", ".jsonnet .libsonnet"),
  plain("perl", "scanner", ".pl .pm .t .pod .psgi", ["cpanfile", "makefile.pl"], ["perl"]),
  plain("raku", "scanner", ".raku .rakumod .rakutest .pm6 .p6", [], ["raku"]),
  plain("r", "scanner", ".r .rmd", [".rprofile"], ["Rscript"]),
  plain("julia", "scanner", ".jl", [], ["julia"]),
  plain("ocaml", "scanner", ".ml .mli .mll .mly", [], ["ocaml", "ocamlrun"]),
  plain("sml", "scanner", ".sml .sig .fun"),
  plain("rescript", "scanner", ".res .resi .re .rei"),
  plain("fsharp", "scanner", ".fs .fsi .fsx"),
  plain("clojure", "scanner", ".clj .cljs .cljc .cljd .edn", [], ["bb", "clojure"]),
  plain("lisp", "scanner", ".el .lisp .lsp .asd .scm .ss .sld .rkt .fnl .janet .hy .lfe", [".emacs"], ["guile", "racket", "sbcl", "emacs"]),
  plain("erlang", "scanner", ".erl .hrl .escript .yrl .xrl", [], ["escript"]),
  plain("gleam", "scanner", ".gleam"),
  plain("groovy", "scanner", ".groovy .gradle .nf", ["jenkinsfile"], ["groovy", "nextflow"]),
  plain("apex", "scanner", ".apex .trigger"),
  plain("objective-c", "scanner", ".m .mm"),
  plain("visual-basic", "scanner", ".vb .vbs .bas .cls"),
  plain("puppet", "scanner", ""),
  plain("pascal", "scanner", ".pas .pp .dpr"),
  plain("fortran", "scanner", ".f .f90 .f95 .f03 .f08 .for"),
  plain("ada", "scanner", ".adb .ads"),
  plain("nim", "scanner", ".nim .nims .nimble"),
  plain("odin", "scanner", ".odin"),
  plain("mojo", "scanner", ".mojo"),
  plain("crystal", "scanner", ".cr", [], ["crystal"]),
  plain("d", "scanner", ".d"),
  plain("vlang", "scanner", ".v .vsh"),
  plain("verilog", "scanner", ".sv .svh .vhd .vhdl"),
  plain("assembly", "scanner", ".s .asm"),
  plain("tcl", "scanner", ".tcl .tm .itcl .exp", [], ["tclsh", "wish", "expect"]),
  plain("awk", "scanner", ".awk", [], ["awk", "gawk", "mawk"]),
  plain("vim", "scanner", ".vim", [".vimrc", ".gvimrc", ".ideavimrc"]),
  plain("fish", "scanner", ".fish", [], ["fish"]),
  plain("nushell", "scanner", ".nu", [], ["nu"]),
  plain("batch", "scanner", ".bat .cmd"),
  plain("nix", "scanner", ".nix"),
  plain("elm", "scanner", ".elm"),
  plain("purescript", "scanner", ".purs"),
  plain("coffeescript", "scanner", ".coffee", ["cakefile"], ["coffee"]),
  plain("scss", "scanner", ".scss .sass .less .styl"),
  plain("thrift", "scanner", ".thrift .avdl .fbs .capnp"),
  plain("prisma", "scanner", ".prisma"),
  plain("shader", "scanner", ".glsl .vert .frag .geom .tesc .tese .hlsl .hlsli .fx .fxh .wgsl .metal .comp .compute .shader .cginc .gdshader .usf .ush .slang"),
  plain("make", "scanner", ".mk .mak", ["makefile", "gnumakefile", "kbuild"], ["make"]),
  plain("cmake", "scanner", ".cmake", ["cmakelists.txt"]),
  plain("meson", "scanner", "", ["meson.build", "meson_options.txt", "meson.options"]),
  plain("m4", "scanner", ".m4 .ac", ["configure.in"]),
  plain("just", "scanner", ".just", ["justfile"]),
  plain("starlark", "scanner", "", ["build", "workspace", "tiltfile"]),
  plain("cobol", "scanner", ".cob .cbl"),
  plain("matlab", "scanner", ""),
  plain("haxe", "scanner", ".hx"),
  plain("yacc", "scanner", ".y .yy .ypp .l .lex"),
  plain("antlr", "scanner", ".g4 .g3"),
  plain("qml", "scanner", ".qml"),
  plain("prolog", "scanner", ".prolog"),
  plain("lean", "scanner", ".lean"),
  plain("coq", "scanner", ""),
  plain("gdscript", "scanner", ".gd"),
  plain("astro", "scanner", ".astro"),
  plain("cabal", "scanner", ".cabal"),
  plain("devicetree", "scanner", ".dts .dtsi .dtso"),
  plain("gherkin", "scanner", ".feature"),
  plain("vala", "scanner", ".vala .vapi"),
  plain("gn", "scanner", ".gn .gni"),
  plain("bitbake", "scanner", ".bb .bbclass .bbappend"),
  plain("snakemake", "scanner", ".smk", ["snakefile"]),
  plain("cue", "scanner", ".cue"),
  plain("typespec", "scanner", ".tsp .smithy"),
  plain("templ", "scanner", ".templ"),

  plain("markdown", "sections", ".md .markdown .mdx .mdc .qmd"),
  plain("restructuredtext", "sections", ".rst"),
  plain("asciidoc", "sections", ".adoc .asciidoc"),
  plain("org", "sections", ".org"),
  plain("tex", "sections", ".tex .bib .sty"),
  plain("manual", "sections", ".rd .texi .texinfo"),
  plain("text", "sections", ".txt .text", ["readme", "changelog", "authors", "notice"]),
  plain("html", "windows", ".html .htm .xhtml"),
  plain("template", "windows", ".hbs .handlebars .ejs .erb .haml .slim .pug .jinja .j2 .jinja2 .njk .ftl .vm .mako .tpl .latte .volt .jade .aspx .ascx .gotmpl .mjml .wxml .twig .liquid .mustache .tmpl .cshtml .razor .jsp .heex .leex .eex .tftpl"),
  plain("yaml", "keys", ".yml .yaml .sls .cwl", [".clang-format", ".clang-tidy", ".clangd"]),
  plain("toml", "windows", ".toml"),
  plain("ini", "windows", ".ini .cfg .conf .properties .editorconfig .service .desktop .xcconfig .strings .tscn .tres", [".gitconfig", ".gitmodules", ".inputrc", ".screenrc", ".xresources", ".xdefaults"]),
  plain("docker", "windows", ".dockerfile", ["dockerfile", "containerfile", "earthfile"]),
  plain("diff", "windows", ".diff .patch"),
  plain("xml", "data", ".xml .xsd .xsl .xslt .plist .csproj .vbproj .fsproj .props .targets .resx .xaml .wsdl .pom .storyboard .xib .entitlements .xcprivacy .axml .fxml"),
  plain("json", "data", ".json .jsonc .json5 .ipynb .webmanifest .avsc .hjson", [".babelrc", ".eslintrc", ".prettierrc"]),
  plain("csv", "data", ".psv"),
  plain("lock", "data", ".lock .sum"),
  plain("gettext", "data", ".po .pot"),
];

export type LanguageId = (typeof rows)[number]["id"];
export type Language = Row<LanguageId>;
export const languages: readonly Language[] = rows;

/** What people and editors write for languages, where it is neither an id, nor an extension, nor a file's name. */
const otherNames = new Map<string, readonly LanguageId[]>([
  ["ts", ["typescript", "tsx"]],
  ["typescript", ["typescript", "tsx"]],
  ["typescriptreact", ["tsx"]],
  ["javascriptreact", ["javascript"]],
  ["css", ["css", "scss"]],
  ["golang", ["go"]],
  ["c#", ["csharp"]],
  ["f#", ["fsharp"]],
  ["objc", ["objective-c"]],
  ["objective-cpp", ["objective-c"]],
  ["shell", ["bash"]],
  ["shellscript", ["bash"]],
  ["latex", ["tex"]],
  ["plaintext", ["text"]],
  ["ipython", ["python"]],
  ["ipynb", ["python"]], // a notebook is of the language of its code
  ["jupyter", ["python"]],
  ["emacs-lisp", ["lisp"]],
  ["shell-script", ["bash"]],
  ["makefile-gmake", ["make"]],
  ["man", ["manual"]],
  ["nroff", ["manual"]],
]);

/** Languages whose files are read, not run. */
export const proseLanguages: ReadonlySet<string> = new Set<LanguageId>(["markdown", "text", "html", "restructuredtext", "asciidoc", "tex", "org", "manual"]);

/** Text of no known kind. */
export const unknownLanguage: Language = { id: "text", cutting: "sections", extensions: [] };

const byExtension = new Map(languages.flatMap((l) => l.extensions.map((e) => [e, l] as const)));
const byFilename = new Map(languages.flatMap((l) => (l.filenames ?? []).map((f) => [f, l] as const)));
const byInterpreter = new Map(languages.flatMap((l) => (l.interpreters ?? []).map((i) => [i, l] as const)));
const byId = new Map<string, Language>(languages.map((l) => [l.id, l]));

/** Characters of a file that tell its language: a header may begin with a licence and pages of prose. */
export const tellingChars = 20_000;

/** Endings that are also another language's: the first sign that the beginning of a file shows, else what the rows above say of the ending. */
const byBeginning: Readonly<Record<string, readonly (readonly [sign: RegExp, id: LanguageId])[]>> = {
  ".m": [
    [/^[ \t]*(?:#(?:import|include|define|ifdef|ifndef)\b|@(?:implementation|interface|protocol|import|class)\b)/m, "objective-c"],
    [/^[ \t]*(?:%|function\b)/m, "matlab"],
  ],
  ".ts": [[/^\s*(?:<\?xml[^>]*>\s*)?(?:<!DOCTYPE TS\b|<TS\b)/, "xml"]], // messages of a Qt application
  // Ruby of Active Admin, else messages of a Flutter app.
  ".arb": [[/^\s*\{/, "json"]],
  ".config": [[/^\s*<(?:\?xml|configuration)\b/, "xml"]],
  ".tfvars": [[/^/, "terraform"]], // patterns of such; the others may hold secrets
  ".stub": [[/^\s*<\?php\b/, "php"]],
  ".g": [[/^[ \t]*(?:(?:lexer|parser|tree)[ \t]+)?grammar[ \t]+\w+[ \t]*;|^[ \t]*class[ \t]+\w+[ \t]+extends[ \t]+(?:\w*Parser|\w*Lexer)[ \t]*;/m, "antlr"]], // else GAP's code and much else
  ".sls": [[/^(?:#\||(?:[#;][^\n]*\n|\s)*\()/, "lisp"]], // else Salt's states
  ".pp": [[/^[ \t]*(?:(?:class|define|node)[ \t]+["'\w:.-]+[ \t]*(?:[({]|inherits\b|$)|(?:include|contain)[ \t]+[\w:]+[ \t]*$|\w+[ \t]*\{[ \t]*["'][^"'\n]*["']:)/m, "puppet"]], // else Free Pascal's
  ".info": [[/^This is .{1,200}, produced by (?:makeinfo|texi2any)\b/m, "manual"]],
  ".pl": [[/^[ \t]*:-\s/m, "prolog"]],
  ".plt": [[/^[ \t]*:-\s/m, "prolog"]], // else gnuplot
  ".ll": [[/^%[%{o]/m, "yacc"]], // else LLVM's code
  ".cls": [
    [/^(?:VERSION\s|Attribute\s+VB_|Option\s)/im, "visual-basic"],
    [/^[ \t]*\\(?:NeedsTeXFormat|Provides\w+|LoadClass)\b/m, "tex"],
    [/^/, "apex"],
  ],
  ".v": [
    [/^[ \t]*(?:`\w+|endmodule\b|module\s+[\\$\w]+\s*(?:#?\(|;))/m, "verilog"],
    [/^[ \t]*(?:(?:From\s+\S+\s+)?Require\b|(?:Theorem|Lemma|Definition|Fixpoint|Inductive|Section|Module)\s+\w|Proof\b|Qed\.)/m, "coq"],
    [/^[ \t]*\(\*/m, "verilog"],
  ],
};

/** Endings of pages of manuals (`strata.1`, `socket.3p`), which a numbered copy of anything may have too. */
const manualEnding = /\.(?:[1-9][a-z]{0,5}|man|mdoc)$/;
const manualBeginning = /^['.](?:\\"|TH\b|Dd\b|SH\b|Sh\b|so\b)/m;

/**
 * The language of a file by its name or ending, by its beginning where several languages share the ending, else by its `#!` line or what it tells editors.
 * A pattern that is to be copied or filled in (`database.yml.example`, `Config.cmake.in`) is what it will become, and one of several for different systems
 * (`schema.sql.postgres`) what it is for all of them.
 * @param head the first `tellingChars` of the file, when they are at hand
 */
export function languageOf(file: string, head = ""): Language {
  const name = path.posix.basename(file.replaceAll("\\", "/")).toLowerCase();
  // Who keeps his home folder in a repository often leaves the dot of `.zshrc` to what installs it.
  const named = byFilename.get(name) ?? (name.includes(".") ? undefined : byFilename.get(`.${name}`)) ?? byFilename.get(name.replace(/^(dockerfile|containerfile|makefile|jenkinsfile)\..*$/, "$1"));
  if (named) return interpreterOf(head) ?? named; // a script may be called "build"
  const extension = path.posix.extname(name);
  const found = name.endsWith(".blade.php") ? byId.get("template") : byExtension.get(extension);
  if (found?.id === "c" && extension === ".h") {
    const code = withoutComments(head);
    return looksLikeCpp(code) ? byId.get("cpp")! : looksLikeObjectiveC(code) ? byId.get("objective-c")! : found;
  }
  const [, told] = byBeginning[extension]?.find(([sign]) => sign.test(head)) ?? [];
  const language = (told && byId.get(told)) ?? found ?? interpreterOf(head) ?? editorModeOf(head) ?? contentOf(head);
  if (language) return language;
  if (manualEnding.test(name) && manualBeginning.test(head)) return byId.get("manual")!;
  const pattern = /^(.*\w)\.(?:example|sample|dist|default|template|in|orig|bak|old)$/.exec(name)?.[1] ?? /^(.*\.sql)\.[a-z]\w*$/.exec(name)?.[1];
  return pattern === undefined ? unknownLanguage : languageOf(pattern, head);
}

/** The language that a `#!` line names, also where `configure` is to fill it in: `#!@PERL@`. */
function interpreterOf(head: string): Language | undefined {
  const row = /^#!.{0,200}/.exec(head)?.[0] ?? "";
  const [, toBeFilledIn] = /^#!\s*@([A-Za-z]+)\w*@/.exec(row) ?? [];
  if (toBeFilledIn !== undefined) return languageOfName(toBeFilledIn);
  const name = /^#!\s*(?:\S*\/)?(?:env\s+(?:-S\s+)?(?:\w+=\S*\s+)*)?(?:\S*\/)?([a-zA-Z]+)[\d.]*/.exec(row)?.[1];
  return name === undefined ? undefined : byInterpreter.get(name);
}

/** The language that one of the first rows tells Emacs (`-*- mode: sh -*-`, `-*- shell-script -*-`) or Vim (`vim: ft=sh`). */
function editorModeOf(head: string): Language | undefined {
  const rows = head.slice(0, 1_000).split("\n", 5).join("\n");
  const mode = /-\*-\s*(?:(?:.*;\s*)?mode:\s*)?([\w+#-]+)\s*(?:;.*)?-\*-/i.exec(rows)?.[1] ?? /\bvim?:.{0,100}\b(?:ft|filetype|syntax)=(\w+)/.exec(rows)?.[1];
  return mode === undefined ? undefined : languageOfName(mode);
}

function languageOfName(name: string): Language | undefined {
  const [named] = languagesNamed(name);
  return named && byId.get(named);
}

/** A function and the end of a branch or loop, each a row of its own: completions and what other scripts source have no ending and no `#!`. */
const shellSigns = [/^[ \t]*(?:function[ \t]+)?[A-Za-z_][\w:.-]*[ \t]*\(\)[ \t]*(?:\{[ \t]*)?$/m, /^[ \t]*(?:fi|esac|done)[ \t]*(?:[;|#&<].*)?$/m];
/** XML, YAML and shells that say so, what databases are made with (`schema.Pg`), and the components of Mason: their files may end in anything or nothing. */
function contentOf(head: string): Language | undefined {
  if (/^\s*<\?xml\s/.test(head)) return byId.get("xml");
  if (/^%YAML 1\.\d/.test(head)) return byId.get("yaml");
  if (/^#(?:compdef|autoload)\b/.test(head) || /^#[ \t]*shellcheck[ \t]+shell=/m.test(head.slice(0, 1_000)) || shellSigns.every((sign) => sign.test(head))) return byId.get("bash");
  const first = head.split("\n").find((row) => !/^\s*(?:--|#|\/\*|\*|$)/.test(row)) ?? "";
  if (/^\s*(?:create|drop|alter)\s+(?:(?:or replace|global temporary|temporary|unique|user)\s+)?(?:table|sequence|index|view|type|database|schema|function|procedure|trigger)\s/i.test(first)) return byId.get("sql");
  return /^(?:<%(?:args|attr|doc|def|filter|flags|init|method|once|perl|shared)\b|<&\|? ?\S|%# )/im.test(head) ? byId.get("template") : undefined;
}

/** Languages by what people call them: an id, an extension (`yml`), a file's name (`makefile`), an editor's id. Empty for no language's name. */
export function languagesNamed(name: string): readonly LanguageId[] {
  const lower = name.toLowerCase();
  const other = otherNames.get(lower);
  if (other) return other;
  const found = byId.get(lower) ?? byExtension.get(`.${lower}`) ?? byFilename.get(lower);
  return found ? [found.id] : [];
}

export function languageById(id: LanguageId): Language {
  return byId.get(id)!;
}

/** What to tell whoever names a language that there is not. */
export const noSuchLanguage = (name: string): string => `There is no language "${name}". Write its name or the ending of its files, for example typescript, c++ or py.`;

const withoutComments = (head: string): string => head.replace(/\/\*[\s\S]*?(?:\*\/|$)|\/\/.*/g, "");

/** What is there for Objective-C alone does not count: other languages include the header too. */
function looksLikeObjectiveC(code: string): boolean {
  const always = code.replace(/^[ \t]*#[ \t]*if.*__OBJC__[\s\S]*?(?:^[ \t]*#[ \t]*endif|$(?![\s\S]))/gm, "");
  return /^[ \t]*(@(interface|protocol|property)\b|@class\s+\w+\s*[;,]|@import\s|#import\s*<)/m.test(always);
}

/** A `.h` file is C++ when it says something that C cannot. */
function looksLikeCpp(code: string): boolean {
  return /^[ \t]*(namespace\s+[\w:]+\s*\{|template\s*<|class\s+\w+[^;]*$|using\s+(namespace|\w+\s*=)|(public|private|protected)\s*:|#include\s*<(string|vector|memory|map|utility|functional|cstdint|cstddef|cstring|type_traits|iostream|array|optional|string_view)>|enum\s+class\b|inline\s+constexpr|constexpr\s)|\bstd::/m.test(code);
}
