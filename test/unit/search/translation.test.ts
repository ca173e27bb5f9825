import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { translated } from "../../../src/search/translation.ts";

/** Words that everybody knows and no glossary has to. */
const known = new Set(["pancake", "lru", "quantile", "sketch", "wide"]);
const read = (query: string) => {
  const found = translated(query, (word) => known.has(word));
  return found && [found.language, found.english];
};

describe("a question in another language is read in English", () => {
  for (const [query, language, english] of [
    ["Wo werden abgelaufene Sitzungen gelöscht?", "German", "where expire session delete?"],
    ["Warteschlange", "German", "queue"],
    ["où sont supprimées les sessions expirées ?", "French", "where delete session expire?"],
    ["comment l'utilisateur change son mot de passe", "French", "how user change password"],
    ["où les fichiers sont-ils supprimés", "French", "where file delete"],
    ["Wo werden Dateien gelöscht, die leer sind?", "German", "where file delete, empty?"],
    ["¿dónde se eliminan las sesiones caducadas?", "Spanish", "where delete session expire?"],
    ["donde se cierra la conexion", "Spanish", "where close connection"],
    ["onde as sessões expiradas são removidas", "Portuguese", "where session expire remove"],
    ["где удаляются просроченные сессии", "Russian", "where delete expire session"],
    ["在哪里删除过期的会话", "Chinese", "where delete expire session"],
    ["期限切れのセッションを削除する", "Japanese", "expire session delete"],
    ["만료된 세션을 삭제하는 코드", "Korean", "expire session delete"],
  ] as const)
    test(query, () => assert.deepEqual(read(query), [language, english]));

  test("with its names, filters and quoted text as they are", () => {
    assert.deepEqual(read('Wo wird res.send mit maxSize und `die Datei` aufgerufen lang:go path:"der Ordner" "nicht gefunden"'), ["German", 'where res.send maxSize `die Datei` call lang:go path:"der Ordner" "nicht gefunden"']);
    assert.deepEqual(read("解析JSON字符串 lang:python"), ["Chinese", "parse JSON string lang:python"]);
    assert.deepEqual(read("Handler를 등록하는 방법"), ["Korean", "Handler register how"]);
    assert.deepEqual(read("find the 订单 handler"), ["Chinese", "find the order handler"]);
  });

  test("but not where all that it says is English as well", () => assert.equal(read("der Parser und sein Cache"), undefined));

  test("and an English word is none that merely looks like it", () => assert.deepEqual(read("Handler für Verbindungen"), ["German", "Handler connection"], "no Händler"));

  test("however its letters are put together", () => assert.deepEqual(read("Wo werden abgelaufene Sitzungen gelöscht?".normalize("NFD")), read("Wo werden abgelaufene Sitzungen gelöscht?")));

  test("and tells which words it has translated", () => {
    assert.deepEqual(translated("die Rechnung berechnen", () => false)?.words, ["Rechnung", "berechnen"]);
    assert.deepEqual(translated("删除的文件", () => false)?.words, ["删除", "文件"]);
  });
});

describe("a question stays as it is", () => {
  for (const [what, query] of [
    ["in English", "where are expired sessions removed from the cache"],
    ["in English, of words that other languages have too", "when does the process die"],
    ["in English about comments", "comment parser"],
    ["in English of rare words", "wide quantile sketch"],
    ["that is a name", "SessionStore.removeExpired"],
    ["that is a filter", "path:src/datei lang:go"],
    ["that is quoted", '"Datei nicht gefunden"'],
    ["of function words alone", "die der das"],
    ["of which only the question word is known", "蜜蜂如何酿造蜂蜜"],
    ["of signs", "=> !"],
    ["of nothing", ""],
    ["in a language that is not known", "missä vanhentuneet istunnot poistetaan"],
    ["that is a pasted text", "Wo werden Dateien gelöscht? ".repeat(30)],
  ] as const)
    test(what, () => assert.equal(read(query), undefined));

  test("of a word that is much too long for one", () => assert.equal(read("Verbindung".repeat(40)), undefined));
});
