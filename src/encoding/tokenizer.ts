// WordPiece as BERT does it, read from a model's tokenizer.json: prepared text to token ids. Own code because every chunk of a
// workspace passes here and a cache of whole words makes it several times faster than @huggingface/tokenizers; the ids are
// checked against Python's `tokenizers` (parity.json, test/fixtures/tokenizer).
import { z } from "zod";
import { StrataError } from "../base/errors.ts";
import { literally } from "../base/literally.ts";
import { ownCopy } from "../base/ownCopy.ts";

const tokenizerFile = z.object({
  normalizer: z.object({
    type: z.literal("BertNormalizer"),
    clean_text: z.literal(true),
    handle_chinese_chars: z.literal(true),
    // null follows `lowercase`.
    strip_accents: z.union([z.literal(true), z.null()]),
    lowercase: z.literal(true),
  }),
  pre_tokenizer: z.object({ type: z.literal("BertPreTokenizer") }),
  added_tokens: z.array(z.object({ id: z.int(), content: z.string().min(1) })).max(1000), // each is looked for in every text
  model: z.object({
    type: z.literal("WordPiece"),
    unk_token: z.string(),
    continuing_subword_prefix: z.string(),
    // Each way to cut a word of that length is tried.
    max_input_chars_per_word: z.int().min(1).max(1000),
    // Thirty thousand entries, in a file whose hash was checked: looking at each would cost more than reading them.
    vocab: z.custom<Readonly<Record<string, number>>>((value) => typeof value === "object" && value !== null),
  }),
});

export interface Tokenizer {
  /** Ids with [CLS] and [SEP], cut to `maxTokens` including both. `prepared` has passed prepareText. */
  encode(prepared: string, maxTokens: number): Int32Array;
}

/** undefined for what is no JSON, which is no tokenizer either. */
function contentOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Pieces that are remembered; then the memory starts afresh. A piece costs some 100 bytes, so this is a few megabytes a thread. */
const CACHED_PIECES = 40_000;
/** Longer pieces are data (base64, hashes): they do not come back. */
const CACHED_PIECE_LENGTH = 40;

/**
 * @param json content of tokenizer.json
 * @throws StrataError "model.unsupported" for anything but lower-cased BERT WordPiece
 */
