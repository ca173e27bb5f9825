// Between AbortSignals, which everything here takes, and the cancellation tokens of JSON-RPC and VS Code.
import { type CancellationToken, CancellationTokenSource } from "vscode-jsonrpc/node";

/** What the tokens of JSON-RPC and of VS Code have in common. */
type AnyToken = Pick<CancellationToken, "isCancellationRequested"> & { onCancellationRequested(listener: () => void): unknown };

export function signalOf(token: AnyToken): AbortSignal {
  const controller = new AbortController();
  if (token.isCancellationRequested) controller.abort();
  else token.onCancellationRequested(() => controller.abort());
  return controller.signal;
}

/** Sends with a token that is cancelled when the signal aborts; sends nothing when it has. */
export async function withToken<R>(signal: AbortSignal, send: (token: CancellationToken) => Promise<R>): Promise<R> {
  signal.throwIfAborted();
  const source = new CancellationTokenSource();
  const tell = (): void => source.cancel();
  signal.addEventListener("abort", tell, { once: true });
  try {
    return await send(source.token);
  } finally {
    signal.removeEventListener("abort", tell);
    source.dispose();
  }
}
