// The vectors of one depth in memory and their HNSW graph, which is made when there are enough of them to pay for it. Rows [0, indexed) are in
// the graph; the tail is pending and scanned exactly, so a search is complete at any moment. The graph file is a cache: SQLite is the truth.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { open, rename, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { HierarchicalNSW } from "hnswlib-node";
import { hashFile } from "../base/hash.ts";
import type { Depth, Int8Vector } from "../encoding/encoder.ts";
import { hasSimd } from "../encoding/int8Kernel.ts";
import type { AllowedChunks } from "./allowed.ts";
import { TopK, VectorRows, type Scored } from "./vectors.ts";

/**
 * hnswlib's own names. Measured on 30,000 clustered vectors of 384 dimensions, k = 10, against the exact scan: ef 64 finds 85 % in 0.4 ms,
 * ef 200 finds 95 % in 0.8 ms, ef 300 finds 97 % in 1.2 ms.
 */
const M = 16;
const EF_CONSTRUCTION = 100;
const EF_SEARCH = 200;
const FORMAT = 1;
/** Searches in a graph that was just read, before it is trusted: what makes hnswlib crash stands mostly where all searches pass. 50 ms in a graph of a million. */
const TRIAL = 64;

/**
 * Number of vectors from which a tier has a graph. Below, the SIMD scan is fast enough, finds everything, and costs nothing to keep: measured in processor
 * time with 384 dimensions and V8's baseline compiler, it takes 1.7 ms at 44,000 vectors and 26.9 ms at 1,100,000 (0.7 and 27 with VNNI), a search in a graph of 20,000 takes 3 to
 * 4 ms. A graph costs 0.6 KB a vector, and of 1,138,754 more than five minutes of the thread that answers, in slices; so it begins where scanning would be
 * half of what a query may take. Without SIMD the scan takes forty times as long.
 */
export const defaultGraphFrom = hasSimd() ? 500_000 : 2_000;

export type GraphModule = { readonly HierarchicalNSW: typeof HierarchicalNSW };

/** The native module, or undefined with the reason when it cannot load here (exact search serves then). */
export function loadGraphModule(): { readonly module?: GraphModule; readonly reason?: unknown } {
  try {
    return { module: createRequire(import.meta.url)("hnswlib-node") as GraphModule };
  } catch (reason) {
    return { reason };
  }
}

/** Beside each graph file. A graph is opened only when all of it matches: hnswlib ends the process on some damaged files. */
interface Sidecar {
  readonly format: number;
  /** The database whose chunk ids are the labels. */
  readonly database: string;
  readonly model: string;
  readonly depth: Depth;
  readonly dims: number;
  readonly points: number;
  /** Labels marked deleted in the file. */
  readonly deleted: readonly number[];
  readonly sha256: string;
}

export interface TierIdentity {
  readonly database: string;
  readonly model: string;
  readonly depth: Depth;
  readonly dims: number;
  /** Width of the Matryoshka prefix in the graph; `dims` when the model has none. */
  readonly graphDims: number;
}

interface Graph {
  readonly index: HierarchicalNSW;
  capacity: number;
  points: number;
  /** Labels that are in the graph but no longer in the rows; `unmarked` of them hnswlib has not been told of yet. */
  readonly deleted: Set<number>;
  readonly unmarked: Set<number>;
}

export class Tier {
  readonly identity: TierIdentity;
  readonly rows: VectorRows;
  readonly #module: GraphModule | undefined;
  readonly #graphFrom: number;
  #graph: Graph | undefined;
  #indexed = 0;
  #changed = false;
  /** A load or a save runs in hnswlib's own thread: the graph must not be changed meanwhile. */
  #busy = false;

