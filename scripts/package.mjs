#!/usr/bin/env node
// Packs the built extension for this platform: out/strata-<platform>-<architecture>.vsix. dist/ is self-contained, so vsce
// looks for no dependencies; .vscodeignore says what goes in. Needs no network.
import { mkdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { writeLicences } from "./licences.mjs";
import { root, step } from "./setup.mjs";

/** @returns {string} path of the .vsix */
export function packageExtension(node = process.execPath) {
  const target = readFileSync(path.join(root, "dist", "platform"), "utf8").trim();
  const vsix = path.join(root, "out", `strata-${target}.vsix`);
  mkdirSync(path.dirname(vsix), { recursive: true });
  writeLicences();
  const vsce = path.join(root, "node_modules", "@vscode", "vsce", "vsce");
  step("packing the extension", node, [vsce, "package", "--no-dependencies", "--no-rewrite-relative-links", "--allow-missing-repository", "--skip-license", "--target", target, "--out", vsix]);
  return vsix;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const vsix = packageExtension();
  console.log(`${path.relative(process.cwd(), vsix)}  ${(statSync(vsix).size / 1e6).toFixed(1)} MB`);
}
