// The `strata` command line: what can be typed, and how every outcome becomes output and an exit code. 0 found, 1 nothing found,
// 2 an error with a sentence, 130 cancelled with Ctrl-C; a reader that went away (| head) is success.
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { isAbort } from "../base/abort.ts";
import { build, entryFile } from "../base/assets.ts";
import { StrataError, userMessage } from "../base/errors.ts";
import { agentSettings, launcherVariable } from "../base/launcher.ts";
import { exclusion } from "../base/queryWords.ts";
import { depths } from "../encoding/encoder.ts";
import { duplicateDefaults } from "../engine/protocol.ts";
import { languagesNamed, noSuchLanguage } from "../indexing/languages.ts";
import { type DuplicateOptions, type FilterOptions, runDuplicates, runIndex, runSearch, runSimilar, runStatus, type SearchOptions } from "./commands.ts";
import { foldersServed, resolveModel, scopeOf, tooWideHere } from "./session.ts";
import type { TrainOptions } from "./train.ts";
import { type Context, jsonLine, printable, processTerminal, type Terminal } from "./terminal.ts";

type Run = (context: Context) => Promise<number>;

function whole(name: string, most: number): (text: string) => number {
  return (text) => {
    const n = Number(text);
    if (!Number.isInteger(n) || n < 1 || n > most) throw new InvalidArgumentError(`${name} must be a whole number from 1 to ${most}.`);
    return n;
  };
}

function fraction(text: string): number {
  const n = Number(text);
  if (text.trim() === "" || !(n >= 0 && n <= 1)) throw new InvalidArgumentError("It must be a number from 0 to 1.");
  return n;
}

function languages(value: string, earlier: readonly string[] = []): readonly string[] {
  for (const name of value.split(",")) if (languagesNamed(name.trim()).length === 0) throw new InvalidArgumentError(noSuchLanguage(name.trim()));
  return [...earlier, value];
}

function globs(value: string, earlier: readonly string[] = []): readonly string[] {
  if (/^!?\s*$/.test(value)) throw new InvalidArgumentError("It is empty. Name files, for example 'src/**', or leave it out.");
  return [...earlier, value];
}

/** --in where one folder is meant: a second one would be left out without a word. */
function oneFolder(value: string, earlier: string | undefined): string {
  if (earlier !== undefined) throw new InvalidArgumentError("This command is about one folder. Name one, or run it for each.");
  return value;
}

const severalFolders = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];

/** A folder may be named by its place or by --in. */
function eitherFolder(dir: string | undefined, given: string | undefined): string | undefined {
  if (dir !== undefined && given !== undefined) throw new StrataError("input.invalid", `Two folders are named, ${dir} and ${given}. Leave one of them out.`);
  return dir ?? given;
}

const nearest = "(default: the current one; inside an indexed project it means that part of the project)";
const jsonOption = ["--json", "print one JSON object instead of text"] as const;
const modelOption = ["--model <folder>", 'model folder, or a name that `strata models` lists: for everyone who uses this index, until its engine ends ("strata models use" chooses for good)'] as const;
/** Commands that have nothing to do with one. */
const withoutModel: ReadonlySet<string> = new Set(["mine", "indexes"]);
const depthOption = (text: string): Option => new Option("--depth <depth>", text).choices(depths).default("deep");

