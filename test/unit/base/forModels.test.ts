import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { copiesForModel, hitsForModel, type HitForModel } from "../../../src/base/forModels.ts";

/** A function of 20 lines from line 101 on: a comment of nine, its head, `extra` near the end of its body. */
const long = (path: string, extra = ""): HitForModel => {
  const body = ["/**", ...Array.from({ length: 7 }, (_, i) => ` * about ${i}`), " */", "function go(there: Place) {", "  first();", ...Array.from({ length: 4 }, (_, i) => `  step${i}();`), "  more();", "  last();", `  ${extra}`, "}", ""];
  return { path, startLine: 101, endLine: 120, line: 110, symbol: "Car.go", breadcrumb: "", lang: "typescript", snippet: body.join("\n") };
};
const four = ["a.ts", "b.ts", "c.ts", "d.ts"].map((path) => long(path));

describe("hits for a language model", () => {
  it("come with their code when they lead, else with the lines that say most, which are named", () => {
    const [first, , third, fourth] = hitsForModel({ hits: four }, "");
    assert.match(first!, /^a\.ts:101-120 \(Car\.go at 110\)\n```typescript\n\/\*\*\n[\s\S]*\n\}\n\n```$/);
    assert.match(third!, /^c\.ts:101-120 \(Car\.go at 110\)\n/);
    assert.match(fourth!, /^d\.ts:101-120 \(Car\.go at 110\), lines 109-116\n```typescript\n \*\/\nfunction go\(there: Place\) \{\n/);
    assert.equal(fourth!.split("\n").length, 1 + 1 + 8 + 1);
  });

  it("show most words of the question before their own name", () => {
    const lines = hitsForModel({ hits: [...four.slice(1), long("e.ts", "retryRequest(afterDelay, attempts);")] }, "retry a request after a delay, with attempts")[3]!;
    assert.match(lines, /^e\.ts:101-120 \(Car\.go at 110\), lines 113-119\n/, "without the empty line at the end");
    assert.match(lines, /retryRequest/);
  });

  it("say what they are to the code that was asked about", () => {
    const [first, , , fourth] = hitsForModel({ hits: four.map((hit) => ({ ...hit, likeness: { kind: "changed", shared: 0.8 } as const })) }, "");
    assert.match(first!, /^a\.ts:101-120 \(Car\.go at 110\): copy with a part changed, 80 % the same\n```/);
    assert.match(fourth!, /^d\.ts:101-120 \(Car\.go at 110\), lines 109-116: copy with a part changed, 80 % the same\n/);
  });

  it("are all short where nothing clearly answers", () => {
    for (const block of hitsForModel({ hits: four, farFetched: true }, "")) assert.match(block, /, lines 109-116\n/);
  });

  it("leave no few lines out", () => {
    const snippet = Array.from({ length: 11 }, (_, i) => `line${i};`).join("\n");
    const hit = { ...long("f.ts"), endLine: 111, snippet };
    assert.ok(hitsForModel({ hits: [hit, hit, hit, hit] }, "line9")[3]!.includes(`\n${snippet}\n`));
  });

  it("say which lines they are when a snippet is the beginning of more", () => {
    assert.match(hitsForModel({ hits: [{ ...long("g.ts"), endLine: 160 }] }, "")[0]!, /^g\.ts:101-160 \(Car\.go at 110\), lines 101-120\n/);
  });
});

describe("copies for a language model", () => {
  it("are not said to be none where nothing could be compared", () => {
    assert.deepEqual(copiesForModel({ groups: [] }), ["No duplicates found."]);
    assert.match(copiesForModel({ groups: [], nothingPasses: true }).join(), /^Nothing was compared: no code that has been read passes the filters\. Check their names/);
    assert.deepEqual(copiesForModel({ groups: [], nothingPasses: true, whyNothing: "gen is left out." }), ["Nothing was compared: no code that has been read passes the filters. gen is left out."]);
  });
});
