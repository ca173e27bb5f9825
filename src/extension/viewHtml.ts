// The page of a view: a shell without content, and what it may load. Everything is drawn by the bundle from typed messages, so no
// workspace text ever becomes HTML here.
interface ViewPage {
  /** The custom element that the page consists of. */
  readonly element: "strata-panel" | "strata-training";
  readonly cspSource: string;
  readonly nonce: string;
  readonly script: string;
  readonly style: string;
}

export function viewHtml({ element, cspSource, nonce, script, style }: ViewPage): string {
  const csp = ["default-src 'none'", `style-src ${cspSource}`, `font-src ${cspSource}`, `img-src ${cspSource}`, `script-src 'nonce-${nonce}'`].join("; ");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${csp}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>Strata</title>
</head>
<body>
<${element}></${element}>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
