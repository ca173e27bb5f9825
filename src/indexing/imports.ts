// What a file imports, as written, for the import neighbourhood. By patterns over the source: as fast as reading it, and the
// same for files whose syntax tree could not be made. No pattern may read a stretch once for each line or space in it: files of blank
// lines, of one endless word and of openings without an end exist, and a parse worker would stand still in them.

type Finder = (source: string) => Iterable<string | undefined>;

/** First group that matched, for every match. */
const all = (pattern: RegExp): Finder => function* (source) {
  for (const match of source.matchAll(pattern)) yield match.slice(1).find((group) => group !== undefined);
};
const both = (...finders: readonly Finder[]): Finder => function* (source) {
  for (const finder of finders) yield* finder(source);
};

/** `alias Shop.{Cart, Price}`: a prefix and names in braces. */
function braces(pattern: RegExp): Finder {
  return function* (source) {
    for (const [, prefix = "", names = ""] of source.matchAll(pattern)) for (const name of names.split(",")) if (name.trim()) yield prefix + name.trim().split(/\s/)[0];
  };
}

const script = all(/^[ \t]*(?:import|export)\b[^;'"`]{0,2000}?\bfrom\s*["']([^"'\n]+)["']|^[ \t]*import\s*["']([^"'\n]+)["']|\b(?:import|require|require\.resolve)\s*\(\s*["'`]([^"'`\n]+)["'`]\s*\)/gm);
const cInclude = all(/^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]/gm);
const jvm = both(all(/^[ \t]*import\s+(?:static\s+)?([\w.*]+)(?![\w.*]|\S*\{)/gm), braces(/^[ \t]*import\s+([\w.]+\.)\{([^}]{0,4000})\}/gm));

const python: Finder = function* (source) {
  for (const match of source.matchAll(/^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]{0,4000}\)|[^\n#;]+)|import[ \t]+([^\n#;]+))/gm)) {
    const [, from, names, modules] = match;
    if (from !== undefined && /^\.+$/.test(from)) {
      for (const name of names!.replace(/[()\\]/g, "").split(",")) if (name.trim()) yield from + name.trim().split(/\s/)[0];
    } else if (from !== undefined) yield from;
    else for (const module of modules!.split(",")) yield module.trim().split(/\s/)[0];
  }
};
const go: Finder = function* (source) {
  for (const match of source.matchAll(/^import\s*(?:\(([^)]{0,20000})\)|(?:[\w.]+\s+)?"([^"\n]+)")/gm)) {
    if (match[2]) yield match[2];
    else for (const quoted of match[1]!.matchAll(/"([^"\n]+)"/g)) yield quoted[1];
  }
};
const rust: Finder = function* (source) {
  for (const match of source.matchAll(/^[ \t]*(?:pub(?:\([^)\n]*\))?\s+)?(?:use\s+([\w:]+?)(?:::\{|::\*|\s+as\b|\s*;)|mod\s+(\w+)\s*;|extern\s+crate\s+(\w+))/gm)) yield match[1] ?? (match[2] ? `self::${match[2]}` : match[3]);
};

const finders: Readonly<Record<string, Finder>> = {
  typescript: script, tsx: script, javascript: script, vue: script, svelte: script, astro: script, coffeescript: script,
  python, go, rust,
  java: jvm, kotlin: jvm, scala: jvm, groovy: jvm,
  haskell: all(/^import\s+(?:safe\s+)?(?:qualified\s+)?(?:"[^"]*"\s+)?([\w.]+)/gm),
  c: cInclude, cpp: cInclude, "objective-c": both(cInclude, all(/^[ \t]*#import\s*[<"]([^>"\n]+)[>"]|^[ \t]*@import\s+([\w.]+)/gm)),
  csharp: all(/^[ \t]*(?:global\s+)?using\s+(?:static\s+)?(?:\w+\s*=\s*)?([\w.]+)\s*;/gm),
  swift: all(/^[ \t]*(?:@\w+\s+)?import\s+(?:(?:class|struct|func|enum|protocol|typealias|var|let)\s+)?([\w.]+)/gm),
  dart: all(/^[ \t]*(?:import|export|part)\s+["']([^"'\n]+)["']/gm),
  php: both(all(/^use\s+(?:function\s+|const\s+)?(\\?[\w\\]+)/gm), all(/\b(?:require|include)(?:_once)?\s*(?:\(\s*)?(?:__DIR__\s*\.\s*)?["']([^"'\n]+)["']/g)),
  ruby: both(all(/^[ \t]*require\s*(?:\(\s*)?["']([^"'\n]+)["']/gm), function* (source) {
    for (const match of source.matchAll(/^[ \t]*require_relative\s*(?:\(\s*)?["']([^"'\n]+)["']/gm)) yield match[1]!.startsWith(".") ? match[1] : `./${match[1]}`;
  }),
  elixir: both(all(/^[ \t]*(?:alias|import|use|require)\s+([A-Z][\w.]*)(?![\w.]|\S*\{)/gm), braces(/^[ \t]*alias\s+([A-Z][\w.]*\.)\{([^}]{0,4000})\}/gm)),
  erlang: all(/^-(?:include|include_lib|import)\(\s*"?([^",)]+)/gm),
  lua: all(/\b(?:require|dofile)\s*(?:\(\s*)?["']([^"'\n]+)["']/g),
  zig: all(/@import\(\s*"([^"\n]+)"\s*\)/g),
  bash: all(/^[ \t]*(?:source|\.)\s+(?:["']?\$[({][^)}\n]*[)}]["']?\/)?["']?([^\s"';|&$]+)/gm),
  powershell: all(/^[ \t]*(?:using\s+module\s+|Import-Module\s+(?:-Name\s+)?|\.\s+)["']?([^\s"']+)/gim),
  css: all(/@import\s+(?:url\()?["']?([^"')\s;]+)/g),
  scss: all(/@(?:import|use|forward)\s+["']([^"'\n]+)["']/g),
  solidity: all(/^[ \t]*import\s+(?:[^;"']{0,2000}?from\s*)?["']([^"'\n]+)["']/gm),
  perl: all(/^[ \t]*(?:use|require)\s+([A-Z][\w:]*)/gm),
  r: all(/\b(?:library|require|source)\(\s*["']?([^"')\s]+)/g),
  julia: all(/^[ \t]*(?:using|import|include)\s*(?:\(\s*)?["']?([\w./]+)/gm),
  ocaml: all(/^[ \t]*open!?\s+([\w.]+)/gm),
  proto: all(/^[ \t]*import\s+(?:public\s+|weak\s+)?"([^"\n]+)"/gm),
};

const maxImports = 200;

/** Module specifiers in order of first appearance, each once. Only the first 200,000 characters are read. */
export function importsOf(language: string, source: string): string[] {
  const found = new Set<string>();
  for (const specifier of finders[language]?.(source.slice(0, 200_000)) ?? []) {
    if (specifier) found.add(specifier);
    if (found.size >= maxImports) break;
  }
  return [...found];
}
