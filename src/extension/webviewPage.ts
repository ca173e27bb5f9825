// Puts one of the pages of dist/webview up in a webview, which may load nothing but that and what lies in media.
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { viewHtml } from "./viewHtml.ts";

const elements = { main: "strata-panel", training: "strata-training" } as const;

export function showPage(webview: vscode.Webview, extensionUri: vscode.Uri, page: keyof typeof elements): void {
  const [pages, media] = [vscode.Uri.joinPath(extensionUri, "dist", "webview"), vscode.Uri.joinPath(extensionUri, "media")];
  webview.options = { enableScripts: true, localResourceRoots: [pages, media] };
  webview.html = viewHtml({
    element: elements[page],
    cspSource: webview.cspSource,
    nonce: randomBytes(16).toString("base64url"),
    script: webview.asWebviewUri(vscode.Uri.joinPath(pages, `${page}.js`)).toString(),
    style: webview.asWebviewUri(vscode.Uri.joinPath(media, "panel.css")).toString(),
  });
}
