// One row of the list: where, what, how deeply read, the telling lines of the code; opened, all of them and why it is here.
import { html, nothing, type TemplateResult } from "lit";
import { likenessText } from "../base/copies.ts";
import { plural } from "../base/counts.ts";
import { bestWindow, naming } from "../base/snippet.ts";
import { dedent, highlight, markedWords, type Token } from "./highlight.ts";
import { chevronIcon, compareIcon, depthBadge, kindIcon, sideIcon, similarIcon } from "./icons.ts";
import { resultContext, type ViewHit } from "./messages.ts";

export interface HitActions {
  /** The row was pressed: it is the active one from now on. */
  point(index: number): void;
  /** The row, or a line of its code, was clicked. */
  click(id: string, event: MouseEvent): void;
  openAside(id: string): void;
  ask(what: "similarTo" | "compare", id: string): void;
  toggle(id: string): void;
}

interface HitView {
  readonly hit: ViewHit;
  readonly index: number;
  readonly count: number;
  readonly active: boolean;
  readonly expanded: boolean;
  /** Words of the query to mark. */
  readonly words: readonly string[];
}

/** Lines of a closed row: enough to judge most hits, small enough that several fit in a side bar. */
const CLOSED_LINES = 5;

/** "src/a/b.ts" → "src/a/" and "b.ts", so that the name stays when the folder is cut. */
export function splitPath(path: string): readonly [folder: string, name: string] {
  const slash = path.lastIndexOf("/");
  return [path.slice(0, slash + 1), path.slice(slash + 1)];
}

/** As it is told in one piece: two folders of a workspace may hold files of the same path. */
export const shownPath = ({ folder, path }: Pick<ViewHit, "folder" | "path">): string => (folder ? `${folder}/${path}` : path);

export const rootOf = ({ folder }: Pick<ViewHit, "folder">): TemplateResult | typeof nothing => (folder ? html`<span class="root">${folder}</span><span class="within">›</span>` : nothing);

export const rowId = (index: number): string => `hit-${index}`;

const token = ({ text, kind, marked }: Token): TemplateResult | string => (marked ? html`<mark class=${kind}>${text}</mark>` : kind === "plain" ? text : html`<span class=${kind}>${text}</span>`);

function code(hit: ViewHit, words: readonly string[], expanded: boolean): TemplateResult {
  const lines = highlight(dedent(hit.snippet), hit.lang, words);
  const isNamed = naming(hit.symbol);
  const from = expanded ? 0 : bestWindow(lines, CLOSED_LINES, markedWords, (line) => isNamed(line.map(({ text }) => text).join("")));
  let shown = expanded ? lines : lines.slice(from, from + CLOSED_LINES);
  while (shown.length > 1 && shown.at(-1)!.length === 0) shown = shown.slice(0, -1);
  const rest = hit.endLine - hit.startLine + 1 - lines.length;
  // The line number is in an attribute and drawn by CSS: copying the code copies no numbers.
  return html`<pre class="code ${hit.endLine > 9_999 ? "far" : ""}"><code>${shown.map((tokens, i) => html`<span class="line" data-n=${hit.startLine + from + i}>${tokens.map(token)}
</span>`)}</code></pre>${expanded && rest > 0 ? html`<div class="more">${plural(rest, "more line")} in the file</div>` : nothing}`;
}

function signals({ why, score }: ViewHit): TemplateResult {
  const most = Math.max(...why.map(({ contribution }) => Math.abs(contribution)), 1e-9);
  return html`<table class="why" aria-label="Why this result">
    <caption>Score ${score.toFixed(3)}</caption>
    <tbody>${why.map(
      ({ signal, value, contribution }) => html`<tr title="value ${value.toFixed(3)}">
        <th scope="row">${signal}</th>
        <td class="bar"><meter aria-hidden="true" min="0" max="1" value=${Math.abs(contribution) / most}></meter></td>
        <td class="number">${contribution < 0 ? "−" : "+"}${Math.abs(contribution).toFixed(3)}</td>
      </tr>`,
    )}</tbody>
  </table>`;
}

/** What a pointer resting on the badge reads: the strongest reasons in one line each. */
const whyTitle = ({ score, why }: ViewHit): string => [`Score ${score.toFixed(3)}`, ...why.slice(0, 4).map(({ signal, contribution }) => `${signal} ${contribution.toFixed(3)}`)].join("\n");

export function hitRow({ hit, index, count, active, expanded, words }: HitView, actions: HitActions): TemplateResult {
  const [folder, name] = splitPath(hit.path);
  const stop = (action: () => void) => (event: Event) => {
    event.stopPropagation();
    action();
  };
  return html`<li
    id=${rowId(index)}
    class="hit ${active ? "active" : ""}"
    role="option"
    aria-selected=${active}
    aria-expanded=${expanded}
    aria-posinset=${index + 1}
    aria-setsize=${count}
    aria-label="${hit.symbol ? `${hit.symbol}, ` : ""}${shownPath(hit)} line ${hit.line}, ${hit.likeness ? `${likenessText(hit.likeness)}, ` : ""}${hit.depth}"
    data-path=${hit.path}
    data-index=${index}
    data-about=${resultContext(hit.id, hit.comparable)}
    @mousedown=${() => actions.point(index)}
    @click=${(event: MouseEvent) => actions.click(hit.id, event)}
  >
    <div class="head">
      <button class="twist" tabindex="-1" aria-hidden="true" title=${expanded ? "Show less (←)" : "Show everything and why (→)"} @click=${stop(() => actions.toggle(hit.id))}>${chevronIcon}</button>
      <span class="kind" title=${hit.kind}>${kindIcon(hit.kind)}</span>
      <span class="symbol">${hit.symbol || name}</span>
      <span class="breadcrumb" title=${hit.breadcrumb}>${hit.breadcrumb}</span>
      <span class="tail">
        <span class="actions">
          ${hit.comparable ? html`<button tabindex="-1" aria-hidden="true" title="Compare with the code that was asked about" @click=${stop(() => actions.ask("compare", hit.id))}>${compareIcon}</button>` : nothing}
          <button tabindex="-1" aria-hidden="true" title="Find similar code (Alt+Enter)" @click=${stop(() => actions.ask("similarTo", hit.id))}>${similarIcon}</button>
          <button tabindex="-1" aria-hidden="true" title="Open to the side (Ctrl+Enter)" @click=${stop(() => actions.openAside(hit.id))}>${sideIcon}</button>
        </span>
        <span title=${whyTitle(hit)}>${depthBadge(hit.depth)}</span>
      </span>
    </div>
    <div class="path" title=${shownPath(hit)}>
      ${rootOf(hit)}<span class="folder">${folder}</span><span class="name">${name}</span><span class="lines">:${hit.line}</span>
    </div>
    ${hit.likeness ? html`<div class="likeness">${likenessText(hit.likeness)}</div>` : nothing} ${code(hit, words, expanded)} ${expanded ? signals(hit) : nothing}
  </li>`;
}
