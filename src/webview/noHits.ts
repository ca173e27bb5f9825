// What the search view shows where hits would be: before the first search, and when nothing was found. Pure functions of the host's state.
import { html, nothing, type TemplateResult } from "lit";
import { plural } from "../base/counts.ts";
import { filterTexts, splitQuery } from "./filterTexts.ts";
import { historyIcon, searchIcon, sideIcon } from "./icons.ts";
import type { Filters, ViewCommand, ViewResults, ViewState } from "./messages.ts";
import { empty, notice } from "./notices.ts";

/** What its buttons do. */
export interface WaysOn {
  /** @param remember keeps the query for the history */
  search(query: string, filters: Filters, remember: boolean): void;
  command(command: ViewCommand): () => void;
}

const examples = ["where are retries backed off", "parse a date with a time zone", "tests that fake the clock"];

/** Other words, or filters, would find nothing either. */
const hasNoFiles = ({ index, coverage }: ViewState): boolean => index.kind === "ready" && coverage?.files === 0;

function noFiles(ways: WaysOn): TemplateResult {
  return empty("No files to search", html`<p>Files are found as soon as they are there. What is left out, and why, says the index status.</p>`, [["Index Status", ways.command("status")]]);
}

/** Before the first search. @param filters those that are chosen */
export function startPage(state: ViewState, filters: Filters, ways: WaysOn): TemplateResult {
  const { index, coverage, warnings } = state;
  const warned = warnings.map((text) => notice(text));
  if (hasNoFiles(state)) return html`${noFiles(ways)}${warned}`;
  const files = coverage ? plural(coverage.files, "file") : "";
  const title = index.kind === "working" ? index.label : index.kind === "starting" ? "Starting …" : index.kind === "idle" ? "Indexing starts with the first search" : index.kind === "paused" ? "Indexing is paused" : files ? `${files} ready` : "Ready";
  const line = index.kind === "working" && coverage && coverage.files > 0 ? html`<p>${files} can be searched already; answers get better while the rest is read.</p>` : index.kind === "paused" ? html`<p>${index.reason}</p>` : html`<p>Say in your own words what the code does.</p>`;
  return html`${empty(title, line, index.kind === "paused" ? [["Resume", ways.command("resume")]] : [])}
    <div class="suggestions">
      <h3>${state.history.length > 0 ? "Earlier searches" : "For example"}</h3>
      ${(state.history.length > 0 ? state.history.slice(0, 5) : examples).map((query) => html`<button class="entry" @click=${() => ways.search(query, filters, true)}>${state.history.length > 0 ? historyIcon : searchIcon}<span>${query}</span></button>`)}
      <h3>Also</h3>
      <button class="entry" @click=${ways.command("duplicates")}>${sideIcon}<span>Find duplicates in the workspace</span></button>
    </div>
    ${warned}`;
}

/** After a search without a hit. @param query as it stands in the box @param chosen filters */
export function nothingFound(state: ViewState, results: Extract<ViewResults, { kind: "hits" }>, query: string, chosen: Filters, ways: WaysOn): TemplateResult {
  if (state.busy) return html``;
  if (hasNoFiles(state)) return noFiles(ways);
  const typed = results.of === "search" ? splitQuery(results.subject).filters : [];
  const filters = [...filterTexts(chosen, state.folder), ...typed];
  const filtered = filters.length > 0;
  const wayOn: readonly [string, () => void] = filtered ? ["Search without filters", () => ways.search(splitQuery(query).words, { langs: [], path: "" }, false)] : ["Index Status", ways.command("status")];
  return empty(
    "Nothing found",
    html`<ul class="tips">
      ${state.index.kind === "working" && state.index.unread ? html`<li>The workspace is still being indexed; the search is made again as more is read.</li>` : nothing}
      ${state.index.kind === "paused" ? html`<li>Not everything may have been read. ${state.index.reason}</li>` : nothing}
      ${filtered ? html`<li>Filters are on: ${filters.join(", ")}.</li>` : nothing}
      <li>Say what the code does, not only what it may be called.</li>
      <li>Files named in ignore files are not searched.</li>
    </ul>`,
    [wayOn, ...(state.index.kind === "paused" ? [["Resume", ways.command("resume")] as const] : [])],
  );
}
