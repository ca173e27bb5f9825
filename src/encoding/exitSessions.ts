// The exits as one thing: token ids in, a vector of each exit out. The only file that
// touches onnxruntime-node. Its `run` blocks the calling thread, so code belongs into encodeWorker.ts.
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { StrataError } from "../base/errors.ts";
import type { EncodeDepth } from "./encoder.ts";
import { instantExit, type InstantTable } from "./exit0.ts";
import { leading, normalise } from "./int8.ts";
import { assertSameModel, codeTokens, type Segment, type TokenSequence } from "./modelFiles.ts";

type Ort = typeof import("onnxruntime-node");

/**
 * From 1.29 on ONNX Runtime reports machine, process and models to Microsoft (microsoft/onnxruntime#27379). The first variable ends that on Linux and
 * macOS, and its Windows build asks for the second alone. They are read when the first session opens, and a worker's own would not reach the library:
 * they are set while this loads, which the main thread does before it starts a worker. Programs that it starts inherit them.
 */
Object.assign(process.env, { ORT_DISABLE_TELEMETRY: "1", ORT_RUNNING_UNIT_TESTS: "1" });

/** Vectors of one text, `model.dims` wide and of unit length. */
interface ExitVectors {
  readonly instant: Float32Array;
  readonly shallow: Float32Array;
  /** Undefined when only the shallow exit was asked for. */
  readonly deep: Float32Array | undefined;
}

export interface ExitSessions {
  /** Reads one text's tokens; those asked for meanwhile wait their turn. `betweenSegments` may throw to stop before the deeper and dearer part. */
  run(text: TokenSequence, depth: EncodeDepth, betweenSegments?: () => void): Promise<ExitVectors>;
  release(): Promise<void>;
}

/**
 * @param threads of the inference itself, beside the calling thread's own work
 * @param exit0 the caller's own, where it has one: most of a megabyte
 * @throws StrataError "native.missing" when onnxruntime-node cannot be loaded here, "model.damaged" when it refuses a segment, a run gives no numbers, or another model lies there by now
 */
export async function openExitSessions(table: InstantTable, threads: number, exit0 = instantExit(table)): Promise<ExitSessions> {
  const { files } = table;
  await assertSameModel(files);
  const ort = await loadRuntime();
  const opened: InferenceSession[] = [];
  const { fullDims: dims } = files;
  const otherWidth = (file: string, width: number): StrataError =>
    new StrataError("model.damaged", `The model file ${file} gives vectors of ${width} numbers, not of ${dims} as its manifest says. Reinstall Strata, or choose another model.`);
  for (const { file } of [...files.toShallow, ...files.toDeep]) {
    try {
      const session = await ort.InferenceSession.create(file, sessionOptions(threads));
      opened.push(session);
      // Before it is run where it can be known: to make what is far too wide would take gigabytes.
      const embedding = session.outputMetadata.find(({ name }) => name === "embedding");
      const width = embedding?.isTensor ? embedding.shape.at(-1) : undefined;
      if (typeof width === "number" && width !== dims) throw otherWidth(file, width);
    } catch (error) {
      await Promise.all(opened.map((session) => session.release()));
      throw StrataError.is(error) ? error : new StrataError("model.damaged", `The model file ${file} cannot be run. Reinstall Strata, or choose another model.`, error);
    }
  }
  const toShallow = opened.slice(0, files.toShallow.length);
  const toDeep = opened.slice(files.toShallow.length);

  /** int64 from int32: BigInts are slow, and the high halves stay 0. */
  function int64(values: Int32Array): Tensor {
    const words = new Int32Array(2 * values.length);
    for (let i = 0; i < values.length; i++) words[i * littleEndianStride] = values[i]!;
    return new ort.Tensor("int64", new BigInt64Array(words.buffer), [1, values.length]);
  }

  /**
   * Adds the exit's share of the exit-0 embedding, and keeps what is kept. What is no number is refused: it would be near to nothing and before everything; and what is wider or
   * narrower than the manifest says: cut to measure it would be stored, and no question could be compared with it.
   */
  function finished(vector: Float32Array, words: Float32Array, { residual, file }: Segment): Float32Array {
    if (vector.length !== dims) throw otherWidth(file, vector.length);
    if (!vector.every(Number.isFinite)) throw new StrataError("model.damaged", `The model file ${file} gives vectors that are no numbers. Reinstall Strata, or choose another model.`);
    const whole = residual === 0 ? vector : normalise(vector.map((value, d) => value + residual * words[d]!));
    return leading(whole, files.model.dims);
  }

  async function runNow(text: TokenSequence, depth: EncodeDepth, betweenSegments: (() => void) | undefined): Promise<ExitVectors> {
    const words = exit0.embed(text);
    const instant = leading(words, files.model.dims);
    const { ids: sequence, names = 0 } = text;
    // The segments' mean over tokens takes the mask for weights, and nothing else reads it (models/README.md).
    const [ids, mask] = [int64(sequence), int64(new Int32Array(sequence.length).fill(1).fill(files.breadcrumbWeight, 1, 1 + names))];
    let hidden: Tensor | undefined;
    let embedding: Tensor | undefined;
    const through = async (sessions: readonly InferenceSession[], leadsOn: boolean) => {
      for (const [i, session] of sessions.entries()) {
        const hiddenName = session.outputNames.find((name) => name.startsWith("hidden"));
        const wantsHidden = (leadsOn || i < sessions.length - 1) && hiddenName !== undefined;
        const feeds: Record<string, Tensor> = hidden ? { hidden, attention_mask: mask } : { input_ids: ids, attention_mask: mask };
        const outputs = await session.run(feeds, wantsHidden ? [hiddenName, "embedding"] : ["embedding"]).catch((error: unknown) => {
          throw new StrataError("model.damaged", `The model in ${files.model.folder} cannot read this text. Reinstall Strata, or choose another model.`, error);
        });
        free(hidden);
        hidden = wantsHidden ? outputs[hiddenName] : undefined;
        embedding = outputs["embedding"];
      }
    };
    await through(toShallow, depth === "deep" && toDeep.length > 0);
    const shallow = finished(embedding!.data as Float32Array, words, files.toShallow.at(-1)!);
    if (depth === "shallow") return { instant, shallow, deep: undefined };
    if (toDeep.length === 0) return { instant, shallow, deep: shallow };
    betweenSegments?.();
    await through(toDeep, false);
    return { instant, shallow, deep: finished(embedding!.data as Float32Array, words, files.toDeep.at(-1)!) };
  }

  // One after the other: the runtime would begin each in a later turn of the event loop, and hold the hidden states of all.
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(text, depth, betweenSegments) {
      const turn = last.then(() => runNow(text, depth, betweenSegments));
      last = turn.catch(() => {});
      return turn;
    },
    async release() {
      await last;
      await Promise.all(opened.splice(0).map((session) => session.release()));
    },
  };
}

