import assert from "node:assert/strict";
import fs, { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import promises from "node:fs/promises";
import path from "node:path";
import { after, afterEach, test } from "node:test";
import { yieldToEventLoop } from "../../../src/base/abort.ts";
import { isHardOfHearing, watchWarning, watchWorkspace, type Watcher } from "../../../src/indexing/watch.ts";
import { shareMocks } from "../../support/builtins.ts";
import { temporaryFolder, writeFiles } from "../../support/temporaryFolder.ts";

const scratch = temporaryFolder({ after });
let open: Watcher | undefined;
afterEach(() => open?.close());
let folders = 0;

/** Watches a fresh folder; `until` resolves when the condition holds after some report. */
async function watched(files: Readonly<Record<string, string>>, exclude: readonly string[] = [], { hardOfHearing, hearsBelow }: { readonly hardOfHearing?: boolean; readonly hearsBelow?: boolean } = {}) {
  const root = path.join(scratch, String(folders++));
  mkdirSync(root);
  const write = (name: string, content = name): void => writeFiles(root, { [name]: content });
  writeFiles(root, files);
  const seen = new Set<string>();
  const state = { batches: 0, rescans: 0 };
  let wake = (): void => {};
  open = watchWorkspace(root, {
    limits: () => ({ exclude }),
    ...(hardOfHearing !== undefined && { hardOfHearing }),
    ...(hearsBelow !== undefined && { hearsBelow }),
    onChange: (paths) => {
      state.batches++;
      assert.equal(new Set(paths).size, paths.length);
      for (const name of paths) seen.add(name);
      wake();
    },
    onRescan: () => {
      state.rescans++;
      wake();
    },
    onWarning: (sentence) => assert.fail(sentence),
  });
  await open.ready;
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => (wake = resolve));
  }
  return { root, write, until, seen, state };
}

test("new, changed and deleted files are reported, paths relative with slashes", { timeout: 120_000 }, async () => {
  const w = await watched({ "d/a.ts": "1", "d/b.ts": "1" });
  w.write("d/a.ts", "2");
  w.write("d/e/new.ts");
  rmSync(path.join(w.root, "d/b.ts"));
  await w.until(() => w.seen.size >= 3);
  assert.deepEqual([...w.seen].sort(), ["d/a.ts", "d/b.ts", "d/e/new.ts"]);
});

test("a folder in the place of a file is walked and watched, whether it holds files or not", { timeout: 120_000 }, async () => {
  const w = await watched({ "a.ts": "1", "b.ts": "1" });
  for (const name of ["a.ts", "b.ts"]) {
    rmSync(path.join(w.root, name));
    mkdirSync(path.join(w.root, name));
  }
  w.write("b.ts/inner.ts");
  await w.until(() => w.state.rescans >= 2);
  w.write("a.ts/later.ts");
  w.write("b.ts/inner.ts", "changed");
  await w.until(() => w.seen.has("a.ts/later.ts") && w.seen.has("b.ts/inner.ts"));
});

test("a file that became a folder is reported also when that has gone at once", { timeout: 120_000 }, async () => {
  const w = await watched({ "d/a.ts": "1" });
  rmSync(path.join(w.root, "d/a.ts"));
  w.write("d/a.ts/in.ts");
  await w.until(() => w.seen.has("d/a.ts/in.ts"));
  renameSync(path.join(w.root, "d/a.ts"), path.join(w.root, "moved"));
  await w.until(() => w.seen.has("d/a.ts"));
});

test("a file whose name changed in case alone is reported by both names, on a disk that ignores case", { timeout: 120_000 }, async (t) => {
  const onDisk = (file: string) => path.join(path.dirname(file), readdirSync(path.dirname(file)).find((name) => name.toLowerCase() === path.basename(file).toLowerCase()) ?? path.basename(file));
  for (const name of ["lstat", "stat"] as const) {
    const real = promises[name] as (file: string) => Promise<unknown>;
    t.mock.method(promises, name, (file: string) => real(onDisk(file)));
  }
  shareMocks(t);
  const w = await watched({ "d/Name.ts": "1" }, [], { hearsBelow: true });
  renameSync(path.join(w.root, "d/Name.ts"), path.join(w.root, "d/name.ts"));
  await w.until(() => w.seen.has("d/Name.ts") && w.seen.has("d/name.ts"));
});

