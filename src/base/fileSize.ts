// Up to which size a file is indexed unless somebody says otherwise: one figure for the editor's setting, the engine and the walk.

export const defaultMaxFileKB = 1500;
export const defaultMaxFileBytes = defaultMaxFileKB * 1024;
