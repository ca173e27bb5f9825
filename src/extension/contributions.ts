// Everything Strata adds to VS Code, as data: commands, settings, keys, views, tools. package.json and package.nls.json are
// written from this table by `npm run manifest`; test/contract/manifest.test.ts fails when they differ.
// No import of vscode: tests and the script read it in plain Node.

import { defaultMaxFileKB } from "../base/fileSize.ts";
import { argumentTexts, toolResults, toolTexts } from "../base/forModels.ts";
import { resultSection } from "../webview/messages.ts";

interface CommandContribution {
  readonly title: string;
  readonly icon?: string;
  readonly enablement?: string;
}

/** Context keys the extension sets; `when` and `enablement` clauses below may use no other `strata.` key. */
export const contextKeys = ["strata.indexingPaused", "strata.engineFailed", "strata.hasResults"] as const;
export type ContextKey = (typeof contextKeys)[number];

export const commands = {
  "strata.search": { title: "Search by Meaning", icon: "$(search)" },
  "strata.searchInView": { title: "Search by Meaning in the Side Bar", icon: "$(list-flat)" },
  "strata.searchInFolder": { title: "Search by Meaning in Folder…" },
  "strata.findSimilar": { title: "Find Similar Code", icon: "$(references)", enablement: "editorIsOpen" },
  "strata.findDuplicates": { title: "Find Duplicates in Workspace", icon: "$(copy)" },
  "strata.findDuplicatesOf": { title: "Find Duplicates of This File or Folder" },
  "strata.nextResult": { title: "Go to Next Result", icon: "$(arrow-down)", enablement: "strata.hasResults" },
  "strata.previousResult": { title: "Go to Previous Result", icon: "$(arrow-up)", enablement: "strata.hasResults" },
  "strata.compareResult": { title: "Compare with What It Was Found For" },
  "strata.copyResultPath": { title: "Copy Path and Line" },
  "strata.revealResult": { title: "Reveal in Explorer View" },
  "strata.showStatus": { title: "Index Status", icon: "$(info)" },
  "strata.rebuildIndex": { title: "Rebuild Index", icon: "$(refresh)" },
  "strata.pauseIndexing": { title: "Pause Indexing", icon: "$(debug-pause)", enablement: "!strata.indexingPaused" },
  "strata.resumeIndexing": { title: "Resume Indexing", icon: "$(play)", enablement: "strata.indexingPaused" },
  "strata.chooseModel": { title: "Choose Model" },
  "strata.fineTune": { title: "Fine-Tune the Encoder on This Workspace" },
  "strata.setUpTerminal": { title: "Set Up Terminal and Agents" },
  "strata.doctor": { title: "Doctor" },
  "strata.showLog": { title: "Show Log", icon: "$(output)" },
  "strata.restartEngine": { title: "Restart Engine", icon: "$(debug-restart)" },
} as const satisfies Record<string, CommandContribution>;
export type CommandId = keyof typeof commands;

interface SettingContribution {
  readonly type: "boolean" | "number" | "string" | "array";
  readonly default: boolean | number | string | readonly string[];
  /** "resource" may differ by folder, "window" by window, "machine-overridable" belongs to the machine, "machine" can be set by no workspace. */
  readonly scope: "resource" | "window" | "machine-overridable" | "machine";
  readonly description: string;
  readonly enum?: Readonly<Record<string, string>>;
  readonly minimum?: number;
  readonly maximum?: number;
}

export const settings = {
  "strata.index.onStartup": {
    type: "boolean",
    default: true,
    scope: "window",
    description: "Index the workspace in the background when a window opens. When off, the first search starts it.",
  },
  "strata.index.depth": {
    type: "string",
    default: "deep",
    scope: "machine-overridable",
    description: "How deeply code is read in the background. Whatever you choose, a search also reads its leading hits deeply, as far as a moment allows.",
    enum: {
      instant: "Only the look-up table: seconds for a large workspace, no background work afterwards.",
      shallow: "The first layers of the encoder: for machines with little power.",
      deep: "The whole encoder: the best results.",
    },
  },
  "strata.index.exclude": {
    type: "array",
    default: [],
    scope: "resource",
    description: "Globs of files and folders that are not indexed, in addition to ignore files, `#files.exclude#` and `#search.exclude#`.",
  },
  "strata.index.maxFileSizeKB": {
    type: "number",
    default: defaultMaxFileKB,
    minimum: 1,
    maximum: 65536,
    scope: "resource",
    description: "Files larger than this many kilobytes are left out. The index status counts them.",
  },
  "strata.search.maxResults": {
    type: "number",
    default: 40,
    minimum: 1,
    maximum: 200,
    scope: "window",
    description: "Number of results to show.",
  },
  "strata.training.python": {
    type: "string",
    default: "",
    scope: "machine",
    description: "Your own Python for fine-tuning, with PyTorch and Strata's training package installed. When empty, fine-tuning offers to make an environment, and says first what that installs.",
  },
} as const satisfies Record<string, SettingContribution>;
export type SettingKey = keyof typeof settings;

