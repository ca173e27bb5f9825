// The panel's look. Colours come from the theme alone, so every theme, high contrast too, looks as its author meant.
import { css } from "lit";

export const panelStyles = css`
  :host {
    font: var(--vscode-font-weight) var(--vscode-font-size)/1.4 var(--vscode-font-family);
    color: var(--vscode-foreground);
    container-type: inline-size;
    --dim: var(--vscode-descriptionForeground);
    --line: var(--vscode-widget-border, var(--vscode-panel-border, transparent));
    --accent: var(--vscode-progressBar-background, var(--vscode-focusBorder));
  }
  * {
    box-sizing: border-box;
  }
  button {
    font: inherit;
    color: inherit;
    background: none;
    border: 0;
    padding: 0;
    cursor: pointer;
  }
  button:focus-visible {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: -1px;
  }
  .icon {
    display: block;
    flex: none;
  }
  .dim {
    color: var(--dim);
  }

  .top {
    flex: none;
    padding: 8px 12px 0;
  }
  .box {
    display: flex;
    align-items: center;
    gap: 2px;
    padding: 0 4px 0 8px;
    min-height: 30px;
    background: var(--vscode-input-background);
    color: var(--vscode-input-foreground);
    border: 1px solid var(--vscode-input-border, var(--line));
    border-radius: 5px;
  }
  .box:focus-within {
    border-color: var(--vscode-focusBorder);
  }
  .lens {
    color: var(--dim);
    margin-right: 4px;
  }
  input {
    font: inherit;
    color: inherit;
    background: none;
    border: 0;
    outline: 0;
    min-width: 0;
    flex: 1;
    padding: 4px 0;
  }
  input::placeholder {
    color: var(--vscode-input-placeholderForeground);
    opacity: 1;
  }
  .box button {
    display: flex;
    align-items: center;
    gap: 2px;
    padding: 3px;
    border-radius: 4px;
    color: var(--vscode-icon-foreground);
  }
  .box button:hover {
    background: var(--vscode-toolbar-hoverBackground);
  }
  .box button.on {
    background: var(--vscode-inputOption-activeBackground);
    color: var(--vscode-inputOption-activeForeground);
    outline: 1px solid var(--vscode-inputOption-activeBorder, transparent);
    outline-offset: -1px;
  }
  .badge {
    font-size: 10px;
    line-height: 1;
  }

  .filters {
    display: flex;
    flex-direction: column;
    gap: 6px;
    padding: 8px 0 2px;
  }
  .chips {
    display: flex;
    flex-wrap: wrap;
    gap: 4px;
  }
  .chip {
    padding: 1px 8px;
    border: 1px solid var(--vscode-checkbox-border, var(--line));
    border-radius: 10px;
    font-size: 0.92em;
    line-height: 1.5;
  }
  .chip .n {
    color: var(--dim);
    margin-left: 4px;
    font-size: 0.92em;
  }
  .chip:hover {
    background: var(--vscode-list-hoverBackground);
  }
  .chip[aria-pressed="true"],
  .chip[aria-pressed="true"] .n {
    background: var(--vscode-badge-background);
    color: var(--vscode-badge-foreground);
    border-color: transparent;
  }
  .filters .path {
    display: flex;
    align-items: center;
    gap: 6px;
    color: var(--dim);
    font-size: 0.92em;
  }
  .filters .path input {
    color: var(--vscode-input-foreground);
    background: var(--vscode-input-background);
    border: 1px solid var(--vscode-input-border, var(--line));
    border-radius: 4px;
    padding: 2px 6px;
  }
  .filters .path input:focus {
    border-color: var(--vscode-focusBorder);
  }

  .line {
    display: block;
    width: 100%;
    height: 2px;
    margin-top: 7px;
    border: 0;
    appearance: none;
    background: transparent;
    overflow: hidden;
  }
  progress.line::-webkit-progress-bar {
    background: transparent;
  }
  progress.line::-webkit-progress-value {
    background: var(--accent);
    transition: width 0.3s;
  }
  progress.line:indeterminate {
    background: linear-gradient(90deg, transparent 0 35%, var(--accent) 50%, transparent 65%) 0 0 / 50% 100% repeat-x;
    animation: slide 1.4s linear infinite;
  }
  @keyframes slide {
    from {
      background-position-x: -100%;
    }
    to {
      background-position-x: 100%;
    }
  }
  @media (prefers-reduced-motion: reduce) {
    progress.line:indeterminate,
    .refining::before {
      animation: none;
    }
  }

  main {
    flex: 1;
    min-height: 0;
    overflow-y: auto;
    position: relative;
    display: flex;
    flex-direction: column;
  }
  .summary {
    position: sticky;
    top: 0;
    z-index: 1;
    padding: 6px 12px 6px;
    font-size: 0.92em;
    background: var(--vscode-sideBar-background, var(--vscode-editor-background));
  }
  .weak {
    align-self: flex-start;
    margin: 0 12px 12px 26px;
    padding: 3px 8px;
    border-radius: 4px;
    font-size: 0.92em;
    color: var(--vscode-textLink-foreground);
  }
  .weak:hover {
    background: var(--vscode-list-hoverBackground);
  }
  .figures {
    display: flex;
    flex-wrap: wrap;
    gap: 0 8px;
    align-items: baseline;
  }
  .subject {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 8px;
    padding-bottom: 4px;
  }
  .subject span {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .subject button {
    padding: 2px;
    border-radius: 4px;
  }
  .subject button:hover {
    background: var(--vscode-toolbar-hoverBackground);
  }
  .refining {
    display: inline-flex;
    align-items: center;
    gap: 5px;
    color: var(--dim);
  }
  .refining::before {
    content: "";
    width: 6px;
    height: 6px;
    border-radius: 50%;
    background: var(--accent);
    animation: pulse 1s ease-in-out infinite alternate;
  }
  @keyframes pulse {
    from {
      opacity: 0.25;
    }
  }
  .coverage svg {
    display: block;
    width: 100%;
    height: 3px;
    margin-top: 5px;
    border-radius: 2px;
    background: color-mix(in srgb, var(--vscode-foreground) 10%, transparent);
  }
  .coverage .instant {
    fill: color-mix(in srgb, var(--accent) 30%, transparent);
  }
  .coverage .shallow {
    fill: color-mix(in srgb, var(--accent) 45%, transparent);
  }
  .coverage .deep {
    fill: var(--accent);
  }

  #list {
    list-style: none;
    margin: 0;
    padding: 0 0 12px;
    outline: 0;
  }
  .hit,
  .member {
    scroll-margin-top: 56px; /* not under the sticky summary */
  }
  .hit {
    padding: 7px 12px 8px 6px;
    border-top: 1px solid color-mix(in srgb, var(--vscode-foreground) 9%, transparent);
    cursor: pointer;
  }
  .hit:hover,
  .member:hover {
    background: var(--vscode-list-hoverBackground);
  }
  .hit.active,
  .member.active {
    background: var(--vscode-list-inactiveSelectionBackground);
    color: var(--vscode-list-inactiveSelectionForeground, inherit);
  }
  #list:focus .active {
    outline: 1px solid var(--vscode-list-focusOutline, var(--vscode-focusBorder));
    outline-offset: -1px;
  }
  .head {
    display: flex;
    align-items: center;
    gap: 4px;
    min-width: 0;
  }
  .twist {
    color: var(--dim);
    opacity: 0.7;
  }
  .hit[aria-expanded="true"] .twist .icon {
    transform: rotate(90deg);
  }
  .kind {
    color: var(--vscode-symbolIcon-functionForeground, var(--vscode-icon-foreground));
  }
  .symbol {
    font-weight: 600;
    white-space: nowrap;
    overflow: hidden;
    text-overflow: ellipsis;
    min-width: 4ch;
  }
  .breadcrumb {
    color: var(--dim);
    font-size: 0.92em;
    white-space: nowrap;
    overflow: hidden;
    text-overflow: ellipsis;
    flex: 0 1000 auto;
  }
  .tail {
    display: flex;
    align-items: center;
    gap: 6px;
    margin-left: auto;
    flex: none;
    height: 20px;
  }
  .actions {
    display: none;
    gap: 1px;
  }
  .hit:hover .actions,
  .hit.active .actions {
    display: flex;
  }
  .actions button {
    padding: 2px;
    border-radius: 4px;
    color: var(--vscode-icon-foreground);
  }
  .actions button:hover {
    background: var(--vscode-toolbar-hoverBackground);
  }
  .depth {
    display: block;
    color: var(--accent);
  }
  .depth svg {
    display: block;
  }
  .depth .on {
    fill: currentColor;
  }
  .depth .off {
    fill: color-mix(in srgb, var(--vscode-foreground) 18%, transparent);
  }
  .path {
    display: flex;
    min-width: 0;
    font-size: 0.92em;
    color: var(--dim);
    white-space: nowrap;
  }
  .hit > .path {
    padding-left: 20px;
  }
  /* The end of a long folder says more than its beginning. */
  .folder {
    overflow: hidden;
    text-overflow: ellipsis;
    direction: rtl;
    unicode-bidi: plaintext;
    flex: 0 1 auto;
  }
  .name,
  .lines {
    flex: none;
  }
  .root::after {
    content: "›";
    padding: 0 4px;
  }
  .code {
    margin: 5px 0 0 20px;
    padding: 5px 0;
    font: 0.95em/1.45 var(--vscode-editor-font-family);
    color: var(--vscode-editor-foreground);
    background: var(--vscode-textCodeBlock-background, var(--vscode-editor-background));
    border-radius: 4px;
    overflow: hidden;
    tab-size: 4;
  }
  .code code {
    font: inherit;
    background: none;
  }
  .code .line {
    all: unset;
    display: block;
    white-space: pre;
    padding-right: 8px;
    overflow: hidden;
    mask-image: linear-gradient(to right, #000 calc(100% - 28px), transparent);
  }
  .code .line::before {
    content: attr(data-n);
    display: inline-block;
    width: 4ch;
    margin-right: 1.5ch;
    text-align: right;
    color: var(--vscode-editorLineNumber-foreground);
    user-select: none;
  }
  .hit[aria-expanded="true"] .code {
    overflow-x: auto;
  }
  .hit[aria-expanded="true"] .code .line {
    overflow: visible;
    mask-image: none;
  }
  .comment {
    color: var(--dim);
    font-style: italic;
  }
  .string {
    color: var(--vscode-debugTokenExpression-string, inherit);
  }
  .number {
    color: var(--vscode-debugTokenExpression-number, inherit);
  }
  .keyword {
    color: var(--vscode-debugTokenExpression-name, inherit);
  }
  .call {
    color: var(--vscode-symbolIcon-methodForeground, inherit);
  }
  .type {
    color: var(--vscode-symbolIcon-classForeground, inherit);
  }
  .code mark {
    background: color-mix(in srgb, var(--vscode-editor-findMatchHighlightBackground) 60%, transparent);
    outline: 1px solid var(--vscode-editor-findMatchHighlightBorder, transparent);
    color: inherit;
    border-radius: 2px;
  }
  .more {
    margin: 2px 0 0 20px;
    font-size: 0.9em;
    color: var(--dim);
  }
  .why {
    margin: 6px 0 0 20px;
    border-collapse: collapse;
    font-size: 0.9em;
    color: var(--dim);
  }
  .why caption {
    text-align: left;
    padding-bottom: 2px;
    color: var(--vscode-foreground);
  }
  .why th {
    font-weight: normal;
    text-align: left;
    padding-right: 10px;
    white-space: nowrap;
  }
  .why .number {
    font-variant-numeric: tabular-nums;
    color: inherit;
    padding-left: 8px;
  }
  meter {
    display: block;
    width: 80px;
    height: 6px;
  }
  meter::-webkit-meter-bar {
    height: 6px;
    border: 0;
    border-radius: 3px;
    background: color-mix(in srgb, var(--vscode-foreground) 10%, transparent);
  }
  meter::-webkit-meter-optimum-value {
    background: var(--accent);
  }

  .reorder {
    position: sticky;
    bottom: 8px;
    align-self: center;
    padding: 4px 12px;
    border-radius: 12px;
    background: var(--vscode-button-background);
    color: var(--vscode-button-foreground);
    box-shadow: 0 2px 8px var(--vscode-widget-shadow, transparent);
  }

  .empty {
    display: flex;
    flex-direction: column;
    align-items: center;
    gap: 6px;
    padding: 28px 20px 16px;
    text-align: center;
  }
  .empty .mark .icon {
    width: 40px;
    height: 40px;
    stroke-width: 0.8;
    color: var(--accent);
  }
  .empty h2 {
    margin: 4px 0 0;
    font-size: 1.15em;
    font-weight: 600;
  }
  .empty p,
  .tips {
    margin: 0;
    color: var(--dim);
    max-width: 42ch;
  }
  .tips {
    text-align: left;
    padding-left: 18px;
  }
  .button {
    padding: 4px 12px;
    margin-top: 6px;
    border-radius: 4px;
    background: var(--vscode-button-background);
    color: var(--vscode-button-foreground);
    border: 1px solid var(--vscode-button-border, transparent);
  }
  .button:hover {
    background: var(--vscode-button-hoverBackground);
  }
  .button.secondary {
    background: var(--vscode-button-secondaryBackground);
    color: var(--vscode-button-secondaryForeground);
  }
  .button.secondary:hover {
    background: var(--vscode-button-secondaryHoverBackground);
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: 6px;
  }
  .suggestions,
  .history {
    padding: 0 12px;
  }
  .suggestions {
    width: 100%;
    max-width: 60ch;
    align-self: center;
  }
  .history {
    margin-top: 4px;
    padding: 4px;
    background: var(--vscode-editorWidget-background);
    border: 1px solid var(--vscode-widget-border, var(--line));
    border-radius: 5px;
  }
  h3 {
    margin: 12px 0 2px;
    font-size: 0.85em;
    font-weight: 600;
    color: var(--dim);
  }
  .entry {
    display: flex;
    align-items: center;
    gap: 8px;
    width: 100%;
    padding: 3px 6px;
    border-radius: 4px;
    text-align: left;
  }
  .entry .icon {
    color: var(--dim);
  }
  .entry span {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .entry:hover {
    background: var(--vscode-list-hoverBackground);
  }
  .link {
    padding: 3px 6px;
    color: var(--vscode-textLink-foreground);
    font-size: 0.92em;
  }
  .notice {
    display: flex;
    gap: 8px;
    margin: 6px 12px;
    padding: 8px 10px;
    border-radius: 4px;
    background: var(--vscode-inputValidation-warningBackground);
    border: 1px solid var(--vscode-inputValidation-warningBorder, var(--line));
    color: var(--vscode-inputValidation-warningForeground, inherit);
  }
  .notice.error {
    background: var(--vscode-inputValidation-errorBackground);
    border-color: var(--vscode-inputValidation-errorBorder, var(--line));
    color: var(--vscode-inputValidation-errorForeground, inherit);
  }
  .notice p {
    margin: 0;
    overflow-wrap: anywhere;
  }

  .group {
    border-top: 1px solid color-mix(in srgb, var(--vscode-foreground) 9%, transparent);
    padding: 6px 0;
  }
  .group header {
    display: flex;
    align-items: center;
    gap: 8px;
    padding: 0 12px 2px;
    font-size: 0.92em;
  }
  .tag {
    padding: 0 7px;
    border-radius: 8px;
    background: var(--vscode-badge-background);
    color: var(--vscode-badge-foreground);
  }
  .member {
    display: flex;
    gap: 8px;
    align-items: baseline;
    padding: 2px 12px 2px 20px;
    cursor: pointer;
    min-width: 0;
  }
  .member .symbol {
    font-weight: normal;
    flex: 0 1 auto;
  }
  .member .path {
    flex: 0 10 auto;
    overflow: hidden;
  }

  /* Wide (the view dragged to the panel or an editor column): one line for name and place, code in full width. */
  @container (min-width: 620px) {
    .hit {
      display: grid;
      grid-template-columns: auto auto auto auto minmax(0, 1fr) auto;
      column-gap: 5px;
      align-items: center;
    }
    .hit > .head {
      display: contents;
    }
    .hit > .path {
      grid-area: 1 / 5;
      padding-left: 10px;
    }
    .hit > .head > .tail {
      grid-area: 1 / 6;
    }
    .hit > .code,
    .hit > .why,
    .hit > .more {
      grid-column: 1 / -1;
    }
    .symbol,
    .breadcrumb {
      max-width: 30cqi;
    }
  }
`;
