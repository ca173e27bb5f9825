// One answer to whether a path stays inside a folder.
import path from "node:path";

/** Disks of Windows and macOS mostly ignore the case of names. */
export const ignoresCase = (): boolean => process.platform === "win32" || process.platform === "darwin";

/**
 * Whether a relative path, with the platform's separator or "/", leads out of the folder it begins in. A name may begin with two dots. On Windows what has a colon is
 * another drive's, or a second name of a file (`.env::$DATA`), by which nobody would know it.
 */
export function leadsOut(relative: string, { sep, isAbsolute }: Pick<typeof path, "sep" | "isAbsolute"> = path): boolean {
  return relative === ".." || relative.startsWith("../") || relative.startsWith(`..${sep}`) || isAbsolute(relative) || (sep === "\\" && relative.includes(":"));
}
