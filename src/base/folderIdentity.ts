// Which folder it is that a path leads to.
import { stat } from "node:fs/promises";

/** Another text for another folder, also where that is mounted or made in the place of the first; undefined where there is none, or it is out of reach. */
export async function folderIdentity(folder: string): Promise<string | undefined> {
  const stats = await stat(folder).catch(() => undefined);
  return stats?.isDirectory() ? `${stats.dev} ${stats.ino}` : undefined;
}