  /** @param graphFrom number of vectors from which a graph is made. */
  constructor(identity: TierIdentity, module: GraphModule | undefined, graphFrom: number) {
    this.identity = identity;
    this.rows = new VectorRows(identity.dims);
    this.#module = module;
    this.#graphFrom = graphFrom;
  }
  /** For tests. */
  get state(): { readonly depth: Depth; readonly vectors: number; readonly inGraph: number; readonly deleted: number } {
    return { depth: this.identity.depth, vectors: this.rows.count, inGraph: this.#indexed, deleted: this.#graph?.deleted.size ?? 0 };
  }

  add(chunkId: number, vector: Int8Vector): void {
    this.rows.add(chunkId, vector);
    const graph = this.#graph;
    if (!graph?.deleted.has(chunkId)) return;
    // It was here before (a branch switch and back): its point is still in the graph.
    if (this.#busy && !graph.unmarked.has(chunkId)) return;
    if (!graph.unmarked.delete(chunkId)) graph.index.unmarkDelete(chunkId);
    graph.deleted.delete(chunkId);
    this.rows.swap(this.rows.count - 1, this.#indexed++);
    this.#changed = true;
  }
  remove(chunkId: number): void {
    let row = this.rows.rowOf(chunkId);
    if (row === undefined) return;
    if (row < this.#indexed) {
      this.#graph!.deleted.add(chunkId);
      this.#graph!.unmarked.add(chunkId);
      this.#applyDeletions();
      this.rows.swap(row, --this.#indexed);
      row = this.#indexed;
      this.#changed = true;
    }
    this.rows.swap(row, this.rows.count - 1);
    this.rows.removeLast();
  }

  /** The k nearest with their cosines, best first. With `allowed` the scan is exact: a graph walk would meet few of the allowed. */
  search(query: Float32Array, k: number, allowed?: AllowedChunks): Scored[] {
    const { rows } = this;
    if (rows.count === 0) return [];
    const prepared = rows.prepare(query);
    const top = new TopK(k);
    const graph = this.#graph;
    if (!graph || allowed) {
      rows.scan(prepared, 0, rows.count, top, allowed);
      return top.sorted();
    }
    const { graphDims, dims } = this.identity;
    // A prefix only preselects; the stored vectors decide among more candidates.
    const candidates = Math.min(this.#indexed, graphDims < dims ? Math.max(4 * k, 100) : k + 10);
    if (candidates > 0) {
      graph.index.setEf(Math.max(EF_SEARCH, 3 * candidates));
      for (const label of graph.index.searchKnn(prefix(query, graphDims), candidates).neighbors) {
        const row = rows.rowOf(label);
        // Deletions of which hnswlib has not heard yet have no row; pending rows come below.
        if (row !== undefined && row < this.#indexed) top.offer(label, rows.score(prepared, row));
      }
    }
    rows.scan(prepared, this.#indexed, rows.count, top);
    return top.sorted();
  }

  /** Brings the graph nearer to the rows until `deadline` (performance.now). True when nothing is left to do. */
  drain(deadline: number): boolean {
    const { rows } = this;
    if (!this.#module) return true;
    if (this.#busy) return false;
    const graph = this.#graph;
    // Mostly deletions, or so few left that the scan is faster: cheaper made again than carried along.
    if (graph && (rows.count < this.#graphFrom / 2 || graph.deleted.size > graph.points / 2)) {
      this.#graph = undefined;
      this.#indexed = 0;
      this.#changed = true;
    }
    if (!this.#graph) {
      if (rows.count < this.#graphFrom) return true;
      this.#graph = this.#newGraph(Math.ceil(rows.count * 1.1));
    }
    // One at least, so that a machine too busy for any budget still gets on.
    while (this.#indexed < rows.count) {
      this.#insert(this.#graph, this.#indexed);
      this.#indexed++;
      this.#changed = true;
      if (performance.now() >= deadline) break;
    }
    return this.#indexed === rows.count;
  }
  #newGraph(capacity: number): Graph {
    const index = new this.#module!.HierarchicalNSW("ip", this.identity.graphDims);
    index.initIndex({ maxElements: capacity, m: M, efConstruction: EF_CONSTRUCTION, randomSeed: 100 });
    return { index, capacity, points: 0, deleted: new Set(), unmarked: new Set() };
  }
  #insert(graph: Graph, row: number): void {
    const { rows } = this;
    const chunkId = rows.idAt(row);
    // Came back while the graph was being saved.
    if (graph.deleted.delete(chunkId)) {
      if (!graph.unmarked.delete(chunkId)) graph.index.unmarkDelete(chunkId);
      return;
    }
    if (graph.points >= graph.capacity) {
      graph.capacity = Math.ceil(graph.capacity * 1.3) + 256;
      graph.index.resizeIndex(graph.capacity);
    }
    graph.index.addPoint(prefix(rows.valuesAt(row), this.identity.graphDims), chunkId);
    graph.points++;
  }
  #applyDeletions(): void {
    const graph = this.#graph;
    if (!graph || this.#busy) return;
    for (const label of graph.unmarked) graph.index.markDelete(label);
    graph.unmarked.clear();
  }

  /**
   * Loads the graph file, if it is sound and belongs to these rows, and brings rows and graph together. Searches are exact meanwhile. Returns a reason
   * when a file was damaged. A file that cannot be used is deleted, and the graph grows again by `drain`. Its description lies aside meanwhile: of a file
   * by which hnswlib ends the process, the next engine finds none.
   */
  async load(file: string): Promise<string | undefined> {
    removeGraph(`${file}.new`); // left by a kill while saving
    const aside = `${sidecarOf(file)}.aside`;
    const wasTried = existsSync(aside);
    rmSync(aside, { force: true });
    if (!existsSync(file)) {
      removeGraph(file); // a description without a graph
      return undefined;
    }
    if (this.rows.count < this.#graphFrom / 2) return this.#discard(file); // as drain would
    if (!this.#module) return undefined;
    this.#busy = true;
    try {
      const { identity } = this;
      const sidecar = readSidecar(file);
      if (!sidecar) throw new Error(wasTried ? "the engine that read it last ended over it" : "its description is missing or damaged");
      if (sidecar.format !== FORMAT || sidecar.database !== identity.database || sidecar.model !== identity.model || sidecar.depth !== identity.depth || sidecar.dims !== identity.graphDims)
        return this.#discard(file); // another model's, or of a database that was made again: expected, no news for anybody
      if ((await hashFile(file)) !== sidecar.sha256) throw new Error("its checksum does not match");
      await rename(sidecarOf(file), aside);
      const index = new this.#module.HierarchicalNSW("ip", identity.graphDims);
      await index.readIndex(file);
      index.setEf(EF_SEARCH);
      const labels = index.getIdsList();
      if (index.getCurrentCount() !== sidecar.points || labels.length !== sidecar.points) throw new Error("it does not hold what its description says");
      this.#adopt(index, labels, sidecar.deleted);
      for (let row = 0; row < Math.min(this.#indexed, TRIAL); row++) index.searchKnn(prefix(this.rows.valuesAt(row), identity.graphDims), 1);
      await rename(aside, sidecarOf(file));
      return undefined;
    } catch (error) {
      this.#discard(file);
      return error instanceof Error ? error.message : String(error);
    } finally {
      this.#busy = false;
    }
  }
  #discard(file: string): undefined {
    this.#graph = undefined;
    this.#indexed = 0;
    removeGraph(file);
    rmSync(`${sidecarOf(file)}.aside`, { force: true });
  }
  #adopt(index: HierarchicalNSW, labels: readonly number[], markedDeleted: readonly number[]): void {
    const { rows } = this;
    const deleted = new Set(markedDeleted);
    this.#indexed = 0;
    this.#changed = false;
    for (const label of labels) {
      const row = rows.rowOf(label);
      if (row === undefined) {
        if (deleted.has(label)) continue;
        index.markDelete(label);
        deleted.add(label);
        this.#changed = true;
      } else {
        if (deleted.delete(label)) {
          index.unmarkDelete(label);
          this.#changed = true;
        }
        rows.swap(row, this.#indexed++);
      }
    }
    this.#graph = { index, capacity: index.getMaxElements(), points: labels.length, deleted, unmarked: new Set() };
  }

  /** Writes graph and description to temporary files, syncs them and renames both; a kill at any point leaves a pair that matches or is refused. */
  async save(file: string): Promise<void> {
    const graph = this.#graph;
    if (this.#busy || (!this.#changed && graph !== undefined)) return;
    if (!graph) {
      if (this.#changed) removeGraph(file);
      this.#changed = false;
      return;
    }
    const temporary = `${file}.new`;
    this.#busy = true;
    this.#changed = false;
    try {
      const { identity } = this;
      const deleted = [...graph.deleted].filter((label) => !graph.unmarked.has(label));
      await graph.index.writeIndex(temporary);
      // hnswlib does not look whether its writes succeed: on a full disk the file is short.
      if ((await stat(temporary)).size < graph.points * (identity.graphDims * 4 + M * 8)) throw Object.assign(new Error(`${temporary} is incomplete`), { code: "ENOSPC" });
      const sidecar: Sidecar = {
        format: FORMAT, database: identity.database, model: identity.model, depth: identity.depth, dims: identity.graphDims,
        points: graph.points, deleted, sha256: await hashFile(temporary),
      };
      await writeFile(sidecarOf(temporary), JSON.stringify(sidecar), { mode: 0o600 });
      await sync(temporary);
      await sync(sidecarOf(temporary));
      await rename(temporary, file);
      await rename(sidecarOf(temporary), sidecarOf(file));
    } catch (error) {
      this.#changed = true;
      removeGraph(temporary);
      throw error;
    } finally {
      this.#busy = false;
      this.#applyDeletions();
    }
  }
}

export const sidecarOf = (graphFile: string): string => graphFile.replace(/(\.new)?$/, ".json$1");

/** With its description. */
export function removeGraph(file: string): void {
  for (const name of [file, sidecarOf(file)]) rmSync(name, { force: true });
}

/** The leading components as a unit vector: a scale common to all of them falls out. */
function prefix(values: ArrayLike<number>, dims: number): number[] {
  let squares = 0;
  for (let i = 0; i < dims; i++) squares += values[i]! * values[i]!;
  const factor = squares > 0 ? 1 / Math.sqrt(squares) : 0;
  const out = new Array<number>(dims);
  for (let i = 0; i < dims; i++) out[i] = values[i]! * factor;
  return out;
}

function readSidecar(file: string): Sidecar | undefined {
  try {
    const sidecar = JSON.parse(readFileSync(sidecarOf(file), "utf8")) as Sidecar;
    return Array.isArray(sidecar.deleted) ? sidecar : undefined;
  } catch {
    return undefined;
  }
}

async function sync(file: string): Promise<void> {
  const handle = await open(file, "r+");
  try {
    await handle.chmod(0o600);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
