// What the search view says in place of hits or above them: a sentence, with buttons where something can be done about it.
import { html, nothing, type TemplateResult } from "lit";
import { layersIcon, warningIcon } from "./icons.ts";

type Button = readonly [label: string, press: () => void];

/** @param buttons the first one is what most will want */
export function notice(text: string, buttons: readonly Button[] = [], isError = false): TemplateResult {
  return html`<div class=${isError ? "notice error" : "notice"} role=${isError ? "alert" : nothing}>
    ${warningIcon}
    <div>
      <p>${text}</p>
      ${buttons.length === 0 ? nothing : html`<div class="buttons">${buttons.map(([label, press], i) => html`<button class=${i === 0 ? "button" : "button secondary"} @click=${press}>${label}</button>`)}</div>`}
    </div>
  </div>`;
}

/** Where there is nothing else to show. */
export function empty(title: string, body: TemplateResult, buttons: readonly Button[] = []): TemplateResult {
  return html`<div class="empty">
    <div class="mark">${layersIcon}</div>
    <h2>${title}</h2>
    ${body}
    ${buttons.map(([label, press]) => html`<button class="button" @click=${press}>${label}</button>`)}
  </div>`;
}
