// Every sentence about the index: the status item's text and tooltip and the search view's summary, from the one state
// machine. vscode-free and pure, so that each state's words are tested.
import { count, plural } from "../base/counts.ts";
import { sum } from "../base/statistics.ts";
import { sumCoverage } from "../engine/folders.ts";
import { restsEarly } from "../engine/pace.ts";
import type { Coverage, Depth, Progress, Status } from "../engine/protocol.ts";
import type { ViewIndex } from "../webview/messages.ts";
import type { ClientState } from "./engineClient.ts";

export interface FolderState {
  readonly name: string;
  readonly client: ClientState;
  readonly status: Status | undefined;
}

interface StatusText {
  readonly text: string;
  /** Markdown; file names and reasons inside are escaped. */
  readonly tooltip: string;
  readonly severity: "normal" | "warning" | "error";
  /** What a screen reader says: the text without icons. */
  readonly spoken: string;
}

const percent = (part: number, whole: number): number => Math.floor((100 * part) / whole);

/** The deepest level at which everything is searchable; "" while there is something that is not searchable at all. */
export function commonDepth(coverage: Coverage): Depth | "" {
  if (coverage.chunks === 0) return "";
  if (coverage.deep >= coverage.chunks) return "deep";
  if (coverage.shallow >= coverage.chunks) return "shallow";
  return coverage.instant >= coverage.chunks ? "instant" : "";
}

const phases: Readonly<Record<Progress["phase"], string>> = {
  discover: "Looking for files",
  instant: "Indexing",
  shallow: "Reading closely",
  deep: "Reading deeply",
  search: "Searching",
  train: "Training",
};

function progressText({ phase, done, total, unit }: Progress): string {
  if (total > 0) return `${phases[phase]} ${percent(done, total)} %`;
  return done > 0 ? `${phases[phase]}, ${count(done)} ${unit} so far` : `${phases[phase]} …`;
}

/** What the search view says while duplicates are looked for; without a progress there is none yet. */
export function duplicatesProgress(progress?: Progress): { readonly label: string; readonly fraction: number | undefined } {
  if (!progress || progress.total === 0) return { label: progress?.done ? `Looking for duplicates, ${plural(progress.done, "piece")} read` : "Looking for duplicates …", fraction: undefined };
  return { label: `Looking for duplicates, ${percent(progress.done, progress.total)} %`, fraction: progress.done / progress.total };
}

/** A folder of several that could not be searched. */
export const failureText = ({ name, reason }: { readonly name: string; readonly reason: string }): string => `${name}: ${reason}`;

/** Why a folder cannot be searched, when it cannot. */
function failureOf({ client, status }: FolderState): string | undefined {
  if (client.kind === "failed") return client.reason;
  return client.kind === "running" && status?.state.kind === "failed" ? status.state.reason : undefined;
}

/** Folders, worst first decides: a failure hides no other, the tooltip lists all. */
export function viewIndex(folders: readonly FolderState[]): ViewIndex {
  if (folders.length === 0) return { kind: "noFolder" };
  for (const folder of folders) {
    const reason = failureOf(folder);
    if (reason !== undefined) return { kind: "failed", reason: folders.length > 1 ? failureText({ name: folder.name, reason }) : reason };
  }
  for (const { client, status } of folders) {
    if (client.kind === "restarting") return { kind: "working", label: "Restarting the engine …", fraction: undefined };
    if (client.kind === "starting" || (client.kind === "running" && (!status || status.state.kind === "absent"))) return { kind: "starting" };
  }
  const working = folders.flatMap(({ status }) => (status?.state.kind === "scanning" || status?.state.kind === "deepening" ? [status.state.progress] : []));
  // Scanning first: a folder that is not searchable yet matters more than one that gets better.
  const unread = working.find(({ phase }) => phase === "discover" || phase === "instant");
  const progress = unread ?? (working[0] && inAll(folders, working[0]));
  if (progress) return { kind: "working", label: progressText(progress), fraction: progress.total > 0 ? Math.min(1, progress.done / progress.total) : undefined, ...(unread && { unread: true }) };
  for (const { status } of folders) if (status?.state.kind === "paused") return { kind: "paused", reason: status.state.reason };
  return folders.every(({ client }) => client.kind === "idle") ? { kind: "idle" } : { kind: "ready" };
}

/** How far all folders together are with reading at this depth: alone one would be done, and the next begin at its own beginning. */
function inAll(folders: readonly FolderState[], first: Progress): Progress {
  const parts = folders.flatMap(({ status }): Pick<Progress, "done" | "total">[] => {
    if (!status) return [];
    const { coverage, state } = status;
    return [state.kind === "deepening" ? state.progress : { done: first.phase === "shallow" ? coverage.shallow : coverage.deep, total: coverage.chunks }];
  });
  return { ...first, done: sum(parts.map(({ done }) => done)), total: sum(parts.map(({ total }) => total)) };
}

