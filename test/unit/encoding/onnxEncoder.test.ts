// The encoder on the tiny model, its worker thread included.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { StrataError } from "../../../src/base/errors.ts";
import { silentLog } from "../../../src/base/log.ts";
import type { EncoderText } from "../../../src/encoding/encoder.ts";
import { loadInstantTable } from "../../../src/encoding/exit0.ts";
import { dequantise, normalise } from "../../../src/encoding/int8.ts";
import { loadModelFiles } from "../../../src/encoding/modelFiles.ts";
import { OnnxEncoder, type OnnxEncoderOptions } from "../../../src/encoding/onnxEncoder.ts";
import { copyTinyModel, cosine, editManifest, loadTinyTable, readParity, tinyModelFolder } from "../../support/tinyModel.ts";
import { temporaryFolder } from "../../support/temporaryFolder.ts";
import { limitThreads } from "../../support/threads.ts";

const table = await loadTinyTable();
const { cases, tolerance } = readParity(tinyModelFolder);
const codeCases = cases.filter(({ kind }) => kind === "code");

const chunk = (text: string): EncoderText => ({ breadcrumb: "", text });

/** An encoder for one test, closed at its end. */
function openEncoder(t: TestContext, options: OnnxEncoderOptions = {}): OnnxEncoder {
  const encoder = new OnnxEncoder(table, silentLog, { backgroundThreads: 1, ...options });
  t.after(() => encoder.close());
  return encoder;
}

/** A worker program in place of the real one. */
function workerProgram(t: TestContext, source: string): string {
  const folder = temporaryFolder(t);
  const file = path.join(folder, "worker.mjs");
  writeFileSync(file, `import { parentPort, workerData } from "node:worker_threads";\n${source}`);
  return file;
}

describe("queries", () => {
  const encoder = new OnnxEncoder(table, silentLog);
  after(() => encoder.close());

  it("have a unit vector at every exit that agrees with the reference", async () => {
    for (const { kind, breadcrumb, text, vectors } of cases) {
      const found = kind === "query" ? await encoder.embedQuery(text) : await encoder.embedCode({ breadcrumb, text });
      for (const [depth, layer] of [["instant", "0"], ["shallow", "1"], ["deep", "2"]] as const) {
        if (vectors[layer]!.every((value) => value === 0)) assert.ok(found[depth].every((value) => value === 0));
        else assert.ok(cosine(found[depth], vectors[layer]!) >= tolerance[layer]!, `${kind} ${JSON.stringify(text)} ${depth}`);
      }
    }
  });

  it("and names have the width that the model keeps", async (t) => {
    const narrow = new OnnxEncoder({ ...table, files: { ...table.files, model: { ...table.files.model, dims: 8 } } }, silentLog);
    t.after(() => narrow.close());
    const [found, whole] = [await narrow.embedQuery("find the cache"), await encoder.embedQuery("find the cache")];
    for (const depth of ["instant", "shallow", "deep"] as const) assert.deepEqual(found[depth], normalise(whole[depth].slice(0, 8)));
    assert.equal(narrow.embedName("cache").length, 8);
    assert.ok(cosine(narrow.embedName("cache"), encoder.embedName("cache").slice(0, 8)) > 0.999999);
    const [chunkFound] = await narrow.embedChunks([chunk("find the cache")], "deep", "background");
    assert.ok(cosine(dequantise(chunkFound!), (await narrow.embedCode(chunk("find the cache"))).deep) > 0.999);
  });

  it("are cut shorter than code", async () => {
    const text = "get set read write parse file cache config http server return const value error key";
    const [query, longerQuery, code] = [await encoder.embedQuery(text), await encoder.embedQuery(`${text} open close find`), await encoder.embedCode(chunk(text))];
    assert.deepEqual(query.deep, longerQuery.deep);
    assert.ok(cosine(query.deep, code.deep) < 0.9999);
  });

  it("may be checked for words that the vocabulary has whole", () => {
    assert.deepEqual(["cache", "cahce", "the", ""].map((word) => encoder.knowsWord(word)), [true, false, true, false]);
  });

  it("are answered from memory the second time", async () => {
    const first = await encoder.embedQuery("find the cache");
    assert.equal(await encoder.embedQuery("find the cache"), first);
    assert.notEqual(await encoder.embedCode(chunk("find the cache")), first);
  });

  it("leave the memory when a hundred others were asked since", async () => {
    const first = await encoder.embedQuery("set a");
    for (let i = 0; i < 60; i++) await encoder.embedQuery(`other ${i}`);
    assert.equal(await encoder.embedQuery("set a"), first, "asked again in time");
    for (let i = 60; i < 159; i++) await encoder.embedQuery(`other ${i}`);
    assert.equal(await encoder.embedQuery("set a"), first, "the 99 others since leave it in");
    for (let i = 159; i < 259; i++) await encoder.embedQuery(`other ${i}`);
    assert.notEqual(await encoder.embedQuery("set a"), first);
  });

  it("stop when they are aborted, before and while they wait", async () => {
    await assert.rejects(encoder.embedQuery("early", AbortSignal.abort()), { name: "AbortError" });
    const controller = new AbortController();
    const waiting = encoder.embedQuery("late", controller.signal);
    controller.abort();
    await assert.rejects(waiting, { name: "AbortError" });
    await assert.doesNotReject(encoder.embedQuery("late"));
  });
});

