// Reads files of a workspace, where others write and an agent in its sandbox may. Between the look at a path and its opening the file, or a folder on
// the way to it, can be replaced by a link to somebody's keys or by a pipe without end; so what counts is what was opened.
import { constants } from "node:fs";
import { type FileHandle, open, readlink } from "node:fs/promises";
import path from "node:path";
import { realPath } from "./realPath.ts";
import { leadsOut } from "./relativePath.ts";

/** Windows has neither: 0 there. */
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;

/** Why a file was not read: it lies elsewhere, is no regular file, or holds more than it may. */
export class NotInside extends Error {}

/** The content of a regular file below `root`. @throws NotInside, or the system's error */
export async function readInside(root: string, relative: string, maxBytes = Infinity): Promise<Buffer> {
  const file = path.join(root, relative);
  const handle = await open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    throw error.code === "ELOOP" || error.code === "ENXIO" ? new NotInside(`${relative} is a link or a socket`) : error;
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile() || stat.size > maxBytes) throw new NotInside(`${relative} is no file to read`);
    const place = await placeOf(handle, file);
    const isOutOf = (folder: string) => leadsOut(path.relative(folder, place));
    // As it is named first: that is its real place already for an engine, which reads every file of a workspace so.
    if (isOutOf(root) && isOutOf(await realPath(root)) && isOutOf(await placeOfFolder(root))) throw new NotInside(`${relative} leads out of ${root}`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** Only Linux says where an open file lies; elsewhere its name is looked up once more. */
const placeOf = (handle: FileHandle, file: string): Promise<string> => readlink(`/proc/self/fd/${handle.fd}`).catch(() => realPath(file));

/** As Linux says it: on a disk that ignores case it may spell a folder otherwise than whoever named it. */
async function placeOfFolder(folder: string): Promise<string> {
  const handle = await open(folder, O_RDONLY);
  try {
    return await placeOf(handle, folder);
  } finally {
    await handle.close();
  }
}
