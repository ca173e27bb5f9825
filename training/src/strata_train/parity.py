"""The inputs of `parity.json`: queries, code of several languages, imports, Unicode, nothing, and text that is cut."""

from __future__ import annotations

PARITY_CASES: tuple[tuple[str, str, str], ...] = (
    ("query", "", "where is the HTTP response body decoded as UTF-8?"),
    ("query", "", "parseConfigFile"),
    ("query", "", "retry a failed network request with exponential backoff"),
    ("query", "", ""),
    ("query", "", "Größe der Datei prüfen — 日本語 naïve café 🙂"),
    (
        "code",
        "src/util/retry.py > Retry",
        "def retry_with_backoff(call, max_attempts=5):\n    for attempt in range(max_attempts):\n        try:\n"
        "            return call()\n        except ConnectionError:\n            time.sleep(2 ** attempt)\n",
    ),
    (
        "code",
        "src/store/lruCache.ts > LRUCache > get",
        "get(key: K): V | undefined {\n  const hit = this.map.get(key);\n  if (hit === undefined) return undefined;\n"
        "  this.map.delete(key);\n  this.map.set(key, hit);\n  return hit;\n}",
    ),
    (
        "code",
        "",
        "// ReadAll reads from r until an error or EOF.\nfunc ReadAll(r io.Reader) ([]byte, error) {\n"
        "\tb := make([]byte, 0, 512)\n\tfor {\n\t\tn, err := r.Read(b[len(b):cap(b)])\n\t\tb = b[:len(b)+n]\n"
        "\t\tif err != nil {\n\t\t\tif err == io.EOF {\n\t\t\t\terr = nil\n\t\t\t}\n\t\t\treturn b, err\n\t\t}\n\t}\n}",
    ),
    (
        "code",
        "lib/parser.rs > Parser > peek_u32",
        "pub fn peek_u32(&self) -> Option<u32> {\n    let bytes = self.buf.get(self.pos..self.pos + 4)?;\n"
        "    Some(u32::from_le_bytes(bytes.try_into().ok()?))\n}",
    ),
    (
        "code",
        "Http/XMLHttpClient.java > XMLHttpClient",
        "private static final int MAX_RETRY_COUNT = 3;\n\n/** Sends the XMLHttpRequest & waits. */\n"
        "public Response send(XMLHttpRequest request) throws IOException {\n"
        "    return executor.submit(() -> doSend(request, MAX_RETRY_COUNT)).get(30, TimeUnit.SECONDS);\n}",
    ),
    (
        "code",
        "Shop > Basket",
        "<?php\r\nnamespace Shop\\Model;\r\nuse Shop\\{Item, Price};\r\nrequire_once 'autoload.php';\r\n"
        "class Basket { public $items = []; }\r\n",
    ),
    (
        "code",
        "",
        "package store\nimport java.util.*;\nimport static a.b.C.d;\nimport x, y as z\nfrom os import (path,\n"
        'import { a } from "./a";\nusing System.Linq;\nusing (var x = y) z();\n  #include <vector> // lists\n'
        "use std::io::{self, Read};\nimportant = 1\nimport the rows that say more\nint main() { return 0; }",
    ),
    ("code", "", "import os\nimport sys\n"),
    ("code", "", "\t\n  \n"),
    (
        "code",
        "src/tables/constants.c",
        "static const unsigned short crc16_table[256] = {\n"
        + "".join(f"    0x{(row * 4129) & 0xFFFF:04x}, 0x{(row * 7919) & 0xFFFF:04x},\n" for row in range(128))
        + "};\n",
    ),
)
