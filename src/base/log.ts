// The core never prints; whoever composes a program passes a Log.

export type LogLevel = "debug" | "info" | "warn" | "error";
export type Log = (level: LogLevel, message: string, error?: unknown) => void;

export const silentLog: Log = () => {};
