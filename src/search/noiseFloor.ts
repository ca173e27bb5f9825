// Whether an answer is one. Vectors are near to something whatever is asked; what questions about nothing here come near to tells how near means nothing.
import { yieldToEventLoop } from "../base/abort.ts";
import type { Log } from "../base/log.ts";
import { median, sum } from "../base/statistics.ts";
import type { Encoder, QueryVectors } from "../encoding/encoder.ts";
import type { Candidates, SearchStore } from "./candidates.ts";
import type { ParsedQuery } from "./query.ts";
import { analyse, isUnspaced } from "./terms.ts";
import { isRelated, relatedAmong } from "./relations.ts";

/** Questions that no code answers, made of words that are seldom names in code. */
const unrelated = [
  "how do bees make honey", "who painted the ceiling of the chapel", "best time to plant tomatoes", "treatment of a broken ankle",
  "emperors of ancient rome", "ferry to the island in winter", "a lullaby for a tired baby", "yesterday's price of gold",
  "knitting a woollen sweater", "why is the sky blue", "second wife of the king", "cheap flights to lisbon",
  "symptoms of measles", "how tall is the highest mountain", "soup with carrots and ginger", "rain is expected on sunday",
];
/** Standard deviations above the middle of what unrelated questions reach, taken from the median deviation: a workspace may be about one or two of them. */
const spread = 3;
const normal = 1.4826;
/** Share of what the query's words are worth that makes a candidate an answer by its words alone. */
const enoughWords = 0.5;
/** Chunks that may come, go or be read deeper until it is measured again; in a small index that takes no time. */
const drift = (chunks: number): number => (chunks < 2_000 ? 0 : chunks / 10);

type MeasuredStore = Pick<SearchStore, "searchDense" | "coverage">;

/** The highest cosine that means nothing in an index. Measured behind the answers, and again when the index has changed much. */
export class NoiseFloor {
  readonly #log: Log;
  readonly #whenFree: () => Promise<unknown>;
  #questions: { readonly model: string; readonly vectors: readonly QueryVectors[] } | undefined;
  #known: { readonly model: string; readonly chunks: number; readonly deep: number; readonly cosine: number } | undefined;
  #measuring: Promise<void> | undefined;

  /** @param whenFree resolves when nobody waits for an answer: an answer awaits several times, and a step of this in each gap made the first one take 0.4 s */
  constructor(log: Log, whenFree: () => Promise<unknown> = () => Promise.resolve()) {
    this.#log = log;
    this.#whenFree = whenFree;
  }

  /** What was measured last, undefined before that and of another model. Begins to measure when it is due. */
  of(store: MeasuredStore, encoder: Encoder): number | undefined {
    const model = encoder.model.hash;
    const { chunks, deep } = store.coverage();
    const known = this.#known?.model === model ? this.#known : undefined;
    const isNear = (before: number, now: number) => Math.abs(before - now) <= drift(chunks);
    if (!known || !isNear(known.chunks, chunks) || !isNear(known.deep, deep)) {
      this.#measuring ??= this.#measure(store, encoder)
        .catch((error: unknown) => this.#log("warn", "Whether answers are far-fetched could not be measured", error))
        .finally(() => (this.#measuring = undefined));
    }
    return known?.cosine;
  }

  /** Resolves when nothing is being measured. */
  async settled(): Promise<void> {
    await this.#measuring;
  }

  async #measure(store: MeasuredStore, encoder: Encoder): Promise<void> {
    const model = encoder.model.hash;
    const { chunks, deep } = store.coverage();
    if (this.#questions?.model !== model) {
      const vectors: QueryVectors[] = [];
      for (const question of unrelated) {
        await this.#whenFree();
        vectors.push(await encoder.embedQuery(question));
      }
      this.#questions = { model, vectors };
    }
    const nearest: number[] = [];
    for (const vectors of this.#questions.vectors) {
      await this.#whenFree();
      nearest.push(...store.searchDense(vectors, 1, {}).map(({ calibrated }) => calibrated));
      // Each is a scan of all vectors in a large workspace, and somebody may be waiting for an answer.
      await yieldToEventLoop();
    }
    const middle = median(nearest);
    const deviation = normal * median(nearest.map((cosine) => Math.abs(cosine - middle)));
    this.#known = { model, chunks, deep, cosine: nearest.length < unrelated.length ? -1 : middle + spread * deviation };
  }
}

/**
 * Whether nothing among the candidates of a question in words, or of a name, is nearer than chance, or has most of its words.
 * @param typed its text as it was typed: what a word was read as, it does not say; a name that was read as another one has been found
 */
export function isFarFetched(query: ParsedQuery, typed: string, { items, idf }: Candidates, floor: number): boolean {
  if ((query.kind !== "prose" && (query.kind !== "symbol" || typed !== query.text)) || query.phrases.length > 0 || items.length === 0) return false;
  // Neighbours that were joined on the chance that they are a name are nothing that is missing.
  const worthOf = (words: ReadonlySet<string>) => idf.map((weight, i) => (words.has(query.terms[i]!) ? weight : 0));
  const worth = sum(worthOf(new Set(analyse(query.text))));
  const said = worthOf(new Set(analyse(typed)));
  // Code is written in other scripts: what lies near to a word of one without spaces are signs that are as rare as it is.
  const saysNoSign = isUnspaced(query.text) && items.every(({ terms }) => terms.every((score) => score === 0));
  if (!saysNoSign && !items.every(({ dense, terms }) => dense !== undefined && dense < floor && sum(said.filter((_, i) => terms[i]! > 0)) < enoughWords * worth)) return false;
  // Who asks for the callers of a name has his answer in each. Last: it reads the text of every candidate.
  const related = query.relation && relatedAmong(query.relation, items);
  return related === undefined || !items.some(({ place }) => isRelated(related(place)));
}
