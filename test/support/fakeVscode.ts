// Stands in for the module "vscode": just what the tested modules use of it. Import this file first, and then the module under test with `await import(…)`.
import { registerHooks } from "node:module";

registerHooks({ resolve: (specifier, context, next) => (specifier === "vscode" ? { url: import.meta.url, shortCircuit: true } : next(specifier, context)) });

export const SymbolKind = { Function: 11, Method: 5, Constructor: 8, Class: 4, Interface: 10, Struct: 22, Enum: 9 };

export class Position {
  readonly line: number;
  readonly character: number;

  constructor(line: number, character: number) {
    this.line = line;
    this.character = character;
  }
}

export class Range {
  readonly start: Position;
  readonly end: Position;

  constructor(start: number | Position, startCharacter: number | Position, endLine = 0, endCharacter = 0) {
    this.start = typeof start === "number" ? new Position(start, startCharacter as number) : start;
    this.end = typeof startCharacter === "number" ? new Position(endLine, endCharacter) : startCharacter;
  }

  get isEmpty(): boolean {
    return this.start.line === this.end.line && this.start.character === this.end.character;
  }

  contains(at: Position): boolean {
    return this.start.line <= at.line && at.line <= this.end.line;
  }

  get isSingleLine(): boolean {
    return this.start.line === this.end.line;
  }

  get active(): Position {
    return this.end;
  }
}

export class LanguageModelTextPart {
  readonly value: string;

  constructor(value: string) {
    this.value = value;
  }
}

export class LanguageModelToolResult {
  readonly content: readonly LanguageModelTextPart[];

  constructor(content: readonly LanguageModelTextPart[]) {
    this.content = content;
  }
}

interface Tool {
  invoke(options: { readonly input: object }, token: { readonly isCancellationRequested: boolean; onCancellationRequested(): void }): Promise<LanguageModelToolResult>;
  prepareInvocation(options: { readonly input: object }): { readonly invocationMessage: string };
}
const tools = new Map<string, Tool>();
export const lm = {
  registerTool(name: string, tool: Tool) {
    tools.set(name, tool);
    return { dispose: () => tools.delete(name) };
  },
};

/** Calls a registered tool as a chat does, and returns its text. */
export async function callTool(name: string, input: object, isCancellationRequested = false): Promise<string> {
  const { content } = await tools.get(name)!.invoke({ input }, { isCancellationRequested, onCancellationRequested: () => undefined });
  return content.map(({ value }) => value).join("");
}

/** What a chat shows while a tool works. */
export const toolSays = (name: string, input: object): string => tools.get(name)!.prepareInvocation({ input }).invocationMessage;

interface Row {
  readonly label: string;
  readonly description?: string;
}

/** The quick pick that was made last. */
export class QuickPick {
  static last: QuickPick;
  title = "";
  value = "";
  #items: readonly Row[] = [];
  #activeItems: readonly Row[] = [];
  busy = false;
  sortByLabel = true;
  keepScrollPosition = false;

  constructor() {
    QuickPick.last = this;
  }

  get items(): readonly Row[] {
    return this.#items;
  }

  set items(items: readonly Row[]) {
    this.#items = items;
    this.moveTo(0);
  }

  get activeItems(): readonly Row[] {
    return this.#activeItems;
  }

  set activeItems(items: readonly Row[]) {
    const tell = () => {
      this.#activeItems = items;
      this.#tell("active", items);
    };
    this.#activeItems = items;
    if (this.late) this.late.push(tell);
    else tell();
  }

  /** Where the window is slow to tell which rows it has highlighted, what it will tell. */
  late: (() => void)[] | undefined;

  readonly #listeners = new Map<string, (value: never) => void>();
  readonly #on = (event: string) => (listener: (value: never) => void) => void this.#listeners.set(event, listener);
  readonly onDidChangeValue = this.#on("value");
  readonly onDidChangeActive = this.#on("active");
  readonly onDidTriggerItemButton = this.#on("itemButton");
  readonly onDidTriggerButton = this.#on("button");
  readonly onDidAccept = this.#on("accept");
  readonly onDidHide = this.#on("hide");

