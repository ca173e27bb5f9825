// Turns the engine's data into what a person or a script reads in a terminal. Pure functions of data: nothing here prints.
import path from "node:path";
import { copiesLikeness, copiesTitle, likenessText } from "../base/copies.ts";
import { count, plural } from "../base/counts.ts";
import { queryWords } from "../base/queryWords.ts";
import { bestWindow, naming, wordsIn } from "../base/snippet.ts";
import { sum } from "../base/statistics.ts";
import { sumCoverage } from "../engine/folders.ts";
import { restsEarly } from "../engine/pace.ts";
import type { Coverage, DuplicateGroup, Hit, IndexState, SearchResult, Status } from "../engine/protocol.ts";
import type { IndexPart } from "../engine/sessions.ts";
import { progressLine } from "./progress.ts";
import { bytes, clip, type Paint, printable } from "./terminal.ts";

interface HitsOptions {
  readonly paint: Paint;
  readonly columns: number;
  /** What was searched for, to choose and light up the lines; "" for none. */
  readonly query: string;
  readonly explain: boolean;
  /** See Remarks. */
  readonly farFetched?: true | undefined;
}

const snippetLines = 3;
const barCells = 5;

export function scoreBar(score: number, best: number): string {
  const filled = best > 0 ? Math.min(barCells, Math.max(1, Math.round((score / best) * barCells))) : 1;
  return "▰".repeat(filled) + "▱".repeat(barCells - filled);
}

function renderHit(hit: Hit, best: number, options: HitsOptions): string {
  const { paint, columns } = options;
  const place = `${hit.path}:${hit.line}`;
  const head = [paint("cyan", printable(place)), hit.symbol === "" ? "" : paint("bold", printable(hit.symbol)), hit.likeness ? paint("green", likenessText(hit.likeness)) : "", paint("dim", `${scoreBar(hit.score, best)} ${hit.score.toFixed(2)} ${hit.depth}`)];
  const out = [head.filter((part) => part !== "").join("  ")];
  if (hit.breadcrumb !== "") out.push(paint("dim", clip(`  ${printable(hit.breadcrumb)}`, columns)));
  const lines = hit.snippet.split(/\r?\n/);
  const from = bestWindow(lines, snippetLines, wordsIn(queryWords(options.query)), naming(hit.symbol));
  const shown = lines.slice(from, from + snippetLines);
  const gutter = String(hit.startLine + from + shown.length - 1).length;
  for (const [i, line] of shown.entries()) {
    const number = String(hit.startLine + from + i).padStart(gutter);
    out.push(`  ${paint("dim", `${number} │`)} ${clip(printable(line), columns - gutter - 6)}`);
  }
  if (options.explain) for (const { signal, value, contribution } of hit.why) out.push(paint("dim", `    ${contribution >= 0 ? "+" : "−"}${Math.abs(contribution).toFixed(3)}  ${printable(signal)} (${value.toFixed(3)})`));
  return out.join("\n");
}

/** Hits best first, a blank line between them. Their paths are those to show. */
export function renderHits(hits: readonly Hit[], options: HitsOptions): string {
  // The best of what does not answer is not good.
  const best = options.farFetched ? Infinity : Math.max(0, ...hits.map((hit) => hit.score));
  return hits.map((hit) => `${renderHit(hit, best, options)}\n`).join("\n");
}

/** One line for each hit, as editors and pickers read them: path:line:column:text, of the line that says most of what was asked for, the name's of several. */
export function renderLines(hits: readonly Hit[], { query }: Pick<HitsOptions, "query">): string {
  const words = queryWords(query);
  return hits
    .map((hit) => {
      const lines = hit.snippet.split(/\r?\n/);
      const counts = lines.map(wordsIn(words)).map(({ size }) => size);
      const most = Math.max(...counts);
      const telling = [...counts.keys()].filter((i) => counts[i] === most);
      const isNamed = naming(hit.symbol);
      const at = telling.find((i) => isNamed(lines[i]!)) ?? telling[0]!;
      const column = lines[at]!.length - lines[at]!.trimStart().length + 1;
      return `${printable(hit.path)}:${hit.startLine + at}:${column}:${printable(lines[at]!.trim())}\n`;
    })
    .join("");
}

/** Says how much of the folder an answer covers; undefined when it covers everything at the depth that was asked for. */
export function coverageLine(coverage: Coverage, state: IndexState, depth: SearchResult["depth"]): string | undefined {
  if (state.kind === "failed") return `Indexing stopped: ${state.reason}`;
  if (state.kind === "paused") return `Indexing is paused: ${state.reason}`;
  if (state.kind === "absent" || state.kind === "scanning") {
    const total = state.kind === "scanning" && state.progress.unit === "files" ? Math.max(state.progress.total, coverage.files) : 0;
    const searched = total > coverage.files ? `${count(coverage.files)} of ${plural(total, "file")} found so far` : `${plural(coverage.files, "file")} so far`;
    return `Searched ${searched}; indexing goes on. Add --wait for an answer from all of them.`;
  }
  if (depth === "instant" || coverage.deep >= coverage.chunks || restsEarly(coverage) !== undefined) return undefined;
  return `Searched all ${plural(coverage.files, "file")}; ${count(coverage.deep)} of ${plural(coverage.chunks, "chunk")} read at full depth so far, the others at a lower one.`;
}

const worstFirst: readonly IndexState["kind"][] = ["failed", "paused", "absent", "scanning", "deepening", "ready"];