export function createTokenizer(json: string): Tokenizer {
  const parsed = tokenizerFile.safeParse(contentOf(json));
  if (!parsed.success)
    throw new StrataError(
      "model.unsupported",
      "The model's tokenizer is not a lower-cased BERT WordPiece tokenizer, the only kind Strata reads. Choose another model or export this one again with `strata_train export`.",
      parsed.error,
    );
  const { model, added_tokens: addedTokens } = parsed.data;
  const prefix = model.continuing_subword_prefix;
  const maxWordLength = model.max_input_chars_per_word;
  // Two maps, so that no "##" has to be put in front of each candidate.
  const starts = new Map<string, number>();
  const continuations = new Map<string, number>();
  let longestStart = 0;
  let longestContinuation = 0;
  // A word never begins with the prefix: its characters are punctuation and stand alone.
  for (const [token, id] of Object.entries(model.vocab)) {
    if (token.startsWith(prefix) && token.length > prefix.length) {
      continuations.set(token.slice(prefix.length), id);
      longestContinuation = Math.max(longestContinuation, token.length - prefix.length);
    } else {
      starts.set(token, id);
      longestStart = Math.max(longestStart, token.length);
    }
  }
  const special = new Map(addedTokens.map(({ content, id }) => [content, id]));
  const idOf = (token: string): number => {
    const id = special.get(token) ?? starts.get(token);
    if (id === undefined) throw new StrataError("model.unsupported", `The model's tokenizer has no ${token} token. Export the model again with \`strata_train export\`.`);
    return id;
  };
  const clsId = idOf("[CLS]");
  const sepId = idOf("[SEP]");
  const unknownId = idOf(model.unk_token);
  idOf("[PAD]"); // nothing is padded, but a file without it is not one that was exported
  // A special token that stands literally in the text is that token for the reference tokenizer, so it is here.
  const specials = new RegExp([...special.keys()].map(literally).join("|"), "g");

  /** Appends the ids of one normalised word: greedy longest match, the whole word unknown when a rest has none. */
  function wordPieces(word: string, out: number[]): void {
    // Length in characters, as the reference counts, matters only near the limit.
    if (word.length > maxWordLength && [...word].length > maxWordLength) {
      out.push(unknownId);
      return;
    }
    const first = out.length;
    for (let start = 0; start < word.length; ) {
      const pieces = start === 0 ? starts : continuations;
      let end = Math.min(word.length, start + (start === 0 ? longestStart : longestContinuation));
      let id: number | undefined;
      for (; end > start; end--) if ((id = pieces.get(word.slice(start, end))) !== undefined) break;
      if (id === undefined) {
        out.length = first;
        out.push(unknownId);
        return;
      }
      out.push(id);
      start = end;
    }
  }

  function encodePiece(piece: string): readonly number[] {
    const ids: number[] = [];
    for (const word of words(piece)) wordPieces(word, ids);
    return ids;
  }

  /** A lone number is the common case; an array stands for none or several. */
  let cache = new Map<string, number | readonly number[]>();
  function idsOf(piece: string): number | readonly number[] {
    const known = cache.get(piece);
    if (known !== undefined) return known;
    const ids = encodePiece(piece);
    const entry = ids.length === 1 ? ids[0]! : ids;
    if (piece.length > CACHED_PIECE_LENGTH) return entry;
    if (cache.size >= CACHED_PIECES) cache = new Map();
    cache.set(ownCopy(piece), entry);
    return entry;
  }

  /** Fills `out` from `count` on with the ids of text without special tokens; gives the new count, at most `limit`. */
  function encodeSpan(text: string, from: number, to: number, out: Int32Array, count: number, limit: number): number {
    let at = from;
    while (at < to && count < limit) {
      let kind = kindAt(text, at);
      if (kind === gap) {
        at++;
        continue;
      }
      const start = at++;
      if (kind === wordPart) while (at < to && (kind = kindAt(text, at)) === wordPart) at++;
      const ids = idsOf(text.slice(start, at));
      if (typeof ids === "number") out[count++] = ids;
      else for (let i = 0; i < ids.length && count < limit; i++) out[count++] = ids[i]!;
    }
    return count;
  }

  // Reused: every encode of this thread fills it and returns a copy of the part in use.
  let scratch = new Int32Array(512);
  return {
    encode(prepared, maxTokens) {
      if (scratch.length < maxTokens) scratch = new Int32Array(maxTokens);
      const limit = maxTokens - 1;
      scratch[0] = clsId;
      let count = 1;
      let at = 0;
      if (special.size > 0 && prepared.includes("[")) {
        specials.lastIndex = 0;
        for (let match = specials.exec(prepared); match && count < limit; match = specials.exec(prepared)) {
          count = encodeSpan(prepared, at, match.index, scratch, count, limit);
          if (count < limit) scratch[count++] = special.get(match[0])!;
          at = specials.lastIndex;
        }
      }
      count = encodeSpan(prepared, at, prepared.length, scratch, count, limit);
      scratch[count++] = sepId;
      return scratch.slice(0, count);
    },
  };
}

const wordPart = 0;
const gap = 1;
const lonePunctuation = 2;

/** ASCII decides at once where a piece ends; everything else, control characters included, is left to `words`. */
const asciiKinds = new Uint8Array(128);
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code);
  if (/[ \t\n\r]/.test(character)) asciiKinds[code] = gap;
  else if (/[!-/:-@[-`{-~]/.test(character)) asciiKinds[code] = lonePunctuation;
}
function kindAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code < 128 ? asciiKinds[code]! : wordPart;
}

/**
 * BERT's normaliser and pre-tokeniser for a piece between ASCII borders: control and format characters vanish, CJK characters stand
 * alone, accents are stripped, letters lower-cased one by one (no final-sigma rule), punctuation stands alone. Characters that
 * Unicode added after version 8 follow today's Unicode here; the reference knows them neither as marks nor as punctuation.
 */
function words(piece: string): readonly string[] {
  if (/^[a-z0-9]+$/.test(piece)) return [piece];
  if (/^[A-Za-z0-9]+$/.test(piece)) return [piece.toLowerCase()];
  let text = "";
  for (const character of piece) {
    if (character === "\ufffd" || /[\p{Cc}\p{Cf}\p{Co}]/u.test(character)) continue;
    text += isCjk(character.codePointAt(0)!) ? ` ${character} ` : character;
  }
  let normal = "";
  for (const character of text.normalize("NFD").replace(/\p{Mn}/gu, "")) normal += character.toLowerCase();
  return normal.match(/[\p{P}!-/:-@[-`{-~]|[^\s\p{P}!-/:-@[-`{-~]+/gu) ?? [];
}

/** The ranges BERT takes for Chinese characters: ideographs, not kana or hangul. */
function isCjk(code: number): boolean {
  return (
    (code >= 0x4e00 && code <= 0x9fff) ||
    (code >= 0x3400 && code <= 0x4dbf) ||
    (code >= 0x20000 && code <= 0x2a6df) ||
    (code >= 0x2a700 && code <= 0x2b73f) ||
    (code >= 0x2b740 && code <= 0x2b81f) ||
    (code >= 0x2b820 && code <= 0x2ceaf) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0x2f800 && code <= 0x2fa1f)
  );
}
