// What an agent's program writes, line by line, before the SDK sees it. The SDK passes over what it does not understand without a word, so whoever sent that
// waits for an answer for ever, and it ends at a line of more than 10 MB. Here each of them is answered as JSON-RPC has it.
import { Transform } from "node:stream";
import { parseJSONRPCMessage } from "@modelcontextprotocol/server";

/** The longest argument has 100,000 characters. */
const MOST_BYTES = 5_000_000;

const NO_REQUEST = 'This is no request of JSON-RPC 2.0. It needs "jsonrpc": "2.0", an id that is text or a whole number, a method, and params, if any, that are an object; so is their _meta, whose progressToken is text or a whole number.';

interface Refusal {
  /** Undefined: an answer or a notification, to which there is none. */
  readonly id?: string | number | null;
  readonly code: number;
  readonly message: string;
}

function refusalOf(line: string): Refusal | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return { id: null, code: -32700, message: "This line is no JSON. Each message is JSON on a line of its own." };
  }
  if (Array.isArray(json)) return { id: null, code: -32600, message: "Several messages in a list are not taken. Send each on a line of its own." };
  try {
    parseJSONRPCMessage(json);
    return undefined;
  } catch {
    const message = (typeof json === "object" && json !== null ? json : {}) as Record<string, unknown>;
    const { id } = message;
    const isAnswered = !("result" in message || "error" in message || (typeof message["method"] === "string" && !("id" in message)));
    return { ...(isAnswered && { id: typeof id === "string" || Number.isInteger(id) ? (id as string | number) : null }), code: -32600, message: NO_REQUEST };
  }
}

/** Lets through what the SDK understands. @param refuse is told the rest @param answer takes a line for the client */
export function understoodLines(answer: (line: string) => void, refuse: (message: string) => void): Transform {
  let parts: Buffer[] = [];
  let bytes = 0;
  const add = (part: Buffer): void => {
    bytes += part.length;
    if (bytes <= MOST_BYTES) parts.push(part);
    else parts = [];
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      let from = 0;
      for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", from)) {
        add(chunk.subarray(from, end));
        const isTooLong = bytes > MOST_BYTES;
        const line = Buffer.concat(parts).toString().replace(/^\ufeff/, "").trim();
        [parts, bytes, from] = [[], 0, end + 1];
        const refusal = isTooLong ? { id: null, code: -32600, message: `This message is longer than ${MOST_BYTES / 1e6} MB.` } : line === "" ? undefined : refusalOf(line);
        if (refusal) {
          refuse(refusal.message);
          const { id, ...error } = refusal;
          if (id !== undefined) answer(`${JSON.stringify({ jsonrpc: "2.0", id, error })}\n`);
        } else if (line !== "") this.push(`${line}\n`);
      }
      add(chunk.subarray(from));
      done();
    },
  });
}
