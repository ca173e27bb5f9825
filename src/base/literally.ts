// Text within regular expressions.

/** What a regular expression, with the flag "u" or without, says for exactly this text. Names of code may hold any sign: `script_name=`, `save!`, `operator[]`. */
export const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
