// What the bytes of a file say as text: UTF-8, UTF-16 with its mark, and for what is neither, the Windows code page of old western sources.
import { isUtf8 } from "node:buffer";

/** A file with a NUL in its beginning is no text; git looks as far. */
const sniffBytes = 8000;

const utf8 = new TextDecoder("utf-8");
/** Windows-1252 where it is not Latin-1: 0x80 to 0x9f. Not by TextDecoder, whose converters differ between Node and VS Code's Electron. */
const windows = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ";

/** The text without a byte order mark; undefined for what is none (binary, or UTF-16 that does not say so). */
export function decodeText(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return utf16(Buffer.from(bytes.subarray(2)));
  if (first === 0xfe && second === 0xff) return utf16(Buffer.from(bytes.subarray(2, bytes.length & ~1)).swap16());
  if (bytes.subarray(0, sniffBytes).includes(0)) return undefined;
  const text = utf8.decode(bytes);
  return isUtf8(bytes) || isMostlyUtf8(text) ? text : western(bytes);
}

const utf16 = (bytes: Buffer): string => bytes.toString("utf16le").toWellFormed();

const western = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString("latin1")
    .replace(/[\x80-\x9f]/g, (letter) => windows[letter.charCodeAt(0) - 0x80]!);

/** Of the letters beyond ASCII more were understood than not: one file was pasted together, or cut in the midst of a letter. */
function isMostlyUtf8(text: string): boolean {
  const beyond = text.match(/[^\x00-\x7f]/gu) ?? [];
  const lost = beyond.filter((letter) => letter === "\ufffd").length;
  return beyond.length > 2 * lost;
}