/**
 * Reads two texts, one longer than the other, with every exit: what an ONNX file does is known only then. Where no model can be run at all, nothing is.
 * @returns the table @throws StrataError "model.damaged"
 */
export async function tried(table: InstantTable): Promise<InstantTable> {
  try {
    const sessions = await openExitSessions(table, 1);
    try {
      for (const text of ["text", "a longer text that says more"]) await sessions.run(codeTokens(table.files)({ breadcrumb: "", text }), "deep");
    } finally {
      await sessions.release();
    }
  } catch (error) {
    if (!StrataError.is(error, "native.missing")) throw error;
  }
  return table;
}

/** Gives a hidden state's memory back now: a third of a megabyte a text, of which the collector would let some fifty pile up. */
function free(tensor: Tensor | undefined): void {
  (tensor?.data as Float32Array<ArrayBuffer> | undefined)?.buffer.transfer(0);
}

/** int32 words per int64 element; the low word comes first on every platform that onnxruntime-node supports. */
const littleEndianStride = 2;

function sessionOptions(threads: number): InferenceSession.SessionOptions {
  return {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    executionMode: "sequential",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Texts differ in length, so a memory pattern per shape would only be kept, not used again.
    enableMemPattern: false,
    enableCpuMemArena: false,
    logSeverityLevel: 3,
    // Threads that spin while they wait take the core from the editor, and from each other when cores are busy (three times slower, measured).
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  };
}

/** What else must be on the machine: a fresh Windows has no C++ runtime, and says only that "the specified module could not be found". */
export const runtimeNeeds = (platform = process.platform): string => (platform === "win32" ? ", and Microsoft's Visual C++ Redistributable (2015-2022, x64)" : "");

async function loadRuntime(): Promise<Ort> {
  try {
    const loaded = (await import("onnxruntime-node")) as Ort & { default?: Ort };
    return loaded.default ?? loaded;
  } catch (error) {
    throw new StrataError(
      "native.missing",
      `The ONNX runtime cannot be loaded on ${process.platform}-${process.arch}, so nothing can be read deeper than the instant exit. Install the Strata package made for this platform${runtimeNeeds()}; "strata doctor" shows the reason.`,
      error,
    );
  }
}
