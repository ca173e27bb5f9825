import assert from "node:assert/strict";
import { test } from "node:test";
import { gatherCandidates } from "../../../src/search/candidates.ts";
import { type FeatureName, featureNames } from "../../../src/search/features.ts";
import { parseQuery } from "../../../src/search/query.ts";
import { candidateFeatures } from "../../../src/search/search.ts";
import { type MemoryChunk, MemoryStore } from "../../support/memoryStore.ts";

/** Features by path of the chunks that a query in words finds. */
function featuresOf(query: string, chunks: readonly MemoryChunk[], imports?: ReadonlyMap<string, readonly string[]>) {
  const store = new MemoryStore(chunks, imports);
  const parsed = parseQuery(query);
  const candidates = gatherCandidates(store, parsed, undefined, 20, "");
  const rows = candidateFeatures({ store, encoder: undefined }, parsed, undefined, candidates);
  return (path: string, feature: FeatureName) => {
    const i = candidates.items.findIndex((candidate) => candidate.place.path === path);
    assert.ok(i >= 0, `${path} is no candidate`);
    return rows[i]![featureNames.indexOf(feature)]!;
  };
}

test("every feature is a finite number for any query and chunk", () => {
  const chunks: MemoryChunk[] = [{ path: "a", text: "" }, { path: "b/c.ts", text: "alpha", symbols: ["alpha"] }, { path: "d.md", text: "# alpha\n", lang: "markdown", kind: "window" }];
  for (const query of ["alpha", "", "???", "alpha beta: gamma(", "Error: alpha", "    at x (b/c.ts:1:1)", "a;\nb;\nc; alpha"]) {
    const store = new MemoryStore(chunks);
    const parsed = parseQuery(query);
    for (const row of candidateFeatures({ store, encoder: undefined }, parsed, undefined, gatherCandidates(store, parsed, undefined, 5, ""))) assert.ok(row.every(Number.isFinite), query);
  }
});

test("a file named like the symbol is told from one that only mentions it", () => {
  const of = featuresOf("RateLimiter", [{ path: "src/rate-limiter.ts", text: "class RateLimiter {}" }, { path: "src/server.ts", text: "new RateLimiter()" }]);
  assert.equal(of("src/rate-limiter.ts", "file named"), 1);
  assert.equal(of("src/server.ts", "file named"), 0);
});

test("an index file answers to its folder's name", () => {
  const of = featuresOf("rate limiter", [{ path: "src/rateLimiter/index.ts", text: "rate limiter" }]);
  assert.equal(of("src/rateLimiter/index.ts", "file said"), 1);
  assert.equal(of("src/rateLimiter/index.ts", "whole file name"), 1);
});

test("whole names of several words count, in any of their forms", () => {
  const of = featuresOf("how is the response serialized", [
    { path: "a.ts", text: "response serializer", symbols: ["ResponseSerializer"] },
    { path: "b.ts", text: "response", symbols: ["Response"] },
  ]);
  assert.equal(of("a.ts", "whole name"), 1);
  assert.equal(of("a.ts", "name said"), 1);
  assert.equal(of("b.ts", "whole name"), 0);
});

test("a rare word in a name says more than a common one", () => {
  const chunks = Array.from({ length: 20 }, (_, i): MemoryChunk => ({ path: `common${i}.ts`, text: "request handling here", symbols: [`request${i}`] }));
  const of = featuresOf("request signature", [...chunks, { path: "rare.ts", text: "signature", symbols: ["signature"] }]);
  assert.ok(of("rare.ts", "query in name") > of("common0.ts", "query in name"));
});

test("of twins for several systems only the others' are marked, unless the query names their system", () => {
  const chunks: MemoryChunk[] = ["unix", "win"].map((folder) => ({ path: `${folder}/udp.c`, text: "udp socket send" }));
  const [own, other] = process.platform === "win32" ? ["win", "unix"] : ["unix", "win"];
  const of = featuresOf("udp socket send", chunks);
  assert.equal(of(`${own}/udp.c`, "other system"), 0);
  assert.equal(of(`${other}/udp.c`, "other system"), 1);
  assert.equal(featuresOf(`udp socket send ${other}`, chunks)(`${other}/udp.c`, "other system"), 0);
});

