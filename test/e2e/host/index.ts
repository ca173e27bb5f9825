// Loaded by VS Code's extension host, which awaits run(). Results go to files: the host's console reaches nobody reliably,
// and VS Code's own exit code is 0 even when the host was killed.
import fs from "node:fs";
import util from "node:util";
import Mocha from "mocha";

export function run(): Promise<void> {
  const { STRATA_TEST_SPEC: spec, STRATA_TEST_RESULT: result } = process.env;
  if (spec) Mocha.reporters.Base.consoleLog = (...args: unknown[]) => fs.appendFileSync(spec, `${util.format(...args)}\n`);
  const mocha = new Mocha({ ui: "bdd", color: false, timeout: 60_000, reporter: "spec" });
  if (process.env["MOCHA_GREP"]) mocha.grep(process.env["MOCHA_GREP"]);
  mocha.suite.emit("pre-require", globalThis as unknown as Mocha.MochaGlobals, "", mocha);
  // Bundled into this file: requiring them here registers their suites.
  require("./extension.test.ts");
  return new Promise((resolve, reject) => {
    const runner = mocha.run((failures) => {
      if (result) fs.writeFileSync(result, JSON.stringify(runner.stats));
      if (failures > 0) reject(new Error(`${failures} tests failed`));
      else resolve();
    });
  });
}
