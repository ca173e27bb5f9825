import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { describeError, StrataError, type ErrorCode } from "../../../src/base/errors.ts";
import { sha256 } from "../../../src/base/hash.ts";
import { loadInstantTable } from "../../../src/encoding/exit0.ts";
import { codeTokens, defaultModelFolder, loadModelFiles } from "../../../src/encoding/modelFiles.ts";
import { copyTinyModel, editManifest, tinyModelFolder } from "../../support/tinyModel.ts";

describe("a model folder", () => {
  it("gives the model's identity and the place of every part", async () => {
    const files = await loadModelFiles(tinyModelFolder);
    assert.deepEqual(files.model, {
      id: "tiny",
      version: "1.0.0",
      hash: sha256(readFileSync(path.join(tinyModelFolder, "manifest.json"))),
      folder: tinyModelFolder,
      dims: 16,
      matryoshka: [8, 16],
      sharedSpace: true,
      maxTokens: 32,
    });
    assert.equal(files.fullDims, 16);
    assert.deepEqual([files.table.countPower, files.table.attention, files.table.block], [1, undefined, undefined]);
    assert.deepEqual(files.toShallow, [{ layer: 1, from: 0, file: path.join(tinyModelFolder, "segment-0-1.onnx"), residual: 0 }]);
    assert.deepEqual(files.toDeep, [{ layer: 2, from: 1, file: path.join(tinyModelFolder, "segment-1-2.onnx"), residual: 0 }]);
  });

  it("may keep fewer dimensions than its vectors have within it", async (t) => {
    const folder = copyTinyModel(t);
    editManifest(folder, (manifest) => (manifest.keptDims = 8));
    const { model, fullDims } = await loadModelFiles(folder);
    assert.deepEqual([model.dims, model.matryoshka, fullDims], [8, [8], 16]);
  });

  it("tells a breadcrumb's tokens from those of the code where they count more", async (t) => {
    const folder = copyTinyModel(t);
    const texts = [{ breadcrumb: "HttpServer > openFile", text: "return cache" }, { breadcrumb: "", text: "return cache" }, { breadcrumb: "get ".repeat(99), text: "return cache" }];
    const namesOf = async () => texts.map(codeTokens(await loadModelFiles(folder))).map(({ ids, names }) => [ids.length, names]);
    assert.deepEqual(await namesOf(), [[9, undefined], [4, undefined], [32, undefined]]);
    editManifest(folder, (manifest) => (manifest.breadcrumbWeight = 8));
    assert.deepEqual(await namesOf(), [[9, 5], [4, undefined], [32, 30]]);
  });

  it("says so when it was fine-tuned from an older model than comes with Strata", async (t) => {
    const own = (await loadModelFiles(await defaultModelFolder())).model;
    const folder = copyTinyModel(t);
    const noteOf = async (id: string, version: string): Promise<string | undefined> => {
      editManifest(folder, (manifest) => Object.assign(manifest, { madeFrom: { id, version } }));
      return (await loadModelFiles(folder)).note;
    };
    assert.match((await noteOf(own.id, "0.9.7"))!, new RegExp(`^It was fine-tuned from ${own.id} 0\\.9; ${own.id} ${own.version} comes with Strata now\\. Fine-tune again,`));
    const sameWeights = `${own.version.split(".", 2).join(".")}.0`;
    for (const [id, version] of [[own.id, sameWeights], [own.id, "99.0.0"], ["mine", "0.1.0"]] as const) assert.equal(await noteOf(id, version), undefined);
    assert.equal((await loadModelFiles(own.folder)).note, undefined);
  });

  const parts = [["block", "width"], ["attention", "rank"]] as const;
  const bytesOf = (size: number) => 2 * 16 * size + 4 * (16 + size);
  const addPart = (folder: string, part: "block" | "attention", size: number, content = Buffer.alloc(bytesOf(size))) => {
    const file = `exit0-${part}.bin`;
    writeFileSync(path.join(folder, file), content);
    editManifest(folder, (manifest) => {
      manifest.exits[0][part] = { file, [part === "block" ? "width" : "rank"]: size };
      manifest.files[file] = { sha256: sha256(content), bytes: content.length };
    });
  };
  for (const [part, measure] of parts)
    describe(`with a table's ${part}`, () => {
      const withPart = (t: TestContext, ...rest: [size: number, content?: Buffer<ArrayBuffer>]) => {
        const folder = copyTinyModel(t);
        addPart(folder, part, ...rest);
        return folder;
      };
      it("says where it is, and it is read behind the table", async (t) => {
        const folder = withPart(t, 32, Buffer.alloc(bytesOf(32), 5));
        const files = await loadModelFiles(folder);
        assert.deepEqual(files.table[part], { file: path.join(folder, `exit0-${part}.bin`), [measure]: 32 });
        const { bytes } = await loadInstantTable(files);
        assert.deepEqual(Buffer.from(bytes), Buffer.concat([files.table.file, files.table[part]!.file].map((file) => readFileSync(file))));
      });
      it("is refused when it has another size, or one that the kernel cannot read", async (t) => {
        await assert.rejects(loadModelFiles(withPart(t, 48, Buffer.alloc(bytesOf(32)))), new RegExp(`exit0-${part}\\.bin must have ${bytesOf(48)} bytes for a ${measure} of 48`));
        for (const size of [33, 8, 4112]) await assert.rejects(loadModelFiles(withPart(t, size)), new RegExp(`wrong at "exits\\.0\\.${part}\\.${measure}"`));
      });
      it("is refused with dimensions that the kernel cannot read", async (t) => {
        const folder = withPart(t, 32);
        editManifest(folder, (manifest) => {
          [manifest.dims, manifest.matryoshka] = [6, [6]];
          manifest.exits[0].rows *= 2; // the file stays as long as it is
        });
        await assert.rejects(loadModelFiles(folder), (error) => StrataError.is(error, "model.unsupported") && new RegExp(`${part}, for which 6 dimensions`).test(error.message));
      });
      it("is refused without a hash of its own", async (t) => {
        const folder = withPart(t, 32);
        editManifest(folder, (manifest) => delete manifest.files[`exit0-${part}.bin`]);
        await assert.rejects(loadModelFiles(folder), new RegExp(`no hash for exit0-${part}`));
      });
      it("is refused when it is not there", async (t) => {
        const folder = withPart(t, 32);
        rmSync(path.join(folder, `exit0-${part}.bin`));
        await assert.rejects(loadModelFiles(folder), (error) => StrataError.is(error, "model.damaged"));
      });
    });

  it("has its attention read behind its block", async (t) => {
    const folder = copyTinyModel(t);
    addPart(folder, "attention", 16, Buffer.alloc(bytesOf(16), 3));
    addPart(folder, "block", 32, Buffer.alloc(bytesOf(32), 5));
    const files = await loadModelFiles(folder);
    const { bytes } = await loadInstantTable(files);
    assert.deepEqual(Buffer.from(bytes), Buffer.concat([files.table.file, files.table.block!.file, files.table.attention!.file].map((file) => readFileSync(file))));
  });

  it("says by its format that older readers would leave something out", async (t) => {
    const folder = copyTinyModel(t);
    for (const format of [1, 2, 3, 4]) {
      editManifest(folder, (manifest) => (manifest.format = format));
      await assert.doesNotReject(loadModelFiles(folder));
    }
    editManifest(folder, (manifest) => (manifest.format = 5));
    await assert.rejects(loadModelFiles(folder), /its format is 5 and this Strata reads formats 1 to 4/);
  });

  it("may be given as plain data to a worker thread", async () => {
    const files = await loadModelFiles(tinyModelFolder);
    assert.deepEqual(structuredClone(files), files);
  });

  it("is found without being named", async () => assert.match(await defaultModelFolder(), /models[\\/]strata-(code-small|base)$/));

  it("is accepted with one ONNX exit, which is then shallow and deep at once", async (t) => {
    const folder = copyTinyModel(t);
    editManifest(folder, (manifest) => manifest.exits.pop());
    const files = await loadModelFiles(folder);
    assert.deepEqual([files.toShallow.length, files.toDeep.length], [1, 0]);
  });

  it("is accepted without its parity file, which only tests read", async (t) => {
    const folder = copyTinyModel(t);
    rmSync(path.join(folder, "parity.json"));
    await assert.doesNotReject(loadModelFiles(folder));
  });

  for (const [what, content] of [["no JSON", "{"], ["another kind", JSON.stringify({ model: { type: "BPE" } })]] as const)
    it(`is refused when its tokenizer is ${what}, though its hash is right`, async (t) => {
      const folder = copyTinyModel(t);
      writeFileSync(path.join(folder, "tokenizer.json"), content);
      editManifest(folder, (manifest) => (manifest.files["tokenizer.json"] = { sha256: sha256(content), bytes: content.length }));
      await assert.rejects(loadModelFiles(folder), (error) => StrataError.is(error, "model.unsupported"));
    });

  it("is read again when a file changed since it was verified", async (t) => {
    const folder = copyTinyModel(t);
    await loadModelFiles(folder);
    appendFileSync(path.join(folder, "tokenizer.json"), " ");
    await assert.rejects(loadModelFiles(folder), (error) => StrataError.is(error, "model.damaged"));
  });

  it("is read again when a file changed to as many other bytes", async (t) => {
    const folder = copyTinyModel(t);
    await loadModelFiles(folder);
    const file = path.join(folder, "exit0.bin");
    flipBit(file);
    utimesSync(file, 2_000_000_000, 2_000_000_000);
    await assert.rejects(loadModelFiles(folder), (error) => StrataError.is(error, "model.damaged"));
  });

  it("stops verifying when it is aborted", async (t) => {
    const aborted = AbortSignal.abort();
    await assert.rejects(loadModelFiles(copyTinyModel(t), aborted), { name: "AbortError" });
  });

  const refused: readonly (readonly [what: string, code: ErrorCode, message: RegExp, spoil: (folder: string) => void])[] = [
    ["a folder without a manifest", "model.missing", /no model in/, (folder) => rmSync(path.join(folder, "manifest.json"))],
    ["a folder that does not exist", "model.missing", /no model in/, (folder) => rmSync(folder, { recursive: true })],
    ["a manifest that is not JSON", "model.damaged", /not JSON/, (folder) => writeFileSync(path.join(folder, "manifest.json"), "{")],
    ["a manifest that is null", "model.damaged", /wrong at/, (folder) => writeFileSync(path.join(folder, "manifest.json"), "null")],
    ["a manifest without dims", "model.damaged", /wrong at "dims"/, (folder) => editManifest(folder, (manifest) => delete manifest.dims)],
    ["a table that counts by a power of nought", "model.damaged", /wrong at "exits/, (folder) => editManifest(folder, (manifest) => (manifest.exits[0].countPower = 0))],
    ["a newer format", "model.unsupported", /format is 5/, (folder) => editManifest(folder, (manifest) => (manifest.format = 5))],
    ["another text preparation", "model.unsupported", /"as-is-1"/, (folder) => editManifest(folder, (manifest) => (manifest.textPreparation = "as-is-1"))],
    ["exits without a table", "model.unsupported", /one table followed by/, (folder) => editManifest(folder, (manifest) => manifest.exits.shift())],
    ["a deep exit that starts nowhere", "model.unsupported", /leads to layer 9/, (folder) => editManifest(folder, (manifest) => (manifest.exits[2].from = 9))],
    ["an exit that leads to itself", "model.unsupported", /leads to layer 2/, (folder) => editManifest(folder, (manifest) => (manifest.exits[2].from = 2))],
    ["a deep exit beside the shallow one", "model.unsupported", /does not continue/, (folder) => editManifest(folder, (manifest) => (manifest.exits[2].from = 0))],
    ["prefix widths that do not end with dims", "model.damaged", /matryoshka/, (folder) => editManifest(folder, (manifest) => (manifest.matryoshka = [8]))],
    ["a kept width that is not usable alone", "model.damaged", /"keptDims" must be one of/, (folder) => editManifest(folder, (manifest) => (manifest.keptDims = 12))],
    ["prefix widths that do not ascend", "model.damaged", /matryoshka/, (folder) => editManifest(folder, (manifest) => (manifest.matryoshka = [16, 16]))],
    ["a table of another size than its rows say", "model.damaged", /exit0\.bin must have/, (folder) => editManifest(folder, (manifest) => manifest.exits[0].rows--)],
    ["an exit without a hash", "model.damaged", /no hash for segment-1-2/, (folder) => editManifest(folder, (manifest) => delete manifest.files["segment-1-2.onnx"])],
    ["a file outside the folder", "model.damaged", /not a file of this folder/, (folder) => editManifest(folder, (manifest) => (manifest.files["../evil"] = manifest.files["exit0.bin"]))],
    ["an absolute file", "model.damaged", /not a file of this folder/, (folder) => editManifest(folder, (manifest) => (manifest.files["/etc/passwd"] = manifest.files["exit0.bin"]))],
    ["a missing segment", "model.damaged", /segment-0-1\.onnx cannot be read/, (folder) => rmSync(path.join(folder, "segment-0-1.onnx"))],
    ["a shortened file", "model.damaged", /exit0\.bin has 10 bytes, expected \d+/, (folder) => writeFileSync(path.join(folder, "exit0.bin"), "0123456789")],
    ["one flipped bit", "model.damaged", /segment-1-2\.onnx has sha256 \w+…, expected \w+…/, (folder) => flipBit(path.join(folder, "segment-1-2.onnx"))],
    ["a parity file that does not match", "model.damaged", /parity\.json/, (folder) => flipBit(path.join(folder, "parity.json"))],
  ];
  for (const [what, code, message, spoil] of refused)
    it(`is refused: ${what}`, async (t) => {
      const folder = copyTinyModel(t);
      spoil(folder);
      await assert.rejects(loadModelFiles(folder), (error) => {
        assert.ok(StrataError.is(error, code), String(error));
        assert.match(error.message, message);
        assert.match(error.message, /Reinstall|reinstall/, "says what to do");
        return true;
      });
    });

  it("is refused when a file or its manifest is a pipe or a device, which have no end", { skip: process.platform === "win32" && "needs mkfifo" }, async (t) => {
    const isRefused = (folder: string, code: ErrorCode) => assert.rejects(loadModelFiles(folder), (error) => StrataError.is(error, code));
    for (const make of [(file: string) => symlinkSync("/dev/zero", file), (file: string) => void execFileSync("mkfifo", [file])]) {
      const folder = copyTinyModel(t);
      rmSync(path.join(folder, "parity.json"));
      make(path.join(folder, "parity.json"));
      editManifest(folder, ({ files }) => (files["parity.json"].bytes = 0));
      await isRefused(folder, "model.damaged");
      rmSync(path.join(folder, "manifest.json"));
      make(path.join(folder, "manifest.json"));
      await isRefused(folder, "model.missing");
    }
  });

  it("is refused with figures that would take the machine's memory or time", async (t) => {
    const edits: readonly ((manifest: any) => void)[] = [
      ({ tokenizer }) => (tokenizer.maxTokens = 4e9),
      ({ tokenizer }) => (tokenizer.maxQueryTokens = 4e9),
      ({ instructions }) => (instructions.query = "find ".repeat(1e5)),
      ({ exits }) => exits.push(...Array.from({ length: 1000 }, (_, i) => ({ ...exits[2], layer: i + 3 }))),
      ({ exits }) => (exits[1].residual = 1e300),
    ];
    for (const edit of edits) {
      const folder = copyTinyModel(t);
      editManifest(folder, edit);
      await assert.rejects(loadModelFiles(folder), (error) => StrataError.is(error, "model.damaged") && /wrong at/.test(error.message));
    }
  });

  it("is refused with a manifest or a tokenizer that are too large to be read whole", async (t) => {
    const folder = copyTinyModel(t);
    const isRefused = (code: ErrorCode, says: RegExp) => assert.rejects(loadModelFiles(folder), (error) => StrataError.is(error, code) && says.test(describeError(error)));
    editManifest(folder, ({ files }) => (files["tokenizer.json"].bytes = 50_000_001));
    await isRefused("model.unsupported", /tokenizer\.json is larger than 50 MB/);
    writeFileSync(path.join(folder, "manifest.json"), " ".repeat(1_000_001));
    await isRefused("model.missing", /it has 1000001 bytes/);
  });

  it("is refused when its table's scales are no numbers", async (t) => {
    for (const value of [NaN, Infinity]) {
      const folder = copyTinyModel(t);
      const bytes = readFileSync(path.join(folder, "exit0.bin"));
      bytes.writeFloatLE(value, 4 * 7);
      writeFileSync(path.join(folder, "exit0.bin"), bytes);
      editManifest(folder, ({ files }) => (files["exit0.bin"].sha256 = sha256(bytes)));
      const files = await loadModelFiles(folder);
      await assert.rejects(loadInstantTable(files), (error) => StrataError.is(error, "model.damaged") && /no numbers/.test(error.message));
    }
  });

  it("may be reached through a symbolic link", async (t) => {
    const folder = copyTinyModel(t);
    const moved = path.join(folder, "moved");
    mkdirSync(moved);
    for (const name of ["manifest.json", "tokenizer.json", "exit0.bin", "segment-0-1.onnx", "segment-1-2.onnx", "parity.json"]) renameSync(path.join(folder, name), path.join(moved, name));
    symlinkSync(moved, path.join(folder, "link"), "dir");
    await assert.doesNotReject(loadModelFiles(path.join(folder, "link")));
  });
});

function flipBit(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
}