test("a chunk defines each of its names, however many", () => {
  const symbols = Array.from({ length: 30 }, (_, i) => `LIMIT_${i}`);
  const of = featuresOf("LIMIT_29", [{ path: "limits.c", text: "#define …", symbols }, { path: "use.c", text: "LIMIT_29" }]);
  assert.deepEqual([of("limits.c", "definition"), of("use.c", "definition")], [1, 0]);
});

test("what is styled is defined elsewhere, in whatever case it is written there", () => {
  const of = featuresOf("modal", [{ path: "modal.css", lang: "css", text: ".modal { }", symbols: ["modal"] }, { path: "Modal.tsx", lang: "tsx", text: "class Modal {}", symbols: ["Modal"] }]);
  assert.ok(of("Modal.tsx", "definition") > of("modal.css", "definition") && of("modal.css", "definition") > 0);
});

test("re-exports are recognised, and the name they pass on", () => {
  const barrel = 'export { Router } from "./router.ts";\nexport * from "./layer.ts";\n';
  const of = featuresOf("Router", [
    { path: "index.ts", text: barrel, kind: "module" },
    { path: "mod.rs", text: "mod router;\n#[cfg(test)]\nmod tests;\npub use self::router::Router;\npub use self::{\n    layer::Layer,\n    layer::Other,\n};", kind: "module", lang: "rust" },
    { path: "router.ts", text: "import { a } from './a.ts';\nexport class Router {\n  match() { return a(); }\n  other() { return 1; }\n}", kind: "class", symbols: ["Router"] },
    { path: "main.ts", text: "import { Router } from './router.ts';\nconst router = new Router();\nrouter.match();\nrouter.listen(80);\nconsole.log(router.size);", kind: "module" },
  ]);
  assert.deepEqual([of("index.ts", "re-export"), of("index.ts", "passed on")], [1, 1]);
  assert.deepEqual([of("mod.rs", "re-export"), of("mod.rs", "passed on")], [1, 1]);
  assert.equal(of("router.ts", "re-export"), 0);
  assert.equal(of("main.ts", "re-export"), 0);
  assert.equal(of("index.ts", "definition"), 0, "the class itself is here");
});

test("a name that only another package defines is found where this one passes it on", () => {
  const chunks: MemoryChunk[] = [
    { path: "extract/mod.rs", text: "mod form;\npub use axum_core::extract::{\n    FromRef, FromRequest,\n};", kind: "module", lang: "rust" },
    { path: "extract/form.rs", text: "use axum_core::extract::FromRequest;\nuse crate::Form;", kind: "module", lang: "rust" },
    { path: "handler.rs", text: "fn call<T: FromRequest>(request: T) {\n  request.read();\n}", kind: "function", lang: "rust" },
    { path: "core/__init__.py", text: "from other import FromRequest\n", kind: "module", lang: "python" },
  ];
  const of = featuresOf("FromRequest", chunks);
  assert.deepEqual(["extract/mod.rs", "core/__init__.py", "extract/form.rs", "handler.rs"].map((path) => of(path, "definition")), [0.8, 0.8, 0, 0]);
  const defined = featuresOf("FromRequest", [...chunks, { path: "core.rs", text: "pub trait FromRequest {}", symbols: ["FromRequest"], lang: "rust" }]);
  assert.deepEqual(["core.rs", "extract/mod.rs"].map((path) => defined(path, "definition")), [1, 0]);
});

