import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseQuery } from "../../../src/search/query.ts";
import { editDistance, respelt, slips } from "../../../src/search/spelling.ts";
import { MemoryStore } from "../../support/memoryStore.ts";

const store = new MemoryStore([
  { path: "src/http/client.ts", symbols: ["HttpClient"], kind: "class", text: "class HttpClient {\n  // caches the response of each request\n  fetch(url: string) {}\n}" },
  { path: "src/http/retry.ts", symbols: ["retryWithBackoff"], text: "function retryWithBackoff() {\n  // waits longer after every failure of authentication\n}" },
  { path: "src/queue.ts", symbols: ["flush_queue"], text: "function flush_queue() {\n  next(nested, MAX_RETRIES);\n}" },
  { path: "src/queues.ts", symbols: ["Queue"], text: "class Queue {}\nnew Queue();\nnew Queue();" },
]);
interface Circumstances {
  readonly words?: readonly string[];
  readonly isTyping?: boolean;
  readonly among?: MemoryStore;
}
const read = (query: string, { words = [], isTyping = false, among = store }: Circumstances = {}) => respelt(query, parseQuery(query), among, { isWord: (word) => words.includes(word), isTyping });
const textOf = (query: string, circumstances?: Circumstances) => read(query, circumstances).query.text;

describe("a misspelt word is read as the word a slip away that some code says", () => {
  for (const [typed, expected] of [
    ["HttpClinet", "HttpClient"],
    ["how is the respnse cached", "how is the response cached"],
    ["repsonse cache", "response cache"],
    ["wait after authentification", "wait after authentication"],
    ["erquest cache", "request cache"],
    ["flush_qeueu", "flush_queue"],
    ["retryWithBckoff", "retryWithBackoff"],
    ["flushQuuee of the client", "flush_queue of the client"],
    // A class keeps its capital, and a constant its capitals, when one part of it is mended.
    ["RespnseReader of the client", "ResponseReader of the client"],
    ["MAX_RESPNSE of the client", "MAX_RESPONSE of the client"],
    // The letter that is wrong may stand before the ending.
    ["responce cache", "response cache"],
  ] as const)
    test(`${typed} → ${expected}`, () => assert.equal(textOf(typed), expected));

  test("also a short one in which a letter is doubled or should be", () => {
    const among = new MemoryStore([{ path: "git.ts", text: "commit the issues that were assigned" }, { path: "list.ts", text: "commit of a list of logs" }]);
    assert.equal(textOf("list of comit", { among }), "list of commit");
    assert.equal(textOf("assigned isues", { among }), "assigned issues");
    assert.equal(textOf("list of lotgs", { among }), "list of lotgs");
  });

  test("and is a name, whatever it looks like, where that is one", () => {
    const among = new MemoryStore([{ path: "text.lisp", lang: "lisp", symbols: ["string-reverse"], text: "(defun string-reverse (s)\n  (concatenate 'string (reverse s)))" }]);
    const { query } = read("string-reverese", { among });
    assert.deepEqual([query.text, query.kind], ["string-reverse", "symbol"]);
  });
});

describe("an unfinished word is read as one that goes on from it", () => {
  for (const [typed, expected] of [
    ["HttpCli", "HttpClient"],
    ["retryWithB", "retryWithBackoff"],
    ["flush_que of the client", "flush_queue of the client"],
    ["failure of authentic", "failure of authentication"],
    ["failure of HttpAuthentic", "failure of HttpAuthentication"],
    // It may be the beginning of a name.
    ["httpcli", "HttpClient"],
    ["HttpServ", "HttpServ"],
    ["auth", "auth"],
    ["authentic failure", "authentic failure"],
  ] as const)
    test(`${typed} → ${expected}`, () => assert.equal(textOf(typed, { isTyping: true }), expected));

  test("names wherever the query comes from, plain words only while somebody types", () => {
    assert.equal(textOf("HttpCli"), "HttpClient");
    assert.equal(textOf("failure of authentic"), "failure of authentic");
  });

  test("of several the one that most code says", () => {
    const several = new MemoryStore([{ path: "a.ts", text: "requestBody requestor" }, { path: "b.ts", text: "requestBody" }, { path: "c.ts", text: "requestBodies" }]);
    assert.equal(textOf("requestBo", { among: several }), "requestBody");
  });

  test("a word that many people write is one, a name made of such words may be unfinished", () => {
    assert.equal(textOf("failure of authentic", { isTyping: true, words: ["authentic"] }), "failure of authentic");
    assert.equal(textOf("retryWith", { words: ["retry", "with"] }), "retryWithBackoff");
  });
});

test("everything that is derived from the text follows it; filters and quoted text stay", () => {
  for (const query of ["HttpClinet lang:ts -path:test", "HttpClinet symbol:fetch in:tests", 'HttpClinet "HttpClinet"', '"lang:ts" HttpClinet', "lang: markdown HttpClinet"]) {
    const { query: found, respellings } = read(query);
    assert.deepEqual(respellings, query.includes('"HttpClinet"') ? [] : [{ typed: "HttpClinet", read: "HttpClient" }], query);
    if (respellings.length > 0) assert.deepEqual(found, parseQuery(query.replace("HttpClinet", "HttpClient")), query);
  }
});

