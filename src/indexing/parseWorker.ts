// Runs in a worker thread: one file at a time from bytes to chunks, lexical terms and instant vectors, so that neither the
// engine's event loop nor SQLite waits for parsing. Holds the grammars; shares the instant table with the other workers.
import { parentPort, workerData } from "node:worker_threads";
import { decodeText } from "../base/decode.ts";
import { hash128 } from "../base/hash.ts";
import type { LogLevel } from "../base/log.ts";
import { NotInside, readInside } from "../base/readInside.ts";
import { createInstantEncoder, type InstantTable } from "../encoding/exit0.ts";
import type { InstantEncoder } from "../encoding/encoder.ts";
import { analyse } from "../search/terms.ts";
import type { ParsedChunk } from "../store/store.ts";
import { Chunker } from "./chunker.ts";
import { isGeneratedSource, isTestPath } from "./conventions.ts";
import type { FileToParse, ParseOutcome } from "./parsePool.ts";
import { isPrivateKey } from "./secrets.ts";

export interface ParseWorkerData {
  readonly root: string;
}
/** The table comes once, ahead of the first files: a worker may be started before the model is read. */
export type ToParseWorker = { readonly instant: InstantTable } | { readonly files: readonly FileToParse[] };
export interface ParseReply {
  readonly outcomes: readonly ParseOutcome[];
  readonly log: readonly { readonly level: LogLevel; readonly message: string }[];
}

/** Parsing one file may not hold up the rest: past this the line scanner cuts it. */
const PARSE_DEADLINE_MS = 2_000;
/** What a file may have grown beside doubling since it was found. One that grows faster, as a log may, counts as gone: it is found again, with its size. */
const GROWTH_BYTES = 10_000_000;

async function parseFile(root: string, file: FileToParse, chunker: Chunker, instant: InstantEncoder): Promise<ParseOutcome> {
  const { path: relative } = file;
  let bytes: Buffer;
  try {
    bytes = await readInside(root, relative, 2 * file.size + GROWTH_BYTES);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (error instanceof NotInside || code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return { kind: "gone", path: relative };
    return { kind: "skip", ...file, reason: "unreadable" };
  }
  const hash = hash128(bytes);
  if (hash === file.hash) return { kind: "same", path: relative, size: file.size, mtimeMs: file.mtimeMs };
  const source = decodeText(bytes);
  if (source === undefined) return { kind: "skip", ...file, reason: "binary" };
  if (isPrivateKey(source)) return { kind: "skip", ...file, reason: "secret" };
  const isGenerated = isGeneratedSource(relative, source);
  const { lang, chunks, imports } = await chunker.chunk(relative, source, PARSE_DEADLINE_MS);
  const pathTerms = analyse(relative).join(" ");
  return {
    kind: "parsed",
    file: {
      path: relative,
      size: file.size,
      mtimeMs: file.mtimeMs,
      hash,
      lang,
      imports,
      isTest: isTestPath(relative),
      isGenerated,
      chunks: chunks.map(
        ({ chunk, startLine, endLine }): ParsedChunk => ({
          chunk,
          startLine,
          endLine,
          instant: instant.embed(chunk),
          terms: {
            symbol: analyse(chunk.symbols.join(" ")).join(" "),
            breadcrumb: analyse(chunk.breadcrumb).join(" "),
            path: pathTerms,
            doc: analyse(chunk.doc).join(" "),
            body: analyse(chunk.text).join(" "),
          },
        }),
      ),
    },
  };
}

const port = parentPort;
if (port) {
  const { root } = workerData as ParseWorkerData;
  let instant: InstantEncoder;
  let log: { level: LogLevel; message: string }[] = [];
  const chunker = Chunker.create({ log: (level, message) => void log.push({ level, message }) });
  port.on("message", (request: ToParseWorker) => {
    if ("instant" in request) {
      instant = createInstantEncoder(request.instant);
      return;
    }
    void (async () => {
      const outcomes: ParseOutcome[] = [];
      for (const file of request.files) {
        try {
          outcomes.push(await parseFile(root, file, await chunker, instant));
        } catch (error) {
          log.push({ level: "warn", message: `${file.path} was left out: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}` });
          outcomes.push({ kind: "skip", ...file, reason: "parser failed" });
        }
      }
      port.postMessage({ outcomes, log } satisfies ParseReply);
      log = [];
    })();
  });
}
