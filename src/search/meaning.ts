// What names mean: how near a query is to a chunk's own names, to its file's name, and to everything its file defines. A name is the author's shortest
// summary, so the table exit, a mean over words, reads it well where a chunk's text drowns it. Costs look-ups only; a file's outline is kept.
import type { Encoder, QueryVectors } from "../encoding/encoder.ts";
import { dot } from "../encoding/int8.ts";
import type { Place } from "../store/store.ts";
import type { Candidate, SearchStore } from "./candidates.ts";

/** Cosines of a query with the names around one candidate. */
export interface NameMeaning {
  /** The names it defines and the class or module around it; undefined when there are none. */
  readonly name: number | undefined;
  /** Its file's name and folder; undefined when they are numbers. */
  readonly file: number | undefined;
  /** Its file's name and all names defined there; undefined when there are none, and where the chunk is the whole file. */
  readonly outline: number | undefined;
}

/** Names of a chunk that are read; more of them blur each other. */
const namesRead = 4;
/** Files whose outline is kept: 1.5 KB each. */
const outlinesKept = 5_000;

/** By encoder: outlines by path and content hash of the file, the oldest first. */
const kept = new WeakMap<Encoder, Map<string, Float32Array | undefined>>();

/** For each candidate, in their order. */
export function nameMeanings(store: SearchStore, encoder: Encoder, vectors: QueryVectors, candidates: readonly Candidate[]): NameMeaning[] {
  const query = encoder.model.sharedSpace ? vectors.deep : vectors.instant;
  const nearness = (names: string) => (hasWords(names) ? dot(query, encoder.embedName(names)) : undefined);
  const outlines = outlinesOf(store, encoder, new Set(candidates.map(({ place }) => place.path)));
  const ofFile = new Map([...outlines].map(([path, vector]) => [path, { file: nearness(fileName(path)), outline: vector && dot(query, vector) }]));
  return candidates.map(({ place }) => ({ name: nearness(namesOf(place)), ...ofFile.get(place.path)! }));
}

/** Numbers mean nothing. */
function hasWords(names: string): boolean {
  return /\p{L}/u.test(names);
}

function namesOf({ symbols, breadcrumb }: Place): string {
  return [...symbols.slice(0, namesRead), breadcrumb.split(" > ").at(-1)!].join(" ");
}

/** `src/auth/session.test.ts` → `auth session.test` */
function fileName(path: string): string {
  return segmentsOf(path).slice(-2).filter(hasWords).join(" ");
}

function segmentsOf(path: string): string[] {
  return path.replace(/\.[^./]*$/, "").split("/");
}

function outlinesOf(store: SearchStore, encoder: Encoder, paths: ReadonlySet<string>): ReadonlyMap<string, Float32Array | undefined> {
  let known = kept.get(encoder);
  if (!known) kept.set(encoder, (known = new Map()));
  const files = store.files();
  const keyOf = (path: string) => `${path}\0${files.get(path)?.hash}`;
  const found = new Map<string, Float32Array | undefined>();
  const missing: string[] = [];
  for (const path of paths) {
    if (known.has(keyOf(path))) found.set(path, known.get(keyOf(path)));
    else missing.push(path);
  }
  for (const [path, names] of store.namesIn(missing)) {
    const isOneChunk = (files.get(path)?.chunks ?? 0) <= 1;
    const words = isOneChunk ? "" : [...new Set([segmentsOf(path).at(-1)!, ...names])].filter(hasWords).join(" ");
    const outline = words === "" ? undefined : encoder.embedName(words);
    found.set(path, outline);
    known.set(keyOf(path), outline);
  }
  while (known.size > outlinesKept) known.delete(known.keys().next().value!);
  return found;
}
