// The `strata` command of those who have the extension alone: a small program that starts the one inside the extension, whose folder has another
// name with every version. What agents take in their settings names it too.

/** Tells the program how it is called, so that it says so (`strata mcp --config`). */
export const launcherVariable = "STRATA_LAUNCHER";

export const launcherName = (platform: NodeJS.Platform = process.platform): string => (platform === "win32" ? "strata.cmd" : "strata");

/**
 * The launcher's text.
 * @param file its own path
 * @param node a Node, or an Electron that can be one
 * @param program the bundle of src/cli/main.ts
 */
export function launcherText(file: string, node: string, program: string, platform: NodeJS.Platform = process.platform): string {
  if (platform === "win32") {
    const quoted = (text: string) => `"${text.replaceAll("%", "%%")}"`;
    // The paths are UTF-8, and cmd reads what follows in the console's code page.
    return [
      "@echo off", "chcp 65001 >nul", "setlocal", "set ELECTRON_RUN_AS_NODE=1", `set ${quoted(`${launcherVariable}=${file}`)}`,
      `if not exist ${quoted(program)} (echo strata: The extension that this command belongs to is gone. Open VS Code with Strata once, or delete this file. 1>&2 & exit /b 2)`,
      `${quoted(node)} --liftoff-only --no-warnings ${quoted(program)} %*`, "",
    ].join("\r\n");
  }
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  return [
    "#!/bin/sh", `export ELECTRON_RUN_AS_NODE=1 ${launcherVariable}=${quoted(file)}`,
    `[ -e ${quoted(program)} ] || { echo "strata: The extension that this command belongs to is gone. Open VS Code with Strata once, or delete $0." >&2; exit 2; }`,
    `exec ${quoted(node)} --liftoff-only --no-warnings ${quoted(program)} "$@"`, "",
  ].join("\n");
}

/** What most agents take in their settings to start the MCP server, as JSON. */
export function agentSettings(command: string, args: readonly string[]): string {
  // Windows starts no .cmd by itself.
  const strata = command.endsWith(".cmd") ? { command: "cmd", args: ["/c", command, ...args] } : { command, args };
  return JSON.stringify({ mcpServers: { strata } }, undefined, 2);
}