/** @param run receives the chosen command, ready to go. */
export function commandLine(run: (command: Run, options: { json?: boolean; model?: string }) => Promise<void>): Command {
  const program = new Command("strata")
    .description("Search code by meaning. Works offline on your own machine; nothing leaves it.")
    .version(build, "-V, --version")
    .helpOption("-h, --help", "show help")
    .showHelpAfterError("(strata --help shows what can be typed)")
    .addHelpText("after", '\nExamples:\n  strata search "where are failed requests tried again" --in ~/src/project\n  strata similar src/parser.ts:120-140\n  strata index . --depth deep\n\nExit codes: 0 found, 1 nothing found, 2 error, 130 cancelled.');

  /** Adds a command; the global options may stand before or after its name, and mean what the command says of them if it does. */
  const add = (signature: string, description: string, configure: (command: Command) => Command, action: (context: Context, options: never, args: readonly string[]) => Promise<number>): void => {
    const command = configure(program.command(signature).description(description));
    const takesModel = !withoutModel.has(command.name());
    for (const [flags, meaning] of takesModel ? [jsonOption, modelOption] : [jsonOption]) if (!command.options.some((own) => own.flags === flags)) command.option(flags, meaning);
    command.action(async () => {
      const options = command.optsWithGlobals();
      if (!takesModel && options["model"] !== undefined) throw new StrataError("input.invalid", `"strata ${command.name()}" uses no model. Leave out --model.`);
      await run((context) => action(context, options as never, command.processedArgs as readonly string[]), options);
    });
  };
  const searching = (command: Command): Command =>
    command
      .addOption(new Option("--in <dir>", 'folder to search; may be repeated to search several as one, and "all" means every folder that has an index; inside an indexed project it means that part of the project').argParser(severalFolders).default([], "the current folder"))
      .option("-k, --k <number>", "how many hits", whole("The number of hits", 200), 10)
      .addOption(depthOption('"deep" reads the leading hits deeply before they are shown, as far as a moment allows; with --wait everything is read to this depth first'))
      .option("--wait", "read everything to --depth before searching", false)
      .option("--vimgrep", "one line for each hit, path:line:column:text, for editors and pickers", false)
      .option("--explain", "show what each signal contributed", false);

  const filtering = (command: Command, matching: string, ofCode = ""): Command =>
    command
      .addOption(new Option("--lang <language>", `${matching.replace("files that match", "this language")} (may be repeated)${ofCode}`).argParser(languages).default([], "all"))
      .addOption(new Option("--path <glob>", `${matching}; !glob for files that do not count (may be repeated)`).argParser(globs).default([], "all"));

  program.option(...jsonOption).option(...modelOption);

  add("search <query...>", "find code by a sentence, a name or quoted text", (command) => filtering(searching(command), "only files that match"), (context, options: SearchOptions & FilterOptions, [words]) =>
    runSearch((words as unknown as string[]).join(" "), options, context),
  );
  add("similar <file:line[-line]>", 'find code like the function at a line, like a range of lines, or like what is piped in ("-")', (command) => filtering(searching(command), "only files that match", '; with "-" what the code is written in'), (context, options: SearchOptions & FilterOptions, [place = ""]) =>
    runSimilar(place, options, context),
  );
  add(
    "duplicates [dir]",
    "groups of code that is the same, renamed, or means the same",
    (command) =>
      filtering(command, "only what has a copy in files that match")
        .option("--in <dir>", `folder to look through ${nearest}`, oneFolder)
        .addOption(depthOption("how deep everything is read first; \"instant\" answers at once and sees less of what only means the same"))
        .option("--min-lines <number>", "leave out shorter pieces", whole("The number of lines", 10_000), duplicateDefaults.minLines)
        .option("--threshold <cosine>", "least cosine of code that only means the same; copies are found by their tokens, whatever this is", fraction, duplicateDefaults.threshold)
        .option("--limit <number>", "how many groups", whole("The number of groups", 10_000), 50),
    (context, options: DuplicateOptions, [dir]) => runDuplicates({ ...options, in: eitherFolder(dir, options.in) }, context),
  );
  add(
    "index [dir]",
    "index a folder, or bring its index up to date",
    (command) => command.addOption(depthOption("how deep to read")).option("--rebuild", "throw the index away and start again", false),
    (context, options: { depth: SearchOptions["depth"]; rebuild: boolean }, [dir = "."]) => runIndex(dir, options, context),
  );
  add("status [dir]", "what is indexed, how deep, and what was left out", (command) => command.option("--in <dir>", `the folder ${nearest}`, oneFolder).option("--left-out", "list the files that are left out, each with its reason", false), (context, options: { in?: string; leftOut: boolean }, [dir]) =>
    runStatus(eitherFolder(dir, options.in), context, options),
  );
  add(
    "models",
    'installed models, whether they are whole, and what was measured of them; "models use NAME" (or a folder, or "bundled") chooses the model of an index, "models forget NAME" deletes one that was trained here',
    (command) => command.addArgument(new Argument("[use]", "choose a model, or delete one").choices(["use", "forget"])).argument("[model]", 'its name, its folder, or "bundled"').option("--in <dir>", `folder whose index is meant ${nearest}`, oneFolder),
    async (context, options: { in?: string }, [action, model]) => (await import("./models.ts")).runModels(action, model, scopeOf(options.in).root, context),
  );
  add(
    "indexes",
    'every index on this machine, its folder and size; "indexes forget DIR" deletes one, "indexes forget gone" those whose folders are not there any more',
    (command) => command.addArgument(new Argument("[forget]", "delete").choices(["forget"])).argument("[dir]", 'the folder whose index is meant, or "gone"'),
    async (context, _options, [action, dir]) => (await import("./indexes.ts")).runIndexes(action, dir, context),
  );
  add("mine [dir]", "write pairs of documentation and code from a folder as JSON lines, to train on", (command) => command.requiredOption("--out <file>", "file to write").option("--undocumented", "functions too that only have a telling name: finetune learns from these as well"), async (context, options: { out: string; undocumented?: boolean }, [dir = "."]) =>
    (await import("./mine.ts")).runMine(dir, options, context),
  );
  add(
    "train [dir]",
    "fine-tune the encoder on a folder; the result is used only if it measures better",
    (command) =>
      command
        .option("--minutes <number>", "time for training", whole("The minutes", 1440), 10)
        .addOption(new Option("--device <device>", "where to train").choices(["auto", "cuda", "mps", "cpu"]).default("auto"))
        .option("--yes", "agree to what has to be installed", false)
        .option("--resume", "go on with a run that was stopped", false)
        .option("--dry-run", "only say what would be done", false)
        .option("--json", "print one JSON object a line, as it goes, instead of text")
        .option(modelOption[0], "model to start from: a folder, or a name that `strata models` lists"),
    async (context, options: TrainOptions, [dir = "."]) => (await import("./train.ts")).runTrain(dir, options, context),
  );
  add("doctor [dir]", "whether everything works on this machine, and what to do where it does not", (command) => command.option("--in <dir>", `folder whose index is checked too ${nearest}`, oneFolder), async (context, options: { in?: string }, [dir]) =>
    (await import("./doctor.ts")).runDoctor(scopeOf(eitherFolder(dir, options.in)).root, context),
  );
  add(
    "mcp [dir...]",
    "serve agents over the Model Context Protocol on stdin and stdout; several folders are searched as one",
    (command) =>
      command
        .addOption(new Option("--in <dir>", "workspace folder (may be repeated)").argParser(severalFolders).default([], "the current one"))
        .option("--config", "only print what agents take in their settings to start this", false),
    async ({ modelFolder, signal, terminal }, options: { in: readonly string[]; config: boolean }, [dirs]) => {
      const given = [...(dirs as unknown as string[]), ...options.in];
      const folders = foldersServed(given);
      if (options.config) {
        const served = given.length === 0 ? [] : folders.map(({ root }) => root); // without one the folder that the agent works in
        const args = [...(modelFolder === undefined ? [] : ["--model", modelFolder]), "mcp", ...served];
        const launcher = process.env[launcherVariable];
        // This Node by its full path: an agent may have another PATH than a terminal.
        terminal.out(`${launcher ? agentSettings(launcher, args) : agentSettings(process.execPath, [entryFile("strata"), ...args])}\n`);
        return 0;
      }
      const { serveMcp } = await import("../mcp/server.ts");
      await serveMcp({ folders, problem: given.length === 0 ? tooWideHere() : undefined, modelFolder, signal, log: (level, message) => level !== "debug" && terminal.err(`strata: ${printable(message)}\n`) });
      return 0;
    },
  );
  return program;
}

