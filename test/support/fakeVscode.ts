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

  constructor(startLine: number, startCharacter: number, endLine: number, endCharacter: number) {
    this.start = new Position(startLine, startCharacter);
    this.end = new Position(endLine, endCharacter);
  }

  get isEmpty(): boolean {
    return this.start.line === this.end.line && this.start.character === this.end.character;
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
}
const tools = new Map<string, Tool>();
export const lm = {
  registerTool(name: string, tool: Tool) {
    tools.set(name, tool);
    return { dispose: () => tools.delete(name) };
  },
};

/** Calls a registered tool as a chat does, and returns its text. */
export async function callTool(name: string, input: object): Promise<string> {
  const { content } = await tools.get(name)!.invoke({ input }, { isCancellationRequested: false, onCancellationRequested: () => undefined });
  return content.map(({ value }) => value).join("");
}

/** The quick pick that was made last. */
export class QuickPick {
  static last: QuickPick;
  value = "";
  items: readonly { readonly label: string }[] = [];
  activeItems: readonly { readonly label: string }[] = [];
  busy = false;
  sortByLabel = true;

  constructor() {
    QuickPick.last = this;
  }

  show(): void {}
  hide(): void {}
  dispose(): void {}
  onDidChangeValue(): void {}
  onDidChangeActive(): void {}
  onDidTriggerItemButton(): void {}
  onDidTriggerButton(): void {}
  onDidAccept(): void {}
  onDidHide(): void {}
}
export const window = { createQuickPick: () => new QuickPick(), activeTextEditor: undefined };
export class ThemeIcon {}

/** No language server answers. */
export const commands = { executeCommand: async () => undefined };

export const workspace = { getWorkspaceFolder: () => ({ uri: { path: "/w", fsPath: "/w" } }) };

/** An editor on a file of the workspace folder /w. */
export function editorOn(path: string, text: string, selection: Range) {
  const lines = text.split("\n");
  const lineAt = (line: number) => ({ text: lines[line]!, range: new Range(line, 0, line, lines[line]!.length) });
  const getText = ({ start, end }: Range) => [...lines.slice(start.line, end.line), lines[end.line]!.slice(0, end.character)].join("\n");
  return { selection, document: { uri: { scheme: "file", path: `/w/${path}` }, languageId: "typescript", lineAt, getText } };
}
