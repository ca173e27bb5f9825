import assert from "node:assert/strict";
import test from "node:test";
import { parseQuery } from "../../../src/search/query.ts";
import { wordingOf } from "../../../src/search/wording.ts";

test("of a sentence counts what a literal says of its runs of words, whatever stands between them", (t) => {
  const query = parseQuery("the order could not be shipped");
  const made = t.mock.method(globalThis, "RegExp");
  const wording = wordingOf(query)!;
  const isNear = (value: number, expected: number) => assert.ok(Math.abs(value - expected) < 1e-9, String(value));
  isNear(wording('fail("The order could not be shipped")'), 2);
  isNear(wording('fail("order, could: not (be) paid")'), 2 / 4);
  isNear(wording('fail("could the order not shipped be")'), 0);
  isNear(wording("// the order could not be shipped"), 0);
  isNear(wording('fail("the orders could not be shipped")'), 2 / 4);
  assert.equal(made.mock.callCount(), 0, "patterns of a question's words would be compiled for it alone");
});
