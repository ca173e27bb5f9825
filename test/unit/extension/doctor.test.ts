import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { it } from "node:test";
import { provided, Uri, workspace } from "../../support/fakeVscode.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";

const { createDoctor } = await import("../../../src/extension/doctor.ts");

it("the doctor examines what fine-tuning here would take: the Python that the setting names", async (t) => {
  const extension = temporaryFolder(t);
  mkdirSync(path.join(extension, "dist"));
  writeFileSync(path.join(extension, "dist/strata.mjs"), "console.log(process.argv[2], process.env.STRATA_PYTHON)");
  await createDoctor(extension, () => ({ STRATA_PYTHON: "/opt/py" })).show();
  assert.equal(provided.get("strata-doctor")!.provideTextDocumentContent({ path: "" }), "doctor /opt/py\n");
});

it("the doctor examines the first folder on this machine, and what goes wrong is the report", async (t) => {
  const extension = temporaryFolder(t);
  mkdirSync(path.join(extension, "dist"));
  writeFileSync(path.join(extension, "dist/strata.mjs"), "console.error(...process.argv.slice(2), process.env.ELECTRON_RUN_AS_NODE); process.exit(2)");
  Object.assign(workspace, { workspaceFolders: [{ uri: { ...Uri.file("/web"), scheme: "vscode-vfs" } }, { uri: Uri.file("/w") }] });
  t.after(() => Object.assign(workspace, { workspaceFolders: undefined }));
  await createDoctor(extension, () => ({})).show();
  assert.equal(provided.get("strata-doctor")!.provideTextDocumentContent({ path: "" }), "doctor --in /w 1\n");
});
