// Numbers as people read them, in every shell.

const grouped = new Intl.NumberFormat("en-US");

/** `1,234` */
export const count = (n: number): string => grouped.format(n);

/** `1,234 files`, `1 file` */
export const plural = (n: number, noun: string): string => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
