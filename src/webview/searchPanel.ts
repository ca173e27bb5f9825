// The search view's page: box, filters, list, and what to say when there is no list. It holds only what belongs to this
// page (which row is active, what is being typed); everything else is the host's state, drawn as it comes.
import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import { copiesLikeness, copiesTitle } from "../base/copies.ts";
import { count, plural } from "../base/counts.ts";
import { queryWords } from "../base/queryWords.ts";
import { asRead, remarkTexts } from "../base/remarks.ts";
import { coverageLine } from "./coverageLine.ts";
import { type HitActions, hitRow, rootOf, rowId, shownPath, splitPath } from "./hitItem.ts";
import { hitStyles } from "./hitStyles.ts";
import { filterTexts, hasTaken } from "./filterTexts.ts";
import { closeIcon, filterIcon, historyIcon, searchIcon } from "./icons.ts";
import { arrange, movedHits } from "./listOrder.ts";
import { type Filters, type FromHost, type FromView, resultContext, type ViewCommand, type ViewDuplicateGroup, type ViewHit, type ViewResults, type ViewState } from "./messages.ts";
import { nothingFound, startPage, type WaysOn } from "./noHits.ts";
import { empty, notice } from "./notices.ts";
import { openingOf } from "./opening.ts";
import { panelStyles } from "./styles.ts";

/** A search for each word typed, not for each letter. */
const TYPING_PAUSE_MS = 180;
const CHIPS = 8;
/** Hits that score less than this part of the best one are folded away, but never the first few. */
const WEAK = 0.25;
const ALWAYS_SHOWN = 6;

type ResultsOf<Kind extends ViewResults["kind"]> = Extract<ViewResults, { kind: Kind }>;

export class SearchPanel extends LitElement {
  static override styles = [panelStyles, hitStyles];
  static override properties = { state: { attribute: false }, query: { state: true }, active: { state: true }, expanded: { state: true }, order: { state: true }, pending: { state: true }, filtersOpen: { state: true }, historyOpen: { state: true }, weakShown: { state: true } };

