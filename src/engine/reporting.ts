// News on its way to a client: how far its request is, under a number that the client makes up and the request carries; and no more of it than the
// client takes.
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

/** Sends one after the other. Of what comes while one is under way only the newest is kept: a client that does not read (it was suspended) must not fill the memory. `send` must not reject. */
export function newestOnly<T>(send: (value: T) => Promise<unknown>): (value: T) => void {
  let isSending = false;
  let next: { readonly value: T } | undefined;
  const go = async (): Promise<void> => {
    isSending = true;
    while (next) {
      const { value } = next;
      next = undefined;
      await send(value);
    }
    isSending = false;
  };
  return (value) => {
    next = { value };
    if (!isSending) void go();
  };
}