describe("chunks", () => {
  it("agree with the reference at both depths, in the order they came", async (t) => {
    const encoder = openEncoder(t);
    const many = Array.from({ length: 50 }, (_, i) => codeCases[(i * 3) % codeCases.length]!);
    for (const [depth, layer] of [["shallow", "1"], ["deep", "2"]] as const) {
      const vectors = await encoder.embedChunks(many, depth, "background");
      assert.equal(vectors.length, many.length);
      // int8 of 16 dimensions is coarse.
      vectors.forEach((vector, i) => assert.ok(cosine(dequantise(vector), many[i]!.vectors[layer]!) > 0.999, `${depth} ${i}`));
    }
  });

  it("have the same vector whatever is encoded beside them", async (t) => {
    const encoder = openEncoder(t);
    const together = await encoder.embedChunks(codeCases, "deep", "background");
    for (const [i, code] of codeCases.entries()) assert.deepEqual(await encoder.embedChunks([code], "deep", "background"), [together[i]], JSON.stringify(code.text));
  });

  it("are nothing for nothing, without a worker", async (t) => {
    const encoder = openEncoder(t, { workerFile: "/does/not/exist.mjs" });
    assert.deepEqual(await encoder.embedChunks([], "deep", "visible"), []);
  });

  it("stop when they are aborted; the worker goes on with the rest", async (t) => {
    const encoder = openEncoder(t);
    await assert.rejects(encoder.embedChunks([chunk("get")], "deep", "background", AbortSignal.abort()), { name: "AbortError" });
    const controller = new AbortController();
    const long = encoder.embedChunks(new Array<EncoderText>(400).fill(chunk("get ".repeat(30))), "deep", "background", controller.signal);
    const other = encoder.embedChunks([chunk("set")], "deep", "background");
    controller.abort();
    await assert.rejects(long, { name: "AbortError" });
    assert.equal((await other).length, 1);
  });

  it("that are visible overtake those in the background", async (t) => {
    const encoder = openEncoder(t);
    await encoder.embedChunks([chunk("warm")], "deep", "background");
    const finished: string[] = [];
    await Promise.all([
      encoder.embedChunks(new Array<EncoderText>(2000).fill(chunk("get ".repeat(30))), "deep", "background").then(() => finished.push("background")),
      encoder.embedChunks([chunk("set")], "deep", "visible").then(() => finished.push("visible")),
    ]);
    assert.deepEqual(finished, ["visible", "background"]);
  });

  it("and queries are encoded side by side", async (t) => {
    const encoder = openEncoder(t);
    const background = encoder.embedChunks(new Array<EncoderText>(500).fill(chunk("get ".repeat(30))), "deep", "background");
    for (let i = 0; i < 20; i++) await encoder.embedQuery(`query ${i}`);
    assert.equal((await background).length, 500);
  });
});

