// Go says nowhere which interface a type implements: each does that has all of its methods, with as many parameters. Types that say it by what they embed are in implementers.ts.
import path from "node:path";
import { literally } from "../base/literally.ts";
import type { Place, Store } from "../store/store.ts";

type Definitions = Pick<Store, "definitions">;

/** Of Go's own library what people ask the implementers of; it is in no workspace. Behind each method how many parameters it has. */
const library: ReadonlyMap<string, readonly string[]> = new Map(Object.entries({
  Reader: ["Read/1"], Writer: ["Write/1"], Closer: ["Close/0"], Seeker: ["Seek/2"], ReadCloser: ["Read/1", "Close/0"], WriteCloser: ["Write/1", "Close/0"], ReadWriter: ["Read/1", "Write/1"],
  ReaderAt: ["ReadAt/2"], WriterAt: ["WriteAt/2"], ReaderFrom: ["ReadFrom/1"], WriterTo: ["WriteTo/1"], Stringer: ["String/0"], Formatter: ["Format/2"], GoStringer: ["GoString/0"],
  Handler: ["ServeHTTP/2"], RoundTripper: ["RoundTrip/1"], Flusher: ["Flush/0"], Hijacker: ["Hijack/0"], Interface: ["Len/0", "Less/2", "Swap/2"], Marshaler: ["MarshalJSON/0"], Unmarshaler: ["UnmarshalJSON/1"],
  TextMarshaler: ["MarshalText/0"], TextUnmarshaler: ["UnmarshalText/1"], BinaryMarshaler: ["MarshalBinary/0"], BinaryUnmarshaler: ["UnmarshalBinary/1"], Scanner: ["Scan/1"], Valuer: ["Value/0"],
}));

/** Places read that define one name: what is defined more often tells nothing, as `Close` in a large repository. */
const mostRead = 500;
/** Methods looked for; those with long names say most. */
const mostMethods = 8;
/** How deep interfaces are followed that hold others, and how many of these names are looked up: one row may name a hundred. */
const deepest = 3;
const mostHeld = 50;
/** Brackets in brackets that are counted, and characters of parameters. */
const mostNested = 10;
const longestParameters = 1_000;

/** Types by place that have all methods of an interface, each with the name of the type. Nothing for what is no interface of Go. */
export function goImplementers(store: Definitions, name: string): ReadonlyMap<Place, string> {
  const found = new Map<Place, string>();
  const typesWith = typesByMethods(store);
  for (const set of methodSets(store, name.split(".").at(-1)!, deepest)) {
    if (found.size >= mostRead) break; // each is judged as a hit
    for (const [place, type] of typesWith(set)) found.set(place, type);
  }
  return found;
}

/** What each interface of this name demands, as `Write/1`; those of Go's library where nothing here has the name. @param known each name is looked up once: an interface may hold itself */
function methodSets(store: Definitions, name: string, depth: number, known = new Map<string, readonly string[]>()): readonly (readonly string[])[] {
  // Whoever types a name in lower case means it in any.
  const isMeant = name === name.toLowerCase() ? (symbol: string) => symbol.toLowerCase() === name : (symbol: string) => symbol === name;
  const defining = store.definitions([name], mostRead).flatMap(({ lang, text, symbols }) => symbols.filter(isMeant).map((symbol) => ({ lang, text, symbol })));
  const bodies = defining.flatMap(({ lang, text, symbol }) => (lang === "go" ? (interfaceBody(symbol, text) ?? []) : []));
  if (bodies.length === 0) return defining.length === 0 && library.has(name) ? [library.get(name)!] : [];
  const ofHeld = (other: string): readonly string[] => {
    if (!known.has(other) && known.size < mostHeld) {
      known.set(other, []);
      known.set(other, methodSets(store, other, depth - 1, known)[0] ?? []);
    }
    return known.get(other) ?? [];
  };
  return bodies.map((body) => {
    const rows = body.split(/[;\n]/).map((row) => row.trim());
    const own = rows.flatMap((row) => /^\w+\/\d+/.exec(row)?.[0] ?? []);
    const held = depth > 1 ? rows.flatMap((row) => /^(?:\w+\.)?(\w+)$/.exec(row)?.[1] ?? []) : [];
    return [...new Set([...own, ...held.flatMap(ofHeld)])];
  });
}

