import assert from "node:assert/strict";
import { test } from "node:test";
import { notice } from "../../../src/extension/notice.ts";

test("a file's name that looks like a link is none in a notification", () => {
  assert.equal(notice("[open me](command:workbench.action.quit).ts cannot be opened."), "[open me] (command:workbench.action.quit).ts cannot be opened.");
  assert.equal(notice("a[0](1)](2)"), "a[0] (1)] (2)");
  assert.equal(notice("Strata: the index is damaged (index.db)."), "Strata: the index is damaged (index.db).");
});
