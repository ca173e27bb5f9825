// What the bytes of a file say as text: UTF-8, UTF-16 with its mark, and for what is neither, the Windows code page of old western sources.
import { isUtf8 } from "node:buffer";

/** A file with a NUL in its beginning is no text; git looks as far. */
const sniffBytes = 8000;

const decoders = { utf8: new TextDecoder("utf-8"), utf16le: new TextDecoder("utf-16le"), utf16be: new TextDecoder("utf-16be"), western: new TextDecoder("windows-1252") };

/** The text without a byte order mark; undefined for what is none (binary, or UTF-16 that does not say so). */
export function decodeText(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return decoders.utf16le.decode(bytes);
  if (first === 0xfe && second === 0xff) return decoders.utf16be.decode(bytes);
  if (bytes.subarray(0, sniffBytes).includes(0)) return undefined;
  const text = decoders.utf8.decode(bytes);
  return isUtf8(bytes) || isMostlyUtf8(text) ? text : decoders.western.decode(bytes);
}

/** Of the letters beyond ASCII more were understood than not: one file was pasted together, or cut in the midst of a letter. */
function isMostlyUtf8(text: string): boolean {
  const beyond = text.match(/[^\x00-\x7f]/gu) ?? [];
  const lost = beyond.filter((letter) => letter === "\ufffd").length;
  return beyond.length > 2 * lost;
}
