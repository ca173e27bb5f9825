// Types of manifest.mjs, for the contract test.
export function expectedManifest(): { readonly manifest: object; readonly nls: Readonly<Record<string, string>> };