  show(): void {}
  dispose(): void {}

  hide(): void {
    this.#tell("hide", undefined);
  }

  type(value: string): void {
    this.value = value;
    this.#tell("value", value);
  }

  /** The row that the arrow keys reach; VS Code itself makes the first row active. */
  moveTo(row: number): void {
    this.activeItems = this.items.slice(row, row + 1);
  }

  enter(): void {
    this.#tell("accept", undefined);
  }

  /** The button of a row, and that of the whole. */
  pressRow(row: number): void {
    this.#tell("itemButton", { item: this.items[row] });
  }
  press(): void {
    this.#tell("button", undefined);
  }

  #tell(event: string, value: unknown): void {
    this.#listeners.get(event)?.(value as never);
  }
}

export class TabInputText {
  readonly uri: object;

  constructor(uri: object) {
    this.uri = uri;
  }
}
export class TabInputCustom {
  readonly uri: object;
  readonly viewType: string;

  constructor(uri: object, viewType: string) {
    this.uri = uri;
    this.viewType = viewType;
  }
}
export class TabInputNotebook {
  readonly uri: object;
  readonly notebookType: string;

  constructor(uri: object, notebookType: string) {
    this.uri = uri;
    this.notebookType = notebookType;
  }
}
export class TabInputTextDiff {
  readonly original: object;
  readonly modified: object;

  constructor(original: object, modified: object) {
    this.original = original;
    this.modified = modified;
  }
}

export interface Tab {
  readonly label: string;
  readonly input: object | undefined;
  readonly isPreview: boolean;
}
/** The one group of tabs that the window has. */
export const tabGroup = { viewColumn: 1, tabs: [] as Tab[], activeTab: undefined as Tab | undefined };
export function showTab(label: string, input?: object, isPreview = false): void {
  const tab = { label, input, isPreview };
  tabGroup.tabs.push(tab);
  tabGroup.activeTab = tab;
}

/** How lines are marked at present, the latest first. */
export const decorations: object[] = [];
/** What people were told. */
export const said: string[] = [];
/** What was shown in an editor, last first, and what of it was marked. */
export const shown: { readonly path: string | undefined; readonly line: number; readonly options: object; marked?: readonly Range[]; revealed?: Range }[] = [];
export class MarkdownString {
  readonly value: string;
  isTrusted: { readonly enabledCommands: readonly string[] } | undefined;