test("declaration files and headers beside their source are declarations", () => {
  const of = featuresOf("socket", ["net.h", "net.c", "alone.h", "types.d.ts", "stub.pyi"].map((path) => ({ path, text: "socket" })));
  assert.deepEqual(["net.h", "net.c", "alone.h", "types.d.ts", "stub.pyi"].map((path) => of(path, "declarations")), [1, 0, 0, 1, 1]);
});

test("scripts that lead from one version of an extension to the next hold what was", () => {
  const paths = ["updates/shop--1.0--1.1.sql", "sql/shop--1.1.sql", "sql/total.sql"];
  const of = featuresOf("total", paths.map((path) => ({ path, text: "total" })));
  assert.deepEqual(paths.map((path) => of(path, "legacy")), [1, 0, 0]);
});

test("tests, examples and documents are marked unless they are asked for", () => {
  const chunks: MemoryChunk[] = [{ path: "tests/a.ts", text: "retry", isTest: true }, { path: "examples/b.ts", text: "retry" }, { path: "README.md", text: "retry", lang: "markdown" }];
  const plain = featuresOf("retry", chunks);
  assert.deepEqual([plain("tests/a.ts", "test"), plain("examples/b.ts", "example"), plain("README.md", "document")], [1, 1, 1]);
  const asked = featuresOf("retry tests examples documentation", chunks);
  assert.deepEqual([asked("tests/a.ts", "test"), asked("examples/b.ts", "example"), asked("README.md", "document")], [0, 0, 0]);
});

test("a name that only documents and tests write out is not ranked lower there", () => {
  const chunks: MemoryChunk[] = [{ path: "README.md", text: "Set MAX_DEPTH to 3.", lang: "markdown" }, { path: "GUIDE.md", text: "The max of depth.", lang: "markdown" }, { path: "tests/a.ts", text: "env.MAX_DEPTH = 3;", isTest: true }, { path: "depth.ts", text: "max(depth)" }];
  const penalties = (query: string, more: readonly MemoryChunk[] = []) => {
    const of = featuresOf(query, [...chunks, ...more]);
    return [of("README.md", "document"), of("GUIDE.md", "document"), of("tests/a.ts", "test")];
  };
  assert.deepEqual(penalties("MAX_DEPTH"), [0, 1, 0], "what does not write it out stays behind");
  const definitions = featuresOf("MAX_DEPTH", chunks);
  assert.deepEqual(chunks.map(({ path }) => definitions(path, "definition")), [0.8, 0, 0.8, 0], "and they stand for its definition");
  assert.deepEqual(penalties("MAX_DEPTH", [{ path: "main.ts", text: "const depth = MAX_DEPTH;" }]), [1, 1, 1], "code that says it comes first");
  assert.deepEqual(penalties("how deep may MAX_DEPTH be"), [1, 1, 1], "a question is no name");
});

test("a file whose chunks hold all words of the query together covers it", () => {
  const of = featuresOf("parse cookie header", [
    { path: "whole.ts", text: "parse", startLine: 1 },
    { path: "whole.ts", text: "cookie", startLine: 9 },
    { path: "whole.ts", text: "header", startLine: 19 },
    { path: "part.ts", text: "parse header" },
    { path: "other1.ts", text: "unrelated words" },
    { path: "other2.ts", text: "more unrelated words" },
    { path: "other3.ts", text: "nothing at all" },
  ]);
  assert.ok(of("whole.ts", "file coverage") > of("part.ts", "file coverage"));
  assert.ok(of("whole.ts", "file matches") > of("part.ts", "file matches"));
});

