import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { stemmer as french } from "@orama/stemmers/french";
import { packageRoot } from "../../../src/base/assets.ts";
import { entriesOf, germanGrammar, glossariesFor, type Glossary, spacedGlossary, unspacedGlossary } from "../../../src/search/glossary.ts";
import { stem } from "../../../src/search/terms.ts";

const inGerman = spacedGlossary("German", entriesOf("löschen, gelöscht = delete\ndatei = file\nverbindung = connection\nfehler = error\nliste = list\nschlüssel = key\nder, die, das =\nnicht mehr = no longer\n"), germanGrammar);
const inFrench = spacedGlossary("French", entriesOf("mot de passe = password\nmot = word\noù = where\nou = or\nde, d, l, le =\nutilisateur = user\nmessage d'erreur = error message\nmot-clé = keyword\nchaîne = string, chain\n"), { stem: french });
const inChinese = unspacedGlossary("Chinese", entriesOf("文件 = file\n文件夹 = folder\n删除 = delete\n点 = point\n的 =\n"));

const read = (glossary: Glossary, text: string) => glossary.piecesOf(text).map(({ from, to, english }) => [text.slice(from, to), english.join("/")]);

describe("words of a language with spaces are known", () => {
  for (const [what, glossary, text, expected] of [
    ["whatever their endings and case", inGerman, "Löscht, löschte, gelöschte Dateien", [["Löscht", "delete"], ["löschte", "delete"], ["gelöschte", "delete"], ["Dateien", "file"]]],
    ["with the umlauts of another keyboard", inGerman, "loeschen", [["loeschen", "delete"]]],
    ["as parts of a compound, with what joins them", inGerman, "Verbindungsfehler, Dateiliste", [["Verbindungsfehler", "connection error"], ["Dateiliste", "file list"]]],
    ["of three parts too", inGerman, "Dateilistenfehler", [["Dateilistenfehler", "file list error"]]],
    ["but a word that only begins as one is none", inGerman, "Dateixyz", []],
    ["as phrases, the longest first", inFrench, "le mot de passe d'un mot", [["le", ""], ["mot de passe", "password"], ["d", ""], ["mot", "word"]]],
    ["also with an apostrophe or a hyphen in them", inFrench, "messages d’erreur, mots clés, mot-cle", [["messages d’erreur", "error message"], ["mots clés", "keyword"], ["mot-cle", "keyword"]]],
    ["but no phrase reaches over a comma", inFrench, "mot, de passe", [["mot", "word"], ["de", ""]]],
    ["by their accents where these are typed", inFrench, "où ou", [["où", "where"], ["ou", "or"]]],
    ["and without where no other word is meant", inFrench, "chaine", [["chaine", "string/chain"]]],
    ["behind an apostrophe", inFrench, "l’utilisateur", [["l", ""], ["utilisateur", "user"]]],
    ["and no name of code is one", inGerman, "dateiListe datei_liste Datei2", []],
  ] as const)
    test(what, () => assert.deepEqual(read(glossary, text), expected));
});

test("words of a script without spaces are the longest that fit", () => {
  assert.deepEqual(read(inChinese, "删除JSON文件夹的文件"), [["删除", "delete"], ["文件夹", "folder"], ["的", ""], ["文件", "file"]]);
  assert.deepEqual(read(inChinese, "删文件"), [["文件", "file"]]);
  assert.deepEqual(read(inChinese, "点的文件, 文件点"), [["点", "point"], ["的", ""], ["文件", "file"], ["文件", "file"], ["点", "point"]]);
  assert.deepEqual(read(inChinese, "滑点文件"), [["文件", "file"]], "a single sign is a part of the word beside it");
});

test("what means one thing may have a space in Korean, and a single sign is a word beside it", () => {
  const inKorean = unspacedGlossary("Korean", entriesOf("상태 = state\n상태 코드 = status code\n빈 = empty\n칸 = cell\n"));
  assert.deepEqual(read(inKorean, "상태 코드를 상태"), [["상태 코드", "status code"], ["상태", "state"]]);
  assert.deepEqual(read(inKorean, "빈 칸"), [["빈", "empty"], ["칸", "cell"]]);
});

test("only those of a language that a text may be in are asked", () => {
  const languagesOf = (text: string) => glossariesFor(text).map(({ language }) => language);
  assert.deepEqual(languagesOf("設定"), ["Japanese", "Chinese"]);
  assert.deepEqual(languagesOf("설정"), ["Korean"]);
  assert.deepEqual(languagesOf("123"), []);
  assert.ok(languagesOf("a").includes("German") && !languagesOf("a").includes("Russian"));
});

test("a file of words has remarks, and lines that are none are left out", () => {
  assert.deepEqual(entriesOf("# löschen = delete\n\n das, der =\nkein Eintrag\nwort=word , term\n"), [{ words: ["das", "der"], english: [] }, { words: ["wort"], english: ["word", "term"] }]);
});

describe("the glossary of", () => {
  const folder = path.join(packageRoot, "media", "glossary");
  const files = readdirSync(folder);
  test("each language is read", () => assert.equal(glossariesFor("a я 漢 か 한").length, files.length));
  test("what the lists in Latin letters say in English stands in a file of its own (UPDATE_GOLDENS=1 writes it)", () => {
    const latin = ["de", "es", "fr", "it", "pt", "tr"];
    assert.equal(glossariesFor("a").length, latin.length);
    const words = latin.flatMap((id) => entriesOf(readFileSync(path.join(folder, `${id}.txt`), "utf8")).flatMap(({ english }) => english.flatMap((one) => one.split(" "))));
    const stems = [...new Set(words.map(stem))].sort().join("\n");
    const file = path.join(packageRoot, "media", "englishStems.txt");
    if (process.env["UPDATE_GOLDENS"] === "1") writeFileSync(file, stems);
    assert.equal(readFileSync(file, "utf8"), stems);
  });
  test("each language lists every word of its file", () => {
    const glossaries = glossariesFor("a я 漢 か 한");
    for (const [i, id] of ["de", "es", "fr", "it", "ja", "ko", "pt", "ru", "tr", "uk", "zh"].entries()) {
      const words = entriesOf(readFileSync(path.join(folder, `${id}.txt`), "utf8")).flatMap(({ words }) => words.map((one) => one.normalize("NFC").toLowerCase()));
      const spaced = ["ja", "ko", "zh"].includes(id) ? words : words.map((one) => one.match(/[\p{L}\p{M}\p{N}_$]+/gu)!.join(" "));
      assert.deepEqual(spaced.filter((one) => !glossaries[i]!.lists(one)), [], id);
      assert.ok(!glossaries[i]!.lists("xqzvw"));
    }
  });
  for (const file of files) {
    test(`${path.parse(file).name} says of each word once what it is called in English`, () => {
      const text = readFileSync(path.join(folder, file), "utf8");
      const entries = entriesOf(text);
      assert.equal(entries.length, text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length, "every line is an entry or a remark");
      const words = entries.flatMap(({ words }) => words);
      assert.deepEqual(words.filter((word, i) => words.indexOf(word) !== i), []);
      assert.ok(words.length > 1_000, String(words.length));
      for (const english of entries.flatMap(({ english }) => english)) assert.match(english, /^[a-z0-9]+(?:[ -][a-z0-9]+)*$/);
      const said = new Set(entries.flatMap(({ english }) => english));
      for (const word of ["where", "how", "not", "delete", "file", "error", "connection", "user", "function", "password"]) assert.ok(said.has(word), word);
    });
  }
});
