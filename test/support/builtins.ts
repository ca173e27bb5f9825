// Mocked functions of Node's own modules.
import { syncBuiltinESMExports } from "node:module";
import type { TestContext } from "node:test";

/** What the test has mocked of them is what an import by name gives too, until its end. */
export function shareMocks(t: TestContext): void {
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
}
