// The search view in the side bar: puts the page up, passes its messages to the model and the model's state to it.
import * as vscode from "vscode";
import type { Log } from "../base/log.ts";
import { type FromHost, type FromView, isFromView, type ViewCommand } from "../webview/messages.ts";
import { type CommandId, views } from "./contributions.ts";
import type { OpenOptions } from "./openPlace.ts";
import type { Place, SearchModel } from "./searchModel.ts";
import { showPage } from "./webviewPage.ts";

interface SearchViewOptions {
  readonly extensionUri: vscode.Uri;
  readonly model: SearchModel;
  readonly open: (place: Place, options: OpenOptions) => Promise<void>;
  readonly similarTo: (place: Place) => Promise<void>;
  /** The shown result of this id with what it was found for. */
  readonly compare: (id: string) => Promise<void>;
  readonly onVisibility: () => void;
  readonly log: Log;
}

const commandOf: Readonly<Record<ViewCommand, CommandId | "vscode.openFolder">> = {
  restart: "strata.restartEngine",
  showLog: "strata.showLog",
  status: "strata.showStatus",
  duplicates: "strata.findDuplicates",
  resume: "strata.resumeIndexing",
  openFolder: "vscode.openFolder",
};

export class SearchView implements vscode.WebviewViewProvider {
  readonly #options: SearchViewOptions;
  #view: vscode.WebviewView | undefined;
  #ready = false;
  #focusWhenReady = false;
  #posting = false;

  constructor(options: SearchViewOptions) {
    this.#options = options;
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.#view = view;
    this.#ready = false;
    view.webview.onDidReceiveMessage((message: unknown) => {
      if (isFromView(message)) void this.#receive(message);
      else this.#options.log("warn", `the search view sent something that is no message: ${JSON.stringify(message)?.slice(0, 200)}`);
    });
    view.onDidChangeVisibility(this.#options.onVisibility);
    view.onDidDispose(() => {
      if (this.#view !== view) return;
      this.#view = undefined;
      this.#ready = false;
      this.#options.onVisibility();
    });
    showPage(view.webview, this.#options.extensionUri, "main");
    // A view that was moved to another place is a new one; the end of the old one has told that none is visible.
    this.#options.onVisibility();
  }

  /** Shows the view; with `focusBox` the keyboard goes to its box. */
  async show(focusBox: boolean): Promise<void> {
    await vscode.commands.executeCommand(`${views.search}.focus`, { preserveFocus: !focusBox });
    if (!focusBox) return;
    if (this.#ready) await this.#post({ type: "focus" });
    else this.#focusWhenReady = true;
  }

  get visible(): boolean {
    return this.#view?.visible === true;
  }

  /** Opens the result after or before the one that was opened last. */
  async step(by: 1 | -1): Promise<void> {
    if (this.#ready) await this.#post({ type: "step", by });
  }

  /** Sends the model's state; several calls in one turn make one message. */
  update(): void {
    if (this.#posting || !this.#ready) return;
    this.#posting = true;
    queueMicrotask(() => {
      this.#posting = false;
      void this.#post({ type: "state", state: this.#options.model.state });
    });
  }

  async #post(message: FromHost): Promise<void> {
    await this.#view?.webview.postMessage(message);
  }

  async #receive(message: FromView): Promise<void> {
    const { model, open } = this.#options;
    switch (message.type) {
      case "ready":
        this.#ready = true;
        await this.#post({ type: "state", state: model.state });
        if (this.#focusWhenReady) await this.#post({ type: "focus" });
        this.#focusWhenReady = false;
        return;
      case "search":
        await model.search(message.query, message.filters);
        if (message.remember) model.remember(message.query);
        return;
      case "open": {
        const place = model.place(message.id);
        if (!place) return;
        if (message.how !== "look") model.remember();
        return open(place, message);
      }
      case "similarTo": {
        const place = model.place(message.id);
        return place && this.#options.similarTo(place);
      }
      case "compare":
        return this.#options.compare(message.id);
      case "clear":
        return model.clear();
      case "forgetHistory":
        return model.forgetHistory();
      case "command":
        await vscode.commands.executeCommand(commandOf[message.command]);
    }
  }
}
