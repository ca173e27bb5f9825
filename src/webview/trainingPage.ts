// The fine-tuning page: what is being done, curves of loss and held-out recall, the time left, and at the end the figures of the verdict.
import { html, LitElement, nothing, svg, type TemplateResult } from "lit";
import { count } from "../base/counts.ts";
import { chart } from "../training/curves.ts";
import { clockTime, type Picture, resultTable, type Series, signed } from "../training/picture.ts";
import type { FromTrainingPage, ToTrainingPage, TrainingState } from "./trainingMessages.ts";
import { trainingStyles } from "./trainingStyles.ts";

declare function acquireVsCodeApi(): { postMessage(message: FromTrainingPage): void };

const titles: Readonly<Record<Picture["state"], string>> = {
  running: "Fine-tuning the encoder",
  adopted: "The new model is in use",
  kept: "The model stays as it was",
  stopped: "Fine-tuning was stopped",
  failed: "Fine-tuning failed",
};

class TrainingPage extends LitElement {
  static override styles = trainingStyles;
  static override properties = { state: { attribute: false } };
  declare state: TrainingState | undefined;
  declare post: (message: FromTrainingPage) => void;

  override render(): TemplateResult | typeof nothing {
    if (!this.state) return nothing;
    const { folder, picture, canResume } = this.state;
    const { state, sentence, plan } = picture;
    const ask = (type: FromTrainingPage["type"], label: string, primary = false) => html`<button class=${primary ? "primary" : ""} @click=${() => this.post({ type })}>${label}</button>`;
    return html`
      <header class=${state}>
        <h1>${titles[state]}</h1>
        <p class="dim">${folder}${plan ? html` · ${count(plan.pairs)} documented definitions · ${picture.device ?? plan.device} · from ${plan.start}${plan.inUse === plan.start ? "" : `, compared with ${plan.inUse}`}` : nothing}</p>
      </header>
      ${state === "running" ? progress(picture) : nothing}
      <p class="sentence" role="status" aria-live="polite">${sentence}</p>
      <div class="actions">
        ${state === "running" ? ask("stop", "Stop") : nothing}
        ${(state === "stopped" || state === "failed") && canResume ? ask("resume", "Resume", true) : nothing}
        ${state === "adopted" ? ask("chooseModel", "Choose Model") : nothing} ${state === "running" ? nothing : ask("details", "Show Details")}
      </div>
      ${result(picture)}
      ${state !== "running" && picture.recall.length + picture.loss.length === 0 ? nothing : html`<section class="charts">
        ${figure("Held-out recall@10", "Share of questions about code it does not learn from whose answer is among the first ten", picture.recall)}
        ${figure("Loss", "Of what it learns from; lower is better", picture.loss)}
      </section>`}
      <p class="dim">Nothing leaves this machine. The result is used only if it finds held-out code better and no exit becomes clearly worse; until then, and if anything fails, the present model stays in use.</p>
    `;
  }
}

function progress({ fraction, secondsLeft }: Picture): TemplateResult {
  return html`<div class="progress">
    <progress max="1" value=${fraction ?? nothing} aria-label="Fine-tuning"></progress>
    <span class="dim">${secondsLeft === undefined ? "" : secondsLeft === 0 ? "finishing" : `about ${clockTime(secondsLeft)} left`}</span>
  </div>`;
}

function result(picture: Picture): TemplateResult | typeof nothing {
  const table = resultTable(picture);
  if (!table) return nothing;
  return html`<table aria-describedby="note">
      <thead>
        <tr><th scope="col">${table.measure}</th><th scope="col">before</th><th scope="col">after</th><th scope="col">change</th><th scope="col">range</th></tr>
      </thead>
      <tbody>
        ${table.rows.map(({ name, before, after, low, high }) => {
          const change = after - before;
          return html`<tr><th scope="row">${name}</th><td>${before.toFixed(3)}</td><td>${after.toFixed(3)}</td><td class=${change > 0.0005 ? "better" : change < -0.0005 ? "worse" : ""}>${signed(change)}</td><td>${signed(low)} to ${signed(high)}</td></tr>`;
        })}
      </tbody>
    </table>
    <p id="note" class="dim">${table.note}</p>`;
}

function figure(title: string, meaning: string, series: readonly Series[]): TemplateResult {
  const { width, height, lines, xTicks, yTicks } = chart(series, 520, 220);
  return html`<figure>
    <figcaption title=${meaning}>
      <b>${title}</b>
      ${lines.map(({ name, last }, i) => html`<span class="key c${i % 4}">${name} ${last.value.toFixed(3)}</span>`)}
    </figcaption>
    ${series.length === 0
      ? html`<div class="empty dim">not measured yet</div>`
      : html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}: ${lines.map(({ name, last }) => `${name} ${last.value.toFixed(3)}`).join(", ")}">
          ${yTicks.map(({ y, text }) => svg`<line class="grid" x1="40" x2=${width - 8} y1=${y} y2=${y}></line><text x="36" y=${y + 4} text-anchor="end">${text}</text>`)}
          ${xTicks.map(({ x, text }, i) => svg`<text x=${x} y=${height - 3} text-anchor=${i === 0 ? "start" : "end"}>${text}</text>`)}
          ${lines.map(({ points, last }, i) => svg`<polyline class="c${i % 4}" points=${points}></polyline><circle class="c${i % 4}" cx=${last.x} cy=${last.y} r="3"></circle>`)}
        </svg>`}
  </figure>`;
}

customElements.define("strata-training", TrainingPage);

const host = acquireVsCodeApi();
const page = document.querySelector("strata-training");
if (page instanceof TrainingPage) {
  page.post = (message) => host.postMessage(message);
  window.addEventListener("message", ({ data }: MessageEvent<ToTrainingPage>) => {
    if (data.type === "state") page.state = data.state;
  });
  host.postMessage({ type: "ready" });
}