describe("two workers", () => {
  it("share what there is to read, and what they write is one answer", async (t) => {
    // Each writes which of the two it is and goes on when the other has written too, so neither can take all.
    const workerFile = workerProgram(
      t,
      `import { EncodeQueue, countWritten } from ${JSON.stringify(path.resolve(import.meta.dirname, "../../../src/encoding/encodeQueue.ts"))};
       import { threadId } from "node:worker_threads";
       const queue = new EncodeQueue();
       const turn = new Int32Array(workerData.queriesInFlight);
       parentPort.on("message", ({ kind, job }) => {
         if (kind !== "encode") return kind === "close" && parentPort.close();
         queue.add(job);
         for (let next; (next = queue.next()); ) {
           new Float32Array(job.scales)[next.row] = threadId;
           const before = Atomics.add(turn, 0, 1);
           if (before % 2 === 0) Atomics.wait(turn, 0, before + 1);
           else Atomics.notify(turn, 0);
           if (countWritten(job)) parentPort.postMessage({ kind: "encoded", id: job.id });
         }
       });`,
    );
    const encoder = openEncoder(t, { workerFile, backgroundThreads: 2 });
    const vectors = await encoder.embedChunks(new Array<EncoderText>(20).fill(chunk("a")), "deep", "background");
    const by = Map.groupBy(vectors, ({ scale }) => scale);
    assert.deepEqual([vectors.length, by.size, by.has(0)], [20, 2, false]);
    for (const own of by.values()) assert.ok(own.length >= 9, String(own.length));
  });

  it("give the same vectors as one", async (t) => {
    const many = Array.from({ length: 60 }, (_, i) => codeCases[i % codeCases.length]!);
    const [one, two] = [openEncoder(t), openEncoder(t, { backgroundThreads: 2 })];
    assert.deepEqual(await two.embedChunks(many, "deep", "background"), await one.embedChunks(many, "deep", "background"));
  });

  it("are one where the system gives no thread for the other, and refuse in words without any", async (t) => {
    const encoder = openEncoder(t, { backgroundThreads: 2 });
    const restore = limitThreads(t, 0);
    await assert.rejects(encoder.embedChunks([chunk("a")], "deep", "visible"), (error) => StrataError.is(error, "engine.failed") && /no more threads\. Close/.test(error.message));
    restore();
    limitThreads(t, 1);
    assert.equal((await encoder.embedChunks([chunk("a"), chunk("b")], "deep", "visible")).length, 2);
  });

  it("end together when one of them dies, and the next call starts both", async (t) => {
    const folder = temporaryFolder(t);
    const workerFile = workerProgram(
      t,
      `import { appendFileSync, closeSync, openSync } from "node:fs";
       const first = () => { try { closeSync(openSync(${JSON.stringify(path.join(folder, "died"))}, "wx")); return true; } catch { return false; } };
       parentPort.on("message", ({ kind, job }) => {
         if (kind === "close") { appendFileSync(${JSON.stringify(path.join(folder, "ends"))}, "x"); return parentPort.close(); }
         if (kind !== "encode") return;
         if (first()) process.exit(3);
         if (job.texts[0].text === "again") parentPort.postMessage({ kind: "encoded", id: job.id });
       });`,
    );
    const encoder = new OnnxEncoder(table, silentLog, { workerFile, backgroundThreads: 2 });
    await assert.rejects(encoder.embedChunks([chunk("a")], "deep", "visible"), (error) => StrataError.is(error, "engine.failed"));
    assert.equal((await encoder.embedChunks([chunk("again")], "deep", "visible")).length, 1);
    await encoder.close();
    assert.equal(readFileSync(path.join(folder, "ends"), "utf8").length, 3, "the other one of the first two, and both of the next");
  });
});

