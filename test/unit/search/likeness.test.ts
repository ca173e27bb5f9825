import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { likenessText } from "../../../src/base/copies.ts";
import type { Depth } from "../../../src/encoding/encoder.ts";
import type { ChunkKind } from "../../../src/indexing/chunk.ts";
import { tokeniseCode } from "../../../src/search/codeTokens.ts";
import { likenessTo } from "../../../src/search/likeness.ts";
import type { Place } from "../../../src/store/store.ts";

const place = (text: string, { lang = "typescript", kind = "function" }: { lang?: string; kind?: ChunkKind } = {}): Place => ({
  chunkId: 7, place: 9, path: "src/b.ts", startLine: 1, endLine: 9, lang, kind, text, symbols: [], breadcrumb: "", doc: "", isTest: false, isGenerated: false, depth: "deep",
});

const loop = [
  "  const kept: number[] = [];",
  "  for (const price of prices) {",
  "    if (price > least && kept.length < 10) kept.push(price * rate);",
  "    else if (price < 0) kept.pop();",
  "  }",
];
const own = ["function pricesAbove(prices: number[], least: number, rate: number) {", ...loop, "  return kept;", "}"].join("\n");
const renamed = own.replaceAll("price", "cost").replaceAll("kept", "list").replaceAll("least", "floor");

describe("what a hit of similar code is to the code that was asked about", () => {
  const likeness = (of: Place, score: number, depth: Depth = "deep", about = own) => likenessTo(about, tokeniseCode(about, "typescript"))(of, tokeniseCode(of.text, of.lang), { score, depth });
  const far = (text: string, about = own, how = {}) => likeness(place(text, how), 0.1, "deep", about);

  it("is an exact copy, whatever its layout and comments", () => {
    assert.deepEqual(far(own), { kind: "exact" });
    assert.deepEqual(far(own.replaceAll("\n", "\n\n").replace("kept.pop();", "kept.pop(); // a refund\n")), { kind: "exact" });
    assert.deepEqual(far("x = y;", "x=y;"), { kind: "exact" }, "however short");
    assert.equal(far("// nothing", "/* none */"), undefined, "comments alone are no code");
  });

  it("holds an exact copy of the lines that were selected", () => {
    assert.deepEqual(far(own, loop.join("\n")), { kind: "within" });
    assert.deepEqual(far(own.replace(");\n    else", "); else"), loop.slice(1, 4).join("\n")), { kind: "within" }, "marks that meet at an end are told apart");
    assert.equal(far(own, "kept.push(price * rate);"), undefined, "a statement stands in many places");
    assert.equal(far(loop.join("\n")), undefined, "but not the other way round");
  });

  it("is a copy with other names, and no list is one", () => {
    assert.deepEqual(far(renamed), { kind: "renamed" });
    const list = (word: string) => Array.from({ length: 9 }, (_, i) => `register(${word}${i}, "${word}");`).join("\n");
    assert.equal(far(list("blue"), list("red")), undefined);
    assert.deepEqual(far(list("red"), list("red")), { kind: "exact" });
  });

  it("is a copy with a part changed, of functions", () => {
    const changed = renamed.replace("else if (cost < 0) list.pop();", "");
    const found = far(changed);
    assert.equal(found?.kind, "changed");
    assert.ok(found.shared! >= 0.7 && found.shared! < 1, String(found.shared));
    assert.equal(far(changed, own, { kind: "window" }), undefined);
    assert.equal(far(["function other(a: string) {", "  return a.trim().split(' ').map((word) => word.at(0)).filter(Boolean).join('').toUpperCase();", "}"].join("\n")), undefined);
  });

  it("is much alike by its score, for which lower exits need less", () => {
    const other = place("def total(rows):\n    return sum(row.price for row in rows)\n", { lang: "python" });
    assert.deepEqual(([["instant", 0.9], ["shallow", 0.95], ["deep", 1]] as const).map(([depth, score]) => [likeness(other, score, depth), likeness(other, score - 0.01, depth)]), Array.from({ length: 3 }, () => [{ kind: "alike" }, undefined]));
    assert.deepEqual(likeness(place(renamed), 1.2), { kind: "renamed" }, "what is a copy is called one");
  });

  it("is told in words", () => {
    assert.equal(likenessText({ kind: "exact" }), "exact copy");
    assert.equal(likenessText({ kind: "changed", shared: 0.849 }), "copy with a part changed, 84 % the same");
  });
});