  constructor(value: string) {
    this.value = value;
  }
}
/** The one item in the status bar, and how often it was shown. */
export const statusBarItem = { text: "", tooltip: undefined as MarkdownString | undefined, accessibilityInformation: undefined as object | undefined, backgroundColor: undefined as ThemeColor | undefined, shown: 0, show: () => void statusBarItem.shown++, dispose: () => undefined };
export const StatusBarAlignment = { Right: 2 };
/** Which buttons people press of the messages to come, in order; none where there is no more. */
export const presses: string[] = [];
const tell = async (text: string) => (said.push(text), presses.shift());
/** What puts a page up in a view, by the view's name. */
export const viewProviders = new Map<string, { resolveWebviewView(view: never): void }>();
/** How often the log was brought to the front, and what failures it holds. */
export const logChannel = { shown: 0, errors: [] as string[] };
export const window = {
  createOutputChannel: () => ({ error: (text: string) => void logChannel.errors.push(text), warn: () => undefined, info: () => undefined, debug: () => undefined, show: () => void logChannel.shown++, dispose: () => undefined }),
  showErrorMessage: tell,
  showWarningMessage: tell,
  registerWebviewViewProvider: (view: string, provider: { resolveWebviewView(view: never): void }) => (viewProviders.set(view, provider), { dispose: () => viewProviders.delete(view) }),
  createStatusBarItem: () => statusBarItem,
  createQuickPick: () => new QuickPick(),
  activeTextEditor: undefined as { readonly document: { readonly uri: object } } | undefined,
  activeNotebookEditor: undefined as { readonly notebook: { readonly uri: object } } | undefined,
  createTextEditorDecorationType: (look: object) => (decorations.unshift(look), { dispose: () => decorations.splice(decorations.indexOf(look), 1) }),
  activeColorTheme: { kind: 2 },
  showInformationMessage: async (text: string) => void said.push(text),
  onDidChangeTextEditorSelection: (listener: (event: never) => void) => on("selected")(listener),
  withProgress: (_options: object, work: () => Promise<unknown>) => work(),
  visibleTextEditors: [] as unknown[],
  tabGroups: {
    all: [tabGroup],
    activeTabGroup: tabGroup,
    async close(tab: Tab) {
      tabGroup.tabs.splice(tabGroup.tabs.indexOf(tab), 1);
      tabGroup.activeTab = tabGroup.tabs.at(-1);
    },
  },
  async showTextDocument(document: { readonly uri?: { readonly fsPath: string } }, options: { readonly selection?: Range }) {
    const entry: (typeof shown)[number] = { path: document.uri?.fsPath, line: (options.selection?.start.line ?? 0) + 1, options };
    shown.unshift(entry);
    return { document, setDecorations: (_type: object, ranges: readonly Range[]) => (entry.marked = ranges), revealRange: (range: Range) => void (entry.revealed = range) };
  },
};
export const env = { clipboard: { text: "", writeText: async (text: string) => void (env.clipboard.text = text) } };
export class ThemeIcon {}
export class ThemeColor {
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }
}
export const ColorThemeKind = { HighContrast: 3, HighContrastLight: 4 };
export const OverviewRulerLane = { Full: 7 };
export const QuickPickItemKind = { Separator: -1 };
export const ViewColumn = { Active: -1, Beside: -2 };
export const TextEditorRevealType = { InCenterIfOutsideViewport: 2, AtTop: 3 };
export const ProgressLocation = { Window: 10 };
export class EventEmitter {
  event = undefined;
  fire(): void {}
  dispose(): void {}
}
export const Disposable = { from: (...all: readonly { dispose(): void }[]) => ({ dispose: () => all.forEach((each) => each.dispose()) }) };
export const Uri = {
  from: ({ scheme, path }: { readonly scheme: string; readonly path: string }) => ({ scheme, path, fsPath: path }),
  file: (fsPath: string) => ({ scheme: "file", path: fsPath, fsPath }),
  joinPath: ({ fsPath, scheme = "file" }: { readonly fsPath: string; readonly scheme?: string }, ...parts: readonly string[]) => ({ ...Uri.file([fsPath, ...parts].join("/")), scheme }),
};

/** Commands that were run; no language server answers. */
export const executed: { readonly command: string; readonly args: readonly unknown[] }[] = [];
/** Those that the extension brings. */
export const registered = new Map<string, (...args: readonly unknown[]) => Promise<unknown>>();
export const commands = {
  executeCommand: async (command: string, ...args: unknown[]) => void executed.push({ command, args }),
  registerCommand: (command: string, handler: (...args: readonly unknown[]) => Promise<unknown>) => (registered.set(command, handler), { dispose: () => registered.delete(command) }),
};