describe("the worker's end", () => {
  it("fails what was waiting, and the next call starts a new worker", async (t) => {
    // Dies at the first request, serves from then on: the marker file tells the lives apart.
    const marker = path.join(temporaryFolder(t), "died");
    const workerFile = workerProgram(
      t,
      `import { existsSync, writeFileSync } from "node:fs";
       const marker = ${JSON.stringify(marker)};
       parentPort.on("message", ({ kind, job }) => {
         if (kind === "close") return parentPort.close();
         if (!existsSync(marker)) { writeFileSync(marker, ""); process.exit(3); }
         new Int8Array(job.values).fill(1);
         new Float32Array(job.scales).fill(0.5);
         parentPort.postMessage({ kind: "encoded", id: job.id });
       });`,
    );
    const logged: string[] = [];
    const encoder = new OnnxEncoder(table, (level, message) => logged.push(`${level} ${message}`), { workerFile, backgroundThreads: 1 });
    t.after(() => encoder.close());
    const both = await Promise.allSettled([encoder.embedChunks([chunk("a")], "deep", "visible"), encoder.embedChunks([chunk("b")], "deep", "background")]);
    for (const outcome of both) assert.ok(outcome.status === "rejected" && StrataError.is(outcome.reason, "engine.failed"));
    assert.deepEqual(logged, ["error The encode worker died (1 of 2 in a row)"]);
    const [vector] = await encoder.embedChunks([chunk("a")], "deep", "visible");
    assert.deepEqual([vector!.scale, vector!.values[0]], [0.5, 1]);
  });

  it("may come again and again as long as there are answers between", async (t) => {
    const encoder = openEncoder(t, {
      workerFile: workerProgram(
        t,
        `parentPort.on("message", ({ kind, job }) => {
           if (kind === "close") return parentPort.close();
           if (job.texts[0].text === "die") process.exit(3);
           parentPort.postMessage({ kind: "encoded", id: job.id });
         });`,
      ),
    });
    for (let life = 0; life < 3; life++) {
      await assert.rejects(encoder.embedChunks([chunk("die")], "deep", "visible"), (error) => StrataError.is(error, "engine.failed"));
      assert.equal((await encoder.embedChunks([chunk("live")], "deep", "visible")).length, 1);
    }
  });

  it("twice in a row is final, and the sentence says what to do; queries still work", async (t) => {
    const encoder = openEncoder(t, { workerFile: workerProgram(t, `throw new Error("no luck");`) });
    for (let life = 0; life < 2; life++) await assert.rejects(encoder.embedChunks([chunk("a")], "deep", "visible"), (error) => StrataError.is(error, "engine.failed"));
    await assert.rejects(encoder.embedChunks([chunk("a")], "deep", "visible"), (error) => StrataError.is(error, "engine.failed") && /ended twice.*Restart the engine/.test(error.message));
    await assert.doesNotReject(encoder.embedQuery("get"));
  });

  it("comes when nobody has had code to encode for a minute, and is no failure; the next call starts another", async (t) => {
    const lives = path.join(temporaryFolder(t), "lives");
    const workerFile = workerProgram(
      t,
      `import { appendFileSync } from "node:fs";
       const say = (what) => appendFileSync(${JSON.stringify(lives)}, what);
       say("starts ");
       parentPort.on("message", ({ kind, job }) => {
         if (kind === "close") { say("ends "); return parentPort.close(); }
         parentPort.postMessage({ kind: "encoded", id: job.id });
       });`,
    );
    const logged: string[] = [];
    const encoder = new OnnxEncoder(table, (_, message) => logged.push(message), { workerFile, backgroundThreads: 1 });
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const encode = async () => assert.equal((await encoder.embedChunks([chunk("a")], "deep", "visible")).length, 1);
    await encode();
    t.mock.timers.tick(59_000);
    await encode();
    t.mock.timers.tick(59_000);
    await encode();
    t.mock.timers.tick(61_000);
    await encode();
    await encoder.close();
    assert.deepEqual(readFileSync(lives, "utf8").trim().split(" ").toSorted(), ["ends", "ends", "starts", "starts"]);
    assert.deepEqual(logged, []);
  });

  it("by closing ends what was waiting and refuses what comes later", async () => {
    const encoder = new OnnxEncoder(table, silentLog);
    const waiting = assert.rejects(encoder.embedChunks(new Array<EncoderText>(500).fill(chunk("get")), "deep", "background"), (error) => StrataError.is(error, "engine.failed"));
    await encoder.close();
    await waiting;
    await assert.rejects(encoder.embedChunks([chunk("a")], "deep", "visible"), (error) => StrataError.is(error, "engine.failed"));
  });
});

describe("a model that cannot run", () => {
  it("is reported as damaged by queries and by chunks", async (t) => {
    // A segment with a right hash that is no ONNX file: only the runtime can tell.
    const folder = copyTinyModel(t);
    editManifest(folder, (manifest) => {
      manifest.exits[2].file = "tokenizer.json";
    });
    const logged: string[] = [];
    const encoder = new OnnxEncoder(await loadInstantTable(await loadModelFiles(folder)), (_, message) => logged.push(message));
    t.after(() => encoder.close());
    await assert.rejects(encoder.embedQuery("get"), (error) => StrataError.is(error, "model.damaged"));
    await assert.rejects(encoder.embedChunks([chunk("a")], "deep", "visible"), (error) => StrataError.is(error, "model.damaged") && /cannot be run/.test(error.message));
    await assert.rejects(encoder.embedChunks([chunk("a")], "deep", "visible"), (error) => StrataError.is(error, "model.damaged"));
    assert.deepEqual(logged, ["The query sessions did not open"]);
  });

  it("with one ONNX exit gives the same vector for shallow and deep", async (t) => {
    const folder = copyTinyModel(t);
    editManifest(folder, (manifest) => manifest.exits.pop());
    const encoder = new OnnxEncoder(await loadInstantTable(await loadModelFiles(folder)), silentLog);
    t.after(() => encoder.close());
    const { shallow, deep } = await encoder.embedQuery("get");
    assert.deepEqual(shallow, deep);
    const [vector] = await encoder.embedChunks([chunk("get")], "deep", "background");
    assert.ok(cosine(dequantise(vector!), deep) > 0.999);
  });
});
