// Reports what changes below a root while the engine runs: chokidar with the walk's own filter, events gathered into batches.
// Says only "look at these paths again"; what a path is to the index stays PathFilter's answer.
import { existsSync, lstatSync, statfsSync } from "node:fs";
import { lstat } from "node:fs/promises";
import path from "node:path";
import { watch as chokidarWatch, type FSWatcher } from "chokidar";
import { userMessage } from "../base/errors.ts";
import { folderIdentity } from "../base/folderIdentity.ts";
import { leadsOut, relativeTo } from "../base/relativePath.ts";
import { unindexedKind } from "./fileKinds.ts";
import { isIgnoreFile, isRepositoryMark } from "./ignoreRules.ts";
import { isSecret } from "./secrets.ts";
import { PathFilter } from "./walk.ts";

interface WatchOptions {
  /** Read anew whenever watching starts over: globs on relative paths, beside the ignore files. */
  readonly limits: () => { readonly exclude?: readonly string[] };
  /** Files that appeared, changed or went: relative to the root, "/" as separator, each once per batch. */
  readonly onChange: (paths: readonly string[]) => void;
  /** Other files than those reported may have come or gone: walk again. Also called once when watching stands, so a walk may begin before. */
  readonly onRescan: () => void;
  /** Default: `isHardOfHearing` of the root. */
  readonly hardOfHearing?: boolean;
  /** Whether one watch hears of everything below a folder, as Windows and macOS have it. Default: as on this system. */
  readonly hearsBelow?: boolean;
  /** A sentence for the user, each at most once: changes may be missed from now on. */
  readonly onWarning: (sentence: string) => void;
}

export interface Watcher {
  /** Changes made after this are reported. */
  readonly ready: Promise<void>;
  /** Starts over with new limits. */
  refresh(): void;
  /**
   * Somebody relies on what is known. What has changed just now is reported at once, not when chokidar has looked at it. Where changes may have gone unheard
   * (`isHardOfHearing`, or after a warning), the tree is walked again, at most once a minute. Where the root is another folder by now, as of a disk that was
   * mounted anew, everything is watched anew: of that one nothing has been heard.
   */
  doubt(): void;
  close(): Promise<void>;
}

/** How long events are gathered before they go out, and how long a steady stream may put that off. */
const gatherMs = 50;
const gatherAtMostMs = 250;
const doubtEveryMs = 60_000;
/** chokidar has so long, and up to twice as long, to speak of a renamed path: it mostly does within some milliseconds. */
const unheardAfterMs = 500;
/** Paths of which the system has spoken and chokidar not yet: it never does of those that are ignored. After so long, or so many, they are forgotten. */
const freshMs = 1_000;
const mostFresh = 300;

/**
 * Linux keeps 16,384 events that nobody has read yet (fs.inotify.max_queued_events) and drops what comes then; Node does not say so. Half as many at once, after
 * a branch switch on a busy machine, and folders may have come of which nobody heard.
 */
const maybeDropped = 8_000;

/** Magic numbers of statfs(2): network disks, WSL's and virtual machines' views of another system, and FUSE, behind which is often one of those. */
const unheardTypes: ReadonlySet<number> = new Set([0x6969, 0xff534d42, 0xfe534d42, 0x517b, 0x01021997, 0x65735546, 0x786f4256, 0xbacbacbc, 0x5346414f, 0x00c36400]);

/** Whether others can change files there without the system telling. Only Linux says what kind of disk it is; elsewhere nothing is known. */
export function isHardOfHearing(folder: string): boolean {
  if (process.platform !== "linux") return false;
  try {
    return unheardTypes.has(statfsSync(folder).type);
  } catch {
    return false;
  }
}

/** What to tell a person about a failure of the watcher. */
export function watchWarning(error: unknown, platform: NodeJS.Platform = process.platform): string {
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  const otherwise = "Until then, saved files are indexed when the editor saves them, and everything else on the next start.";
  if (code === "ENOSPC")
    return `The system's limit of watched folders is reached, so some changes made outside the editor go unnoticed. Raise it with "sudo sysctl fs.inotify.max_user_watches=524288" and restart Strata's engine. ${otherwise}`;
  // Of Linux's watching itself: each program that watches takes one of 128, engines and editors alike, and there are files enough.
  if (code === "EMFILE" && syscall === "watch" && platform === "linux")
    return `The system's limit of programs that watch folders is reached, so changes made outside the editor go unnoticed. Close other programs or raise it with "sudo sysctl fs.inotify.max_user_instances=1024", and restart Strata's engine. ${otherwise}`;
  if (code === "EMFILE" || code === "ENFILE")
    return `The system's limit of open files is reached, so some changes made outside the editor go unnoticed. Close other programs or raise the limit ("ulimit -n 65536" before starting), and restart Strata's engine. ${otherwise}`;
  return `Watching for changes failed (${userMessage(error)}), so some changes made outside the editor may go unnoticed until Strata's engine restarts.`;
}

