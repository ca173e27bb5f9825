import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseQuery } from "../../../src/search/query.ts";
import { editDistance, respelt } from "../../../src/search/spelling.ts";
import { MemoryStore } from "../../support/memoryStore.ts";

const store = new MemoryStore([
  { path: "src/http/client.ts", symbols: ["HttpClient"], kind: "class", text: "class HttpClient {\n  // caches the response of each request\n  fetch(url: string) {}\n}" },
  { path: "src/http/retry.ts", symbols: ["retryWithBackoff"], text: "function retryWithBackoff() {\n  // waits longer after every failure of authentication\n}" },
  { path: "src/queue.ts", symbols: ["flush_queue"], text: "function flush_queue() {\n  next(nested);\n}" },
  { path: "src/queues.ts", symbols: ["Queue"], text: "class Queue {}\nnew Queue();\nnew Queue();" },
]);
const read = (query: string, words: readonly string[] = []) => respelt(parseQuery(query), store, (word) => words.includes(word));
const textOf = (query: string, words?: readonly string[]) => read(query, words).query.text;

describe("a misspelt word is read as the nearest word that some code says", () => {
  for (const [typed, expected] of [
    ["HttpClinet", "HttpClient"],
    ["htpClient", "htpClient"],
    ["how is the respnse cached", "how is the response cached"],
    ["repsonse cache", "response cache"],
    ["wait after authentification", "wait after authentication"],
    ["erquest cache", "request cache"],
    ["flush_qeue", "flush_queue"],
    ["retryWithBckoff", "retryWithBackoff"],
    ["flushQuuee of the client", "flush_queue of the client"],
    // A class keeps its capital when one part of it is mended.
    ["RespnseReader of the client", "ResponseReader of the client"],
  ] as const)
    test(`${typed} → ${expected}`, () => assert.equal(textOf(typed), expected));
});

describe("an unfinished word is read as one that goes on from it", () => {
  for (const [typed, expected] of [
    ["HttpCli", "HttpClient"],
    ["HttpCl", "HttpClient"],
    ["retryWithB", "retryWithBackoff"],
    ["authentic failure", "authentication failure"],
    ["flush_que of the client", "flush_queue of the client"],
    // As a word it goes on to nothing, as a name it could.
    ["HttpServ", "HttpServ"],
    // Too short to say which.
    ["res", "res"],
  ] as const)
    test(`${typed} → ${expected}`, () => assert.equal(textOf(typed), expected));

  test("of several the one that most code says", () => {
    const several = new MemoryStore([{ path: "a.ts", text: "requestBody requestor" }, { path: "b.ts", text: "requestBody" }, { path: "c.ts", text: "requestBodies" }]);
    assert.equal(respelt(parseQuery("requestBo"), several, () => false).query.text, "requestBody");
  });

  test("a word that many people write is one, a name made of such words may be unfinished", () => {
    assert.equal(textOf("authentic failure", ["authentic"]), "authentic failure");
    assert.equal(textOf("retryWith", ["retry", "with"]), "retryWithBackoff");
  });
});

test("everything that is derived from the text follows it, and filters stay", () => {
  const { query, respellings } = read("HttpClinet lang:ts -path:test");
  assert.deepEqual(respellings, [{ typed: "HttpClinet", read: "HttpClient" }]);
  const plain = parseQuery("HttpClient lang:ts -path:test");
  assert.deepEqual(query, plain);
});

test("a query for documents still asks for them when a word of it was mended", () => {
  assert.equal(read("respnse cached lang:markdown").query.asksFor.documents, true);
});

describe("a query stays as it was typed", () => {
  for (const [why, query, words] of [
    ["when some code says the word", "nested queue"],
    ["when the word is known to be one", "failure of the clients catches", ["catches"]],
    ["when another form of the word is known", "clientele fetchable failures cachet", ["cachets"]],
    ["when no word is near", "kubernetes client"],
    ["when the word is short", "htp fetch"],
    ["when it is quoted", '"respnse" cache'],
    ["when it is a message", "TypeError: clinet is not a function"],
    ["when it is code", "const clinet = new HttpClinet({ a: 1 }); clinet.fetch();"],
    ["when most of its words are strange", "dei respnse warten fehlre"],
    ["when four words are strange", "the clinet and the respnse and the reqeust and the falure of each client, response, request and failure in the queue"],
    ["when it holds no letters of this alphabet", "клиент ответ"],
  ] as const)
    test(why, () => {
      const { query: asRead, respellings } = read(query, words);
      assert.deepEqual(respellings, []);
      assert.deepEqual(asRead, parseQuery(query));
    });
});

test("a stem of few letters is not bent into another word", () => {
  const short = new MemoryStore([{ path: "a.ts", text: "next end res" }]);
  for (const word of ["nested", "lends", "reuse"]) assert.deepEqual(respelt(parseQuery(`${word} res`), short, () => false).respellings, [], word);
});

test("of equally near words the one that more code says is read", () => {
  const two = new MemoryStore([{ path: "a.ts", text: "bolt" }, { path: "b.ts", text: "bold" }, { path: "c.ts", text: "bold here" }]);
  assert.deepEqual(respelt(parseQuery("bolx here"), two, () => false).respellings, [{ typed: "bolx", read: "bold" }]);
});

test("distances count a swap as one, and stop at the most that is asked for", () => {
  for (const [a, b, distance] of [["", "", 0], ["abc", "abc", 0], ["abc", "acb", 1], ["abc", "abcd", 1], ["abc", "bc", 1], ["kitten", "sitting", 3], ["ca", "abc", 3]] as const) assert.equal(editDistance(a, b, 5), distance, `${a} ${b}`);
  assert.equal(editDistance("kitten", "sitting", 1), 2);
  assert.equal(editDistance("abcdef", "uvwxyz", 2), 3);
});