/** Of several indexes that which is worst. */
export function worstState(parts: readonly IndexPart[]): IndexState {
  return parts.map(({ state }) => state).sort((a, b) => worstFirst.indexOf(a.kind) - worstFirst.indexOf(b.kind))[0] ?? { kind: "ready" };
}

/** The same of several folders: what keeps some from being searched whole by their names, what is only not as deep of all together. */
export function coverageLines(parts: readonly IndexPart[], depth: SearchResult["depth"]): readonly string[] {
  if (parts.length === 0) return [];
  const isUnfinished = ({ state }: IndexPart): boolean => state.kind === "absent" || state.kind === "scanning";
  const isStopped = ({ state }: IndexPart): boolean => state.kind === "failed" || state.kind === "paused";
  const unfinished = parts.filter(isUnfinished);
  const progress = (name: "done" | "total"): number => sum(unfinished.map(({ state }) => (state.kind === "scanning" && state.progress.unit === "files" ? state.progress[name] : 0)));
  const scanning: IndexState = { kind: "scanning", progress: { phase: "instant", done: progress("done"), total: progress("total"), unit: "files" } };
  const rest = parts.filter((part) => !isStopped(part));
  const of = (some: readonly IndexPart[]): string => (parts.length > 1 ? `${some.map(({ name }) => name).join(", ")}: ` : "");
  const restLine = rest.length === 0 ? undefined : unfinished.length > 0 ? coverageLine(sumCoverage(unfinished.map(({ coverage }) => coverage)), scanning, depth) : coverageLine(sumCoverage(rest.map(({ coverage }) => coverage)), { kind: "ready" }, depth);
  return [...parts.filter(isStopped).map((part) => `${of([part])}${coverageLine(part.coverage, part.state, depth)}`), ...(restLine === undefined ? [] : [`${unfinished.length > 0 ? of(unfinished) : ""}${restLine}`])];
}

export function renderDuplicates(groups: readonly DuplicateGroup[], paint: Paint, folder: string): string {
  const blocks = groups.map((group) => {
    const { lines, members } = group;
    const about = [plural(lines, "line"), `${members.length} places`, copiesLikeness(group)].filter((part) => part !== "");
    const title = `${paint("bold", copiesTitle(group))} ${paint("dim", `· ${about.join(" · ")}`)}`;
    const places = members.map((member) => `  ${paint("cyan", printable(`${path.posix.join(folder, member.path)}:${member.startLine}`))}${paint("dim", `-${member.endLine}`)}${member.symbol === "" ? "" : `  ${printable(member.symbol)}`}`);
    return [title, ...places, ""].join("\n");
  });
  return blocks.join("\n");
}

export function stateLine(state: IndexState): string {
  switch (state.kind) {
    case "absent":
      return "not indexed yet";
    case "scanning":
    case "deepening":
      return progressLine(state.progress);
    case "ready":
      return "ready";
    case "paused":
      return `paused: ${state.reason}`;
    case "failed":
      return `failed (${state.code}): ${state.reason}`;
  }
}

export function renderStatus(status: Status, paint: Paint): string {
  const { coverage, model } = status;
  const percent = (n: number): string => (coverage.chunks === 0 ? "–" : `${Math.floor((100 * n) / coverage.chunks)} %`);
  const rows: [string, string][] = [
    ["Folder", status.root],
    ["State", stateLine(status.state)],
    ["Searchable", `${plural(coverage.files, "file")}, ${plural(coverage.chunks, "chunk")}: instant ${percent(coverage.instant)}, shallow ${percent(coverage.shallow)}, deep ${percent(coverage.deep)}`],
    ["Model", `${model.id} ${model.version}${model.isPassing ? " (asked for with --model; it answers editor, terminal and agents until the engine ends)" : ""}`],
    ["Index", `${status.indexFolder} (${bytes(status.indexBytes)}; engine uses ${bytes(status.memoryBytes)} of memory)`],
  ];
  if (model.note !== undefined) rows.splice(4, 0, ["", `${model.note} ("strata train", "strata models use bundled")`]);
  const resting = status.state.kind === "ready" ? restsEarly(coverage) : undefined;
  if (resting !== undefined) rows.push(["Note", resting]);
  const counts = (record: Readonly<Record<string, number>>): string =>
    Object.entries(record)
      .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
      .map(([name, n]) => `${name} ${count(n)}`)
      .join(", ");
  if (Object.keys(status.languages).length > 0) rows.push(["Languages", counts(status.languages)]);
  if (Object.keys(status.skipped).length > 0) rows.push(["Left out", `${counts(status.skipped)} (--left-out lists them)`]);
  for (const warning of status.warnings) rows.push(["Warning", warning]);
  return rows.map(([name, value]) => `${paint(name === "Warning" ? "yellow" : "bold", name.padEnd(11))} ${printable(value)}\n`).join("");
}

/** One line for each path that is not searchable, with its reason in front; counts are of all, paths may be cut off. */
export function renderLeftOut(leftOut: readonly { readonly path: string; readonly reason: string }[], skipped: Status["skipped"], paint: Paint): string {
  const width = Math.max(0, ...leftOut.map(({ reason }) => reason.length));
  const lines = leftOut.map(({ path, reason }) => `${paint("dim", reason.padEnd(width))}  ${printable(path)}`);
  const listed = Map.groupBy(leftOut, ({ reason }) => reason);
  for (const [reason, n] of Object.entries(skipped)) {
    const more = n - (listed.get(reason)?.length ?? 0);
    if (more > 0) lines.push(paint("dim", `${reason.padEnd(width)}  and ${count(more)} more`));
  }
  return lines.length === 0 ? "Nothing is left out but what ignore files and excludes name.\n" : `${lines.join("\n")}\n`;
}
