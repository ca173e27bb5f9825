// Every failure a person can meet: a stable code, a sentence that says what happened and what to do, and the cause for the log.

/** Stable codes; tests and clients match on these, never on message text. */
export const errorCodes = [
  "engine.failed",
  "engine.newer",
  "engine.older",
  "engine.unreachable",
  "index.busy",
  "index.damaged",
  "index.diskFull",
  "index.held",
  "index.unwritable",
  "input.invalid",
  "model.damaged",
  "model.missing",
  "model.unsupported",
  "native.missing",
  "node.tooOld",
  "training.failed",
  "workspace.missing",
] as const;
export type ErrorCode = (typeof errorCodes)[number];

export class StrataError extends Error {
  readonly code: ErrorCode;

  /** @param message one or two sentences for the user: what happened, what to do. */
  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "StrataError";
    this.code = code;
  }

  static is(error: unknown, code?: ErrorCode): error is StrataError {
    return error instanceof StrataError && (code === undefined || error.code === code);
  }
}

/** The text for a log: message, code and the chain of causes. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let e: unknown = error, depth = 0; e !== undefined && e !== null && depth < 6; depth++) {
    if (e instanceof Error) {
      parts.push(e instanceof StrataError ? `[${e.code}] ${e.message}` : (e.stack ?? e.message));
      e = e.cause;
    } else {
      parts.push(String(e));
      break;
    }
  }
  return parts.join("\n  caused by ");
}

/** What a person reads of an error that nobody has put into words: it may quote megabytes of what it is about. */
const MAX_WORDS = 500;

/** The sentence to show a person for any thrown value. */
export function userMessage(error: unknown): string {
  const words = error instanceof Error ? error.message : String(error);
  return StrataError.is(error) || words.length <= MAX_WORDS ? words : `${words.slice(0, MAX_WORDS)}…`;
}