  declare state: ViewState | undefined;
  declare query: string;
  /** Row with the keyboard; -1 while it is in the box. */
  declare active: number;
  declare expanded: ReadonlySet<string>;
  declare order: readonly string[];
  declare pending: boolean;
  declare filtersOpen: boolean;
  declare historyOpen: boolean;
  declare weakShown: boolean;
  declare post: (message: FromView) => void;
  #typing: ReturnType<typeof setTimeout> | undefined;
  #pointed = false;
  /** The query last sent, until the host's state has it. */
  #awaited: string | undefined;
  /** The filters last sent, until the host's state has them. */
  #sentFilters: Filters | undefined;
  #toTop = false;
  /** The host wants the keyboard in the box, which may not be drawn yet. */
  #focusWanted = false;
  /** The active row was chosen or opened by key: it must come into view. One that was pressed is in view, and must not move before the button is let go. */
  #reveal = false;
  /** What had the keyboard before the page was drawn anew. */
  #focused: Element | null = null;
  /** Where the row was that had the keyboard and has left the list: the next step goes on from there. */
  #left = 0;
  /** What the list is of: another subject means another list, not a better order of the same. */
  #subject = "";
  readonly #actions: HitActions = {
    point: (index) => this.#pointAt(index),
    click: (id, event) => this.#clicked(id, event),
    openAside: (id) => this.post({ type: "open", id, side: true, how: "open" }),
    ask: (type, id) => this.post({ type, id }),
    toggle: (id) => this.#toggle(id),
  };

  readonly #waysOn: WaysOn = {
    search: (query, filters, remember) => this.#search(query, filters, remember),
    command: (command) => this.#command(command),
  };

  constructor() {
    super();
    this.addEventListener("contextmenu", (event) => this.#aboutMenu(event.composedPath()));
    this.query = "";
    this.active = -1;
    this.expanded = new Set();
    this.order = [];
    this.pending = false;
    this.filtersOpen = false;
    this.historyOpen = false;
    this.weakShown = false;
  }

  receive(message: FromHost): void {
    if (message.type === "focus") {
      this.#focusWanted = true;
      this.historyOpen = false;
      this.requestUpdate();
      return;
    }
    if (message.type === "step") return this.#step(message.by);
    const first = this.state === undefined;
    // Told again, they are no news: whoever has closed the filters wants them closed.
    const filtersChanged = JSON.stringify(this.state?.filters) !== JSON.stringify(message.state.filters);
    this.state = message.state;
    // What a person has typed is newer than what the host says until the host has heard of it.
    if (this.#awaited === message.state.query) this.#awaited = undefined;
    if (this.#sentFilters && hasTaken(this.#sentFilters, message.state.filters)) this.#sentFilters = undefined;
    if (first || (this.#typing === undefined && this.#awaited === undefined)) this.query = message.state.query;
    if (filtersChanged && filterTexts(message.state.filters, message.state.folder).length > 0) this.filtersOpen = true;
  }

  /** VS Code looks for what its menu is about on the page's elements and sees none of those within this one, so this one says it for the row. */
  #aboutMenu(path: readonly EventTarget[]): void {
    const within = path.slice(0, path.indexOf(this)).filter((element) => element instanceof HTMLElement);
    const pointed = within.find(({ dataset }) => dataset["about"]);
    // A menu that a key opens is about the list, which has the keyboard for its active row.
    const row = pointed ?? (within.some(({ id }) => id === "list") ? this.renderRoot.querySelector<HTMLElement>(`#${rowId(this.active)}`) : null);
    // What can be typed into or is marked can be copied; elsewhere the page's own Cut, Copy and Paste would do nothing.
    const isText = within.some(({ localName }) => localName === "input") || this.#selected !== "";
    this.dataset["vscodeContext"] = JSON.stringify({ ...(JSON.parse(row?.dataset["about"] ?? "{}") as object), preventDefaultContextMenuItems: !isText });
  }

  /** Chromium answers for a shadow tree only on the tree itself; others know no such method and answer on the document. */
  get #selected(): string {
    const root = this.renderRoot as ShadowRoot & { getSelection?: () => Selection | null };
    return String((root.getSelection ? root.getSelection() : document.getSelection()) ?? "");
  }

  get #box(): HTMLInputElement | null {
    return this.renderRoot.querySelector<HTMLInputElement>("#query");
  }

  #hitsOf(results: ViewResults | undefined): readonly ViewHit[] {
    if (results?.kind !== "hits") return [];
    const byId = new Map(results.hits.map((hit) => [hit.id, hit]));
    return this.order.flatMap((id) => byId.get(id) ?? []);
  }

  /** The hits that are drawn: all, or those before the weak end of the list. */
  #drawn(hits: readonly ViewHit[]): readonly ViewHit[] {
    if (this.weakShown) return hits;
    const best = Math.max(...hits.map(({ score }) => score));
    const last = hits.findLastIndex(({ score }, i) => i < ALWAYS_SHOWN || score >= WEAK * best);
    // Folding one or two rows away would save nothing.
    return last + 3 < hits.length ? hits.slice(0, last + 1) : hits;
  }

  /** Ids of everything that can be opened, in the order drawn. */
  #rowsOf(results: ViewResults | undefined): readonly string[] {
    if (results?.kind === "duplicates") return results.groups.flatMap(({ members }) => members.map(({ id }) => id));
    return this.#drawn(this.#hitsOf(results)).map(({ id }) => id);
  }

  get #rows(): readonly string[] {
    return this.#rowsOf(this.state?.results);
  }

  protected override willUpdate(changed: PropertyValues): void {
    this.#focused = this.shadowRoot?.activeElement ?? null;
    if (!changed.has("state") || !this.state) return;
    const { results } = this.state;
    const before = (changed.get("state") as ViewState | undefined)?.results;
    const subject = results.kind === "hits" ? `${results.of}\0${results.subject}\0${JSON.stringify(results.filters)}` : results.kind;
    const sameList = subject === this.#subject;
    let activeId = this.#rowsOf(before)[this.active];
    if (results.kind === "hits") {
      if (sameList && before?.kind === "hits") {
        const moved = movedHits(before.hits, results.hits);
        const now = (id: string) => moved.get(id) ?? id;
        this.order = this.order.map(now);
        this.expanded = new Set([...this.expanded].map(now));
        activeId &&= now(activeId);
      }
      const fresh = results.hits.map(({ id }) => id);
      const held = sameList && (this.#pointed || this.active >= 0);
      ({ order: this.order, pending: this.pending } = arrange(this.order, fresh, held));
    } else this.pending = false;
    if (!sameList) {
      this.expanded = new Set();
      this.active = -1;
      this.#left = 0;
      this.weakShown = false;
      this.#toTop = true;
    } else if (this.active >= 0) {
      this.#left = this.active;
      this.active = activeId === undefined ? -1 : this.#rows.indexOf(activeId);
    }
    this.#subject = subject;
  }

  protected override updated(changed: PropertyValues): void {
    if (this.#toTop) this.renderRoot.querySelector("main")?.scrollTo({ top: 0 });
    this.#toTop = false;
    const box = this.#box;
    // A button that led elsewhere may be gone now: the keyboard must not go with it.
    if (this.#focused && !this.#focused.isConnected && document.hasFocus()) box?.focus();
    this.#focused = null;
    if (this.#focusWanted && box) {
      this.#focusWanted = false;
      box.focus();
      box.select();
    }
    if ((changed.has("active") || changed.has("expanded")) && this.active >= 0 && this.#reveal) {
      // Not under the summary, which stays above the list and is as high as its words need.
      this.renderRoot.querySelector("main")!.style.scrollPaddingTop = `${this.renderRoot.querySelector<HTMLElement>(".summary")?.offsetHeight ?? 0}px`;
      this.renderRoot.querySelector(`#${rowId(this.active)}`)?.scrollIntoView({ block: "nearest" });
    }
    this.#reveal = false;
  }

  #search(query: string, filters: Filters, remember: boolean): void {
    clearTimeout(this.#typing);
    this.#typing = undefined;
    this.query = query;
    this.#awaited = query;
    this.#sentFilters = filters;
    this.requestUpdate();
    if (remember) this.#pointerLeft(); // who asks by key or button is not about to press a row, wherever the pointer rests
    this.post({ type: "search", query, filters, remember });
  }

  #typed(event: Event): void {
    this.query = (event.target as HTMLInputElement).value;
    this.historyOpen = false;
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#search(this.query, this.#filters, false), TYPING_PAUSE_MS);
  }

  /** What a person has chosen is newer than what the host says until the host has heard of it. */
  get #filters(): Filters {
    return this.#sentFilters ?? this.state?.filters ?? { langs: [], path: "" };
  }

  #toggleLang(lang: string): void {
    const { langs } = this.#filters;
    this.#search(this.query, { ...this.#filters, langs: langs.includes(lang) ? langs.filter((other) => other !== lang) : [...langs, lang] }, false);
  }

  #toggle(id: string): void {
    const expanded = new Set(this.expanded);
    if (!expanded.delete(id)) expanded.add(id);
    this.expanded = expanded;
  }

  #applyOrder(): void {
    const { results } = this.state ?? {};
    if (results?.kind !== "hits") return;
    const id = this.#rows[this.active];
    this.order = results.hits.map((hit) => hit.id);
    this.pending = false;
    this.#reveal = true;
    if (id !== undefined) this.active = this.#rows.indexOf(id);
  }

  // The buttons for these leave the page with what they did: the keyboard goes to the list.
  #takeOrder(): void {
    this.#applyOrder();
    this.#focusRow(Math.max(0, this.active));
  }

  #showWeak(first: number): void {
    this.weakShown = true;
    this.#focusRow(first);
  }

  #pointerLeft(): void {
    this.#pointed = false;
    if (this.active < 0) this.#applyOrder();
  }

  #focusRow(index: number): void {
    const rows = this.#rows;
    this.#reveal = true;
    this.active = Math.max(-1, Math.min(rows.length - 1, index));
    if (this.active < 0) {
      this.#box?.focus();
      this.#applyOrder();
    } else this.renderRoot.querySelector<HTMLElement>("#list")?.focus();
  }

  #beside(by: 1 | -1): number {
    return this.active >= 0 ? this.active + by : by > 0 ? this.#left : this.#left - 1;
  }

  /** Opens the row after or before the active one, round the ends as the editor's search does; the keyboard goes to the editor. */
  #step(by: 1 | -1): void {
    const rows = this.#rows;
    if (rows.length === 0) return;
    this.#reveal = true;
    this.active = (this.#beside(by) + rows.length) % rows.length;
    this.post({ type: "open", id: rows[this.active]!, side: false, how: "open" });
  }

  /** Before the list gets the focus by the same press, so that it keeps its place and the keys go on from here. */
  #pointAt(index: number): void {
    this.#reveal = false;
    this.active = index;
  }

  #clicked(id: string, event: MouseEvent): void {
    const opening = openingOf(event, this.#selected);
    if (!opening) return;
    const line = (event.target as Element).closest<HTMLElement>(".line[data-n]")?.dataset["n"];
    this.post({ type: "open", id, ...opening, ...(line === undefined ? {} : { line: Number(line) }) });
  }

  #boxFocused(): void {
    this.active = -1;
    this.#left = 0;
  }

  #boxKey(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (event.key === "Enter") this.#search(this.query, this.#filters, true);
    else if (event.key === "ArrowDown" && !this.historyOpen && this.query === "" && this.#rows.length === 0) this.historyOpen = (this.state?.history.length ?? 0) > 0;
    else if (event.key === "ArrowDown" && this.historyOpen) this.#focusEarlier(0);
    else if (event.key === "ArrowDown") this.#focusRow(0);
    else if (event.key === "Escape" && this.historyOpen) this.historyOpen = false;
    else if (event.key === "Escape" && (this.query !== "" || this.state?.results.kind !== "none")) this.#clear();
    else return;
    event.preventDefault();
  }

  /** The keyboard goes to an earlier search; in front of the first stands the box. */
  #focusEarlier(index: number): void {
    const entries = this.renderRoot.querySelectorAll<HTMLElement>(".history button");
    if (index < 0) this.#box?.focus();
    else entries[Math.min(index, entries.length - 1)]?.focus();
  }

  /** Of an entry, or of the button that shows them. */
  #historyKey(event: KeyboardEvent): void {
    if (!this.historyOpen) return;
    const at = [...this.renderRoot.querySelectorAll(".history button")].indexOf(event.target as Element);
    if (event.key === "ArrowDown") this.#focusEarlier(at + 1);
    else if (event.key === "ArrowUp") this.#focusEarlier(at - 1);
    else if (event.key === "Escape") {
      this.historyOpen = false;
      this.#box?.focus();
    } else return;
    event.preventDefault();
  }

  #listKey(event: KeyboardEvent): void {
    const rows = this.#rows;
    const id = rows[this.active];
    const isHit = this.state?.results.kind === "hits";
    if (event.key === "ArrowDown") this.#focusRow(this.#beside(1));
    else if (event.key === "ArrowUp") this.#focusRow(this.#beside(-1));
    else if (event.key === "Home") this.#focusRow(0);
    else if (event.key === "End") this.#focusRow(rows.length - 1);
    else if (event.key === "PageDown") this.#focusRow(Math.min(rows.length - 1, this.active + 5));
    else if (event.key === "PageUp") this.#focusRow(Math.max(0, this.active - 5));
    else if (event.key === "Escape") this.#focusRow(-1);
    else if (id === undefined) return;
    else if (event.key === "Enter" && event.altKey && isHit) this.post({ type: "similarTo", id });
    else if (event.key === "Enter") this.post({ type: "open", id, side: event.ctrlKey || event.metaKey, how: "open" });
    else if (event.key === " ") this.post({ type: "open", id, side: false, how: "look" });
    else if (isHit && event.key === (this.expanded.has(id) ? "ArrowLeft" : "ArrowRight")) {
      this.#reveal = true;
      this.#toggle(id);
    } else return;
    event.preventDefault();
  }

  #clear(): void {
    clearTimeout(this.#typing);
    this.#typing = undefined;
    this.query = "";
    this.#awaited = "";
    this.post({ type: "clear" });
    this.#box?.focus();
  }

  #backToSearch(): void {
    if (this.query === "") return this.#clear();
    this.#search(this.query, this.#filters, false);
    this.#box?.focus();
  }

  protected override render(): TemplateResult {
    const { state } = this;
    if (!state) return html``;
    return html`<div class="top">${this.#renderBox(state)} ${this.filtersOpen ? this.#renderFilters(state) : nothing} ${this.#renderProgress(state)}</div>
      <main>${state.working ? html`<div class="summary" role="status">${state.working.label}</div>` : nothing}${this.#renderMain(state)}</main>`;
  }

  #renderBox(state: ViewState): TemplateResult {
    const filtered = filterTexts(this.#filters, state.folder).length;
    return html`<div class="box" role="search">
      <span class="lens">${searchIcon}</span>
      <input
        id="query"
        type="text"
        role="searchbox"
        autocomplete="off"
        spellcheck="false"
        maxlength="20000"
        aria-label="Search by meaning"
        aria-controls="list"
        placeholder="What does the code do?"
        .value=${this.query}
        @input=${this.#typed}
        @keydown=${this.#boxKey}
        @focus=${this.#boxFocused}
      />
      ${this.query === "" ? nothing : html`<button title="Clear (Esc)" aria-label="Clear" @click=${this.#clear}>${closeIcon}</button>`}
      ${state.history.length > 0 ? html`<button class=${this.historyOpen ? "on" : ""} title="Earlier searches" aria-label="Earlier searches" aria-expanded=${this.historyOpen} @keydown=${this.#historyKey} @click=${() => (this.historyOpen = !this.historyOpen)}>${historyIcon}</button>` : nothing}
      <button class=${this.filtersOpen ? "on" : ""} title="Filters" aria-label="Filters" aria-expanded=${this.filtersOpen} @click=${() => (this.filtersOpen = !this.filtersOpen)}>
        ${filterIcon}${filtered > 0 ? html`<span class="badge">${filtered}</span>` : nothing}
      </button>
    </div>
    ${this.historyOpen ? this.#renderHistory(state) : nothing}`;
  }

  #renderHistory(state: ViewState): TemplateResult {
    return html`<div class="history" role="group" aria-label="Earlier searches" @keydown=${this.#historyKey}>
      ${state.history.slice(0, 12).map(
        (query) =>
          html`<button class="entry" @click=${() => {
            this.historyOpen = false;
            this.#search(query, this.#filters, true);
            this.#box?.focus();
          }}>${historyIcon}<span>${query}</span></button>`,
      )}
      <button class="link" @click=${this.#forgetHistory}>Forget earlier searches</button>
    </div>`;
  }

  /** The entry that was pressed goes with its list: the keyboard must not go with them. */
  #forgetHistory(): void {
    this.historyOpen = false;
    this.#box?.focus();
    this.post({ type: "forgetHistory" });
  }

  #renderFilters({ languages, folder }: ViewState): TemplateResult {
    const filters = this.#filters;
    // A chosen language stays visible even when it is not among the most frequent ones.
    const shown = [...languages.filter(({ lang }, i) => i < CHIPS || filters.langs.includes(lang)), ...filters.langs.filter((lang) => !languages.some((known) => known.lang === lang)).map((lang) => ({ lang, files: 0 }))];
    const { langs, path, root } = filters;
    return html`<div class="filters">
      ${root === undefined ? nothing : html`<div class="chips"><button class="chip" aria-pressed="true" title="Search all folders again" @click=${() => this.#search(this.query, { langs, path }, false)}>in ${folder}</button></div>`}
      <div class="chips" role="group" aria-label="Languages">
        ${shown.map(({ lang, files }) => html`<button class="chip" aria-pressed=${filters.langs.includes(lang)} title="Only ${lang}" @click=${() => this.#toggleLang(lang)}>${lang}${files > 0 ? html`<span class="n">${count(files)}</span>` : nothing}</button>`)}
      </div>
      <label class="path">in <input type="text" spellcheck="false" placeholder="folder or file, for example src/server" .value=${filters.path} aria-label="Only paths that contain" @change=${(event: Event) => this.#search(this.query, { ...filters, path: (event.target as HTMLInputElement).value }, false)} /></label>
    </div>`;
  }

  #renderProgress({ index, busy, working }: ViewState): TemplateResult {
    if (working?.fraction !== undefined) return html`<progress class="line" max="1" .value=${working.fraction} aria-label=${working.label}></progress>`;
    const fraction = index.kind === "working" ? index.fraction : undefined;
    const running = busy || index.kind === "starting" || (index.kind === "working" && fraction === undefined);
    if (fraction !== undefined && !busy) return html`<progress class="line" max="1" .value=${fraction} aria-label="Indexing"></progress>`;
    return running ? html`<progress class="line" aria-label="Working"></progress>` : html`<div class="line"></div>`;
  }

  #renderMain(state: ViewState): TemplateResult | typeof nothing {
    const { results, index, error } = state;
    if (index.kind === "noFolder")
      return empty("Open a folder", html`<p>Strata searches the folders of the workspace, on this machine.</p>`, [["Open Folder", this.#command("openFolder")]]);
    if (index.kind === "failed") return html`${notice(index.reason, [["Restart Engine", this.#command("restart")], ["Show Log", this.#command("showLog")]], true)}${this.#renderResults(state)}`;
    if (error) return html`${notice(error, [], true)}${this.#renderResults(state)}`;
    return results.kind === "none" ? startPage(state, this.#filters, this.#waysOn) : this.#renderResults(state);
  }

  /** Of folders that could not answer; not once more what stands above the list already. */
  #renderFailures({ index }: ViewState, failures: readonly string[]): readonly TemplateResult[] {
    return failures.filter((failure) => index.kind !== "failed" || failure !== index.reason).map((text) => notice(text));
  }

  /** What was not found may still be there: nobody reads on. */
  #renderPause({ index }: ViewState): TemplateResult | typeof nothing {
    return index.kind === "paused" ? notice(index.reason, [["Resume", this.#command("resume")]]) : nothing;
  }

  #command(command: ViewCommand): () => void {
    return () => this.post({ type: "command", command });
  }

  #renderResults(state: ViewState): TemplateResult | typeof nothing {
    const { results } = state;
    if (results.kind === "none") return nothing;
    return results.kind === "duplicates" ? this.#renderDuplicates(state, results) : this.#renderHits(state, results);
  }

  #renderHits(state: ViewState, results: ResultsOf<"hits">): TemplateResult {
    const all = this.#hitsOf(results);
    const hits = this.#drawn(all);
    const words = results.of === "search" ? queryWords(asRead(results.subject, results)) : [];
    return html`<div class="summary" role="status" aria-live="polite">${this.#renderSummary(state, results, all.length)}</div>
      ${hits.length === 0 ? nothing : this.#renderPause(state)}
      ${remarkTexts(results).map((remark) => html`<p class="remark" role="status">${remark}</p>`)}
      ${this.#renderFailures(state, results.failures)}
      ${hits.length === 0
        ? nothingFound(state, results, this.query, this.#filters, this.#waysOn)
        : html`<ul
            id="list"
            role="listbox"
            tabindex="0"
            aria-label="Results"
            aria-busy=${state.busy || results.refining}
            aria-activedescendant=${this.active >= 0 ? rowId(this.active) : nothing}
            @keydown=${this.#listKey}
            @focus=${() => this.active < 0 && this.#focusRow(0)}
            @pointermove=${() => (this.#pointed = true)}
            @pointerleave=${this.#pointerLeft}
          >
            ${repeat(hits, ({ id }) => id, (hit, index) => {
              const [active, expanded] = [index === this.active, this.expanded.has(hit.id)];
              // Of hundreds of rows a key changes two: the code of the others need not be read again.
              return guard([hit, index, hits.length, active, expanded, ...words], () => hitRow({ hit, index, count: hits.length, active, expanded, words }, this.#actions));
            })}
          </ul>`}
      ${hits.length < all.length ? html`<button class="weak" @click=${() => this.#showWeak(hits.length)}>Show ${plural(all.length - hits.length, "weaker result")}</button>` : nothing}
      <div class="news" role="status">${this.pending ? html`<button class="reorder" @click=${this.#takeOrder}>A better order has arrived. Show it</button>` : nothing}</div>`;
  }

  #renderSummary(state: ViewState, results: ResultsOf<"hits">, shown: number): TemplateResult {
    return html`${results.of === "similar" ? this.#renderSubject(html`Similar to <strong>${results.subject}</strong>`) : nothing}
      ${coverageLine(state, results.coverage, plural(shown, "result"), ` Answered in ${Math.round(results.tookMs)} ms.`, results.refining)}`;
  }

  /** What the list is of in place of a search, and the way back to that. */
  #renderSubject(what: TemplateResult): TemplateResult {
    return html`<div class="subject"><span>${what}</span><button title="Back to the search" aria-label="Back to the search" @click=${this.#backToSearch}>${closeIcon}</button></div>`;
  }

  #renderDuplicates(state: ViewState, { subject, nothingPasses, whyNothing, groups, coverage, apart, failures }: ResultsOf<"duplicates">): TemplateResult {
    const all = subject === "" ? `No two pieces of code of six lines or more${apart ? " in one workspace folder" : ""} do the same.` : `Nothing of six lines or more in it stands anywhere else${apart ? " in its workspace folder" : ""}.`;
    const none = nothingPasses ? whyNothing ?? "It is not in the index: left out, without code, or written just now." : all;
    return html`<div class="summary" role="status">
        ${this.#renderSubject(html`Duplicates${subject === "" ? nothing : html` of <strong>${subject}</strong>`}`)}
        ${coverageLine(state, coverage, plural(groups.length, "group"), "", false)}
      </div>
      ${apart ? html`<p class="remark">Each workspace folder is compared by itself.</p>` : nothing}
      ${this.#renderPause(state)}
      ${this.#renderFailures(state, failures)}
      ${groups.length === 0 ? empty("No duplicates", html`<p>${none}</p>`) : this.#renderGroups(groups)}`;
  }

  #renderGroups(groups: readonly ViewDuplicateGroup[]): TemplateResult {
    let index = -1;
    return html`<div id="list" role="listbox" tabindex="0" aria-label="Duplicates" aria-activedescendant=${this.active >= 0 ? rowId(this.active) : nothing} @keydown=${this.#listKey} @focus=${() => this.active < 0 && this.#focusRow(0)}>
        ${groups.map(
          (group) => html`<section class="group" role="group" aria-label="${copiesTitle(group)}, ${plural(group.lines, "line")}">
            <header><span class="tag">${copiesTitle(group)}</span><span class="dim">${[plural(group.lines, "line"), plural(group.members.length, "place"), copiesLikeness(group)].filter((text) => text !== "").join(", ")}</span></header>
            ${group.members.map((member) => {
              const row = ++index;
              const [folder, name] = splitPath(member.path);
              return html`<div id=${rowId(row)} class="member ${row === this.active ? "active" : ""}" role="option" aria-selected=${row === this.active} data-path=${member.path} data-about=${resultContext(member.id, true)} @mousedown=${() => this.#pointAt(row)} @click=${(event: MouseEvent) => this.#clicked(member.id, event)}>
                <span class="symbol">${member.symbol || name}</span>
                <span class="path" title=${shownPath(member)}>${rootOf(member)}<span class="folder">${folder}</span><span class="name">${name}</span><span class="lines">:${member.startLine}-${member.endLine}</span></span>
              </div>`;
            })}
          </section>`,
        )}
      </div>`;
  }
}

customElements.define("strata-panel", SearchPanel);
