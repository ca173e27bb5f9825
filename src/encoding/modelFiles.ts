// A model folder (models/README.md): finds it, checks its manifest's shape, every file's hash and that the tokenizer is one Strata reads, and
// says where things are. What it gives is plain data that may cross to a worker thread.
import { readFileSync, type Stats } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { compareBuilds, packageRoot } from "../base/assets.ts";
import { StrataError } from "../base/errors.ts";
import { hashFile, sha256 } from "../base/hash.ts";
import type { EncoderModel, EncoderText } from "./encoder.ts";
import { partBytes } from "./exit0Parts.ts";
import { prepareCode, type TextPreparation, textPreparations } from "./textPreparation.ts";
import { createTokenizer, type Tokenizer } from "./tokenizer.ts";

/** 2 has a block behind its table, 3 an attention in front of that, and 4 breadcrumbs that count more than code: readers of lower ones would leave that out. */
const formats = [1, 2, 3, 4] as const;

/** What the kernel reads at a time, and what its memory has room for beside the matrices. */
const partSize = z.int().min(16).max(4096).multipleOf(16);
/** No model reads more, and a mistyped figure must not take the memory of the engine. */
const tokens = z.int().min(4).max(65_536);
const instruction = z.string().max(10_000);
/** What is read whole: 3 KB and half a megabyte in the model that comes with Strata. A manifest of 300 MB ended the engine. */
const MOST_MANIFEST_BYTES = 1_000_000;
const MOST_TOKENIZER_BYTES = 50_000_000;
const tableParts = { attention: z.object({ file: z.string(), rank: partSize }).optional(), block: z.object({ file: z.string(), width: partSize }).optional() };

const manifestShape = z.object({
  format: z.literal(formats),
  id: z.string().min(1),
  version: z.string().min(1),
  license: z.string(),
  description: z.string(),
  /** What fine-tuning began with. */
  madeFrom: z.object({ id: z.string(), version: z.string() }).optional(),
  tokenizer: z.object({ file: z.string(), maxTokens: tokens, maxQueryTokens: tokens }),
  textPreparation: z.literal(textPreparations),
  instructions: z.object({ query: instruction, code: instruction }),
  dims: z.int().min(1),
  keptDims: z.int().min(1).optional(),
  breadcrumbWeight: z.int().min(1).max(100).default(1),
  matryoshka: z.array(z.int().min(1)).min(1),
  sharedSpace: z.boolean(),
  exits: z
    .array(
      z.discriminatedUnion("kind", [
        z.object({ layer: z.literal(0), kind: z.literal("table"), file: z.string(), rows: z.int().min(1), countPower: z.number().positive().max(1).default(1), ...tableParts }),
        z.object({ layer: z.int().min(1), kind: z.literal("onnx"), file: z.string(), from: z.int().min(0), residual: z.number().min(0).max(1000).default(0) }),
      ]),
    )
    .min(2)
    .max(64),
  files: z.record(z.string(), z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), bytes: z.int().min(0) })),
  quality: z.unknown(),
});

export type Manifest = z.infer<typeof manifestShape>;

/** One ONNX segment: from exit `from` (0: token ids) to exit `layer`. */
export interface Segment {
  readonly layer: number;
  readonly from: number;
  readonly file: string;
  /** The share of exit 0's embedding that is added to the one this segment gives. */
  readonly residual: number;
}

/** A verified model folder: absolute paths and what is needed to run it. Plain data. */
export interface ModelFiles {
  readonly model: EncoderModel;
  /** Width of vectors within the model, of which `model.dims` are kept. */
  readonly fullDims: number;
  /** What its user should know: it was fine-tuned from an older model than comes with this Strata. */
  readonly note?: string | undefined;
  readonly maxQueryTokens: number;
  readonly textPreparation: TextPreparation;
  /** As how many tokens each one of a breadcrumb counts in the sums and means of every exit. */
  readonly breadcrumbWeight: number;
  readonly instructions: { readonly query: string; readonly code: string };
  readonly tokenizerFile: string;
  /** Exit 0: a token that stands n times counts n to the power of `countPower`; `attention`, if any, says what else it counts in a text, `block` is what stands behind the sum, if anything. */
  readonly table: {
    readonly file: string;
    readonly rows: number;
    readonly countPower: number;
    readonly attention: { readonly file: string; readonly rank: number } | undefined;
    readonly block: { readonly file: string; readonly width: number } | undefined;
  };
  /** Segments to run in order for the shallow exit, then those that lead on from it to the deep exit (none when it is the same exit). */
  readonly toShallow: readonly Segment[];
  readonly toDeep: readonly Segment[];
}

