// Which files import a file: specifiers resolved by path suffix, without extension, without reading any build configuration. An estimate for
// ranking (central files first), not a module resolver.
import type { LanguageId } from "../indexing/languages.ts";

/** What is imported, once for all files that import it as this: half of what an import of its own for each took of memory. */
interface Import {
  /** Directory or module names, last is the most telling; without extension. */
  readonly segments: readonly string[];
  /** Resolved against the importer's folder: must match the whole path. */
  readonly exact: boolean;
  /** Written with dots or colons, so the last name may be an item of the module before it (`crate::store::Store`, `java.util.Map.Entry`). */
  readonly mayNameItem: boolean;
  readonly importers: Set<number>;
}
type Specifier = Omit<Import, "importers">;

/** Files that stand for their folder. */
const folderFiles = new Set(["index", "mod", "lib", "__init__", "main", "init"]);
const scriptLangs: ReadonlySet<string> = new Set<LanguageId>(["javascript", "typescript", "tsx", "vue", "svelte", "astro", "coffeescript"]);

const extension = /\.[A-Za-z0-9+]{1,5}$/;

/** Names a file answers to: its path without extension, and its folder when it stands for it (or, as in Go, every file does). */
function stems(path: string, lang: string): string[][] {
  const segments = path.replace(extension, "").split("/");
  const names = [segments];
  if (segments.length > 1 && (folderFiles.has(segments.at(-1)!) || lang === "go")) names.push(segments.slice(0, -1));
  return names;
}

function parse(specifier: string, importer: { path: string; lang: string }): Specifier | undefined {
  if (specifier.startsWith(".") && (specifier.includes("/") || /^\.+$/.test(specifier))) {
    const folder = importer.path.split("/").slice(0, -1);
    for (const part of specifier.split("/")) {
      if (part === "..") folder.pop();
      else if (part !== "." && part !== "") folder.push(part.replace(extension, ""));
    }
    return { segments: folder, exact: true, mayNameItem: false };
  }
  const withSlashes = specifier.includes("/") ? specifier.replace(extension, "") : /\.(h|hh|hpp|hxx|c|cc|cpp|rb|php|lua|sh|zig|js|ts|mjs)$/.test(specifier) ? specifier.replace(extension, "") : specifier.replace(/::|\\|\./g, "/");
  const segments = withSlashes.split("/").filter((part) => part !== "" && part !== "crate" && part !== "self" && part !== "super" && part !== "*" && part !== "@" && part !== "~");
  if (segments.length === 0) return undefined;
  // "react", "lodash": a package, not a file of this workspace.
  if (segments.length === 1 && scriptLangs.has(importer.lang)) return undefined;
  return { segments, exact: false, mayNameItem: !specifier.includes("/") && withSlashes.includes("/") };
}

function endsWith(longer: readonly string[], shorter: readonly string[]): boolean {
  const offset = longer.length - shorter.length;
  return offset >= 0 && shorter.every((part, i) => part === longer[offset + i]);
}

export class ImportGraph {
  readonly #imports = new Map<string, Import>();
  readonly #bySegment = new Map<string, Set<Import>>();
  readonly #byFile = new Map<number, readonly Import[]>();
  /** Counted since the last change: what everything imports ("fmt") takes a millisecond, and each question asks for a hundred files. */
  readonly #counts = new Map<string, number>();

  set(file: { readonly id: number; readonly path: string; readonly lang: string; readonly imports: readonly string[] }): void {
    this.delete(file.id);
    const imports = file.imports.flatMap((specifier) => {
      const parsed = parse(specifier, file);
      return parsed && parsed.segments.length > 0 ? this.#known(parsed) : [];
    });
    for (const one of imports) one.importers.add(file.id);
    this.#byFile.set(file.id, imports);
  }
  #known(parsed: Specifier): Import {
    const name = nameOf(parsed);
    let known = this.#imports.get(name);
    if (known) return known;
    this.#imports.set(name, (known = { ...parsed, importers: new Set() }));
    for (const key of keys(known)) {
      const set = this.#bySegment.get(key);
      if (set) set.add(known);
      else this.#bySegment.set(key, new Set([known]));
    }
    return known;
  }
  delete(file: number): void {
    for (const one of this.#byFile.get(file) ?? []) {
      one.importers.delete(file);
      if (one.importers.size > 0) continue;
      this.#imports.delete(nameOf(one));
      for (const key of keys(one)) {
        const set = this.#bySegment.get(key);
        set?.delete(one);
        if (set?.size === 0) this.#bySegment.delete(key);
      }
    }
    this.#byFile.delete(file);
    this.#counts.clear();
  }
  /** For each of these files those of the others that it imports or that import it. */
  neighbours(files: readonly { readonly id: number; readonly path: string; readonly lang: string }[]): ReadonlyMap<string, ReadonlySet<string>> {
    const named = Map.groupBy(files.flatMap(({ path, lang }) => stems(path, lang).map((stem) => ({ path, stem }))), ({ stem }) => stem.at(-1)!);
    const found = new Map(files.map(({ path }) => [path, new Set<string>()]));
    for (const importer of files) {
      for (const one of this.#byFile.get(importer.id) ?? []) {
        for (const key of keys(one)) {
          for (const { path, stem } of named.get(key) ?? []) {
            if (path === importer.path || !matches(one, stem)) continue;
            found.get(importer.path)!.add(path);
            found.get(path)!.add(importer.path);
          }
        }
      }
    }
    return found;
  }
  /** Number of other files that import this one. */
  count(file: { readonly id: number; readonly path: string; readonly lang: string }): number {
    const key = `${file.id} ${file.path}`;
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    const importers = new Set<number>();
    for (const stem of stems(file.path, file.lang)) {
      for (const one of this.#bySegment.get(stem.at(-1)!) ?? []) if (matches(one, stem)) for (const importer of one.importers) importers.add(importer);
    }
    importers.delete(file.id);
    this.#counts.set(key, importers.size);
    return importers.size;
  }
}

const nameOf = ({ segments, exact, mayNameItem }: Specifier): string => `${Number(exact)}${Number(mayNameItem)}${segments.join("/")}`;

const keys = ({ segments, mayNameItem }: Specifier): Set<string> => new Set(segments.slice(mayNameItem ? -2 : -1));

function matches({ segments, exact, mayNameItem }: Specifier, stem: readonly string[]): boolean {
  if (exact) return segments.length === stem.length && endsWith(stem, segments);
  // "github.com/owner/repository/pkg/store" names more than the workspace's path, "store/schema" less.
  if (endsWith(stem, segments) || (stem.length > 1 && endsWith(segments, stem))) return true;
  const withoutItem = segments.slice(0, -1);
  return mayNameItem && withoutItem.length > 0 && (endsWith(stem, withoutItem) || (stem.length > 1 && endsWith(withoutItem, stem)));
}
