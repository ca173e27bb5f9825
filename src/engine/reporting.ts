// How far a request is, on its way back to whoever asked: under a number that the client makes up and the request carries.
import type { MessageConnection } from "vscode-jsonrpc/node";
import type { OnProgress } from "../base/progress.ts";
import { progress, type ReportingParams } from "./protocol.ts";

let tokens = 0;

/** Sends with what the parameters must carry besides, and listens until the answer is there. */
export async function withProgress<R>(connection: MessageConnection, onProgress: OnProgress | undefined, send: (besides: ReportingParams) => Promise<R>): Promise<R> {
  if (!onProgress) return send({});
  const progressToken = ++tokens;
  const heard = connection.onProgress(progress, progressToken, onProgress);
  try {
    return await send({ progressToken });
  } finally {
    heard.dispose();
  }
}
