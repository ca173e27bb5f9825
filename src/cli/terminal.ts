// Where a command writes and how: results on stdout, everything else on stderr, colours only for people. Owns the styles and
// the cleaning of foreign text; what is written is render.ts and progress.ts.
import { addAbortSignal } from "node:stream";
import { styleText } from "node:util";
import { oneLine } from "../base/oneLine.ts";

export interface Terminal {
  /** Results. */
  readonly out: (text: string) => void;
  /** Progress, warnings and errors. */
  readonly err: (text: string) => void;
  readonly outColour: boolean;
  /** stderr is a terminal: a progress bar may redraw its line. */
  readonly errInteractive: boolean;
  readonly columns: number;
}

/** What is piped in, until its end; undefined when there is more of it. @throws the signal's reason when aborted */
export async function pipedIn(most: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of addAbortSignal(signal, process.stdin)) {
    parts.push(part as Buffer);
    if ((size += (part as Buffer).length) > most) return undefined;
  }
  return Buffer.concat(parts);
}

/** What every command gets beside its own arguments. */
export interface Context {
  readonly terminal: Terminal;
  readonly json: boolean;
  /** Absolute folder of the model to use, or undefined for the engine's own choice. */
  readonly modelFolder: string | undefined;
  readonly signal: AbortSignal;
}

/** @param env NO_COLOR (any value but "") switches colours off, as no-color.org asks. */
export function processTerminal(env: NodeJS.ProcessEnv = process.env): Terminal {
  const plain = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    outColour: process.stdout.isTTY === true && !plain,
    errInteractive: process.stderr.isTTY === true && env["TERM"] !== "dumb",
    columns: Math.max(40, process.stdout.columns || 100), // a pseudo-terminal without a size says 0
  };
}

type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

export function painter(colour: boolean): Paint {
  return colour ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;
}

/** Source text can hold escape sequences that move the cursor or retitle the window: shows them as a dot instead. */
export function printable(text: string): string {
  return oneLine(text.replace(/\t/g, "  "));
}

/** Some terminals take the controls between ASCII and Latin-1 for commands, and JSON may hold them as they are. */
export const jsonLine = (value: unknown): string => `${JSON.stringify(value).replace(/[\x7f-\x9f]/g, (control) => `\\u00${control.charCodeAt(0).toString(16)}`)}\n`;

export function clip(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}

export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  const units = ["kB", "MB", "GB"];
  let size = n / 1000;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}