export function totalCoverage(folders: readonly FolderState[]): Coverage | undefined {
  const known = folders.flatMap(({ status }) => (status ? [status.coverage] : []));
  return known.length > 0 ? sumCoverage(known) : undefined;
}

/** The status item. */
export function statusText(folders: readonly FolderState[]): StatusText {
  const index = viewIndex(folders);
  const coverage = totalCoverage(folders);
  const warnings = folders.flatMap(({ status }) => status?.warnings ?? []);
  const files = coverage && coverage.files > 0 ? plural(coverage.files, "file") : "";
  const depth = coverage ? commonDepth(coverage) : "";
  const [icon, words, severity] = ((): [string, string, StatusText["severity"]] => {
    switch (index.kind) {
      case "noFolder":
      case "idle":
        return ["layers", "Strata", "normal"];
      case "starting":
        return ["sync~spin", "Strata starting", "normal"];
      case "working":
        return ["sync~spin", `Strata ${files ? `${files} · ` : ""}${lowerFirst(index.label)}`, "normal"];
      case "paused":
        return ["debug-pause", `Strata ${files ? `${files} · ` : ""}paused`, "normal"];
      case "failed": {
        const others = folders.filter((folder) => failureOf(folder) === undefined);
        const searched = totalCoverage(others)?.files ?? 0;
        const part = others.length > 0 ? `${searched > 0 ? `${plural(searched, "file")} · ` : ""}${folders.length - others.length} of ${folders.length} folders ` : "";
        return ["error", `Strata ${part}stopped`, "error"];
      }
      case "ready":
        return [warnings.length > 0 ? "warning" : "layers", `Strata ${files || "no files"}${depth ? ` · ${depth}` : ""}`, warnings.length > 0 ? "warning" : "normal"];
    }
  })();
  return { text: `$(${icon}) ${words}`, spoken: words, severity, tooltip: tooltip(folders, index.kind) };
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

/** Markdown's own characters, and `<` and `$(` which VS Code reads as HTML and icons. */
export const escapeMarkdown = (text: string): string => text.replace(/[\\`*_{}[\]()#+\-!|<>~$]/g, "\\$&");

function tooltip(folders: readonly FolderState[], index: ViewIndex["kind"]): string {
  const parts = ["**Strata** searches this workspace by meaning, on this machine."];
  if (index === "noFolder") parts.push("No folder is open.");
  else if (index === "idle") parts.push("Indexing starts with the first search.");
  for (const folder of folders) parts.push(...(folders.length > 1 ? [`**${escapeMarkdown(folder.name)}**`] : []), folderLines(folder));
  const link = (title: string, command: string) => `[${title}](command:${command})`;
  parts.push([...(index === "failed" ? [link("Restart", "strata.restartEngine")] : [link("Search", "strata.search"), link("Details", "strata.showStatus")]), link("Show Log", "strata.showLog")].join(" · "));
  return parts.filter((part) => part !== "").join("\n\n");
}

function folderLines({ client, status }: FolderState): string {
  const lines: string[] = [];
  if (client.kind === "failed") lines.push(`$(error) ${escapeMarkdown(client.reason)}`);
  if (client.kind === "restarting") lines.push("$(sync) The engine ended unexpectedly and is being started again.");
  if (status) {
    const { coverage, state } = status;
    if (state.kind === "failed") lines.push(`$(error) ${escapeMarkdown(state.reason)}`);
    if (state.kind === "paused") lines.push(`Paused: ${escapeMarkdown(state.reason)}`);
    if (state.kind === "scanning" || state.kind === "deepening") lines.push(escapeMarkdown(progressText(state.progress)));
    lines.push(`${plural(coverage.files, "file")}, ${plural(coverage.chunks, "piece")} of code`);
    if (coverage.chunks > 0) lines.push(`Searchable: ${percent(coverage.instant, coverage.chunks)} % instant, ${percent(coverage.shallow, coverage.chunks)} % shallow, ${percent(coverage.deep, coverage.chunks)} % deep`);
    const resting = state.kind === "ready" ? restsEarly(coverage) : undefined;
    if (resting !== undefined) lines.push(resting);
    const skipped = Object.entries(status.skipped).filter(([, count]) => count > 0);
    if (skipped.length > 0) lines.push(`Left out: ${skipped.map(([reason, files]) => `${count(files)} ${escapeMarkdown(reason)}`).join(", ")}`);
    if (status.model.note !== undefined) lines.push(escapeMarkdown(`Model ${status.model.id}: ${lowerFirst(status.model.note)}`));
    for (const warning of status.warnings) lines.push(`$(warning) ${escapeMarkdown(warning)}`);
  }
  return lines.join("  \n");
}
