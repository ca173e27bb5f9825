import assert from "node:assert/strict";
import { test } from "node:test";
import { median, sum } from "../../../src/base/statistics.ts";

test("sums and middles, of none too", () => {
  assert.deepEqual([sum([]), sum([1, 2, 4])], [0, 7]);
  assert.deepEqual([median([]), median([3]), median([3, 1]), median([9, 1, 2])], [0, 3, 2, 2]);
});
