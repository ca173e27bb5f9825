// Pieces of text that are kept long after the text that they were cut from.

/** V8 keeps a whole text alive as long as somebody holds a piece of 13 letters or more that was cut from it. This is the same piece by itself. */
export const ownCopy = (piece: string): string => (piece.length < 13 ? piece : Buffer.from(piece, "utf16le").toString("utf16le"));