/** Without comments, and in place of what stands in brackets how many it is: `Read/1 /2` of `Read(p []byte) (n int, err error)`. */
function withoutBrackets(text: string): string {
  let code = text.replace(/\/\/.*|\/\*[^]*?\*\//g, "").replace(/\b(interface|struct)\s*\{\s*\}/g, "$1");
  for (let depth = 0; depth < mostNested && code.includes("("); depth++) code = code.replace(/\(([^()]*)\)/g, (_, inside: string) => `/${inside.split(",").filter((one) => one.trim() !== "").length}`);
  return code;
}

function interfaceBody(name: string, text: string): string | undefined {
  const begun = new RegExp(`(?:\\btype\\s+|^[ \\t]+)${literally(name)}(?:\\[[^\\n]*\\])?\\s+interface\\s*\\{`, "m").exec(text);
  return begun ? withoutBrackets(text.slice(begun.index + begun[0].length)).split("}", 1)[0]! : undefined;
}

/** Finds the types that have all of some methods, each with where it is defined or else one of these. What was read is kept: there may be hundreds of interfaces of one name. */
function typesByMethods(store: Definitions): (methods: readonly string[]) => readonly (readonly [Place, string])[] {
  const [known, shown] = [new Map<string, Having>(), new Map<string, Place>()];
  const having = (method: string): Having => {
    const name = method.split("/", 1)[0]!;
    const places = store.definitions([name], mostRead);
    const receiver = new RegExp(`^func[ \\t]*\\((?:\\w+[ \\t]+)?(?:\\*[ \\t]*)?(\\w+)(?:\\[[^\\]\\n]*\\])?\\)[ \\t]*${literally(name)}(?=\\()`, "gm");
    const types = new Map<string, Place>();
    for (const place of places.filter(({ lang }) => lang === "go")) {
      for (const { 0: said, 1: type, index } of place.text.matchAll(receiver)) {
        const behind = place.text.slice(index + said.length).slice(0, longestParameters);
        if (/^\/\d+/.exec(withoutBrackets(behind))?.[0] === method.slice(name.length)) types.set(`${path.posix.dirname(place.path)}\0${type}`, place);
      }
    }
    return { isAll: places.length < mostRead, types };
  };
  const definition = (folder: string, name: string): Place | undefined => {
    const defined = new RegExp(`(?:\\btype[ \\t]+|^[ \\t]+)${literally(name)}(?:\\[[^\\n]*\\])?[ \\t]+[^\\s=:,(]`, "m");
    return store.definitions([name], mostRead).find((place) => place.lang === "go" && path.posix.dirname(place.path) === folder && defined.test(place.text));
  };
  return (methods) => {
    let types: Having["types"] | undefined;
    for (const method of [...methods].sort((a, b) => b.length - a.length).slice(0, mostMethods)) {
      const those = known.get(method) ?? having(method);
      known.set(method, those);
      if (types && !those.isAll) continue;
      types = types ? new Map([...types].filter(([type]) => those.types.has(type))) : those.types;
      if (types.size === 0) return [];
    }
    return [...(types ?? [])].map(([type, method]) => {
      const [folder, name] = type.split("\0") as [string, string];
      const place = shown.get(type) ?? definition(folder, name) ?? method;
      shown.set(type, place);
      return [place, name] as const;
    });
  };
}

interface Having {
  /** Types by folder, which is their package, and name, each with where it has the method. */
  readonly types: ReadonlyMap<string, Place>;
  /** Not of a method that is defined too often. */
  readonly isAll: boolean;
}
