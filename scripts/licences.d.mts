// Types of licences.mjs, for the contract test.
export const licenceFile: string;
export function writeLicences(): string[];
