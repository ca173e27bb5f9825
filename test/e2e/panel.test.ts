// The search view's page in Chromium under its real content security policy, with a host played by the test: every state,
// every key, and what must not happen.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import path from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { openBrowser } from "../../scripts/vscodeServer.mjs";
import type { ViewState } from "../../src/webview/messages.ts";
import { hit, hitsState, openPanel, startState } from "./support/panelPage.ts";

const browserPath = (JSON.parse(process.env["STRATA_TEST_VSCODE"] ?? "{}") as { browser?: string }).browser ?? "/usr/bin/chromium";
const screenshots = path.resolve(import.meta.dirname, "../../out/screenshots");
const [a, b, c] = [hit({ path: "src/a.ts", symbol: "alpha" }), hit({ path: "src/b.ts", symbol: "beta" }), hit({ path: "src/c.ts", symbol: "gamma", depth: "instant" })] as const;
const emptyCoverage = { files: 0, chunks: 0, instant: 0, shallow: 0, deep: 0 };

describe("The search view's page", () => {
  let browser: Browser;
  let page: Page;
  let panel: Awaited<ReturnType<typeof openPanel>>;
  before(async () => {
    mkdirSync(screenshots, { recursive: true });
    browser = await openBrowser(browserPath);
  });
  after(() => browser?.close());
  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 380, height: 700 } });
    page.setDefaultTimeout(10_000);
    panel = await openPanel(page, "dark");
  });
  afterEach(async () => {
    const { violations } = panel;
    await page.close();
    assert.deepEqual(violations, [], "errors in the page's console, or violations of its content security policy");
  });

  const box = () => page.locator("#query");
  const names = () => page.locator("li.hit .symbol").allInnerTexts();
  const active = () => page.locator("li.hit.active .symbol").allInnerTexts();

  it("says that it is ready, and nothing else, before anything happens", async () => {
    assert.deepEqual(await panel.sent(), [{ type: "ready" }]);
  });

  it("asks once for what was typed, and at once with Enter", async () => {
    await panel.state(startState);
    await page.clock.install({ time: 0 });
    await page.clock.pauseAt(60_000);
    await box().pressSequentially("retry");
    assert.equal(await panel.last("search"), undefined, "before the typist pauses");
    await page.clock.runFor(500);
    assert.deepEqual((await panel.sent()).slice(1), [{ type: "search", query: "retry", filters: { langs: [], path: "" }, remember: false }]);
    await box().press("Enter");
    assert.equal((await panel.last("search"))?.remember, true);
  });

  it("opens the next and the previous result when the editor's keys ask for it, round the ends", async () => {
    await panel.step(1);
    await panel.state(hitsState([a, b, c]));
    const opened = async () => (await panel.last("open"))?.id;
    assert.equal(await opened(), undefined, "there was nothing to open");
    for (const [by, to] of [[-1, c], [1, a], [1, b], [-1, a]] as const) {
      await panel.step(by);
      assert.equal(await opened(), to.id);
      assert.deepEqual(await active(), [to.symbol]);
    }
    assert.equal((await panel.last("open"))?.how, "open");
  });

  it("does not overwrite what is being typed with the host's older query", async () => {
    await panel.state(startState);
    await box().fill("newer");
    await panel.state({ ...startState, query: "older" });
    assert.equal(await box().inputValue(), "newer");
  });

  it("does not go back to an older query while the host has not heard of the newer one", async () => {
    await panel.state(startState);
    await box().fill("newer");
    await box().press("Enter");
    await panel.state({ ...startState, query: "new" });
    assert.equal(await box().inputValue(), "newer");
    await panel.state({ ...startState, query: "newer" });
    await panel.state({ ...startState, query: "asked by a command" });
    assert.equal(await box().inputValue(), "asked by a command");
  });

  it("shows a query that a command asks for, though the keyboard is in the box", async () => {
    await panel.state(startState);
    await panel.focus();
    await panel.state(hitsState([a], { query: "asked by a command" }));
    assert.equal(await box().inputValue(), "asked by a command");
  });

  it("shows the host's query after the view was hidden", async () => {
    await panel.state(hitsState([a]));
    assert.equal(await box().inputValue(), "check that a token has not expired");
  });

  it("is worked with the keys alone", async () => {
    await panel.state(hitsState([a, b, c]));
    await box().press("ArrowDown");
    assert.deepEqual(await active(), ["alpha"]);
    await page.keyboard.press("ArrowDown");
    assert.deepEqual(await active(), ["beta"]);
    await page.keyboard.press("End");
    assert.deepEqual(await active(), ["gamma"]);
    await page.keyboard.press("ArrowDown");
    assert.deepEqual(await active(), ["gamma"]);
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    assert.deepEqual(await panel.last("open"), { type: "open", id: a.id, side: false, how: "open" });
    await page.keyboard.press("Control+Enter");
    assert.deepEqual(await panel.last("open"), { type: "open", id: a.id, side: true, how: "open" });
    await page.keyboard.press("Space");
    assert.deepEqual(await panel.last("open"), { type: "open", id: a.id, side: false, how: "look" });
    await page.keyboard.press("Alt+Enter");
    assert.deepEqual(await panel.last("similarTo"), { type: "similarTo", id: a.id });
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.locator(".why tr").count(), a.why.length);
    assert.doesNotMatch(await page.locator(".why").ariaSnapshot(), /meter|\d{6}/, "a screen reader hears the figure, and not the length of its bar");
    await page.keyboard.press("ArrowLeft");
    assert.equal(await page.locator(".why").count(), 0);
    await page.keyboard.press("Escape");
    assert.deepEqual(await active(), []);
    assert.ok(await box().evaluate((element) => element.matches(":focus")));
    await page.keyboard.press("Escape");
    assert.deepEqual(await panel.last("clear"), { type: "clear" });
  });

  it("leaves a list of similar code by Escape, though the box is empty", async () => {
    await panel.state(startState);
    await box().press("Escape");
    assert.equal(await panel.last("clear"), undefined, "there is nothing to leave");
    const { results } = hitsState([a], { query: "" });
    assert.ok(results.kind === "hits");
    await panel.state({ ...startState, results: { ...results, of: "similar", subject: "b.ts:3-9" } });
    await box().press("Escape");
    assert.deepEqual(await panel.last("clear"), { type: "clear" });
  });

  it("shows of code that nobody asked for in words the lines that name it", async () => {
    const { results } = hitsState([{ ...a, snippet: `${"import x from 'x';\n".repeat(9)}\nexport function alpha() {\n${"  x();\n".repeat(9)}}` }], { query: "" });
    assert.ok(results.kind === "hits");
    await panel.state({ ...startState, results: { ...results, of: "similar", subject: "b.ts:3-9" } });
    assert.deepEqual(await page.locator("li.hit .line").allTextContents(), ["export function alpha() {\n", ...Array<string>(4).fill("  x();\n")]);
  });

  it("says of similar code what is a copy, to a screen reader too", async () => {
    await panel.state(hitsState([{ ...a, likeness: { kind: "renamed" }, comparable: true }, b]));
    assert.deepEqual(await page.locator("li.hit").evaluateAll((rows) => rows.map((row) => [row.querySelector(".likeness")?.textContent, row.getAttribute("aria-label")])), [
      ["copy with other names", "alpha, src/a.ts line 12, copy with other names, deep"],
      [undefined, "beta, src/b.ts line 12, deep"],
    ]);
    await page.locator("li.hit").first().hover();
    await page.getByTitle("Compare with the code that was asked about").click();
    assert.deepEqual(await panel.last("compare"), { type: "compare", id: a.id });
    assert.deepEqual(await page.locator("li.hit").evaluateAll((rows) => rows.map((row) => (JSON.parse(row.getAttribute("data-about")!) as { comparable?: true }).comparable)), [true, undefined]);
  });

  it("tells a screen reader which row is active", async () => {
    await panel.state(hitsState([a, b]));
    await box().press("ArrowDown");
    const list = page.locator("#list");
    assert.equal(await list.getAttribute("role"), "listbox");
    const id = await list.getAttribute("aria-activedescendant");
    const row = page.locator(`#${id}`);
    assert.deepEqual([await row.getAttribute("aria-selected"), await row.getAttribute("aria-label"), await row.getAttribute("aria-setsize")], ["true", "alpha, src/a.ts line 12, deep", "2"]);
  });

  it("tells a screen reader in which folder of the workspace a result is, and its file's name once", async () => {
    await panel.state(hitsState([hit({ path: "src/a.ts", folder: "api" }), hit({ path: "src/b.ts", folder: "web", symbol: "" })]));
    assert.deepEqual(await page.locator("li.hit").evaluateAll((rows) => rows.map((row) => row.getAttribute("aria-label"))), ["verifyToken, api/src/a.ts line 12, deep", "web/src/b.ts line 12, deep"]);
    const members = [{ id: "x", folder: "api", path: "src/a.ts", startLine: 1, endLine: 9, symbol: "" }];
    await panel.state({ ...startState, results: { kind: "duplicates", subject: "", groups: [{ id: "g", kind: "exact", similarity: 1, lines: 9, members }], coverage: startState.coverage!, failures: [] } });
    assert.equal(await page.locator(".member .path").getAttribute("title"), "api/src/a.ts");
  });

  it("opens with a click, to the side with Ctrl", async () => {
    await panel.state(hitsState([a]));
    await page.locator("li.hit .path").click();
    assert.deepEqual(await panel.last("open"), { type: "open", id: a.id, side: false, how: "open" });
    await page.locator("li.hit .path").click({ modifiers: ["Control"] });
    assert.equal((await panel.last("open"))?.side, true);
  });

  it("tells VS Code's context menu which result it is about", async () => {
    await panel.state(hitsState([a, b]));
    const about = async () => JSON.parse((await page.locator("strata-panel").getAttribute("data-vscode-context"))!) as unknown;
    await page.locator("li.hit .path").first().click({ button: "right" });
    assert.deepEqual(await about(), { webviewSection: "result", result: a.id, preventDefaultContextMenuItems: true });
    await page.locator("#query").click({ button: "right" });
    assert.deepEqual(await about(), { preventDefaultContextMenuItems: false }, "the box can be pasted into");
    await page.locator(".figures").click({ button: "right" });
    assert.deepEqual(await about(), { preventDefaultContextMenuItems: true }, "there is nothing to copy or to be about");
    await box().press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Shift+F10");
    assert.deepEqual(await about(), { webviewSection: "result", result: b.id, preventDefaultContextMenuItems: true }, "the active row's, by keyboard");
    await page.locator("li.hit .line[data-n='13']").first().dblclick();
    await page.locator("li.hit .line[data-n='13']").first().click({ button: "right" });
    assert.deepEqual(await about(), { webviewSection: "result", result: a.id, preventDefaultContextMenuItems: false }, "marked code can be copied");
  });

  it("keeps the tab with a double click, and goes to the clicked line of the code", async () => {
    await panel.state(hitsState([a]));
    await page.locator("li.hit .path").dblclick();
    assert.deepEqual(await panel.last("open"), { type: "open", id: a.id, side: false, how: "keep" });
    await page.locator("li.hit .line[data-n='13']").click();
    assert.deepEqual(await panel.last("open"), { type: "open", id: a.id, side: false, how: "open", line: 13 });
  });

  it("opens nothing when a press marks text", async () => {
    await panel.state(hitsState([a]));
    const line = (await page.locator("li.hit .line[data-n='13']").boundingBox())!;
    await page.mouse.move(line.x + 2, line.y + line.height / 2);
    await page.mouse.down();
    await page.mouse.move(line.x + 60, line.y + line.height / 2, { steps: 4 });
    await page.mouse.up();
    assert.equal(await panel.last("open"), undefined);
  });

  it("keeps its place under a press after scrolling, and the keys go on from the pressed row", async () => {
    await panel.state(hitsState(Array.from({ length: 30 }, (_, i) => hit({ path: `src/${i}.ts`, symbol: `f${i}` }))));
    const scroll = () => page.locator("main").evaluate((main) => main.scrollTop);
    await page.locator("li.hit[data-index='20']").scrollIntoViewIfNeeded();
    const before = await scroll();
    assert.ok(before > 0);
    await page.locator("li.hit[data-index='20'] .path").hover();
    await page.mouse.down();
    assert.deepEqual([await active(), await scroll()], [["f20"], before]);
    await page.mouse.up();
    assert.equal((await panel.last("open"))?.id, hit({ path: "src/20.ts" }).id);
    await page.keyboard.press("ArrowDown");
    assert.deepEqual(await active(), ["f21"]);
  });

  it("draws anew only the rows that a key changes", async () => {
    await panel.state(startState);
    const state = hitsState(Array.from({ length: 30 }, (_, i) => hit({ path: `src/${i}.ts` })));
    // The page gets the very objects of an event that is made in it.
    await page.evaluate(async (data) => {
      Object.assign(globalThis, { read: 0 });
      const { results } = data.state as { results: { hits: { snippet: string }[] } };
      for (const each of results.hits) {
        const { snippet } = each;
        Object.defineProperty(each, "snippet", { get: () => ((globalThis as unknown as { read: number }).read++, snippet) });
      }
      window.dispatchEvent(new MessageEvent("message", { data }));
    }, { type: "state", state: JSON.parse(JSON.stringify(state)) as object });
    await box().press("ArrowDown");
    const read = () => page.evaluate(() => (globalThis as unknown as { read: number }).read);
    const before = await read();
    await page.keyboard.press("ArrowDown");
    assert.deepEqual(await active(), ["verifyToken"]);
    assert.equal((await read()) - before, 2);
  });

  it("brings what a key opens into view", async () => {
    await panel.state(hitsState(Array.from({ length: 30 }, (_, i) => hit({ path: `src/${i}.ts`, snippet: "line\n".repeat(12) }))));
    await box().press("ArrowDown");
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowRight");
    const why = await page.locator(".why").boundingBox();
    assert.ok(why!.y + why!.height <= 700, `the reasons end at ${why!.y + why!.height}`);
  });

  it("hides no chosen row under the summary, and no figure of its reasons, in the narrowest view", async () => {
    await page.setViewportSize({ width: 200, height: 500 });
    const state = hitsState(Array.from({ length: 9 }, (_, i) => hit({ path: `src/${i}.ts`, why: [{ signal: "nearer code in another folder", value: 1, contribution: 1 }] })));
    await panel.state(state);
    await box().press("ArrowDown");
    await page.keyboard.press("End");
    for (let i = 0; i < 8; i++) await page.keyboard.press("ArrowUp");
    const [row, summary] = [await page.locator("li.hit.active").boundingBox(), await page.locator(".summary").boundingBox()];
    assert.ok(row!.y >= summary!.y + summary!.height - 1, `the row begins at ${row!.y}, the summary ends at ${summary!.y + summary!.height}`);
    await page.keyboard.press("ArrowRight");
    const figure = await page.locator(".why .number").boundingBox();
    assert.ok(figure!.x + figure!.width <= 200, `the figure ends at ${figure!.x + figure!.width}`);
  });

  it("moves no row under the pointer, and shows the better order when it leaves", async () => {
    await panel.state(hitsState([a, b]));
    await page.locator("li.hit").first().hover();
    await panel.state(hitsState([b, c, a]));
    assert.deepEqual(await names(), ["alpha", "beta", "gamma"]);
    assert.equal(await page.locator(".reorder").count(), 1);
    await page.mouse.move(200, 5);
    await page.locator(".reorder").waitFor({ state: "detached" });
    assert.deepEqual(await names(), ["beta", "gamma", "alpha"]);
  });

  it("shows the best order to who asks again by key, wherever the pointer rests", async () => {
    await panel.state(hitsState([a, b]));
    await page.locator("li.hit").first().hover();
    await panel.state(hitsState([b, a]));
    assert.deepEqual(await names(), ["alpha", "beta"]);
    await box().press("Enter");
    assert.deepEqual(await names(), ["beta", "alpha"]);
    await panel.state(hitsState([c, b, a]));
    assert.deepEqual(await names(), ["gamma", "beta", "alpha"]);
    await page.locator("li.hit").last().hover();
    await panel.state(hitsState([a, b, c]));
    assert.deepEqual(await names(), ["gamma", "beta", "alpha"], "and moves none under the pointer that is moved again");
  });

  it("keeps the active row while better hits arrive, and its place when the order is taken", async () => {
    await panel.state(hitsState([a, b]));
    await box().press("ArrowDown");
    const news = page.locator("[role='status']:not(.summary)"); // a screen reader tells what comes into one that was there
    assert.deepEqual(await news.allInnerTexts(), [""]);
    await panel.state(hitsState([c, b, a]));
    assert.deepEqual([await names(), await active()], [["alpha", "beta", "gamma"], ["alpha"]]);
    assert.match(await news.innerText(), /A better order has arrived/);
    await page.locator(".reorder").click();
    assert.deepEqual([await names(), await active()], [["gamma", "beta", "alpha"], ["alpha"]]);
  });

  it("updates the depth of a hit in place", async () => {
    await panel.state(hitsState([a, { ...c }]));
    await panel.state(hitsState([a, { ...c, depth: "deep" }]));
    assert.equal(await page.locator("li.hit .depth").last().getAttribute("aria-label"), "deep");
  });

  it("begins at the top with every new question", async () => {
    const many = Array.from({ length: 30 }, (_, i) => hit({ path: `src/${i}.ts` }));
    await panel.state(hitsState(many));
    await page.locator("main").evaluate((main) => main.scrollTo({ top: 2_000 }));
    await panel.state(hitsState(many, { query: "another" }));
    assert.equal(await page.locator("main").evaluate((main) => main.scrollTop), 0);
  });

  it("folds the weak end of a long list away", async () => {
    await panel.state(hitsState(Array.from({ length: 20 }, (_, i) => hit({ path: `src/${i}.ts`, score: i < 9 ? 1 - i / 20 : 0.1 }))));
    assert.equal((await names()).length, 9);
    await page.locator("button.weak", { hasText: "11 weaker results" }).click();
    assert.equal((await names()).length, 20);
  });

  it("says which words were read as others, and marks the words that were read", async () => {
    const state = hitsState([hit({ path: "a.ts", snippet: "function expired(token) {}" })], { query: "tokn exprired" });
    assert.ok(state.results.kind === "hits");
    await panel.state({ ...state, results: { ...state.results, respellings: [{ typed: "tokn", read: "token" }] } });
    assert.equal(await page.locator(".remark").innerText(), '"tokn" read as "token", the nearest word in the code.');
    await box().press("ArrowDown");
    await page.keyboard.press("ArrowRight");
    assert.deepEqual(await page.locator("li.hit code mark").allInnerTexts(), ["token"]);
  });

  it("says how a question in another language was read, and marks its English words beside those that were typed", async () => {
    const state = hitsState([hit({ path: "a.ts", snippet: "function remove(file) {} // Datei" })], { query: "entferne die Datei" });
    assert.ok(state.results.kind === "hits");
    await panel.state({ ...state, results: { ...state.results, translation: { language: "German", english: "remove file" } } });
    assert.equal(await page.locator(".remark").innerText(), 'Read from German as "remove file".');
    await box().press("ArrowDown");
    await page.keyboard.press("ArrowRight");
    assert.deepEqual(await page.locator("li.hit code mark").allInnerTexts(), ["remove", "file", "Datei"]);
  });

  it("writes hostile code, names and paths as text", async () => {
    const evil = `<img src=x onerror="document.title='broken'"><script>document.title='broken'</script>\${x}`;
    await panel.state(hitsState([hit({ path: `src/${evil}.ts`, symbol: evil, breadcrumb: evil, snippet: `${evil}\n// token ${evil}` })], { history: [evil], error: undefined }));
    await box().press("ArrowDown");
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.locator("img, li.hit script").count(), 0);
    assert.ok((await page.locator("li.hit code").innerText()).includes(evil));
    assert.notEqual(await page.title(), "broken");
  });

  it("filters by language and path", async () => {
    await panel.state(hitsState([a]));
    await page.locator("button[aria-label='Filters']").click();
    await page.locator(".chip", { hasText: "python" }).click();
    assert.deepEqual((await panel.last("search"))?.filters, { langs: ["python"], path: "" });
    await page.locator(".chip[aria-pressed='true']", { hasText: "python" }).waitFor(); // before the host answers
    await page.locator(".filters .path input").fill("src");
    await page.locator(".chip", { hasText: "go" }).click(); // takes the keyboard from the path, too
    assert.deepEqual((await panel.last("search"))?.filters, { langs: ["python", "go"], path: "src" });
    await panel.state(hitsState([a], { filters: { langs: ["python", "go"], path: "src" } }));
    await panel.state(hitsState([a], { filters: { langs: ["python"], path: "" } }));
    assert.equal(await page.locator(".chip", { hasText: "python" }).getAttribute("aria-pressed"), "true");
    await page.locator(".filters .path input").fill("src/net");
    await page.locator(".filters .path input").press("Enter");
    assert.deepEqual((await panel.last("search"))?.filters, { langs: ["python"], path: "src/net" });
  });

  it("offers earlier searches", async () => {
    await panel.state({ ...startState, history: ["where is the cache", "parse flags"] });
    await page.locator(".suggestions .entry", { hasText: "parse flags" }).click();
    assert.deepEqual(await panel.last("search"), { type: "search", query: "parse flags", filters: { langs: [], path: "" }, remember: true });
  });

  it("leads from the empty box into the earlier searches and back by the arrow keys", async () => {
    await panel.state({ ...startState, history: ["where is the cache", "parse flags"] });
    const focused = () => page.evaluate(() => document.querySelector("strata-panel")!.shadowRoot!.activeElement?.textContent?.trim());
    await box().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    assert.equal(await focused(), "where is the cache");
    await page.keyboard.press("ArrowDown");
    assert.equal(await focused(), "parse flags");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("ArrowUp");
    assert.equal(await box().evaluate((input) => input.matches(":focus")), true);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    assert.deepEqual(await panel.last("search"), { type: "search", query: "parse flags", filters: { langs: [], path: "" }, remember: true });
    assert.equal(await page.locator(".history").count(), 0);
  });

  it("leads into the earlier searches from their button too, and Escape or a command that wants the box closes them", async () => {
    await panel.state({ ...startState, history: ["where is the cache", "parse flags"] });
    const button = page.locator("button[aria-label='Earlier searches']");
    const history = page.locator(".history");
    await button.click();
    await page.keyboard.press("ArrowDown");
    assert.equal(await history.locator("button").first().evaluate((entry) => entry.matches(":focus")), true);
    await button.focus();
    await page.keyboard.press("Escape");
    await history.waitFor({ state: "detached" });
    assert.equal(await box().evaluate((input) => input.matches(":focus")), true);
    await button.click();
    await panel.focus();
    await history.waitFor({ state: "detached" });
  });

  for (const [name, state, sentence] of [
    ["no folder", { ...startState, index: { kind: "noFolder" }, coverage: undefined }, "Open a folder"],
    ["ready", startState, "3,210 files ready"],
    ["a folder without files", { ...startState, coverage: emptyCoverage }, "No files to search"],
    ["nothing found where there are no files", hitsState([], { coverage: emptyCoverage, filters: { langs: ["go"], path: "" } }), "What is left out, and why, says the index status."],
    ["starting", { ...startState, index: { kind: "starting" }, coverage: undefined }, "Starting …"],
    ["idle", { ...startState, index: { kind: "idle" }, coverage: undefined }, "Indexing starts with the first search"],
    ["indexing", { ...startState, index: { kind: "working", label: "Indexing 42 %", fraction: 0.42 } }, "can be searched already"],
    ["paused", { ...startState, index: { kind: "paused", reason: "You paused indexing." } }, "You paused indexing."],
    ["a warning", { ...startState, warnings: ["The watch limit is reached."] }, "The watch limit is reached."],
    ["failed", { ...startState, index: { kind: "failed", reason: "The model is damaged." } }, "The model is damaged."],
    ["an error", { ...startState, error: "Rebuild the index." }, "Rebuild the index."],
    ["nothing found", hitsState([]), "Nothing found"],
    ["nothing found yet", hitsState([], { index: { kind: "working", label: "Indexing", fraction: undefined, unread: true } }), "the search is made again as more is read"],
    ["nothing found while indexing is paused", hitsState([], { index: { kind: "paused", reason: "You paused indexing." } }), "Not everything may have been read. You paused indexing."],
    ["found while indexing is paused", hitsState([a], { index: { kind: "paused", reason: "You paused indexing." } }), "You paused indexing."],
    ["nothing found with filters", hitsState([], { filters: { langs: ["go"], path: "src" } }), "Filters are on: go, src"],
    ["looking for duplicates", { ...startState, busy: true, working: { label: "Looking for duplicates, 40 %", fraction: 0.4 } }, "Looking for duplicates, 40 %"],
    ["how much was compared", { ...startState, results: { kind: "duplicates", subject: "", groups: [], coverage: startState.coverage!, failures: [] } }, "searched 3,210 files, 40 % deep"],
    ["a folder without duplicates", { ...startState, results: { kind: "duplicates", subject: "", groups: [], coverage: startState.coverage!, failures: ["b: It is gone."] } }, "b: It is gone."],
    ["no duplicates in folders that are compared one by one", { ...startState, results: { kind: "duplicates", subject: "a/b.ts", groups: [], coverage: startState.coverage!, apart: true, failures: [] } }, "anywhere else in its workspace folder."],
    ["no duplicates", { ...startState, results: { kind: "duplicates", subject: "", groups: [], coverage: startState.coverage!, failures: [] } }, "No duplicates"],
  ] satisfies readonly (readonly [string, ViewState, string])[])
    it(`says what there is to say: ${name}`, async () => {
      await panel.state(state);
      await page.locator("main", { hasText: sentence }).waitFor();
    });

  it("says how much was searched while the index is incomplete", async () => {
    const part = { files: 1_200, chunks: 9_000, instant: 8_100, shallow: 0, deep: 0 };
    const state = hitsState([c], { index: { kind: "working", label: "Indexing", fraction: 0.4 } });
    await panel.state({ ...state, results: { ...(state.results as Extract<ViewState["results"], { kind: "hits" }>), coverage: part, refining: true } });
    assert.match(await page.locator(".figures").innerText(), /1 result\s+searched 1,200 of 3,210 files, still indexing, 0 % deep\s+reading closer/);
  });

  it("offers the two ways out when the engine has stopped", async () => {
    await panel.state({ ...startState, index: { kind: "failed", reason: "No." } });
    await page.locator("button", { hasText: "Restart Engine" }).click();
    assert.deepEqual(await panel.last("command"), { type: "command", command: "restart" });
    await page.locator("button", { hasText: "Show Log" }).click();
    assert.deepEqual(await panel.last("command"), { type: "command", command: "showLog" });
  });

  it("puts the keyboard into the box when the host says so", async () => {
    await panel.state(hitsState([a]));
    await panel.focus();
    assert.ok(await box().evaluate((element) => element.matches(":focus")));
  });

  it("puts the keyboard into the box though the host said so before there was one", async () => {
    await panel.focus();
    await panel.state(hitsState([a]));
    assert.ok(await box().evaluate((element) => element.matches(":focus")));
  });

  for (const [what, before, button, after] of [
    ["an example", startState, "parse a date with a time zone", hitsState([a])],
    ["the way to duplicates", startState, "Find duplicates", { ...startState, results: { kind: "duplicates", subject: "", groups: [], coverage: startState.coverage!, failures: [] } }],
    ["the way out of filters", hitsState([], { filters: { langs: ["go"], path: "" } }), "Search without filters", hitsState([a])],
    ["the restart", { ...startState, index: { kind: "failed", reason: "No." } }, "Restart Engine", startState],
  ] satisfies readonly (readonly [string, ViewState, string, ViewState])[])
    it(`keeps the keyboard when a button goes that was pressed with it: ${what}`, async () => {
      await panel.state(before);
      await page.locator("button", { hasText: button }).focus();
      await page.keyboard.press("Enter");
      await panel.state(after);
      assert.ok(await box().evaluate((element) => element.matches(":focus")));
    });

  it("leaves the keyboard where it is when what has it stays", async () => {
    await panel.state(startState);
    const example = page.locator("button", { hasText: "parse a date with a time zone" });
    await example.focus();
    await panel.state({ ...startState, coverage: { ...startState.coverage!, deep: 1 } });
    assert.ok(await example.evaluate((element) => element.matches(":focus")));
  });

  it("leaves the filters closed when they are closed, until they change", async () => {
    const filtered = hitsState([a], { filters: { langs: ["go"], path: "" } });
    await panel.state(filtered);
    assert.equal(await page.locator(".filters").count(), 1);
    await page.locator("button[aria-label='Filters']").click();
    await panel.state({ ...filtered, busy: true });
    assert.equal(await page.locator(".filters").count(), 0);
    await panel.state(hitsState([a], { filters: { langs: ["rust"], path: "" } }));
    assert.equal(await page.locator(".filters").count(), 1);
  });

  it("shows the active row, the chosen languages and kinds of duplicates in a theme of high contrast, which has no backgrounds for them", async () => {
    await page.evaluate(() => document.documentElement.style.setProperty("--vscode-contrastActiveBorder", "rgb(243, 133, 24)"));
    await panel.state(hitsState([a, b], { filters: { langs: ["go"], path: "" } }));
    await panel.step(1);
    const style = (selector: string, property: string) => page.locator(selector).evaluate((element, name) => getComputedStyle(element).getPropertyValue(name), property);
    assert.deepEqual([await style("li.hit.active", "outline-color"), await style("li.hit.active", "outline-style")], ["rgb(243, 133, 24)", "dotted"]);
    assert.equal(await style(".chip[aria-pressed='true']", "border-top-color"), "rgb(243, 133, 24)");
    assert.match(await style(".chip[aria-pressed='true']", "box-shadow"), /rgb\(243, 133, 24\).*inset/);
    await page.evaluate(() => document.documentElement.style.setProperty("--vscode-contrastBorder", "rgb(111, 195, 223)"));
    const members = [{ id: "x", folder: "", path: "src/a.ts", startLine: 1, endLine: 9, symbol: "" }];
    await panel.state({ ...startState, results: { kind: "duplicates", subject: "", groups: [{ id: "g", kind: "exact", similarity: 1, lines: 9, members }], coverage: startState.coverage!, failures: [] } });
    assert.equal(await style(".tag", "outline-color"), "rgb(111, 195, 223)");
  });

  it("keeps the line in view when folder and name are too long for the row", async () => {
    await panel.state(hitsState([hit({ path: `src/${"a_long_name_".repeat(9)}.ts`, folder: "a folder of the workspace", symbol: "f" })]));
    const [row, line] = [await page.locator("li.hit .path").boundingBox(), await page.locator("li.hit .lines").boundingBox()];
    assert.ok(line!.x + line!.width <= row!.x + row!.width, `the line ends at ${line!.x + line!.width}, the row at ${row!.x + row!.width}`);
  });

  it("tells the whole place of a duplicate in a narrow view, and its kind in one line", async () => {
    const member = { id: "x", folder: "go-net", path: "timeout_test.go", startLine: 512, endLine: 571, symbol: "TestWriteTimeoutMustNotReturn" };
    await page.setViewportSize({ width: 280, height: 700 });
    await panel.state({ ...startState, results: { kind: "duplicates", subject: "", groups: [{ id: "g", kind: "semantic", similarity: 0.9, lines: 60, members: [member, { ...member, id: "y" }] }], coverage: startState.coverage!, failures: [] } });
    const isWhole = (selector: string) => page.locator(selector).first().evaluate((element) => element.scrollWidth <= element.clientWidth);
    assert.deepEqual([await isWhole(".member .symbol"), await isWhole(".member .root"), await isWhole(".member .name")], [true, true, true]);
    const [tag, line] = [await page.locator(".tag").first().boundingBox(), await page.locator(".group .dim").first().boundingBox()];
    assert.ok(tag!.height < 1.5 * line!.height, `the kind is ${tag!.height} high, a line ${line!.height}`);
  });

  it("keeps the reasons of a hit together in a wide view", async () => {
    await page.setViewportSize({ width: 900, height: 700 });
    await panel.state(hitsState([a]));
    await box().press("ArrowDown");
    await page.keyboard.press("ArrowRight");
    const why = await page.locator(".why").boundingBox();
    assert.ok(why!.width < 450, `${why!.width} wide`);
  });

  it("indents by tabs as the editor does, and leaves room for numbers of five digits", async () => {
    await panel.state(hitsState([hit({ path: "a.go", lang: "go", startLine: 17_971, snippet: "f() {\n\tg()\n\t\th()\n}" })]));
    const [none, one, two] = await page.locator("li.hit .line").evaluateAll((lines) =>
      lines.map((line) => {
        const range = document.createRange();
        const walk = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
        for (let node = walk.nextNode(); node; node = walk.nextNode()) {
          const at = node.textContent!.search(/\S/);
          if (at >= 0) {
            range.setStart(node, at);
            range.setEnd(node, at + 1);
            return range.getBoundingClientRect().left;
          }
        }
        return Number.NaN;
      }),
    );
    assert.ok(Math.abs(two! - one! - (one! - none!)) < 0.5, `the first step is ${one! - none!} wide, the second ${two! - one!}`);
    const number = await page.locator("li.hit .line").first().evaluate((line) => Number.parseFloat(getComputedStyle(line, "::before").width));
    const digit = (two! - one!) / 4;
    assert.ok(number >= 5 * digit, `the number has ${number / digit} digits of room`);
  });

  for (const [width, theme] of [[240, "dark"], [380, "light"], [900, "light"]] as const)
    it(`needs no sideways scrolling at ${width} pixels, ${theme}`, async () => {
      await page.close();
      page = await browser.newPage({ viewport: { width, height: 700 } });
      panel = await openPanel(page, theme);
      await panel.state(hitsState([hit({ path: `${"long/".repeat(30)}name.ts`, symbol: "aVeryLongNameOfAFunction".repeat(4), breadcrumb: "outer > inner".repeat(9), snippet: "x = 1;".repeat(80) }), a, b], { filters: { langs: ["typescript"], path: "" } }));
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
      assert.ok(await page.locator("main").evaluate((main) => main.scrollWidth <= main.clientWidth));
      await page.screenshot({ path: path.join(screenshots, `panel-${width}-${theme}.png`) });
    });
});
