// What real processes leave on the machine beside Strata's own cache: nothing, of the libraries that they load neither.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { Sandbox } from "../support/programs.ts";

/** Any of these silences ONNX Runtime's telemetry by itself, and a test on a build server would prove nothing. */
const silencing = ["CI", "TF_BUILD", "GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "TRAVIS", "JENKINS_URL", "CODEBUILD_BUILD_ID", "BUILDKITE", "TEAMCITY_VERSION", "APPVEYOR", "BITBUCKET_BUILD_NUMBER", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY"];

test("reading code deeply and answering writes nothing outside the cache: no telemetry is made ready", async (t) => {
  const sandbox = new Sandbox("privacy");
  t.after(() => sandbox.end());
  sandbox.write("w", { "retry.py": "def with_backoff(attempt):\n    \"\"\"Waits longer after each failure.\"\"\"\n    return attempt()\n" });
  const [home, temporary] = [sandbox.path("home"), sandbox.path("tmp")];
  for (const folder of [home, temporary]) mkdirSync(folder);
  const env = { ...Object.fromEntries(silencing.map((name) => [name, undefined])), HOME: home, USERPROFILE: home, XDG_CACHE_HOME: undefined, TMPDIR: temporary, TEMP: temporary, TMP: temporary };

  const found = await sandbox.strata(["search", "wait after a failure", "--in", sandbox.path("w"), "--wait", "--json"], { env });
  const doctor = await sandbox.strata(["doctor", "--json"], { env });
  await sandbox.endEngines();

  assert.equal((JSON.parse(found.out) as { hits: { depth: string }[] }).hits[0]?.depth, "deep", "the encoder has run, in the engine and in its worker");
  assert.equal(doctor.err, "");
  for (const folder of [home, temporary]) assert.deepEqual(readdirSync(folder, { recursive: true }), []);
});
