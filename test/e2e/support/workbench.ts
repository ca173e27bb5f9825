// VS Code's workbench as a person uses it: palette, search view, status item, editor. Only what the tests need.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Browser, FrameLocator, Locator, Page } from "playwright-core";
import { installVsix, openBrowser, startServer, workbenchUrl, type Server } from "../../../scripts/vscodeServer.mjs";
import { writeFiles } from "../../support/temporaryFolder.ts";

const root = path.resolve(import.meta.dirname, "../../..");
const screenshots = path.join(root, "out", "screenshots");

export class Workbench {
  readonly page: Page;
  /** The opened folder: a copy of test/fixtures/workspace. */
  readonly folder: string;
  readonly #server: Server;
  readonly #browser: Browser;
  readonly #temporary: string;

  private constructor(page: Page, folder: string, server: Server, browser: Browser, temporary: string) {
    this.page = page;
    this.folder = folder;
    this.#server = server;
    this.#browser = browser;
    this.#temporary = temporary;
  }

  /** Installs the packed extension into a fresh VS Code and opens the fixture workspace with it. @param files written into the workspace first */
  static async open(vsix: string, vscode: { server: string; node: string; browser: string }, env: Readonly<Record<string, string>> = {}, files: Readonly<Record<string, string>> = {}): Promise<Workbench> {
    const temporary = mkdtempSync(path.join(os.tmpdir(), "strata-ui-"));
    const folder = path.join(temporary, "shop");
    const extensions = path.join(temporary, "x");
    cpSync(path.join(root, "test/fixtures/workspace"), folder, { recursive: true });
    writeFiles(folder, files);
    mkdirSync(screenshots, { recursive: true });
    installVsix(vscode, vsix, extensions);
    const server = await startServer(vscode, { extensionsDir: extensions, settings: { "workbench.colorTheme": "Dark Modern", "typescript.validate.enable": false }, env: { STRATA_CACHE: path.join(temporary, "cache"), ...env } });
    const browser = await openBrowser(vscode.browser);
    const page = await browser.newPage({ viewport: { width: 1360, height: 860 } });
    page.setDefaultTimeout(60_000); // two busy cores take long over a workbench
    await page.goto(workbenchUrl(server, folder));
    await page.waitForSelector(".monaco-workbench", { timeout: 60_000 });
    return new Workbench(page, folder, server, browser, temporary);
  }

  async close(): Promise<void> {
    await this.#browser.close().catch(() => undefined);
    await this.#server.stop();
    await this.#endEngines();
    await rm(this.#temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  /** An engine outlives its clients by design; here nobody will come back. It saves before it ends, so its folder goes after it. */
  async #endEngines(): Promise<void> {
    for (const { pid } of this.engines()) {
      try {
        process.kill(pid, "SIGTERM");
        for (let look = 0; look < 100; look++) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          process.kill(pid, 0); // throws once it has ended
        }
      } catch {
        // gone
      }
    }
  }

  async shot(name: string): Promise<void> {
    await this.parkPointer();
    await this.page.screenshot({ path: path.join(screenshots, `${name}.png`) });
  }

  /** Writes user settings and loads the window again, as a person who reopens it. */
  async reopenWith(values: object): Promise<void> {
    const file = path.join(this.#server.folder, "d", "data", "User", "settings.json");
    writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, "utf8")) as object), ...values }, null, 2));
    await this.page.reload();
    await this.page.waitForSelector(".monaco-workbench", { timeout: 120_000 });
  }

  /** Processes of the engines that serve this workspace. */
  engines(): { readonly pid: number }[] {
    const cache = path.join(this.#temporary, "cache");
    try {
      return readdirSync(cache).filter((index) => existsSync(path.join(cache, index, "engine.json"))).map((index) => JSON.parse(readFileSync(path.join(cache, index, "engine.json"), "utf8")) as { pid: number });
    } catch {
      return []; // none has started, or one is just starting
    }
  }

  /** Runs a command by its title in the palette, again until the extension has contributed it. */
  command(title: string): Promise<void> {
    return this.#pick(`>${title}`, title);
  }

  /** The content of the search view, or of the page that was opened last; notebooks show their outputs in such frames too. */
  get view(): FrameLocator {
    return this.page.frameLocator("iframe.webview.ready[src*='extensionId=strata.']").last().frameLocator("#active-frame");
  }

  get box(): Locator {
    return this.view.locator("#query");
  }

  get hits(): Locator {
    return this.view.locator("li.hit");
  }

  get statusItem(): Locator {
    return this.page.locator("#strata\\.strata\\.strata\\.status, .statusbar-item[id*='strata.status']").first();
  }

  /** Opens a file by name, as with Ctrl+P; by way of the palette's key, which works wherever the focus is. */
  async openFile(relative: string): Promise<void> {
    const name = path.basename(relative);
    await this.#pick(relative, name);
    await this.page.locator(".tab.active", { hasText: name }).waitFor();
  }

  /**
   * Types into the palette and takes the row. A webview that had the focus gets it back some time after a menu or the palette closes,
   * which closes what was opened meanwhile: so it loses the focus first, and a palette that closed is opened again.
   */
  async #pick(text: string, row: string): Promise<void> {
    const input = this.page.locator(".quick-input-widget input").first();
    const soon = { timeout: 3_000 };
    for (let attempt = 0; ; attempt++) {
      try {
        await input.waitFor({ state: "hidden", ...soon });
        await this.page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
        await this.page.keyboard.press("F1");
        await input.waitFor(soon);
        await input.fill(text, soon);
        await this.page.locator(".quick-input-list .monaco-list-row", { hasText: row }).first().click(soon);
        return;
      } catch (error) {
        if (attempt > 10) throw error;
        if (await input.isVisible()) await this.page.keyboard.press("Escape");
      }
    }
  }

  /** Away from everything that shows a tooltip. */
  async parkPointer(): Promise<void> {
    await this.page.mouse.move(520, 848);
  }
}
