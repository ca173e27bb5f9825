import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stemmer as french } from "@orama/stemmers/french";
import { entriesOf, germanGrammar, glossaries, type Glossary, spacedGlossary, unspacedGlossary } from "../../../src/search/glossary.ts";

const inGerman = spacedGlossary("German", entriesOf("löschen, gelöscht = delete\ndatei = file\nverbindung = connection\nfehler = error\nliste = list\nschlüssel = key\nder, die, das =\nnicht mehr = no longer\n"), germanGrammar);
const inFrench = spacedGlossary("French", entriesOf("mot de passe = password\nmot = word\noù = where\nou = or\nde, d, l, le =\nutilisateur = user\nchaîne = string, chain\n"), { stem: french });
const inChinese = unspacedGlossary("Chinese", entriesOf("文件 = file\n文件夹 = folder\n删除 = delete\n的 =\n"));

const read = (glossary: Glossary, text: string) => glossary.piecesOf(text).map(({ from, to, english }) => [text.slice(from, to), english.join("/")]);

describe("words of a language with spaces are known", () => {
  for (const [what, glossary, text, expected] of [
    ["whatever their endings and case", inGerman, "Löscht, löschte, gelöschte Dateien", [["Löscht", "delete"], ["löschte", "delete"], ["gelöschte", "delete"], ["Dateien", "file"]]],
    ["with the umlauts of another keyboard", inGerman, "loeschen", [["loeschen", "delete"]]],
    ["as parts of a compound, with what joins them", inGerman, "Verbindungsfehler, Dateiliste", [["Verbindungsfehler", "connection error"], ["Dateiliste", "file list"]]],
    ["of three parts too", inGerman, "Dateilistenfehler", [["Dateilistenfehler", "file list error"]]],
    ["but a word that only begins as one is none", inGerman, "Dateixyz", []],
    ["as phrases, the longest first", inFrench, "le mot de passe d'un mot", [["le", ""], ["mot de passe", "password"], ["d", ""], ["mot", "word"]]],
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
});

test("a file of words has remarks, and lines that are none are left out", () => {
  assert.deepEqual(entriesOf("# löschen = delete\n\n das, der =\nkein Eintrag\nwort=word , term\n"), [{ words: ["das", "der"], english: [] }, { words: ["wort"], english: ["word", "term"] }]);
});

describe("the glossary of", () => {
  for (const glossary of glossaries()) {
    test(`${glossary.language} knows what developers ask for`, () => {
      const missing = ["delete", "file", "error", "connection", "user", "test", "where", "how", "request", "cache"].filter((word) => !glossary.english.has(word));
      assert.deepEqual(missing.filter((word) => !["test", "cache", "request"].includes(word)), []);
      assert.ok(glossary.english.size > 800, String(glossary.english.size));
      for (const word of glossary.english) assert.match(word, /^[a-z0-9-]+$/);
    });
  }
});