/** The model that ships with Strata: the trained one when it is there, else the untrained start. */
export async function defaultModelFolder(): Promise<string> {
  const folders = ["strata-code-small", "strata-base"].map((id) => path.join(packageRoot, "models", id));
  for (const folder of folders) if (await exists(path.join(folder, "manifest.json"))) return folder;
  throw new StrataError("model.missing", `There is no model in ${path.join(packageRoot, "models")}. Reinstall Strata, or choose a model folder with \`strata models use\`.`);
}

/** Files already verified by this process, by path: their size, time and hash. Disk contents are not trusted across processes. */
const verified = new Map<string, { readonly bytes: number; readonly mtimeMs: number; readonly sha256: string }>();

/**
 * Reads the manifest, checks every file it names and gives their places.
 * @throws StrataError "model.missing" (no such folder or manifest), "model.damaged" (a file is absent or differs), "model.unsupported"
 * (a format, text preparation, tokenizer or chain of exits that this build cannot run)
 */
export async function loadModelFiles(folder: string, signal?: AbortSignal): Promise<ModelFiles> {
  const root = path.resolve(folder);
  const { manifest, hash } = await readManifest(root);
  const [table, ...segments] = manifest.exits;
  if (table?.kind !== "table" || !segments.every((exit) => exit.kind === "onnx")) throw unsupported(root, "its exits are not one table followed by ONNX segments");
  const place = (file: string) => inside(root, file);
  const { toShallow, toDeep } = chain(root, segments.map(({ layer, from, file, residual }) => ({ layer, from, file: place(file), residual })));
  const { dims, matryoshka, keptDims = dims } = manifest;
  if (matryoshka.at(-1) !== dims || matryoshka.some((width, i) => i > 0 && width <= matryoshka[i - 1]!))
    throw damaged(root, `its manifest's "matryoshka" must ascend and end with ${dims}`);
  if (!matryoshka.includes(keptDims)) throw damaged(root, `its manifest's "keptDims" must be one of the widths in "matryoshka"`);

  // parity.json is for tests: a package may leave it out, but when it is there it must match as well.
  const { attention, block } = table;
  const parts = [
    ...(attention ? [{ name: "an attention", file: attention.file, measure: "rank", size: attention.rank }] : []),
    ...(block ? [{ name: "a block", file: block.file, measure: "width", size: block.width }] : []),
  ];
  const needed = new Set([manifest.tokenizer.file, ...manifest.exits.map((exit) => exit.file), ...parts.map((part) => part.file)]);
  for (const file of needed) if (!manifest.files[file]) throw damaged(root, `its manifest gives no hash for ${file}`);
  if (manifest.files[manifest.tokenizer.file]!.bytes > MOST_TOKENIZER_BYTES) throw unsupported(root, `${manifest.tokenizer.file} is larger than ${MOST_TOKENIZER_BYTES / 1e6} MB`);
  signal?.throwIfAborted();
  await Promise.all(Object.entries(manifest.files).map(([file, expected]) => verify(root, file, expected, needed.has(file), signal)));

  const expectedTableBytes = table.rows * (4 + dims);
  if (manifest.files[table.file]!.bytes !== expectedTableBytes) throw damaged(root, `${table.file} must have ${expectedTableBytes} bytes for ${table.rows} rows of ${dims}`);
  for (const { file, name, measure, size } of parts) {
    if (!partSize.safeParse(dims).success) throw unsupported(root, `its table has ${name}, for which ${dims} dimensions are too many or no multiple of 16`);
    if (manifest.files[file]!.bytes !== partBytes(dims, size)) throw damaged(root, `${file} must have ${partBytes(dims, size)} bytes for a ${measure} of ${size}`);
  }
  const files: ModelFiles = {
    note: await noteOn(manifest),
    model: {
      id: manifest.id,
      version: manifest.version,
      hash,
      folder: root,
      dims: keptDims,
      matryoshka: matryoshka.filter((width) => width <= keptDims),
      sharedSpace: manifest.sharedSpace,
      maxTokens: manifest.tokenizer.maxTokens,
    },
    fullDims: dims,
    maxQueryTokens: manifest.tokenizer.maxQueryTokens,
    textPreparation: manifest.textPreparation,
    breadcrumbWeight: manifest.breadcrumbWeight,
    instructions: manifest.instructions,
    tokenizerFile: place(manifest.tokenizer.file),
    table: {
      file: place(table.file),
      rows: table.rows,
      countPower: table.countPower,
      attention: attention && { file: place(attention.file), rank: attention.rank },
      block: block && { file: place(block.file), width: block.width },
    },
    toShallow,
    toDeep,
  };
  // An index that had chosen a model without a readable tokenizer could not be opened any more.
  tokenizerOf(files);
  return files;
}

