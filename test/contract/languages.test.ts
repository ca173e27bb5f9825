// Tables about languages outside languages.ts: they name what exists, and say the same.
import assert from "node:assert/strict";
import test from "node:test";
import { languages, languagesNamed, proseLanguages } from "../../src/indexing/languages.ts";
import { tokeniseCode } from "../../src/search/codeTokens.ts";
import { commentsOpenWith, highlight, plainLanguages } from "../../src/webview/highlight.ts";

const known = new Set<string>(languages.map(({ id }) => id));

test("every table names languages that exist", () => {
  for (const table of [proseLanguages, plainLanguages, ...Object.values(commentsOpenWith)]) assert.deepEqual([...table].filter((id) => !known.has(id)), []);
});

test("what is shown without colours is ranked as a document", () => assert.deepEqual([...plainLanguages].filter((id) => !proseLanguages.has(id)), []));

test("a comment is coloured where it is left out of comparisons", () => {
  for (const id of known) {
    if (plainLanguages.has(id)) continue;
    for (const mark of ["#", "--", "//", ";", "%", "!", "'"]) {
      const comment = `${mark} note`;
      assert.equal(highlight(comment, id, [])[0]![0]!.kind === "comment", tokeniseCode(comment, id).length === 0, `${comment} in ${id}`);
    }
  }
});

test("the editor's language ids are understood", () => {
  const ids = "bat c clojure coffeescript cpp csharp css dart dockerfile fsharp go graphql groovy handlebars haskell html ini java javascript javascriptreact json jsonc julia latex less lua makefile markdown objective-c objective-cpp perl php plaintext powershell properties pug python r razor restructuredtext ruby rust sass scss shellscript slim sql svelte swift terraform toml typescript typescriptreact vb vue xml yaml".split(" ");
  assert.deepEqual(ids.filter((id) => languagesNamed(id).length === 0), []);
});
