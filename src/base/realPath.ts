// Where a path really leads: links followed, names spelt as on disk.
import { realpath as followLinks, realpathSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { promisify } from "node:util";

/**
 * Windows does not say it of every disk (some that lie in memory, are encrypted or belong to another program). There links are followed one by one, and names
 * stay as they were given; of the drive, which editors and terminals write differently, that would make two folders of one.
 */
const withOwnLetter = (followed: string): string => followed.replace(/^[a-z]:/, (drive) => drive.toUpperCase());
const followEach = promisify(followLinks);

/** @throws the system's error */
export const realPath = (file: string): Promise<string> => realpath(file).catch(async () => withOwnLetter(await followEach(file)));

/** @throws the system's error */
export function realPathSync(file: string): string {
  try {
    return realpathSync.native(file);
  } catch {
    return withOwnLetter(realpathSync(file));
  }
}
