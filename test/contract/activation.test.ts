// Activation is cheap because it does nothing that can wait: it loads the bundle alone and starts no engine.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { it } from "node:test";
import { activateExtension, extensionBundle } from "../support/activation.ts";

it("activating the extension loads no other module and starts no engine", { skip: !existsSync(extensionBundle) && "the extension is not built (npm run build)" }, (t) => {
  const runs = [1, 2, 3].map(activateExtension);
  t.diagnostic(`processor time of loading and activating: ${Math.min(...runs.map(({ ms }) => ms)).toFixed(1)} ms`);
  assert.deepEqual(runs[0]!.loaded, []);
  assert.deepEqual(runs[0]!.folders, ["idle"]);
  // Those of an extension host that ended stay in the window.
  assert.deepEqual(runs[0]!.contexts, { "strata.indexingPaused": false, "strata.engineFailed": false, "strata.hasResults": false });
});
