// The `strata` command of those who have the extension alone: a small program that starts the one inside the extension, whose folder has another
// name with every version. What agents take in their settings names it too. Several editors of a machine write the same one: it belongs to the newest Strata.
import { existsSync } from "node:fs";
import { build as ownBuild, compareBuilds } from "./assets.ts";

/** Tells the program how it is called, so that it says so (`strata mcp --config`). */
export const launcherVariable = "STRATA_LAUNCHER";

export const launcherName = (platform: NodeJS.Platform = process.platform): string => (platform === "win32" ? "strata.cmd" : "strata");

interface Launched {
  /** The launcher's own path. */
  readonly file: string;
  /** A Node, or an Electron that can be one. */
  readonly node: string;
  /** The bundle of src/cli/main.ts. */
  readonly program: string;
  /** Where the editor keeps its indexes, when its environment moved them: who starts the command outside of it may have another one. */
  readonly cache?: string | undefined;
  /** The user's folder, which bears his name. */
  readonly home?: string;
  /** Of the Strata it starts. Default: this one. */
  readonly build?: string;
}

/** What a launcher says of itself in a comment, which no shell is to take for anything else: JSON of plain letters alone. */
const described = ({ build = ownBuild, program, node }: Launched): string =>
  JSON.stringify({ strata: build, program, node }).replace(/[^\w ./:\\"{},+-]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`);

/**
 * Whether a launcher that is there is to stay: it starts another editor's Strata that is as new as `build` or newer, and can. Else two editors of different versions would
 * write it in turns, and the older command would be refused by the newer engine.
 */
export function servesAsWell(text: string, { program, build = ownBuild }: Pick<Launched, "program" | "build">): boolean {
  try {
    const other = JSON.parse(/^(?:#|rem) (\{"strata":.*\})\r?$/m.exec(text)![1]!) as { strata: string; program: string; node: string };
    return other.program !== program && compareBuilds(other.strata, build) >= 0 && existsSync(other.program) && existsSync(other.node);
  } catch {
    return false; // of a version before this one, or not a launcher
  }
}

const gone = "The extension that this command belongs to is gone. Open VS Code with Strata once, or delete";
/** VS Code's server, on a remote machine or in a container, brings its Node in a folder of its version. */
const stale = "The program of VS Code that runs this command is gone, as after an update. Open VS Code with Strata once.";

/** The launcher's text. */
export function launcherText(launched: Launched, platform: NodeJS.Platform = process.platform): string {
  const { file, node, program, cache, home } = launched;
  if (platform === "win32") {
    // By its variable cmd knows the folder however it reads the file.
    const quoted = (text: string) => `"${(home ? text.split(`${home}\\`) : [text]).map((part) => part.replaceAll("%", "%%")).join("%USERPROFILE%\\")}"`;
    const lines = [
      "setlocal", "set ELECTRON_RUN_AS_NODE=1", `set ${quoted(`${launcherVariable}=${file}`)}`,
      `rem ${described(launched)}`,
      ...(cache === undefined ? [] : [`if not defined STRATA_CACHE set ${quoted(`STRATA_CACHE=${cache}`)}`]),
      `if not exist ${quoted(program)} (echo strata: ${gone} this file. 1>&2 & exit /b 2)`,
      `if not exist ${quoted(node)} (echo strata: ${stale} 1>&2 & exit /b 2)`,
      `${quoted(node)} --liftoff-only --no-warnings ${quoted(program)} %*`, "",
    ];
    // Other paths are UTF-8, and cmd reads what follows in the console's code page, which stays so: only where it must.
    const isPlain = lines.every((line) => /^[\x20-\x7e]*$/.test(line));
    return ["@echo off", ...(isPlain ? [] : ["chcp 65001 >nul"]), ...lines].join("\r\n");
  }
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  return [
    "#!/bin/sh", `# ${described(launched)}`, `export ELECTRON_RUN_AS_NODE=1 ${launcherVariable}=${quoted(file)}`,
    ...(cache === undefined ? [] : [`[ -n "$STRATA_CACHE" ] || export STRATA_CACHE=${quoted(cache)}`]),
    `[ -e ${quoted(program)} ] || { echo "strata: ${gone} $0." >&2; exit 2; }`,
    `[ -x ${quoted(node)} ] || { echo "strata: ${stale}" >&2; exit 2; }`,
    `exec ${quoted(node)} --liftoff-only --no-warnings ${quoted(program)} "$@"`, "",
  ].join("\n");
}

/** What most agents take in their settings to start the MCP server, as JSON. */
export function agentSettings(command: string, args: readonly string[]): string {
  // Windows starts no .cmd by itself, and of a line that begins with a quote cmd takes the outer quotes away: "call" keeps those of a user name with a space.
  const strata = command.endsWith(".cmd") ? { command: "cmd", args: ["/c", "call", command, ...args] } : { command, args };
  return JSON.stringify({ mcpServers: { strata } }, undefined, 2);
}
