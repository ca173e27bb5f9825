// Up to which size a file is indexed unless somebody says otherwise: one figure for the editor's setting, the engine and the walk.

import { isNotebook } from "./notebook.ts";

/** How many times larger a notebook may be: most of it is pictures and tables of its outputs, which are not read. */
const NOTEBOOK_FACTOR = 10;

export const maxBytesOf = (path: string, maxFileBytes: number): number => (isNotebook(path) ? NOTEBOOK_FACTOR * maxFileBytes : maxFileBytes);

export const defaultMaxFileKB = 1500;
export const defaultMaxFileBytes = defaultMaxFileKB * 1024;