/** A release that raises the last number only has the same weights. */
async function noteOn({ madeFrom }: Manifest): Promise<string | undefined> {
  const own = madeFrom && (await defaultModelFolder().then(readManifest).catch(() => undefined))?.manifest;
  if (!own || own.id !== madeFrom.id) return undefined;
  const [before, now] = [madeFrom, own].map(({ version }) => version.split(".", 2).join(".")) as [string, string];
  if (compareBuilds(before, now) >= 0) return undefined;
  return `It was fine-tuned from ${own.id} ${before}; ${own.id} ${own.version} comes with Strata now. Fine-tune again, which begins with that one, or choose that one.`;
}

/**
 * Throws "model.damaged" when another model lies in the folder by now, as after an update in place: its exits give vectors that do not belong to those
 * of the table that was loaded.
 */
export async function assertSameModel({ model: { folder, hash } }: ModelFiles): Promise<void> {
  const found = await readFile(path.join(folder, "manifest.json")).catch(() => undefined);
  if (!found || sha256(found) !== hash) throw new StrataError("model.damaged", `The model in ${folder} was replaced or removed, as by an update of Strata, while the engine used it. Restart the engine: in the editor with "Strata: Restart Engine", elsewhere by asking again in a few seconds.`);
}

const tokenizers = new WeakMap<ModelFiles, Tokenizer>();

/** The model's tokenizer, read once per thread. @throws StrataError "model.unsupported" */
export function tokenizerOf(files: ModelFiles): Tokenizer {
  let tokenizer = tokenizers.get(files);
  if (!tokenizer) tokenizers.set(files, (tokenizer = createTokenizer(readFileSync(files.tokenizerFile, "utf8"))));
  return tokenizer;
}

/** A text as the model reads it. */
export interface TokenSequence {
  /** [CLS] first and [SEP] last. */
  readonly ids: Int32Array;
  /** How many of those behind [CLS] stand in front of the code, in its breadcrumb; none when absent. */
  readonly names?: number;
}

/** Code as the model reads it. @throws as tokenizerOf */
export function codeTokens(files: ModelFiles): (code: EncoderText) => TokenSequence {
  const tokenizer = tokenizerOf(files);
  const { model: { maxTokens }, instructions, textPreparation, breadcrumbWeight } = files;
  const encode = (code: EncoderText) => tokenizer.encode(prepareCode(code, instructions.code, textPreparation), maxTokens);
  return (code) => {
    const ids = encode(code);
    if (breadcrumbWeight === 1 || code.breadcrumb === "") return { ids };
    return { ids, names: encode({ breadcrumb: code.breadcrumb, text: "" }).length - 2 };
  };
}

