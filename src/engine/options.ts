// What an engine is opened with, and the settings that hold until a client configures it.
import { defaultMaxFileBytes } from "../base/fileSize.ts";
import type { Log } from "../base/log.ts";
import type { OnnxEncoderOptions } from "../encoding/onnxEncoder.ts";
import type { EngineSettings } from "./protocol.ts";

export interface EngineOptions {
  /** Canonical workspace root. */
  readonly root: string;
  /** Index folder, owner-only. */
  readonly folder: string;
  /** For an index that has no model of its own choice; "" for the bundled one. */
  readonly modelFolder: string;
  readonly parseWorkers: number;
  /** Both: see StoreOptions. */
  readonly graphFrom?: number | undefined;
  readonly mayWait?: (() => boolean) | undefined;
  /** Chunks that are read deeper unasked; tests take fewer. Default: see pace.ts. */
  readonly mostDeepened?: number;
  /** Chunks from which on the engine warms itself up; tests take fewer. Default: see pace.ts. */
  readonly warmFrom?: number;
  /** See OnnxEncoderOptions. */
  readonly encoder?: OnnxEncoderOptions;
  readonly log: Log;
}

export const defaultSettings: Required<EngineSettings> = { backgroundDepth: "deep", exclude: [], maxFileBytes: defaultMaxFileBytes, paused: false };
