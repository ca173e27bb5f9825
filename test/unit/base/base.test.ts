// The small shared pieces: errors and how they are told, hashes, builds and their order, cancellation.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import test from "node:test";
import { isAbort, yieldToEventLoop } from "../../../src/base/abort.ts";
import { build, compareBuilds, entryFile, packageRoot } from "../../../src/base/assets.ts";
import { describeError, StrataError, userMessage } from "../../../src/base/errors.ts";
import { hash128, sha256 } from "../../../src/base/hash.ts";

test("an error is told apart by its code, not by its text", () => {
  const error = new StrataError("index.diskFull", "The disk is full. Free some space.");
  assert.ok(StrataError.is(error));
  assert.ok(StrataError.is(error, "index.diskFull"));
  assert.ok(!StrataError.is(error, "index.busy"));
  assert.ok(!StrataError.is(new Error("The disk is full.")));
});

test("a log line holds the whole chain of causes and ends on a cause that is its own cause", () => {
  const root = new Error("ENOSPC");
  const described = describeError(new StrataError("index.diskFull", "The disk is full.", new Error("write failed", { cause: root })));
  assert.match(described, /^\[index\.diskFull\] The disk is full\.\n {2}caused by Error: write failed[\s\S]*caused by Error: ENOSPC/);
  const loop = new Error("loop");
  loop.cause = loop;
  assert.ok(describeError(loop).length < 10_000);
  assert.equal(describeError("just text"), "just text");
});

test("a person is shown the sentence alone", () => {
  assert.equal(userMessage(new StrataError("model.missing", "There is no model.")), "There is no model.");
  assert.equal(userMessage(42), "42");
  assert.ok(userMessage(new SyntaxError("x".repeat(2_000_000))).length < 1_000, "an error that quotes megabytes is no sentence");
});

test("hashes keep their parts apart", () => {
  assert.notEqual(hash128("ab", "c"), hash128("a", "bc"));
  assert.equal(hash128("a", "b"), hash128(Buffer.from("a"), Buffer.from("b")));
  assert.match(hash128(""), /^[0-9a-f]{32}$/);
  assert.equal(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("builds are ordered by version, then by the age of their sources", () => {
  const ordered = ["0.1.0+100.aaa", "0.1.0+200.bbb", "0.2.0+50.ccc", "0.10.0+1.ddd"];
  for (let i = 1; i < ordered.length; i++) {
    assert.ok(compareBuilds(ordered[i - 1]!, ordered[i]!) < 0, `${ordered[i - 1]} < ${ordered[i]}`);
    assert.ok(compareBuilds(ordered[i]!, ordered[i - 1]!) > 0);
  }
  assert.equal(compareBuilds("0.1.0+100.aaa", "0.1.0+100.bbb"), 0, "same age: neither replaces the other");
  assert.equal(compareBuilds("0.1.0+source", "0.1.0+100.aaa"), 0, "a source run has no age");
});

test("the package's own files are found from source", () => {
  assert.ok(existsSync(`${packageRoot}/package.json`));
  assert.ok(existsSync(entryFile("engine")));
  assert.match(build, /^\d+\.\d+\.\d+\+source$/);
});

test("cancellation is told apart from failure", () => {
  assert.throws(() => AbortSignal.abort().throwIfAborted(), isAbort);
  assert.ok(!isAbort(new Error("no")));
});

test("what waits has its turn", async () => {
  let ran = false;
  setImmediate(() => (ran = true));
  await yieldToEventLoop();
  assert.ok(ran, "what was waiting had its turn");
});