async function readManifest(root: string): Promise<{ manifest: Manifest; hash: string }> {
  const file = path.join(root, "manifest.json");
  let bytes: Buffer;
  try {
    const found = await stat(file);
    if (!found.isFile()) throw new Error("it is no file"); // a pipe would be waited for
    if (found.size > MOST_MANIFEST_BYTES) throw new Error(`it has ${found.size} bytes`);
    bytes = await readFile(file);
  } catch (error) {
    throw new StrataError("model.missing", `There is no model in ${root}: its manifest.json cannot be read. Choose another model, or reinstall Strata.`, error);
  }
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw damaged(root, "its manifest.json is not JSON", error);
  }
  const parsed = manifestShape.safeParse(json);
  if (parsed.success) return { manifest: parsed.data, hash: sha256(bytes) };
  const { format, textPreparation } = (json ?? {}) as Record<string, unknown>;
  if (format !== undefined && !(formats as readonly unknown[]).includes(format)) throw unsupported(root, `its format is ${String(format)} and this Strata reads formats ${formats[0]} to ${formats.at(-1)}`, parsed.error);
  if (textPreparation !== undefined && !(textPreparations as readonly unknown[]).includes(textPreparation))
    throw unsupported(root, `its text preparation is "${String(textPreparation)}" and this Strata knows ${textPreparations.map((known) => `"${known}"`).join(" and ")}`, parsed.error);
  const issue = parsed.error.issues[0];
  throw damaged(root, `its manifest.json is wrong at "${issue?.path.join(".") ?? ""}": ${issue?.message ?? "unknown shape"}`, parsed.error);
}

/** Follows `from` back from the shallow (first) and the deep (last) ONNX exit. */
function chain(root: string, segments: readonly Segment[]): { toShallow: Segment[]; toDeep: Segment[] } {
  const pathTo = (exit: Segment): Segment[] => {
    const steps: Segment[] = [];
    for (let step: Segment | undefined = exit; ; ) {
      steps.unshift(step);
      const { from, layer }: Segment = step;
      if (from === 0) return steps;
      step = segments.find((segment) => segment.layer === from && from < layer);
      if (!step) throw unsupported(root, `no exit leads to layer ${from}`);
    }
  };
  const toShallow = pathTo(segments[0]!);
  const whole = pathTo(segments.at(-1)!);
  if (!toShallow.every((step, i) => step === whole[i])) throw unsupported(root, "its deep exit does not continue from its shallow exit");
  return { toShallow, toDeep: whole.slice(toShallow.length) };
}

async function verify(root: string, file: string, expected: { readonly sha256: string; readonly bytes: number }, needed: boolean, signal: AbortSignal | undefined): Promise<void> {
  const place = inside(root, file);
  let found: Stats;
  try {
    found = await stat(place);
  } catch (error) {
    if (!needed && (error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw damaged(root, `${file} cannot be read`, error);
  }
  if (!found.isFile()) throw damaged(root, `${file} is no file`); // a device or a pipe has no end
  const known = verified.get(place);
  if (known?.sha256 === expected.sha256 && known.bytes === found.size && known.mtimeMs === found.mtimeMs) return;
  if (found.size !== expected.bytes) throw damaged(root, `${file} has ${found.size} bytes, expected ${expected.bytes}`);
  const actual = await hashFile(place, signal);
  if (actual !== expected.sha256) throw damaged(root, `${file} has sha256 ${actual.slice(0, 12)}…, expected ${expected.sha256.slice(0, 12)}…`);
  verified.set(place, { bytes: found.size, mtimeMs: found.mtimeMs, sha256: actual });
}

/** A manifest names files of its own folder only. */
function inside(root: string, file: string): string {
  const place = path.resolve(root, file);
  if (path.dirname(place) !== root) throw damaged(root, `its manifest names ${JSON.stringify(file)}, which is not a file of this folder`);
  return place;
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

const remedy = "Reinstall Strata, or choose another model.";
const damaged = (root: string, what: string, cause?: unknown) => new StrataError("model.damaged", `The model folder ${root} does not match its manifest: ${what}. ${remedy}`, cause);
const unsupported = (root: string, what: string, cause?: unknown) => new StrataError("model.unsupported", `The model in ${root} cannot be used: ${what}. ${remedy}`, cause);
