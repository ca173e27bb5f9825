import assert from "node:assert/strict";
import { it } from "node:test";
import { coverage, status } from "../../support/fakeEngine.ts";
import { executed, QuickPick, statusBarItem } from "../../support/fakeVscode.ts";

const { createStatusItem, showStatusDetails } = await import("../../../src/extension/statusItem.ts");

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
  assert.ok(!pick.items.some(({ label }) => /deep \d+ %|NaN|Left out/.test(label)), "nothing was read deeply, and nothing left out");
});

/** The rows of the details as they are now, and what choosing one of them did. */
function details(folders: Parameters<ReturnType<typeof createStatusItem>["update"]>[0]) {
  let isEnded = false;
  showStatusDetails(() => folders, () => () => (isEnded = true));
  const pick = QuickPick.last;
  const row = (label: string): { readonly label: string; readonly description?: string } | undefined => pick.items.find((item) => item.label.includes(label));
  const choose = (label: string) => {
    executed.length = 0;
    pick.activeItems = [row(label)!];
    pick.enter();
    return [executed.map(({ command }) => command), isEnded];
  };
  return { row, choose };
}
const running = { kind: "running", pid: 1 } as const;

it("the details say what was read and left out and what is wrong, in no words that become icons", () => {
  const shop = status({ languages: { go: 1, rust: 9 }, skipped: { secret: 1_200, binary: 0 }, warnings: ["$(zap) broke."], indexBytes: 1_540_000, memoryBytes: 2e8 });
  const { row } = details([{ name: "shop", client: running, status: shop }, { name: "docs", client: { kind: "failed", code: "x", reason: "$(zap) ended." }, status: undefined }]);
  assert.equal(row("$(files)")?.description, "rust 9, go 1");
  assert.equal(row("Left out")?.description, "1,200 secret");
  assert.equal(row("broke.")?.label, "$(warning) \\$(zap) broke.");
  assert.equal(row("stopped")?.description, "\\$(zap) ended.");
  assert.ok(row("$(database) 1.5 MB on disk, 200 MB in memory"));
});

it("the details offer what can be done, and end with it", () => {
  const paused = status({ state: { kind: "paused", reason: "Asked." } });
  assert.deepEqual(details([{ name: "w", client: running, status: paused }]).choose("Resume Indexing"), [["strata.resumeIndexing"], true]);
  assert.deepEqual(details([{ name: "w", client: running, status: status() }]).choose("Pause Indexing"), [["strata.pauseIndexing"], true]);
  assert.deepEqual(details([{ name: "w", client: running, status: status() }]).choose("3 files"), [[], false], "a figure is no action");
  assert.ok(details([]).row("No folder is open"));
});

it("the status item is drawn when something changes, in the colour of what is wrong, and its links do no more than they say", () => {
  const item = createStatusItem();
  const draw = (warnings: readonly string[]) => {
    item.update([{ name: "w", client: running, status: status({ warnings }) }]);
    return [statusBarItem.shown, statusBarItem.backgroundColor?.id];
  };
  assert.deepEqual([draw([]), draw([]), draw(["Watching has stopped."])], [[1, undefined], [1, undefined], [2, "statusBarItem.warningBackground"]]);
  assert.deepEqual(statusBarItem.accessibilityInformation, { label: "Strata 3 files · deep" });
  const { value, isTrusted } = statusBarItem.tooltip!;
  item.update([{ name: "w", client: { kind: "failed", code: "x", reason: "No." }, status: undefined }]);
  for (const text of [value, statusBarItem.tooltip!.value]) for (const [, command] of text.matchAll(/\(command:([\w.]+)\)/g)) assert.ok(isTrusted?.enabledCommands.includes(command!), command);
});
