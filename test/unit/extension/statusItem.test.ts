import assert from "node:assert/strict";
import { it } from "node:test";
import { coverage, status } from "../../support/fakeEngine.ts";
import { QuickPick } from "../../support/fakeVscode.ts";

const { showStatusDetails } = await import("../../../src/extension/statusItem.ts");

it("the list of details keeps its place and its chosen row while the figures in it change", () => {
  let files = 3;
  let tell = () => {};
  const folders = () => [{ name: "w", client: { kind: "running", pid: 1 } as const, status: status({ coverage: coverage(files) }) }];
  showStatusDetails(folders, (listener) => ((tell = listener), () => undefined));
  const pick = QuickPick.last;
  const row = pick.items.findIndex(({ label }) => label.includes("3 pieces of code"));
  pick.moveTo(row);
  files = 4;
  tell();
  assert.deepEqual(pick.activeItems.map(({ label }) => label), ["$(files) 4 files, 4 pieces of code"]);
  assert.equal(pick.keepScrollPosition, true);
  files = 0;
  tell();
  assert.ok(!pick.items.some(({ label }) => label.includes("deep 100 %")), "nothing was read deeply");
});
