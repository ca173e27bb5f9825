// "Compare": a result beside the code it was found for, in VS Code's diff editor. Both are pieces of files, so they are documents of their own that
// nobody can edit, and what stands around them is left out.
import path from "node:path";
import * as vscode from "vscode";
import { isNotebook } from "../base/notebook.ts";
import { oneLine } from "../base/oneLine.ts";
import { linesAt } from "./openPlace.ts";
import type { Code, Place } from "./searchModel.ts";

interface Comparer extends vscode.Disposable {
  /** @throws StrataError for a file that has gone */
  compare(original: Place | Code, result: Place): Promise<void>;
}

const scheme = "strata-compare";

async function codeAt(place: Place): Promise<Code> {
  // A notebook's rows are not its code.
  const { first, text } = isNotebook(place.path) ? { first: place.startLine, text: place.snippet ?? "" } : await linesAt(place);
  return { title: `${place.path}:${first}`, file: place.path, text };
}

export function createComparer(): Comparer {
  /** What the open documents say, by their paths. */
  const texts = new Map<string, string>();
  let count = 0;
  const provider = vscode.workspace.registerTextDocumentContentProvider(scheme, { provideTextDocumentContent: (uri) => texts.get(uri.path) ?? "" });
  const closed = vscode.workspace.onDidCloseTextDocument(({ uri }) => void (uri.scheme === scheme && texts.delete(uri.path)));
  /** The file's name tells VS Code the language. */
  const uriFor = ({ file, text }: Code): vscode.Uri => {
    const uri = vscode.Uri.from({ scheme, path: `/${++count}/${path.basename(file)}` });
    texts.set(uri.path, text.trimEnd());
    return uri;
  };
  return {
    async compare(original, result) {
      const [left, right] = await Promise.all(["text" in original ? original : codeAt(original), codeAt(result)]);
      await vscode.commands.executeCommand("vscode.diff", uriFor(left), uriFor(right), oneLine(`${left.title} ↔ ${right.title}`), { preview: true });
    },
    dispose: () => vscode.Disposable.from(provider, closed).dispose(),
  };
}