/** Those of a workspace that count only once its user trusts it: a file of 64 MB takes gigabytes to read. */
export const restrictedSettings = ["strata.index.maxFileSizeKB"] as const satisfies readonly SettingKey[];

export const views = { container: "strata", search: "strata.searchView" } as const;

/** Chords: a single Ctrl+Alt+letter is AltGr, a character, on many keyboards under Windows, and most of them belong to some extension. */
export const keybindings: readonly { readonly command: CommandId; readonly key: string; readonly mac?: string; readonly when?: string }[] = [
  { command: "strata.search", key: "ctrl+k ctrl+alt+m", mac: "cmd+k cmd+alt+m" },
  { command: "strata.findSimilar", key: "ctrl+k ctrl+alt+n", mac: "cmd+k cmd+alt+n", when: "editorTextFocus" },
  // Those of the editor's own search, while the view shows results.
  { command: "strata.nextResult", key: "f4", when: "strata.hasResults" },
  { command: "strata.previousResult", key: "shift+f4", when: "strata.hasResults" },
];

const onResult = `webviewId == '${views.search}' && webviewSection == '${resultSection}'`;

export const menus: Readonly<Record<string, readonly { readonly command: CommandId; readonly when?: string; readonly group?: string }[]>> = {
  "editor/context": [{ command: "strata.findSimilar", when: "editorTextFocus && resourceScheme =~ /^(file|untitled|vscode-remote)$/", group: "4_search@9" }],
  "explorer/context": [
    { command: "strata.searchInFolder", when: "explorerResourceIsFolder && resourceScheme =~ /^(file|vscode-remote)$/", group: "4_search@90" },
    { command: "strata.findDuplicatesOf", when: "resourceScheme =~ /^(file|vscode-remote)$/", group: "4_search@91" },
  ],
  "webview/context": [
    { command: "strata.compareResult", when: `${onResult} && comparable`, group: "1_result@1" },
    { command: "strata.copyResultPath", when: onResult, group: "1_result@2" },
    { command: "strata.revealResult", when: onResult, group: "1_result@3" },
  ],
  // They need something to be about.
  commandPalette: (["strata.searchInFolder", "strata.compareResult", "strata.copyResultPath", "strata.revealResult"] as const).map((command) => ({ command, when: "false" })),
  "view/title": [
    { command: "strata.restartEngine", when: `view == ${views.search} && strata.engineFailed`, group: "navigation@0" },
    { command: "strata.findDuplicates", when: `view == ${views.search}`, group: "navigation@1" },
    { command: "strata.showStatus", when: `view == ${views.search}`, group: "navigation@2" },
    { command: "strata.pauseIndexing", when: `view == ${views.search} && !strata.indexingPaused`, group: "1_index@1" },
    { command: "strata.resumeIndexing", when: `view == ${views.search} && strata.indexingPaused`, group: "1_index@1" },
    { command: "strata.rebuildIndex", when: `view == ${views.search}`, group: "1_index@2" },
    { command: "strata.chooseModel", when: `view == ${views.search}`, group: "1_index@3" },
    { command: "strata.fineTune", when: `view == ${views.search}`, group: "1_index@4" },
    { command: "strata.restartEngine", when: `view == ${views.search}`, group: "2_engine@1" },
    { command: "strata.showLog", when: `view == ${views.search}`, group: "2_engine@2" },
    { command: "strata.doctor", when: `view == ${views.search}`, group: "2_engine@3" },
  ],
};

