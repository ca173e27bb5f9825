// The page of the search view: a shell without content. Everything is drawn by the bundle from typed messages, so no
// workspace text ever becomes HTML here.
export interface ViewPage {
  readonly cspSource: string;
  readonly nonce: string;
  readonly script: string;
  readonly style: string;
}

export function viewHtml({ cspSource, nonce, script, style }: ViewPage): string {
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
<strata-panel></strata-panel>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
