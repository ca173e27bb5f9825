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
/** How deep interfaces are followed that hold others, and how many of these names are looked up: one row may name a hundred. */
const deepest = 3;
const mostHeld = 50;

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

type MethodSets = readonly (readonly string[])[];

/** What each interface of this name demands; those of Go's library where nothing here has the name. @param known each name is looked up once: an interface may hold itself */
function methodSets(store: Definitions, name: string, depth: number, known = new Map<string, MethodSets>()): MethodSets {
  // Whoever types a name in lower case means it in any.
  const isMeant = name === name.toLowerCase() ? (symbol: string) => symbol.toLowerCase() === name : (symbol: string) => symbol === name;
  const defining = store.definitions([name], mostRead).flatMap(({ lang, text, symbols }) => symbols.filter(isMeant).map((symbol) => ({ lang, text, symbol })));
  const bodies = defining.flatMap(({ lang, text, symbol }) => (lang === "go" ? (interfaceBody(symbol, text) ?? []) : []));
  if (bodies.length === 0) return defining.length === 0 && library.has(name) ? [library.get(name)!] : [];
  const ofHeld = (other: string): readonly string[] => {
    if (!known.has(other) && known.size < mostHeld) {
      known.set(other, []);
      known.set(other, methodSets(store, other, depth - 1, known));
    }
    return known.get(other)?.[0] ?? [];
  };
  return bodies.map((body) => {
    const rows = body.split(/[;\n]/).map((row) => row.trim());
    const own = rows.flatMap((row) => /^(\w+)\x01/.exec(row)?.[1] ?? []);
    const held = depth > 1 ? rows.flatMap((row) => /^(?:\w+\.)?(\w+)$/.exec(row)?.[1] ?? []) : [];
    return [...new Set([...own, ...held.flatMap(ofHeld)])];
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

/** Finds the types that have all of some methods, each with where it is defined or else one of these. What was read is kept: there may be hundreds of interfaces of one name. */
function typesByMethods(store: Definitions): (methods: readonly string[]) => readonly (readonly [Place, string])[] {
  const [known, shown] = [new Map<string, Having>(), new Map<string, Place>()];
  const having = (method: string): Having => {
    const places = store.definitions([method], mostRead);
    const receiver = new RegExp(`^func[ \\t]*\\((?:\\w+[ \\t]+)?(?:\\*[ \\t]*)?(\\w+)(?:\\[[^\\]\\n]*\\])?\\)[ \\t]*${literally(method)}[ \\t]*\\(`, "gm");
    const ofGo = places.filter(({ lang }) => lang === "go");
    return { isAll: places.length < mostRead, types: new Map(ofGo.flatMap((place) => [...place.text.matchAll(receiver)].map(([, type]) => [`${path.posix.dirname(place.path)}\0${type}`, place] as const))) };
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
