// The look of the rows in the list: place, badges, code, reasons; narrow and wide.
import { css } from "lit";

export const hitStyles = css`
  #list {
    list-style: none;
    margin: 0;
    padding: 0 0 12px;
    outline: 0;
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
    outline: 1px dotted var(--vscode-contrastActiveBorder, transparent); /* high contrast has no backgrounds */
    outline-offset: -1px;
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
  .hit > .path,
  .likeness {
    padding-left: 20px;
  }
  .likeness {
    font-size: 0.92em;
    color: var(--accent);
  }
  /* The end of a long folder says more than its beginning. */
  .folder {
    overflow: hidden;
    text-overflow: ellipsis;
    direction: rtl;
    unicode-bidi: plaintext;
    flex: 0 1000 auto;
  }
  /* Where all does not fit, folders give way, then the name: of a cut path the line still tells. */
  .root,
  .name {
    overflow: hidden;
    text-overflow: ellipsis;
    flex: 0 1 auto;
  }
  .lines {
    flex: none;
  }
  .root {
    flex-shrink: 10;
  }
  .within {
    flex: none;
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
    --numbers: 4ch;
  }
  .code.far {
    --numbers: 6ch;
  }
  .code code {
    font: inherit;
    background: none;
  }
  .code .line {
    all: unset;
    display: block;
    white-space: pre;
    padding: 0 8px 0 calc(var(--numbers) + 1.5ch); /* tab stops are counted from the code, not from the number in front of it */
    overflow: hidden;
    mask-image: linear-gradient(to right, #000 calc(100% - 28px), transparent);
  }
  .code .line::before {
    content: attr(data-n);
    display: inline-block;
    width: var(--numbers);
    margin: 0 1.5ch 0 calc(-1 * var(--numbers) - 1.5ch);
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

  /* The narrowest side bar: the numbers say what the bars do. */
  @container (max-width: 280px) {
    .why .bar {
      display: none;
    }
    .why th {
      white-space: normal;
    }
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
    .hit > .why {
      justify-self: start;
    }
    .symbol,
    .breadcrumb {
      max-width: 30cqi;
    }
  }
`;