test("the vector of a chunk that is its whole file counts again: no neighbour can speak for it", () => {
  const vector = (x: number) => ({ deep: Float32Array.of(x, Math.sqrt(1 - x * x)) });
  const store = new MemoryStore([
    { path: "alone.ts", text: "one", vectors: vector(0.9) },
    { path: "two.ts", text: "two", vectors: vector(0.9) },
    { path: "two.ts", text: "three", vectors: vector(0.1), startLine: 3, endLine: 3 },
  ]);
  const parsed = parseQuery("something else");
  const query = { instant: Float32Array.of(1, 0), shallow: Float32Array.of(1, 0), deep: Float32Array.of(1, 0) };
  const candidates = gatherCandidates(store, parsed, query, 20, "");
  const rows = candidateFeatures({ store, encoder: undefined }, parsed, undefined, candidates);
  const of = (path: string) => rows.filter((_, i) => candidates.items[i]!.place.path === path).map((row) => row[featureNames.indexOf("dense alone")]!);
  assert.ok(of("alone.ts")[0]! > 0);
  assert.deepEqual(of("two.ts"), [0, 0]);
});

test("a vector far above all others stands out, one a little above them does not", () => {
  const unit = (x: number) => Float32Array.of(x, Math.sqrt(1 - x * x));
  const query = { instant: unit(1), shallow: unit(1), deep: unit(1) };
  const outliers = (best: number) => {
    const others = Array.from({ length: 60 }, (_, i): MemoryChunk => ({ path: `f${i}.ts`, text: `word ${i}`, vectors: { deep: unit(0.1 + (i % 5) / 50) } }));
    const store = new MemoryStore([...others, { path: "best.ts", text: "other", vectors: { deep: unit(best) } }]);
    const parsed = parseQuery("something else");
    const candidates = gatherCandidates(store, parsed, query, 20, "");
    const rows = candidateFeatures({ store, encoder: undefined }, parsed, undefined, candidates);
    return rows.flatMap((row, i) => (row[featureNames.indexOf("stands out")]! > 0 ? [candidates.items[i]!.place.path] : []));
  };
  assert.deepEqual(outliers(0.6), ["best.ts"]);
  assert.deepEqual(outliers(0.2), []);
});

test("files that many import count more", () => {
  const of = featuresOf("core", [{ path: "a.ts", text: "core" }, { path: "b.ts", text: "core" }, { path: "c.ts", text: "core" }], new Map([["c.ts", ["./a.ts"]], ["b.ts", ["./a"]]]));
  assert.ok(of("a.ts", "imported") > of("b.ts", "imported"));
});

test("the words of a sentence count where a string literal says them: it may be a message, with nothing that tells so", () => {
  const of = featuresOf("non-zero reserved field of $x", [
    { path: "says.ts", text: "throw new Fault(`non-zero reserved field of ${name}`)" },
    { path: "partly.go", text: 'errors.New("socks: non-zero reserved field")' },
    { path: "whole.rb", text: "raise 'Non-zero reserved field of $x.'" },
    { path: "comment.ts", text: "// the non-zero reserved field of \"a\"" },
    { path: "apart.ts", text: '"field zero reserved non"' },
  ]);
  assert.deepEqual(["says.ts", "partly.go", "whole.rb", "comment.ts", "apart.ts"].map((path) => of(path, "wording")), [3 / 4, 2 / 4, 2, 0, 0]);
});

test("a message that says so counts wherever its words stand", () => {
  const of = featuresOf("Error: non-zero reserved field", [{ path: "a.ts", text: "// error: non-zero reserved field" }]);
  assert.equal(of("a.ts", "wording"), 1);
});

test("the first line of a trace counts more than its callers, and only where the path fits", () => {
  const of = featuresOf("    at take (/srv/app/src/queue/mailbox.ts:5:1)\n    at run (/srv/app/src/queue/worker.ts:5:1)", [
    { path: "src/queue/mailbox.ts", text: "take", startLine: 1, endLine: 9 },
    { path: "src/queue/worker.ts", text: "run", startLine: 1, endLine: 9 },
    { path: "src/queue/other.ts", text: "take run", startLine: 1, endLine: 9 },
  ]);
  assert.equal(of("src/queue/mailbox.ts", "trace"), 1);
  assert.ok(of("src/queue/worker.ts", "trace") < 1 && of("src/queue/worker.ts", "trace") > 0);
  assert.equal(of("src/queue/other.ts", "trace"), 0);
});

