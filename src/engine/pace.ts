// How the engine shares out its time: how much of each kind of work is done at once, and how often. The order of work is in engine.ts.
import { count } from "../base/counts.ts";

export const REFINE_BUDGET_MS = 400; // a query may spend this on encoding what it shows at the top exit
export const BEGIN_MS = 150; // a client configures within some milliseconds after it has connected; the terminal does not
/** Chunks of one background round: a few batches, after which saves and graph inserts get their turn. */
export const DEEPEN_ROUND = 32;
/**
 * Chunks of the most recently changed files that are read deeper unasked: one hour at 50 a second, six at 9. The million of Linux's sources would keep a
 * laptop warm for a day or more, and what a search shows is read by itself.
 */
export const MOST_DEEPENED = 200_000;
/** What a person is told where the background rests before everything is read deeply. */
export function restsEarly({ chunks, deep }: { readonly chunks: number; readonly deep: number }): string | undefined {
  if (deep < MOST_DEEPENED || deep >= chunks) return undefined;
  return `In a workspace this large the ${count(MOST_DEEPENED)} most recently changed pieces of code are read deeply by themselves, the others when they are saved or a search shows them.`;
}
/** Chunks of saved files that are encoded at once: the hits of a search that comes meanwhile wait for no more. */
export const SAVED_SLICE = 8;
export const GRAPH_SLICE_MS = 8;
/** So long a step of measuring the noise floor waits for answers: duplicates take minutes. */
export const FLOOR_STEP_MS = 500;
/** Chunks from which on the first answers are slow enough to be felt: 50 to 150 ms. */
export const WARM_FROM = 2_000;
/** Since the last question, before the engine asks itself one: who asks one after the other warms it, and would wait for it in between. */
export const QUIET_MS = 1_000;
/** Chunks that get their instant vector of a new model in one slice: some 20 ms of tokenising. */
export const REPLACE_ROUND = 100;
/** Graph files are large, and rewritten as a whole: that happens when work pauses, and while it goes on at most this often and in a thirtieth of the time. */
export const SAVE_EVERY_MS = 60_000;
export const SAVE_SHARE = 30;
export const STATUS_EVERY_MS = 150;
export const DISK_RETRY_MS = 10_000;
/** Any other failure is tried again after this, then after twice as long each time. */
export const RETRY_MS = 5_000;
export const MAX_RETRY_MS = 300_000;
/** More changed paths than this at once (a branch switch) are a full pass, which is cheaper than looking at each. */
export const MASS_CHANGE = 300;
/** Up to so many changed files at once are a save, which is read before anybody hears of it. */
export const FEW_CHANGES = 10;
/** So long a question waits for changed files that are being read, FEW_CHANGES at most: some 20 ms, more behind a parser that is busy with a large one. */
export const FRESH_MS = 300;
/** Looks at the disk of a pass that nobody watches beside: each but the first reads only what came meanwhile, and somebody may write without an end. */
export const LOOKS_UNWATCHED = 3;
