// The panel's drawings, 16 × 16, in the colour of the text around them.
import { html, svg, type SVGTemplateResult, type TemplateResult } from "lit";
import type { ChunkKind, Depth } from "../engine/protocol.ts";

const icon = (content: SVGTemplateResult): TemplateResult => html`<svg class="icon" viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${content}</svg>`;

export const searchIcon = icon(svg`<circle cx="7" cy="7" r="4.2"></circle><path d="m10.2 10.2 3.4 3.4"></path>`);
export const closeIcon = icon(svg`<path d="m4 4 8 8M12 4l-8 8"></path>`);
export const sideIcon = icon(svg`<rect x="2.5" y="3" width="11" height="10" rx="1"></rect><path d="M8 3v10"></path>`);
export const similarIcon = icon(svg`<rect x="2.5" y="2.5" width="7.5" height="7.5" rx="1.2"></rect><path d="M12.3 6.2a1.2 1.2 0 0 1 1.2 1.2v4.9a1.2 1.2 0 0 1-1.2 1.2H7.4a1.2 1.2 0 0 1-1.2-1.2"></path>`);
export const compareIcon = icon(svg`<path d="M2.5 5.5h9M9 3l2.5 2.5L9 8M13.5 10.5h-9M7 8l-2.5 2.5L7 13"></path>`);
export const chevronIcon = icon(svg`<path d="m6 4 4 4-4 4"></path>`);
export const filterIcon = icon(svg`<path d="M2.5 4h11M4.8 8h6.4M6.8 12h2.4"></path>`);
export const historyIcon = icon(svg`<circle cx="8" cy="8" r="5.3"></circle><path d="M8 5v3.2l2 1.3"></path>`);
export const warningIcon = icon(svg`<path d="M8 2.6 14 13H2Z"></path><path d="M8 6.6v3M8 11.2v.1"></path>`);

/** The mark of the product: three layers. */
export const layersIcon = icon(svg`<path d="m8 2.2 5.8 2.9L8 8 2.2 5.1Z"></path><path d="m2.6 8.2 5.4 2.7 5.4-2.7M2.6 11.1 8 13.8l5.4-2.7"></path>`);

const kinds: Readonly<Record<ChunkKind, TemplateResult>> = {
  function: icon(svg`<path d="M8 2 13 4.8v5.7L8 13.6l-5-3.1V4.8Z"></path><path d="m3.2 5 4.8 2.8L12.8 5M8 7.8v5.6"></path>`),
  class: icon(svg`<rect x="2.5" y="2.5" width="5" height="5" rx="1"></rect><rect x="9" y="9" width="4.5" height="4.5" rx="1"></rect><path d="M5 7.5v3.8h4"></path>`),
  type: icon(svg`<circle cx="11" cy="8" r="2.6"></circle><path d="M2.5 8h5.8"></path>`),
  module: icon(svg`<path d="M6 2.5H4.5a1 1 0 0 0-1 1v3.2L2.4 8l1.1 1.3v3.2a1 1 0 0 0 1 1H6M10 2.5h1.5a1 1 0 0 1 1 1v3.2L13.6 8l-1.1 1.3v3.2a1 1 0 0 1-1 1H10"></path>`),
  block: icon(svg`<rect x="2.5" y="3" width="11" height="10" rx="1.2"></rect><path d="M5 6h6M5 8.5h4"></path>`),
  window: icon(svg`<path d="M4 2.5h5.5l3 3v8H4Z"></path><path d="M9.5 2.5v3h3M6 8.5h4.5M6 11h3"></path>`),
};
export const kindIcon = (kind: ChunkKind): TemplateResult => kinds[kind];

const depthText: Readonly<Record<Depth, string>> = {
  instant: "Read at a glance (instant exit); deeper reading may move it",
  shallow: "Read by the first layers of the encoder (shallow exit)",
  deep: "Read by the whole encoder (deep exit)",
};

const levels: Readonly<Record<Depth, number>> = { instant: 1, shallow: 2, deep: 3 };

/** Three bars, as many filled as the reading is deep. */
export function depthBadge(depth: Depth): TemplateResult {
  return html`<span class="depth" title=${depthText[depth]} role="img" aria-label=${depth}>
    <svg viewBox="0 0 14 12" width="14" height="12" aria-hidden="true">
      ${[0, 1, 2].map((i) => svg`<rect class=${i < levels[depth] ? "on" : "off"} x="1" y=${1 + i * 3.6} width="12" height="2.4" rx="1.2"></rect>`)}
    </svg>
  </span>`;
}