interface ToolContribution {
  readonly reference: string;
  readonly displayName: string;
  readonly userDescription: string;
  readonly modelDescription: string;
  readonly icon: string;
  readonly inputSchema: object;
}

const text = (description: string) => ({ type: "string", description });
const lineNumber = (description: string) => ({ type: "number", minimum: 1, description });
const count = (description: string) => ({ type: "number", minimum: 1, maximum: toolResults.most, description: `${description}, ${toolResults.usual} when left out` });

/** Tools for language models inside VS Code; other agents get the same through `strata mcp`. */
export const tools = {
  strata_search: {
    reference: "strataSearch",
    displayName: "Search code by meaning",
    userDescription: "Finds code of this workspace that does what a sentence says.",
    modelDescription: toolTexts.search,
    icon: "$(search)",
    inputSchema: {
      type: "object",
      required: ["query"],
      properties: { query: text("What the code does, for example: check that a token has not expired"), maxResults: count("Number of results (three are enough for a name)") },
    },
  },
  strata_similar: {
    reference: "strataSimilar",
    displayName: "Find similar code",
    userDescription: "Finds code of this workspace that resembles a place in a file or a piece of code.",
    modelDescription: toolTexts.similar,
    icon: "$(references)",
    inputSchema: {
      type: "object",
      properties: {
        path: text(argumentTexts.place),
        startLine: lineNumber(argumentTexts.startLine),
        endLine: lineNumber(argumentTexts.endLine),
        text: text(argumentTexts.text),
        lang: text(argumentTexts.lang),
        filters: text(argumentTexts.filters),
        maxResults: count("Number of results"),
      },
    },
  },
  strata_duplicates: {
    reference: "strataDuplicates",
    displayName: "Find duplicated code",
    userDescription: "Finds code that stands in this workspace more than once, or the copies of some files.",
    modelDescription: toolTexts.duplicates,
    icon: "$(copy)",
    inputSchema: {
      type: "object",
      properties: {
        path: text(argumentTexts.copiesOf),
        filters: text(argumentTexts.copiesFilters),
        maxResults: count("Number of groups"),
      },
    },
  },
  strata_status: {
    reference: "strataStatus",
    displayName: "Code index status",
    userDescription: "Tells how much of the workspace Strata has indexed.",
    modelDescription: toolTexts.status,
    icon: "$(info)",
    inputSchema: { type: "object", properties: {} },
  },
} as const satisfies Record<string, ToolContribution>;
export type ToolName = keyof typeof tools;

/** Steps of the walkthrough "Get started with Strata"; `media` lies in media/walkthrough. */
export const walkthrough = [
  {
    id: "search",
    title: "Ask for what the code does",
    description:
      "Type a sentence, as \"where are retries backed off\". The first answers come at once from a look-up table and get better while the encoder reads your workspace in the background.\n[Search by Meaning](command:strata.search)",
    image: "search.svg",
    alt: "A search box with the sentence: where are retries backed off. Below it, three results with their paths.",
    done: "onCommand:strata.search",
  },
  {
    id: "similar",
    title: "Find code like this code",
    description: "Put the cursor into a function or select some lines and look for code that does the same.\n[Find Similar Code](command:strata.findSimilar)",
    image: "similar.svg",
    alt: "A function in the editor, with lines to three similar functions in other files.",
    done: "onCommand:strata.findSimilar",
  },
  {
    id: "status",
    title: "Know what was searched",
    description:
      "The status bar says how much of the workspace is indexed and how deeply. Nothing leaves your machine: model and index are files on your disk.\n[Index Status](command:strata.showStatus)",
    image: "status.svg",
    alt: "A status bar with the text: Strata, 1,204 files, deep. Above it, three layers of reading.",
    done: "onCommand:strata.showStatus",
  },
] as const;

/** Manifest texts that belong to no single contribution. */
export const labels = {
  containerTitle: "Strata",
  searchViewName: "Search by Meaning",
  walkthroughTitle: "Get started with Strata",
  walkthroughDescription: "Search your code by what it does, offline.",
  untrusted: "Strata only reads the files of a workspace. It runs nothing from it, and no setting of a workspace names a program or a model.",
  virtual: "The index is built by a process that reads the files from disk, and virtual workspaces have none.",
} as const;
