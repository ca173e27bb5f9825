import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { queryWords } from "../../../src/base/queryWords.ts";

describe("the words of a query that are looked for in a hit", () => {
  for (const [query, expected] of [
    ["where are retries backed off", ["retri", "back", "off"]],
    ["check that a token has not expired", ["check", "expir", "token"]],
    ["parseDate lang:go path:src", ["parsedate", "parse", "date"]],
    ['where is the maxTokens lang:go -path:"a b" of parse_header', ["maxtokens", "parse_header", "token", "parse", "head", "max"]],
    ["how does the code show what it uses", []],
    ["lang:go", []],
  ] as const)
    it(`of "${query}" are ${expected.join(", ") || "none"}`, () => {
      assert.deepEqual([...queryWords(query)].sort(), [...expected].sort());
    });
});
