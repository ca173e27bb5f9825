// Entry of the page: connects the panel to the extension host.
import { SearchPanel } from "./searchPanel.ts";
import type { FromHost, FromView } from "./messages.ts";

declare function acquireVsCodeApi(): { postMessage(message: FromView): void };

const host = acquireVsCodeApi();
const panel = document.querySelector("strata-panel");
if (panel instanceof SearchPanel) {
  panel.post = (message) => host.postMessage(message);
  window.addEventListener("message", ({ data }: MessageEvent<FromHost>) => panel.receive(data));
  host.postMessage({ type: "ready" });
}
