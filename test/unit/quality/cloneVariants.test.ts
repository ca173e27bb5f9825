import assert from "node:assert/strict";
import { test } from "node:test";
import { exactForm, renamedForm, tokeniseCode } from "../../../src/search/codeTokens.ts";
import { cloneOf, type CloneType, readForClones } from "../../quality/cloneVariants.ts";

const source = `class Basket {
  // Sum of all lines.
  total(lines, rate = 20) {
    let sum = 0;
    for (const line of lines) sum += line.price * rate;
    this.log("the sum is", sum, this.rate);
    return sum;
  }
}
`;
const start = source.indexOf("  // Sum");
const range = { start, end: source.indexOf("\n}\n") };
const original = source.slice(range.start, range.end);
const copy = async (type: CloneType, seed = 3) => (await cloneOf(await readForClones(source, "javascript"), range, type, ["total"], seed))!;
const tokens = (text: string) => tokeniseCode(text, "javascript");

test("type 1 changes layout and comments, and no token", async () => {
  const text = await copy("1 layout");
  assert.notEqual(text, original);
  assert.doesNotMatch(text, /Sum of all/);
  assert.equal(exactForm(tokens(text)), exactForm(tokens(original)));
});

test("type 2 gives variables, parameters and the function other names everywhere, and leaves what they are used on", async () => {
  const text = await copy("2 variables");
  assert.doesNotMatch(text, /\b(total|lines|line|sum)\b/);
  assert.match(text, /this\s*\.log\(/);
  assert.match(text, /\.price\b/);
  assert.match(text, /this\.rate\b/, "a member keeps the name that a parameter lost");
  assert.doesNotMatch(text, /the sum is|20/);
  assert.equal(renamedForm(tokens(text)), renamedForm(tokens(original)));
});

test("every name can change", async () => {
  assert.doesNotMatch(await copy("2 every name"), /\b(log|price|rate)\b/);
});

test("type 3 has a statement more or less", async () => {
  const plain = tokens(await copy("2 variables")).length;
  const counts = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(async (seed) => tokens(await copy("3 variables", seed)).length - plain));
  assert.ok(counts.every((difference) => difference !== 0));
  assert.ok(counts.some((difference) => difference > 0) && counts.some((difference) => difference < 0), counts.join());
});

test("the same seed gives the same copy, another seed another", async () => {
  assert.equal(await copy("2 variables", 5), await copy("2 variables", 5));
  assert.notEqual(await copy("2 variables", 5), await copy("2 variables", 6));
});