test("a repository or a cache that begins or ends asks for a new walk: other rules hold inside", { timeout: 120_000 }, async () => {
  const w = await watched({ ".gitignore": "gen/\n", "sub/gen/a.ts": "1", "c/b.ts": "1" });
  mkdirSync(path.join(w.root, "sub/.git"));
  await w.until(() => w.state.rescans >= 2);
  w.write("sub/gen/a.ts", "2");
  await w.until(() => w.seen.has("sub/gen/a.ts"));
  w.write("c/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
  await w.until(() => w.state.rescans >= 3);
  rmSync(path.join(w.root, "c/CACHEDIR.TAG"));
  await w.until(() => w.state.rescans >= 4);
  w.write("c/b.ts", "2");
  await w.until(() => w.seen.has("c/b.ts"));
});

test("more changes than the system remembers ask for a new walk, and folders that came among them are watched", { timeout: 120_000, skip: process.platform !== "linux" && "other systems queue otherwise" }, async () => {
  const names = Array.from({ length: 3_000 }, (_, i) => `d/f${i}.ts`);
  const w = await watched(Object.fromEntries(names.map((name) => [name, ""])));
  // Nobody listens meanwhile: this thread is busy.
  for (const content of ["a", "b", "c"])
    for (const name of names) {
      rmSync(path.join(w.root, name));
      w.write(name, content);
    }
  w.write("d/new/x.ts");
  await w.until(() => w.state.rescans >= 2);
  w.write("d/new/x.ts", "changed");
  await w.until(() => w.seen.has("d/new/x.ts"));
});

test("files that are named as editors name their copies are reported, as the walk finds them", { timeout: 120_000 }, async () => {
  const w = await watched({ "a.ts": "1" });
  w.write("a.ts~");
  w.write(".b.ts.swp");
  await w.until(() => w.seen.has("a.ts~") && w.seen.has(".b.ts.swp"));
});

test("a walk is asked for once when watching stands, so nothing falls between the two", { timeout: 120_000 }, async () => {
  const w = await watched({ "a.ts": "1" });
  assert.equal(w.state.rescans, 1);
});

test("where changes go unheard the tree is walked again when somebody asks, at most once a minute", { timeout: 120_000 }, async (t) => {
  const w = await watched({ "a.ts": "1" }, [], { hardOfHearing: true });
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  open!.doubt();
  assert.equal(w.state.rescans, 1, "the first walk has just been asked for");
  t.mock.timers.tick(61_000);
  open!.doubt();
  open!.doubt();
  assert.equal(w.state.rescans, 2);
});

test("on a disk that tells of changes nobody walks again for a question", { timeout: 120_000 }, async (t) => {
  const w = await watched({ "a.ts": "1" }, [], { hardOfHearing: false });
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  t.mock.timers.tick(61_000);
  open!.doubt();
  assert.equal(w.state.rescans, 1);
});

test("what was written just now is reported when somebody relies on it, before chokidar has looked at it", { timeout: 120_000, skip: process.platform !== "linux" && "others tell later" }, async () => {
  const w = await watched({ "d/a.ts": "1", "d/gone.ts": "1", "e.ts/inner.ts": "1", ".gitignore": "*.log\n" });
  w.write("d/a.ts", "2");
  w.write("e.ts/inner.ts", "2");
  rmSync(path.join(w.root, "e.ts"), { recursive: true });
  w.write("e.ts");
  w.write("d/new.ts");
  for (const name of ["d/build.log", "d/.env", "d/picture.png"]) w.write(name);
  mkdirSync(path.join(w.root, "d/folder.ts"));
  rmSync(path.join(w.root, "d/gone.ts"));
  for (let turn = 0; turn < 2; turn++) await yieldToEventLoop(); // the system has told by then
  open!.doubt();
  w.seen.delete("e.ts/e.ts"); // as the system calls a watched folder that has gone itself
  assert.deepEqual([...w.seen].sort(), ["d/a.ts", "d/gone.ts", "d/new.ts", "e.ts", "e.ts/inner.ts"]);
  open!.doubt();
  assert.equal(w.state.batches, 1, "once");
});

test("a root that is another folder by now, as of a disk that was mounted anew, is walked and watched when somebody relies on it", { timeout: 120_000 }, async () => {
  const w = await watched({ "a.ts": "1" });
  open!.doubt();
  const next = `${w.root}-next`;
  mkdirSync(path.join(next, "d"), { recursive: true });
  for (const [away, file] of [["away", "d/later.ts"], ["other", "back.ts"]] as const) {
    const asked = w.state.rescans;
    renameSync(w.root, `${w.root}-${away}`);
    renameSync(away === "away" ? next : `${w.root}-away`, w.root);
    open!.doubt();
    await w.until(() => w.state.rescans > asked);
    // Renaming may have everything watched anew once more: what is written before that stands is found by its walk, so it is written again.
    for (let turn = 0; !w.seen.has(file); turn++) {
      const walks = w.state.rescans;
      w.write(file, String(turn));
      await w.until(() => w.seen.has(file) || w.state.rescans > walks);
    }
  }
});

test("a root that was away is walked and watched anew when somebody relies on it, though it looks the same", { timeout: 120_000, skip: process.platform !== "linux" && "others tell otherwise" }, async () => {
  const w = await watched({ "a.ts": "1" });
  const asked = w.state.rescans;
  for (const [from, to] of [[w.root, `${w.root}-away`], [`${w.root}-away`, w.root]] as const) renameSync(from, to);
  for (let turn = 0; turn < 2; turn++) await yieldToEventLoop(); // the system has told by then
  open!.doubt();
  await w.until(() => w.state.rescans > asked);
});

test("what is built in a root under its name, as `go build` does, is no reason to watch everything anew", { timeout: 120_000 }, async () => {
  const w = await watched({ "a.ts": "1" });
  const asked = w.state.rescans;
  w.write(path.basename(w.root));
  await w.until(() => w.seen.has(path.basename(w.root)));
  for (const name of ["b.ts", "c.ts"]) {
    open!.doubt();
    w.write(name);
    await w.until(() => w.seen.has(name)); // the root has been looked at by then, and who watches anew walks first
  }
  assert.equal(w.state.rescans, asked);
});

test("on a disk that calls a folder something else at every look, nothing is watched anew for that", { timeout: 120_000 }, async (t) => {
  const w = await watched({ "a.ts": "1" });
  const stat = promises.stat as (file: string) => Promise<object>;
  let looks = 0;
  t.mock.method(promises, "stat", async (file: string) => (file === w.root ? Object.assign(await stat(file), { ino: ++looks }) : stat(file)));
  shareMocks(t);
  const asked = w.state.rescans;
  for (const name of ["b.ts", "c.ts"]) {
    open!.doubt();
    w.write(name);
    await w.until(() => w.seen.has(name));
  }
  assert.deepEqual([w.state.rescans, looks >= 2], [asked, true]);
});

test("a memory disk is no network disk, and what is not there is none either", { skip: process.platform !== "linux" && "Linux alone says" }, () => {
  assert.equal(isHardOfHearing("/proc"), false);
  assert.equal(isHardOfHearing("/no/such/folder"), false);
});

test("a burst of writes arrives in few batches", { timeout: 120_000 }, async () => {
  const w = await watched({ "a.ts": "1" });
  for (let i = 0; i < 200; i++) w.write(`many/f${i}.ts`);
  await w.until(() => w.seen.size === 200);
  assert.ok(w.state.batches <= 20, `${w.state.batches} batches`);
});

test("an editor's save by rename is a change of the file, and its temporary file stays silent", { timeout: 120_000 }, async () => {
  const w = await watched({ "a.ts": "1" });
  w.write(".a.ts.swp", "2");
  renameSync(path.join(w.root, ".a.ts.swp"), path.join(w.root, "a.ts"));
  await w.until(() => w.seen.has("a.ts"));
  assert.deepEqual([...w.seen], ["a.ts"]);
});

test("a renamed directory reports its files on both sides", { timeout: 120_000 }, async () => {
  const w = await watched({ "old/x/a.ts": "1", "old/b.ts": "1" });
  renameSync(path.join(w.root, "old"), path.join(w.root, "fresh"));
  await w.until(() => w.seen.size >= 4);
  assert.deepEqual([...w.seen].sort(), ["fresh/b.ts", "fresh/x/a.ts", "old/b.ts", "old/x/a.ts"]);
});

test("excluded, secret and binary files stay silent", { timeout: 120_000 }, async () => {
  const w = await watched({ ".gitignore": "*.txt\nout/\n", ".git/HEAD": "", "out/a.ts": "", "node_modules/m/i.ts": "", "gen/g.ts": "", "src/a.ts": "" }, ["gen"]);
  for (const name of ["out/a.ts", "node_modules/m/i.ts", "gen/g.ts", ".git/index.ts", "src/.env", "src/logo.png", "src/notes.txt"]) w.write(name, "changed");
  w.write("src/sentinel.ts");
  await w.until(() => w.seen.has("src/sentinel.ts"));
  assert.deepEqual([...w.seen], ["src/sentinel.ts"]);
});

test("a changed ignore file asks for a new walk, and what it opens is watched from then on", { timeout: 120_000 }, async () => {
  const w = await watched({ ".gitignore": "out/\n", "out/a.ts": "", "in/b.ts": "" });
  w.write(".gitignore", "in/\n");
  await w.until(() => w.state.rescans >= 2);
  w.write("in/b.ts", "2");
  w.write("out/a.ts", "2");
  await w.until(() => w.seen.has("out/a.ts"));
  assert.equal(w.seen.has("in/b.ts"), false);
});

test("an ignore file that is itself ignored asks for a new walk as well", { timeout: 120_000 }, async () => {
  const w = await watched({ ".gitignore": ".strataignore\n", ".strataignore": "out/\n", "out/a.ts": "" });
  w.write(".strataignore", "in/\n");
  await w.until(() => w.state.rescans >= 2);
  w.write("out/a.ts", "2");
  await w.until(() => w.seen.has("out/a.ts"));
});

test("git's own list of excludes asks for a new walk, of the repository, of one inside, and of a worktree's main one", { timeout: 120_000 }, async () => {
  const main = path.join(scratch, "main", ".git");
  mkdirSync(path.join(main, "info"), { recursive: true });
  mkdirSync(path.join(main, "worktrees/tree"), { recursive: true });
  writeFileSync(path.join(main, "worktrees/tree/commondir"), "../..\n");
  const w = await watched({ ".git/info/exclude": "", "lib/.git/info/exclude": "# nothing", "lib/.git/info/attributes": "", "lib/a.ts": "1", "tree/.git": `gitdir: ${main}/worktrees/tree\n` });
  const lists = [path.join(w.root, ".git/info/exclude"), path.join(w.root, "lib/.git/info/exclude"), path.join(main, "info/exclude")];
  for (const list of lists) {
    const before = w.state.rescans;
    writeFileSync(`${list}.new`, "a.ts\n");
    renameSync(`${list}.new`, list);
    await w.until(() => w.state.rescans > before);
  }
  w.write("lib/.git/info/attributes", "*.ts text\n");
  const last = w.state.rescans;
  rmSync(lists[1]!);
  await w.until(() => w.state.rescans > last);
  assert.deepEqual([...w.seen], []);
});

test("where one watch hears of everything below, as on Windows, nothing below is watched by itself: nobody could rename its folder", { timeout: 120_000 }, async (t) => {
  const watches: string[] = [];
  const { watch } = fs;
  t.mock.method(fs, "watch", (...given: Parameters<typeof watch>) => {
    // Linux makes such a watch of many others.
    if ((given[1] as { recursive?: boolean }).recursive) watches.push(String(given[0]));
    return watch(...given);
  });
  shareMocks(t);
  const w = await watched({ ".git/info/exclude": "", "lib/.git/info/exclude": "", "lib/a.ts": "1" }, [], { hearsBelow: true });
  assert.deepEqual(watches, [w.root]);
  for (const list of [".git/info/exclude", "lib/.git/info/exclude"]) {
    const before = w.state.rescans;
    w.write(list, "b.ts\n");
    await w.until(() => w.state.rescans > before);
  }
  w.write("lib/a.ts", "2");
  await w.until(() => w.seen.has("lib/a.ts"));
  assert.deepEqual([...w.seen], ["lib/a.ts"]);
});

test("of a git folder that lies elsewhere nothing is watched but its list", { skip: process.platform !== "linux", timeout: 120_000 }, async () => {
  const elsewhere = path.join(scratch, "elsewhere");
  for (let i = 0; i < 100; i++) mkdirSync(path.join(elsewhere, `info/${i}`), { recursive: true });
  writeFileSync(path.join(elsewhere, "info/exclude"), "");
  const watches = (): number => readdirSync("/proc/self/fdinfo").map((fd) => contentOf(`/proc/self/fdinfo/${fd}`).split("inotify wd:").length - 1).reduce((a, b) => a + b, 0);
  const before = watches();
  const w = await watched({ "tree/.git": `gitdir: ${elsewhere}\n` });
  assert.ok(watches() - before < 20, `${watches() - before} watches`);
  writeFileSync(path.join(elsewhere, "info/exclude"), "a.ts\n");
  await w.until(() => w.state.rescans > 1);
});

/** "" where it has gone. */
function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

test("nothing is reported after close", async () => {
  const w = await watched({ "a.ts": "1" });
  w.write("a.ts", "2");
  await open?.close();
  const before = w.state.batches;
  w.write("a.ts", "3");
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(w.state.batches, before);
});

/** Watches an empty folder; `limits` is asked whenever watching starts over. */
function watchedWith(limits: () => { exclude: readonly string[] }, onWarning: (sentence: string) => void = assert.fail): Watcher {
  const root = path.join(scratch, String(folders++));
  mkdirSync(root);
  return (open = watchWorkspace(root, { limits, onChange: () => {}, onRescan: () => {}, onWarning }));
}

test("closing does not wait for a watcher that was about to start over", { timeout: 120_000 }, async () => {
  const startedOver = Promise.withResolvers<void>();
  let asked = 0;
  const watcher = watchedWith(() => {
    if (++asked === 2) startedOver.resolve();
    return { exclude: [] };
  });
  await watcher.ready;
  watcher.refresh();
  await startedOver.promise;
  await watcher.close();
});

test("a watcher that cannot start over says so, and starts when it is asked again", { timeout: 120_000 }, async () => {
  const warned = Promise.withResolvers<string>();
  const startedOver = Promise.withResolvers<void>();
  let asked = 0;
  const watcher = watchedWith(() => {
    if (++asked === 2) throw new Error("no such rule");
    if (asked === 3) startedOver.resolve();
    return { exclude: [] };
  }, warned.resolve);
  await watcher.ready;
  watcher.refresh();
  assert.match(await warned.promise, /no such rule/);
  watcher.refresh();
  await startedOver.promise;
});

for (const [code, advice] of [["ENOSPC", /max_user_watches/], ["EMFILE", /ulimit -n/], ["EIO", /restarts/]] as const)
  test(`${code} becomes a sentence that says what to do`, () => assert.match(watchWarning(Object.assign(new Error("watch"), { code })), advice));

test("where no more programs may watch, the limit of open files is not blamed", () => {
  const failed = Object.assign(new Error("EMFILE: too many open files, watch"), { code: "EMFILE", syscall: "watch" });
  assert.match(watchWarning(failed, "linux"), /max_user_instances/);
  assert.match(watchWarning(failed, "darwin"), /ulimit -n/);
  assert.match(watchWarning(Object.assign(new Error("EMFILE: too many open files, scandir"), { code: "EMFILE", syscall: "scandir" }), "linux"), /ulimit -n/);
});
