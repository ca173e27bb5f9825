// One answer to whether a path stays inside a folder.
import path from "node:path";

/** Whether a relative path, with the platform's separator or "/", leads out of the folder it begins in. A name may begin with two dots, and another drive's path is absolute. */
export function leadsOut(relative: string): boolean {
  return relative === ".." || relative.startsWith("../") || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative);
}