/** Texts of buffers with unsaved edits, by path. */
export const buffers = new Map<string, string>();
/** What the extension shows as documents of its own, by scheme. */
export const provided = new Map<string, { provideTextDocumentContent(uri: { readonly path: string }): string }>();
/** Cells of the notebooks that are open, by path. */
const notebooks = new Map<string, readonly { readonly document: ReturnType<typeof documentOf> }[]>();
export function openNotebook(path: string, cells: readonly string[]) {
  const opened = cells.map((text, at) => ({ document: documentOf({ scheme: "vscode-notebook-cell", path: `${path}#${at}`, fsPath: path }, text, false) }));
  notebooks.set(path, opened);
  return opened.map(({ document }) => document);
}
/** Listeners of the workspace's events, by name. */
const heard = new Map<string, (event: never) => void>();
const on = (name: string) => (listener: (event: never) => void) => (heard.set(name, listener), { dispose: () => heard.delete(name) });
/** Makes the workspace say that something happened. */
export function happen(name: string, event: unknown): void {
  heard.get(name)?.(event as never);
}
/** What settings say that somebody has changed, by their full keys; those of one folder behind its path and a space. */
export const configured = new Map<string, unknown>();
export const workspace = {
  workspaceFolders: undefined as readonly { readonly name: string; readonly uri: { readonly scheme: string; readonly fsPath: string } }[] | undefined,
  getConfiguration: (_section?: string, scope?: { readonly fsPath: string }) => ({ get: (key: string) => configured.get(`${scope?.fsPath} ${key}`) ?? configured.get(key) }),
  onDidChangeWorkspaceFolders: on("folders"),
  onDidChangeConfiguration: on("configuration"),
  onWillSaveTextDocument: on("will save"),
  onDidSaveTextDocument: on("saved"),
  onDidCloseTextDocument: on("closed"),
  onDidSaveNotebookDocument: on("notebook saved"),
  onDidCreateFiles: on("created"),
  onDidDeleteFiles: on("deleted"),
  onDidRenameFiles: on("renamed"),
  createFileSystemWatcher: () => ({ onDidChange: on("changed outside"), onDidDelete: on("deleted outside"), dispose: () => undefined }),
  get notebookDocuments() {
    return [...notebooks].map(([path, cells]) => ({ uri: Uri.file(path), getCells: () => cells }));
  },
  async openNotebookDocument({ fsPath }: { readonly fsPath: string }) {
    const cells = notebooks.get(fsPath);
    if (!cells) throw new Error("no notebook type");
    return { getCells: () => cells };
  },
  registerTextDocumentContentProvider: (scheme: string, provider: { provideTextDocumentContent(uri: { readonly path: string }): string }) => (provided.set(scheme, provider), { dispose: () => provided.delete(scheme) }),
  /** "/w" and "/v"; files elsewhere, as of tests, count as of "/w". A cell of a notebook is in none. */
  getWorkspaceFolder: ({ scheme, path }: { readonly scheme?: string; readonly path?: string }) => {
    const root = path?.startsWith("/v") ? "/v" : "/w";
    return scheme === "vscode-notebook-cell" ? undefined : { uri: { path: root, fsPath: root } };
  },
  openTextDocument: async (uri: ReturnType<typeof Uri.file>) => documentOf(uri, buffers.get(uri.fsPath) ?? "", buffers.has(uri.fsPath)),
};

function documentOf(uri: ReturnType<typeof Uri.file>, text: string, isDirty: boolean) {
  const lines = text.split("\n");
  const lineAt = (line: number) => ({ text: lines[line]!, isEmptyOrWhitespace: lines[line]!.trim() === "", lineNumber: line, firstNonWhitespaceCharacterIndex: 0, range: new Range(line, 0, line, lines[line]!.length) });
  const getText = (range?: Range) => (range ? [...lines.slice(range.start.line, range.end.line), lines[range.end.line]!.slice(0, range.end.character)].join("\n").slice(range.start.character) : text);
  return { uri, isDirty, languageId: "typescript", lineAt, lineCount: lines.length, getText };
}

/** An editor on text that belongs to no file. */
export function untitledEditor(text: string, selection: Range) {
  return { selection, document: documentOf({ scheme: "untitled", path: "Untitled-1", fsPath: "" }, text, true) };
}

/** An editor on a file of the workspace folder; it has unsaved edits when the file on disk is named. */
export function editorOn(path: string, text: string, selection: Range, fsPath?: string) {
  return { selection, visibleRanges: [selection], document: documentOf({ scheme: "file", path: `/w/${path}`, fsPath: fsPath ?? "" }, text, fsPath !== undefined) };
}
