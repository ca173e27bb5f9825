import assert from "node:assert/strict";
import { symlinkSync } from "node:fs";
import path from "node:path";
import { after, describe, it } from "node:test";
import { withWholeCode } from "../../../src/engine/wholeCode.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const lines = Array.from({ length: 50 }, (_, i) => `line ${i + 1}`);
const folder = temporaryFolder({ after }, {
  "a.ts": `${lines.join("\n")}\n`,
  "windows.ts": `${lines.join("\r\n")}\r\n`,
  "grown.ts": lines.toSpliced(19, 1, "data ".repeat(1_000)).join("\n"),
  secret: lines.join("\n"),
});
symlinkSync(path.join(folder, "secret"), path.join(folder, "link.ts"));

/** Lines 5 to 40, of which the hit carries the first three. */
const hit = (file: string, snippet = lines.slice(4, 7).join("\n")) => ({ path: file, startLine: 5, endLine: 40, snippet });
const snippetOf = async (...hits: ReturnType<typeof hit>[]) => (await withWholeCode({ hits }, () => ({ root: folder }))).hits.map(({ snippet }) => snippet);
const whole = lines.slice(4, 40).join("\n");
const begun = lines.slice(4, 7).join("\n");

describe("the code of leading hits", () => {
  it("is read from the file, of the first three", async () => {
    assert.deepEqual(await snippetOf(...Array.from({ length: 4 }, () => hit("a.ts"))), [whole, whole, whole, begun]);
    assert.deepEqual(await snippetOf(hit("windows.ts")), [whole]);
  });

  it("stays as it was found where nothing clearly answers", async () => {
    assert.deepEqual((await withWholeCode({ hits: [hit("a.ts")], farFetched: true }, () => ({ root: folder }))).hits, [hit("a.ts")]);
  });

  for (const [what, file, snippet] of [
    ["the file says something else by now", "a.ts", "line 5\nsomething else"],
    ["data was written into it since", "grown.ts", begun],
    ["the file is gone", "gone.ts", begun],
    ["a link lies there", "link.ts", begun],
  ] as const)
    it(`stays as it was found where ${what}`, async () => assert.deepEqual(await snippetOf(hit(file, snippet)), [snippet]));
});
