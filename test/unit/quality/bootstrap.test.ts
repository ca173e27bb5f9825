import assert from "node:assert/strict";
import { test } from "node:test";
import { interval90 } from "../../quality/bootstrap.ts";

test("a difference that every question shows is certain", () => {
  assert.deepEqual(interval90([[0.25, 0.25, 0.25], [0.25]]), [0.25, 0.25]);
});

test("wins and losses that cancel each other leave zero inside, and more questions narrow the interval", () => {
  const [low, high] = interval90([Array.from({ length: 20 }, (_, i) => (i % 2 ? 1 : -1))]);
  assert.ok(low < 0 && high > 0);
  const [lower, higher] = interval90([Array.from({ length: 2_000 }, (_, i) => (i % 2 ? 1 : -1))]);
  assert.ok(higher - lower < (high - low) / 5);
  // The standard error of 20 values of ±1 is 0.22; 90 of 100 lie within 1.64 of it.
  assert.ok(Math.abs(high - 0.37) < 0.1 && Math.abs(low + 0.37) < 0.1, `${low} ${high}`);
});

test("every repository counts alike, however many questions it has", () => {
  const [low, high] = interval90([Array.from({ length: 100 }, () => 0), [0.5]]);
  assert.deepEqual([low, high], [0.25, 0.25]);
});
