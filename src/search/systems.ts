// Code for one operating system beside its twins for others (`unix/udp.c` and `win/udp.c`, `file_linux.go` and `file_windows.go`): whoever does
// not name a system usually means the one that the code runs on.
import path from "node:path";

/** The words that name a system in folders and file names, and where code for it runs. Phones are left out: who builds for them sits at another machine. */
const systems: readonly { readonly names: readonly string[]; readonly hosts: readonly NodeJS.Platform[] | "all but Windows" }[] = [
  { names: ["windows", "win", "win32", "win64", "mswin", "msw", "winnt"], hosts: ["win32"] },
  { names: ["darwin", "macos", "macosx", "osx", "mac"], hosts: ["darwin"] },
  { names: ["linux"], hosts: ["linux", "android"] },
  { names: ["bsd", "freebsd", "netbsd", "openbsd", "dragonfly"], hosts: ["freebsd", "netbsd", "openbsd", "darwin"] },
  { names: ["solaris", "sunos", "illumos"], hosts: ["sunos"] },
  { names: ["aix"], hosts: ["aix"] },
  { names: ["cygwin"], hosts: ["cygwin"] },
  { names: ["haiku"], hosts: ["haiku"] },
  { names: ["plan9", "os390", "zos", "qnx", "hpux", "hurd"], hosts: [] },
  { names: ["unix", "posix", "nix"], hosts: "all but Windows" },
];
const ofName = new Map(systems.flatMap((system) => system.names.map((name) => [name, system] as const)));

interface SystemOfPath {
  /** Lower-cased words of the path that name systems. */
  readonly names: readonly string[];
  readonly isOfHost: boolean;
}

/**
 * What systems a file is for, by its folders' names and the parts of its own between `_`, `-` and `.`; undefined for code that says none. Each of them
 * narrows what those above it say: `unix/darwin-stub.h` is for macOS alone, `poll_linux_darwin.go` for both.
 */
export function systemOf(file: string, host: NodeJS.Platform = process.platform): SystemOfPath | undefined {
  const levels = [...path.posix.dirname(file).split("/").map((folder) => [folder]), path.posix.basename(file).split(/[_.-]+/)]
    .map((words) => words.map((word) => word.toLowerCase()).filter((word) => ofName.has(word)))
    .filter((names) => names.length > 0);
  if (levels.length === 0) return undefined;
  return { names: levels.flat(), isOfHost: levels.every((names) => names.some((name) => runsOn(ofName.get(name)!.hosts, host))) };
}

function runsOn(hosts: (typeof systems)[number]["hosts"], host: NodeJS.Platform): boolean {
  return hosts === "all but Windows" ? host !== "win32" : hosts.includes(host);
}

/**
 * Which of the candidates' files are for another system than the host while others are for the host: without those there is nothing to choose, and
 * a folder `Windows` may well hold windows.
 * @param words lower-cased words of the query; a system that is named there is meant
 */
export function forOtherSystems(files: Iterable<string>, words: ReadonlySet<string>, host: NodeJS.Platform = process.platform): ReadonlySet<string> {
  const others = new Set<string>();
  let hasOwn = false;
  for (const file of files) {
    const system = systemOf(file, host);
    if (!system) continue;
    if (system.isOfHost) hasOwn = true;
    else if (!system.names.some((name) => words.has(name))) others.add(file);
  }
  return hasOwn ? others : new Set();
}
