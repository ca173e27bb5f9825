import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { viewHtml } from "../../../src/extension/viewHtml.ts";

describe("the page of the search view", () => {
  const html = viewHtml({ element: "strata-panel", cspSource: "vscode-resource:", nonce: "n0nce", script: "main.js", style: "panel.css" });

  it("allows nothing but its own script and style", () => {
    const [, csp = ""] = /Content-Security-Policy" content="([^"]+)"/.exec(html) ?? [];
    assert.match(csp, /^default-src 'none';/);
    assert.match(csp, /script-src 'nonce-n0nce'$/);
    assert.ok(!csp.includes("unsafe"));
    assert.deepEqual([...html.matchAll(/<script[^>]*>/g)].map(([tag]) => tag), ['<script nonce="n0nce" src="main.js">']);
  });

  it("has no inline style and no inline handler", () => {
    assert.ok(!/ style=| on\w+=/.test(html));
  });
});
