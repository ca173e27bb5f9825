import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { StrataError } from "../../../src/base/errors.ts";
import { instantExit, loadInstantTable } from "../../../src/encoding/exit0.ts";
import { openExitSessions, runtimeNeeds } from "../../../src/encoding/exitSessions.ts";
import { normalise } from "../../../src/encoding/int8.ts";
import { loadModelFiles } from "../../../src/encoding/modelFiles.ts";
import { asWideAsItsText, copyTinyModel, cosine, editManifest, loadTinyTable, readParity, tinyModelFolder } from "../../support/tinyModel.ts";

const table = await loadTinyTable();
const { files } = table;
const { dims } = files.model;

describe("the exit sessions", async () => {
  const sessions = await openExitSessions(table, 1);
  after(() => sessions.release());
  const cases = readParity(tinyModelFolder).cases;
  const sequences = cases.map(({ ids }) => ({ ids: Int32Array.from(ids) }));

  it("give vectors of unit length that are the exits' own", async () => {
    const { shallow, deep } = await sessions.run(sequences[1]!, "deep");
    for (const vector of [shallow, deep!]) assert.ok(vector.length === dims && Math.abs(cosine(vector, vector) - 1) < 1e-6 && Math.abs(Math.hypot(...vector) - 1) < 1e-4);
    assert.notDeepEqual(shallow, deep);
  });

  it("keep texts apart that are asked for at the same time", async () => {
    const alone: unknown[] = [];
    for (const sequence of sequences) alone.push((await sessions.run(sequence, "deep")).deep);
    const together = await Promise.all(sequences.map((sequence) => sessions.run(sequence, "deep")));
    assert.deepEqual(together.map(({ deep }) => deep), alone);
  });

  it("stop at the shallow exit when that is all that is wanted", async () => {
    let wentOn = false;
    const { deep } = await sessions.run(sequences[0]!, "shallow", () => (wentOn = true));
    assert.deepEqual([deep, wentOn], [undefined, false]);
  });

  it("add each exit's share of the exit-0 embedding", async () => {
    const [share, sequence] = [1, sequences.toSorted((a, b) => b.ids.length - a.ids.length)[0]!];
    const residual = await openExitSessions({ ...table, files: { ...files, toDeep: files.toDeep.map((segment) => ({ ...segment, residual: share })) } }, 1);
    const [plain, added] = [await sessions.run(sequence, "deep"), await residual.run(sequence, "deep")];
    await residual.release();
    const words = instantExit(table).embed(sequence);
    const expected = normalise(plain.deep!.map((value, d) => value + share * words[d]!));
    assert.ok(cosine(added.deep!, expected) > 0.999999);
    assert.ok(cosine(added.deep!, plain.deep!) < 0.9999, "the share makes a difference");
    assert.deepEqual(added.shallow, plain.shallow, "an exit without a share stays as it is");
  });

  it("let a breadcrumb's tokens count as the manifest says, and no others", async () => {
    const louder = await openExitSessions({ ...table, files: { ...files, breadcrumbWeight: 3 } }, 1);
    const { ids } = sequences.toSorted((a, b) => b.ids.length - a.ids.length)[0]!;
    const [plain, named, nameless] = [await sessions.run({ ids, names: 2 }, "deep"), await louder.run({ ids, names: 2 }, "deep"), await louder.run({ ids }, "deep")];
    await louder.release();
    assert.deepEqual(nameless, plain);
    for (const depth of ["instant", "shallow", "deep"] as const) assert.ok(cosine(named[depth]!, plain[depth]!) < 0.9999, depth);
  });

  it("are not opened where they give vectors of another width than the manifest says, which no question could be compared with", async () => {
    const narrow = { ...table, files: { ...files, fullDims: dims / 2 } };
    await assert.rejects(openExitSessions(narrow, 1), (error) => StrataError.is(error, "model.damaged") && /of 16 numbers, not of 8/.test(error.message));
  });

  it("refuse such vectors once they are made where the file does not say how wide they will be", async (t) => {
    const file = path.join(copyTinyModel(t), "untold.onnx");
    writeFileSync(file, asWideAsItsText());
    const segment = { ...files.toShallow.at(-1)!, file };
    const untold = await openExitSessions({ ...table, files: { ...files, toShallow: [segment], toDeep: [] } }, 1);
    const other = sequences.find(({ ids }) => ids.length !== dims)!;
    await assert.rejects(untold.run(other, "shallow"), (error) => StrataError.is(error, "model.damaged") && error.message.includes(`of ${other.ids.length} numbers, not of ${dims}`));
    await untold.release();
  });

  it("keep what is kept of a vector, the share of exit 0 within it, at unit length", async () => {
    const kept = dims / 2;
    const toDeep = files.toDeep.map((segment) => ({ ...segment, residual: 1 }));
    const [whole, narrow] = await Promise.all([dims, kept].map((width) => openExitSessions({ ...table, files: { ...files, toDeep, model: { ...files.model, dims: width } } }, 1)));
    const [expected, found] = [await whole!.run(sequences[1]!, "deep"), await narrow!.run(sequences[1]!, "deep")];
    await Promise.all([whole, narrow].map((each) => each!.release()));
    for (const depth of ["shallow", "deep"] as const) assert.deepEqual(found[depth], normalise(expected[depth]!.slice(0, kept)));
  });

  it("can be stopped between the exits", async () => {
    const stop = () => {
      throw new Error("enough");
    };
    await assert.rejects(sessions.run(sequences[0]!, "deep", stop), /enough/);
    await assert.doesNotReject(sessions.run(sequences[0]!, "deep"));
  });
});

it("exits of another model that was put in the place of the table's own are not opened", async (t) => {
  const folder = copyTinyModel(t);
  const loaded = await loadInstantTable(await loadModelFiles(folder));
  await (await openExitSessions(loaded, 1)).release();
  editManifest(folder, (manifest) => Object.assign(manifest, { version: "9.0.0" }));
  await assert.rejects(openExitSessions(loaded, 1), (error) => StrataError.is(error, "model.damaged") && /was replaced.*Restart the engine/.test(error.message));
});

describe("a machine without the ONNX runtime", () => {
  it("is told which package to install", () => {
    // A process in which the native package cannot be found.
    const blockRuntime = `import { registerHooks } from "node:module";
      registerHooks({ resolve(name, context, next) { if (name === "onnxruntime-node") throw new Error("no such binary"); return next(name, context); } });`;
    const module = pathToFileURL(path.resolve(import.meta.dirname, "../../../src/encoding/exitSessions.ts")).href;
    const program = `const { openExitSessions } = await import(${JSON.stringify(module)});
      await openExitSessions({ files: ${JSON.stringify(files)}, bytes: new SharedArrayBuffer(${table.bytes.byteLength}) }, 1).catch((error) => console.log(JSON.stringify([error.code, error.message, error.cause.message])));`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(blockRuntime)}`, "--input-type=module", "-e", program], { encoding: "utf8" });
    assert.notEqual(stdout, "", stderr);
    const [code, message, cause] = JSON.parse(stdout) as string[];
    assert.equal(code, "native.missing");
    assert.match(message!, new RegExp(`cannot be loaded on ${process.platform}-${process.arch}.*Install`));
    assert.equal(cause, "no such binary");
    assert.deepEqual([runtimeNeeds("linux"), /Visual C\+\+ Redistributable/.test(runtimeNeeds("win32"))], ["", true]);
  });
});
