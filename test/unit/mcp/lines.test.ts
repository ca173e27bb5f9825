// What a client gets for lines that are no request, and that none of them costs the next.
import assert from "node:assert/strict";
import { test } from "node:test";
import { understoodLines } from "../../../src/mcp/lines.ts";

type Answer = { id: unknown; error: { code: number; message: string } };

/** Writes these pieces; gives the lines that get through and what the client reads. */
async function sent(...pieces: (string | Buffer)[]): Promise<{ through: string[]; answers: Answer[]; refused: string[] }> {
  const [answers, refused]: [Answer[], string[]] = [[], []];
  const lines = understoodLines(
    (line) => {
      assert.ok(line.endsWith("\n"));
      answers.push(JSON.parse(line) as Answer);
    },
    (message) => refused.push(message),
  );
  for (const piece of pieces) lines.write(piece);
  lines.end();
  let text = "";
  for await (const chunk of lines) text += String(chunk);
  return { through: text.split("\n").slice(0, -1), answers, refused };
}
const ping = (id: unknown, others: object = {}) => JSON.stringify({ jsonrpc: "2.0", id, method: "ping", ...others });

test("what is understood goes through as it is, however it is cut into pieces", async () => {
  const lines = [ping(1), ping("é日本"), JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }), JSON.stringify({ jsonrpc: "2.0", id: 9, result: {} })];
  const bytes = Buffer.from(`\ufeff${lines.join("\r\n")}\n \n\n`);
  assert.deepEqual(await sent(bytes), { through: lines, answers: [], refused: [] });
  assert.deepEqual((await sent(...Array.from(bytes, (byte) => Buffer.from([byte])))).through, lines);
});

const refusals: [name: string, line: string, id: unknown, code: number, says: RegExp][] = [
  ["no JSON", "{oops", null, -32700, /no JSON/],
  ["a batch", `[${ping(1)}]`, null, -32600, /list.*line of its own/],
  ["nothing at all", "null", null, -32600, /no request/],
  ["a number", "5", null, -32600, /no request/],
  ["another version", ping(4, { jsonrpc: "1.0" }), 4, -32600, /"jsonrpc": "2\.0"/],
  ["no method", ping("a", { method: undefined }), "a", -32600, /method/],
  ["params in a list", ping(6, { params: [] }), 6, -32600, /params/],
  ["a progress token that is none", ping(7, { params: { _meta: { progressToken: null } } }), 7, -32600, /progressToken/],
  ["an id that is none", ping({}), null, -32600, /id that is text or a whole number/],
  ["an id with a fraction", ping(1.5), null, -32600, /id that is/],
  ["no id where there is one", ping(null), null, -32600, /id that is/],
];
for (const [name, line, id, code, says] of refusals)
  test(`a request with ${name} is answered, and the one behind it served`, async () => {
    const { through, answers, refused } = await sent(`${line}\n${ping(99)}\n`);
    assert.deepEqual(through, [ping(99)]);
    assert.deepEqual(answers.map(({ id, error }) => [id, error.code]), [[id, code]]);
    assert.match(answers[0]!.error.message, says);
    assert.deepEqual(refused, [answers[0]!.error.message]);
  });

test("an answer and a notification are never answered, however wrong", async () => {
  const { through, answers, refused } = await sent(`{"jsonrpc":"2.0","id":1,"result":5}\n{"id":2,"error":"no"}\n{"jsonrpc":"2.0","method":"notifications/x","params":5}\n`);
  assert.deepEqual([through, answers, refused.length], [[], [], 3]);
});

test("a message without end takes no memory and costs the next one nothing", async () => {
  const part = Buffer.alloc(1_000_000, "x");
  const before = process.memoryUsage().arrayBuffers;
  const { through, answers } = await sent(ping(1), "\n", ...Array.from({ length: 40 }, () => part), "\n", ping(2), "\n");
  assert.deepEqual(through, [ping(1), ping(2)]);
  assert.deepEqual(answers.map(({ id, error }) => [id, error.code]), [[null, -32600]]);
  assert.match(answers[0]!.error.message, /longer than 5 MB/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 20_000_000);
});
