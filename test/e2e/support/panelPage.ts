// The search view's page alone in Chromium with a host played by the test: fast enough to try every state and key.
import { build } from "esbuild";
import type { Page } from "playwright-core";
import type { FromView, ViewHit, ViewState } from "../../../src/webview/messages.ts";
import { viewHtml } from "../../../src/extension/viewHtml.ts";
import { readFileSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../../..");

let bundle: Promise<string> | undefined;
function panelBundle(): Promise<string> {
  bundle ??= build({ absWorkingDir: root, entryPoints: ["src/webview/main.ts"], bundle: true, write: false, platform: "browser", format: "iife", target: "es2022", logLevel: "error" }).then(({ outputFiles }) => outputFiles[0]!.text);
  return bundle;
}

export interface PanelPage {
  readonly page: Page;
  /** Everything the page has sent, oldest first. */
  sent(): Promise<readonly FromView[]>;
  /** The last message of a type. */
  last<T extends FromView["type"]>(type: T): Promise<Extract<FromView, { type: T }> | undefined>;
  state(state: ViewState): Promise<void>;
  focus(): Promise<void>;
  step(by: 1 | -1): Promise<void>;
}

/** Opens the page under the content security policy it has in VS Code; a violation makes `violations` non-empty. */
export async function openPanel(page: Page, theme: "dark" | "light"): Promise<PanelPage & { readonly violations: string[] }> {
  const violations: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") violations.push(message.text());
  });
  page.on("pageerror", (error) => violations.push(error.message));
  const origin = "http://panel.test";
  const variables = readFileSync(path.join(import.meta.dirname, `theme-${theme}.css`), "utf8");
  const style = readFileSync(path.join(root, "media/panel.css"), "utf8");
  const script = await panelBundle();
  await page.route(`${origin}/**`, (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === "/main.js") return route.fulfill({ contentType: "text/javascript", body: script });
    if (pathname === "/panel.css") return route.fulfill({ contentType: "text/css", body: `${variables}\n${style}` });
    if (pathname === "/") return route.fulfill({ contentType: "text/html", body: viewHtml({ element: "strata-panel", cspSource: origin, nonce: "test", script: "/main.js", style: "/panel.css" }) });
    return route.fulfill({ status: 404, body: "" });
  });
  await page.addInitScript(() => {
    const sent: unknown[] = [];
    Object.assign(globalThis, { sent, acquireVsCodeApi: () => ({ postMessage: (message: unknown) => sent.push(structuredClone(message)) }) });
  });
  await page.goto(`${origin}/`);
  const sent = () => page.evaluate(() => (globalThis as unknown as { sent: FromView[] }).sent);
  const tell = (message: unknown) =>
    page.evaluate(async (data) => {
      window.dispatchEvent(new MessageEvent("message", { data }));
      await (document.querySelector("strata-panel") as unknown as { updateComplete: Promise<unknown> }).updateComplete;
    }, message);
  return {
    page,
    violations,
    sent,
    last: async (type) => (await sent()).findLast((message) => message.type === type) as never,
    state: (state) => tell({ type: "state", state }),
    focus: () => tell({ type: "focus" }),
    step: (by) => tell({ type: "step", by }),
  };
}

export const coverage = { files: 3210, chunks: 41_000, instant: 41_000, shallow: 22_000, deep: 16_400 };

export const startState: ViewState = {
  query: "",
  filters: { langs: [], path: "" },
  folder: "",
  busy: false,
  working: undefined,
  error: undefined,
  results: { kind: "none" },
  index: { kind: "ready" },
  coverage,
  languages: [
    { lang: "typescript", files: 1804 },
    { lang: "python", files: 822 },
    { lang: "go", files: 391 },
    { lang: "rust", files: 102 },
  ],
  warnings: [],
  history: [],
};

export function hit(overrides: Partial<ViewHit> & { readonly path: string }): ViewHit {
  const { startLine = 12, endLine = startLine + 8 } = overrides;
  return {
    id: `/w\0${overrides.path}\0${startLine}`,
    folder: "",
    startLine,
    endLine,
    line: startLine,
    symbol: "verifyToken",
    kind: "function",
    lang: "typescript",
    breadcrumb: "auth > Session",
    snippet: "verify(): boolean {\n  return true;\n}",
    score: 0.82,
    depth: "deep",
    why: [
      { signal: "dense", value: 0.71, contribution: 0.52 },
      { signal: "bm25.symbol", value: 7.2, contribution: 0.24 },
      { signal: "definition", value: 1, contribution: 0.09 },
      { signal: "test file", value: 1, contribution: -0.03 },
    ],
    ...overrides,
  };
}

export function hitsState(hits: readonly ViewHit[], overrides: Partial<ViewState> = {}): ViewState {
  const query = overrides.query ?? "check that a token has not expired";
  return {
    ...startState,
    query,
    results: { kind: "hits", of: "search", subject: query, filters: overrides.filters ?? startState.filters, hits, coverage, depth: "deep", tookMs: 23, refining: false, failures: [] },
    ...overrides,
  };
}
