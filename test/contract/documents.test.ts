// What the documents promise: what README and manual say to type can be typed (every `strata …` in them goes through the program's own parser), and
// links and the programs that documents name lead somewhere.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { commandLine } from "../../src/cli/program.ts";

const root = path.resolve(import.meta.dirname, "../..");
const [readme, manual] = ["README.md", "MANUAL.md"].map((file) => readFileSync(path.join(root, file), "utf8")) as [string, string];
const blocks = [...`${readme}\n${manual}`.matchAll(/^```\n([\s\S]*?)^```/gm)].flatMap(([, block]) => block!.split("\n")).filter((line) => line.startsWith("strata "));
const spans = [...`${readme}${manual}`.matchAll(/`(strata [^`]+)`/g)].map(([, span]) => span!);
const { bin, scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { bin: { strata: string }; scripts: Record<string, string> };

/** Every command line that a line stands for: what is optional is given, and each of several choices once. */
function meant(line: string): string[][] {
  const words = line.replace(/\s+#.*/, "").replace(/[[\]]/g, "").match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  const choices = words.slice(1).map((word) => (/^["']/.test(word) ? [word.slice(1, -1)] : word.split("|")));
  return choices.reduce<string[][]>((lines, choice) => lines.flatMap((before) => choice.map((word) => [...before, word])), [[]]);
}

describe("the documents' command lines", () => {
  it("are found", () => assert.ok(blocks.length >= 6 && spans.length >= 5));

  for (const line of [...blocks, ...spans])
    it(line, async () => {
      for (const args of meant(line)) {
        let ran = false;
        const program = commandLine(async () => void (ran = true));
        for (const command of [program, ...program.commands]) command.exitOverride().configureOutput({ writeErr: () => undefined });
        await program.parseAsync(args, { from: "user" });
        assert.ok(ran, args.join(" "));
      }
    });
});

it("the README's file for agents starts their server", async () => {
  const { command, args } = (JSON.parse(/```json\n([\s\S]*?)```/.exec(readme)![1]!) as { mcpServers: { strata: { command: string; args: string[] } } }).mcpServers.strata;
  const [file, ...rest] = args;
  assert.deepEqual([command, file], ["/path/to/node", `/path/to/strata/${bin.strata}`]);
  const program = commandLine(async () => undefined);
  let ran = "";
  program.hook("preAction", (_, action) => void (ran = action.name()));
  await program.parseAsync(rest, { from: "user" });
  assert.equal(ran, "mcp");
});

describe("links and programs", () => {
  const documents = spawnSync("git", ["ls-files", "*.md", ":!test/fixtures"], { cwd: root, encoding: "utf8" }).stdout.split("\n").filter(Boolean);
  /** Of each heading, as GitHub makes it. */
  const anchors = (text: string) => [...text.matchAll(/^#+ (.*)$/gm)].map(([, title]) => title!.toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-"));

  it("are looked for in every document", () => assert.ok(documents.length >= 10));

  for (const document of documents)
    it(document, () => {
      const text = readFileSync(path.join(root, document), "utf8");
      for (const [, link] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
        const [file, anchor] = link!.split("#") as [string, string?];
        const target = file === "" ? path.join(root, document) : path.join(root, path.dirname(document), file);
        assert.ok(existsSync(target), link);
        if (anchor !== undefined) assert.ok(anchors(readFileSync(target, "utf8")).includes(anchor), link);
      }
      // What a version's changes say to run may be gone by now.
      if (document === "CHANGELOG.md") return;
      for (const [, program] of text.matchAll(/\bnode(?: --[\w-]+)* ([\w/]+\.(?:ts|mjs))/g)) assert.ok(existsSync(path.join(root, program!)), program);
      for (const [, script] of text.matchAll(/\bnpm run ([\w-]+)/g)) assert.ok(script! in scripts, script);
    });
});
