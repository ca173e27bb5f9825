import assert from "node:assert/strict";
import { it } from "node:test";
import { fakeEngines } from "../../support/fakeEngine.ts";
import "../../support/fakeVscode.ts";

const { chooseModel } = await import("../../../src/extension/modelPicker.ts");

it("without a folder there is no index whose model could be chosen, and it is said before anything is asked", async () => {
  await assert.rejects(chooseModel(fakeEngines(assert.fail), []), /Open a folder first/);
});
