import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { StrataError } from "../../../src/base/errors.ts";
import { createTokenizer } from "../../../src/encoding/tokenizer.ts";
import { tinyModelFolder } from "../../support/tinyModel.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const tiny = readFileSync(path.join(tinyModelFolder, "tokenizer.json"), "utf8");
const vocabulary = (JSON.parse(tiny) as { model: { vocab: Record<string, number> } }).model.vocab;
const [cls, sep, unknown] = [vocabulary["[CLS]"]!, vocabulary["[SEP]"]!, vocabulary["[UNK]"]!];
const idsOf = (...tokens: string[]) => tokens.map((token) => vocabulary[token]!);

describe("the tokenizer", () => {
  it("agrees with the reference on awkward and random texts", () => {
    const base = createTokenizer(readFileSync(path.join(root, "models/strata-base/tokenizer.json"), "utf8"));
    const rows = JSON.parse(readFileSync(path.join(root, "test/fixtures/tokenizer/hardCases.json"), "utf8")) as { name: string; prepared: string; ids: number[] }[];
    // Twice: the second time most pieces come from the memory of pieces.
    for (const round of [1, 2]) for (const { name, prepared, ids } of rows) assert.deepEqual([...base.encode(prepared, 1000)], ids, `${name}, round ${round}`);
  });

  const tokenizer = createTokenizer(tiny);
  const examples: readonly (readonly [text: string, tokens: readonly string[]])[] = [
    ["parse file", ["parse", "file"]],
    ["Parser", ["parse", "##r"]],
    ["parsing", ["p", "##a", "##r", "##s", "##ing"]],
    ["get()", ["get", "(", ")"]],
    ["é", ["e"]],
    ["漢", ["[UNK]"]],
    ["get漢file", ["get", "[UNK]", "file"]],
    ["[MASK]file", ["[MASK]", "file"]],
    ["ge\u200bt", ["get"]],
    ["", []],
  ];
  for (const [text, tokens] of examples)
    it(`reads ${JSON.stringify(text)} as ${tokens.join(" ") || "nothing"}`, () => assert.deepEqual([...tokenizer.encode(text, 32)], [cls, ...idsOf(...tokens), sep]));

  it("cuts to the limit and still ends with [SEP]", () => {
    const text = "get set read write ".repeat(10);
    const whole = tokenizer.encode(text, 1000);
    for (const limit of [4, 5, 17, 41]) assert.deepEqual([...tokenizer.encode(text, limit)], [...whole.slice(0, limit - 1), sep]);
    assert.equal(whole.length, 42);
    assert.equal(tokenizer.encode(text, 42).length, 42);
  });

  it("keeps to any limit, also before a special token and beyond what most texts need", () => {
    assert.deepEqual([...tokenizer.encode("get set[MASK]", 4)], [cls, ...idsOf("get", "set"), sep]);
    assert.equal(createTokenizer(tiny).encode("get ".repeat(900), 700).length, 700);
  });

  it("cuts inside a word of several pieces", () => assert.deepEqual([...tokenizer.encode("parsing", 4)], [cls, ...idsOf("p", "##a"), sep]));

  it("gives every call its own array", () => {
    const first = tokenizer.encode("get", 32);
    tokenizer.encode("set file", 32);
    assert.deepEqual([...first], [cls, ...idsOf("get"), sep]);
  });

  it("still answers the same when more pieces passed than it remembers", () => {
    const before = tokenizer.encode("cached server 1a2", 32);
    for (let i = 0; i < 60_000; i++) tokenizer.encode(`w${i.toString(36)}`, 32);
    assert.deepEqual(tokenizer.encode("cached server 1a2", 32), before);
  });

  it("takes a word without pieces as unknown as a whole", () => assert.deepEqual([...tokenizer.encode("getж get", 32)], [cls, unknown, ...idsOf("get"), sep]));

  const refused: readonly (readonly [what: string, edit: (json: any) => void])[] = [
    ["a byte-level BPE model", (json) => (json.model.type = "BPE")],
    ["a cased normaliser", (json) => (json.normalizer.lowercase = false)],
    ["another pre-tokenizer", (json) => (json.pre_tokenizer.type = "Whitespace")],
    ["words of any length, each way to cut which would be tried", (json) => (json.model.max_input_chars_per_word = 1e9)],
    ["thousands of added tokens, each of which would be looked for in every text", (json) => json.added_tokens.push(...Array.from({ length: 1000 }, (_, i) => ({ id: 1, content: `[${i}` })))],
    ["a vocabulary without [CLS]", (json) => void (delete json.model.vocab["[CLS]"], (json.added_tokens = []))],
  ];
  for (const [what, edit] of refused)
    it(`refuses ${what}`, () => {
      const json = JSON.parse(tiny);
      edit(json);
      assert.throws(
        () => createTokenizer(JSON.stringify(json)),
        (error) => StrataError.is(error, "model.unsupported"),
      );
    });
});
