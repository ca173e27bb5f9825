// The packed extension in a real VS Code, as a person meets it: mouse, keyboard, what can be read on the screen.
// The tests build on each other, in order, as one sitting does.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it as test, type TestContext } from "node:test";
import { Workbench } from "./support/workbench.ts";

const { STRATA_TEST_VSIX: vsix, STRATA_TEST_VSCODE: vscode } = process.env;
if (!vsix || !vscode) throw new Error("Run this through scripts/runUiTests.mjs, which packs the extension and provides VS Code.");

describe("The packed extension in VS Code", () => {
  let workbench: Workbench;
  before(async () => {
    workbench = await Workbench.open(vsix, JSON.parse(vscode) as { server: string; node: string; browser: string }, {}, {
      "analysis/prices.ipynb": readFileSync(path.join(import.meta.dirname, "../fixtures/notebooks/prices.ipynb"), "utf8"),
    });
  });
  after(() => workbench?.close());

  /** A test that leaves a picture when it fails. */
  const it = (name: string, run: (t: TestContext) => Promise<void>) =>
    test(name, async (t) => {
      try {
        await run(t);
      } catch (error) {
        await workbench?.shot(`failed ${name.replace(/[^a-z]+/gi, "-").slice(0, 40)}`);
        await workbench?.page.keyboard.press("Escape"); // what this test left open should not fail the next one
        throw error;
      }
    });

  it("shows in the status bar that everything was read deeply", async () => {
    await workbench.statusItem.filter({ hasText: /Strata 18 files · deep/ }).waitFor({ timeout: 60_000 });
  });

  it("finds code for a sentence typed into the Strata view", async () => {
    await workbench.page.locator(".activitybar [aria-label^='Strata']").first().click();
    await workbench.box.waitFor();
    await workbench.shot("1-empty-view");
    await workbench.box.pressSequentially("check that a login token has not expired", { delay: 15 });
    await workbench.hits.first().waitFor();
    await workbench.view.locator("li.hit[data-index='0'][data-path='web/src/auth/session.ts']").waitFor();
    await workbench.shot("2-search");
    assert.match(await workbench.view.locator(".summary").innerText(), /results\s+searched 18 files, 100 % deep/);
  });

  it("marks the words of the query and writes the code as text", async () => {
    assert.ok((await workbench.view.locator("mark").count()) > 0);
    assert.match(await workbench.hits.first().locator("code").innerText(), /token/);
  });

  it("opens a hit with the keyboard alone and marks its lines", async () => {
    await workbench.box.press("ArrowDown");
    await workbench.page.keyboard.press("ArrowRight");
    await workbench.hits.first().locator(".why").waitFor();
    await workbench.shot("3-why");
    await workbench.page.keyboard.press("Enter");
    await workbench.page.locator(".tab.active", { hasText: "session.ts" }).waitFor();
    await workbench.page.locator(".view-lines", { hasText: "timingSafeEqual" }).waitFor();
    await workbench.page.locator(".view-overlays .cdr").first().waitFor(); // the whole-line decoration
    await workbench.shot("4-opened");
  });

  it("offers a result's path in the context menu", async () => {
    await workbench.hits.nth(1).locator(".path").click({ button: "right" });
    await workbench.page.locator(".monaco-menu .action-item", { hasText: "Copy Path and Line" }).waitFor();
    await workbench.shot("4-result-menu");
    await workbench.page.keyboard.press("Escape");
    await workbench.page.locator(".monaco-menu").waitFor({ state: "detached" });
  });

  it("finds similar code from the editor's context menu", async () => {
    await workbench.openFile("web/src/cart/coupons.ts");
    await workbench.page.locator(".view-line", { hasText: "couponIsValid" }).click({ button: "right", position: { x: 200, y: 8 } });
    const item = workbench.page.locator(".monaco-menu .action-item", { hasText: "Find Similar Code" });
    await item.waitFor();
    await workbench.shot("5-context-menu");
    await item.click();
    await workbench.view.locator(".subject", { hasText: "Similar to" }).waitFor();
    await workbench.view.locator("li.hit[data-path='web/src/cart/gift_cards.ts']").waitFor();
    assert.equal(await workbench.view.locator("li.hit[data-path='web/src/cart/coupons.ts']").count(), 0);
    await workbench.shot("6-similar");
  });

  it("compares similar code with what was asked about", async () => {
    const row = workbench.view.locator("li.hit[data-path='web/src/cart/gift_cards.ts']");
    await row.hover();
    await row.getByTitle("Compare with the code that was asked about").click();
    const editor = workbench.page.locator(".monaco-diff-editor");
    await editor.locator(".view-line", { hasText: "giftCardIsValid" }).waitFor();
    await editor.locator(".view-line", { hasText: "couponIsValid" }).first().waitFor();
    await workbench.shot("6-compare");
    await workbench.openFile("web/src/cart/coupons.ts");
  });

  it("searches from the keyboard with a look at each result", async () => {
    await workbench.command("Strata: Search by Meaning");
    const input = workbench.page.locator(".quick-input-widget input[placeholder^='What does the code do']");
    await input.waitFor();
    await input.fill("limit how many requests a client may make"); // at once: a choice is of the words it was made for
    const rows = workbench.page.locator(".quick-input-list .monaco-list-row");
    await rows.first().filter({ hasText: "gateway/limits/" }).waitFor();
    await input.press("ArrowDown");
    await workbench.page.locator(".tab.active").filter({ hasNotText: "coupons.ts" }).waitFor();
    const looked = await workbench.page.locator(".tab.active").getAttribute("data-resource-name");
    await workbench.page.locator(".quick-input-list .monaco-list-row.focused").filter({ hasText: looked! }).waitFor();
    await workbench.shot("7-quick-search");
    await input.press("Enter");
    await input.waitFor({ state: "hidden" });
    await workbench.page.locator(".tab.active", { hasText: /\.go/ }).waitFor();
  });

  it("leaves nothing behind of a look that Escape ends, and brings back what it covered", async () => {
    const input = workbench.page.locator(".quick-input-widget input[placeholder^='What does the code do']");
    const lookAndLeave = async () => {
      // A picture's page takes the keyboard when it is there, which closes the quick search.
      for (let attempt = 0, isTyped = false; !isTyped; attempt++) {
        assert.ok(attempt < 5, "the quick search does not stay open");
        await workbench.command("Strata: Search by Meaning");
        isTyped = await input.fill("limit how many requests a client may make", { timeout: 3_000 }).then(() => true, () => false);
      }
      await workbench.page.locator(".quick-input-list .monaco-list-row").first().filter({ hasText: "gateway/limits/" }).waitFor();
      await input.press("ArrowDown");
      await workbench.page.locator(".tab.active", { hasText: /\.(go|ts|py|rs)$/ }).waitFor();
      await input.press("Escape");
    };
    await workbench.command("View: Close All Editors");
    await workbench.page.locator(".tab").first().waitFor({ state: "detached" });
    await lookAndLeave();
    await workbench.page.locator(".tab").first().waitFor({ state: "detached" });
    writeFileSync(path.join(workbench.folder, "dot.png"), Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=", "base64"));
    await workbench.openFile("dot.png");
    await lookAndLeave();
    await workbench.page.locator(".tab.active", { hasText: "dot.png" }).waitFor();
    await workbench.openFile("web/src/net/slug.ts");
    await workbench.command("File: Compare Active File with Saved");
    const compared = workbench.page.locator(".tab.active", { hasText: "slug.ts (in file)" });
    await compared.waitFor();
    await lookAndLeave();
    await compared.waitFor();
  });

  it("opens a hit of a notebook in its cell, and finds code like that of a cell", async () => {
    await workbench.box.fill("remove rows with extreme values");
    await workbench.box.press("Enter");
    const hit = workbench.view.locator("li.hit[data-index='0'][data-path='analysis/prices.ipynb']");
    await hit.waitFor();
    assert.match(await hit.innerText(), /Prices of houses[\s\S]*Cleaning/);
    await workbench.box.press("ArrowDown");
    await workbench.page.keyboard.press("Enter");
    await workbench.page.locator(".tab.active", { hasText: "prices" }).waitFor();
    const cell = workbench.page.locator(".notebook-editor .view-lines", { hasText: "drop_outliers" });
    await cell.waitFor();
    await workbench.page.locator(".notebook-editor .cdr").first().waitFor(); // its lines are marked
    await workbench.shot("8-notebook");
    await workbench.command("Strata: Find Similar Code");
    await workbench.view.locator(".subject", { hasText: "prices.ipynb · cell 5:1" }).waitFor();
    await workbench.hits.first().waitFor();
    assert.equal(await workbench.view.locator("li.hit", { hasText: "drop_outliers" }).count(), 0, "the cell itself");
    await workbench.shot("8-notebook-similar");
  });

  it("finds what was just typed and saved", async () => {
    await workbench.openFile("web/src/net/slug.ts");
    await workbench.page.locator(".editor-instance .view-lines").first().click();
    await workbench.page.keyboard.press("Control+End");
    await workbench.page.keyboard.insertText("\n/** Kilometres between two points on the globe, by the haversine formula. */\nexport const greatCircleKm = (h: number): number => 12742 * Math.asin(Math.sqrt(h));\n");
    await workbench.page.keyboard.press("Control+KeyS");
    await workbench.page.locator(".tab.active.dirty").waitFor({ state: "detached" });
    await workbench.box.fill("distance between two places on earth");
    await workbench.box.press("Enter");
    await workbench.view.locator("li.hit[data-index='0'][data-path='web/src/net/slug.ts']", { hasText: "greatCircleKm" }).waitFor();
    await workbench.shot("8-saved-found");
  });

  it("follows what is changed outside the editor", async () => {
    const line = workbench.view.locator("li.hit[data-path='web/src/net/slug.ts'] .line", { hasText: "greatCircleKm" });
    const before = Number(await line.getAttribute("data-n"));
    const file = path.join(workbench.folder, "web/src/net/slug.ts");
    writeFileSync(file, `// Pulled.\n\n${readFileSync(file, "utf8")}`);
    await workbench.view.locator(`li.hit[data-path='web/src/net/slug.ts'] .line[data-n='${before + 2}']`, { hasText: "greatCircleKm" }).waitFor();
  });

  it("groups duplicates", async () => {
    await workbench.command("Strata: Find Duplicates in Workspace");
    const group = workbench.view.locator(".group", { hasText: "gift_cards.ts" });
    await group.waitFor();
    assert.match(await group.innerText(), /Copies with other names[\s\S]*coupons\.ts/);
    await workbench.shot("9-duplicates");
  });

  it("finds the copies of the file that is open", async () => {
    await workbench.openFile("web/src/cart/coupons.ts");
    await workbench.command("Strata: Find Duplicates of This File or Folder");
    await workbench.view.locator(".subject", { hasText: "Duplicates of web/src/cart/coupons.ts" }).waitFor();
    await workbench.view.locator(".group", { hasText: "gift_cards.ts" }).waitFor();
    await workbench.shot("9-duplicates-of-file");
  });

  it("recovers from a killed engine while a search waits", async () => {
    const [engine] = workbench.engines();
    assert.ok(engine);
    process.kill(engine.pid, "SIGKILL");
    await workbench.box.fill("write the orders of a month to a file for the book-keeper");
    await workbench.box.press("Enter");
    await workbench.view.locator("li.hit[data-index='0'][data-path='worker/jobs/csv_export.py']").waitFor();
    assert.notEqual(workbench.engines()[0]?.pid, engine.pid);
    await workbench.shot("10-recovered");
  });

  it("says so when the engine keeps ending, and starts it again on request", async () => {
    const failure = workbench.view.locator(".notice.error", { hasText: "ended several times" });
    const killed = new Set<number>();
    for (const end = Date.now() + 60_000; (await failure.count()) === 0; ) {
      assert.ok(Date.now() < end, "the engine was started again without end");
      const [engine] = workbench.engines();
      if (engine && !killed.has(engine.pid)) {
        // Only an engine that is connected counts as one that ended: the status item tells.
        await workbench.statusItem.filter({ hasText: /Strata \d+ files|Strata stopped/ }).waitFor();
        try {
          process.kill(engine.pid, "SIGKILL");
        } catch {
          // its record outlived it
        }
        killed.add(engine.pid);
      }
      await workbench.page.waitForTimeout(50);
    }
    assert.ok(killed.size >= 3, `${killed.size} engines were killed before giving up`);
    await workbench.statusItem.filter({ hasText: "Strata stopped" }).waitFor();
    await workbench.page.locator(".notifications-toasts .notification-list-item", { hasText: "ended several times" }).waitFor();
    await workbench.shot("11-crashed");
    await workbench.view.locator("button", { hasText: "Restart Engine" }).click();
    await workbench.statusItem.filter({ hasText: /Strata 18 files/ }).waitFor();
    await failure.waitFor({ state: "detached" });
  });

  it("tells the state of the index in full", async () => {
    await workbench.statusItem.click();
    const rows = workbench.page.locator(".quick-input-list .monaco-list-row");
    await rows.filter({ hasText: "pieces of code" }).waitFor();
    await rows.filter({ hasText: "Model strata-" }).waitFor();
    await workbench.shot("12-status");
    await workbench.page.keyboard.press("Escape");
  });

  it("shows the doctor's report", async () => {
    await workbench.command("Strata: Doctor");
    await workbench.page.locator(".tab.active", { hasText: "Strata Doctor" }).waitFor();
    await workbench.page.locator(".view-lines", { hasText: "onnxruntime" }).first().waitFor();
    await workbench.shot("13-doctor");
  });

  it("is activated", async (t) => {
    await workbench.command("Developer: Show Running Extensions");
    const row = workbench.page.locator(".runtime-extensions-editor .monaco-list-row", { hasText: "Strata" });
    await workbench.page.locator(".runtime-extensions-editor .monaco-list-row").first().hover();
    if ((await row.count()) === 0) await workbench.page.mouse.wheel(0, 5_000); // the slowest come first, and only rows in view exist
    await row.waitFor();
    // How long it may take is held by test/contract/activation.test.ts, in processor time: a clock beside other work says little.
    const time = await row.locator(".activation-time").innerText();
    assert.match(time, /\d+ms/);
    t.diagnostic(`activation: ${time}`);
  });

  it("answers in a reopened window without reading anything again, in the theme of the window", async () => {
    await workbench.reopenWith({ "workbench.colorTheme": "Light 2026" });
    await workbench.page.locator(".monaco-workbench.vs").waitFor();
    await workbench.command("View: Show Strata");
    await workbench.view.locator(".entry", { hasText: "book-keeper" }).click(); // the history outlives the window
    await workbench.view.locator("li.hit[data-index='0'][data-path='worker/jobs/csv_export.py']").waitFor();
    await workbench.statusItem.filter({ hasText: /Strata 18 files · deep/ }).waitFor();
    await workbench.shot("14-light");
    const colour = await workbench.view.locator(".symbol").first().evaluate((element) => getComputedStyle(element).color);
    assert.notEqual(colour, "rgb(204, 204, 204)", "the text colour of the dark theme");
  });

  it("writes nothing of the workspace's text into the page's HTML, which it shows all the same", async () => {
    const { html, shown } = await workbench.view.locator("strata-panel").evaluate((panel) => ({ html: document.documentElement.outerHTML, shown: panel.shadowRoot!.textContent }));
    assert.match(shown, /csv_export/);
    assert.doesNotMatch(html, /csv_export|book-keeper/);
  });
});