function reportError(error: unknown, json: boolean, terminal: Terminal): void {
  const code = StrataError.is(error) ? error.code : "engine.failed";
  const message = userMessage(error);
  if (json) terminal.out(jsonLine({ error: { code, message } }));
  else terminal.err(`strata: ${printable(message)}\n`); // it may name a folder of an index, whatever that is called
}

/** What commander complains about, as a sentence of ours. */
function usageError(error: CommanderError): StrataError {
  const said = error.message.replace(/^error: /, "").replace(/\n\((.*)\)$/, ". $1");
  const behind = error.code === "commander.unknownOption" ? ' To look for it, put "--" in front of what you look for.' : "";
  return new StrataError("input.invalid", `${said.replace(/^./, (letter) => letter.toUpperCase())}${/[.!?)]$/.test(said) ? "" : "."}${behind} "strata --help" shows what can be typed.`);
}

/** `-path:test` and its like are filters of a query, not options, and so is what holds a blank: `"-NOAUTH Authentication required."`. Behind `--` they are read as words. */
export function withQueryAsWords(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  const [options, words] = end < 0 ? [args, []] : [args.slice(0, end), args.slice(end + 1)];
  const isWord = (arg: string): boolean => exclusion.test(arg) || /^-(?!-?[\w-]+=)\S*\s/.test(arg);
  const taken = options.filter(isWord);
  return taken.length === 0 ? [...args] : [...options.filter((arg) => !isWord(arg)), "--", ...words, ...taken];
}

