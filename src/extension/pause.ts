// The pause that this window has asked for: how long it goes along with what engines are configured with. Another window on the same folder may end it.
// vscode-free.
import type { EngineClient } from "./engineClient.ts";
import type { WorkspaceEngines } from "./workspaceEngines.ts";

export class Pause {
  readonly #engines: Pick<WorkspaceEngines, "clients" | "configure">;
  #asked: boolean | undefined;
  /** Engines that have said, since it was asked for, that they are paused. */
  readonly #heard = new Set<EngineClient>();
  /** What was last said of engines that have ended: it says nothing of the next one. */
  readonly #old = new WeakMap<EngineClient, unknown>();

  constructor(engines: Pick<WorkspaceEngines, "clients" | "configure">) {
    this.#engines = engines;
  }

  /** What is asked of engines that are configured: a pause as long as it is to last, its end once. */
  get asked(): boolean | undefined {
    return this.#asked;
  }

  /** For each engine that is configured now; a pause also for those that start later. */
  async ask(paused: boolean): Promise<void> {
    this.#asked = paused;
    this.#heard.clear();
    await this.#engines.configure();
    if (!paused && this.#asked === false) this.#asked = undefined;
  }

  /** To be called after every change of an engine's state or status. */
  follow(): void {
    for (const { client } of this.#engines.clients) {
      const said = client.status === this.#old.get(client) ? undefined : client.status?.state.kind;
      if (client.state.kind !== "running") {
        this.#heard.delete(client); // the next engine is told of the pause when it starts
        this.#old.set(client, client.status);
      } else if (said === "paused") this.#heard.add(client);
      // An engine that goes on has been told to by somebody; one that has just started knows of nothing yet.
      else if (said !== undefined && said !== "absent" && this.#heard.delete(client) && this.#asked) this.#asked = undefined;
    }
  }
}
