// What the .vsix contains: exactly the files of the golden list, and not more bytes than it should.
// After a change that is meant: STRATA_UPDATE_GOLDEN=1 node_modules/.bin/node --test test/contract/vsixContents.test.ts
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { listFiles, PackageManager } from "@vscode/vsce";
import { licenceFile, writeLicences } from "../../scripts/licences.mjs";
import { defaultModelFolder, loadModelFiles } from "../../src/encoding/modelFiles.ts";

const root = path.resolve(import.meta.dirname, "../..");
const golden = path.join(import.meta.dirname, "vsixContents.golden.txt");
const built = existsSync(path.join(root, "dist", "extension.cjs"));

/** Names that differ between builds, machines and models, made equal. */
function stable(file: string): string {
  return file
    .replaceAll("\\", "/")
    .replace(/^dist\/shared\/[\w-]+\.mjs$/, "dist/shared/*.mjs")
    .replace(/^models\/[^/]+\//, "models/*/")
    .replace(/^training\/src\/strata_train\/.*\.py$/, "training/src/strata_train/*.py")
    .replace(/segment-\d+-\d+\.onnx$/, "segment-*.onnx")
    .replace(/bin\/napi-v6\/\w+\/\w+\/.*$/, "bin/napi-v6/<platform>/*");
}

describe("the .vsix", { skip: !built && "the extension is not built (npm run build)" }, async () => {
  const works = built ? writeLicences() : [];
  const files = (await listFiles({ cwd: root, packageManager: PackageManager.None })).sort();

  it("contains what it should and nothing else", () => {
    const listed = [...new Set(files.map(stable))].sort();
    if (process.env["STRATA_UPDATE_GOLDEN"]) writeFileSync(golden, `${listed.join("\n")}\n`);
    assert.deepEqual(listed, readFileSync(golden, "utf8").trimEnd().split("\n"));
  });

  it("contains the native modules and a whole model", () => {
    for (const pattern of [/hnswlib-node\/build\/Release\/addon\.node$/, /onnxruntime_binding\.node$/, /models\/[^/]+\/manifest\.json$/, /models\/[^/]+\/exit0\.bin$/, /grammars\/web-tree-sitter\.wasm$/]) assert.ok(files.some((file) => pattern.test(file)), String(pattern));
  });

  it("contains the model that is used without a choice, and no file of a model that searching does not read", async () => {
    const folder = await defaultModelFolder();
    const { toShallow, toDeep, table, tokenizerFile } = await loadModelFiles(folder);
    const needed = [path.join(folder, "manifest.json"), tokenizerFile, table.file, ...[table.attention, table.block].flatMap((part) => (part ? [part.file] : [])), ...[...toShallow, ...toDeep].map((segment) => segment.file)].map((file) => path.relative(root, file).replaceAll("\\", "/"));
    const shipped = files.filter((file) => file.startsWith("models/"));
    assert.deepEqual(needed.filter((file) => !shipped.includes(file)), []);
    assert.deepEqual(shipped.filter((file) => /strata-base|parity/.test(file)), []);
  });

  it("contains what its page in VS Code and the documents behind it show and lead to", () => {
    const linksOf = (file: string) => [...readFileSync(path.join(root, file), "utf8").matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => path.posix.join(path.posix.dirname(file), match[1]!));
    assert.ok(linksOf("README.md").length > 5);
    const documents = files.filter((file) => file.endsWith(".md"));
    assert.deepEqual(documents.map((file) => [file, ...linksOf(file).filter((link) => !files.includes(link))]), documents.map((file) => [file]));
  });

  it("contains the licence of every work in it", () => {
    assert.ok(files.includes(licenceFile) && files.includes("LICENSE") && files.includes("NOTICE"));
    for (const name of ["onnxruntime-node", "hnswlib-node", "zod", "lit-html", "web-tree-sitter", "ajv", "tree-sitter-swift", "tree-sitter-c"]) assert.ok(works.includes(name), name);
    const text = readFileSync(path.join(root, licenceFile), "utf8");
    const sections = text.split(/^={100}$/m).slice(1);
    assert.deepEqual(sections.map((section) => section.trim().split(" ")[0]), works);
    for (const section of sections) assert.match(section, /permission|permitted|Licensed under|TERMS AND CONDITIONS|free and unencumbered/i, section.slice(0, 80));
    assert.ok(readFileSync(path.join(root, "NOTICE"), "utf8").includes(path.basename(licenceFile)));
  });

  it("contains no source, test or map, of training the package that fine-tuning installs, and of measurements their page", () => {
    const training = /^training\/(pyproject\.toml|README\.md|src\/strata_train\/([\w]+\/)?\w+\.py)$/;
    assert.deepEqual(files.filter((file) => /\.(ts|map|py|toml)$|^(src|test|scripts|training|out)\//.test(file) && !training.test(file)), ["test/quality/README.md"]);
    assert.ok(files.includes("training/pyproject.toml") && files.includes("training/src/strata_train/finetune.py"));
  });

  it("contains the chunks of one build only", () => {
    const stamps = files.filter((file) => file.startsWith("dist/") && file.endsWith(".mjs")).map((file) => ({ file, text: readFileSync(path.join(root, file), "utf8") }));
    const named = new Set(stamps.flatMap(({ text }) => [...text.matchAll(/\/([\w-]+\.mjs)["']/g)].map(([, name]) => name!)));
    assert.deepEqual(stamps.map(({ file }) => path.basename(file)).filter((name) => !named.has(name) && !["engine.mjs", "strata.mjs", "parseWorker.mjs", "encodeWorker.mjs"].includes(name)), []);
  });

  it("is not larger than it should be", () => {
    const bytes = (part: (file: string) => boolean) => files.filter(part).reduce((sum, file) => sum + statSync(path.join(root, file)).size, 0);
    const models = bytes((file) => file.startsWith("models/"));
    const rest = bytes((file) => !file.startsWith("models/"));
    assert.ok(rest < 100e6, `${rest} bytes without the models`);
    assert.ok(models < 80e6, `${models} bytes of models`);
    assert.ok(bytes((file) => file === "dist/extension.cjs") < 400_000, "a large bundle is slow to activate");
    assert.ok(bytes((file) => file === "dist/webview/main.js") < 120_000);
  });
});
