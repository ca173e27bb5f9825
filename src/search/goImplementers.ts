// Go says nowhere which interface a type implements: each does that has all of its methods. Types that say it by what they embed are in implementers.ts.
import path from "node:path";
import { literally } from "../base/literally.ts";
import type { Place, Store } from "../store/store.ts";

type Definitions = Pick<Store, "definitions">;

/** Of Go's own library what people ask the implementers of; it is in no workspace. */
const library: ReadonlyMap<string, readonly string[]> = new Map(Object.entries({
  Reader: ["Read"], Writer: ["Write"], Closer: ["Close"], Seeker: ["Seek"], ReadCloser: ["Read", "Close"], WriteCloser: ["Write", "Close"], ReadWriter: ["Read", "Write"],
  ReaderAt: ["ReadAt"], WriterAt: ["WriteAt"], ReaderFrom: ["ReadFrom"], WriterTo: ["WriteTo"], Stringer: ["String"], Formatter: ["Format"], GoStringer: ["GoString"],
  Handler: ["ServeHTTP"], RoundTripper: ["RoundTrip"], Flusher: ["Flush"], Hijacker: ["Hijack"], Interface: ["Len", "Less", "Swap"], Marshaler: ["MarshalJSON"], Unmarshaler: ["UnmarshalJSON"],
  TextMarshaler: ["MarshalText"], TextUnmarshaler: ["UnmarshalText"], BinaryMarshaler: ["MarshalBinary"], BinaryUnmarshaler: ["UnmarshalBinary"], Scanner: ["Scan"], Valuer: ["Value"],
}));

/** Places read that define one name: what is defined more often tells nothing, as `Close` in a large repository. */
const mostRead = 500;
/** Methods looked for; those with long names say most. */
const mostMethods = 8;
/** How deep interfaces are followed that hold others. */
const deepest = 3;

/** Types by place that have all methods of an interface, each with the name of the type. Nothing for what is no interface of Go. */
export function goImplementers(store: Definitions, name: string): ReadonlyMap<Place, string> {
  const methods = methodSets(store, name.split(".").at(-1)!, deepest);
  const found = new Map<Place, string>();
  const places = new Map<string, readonly Place[]>();
  for (const set of methods) for (const [place, type] of typesWith(store, set, places)) found.set(place, type);
  return found;
}

/** What each interface of this name demands; those of Go's library where nothing here has the name. */
function methodSets(store: Definitions, name: string, depth: number): readonly (readonly string[])[] {
  // Whoever types a name in lower case means it in any.
  const isMeant = name === name.toLowerCase() ? (symbol: string) => symbol.toLowerCase() === name : (symbol: string) => symbol === name;
  const defining = store.definitions([name], mostRead).flatMap(({ lang, text, symbols }) => symbols.filter(isMeant).map((symbol) => ({ lang, text, symbol })));
  const bodies = defining.flatMap(({ lang, text, symbol }) => (lang === "go" ? (interfaceBody(symbol, text) ?? []) : []));
  if (bodies.length === 0) return defining.length === 0 && library.has(name) ? [library.get(name)!] : [];
  return bodies.map((body) => {
    const rows = body.split(/[;\n]/).map((row) => row.trim());
    const own = rows.flatMap((row) => /^(\w+)\x01/.exec(row)?.[1] ?? []);
    const held = depth > 1 ? rows.flatMap((row) => /^(?:\w+\.)?(\w+)$/.exec(row)?.[1] ?? []) : [];
    return [...new Set([...own, ...held.flatMap((other) => methodSets(store, other, depth - 1)[0] ?? [])])];
  });
}

/** In place of round brackets and what stands in them. */
const brackets = "\u0001";

/** Without comments, and without what stands in brackets. */
function interfaceBody(name: string, text: string): string | undefined {
  const begun = new RegExp(`(?:\\btype\\s+|^[ \\t]+)${literally(name)}(?:\\[[^\\n]*\\])?\\s+interface\\s*\\{`, "m").exec(text);
  if (!begun) return undefined;
  let code = text.slice(begun.index + begun[0].length).replace(/\/\/.*|\/\*[^]*?\*\//g, "");
  for (let before = ""; before !== code; ) [before, code] = [code, code.replace(/\([^()]*\)/g, brackets).replace(/\b(interface|struct)\s*\{\s*\}/g, "$1")];
  return code.split("}", 1)[0]!;
}

function typesWith(store: Definitions, methods: readonly string[], known: Map<string, readonly Place[]>): readonly (readonly [Place, string])[] {
  const read = (name: string): readonly Place[] => {
    const places = known.get(name) ?? store.definitions([name], mostRead);
    known.set(name, places);
    return places;
  };
  /** Types by folder, which is their package, and name. */
  let types: Map<string, Place> | undefined;
  for (const method of [...methods].sort((a, b) => b.length - a.length).slice(0, mostMethods)) {
    const having = new Map<string, Place>();
    const receiver = new RegExp(`^func[ \\t]*\\((?:\\w+[ \\t]+)?\\*?[ \\t]*(\\w+)(?:\\[[^\\]\\n]*\\])?\\)[ \\t]*${literally(method)}[ \\t]*\\(`, "gm");
    const places = read(method);
    for (const place of places) {
      if (place.lang === "go") for (const [, type] of place.text.matchAll(receiver)) having.set(`${path.posix.dirname(place.path)}\0${type}`, place);
    }
    if (types && places.length === mostRead) continue;
    types = types ? new Map([...types].filter(([type]) => having.has(type))) : having;
    if (types.size === 0) return [];
  }
  return [...(types ?? [])].map(([type, method]) => {
    const [folder, name] = type.split("\0") as [string, string];
    const defined = new RegExp(`(?:\\btype[ \\t]+|^[ \\t]+)${literally(name)}(?:\\[[^\\n]*\\])?[ \\t]+[^\\s=:,(]`, "m");
    const definition = read(name).find((place) => place.lang === "go" && path.posix.dirname(place.path) === folder && defined.test(place.text));
    return [definition ?? method, name] as const;
  });
}
