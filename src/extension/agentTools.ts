// What language models inside VS Code get: tools that ask the same engine as the search view. Agents elsewhere have the same over `strata mcp`; it is
// not offered here too, or the chat would show every tool twice.
import * as vscode from "vscode";
import { StrataError } from "../base/errors.ts";
import { toolGraceMs, toolResults } from "../base/forModels.ts";
import { placeNamed } from "../base/placeName.ts";
import { signalOf } from "../engine/cancellation.ts";
import { type Folder, placesNamed } from "../engine/folderPaths.ts";
import { copiesFilters, type MergedResult } from "../engine/folders.ts";
import { duplicateDefaults } from "../engine/protocol.ts";
import { withWholeCode } from "../engine/wholeCode.ts";
import { answerForModel, copiesAnswer, statusForModel } from "./agentAnswers.ts";
import type { ToolName } from "./contributions.ts";
import type { WorkspaceEngines } from "./workspaceEngines.ts";

const answer = (text: string) => new vscode.LanguageModelToolResult([new vscode.LanguageModelTextPart(text)]);
const wanted = (count: unknown): number => (typeof count === "number" && count >= 1 ? Math.min(toolResults.most, Math.floor(count)) : toolResults.usual);
const line = (value: unknown): number | undefined => (typeof value === "number" && value >= 1 ? Math.floor(value) : undefined);

/** The folder a tool's path lies in: of an absolute path the innermost that holds it, else the one named in front, else the first. Paths that leave it are refused. */
function resolve(engines: WorkspaceEngines, given: string): { readonly folder: Folder; readonly path: string } {
  const [place] = placesNamed(engines.folders, given);
  if (!place) throw new StrataError("input.invalid", `${given} is not a path inside the workspace. Give it relative to the workspace folder.`);
  return place;
}

export function registerAgentTools(engines: WorkspaceEngines, graceMs = toolGraceMs): vscode.Disposable[] {
  const tool = <T extends object>(name: ToolName, invoke: (input: T, signal: AbortSignal) => Promise<string>, saying: (input: T) => string) =>
    vscode.lm.registerTool<T>(name, {
      invoke: async ({ input }, token) => answer(await invoke(input, signalOf(token))),
      prepareInvocation: ({ input }) => ({ invocationMessage: saying(input) }),
    });
  const answered = async (query: string, signal: AbortSignal, ask: () => Promise<MergedResult>): Promise<string> => {
    const reach = await engines.becomeSearchable(graceMs, signal);
    return answerForModel(await withWholeCode(await ask(), (hit) => hit), query, engines.nameOf, reach);
  };
  return [
    tool<{ query?: string; maxResults?: number }>(
      "strata_search",
      async ({ query, maxResults }, signal) => {
        if (!query?.trim()) throw new StrataError("input.invalid", "The query is empty. Say in a sentence what the code does.");
        return answered(query, signal, () => engines.ask(query, wanted(maxResults), signal));
      },
      ({ query }) => `Searching the workspace for "${query ?? ""}"`,
    ),
    tool<{ path?: string; startLine?: number; endLine?: number; text?: string; lang?: string; filters?: string; maxResults?: number }>(
      "strata_similar",
      async (input, signal) => {
        const [startLine, endLine] = [line(input.startLine), line(input.endLine)];
        const only = input.filters ? { filters: input.filters } : {};
        if (startLine !== undefined && endLine !== undefined && endLine < startLine) throw new StrataError("input.invalid", "endLine must not be before startLine.");
        if (input.path) {
          // Without its end the engine widens the line to the definition around it.
          const named = placeNamed(input.path, startLine, endLine);
          const { folder, path: inside } = resolve(engines, named.path);
          return answered(input.filters ?? "", signal, () => engines.similar(folder.root, { ...named, path: inside, ...only }, wanted(input.maxResults), signal));
        }
        const { text, lang } = input;
        if (!text?.trim()) throw new StrataError("input.invalid", "Give a path with startLine, or a piece of code as text.");
        return answered(input.filters ?? "", signal, () => engines.similar(undefined, { text, ...(lang && { lang }), ...only }, wanted(input.maxResults), signal));
      },
      ({ path: at }) => (at ? `Looking for code similar to ${at}` : "Looking for similar code"),
    ),
    tool<{ path?: string; filters?: string; maxResults?: number }>(
      "strata_duplicates",
      async (input, signal) => {
        const at = input.path ? resolve(engines, placeNamed(input.path).path) : undefined;
        const filters = at ? copiesFilters(engines.folders, at, input.filters ?? "") : (input.filters ?? "");
        const reach = await engines.becomeSearchable(graceMs, signal);
        return copiesAnswer(await engines.duplicates({ ...duplicateDefaults, filters, limit: wanted(input.maxResults) }, () => {}, signal, at?.folder.root), engines.nameOf, reach);
      },
      ({ path: at, filters }) => `Looking for duplicates${at ? ` of ${at}` : ""}${filters ? `, ${filters}` : ""}`,
    ),
    tool<object>(
      "strata_status",
      async () => statusForModel(engines.states),
      () => "Reading the index's state",
    ),
  ];
}