function isFolder(absolute: string): boolean {
  try {
    return lstatSync(absolute).isDirectory();
  } catch {
    return false; // gone, or out of reach
  }
}

const isUnindexed = (relative: string): boolean => isSecret(relative) || unindexedKind(relative) !== undefined;

/** Starts watching at once. Folders that ignore files exclude cost nothing: they are not descended into. */
export function watchWorkspace(root: string, options: WatchOptions): Watcher {
  const absoluteRoot = path.resolve(root);
  const { limits, onChange, onRescan, onWarning } = options;
  const said = new Set<string>();
  const gathered = new Set<string>();
  /** Absolute paths that came, went or were replaced, and of which chokidar has said nothing since; then those of them that are looked at next. */
  let renamed = new Set<string>();
  let unheard = new Set<string>();
  let unheardTimer: NodeJS.Timeout | undefined;
  /** Absolute paths of which the system has spoken, and when. */
  const fresh = new Map<string, number>();
  /** Events of this turn of the event loop, in which all that had queued up are read. */
  let atOnce = 0;
  let timer: NodeJS.Timeout | undefined;
  let oldestMs = 0;
  let closed = false;
  const { hardOfHearing = isHardOfHearing(absoluteRoot), hearsBelow = process.platform === "win32" || process.platform === "darwin" } = options;
  let doubtedMs = Date.now();
  let current: FSWatcher | undefined;
  /** The root's identity when watching began; undefined once it has gone, as far as is known. */
  let watchedRoot: Promise<string | undefined>;
  let refreshing: Promise<void> = Promise.resolve();
  /** Resolved by close: a watcher that is closed before it stands never says that it does. */
  const end = Promise.withResolvers<void>();

  function flush(): void {
    timer = undefined;
    const paths = [...gathered];
    gathered.clear();
    if (!closed && paths.length > 0) onChange(paths);
  }

  function gather(relative: string): void {
    gathered.add(relative);
    const now = Date.now();
    if (timer === undefined) oldestMs = now;
    else clearTimeout(timer);
    timer = setTimeout(flush, Math.max(0, Math.min(gatherMs, oldestMs + gatherAtMostMs - now)));
  }

  /** Reports what was gathered, and what chokidar has yet to speak of. Folders are not among it: what is in them is found by a walk. */
  function reportFresh(): void {
    const since = performance.now() - freshMs;
    const heard = [...fresh].flatMap(([absolute, at]) => (at >= since ? [absolute] : []));
    fresh.clear();
    try {
      const filter = heard.length > 0 ? new PathFilter(absoluteRoot, limits()) : undefined;
      for (const absolute of heard) {
        const relative = relativeTo(absoluteRoot, absolute);
        if (relative !== "" && !leadsOut(relative) && !isUnindexed(relative) && !filter!.excludes(relative, false) && !isFolder(absolute)) gathered.add(relative);
      }
    } catch (error) {
      warn(error);
    }
    clearTimeout(timer);
    flush();
  }

  function warn(error: unknown): void {
    const sentence = watchWarning(error);
    if (closed || said.has(sentence)) return;
    said.add(sentence);
    onWarning(sentence);
  }

  /**
   * chokidar 6.0.0 neither reports nor watches a folder that has taken the place of a file or a link: then everything is watched anew, and walked. Nor does it
   * report the file when that folder has gone as well.
   */
  async function lookAt(paths: ReadonlySet<string>, watcher: FSWatcher): Promise<void> {
    const filter = new PathFilter(absoluteRoot, limits());
    for (const absolute of paths) {
      const stats = await lstat(absolute).catch(() => undefined);
      if (closed || current !== watcher) return;
      const relative = relativeTo(absoluteRoot, absolute);
      if (relative === "" || leadsOut(relative)) continue;
      if (stats?.isDirectory()) {
        if (!filter.excludes(relative, true)) return refresh();
        // Also what is there: on a disk that ignores case it may be found by a name that it has no longer.
      } else if (!isUnindexed(relative) && !filter.excludes(relative, false)) gather(relative);
    }
  }

  function waitForUnheard(watcher: FSWatcher): void {
    const due = unheard;
    [unheard, renamed] = [renamed, new Set()];
    unheardTimer = unheard.size > 0 ? setTimeout(waitForUnheard, unheardAfterMs, watcher) : undefined;
    if (due.size > 0) void lookAt(due, watcher).catch(warn);
  }

  function start(): Promise<void> {
    clearTimeout(unheardTimer);
    unheardTimer = undefined;
    [renamed, unheard] = [new Set(), new Set()];
    fresh.clear();
    watchedRoot = folderIdentity(absoluteRoot);
    const filter = new PathFilter(absoluteRoot, limits());
    /**
     * Their folders, because editors replace files; one that is made later is seen with the next start. Below the root they are heard of anyway where one watch
     * hears of everything, and Windows lets nobody rename or move a folder while something in it is watched.
     */
    const listFolders = new Set<string>();
    const watchLists = (): void => {
      for (const folder of [...filter.gitLists].map((file) => path.dirname(file))) {
        if (listFolders.has(folder) || (hearsBelow && !leadsOut(path.relative(absoluteRoot, folder))) || !existsSync(folder)) continue;
        listFolders.add(folder);
        watcher.add(folder);
      }
    };
    const watcher = chokidarWatch(absoluteRoot, {
      ignoreInitial: true,
      followSymlinks: false,
      ignorePermissionErrors: true,
      // Else nothing is said of names like "a.ts~", which are indexed like others. A file that an editor replaces is one path of a batch anyway.
      atomic: false,
      backend: hearsBelow ? "native-recursive" : "native",
      ignored: (absolute, stats) => {
        const relative = relativeTo(absoluteRoot, absolute);
        // Asked first without stats: whether "foo/" in an ignore file matches depends on what foo is, so wait for them.
        if (relative === "" || stats === undefined || listFolders.has(absolute) || filter.gitLists.has(absolute)) return false;
        // A repository says itself where its git folder lies: nothing else is looked at there.
        if (leadsOut(relative)) return true;
        // One person's ignore file is itself ignored.
        if (stats.isFile() && isIgnoreFile(absolute)) return false;
        if (stats.isFile() && isUnindexed(relative)) return true;
        const isExcluded = filter.excludes(relative, stats.isDirectory());
        if (isRepositoryMark(absolute)) watchLists();
        return isExcluded;
      },
    });
    current = watcher;
    watchLists();
    watcher.on("raw", (event, name, details) => {
      const { watchedPath } = details as { readonly watchedPath?: string };
      if (closed || current !== watcher) return;
      if (atOnce++ === 0)
        setImmediate(() => {
          if (atOnce > maybeDropped && !closed) refresh();
          atOnce = 0;
        });
      if (typeof name !== "string" || watchedPath === undefined) return;
      const absolute = path.resolve(watchedPath, name);
      if (filter.gitLists.has(absolute)) return refresh();
      if (fresh.size >= mostFresh) fresh.clear();
      fresh.set(absolute, performance.now());
      if (event !== "rename") return;
      // The root's own, and not of a file in it that has its name: it was moved, or its disk unmounted, and what is mounted there later may look the same.
      if (watchedPath === absoluteRoot && name === path.basename(absoluteRoot) && !existsSync(absolute)) watchedRoot = Promise.resolve(undefined);
      if (isRepositoryMark(absolute)) refresh();
      renamed.add(absolute);
      unheardTimer ??= setTimeout(waitForUnheard, unheardAfterMs, watcher);
    });
    watcher.on("all", (event, absolute) => {
      if (closed || current !== watcher) return;
      if (event === "unlinkDir") return;
      renamed.delete(absolute);
      unheard.delete(absolute);
      fresh.delete(absolute);
      if (event === "addDir") return;
      const relative = relativeTo(absoluteRoot, absolute);
      if (leadsOut(relative) || filter.gitLists.has(absolute)) return;
      gather(relative);
      if (isIgnoreFile(absolute)) refresh();
    });
    watcher.on("error", warn);
    const stands = new Promise<void>((resolve) =>
      watcher.once("ready", () => {
        if (!closed) onRescan();
        resolve();
      }),
    );
    return Promise.race([stands, end.promise]);
  }

  /** Looked at twice: on a disk that calls a folder something else at every look, each question would have everything watched anew. */
  async function doubtRoot(): Promise<void> {
    const [watched, there] = await Promise.all([watchedRoot, folderIdentity(absoluteRoot)]);
    if (there !== undefined && there !== watched && there === (await folderIdentity(absoluteRoot))) refresh();
  }

  let refreshQueued = false;
  /** New rules may open folders that are not watched yet, so everything is watched anew. */
  function refresh(): void {
    if (refreshQueued) return;
    refreshQueued = true;
    refreshing = refreshing
      .then(async () => {
        refreshQueued = false;
        await current?.close();
        if (!closed) await start();
      })
      .catch(warn);
  }

  return {
    ready: start(),
    refresh,
    doubt() {
      if (closed) return;
      reportFresh();
      void doubtRoot();
      if ((!hardOfHearing && said.size === 0) || Date.now() - doubtedMs < doubtEveryMs) return;
      doubtedMs = Date.now();
      onRescan();
    },
    async close() {
      closed = true;
      end.resolve();
      clearTimeout(timer);
      clearTimeout(unheardTimer);
      await current?.close();
      await refreshing;
    },
  };
}