describe("a query stays as it was typed", () => {
  for (const [why, query, words] of [
    ["when some code says the word", "nested queue"],
    ["when the word is known to be one", "failure of the clients responce", ["responce"]],
    ["when another form of the word is known", "failure of the clients responce", ["responced"]],
    ["when no word is near", "kubernetes client"],
    ["when the word is short", "htp fetch"],
    ["when it is quoted", '"respnse" cache'],
    ["when it is a filter", "cache symbol:htpClinet"],
    ["when it is all there is beside a filter's name", "symbol:httpclinet"],
    ["when it is a message", "TypeError: clinet is not a function"],
    ["when it is code", "const clinet = new HttpClinet({ a: 1 }); clinet.fetch();"],
    ["when most of its words are strange", "dei respnse warten fehlre"],
    ["when four words are strange", "the clinet and the respnse and the reqeust and the faliure of each client, response, request and failure in the queue"],
    ["when one name has four strange parts", "clinet_respnse_reqeust_faliure"],
    ["when it is data", `respnse${"x".repeat(60)} cache`],
    ["when it holds no letters of this alphabet", "клиент ответ"],
    ["when its lower case has another length", "İHttpClinet"],
  ] as const)
    test(why, () => {
      const { query: found, respellings } = read(query, { words: words ?? [] });
      assert.deepEqual(respellings, []);
      assert.deepEqual(found, parseQuery(query));
    });
});

describe("a right word that is absent is not bent into another", () => {
  const others = new MemoryStore([{ path: "a.ts", text: "next end res server tool just kaka split isTimed TLSConfig sh_addr reading" }]);
  for (const word of ["nested", "lends", "reuse", "semver", "toml", "jest", "kafka", "split2", "sprite", "istime", "shadder"])
    test(word, () => assert.deepEqual(read(`${word} server`, { among: others }).respellings, []));
  test("but a long plain word may be a name", () => assert.deepEqual(read("tlsconfg server", { among: others }).respellings, [{ typed: "tlsconfg", read: "TLSConfig" }]));
});

test("of equally near words the one that more code says is read", () => {
  const two = new MemoryStore([{ path: "a.ts", text: "batched" }, { path: "b.ts", text: "matcher" }, { path: "c.ts", text: "matcher catcher here" }, { path: "d.ts", text: "catcher" }, { path: "e.ts", text: "catcher" }]);
  assert.deepEqual(read("mattcher here", { among: two }).respellings, [{ typed: "mattcher", read: "matcher" }]);
  const tie = new MemoryStore([{ path: "a.ts", text: "containxr" }, { path: "b.ts", text: "container" }, { path: "c.ts", text: "container here" }]);
  assert.deepEqual(read("containzr here", { among: tie }).respellings, [{ typed: "containzr", read: "container" }]);
});

test("of the ways to write a name the one nearest to what was typed is read", () => {
  const ways = new MemoryStore([{ path: "a.ts", text: "flush_queue flushQueue FlushQueue" }]);
  for (const [typed, expected] of [["flushQeueu", "flushQueue"], ["flush_qeueu", "flush_queue"], ["FlushQeueu", "FlushQueue"]] as const) assert.equal(textOf(typed, { among: ways }), expected);
});

test("in a large index a plain word is not read as one that hardly any place has; a name is", () => {
  const many = Array.from({ length: 2_000 }, (_, i) => ({ path: `${i}.ts`, text: `chunk number${i} client` }));
  const large = new MemoryStore([...many, { path: "x.ts", text: "function connction() {}" }, { path: "y.ts", symbols: ["openConnction"], text: "function openConnction() {}" }]);
  assert.deepEqual(read("connctoin client", { among: large }).respellings, []);
  assert.deepEqual(read("openConnctoin client", { among: large }).respellings, [{ typed: "openConnctoin", read: "openConnction" }]);
});

test("slips that words of a length are allowed", () => {
  for (const [typed, meant, count] of [
    ["cache", "cache", 0],
    ["cahce", "cache", 1],
    ["chae", "cache", undefined],
    ["acche", "cache", undefined],
    ["erquest", "request", 1],
    ["reqest", "request", 1],
    ["requuest", "request", 1],
    ["kafk", "kafka", undefined],
    ["csrfs", "csrf", undefined],
    ["semver", "server", undefined],
    ["responce", "response", 1],
    ["retreive", "receive", undefined],
    ["authentification", "authentication", 2],
    ["conecttion", "connection", 2],
    ["abcdefghij", "abcdefgxyz", undefined],
    ["abcdefghijklm", "abcdefghij", undefined],
  ] as const)
    assert.equal(slips(typed, meant), count, `${typed} for ${meant}`);
});

test("distances count a swap as one", () => {
  for (const [a, b, distance] of [["", "", 0], ["abc", "abc", 0], ["abc", "acb", 1], ["abc", "abcd", 1], ["abc", "bc", 1], ["kitten", "sitting", 3], ["ca", "abc", 3]] as const) assert.equal(editDistance(a, b), distance, `${a} ${b}`);
});
