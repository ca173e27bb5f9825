// The licence texts of everything the .vsix contains, as one file in dist/. What was bundled is read off the source maps, dist/node_modules and
// the list of grammars, so a new dependency is either named with its text or stops the packaging.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { root } from "./setup.mjs";

export const licenceFile = "dist/THIRD-PARTY-LICENSES.txt";

/** Works without a text of their own in node_modules: inside another package's build, or published without one. */
const withoutText = {
  "onnxruntime-node": ["MIT", "Copyright (c) Microsoft Corporation", "What the native library contains in turn is listed at https://github.com/microsoft/onnxruntime/blob/main/ThirdPartyNotices.txt"],
  "onnxruntime-common": ["MIT", "Copyright (c) Microsoft Corporation"],
  ajv: ["MIT", "Copyright (c) 2015-2021 Evgeny Poberezkin"],
  "ajv-formats": ["MIT", "Copyright (c) 2020 Evgeny Poberezkin"],
  "content-type": ["MIT", "Copyright (c) 2015 Douglas Christopher Wilson"],
  "fast-deep-equal": ["MIT", "Copyright (c) 2017 Evgeny Poberezkin"],
  "json-schema-traverse": ["MIT", "Copyright (c) 2017 Evgeny Poberezkin"],
  "fast-uri": [
    "BSD-3-Clause",
    "Copyright (c) 2011-2021, Gary Court until https://github.com/garycourt/uri-js/commit/a1acf730b4bba3f1097c9f52e7d9d3aba8cdcaae\nCopyright (c) 2021-present The Fastify team <https://github.com/fastify/fastify#team>\nAll rights reserved.",
  ],
  "tree-sitter-bash": ["MIT", "Copyright (c) 2017 Max Brunsfeld"],
  "tree-sitter-c-sharp": ["MIT", "Copyright (c) 2014-2023 Max Brunsfeld, Damien Guard, Amaan Qureshi, and contributors"],
  "tree-sitter-css": ["MIT", "Copyright (c) 2018 Max Brunsfeld"],
  "tree-sitter-dart": ["ISC", "Copyright (c) Benjamin Sobel and contributors"],
  "tree-sitter-go": ["MIT", "Copyright (c) 2014 Max Brunsfeld"],
  "tree-sitter-java": ["MIT", "Copyright (c) 2017 Ayman Nadeem"],
  "tree-sitter-javascript": ["MIT", "Copyright (c) 2014 Max Brunsfeld"],
  "tree-sitter-php": ["MIT", "Copyright (c) 2017 Josh Vera, GitHub\nCopyright (c) 2019 Max Brunsfeld, Amaan Qureshi, Christian Frøystad, Caleb White"],
  "tree-sitter-powershell": ["MIT", "Copyright (c) Airbus CERT and contributors"],
  "tree-sitter-python": ["MIT", "Copyright (c) 2016 Max Brunsfeld"],
  "tree-sitter-ruby": ["MIT", "Copyright (c) 2016 Rob Rix"],
  "tree-sitter-rust": ["MIT", "Copyright (c) 2017 Maxim Sokolov"],
  "tree-sitter-solidity": ["MIT", "Copyright (c) 2020 Joran Honig"],
  "tree-sitter-swift": ["MIT", "Copyright (c) 2021 alex-pinkus"],
  "tree-sitter-tsx": ["MIT", "Copyright (c) 2017 Max Brunsfeld"],
  "tree-sitter-typescript": ["MIT", "Copyright (c) 2017 Max Brunsfeld"],
};
/** Names in source maps that belong to the work of a package that is bundled under its own name. */
const partOf = new Set(["@modelcontextprotocol/core-internal"]);
/** Packages that hold grammars of others. */
const collections = ["@vscode/tree-sitter-wasm", "@repomix/tree-sitter-wasms"];

const terms = {
  MIT: `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`,
  ISC: `Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the
above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY
DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION,
ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.`,
  "BSD-3-Clause": `Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following disclaimer in the
   documentation and/or other materials provided with the distribution.
3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or promote products derived from this
   software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED
TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR
CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO,
PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF
LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS
SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.`,
};

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(folder, entry.name);
    return entry.isDirectory() ? (entry.name === "node_modules" ? [] : filesBelow(file)) : [file];
  });
}

const packageOf = (source) => /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1];

/** Names of the works in dist/: packages, and grammars that came in a collection. */
function bundledWorks() {
  const dist = path.join(root, "dist");
  const sources = filesBelow(dist)
    .filter((file) => file.endsWith(".map"))
    .flatMap((file) => JSON.parse(readFileSync(file, "utf8")).sources);
  const grammars = Object.values(JSON.parse(readFileSync(path.join(root, "src/indexing/grammars.json"), "utf8")));
  const names = [
    ...sources.map(packageOf),
    ...readdirSync(path.join(dist, "node_modules")),
    "web-tree-sitter",
    ...grammars.map((file) => packageOf(`node_modules/${file}`)),
    ...grammars.filter((file) => collections.some((name) => file.startsWith(`${name}/`))).map((file) => path.basename(file, ".wasm")),
  ];
  return [...new Set(names)].filter((name) => name !== undefined && !partOf.has(name)).sort();
}

function section(name) {
  const folder = path.join(root, "node_modules", name);
  const manifest = existsSync(path.join(folder, "package.json")) ? JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) : {};
  const texts = existsSync(folder) ? filesBelow(folder).filter((file) => /^(licen[cs]e|notice|copying|third-?party-?notices)([.-]\w+)?$/i.test(path.basename(file))) : [];
  const known = withoutText[name];
  if (texts.length === 0 && known === undefined) throw new Error(`${name} goes into the package without a licence text. Add it to withoutText in scripts/licences.mjs.`);
  const [licence, ...rest] = texts.length > 0 ? [manifest.license, ...texts.sort().map((file) => readFileSync(file, "utf8").replaceAll("\r\n", "\n").trim())] : [known[0], known[1], terms[known[0]], ...known.slice(2)];
  return `${"=".repeat(100)}\n${[name, manifest.version, `(${licence})`].filter(Boolean).join(" ")}\n\n${rest.join("\n\n")}\n`;
}

/** Writes the file. @returns {string[]} the works it names */
export function writeLicences() {
  const works = bundledWorks();
  const intro = "The packaged extension contains these works of others, each under its own licence. What they are used for is told in NOTICE.\n";
  writeFileSync(path.join(root, licenceFile), [intro, ...works.map(section)].join("\n"));
  return works;
}
