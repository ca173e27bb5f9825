// The fine-tuning page's look: the theme's colours only.
import { css } from "lit";

export const trainingStyles = css`
  :host {
    display: block;
    max-width: 1120px;
    padding: 20px 28px;
    font: var(--vscode-font-weight) var(--vscode-font-size)/1.5 var(--vscode-font-family);
    color: var(--vscode-foreground);
    overflow-y: auto;
  }
  h1 {
    margin: 0;
    font-size: 1.5em;
    font-weight: 500;
  }
  header.failed h1 {
    color: var(--vscode-errorForeground);
  }
  p {
    margin: 4px 0 12px;
  }
  .sentence {
    font-size: 1.1em;
    min-height: 1.5em;
  }
  .dim {
    color: var(--vscode-descriptionForeground);
  }
  .progress {
    display: flex;
    align-items: center;
    gap: 12px;
    margin: 8px 0;
  }
  progress {
    flex: 1;
    max-width: 640px;
    height: 6px;
    border: 0;
    border-radius: 3px;
    overflow: hidden;
    background: var(--vscode-editorWidget-border, var(--vscode-widget-border));
    accent-color: var(--vscode-progressBar-background);
  }
  progress::-webkit-progress-bar {
    background: var(--vscode-input-background);
  }
  progress::-webkit-progress-value {
    background: var(--vscode-progressBar-background);
    border-radius: 3px;
  }
  .actions {
    display: flex;
    gap: 8px;
    margin: 0 0 18px;
  }
  button {
    font: inherit;
    padding: 4px 14px;
    border: 1px solid var(--vscode-button-border, transparent);
    border-radius: 3px;
    color: var(--vscode-button-secondaryForeground);
    background: var(--vscode-button-secondaryBackground);
    cursor: pointer;
  }
  button:hover {
    background: var(--vscode-button-secondaryHoverBackground);
  }
  button.primary {
    color: var(--vscode-button-foreground);
    background: var(--vscode-button-background);
  }
  button:focus-visible {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: 2px;
  }
  table {
    border-collapse: collapse;
    margin: 0 0 20px;
    font-variant-numeric: tabular-nums;
  }
  th,
  td {
    padding: 3px 18px 3px 0;
    text-align: right;
  }
  tr > :first-child {
    text-align: left;
  }
  thead th {
    font-weight: 400;
    color: var(--vscode-descriptionForeground);
    border-bottom: 1px solid var(--vscode-widget-border, var(--vscode-panel-border));
  }
  tbody th {
    font-weight: 500;
  }
  .better {
    color: var(--vscode-charts-green);
  }
  .worse {
    color: var(--vscode-charts-red);
  }
  .charts {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(340px, 1fr));
    gap: 24px;
  }
  figure {
    margin: 0 0 12px;
  }
  figcaption {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 16px;
    margin-bottom: 6px;
  }
  svg {
    width: 100%;
    height: auto;
    font-size: 11px;
  }
  svg text {
    fill: var(--vscode-descriptionForeground);
  }
  .grid {
    stroke: var(--vscode-charts-lines, var(--vscode-widget-border));
    stroke-opacity: 0.35;
  }
  polyline {
    fill: none;
    stroke: currentColor;
    stroke-width: 1.8;
    stroke-linejoin: round;
  }
  circle {
    fill: currentColor;
  }
  .c0 {
    color: var(--vscode-charts-blue);
  }
  .c1 {
    color: var(--vscode-charts-yellow);
  }
  .c2 {
    color: var(--vscode-charts-green);
  }
  .c3 {
    color: var(--vscode-charts-purple);
  }
  .key {
    font-variant-numeric: tabular-nums;
  }
  .empty {
    display: grid;
    place-items: center;
    height: 160px;
    border: 1px dashed var(--vscode-widget-border, var(--vscode-panel-border));
    border-radius: 4px;
  }
`;