/** Runs one command line to its end. @returns the exit code. */
export async function main(args: readonly string[], terminal: Terminal, signal: AbortSignal): Promise<number> {
  let exitCode = 0;
  const json = args.includes("--json");
  const program = commandLine(async (command, options) => {
    exitCode = await command({ terminal, json, modelFolder: resolveModel(options.model), signal });
  });
  for (const command of [program, ...program.commands]) command.exitOverride().configureOutput({ writeOut: terminal.out, writeErr: () => {} });
  try {
    await program.parseAsync(withQueryAsWords(args), { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      if (error.code === "commander.help") {
        // No command at all: help is the answer, and not what a script expects.
        terminal.err(program.helpInformation());
        return 2;
      }
      reportError(usageError(error), json, terminal);
      return 2;
    }
    if (isAbort(error) && signal.aborted) return 130;
    reportError(error, json, terminal);
    return 2;
  }
}

/** The command line of this process, with its signals and pipes. */
export async function runProcess(): Promise<void> {
  const cancelled = new AbortController();
  const heard = new Set<NodeJS.Signals>();
  const onSignal = (name: NodeJS.Signals): void => {
    // The second Ctrl-C does not wait for anything. Another signal is no second one: a process that works for another has it from the terminal and from its starter.
    if (heard.has(name)) process.exit(130);
    heard.add(name);
    cancelled.abort();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal); // the last: the terminal was closed
  // The editor, where it has started this, asks so or has gone: see extension/trainingRun.ts. To hear that is no reason to go on living.
  for (const word of ["message", "disconnect"]) process.once(word, () => cancelled.abort());
  process.channel?.unref();
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    process.stderr.write(`strata: The answer could not be written: ${userMessage(error)}.\n`, () => process.exit(2));
  });
  // What goes with the answer may go to the same reader (2>&1 | head); the exit code is the answer's.
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
  process.exitCode = await main(process.argv.slice(2), processTerminal(), cancelled.signal);
  if (cancelled.signal.aborted) process.exit(); // a connection that was just being made must not hold the process
}
