// The panel's look; the rows of the list are in hitStyles.ts. Colours come from the theme alone, so every theme, high contrast too, looks as its author meant.
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
  .box button:hover,
  .subject button:hover,
  .actions button:hover {
    background: var(--vscode-toolbar-hoverBackground);
  }
  .chip:hover,
  .weak:hover,
  .entry:hover {
    background: var(--vscode-list-hoverBackground);
  }
  .subject span,
  .entry span {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
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
  .chip[aria-pressed="true"],
  .chip[aria-pressed="true"] .n {
    background: var(--vscode-badge-background);
    color: var(--vscode-badge-foreground);
    border-color: var(--vscode-contrastActiveBorder, transparent);
  }
  .chip[aria-pressed="true"] {
    box-shadow: inset 0 0 0 1px var(--vscode-contrastActiveBorder, transparent); /* high contrast has no backgrounds */
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
  .remark {
    margin: 0;
    padding: 0 12px 6px;
    font-size: 0.92em;
  }
  .weak {
    align-self: flex-start;
    margin: 0 12px 12px 26px;
    padding: 3px 8px;
    border-radius: 4px;
    font-size: 0.92em;
    color: var(--vscode-textLink-foreground);
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
  .subject button {
    padding: 2px;
    border-radius: 4px;
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

  .news {
    position: sticky;
    bottom: 8px;
    align-self: center;
  }
  .reorder {
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
  .suggestions {
    padding: 0 12px;
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
    flex-wrap: wrap;
    align-items: center;
    gap: 0 8px;
    padding: 0 12px 2px;
    font-size: 0.92em;
  }
  .tag {
    padding: 0 7px;
    border-radius: 8px;
    white-space: nowrap;
    background: var(--vscode-badge-background);
    color: var(--vscode-badge-foreground);
    outline: 1px solid var(--vscode-contrastBorder, transparent); /* high contrast has no backgrounds */
    outline-offset: -1px;
  }
  /* In a narrow view the place has a line of its own, as in hits. */
  .member {
    display: flex;
    flex-wrap: wrap;
    gap: 0 8px;
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
    flex: 0 1 auto;
  }
`;
