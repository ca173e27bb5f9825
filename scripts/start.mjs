#!/usr/bin/env node
// `npm start`: set-up, then the main job on real code. Without arguments it indexes this checkout and asks it a question;
// with arguments they go to the command line: npm start -- search "where are ignore rules applied" --in FOLDER
import { spawnSync } from "node:child_process";
import path from "node:path";
import { root, setup } from "./setup.mjs";

let node;
try {
  node = setup();
} catch (error) {
  console.error(error.message);
  process.exit(2);
}
const strata = (...args) => spawnSync(node, [path.join(root, "dist/strata.mjs"), ...args], { stdio: "inherit", cwd: process.env.INIT_CWD ?? process.cwd() }).status ?? 2;

const given = process.argv.slice(2);
if (given.length > 0) process.exit(strata(...given));

const question = "where are ignore rules applied";
console.error(`\nIndexing ${root}`);
// The instant exit is enough to answer; the engine goes on deepening in the background, and the question deepens what it shows.
const indexed = strata("index", root, "--depth", "instant");
if (indexed !== 0) process.exit(indexed);
console.error(`\nAsking of src: ${question}\n`);
// Only src: this file says the question word for word, and would answer it.
const found = strata("search", question, "--in", root, "--path", "src/**", "-k", "5");
console.error(`
Next:
  npm start -- search "your question" --in FOLDER     any folder; npx strata --help for everything else
  npm run vscode -- FOLDER                             VS Code with the extension on a folder
`);
process.exit(found);
