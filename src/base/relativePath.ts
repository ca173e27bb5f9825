// Paths inside a folder: how they are written, and one answer to whether a path stays there.
import path from "node:path";

/** Disks of Windows and macOS mostly ignore the case of names. */
export const ignoresCase = (): boolean => process.platform === "win32" || process.platform === "darwin";

/** The way from a folder to a path, "/" as separator on every system. */
export function relativeTo(folder: string, file: string): string {
  const relative = path.relative(folder, file);
  return path.sep === "/" ? relative : relative.replaceAll(path.sep, "/");
}

/**
 * Whether a relative path, with the platform's separator or "/", leads out of the folder it begins in. A name may begin with two dots. On Windows what has a colon is
 * another drive's, or a second name of a file (`.env::$DATA`), by which nobody would know it.
 */
export function leadsOut(relative: string, { sep, isAbsolute }: Pick<typeof path, "sep" | "isAbsolute"> = path): boolean {
  return relative === ".." || relative.startsWith("../") || relative.startsWith(`..${sep}`) || isAbsolute(relative) || (sep === "\\" && relative.includes(":"));
}

/** The folder of a relative path, "/" as separator: "" at the root. */
export const folderOf = (relative: string): string => relative.slice(0, Math.max(0, relative.lastIndexOf("/")));
