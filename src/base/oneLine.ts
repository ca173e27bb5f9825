// Names and headings of a workspace in the midst of somebody else's text: whatever they hold, they stay in their line and show what they are.

/** Breaks of lines, escape sequences, marks that turn the writing direction around, and the invisible letters of language tags, which only a model reads. */
const signs = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/gu;

/** The text with a dot for each of them. */
export const oneLine = (text: string): string => text.replace(signs, "·");

/** The same of code on a page, whose rows and tabs stay. */
export const inLines = (text: string): string => text.replace(signs, (sign) => ("\n\r\t".includes(sign) ? sign : "·"));
