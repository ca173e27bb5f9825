// The line above a list: what was found, and in how much of the code it was looked for.
import { html, nothing, type TemplateResult } from "lit";
import { count, plural } from "../base/counts.ts";
import type { Coverage, ViewState } from "./messages.ts";

const percent = (part: number, whole: number): number => (whole === 0 ? 0 : Math.floor((100 * part) / whole));

/** What was found, and in how much of the code it was looked for. */
export function coverageLine({ coverage, index }: Pick<ViewState, "coverage" | "index">, searched: Coverage, found: string, took: string, refining: boolean): TemplateResult {
  const total = Math.max(coverage?.files ?? 0, searched.files);
  const instant = percent(searched.instant, searched.chunks);
  const deep = percent(searched.deep, searched.chunks);
  const files = total > searched.files ? `${count(searched.files)} of ${plural(total, "file")}` : plural(searched.files, "file");
  const partial = index.kind === "working" && searched.instant < searched.chunks ? ", still indexing" : "";
  // No code has no depth.
  const [depth, depths] = searched.chunks === 0 ? ["", ""] : [`, ${deep} % deep`, `: ${instant} % instant, ${percent(searched.shallow, searched.chunks)} % shallow, ${deep} % deep`];
  return html`<div class="figures">
      <span>${found}</span>
      <span class="dim" title="${count(searched.chunks)} pieces of code${depths}.${took}">searched ${files}${partial}${depth}</span>
      ${refining ? html`<span class="refining">reading closer</span>` : nothing}
    </div>
    <div class="coverage" aria-hidden="true">
      <svg viewBox="0 0 100 3" preserveAspectRatio="none">
        <rect class="instant" width=${instant} height="3"></rect><rect class="shallow" width=${percent(searched.shallow, searched.chunks)} height="3"></rect><rect class="deep" width=${deep} height="3"></rect>
      </svg>
    </div>`;
}
