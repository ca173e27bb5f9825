import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeText } from "../../../src/base/decode.ts";

const western = (text: string) => Buffer.from(text, "latin1");

test("UTF-8 is read as it is, without its mark", () => {
  assert.equal(decodeText(Buffer.from("plain text, ümläut, 漢字 🙂")), "plain text, ümläut, 漢字 🙂");
  assert.equal(decodeText(Buffer.from("\ufeffclass A {}")), "class A {}");
  assert.equal(decodeText(new Uint8Array(0)), "");
});

test("UTF-16 is read where it says so, and is binary where it does not", () => {
  const wide = Buffer.from("\ufeffclass Größe {}\r\n", "utf16le");
  assert.equal(decodeText(wide), "class Größe {}\r\n");
  assert.equal(decodeText(Buffer.from(wide).swap16()), "class Größe {}\r\n");
  assert.equal(decodeText(Buffer.from("class A {}", "utf16le")), undefined);
  assert.equal(decodeText(Buffer.concat([Buffer.from("\ufeffab", "utf16le").swap16(), Buffer.from([0])])), "ab", "a byte too many");
  assert.equal(decodeText(Buffer.from([0xff, 0xfe, 0x00, 0xd8, 0x61, 0x00])), "\ufffda", "half a letter");
});

test("old western sources keep their letters", () => {
  assert.equal(decodeText(western("// prüft die Größe\nint pruefe();\n")), "// prüft die Größe\nint pruefe();\n");
  assert.equal(decodeText(Uint8Array.from([0x22, 0x80, 0x20, 0x93, 0x61, 0x94, 0x22])), "\"€ “a”\"");
  assert.equal(decodeText(Buffer.concat([Buffer.from("ü "), western("ä b")])), "Ã¼ ä b", "where no more letters are UTF-8 than are not");
  const all = Uint8Array.from({ length: 255 }, (_, i) => i + 1);
  assert.equal(decodeText(all), new TextDecoder("windows-1252").decode(all));
});

test("UTF-8 with a broken letter stays UTF-8", () => {
  const text = Buffer.concat([Buffer.from("// größer, länger, kürzer: "), Buffer.from([0xe4]), Buffer.from(" und weiter\n")]);
  assert.equal(decodeText(text), "// größer, länger, kürzer: \ufffd und weiter\n");
});

test("a NUL in the first 8,000 bytes makes a file binary, whatever else it says", () => {
  for (const before of [1, 7999]) assert.equal(decodeText(Buffer.concat([Buffer.alloc(before, "a"), Buffer.from([0])])), undefined);
  assert.equal(decodeText(Buffer.concat([Buffer.alloc(8000, "a"), Buffer.from([0])])), `${"a".repeat(8000)}\0`);
});
