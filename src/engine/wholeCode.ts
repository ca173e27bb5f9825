// A hit carries the beginning of its code. Language models get all of it for the leading hits, read from the files.
import path from "node:path";
import { decodeText } from "../base/decode.ts";
import { leadingHits } from "../base/forModels.ts";
import { searchedText } from "../base/notebook.ts";
import { readInside } from "../base/readInside.ts";
import type { Remarks } from "../base/remarks.ts";
import { sizes } from "../indexing/parts.ts";
import { type Anchored, MOST_BYTES } from "./anchor.ts";
import { type Folder, indexScope } from "./folderPaths.ts";

/** Where the path of a hit begins. */
type Place = Pick<Folder, "root" | "scope">;

/** The answer with all the code that `hitsForModel` shows. A hit whose file cannot be read, or no longer says there what was found, stays as it is. */
export async function withWholeCode<H extends Anchored, A extends Remarks & { readonly hits: readonly H[] }>(answer: A, folderOf: (hit: A["hits"][number]) => Place): Promise<A> {
  const leading = leadingHits(answer);
  return { ...answer, hits: await Promise.all(answer.hits.map(async (hit, rank) => (rank < leading ? { ...hit, snippet: await wholeCode(folderOf(hit), hit).catch(() => hit.snippet) } : hit))) };
}

async function wholeCode(folder: Place, { path: called, startLine, endLine, snippet }: Anchored): Promise<string> {
  const begun = snippet.split(/\r?\n/);
  if (endLine - startLine < begun.length) return snippet;
  const { root, under } = indexScope(folder);
  const file = path.posix.join(under, called);
  const text = decodeText(await readInside(root, file, MOST_BYTES));
  const lines = text === undefined ? [] : searchedText(file, text).split(/\r?\n/).slice(startLine - 1, endLine);
  const whole = lines.join("\n");
  // What is longer than any piece that was indexed has had something written into it since, perhaps megabytes of data.
  return whole.length <= sizes.max && begun.every((line, i) => line === lines[i]) ? whole : snippet;
}