test("of a trace's line that is not there any more the nearest code counts, and only then", () => {
  const chunks: MemoryChunk[] = [
    { path: "src/queue/mailbox.ts", text: "take", startLine: 1, endLine: 9 },
    { path: "src/queue/mailbox.ts", text: "send", startLine: 11, endLine: 30 },
    { path: "src/other.ts", text: "take", startLine: 1, endLine: 30 },
  ];
  const trace = (line: number) => {
    const store = new MemoryStore(chunks);
    const parsed = parseQuery(`    at take (/srv/app/src/queue/mailbox.ts:${line}:1)`);
    const candidates = gatherCandidates(store, parsed, undefined, 20, "");
    const rows = candidateFeatures({ store, encoder: undefined }, parsed, undefined, candidates);
    return chunks.map(({ text, path }) => rows[candidates.items.findIndex(({ place }) => place.path === path && place.text === text)]?.[featureNames.indexOf("trace")] ?? 0);
  };
  assert.deepEqual(trace(20), [0, 1, 0]);
  const [before, after, other] = trace(10);
  assert.ok(before! > 0 && before! < 0.5 && before === after && other === 0);
  assert.ok(trace(35)[1]! > 0, "behind the end of the file");
  assert.deepEqual(trace(75), [0, 0, 0], "far behind it");
});

test("what a question asks for is no test or example to be left behind", () => {
  const chunks: MemoryChunk[] = [{ path: "examples/train.ipynb", lang: "python", isTest: true, text: "train the model" }, { path: "src/train.py", lang: "python", text: "train the model" }];
  const of = (query: string) => (name: FeatureName) => featuresOf(query, chunks)("examples/train.ipynb", name);
  assert.deepEqual((["kind asked", "test", "example"] as const).map(of("train the model")), [0, 1, 1]);
  assert.deepEqual((["kind asked", "test", "example"] as const).map(of("notebook that trains the model")), [1, 0, 0]);
  assert.deepEqual((["kind asked", "test", "example"] as const).map(of("example that trains the model")), [0, 0, 0]);
});

test("text of an unknown kind and templates are no documents", () => {
  const documents = ["INSTALL", "ChangeLog", "debian/changelog", "docs/notes.txt", "guide.md", "docs/guide.html"];
  const others = ["Procfile", "deploy/site.caddy", "tests/login.robot", "app/templates/login.html", "themes/plain/parts/login.html", "inventory/hosts", "debian/control"];
  const of = featuresOf("log in", [...documents, ...others].map((path) => ({ path, lang: path.endsWith(".md") ? "markdown" : path.endsWith(".html") ? "html" : "text", text: "log in here" })));
  assert.deepEqual([...documents, ...others].map((path) => of(path, "document")), [...documents.map(() => 1), ...others.map(() => 0)]);
});

test("what an application says in one language after the other is left behind as documents are, unless it is asked for", () => {
  const catalogues = ["locale/de/app.po", "translations/app_de.ts", "src/messages_pt_BR.properties", "Base/German.lproj/Localizable.strings", "i18n/nls.de.json", "config/locales/en.yml", "lib/l10n/app_de.arb", "app/src/main/res/values-de/strings.xml", "Texts.de.resx"];
  const others = ["src/i18n/load.ts", "src/app.properties", "src/lang/parser.c", "templates/mail.ftl", "res/values/colors.xml"];
  const of = (query: string) => featuresOf(query, [...catalogues, ...others].map((path) => ({ path, lang: path.endsWith(".po") ? "gettext" : path.endsWith("_de.ts") ? "xml" : "ini", text: "texts of the cart" })));
  assert.deepEqual([...catalogues, ...others].map((path) => of("texts of the cart")(path, "document")), [...catalogues.map(() => 1), ...others.map(() => 0)]);
  assert.deepEqual(catalogues.map((path) => of("German texts of the cart")(path, "document")), catalogues.map(() => 0));
});
